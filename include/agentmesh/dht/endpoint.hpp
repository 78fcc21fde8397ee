// Which of a node's neighbours in the address space count as one.
#pragma once

#include <agentmesh/core/endpoint.hpp>

namespace agentmesh::dht {

using agentmesh::endpoint;
using agentmesh::is_global;

/// The beginning of an address, as a number that tells families and lengths apart.
using prefix = std::uint64_t;

[[nodiscard]] inline prefix first_bytes(const endpoint& at, std::size_t count) noexcept {
    prefix out = (at.v6 ? 0x80u : 0u) + count;
    for (std::size_t i = 0; i < count; ++i) out = out << 8 | at.address[i];
    return out;
}

/// What one customer usually holds: /24, or /48 of IPv6.
[[nodiscard]] inline prefix narrow_prefix(const endpoint& at) noexcept { return first_bytes(at, at.v6 ? 6 : 3); }
/// What one provider can hold: /16, or /32 of IPv6.
[[nodiscard]] inline prefix wide_prefix(const endpoint& at) noexcept { return first_bytes(at, at.v6 ? 4 : 2); }

}  // namespace agentmesh::dht
