#include "conformance/engine/run.hpp"

#include "conformance/engine/replay.hpp"
#include "conformance/tests/fake_relay.hpp"
#include "conformance_requirements.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <thread>

using namespace agentmesh::conformance;
using test::fake_relay;

namespace {

conformance_case make(std::string_view id, requirement_list proves, void (*body)(context&)) {
    conformance_case out;
    out.id = id;
    out.title = "a case of the tests";
    out.proves = std::move(proves);
    out.cost = rtt(6);
    out.run = body;
    return out;
}

const auto login = make("T-LOGIN-001", {req::AM_AUT_001}, [](context& t) {
    auto c = t.dial();
    c.send(t.connect_frame(t.fresh()));
    t.accepted(req::AM_AUT_001, c.expect(match::frame("connected")));
});
const auto once = make("T-ONCE-001", {req::AM_RLY_001, req::AM_RLY_006}, [](context& t) {
    auto [a, b] = t.fresh_pair();
    const auto arrival = a.send(b, t.payload());
    t.produced(req::AM_RLY_001, b.on.seek(arrival));
    t.absent(req::AM_RLY_006, t.fence_message(a, b), arrival);
});
const auto refusal = make("T-REFUSE-001", {req::AM_AUT_016}, [](context& t) {
    t.login(t.fresh());
    auto c = t.dial();
    c.send(t.connect_frame(t.fresh(), {.protocol = "agentmesh/9"}));
    t.refused(req::AM_AUT_016, c.expect(match::refusal()));
});
const auto killer = make("T-KILL-001", {req::AM_ERR_006}, [](context& t) {
    auto p = t.join();
    p.on.send_binary("x");
    t.refused(req::AM_ERR_006, p.on.seek(match::error()) & t.alive());
});

plan_options plan_for(const std::string& url, const std::vector<const conformance_case*>& cases) {
    plan_options out;
    out.url = url;
    out.seed = "5eed";
    out.cases = &cases;
    out.patience_floor = milliseconds{500};
    return out;
}

const check_result& check_of(const run_report& r, std::string_view case_id, std::string_view requirement) {
    for (const auto& one : r.cases)
        for (const auto& c : one.checks)
            if (one.id == case_id && c.requirement == requirement) return c;
    FAIL("no such check");
    throw 0;
}

std::string without_durations(run_report r) {
    for (auto& one : r.cases) one.duration_ms = 0;
    return to_json(r).dump(1);
}

}  // namespace

TEST_CASE("a relay that does as it should passes, and each pass cites what it sent", "[engine][run]") {
    fake_relay relay;
    const std::vector<const conformance_case*> cases{&login, &once, &refusal};
    evidence recorded;
    auto plan = plan_for(relay.url(), cases);
    plan.keep_evidence = &recorded;
    const auto r = run(plan);
    REQUIRE(r.faults.empty());
    CHECK(r.diagnosis.empty());
    CHECK(r.totals[verdict::pass] == 4);
    for (const auto& one : r.cases) {
        if (one.id == "RUN-COVER-001") continue;
        for (const auto& c : one.checks)
            CHECK(std::ranges::any_of(c.evidence, [&](auto seq) { return recorded.find(one.id)->inbound(seq); }));
    }
    CHECK(exit_code(r) == 2);  // most of the set was not judged
    CHECK(r.requirements.at("AM-RLY-005") == verdict::untested);
}

TEST_CASE("one seed gives one results.json, whatever the lanes", "[engine][run]") {
    fake_relay relay;
    const std::vector<const conformance_case*> cases{&login, &once, &refusal};
    auto plan = plan_for(relay.url(), cases);
    const auto first = run(plan);
    plan.jobs = 1;
    CHECK(without_durations(run(plan)) == without_durations(first));
}

TEST_CASE("a message that comes twice is seen before the fence", "[engine][run]") {
    fake_relay relay{{.delivers_twice = true}};
    const std::vector<const conformance_case*> cases{&once};
    const auto r = run(plan_for(relay.url(), cases));
    CHECK(check_of(r, "T-ONCE-001", "AM-RLY-001").outcome == verdict::pass);
    const auto& twice = check_of(r, "T-ONCE-001", "AM-RLY-006");
    CHECK(twice.outcome == verdict::fail);
    CHECK(twice.why == "expected: not the message before the fence; saw: a receive");
    CHECK(exit_code(r) == 1);
}

