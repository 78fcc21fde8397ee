// Bodies of agent_driver.hpp.
#pragma once

namespace agentmesh::net {

template <class Agent>
driver<Agent>::driver(asio::io_context& io, Agent& machine, driver_options chosen)
    : chosen_{std::move(chosen)},
      agent_{&machine},
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
      deadline_{io},
      redial_{io} {}

template <class Agent>
result<void> driver<Agent>::start() {
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

template <class Agent>
void driver<Agent>::dial() {
#if AGENTMESH_TLS
    socket_.open(where_, tls_ ? &*tls_ : nullptr);
#else
    socket_.open(where_);
#endif
}

template <class Agent>
void driver<Agent>::dial_after(duration wait) {
    redial_.expires_after(wait);
    redial_.async_wait([this](const std::error_code& cancelled) {
        if (!cancelled) dial();
    });
}

template <class Agent>
template <class F>
auto driver<Agent>::perform(F&& command) {
    actions out{*this};
    // The rest comes after the command whatever it returns, so that no deadline is forgotten.
    struct afterwards {
        driver& self;
        ~afterwards() {
            self.arm_timer();
            if (self.chosen_.after) self.chosen_.after();
        }
    } const then{*this};
    return command(*agent_, clock_.now(), out);
}

template <class Agent>
void driver<Agent>::arm_timer() {
    if (!started_) return;
    if (stopping_) return (void)deadline_.cancel();
    const auto next = agent_->next_deadline();
    if (!next || *next == steady_point::max()) return (void)deadline_.cancel();
    deadline_.expires_at(to_std(*next));
    deadline_.async_wait([this](const std::error_code& cancelled) {
        // A timer may have run out before it was cancelled; what a tick says after the goodbye, nobody would hear.
        if (!cancelled && !stopping_) perform([](Agent& a, const moment& now, auto& out) { a.on_tick(now, out); });
    });
}

template <class Agent>
void driver<Agent>::stop(std::string_view reason) {
    if (!started_) return;
    stopping_ = true;
    redial_.cancel();
    perform([reason](Agent& a, const moment&, auto& out) { a.disconnect(reason, out); });
}

}  // namespace agentmesh::net
