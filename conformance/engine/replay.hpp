// Judging a recording: the same case code over the records of a run.
#pragma once

#include "conformance/engine/case.hpp"
#include "conformance/engine/evidence.hpp"
#include "conformance/engine/results.hpp"

#include <string>
#include <vector>

namespace agentmesh::conformance {

struct replay_report {
    std::size_t cases = 0, checks = 0;
    std::vector<case_result> judged;           ///< by id
    std::vector<std::string> differences;      ///< one sentence each; empty if every verdict is reproduced
};

/// Re-judges the cases of `recorded`, or only `only_case`, and compares verdicts, reasons and cited records with those
/// in `results`. The cases are those of `suite`, by default all_cases().
/// @throws usage_error if the evidence is of another set, or the case is not in it
[[nodiscard]] replay_report replay(const evidence& recorded, const run_report& results, const std::string& only_case = {},
                                   const std::vector<const conformance_case*>* suite = nullptr);

/// What the two verdicts of one case differ in, one sentence each.
void compare_verdicts(const case_result& was, const case_result& is, std::vector<std::string>& differences);

}  // namespace agentmesh::conformance
