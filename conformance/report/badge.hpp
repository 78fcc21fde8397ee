// The endpoint form of shields.io: {"schemaVersion":1,"label":...,"message":...,"color":...}.
#pragma once

#include "conformance/engine/results.hpp"

#include <string>

namespace agentmesh::conformance::report {

[[nodiscard]] std::string badge_text(const run_report& report);

}  // namespace agentmesh::conformance::report
