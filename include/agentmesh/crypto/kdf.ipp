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

/// HMACs under one key of 32 bytes, in words throughout, and wiped.
struct hmac_words {
    alignas(16) std::array<std::uint32_t, 8> inner, outer;
    // What an outer hash takes: the inner one, and the padding that follows it.
    alignas(16) std::array<std::uint32_t, 16> a = after_a_hash, b = after_a_hash;

    explicit hmac_words(std::span<const std::uint8_t, 32> key) noexcept {
        sha256_hmac_states(key, inner.data(), outer.data());
    }
    hmac_words(const hmac_words&) = delete;
    hmac_words& operator=(const hmac_words&) = delete;
    ~hmac_words() { wipe<sizeof(hmac_words)>(this); }

    static constexpr std::array<std::uint32_t, 16> after_a_hash{
        0, 0, 0, 0, 0, 0, 0, 0, 0x8000'0000, 0, 0, 0, 0, 0, 0, 8 * (64 + 32)};

    [[nodiscard]] sha256_step inner_a(const std::array<std::uint32_t, 16>& text) noexcept {
        return {inner.data(), text.data(), a.data()};
    }
    [[nodiscard]] sha256_step inner_b(const std::array<std::uint32_t, 16>& text) noexcept {
        return {inner.data(), text.data(), b.data()};
    }
    [[nodiscard]] sha256_step outer_a() noexcept { return {outer.data(), a.data(), a.data()}; }
    [[nodiscard]] sha256_step outer_b() noexcept { return {outer.data(), b.data(), b.data()}; }

    // HKDF-Expand is inner_a of `first_text`, and then these four in this order.

    [[nodiscard]] static const auto& first_text(const expand_info& info) noexcept { return info.first_; }
    [[nodiscard]] sha256_step first_block() noexcept { return {outer.data(), a.data(), b.data()}; }
    [[nodiscard]] sha256_step second_text(const expand_info& info) noexcept {
        std::copy(info.second_.begin() + 8, info.second_.end(), b.begin() + 8);
        return {inner.data(), b.data(), inner.data()};
    }
    [[nodiscard]] sha256_step rest_of_text(const expand_info& info) noexcept {
        return {inner.data(), info.rest_.data(), a.data()};
    }
    [[nodiscard]] sha256_step second_block() noexcept { return outer_a(); }

    /// A text of one byte, padded.
    [[nodiscard]] static std::array<std::uint32_t, 16> one_byte(std::uint8_t byte) noexcept {
        return {std::uint32_t{byte} << 24 | 0x0080'0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8 * (64 + 1)};
    }
    static void write(const std::array<std::uint32_t, 16>& from, std::span<std::uint8_t, 32> out) noexcept {
        sha256_write_state(std::span{from}.first<8>(), out);
    }
};

inline void hmac_sha256_two(std::span<std::uint8_t, 32> first_out, std::span<std::uint8_t, 32> second_out,
                            std::span<const std::uint8_t, 32> key, std::uint8_t first, std::uint8_t second) noexcept {
    const auto first_text = hmac_words::one_byte(first), second_text = hmac_words::one_byte(second);
    hmac_words keyed{key};
    sha256_compress_words(keyed.inner_a(first_text), keyed.inner_b(second_text));
    sha256_compress_words(keyed.outer_a(), keyed.outer_b());
    hmac_words::write(keyed.a, first_out);
    hmac_words::write(keyed.b, second_out);
}

inline void hkdf_expand_two(std::span<std::uint8_t, 32> first_out, std::span<std::uint8_t, 32> second_out,
                            std::span<const std::uint8_t, 32> key, const expand_info& info) noexcept {
    hmac_words keyed{key};
    sha256_compress_words(keyed.inner_a(hmac_words::first_text(info)));
    sha256_compress_words(keyed.first_block());
    hmac_words::write(keyed.b, first_out);
    sha256_compress_words(keyed.second_text(info));
    sha256_compress_words(keyed.rest_of_text(info));
    sha256_compress_words(keyed.second_block());
    hmac_words::write(keyed.a, second_out);
}

inline void hkdf_expand_two(std::span<std::uint8_t, 32> first_out, std::span<std::uint8_t, 32> second_out,
                            std::span<const std::uint8_t, 32> key, const expand_info& info,
                            const hmac_two& beside) noexcept {
    const auto one = hmac_words::one_byte(beside.first), other = hmac_words::one_byte(beside.second);
    hmac_words keyed{key}, too{beside.key};
    sha256_compress_words(keyed.inner_a(hmac_words::first_text(info)), too.inner_a(one));
    sha256_compress_words(keyed.first_block(), too.inner_b(other));
    hmac_words::write(keyed.b, first_out);
    sha256_compress_words(keyed.second_text(info), too.outer_a());
    sha256_compress_words(keyed.rest_of_text(info), too.outer_b());
    sha256_compress_words(keyed.second_block());
    hmac_words::write(keyed.a, second_out);
    hmac_words::write(too.a, beside.first_out);
    hmac_words::write(too.b, beside.second_out);
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
