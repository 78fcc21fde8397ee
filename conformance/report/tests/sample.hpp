// A run that holds every verdict and a target that tries to write into the reports.
#pragma once

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/results.hpp"

namespace agentmesh::conformance::report {

struct sample {
    run_report report;
    evidence recorded;
};

/// Always the same values. 23 cases in several areas; every verdict word occurs among the checks.
[[nodiscard]] sample sample_run();

/// The same target with nothing wrong.
[[nodiscard]] sample clean_run();

/// What the target sends: markup, a script, a terminal sequence, a right-to-left override, broken UTF-8.
[[nodiscard]] std::string hostile_text();

}  // namespace agentmesh::conformance::report
