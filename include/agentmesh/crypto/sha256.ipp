// Bodies of crypto/sha256.hpp.
#pragma once

#include <bit>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <smmintrin.h>
#define AGENTMESH_SHA_NI 1
#endif

namespace agentmesh::crypto {

inline constexpr std::array<std::uint32_t, 64> sha256_round_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

inline std::uint32_t sha256_read_word(const std::uint8_t* from) noexcept {
    return std::uint32_t{from[0]} << 24 | std::uint32_t{from[1]} << 16 | std::uint32_t{from[2]} << 8 | from[3];
}

inline void sha256_compress_words_portable(const sha256_step& only) noexcept {
    std::array<std::uint32_t, 64> w;
    std::copy_n(only.block, 16, w.begin());
    for (std::size_t i = 16; i < 64; ++i) {
        const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
        const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    std::array<std::uint32_t, 8> state;
    std::copy_n(only.from, 8, state.begin());
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < 64; ++i) {
        const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + sha256_round_constants[i] + w[i];
        const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> added{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) only.to[i] = state[i] + added[i];
    sodium_memzero(w.data(), sizeof w);
}

inline void sha256_compress_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) noexcept {
    std::array<std::uint32_t, 16> words;
    for (; count > 0; --count, blocks += 64) {
        for (std::size_t i = 0; i < 16; ++i) words[i] = sha256_read_word(blocks + 4 * i);
        sha256_compress_words_portable({state, words.data(), state});
    }
    sodium_memzero(words.data(), sizeof words);
}

#if defined(AGENTMESH_SHA_NI)
// The three SHA instructions by the compilers' own names: <immintrin.h>, which wraps them, takes longer to compile
// than the rest of this layer.
#define AGENTMESH_SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

AGENTMESH_SHA_TARGET inline __m128i sha256_message1(__m128i a, __m128i b) noexcept {
    return (__m128i)__builtin_ia32_sha256msg1((__v4si)a, (__v4si)b);
}
AGENTMESH_SHA_TARGET inline __m128i sha256_message2(__m128i a, __m128i b) noexcept {
    return (__m128i)__builtin_ia32_sha256msg2((__v4si)a, (__v4si)b);
}
AGENTMESH_SHA_TARGET inline __m128i sha256_two_rounds(__m128i a, __m128i b, __m128i added) noexcept {
    return (__m128i)__builtin_ia32_sha256rnds2((__v4si)a, (__v4si)b, (__v4si)added);
}

/// With the SHA instructions of x86: two rounds an instruction, the message schedule four words at a time.
AGENTMESH_SHA_TARGET inline void sha256_compress_shani(std::uint32_t* state, const std::uint8_t* blocks,
                                                       std::size_t count) noexcept {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const auto load = [](const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); };

    // The instructions want the state as (a b e f) and (c d g h).
    const __m128i cdab = _mm_shuffle_epi32(load(state), 0xB1);
    const __m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1B);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);

    for (; count > 0; --count, blocks += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) {
            __m128i& now = w[i % 4];
            if (i < 4) {
                now = _mm_shuffle_epi8(load(blocks + 16 * i), big_endian);
            } else {  // w[t] = w[t-16] + s0(w[t-15]) + w[t-7] + s1(w[t-2])
                const __m128i last = w[(i + 3) % 4], before_last = w[(i + 2) % 4];
                now = sha256_message1(now, w[(i + 1) % 4]);
                now = _mm_add_epi32(now, _mm_alignr_epi8(last, before_last, 4));
                now = sha256_message2(now, last);
            }
            const __m128i added = _mm_add_epi32(now, load(sha256_round_constants.data() + 4 * i));
            cdgh = sha256_two_rounds(cdgh, abef, added);
            abef = sha256_two_rounds(abef, cdgh, _mm_shuffle_epi32(added, 0x0E));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }

    const __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/// One block, of which `w` holds the words, for each of N states at once: from memory to memory.
