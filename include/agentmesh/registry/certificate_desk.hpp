// What a registry needs of certificates, without the library that makes them: registry/x509_desk.hpp is the model, and
// needs libcrypto. A registry without a desk issues none and believes none.
#pragma once

#include <agentmesh/identity/certificate.hpp>
#include <agentmesh/registry/model.hpp>

namespace agentmesh::registry {

/// A chain that somebody showed, and what it proves.
struct shown_chain {
    identity::proved_standing proved;
    std::string pem{};  ///< written anew: the certificates and nothing between them
};

/// Issues for this registry, and checks what others issued. Certificates are PEM, leaf first. Used from one thread.
class certificate_desk {
public:
    certificate_desk() = default;
    certificate_desk(const certificate_desk&) = delete;
    certificate_desk& operator=(const certificate_desk&) = delete;
    virtual ~certificate_desk() = default;

    /// Whether it has a root to issue under.
    [[nodiscard]] virtual bool issues() const noexcept = 0;
    /// For the key of the administrator, who can then issue to agents without this registry.
    [[nodiscard]] virtual result<std::string> certify_organization(const organization_row& of, time_point now) = 0;
    /// For an agent for which a verified organization vouches: agent, organization.
    [[nodiscard]] virtual result<std::string> certify_member(const organization_row& of, const signing_public_key& who,
                                                             time_point now) = 0;
    /// For an agent that has shown a login.
    [[nodiscard]] virtual result<std::string> certify_agent(const signing_public_key& who, time_point now) = 0;

    /// What a chain proves of an agent, by the roots that the operator trusts.
    /// @errors those of identity::check_chain and identity::parse_pem
    [[nodiscard]] virtual result<shown_chain> check(std::string_view pem, const amid& who, time_point now) = 0;
};

}  // namespace agentmesh::registry
