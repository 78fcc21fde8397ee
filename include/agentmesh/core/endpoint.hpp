// Where a datagram comes from or goes to, and how far away that can be.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <arpa/inet.h>

#include <optional>
#include <string>

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
[[nodiscard]] constexpr bool is_global(const endpoint& at) noexcept {
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

/// An address in its one spelling: four decimal numbers without leading zeros, or the text of RFC 5952 without zone.
/// Nothing for names and for every other spelling, which two readers might take for different addresses.
[[nodiscard]] std::optional<endpoint> parse_address(std::string_view text, std::uint16_t port);
/// The same back, without the port.
[[nodiscard]] inline std::string address_text(const endpoint& at) {
    char out[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(at.v6 ? AF_INET6 : AF_INET, at.address.data(), out, sizeof out);
    return out;
}

inline std::optional<endpoint> parse_address(std::string_view text, std::uint16_t port) {
    if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
    endpoint out{.v6 = text.find(':') != text.npos, .port = port};
    if (::inet_pton(out.v6 ? AF_INET6 : AF_INET, std::string{text}.c_str(), out.address.data()) != 1)
        return std::nullopt;
    if (address_text(out) != text) return std::nullopt;
    return out;
}

/// Who else is where a packet to it goes.
enum class scope : std::uint8_t {
    unusable,         ///< nobody: multicast, reserved, unspecified, or an address of IPv4 in the clothes of IPv6
    this_machine,     ///< this machine
    link_local,       ///< this cable, and the metadata of clouds
    private_network,  ///< this house or company
    open,             ///< everybody
};

/// Scope of an address, whatever its port.
[[nodiscard]] constexpr scope scope_of(const endpoint& at) noexcept {
    const auto& b = at.address;
    if (at.v6) {
        const auto zeros = [&](std::size_t count) {
            for (std::size_t i = 0; i < count; ++i)
                if (b[i] != 0) return false;
            return true;
        };
        if (zeros(15)) return b[15] == 1 ? scope::this_machine : scope::unusable;
        if (b[0] == 0xfe && b[1] >> 6 == 2) return scope::link_local;
        constexpr std::array<std::uint8_t, 16> cloud{0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54};
        if (b == cloud) return scope::link_local;
        if (b[0] >> 1 == 0x7e) return scope::private_network;
        return is_global({.address = b, .v6 = true, .port = 1}) ? scope::open : scope::unusable;
    }
    if (b[0] == 127) return scope::this_machine;
    if (b[0] == 169 && b[1] == 254) return scope::link_local;
    if (b[0] == 10 || (b[0] == 172 && b[1] >> 4 == 1) || (b[0] == 192 && b[1] == 168) ||
        (b[0] == 100 && b[1] >> 6 == 1))
        return scope::private_network;
    return is_global({.address = b, .v6 = false, .port = 1}) ? scope::open : scope::unusable;
}

}  // namespace agentmesh
