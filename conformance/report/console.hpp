// What a person at a terminal reads after a run: areas with bars, then each check that needs attention.
#pragma once

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/results.hpp"

#include <string>

namespace agentmesh::conformance::report {

struct console_options {
    bool color = false;      ///< ANSI sequences; the text is the same without
    bool quiet = false;      ///< only what needs attention and the verdict
    std::size_t width = 100; ///< characters to which recorded text is cut
};

/// The whole text after a run, `console_opening` first. `recorded` supplies the first words of the records cited; it may be empty.
[[nodiscard]] std::string console_text(const run_report& report, const evidence& recorded, const console_options& options);

/// What was judged and by what, in two lines: version, set and seed; target.
[[nodiscard]] std::string console_opening(const run_report& report, const console_options& options);

/// "██████▌   ": `share` of `whole` in eighths of a character; never full unless share == whole, never empty unless 0.
[[nodiscard]] std::string bar(std::size_t share, std::size_t whole, std::size_t characters);

}  // namespace agentmesh::conformance::report
