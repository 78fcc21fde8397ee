// A client of TURN (RFC 8656): an address at a server, over which a peer is reached that is not reached otherwise.
//
//     AGENTMESH_TRY(turn, p2p::turn_client::create({.username = "alice", .password = secret}, random));
//     turn.start(now, sink);                    // sink.to_server(bytes), then sink.allocated(relayed, mapped)
//     AGENTMESH_CHECK(turn.send(peer, bytes, now, sink));
//     (void)turn.on_datagram(bytes, now, sink); // sink.data(peer, bytes)
//
// Over UDP each `to_server` is a datagram; over TCP they follow each other in a stream, and `on_stream` takes what
// comes in pieces of any size.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/crypto/secret.hpp>
#include <agentmesh/p2p/candidate.hpp>
#include <agentmesh/p2p/transactions.hpp>

#include <map>

namespace agentmesh::p2p {

struct turn_options {
    std::string username{};
    std::string password{};  ///< @secret
    bool stream = false;     ///< TCP or TLS to the server; to peers it is UDP all the same
    bool v6 = false;         ///< ask for an address of IPv6
    candidate_policy policy{};
    duration lifetime = std::chrono::minutes{10};          ///< asked for; the server decides
    duration first_wait = std::chrono::milliseconds{500};  ///< before a request is sent a second time; doubles twice
    unsigned transmissions = 7;
    std::size_t queue = 64;  ///< datagrams for one peer that wait for its permission
};

/// Where a client's actions go. Views live as long as the call; none of it calls back.
template <class S>
concept TurnSink = requires(S& out, const endpoint& at, byte_view bytes, const error& why) {
    out.to_server(bytes);
    out.allocated(at, at);  ///< the relayed address, and how the server sees us
    out.data(at, bytes);    ///< of a peer
    out.refused(at, why);   ///< the server serves this peer not; what waited for it is gone
    out.failed(why);        ///< there is no allocation, or none any more; said once
};

/// One allocation at one server. Single-threaded. Bounded: limits::ice_checks peers, `queue` datagrams of each.
class turn_client {
public:
    /// @errors those of the random source
    [[nodiscard]] static result<turn_client> create(turn_options chosen, RandomSource auto& random);

    void start(const moment& now, TurnSink auto& out);
    /// Gives the allocation back. Nothing is heard afterwards.
    void close(const moment& now, TurnSink auto& out);

    /// To a peer, with permission and channel made as they are needed.
    /// @spec   AM-P2P-012
    /// @errors no_path without an allocation; bad_candidate for an address that the policy does not allow;
    ///         candidate_limit, queue_full, too_large: not sent
    [[nodiscard]] result<void> send(const endpoint& peer, byte_view bytes, const moment& now, TurnSink auto& out);

    /// @spec   AM-P2P-050 to AM-P2P-056
    /// @errors bad_stun, bad_integrity: what was dropped; nothing has changed then
    result<void> on_datagram(byte_view bytes, const moment& now, TurnSink auto& out);
    /// Of a stream. What is malformed there ends the allocation, because nobody knows where the next message begins.
    /// @errors as on_datagram
    result<void> on_stream(byte_view bytes, const moment& now, TurnSink auto& out);

    void on_tick(const moment& now, TurnSink auto& out);
    [[nodiscard]] std::optional<steady_point> next_deadline() const;

    [[nodiscard]] const std::optional<endpoint>& relayed() const noexcept { return relayed_; }
    /// Where the server sent us instead (300), if it did and the policy allows it: for another client.
    [[nodiscard]] const std::optional<endpoint>& alternate() const noexcept { return alternate_; }
    /// The code that the server refused with; 0 if it did not.
    [[nodiscard]] std::uint16_t refusal() const noexcept { return refusal_; }

private:
    enum class phase : std::uint8_t { idle, allocating, allocated, over };
    struct request {
        stun::method about{};
        endpoint peer{};
        std::uint16_t channel = 0;
        std::uint32_t lifetime = 0;
        bool authentic = false;  ///< bore our proof, so its answer bears the server's
        unsigned again = 0;      ///< how often it was made anew with another nonce
        unsigned sent = 1;
        duration wait{};
        steady_point due{};
        buffer bytes{};
    };
    struct peer {
        enum class state : std::uint8_t { asking, open, refused } now = state::asking;
        steady_point renew{};  ///< of the permission; of a refusal: its end
        steady_point used{};
        std::uint16_t channel = 0;  ///< 0: none; else bound, or being bound
        bool bound = false;
        steady_point rebind{};
        std::size_t sent = 0;
        std::vector<buffer> waiting{};
    };

    turn_client(turn_options chosen, const transaction_source& transactions)
        : chosen_{std::move(chosen)}, transactions_{transactions} {}

    void ask(request what, const moment& now, TurnSink auto& out);
    [[nodiscard]] stun::writer text_of(const request& what, const stun::transaction& id) const;
    [[nodiscard]] result<void> learn_realm(const stun::message& in);
    [[nodiscard]] result<void> on_answer(const stun::message& in, const moment& now, TurnSink auto& out);
    [[nodiscard]] result<void> on_refusal(request what, const stun::message& in, const moment& now, TurnSink auto& out);
    [[nodiscard]] result<void> on_success(const request& what, const stun::message& in, const moment& now,
                                          TurnSink auto& out);
    void pass(const endpoint& to, peer& over, byte_view bytes, const moment& now, TurnSink auto& out);
    void refuse_peer(const endpoint& at, const error& why, const moment& now, TurnSink auto& out);
    void give_up(const error& why, TurnSink auto& out);
    [[nodiscard]] result<void> take_channel_data(byte_view bytes, TurnSink auto& out);

    turn_options chosen_;
    transaction_source transactions_;
    phase phase_ = phase::idle;
    std::string realm_, nonce_;
    crypto::secret_buffer key_{};  ///< of realm and password; empty until the realm is known
    buffer algorithms_;            ///< as the server listed them, which is said back to it
    bool sha256_ = false;
    std::optional<endpoint> relayed_, alternate_;
    std::map<stun::transaction, request> requests_;
    std::map<endpoint, peer> peers_;
    std::uint16_t next_channel_ = 0x4000;  ///< none above has a meaning yet
    steady_point refresh_{};
    buffer stream_;
    std::uint16_t refusal_ = 0;
};

}  // namespace agentmesh::p2p

#include <agentmesh/p2p/turn.ipp>
