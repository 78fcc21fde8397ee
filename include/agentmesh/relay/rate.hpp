// Limits per minute of one AMID. They outlive its connections.
#pragma once

#include <agentmesh/core/limits.hpp>

#include <algorithm>
#include <array>

namespace agentmesh::relay {

enum class rate_kind : std::uint8_t { sends, knocks, others };

/// Three counts, each in a fixed minute that begins with the first frame it counts. Measured with the steady clock.
/// @spec AM-LIM-006, AM-LIM-007, AM-LIM-008, AM-LIM-009, AM-LIM-010, AM-LIM-011, AM-RLY-078
class rate_counters {
public:
    /// Counts one frame, or refuses it.
    /// @param limit  frames a minute; 0 means no limit
    /// @return 0 if it was counted, else after how many seconds, 1 to 60, the minute is over. @spec AM-LIM-012
    [[nodiscard]] unsigned take(rate_kind kind, unsigned limit, steady_point now) noexcept {
        const auto i = static_cast<std::size_t>(kind);
        if (counts_[i] == 0 || now >= begins_[i] + limits::rate_window) {
            begins_[i] = now;
            counts_[i] = 0;
        }
        if (limit != 0 && counts_[i] >= limit) {
            const auto left = std::chrono::ceil<std::chrono::seconds>(begins_[i] + limits::rate_window - now);
            return static_cast<unsigned>(std::clamp<std::int64_t>(left.count(), 1, 60));
        }
        ++counts_[i];
        return 0;
    }

    /// Whether no count would be refused anything on account of the past: the counters may be forgotten.
    [[nodiscard]] bool is_idle(steady_point now) const noexcept {
        for (std::size_t i = 0; i < counts_.size(); ++i)
            if (counts_[i] != 0 && now < begins_[i] + limits::rate_window) return false;
        return true;
    }

private:
    std::array<steady_point, 3> begins_{};
    std::array<std::uint32_t, 3> counts_{};
};

}  // namespace agentmesh::relay
