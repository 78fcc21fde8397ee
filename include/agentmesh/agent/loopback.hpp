// A relay, a directory and any number of agents in one process, without sockets, on a clock that moves when it is
// told to: for examples, tests, and an application's own tests.
//
//     loopback mesh;
//     auto& alice = mesh.join();
//     auto& bob = mesh.join(session::allow_intents{{"travel"}});
//     alice.knock(bob.name(), {.category = "travel"}, [&](const result<session_id>& s) { ... });
//     mesh.run();                                  // until nobody has anything to say
#pragma once

#include <agentmesh/agent/agent.hpp>
#include <agentmesh/agent/commands.hpp>
#include <agentmesh/relay/server.hpp>

namespace agentmesh {

/// The policy of a seat: any source, so that the agents of one mesh may have different ones.
class any_policy {
public:
    template <session::PolicySource P>
        requires(!std::same_as<std::remove_cvref_t<P>, any_policy>)
    any_policy(P rules)  // NOLINT: any policy is a policy
        : rules_{std::make_shared<P>(std::move(rules))},
          decide_{[p = static_cast<P*>(rules_.get())](const session::applicant& asking) { return p->decide(asking); }},
          generation_{[p = static_cast<P*>(rules_.get())] { return std::uint64_t{p->generation()}; }},
          allows_{[p = static_cast<P*>(rules_.get())](e2ee::suite_id suite) { return session::allows(*p, suite); }},
          allows_unsigned_{[p = static_cast<P*>(rules_.get())] { return session::allows_unsigned(*p); }} {
        P* const own = static_cast<P*>(rules_.get());
        if constexpr (requires(const moment& now) { own->is_flooded(now); })
            is_flooded_ = [own](const moment& now) { return own->is_flooded(now); };
        if constexpr (requires(const amid& who, const moment& now) { own->take_message(who, now); })
            take_message_ = [own](const amid& who, const moment& now) { return own->take_message(who, now); };
    }

    [[nodiscard]] session::verdict decide(const session::applicant& asking) { return decide_(asking); }
    [[nodiscard]] std::uint64_t generation() const { return generation_(); }
    [[nodiscard]] bool allows(e2ee::suite_id suite) const { return allows_(suite); }
    [[nodiscard]] bool allows_unsigned() const { return allows_unsigned_(); }
    [[nodiscard]] bool is_flooded(const moment& now) { return is_flooded_ && is_flooded_(now); }
    [[nodiscard]] unsigned take_message(const amid& who, const moment& now) {
        return take_message_ ? take_message_(who, now) : 0;
    }

private:
    std::shared_ptr<void> rules_;
    std::function<session::verdict(const session::applicant&)> decide_;
    std::function<std::uint64_t()> generation_;
    std::function<bool(e2ee::suite_id)> allows_;
    std::function<bool()> allows_unsigned_;
    std::function<bool(const moment&)> is_flooded_{};
    std::function<unsigned(const amid&, const moment&)> take_message_{};
};
static_assert(session::PolicySource<any_policy>);

/// Everything on one thread. Messages pass in the order sent, and only inside `run` and `advance`.
template <RandomSource Random = crypto::system_random, StateStore Store = memory_state>
class basic_loopback {
public:
    using member = agent<Store, registry::memory_registry, any_policy, Random>;

    /// One agent's place: its state outlives the agent, which can be ended and begun again.
    class seat : public agent_commands<seat> {
    public:
        seat(basic_loopback& mesh, local_identity self, any_policy policy, agent_options chosen)
            : mesh_{&mesh}, self_{std::move(self)}, policy_{std::move(policy)}, chosen_{std::move(chosen)} {}

        [[nodiscard]] const amid& name() const noexcept { return self_.name(); }
        [[nodiscard]] agent_handlers& handlers() noexcept { return handlers_; }
        [[nodiscard]] member& machine() noexcept { return *agent_; }
        [[nodiscard]] Store& state() noexcept { return state_; }
        [[nodiscard]] bool is_online() const noexcept { return link_.has_value(); }

