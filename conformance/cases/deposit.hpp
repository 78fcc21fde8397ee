// What the cases of store and forward share.
#pragma once

#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {

/// Sends `texts` from `sender` to an absent agent and waits until the relay has read them. A control.
inline void deposit(context& t, const party& sender, const agent& absent, const std::vector<std::string>& texts) {
    send_all(sender.on, absent.amid(), texts);
    t.control(t.nothing_before(t.fence_ping(sender.on), match::error()));
}

/// The number that `connected` announced, compared.
[[nodiscard]] inline finding announced(context& t, const conn& on, std::int64_t count) {
    return t.that(on.connected().integer("pending_messages") == count, "pending_messages is " + std::to_string(count),
                  on.connected());
}

}  // namespace agentmesh::conformance
