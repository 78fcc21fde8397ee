// The clock of the machine we run on: the one place where real time enters the library.
#pragma once

#include <agentmesh/core/clock.hpp>

namespace agentmesh::net {

/// Reads the operating system's clocks. `moment::steady` counts from an origin of the system's choice.
/// @spec AM-RLY-078
class system_clock {
public:
    [[nodiscard]] moment now() const noexcept {
        using std::chrono::time_point_cast;
        const auto steady = std::chrono::steady_clock::now().time_since_epoch();
        return {steady_point{std::chrono::duration_cast<duration>(steady)},
                time_point_cast<duration>(std::chrono::system_clock::now())};
    }
};

static_assert(Clock<system_clock>);

/// The same instant on the clock that timers of the operating system use.
[[nodiscard]] inline std::chrono::steady_clock::time_point to_std(steady_point at) noexcept {
    return std::chrono::steady_clock::time_point{at.time_since_epoch()};
}

}  // namespace agentmesh::net
