// The relay: authenticates agents, passes their messages on, and keeps them for the absent. No sockets, no clock,
// no threads; the driver brings connections, frames and the time, and carries out the actions.
//
//     relay::server<> relay{{.name = "relay.example:8765"}, now};
//     relay.on_opened(id, now, sink);                      // after the upgrade
//     relay.on_text(id, message, now, sink);               // sink.send_text(...), sink.close(...), in order
//     relay.on_closed(id, now, sink);                      // exactly once for each opened
//     if (auto at = relay.next_deadline()) arm(*at);       // then relay.on_tick(now, sink)
#pragma once

#include <agentmesh/core/concepts.hpp>
#include <agentmesh/core/fault.hpp>
#include <agentmesh/core/json_writer.hpp>
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/relay/links.hpp>
#include <agentmesh/relay/receipts.hpp>
#include <agentmesh/wire/relay_frame.hpp>

#include <optional>

namespace agentmesh::relay {

/// One relay. Single-threaded. Events are `on_...`; each may emit any number of actions for any connection.
/// Every event takes the present moment, whose steady part never goes back from one event to the next.
template <MailboxStore Store = memory_mailbox, RandomSource Random = crypto::system_random>
class server {
public:
    /// @param started  the moment from which proofs are remembered, see options::first_start
    server(options chosen, const moment& started)
        requires std::constructible_from<Store, const mailbox_caps&> && std::default_initializable<Random>;
    server(options chosen, const moment& started, Store store, Random random);

    // --- events -------------------------------------------------------------------------------------

    /// The upgrade is complete. @pre `id` is not open
    void on_opened(connection_id id, const moment& now, ActionSink auto& out);
    /// One text message; the view need not outlive the call.
    void on_text(connection_id id, std::string_view text, const moment& now, ActionSink auto& out);
    void on_binary(connection_id id, const moment& now, ActionSink auto& out);
    /// A Pong, whatever its payload.
    void on_pong(connection_id id, byte_view payload, const moment& now, ActionSink auto& out);
    /// A Ping that the driver has answered or is about to answer.
    void on_ping(connection_id id, const moment& now, ActionSink auto& out);
    /// The socket is gone, or the peer has sent Close: nothing more can be delivered there. Frees `id`.
    void on_closed(connection_id id, const moment& now, ActionSink auto& out);
    /// There is room again after `send_result::full`.
    void on_drained(connection_id id, const moment& now, ActionSink auto& out);
    /// Time has passed. May be called at any time; wanted at `next_deadline`.
    void on_tick(const moment& now, ActionSink auto& out);
    /// Closes everything with 1001, now and from now on. Stored messages stay in the store. @spec AM-RLY-076
    void on_stop(const moment& now, ActionSink auto& out);

    // --- queries ------------------------------------------------------------------------------------

    /// When `on_tick` is wanted next; nothing if nothing waits. O(1).
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;
    [[nodiscard]] const metrics& count() const noexcept { return count_; }
    [[nodiscard]] const options& chosen() const noexcept { return options_; }
    [[nodiscard]] const Store& store() const noexcept { return store_; }
    /// Calls `f(name, status)` for each agent that is connected.
    template <class F>
    void visit_connected(F&& f) const {
        agents_.visit([&](const agent& one) {
            if (one.route != nowhere) f(one.name, one.status);
        });
    }

private:
    using phase = link::phase;

    // login (server_login.ipp)
    void await_login(std::uint32_t id, const moment& now);
    void on_first_frame(std::uint32_t id, std::string_view text, const moment& now, ActionSink auto& out);
    void connect(std::uint32_t id, const wire::connect_frame& frame, const moment& now, ActionSink auto& out);
    void challenge(std::uint32_t id, std::unique_ptr<pending_challenge> asked, const moment& now, ActionSink auto& out);
    void finish_challenge(std::uint32_t id, const wire::challenge_response_frame& frame, const moment& now,
                          ActionSink auto& out);
    void login(std::uint32_t id, const amid& name, bool receipts, const std::string* raw_features, const moment& now,
               ActionSink auto& out);
    void deny(std::uint32_t id, const error& why, const moment& now, ActionSink auto& out);
    [[nodiscard]] bool prepare();

    // frames of an agent (server_frames.ipp)
    void take(std::uint32_t id, const wire::send_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::ack_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::presence_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::presence_query_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::ice_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::established_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::ping_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::disconnect_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::connect_frame& frame, const moment& now, ActionSink auto& out);
    void take(std::uint32_t id, const wire::challenge_response_frame& frame, const moment& now, ActionSink auto& out);
    void refuse_frame(std::uint32_t id, const error& why, std::string_view answer_id, const moment& now,
                      ActionSink auto& out);
    [[nodiscard]] bool admit(std::uint32_t id, rate_kind kind, std::string_view answer_id, const moment& now,
                             ActionSink auto& out);
    [[nodiscard]] agent* find_connected(std::string_view name) noexcept;

    // delivery (server_delivery.ipp)
    void store_and_forward(std::uint32_t id, const amid& to, agent* connected, const wire::send_frame& frame,
                           const moment& now, ActionSink auto& out);
    void deliver_stored(std::uint32_t id, const moment& now, ActionSink auto& out);
    [[nodiscard]] std::string_view make_id();
    [[nodiscard]] std::string_view stamp(const moment& now);

    // life of a connection (server_life.ipp)
    [[nodiscard]] link* find(connection_id id) noexcept;
    void ping(std::uint32_t id, const moment& now, ActionSink auto& out);
    void detach(std::uint32_t id, const moment& now);
    void close(std::uint32_t id, std::uint16_t code, std::string_view reason, const moment& now, ActionSink auto& out);
    void evict(std::uint32_t id, errc why, std::uint16_t code, std::string_view reason, const moment& now,
               ActionSink auto& out);
    void answer(std::uint32_t id, const wire::frame_pieces& frame, const moment& now, ActionSink auto& out);
    void refuse(std::uint32_t id, const error& why, const moment& now, ActionSink auto& out, unsigned retry_after = 0,
                std::string_view answer_id = {});
    void forget_idle_agents(const moment& now);
    void audit(const audit_event& what, ActionSink auto& out);

    /// An agent that logged out, to be forgotten once its rate counters say nothing any more.
    struct departure {
        steady_point due;
        amid name;
    };

    options options_;
    std::string raw_name_;   ///< options::name as JSON
    Store store_;
    Random random_;
    metrics count_;
    agent_table agents_;
    link_table links_;
    link_queue<&link::waiting> to_log_in_;
    link_queue<&link::waiting> to_answer_;
    link_queue<&link::pinging> to_ping_;
    std::deque<departure> departed_;
    proof_memory proofs_;
    challenge_memory challenged_;
    receipt_memory receipts_;
    wire::client_frame_parser parser_;
    std::string stamp_;      ///< text of `stamp_of_`
    time_point stamp_of_ = time_point::min();
    std::string made_id_;    ///< begins with what no other instance begins with
    std::size_t made_id_prefix_ = 0;
    std::uint64_t made_ids_ = 0;
    std::string scratch_;
    bool stopping_ = false;
};

}  // namespace agentmesh::relay

#include <agentmesh/relay/server_delivery.ipp>
#include <agentmesh/relay/server_frames.ipp>
#include <agentmesh/relay/server_life.ipp>
#include <agentmesh/relay/server_login.ipp>