template <std::size_t N>
AGENTMESH_SHA_TARGET __attribute__((always_inline)) inline void sha256_rounds_shani(
    const std::uint32_t* const (&from)[N], __m128i (&w)[N][4], std::uint32_t* const (&to)[N]) noexcept {
    const auto load = [](const std::uint32_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };

    __m128i abef[N], cdgh[N], abef_before[N], cdgh_before[N];
#pragma GCC unroll 2
    for (std::size_t k = 0; k < N; ++k) {
        const __m128i cdab = _mm_shuffle_epi32(load(from[k]), 0xB1);
        const __m128i efgh = _mm_shuffle_epi32(load(from[k] + 4), 0x1B);
        abef_before[k] = abef[k] = _mm_alignr_epi8(cdab, efgh, 8);
        cdgh_before[k] = cdgh[k] = _mm_blend_epi16(efgh, cdab, 0xF0);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; ++i) {
        const __m128i constants = load(sha256_round_constants.data() + 4 * i);
        __m128i added[N];
#pragma GCC unroll 2
        for (std::size_t k = 0; k < N; ++k) {
            __m128i& now = w[k][i % 4];
            if (i >= 4) {
                const __m128i last = w[k][(i + 3) % 4], before_last = w[k][(i + 2) % 4];
                now = sha256_message1(now, w[k][(i + 1) % 4]);
                now = _mm_add_epi32(now, _mm_alignr_epi8(last, before_last, 4));
                now = sha256_message2(now, last);
            }
            added[k] = _mm_add_epi32(now, constants);
        }
#pragma GCC unroll 2
        for (std::size_t k = 0; k < N; ++k) cdgh[k] = sha256_two_rounds(cdgh[k], abef[k], added[k]);
#pragma GCC unroll 2
        for (std::size_t k = 0; k < N; ++k)
            abef[k] = sha256_two_rounds(abef[k], cdgh[k], _mm_shuffle_epi32(added[k], 0x0E));
    }
#pragma GCC unroll 2
    for (std::size_t k = 0; k < N; ++k) {
        const __m128i feba = _mm_shuffle_epi32(_mm_add_epi32(abef[k], abef_before[k]), 0x1B);
        const __m128i dchg = _mm_shuffle_epi32(_mm_add_epi32(cdgh[k], cdgh_before[k]), 0xB1);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to[k]), _mm_blend_epi16(feba, dchg, 0xF0));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to[k] + 4), _mm_alignr_epi8(dchg, feba, 8));
    }
}

AGENTMESH_SHA_TARGET inline __m128i sha256_load_shani(const std::uint8_t* from) noexcept {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), big_endian);
}

/// One block for each of N states at once, in words or, where `Word` is a byte, in bytes.
template <std::size_t N, class Word>
AGENTMESH_SHA_TARGET inline void sha256_compress_together_shani(const std::uint32_t* const (&from)[N],
                                                                const Word* const (&block)[N],
                                                                std::uint32_t* const (&to)[N]) noexcept {
    __m128i w[N][4];
#pragma GCC unroll 2
    for (std::size_t k = 0; k < N; ++k)
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i)
            if constexpr (sizeof(Word) == 1)
                w[k][i] = sha256_load_shani(block[k] + 16 * i);
            else
                w[k][i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block[k] + 4 * i));
    sha256_rounds_shani(from, w, to);
}

AGENTMESH_SHA_TARGET inline void sha256_hmac_states_shani(std::span<const std::uint8_t, 32> key, std::uint32_t* inner,
                                                          std::uint32_t* outer) noexcept {
    const __m128i front = sha256_load_shani(key.data()), back = sha256_load_shani(key.data() + 16);
    const __m128i for_inner = _mm_set1_epi8(0x36), for_outer = _mm_set1_epi8(0x5c);
    __m128i w[2][4] = {{_mm_xor_si128(front, for_inner), _mm_xor_si128(back, for_inner), for_inner, for_inner},
                       {_mm_xor_si128(front, for_outer), _mm_xor_si128(back, for_outer), for_outer, for_outer}};
    const auto* const start = sha256_initial_state.data();
    sha256_rounds_shani<2>({start, start}, w, {inner, outer});
}

AGENTMESH_SHA_TARGET inline void sha256_write_state_shani(const std::uint32_t* state, std::uint8_t* out) noexcept {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(state);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sha256_load_shani(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), sha256_load_shani(bytes + 16));
}

inline bool has_sha_instructions() noexcept {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}
#endif

inline sha256_compress sha256_best() noexcept {
#if defined(AGENTMESH_SHA_NI)
    static const bool shani = has_sha_instructions();
    if (shani) return sha256_compress_shani;
#endif
    return sha256_compress_portable;
}

inline void sha256_compress_two(std::uint32_t* first, const std::uint8_t* first_block, std::uint32_t* second,
                                const std::uint8_t* second_block) noexcept {
#if defined(AGENTMESH_SHA_NI)
    if (sha256_best() == sha256_compress_shani)
        return sha256_compress_together_shani<2, std::uint8_t>({first, second}, {first_block, second_block},
                                                               {first, second});
#endif
    sha256_compress_portable(first, first_block, 1);
    sha256_compress_portable(second, second_block, 1);
}

