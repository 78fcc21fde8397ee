// Byte vocabulary: views, growing buffers, and fixed-size values that carry their meaning in the type.
#pragma once

#include <agentmesh/core/result.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh {

using byte_view = std::span<const std::uint8_t>;
using buffer = std::vector<std::uint8_t>;

/// Views text as the bytes it is made of, and back. Neither copies; the argument must outlive the view.
[[nodiscard]] inline byte_view as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(byte_view bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A public value of exactly N bytes. Tag makes two values of one size different types, so that a
/// signing key cannot stand where an exchange key is wanted. For secrets use `secret` instead.
template <std::size_t N, class Tag>
class fixed_bytes {
public:
    static constexpr std::size_t size = N;

    constexpr fixed_bytes() = default;
    constexpr explicit fixed_bytes(const std::array<std::uint8_t, N>& bytes) noexcept : bytes_{bytes} {}

    /// @errors bad_length unless `bytes` holds exactly N
    [[nodiscard]] static result<fixed_bytes> from(byte_view bytes, clause_id clause = {}) {
        if (bytes.size() != N) return fail(errc::bad_length, clause);
        fixed_bytes out;
        std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
        return out;
    }

    [[nodiscard]] constexpr std::span<const std::uint8_t, N> bytes() const noexcept { return bytes_; }
    [[nodiscard]] constexpr const std::uint8_t* data() const noexcept { return bytes_.data(); }
    /// Writable storage, for the functions that produce the value.
    [[nodiscard]] constexpr std::span<std::uint8_t, N> storage() noexcept { return bytes_; }

    friend constexpr auto operator<=>(const fixed_bytes&, const fixed_bytes&) = default;

private:
    std::array<std::uint8_t, N> bytes_{};
};

/// Hashes a value whose bytes an attacker may choose only through a cryptographic hash (AMIDs, keys).
struct fixed_bytes_hash {
    template <std::size_t N, class Tag>
        requires(N >= sizeof(std::size_t))
    [[nodiscard]] std::size_t operator()(const fixed_bytes<N, Tag>& value) const noexcept {
        std::size_t out = 0;
        for (std::size_t i = 0; i < sizeof out; ++i) out |= std::size_t{value.data()[i]} << (8 * i);
        return out;
    }
};

}  // namespace agentmesh
