#include "conformance/report/markdown_report.hpp"

#include "conformance/report/summary.hpp"
#include "conformance/report/text.hpp"

namespace agentmesh::conformance::report {
namespace {

std::string sign(mood m) {
    switch (m) {
        case mood::good: return "✅";
        case mood::neutral: return "➖";
        case mood::warning: return "⚠️";
        case mood::open: return "❔";
        case mood::bad: return "❌";
    }
    return "❌";
}

/// Text for a code span inside a table cell: a pipe would end the cell, a backtick the span.
std::string code(std::string_view text) {
    std::string out;
    for (const char c : visible(text)) out += c == '`' ? '\'' : c == '|' ? '/' : c;
    return "`" + out + "`";
}

void totals(std::string& out, const run_report& report) {
    out += "| verdict | checks |\n|---|---:|\n";
    for (unsigned i = 0; i < verdict_words.size(); ++i) {
        const auto v = static_cast<verdict>(i);
        if (report.totals[v] != 0) out += "| " + sign(mood_of(v)) + " " + words(v) + " | " + grouped(report.totals[v]) + " |\n";
    }
    out += "| **all** | **" + grouped(report.totals.checks) + "** |\n\n";
}

void areas(std::string& out, const run_report& report) {
    out += "| area | cases | good | broken | deviating | open | not offered or waived |\n|---|---:|---:|---:|---:|---:|---:|\n";
    for (const auto& group : areas_of(report)) {
        out += "| " + markdown(group.name) + " | " + grouped(group.cases.size());
        for (const auto m : {mood::good, mood::bad, mood::warning, mood::open, mood::neutral}) {
            out += " | " + (group[m] == 0 ? "" : grouped(group[m]));
        }
        out += " |\n";
    }
    out += "\n";
}

void attention(std::string& out, const run_report& report, mood wanted, std::string_view title) {
    std::string rows;
    for (const auto& result : report.cases) {
        for (const auto& check : result.checks) {
            if (mood_of(check.outcome) != wanted) continue;
            rows += "| " + words(check.outcome) + " | " + code(check.requirement) + " " +
                    std::string(to_string(check.level)) + " | " + code(result.id) + " " + markdown(result.title) + " | " +
                    markdown(check.why) + " |\n";
        }
    }
    if (rows.empty()) return;
    out += "### " + std::string(title) + "\n\n| verdict | requirement | case | why |\n|---|---|---|---|\n" + rows + "\n";
}

}  // namespace

std::string markdown_text(const run_report& report) {
    const auto verdict = headline_of(report);
    std::string out = "## " + sign(verdict.tone) + " " + verdict.verdict;
    if (!verdict.reason.empty()) out += " (" + markdown(verdict.reason) + ")";
    out += "\n\n" + code(report.suite.set) + " · target " + code(report.target.url) + " · " +
           counted(report.totals.cases, "case") + ", " + counted(report.totals.checks, "check") + "\n\n";
    for (const auto& fault : report.faults) out += "- harness fault: " + markdown(fault) + "\n";
    for (const auto& entry : report.stale) out += "- stale baseline entry: " + markdown(entry) + "\n";
    if (!report.faults.empty() || !report.stale.empty()) out += "\n";
    totals(out, report);
    areas(out, report);
    attention(out, report, mood::bad, "Broken");
    attention(out, report, mood::warning, "Deviations");
    attention(out, report, mood::open, "Open");
    out += "Suite " + code(report.suite.version) + ", specification " + code(report.suite.spec_revision) + ", set digest " +
           code(report.suite.set_digest) + ", seed " + code(report.suite.seed) + ". Details: `report.html`.\n";
    return out;
}

}  // namespace agentmesh::conformance::report