        /// Dials the relay; `leave` ends the connection without a word, as a lost network does.
        void dial() { mesh_->dial(*this); }
        void leave() { mesh_->hang_up(*this); }
        /// The process dies here; `begin` starts it again on what was saved.
        void crash() {
            leave();
            agent_.reset();
        }
        [[nodiscard]] result<void> begin() {
            agent_.emplace(self_, state_, mesh_->directory_, policy_, chosen_);
            agent_->use(handlers_);
            return perform([](auto& agent, const moment& now, auto& out) { return agent.start(now, out); });
        }
        void forget_everything() { state_ = {}; }

        template <class F>
        auto perform(F&& command) {
            assert(agent_ && "the agent of this seat has ended");
            typename basic_loopback::outlet out{*mesh_, *this};
            return command(*agent_, mesh_->clock_.now(), out);
        }

    private:
        friend class basic_loopback;

        basic_loopback* mesh_;
        local_identity self_;
        any_policy policy_;
        agent_options chosen_;
        agent_handlers handlers_{};  // these outlive a crash
        Store state_{};
        std::optional<member> agent_;
        std::optional<relay::connection_id> link_;
    };

    explicit basic_loopback(time_point begins = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21},
                            relay::options chosen = {})
        : clock_{begins}, relay_{named(std::move(chosen)), clock_.now()} {
        clock_.advance(std::chrono::seconds{1});  // proofs of this moment are younger than the relay
    }
    basic_loopback(const basic_loopback&) = delete;
    basic_loopback& operator=(const basic_loopback&) = delete;

    /// A new agent, connected once the mesh runs.
    seat& join(any_policy policy = session::deny_all{}, agent_options chosen = {}) {
        return join(local_identity::create(random_, clock_.now().wall).value(), std::move(policy), std::move(chosen));
    }
    seat& join(local_identity self, any_policy policy, agent_options chosen = {}) {
        chosen.relay = "ws://loopback/";
        chosen.link.relay_name = "loopback:80";
        auto& out = *seats_.emplace_back(
            std::make_unique<seat>(*this, std::move(self), std::move(policy), std::move(chosen)));
        const auto begun = out.begin();
        assert(begun && "a new agent on an empty state has nothing to fail on");
        (void)begun;
        out.dial();
        return out;
    }

    /// Passes messages until none is left. Time stands still.
    void run() {
        while (!steps_.empty()) {
            const auto step = std::move(steps_.front());
            steps_.pop_front();
            step();
        }
    }
    /// Lets time pass, with everything that is due in it.
    void advance(duration by) {
        const auto end = clock_.now().steady + by;
        run();
        for (auto at = next_deadline(); at && *at <= end; at = next_deadline()) {
            if (*at > clock_.now().steady) clock_.advance(*at - clock_.now().steady);
            tick();
            run();
        }
        clock_.advance(end - clock_.now().steady);
    }

    [[nodiscard]] registry::memory_registry& directory() noexcept { return directory_; }
    [[nodiscard]] moment now() const noexcept { return clock_.now(); }
    /// Sees every frame that the relay sees; for tests.
    std::function<void(std::string_view)> on_frame{};
    /// Looks for an agent that the directory does not know, for a seat; true if an answer will come, by `on_resolved` of
    /// the seat's agent and not from within. May be empty.
    std::function<bool(seat&, const amid&)> on_resolve{};

private:
    using server = relay::server<relay::memory_mailbox, Random>;
    using connection_id = relay::connection_id;

    /// Where an agent's actions go.
    struct outlet {
        basic_loopback& mesh;
        seat& from;

        void send_text(std::string_view text) {
            if (!from.link_) return;
            mesh.steps_.push_back([m = &mesh, id = *from.link_, kept = std::string{text}] {
                if (m->on_frame) m->on_frame(kept);
                if (!m->seat_of(id)) return;
                m->on_relay([&](auto& relay, auto& out) { relay.on_text(id, kept, m->now(), out); });
            });
        }
        void close(std::uint16_t, std::string_view) {
            if (!from.link_) return;
            mesh.steps_.push_back([m = &mesh, id = *from.link_] { m->cut(id, relay::close_codes::normal); });
        }
        bool resolve(const amid& who) { return mesh.on_resolve && mesh.on_resolve(from, who); }
        void ended(const relay::client_end& end) {
            if (end.dial_again_in) from.mesh_->redial_.emplace_back(mesh.now().steady + *end.dial_again_in, &from);
        }
    };
    /// Where the relay's actions go.
    struct inlet {
        basic_loopback& mesh;

