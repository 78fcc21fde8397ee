// Every format of one run says the same numbers, and nothing in it acts.
#include "conformance/engine/encoding.hpp"
#include "conformance/report/badge.hpp"
#include "conformance/report/console.hpp"
#include "conformance/report/html.hpp"
#include "conformance/report/junit.hpp"
#include "conformance/report/markdown_report.hpp"
#include "conformance/report/summary.hpp"
#include "conformance/report/tests/sample.hpp"
#include "conformance/report/write.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <regex>

using namespace agentmesh::conformance;
using namespace agentmesh::conformance::report;

namespace {

using tally = std::map<std::string, std::size_t>;

/// How often each first group of the pattern occurs.
tally count(const std::string& text, const std::string& pattern) {
    tally out;
    const std::regex wanted(pattern);
    for (auto at = std::sregex_iterator(text.begin(), text.end(), wanted); at != std::sregex_iterator(); ++at) {
        ++out[(*at)[1].str()];
    }
    return out;
}

tally expected(const run_report& report) {
    tally out;
    for (const auto& result : report.cases) {
        for (const auto& check : result.checks) ++out[std::string(to_string(check.outcome))];
    }
    return out;
}

/// `words` -> count, from "13 pass, 2 fail, ... 1 not offered", zeros left out.
tally from_counts(std::string text) {
    tally out;
    const std::regex item("([0-9,]+) ([a-z ]+)");
    for (auto at = std::sregex_iterator(text.begin(), text.end(), item); at != std::sregex_iterator(); ++at) {
        auto word = (*at)[2].str();
        if (word == "not offered") word = "not_offered";
        if (const auto n = std::stoul((*at)[1].str()); n != 0) out[word] = n;
    }
    return out;
}

std::size_t total(const tally& t) {
    std::size_t sum = 0;
    for (const auto& [word, n] : t) sum += n;
    return sum;
}

}  // namespace

TEST_CASE("the sample holds every verdict", "[unit][report]") {
    CHECK(expected(sample_run().report).size() == verdict_words.size());
}

TEST_CASE("every format counts the same checks", "[unit][report]") {
    const auto made = sample_run();
    const auto want = expected(made.report);

    const auto results = report_from_json(nlohmann::ordered_json::parse(results_text(made.report)));
    CHECK(expected(results) == want);
    for (const auto& [word, n] : want) CHECK(results.totals[*verdict_of(word)] == n);

    CHECK(count(junit_text(made.report), "<property name=\"verdict\" value=\"([a-z_]+)\"") == want);
    CHECK(count(html_text(made.report, made.recorded), " data-verdict=\"([a-z_]+)\"") == want);

    const auto html = html_text(made.report, made.recorded);
    const std::regex html_total("data-count=\"([a-z_]+)\"><dt>[a-z ]+</dt><dd>([0-9,]+)</dd>");
    tally shown;
    for (auto at = std::sregex_iterator(html.begin(), html.end(), html_total); at != std::sregex_iterator(); ++at) {
        if (const auto n = std::stoul((*at)[2].str()); n != 0) shown[(*at)[1].str()] = n;
    }
    CHECK(shown == want);

    tally in_markdown;
    const auto summary = markdown_text(made.report);
    const std::regex row("\n\\| [^ a-z]+ ([a-z ]+) \\| ([0-9,]+) \\|");
    for (auto at = std::sregex_iterator(summary.begin(), summary.end(), row); at != std::sregex_iterator(); ++at) {
        const auto word = (*at)[1].str();
        in_markdown[word == "not offered" ? "not_offered" : word] = std::stoul((*at)[2].str());
    }
    CHECK(in_markdown == want);

    const auto console = console_text(made.report, made.recorded, {});
    std::smatch line;
    REQUIRE(std::regex_search(console, line, std::regex("\n([0-9,]+) cases ([0-9,]+) checks: ([^\n]*?) —")));
    CHECK(from_counts(line[3].str()) == want);
    CHECK(std::stoul(line[2].str()) == total(want));

    const auto badge = nlohmann::json::parse(badge_text(made.report)).at("message").get<std::string>();
    CHECK(badge == "not certifiable · " + std::to_string(want.at("pass")) + " of " + std::to_string(total(want)));
}

