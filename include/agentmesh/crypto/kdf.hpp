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

/// The info of an HKDF-Expand to two blocks, laid out as SHA-256 takes it while the program is compiled.
class expand_info {
public:
    /// @pre 23 to 54 bytes, so that the first HMAC has one block of text and the second has two
    consteval explicit expand_info(std::string_view info) {
        if (info.size() < 23 || info.size() > 54) throw "expand_info wants 23 to 54 bytes";
        for (std::size_t i = 0; i < info.size(); ++i) put(i, info[i]), put(64 + 32 + i, info[i]);
        put(info.size(), '\x01'), put(info.size() + 1, '\x80');
        put(64 + 32 + info.size(), '\x02'), put(64 + 32 + info.size() + 1, '\x80');
        first_[15] = static_cast<std::uint32_t>(8 * (64 + info.size() + 1));
        rest_[15] = static_cast<std::uint32_t>(8 * (64 + 32 + info.size() + 1));
    }

private:
    friend struct hmac_words;

    /// Byte `at` of three blocks.
    constexpr void put(std::size_t at, char byte) {
        auto& block = at < 64 ? first_ : at < 128 ? second_ : rest_;
        block[at % 64 / 4] |= std::uint32_t{static_cast<std::uint8_t>(byte)} << (24 - 8 * (at % 4));
    }

    // info ‖ 01 ‖ padding; then, after 32 bytes that are not known yet, info ‖ 02 ‖ padding over two blocks.
    alignas(16) std::array<std::uint32_t, 16> first_{}, second_{}, rest_{};
};

/// HKDF-Expand to 64 bytes.
/// @secret as hmac_sha256
void hkdf_expand_two(std::span<std::uint8_t, 32> first_out, std::span<std::uint8_t, 32> second_out,
                     std::span<const std::uint8_t, 32> key, const expand_info& info) noexcept;

/// The arguments of an `hmac_sha256_two`.
struct hmac_two {
    std::span<std::uint8_t, 32> first_out, second_out;
    std::span<const std::uint8_t, 32> key;
    std::uint8_t first, second;
};
/// The same and, in the time in which an expansion waits for itself, two HMACs under another key. The keys are read
/// before anything is written.
void hkdf_expand_two(std::span<std::uint8_t, 32> first_out, std::span<std::uint8_t, 32> second_out,
                     std::span<const std::uint8_t, 32> key, const expand_info& info, const hmac_two& beside) noexcept;

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
