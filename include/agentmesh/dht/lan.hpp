// Agents on the same network: announces an agent and finds others by multicast DNS and DNS-SD (RFC 6762, RFC 6763).
//
//     AGENTMESH_TRY(lan, dht::lan::create(random));
//     lan.announce(record, {addresses, port}, now, sink);   // sink.send(bytes), to 224.0.0.251 or ff02::fb, port 5353
//     lan.browse(now, sink);                                // sink.appeared(record, endpoints), sink.gone(amid)
//
// The service is `_agentmesh._tcp.local`, an instance is named by its AMID. Its TXT record holds the agent's discovery
// record, so that what is found here is proved as it is anywhere else: r0, r1, ... are pieces of it in URL-safe base64.
// Whoever announces another's record tells nothing new; whoever invents one is not believed.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/dht/dns_message.hpp>
#include <agentmesh/dht/endpoint.hpp>
#include <agentmesh/dht/tokens.hpp>

#include <deque>
#include <map>
#include <set>

namespace agentmesh::dht {

inline constexpr std::string_view lan_service = "_agentmesh._tcp.local";
inline constexpr std::uint16_t mdns_port = 5353;
inline constexpr std::uint32_t lan_ttl = 120;  ///< seconds; RFC 6762 section 10 for records that name a host

/// Where the announced agent listens.
struct lan_place {
    std::vector<endpoint> at{};  ///< addresses of this host, at most 8; their ports do not count
    std::uint16_t port = 0;
};

/// Where the machine's actions go. Views live as long as the call; none of it calls back.
template <class S>
concept LanSink =
    requires(S& out, byte_view bytes, const discovery_record& record, std::span<const endpoint> at, const amid& who) {
        out.send(bytes);           ///< to the multicast group
        out.appeared(record, at);  ///< checked in full; again when its record or its addresses have changed
        out.gone(who);
    };

/// Responder and browser. Bounded: 256 agents, 8 addresses of each.
class lan {
public:
    static constexpr std::size_t agents_most = 256;
    static constexpr std::size_t addresses_most = 8;
    static constexpr duration answer_gap = std::chrono::seconds{1};     ///< RFC 6762 section 6
    static constexpr duration browse_gap_most = std::chrono::hours{1};  ///< section 5.2

    /// @errors those of the random source
    [[nodiscard]] static result<lan> create(RandomSource auto& random) {
        AGENTMESH_TRY(secret, node_secret::generate(random));
        return lan{std::move(secret)};
    }

    /// Announces now and a second later, and answers from now on. Replaces what was announced before.
    /// @errors bad_record without an address or a port, or with more than eight addresses
    [[nodiscard]] result<void> announce(discovery_record record, lan_place where, const moment& now, LanSink auto& out);
    /// Takes it back, in so many words.
    void withdraw(LanSink auto& out);
    /// Asks for others, from now on and ever more rarely.
    void browse(const moment& now, LanSink auto& out);

    /// A datagram that came to the group. Answers that do not come from port 5353 are not looked at.
    /// @errors bad_datagram
    result<void> on_message(const endpoint& from, byte_view bytes, const moment& now, LanSink auto& out);
    void on_tick(const moment& now, LanSink auto& out);
    [[nodiscard]] steady_point next_deadline() const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }

private:
    struct known {
        discovery_record record;
        std::vector<endpoint> at;
        steady_point until{};
    };

    explicit lan(node_secret secret) : secret_{std::move(secret)} {}

    [[nodiscard]] buffer own_records(std::uint32_t ttl) const;
    void answer(const dns_message& asked, const moment& now);
    void learn(const dns_message& told, const moment& now, LanSink auto& out);
    void ask(const moment& now, LanSink auto& out);

    node_secret secret_;
    std::uint64_t drawn_ = 0;
    std::optional<discovery_record> own_;
    lan_place where_;
    steady_point answer_at_ = steady_point::max();
    steady_point answered_ = steady_point::min();
    steady_point browse_at_ = steady_point::max();
    duration browse_gap_{};
    std::map<amid, known> known_;
};

}  // namespace agentmesh::dht

#include <agentmesh/dht/lan.ipp>
