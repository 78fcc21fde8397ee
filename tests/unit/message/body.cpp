#include <agentmesh/message/body.hpp>
#include <agentmesh/message/nlohmann.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using message::code;

namespace {

template <class Body>
Body read(std::string_view type, std::string_view payload) {
    INFO(payload);
    const auto body = message::parse_body(type, payload);
    REQUIRE(body);
    REQUIRE(std::holds_alternative<Body>(*body));
    CHECK(message::type_of(*body) == type);
    const auto text = message::write_body(*body);
    REQUIRE(text);
    CHECK(message::parse_body(type, *text) == body);  // both vocabularies are written as they were read
    return std::get<Body>(*body);
}

TEST_CASE("bodies of the 0.2 text are read", "[unit][message][AM-ENV-008]") {
    const auto request = read<message::request_body>(
        "request", R"({"intent":"travel/flights","parameters":{"to":"LIS"},"budget":{"max":12.5,"currency":"USD"},
                       "response_format":{"type":"structured","schema":"agentmesh/travel/flight-search/v1"}})");
    CHECK(request.intent == "travel/flights");
    CHECK(request.parameters == R"({"to":"LIS"})");
    CHECK(request.budget == message::budget{12'500'000, "USD"});
    CHECK(request.response_type == "structured");
    CHECK(request.response_schema == "agentmesh/travel/flight-search/v1");

    const auto response = read<message::response_body>(
        "response", R"({"status":"partial_success","results":[{"price":1}],"result_count":1,"schema":"x-a/b/v1"})");
    CHECK(response.status == "partial_success");
    CHECK(response.results == R"([{"price":1}])");
    CHECK(response.result_count == 1U);

    const auto status = read<message::status_body>(
        "status", R"({"status":"searching","progress":0.25,"estimated_completion_seconds":5,"message":"soon"})");
    CHECK(status.progress_ppm == 250'000U);

    const auto failure = read<message::error_body>(
        "error", R"({"code":"RATE_LIMITED","message":"slow down","retry_after_seconds":60,
                     "fallback_amid":"jZ6CK1dpcZD4oPYScUJvifP7BtJ"})");
    CHECK(failure.code.is(code::rate_limited));
    CHECK(failure.code.text() == "RATE_LIMITED");
    CHECK(failure.fallback->text() == "jZ6CK1dpcZD4oPYScUJvifP7BtJ");

