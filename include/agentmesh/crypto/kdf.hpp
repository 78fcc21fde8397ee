// HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869).
#pragma once

#include <agentmesh/crypto/secret.hpp>
#include <agentmesh/crypto/sha256.hpp>

#include <cassert>

namespace agentmesh::crypto {

/// One HMAC over pieces. The key may have any length; one longer than 64 bytes is hashed first.
class hmac_sha256_stream {
public:
    explicit hmac_sha256_stream(byte_view key) noexcept;

    hmac_sha256_stream& update(byte_view bytes) noexcept {
        inner_.update(bytes);
        return *this;
    }
    /// The stream is not usable afterwards.
    void finish(std::span<std::uint8_t, 32> out) noexcept;

private:
    sha256_stream inner_;
    sha256_stream outer_;
};

/// @secret the caller keeps `out` in a secret where the key is one
inline void hmac_sha256(std::span<std::uint8_t, 32> out, byte_view key, byte_view message) noexcept {
    hmac_sha256_stream{key}.update(message).finish(out);
}

/// HMAC of two messages of one byte each under one key of 32 bytes, as the chains of a ratchet take it: the work of
/// both side by side.
/// @secret as hmac_sha256
void hmac_sha256_two(std::span<std::uint8_t, 32> first_out, std::span<std::uint8_t, 32> second_out,
                     std::span<const std::uint8_t, 32> key, std::uint8_t first, std::uint8_t second) noexcept;

/// True if `tag` is the HMAC of `message`; compared in constant time. A tag of another length is wrong.
[[nodiscard]] bool verify_hmac_sha256(byte_view tag, byte_view key, byte_view message) noexcept;

/// What HKDF-Extract yields and HKDF-Expand takes.
using pseudorandom_key = secret<32, struct pseudorandom_key_tag>;

/// @param salt  may be empty, which means 32 zero bytes
[[nodiscard]] pseudorandom_key hkdf_extract(byte_view salt, byte_view key_material) noexcept;

/// @errors too_large for more than 8,160 bytes (255 blocks)
[[nodiscard]] result<void> hkdf_expand(std::span<std::uint8_t> out, const pseudorandom_key& key,
                                       byte_view info) noexcept;

/// Extract and expand in one call.
/// @errors as hkdf_expand
[[nodiscard]] result<void> hkdf_sha256(std::span<std::uint8_t> out, byte_view salt, byte_view key_material,
                                       byte_view info) noexcept;

}  // namespace agentmesh::crypto

#include <agentmesh/crypto/kdf.ipp>
