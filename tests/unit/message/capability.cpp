#include <agentmesh/message/capability.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using message::fit;

namespace {

TEST_CASE("capability names follow their grammar", "[unit][message][AM-CAP-001]") {
    for (const auto name : {"travel", "travel/flights", "x-acme/widgets", "x-acme/widgets/blue", "a", "3d/print.fast",
                            "weather_now/eu-west"}) {
        INFO(name);
        CHECK(message::check_capability(name));
        CHECK(message::check_pattern(name));
    }
    const std::string longest(64, 'a');
    CHECK(message::check_capability(longest + "/" + longest));
    for (const std::string& name :
         {std::string{}, std::string{"/"}, std::string{"travel/"}, std::string{"/flights"}, std::string{"travel//x"},
          std::string{"Travel"}, std::string{"travel/flights/cheap"}, std::string{"x-acme"},
          std::string{"x-acme/a/b/c"}, std::string{"travel flights"}, std::string{"travel/*"}, std::string{"*"},
          std::string{"-travel"}, std::string{".travel"}, std::string{"travel/caf\xc3\xa9"}, longest + "a",
          std::string{"travel\0x", 8}}) {
        INFO(name);
        CHECK(message::check_capability(name).error() == error{errc::bad_capability, "AM-CAP-001"});
    }
    for (const auto pattern : {"*", "travel/*", "tr*", "*/flights", "x-acme/*", "x-*", "x-acme/*/b"}) {
        INFO(pattern);
        CHECK(message::check_pattern(pattern));
    }
    for (const auto pattern : {"", "travel/", "T*", "a/b/c/*", "(*", "[a]", "a?"}) {
        INFO(pattern);
        CHECK_FALSE(message::check_pattern(pattern));
    }
}

TEST_CASE("the score of a match", "[unit][message][AM-CAP-002]") {
    const auto [asked, offered, score] = GENERATE(table<std::string, std::string, fit>({
        {"travel/flights", "travel/flights", fit::exact},
        {"travel/*", "travel/flights", fit::pattern},
        {"*", "x-acme/widgets/blue", fit::pattern},
        {"*/flights", "travel/flights", fit::pattern},
        {"tr*l/*ts", "travel/flights", fit::pattern},
        {"travel/*", "travel", fit::none},
        {"travel/flights", "travel", fit::related},
        {"travel", "travel/flights", fit::related},
        {"travel", "travels/flights", fit::none},
        {"travel/fl", "travel/flights", fit::none},
        {"x-acme/widgets", "x-acme/widgets/blue", fit::related},
        {"travel", "commerce", fit::none},
        // A dot, and what else means something elsewhere, is itself.
        {"a.b/*", "axb/c", fit::none},
        {"a.b/*", "a.b/c", fit::pattern},
        {"a.b", "axb", fit::none},
        {"a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", fit::none},
    }));
    INFO(asked << " " << offered);
    CHECK(message::match(asked, offered) == score);
}

TEST_CASE("a rule covers what it names and what lies below", "[unit][message][AM-CAP-002]") {
    CHECK(message::covers("travel", "travel"));
    CHECK(message::covers("travel", "travel/flights"));
    CHECK(message::covers("travel/*", "travel/flights"));
    CHECK(message::covers("*", "anything"));
    CHECK_FALSE(message::covers("travel/flights", "travel"));
    CHECK_FALSE(message::covers("travel/*", "travel"));
    CHECK_FALSE(message::covers("travel", "traveller"));
}

TEST_CASE("schema names follow their grammar", "[unit][message][AM-CAP-004]") {
    const auto name = message::parse_schema_name("agentmesh/travel/flight-search/v12");
    REQUIRE(name);
    CHECK(name->stem == "agentmesh/travel/flight-search");
    CHECK(name->version == 12);
    CHECK(message::parse_schema_name("x-acme/widget/v9999"));
    for (const auto text : {"", "v1", "/v1", "agentmesh/travel/v1", "agentmesh/travel/flight-search",
                            "agentmesh/travel/flight-search/1", "agentmesh/travel/flight-search/v0",
                            "agentmesh/travel/flight-search/v01", "agentmesh/travel/flight-search/v10000",
                            "agentmesh/travel/flight-search/v1x", "agentmesh/travel/flight-search/v",
                            "acme/travel/flight-search/v1", "x-acme/v1", "x-acme/a/b/v1", "x-Acme/widget/v1",
                            "agentmesh/a/b/c/v1", "x-/widget/v1/"}) {
        INFO(text);
        CHECK(message::parse_schema_name(text).error() == error{errc::unknown_schema, "AM-CAP-004"});
    }
}

TEST_CASE("a later version serves an earlier one where that is said", "[unit][message][AM-CAP-003]") {
    CHECK(message::serves("x-a/b/v2", "x-a/b/v1", true));
    CHECK_FALSE(message::serves("x-a/b/v2", "x-a/b/v1", false));
    CHECK_FALSE(message::serves("x-a/b/v1", "x-a/b/v2", true));
    CHECK(message::serves("x-a/b/v1", "x-a/b/v1", false));
    CHECK_FALSE(message::serves("x-a/c/v2", "x-a/b/v1", true));
    CHECK_FALSE(message::serves("nonsense", "nonsense", true));
}

TEST_CASE("negotiation matches only what was asked for and is offered", "[unit][message][AM-CAP-003]") {
    const message::capability_catalogue ours{
        .capabilities = {"travel/hotels", "travel/flights", "commerce/order", "x-acme/widgets"},
        .schemas = {"agentmesh/travel/flight-search/v2", "x-acme/widget/v1"},
        .languages = {"en", "pt-BR"},
        .payment_methods = {"credits"}};
    const auto answer =
        message::negotiate({.i_need = {"travel/*", "commerce/order", "finance/payment", "travel/trains"},
                            .preferred_schemas = {"x-acme/widget/v2", "agentmesh/travel/flight-search/v1"},
                            .languages = {"fr", "pt-br", "en"},
                            .payment_methods = {"card", "credits"}},
                           ours);
    // Of flights and hotels, which fit equally well, the first in the order of bytes.
    CHECK(answer.matched == std::vector<std::string>{"travel/flights", "commerce/order"});
    CHECK(answer.unavailable == std::vector<std::string>{"finance/payment", "travel/trains"});
    CHECK_FALSE(answer.suggested_alternative);  // nothing of ours is in the category finance
    CHECK(answer.agreed_schema == "agentmesh/travel/flight-search/v1");
    CHECK(answer.agreed_language == "pt-br");
    CHECK(answer.agreed_payment == "credits");
    CHECK(message::negotiate({.i_need = {"travel/trains"}}, ours).suggested_alternative == "travel/flights");

    auto strict = ours;
    strict.newer_schema_serves = false;
    CHECK_FALSE(message::negotiate({.preferred_schemas = {"agentmesh/travel/flight-search/v1"}}, strict).agreed_schema);
    CHECK(message::negotiate({}, ours) == message::capability_response{});
}

TEST_CASE("requests and answers are written and read back", "[unit][message][AM-CAP-003]") {
    const message::capability_request request{.i_need = {"travel/*"},
                                              .i_offer = {"commerce/order"},
                                              .preferred_schemas = {"x-a/b/v1"},
                                              .languages = {"en"},
                                              .payment_methods = {"credits"}};
    CHECK(message::parse_capability_request(message::write(request)) == request);
    const message::capability_response response{.matched = {"travel/flights"},
                                                .unavailable = {"finance/*"},
                                                .suggested_alternative = "finance/quotes",
                                                .agreed_schema = "x-a/b/v1",
                                                .agreed_language = "en",
                                                .agreed_payment = "credits"};
    CHECK(message::parse_capability_response(message::write(response)) == response);
    CHECK(message::parse_capability_response(
              R"({"matched":[],"suggested_alternatives":["a/b","c/d"],"agreed_schema":null,"more":1})")
              ->suggested_alternative == "a/b");
}

TEST_CASE("a request with a false name, type or too long a list is refused", "[unit][message][AM-CAP-003]") {
    for (const auto text : {R"({"i_need":"travel"})", R"({"i_need":[7]})", R"({"i_need":["Travel"]})",
                            R"({"i_offer":["travel/*"]})", R"({"preferred_schemas":["v1"]})", R"({"languages":[""]})",
                            R"([])", "{"}) {
        INFO(text);
        CHECK_FALSE(message::parse_capability_request(text));
    }
    message::capability_request request;
    request.i_need.assign(message::negotiation_items, "travel");
    CHECK(message::parse_capability_request(message::write(request)));
    request.i_need.emplace_back("travel");
    CHECK(message::parse_capability_request(message::write(request)).error().code == errc::too_large);
}

}  // namespace
