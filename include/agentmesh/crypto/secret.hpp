// Values that must not be copied, compared, printed or left behind in memory.
#pragma once

#include <agentmesh/core/concepts.hpp>
#include <agentmesh/crypto/sodium.hpp>

namespace agentmesh::crypto {

/// A secret of exactly N bytes. Move-only; a moved-from and a destroyed secret are wiped. There is no `==`, because
/// comparing secrets byte by byte leaks where they differ, and no way to print one. Tag makes a root key and a chain
/// key different types.
template <std::size_t N, class Tag>
class secret {
public:
    static constexpr std::size_t size = N;

    secret() = default;
    secret(secret&& other) noexcept : bytes_{other.bytes_} { other.wipe(); }
    secret& operator=(secret&& other) noexcept {
        if (this != &other) {
            bytes_ = other.bytes_;
            other.wipe();
        }
        return *this;
    }
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
    ~secret() { wipe(); }

    /// Copies the bytes in; the caller wipes its own.
    /// @errors bad_length unless `bytes` holds exactly N
    [[nodiscard]] static result<secret> from(byte_view bytes, clause_id clause = {}) {
        if (bytes.size() != N) return fail(errc::bad_length, clause);
        secret out;
        std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
        return out;
    }

    /// @errors those of the source
    [[nodiscard]] static result<secret> generate(RandomSource auto& random) {
        secret out;
        AGENTMESH_CHECK(random.fill(out.bytes_));
        return out;
    }

    /// A second copy, where a protocol needs one. Named so that it shows.
    [[nodiscard]] secret fork() const {
        secret out;
        out.bytes_ = bytes_;
        return out;
    }

    /// The only ways to the bytes: `git grep reveal` is the audit list.
    [[nodiscard]] std::span<const std::uint8_t, N> reveal() const& noexcept { return bytes_; }
    [[nodiscard]] std::span<std::uint8_t, N> reveal_storage() & noexcept { return bytes_; }
    std::span<const std::uint8_t, N> reveal() const&& = delete;  // would outlive the secret

    friend bool operator==(const secret&, const secret&) = delete;

private:
    void wipe() noexcept { crypto::wipe<N>(bytes_.data()); }

    std::array<std::uint8_t, N> bytes_{};
};

/// Wipes what a container gives back, also the old block when it grows.
template <class T>
struct wiping_allocator {
    using value_type = T;

    wiping_allocator() = default;
    template <class U>
    wiping_allocator(const wiping_allocator<U>&) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) { return std::allocator<T>{}.allocate(count); }
    void deallocate(T* block, std::size_t count) noexcept {
        sodium_memzero(block, count * sizeof(T));
        std::allocator<T>{}.deallocate(block, count);
    }
    friend bool operator==(wiping_allocator, wiping_allocator) noexcept { return true; }
};

/// Growing secrets: a serialised key file, a decrypted body.
using secret_buffer = std::vector<std::uint8_t, wiping_allocator<std::uint8_t>>;

/// Equality of public values whose bytes decide over access (tags, proofs), in time that depends on the size only.
[[nodiscard]] inline bool equal_in_constant_time(byte_view a, byte_view b) noexcept {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace agentmesh::crypto
