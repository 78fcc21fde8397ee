// X.509 for agents: issuing certificates and checking chains, through OpenSSL. Needs libcrypto; no other header of
// identity/ does.
//
//     identity::trust_store roots;
//     AGENTMESH_CHECK(roots.add(root_der));
//     AGENTMESH_TRY(who, identity::check_chain(leaf_first, roots, bob_name, revocations, now));
//     if (who.trust == tier::organization) greet(who.organization);
#pragma once

#include <agentmesh/identity/certificate.hpp>

#include <openssl/x509.h>

#include <memory>

namespace agentmesh::identity {

/// What a chain may cost. @spec AM-CRT-002
struct certificate_limits {
    static constexpr std::size_t chain = 4;         ///< certificates, the root included where it is sent
    static constexpr std::size_t bytes = 8 * 1024;  ///< of one certificate
    static constexpr std::size_t pem_bytes = 64 * 1024;
    static constexpr std::chrono::hours session{7 * 24};
};

/// Reads one certificate and what it says, strictly: DER without a byte behind it, version 3, Ed25519 throughout, and
/// of one of the four roles in every extension. Its signature is not looked at, except a root's own.
/// @spec   AM-CRT-001, AM-CRT-002, AM-CRT-003
/// @errors too_large; bad_certificate; certificate_subject if the AMID is not the one of an agent's key; weak_key
[[nodiscard]] result<certificate_facts> read_certificate(byte_view der);

/// The certificates of a PEM text, in its order. What stands between them is passed over.
/// @errors too_large, bad_certificate if there is none or one cannot be decoded
[[nodiscard]] result<std::vector<buffer>> parse_pem(std::string_view text);
[[nodiscard]] std::string to_pem(byte_view der);

/// The roots that an owner trusts. Without any, nobody is more than anonymous.
class trust_store {
public:
    trust_store() = default;

    /// @errors those of read_certificate; certificate_authority if it is not a root; certificate_signature if it is not
    ///         signed by itself
    [[nodiscard]] result<void> add(byte_view root_der);
    [[nodiscard]] std::size_t size() const noexcept { return roots_.size(); }
    [[nodiscard]] std::span<const buffer> roots() const noexcept { return roots_; }

private:
    std::vector<buffer> roots_;
};

/// Checks a chain at a time: form and role of each, signatures, times, what each may issue, the trusted root, and that
/// nobody has withdrawn any of it. The AMID is derived anew from the agent's key.
///
/// Faults of form are found before those of trust, and revocation is asked last, once for each certificate that is not
/// a root.
/// @param  leaf_first  an agent's or a session's certificate, then its issuers; the root may be left out
/// @param  expected    the agent that the chain must be of
/// @spec   AM-CRT-002 to AM-CRT-011
/// @errors those of read_certificate, bad_certificate for a wrong order or a certificate that comes twice,
///         certificate_untrusted, certificate_not_yet_valid, certificate_expired, certificate_authority,
///         certificate_signature, certificate_subject, certificate_revoked, revocation_unknown
[[nodiscard]] result<proved_standing> check_chain(std::span<const buffer> leaf_first, const trust_store& trusted,
                                                  const amid& expected, RevocationSource auto& revocations,
                                                  time_point now);

// --- issuing ------------------------------------------------------------------------------------------------

/// From and until when, to the second.
struct validity {
    time_point not_before;
    time_point not_after;
};

/// One that issues: its certificate and its key.
struct certificate_issuer {
    byte_view certificate;
    const signing_key_pair& key;
};

/// @param  name  1 to 64 bytes of text, shown to people
/// @errors bad_certificate for a name or times that cannot stand in it; those of the random source
[[nodiscard]] result<buffer> issue_root(const signing_key_pair& key, std::string_view name, const validity& good,
                                        RandomSource auto& random);

/// @param  domain  lower-case ASCII letters, digits, `-` and `.`, at most 253
/// @errors as issue_root; certificate_authority unless the issuer is a root; certificate_subject if the key is not the
/// issuer's
[[nodiscard]] result<buffer> issue_organization(const certificate_issuer& root, const signing_public_key& key,
                                                std::string_view name, std::string_view domain, const validity& good,
                                                RandomSource auto& random);

/// @errors certificate_authority unless the issuer is a root or an organization; as above
[[nodiscard]] result<buffer> issue_agent(const certificate_issuer& issuer, const signing_public_key& agent,
                                         const validity& good, RandomSource auto& random);

/// @errors certificate_authority unless the issuer is an agent; bad_certificate over seven days; as above
[[nodiscard]] result<buffer> issue_session(const certificate_issuer& agent, const signing_public_key& key,
                                           const validity& good, RandomSource auto& random);

}  // namespace agentmesh::identity

#include <agentmesh/identity/x509.ipp>
#include <agentmesh/identity/x509_issue.ipp>
