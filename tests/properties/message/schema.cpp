// Our validator beside valijson, which implements draft-07 on its own.
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/message/schema.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

using namespace agentmesh;
using tree = nlohmann::json;

namespace {

bool valijson_accepts(const tree& schema, const tree& instance) {
    using adapter = valijson::adapters::NlohmannJsonAdapter;
    valijson::Schema compiled;
    valijson::SchemaParser{}.populateSchema(adapter{schema}, compiled);
    valijson::Validator validator{valijson::Validator::kStrongTypes};
    return validator.validate(compiled, adapter{instance}, nullptr);
}

/// A small value, so that it often meets a small schema. Numbers are whole and written as such, or halves: to
/// valijson, 1.0 is no integer.
tree some_value(int depth) {
    switch (*rc::gen::inRange(0, depth > 0 ? 8 : 5)) {
        case 0: return nullptr;
        case 1: return *rc::gen::arbitrary<bool>();
        case 2: return *rc::gen::inRange(-2, 4);
        case 3: return *rc::gen::inRange(-2, 3) + 0.5;
        case 4: return *rc::gen::element<std::string>("", "a", "é", "ab", "é\xf0\x9f\x98\x80", "abc");
        case 5: {
            tree out = tree::array();
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out.push_back(some_value(depth - 1));
            return out;
        }
        default: {
            tree out = tree::object();
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
                out[*rc::gen::element<std::string>("a", "b", "toString", "a/b")] = some_value(depth - 1);
            return out;
        }
    }
}

tree some_schema(int depth) {
    tree out = tree::object();
    const auto often = [](int of) { return *rc::gen::inRange(0, of) == 0; };
    const auto type = [] {
        return *rc::gen::element<std::string>("null", "boolean", "object", "array", "number", "string", "integer");
    };
    if (often(3)) out["type"] = type();
    else if (often(4)) {
        const std::string one = type();
        out["type"] = one == "null" ? tree{"null", "object"} : tree{one, "null"};
    }
    if (often(6)) {
        out["enum"] = tree::array({some_value(2)});
        for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
            if (tree more = some_value(2); std::find(out["enum"].begin(), out["enum"].end(), more) == out["enum"].end())
                out["enum"].push_back(more);
    }
    if (often(8)) out["const"] = some_value(2);
    if (often(4)) out["minimum"] = *rc::gen::inRange(-2, 3);
    if (often(4)) out["maximum"] = *rc::gen::inRange(-2, 3) + 0.5;
    if (often(4)) out["minLength"] = *rc::gen::inRange(0, 3);
    if (often(4)) out["maxLength"] = *rc::gen::inRange(0, 3);
    if (often(3)) out["required"] = tree::array({*rc::gen::element<std::string>("a", "b", "toString", "a/b")});
    if (depth > 0 && often(2)) {
        out["properties"] = tree::object();
        for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
            out["properties"][*rc::gen::element<std::string>("a", "b", "toString")] = some_schema(depth - 1);
    }
    if (often(4)) out["additionalProperties"] = false;
    else if (depth > 0 && often(4)) out["additionalProperties"] = some_schema(depth - 1);
    if (depth > 0 && often(3)) out["items"] = some_schema(depth - 1);
    return out;
}

}  // namespace

TEST_CASE("generated values are judged as valijson judges them", "[property][message][AM-CAP-008]") {
    int accepted = 0, refused = 0;
    CHECK(rc::check([&] {
        const tree schema = some_schema(2);
        const auto compiled = message::schema::compile(schema.dump());
        RC_ASSERT(compiled.has_value());
        for (int i = 0; i < 6; ++i) {
            const tree value = some_value(3);
            const auto found = compiled->check(value.dump());
            RC_ASSERT(found.has_value());
            const bool good = valijson_accepts(schema, value);
            RC_LOG() << schema << "\n" << value << "\n";
            RC_ASSERT(found->empty() == good);
            ++(good ? accepted : refused);
            // A pointer leads to a value, or for a missing member to the object around it.
            for (const auto& one : *found) {
                tree::json_pointer at{one.pointer};
                if (one.keyword == "required") {
                    RC_ASSERT_FALSE(value.contains(at));
                    at.pop_back();
                }
                RC_ASSERT(value.contains(at));
            }
        }
    }));
    // Both kinds of value were generated, however few runs there were.
    CHECK(accepted > (accepted + refused) / 20);
    CHECK(refused > (accepted + refused) / 20);
}

