// Saved state: named records that are written together or not at all.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <map>
#include <optional>
#include <string>

namespace agentmesh {

/// One change of saved state: a name with its new bytes, or without bytes to erase it. Views live as long as the call.
struct record_change {
    std::string_view name;
    std::optional<byte_view> bytes;
};

/// Where machines keep what must survive a crash.
///
/// `commit(changes)` applies all changes or none and returns only once they are durable; on an error nothing has
/// changed. `load(name)` gives the bytes of the last successful commit. `names(prefix)` lists what is there, sorted.
/// The bytes that machines hand over hold secrets: a store encrypts what leaves the process's memory.
///
/// Models: `memory_state` (tests, simulations, agents that need not survive), `store::file_state`.
template <class S>
concept StateStore = requires(S& store, std::span<const record_change> changes, std::string_view name) {
    { store.commit(changes) } -> std::same_as<result<void>>;
    { store.load(name) } -> std::same_as<result<std::optional<buffer>>>;
    { store.names(name) } -> std::same_as<std::vector<std::string>>;
};

/// State that lives as long as the object. Its bytes are not wiped: for tests and simulations.
class memory_state {
public:
    [[nodiscard]] result<void> commit(std::span<const record_change> changes) {
        for (const auto& one : changes) {
            if (one.bytes)
                records_.insert_or_assign(std::string{one.name}, buffer{one.bytes->begin(), one.bytes->end()});
            else
                records_.erase(std::string{one.name});
        }
        return {};
    }
    [[nodiscard]] result<std::optional<buffer>> load(std::string_view name) const {
        const auto found = records_.find(name);
        return found == records_.end() ? std::nullopt : std::optional<buffer>{found->second};
    }
    [[nodiscard]] std::vector<std::string> names(std::string_view prefix) const {
        std::vector<std::string> out;
        for (auto at = records_.lower_bound(prefix); at != records_.end() && at->first.starts_with(prefix); ++at)
            out.push_back(at->first);
        return out;
    }

private:
    std::map<std::string, buffer, std::less<>> records_;
};

static_assert(StateStore<memory_state>);

}  // namespace agentmesh
