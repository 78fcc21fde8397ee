#include "conformance/engine/shim_pace.hpp"

#include <algorithm>

namespace agentmesh::conformance {

void shim_pace::note(phase of, std::size_t work, microseconds silence) {
    auto& into = of == phase::life ? starts_ : steps_;
    const auto one = silence / static_cast<microseconds::rep>(std::max<std::size_t>(work, 1));
    into.insert(std::ranges::upper_bound(into, one), one);
}

shim_pace::microseconds shim_pace::allowed(phase of, std::size_t work) const {
    const auto& from = of == phase::work && !steps_.empty() ? steps_ : starts_;
    if (from.empty()) return longest_;
    const auto p99 = from[(from.size() * 99 + 99) / 100 - 1];
    // Beyond the bound the product says no more, and might not fit.
    if (p99.count() > longest_.count() / slack / static_cast<microseconds::rep>(std::max<std::size_t>(work, 1)))
        return longest_;
    return std::min(std::max(least, p99 * slack * static_cast<microseconds::rep>(work)), longest_);
}

}  // namespace agentmesh::conformance
