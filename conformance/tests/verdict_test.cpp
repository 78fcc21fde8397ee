#include "conformance/engine/accounting.hpp"
#include "conformance/engine/results.hpp"
#include "tests/support/catch.hpp"

using namespace agentmesh::conformance;

namespace {

run_report report_of(std::initializer_list<std::pair<const char*, verdict>> checks) {
    run_report out;
    case_result one;
    one.id = "RLY-SEND-001";
    for (const auto& [id, v] : checks) {
        check_result c;
        c.requirement = id;
        c.outcome = v;
        one.checks.push_back(c);
    }
    out.cases.push_back(one);
    settle(out);
    return out;
}

}  // namespace

TEST_CASE("each verdict has its exit code, and only the good ones certify", "[engine][verdict]") {
    using v = verdict;
    for (const auto& [outcome, code] : {std::pair{v::pass, 0}, {v::chose, 0}, {v::not_offered, 0}, {v::waived, 0},
                                        {v::deviation, 1}, {v::untested, 2}, {v::inconclusive, 2}, {v::flaky, 2},
                                        {v::fail, 1}, {v::crash, 1}, {v::hang, 1}}) {
        const auto r = report_of({{"AM-RLY-001", v::pass}, {"AM-RLY-002", outcome}});
        CAPTURE(to_string(outcome));
        CHECK(exit_code(r) == code);
        CHECK(r.certifiable == (code == 0));
        CHECK(r.cases[0].outcome == outcome);
    }
}

TEST_CASE("a broken MUST outweighs what is untested, and a fault of the harness outweighs all", "[engine][verdict]") {
    auto r = report_of({{"AM-RLY-001", verdict::fail}, {"AM-RLY-002", verdict::untested}});
    CHECK(exit_code(r) == 1);
    r.faults.push_back("x");
    CHECK(exit_code(r) == 4);
}

TEST_CASE("a run that judged nothing certifies nothing", "[engine][verdict]") {
    run_report r;
    settle(r);
    CHECK_FALSE(r.certifiable);
    CHECK(exit_code(r) == 2);
}

TEST_CASE("a SHOULD deviates where a MUST fails", "[engine][verdict]") {
    CHECK(adverse(keyword::should) == verdict::deviation);
    CHECK(adverse(keyword::should_not) == verdict::deviation);
    CHECK(adverse(keyword::must) == verdict::fail);
    CHECK(adverse(keyword::must_not) == verdict::fail);
}

TEST_CASE("a requirement is as good as its worst check", "[engine][verdict]") {
    auto r = report_of({{"AM-RLY-001", verdict::pass}});
    case_result other;
    other.id = "RLY-SEND-002";
    check_result c;
    c.requirement = "AM-RLY-001";
    c.outcome = verdict::fail;
    other.checks.push_back(c);
    r.cases.push_back(other);
    settle(r);
    CHECK(r.requirements.at("AM-RLY-001") == verdict::fail);
    CHECK(r.totals[verdict::pass] == 1);
    CHECK(r.totals[verdict::fail] == 1);
    CHECK(r.totals.checks == 2);
}

TEST_CASE("results.json is read back as it was written", "[engine][verdict]") {
    auto r = report_of({{"AM-RLY-001", verdict::pass}, {"AM-RLY-002", verdict::chose}});
    r.cases[0].checks[1].choice = "accepts";
    r.cases[0].checks[0].evidence = {2, 5};
    r.suite = {"0.1.0", "relay-core@1.0", "d", "1.0", "5eed"};
    CHECK(to_json(report_from_json(to_json(r))).dump() == to_json(r).dump());
    CHECK_THROWS_AS(report_from_json(nlohmann::ordered_json{{"suite", 1}}), std::runtime_error);
}

TEST_CASE("every requirement of the set is in the denominator", "[engine][verdict]") {
    auto r = report_of({{"AM-AUT-001", verdict::pass}});
    add_uncovered(r, requirement_set::core);
    settle(r);
    CHECK(r.requirements.size() == demanded(requirement_set::core).size());
    CHECK(r.totals[verdict::untested] == demanded(requirement_set::core).size() - 1);
    CHECK(exit_code(r) == 2);
    CHECK(demanded(requirement_set::hardened).size() > demanded(requirement_set::core).size());
}

TEST_CASE("a waiver turns a deviation into waived until it expires, and nothing else", "[engine][verdict]") {
    const waiver w{"AM-RLY-077", "behind a proxy", "operator", "2027-01-31"};
    auto r = report_of({{"AM-RLY-077", verdict::deviation}, {"AM-RLY-001", verdict::fail}});
    apply_waivers(r, {w}, "2027-02-01");
    CHECK(r.cases[0].checks[1].outcome == verdict::deviation);
    apply_waivers(r, {w, {"AM-RLY-001", "r", "b", "2027-01-31"}}, "2027-01-31");
    CHECK(r.cases[0].checks[1].outcome == verdict::waived);
    CHECK(r.cases[0].checks[0].outcome == verdict::fail);
    CHECK(r.waivers.size() == 1);
}

TEST_CASE("a baseline quiets known failures, and an entry that passes or has expired is stale", "[engine][verdict]") {
    const baseline_entry known{"RLY-SEND-001", "AM-RLY-001", "https://issues.example/1", "2027-01-31"};
    auto failing = report_of({{"AM-RLY-001", verdict::fail}});
    apply_baseline(failing, {known}, "2027-01-01");
    CHECK(exit_code(failing) == 0);
    CHECK_FALSE(failing.certifiable);

    auto expired = report_of({{"AM-RLY-001", verdict::fail}});
    apply_baseline(expired, {known}, "2027-02-01");
    CHECK(exit_code(expired) == 1);

    auto mended = report_of({{"AM-RLY-001", verdict::pass}});
    apply_baseline(mended, {known}, "2027-01-01");
    CHECK(exit_code(mended) == 5);

    auto further = report_of({{"AM-RLY-001", verdict::fail}, {"AM-RLY-002", verdict::fail}});
    apply_baseline(further, {known}, "2027-01-01");
    CHECK(exit_code(further) == 1);
}

TEST_CASE("files of the operator are refused with a sentence when they are wrong", "[engine][verdict]") {
    plan_options plan;
    read_declaration(R"({"ping_interval_ms":600})", plan);
    CHECK(plan.declared.ping == milliseconds{600});
    CHECK(includes(plan.granted, waits::ping));
    CHECK_FALSE(includes(plan.granted, waits::expiry));
    CHECK_THROWS_AS(read_declaration("{", plan), usage_error);
    CHECK_THROWS_AS(read_declaration(R"({"ping":1})", plan), usage_error);
    CHECK_THROWS_AS(read_declaration(R"({"ping_interval_ms":0})", plan), usage_error);
    CHECK_THROWS_AS(read_waivers(R"([{"requirement":"AM-RLY-077","reason":"r","by":"b"}])"), usage_error);
    CHECK_THROWS_AS(read_waivers(R"([{"requirement":"AM-RLY-001","reason":"r","by":"b","expires":"2027-01-31"}])"), usage_error);
    CHECK_THROWS_AS(read_baseline(R"([{"case":"A","requirement":"B","issue":"C","expires":"soon"}])"), usage_error);
    CHECK(read_waivers(R"([{"requirement":"AM-RLY-077","reason":"r","by":"b","expires":"2027-01-31"}])").size() == 1);
}
