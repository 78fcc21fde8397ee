// What relays say of who is there. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::take_presence(const call& in) -> answer {
    return absent(in);
}

}  // namespace agentmesh::registry
