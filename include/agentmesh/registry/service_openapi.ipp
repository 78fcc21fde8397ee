// The description of this interface. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/openapi_document.ipp>
#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

/// @spec AM-REG-080
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::openapi(const call&) -> answer {
    return http::response::json(200, std::string{openapi_document});
}

}  // namespace agentmesh::registry
