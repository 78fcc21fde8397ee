// All files of `--out DIR`.
#pragma once

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/results.hpp"

#include <filesystem>

namespace agentmesh::conformance::report {

/// Writes results.json, evidence.jsonl, junit.xml, report.html, summary.md and badge.json into `directory`, which is
/// created if need be. Each file is written beside its place and renamed, so that none is ever half there.
/// @throws std::runtime_error naming the file that could not be written
void write_run(const std::filesystem::path& directory, const run_report& report, const evidence& recorded);

/// The text of results.json.
[[nodiscard]] std::string results_text(const run_report& report);

}  // namespace agentmesh::conformance::report
