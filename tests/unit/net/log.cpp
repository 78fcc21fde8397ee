#include <agentmesh/net/log.hpp>

#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace agentmesh;
using net::log_level;

namespace {

struct lines {
    std::vector<std::string> seen;
    net::logger at(log_level level) {
        return {level, [this](std::string_view line) { seen.emplace_back(line); }};
    }
};

const time_point noon = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + std::chrono::hours{12};

}  // namespace

TEST_CASE("a log line is one JSON object with the fields that were given", "[unit][net]") {
    lines out;
    auto log = out.at(log_level::info);
    log.write(log_level::info, noon, "refused", {.connection = 7, .code = "INVALID_MESSAGE", .clause = "AM-ERR-003"});
    REQUIRE(out.seen.size() == 1);
    CHECK(out.seen[0].back() == '\n');
    const auto line = nlohmann::json::parse(out.seen[0]);
    CHECK(line == nlohmann::json{{"time", "2026-11-21T12:00:00Z"},
                                 {"level", "info"},
                                 {"event", "refused"},
                                 {"connection", 7},
                                 {"code", "INVALID_MESSAGE"},
                                 {"clause", "AM-ERR-003"}});
}

TEST_CASE("a log line stays one line whatever is put into it", "[unit][net]") {
    lines out;
    auto log = out.at(log_level::debug);
    log.write(log_level::debug, noon, "odd", {.detail = "a\nb\"c\\d\x1b[31m\xff"});
    REQUIRE(out.seen.size() == 1);
    CHECK(out.seen[0].find('\n') == out.seen[0].size() - 1);
    CHECK(out.seen[0].find('\x1b') == std::string::npos);
    CHECK(nlohmann::json::parse(out.seen[0])["detail"] == "a\nb\"c\\d\x1b[31m\u00ff");
}

TEST_CASE("a level shows its own lines and those of the levels above", "[unit][net]") {
    lines out;
    auto off = out.at(log_level::off);
    off.write(log_level::info, noon, "a");
    CHECK(out.seen.empty());
    auto info = out.at(log_level::info);
    info.write(log_level::debug, noon, "b");
    CHECK(out.seen.empty());
    info.write(log_level::info, noon, "c");
    CHECK(out.seen.size() == 1);
    auto debug = out.at(log_level::debug);
    debug.write(log_level::debug, noon, "d");
    debug.write(log_level::info, noon, "e");
    CHECK(out.seen.size() == 3);
}
