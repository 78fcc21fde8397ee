// Bodies of e2ee/chain.hpp.
#pragma once

namespace agentmesh::e2ee {

template <RatchetSuite S>
root_step kdf_rk(const root_key& root, const crypto::shared_secret& dh) noexcept {
    crypto::secret<64, struct root_step_tag> both;
    // 64 bytes are two blocks: never more than HKDF can give.
    (void)crypto::hkdf_sha256(both.reveal_storage(), root.reveal(), dh.reveal(), as_bytes(S::root_info));
    root_step out;
    const auto bytes = both.reveal();
    std::copy_n(bytes.begin(), 32, out.root.reveal_storage().begin());
    std::copy_n(bytes.begin() + 32, 32, out.chain.reveal_storage().begin());
    return out;
}

inline chain_step kdf_ck(const chain_key& chain) noexcept {
    chain_step out;
    crypto::hmac_sha256_two(out.message.reveal_storage(), out.next.reveal_storage(), chain.reveal(), 0x01, 0x02);
    return out;
}

/// Calls `derive` with room for the two blocks of an expansion and the info of the suite.
template <RatchetSuite S>
sealing_key<S> expand_by(auto derive) noexcept {
    static_assert(S::aead::key::size == 32 && S::aead::nonce::size <= 32);
    static constexpr crypto::expand_info info{S::message_info};
    sealing_key<S> out;
    crypto::secret<32, struct expand_block_tag> block;
    derive(out.key.reveal_storage(), block.reveal_storage(), info);
    std::copy_n(block.reveal().begin(), S::aead::nonce::size, out.nonce.storage().begin());
    return out;
}

template <RatchetSuite S>
    requires(S::nonce == nonce_rule::derived)
sealing_key<S> expand(const message_key& key) noexcept {
    return expand_by<S>([&](const auto& first_out, const auto& second_out, const auto& info) {
        crypto::hkdf_expand_two(first_out, second_out, key.reveal(), info);
    });
}

template <RatchetSuite S>
    requires(S::nonce == nonce_rule::derived)
sealing_key<S> expand(const message_key& key, chain_step& step_out, const chain_key& step_from) noexcept {
    return expand_by<S>([&](const auto& first_out, const auto& second_out, const auto& info) {
        crypto::hkdf_expand_two(first_out, second_out, key.reveal(), info,
                                {.first_out = step_out.message.reveal_storage(),
                                 .second_out = step_out.next.reveal_storage(),
                                 .key = step_from.reveal(),
                                 .first = 0x01,
                                 .second = 0x02});
    });
}

template <RatchetSuite S>
void seal_message(std::span<std::uint8_t> out, const message_key& key, const typename S::aead::nonce& nonce,
                  [[maybe_unused]] byte_view ad, byte_view plain) noexcept {
    if constexpr (S::nonce == nonce_rule::derived) {
        seal_message<S>(out, expand<S>(key), ad, plain);
    } else {
        std::copy(nonce.bytes().begin(), nonce.bytes().end(), out.begin());
        out = out.subspan(nonce.size);
        if constexpr (S::binds_header)
            S::aead::seal(out, key, nonce, ad, plain);
        else
            S::aead::seal(out, key, nonce, plain);
    }
}

template <RatchetSuite S>
    requires(S::nonce == nonce_rule::derived)
result<void> open_message(std::span<std::uint8_t> out, const sealing_key<S>& with, byte_view ad,
                          byte_view sealed) noexcept {
    if (sealed.size() < overhead<S> || out.size() != sealed.size() - overhead<S>)
        return fail(errc::bad_tag, "AM-RAT-009");
    return S::aead::open(out, with.key, with.nonce, ad, sealed);
}

template <RatchetSuite S>
result<void> open_message(std::span<std::uint8_t> out, const message_key& key, [[maybe_unused]] byte_view ad,
                          byte_view sealed) noexcept {
    if (sealed.size() < overhead<S> || out.size() != sealed.size() - overhead<S>)
        return fail(errc::bad_tag, "AM-RAT-009");
    if constexpr (S::nonce == nonce_rule::derived) {
        return open_message<S>(out, expand<S>(key), ad, sealed);
    } else {
        typename S::aead::nonce nonce;
        std::copy_n(sealed.begin(), nonce.size, nonce.storage().begin());
        sealed = sealed.subspan(nonce.size);
        if constexpr (S::binds_header)
            return S::aead::open(out, key, nonce, ad, sealed);
        else
            return S::aead::open(out, key, nonce, sealed);
    }
}

}  // namespace agentmesh::e2ee
