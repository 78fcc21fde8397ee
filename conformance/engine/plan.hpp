// Which cases run, in which order, and how long that takes.
#pragma once

#include "conformance/engine/case_runner.hpp"
#include "conformance/engine/run.hpp"

namespace agentmesh::conformance {

struct running_order {
    std::vector<const conformance_case*> first;        ///< those that show order: fences rest on them
    std::vector<const conformance_case*> lanes;        ///< side by side, those with the longest waits first
    std::vector<const conformance_case*> alone;        ///< one after another, at the end
    std::vector<const conformance_case*> not_granted;  ///< untested: their waits are neither declared nor allowed
};
[[nodiscard]] running_order order_cases(const std::vector<const conformance_case*>& cases, const plan_options& options);

/// True if the waits of `c` are declared or allowed.
[[nodiscard]] bool granted(const conformance_case& c, const plan_options& options);
[[nodiscard]] std::string_view why_not_granted(const conformance_case& c);
/// How long the case waits for the target's timers.
[[nodiscard]] milliseconds wait_of(const conformance_case& c, const timings& t);
/// True if the case judges the order of messages or of answers.
[[nodiscard]] bool shows_order(const conformance_case& c);

}  // namespace agentmesh::conformance
