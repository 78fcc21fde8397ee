// How long a shim may be silent, from its own round trips: one that hangs is found out soon, and a slow one is given
// time in proportion to what it is asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace agentmesh::conformance {

/// Silences that ended in a line, of one run. Work is counted in questions; to be started and to end are kept apart.
class shim_pace {
public:
    using microseconds = std::chrono::microseconds;
    enum class phase : unsigned char { life, work };

    static constexpr microseconds least{250'000};
    static constexpr int slack = 8;  ///< times the 99th percentile

    /// @param longest  no silence may be longer
    explicit shim_pace(microseconds longest) : longest_{longest} {}

    /// The longest silence of an exchange of this much work, which was not cut off. @param work  at least 1
    void note(phase of, std::size_t work, microseconds silence);

    /// The silence after which a shim that does not work hangs. Work that was never measured is taken to be as slow as
    /// a start, and a first start may take as long as can be.
    [[nodiscard]] microseconds allowed(phase of, std::size_t work) const;
    [[nodiscard]] microseconds longest() const noexcept { return longest_; }

private:
    microseconds longest_;
    std::vector<microseconds> starts_, steps_;  // sorted; of one question each
};

}  // namespace agentmesh::conformance
