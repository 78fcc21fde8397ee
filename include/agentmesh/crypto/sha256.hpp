// SHA-256 (FIPS 180-4). The block function is ours, because libsodium 1.0.18 does not use the processor's SHA
// instructions and two HMACs are two thirds of a small message's cost; the tests compare it with libsodium.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/crypto/sodium.hpp>

namespace agentmesh::crypto {

using sha256_digest = fixed_bytes<32, struct sha256_tag>;

inline constexpr std::array<std::uint32_t, 8> sha256_initial_state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// Hashes text that arrives in pieces. Wiped when destroyed, because HMAC runs keys through it.
class sha256_stream {
public:
    sha256_stream() noexcept = default;
    sha256_stream(const sha256_stream&) = default;
    sha256_stream& operator=(const sha256_stream&) = default;
    ~sha256_stream() { sodium_memzero(this, sizeof *this); }

    sha256_stream& update(byte_view bytes) noexcept;
    /// One whole block for each of two streams that are at the beginning of a block.
    static void update_two(sha256_stream& a, std::span<const std::uint8_t, 64> for_a, sha256_stream& b,
                           std::span<const std::uint8_t, 64> for_b) noexcept;
    /// The digest of everything so far, into exactly 32 bytes; the stream is not usable afterwards.
    void finish(std::span<std::uint8_t, 32> out) noexcept;

private:
    std::array<std::uint32_t, 8> state_ = sha256_initial_state;
    std::array<std::uint8_t, 64> block_{};
    std::uint64_t length_ = 0;
};

[[nodiscard]] sha256_digest sha256(byte_view bytes) noexcept;

/// A state as the bytes of a digest.
void sha256_write_state(std::span<const std::uint32_t, 8> state, std::span<std::uint8_t, 32> out) noexcept;
void sha256_write_state_portable(std::span<const std::uint32_t, 8> state, std::span<std::uint8_t, 32> out) noexcept;

/// Adds `count` blocks of 64 bytes to a state, in one of two ways with the same result.
using sha256_compress = void (*)(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) noexcept;
void sha256_compress_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) noexcept;
/// The fastest one that this processor has, chosen once.
[[nodiscard]] sha256_compress sha256_best() noexcept;

/// One block, given as 16 words, added to a state of 8 words: `to` is `from` with `block`, and may be `from`, or a part
/// of a block to be added later. Between the hashes of an HMAC nothing then becomes bytes.
struct sha256_step {
    const std::uint32_t* from;
    const std::uint32_t* block;
    std::uint32_t* to;
};
void sha256_compress_words(const sha256_step& only) noexcept;
/// Two at once, of which neither reads what the other writes.
void sha256_compress_words(const sha256_step& a, const sha256_step& b) noexcept;
void sha256_compress_words_portable(const sha256_step& only) noexcept;

/// The two states with which an HMAC under a key of 32 bytes begins its inner and its outer hash.
void sha256_hmac_states(std::span<const std::uint8_t, 32> key, std::uint32_t* inner, std::uint32_t* outer) noexcept;
void sha256_hmac_states_portable(std::span<const std::uint8_t, 32> key, std::uint32_t* inner,
                                 std::uint32_t* outer) noexcept;

/// Adds one block to each of two states that have nothing to do with each other. SHA instructions wait for their own
/// results, so that two at once take little longer than one.
void sha256_compress_two(std::uint32_t* first, const std::uint8_t* first_block, std::uint32_t* second,
                         const std::uint8_t* second_block) noexcept;

}  // namespace agentmesh::crypto

#include <agentmesh/crypto/sha256.ipp>