inline void sha256_compress_words(const sha256_step& only) noexcept {
#if defined(AGENTMESH_SHA_NI)
    if (sha256_best() == sha256_compress_shani)
        return sha256_compress_together_shani<1, std::uint32_t>({only.from}, {only.block}, {only.to});
#endif
    sha256_compress_words_portable(only);
}

inline void sha256_compress_words(const sha256_step& a, const sha256_step& b) noexcept {
#if defined(AGENTMESH_SHA_NI)
    if (sha256_best() == sha256_compress_shani)
        return sha256_compress_together_shani<2, std::uint32_t>({a.from, b.from}, {a.block, b.block}, {a.to, b.to});
#endif
    sha256_compress_words_portable(a);
    sha256_compress_words_portable(b);
}

inline void sha256_hmac_states_portable(std::span<const std::uint8_t, 32> key, std::uint32_t* inner,
                                        std::uint32_t* outer) noexcept {
    std::array<std::uint32_t, 16> padded;
    for (const auto& [with, to] : {std::pair{0x3636'3636u, inner}, std::pair{0x5c5c'5c5cu, outer}}) {
        for (std::size_t i = 0; i < 8; ++i) padded[i] = sha256_read_word(key.data() + 4 * i) ^ with;
        std::fill(padded.begin() + 8, padded.end(), with);
        sha256_compress_words_portable({sha256_initial_state.data(), padded.data(), to});
    }
    sodium_memzero(padded.data(), sizeof padded);
}

inline void sha256_hmac_states(std::span<const std::uint8_t, 32> key, std::uint32_t* inner,
                               std::uint32_t* outer) noexcept {
#if defined(AGENTMESH_SHA_NI)
    if (sha256_best() == sha256_compress_shani) return sha256_hmac_states_shani(key, inner, outer);
#endif
    sha256_hmac_states_portable(key, inner, outer);
}

inline void sha256_write_state_portable(std::span<const std::uint32_t, 8> state,
                                        std::span<std::uint8_t, 32> out) noexcept {
    for (std::size_t i = 0; i < 32; ++i) out[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
}

inline void sha256_write_state(std::span<const std::uint32_t, 8> state, std::span<std::uint8_t, 32> out) noexcept {
#if defined(AGENTMESH_SHA_NI)
    if (sha256_best() == sha256_compress_shani) return sha256_write_state_shani(state.data(), out.data());
#endif
    sha256_write_state_portable(state, out);
}

inline void sha256_stream::update_two(sha256_stream& a, std::span<const std::uint8_t, 64> for_a, sha256_stream& b,
                                      std::span<const std::uint8_t, 64> for_b) noexcept {
    sha256_compress_two(a.state_.data(), for_a.data(), b.state_.data(), for_b.data());
    a.length_ += 64;
    b.length_ += 64;
}

inline sha256_stream& sha256_stream::update(byte_view bytes) noexcept {
    if (bytes.empty()) return *this;
    const auto compress = sha256_best();
    const std::size_t held = length_ % 64;
    length_ += bytes.size();
    if (held > 0) {
        const std::size_t taken = std::min(64 - held, bytes.size());
        std::memcpy(block_.data() + held, bytes.data(), taken);
        bytes = bytes.subspan(taken);
        if (held + taken < 64) return *this;
        compress(state_.data(), block_.data(), 1);
    }
    const std::size_t whole = bytes.size() / 64;
    if (whole > 0) compress(state_.data(), bytes.data(), whole);
    bytes = bytes.subspan(whole * 64);
    if (!bytes.empty()) std::memcpy(block_.data(), bytes.data(), bytes.size());
    return *this;
}

inline void sha256_stream::finish(std::span<std::uint8_t, 32> out) noexcept {
    const auto compress = sha256_best();
    std::size_t held = length_ % 64;
    block_[held++] = 0x80;
    if (held > 56) {
        std::memset(block_.data() + held, 0, 64 - held);
        compress(state_.data(), block_.data(), 1);
        held = 0;
    }
    std::memset(block_.data() + held, 0, 56 - held);
    const std::uint64_t bits = length_ * 8;
    for (std::size_t i = 0; i < 8; ++i) block_[56 + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
    compress(state_.data(), block_.data(), 1);
    sha256_write_state(state_, out);
}

inline sha256_digest sha256(byte_view bytes) noexcept {
    sha256_digest out;
    sha256_stream{}.update(bytes).finish(out.storage());
    return out;
}

}  // namespace agentmesh::crypto
