// Deadlines of one fixed length for many connections: set in O(1), found in O(1), nothing to cancel.
#pragma once

#include <agentmesh/core/clock.hpp>

#include <cstdint>
#include <deque>
#include <optional>

namespace agentmesh::net {

/// Because every deadline of a list has the same length, those set later end later: a FIFO is sorted by itself.
/// A connection that no longer needs its deadline is not looked for; the entry is asked for its worth when its time
/// has come, and dropped.
class deadlines {
public:
    /// Which connection: its slot, and the slot's use at the time, since slots are used again.
    struct holder {
        std::uint32_t slot = 0;
        std::uint32_t use = 0;
    };

    explicit deadlines(duration length) noexcept : length_{length} {}

    void set(holder who, steady_point now) { waiting_.push_back({now + length_, who}); }

    /// The earliest deadline, whether or not somebody still cares for it.
    [[nodiscard]] std::optional<steady_point> next() const noexcept {
        return waiting_.empty() ? std::nullopt : std::optional{waiting_.front().at};
    }

    /// Calls `passed(holder)` for each deadline that is not after `now`.
    template <class Passed>
    void expire(steady_point now, Passed&& passed) {
        while (!waiting_.empty() && waiting_.front().at <= now) {
            const holder who = waiting_.front().who;
            waiting_.pop_front();
            passed(who);
        }
        if (waiting_.empty()) waiting_.shrink_to_fit();
    }

private:
    struct entry {
        steady_point at;
        holder who;
    };
    std::deque<entry> waiting_;
    duration length_;
};

}  // namespace agentmesh::net
