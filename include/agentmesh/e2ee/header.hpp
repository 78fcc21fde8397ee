// The ratchet's header as bytes, and the associated data that every suite ends with it.
#pragma once

#include <agentmesh/e2ee/suite.hpp>

#include <cstring>

namespace agentmesh::e2ee {

inline constexpr std::size_t header_size = 40;

/// dh ‖ u32 pn ‖ u32 n, big-endian. @spec AM-RAT-004
[[nodiscard]] inline std::array<std::uint8_t, header_size> header_bytes(const ratchet_header& header) noexcept {
    std::array<std::uint8_t, header_size> out;
    std::copy(header.dh.bytes().begin(), header.dh.bytes().end(), out.begin());
    for (std::size_t i = 0; i < 4; ++i) {
        out[32 + i] = static_cast<std::uint8_t>(header.pn >> (24 - 8 * i));
        out[36 + i] = static_cast<std::uint8_t>(header.n >> (24 - 8 * i));
    }
    return out;
}

/// Every 40 bytes are a header; whether its key and numbers are usable is for the ratchet to say.
/// @errors bad_length
[[nodiscard]] inline result<ratchet_header> parse_header(byte_view bytes) {
    if (bytes.size() != header_size) return fail(errc::bad_length);
    ratchet_header out;
    std::copy_n(bytes.begin(), 32, out.dh.storage().begin());
    for (std::size_t i = 0; i < 4; ++i) {
        out.pn = out.pn << 8 | bytes[32 + i];
        out.n = out.n << 8 | bytes[36 + i];
    }
    return out;
}

/// Whether a ratchet key is the one form of its coordinate: below 2^255 - 19, as every X25519 result is. X25519 itself
/// also takes others, 2^255 added to one for example, and then gives the same result. @spec AM-RAT-024
[[nodiscard]] inline bool is_canonical(const exchange_public_key& key) noexcept {
    const auto bytes = key.bytes();
    if (bytes[31] != 0x7f) return bytes[31] < 0x7f;
    return bytes[0] < 0xed || !std::all_of(bytes.begin() + 1, bytes.end() - 1, [](auto byte) { return byte == 0xff; });
}

/// The caller's prefix, then the header's bytes, in one piece. Lives on the stack for prefixes of the usual length,
/// so that sealing and opening allocate nothing for it. @spec AM-RAT-005, AM-RAT-008
class associated_data {
public:
    associated_data(byte_view prefix, const ratchet_header& header) : size_{prefix.size() + header_size} {
        std::uint8_t* at = inline_.data();
        if (size_ > inline_.size()) {
            spilled_.resize(size_);
            at = spilled_.data();
        }
        if (!prefix.empty()) std::memcpy(at, prefix.data(), prefix.size());
        const auto tail = header_bytes(header);
        std::memcpy(at + prefix.size(), tail.data(), tail.size());
    }
    associated_data(const associated_data&) = delete;
    associated_data& operator=(const associated_data&) = delete;

    [[nodiscard]] byte_view bytes() const noexcept {
        return {size_ > inline_.size() ? spilled_.data() : inline_.data(), size_};
    }

private:
    std::array<std::uint8_t, 512> inline_;  // written up to size_
    buffer spilled_;
    std::size_t size_;
};

}  // namespace agentmesh::e2ee
