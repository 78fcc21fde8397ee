// vectors/capability against message/.
#include <agentmesh/message/schema.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

TEST_CASE("capability and schema names are read as in the vectors", "[vectors][message][AM-CAP-001][AM-CAP-004]") {
    const auto rows = for_each_row("capability/names",
                                   {
                                       {"capability.check", by([](fields& in, const row&) -> outcome {
                                            const auto text = in.text("text");
                                            if (in.text("kind") == "pattern")
                                                AGENTMESH_CHECK(message::check_pattern(text));
                                            else
                                                AGENTMESH_CHECK(message::check_capability(text));
                                            return answer{};
                                        })},
                                       {"schema_name.read", by([](fields& in, const row&) -> outcome {
                                            const auto text = in.text("text");
                                            AGENTMESH_TRY(name, message::parse_schema_name(text));
                                            return answer{.output = {{"stem", name.stem}, {"version", name.version}}};
                                        })},
                                   });
    CHECK(rows >= 75);
}

TEST_CASE("capabilities are matched and negotiated as in the vectors", "[vectors][message][AM-CAP-002][AM-CAP-003]") {
    const auto list = [](const vectors::json& object, const char* name) {
        return object.value(name, std::vector<std::string>{});
    };
    const auto rows = for_each_row(
        "capability/matching",
        {
            {"capability.match", by([](fields& in, const row&) -> outcome {
                 const auto fit = message::match(in.text("asked"), in.text("offered"));
                 return answer{.output = {{"score", static_cast<std::uint32_t>(fit)}}};
             })},
            {"capability.negotiate", by([&](fields& in, const row&) -> outcome {
                 AGENTMESH_TRY(asked, message::parse_capability_request(in["request"].dump()));
                 const auto& have = in["offered"];
                 const auto found = message::negotiate(asked, {.capabilities = list(have, "capabilities"),
                                                               .schemas = list(have, "schemas"),
                                                               .languages = list(have, "languages"),
                                                               .payment_methods = list(have, "payment_methods")});
                 return answer{.output = {{"answer", vectors::json::parse(message::write(found))}}};
             })},
        });
    CHECK(rows >= 40);
}

TEST_CASE("schemas are applied as in the vectors",
          "[vectors][message][AM-CAP-005][AM-CAP-006][AM-CAP-007][AM-CAP-008]") {
    const auto rows = for_each_row(
        "capability/schemas",
        {
            {"schema.check",
             [](fields& in, const row& of) {
                 const auto schema = message::schema::compile(in.text("schema"));
                 REQUIRE(schema);
                 const auto found = schema->check(in.text("text"));
                 REQUIRE(found);
                 std::set<std::vector<std::string>> seen;
                 for (const auto& one : *found) seen.insert({one.pointer, std::string{one.keyword}});
                 CHECK(seen.size() == found->size());
                 CHECK(vectors::json(seen) == of.output["findings"]);
                 CHECK(found->empty() != of.refused);
             }},
            {"schema.judge",
             [](fields& in, const row& of) {
                 message::schema_registry known;
                 REQUIRE(known.add(of.shared.at("name").get<std::string>(), of.shared.at("schema").get<std::string>()));
                 const auto mode = in.text("mode");
                 const auto found = known.judge(in.text("name"), in.text("text"),
                                                mode == "silent"    ? message::validation::silent
                                                : mode == "warning" ? message::validation::warning
                                                                    : message::validation::strict);
                 CHECK((found && found->accepted) != of.refused);
             }},
        });
    CHECK(rows >= 70);
}

}  // namespace