TEST_CASE("replay reproduces every verdict from the records", "[engine][replay]") {
    fake_relay relay{{.delivers_twice = true}};
    const std::vector<const conformance_case*> cases{&login, &once, &refusal};
    evidence recorded;
    auto plan = plan_for(relay.url(), cases);
    plan.keep_evidence = &recorded;
    const auto r = run(plan);
    const auto again = replay(read_evidence(recorded.text()), r, {}, &cases);
    CHECK(again.differences.empty());
    CHECK(again.cases == 3);

    auto forged = r;
    for (auto& one : forged.cases)
        for (auto& c : one.checks)
            if (c.outcome == verdict::fail) c.outcome = verdict::pass;
    CHECK(replay(recorded, forged, {}, &cases).differences ==
          std::vector<std::string>{"T-ONCE-001 AM-RLY-006: fail now, pass in results.json"});
    CHECK_THROWS_AS(replay(recorded, r, "T-NONE-001", &cases), usage_error);
}

TEST_CASE("replay notices a case that does something else than was recorded", "[engine][replay]") {
    fake_relay relay;
    const std::vector<const conformance_case*> cases{&login};
    evidence recorded;
    auto plan = plan_for(relay.url(), cases);
    plan.keep_evidence = &recorded;
    const auto r = run(plan);
    const auto changed = make("T-LOGIN-001", {req::AM_AUT_001}, [](context& t) {
        auto c = t.dial();
        c.send(t.connect_frame(t.fresh(), {.p2p_capable = true}));
        t.accepted(req::AM_AUT_001, c.expect(match::frame("connected")));
    });
    const std::vector<const conformance_case*> other{&changed};
    CHECK(replay(recorded, r, {}, &other).differences.size() == 1);
}

TEST_CASE("a target that is down leaves everything inconclusive, with one sentence why", "[engine][run]") {
    std::string url;
    {
        fake_relay gone;
        url = gone.url();
    }
    const std::vector<const conformance_case*> cases{&login, &once, &refusal};
    const auto r = run(plan_for(url, cases));
    CHECK(r.diagnosis.find("nothing listens there") != std::string::npos);
    CHECK(r.totals[verdict::inconclusive] == 4);
    CHECK(r.totals[verdict::pass] == 0);
    CHECK(exit_code(r) == 2);
}

TEST_CASE("a target that never answers a login costs no wait per case", "[engine][run]") {
    fake_relay mute{{.answers_connect = false}};
    const std::vector<const conformance_case*> cases{&login, &once, &refusal};
    const auto r = run(plan_for(mute.url(), cases));
    CHECK(r.diagnosis.find("is no relay of profile v02") != std::string::npos);
    CHECK(check_of(r, "T-LOGIN-001", "AM-AUT-001").outcome == verdict::fail);
    CHECK(check_of(r, "T-ONCE-001", "AM-RLY-001").outcome == verdict::inconclusive);
    for (const auto& one : r.cases)
        if (one.id == "T-ONCE-001") CHECK(one.duration_ms < 400);
}

TEST_CASE("a target that dies of a case gets crash for it, and inconclusive for what comes after", "[engine][run]") {
    fake_relay relay{{.dies_of_binary = true}};
    const auto after = make("T-LATER-001", {req::AM_AUT_001}, login.run);
    std::vector<const conformance_case*> cases{&killer, &after};
    auto plan = plan_for(relay.url(), cases);
    plan.jobs = 1;
    const auto r = run(plan);
    CHECK(check_of(r, "T-KILL-001", "AM-ERR-006").outcome >= verdict::hang);
    CHECK(check_of(r, "T-LATER-001", "AM-AUT-001").outcome == verdict::inconclusive);
    CHECK(exit_code(r) == 1);
}

TEST_CASE("a feature that a probe shows absent is not offered", "[engine][run]") {
    auto needs = make("T-RECEIPT-001", {req::AM_RLY_040}, [](context& t) {
        auto p = t.join({.features = {"receipts"}});
        t.produced(req::AM_RLY_040, t.that(p.on.connected().has("features"), "features are named", p.on.connected()));
    });
    needs.needs = feature::receipts;
    const std::vector<const conformance_case*> cases{&needs};
    for (const bool offered : {false, true}) {
        fake_relay relay{{.receipts = offered}};
        auto plan = plan_for(relay.url(), cases);
        plan.set = requirement_set::hardened;
        const auto r = run(plan);
        CHECK(check_of(r, "T-RECEIPT-001", "AM-RLY-040").outcome == (offered ? verdict::pass : verdict::not_offered));
    }
}

