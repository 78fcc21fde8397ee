// An agent: its relay, its sessions, its prekeys, its directory and its saved state as one machine.
//
//     agent alice{self, store, directory, allow_intents{{"travel"}}, {.relay = "ws://127.0.0.1:8765/"}};
//     alice.handlers().on_message = [](const incoming& got) { std::cout << got.text() << '\n'; };
//     AGENTMESH_CHECK(alice.start(now, out));
//     alice.knock(bob, {.category = "travel"}, {}, [](const result<session_id>& opened) { ... }, now, out);
//     alice.send(session, text("two seats to Lisbon"), now, out);
//
// What arrives goes relay -> engine -> application. The relay's copy is acknowledged once the engine has saved the
// message, the engine's copy is erased once the application has taken it: nothing is lost and nothing comes twice,
// whichever side is ended in between. What is sent stays in the saved state until the peer's engine has said, inside
// the session, that it has it; what a relay promises (`accepted`, durable or not) is not relied on.
#pragma once

#include <agentmesh/agent/ledger.hpp>
#include <agentmesh/agent/options.hpp>
#include <agentmesh/registry/directory.hpp>

#include <deque>
#include <map>
#include <set>

namespace agentmesh {

/// The owner's rules, asked with the tier and the reputation that the directory knows of the caller.
template <session::PolicySource Rules, registry::Registry Directory>
class informed_policy {
public:
    informed_policy(Rules& rules, Directory& directory) noexcept : rules_{&rules}, directory_{&directory} {}

    /// @spec AM-KNK-035
    [[nodiscard]] session::verdict decide(session::applicant asking) {
        asking.trust.reset();
        asking.reputation_ppm = 0;
        if (const auto known = directory_->find(asking.who)) {
            asking.trust = known->trust;
            asking.reputation_ppm = known->reputation_ppm;
        }
        return rules_->decide(asking);
    }
    [[nodiscard]] std::uint64_t generation() const { return rules_->generation(); }
    /// @spec AM-POL-015
    [[nodiscard]] bool allows(e2ee::suite_id suite) const { return session::allows(*rules_, suite); }
    [[nodiscard]] bool allows_unsigned() const { return session::allows_unsigned(*rules_); }

private:
    Rules* rules_;
    Directory* directory_;
};

/// One agent. Single-threaded; owns no socket, clock or thread. Commands and events carry the present and a sink;
/// `net::driver` and `loopback` bring both.
template <StateStore Store, registry::Registry Directory, session::PolicySource Policy,
          RandomSource Random = crypto::system_random>
class agent {
public:
    /// Called once, with the session or with the reason why there is none: the peer's refusal, or its silence.
    using knock_answer = std::function<void(const result<session_id>&)>;

    /// @param self, store, directory  must outlive the agent. The store is this agent's alone, the directory need not
    agent(const local_identity& self, Store& store, Directory& directory, Policy policy, agent_options chosen = {});
    agent(const agent&) = delete;
    agent& operator=(const agent&) = delete;

    /// To be filled in before `start`, which may already hand over what an earlier run has left.
    [[nodiscard]] agent_handlers& handlers() noexcept { return *handlers_; }
    /// Takes handlers that somebody else keeps, and that outlive the agent.
    void use(agent_handlers& elsewhere) noexcept { handlers_ = &elsewhere; }

    // --- life -----------------------------------------------------------------------------------------------
    /// What a challenge of the relay must name, unless the options say it: the authority that is dialled.
    void relay_is(std::string_view authority) {
        if (options_.link.relay_name.empty()) options_.link.relay_name = authority;
    }

    /// Takes up the saved state and publishes the own record. Once, before anything else.
    /// @errors bad_snapshot or snapshot_rollback for a state that cannot be continued, not_persisted and others of the
    ///         store, those of Registry::publish, those of the random source
    [[nodiscard]] result<void> start(const moment& now, AgentSink auto& out);

