#include "conformance/engine/results.hpp"

#include <algorithm>
#include <stdexcept>

namespace agentmesh::conformance {
namespace {

using ordered = nlohmann::ordered_json;

keyword keyword_of(const std::string& word) {
    for (const auto k : {keyword::must, keyword::must_not, keyword::should, keyword::should_not, keyword::may})
        if (to_string(k) == word) return k;
    throw std::runtime_error("not a results.json: level " + word);
}

verdict verdict_or_throw(const std::string& word) {
    if (const auto v = verdict_of(word)) return *v;
    throw std::runtime_error("not a results.json: verdict " + word);
}

ordered check_json(const check_result& c) {
    ordered out{{"requirement", c.requirement}, {"level", to_string(c.level)}, {"verdict", to_string(c.outcome)},
                {"evidence", c.evidence},       {"why", c.why}};
    if (!c.choice.empty()) out["choice"] = c.choice;
    out["sentence"] = c.sentence;
    out["spec"] = (c.requirement.starts_with("AM-SHM") ? "docs/shim-protocol.md#" : "SPEC.md#") + c.requirement;  // rules of the harness's own protocol
    out["line"] = c.line;
    return out;
}

}  // namespace

void settle(run_report& report) {
    report.totals = {};
    report.requirements.clear();
    std::ranges::sort(report.cases, {}, &case_result::id);
    bool clean = true;
    for (auto& one : report.cases) {
        std::ranges::sort(one.checks, {}, &check_result::requirement);
        ++report.totals.cases;
        if (!one.checks.empty()) one.outcome = verdict::pass;
        for (const auto& c : one.checks) {
            one.outcome = worse(one.outcome, c.outcome);
            ++report.totals.checks;
            ++report.totals.of[static_cast<unsigned>(c.outcome)];
            clean = clean && certifiable(c.outcome);
            const auto [entry, fresh] = report.requirements.emplace(c.requirement, c.outcome);
            if (!fresh) entry->second = worse(entry->second, c.outcome);
        }
    }
    report.certifiable = clean && report.totals.checks != 0 && report.faults.empty();
}

int exit_code(const run_report& report) noexcept {
    if (!report.faults.empty()) return 4;
    bool broken = false, open = report.totals.checks == 0 || !report.diagnosis.empty();
    for (const auto& one : report.cases) {
        for (const auto& c : one.checks) {
            broken = broken || breaks_must(c.outcome) || c.outcome == verdict::deviation;
            open = open || leaves_open(c.outcome);
        }
    }
    if (broken && !report.excused) return 1;
    if (!report.stale.empty()) return 5;
    return open ? 2 : 0;
}

ordered to_json(const run_report& report) {
    ordered totals{{"cases", report.totals.cases}, {"checks", report.totals.checks}};
    for (unsigned v = 0; v < verdict_words.size(); ++v) totals[std::string{verdict_words[v]}] = report.totals.of[v];

    ordered cases = ordered::array();
    for (const auto& one : report.cases) {
        ordered checks = ordered::array();
        for (const auto& c : one.checks) checks.push_back(check_json(c));
        cases.push_back(ordered{{"id", one.id}, {"title", one.title}, {"verdict", to_string(one.outcome)},
                                {"checks", std::move(checks)}, {"duration_ms", one.duration_ms}});
    }
    ordered requirements = ordered::object();
    for (const auto& [id, v] : report.requirements) requirements[id] = to_string(v);
    ordered waivers = ordered::array();
    for (const auto& w : report.waivers)
        waivers.push_back(ordered{{"requirement", w.requirement}, {"reason", w.reason}, {"by", w.by}, {"expires", w.expires}});

    return {{"suite",
             {{"version", report.suite.version},
              {"set", report.suite.set},
              {"set_digest", report.suite.set_digest},
              {"spec_revision", report.suite.spec_revision},
              {"seed", report.suite.seed}}},
            {"target", {{"role", report.target.role}, {"url", report.target.url}, {"profile", report.target.profile}}},
            {"totals", std::move(totals)},
            {"cases", std::move(cases)},
            {"requirements", std::move(requirements)},
            {"waivers", std::move(waivers)},
            {"certifiable", report.certifiable}};
}

run_report report_from_json(const ordered& document) {
    try {
        run_report out;
        const auto& suite = document.at("suite");
        out.suite = {suite.at("version"), suite.at("set"), suite.at("set_digest"), suite.at("spec_revision"), suite.at("seed")};
        const auto& target = document.at("target");
        out.target = {target.at("role"), target.at("url"), target.at("profile")};
        for (const auto& one : document.at("cases")) {
            case_result c;
            c.id = one.at("id");
            c.title = one.at("title");
            c.outcome = verdict_or_throw(one.at("verdict"));
            c.duration_ms = one.at("duration_ms");
            for (const auto& k : one.at("checks")) {
                check_result check;
                check.requirement = k.at("requirement");
                check.level = keyword_of(k.at("level"));
                check.outcome = verdict_or_throw(k.at("verdict"));
                check.evidence = k.at("evidence").get<std::vector<std::uint64_t>>();
                check.why = k.at("why");
                check.choice = k.value("choice", "");
                check.sentence = k.value("sentence", "");
                check.line = k.value("line", 0);
                c.checks.push_back(std::move(check));
            }
            out.cases.push_back(std::move(c));
        }
        for (const auto& w : document.value("waivers", ordered::array()))
            out.waivers.push_back({w.at("requirement"), w.at("reason"), w.at("by"), w.at("expires")});
        settle(out);
        out.certifiable = document.at("certifiable");
        return out;
    } catch (const ordered::exception& e) {
        throw std::runtime_error(std::string{"not a results.json: "} + e.what());
    }
}

}  // namespace agentmesh::conformance
