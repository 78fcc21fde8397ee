// Bodies of agent_driver.hpp.
#pragma once

namespace agentmesh::net {

template <class Agent, class Time>
driver<Agent, Time>::driver(asio::io_context& io, Agent& machine, driver_options chosen, Time time)
    : chosen_{std::move(chosen)},
      agent_{&machine},
      time_{std::move(time)},
      socket_{io,
              {.opened =
                   [this] {
                       if (stopping_) return (void)socket_.close(1000);  // it was too late to take the dial back
                       perform([](Agent& a, const moment& now, auto& out) { a.on_open(now, out); });
                   },
               .text =
                   [this](std::string_view text) {
                       perform([text](Agent& a, const moment& now, auto& out) { a.on_text(text, now, out); });
                   },
               .ping = [this] { perform([](Agent& a, const moment& now, auto&) { a.on_ping(now); }); },
               .closed =
                   [this](std::uint16_t code, const error&) {
                       perform([code](Agent& a, const moment& now, auto& out) { a.on_closed(code, now, out); });
                   }}},
      deadline_{io, time_},
      redial_{io, time_} {}

template <class Agent, class Time>
result<void> driver<Agent, Time>::start() {
    AGENTMESH_TRY(where, parse_ws_url(agent_->chosen().relay));
    where_ = std::move(where);
#if AGENTMESH_TLS
    if (where_.secure) {
        AGENTMESH_TRY(context, tls_context::client(chosen_.trusted_file));
        tls_.emplace(std::move(context));
    }
#endif
    agent_->relay_is(where_.authority());
    started_ = true;
    AGENTMESH_CHECK(perform([](Agent& a, const moment& now, auto& out) { return a.start(now, out); }));
    dial();
    return {};
}

template <class Agent, class Time>
void driver<Agent, Time>::dial() {
#if AGENTMESH_TLS
    socket_.open(where_, tls_ ? &*tls_ : nullptr);
#else
    socket_.open(where_);
#endif
}

template <class Agent, class Time>
void driver<Agent, Time>::dial_after(duration wait) {
    redial_.set(time_.now().steady + wait, [this] {
        if (!stopping_) dial();
    });
}

template <class Agent, class Time>
template <class F>
auto driver<Agent, Time>::perform(F&& command) {
    actions out{*this};
    // The rest comes after the command whatever it returns, so that no deadline is forgotten.
    struct afterwards {
        driver& self;
        ~afterwards() {
            self.arm_timer();
            if (self.chosen_.after) self.chosen_.after();
        }
    } const then{*this};
    return command(*agent_, time_.now(), out);
}

template <class Agent, class Time>
void driver<Agent, Time>::arm_timer() {
    if (!started_) return;
    if (stopping_) return (void)deadline_.cancel();
    const auto next = agent_->next_deadline();
    if (!next || *next == steady_point::max()) return (void)deadline_.cancel();
    deadline_.set(*next, [this] {
        // A timer may have run out before it was cancelled; what a tick says after the goodbye, nobody would hear.
        if (!stopping_) perform([](Agent& a, const moment& now, auto& out) { a.on_tick(now, out); });
    });
}

template <class Agent, class Time>
void driver<Agent, Time>::stop(std::string_view reason) {
    if (!started_) return;
    stopping_ = true;
    redial_.cancel();
    perform([reason](Agent& a, const moment&, auto& out) { a.disconnect(reason, out); });
}

}  // namespace agentmesh::net
