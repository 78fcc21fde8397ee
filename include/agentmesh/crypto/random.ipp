// Bodies of crypto/random.hpp.
#pragma once

#include <cstring>

namespace agentmesh::crypto {

/// Counts the forks above this process.
class fork_counter {
public:
    static unsigned now() noexcept {
        static const int registered = pthread_atfork(nullptr, nullptr, [] { forks().fetch_add(1); });
        (void)registered;
        return forks().load(std::memory_order_relaxed);
    }

private:
    static std::atomic<unsigned>& forks() noexcept {
        static std::atomic<unsigned> count{0};
        return count;
    }
};

inline result<void> system_random::fill(std::span<std::uint8_t> out) noexcept {
    AGENTMESH_CHECK(start());
    if (generation_ != fork_counter::now()) {  // we are the child: the parent gives out the same bytes
        refills_left_ = 0;
        next_ = pool_.size();
    }
    while (!out.empty()) {
        if (next_ == pool_.size()) refill();
        const std::size_t count = std::min(out.size(), pool_.size() - next_);
        std::memcpy(out.data(), pool_.data() + next_, count);
        sodium_memzero(pool_.data() + next_, count);
        next_ += count;
        out = out.subspan(count);
    }
    return {};
}

inline void system_random::refill() noexcept {
    if (refills_left_ == 0) {
        randombytes_buf(pool_.data(), key_size);
        generation_ = fork_counter::now();
        refills_left_ = refills_per_key;
    }
    --refills_left_;
    static constexpr std::array<std::uint8_t, crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};
    std::array<std::uint8_t, key_size> key;
    std::memcpy(key.data(), pool_.data(), key_size);
    crypto_stream_chacha20_ietf(pool_.data(), pool_.size(), nonce.data(), key.data());
    sodium_memzero(key.data(), key.size());
    next_ = key_size;
}

inline result<void> scripted_random::fill(std::span<std::uint8_t> out) {
    while (endless_ && left() < out.size()) extend();
    if (left() < out.size()) return fail(errc::random_failed);
    std::copy_n(script_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), out.begin());
    used_ += out.size();
    return {};
}

// Forgets what was used and appends one more KiB of keystream, numbered by the nonce.
inline void scripted_random::extend() {
    std::array<std::uint8_t, crypto_stream_chacha20_ietf_KEYBYTES> key{};
    std::array<std::uint8_t, crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};
    for (std::size_t i = 0; i < 8; ++i) {
        key[i] = static_cast<std::uint8_t>(seed_ >> (8 * i));
        nonce[i] = static_cast<std::uint8_t>(blocks_ >> (8 * i));
    }
    ++blocks_;
    script_.erase(script_.begin(), script_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ = 0;
    const std::size_t size = script_.size();
    script_.resize(size + 1024);
    crypto_stream_chacha20_ietf(script_.data() + size, 1024, nonce.data(), key.data());
}

}  // namespace agentmesh::crypto
