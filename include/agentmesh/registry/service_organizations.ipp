// Organizations and who belongs to them. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::register_organization(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::verify_organization(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::add_member(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::find_organization(const call& in) -> answer {
    return absent(in);
}

}  // namespace agentmesh::registry
