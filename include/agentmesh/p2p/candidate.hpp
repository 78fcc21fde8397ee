// Candidates: addresses at which a peer may be reached (RFC 8445 section 5), as text (RFC 8839), and which of them are
// used at all.
#pragma once

#include <agentmesh/core/endpoint.hpp>
#include <agentmesh/core/limits.hpp>
#include <agentmesh/core/result.hpp>

#include <optional>
#include <string>

namespace agentmesh::p2p {

/// How an address was found out, the most direct first.
enum class candidate_kind : std::uint8_t {
    host,              ///< of an interface of this machine
    peer_reflexive,    ///< seen by the peer, or seen of the peer, in a check
    server_reflexive,  ///< seen by a STUN server
    relayed,           ///< of a TURN server
};
[[nodiscard]] constexpr std::string_view to_text(candidate_kind kind) noexcept {
    constexpr std::string_view words[] = {"host", "prflx", "srflx", "relay"};
    return words[static_cast<std::size_t>(kind)];
}

/// A candidate for the one component that there is, over UDP.
struct candidate {
    endpoint at{};
    candidate_kind kind = candidate_kind::host;
    std::uint32_t priority = 0;
    std::string foundation{};        ///< equal for those of which one works if the other does
    std::optional<endpoint> base{};  ///< `raddr`: the address behind it; shown only where the policy allows it

    friend bool operator==(const candidate&, const candidate&) = default;
};

/// Of RFC 8445 section 5.1.2.1, for component 1.
/// @param preference  of this base among those of its kind, 65,535 the best
[[nodiscard]] constexpr std::uint32_t candidate_priority(candidate_kind kind, std::uint16_t preference) noexcept {
    constexpr std::uint32_t of_kind[] = {126, 110, 100, 0};
    return of_kind[static_cast<std::size_t>(kind)] << 24 | std::uint32_t{preference} << 8 | 255;
}

/// Of a pair (RFC 8445 section 6.1.2.3). Both sides compute the same.
[[nodiscard]] constexpr std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled) noexcept {
    const std::uint64_t low = std::min(controlling, controlled), high = std::max(controlling, controlled);
    return (low << 32) + 2 * high + (controlling > controlled ? 1 : 0);
}

/// `candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host`, without `a=`.
/// @spec AM-P2P-011
[[nodiscard]] std::string write_candidate(const candidate& from);

/// Reads one, with `a=` before it or not. What follows the type in pairs of words is passed over, but for `raddr` and
/// `rport`.
/// @spec   AM-P2P-010
/// @errors bad_candidate for what is not one; for another component than 1; for TCP; for a name in place of an
///         address, which is how browsers hide those of hosts; for an address in another than its one spelling
[[nodiscard]] result<candidate> parse_candidate(std::string_view text);

/// Which addresses an owner lets his agent use, its own and the peer's alike: to one that it must not use nothing is
/// sent, so that no peer makes it knock at doors of its own network.
struct candidate_policy {
    enum class reach : std::uint8_t { never, relay_only, always };
    reach use = reach::always;
    bool private_networks = false;
    bool loopback = false;  ///< for two agents on one machine

    /// @spec AM-P2P-012
    [[nodiscard]] bool allows(const endpoint& at) const noexcept {
        if (at.port == 0) return false;
        switch (scope_of(at)) {
            case scope::open: return true;
            case scope::private_network: return private_networks;
            case scope::this_machine: return loopback;
            default: return false;
        }
    }
    /// Whether a candidate of ours may be gathered and told.
    /// @spec AM-P2P-013
    [[nodiscard]] bool offers(const candidate& own) const noexcept {
        if (use == reach::never || (use == reach::relay_only && own.kind != candidate_kind::relayed)) return false;
        return allows(own.at);
    }
};

}  // namespace agentmesh::p2p

#include <agentmesh/p2p/candidate.ipp>
