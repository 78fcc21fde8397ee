// Bodies of crypto/legacy.hpp.
#pragma once

namespace agentmesh::crypto::legacy {

/// Feeds whole blocks of 64 bytes to `compress`: the message, 0x80, zeros, and its length in bits.
template <class Compress>
void padded_blocks(byte_view bytes, bool big_endian_length, Compress compress) noexcept {
    const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
    for (; bytes.size() >= 64; bytes = bytes.subspan(64)) compress(bytes.data());
    std::array<std::uint8_t, 128> tail{};
    std::copy(bytes.begin(), bytes.end(), tail.begin());
    tail[bytes.size()] = 0x80;
    const std::size_t size = bytes.size() < 56 ? 64 : 128;
    for (std::size_t i = 0; i < 8; ++i)
        tail[size - 8 + i] = static_cast<std::uint8_t>(bits >> (big_endian_length ? 56 - 8 * i : 8 * i));
    for (std::size_t at = 0; at < size; at += 64) compress(tail.data() + at);
}

inline sha1_digest sha1(byte_view bytes) noexcept {
    std::array<std::uint32_t, 5> state{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    padded_blocks(bytes, true, [&](const std::uint8_t* block) {
        std::array<std::uint32_t, 80> w;
        for (std::size_t i = 0; i < 16; ++i)
            w[i] = std::uint32_t{block[4 * i]} << 24 | std::uint32_t{block[4 * i + 1]} << 16 |
                   std::uint32_t{block[4 * i + 2]} << 8 | block[4 * i + 3];
        for (std::size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        auto [a, b, c, d, e] = state;
        for (std::size_t i = 0; i < 80; ++i) {
            std::uint32_t f = 0, k = 0;
            if (i < 20)
                f = (b & c) | (~b & d), k = 0x5A827999;
            else if (i < 40)
                f = b ^ c ^ d, k = 0x6ED9EBA1;
            else if (i < 60)
                f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
            else
                f = b ^ c ^ d, k = 0xCA62C1D6;
            const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
            e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
    });
    sha1_digest out;
    for (std::size_t i = 0; i < 20; ++i)
        out.storage()[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    return out;
}

inline md5_digest md5(byte_view bytes) noexcept {
    // floor(2^32 * |sin(i + 1)|)
    static constexpr std::array<std::uint32_t, 64> sines = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
    static constexpr std::array<std::array<int, 4>, 4> shifts = {
        {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
    std::array<std::uint32_t, 4> state{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
    padded_blocks(bytes, false, [&](const std::uint8_t* block) {
        std::array<std::uint32_t, 16> w;
        for (std::size_t i = 0; i < 16; ++i)
            w[i] = std::uint32_t{block[4 * i + 3]} << 24 | std::uint32_t{block[4 * i + 2]} << 16 |
                   std::uint32_t{block[4 * i + 1]} << 8 | block[4 * i];
        auto [a, b, c, d] = state;
        for (std::size_t i = 0; i < 64; ++i) {
            std::uint32_t f = 0;
            std::size_t word = 0;
            switch (i / 16) {
                case 0: f = (b & c) | (~b & d), word = i; break;
                case 1: f = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
                case 2: f = b ^ c ^ d, word = (3 * i + 5) % 16; break;
                default: f = c ^ (b | ~d), word = 7 * i % 16; break;
            }
            const std::uint32_t turned = b + std::rotl(a + f + sines[i] + w[word], shifts[i / 16][i % 4]);
            a = d, d = c, c = b, b = turned;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    });
    md5_digest out;
    for (std::size_t i = 0; i < 16; ++i) out.storage()[i] = static_cast<std::uint8_t>(state[i / 4] >> (8 * (i % 4)));
    return out;
}

inline sha1_digest hmac_sha1(byte_view key, byte_view message) {
    std::array<std::uint8_t, 64> block{};
    if (key.size() > block.size())
        std::ranges::copy(sha1(key).bytes(), block.begin());
    else
        std::ranges::copy(key, block.begin());
    const auto hashed = [&](std::uint8_t mask, byte_view rest) {
        buffer text(block.size());
        for (std::size_t i = 0; i < block.size(); ++i) text[i] = block[i] ^ mask;
        text.insert(text.end(), rest.begin(), rest.end());
        return sha1(text);
    };
    const auto inner = hashed(0x36, message);
    return hashed(0x5c, inner.bytes());
}

}  // namespace agentmesh::crypto::legacy