TEST_CASE("JUnit's own totals follow from its elements", "[unit][report]") {
    const auto xml = junit_text(sample_run().report);
    std::smatch head;
    REQUIRE(std::regex_search(xml, head, std::regex("<testsuites[^>]* tests=\"(\\d+)\" failures=\"(\\d+)\" errors=\"(\\d+)\" skipped=\"(\\d+)\"")));
    const auto elements = count(xml, "<(testcase|failure|error|skipped)[ />]");
    CHECK(elements.at("testcase") == std::stoul(head[1].str()));
    CHECK(elements.at("failure") == std::stoul(head[2].str()));
    CHECK(elements.at("error") == std::stoul(head[3].str()));
    CHECK(elements.at("skipped") == std::stoul(head[4].str()));
    CHECK(elements.at("failure") == 5);  // two fails, a crash, a hang and a deviation
    CHECK(elements.at("error") == 3);    // untested, inconclusive, flaky
}

TEST_CASE("nothing a target sent becomes markup", "[unit][report]") {
    auto made = sample_run();
    made.report.target.url = "wss://x/\"><script>alert(9)</script>";
    made.report.cases.front().checks.front().why = hostile_text();
    const auto html = html_text(made.report, made.recorded);
    CHECK(count(html, "<(script|img|iframe|object|embed|link|base|form)[^a-z]").empty());
    CHECK(count(html, "<[a-z][^>]* (on[a-z]+|style|src)=").empty());
    for (const auto& text : {html, junit_text(made.report), console_text(made.report, made.recorded, {})}) {
        CHECK(text.find('\x1b') == std::string::npos);
        CHECK(text.find('\0') == std::string::npos);
        CHECK(text.find("\xe2\x80\xae") == std::string::npos);
        CHECK(is_utf8(text));
    }
    const auto outside_code = std::regex_replace(markdown_text(made.report), std::regex("`[^`\n]*`"), "");
    CHECK(outside_code.find("alert(9)") == std::string::npos);
    CHECK(count(outside_code, "([<@`])").empty());
}

TEST_CASE("the page admits its own style sheet by hash and nothing else", "[unit][report]") {
    const auto made = clean_run();
    const auto html = html_text(made.report, made.recorded);
    const auto begin = html.find("<style>") + 7;
    const auto style = html.substr(begin, html.find("</style>") - begin);
    CHECK(html.find("default-src 'none'; style-src 'sha256-" + to_base64(sha256(style)) + "'; base-uri 'none'; form-action 'none'") !=
          std::string::npos);
    CHECK(count(html, "(https?://|@import|url\\()").empty());
    CHECK(style.find('<') == std::string::npos);
}

TEST_CASE("every link inside the page has a target, and no id stands twice", "[unit][report]") {
    const auto made = sample_run();
    const auto html = html_text(made.report, made.recorded);
    const auto ids = count(html, " id=\"([^\"]+)\"");
    for (const auto& [id, n] : ids) {
        INFO(id);
        CHECK(n == 1);
    }
    for (const auto& [link, n] : count(html, " href=\"#([^\"]+)\"")) {
        INFO(link);
        CHECK(ids.contains(link));
    }
}

TEST_CASE("elements of the page are balanced", "[unit][report]") {
    const auto made = sample_run();
    const auto html = html_text(made.report, made.recorded);
    const auto opened = count(html, "<(div|p|span|section|article|details|summary|dl|dt|dd|ol|ul|li|pre|code|h1|h2|h3|main|header|footer|nav|svg|b|a|blockquote|label)[ >]");
    const auto closed = count(html, "</([a-z0-9]+)>");
    for (const auto& [name, n] : opened) {
        INFO(name);
        CHECK(closed.at(name) == n);
    }
}

