// The relay's side of each connection, and the queues of those that wait for the same length of time.
#pragma once

#include <agentmesh/relay/action.hpp>
#include <agentmesh/relay/agents.hpp>
#include <agentmesh/relay/auth.hpp>
#include <agentmesh/relay/mailbox.hpp>

namespace agentmesh::relay {

/// Place of a connection in one queue.
struct queue_hook {
    static constexpr std::uint32_t unlinked = 0xFFFFFFFE;
    std::uint32_t before = unlinked;
    std::uint32_t after = unlinked;
};

/// One connection. Small while idle: ten thousand idle ones are the ordinary case.
struct link {
    enum class phase : std::uint8_t {
        free,        ///< no such connection
        opened,      ///< CONNECT is awaited
        challenged,  ///< the answer to the challenge is awaited
        live,        ///< authenticated; routed to
        closing,     ///< Close is queued; whatever still arrives is dropped
    };

    phase at = phase::free;
    bool receipts : 1 = false;       ///< the feature is in force
    bool full : 1 = false;           ///< the driver's queue had no room; `on_drained` will come
    bool behind : 1 = false;         ///< the store may hold messages that were not delivered here yet
    bool unconfirmed : 1 = false;    ///< stored messages were delivered since the latest Ping
    bool ping_confirms : 1 = false;  ///< stored messages were delivered before the latest Ping and not confirmed
    bool awaits_pong : 1 = false;
    std::uint16_t pings_received = 0;   ///< in the minute that began at `pings_since`
    std::uint32_t ping_number = 0;      ///< payload of the latest Ping
    queue_hook pinging{};               ///< in the queue of those to be pinged
    queue_hook waiting{};               ///< in the queue of those that owe a login; live: of those that owe a Pong
    agent* who = nullptr;               ///< live only
    steady_point since{};               ///< opened or challenged at; live: pinged at
    steady_point pings_since{};
    message_number cursor = 0;          ///< stored messages up to here were delivered here
    message_number ping_cursor = 0;     ///< `cursor` when the latest Ping was sent
    std::unique_ptr<pending_challenge> pending{};  ///< challenged only
};

using link_table = std::vector<link>;

/// Connections in the order in which their equally long waits began, so that the first is always the next one due.
/// Everything is O(1); the hooks live in the links, so a hook is in one queue at a time.
template <queue_hook link::*Hook>
class link_queue {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nowhere; }
    [[nodiscard]] std::uint32_t front() const noexcept { return first_; }

    void push_back(link_table& links, std::uint32_t id) noexcept {
        queue_hook& hook = links[id].*Hook;
        assert(hook.before == queue_hook::unlinked);
        hook = {last_, nowhere};
        (last_ == nowhere ? first_ : (links[last_].*Hook).after) = id;
        last_ = id;
    }

    /// @pre `id` is in this queue or in none that uses its hook
    void remove(link_table& links, std::uint32_t id) noexcept {
        queue_hook& hook = links[id].*Hook;
        if (hook.before == queue_hook::unlinked) return;
        (hook.before == nowhere ? first_ : (links[hook.before].*Hook).after) = hook.after;
        (hook.after == nowhere ? last_ : (links[hook.after].*Hook).before) = hook.before;
        hook = {};
    }

private:
    std::uint32_t first_ = nowhere;
    std::uint32_t last_ = nowhere;
};

}  // namespace agentmesh::relay
