#include "conformance/report/junit.hpp"

#include "conformance/report/summary.hpp"
#include "conformance/report/text.hpp"

namespace agentmesh::conformance::report {
namespace {

struct tally {
    std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
    std::int64_t milliseconds = 0;

    void add(verdict v) {
        ++tests;
        if (mood_of(v) == mood::bad || mood_of(v) == mood::warning) ++failures;
        if (mood_of(v) == mood::open) ++errors;
        if (v == verdict::not_offered) ++skipped;
    }
};

/// Seconds with milliseconds, without going through floating point.
std::string seconds(std::int64_t milliseconds) {
    auto fraction = std::to_string(milliseconds % 1000);
    fraction.insert(0, 3 - fraction.size(), '0');
    return std::to_string(milliseconds / 1000) + "." + fraction;
}

std::string attribute(std::string_view name, std::string_view value) {
    return " " + std::string(name) + "=\"" + markup(value) + "\"";
}

std::string attributes(const tally& t) {
    return attribute("tests", std::to_string(t.tests)) + attribute("failures", std::to_string(t.failures)) +
           attribute("errors", std::to_string(t.errors)) + attribute("skipped", std::to_string(t.skipped)) +
           attribute("time", seconds(t.milliseconds));
}

std::string evidence_text(const check_result& check) {
    std::string out;
    for (const auto seq : check.evidence) out += (out.empty() ? "" : " ") + std::to_string(seq);
    return out.empty() ? "none" : out;
}

void outcome(std::string& out, const case_result& result, const check_result& check) {
    const auto word = std::string(to_string(check.outcome));
    const auto detail = [&] {
        return check.sentence + "\nwhy: " + check.why + "\nevidence: " + evidence_text(check) + "\nspec: SPEC.md:" +
               std::to_string(check.line) + "\nagain: " + replay_command(result.id);
    };
    const auto element = [&](std::string_view name) {
        out += "      <" + std::string(name) + attribute("type", word) + attribute("message", check.why) + ">" +
               markup(detail(), true) + "</" + std::string(name) + ">\n";
    };
    switch (mood_of(check.outcome)) {
        case mood::bad: case mood::warning: return element("failure");
        case mood::open: return element("error");
        case mood::neutral:
            if (check.outcome == verdict::not_offered) {
                out += "      <skipped" + attribute("message", check.why) + "/>\n";
            }
            return;
        case mood::good: return;
    }
}

void test_case(std::string& out, const case_result& result, const check_result& check, bool first) {
    out += "    <testcase" + attribute("classname", result.id) +
           attribute("name", check.requirement + " " + result.title) +
           attribute("time", seconds(first ? result.duration_ms : 0)) + attribute("file", "SPEC.md") +
           attribute("line", std::to_string(check.line)) + ">\n";
    out += "      <properties><property name=\"verdict\"" + attribute("value", to_string(check.outcome)) + "/>" +
           "<property name=\"level\"" + attribute("value", to_string(check.level)) + "/></properties>\n";
    outcome(out, result, check);
    out += "    </testcase>\n";
}

}  // namespace

std::string junit_text(const run_report& report) {
    tally all;
    std::string suites;
    for (const auto& group : areas_of(report)) {
        tally in_area;
        std::string tests;
        for (const auto* result : group.cases) {
            bool first = true;  // the time of a case stands at its first check
            for (const auto& check : result->checks) {
                in_area.add(check.outcome);
                all.add(check.outcome);
                test_case(tests, *result, check, first);
                first = false;
            }
            in_area.milliseconds += result->duration_ms;
        }
        all.milliseconds += in_area.milliseconds;
        suites += "  <testsuite" + attribute("name", group.name) + attributes(in_area) + ">\n" + tests + "  </testsuite>\n";
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
           attribute("name", "amconf " + report.suite.set) + attributes(all) + ">\n" + suites + "</testsuites>\n";
}

}  // namespace agentmesh::conformance::report
