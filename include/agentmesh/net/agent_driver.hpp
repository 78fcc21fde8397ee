// Runs an agent over sockets: dials its relay, keeps its deadlines, dials again after a break.
//
//     asio::io_context io;
//     net::driver mesh{io, alice};                       // any agent<...>
//     mesh.on_message([&](const incoming& got) { ... });
//     if (auto up = mesh.start(); !up) { std::cerr << to_string(up.error()) << '\n'; return 1; }
//     io.run();                                          // until mesh.stop()
#pragma once

#include <agentmesh/agent/agent.hpp>
#include <agentmesh/agent/commands.hpp>
#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/net/ws_socket.hpp>

namespace agentmesh::net {

struct driver_options {
    std::string trusted_file{};  ///< PEM; for `wss`, in place of the system's certificates
    bool dial_again = true;      ///< after a break, when the agent says so
    /// What is done with time that somebody else must spend: called after everything that happened. May be empty.
    std::function<void()> after{};
    /// Looks for an agent that the directory does not know, and answers with `driver::resolved`, never from within; false
    /// if it does not. May be empty. `net::finder` is one.
    std::function<bool(const amid&)> resolve{};
};

/// Where a driver's time comes from: a clock, and timers that run on it. This one is the system's; a test brings one
/// that moves when it is told to.
struct real_time {
    class timer {
    public:
        timer(asio::io_context& io, const real_time&) : wait_{io} {}
        /// Calls `then` at that moment, in place of whatever was set before.
        template <class F>
        void set(steady_point at, F then) {
            wait_.expires_at(to_std(at));
            wait_.async_wait([then = std::move(then)](const std::error_code& cancelled) {
                if (!cancelled) then();
            });
        }
        /// One that has run out already may still be called.
        void cancel() { wait_.cancel(); }

    private:
        steady_timer wait_;
    };

    [[nodiscard]] moment now() const noexcept { return system_clock{}.now(); }
};

/// The only thing between an agent and the operating system. Lives on one io_context that one thread runs.
template <class Agent, class Time = real_time>
class driver : public agent_commands<driver<Agent, Time>> {
public:
    /// @param machine  must outlive the driver; not started yet
    driver(asio::io_context& io, Agent& machine, driver_options chosen = {}, Time time = {});

    /// Starts the agent and dials its relay. A relay that cannot be reached is no error: it is dialled again.
    /// @errors those of Agent::start; http_malformed for a URL that is none, tls_failed for `trusted_file`
    [[nodiscard]] result<void> start();

    /// Says goodbye; once it is over, nothing is left to do on the io_context. What was not delivered is saved and
    /// goes on in the next run.
    void stop(std::string_view reason = "done");

    /// What came of `resolve`.
    void resolved(const amid& who, const result<void>& outcome) {
        perform([&](Agent& a, const moment& now, auto& out) { a.on_resolved(who, outcome, now, out); });
    }

    [[nodiscard]] bool is_connected() const noexcept { return agent_->is_connected(); }
    [[nodiscard]] Agent& machine() noexcept { return *agent_; }
    [[nodiscard]] agent_handlers& handlers() noexcept { return agent_->handlers(); }

    template <class F>
    auto perform(F&& command);

private:
    struct actions {
        driver& self;
        void send_text(std::string_view text) { (void)self.socket_.send_text(text); }
        void close(std::uint16_t code, std::string_view reason) { (void)self.socket_.close(code, reason); }
        bool resolve(const amid& who) { return self.chosen_.resolve && self.chosen_.resolve(who); }
        void ended(const relay::client_end& end) {
            if (end.dial_again_in && self.chosen_.dial_again && !self.stopping_) self.dial_after(*end.dial_again_in);
        }
    };

    void dial();
    void dial_after(duration wait);
    void arm_timer();

    driver_options chosen_;
    Agent* agent_;
    ws_address where_;
    Time time_;
#if AGENTMESH_TLS
    std::optional<tls_context> tls_;
#endif
    ws_socket socket_;
    typename Time::timer deadline_;
    typename Time::timer redial_;
    bool started_ = false;
    bool stopping_ = false;
};

}  // namespace agentmesh::net

#include <agentmesh/net/agent_driver.ipp>
