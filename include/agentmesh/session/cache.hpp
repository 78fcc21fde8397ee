// When an open session serves a new purpose, so that no KNOCK is needed.
#pragma once

#include <agentmesh/session/session_state.hpp>

namespace agentmesh::session {

/// What must be as it was when the session opened. @spec AM-KNK-032
struct reuse_wish {
    const amid& peer;
    std::string_view category;
    std::uint32_t peer_epoch;          ///< of the card in the bundle at hand
    const e2ee::identity_card& own;
    std::uint64_t policy_generation;
};

/// An open session with this peer for this category, begun under the present keys of both sides and the present
/// policy. Rotation, a changed policy, revocation (which closes), and expiry each mean a new KNOCK.
[[nodiscard]] inline bool is_reusable(const session_state& held, const reuse_wish& wish, const moment& now) {
    const auto& core = held.core;
    return core.phase == phase::open && core.peer.name == wish.peer && core.what.category == wish.category &&
           core.peer.epoch == wish.peer_epoch && core.own.epoch == wish.own.epoch &&
           core.own.exchange == wish.own.exchange && core.policy_generation == wish.policy_generation &&
           held.ends > now.steady && core.sent < core.held_to.max_messages;
}

}  // namespace agentmesh::session
