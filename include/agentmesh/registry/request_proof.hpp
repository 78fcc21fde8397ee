// Who sends a request to a registry: an HTTP Message Signature (RFC 9421) with Ed25519 over method, host, path, query
// and the digest of the body (RFC 9530), with a time and a nonce.
//
//     AGENTMESH_CHECK(registry::prove(request, me.signing(), now, random));           // the agent
//     AGENTMESH_TRY(proof, registry::read_proof(request, "registry.example", now));   // the registry
//     AGENTMESH_CHECK(proof.verify(key_of(proof.who)));                               // then: nonce seen before?
//
// Two fields and one digest in exactly one spelling: a general signature of RFC 9421 may cover anything, and what a
// verifier forgets to demand is what an attacker leaves out. docs/decisions/0010 says what was chosen and what was not.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/http/message.hpp>
#include <agentmesh/identity/agent_id.hpp>

namespace agentmesh::registry {

/// Names one request of one agent. Remembered until its time has left the window.
using request_nonce = fixed_bytes<16, struct request_nonce_tag>;

/// Keeps signatures of other uses of the same key apart.
inline constexpr std::string_view proof_tag = "agentmesh-registry-1";

/// What a request claims, in form and in time. Nothing of it is proved before `verify`.
struct request_proof {
    amid who;
    time_point created;
    request_nonce nonce;
    std::string signed_text;  ///< the signature base
    signature proof;

    /// Until when the nonce must be remembered: one second after the last at which the proof would be taken.
    [[nodiscard]] time_point forget_at() const noexcept;

    /// @param  key  of the agent; for a registration the one in its body
    /// @spec   AM-RQP-004
    /// @errors amid_mismatch if the key is not that agent's, bad_signature
    [[nodiscard]] result<void> verify(const signing_public_key& key) const;
};

/// Adds `Content-Digest`, `Signature-Input` and `Signature`. `Host` must be there.
/// @spec   AM-RQP-001, AM-RQP-002
/// @errors http_malformed without exactly one Host, or with one of the three fields already there; those of the random
///         source
[[nodiscard]] result<void> prove(http::request& request, const signing_key_pair& key, time_point now,
                                 RandomSource auto& random);

/// Whether a request carries a proof at all, good or bad.
[[nodiscard]] bool has_proof(const http::request& request) noexcept;

/// Reads the proof of a request, and checks its form, the digest of the body, the host and the time.
/// @param  host  what this registry is called; the Host of the request must be that, without regard to case
/// @spec   AM-RQP-001, AM-RQP-002, AM-RQP-003
/// @errors http_malformed for the form, bad_signature for another body or host than was signed, stale_proof (over 300 s
///         old), future_proof (over 60 s ahead)
[[nodiscard]] result<request_proof> read_proof(const http::request& request, std::string_view host, time_point now);

}  // namespace agentmesh::registry

#include <agentmesh/registry/request_proof.ipp>