TEST_CASE("colour changes no word of the console text", "[unit][report]") {
    const auto made = sample_run();
    console_options colored;
    colored.color = true;
    const auto with = console_text(made.report, made.recorded, colored);
    CHECK(with.find("\x1b[31m") != std::string::npos);
    CHECK(std::regex_replace(with, std::regex("\x1b\\[[0-9;]*m"), "") == console_text(made.report, made.recorded, {}));
}

TEST_CASE("quiet leaves what needs attention and the verdict", "[unit][report]") {
    console_options quiet;
    quiet.quiet = true;
    const auto clean = clean_run();
    const auto text = console_text(clean.report, clean.recorded, quiet);
    CHECK(text == "12 cases 12 checks: 12 pass, 0 fail, 0 deviation, 0 untested, 0 inconclusive — 21.6 s  rtt p50 38 ms p99 61 ms\n"
                  "CERTIFIABLE   exit 0\n");
    const auto made = sample_run();
    CHECK(console_text(made.report, made.recorded, quiet).find("FAIL  RLY-STORE-007") != std::string::npos);
}

TEST_CASE("a failure is told in five lines", "[unit][report]") {
    const auto made = sample_run();
    const auto text = console_text(made.report, made.recorded, {});
    CHECK(text.find("   FAIL  RLY-STORE-007  AM-RLY-042 MUST NOT  a repeated message id reaches the recipient once\n"
                    "         sent  #0001 #0003  text {\"type\":\"send\"") != std::string::npos);
    CHECK(text.find("         why   a second receive with the same id came before the fence\n"
                    "         spec  SPEC.md:653  A relay with feature `receipts` MUST NOT deliver a message twice that\n"
                    "               was sent twice with one `id` by one sender to one recipient.\n"
                    "         redo  amconf replay DIR --case RLY-STORE-007\n") != std::string::npos);
}

TEST_CASE("a bar is full only when everything is and empty only when nothing is", "[unit][report]") {
    CHECK(bar(0, 10, 4) == "    ");
    CHECK(bar(10, 10, 4) == "████");
    CHECK(bar(1, 1000, 4) == "▏   ");
    CHECK(bar(999, 1000, 4) == "███▉");
    CHECK(bar(1, 2, 4) == "██  ");
    CHECK(bar(0, 0, 4) == "    ");
}

TEST_CASE("the headline follows the exit code", "[unit][report]") {
    auto made = clean_run().report;
    CHECK(headline_of(made).verdict == "CERTIFIABLE");
    made.cases[0].checks[0].outcome = verdict::untested;
    settle(made);
    CHECK(headline_of(made).verdict == "INCOMPLETE");
    CHECK(headline_of(made).reason == "1 open");
    made.cases[1].checks[0].outcome = verdict::fail;
    settle(made);
    CHECK(headline_of(made).verdict == "NOT CERTIFIABLE");
    CHECK(headline_of(made).reason == "1 MUST, 1 open");
    made.excused = true;
    made.cases[0].checks[0].outcome = verdict::pass;
    settle(made);
    CHECK(headline_of(made).verdict == "KNOWN FAILURES ONLY");
    made.faults = {"a case passed without evidence"};
    settle(made);
    CHECK(headline_of(made).verdict == "VOID");
}

TEST_CASE("equal results give equal text in every format", "[unit][report]") {
    const auto one = sample_run();
    const auto two = sample_run();
    CHECK(results_text(one.report) == results_text(two.report));
    CHECK(junit_text(one.report) == junit_text(two.report));
    CHECK(html_text(one.report, one.recorded) == html_text(two.report, two.recorded));
    CHECK(markdown_text(one.report) == markdown_text(two.report));
}
