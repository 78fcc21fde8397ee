// JUnit XML, as continuous integration systems read it: a suite an area, a test case a check.
//
// fail, crash, hang and deviation are <failure>; untested, inconclusive and flaky are <error>, because a skipped test
// reads as green; not_offered is <skipped>. Each test case names its verdict in a property.
#pragma once

#include "conformance/engine/results.hpp"

#include <string>

namespace agentmesh::conformance::report {

[[nodiscard]] std::string junit_text(const run_report& report);

}  // namespace agentmesh::conformance::report
