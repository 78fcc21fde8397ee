// Logins at OpenID providers. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::login_providers(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::begin_login(const call& in) -> answer {
    return absent(in);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::end_login(const call& in) -> answer {
    return absent(in);
}

}  // namespace agentmesh::registry
