// Profile wire10. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_register(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_agent(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_delete(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_put_prekeys(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_fetch_prekeys(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_presence(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_heartbeat(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_rate(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_verify(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_discover(const call& in) -> answer {
    return absent(in);
}

}  // namespace agentmesh::registry
