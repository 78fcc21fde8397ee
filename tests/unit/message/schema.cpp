#include <agentmesh/message/schema.hpp>

#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace agentmesh;
using message::finding;
using message::validation;

namespace {

std::vector<finding> check(std::string_view description, std::string_view text) {
    INFO(description << " " << text);
    const auto schema = message::schema::compile(description);
    REQUIRE(schema);
    const auto found = schema->check(text);
    REQUIRE(found);
    return *found;
}

TEST_CASE("each keyword accepts and refuses", "[unit][message][AM-CAP-008]") {
    struct row {
        std::string description, good, bad, keyword;
    };
    const auto [description, good, bad, keyword] = GENERATE(values<row>({
        {R"({"type":"string"})", R"("a")", "1", "type"},
        {R"({"type":"integer"})", "1.0", "1.5", "type"},
        {R"({"type":"number"})", "3", "\"3\"", "type"},  // an integer is a number
        {R"({"type":["string","null"]})", "null", "false", "type"},
        {R"({"type":"object"})", "{}", "[]", "type"},
        {R"({"type":"array"})", "[]", "{}", "type"},
        {R"({"type":"boolean"})", "true", "0", "type"},
        {R"({"enum":["a",1,null,{"x":[1]}]})", R"({"x":[1.0]})", R"({"x":[2]})", "enum"},
        {R"({"enum":[1]})", "1.0", "true", "enum"},
        {R"({"enum":["a"]})", R"("\u0061")", "\"A\"", "enum"},
        {R"({"const":0})", "-0", "false", "const"},
        {R"({"const":9007199254740992})", "9007199254740992", "9007199254740993", "const"},
        {R"({"required":["toString"]})", R"({"toString":1})", "{}", "required"},  // no inherited names
        {R"({"properties":{"a":{"type":"null"}},"additionalProperties":false})", R"({"a":null})", R"({"b":null})",
         "additionalProperties"},
        {R"({"additionalProperties":{"type":"string"}})", R"({"a":"b"})", R"({"a":1})", "type"},
        {R"({"items":{"minimum":2}})", "[2,3]", "[2,1]", "minimum"},
        {R"({"minimum":0.1})", "0.1", "0.09", "minimum"},
        {R"({"maximum":-1})", "-1", "-0.5", "maximum"},
        {R"({"minLength":2})", R"("éé")", R"("é")", "minLength"},  // characters, not bytes
        {R"({"maxLength":1})", R"("\ud83d\ude00")", R"("ab")", "maxLength"},
    }));
    CHECK(check(description, good).empty());
    const auto found = check(description, bad);
    REQUIRE(found.size() == 1);
    CHECK(found.front().keyword == keyword);
}

TEST_CASE("a keyword for another kind of value says nothing", "[unit][message][AM-CAP-008]") {
    const auto description = R"({"minimum":5,"minLength":5,"required":["a"],"items":{"type":"null"},"maxLength":5})";
    for (const auto text : {"true", "null", "7", R"("12345")", "[null]", R"({"a":1})"})
        CHECK(check(description, text).empty());
    CHECK(check(description, "[1]").size() == 1);
}

TEST_CASE("no keyword stops another", "[unit][message][AM-CAP-008]") {
    const auto found = check(R"({"enum":["abc"],"const":"abcd","type":"string","maxLength":2,"minLength":9})",
                             R"("xyz")");
    std::vector<std::string_view> words;
    for (const auto& one : found) words.push_back(one.keyword);
    CHECK(words == std::vector<std::string_view>{"enum", "const", "minLength", "maxLength"});
    CHECK(check(R"({"type":"object","enum":[{"a":1}],"required":["b"]})", R"({"a":1})") ==
          std::vector<finding>{{"/b", "required"}});
}

TEST_CASE("violations carry the pointer of what is wrong", "[unit][message][AM-CAP-007]") {
    const auto description = R"({"type":"object","required":["legs"],"additionalProperties":false,"properties":{
        "legs":{"items":{"required":["from"],"properties":{"from":{"type":"string"},"a/b~c":{"type":"null"}}}}}})";
    CHECK(check(description, R"({"legs":[{"from":"LIS"},{"from":1},{"a/b~c":0}],"x":1})") ==
          std::vector<finding>{{"/legs/1/from", "type"},
                               {"/legs/2/a~1b~0c", "type"},
                               {"/legs/2/from", "required"},
                               {"/x", "additionalProperties"}});
    CHECK(check(description, "7") == std::vector<finding>{{"", "type"}});
    std::string many = R"({"legs":[0)";
    for (int i = 0; i < 100; ++i) many += R"(,{"from":0})";
    CHECK(check(description, many + "]}").size() == message::findings_kept);
}

