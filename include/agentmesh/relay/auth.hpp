// Who is there: proofs of CONNECT and of the answer to a challenge, and the memory that makes each good only once.
#pragma once

#include <agentmesh/core/time.hpp>
#include <agentmesh/core/fault.hpp>
#include <agentmesh/relay/options.hpp>
#include <agentmesh/wire/frame.hpp>
#include <agentmesh/wire/signing.hpp>

#include <deque>
#include <set>
#include <unordered_set>

namespace agentmesh::relay {

/// What a CONNECT says about its sender, once the proof has been verified.
struct login_claim {
    amid agent;
    signing_public_key key;
    signature proof;
    time_point stated;  ///< when the proof says that it was made
};

/// Whether a proof made at `stated` is neither too old nor too far ahead. Both edges are inside.
/// @spec   AM-AUT-007, AM-AUT-008, AM-AUT-009, AM-AUT-010
/// @errors stale_proof, future_proof
[[nodiscard]] result<void> check_window(const time_reading& stated, time_point now) noexcept;

/// Verifies all of a CONNECT that needs no memory: key, name, time, signature over the time as sent.
/// @spec   AM-AUT-002, AM-AUT-003, AM-AUT-004, AM-AUT-005, AM-AUT-006, AM-AUT-007, AM-AUT-008, AM-AUT-009, AM-AUT-010,
///         AM-AUT-013, AM-AUT-014, AM-AUT-015
/// @errors bad_key_prefix, bad_base64, bad_length, bad_amid, amid_mismatch, bad_time, stale_proof, future_proof,
///         bad_signature. A peer hears one answer for all of them: `proof_refused`
[[nodiscard]] result<login_claim> verify_connect(const wire::connect_frame& frame, const moment& now);

/// The one answer to whatever is wrong with a proof. @spec AM-AUT-022
inline constexpr error proof_refused{errc::bad_signature, "AM-AUT-022"};

/// Accepted proofs, kept until their time is out of the window, so that none is accepted twice.
///
/// A proof older than anything forgotten is refused as well. In ordinary times such a proof is stale anyway; after the
/// wall clock was set back it is not, and would otherwise be good again. The same mark stands for the time before the
/// relay's start, of which it has no memory.
class proof_memory {
public:
    /// @param not_before  proofs made earlier are refused. @spec AM-AUT-012
    proof_memory(std::size_t capacity, time_point not_before) noexcept
        : capacity_{capacity}, not_before_{not_before} {}

    /// Accepts a proof, once.
    /// @spec   AM-AUT-011, AM-AUT-012
    /// @errors replayed_proof, stale_proof; queue_full if there is no room to remember it, which refuses the login
    [[nodiscard]] result<void> accept(const signature& proof, time_point stated, const moment& now);

    /// Drops what can no longer be fresh.
    void forget(const moment& now);

    [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }

private:
    /// S, the half of the signature that its signer cannot choose.
    using key = fixed_bytes<32, struct proof_key_tag>;
    struct entry {
        key proof;
        time_point stated;
    };

    std::unordered_set<key, fixed_bytes_hash> known_;
    std::deque<entry> order_;  // as accepted: a proof leaves at the latest when those accepted before it may
    std::size_t capacity_;
    time_point not_before_;
};

/// AMIDs that have answered a challenge here and may not log in without one any more. @spec AM-AUT-048
class challenge_memory {
public:
    explicit challenge_memory(std::size_t capacity) noexcept : capacity_{capacity} {}

    [[nodiscard]] bool contains(const amid& name) const { return names_.contains(name); }
    /// Whether a promise to remember this name can be kept. A relay offers `challenge` to nobody else.
    [[nodiscard]] bool has_room_for(const amid& name) const { return names_.size() < capacity_ || contains(name); }
    void add(const amid& name) { names_.insert(name); }

private:
    std::set<amid> names_;  // ordered, because these names cost their inventor nothing
    std::size_t capacity_;
};

/// A connection between CONNECT and the answer to the challenge.
struct pending_challenge {
    login_claim claim;
    wire::challenge_nonce nonce;
    std::string client_features;  ///< joined with commas, as CONNECT had them
    std::string relay_features;   ///< joined with commas, as the challenge has them
    std::string raw_features;     ///< the latter as JSON
    bool receipts = false;
};

/// Verifies the answer to a challenge. @spec AM-AUT-044, AM-AUT-045, AM-AUT-046, AM-AUT-047
/// @errors bad_base64, bad_length, bad_time, stale_proof, future_proof, bad_signature; all are `proof_refused` outside
[[nodiscard]] result<void> verify_challenge_response(const pending_challenge& asked, std::string_view relay_name,
                                                     const wire::challenge_response_frame& frame, const moment& now);

}  // namespace agentmesh::relay

#include <agentmesh/relay/auth.ipp>