        relay::send_result send_text(connection_id to, std::span<const std::string_view> pieces) {
            std::string text;
            for (const auto piece : pieces) text.append(piece);
            mesh.steps_.push_back([m = &mesh, to, kept = std::move(text)] {
                if (seat* const at = m->seat_of(to); at && at->agent_)
                    at->perform([&](auto& agent, const moment& now, auto& out) { agent.on_text(kept, now, out); });
            });
            return relay::send_result::taken;
        }
        void send_ping(connection_id to, byte_view payload) {
            mesh.steps_.push_back([m = &mesh, to, kept = buffer{payload.begin(), payload.end()}] {
                seat* const at = m->seat_of(to);
                if (!at || !at->agent_) return;
                at->perform([](auto& agent, const moment& now, auto&) { agent.on_ping(now); });
                m->on_relay([&](auto& relay, auto& out) { relay.on_pong(to, kept, m->now(), out); });
            });
        }
        void close(connection_id to, std::uint16_t code, std::string_view) {
            mesh.steps_.push_back([m = &mesh, to, code] { m->cut(to, code); });
        }
    };

    static relay::options named(relay::options chosen) {
        chosen.name = "loopback:80";
        return chosen;
    }
    template <class F>
    void on_relay(F&& event) {
        inlet out{*this};
        event(relay_, out);
    }
    seat* seat_of(connection_id id) {
        for (const auto& one : seats_)
            if (one->link_ == id) return one.get();
        return nullptr;
    }
    void dial(seat& who) {
        if (who.link_) return;
        who.link_ = connection_id{next_id_++};
        steps_.push_back([this, id = *who.link_] {
            seat* const at = seat_of(id);
            if (!at || !at->agent_) return;
            on_relay([&](auto& relay, auto& out) { relay.on_opened(id, now(), out); });
            at->perform([](auto& agent, const moment& now, auto& out) { agent.on_open(now, out); });
        });
    }
    void hang_up(seat& who) {
        if (who.link_) cut(*who.link_, 1006);
    }
    void cut(connection_id id, std::uint16_t code) {
        seat* const at = seat_of(id);
        if (!at) return;
        at->link_.reset();
        on_relay([&](auto& relay, auto& out) { relay.on_closed(id, now(), out); });
        if (at->agent_)
            at->perform([code](auto& agent, const moment& now, auto& out) { agent.on_closed(code, now, out); });
    }
    [[nodiscard]] std::optional<steady_point> next_deadline() const {
        auto next = relay_.next_deadline();
        const auto take = [&](std::optional<steady_point> at) {
            if (at && (!next || *at < *next)) next = at;
        };
        for (const auto& one : seats_)
            if (one->agent_) take(one->agent_->next_deadline());
        for (const auto& [at, who] : redial_) take(at);
        return next;
    }
    void tick() {
        const auto now_ = now();
        on_relay([&](auto& relay, auto& out) { relay.on_tick(now_, out); });
        for (const auto& one : seats_)
            if (one->agent_) one->perform([](auto& agent, const moment& now, auto& out) { agent.on_tick(now, out); });
        for (std::size_t i = 0; i < redial_.size();) {
            const auto [at, who] = redial_[i];
            if (at > now_.steady) { ++i; continue; }
            redial_.erase(redial_.begin() + static_cast<std::ptrdiff_t>(i));
            if (who->agent_) dial(*who);
        }
    }

    manual_clock clock_;
    Random random_{};
    server relay_;
    registry::memory_registry directory_;
    std::vector<std::unique_ptr<seat>> seats_;
    std::deque<std::function<void()>> steps_;
    std::vector<std::pair<steady_point, seat*>> redial_;
    std::uint32_t next_id_ = 0;
};

using loopback = basic_loopback<>;

}  // namespace agentmesh
