// Certificates that agents show. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

template <RegistryStore Store, RandomSource Random>
std::string service<Store, Random>::root_certificate(const organization_row& of, time_point now) {
    if (options_.certificates == nullptr || !options_.certificates->issues()) return {};
    return options_.certificates->certify_organization(of, now).value_or(std::string{});
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::show_certificate(const call& in) -> answer {
    return absent(in);
}

}  // namespace agentmesh::registry