    const auto close = read<message::close_body>(
        "close", R"({"reason":"completed","summary":"done","reputation_feedback":{"score":0.95,"tags":["fast"]}})");
    CHECK(close.reason.is(code::close_completed));
    CHECK(close.reputation_feedback == message::feedback{950'000, {"fast"}});
}

TEST_CASE("bodies of the Python vocabulary are read", "[unit][message][AM-ENV-008]") {
    const auto request = read<message::request_body>(
        "request", R"({"content":{"q":1},"priority":"urgent","budget":{"amount":3,"currency":"credits","max_cost":4},
                       "schema":null})");
    CHECK(request.content == R"({"q":1})");
    CHECK(request.priority == message::priority::urgent);
    CHECK(request.budget == message::budget{3'000'000, "credits"});
    CHECK_FALSE(request.schema);
    const auto response = read<message::response_body>(
        "response", R"({"content":"yes","processing_time_ms":12,"completed_at":"2026-11-21T12:00:00+00:00"})");
    CHECK(response.content == "\"yes\"");
    CHECK(read<message::status_body>("status", R"({"progress":1,"phase":"search"})").progress_ppm == 1'000'000U);
    const auto failure = read<message::error_body>("error", R"({"code":"not_found","message":"no","details":[1]})");
    CHECK(failure.code.is(code::not_found));
    CHECK(failure.details == "[1]");
    const auto close = read<message::close_body>("close", R"({"reason":"maintenance","reputation_feedback":0.5})");
    CHECK(close.reputation_feedback == message::feedback{500'000, {}});
}

TEST_CASE("of two names for a budget the first vocabulary counts, in whatever order", "[unit][message][AM-ENV-008]") {
    for (const auto* budget : {R"({"max":2,"amount":3})", R"({"amount":3,"max":2})"}) {
        const auto request = read<message::request_body>("request", R"({"content":1,"budget":)" + std::string{budget} + "}");
        CHECK(request.budget == message::budget{2'000'000, ""});
    }
    // What does not count is looked at all the same.
    for (const auto* budget : {R"({"max":2,"amount":"3"})", R"({"amount":"3","max":2})"})
        CHECK_FALSE(message::parse_body("request", R"({"content":1,"budget":)" + std::string{budget} + "}"));
}

TEST_CASE("a body of unknown type is handed on as it came, never as a request", "[unit][message][AM-ENV-007]") {
    const auto body = read<message::other_body>("x-acme-offer", R"({ "intent" : "travel" })");
    CHECK(body.type == "x-acme-offer");
    CHECK(body.payload == R"({ "intent" : "travel" })");
    CHECK_FALSE(message::parse_body("x-acme-offer", "[]"));
    CHECK_FALSE(message::write_body(message::other_body{"request", "{}"}));
}

TEST_CASE("an unknown code or close reason is kept, and not taken for another", "[unit][message][AM-ENV-010]") {
    const auto close = read<message::close_body>("close", R"({"reason":"Completed"})");
    CHECK_FALSE(close.reason.known());
    CHECK(close.reason.text() == "Completed");
    const auto failure = read<message::error_body>("error", R"({"code":"E_TOO_SLOW"})");
    CHECK_FALSE(failure.code.known());
    CHECK(failure.code.for_reader(message::vocabulary::python) == "E_TOO_SLOW");
}

TEST_CASE("a body that lacks what its type needs is refused", "[unit][message][AM-ENV-008]") {
    const auto [type, payload] = GENERATE(table<std::string, std::string>({
        {"request", "{}"},
        {"request", R"({"parameters":{}})"},
        {"request", R"({"intent":null})"},
        {"request", R"({"intent":"a","budget":{"currency":"USD"}})"},
        {"response", R"({"results":[]})"},
        {"status", R"({"message":"soon"})"},
        {"error", R"({"message":"no"})"},
        {"close", R"({"summary":"done"})"},
        {"close", R"({"reason":"completed","reputation_feedback":{"tags":[]}})"},
        {"error", R"({"code":""})"},
    }));
    INFO(type << payload);
    CHECK(message::parse_body(type, payload).error() == error{errc::missing_member, "AM-ENV-008"});
}

TEST_CASE("a body with a member of another type is refused", "[unit][message][AM-ENV-008]") {
    const auto [type, payload] = GENERATE(table<std::string, std::string>({
        {"request", "[]"},
        {"request", R"({"intent":{"category":"travel"}})"},
        {"request", R"({"intent":"a","parameters":[]})"},
        {"request", R"({"intent":"a","budget":5})"},
        {"request", R"({"intent":"a","budget":{"max":"5"}})"},
        {"request", R"({"intent":"a","budget":{"max":-0.01}})"},
        {"request", R"({"intent":"a","priority":"whenever"})"},
        {"response", R"({"status":true})"},
        {"response", R"({"status":"success","result_count":-1})"},
        {"response", R"({"status":"success","result_count":1.5})"},
        {"status", R"({"progress":1.1})"},
        {"status", R"({"progress":"half"})"},
        {"error", R"({"code":429})"},
        {"error", R"({"code":"x","fallback_amid":"nobody"})"},
        {"error", R"({"code":"x","retry_after_seconds":-1})"},
        {"close", R"({"reason":null})"},
        {"close", R"({"reason":"completed","reputation_feedback":2})"},
        {"close", R"({"reason":"completed","reputation_feedback":{"score":1,"tags":"fast"}})"},
    }));
    INFO(type << payload);
    const auto read = message::parse_body(type, payload);
    REQUIRE_FALSE(read);
    CHECK(read.error().clause != "");
}

TEST_CASE("a writer of bodies refuses what its reader would", "[unit][message][AM-ENV-008]") {
    CHECK_FALSE(message::write_body(message::request_body{}));
    CHECK_FALSE(message::write_body(message::request_body{.intent = "a", .parameters = "[]"}));
    CHECK_FALSE(message::write_body(message::request_body{.intent = "a", .parameters = R"({},"x":{})"}));
    CHECK_FALSE(message::write_body(message::request_body{.content = "null"}));
    CHECK_FALSE(message::write_body(message::request_body{.intent = "a", .budget = message::budget{-1, "USD"}}));
    CHECK_FALSE(message::write_body(message::status_body{.progress_ppm = 1'000'001}));
    CHECK_FALSE(message::write_body(message::response_body{.status = "success", .result_count = ~std::uint64_t{0}}));
    CHECK_FALSE(message::write_body(message::error_body{}));
    CHECK_FALSE(message::write_body(message::close_body{}));
}

TEST_CASE("payloads pass through a tree and back", "[unit][message]") {
    const auto tree = message::to_tree(R"({"a":[1,2.5,"é"]})");
    REQUIRE(tree);
    CHECK(message::from_tree(*tree) == std::string{R"({"a":[1,2.5,"é"]})"});
    CHECK(message::to_tree(R"({"a":1,"a":2})").error().code == errc::json_duplicate_member);
    CHECK_FALSE(message::from_tree({{"a", "\xff"}}));
    CHECK_FALSE(message::from_tree({{"a", std::numeric_limits<double>::infinity()}}));
}

}  // namespace
