// Bodies of crypto/kdf.hpp.
#pragma once

namespace agentmesh::crypto {

inline hmac_sha256_stream::hmac_sha256_stream(byte_view key) noexcept {
    std::array<std::uint8_t, 64> pad{};
    if (key.size() > pad.size())
        sha256_stream{}.update(key).finish(std::span{pad}.first<32>());
    else
        std::copy(key.begin(), key.end(), pad.begin());
    auto other = pad;
    for (auto& byte : pad) byte ^= 0x36;
    for (auto& byte : other) byte ^= 0x5c;
    sha256_stream::update_two(inner_, pad, outer_, other);
    sodium_memzero(pad.data(), pad.size());
    sodium_memzero(other.data(), other.size());
}

inline void hmac_sha256_two(std::span<std::uint8_t, 32> first_out, std::span<std::uint8_t, 32> second_out,
                            std::span<const std::uint8_t, 32> key, std::uint8_t first, std::uint8_t second) noexcept {
    struct working {
        std::array<std::uint32_t, 8> inner = sha256_initial_state, outer = sha256_initial_state, of_first, of_second;
        std::array<std::uint8_t, 64> a, b;
        ~working() { sodium_memzero(this, sizeof *this); }
    } at;
    const auto put_length = [](std::array<std::uint8_t, 64>& block, std::size_t bytes) {
        block[62] = static_cast<std::uint8_t>(bytes * 8 >> 8);
        block[63] = static_cast<std::uint8_t>(bytes * 8);
    };
    at.a.fill(0x36);
    at.b.fill(0x5c);
    for (std::size_t i = 0; i < key.size(); ++i) {
        at.a[i] ^= key[i];
        at.b[i] ^= key[i];
    }
    sha256_compress_two(at.inner.data(), at.a.data(), at.outer.data(), at.b.data());

    at.of_first = at.of_second = at.inner;
    at.a = {first, 0x80};
    at.b = {second, 0x80};
    put_length(at.a, 64 + 1);
    put_length(at.b, 64 + 1);
    sha256_compress_two(at.of_first.data(), at.a.data(), at.of_second.data(), at.b.data());

    sha256_write_state(at.of_first, std::span{at.a}.first<32>());
    sha256_write_state(at.of_second, std::span{at.b}.first<32>());
    for (auto* const block : {&at.a, &at.b}) {
        std::fill(block->begin() + 32, block->end(), std::uint8_t{0});
        (*block)[32] = 0x80;
        put_length(*block, 64 + 32);
    }
    at.of_first = at.of_second = at.outer;
    sha256_compress_two(at.of_first.data(), at.a.data(), at.of_second.data(), at.b.data());
    sha256_write_state(at.of_first, first_out);
    sha256_write_state(at.of_second, second_out);
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