TEST_CASE("bodies of the standard schemas with one member changed are judged as valijson judges them",
          "[property][message][AM-CAP-005]") {
    // The first sample of each negative file with its gap filled would do as well; these are written out.
    static const std::map<std::string, tree> good = {
        {"agentmesh/travel/flight-search/v1",
         {{"origin", "LIS"}, {"destination", "OPO"}, {"departure_date", "2026-12-01"}, {"passengers", 2},
          {"cabin", "economy"}, {"max_stops", 1}, {"max_price", 99.5}, {"currency", "EUR"}, {"flexible_dates", true}}},
        {"agentmesh/travel/hotel-search/v1",
         {{"location", "Porto"}, {"check_in", "2026-12-01"}, {"check_out", "2026-12-03"}, {"guests", 2},
          {"min_stars", 3.5}, {"amenities", {"pool"}}}},
        {"agentmesh/commerce/product-search/v1",
         {{"query", "kettle"}, {"condition", "new"}, {"brands", {"a", "b"}}, {"in_stock", true}, {"sort", "rating"},
          {"max_results", 5}}},
        {"agentmesh/commerce/order/v1",
         {{"items", {{{"product_id", "k"}, {"quantity", 2}, {"unit_price", 1.5}}}}, {"currency", "EUR"},
          {"shipping_address", {{"street", "a"}, {"city", "b"}, {"country", "PT"}}}}},
        {"agentmesh/finance/payment/v1",
         {{"amount", 12.5}, {"currency", "EUR"}, {"recipient", "8By"}, {"memo", ""}, {"escrow", false}}},
        {"agentmesh/productivity/calendar-query/v1",
         {{"start", "2026-12-01T09:00:00Z"}, {"end", "2026-12-01T17:00:00Z"}, {"kind", "slots"},
          {"duration_minutes", 30}, {"participants", {"a"}}}},
        {"agentmesh/marketplace/skill-bid/v1",
         {{"task_id", "t"}, {"price", 5}, {"currency", "credits"}, {"skills", {"c++"}}}},
        {"agentmesh/marketplace/task-delegation/v1",
         {{"task_id", "t"}, {"description", "d"}, {"inputs", {{"a", 1}}}, {"priority", "high"},
          {"budget", {{"max", 5}, {"currency", "EUR"}}}}},
    };
    const message::schema_registry known;
    for (const auto& one : message::standard_schemas) {
        const auto name = std::string{one.name};
        INFO(name);
        CHECK(known.judge(name, good.at(name).dump(), message::validation::strict)->accepted);
        std::string stem = name.substr(0, name.rfind('/'));
        stem = stem.substr(stem.rfind('/') + 1);
        std::ifstream in{std::filesystem::path{AGENTMESH_SOURCE_DIR} / "schemas/message" / (stem + ".json")};
        REQUIRE(in);
        const tree published = tree::parse(in);
        CHECK(rc::check([&] {
            tree body = good.at(name);
            const auto names = body.items();
            std::vector<std::string> members;
            for (const auto& member : names) members.push_back(member.key());
            const auto member = *rc::gen::elementOf(members);
            if (*rc::gen::inRange(0, 3) == 0) body.erase(member);
            else body[member] = some_value(2);
            const bool accepted = known.judge(name, body.dump(), message::validation::strict)->accepted;
            RC_LOG() << body << "\n";
            RC_ASSERT(accepted == valijson_accepts(published, body));
        }));
    }
}

TEST_CASE("what is written here follows the published schemas", "[property][message][AM-ENV-003][AM-CAP-003]") {
    const auto load = [](const std::string& file) {
        std::ifstream in{std::filesystem::path{AGENTMESH_SOURCE_DIR} / "schemas/message" / (file + ".json")};
        REQUIRE(in);
        return tree::parse(in);
    };
    crypto::scripted_random random{7};
    const auto pair = *signing_key_pair::generate(random);
    message::envelope note{.session_id = std::string(32, 'a'),
                           .from = amid::of(pair.public_key()),
                           .to = amid::of(pair.public_key()),
                           .type = "x-offer é",
                           .timestamp = *parse_time("2026-11-21T12:00:00.25+01:00"),
                           .id = "m-1"};
    const auto text = message::sign_envelope(note, pair);
    REQUIRE(text);
    CHECK(valijson_accepts(load("envelope"), tree::parse(*text)));
    const message::capability_request request{
        {"travel/*", "*"}, {"x-a/b", "travel/flights"}, {"x-a/b/v1"}, {"en"}, {"c"}};
    CHECK(valijson_accepts(load("capability_request"), tree::parse(message::write(request))));
    const auto answer = message::negotiate(request, {.capabilities = {"travel/flights"}, .schemas = {"x-a/b/v2"}});
    CHECK(valijson_accepts(load("capability_response"), tree::parse(message::write(answer))));
}
