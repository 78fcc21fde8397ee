// The description of this interface. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::openapi(const call& in) -> answer {
    return absent(in);
}

}  // namespace agentmesh::registry