TEST_CASE("a pass without anything from the target, or a refusal without a control, voids the run", "[engine][run]") {
    fake_relay relay;
    const auto invented = make("T-INVENT-001", {req::AM_AUT_001},
                               [](context& t) { t.accepted(req::AM_AUT_001, t.that(true, "so I say")); });
    const auto loose = make("T-LOOSE-001", {req::AM_AUT_019}, [](context& t) {
        auto c = t.dial_tcp();
        c.send_raw("GET /health HTTP/1.1\r\n\r\n");
        t.refused(req::AM_AUT_019, c.expect(match::http(200)));
    });
    const auto undeclared = make("T-OTHER-001", {req::AM_AUT_001}, [](context& t) {
        auto c = t.dial();
        c.send(t.connect_frame(t.fresh()));
        t.produced(req::AM_AUT_027, c.expect(match::frame("connected")));
    });
    for (const auto* bad : {&invented, &loose, &undeclared}) {
        const std::vector<const conformance_case*> cases{bad};
        const auto r = run(plan_for(relay.url(), cases));
        CAPTURE(bad->id);
        CHECK(r.faults.size() == 1);
        CHECK(exit_code(r) == 4);
    }
}

TEST_CASE("a fence that never comes decides nothing", "[engine][run]") {
    fake_relay relay;
    const auto lost = make("T-LOST-001", {req::AM_RLY_006}, [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto arrival = a.send(b, t.payload());
        a.on.close();
        t.absent(req::AM_RLY_006, fence{a.on, arrival}, match::error());
    });
    const std::vector<const conformance_case*> cases{&lost};
    CHECK(check_of(run(plan_for(relay.url(), cases)), "T-LOST-001", "AM-RLY-006").outcome == verdict::inconclusive);
}

TEST_CASE("several runs go on side by side in one process", "[engine][run]") {
    fake_relay relay;
    const std::vector<const conformance_case*> cases{&login, &once, &refusal};
    std::vector<std::string> results(4);
    std::vector<std::thread> threads;
    for (auto& out : results)
        threads.emplace_back([&] { out = without_durations(run(plan_for(relay.url(), cases))); });
    for (auto& t : threads) t.join();
    CHECK(std::ranges::count(results, results.front()) == 4);
}

TEST_CASE("what cannot be run is refused with a sentence", "[engine][run]") {
    const std::vector<const conformance_case*> cases{&login};
    CHECK_THROWS_AS(run(plan_for("http://127.0.0.1:1/", cases)), usage_error);
    auto plan = plan_for("ws://127.0.0.1:1/", cases);
    plan.only = {"RLY-NOTHING"};
    CHECK_THROWS_AS(run(plan), usage_error);
    plan.only = {"T", "T-LOGIN", "T-LOGIN-001", "AM-AUT-001"};
    CHECK(select_cases(plan).size() == 1);
    plan.seed = "xyz";
    CHECK_THROWS_AS(run(plan), usage_error);
}

TEST_CASE("a wait that is neither declared nor allowed leaves its clauses untested", "[engine][run]") {
    fake_relay relay;
    auto slow = make("T-SLOW-001", {req::AM_RLY_073}, login.run);
    slow.wait = waits::ping;
    const std::vector<const conformance_case*> cases{&slow};
    const auto r = run(plan_for(relay.url(), cases));
    CHECK(check_of(r, "T-SLOW-001", "AM-RLY-073").outcome == verdict::untested);
}

TEST_CASE("a plan of more than 55 seconds is refused unless it is asked for", "[engine][run]") {
    auto slow = make("T-SLOW-001", {req::AM_RLY_073}, login.run);
    slow.wait = waits::expiry;
    const std::vector<const conformance_case*> cases{&slow};
    auto plan = plan_for("ws://127.0.0.1:1/", cases);
    plan.granted = waits::expiry;
    CHECK_THROWS_AS(run(plan), usage_error);
    plan.declared.expiry = milliseconds{1500};
    CHECK_NOTHROW(run(plan));
}
