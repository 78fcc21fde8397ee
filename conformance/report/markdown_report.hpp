// summary.md: what fits into a pull request or a job summary. Passes are counted, not listed.
#pragma once

#include "conformance/engine/results.hpp"

#include <string>

namespace agentmesh::conformance::report {

[[nodiscard]] std::string markdown_text(const run_report& report);

}  // namespace agentmesh::conformance::report
