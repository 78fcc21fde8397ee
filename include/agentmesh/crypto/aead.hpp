// Authenticated encryption: ChaCha20-Poly1305 of RFC 8439 and NaCl's secretbox.
//
// Each is a struct of the same shape, so that a ratchet suite names the one it uses. `takes_ad` says whether it
// authenticates data beside the text; secretbox does not, and has no parameter that would pretend to.
#pragma once

#include <agentmesh/crypto/secret.hpp>
#if AGENTMESH_OPENSSL_AEAD
#include <agentmesh/crypto/openssl_aead.hpp>
#endif

namespace agentmesh::crypto {

/// RFC 8439: nonce of 12 bytes, tag of 16 at the end of the ciphertext. A (key, nonce) pair encrypts once.
struct chacha20poly1305_ietf {
    static constexpr bool takes_ad = true;
    static constexpr std::size_t tag_size = crypto_aead_chacha20poly1305_ietf_ABYTES;
    using key = secret<crypto_aead_chacha20poly1305_ietf_KEYBYTES, struct chacha20poly1305_key_tag>;
    using nonce = fixed_bytes<crypto_aead_chacha20poly1305_ietf_NPUBBYTES, struct chacha20poly1305_nonce_tag>;

    /// @param out  exactly `plain.size() + tag_size` bytes; apart from `plain`, or starting where it starts
    template <std::size_t N, class Tag>
        requires(N == key::size)
    static void seal(std::span<std::uint8_t> out, const secret<N, Tag>& with, const nonce& once, byte_view ad,
                     byte_view plain) noexcept {
#if AGENTMESH_OPENSSL_AEAD
        if (plain.size() >= openssl::worthwhile_size &&
            openssl::chacha20poly1305::of_thread().seal(out, with.reveal(), once.bytes(), ad, plain))
            return;
#endif
        crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(), ad.data(), ad.size(),
                                                  nullptr, once.data(), with.reveal().data());
    }

    /// @param  out  exactly `sealed.size() - tag_size` bytes
    /// @errors bad_tag; `out` is then zero
    template <std::size_t N, class Tag>
        requires(N == key::size)
    [[nodiscard]] static result<void> open(std::span<std::uint8_t> out, const secret<N, Tag>& with, const nonce& once,
                                           byte_view ad, byte_view sealed) noexcept {
        if (sealed.size() < tag_size || out.size() != sealed.size() - tag_size) return fail(errc::bad_tag);
#if AGENTMESH_OPENSSL_AEAD
        if (out.size() >= openssl::worthwhile_size) {
            const auto verified =
                openssl::chacha20poly1305::of_thread().open(out, with.reveal(), once.bytes(), ad, sealed);
            if (verified && *verified) return {};
            if (verified) {
                std::fill(out.begin(), out.end(), std::uint8_t{0});
                return fail(errc::bad_tag);
            }
        }
#endif
        if (crypto_aead_chacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, sealed.data(), sealed.size(),
                                                      ad.data(), ad.size(), once.data(), with.reveal().data()) != 0) {
            std::fill(out.begin(), out.end(), std::uint8_t{0});
            return fail(errc::bad_tag);
        }
        return {};
    }
};

/// XSalsa20-Poly1305 as `crypto_secretbox`: nonce of 24 bytes, which may be random, tag of 16 at the front.
struct xsalsa20poly1305 {
    static constexpr bool takes_ad = false;
    static constexpr std::size_t tag_size = crypto_secretbox_MACBYTES;
    using key = secret<crypto_secretbox_KEYBYTES, struct secretbox_key_tag>;
    using nonce = fixed_bytes<crypto_secretbox_NONCEBYTES, struct secretbox_nonce_tag>;

    /// @param out  exactly `plain.size() + tag_size` bytes
    template <std::size_t N, class Tag>
        requires(N == key::size)
    static void seal(std::span<std::uint8_t> out, const secret<N, Tag>& with, const nonce& once,
                     byte_view plain) noexcept {
        crypto_secretbox_easy(out.data(), plain.data(), plain.size(), once.data(), with.reveal().data());
    }

    /// @param  out  exactly `sealed.size() - tag_size` bytes
    /// @errors bad_tag; `out` is then zero
    template <std::size_t N, class Tag>
        requires(N == key::size)
    [[nodiscard]] static result<void> open(std::span<std::uint8_t> out, const secret<N, Tag>& with, const nonce& once,
                                           byte_view sealed) noexcept {
        if (sealed.size() < tag_size || out.size() != sealed.size() - tag_size) return fail(errc::bad_tag);
        if (crypto_secretbox_open_easy(out.data(), sealed.data(), sealed.size(), once.data(), with.reveal().data()) !=
            0) {
            std::fill(out.begin(), out.end(), std::uint8_t{0});
            return fail(errc::bad_tag);
        }
        return {};
    }
};

}  // namespace agentmesh::crypto
