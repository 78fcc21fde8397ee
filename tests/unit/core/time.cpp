#include <agentmesh/core/time.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

constexpr auto noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 1 / 31}} + 12h;

clause_id refusal(std::string_view text) {
    CAPTURE(text);
    const auto outcome = parse_time(text);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == errc::bad_time);
    return outcome.error().clause;
}

}  // namespace

TEST_CASE("One instant is read from every offset that names it", "[unit][core][AM-ENC-030]") {
    for (const auto* text : {"2026-01-31T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31T12:00:00+00:00",
                             "2026-01-31T13:30:00+01:30", "2026-01-31T00:01:00-11:59", "2026-02-01T11:59:00+23:59",
                             "2026-01-30T12:01:00-23:59", "2026-01-31T12:00:00.000000000Z"}) {
        CAPTURE(text);
        CHECK(parse_time(text) == noon);
    }
}

TEST_CASE("A fraction of one to nine digits is read to the microsecond", "[unit][core][AM-ENC-030]") {
    CHECK(parse_time("2026-01-31T12:00:00.5Z") == noon + 500ms);
    CHECK(parse_time("2026-01-31T12:00:00.05+00:00") == noon + 50ms);
    CHECK(parse_time("2026-01-31T12:00:00.123456Z") == noon + 123456us);
    CHECK(parse_time("2026-01-31T12:00:00.1234567Z") == noon + 123456us);
    CHECK(parse_time("2026-01-31T12:00:00.123456789Z") == noon + 123456us);
    CHECK(parse_time("2026-01-31T12:00:00.000000999Z") == noon);
}

TEST_CASE("A reading says whether it cut off more than zeros", "[unit][core][AM-ENC-030]") {
    CHECK_FALSE(read_time("2026-01-31T12:00:00.123456Z")->cut);
    CHECK_FALSE(read_time("2026-01-31T12:00:00.123456000Z")->cut);
    CHECK(read_time("2026-01-31T12:00:00.123456001Z")->cut);
    CHECK(read_time("2026-01-31T12:00:00.123456001Z")->rounded_up() == noon + 123457us);
    CHECK(read_time("2026-01-31T12:00:00.123456Z")->rounded_up() == noon + 123456us);
}

TEST_CASE("A time without an offset, or with the unknown one, is refused", "[unit][core][AM-ENC-031]") {
    for (const auto* text : {"2026-01-31T12:00:00", "2026-01-31T12:00:00.5", "2026-01-31T12:00:00-00:00"})
        CHECK(refusal(text) == "AM-ENC-031");
}

TEST_CASE("Dates and times that do not exist are refused", "[unit][core][AM-ENC-032]") {
    for (const auto* text :
         {"2026-01-31T12:00:60Z", "2026-06-30T23:59:60Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z",
          "2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z", "2026-04-31T12:00:00Z", "2026-00-10T12:00:00Z",
          "2026-13-10T12:00:00Z", "2026-01-00T12:00:00Z", "2026-01-32T12:00:00Z", "2026-01-31T99:00:00Z"})
        CHECK(refusal(text) == "AM-ENC-032");
    CHECK(parse_time("2024-02-29T12:00:00Z").has_value());
    CHECK(parse_time("2000-02-29T12:00:00Z").has_value());
}

TEST_CASE("An empty fraction and one of ten digits are refused", "[unit][core][AM-ENC-033]") {
    CHECK(refusal("2026-01-31T12:00:00.Z") == "AM-ENC-033");
    CHECK(refusal("2026-01-31T12:00:00.0000000000Z") == "AM-ENC-033");
}

TEST_CASE("Instants outside the years 0001 to 9999 are refused, the offset applied", "[unit][core][AM-ENC-034]") {
    for (const auto* text : {"0000-12-31T23:59:59Z", "0000-12-31T23:30:00-01:00", "0001-01-01T00:00:00+00:01",
                             "9999-12-31T23:59:59-00:01", "9999-12-31T23:30:00-23:59"})
        CHECK(refusal(text) == "AM-ENC-034");
    CHECK(parse_time("0001-01-01T00:00:00Z") == earliest_time);
    CHECK(parse_time("9999-12-31T23:59:59.999999Z") == latest_time);
    CHECK(parse_time("0001-01-01T00:00:00-00:01") == earliest_time + 1min);
}

TEST_CASE("Text that only resembles a time is refused", "[unit][core][AM-ENC-030]") {
    for (const auto* text : {"",
                             "Z",
                             "2026",
                             "2026-01-31",
                             "2026-01-31 12:00:00Z",
                             "26-01-31T12:00:00Z",
                             "12026-01-31T12:00:00Z",
                             "2026-1-31T12:00:00Z",
                             "2026-01-31T12:00Z",
                             "2026-01-31T12:00:00,5Z",
                             "2026-01-31T12:00:00Z ",
                             " 2026-01-31T12:00:00Z",
                             "2026-01-31T12:00:00ZZ",
                             "2026-01-31T12:00:00+0000",
                             "2026-01-31T12:00:00+00",
                             "2026-01-31T12:00:00+24:00",
                             "2026-01-31T12:00:00+00:60",
                             "2026-01-31T12:00:00UTC",
                             "-2026-01-31T12:00:00Z",
                             "2026-W05-6T12:00:00Z",
                             "2026-031T12:00:00Z",
                             "+026-01-31T12:00:00Z",
                             "2026-01-31T+2:00:00Z",
                             "1769860800"})
        (void)refusal(text);
    using namespace std::string_view_literals;
    (void)refusal("2026-01-31T12:00:00Z\0"sv);
}

TEST_CASE("Time is written in UTC with the shortest exact fraction of 0, 3 or 6 digits", "[unit][core][AM-ENC-035]") {
    CHECK(format_time(noon) == "2026-01-31T12:00:00Z");
    CHECK(format_time(noon + 250ms) == "2026-01-31T12:00:00.250Z");
    CHECK(format_time(noon + 1us) == "2026-01-31T12:00:00.000001Z");
    CHECK(format_time(noon + 1500us) == "2026-01-31T12:00:00.001500Z");
    CHECK(format_time(noon + 250ms, utc_suffix::offset) == "2026-01-31T12:00:00.250+00:00");
    CHECK(format_time(earliest_time) == "0001-01-01T00:00:00Z");
    CHECK(format_time(latest_time) == "9999-12-31T23:59:59.999999Z");
    CHECK(format_time(time_point{-1us}) == "1969-12-31T23:59:59.999999Z");
}