    // --- commands -------------------------------------------------------------------------------------------
    /// Asks a peer for a session; returns the open one with this peer for this category if it is still good.
    void knock(const amid& peer, const intent& what, const session_request& asked, knock_answer answer,
               const moment& now, AgentSink auto& out, session::haste how = session::haste::wait_for_answer);

    /// Sends a message. It is saved before this returns and sent until the peer has it, also in a later run; before
    /// the answer to a KNOCK it waits. `to` may be a session that another one has replaced.
    /// @spec   AM-ENV-001, AM-ENV-005
    /// @param  name  your own for the message, 1 to 64 of `A-Z a-z 0-9 . _ : -`
    /// @errors those of message::write_body, sign_envelope and engine::send
    result<session::message_id> send(const session_id& to, const message::body& what, const moment& now,
                                     AgentSink auto& out, std::optional<std::string> name = {});

    /// Says why to the peer, and ends the session once the peer knows.
    /// @errors as `send`
    result<void> close(const session_id& which, const moment& now, AgentSink auto& out,
                       message::code why = message::code::close_completed);

    /// Says goodbye to the relay and does not come back by itself.
    void disconnect(std::string_view reason, AgentSink auto& out);

    /// Looks at prekeys and their age, and publishes the own record if they changed.
    /// @errors as `start`
    result<void> keep_up(const moment& now);

    // --- events of the connection to the relay -----------------------------------------------------------------
    void on_open(const moment& now, AgentSink auto& out);
    void on_text(std::string_view text, const moment& now, AgentSink auto& out);
    /// A Ping of the relay, which the driver answers.
    void on_ping(const moment& now) noexcept { link_->on_ping(now); }
    void on_closed(std::uint16_t code, const moment& now, AgentSink auto& out);
    void on_tick(const moment& now, AgentSink auto& out);
    /// What came of AgentSink's `resolve`. One that nobody waits for is passed over.
    /// @spec AM-FND-018
    void on_resolved(const amid& who, const result<void>& outcome, const moment& now, AgentSink auto& out);
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;

    // --- questions ------------------------------------------------------------------------------------------
    [[nodiscard]] const amid& name() const noexcept { return self_->name(); }
    [[nodiscard]] const agent_options& chosen() const noexcept { return options_; }
    [[nodiscard]] std::vector<session_info> sessions() const { return engine_.sessions(); }
    [[nodiscard]] std::optional<session_info> find(const session_id& id) const { return engine_.find(successor(id)); }
    /// Messages that no peer has acknowledged, of all sessions.
    [[nodiscard]] std::size_t unacknowledged() const;
    [[nodiscard]] bool is_connected() const noexcept { return link_ && link_->is_ready(); }
    /// The owner's rules; a change of them counts from the next KNOCK on.
    [[nodiscard]] Policy& policy() noexcept { return policy_; }
    [[nodiscard]] const e2ee::prekey_store& prekeys() const noexcept { return prekeys_; }

private:
    template <class Out>
    struct actions;  // the ClientSink of the link and the SessionSink of the engine

    struct arrival {
        session::incoming head;  // its view is empty
        std::string text;
    };
    struct closing {
        session_info which;
        error why;
    };
    struct answered {
        knock_answer answer;
        result<session_id> outcome;
    };
    struct connection {
        std::int64_t pending;
    };
    struct lost_session {
        session_info which;
        steady_point again;
    };
    /// A KNOCK of ours that waits until the peer is found.
    struct waiting_knock {
        intent what;
        session_request asked;
        knock_answer answer;
        session::haste how;
    };
    /// A frame of somebody of whom we do not know yet who he is: a KNOCK, or what came after it.
    struct held_frame {
        std::string id;
        std::string payload;
        wire::message_type type;
    };
    struct unresolved {
        steady_point until;
        std::vector<waiting_knock> knocks{};
        std::vector<held_frame> frames{};
    };
    static constexpr std::size_t held_frames = 8;  ///< of one stranger
    static constexpr std::size_t held_bytes = 64 * 1024;

