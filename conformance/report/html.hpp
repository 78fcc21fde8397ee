// report.html: one file that loads nothing, runs nothing, and works on a telephone, in the dark and on paper.
//
// Its content security policy admits the one style sheet inside it, by hash, and nothing else. Everything that the
// target sent passes through `markup`. Filters are radio buttons and a style sheet.
#pragma once

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/results.hpp"

#include <string>
#include <string_view>

namespace agentmesh::conformance::report {

/// The verdict, the areas, each check that needs attention with the bytes it rests on, then everything else, folded.
/// `recorded` may be empty; then only the numbers of the records are shown.
[[nodiscard]] std::string html_text(const run_report& report, const evidence& recorded);

/// The style sheet, exactly as it stands between `<style>` and `</style>`.
[[nodiscard]] std::string_view html_style() noexcept;

}  // namespace agentmesh::conformance::report
