// Who stands behind an agent, as certificates say it: root -> organization -> agent -> session.
//
// Certificates are X.509 with Ed25519 keys; identity/x509.hpp issues and checks them. Here is what they say once
// checked, what makes one good, and the deployed base64 forms, which are signed by nobody and prove nothing.
#pragma once

#include <agentmesh/core/time.hpp>
#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/identity/tier.hpp>

#include <optional>
#include <vector>

namespace agentmesh::identity {

/// The place of a certificate in its chain, which follows from its contents alone.
///
/// | role | key of | names | may issue |
/// |---|---|---|---|
/// | root | whoever an owner trusts | a common name | organization, agent |
/// | organization | an organization | its name (O) and its domain (dNSName) | agent |
/// | agent | an agent, its signing key | `did:agentmesh:<AMID>` (URI) | session |
/// | session | one run of that agent | `did:agentmesh:<AMID>#session` (URI) | nothing |
///
/// @spec AM-CRT-001
enum class certificate_role : std::uint8_t { root, organization, agent, session };

[[nodiscard]] constexpr std::string_view to_text(certificate_role role) noexcept {
    constexpr std::string_view names[] = {"root", "organization", "agent", "session"};
    return names[static_cast<std::size_t>(role)];
}

/// SHA-256 of the DER form: what revocations name.
using certificate_fingerprint = fixed_bytes<32, struct certificate_fingerprint_tag>;

/// What one certificate says, whether or not anybody believes it.
struct certificate_facts {
    certificate_role role = certificate_role::root;
    signing_public_key key;
    std::optional<amid> who{};   ///< of an agent or a session
    std::string organization{};  ///< the name of a root or an organization
    std::string domain{};        ///< of an organization
    std::string serial{};        ///< hexadecimal
    time_point not_before{};
    time_point not_after{};  ///< still good at this second
    certificate_fingerprint fingerprint;
};

/// What a checked chain proves.
struct proved_standing {
    tier trust = tier::anonymous;  ///< verified, or organization where one vouches
    amid who;
    std::string organization{};  ///< empty unless an organization vouches
    std::string domain{};
    signing_public_key key;  ///< the leaf's: the agent's own, or that of its session
    bool session = false;
    time_point not_before{};  ///< the time in which the whole chain is good
    time_point not_after{};
};

/// Says whether a certificate has been withdrawn. No answer is an error, and an error is never taken for "no".
template <class R>
concept RevocationSource = requires(R& source, const certificate_fingerprint& of) {
    { source.is_revoked(of) } -> std::same_as<result<bool>>;
};

/// What one of the deployed certificates claims. Nobody signed it: whoever shows it is as anonymous as before.
struct deployed_claim {
    std::string type{};  ///< `agent`, `verification_certificate`, `org_root_certificate`, `agent_certificate`
    std::optional<amid> who{};
    std::string issuer{};
    std::string claimed_tier{};  ///< to be shown, never to be believed
    std::string organization{};  ///< name, domain or id, as far as it says
    std::optional<time_point> issued{};
    std::optional<time_point> expires{};

    static constexpr tier trust = tier::anonymous;
};

/// Reads the four deployed forms: base64 of JSON, bare or between the lines of a PEM-like wrapper.
/// @spec   AM-CRT-012
/// @errors bad_certificate if it is none of them, too_large over 16 KiB
[[nodiscard]] result<deployed_claim> read_deployed_certificate(std::string_view text);

}  // namespace agentmesh::identity

#include <agentmesh/identity/certificate.ipp>