    using news = std::variant<arrival, session_info, session::refusal, closing, session::undelivered,
                              session::audit_event, answered, connection, relay::client_end, wire::error_frame>;
    using rules = informed_policy<Policy, Directory>;
    using engine = session::engine<Random, rules, e2ee::prekey_store>;

    [[nodiscard]] result<void> commit(std::span<const record_change> changes);
    void stage(const session_id& id, const envelope_ledger::numbers& numbers);
    [[nodiscard]] bool screened(const amid& from, std::string_view payload, const moment& now);
    [[nodiscard]] bool over_rate(const amid& from, std::string_view payload, const moment& now);
    [[nodiscard]] bool look_for(const amid& who, const moment& now, AgentSink auto& out);
    [[nodiscard]] bool hold(const amid& from, const wire::receive_frame& frame, const moment& now, AgentSink auto& out);
    [[nodiscard]] result<session_id> begin_knock(const amid& peer, const intent& what, const session_request& asked,
                                                 session::haste how, const moment& now, AgentSink auto& out);
    void note_begun(const result<session_id>& begun, knock_answer answer);
    [[nodiscard]] session_id successor(session_id id) const;
    [[nodiscard]] session_id home_of(const session::incoming& message) const;
    void forget_ended_numbers();
    void tell(const moment& now, AgentSink auto& out);
    void tell_delivered();
    void report(arrival& what, const moment& now, AgentSink auto& out);
    void report(const session_info& opened, const moment& now, AgentSink auto& out);
    void report(const session::refusal& no, const moment& now, AgentSink auto& out);
    void report(const closing& what, const moment& now, AgentSink auto& out);
    void report(const session::undelivered& lost, const moment&, AgentSink auto&) {
        if (handlers_->on_undelivered) handlers_->on_undelivered(lost);
    }
    void report(const session::audit_event& event, const moment&, AgentSink auto&) {
        if (handlers_->on_audit) handlers_->on_audit(event);
    }
    void report(const answered& what, const moment&, AgentSink auto&) {
        if (what.answer) what.answer(what.outcome);
    }
    void report(const connection& up, const moment&, AgentSink auto&) {
        if (handlers_->on_connected) handlers_->on_connected(up.pending);
    }
    void report(const relay::client_end& end, const moment&, AgentSink auto&) {
        if (handlers_->on_disconnected) handlers_->on_disconnected(end);
    }
    void report(const wire::error_frame& refused, const moment&, AgentSink auto&) {
        if (handlers_->on_relay_error) handlers_->on_relay_error(refused);
    }
    [[nodiscard]] result<incoming> read(const arrival& what, const session_id& home, envelope_ledger::numbers& numbers);
    void settle(const session_id& id, const result<session_id>& outcome);
    void knock_again(const moment& now, AgentSink auto& out);
    void try_lost(const amid& peer, steady_point at);

    const local_identity* self_;
    Store* store_;
    Directory* directory_;
    agent_options options_;
    agent_handlers own_handlers_{};
    agent_handlers* handlers_ = &own_handlers_;
    Policy policy_;
    rules rules_;
    Random random_{};
    e2ee::identity_card card_;
    e2ee::prekey_store prekeys_;
    engine engine_;
    std::optional<relay::client> link_;        // from `start` on
    envelope_ledger ledger_;
    std::map<session_id, std::vector<knock_answer>> asked_;
    std::map<session_id, session_id> replaced_;
    std::set<session_id> awaited_;             // sessions with messages that are not acknowledged
    std::vector<lost_session> lost_;
    std::map<amid, unresolved> unresolved_;    // agents that somebody looks for
    std::map<amid, duration> patience_;        // with peers that did not answer a KNOCK; doubles each time
    std::deque<news> news_;
    std::vector<std::pair<std::string, std::optional<buffer>>> staged_;  // goes into the next commit
    steady_point upkeep_at_ = steady_point::max();
    steady_point not_before_ = steady_point::min();  // is the engine's next tick
    bool published_ = false;
    bool telling_ = false;
};

}  // namespace agentmesh

#include <agentmesh/agent/agent.ipp>
