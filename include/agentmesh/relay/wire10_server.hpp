// The relay of profile wire10: the same duties as relay::server, for agents that speak AgentMesh Wire 1.0.
//
// What deployed clients see is what their relays do, with the faults taken out: every frame is kept until its
// recipient has acknowledged it, also one that was written to a live connection; ids are told apart by sender and
// recipient; a KNOCK, which nobody acknowledges, is kept until a Pong shows that it arrived; refused frames are
// answered; any sign of life counts as one.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/relay/action.hpp>
#include <agentmesh/relay/agents.hpp>
#include <agentmesh/relay/auth.hpp>
#include <agentmesh/relay/mailbox.hpp>
#include <agentmesh/relay/receipts.hpp>
#include <agentmesh/wire/wire10_frame.hpp>

#include <set>
#include <unordered_map>

namespace agentmesh::relay {

/// Close codes of profile wire10, as deployed.
namespace wire10_codes {
inline constexpr std::uint16_t not_connect = 4001;  ///< the first frame is something else, or came too late
inline constexpr std::uint16_t no_name = 4002;      ///< `from` is missing
inline constexpr std::uint16_t not_allowed = 4003;  ///< the operator does not admit this agent
inline constexpr std::uint16_t silent = 4004;       ///< no sign of life for 90 seconds
inline constexpr std::uint16_t bad_proof = 4005;    ///< one code for every failed proof
}  // namespace wire10_codes

/// One relay of profile wire10. Single-threaded; events and sink are those of relay::server.
template <MailboxStore Store = memory_mailbox, RandomSource Random = crypto::system_random>
class wire10_server {
public:
    static constexpr duration silence_limit = std::chrono::seconds{90};

    /// @param require_proof  false also admits clients of before 4.0.0, which send no proof: anybody can then take any
    ///                       name, and a proof that is there is still verified
    wire10_server(const options& chosen, bool require_proof, const moment& started)
        : options_{chosen},
          require_proof_{require_proof},
          store_{options_.mailbox},
          proofs_{options_.replay_memory, options_.first_start ? time_point::min() : started.wall},
          receipts_{options_.receipt_memory, options_.mailbox.lifetime} {}

    void on_opened(connection_id id, const moment& now, ActionSink auto& out);
    void on_text(connection_id id, std::string_view text, const moment& now, ActionSink auto& out);
    void on_binary(connection_id id, const moment& now, ActionSink auto& out);
    void on_pong(connection_id id, byte_view payload, const moment& now, ActionSink auto& out);
    void on_ping(connection_id id, const moment& now, ActionSink auto& out);
    void on_closed(connection_id id, const moment& now, ActionSink auto& out);
    void on_drained(connection_id id, const moment& now, ActionSink auto& out);
    void on_tick(const moment& now, ActionSink auto& out);
    void on_stop(const moment& now, ActionSink auto& out);

    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;
    [[nodiscard]] const metrics& count() const noexcept { return count_; }
    [[nodiscard]] const Store& store() const noexcept { return store_; }

private:
    enum class phase : std::uint8_t { opened, live, closing };
    struct connection {
        phase at = phase::opened;
        agent* who = nullptr;
        std::optional<mesh_did> name{};
        steady_point opened{};
        steady_point heard{};
        steady_point pinged{};
        message_number cursor = 0;               ///< stored frames up to here were delivered here
        std::vector<message_number> unanswered;  ///< delivered KNOCK frames, gone with the next Pong
        std::size_t covered = 0;                 ///< how many of them were delivered before the latest Ping
        bool awaits_pong = false;
        bool full = false;
    };
    using connections = std::unordered_map<std::uint32_t, connection>;

    /// A store knows AMIDs only. This name exists nowhere else, since the two profiles have stores of their own.
    [[nodiscard]] static amid mailbox_of(const mesh_did& name);

    void first_frame(std::uint32_t id, connection& at, std::string_view text, const moment& now, ActionSink auto& out);
    [[nodiscard]] result<mesh_did> verify(const wire::wire10_frame& frame, const moment& now);
    void login(std::uint32_t id, connection& at, const mesh_did& name, const moment& now, ActionSink auto& out);
    void pass_on(std::uint32_t id, connection& at, const wire::wire10_frame& frame, std::string_view text,
                 const moment& now, ActionSink auto& out);
    void acknowledge(connection& at, std::string_view message_id, const moment& now);
    void deliver(std::uint32_t id, connection& at, const moment& now, ActionSink auto& out);
    void ping(std::uint32_t id, connection& at, const moment& now, ActionSink auto& out);
    void refuse(std::uint32_t id, std::string_view detail, const error& why, const moment& now, ActionSink auto& out,
                std::string_view answer_id = {});
    void close(std::uint32_t id, connection& at, std::uint16_t code, std::string_view reason, const moment& now,
               ActionSink auto& out);
    void detach(std::uint32_t id, connection& at);
    void wake(std::uint32_t id, steady_point at) { due_.emplace(at, id); }
    [[nodiscard]] bool prepare();

    options options_;
    bool require_proof_;
    Store store_;
    Random random_{};
    bool seeded_ = false;
    bool stopping_ = false;
    metrics count_{};
    agent_table agents_;
    connections connections_;
    std::set<std::pair<steady_point, std::uint32_t>> due_;  ///< when to look at a connection again
    std::deque<std::pair<steady_point, amid>> departed_;    ///< agents to be forgotten once their rates are idle
    proof_memory proofs_;
    receipt_memory receipts_;
    wire::wire10_parser parser_;
};

}  // namespace agentmesh::relay

#include <agentmesh/relay/wire10_server.ipp>
