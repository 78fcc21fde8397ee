// The space of the DHT: 256-bit points, the distance between them, and what has which point.
#pragma once

#include <agentmesh/identity/agent_id.hpp>

#include <bit>

namespace agentmesh::dht {

/// Where something lies: a node, or an agent's record.
using point = fixed_bytes<32, struct dht_point_tag>;

/// A node's own key pair says nothing about which agent runs it, and need not be an agent's signing key.
using node_public_key = crypto::ed25519_public_key;
using node_key_pair = crypto::ed25519_key_pair;

[[nodiscard]] inline point from_digest(const crypto::sha256_digest& digest) noexcept {
    point out;
    std::copy(digest.bytes().begin(), digest.bytes().end(), out.storage().begin());
    return out;
}

/// @spec AM-DHT-001
[[nodiscard]] inline point point_of(const node_public_key& key) noexcept {
    return from_digest(crypto::sha256(key.bytes()));
}
/// @spec AM-DHT-001
[[nodiscard]] inline point point_of(const amid& who) noexcept {
    return from_digest(crypto::sha256(who.bytes().bytes()));
}

/// Whether `a` is nearer to `target` than `b`: the distance is the exclusive or, read as a number.
[[nodiscard]] inline bool nearer(const point& target, const point& a, const point& b) noexcept {
    for (std::size_t i = 0; i < point::size; ++i) {
        const int from_a = a.data()[i] ^ target.data()[i], from_b = b.data()[i] ^ target.data()[i];
        if (from_a != from_b) return from_a < from_b;
    }
    return false;
}

/// How many bits two points begin with alike, 0 to 256.
[[nodiscard]] inline unsigned common_prefix(const point& a, const point& b) noexcept {
    for (unsigned i = 0; i < point::size; ++i)
        if (const auto differing = static_cast<std::uint8_t>(a.data()[i] ^ b.data()[i]); differing != 0)
            return 8 * i + static_cast<unsigned>(std::countl_zero(differing));
    return 256;
}

/// A point that agrees with `from` in exactly `bits` leading bits, and is otherwise `noise`.
[[nodiscard]] inline point at_prefix(const point& from, unsigned bits, point noise) noexcept {
    for (unsigned bit = 0; bit <= bits && bit < 256; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80 >> bit % 8);
        const std::uint8_t wanted = from.data()[bit / 8] ^ (bit == bits ? mask : std::uint8_t{0});
        auto& byte = noise.storage()[bit / 8];
        byte = static_cast<std::uint8_t>((byte & ~mask) | (wanted & mask));
    }
    return noise;
}

}  // namespace agentmesh::dht
