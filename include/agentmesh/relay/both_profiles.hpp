// A relay for both profiles on one port: path `/ws` speaks wire10, every other path v02. Ruling 30.
#pragma once

#include <agentmesh/relay/server.hpp>
#include <agentmesh/relay/wire10_server.hpp>

namespace agentmesh::relay {

/// The path of profile wire10.
inline constexpr std::string_view wire10_path = "/ws";

/// Passes each event to the machine of the connection's profile. Agents of one profile do not see those of the other:
/// their names differ, and so do their mailboxes.
template <class V02 = server<>, class Wire10 = wire10_server<>>
class both_profiles {
public:
    both_profiles(const options& chosen, const moment& started)
        : v02_{chosen, started}, wire10_{chosen, chosen.wire10 != wire10_mode::unproven, started} {}

    void on_opened(connection_id id, std::string_view path, const moment& now, ActionSink auto& out) {
        const auto at = static_cast<std::size_t>(id);
        if (at >= is_wire10_.size()) is_wire10_.resize(at + 1);
        is_wire10_[at] = path == wire10_path;
        path == wire10_path ? wire10_.on_opened(id, now, out) : v02_.on_opened(id, now, out);
    }
    void on_text(connection_id id, std::string_view text, const moment& now, ActionSink auto& out) {
        is_wire10(id) ? wire10_.on_text(id, text, now, out) : v02_.on_text(id, text, now, out);
    }
    void on_binary(connection_id id, const moment& now, ActionSink auto& out) {
        is_wire10(id) ? wire10_.on_binary(id, now, out) : v02_.on_binary(id, now, out);
    }
    void on_pong(connection_id id, byte_view payload, const moment& now, ActionSink auto& out) {
        is_wire10(id) ? wire10_.on_pong(id, payload, now, out) : v02_.on_pong(id, payload, now, out);
    }
    void on_ping(connection_id id, const moment& now, ActionSink auto& out) {
        is_wire10(id) ? wire10_.on_ping(id, now, out) : v02_.on_ping(id, now, out);
    }
    void on_closed(connection_id id, const moment& now, ActionSink auto& out) {
        is_wire10(id) ? wire10_.on_closed(id, now, out) : v02_.on_closed(id, now, out);
    }
    void on_drained(connection_id id, const moment& now, ActionSink auto& out) {
        is_wire10(id) ? wire10_.on_drained(id, now, out) : v02_.on_drained(id, now, out);
    }
    void on_tick(const moment& now, ActionSink auto& out) {
        v02_.on_tick(now, out);
        wire10_.on_tick(now, out);
    }
    void on_stop(const moment& now, ActionSink auto& out) {
        v02_.on_stop(now, out);
        wire10_.on_stop(now, out);
    }

    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept {
        const auto a = v02_.next_deadline(), b = wire10_.next_deadline();
        if (!a || !b) return a ? a : b;
        return std::min(*a, *b);
    }
    /// The counts of both together.
    [[nodiscard]] metrics count() const noexcept { return v02_.count() + wire10_.count(); }
    /// Of profile v02: agents of wire10 tell their registry themselves.
    template <class F>
    void visit_connected(F&& f) const {
        v02_.visit_connected(f);
    }
    [[nodiscard]] const V02& v02() const noexcept { return v02_; }
    [[nodiscard]] const Wire10& wire10() const noexcept { return wire10_; }

private:
    [[nodiscard]] bool is_wire10(connection_id id) const noexcept {
        return static_cast<std::size_t>(id) < is_wire10_.size() && is_wire10_[static_cast<std::size_t>(id)];
    }

    V02 v02_;
    Wire10 wire10_;
    std::vector<bool> is_wire10_;
};

}  // namespace agentmesh::relay
