// Bodies of crypto/kdf.hpp.
#pragma once

namespace agentmesh::crypto {

inline hmac_sha256_stream::hmac_sha256_stream(byte_view key) noexcept {
    std::array<std::uint8_t, 64> pad{};
    if (key.size() > pad.size())
        sha256_stream{}.update(key).finish(std::span{pad}.first<32>());
    else
        std::copy(key.begin(), key.end(), pad.begin());
    for (auto& byte : pad) byte ^= 0x36;
    inner_.update(pad);
    for (auto& byte : pad) byte ^= 0x36 ^ 0x5c;
    outer_.update(pad);
    sodium_memzero(pad.data(), pad.size());
}

inline void hmac_sha256_stream::finish(std::span<std::uint8_t, 32> out) noexcept {
    inner_.finish(out);
    outer_.update(out).finish(out);
}

inline bool verify_hmac_sha256(byte_view tag, byte_view key, byte_view message) noexcept {
    std::array<std::uint8_t, 32> expected;
    hmac_sha256(expected, key, message);
    const bool equal = equal_in_constant_time(tag, expected);
    sodium_memzero(expected.data(), expected.size());
    return equal;
}

inline pseudorandom_key hkdf_extract(byte_view salt, byte_view key_material) noexcept {
    pseudorandom_key out;
    hmac_sha256(out.reveal_storage(), salt, key_material);  // an empty key and 32 zero bytes pad to the same block
    return out;
}

inline result<void> hkdf_expand(std::span<std::uint8_t> out, const pseudorandom_key& key, byte_view info) noexcept {
    if (out.size() > 255 * 32) return fail(errc::too_large);
    const hmac_sha256_stream keyed{key.reveal()};
    std::array<std::uint8_t, 32> block;
    std::uint8_t counter = 0;
    while (!out.empty()) {
        auto stream = keyed;
        if (counter > 0) stream.update(block);
        ++counter;
        stream.update(info).update({&counter, 1}).finish(block);
        const std::size_t count = std::min(out.size(), block.size());
        std::copy_n(block.begin(), count, out.begin());
        out = out.subspan(count);
    }
    sodium_memzero(block.data(), block.size());
    return {};
}

inline result<void> hkdf_sha256(std::span<std::uint8_t> out, byte_view salt, byte_view key_material,
                                byte_view info) noexcept {
    return hkdf_expand(out, hkdf_extract(salt, key_material), info);
}

}  // namespace agentmesh::crypto
