// The ratchet's key derivations, and a message sealed under its key in the layout of each suite.
#pragma once

#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/header.hpp>

namespace agentmesh::e2ee {

/// What a root step yields: the next root key and the first key of a new chain.
struct root_step {
    root_key root;
    chain_key chain;
};

/// What a chain step yields: the key of one message and the next key of the chain.
struct chain_step {
    message_key message;
    chain_key next;
};

/// HKDF(salt = root, ikm = dh, info of the suite): 32 bytes of root key, 32 of chain key.
/// @spec AM-RAT-001
template <RatchetSuite S>
[[nodiscard]] root_step kdf_rk(const root_key& root, const crypto::shared_secret& dh) noexcept;

/// HMAC(chain, 0x01) is the message key, HMAC(chain, 0x02) the next chain key; the same in every suite.
/// @spec AM-RAT-002
[[nodiscard]] chain_step kdf_ck(const chain_key& chain) noexcept;

/// The key of one message as its AEAD wants it: used once and wiped.
template <RatchetSuite S>
struct sealing_key {
    typename S::aead::key key;
    typename S::aead::nonce nonce;  ///< only where the suite derives it
};

/// HKDF-Expand(message key, info of the suite, 44): 32 bytes of key, 12 of nonce.
/// @spec AM-RAT-003
template <RatchetSuite S>
    requires(S::nonce == nonce_rule::derived)
[[nodiscard]] sealing_key<S> expand(const message_key& key) noexcept;

/// The same and, beside it, the step from another chain key: both take little longer than the first alone.
template <RatchetSuite S>
    requires(S::nonce == nonce_rule::derived)
[[nodiscard]] sealing_key<S> expand(const message_key& key, chain_step& step_out, const chain_key& step_from) noexcept;

/// Seals into exactly `plain.size() + overhead<S>` bytes.
/// @param  nonce  what `draw_nonce` gave; the suites that derive theirs do not look at it
/// @spec   AM-RAT-006
template <RatchetSuite S>
void seal_message(std::span<std::uint8_t> out, const message_key& key, const typename S::aead::nonce& nonce,
                  byte_view ad, byte_view plain) noexcept;

template <RatchetSuite S>
    requires(S::nonce == nonce_rule::derived)
void seal_message(std::span<std::uint8_t> out, const sealing_key<S>& with, byte_view ad, byte_view plain) noexcept {
    S::aead::seal(out, with.key, with.nonce, ad, plain);
}

/// Opens into exactly `sealed.size() - overhead<S>` bytes.
/// @spec   AM-RAT-007, AM-RAT-009
/// @errors bad_tag; `out` is then zero
template <RatchetSuite S>
[[nodiscard]] result<void> open_message(std::span<std::uint8_t> out, const message_key& key, byte_view ad,
                                        byte_view sealed) noexcept;

/// The same under what `expand` gave.
/// @errors bad_tag; `out` is then zero
template <RatchetSuite S>
    requires(S::nonce == nonce_rule::derived)
[[nodiscard]] result<void> open_message(std::span<std::uint8_t> out, const sealing_key<S>& with, byte_view ad,
                                        byte_view sealed) noexcept;

/// @errors those of the source; nothing is drawn where the suite derives its nonce
template <RatchetSuite S>
[[nodiscard]] result<typename S::aead::nonce> draw_nonce(RandomSource auto& random) {
    if constexpr (S::nonce == nonce_rule::random)
        return crypto::random_value<typename S::aead::nonce>(random);
    else
        return typename S::aead::nonce{};
}

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/chain.ipp>
