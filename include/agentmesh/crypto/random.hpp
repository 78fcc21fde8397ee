// Randomness: the system's, and a scripted one for tests and vectors. The only door to the operating system's RNG.
#pragma once

#include <agentmesh/crypto/secret.hpp>

#include <atomic>

#include <pthread.h>

namespace agentmesh::crypto {

/// Unpredictable bytes, from a pool of ChaCha20 output keyed by the operating system.
///
/// A small request costs a copy instead of a system call. Each refill replaces the key first and each byte given
/// out is wiped from the pool, so that what was given out cannot be computed from a later state. After 1 MiB and in
/// a forked child it asks the operating system for a new key. Owned by one thread at a time; not copied, because a
/// copy would repeat its bytes.
class system_random {
public:
    system_random() = default;
    system_random(const system_random&) = delete;
    system_random& operator=(const system_random&) = delete;
    ~system_random() { sodium_memzero(pool_.data(), pool_.size()); }

    /// @errors crypto_unavailable if libsodium could not start; it aborts the process if the system has no randomness
    [[nodiscard]] result<void> fill(std::span<std::uint8_t> out) noexcept;

private:
    static constexpr std::size_t key_size = crypto_stream_chacha20_ietf_KEYBYTES;
    static constexpr std::size_t refills_per_key = 1024;

    void refill() noexcept;

    std::array<std::uint8_t, 1024> pool_{};  // the next key, then bytes to give out
    std::size_t next_ = sizeof pool_;        // first byte not given out yet
    std::size_t refills_left_ = 0;           // 0: ask the operating system
    unsigned generation_ = 0;                // of this process when the key was made
};

/// Bytes that a test chooses: a script that runs out, or an endless stream from a seed.
/// For tests, vectors and simulations only; nothing that ships constructs one.
class scripted_random {
public:
    /// Gives out exactly these bytes, then fails.
    explicit scripted_random(buffer script) : script_{std::move(script)}, endless_{false} {}
    /// Gives out ChaCha20 keystream of a key made from `seed`; two sources of one seed give the same bytes.
    explicit scripted_random(std::uint64_t seed) : seed_{seed}, endless_{true} {}

    /// @errors random_failed where the script holds fewer bytes than asked for; nothing of it is then used
    [[nodiscard]] result<void> fill(std::span<std::uint8_t> out);

    /// Bytes of the script that nobody asked for.
    [[nodiscard]] std::size_t left() const noexcept { return script_.size() - used_; }

private:
    void extend();

    buffer script_;
    std::size_t used_ = 0;
    std::uint64_t seed_ = 0;
    std::uint64_t blocks_ = 0;
    bool endless_;
};

/// A fixed-size public value of random bytes, such as a nonce: `random_value<challenge>(random)`.
template <class Fixed>
[[nodiscard]] result<Fixed> random_value(RandomSource auto& random) {
    Fixed out;
    AGENTMESH_CHECK(random.fill(out.storage()));
    return out;
}

static_assert(RandomSource<system_random> && RandomSource<scripted_random>);

}  // namespace agentmesh::crypto

#include <agentmesh/crypto/random.ipp>