TEST_CASE("a description with anything else in it is refused", "[unit][message][AM-CAP-008]") {
    for (const std::string description :
         {R"({"pattern":"a"})", R"({"oneOf":[]})", R"({"$ref":"#"})", R"({"type":"text"})", R"({"type":[]})",
          R"({"type":7})", R"({"required":"a"})", R"({"required":[1]})", R"({"properties":[]})",
          R"({"properties":{"a":true}})", R"({"items":[{}]})", R"({"enum":[]})", R"({"enum":"a"})",
          R"({"minimum":"1"})", R"({"minLength":-1})", R"({"minLength":1.5})", R"({"additionalProperties":0})",
          R"({"exclusiveMinimum":1})", "[]", "true", "", R"({"type":"null","type":"null"})"}) {
        INFO(description);
        CHECK_FALSE(message::schema::compile(description));
    }
    CHECK(message::schema::compile(R"({"$id":"a","title":"b","description":"c","x-req":["d"],"$comment":"e"})"));
    std::string deep = "{}";
    for (std::size_t i = 1; i < message::schema_depth; ++i) deep = R"({"items":)" + deep + "}";
    CHECK(message::schema::compile(deep));
    CHECK(message::schema::compile(R"({"items":)" + deep + "}").error().code == errc::json_too_deep);
    CHECK(message::schema::compile(std::string(message::schema_bytes + 1, ' ')).error().code == errc::too_large);
}

TEST_CASE("text that is no JSON is an error, not a violation", "[unit][message][AM-CAP-007]") {
    const auto schema = message::schema::compile(R"({"enum":[1]})");
    for (const auto text : {"", "{", R"({"a":1,"a":1})", "1 2", "nul"}) CHECK_FALSE(schema->check(text));
    const message::schema_registry known;
    CHECK_FALSE(known.judge("x-a/b/v1", "{", validation::warning));
    CHECK_FALSE(known.judge("agentmesh/travel/flight-search/v1", "{", validation::warning));
}

TEST_CASE("modes silent, warning and strict", "[unit][message][AM-CAP-005][AM-CAP-006]") {
    message::schema_registry known;
    REQUIRE(known.add("x-acme/widget/v1", R"({"required":["size"]})"));
    struct row {
        std::string name, text;
        validation mode;
        bool accepted, warned;
    };
    const auto [name, text, mode, accepted, warned] = GENERATE(values<row>({
        {"x-acme/widget/v1", R"({"size":1})", validation::silent, true, false},
        {"x-acme/widget/v1", R"({"size":1})", validation::warning, true, false},
        {"x-acme/widget/v1", R"({"size":1})", validation::strict, true, false},
        {"x-acme/widget/v1", "{}", validation::silent, true, false},
        {"x-acme/widget/v1", "{}", validation::warning, true, true},
        {"x-acme/widget/v1", "{}", validation::strict, false, true},
        {"x-acme/widget/v2", "{}", validation::warning, true, true},
        {"x-acme/widget/v2", "{}", validation::strict, false, true},
    }));
    const auto judged = known.judge(name, text, mode);
    REQUIRE(judged);
    CHECK(judged->accepted == accepted);
    CHECK((judged->has_warning() && mode != validation::silent) == warned);
    CHECK(known.judge("x-acme/widget/v2", "{}", validation::silent)->accepted);
}

TEST_CASE("schemas of one's own have names of one's own", "[unit][message][AM-CAP-004]") {
    message::schema_registry known;
    CHECK(known.names().size() == 8);
    CHECK(known.add("x-acme/widget/v1", "{}"));
    CHECK(known.add("x-acme/widget/v1", "{}").error().code == errc::bad_capability);
    CHECK(known.add("agentmesh/travel/flight-search/v2", "{}").error().code == errc::unknown_schema);
    CHECK(known.add("x-acme/widget", "{}").error().code == errc::unknown_schema);
    CHECK_FALSE(known.add("x-acme/widget/v3", R"({"oneOf":[]})"));
    CHECK(known.find("x-acme/widget/v3") == nullptr);
    for (std::size_t i = 1; i < message::custom_schemas; ++i)
        REQUIRE(known.add("x-acme/s" + std::to_string(i) + "/v1", "{}"));
    CHECK(known.add("x-acme/last/v1", "{}").error().code == errc::too_large);
}

TEST_CASE("the standard schemas are those of schemas/message", "[unit][message][AM-CAP-005]") {
    for (const auto& one : message::standard_schemas) {
        INFO(one.name);
        std::string file{one.name};  // agentmesh/travel/flight-search/v1
        file = file.substr(file.find('/') + 1);
        file = file.substr(file.find('/') + 1, file.rfind('/') - file.find('/') - 1);
        std::ifstream in{std::filesystem::path{AGENTMESH_SOURCE_DIR} / "schemas/message" / (file + ".json")};
        REQUIRE(in);
        auto published = nlohmann::json::parse(in);
        CHECK(published.at("x-schema") == one.name);
        for (const auto name : {"$schema", "$id", "title", "description", "x-spec", "x-schema", "x-req"})
            published.erase(name);
        CHECK(published.at("allOf").size() == 1);
        auto described = published.at("allOf").front();
        described.erase("x-req");
        CHECK(described == nlohmann::json::parse(one.description));
    }
}

}  // namespace
