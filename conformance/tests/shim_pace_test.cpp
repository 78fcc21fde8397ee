// How long a shim may be silent.
#include "conformance/engine/shim_pace.hpp"
#include "conformance/engine/shim_process.hpp"
#include "conformance/engine/shim_talk.hpp"
#include "tests/support/catch.hpp"

using namespace agentmesh::conformance;
using namespace std::chrono_literals;
using phase = shim_pace::phase;

namespace {

TEST_CASE("a shim that was never measured may be silent as long as any", "[conformance][shim]") {
    const shim_pace pace{10s};
    CHECK(pace.allowed(phase::life, 1) == 10s);
    CHECK(pace.allowed(phase::work, 5) == 10s);
}

TEST_CASE("silence is allowed in proportion to what is asked", "[conformance][shim]") {
    shim_pace pace{10s};
    pace.note(phase::life, 1, 300ms);
    CHECK(pace.allowed(phase::work, 1) == 2'400ms);  // as slow as a start, for want of better
    pace.note(phase::work, 10, 200ms);
    CHECK(pace.allowed(phase::work, 1) == 250ms);  // 160 ms, but for the floor
    CHECK(pace.allowed(phase::work, 10) == 1'600ms);
    CHECK(pace.allowed(phase::work, 1'000) == 10s);
    CHECK(pace.allowed(phase::work, SIZE_MAX) == 10s);
    CHECK(pace.allowed(phase::life, 1) == 2'400ms);
}

TEST_CASE("one slow answer of a hundred decides, one of a thousand does not", "[conformance][shim]") {
    shim_pace pace{60s};
    pace.note(phase::work, 1, 1s);
    for (int i = 0; i < 99; ++i) pace.note(phase::work, 1, 50ms);
    CHECK(pace.allowed(phase::work, 1) == 400ms);
    pace.note(phase::work, 1, 1s);
    CHECK(pace.allowed(phase::work, 1) == 8s);
    for (int i = 0; i < 900; ++i) pace.note(phase::work, 1, 50ms);
    CHECK(pace.allowed(phase::work, 1) == 400ms);
}

TEST_CASE("scripts count by their steps, and a lone question as one", "[conformance][shim]") {
    CHECK(work_of(shim_json::object()) == 1);
    CHECK(work_of({{"in", {{"text", "00"}}}}) == 1);
    CHECK(work_of({{"in", {{"steps", {{{"do", "seal"}}, {{"do", "seal_many"}, {"count", 40}}}}}}}) == 43);
    CHECK(work_of({{"in", {{"steps", {{{"do", "maintain"}}}}}}}) == 102);
    CHECK(work_of({{"in", {{"steps", {7, "x"}}}}}) == 1);
}

TEST_CASE("a shim that is at work is no hang, and one that sleeps is", "[conformance][shim]") {
    const auto never = [](const std::string&) { return false; };
    std::vector<std::string> lines;
    shim_process sleeping{"exec sleep 60"};
    CHECK(sleeping.converse("", lines, never, {1ms, 60s}) == shim_stop::deadline);
    // Counts for much longer than it may be idle, then speaks.
    shim_process working{"n=0; while [ $n -lt 300000 ]; do n=$((n+1)); done; echo done"};
    const auto any = [](const std::string&) { return true; };
    CHECK(working.converse("", lines, any, {1ms, 60s}) == shim_stop::none);
    CHECK(working.silence() > 1ms);
    // Work without end is bounded too.
    shim_process endless{"while :; do :; done"};
    CHECK(endless.converse("", lines, never, {1ms, 20ms}) == shim_stop::deadline);
}

}  // namespace
