// Where a datagram comes from or goes to.
#pragma once

#include <agentmesh/core/bytes.hpp>

namespace agentmesh {

/// Address and port of UDP. An address of four bytes stands in the first four, and the others are zero.
struct endpoint {
    std::array<std::uint8_t, 16> address{};
    bool v6 = false;
    std::uint16_t port = 0;

    [[nodiscard]] static endpoint v4(std::uint32_t address, std::uint16_t port) noexcept {
        endpoint out{.port = port};
        for (std::size_t i = 0; i < 4; ++i) out.address[i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
        return out;
    }
    [[nodiscard]] byte_view bytes() const noexcept { return {address.data(), v6 ? std::size_t{16} : std::size_t{4}}; }

    friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

/// Whether a packet to it leaves for the open network: no loopback, private, link-local, shared, documentation,
/// multicast or reserved address, none of IPv4 in the clothes of IPv6, and not port 0. Else a list of contacts would
/// make its reader knock at doors that only he can reach.
/// @spec AM-DHT-008
[[nodiscard]] inline bool is_global(const endpoint& at) noexcept {
    if (at.port == 0) return false;
    const auto a = at.address[0], b = at.address[1], c = at.address[2];
    // Of IPv6, 2000::/3 is what is given out; in it lie documentation (2001:db8::/32, 3fff::/20), and tunnels that
    // carry an address of IPv4 (Teredo 2001::/32, 6to4 2002::/16).
    if (at.v6) {
        const auto d = at.address[3];
        return a >> 5 == 1 && !(a == 0x20 && b == 0x01 && ((c == 0x0d && d == 0xb8) || (c == 0 && d == 0))) &&
               !(a == 0x20 && b == 0x02) && !(a == 0x3f && b == 0xff && c < 0x10);
    }
    const bool special = a == 0 || a == 10 || a == 127 || a >= 224 || (a == 100 && b >> 6 == 1) ||
                         (a == 169 && b == 254) || (a == 172 && b >> 4 == 1) || (a == 192 && b == 168) ||
                         (a == 192 && b == 0 && (c == 0 || c == 2)) || (a == 198 && (b & 0xfe) == 18) ||
                         (a == 198 && b == 51 && c == 100) || (a == 203 && b == 0 && c == 113);
    return !special;
}

}  // namespace agentmesh
