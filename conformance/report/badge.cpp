#include "conformance/report/badge.hpp"

#include "conformance/report/summary.hpp"
#include "conformance/report/text.hpp"

#include <algorithm>
#include <array>

namespace agentmesh::conformance::report {

std::string badge_text(const run_report& report) {
    constexpr std::array<std::string_view, moods> colors{"brightgreen", "blue", "orange", "yellow", "red"};
    const auto verdict = headline_of(report);
    auto message = verdict.verdict;
    std::transform(message.begin(), message.end(), message.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    message += " · " + grouped(report.totals[conformance::verdict::pass]) + " of " + grouped(report.totals.checks);
    const nlohmann::ordered_json badge{{"schemaVersion", 1},
                                       {"label", "AgentMesh " + report.suite.set},
                                       {"message", message},
                                       {"color", colors[static_cast<unsigned>(verdict.tone)]},
                                       {"isError", verdict.tone == mood::bad}};
    return badge.dump(1) + "\n";
}

}  // namespace agentmesh::conformance::report
