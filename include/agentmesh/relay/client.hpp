// An agent's side of the relay: logs in, answers a challenge, resumes after a break, delivers each message once.
//
//     relay::client agent = *relay::client::create(self, {.relay_name = "relay.example:8765"}, random);
//     agent.on_open(now, sink);                 // the WebSocket is up: sends CONNECT
//     agent.on_text(text, now, sink);           // sink.received(message) ...
//     agent.on_closed(code, now, sink);         // sink.ended({why, after which delay to dial again, if at all})
#pragma once

#include <agentmesh/core/concepts.hpp>
#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/wire/client_writer.hpp>
#include <agentmesh/wire/relay_frame.hpp>
#include <agentmesh/wire/signing.hpp>

#include <deque>
#include <optional>
#include <unordered_set>

namespace agentmesh::relay {

struct client_options {
    /// What a challenge must name: the authority that was dialled, or what the operator said. @spec AM-AUT-049
    std::string relay_name{};
    bool challenge = true;
    bool receipts = true;
    bool p2p_capable = false;
    duration login_timeout = std::chrono::seconds{10};    ///< from the open WebSocket to `connected`
    duration silence_limit = std::chrono::seconds{60};    ///< the relay pings every 25 seconds
    duration first_delay = std::chrono::seconds{1};       ///< before dialling again; doubles with each failure
    duration longest_delay = std::chrono::seconds{60};
    std::size_t outbox = 100;        ///< sends that wait for their receipt
    std::size_t known_ids = 16'384;  ///< delivered messages that are remembered; the oldest are forgotten first
};

/// Why a connection ended, and what to do next.
struct client_end {
    error why{};
    std::optional<duration> dial_again_in{};  ///< nothing: not by itself. @spec AM-AUT-033
};

/// Where a client's actions go. `received` returns whether the application has taken the message for good; if not, it
/// calls `client::confirm` later, and may be given the message again before that. Views live as long as the call.
template <class S>
concept ClientSink = requires(S& out, std::string_view text, std::uint16_t code, const wire::connected_frame& connected,
                              const wire::receive_frame& message, const wire::relay_frame& other,
                              const client_end& end) {
    out.send_text(text);
    out.close(code, text);
    out.connected(connected);
    { out.received(message) } -> std::same_as<bool>;
    out.answered(other);  ///< accepted, error, presence_response, ice_..., p2_p_established, pong
    out.ended(end);
};

/// One agent at one relay. Single-threaded; emits actions in order.
class client {
public:
    /// @param self    must outlive the client
    /// @errors those of the random source
    [[nodiscard]] static result<client> create(const local_identity& self, client_options chosen,
                                               RandomSource auto& random);

    // --- events -------------------------------------------------------------------------------------------
    void on_open(const moment& now, ClientSink auto& out);
    void on_text(std::string_view text, const moment& now, ClientSink auto& out);
    /// A Ping of the relay, which the driver answers.
    void on_ping(const moment& now) noexcept { heard_ = now.steady; }
    /// The connection is gone, or could not be made; `code` as in its Close, 1006 without one.
    void on_closed(std::uint16_t code, const moment& now, ClientSink auto& out);
    void on_tick(const moment& now, ClientSink auto& out);
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;

    // --- commands -------------------------------------------------------------------------------------------
    /// Sends a message. With `receipts` in force, or before the first login, it is kept until the relay has answered,
    /// and sent again with the same id after a break.
    /// @return the id under which `answered` will speak of it; empty without receipts
    /// @errors ws_closed if it can neither be sent nor kept, mailbox_full if the outbox is
    [[nodiscard]] result<std::string> send(const amid& to, std::string_view payload, wire::message_type type,
                                           ClientSink auto& out, std::string_view raw_candidates = {});
    /// A frame of wire/client_writer.hpp. @errors ws_closed if not logged in
    [[nodiscard]] result<void> say(std::string_view frame, ClientSink auto& out);
    /// The application has taken a message that it left open before.
    void confirm(std::string_view from, std::string_view id, ClientSink auto& out);
    /// As if a message had been delivered before, say in an earlier run of the program.
    void remember(std::string_view from, std::string_view id);
    /// Says goodbye and does not come back by itself.
    void disconnect(std::string_view reason, ClientSink auto& out);

    [[nodiscard]] bool is_ready() const noexcept { return state_ == state::ready; }
    [[nodiscard]] bool has_receipts() const noexcept { return receipts_; }
    [[nodiscard]] std::size_t outbox_size() const noexcept { return outbox_.size(); }

private:
    enum class state : std::uint8_t { offline, logging_in, ready, leaving, stopped };
    struct waiting_send {
        std::string id;
        std::string frame;
    };

    client(const local_identity& self, client_options chosen) : self_{&self}, options_{std::move(chosen)} {}

    [[nodiscard]] wire::feature_list offered() const;
    [[nodiscard]] std::string next_timestamp(const moment& now);
    void answer_challenge(const wire::challenge_frame& asked, const moment& now, ClientSink auto& out);
    void begin(const wire::connected_frame& frame, ClientSink auto& out);
    void deliver(const wire::receive_frame& message, ClientSink auto& out);
    void settle(std::string_view id);
    void abandon(const error& why, bool for_good, ClientSink auto& out);
    [[nodiscard]] duration next_delay() noexcept;

    const local_identity* self_;
    client_options options_;
    state state_ = state::offline;
    bool receipts_ = false;
    bool ever_ready_ = false;
    bool for_good_ = false;           ///< do not dial again when the connection is gone
    error why_{};                     ///< of the coming end, if it is known before the connection is gone
    steady_point opened_{};
    steady_point heard_{};
    time_point last_proof_ = time_point::min();
    unsigned failures_ = 0;
    std::uint64_t jitter_ = 0;
    std::string id_prefix_;
    std::uint64_t ids_ = 0;
    std::deque<waiting_send> outbox_;
    std::unordered_set<std::string> known_;
    std::deque<std::string> known_order_;
    wire::relay_frame_parser parser_;
};

}  // namespace agentmesh::relay

#include <agentmesh/relay/client.ipp>
