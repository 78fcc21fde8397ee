// What a relay still has to tell a registry of who is there: decides what goes into the next notice, and what a
// registry that did not answer has to be told again. No clock, no socket.
//
//     report.look(there, now);                                   // who is connected
//     while (const auto entries = report.take(now); !entries.empty())
//         report.settle(send(registry::write_presence(me, entries)), now);
#pragma once

#include <agentmesh/registry/presence_notice.hpp>

#include <map>

namespace agentmesh::registry {

/// One relay before one registry.
class presence_report {
public:
    /// A third of the time for which a registry believes it: two notices may be lost.
    static constexpr std::chrono::seconds again{30};

    /// Who is connected now. Those who are not named are gone.
    void look(std::map<amid, availability> there) { there_ = std::move(there); }

    /// The entries of the next notice: whatever has changed, and who was told of 30 seconds ago or more. None while the
    /// one before is not settled, and none if there is nothing to tell. Who is gone comes first, because nobody else
    /// finds out.
    /// @spec AM-REG-073
    [[nodiscard]] std::vector<presence_entry> take(time_point now) {
        if (!under_way_.empty()) return {};
        for (const auto& [who, last] : told_)
            if (!there_.contains(who) && under_way_.size() < presence_batch)
                under_way_.push_back({who, availability::offline, now});
        for (const auto& [who, status] : there_) {
            if (under_way_.size() == presence_batch) break;
            const auto at = told_.find(who);
            if (at == told_.end() || at->second.status != status || now - at->second.at >= again)
                under_way_.push_back({who, status, now});
        }
        return under_way_;
    }

    /// Whether the registry took the notice; what it did not take is told again.
    void settle(bool taken, time_point now) {
        if (taken) {
            for (const auto& one : under_way_) {
                if (one.status == availability::offline)
                    told_.erase(one.who);
                else
                    told_[one.who] = {one.status, now};
            }
        }
        under_way_.clear();
    }

private:
    struct told {
        availability status;
        time_point at;
    };
    std::map<amid, availability> there_;
    std::map<amid, told> told_;
    std::vector<presence_entry> under_way_;
};

}  // namespace agentmesh::registry
