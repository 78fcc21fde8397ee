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
result<void> service<Store, Random>::take_chain(agent_row& row, std::string_view pem, time_point now) {
    if (options_.certificates == nullptr) return fail(errc::certificate_untrusted, "AM-CRT-009");
    AGENTMESH_TRY(shown, options_.certificates->check(pem, row.who, now));
    row.trust = std::max(row.trust, shown.proved.trust);
    row.certificate = std::move(shown.pem);
    return {};
}

/// @spec AM-CRT-021, AM-CRT-022
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::show_certificate(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    AGENTMESH_TRY(pem, body.text("certificate"));
    AGENTMESH_TRY(shown, read_credential(in.request, body, who, options_.host, in.now.wall));
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        AGENTMESH_CHECK(take_chain(self, pem, in.now.wall));
        AGENTMESH_CHECK(tx.update_agent(self));
        AGENTMESH_CHECK(publish_score(tx, who, in.now.wall));
        std::string text;
        json::writer to{text};
        to.begin_object().member("success", true).member("tier", detail::word(self.trust)).end_object();
        return http::response::json(200, std::move(text));
    });
}

}  // namespace agentmesh::registry
