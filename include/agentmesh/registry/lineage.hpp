// One agent under several keys: who took over from whom, and what is said of all of them together.
#pragma once

#include <agentmesh/registry/store.hpp>

namespace agentmesh::registry {

/// Keys of one agent that are looked at, the present one first: what is said of older ones is forgotten.
inline constexpr std::size_t lineage_max = 32;

/// The name of an agent, and those that it took over from, the latest first.
/// @spec AM-REG-063
template <RegistryTransaction T>
[[nodiscard]] result<std::vector<amid>> lineage(T& tx, const agent_row& of) {
    std::vector<amid> out{of.who};
    auto before = of.predecessor;
    while (before && out.size() < lineage_max) {
        if (std::find(out.begin(), out.end(), *before) != out.end()) break;
        out.push_back(*before);
        AGENTMESH_TRY(row, tx.agent(*before));
        before = row ? row->predecessor : std::nullopt;
    }
    return out;
}

/// Who an agent is now: itself, or the last that took over. Nothing for one that is not there, or was erased since.
template <RegistryTransaction T>
[[nodiscard]] result<std::optional<agent_row>> present_holder(T& tx, const amid& who) {
    AGENTMESH_TRY(row, tx.agent(who));
    for (std::size_t steps = 0; row && row->successor && steps < lineage_max; ++steps) {
        AGENTMESH_TRY(next, tx.agent(*row->successor));
        row = std::move(next);
    }
    return row;
}

/// In order of time.
template <RegistryTransaction T>
[[nodiscard]] result<std::vector<rating_row>> ratings_about_all(T& tx, std::span<const amid> names) {
    std::vector<rating_row> out;
    // The oldest name first, so that of two at one time the one about the present name is the later.
    for (auto one = names.rbegin(); one != names.rend(); ++one) {
        AGENTMESH_TRY(some, tx.ratings_about(*one));
        out.insert(out.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    }
    if (names.size() > 1)
        std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    return out;
}

}  // namespace agentmesh::registry
