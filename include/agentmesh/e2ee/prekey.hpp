// Prekeys of suite `am1`: what an agent publishes so that others can agree on keys with it while it is away.
//
// Nothing in a bundle is believed because a registry handed it out: card, signed prekey and one-time prekey are each
// covered by the owner's signing key, whose hash is the AMID that the client asked for.
#pragma once

#include <agentmesh/e2ee/card.hpp>
#include <agentmesh/e2ee/merkle.hpp>

namespace agentmesh::e2ee {

inline constexpr std::int64_t prekey_validity_max = 30 * 24 * 3600;   ///< seconds
inline constexpr std::uint32_t no_prekey = 0xffff'ffff;                ///< never the id of a one-time prekey
inline constexpr std::size_t bundle_max_text = 8 * 1024;               ///< ours: the longest is below 2 KiB

/// A prekey that serves many sessions, for a limited time. Times are Unix seconds; both edges are valid.
struct signed_prekey {
    std::uint32_t id = 0;
    exchange_public_key key;
    std::int64_t not_before = 0;
    std::int64_t not_after = 0;
    signature proof;  ///< over AMID ‖ u32 id ‖ key ‖ u64 not_before ‖ u64 not_after, in context `signed_prekey`

    /// @spec  AM-KEX-010
    /// @param not_before, not_after  at most 30 days apart, not negative
    [[nodiscard]] static signed_prekey make(const local_identity& owner, std::uint32_t id,
                                            const exchange_public_key& key, std::int64_t not_before,
                                            std::int64_t not_after);

    friend bool operator==(const signed_prekey&, const signed_prekey&) = default;
};

/// A prekey that serves one session, with its place in a signed batch.
struct one_time_prekey {
    std::uint32_t id = 0;
    exchange_public_key key;
    std::uint32_t first_id = 0;                ///< of the batch
    std::uint32_t count = 0;                   ///< of the batch, 1 to 1024
    std::vector<crypto::sha256_digest> path{}; ///< see merkle.hpp
    signature proof;  ///< over AMID ‖ u32 first_id ‖ u32 count ‖ root, in context `one_time_prekeys`

    friend bool operator==(const one_time_prekey&, const one_time_prekey&) = default;
};

/// One-time prekeys with consecutive ids under one signature. Public.
class prekey_batch {
public:
    /// @spec  AM-KEX-014
    /// @param keys  1 to 1024; the last id stays below `no_prekey`
    [[nodiscard]] static prekey_batch make(const local_identity& owner, std::uint32_t first_id,
                                           std::vector<exchange_public_key> keys);
    /// A batch whose signature was made before.
    prekey_batch(std::uint32_t first_id, std::vector<exchange_public_key> keys, const signature& proof);

    [[nodiscard]] std::uint32_t first_id() const noexcept { return first_id_; }
    [[nodiscard]] const std::vector<exchange_public_key>& keys() const noexcept { return keys_; }
    [[nodiscard]] const signature& proof() const noexcept { return proof_; }
    [[nodiscard]] const crypto::sha256_digest& root() const noexcept { return tree_.root(); }
    [[nodiscard]] bool contains(std::uint32_t id) const noexcept {
        return id >= first_id_ && id - first_id_ < keys_.size();
    }
    /// @param id  contained
    [[nodiscard]] one_time_prekey prekey(std::uint32_t id) const;

private:
    std::uint32_t first_id_;
    std::vector<exchange_public_key> keys_;
    merkle_tree tree_;
    signature proof_;
};

/// What a client gets when it asks for an agent.
struct prekey_bundle {
    identity_card card;
    signed_prekey signed_key;
    std::optional<one_time_prekey> one_time{};

    friend bool operator==(const prekey_bundle&, const prekey_bundle&) = default;
};

/// Whether a signed prekey is the card's owner's and valid at `now`.
/// @spec   AM-KEX-011, AM-KEX-012, AM-KEX-013
/// @errors bad_bundle; stale_prekey before and after its time
[[nodiscard]] result<void> check_signed_prekey(const signed_prekey& key, const identity_card& owner, time_point now);

/// Whether a one-time prekey belongs to a batch of the card's owner.
/// @spec   AM-KEX-015, AM-KEX-016, AM-KEX-017
/// @errors bad_bundle
[[nodiscard]] result<void> check_one_time_prekey(const one_time_prekey& key, const identity_card& owner);

/// Whether all of a bundle holds: it names the agent that was asked for, every signature verifies, ids and times fit.
/// One without a one-time prekey does. Whether the card is older than one seen before is for `known_epochs` to say.
/// @spec   AM-KEX-020, AM-KEX-021
/// @errors bad_bundle with the clause that tells why, stale_prekey
[[nodiscard]] result<void> check_bundle(const prekey_bundle& bundle, const amid& expected, time_point now);

/// A bundle as one line of JSON, binary members in URL-safe base64 without padding.
[[nodiscard]] std::string write_bundle(const prekey_bundle& bundle);

/// Reads that text. Says nothing about whether the bundle holds: see `check_bundle` and `read_bundle`.
/// @spec   AM-KEX-022
/// @errors the JSON reader's; missing_member, wrong_member, bad_base64, bad_length
[[nodiscard]] result<prekey_bundle> parse_bundle(std::string_view text);

/// Reads and checks.
/// @errors as parse_bundle and check_bundle
[[nodiscard]] inline result<prekey_bundle> read_bundle(std::string_view text, const amid& expected, time_point now) {
    AGENTMESH_TRY(bundle, parse_bundle(text));
    AGENTMESH_CHECK(check_bundle(bundle, expected, now));
    return bundle;
}

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/prekey.ipp>
