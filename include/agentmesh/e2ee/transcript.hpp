// How values become the bytes that are hashed, signed and kept: integers big-endian, variable parts with their length.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <cassert>
#include <cstring>
#include <optional>

namespace agentmesh::e2ee {

// Appending. `Out` is a `buffer`, or a `crypto::secret_buffer` where the bytes are secret.

template <class Out>
void append(Out& out, byte_view bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}
template <class Out>
void append(Out& out, std::string_view text) {
    append(out, as_bytes(text));
}
template <class Out>
void append_u32be(Out& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
template <class Out>
void append_u64be(Out& out, std::uint64_t value) {
    append_u32be(out, static_cast<std::uint32_t>(value >> 32));
    append_u32be(out, static_cast<std::uint32_t>(value));
}
/// LP(x) of the specification: u32 length, then the bytes. Two sequences of such parts are equal only part by part.
template <class Out>
void append_lp(Out& out, byte_view bytes) {
    assert(bytes.size() <= 0xffff'ffff);
    append_u32be(out, static_cast<std::uint32_t>(bytes.size()));
    append(out, bytes);
}
template <class Out>
void append_lp(Out& out, std::string_view text) {
    append_lp(out, as_bytes(text));
}

/// Reads such bytes from the front. A read beyond the end yields zeros or an empty view and sticks: `finished` is then
/// false, so that a reader of many fields checks once. Views are valid as long as the bytes.
class byte_cursor {
public:
    explicit byte_cursor(byte_view bytes) noexcept : left_{bytes} {}

    [[nodiscard]] byte_view take(std::size_t count) noexcept {
        if (count > left_.size()) {
            failed_ = true;
            left_ = {};
            return {};
        }
        const byte_view out = left_.first(count);
        left_ = left_.subspan(count);
        return out;
    }
    [[nodiscard]] std::uint8_t u8() noexcept {
        const byte_view one = take(1);
        return one.empty() ? std::uint8_t{0} : one[0];
    }
    [[nodiscard]] std::uint32_t u32be() noexcept {
        std::uint32_t out = 0;
        for (const std::uint8_t byte : take(4)) out = out << 8 | byte;
        return out;
    }
    [[nodiscard]] std::uint64_t u64be() noexcept {
        const std::uint64_t high = u32be();
        return high << 32 | u32be();
    }
    /// A value of fixed size: `fixed<signature>()`; zeros beyond the end.
    template <class Fixed>
    [[nodiscard]] Fixed fixed() noexcept {
        Fixed out;
        const byte_view bytes = take(Fixed::size);
        std::copy(bytes.begin(), bytes.end(), out.storage().begin());
        return out;
    }
    [[nodiscard]] byte_view lp() noexcept { return take(u32be()); }

    [[nodiscard]] bool ok() const noexcept { return !failed_; }
    /// Every byte was read and none was missing.
    [[nodiscard]] bool finished() const noexcept { return !failed_ && left_.empty(); }
    [[nodiscard]] std::size_t left() const noexcept { return left_.size(); }

private:
    byte_view left_;
    bool failed_ = false;
};

}  // namespace agentmesh::e2ee
