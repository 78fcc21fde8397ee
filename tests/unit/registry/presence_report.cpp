#include <agentmesh/registry/presence_report.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

amid agent(std::uint32_t number) {
    amid::raw bytes;
    for (int i = 0; i < 4; ++i)
        bytes.storage()[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> 8 * i);
    return amid::from_raw(bytes);
}
const time_point noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 12h;

}  // namespace

TEST_CASE("a relay tells what has changed, and everything again after 30 seconds", "[unit][registry][AM-REG-073]") {
    presence_report report;
    report.look({{agent(1), availability::online}, {agent(2), availability::away}});
    CHECK(report.take(noon).size() == 2);
    CHECK(report.take(noon).empty());  // one is under way
    report.settle(true, noon);
    CHECK(report.take(noon + 29s).empty());
    report.look({{agent(1), availability::dnd}, {agent(2), availability::away}});
    const auto changed = report.take(noon + 29s);
    REQUIRE(changed.size() == 1);
    CHECK(changed[0] == presence_entry{agent(1), availability::dnd, noon + 29s});
    report.settle(true, noon + 29s);
    CHECK(report.take(noon + 30s).size() == 1);  // the other again
    report.settle(true, noon + 30s);
    report.look({});
    const auto gone = report.take(noon + 31s);
    REQUIRE(gone.size() == 2);
    CHECK(gone[0].status == availability::offline);
    report.settle(true, noon + 31s);
    CHECK(report.take(noon + 90s).empty());
}

TEST_CASE("what a registry did not take is told again", "[unit][registry][AM-REG-073]") {
    presence_report report;
    report.look({{agent(1), availability::online}});
    CHECK(report.take(noon).size() == 1);
    report.settle(false, noon);
    CHECK(report.take(noon).size() == 1);
    report.settle(true, noon);
    report.look({});
    CHECK(report.take(noon).size() == 1);
    report.settle(false, noon);
    CHECK(report.take(noon).size() == 1);
}

TEST_CASE("a notice holds no more than a registry takes, and who is gone comes first",
          "[unit][registry][AM-REG-073][AM-REG-071]") {
    presence_report report;
    std::map<amid, availability> all;
    for (std::uint32_t i = 0; i < 1500; ++i) all[agent(i)] = availability::online;
    report.look(all);
    CHECK(report.take(noon).size() == presence_batch);
    report.settle(true, noon);
    CHECK(report.take(noon).size() == 500);
    report.settle(true, noon);
    all.erase(agent(7));
    report.look(all);
    const auto next = report.take(noon + 30s);
    CHECK(next.size() == presence_batch);
    CHECK(next[0] == presence_entry{agent(7), availability::offline, noon + 30s});
    const auto text = write_presence(agent(1), next);
    CHECK(text.size() < 256 * 1024);
}
