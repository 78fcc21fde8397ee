// Time as an argument. Two clocks: wall time judges proofs and stamps frames, steady time measures
// limits and lifetimes, so that a jump of the wall clock neither frees nor starves anyone.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>

namespace agentmesh {

using duration = std::chrono::microseconds;

/// Wall time, microseconds since 1970-01-01T00:00:00Z; covers the years 0001 to 9999.
using time_point = std::chrono::sys_time<duration>;

/// A clock that never jumps. Its zero is the driver's choice.
struct steady_base {
    using rep = agentmesh::duration::rep;
    using period = agentmesh::duration::period;
    using duration = agentmesh::duration;
    using time_point = std::chrono::time_point<steady_base>;
    static constexpr bool is_steady = true;
};
using steady_point = steady_base::time_point;

/// The present, on both clocks. Every event of a machine carries one.
struct moment {
    steady_point steady{};
    time_point wall{};

    friend constexpr moment operator+(moment m, duration d) noexcept { return {m.steady + d, m.wall + d}; }
    friend bool operator==(const moment&, const moment&) = default;
};

/// A source of moments. Models: `manual_clock` (tests, simulation), `net::system_clock`.
template <class C>
concept Clock = requires(C& clock) {
    { clock.now() } -> std::same_as<moment>;
};

/// A clock that moves only when told to.
class manual_clock {
public:
    manual_clock() = default;
    explicit manual_clock(time_point wall) noexcept { now_.wall = wall; }

    [[nodiscard]] moment now() const noexcept { return now_; }
    /// Both clocks advance.
    void advance(duration d) noexcept { now_ = now_ + d; }
    /// Only the wall clock moves, as when an administrator or a time server sets it.
    void jump_wall(duration d) noexcept { now_.wall += d; }

private:
    moment now_{};
};

static_assert(Clock<manual_clock>);

}  // namespace agentmesh
