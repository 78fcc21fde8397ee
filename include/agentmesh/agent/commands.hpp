// What an application says to its agent, the same for every driver.
#pragma once

#include <agentmesh/agent/options.hpp>

namespace agentmesh {

/// Commands and handlers without the present and the sink: those are the driver's to bring. `Driver` offers
/// `perform(f)`, which calls `f(agent, now, sink)` and looks after the deadlines, and `handlers()`.
///
/// Models: `net::driver`, `loopback::seat`.
template <class Driver>
class agent_commands {
public:
    using knock_answer = std::function<void(const result<session_id>&)>;

    /// @see agent::knock
    void knock(const amid& peer, const intent& what, knock_answer answer, const session_request& asked = {}) {
        driver().perform([&](auto& agent, const moment& now, auto& out) {
            agent.knock(peer, what, asked, std::move(answer), now, out);
        });
    }
    /// @see agent::send
    result<session::message_id> send(const session_id& to, const message::body& what) {
        return driver().perform(
            [&](auto& agent, const moment& now, auto& out) { return agent.send(to, what, now, out); });
    }
    /// @see agent::close
    result<void> close(const session_id& which, message::code why = message::code::close_completed) {
        return driver().perform(
            [&](auto& agent, const moment& now, auto& out) { return agent.close(which, now, out, why); });
    }
    void on_message(std::function<void(const incoming&)> handler) {
        driver().handlers().on_message = std::move(handler);
    }
    void on_opened(std::function<void(const session_info&)> handler) {
        driver().handlers().on_opened = std::move(handler);
    }
    void on_closed(std::function<void(const session_info&, const error&)> handler) {
        driver().handlers().on_closed = std::move(handler);
    }

private:
    [[nodiscard]] Driver& driver() noexcept { return static_cast<Driver&>(*this); }
};

}  // namespace agentmesh
