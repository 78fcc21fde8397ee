// vectors/registry/reputation against registry/reputation.hpp.
#include <agentmesh/registry/reputation.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

tier read_tier(const vectors::json& word) {
    const auto read = identity::parse_tier(word.get<std::string>(), identity::tier_dialect::word);
    REQUIRE(read);
    return *read;
}

std::vector<registry::opinion> read_opinions(const vectors::json& list) {
    std::vector<registry::opinion> out;
    for (const auto& one : list)
        out.push_back({.tier_of_author = read_tier(one["tier"]),
                       .age_of_author = one["age_days"].get<std::uint32_t>(),
                       .reciprocal = one["reciprocal"].get<bool>(),
                       .score_ppm = one["score_ppm"].get<registry::ppm>()});
    return out;
}

TEST_CASE("reputation is computed as in the vectors",
          "[vectors][registry][AM-REP-001][AM-REP-002][AM-REP-003][AM-REP-004][AM-REP-005][AM-REP-006][AM-REP-007]") {
    const auto seconds = [](std::int64_t count) { return time_point{} + std::chrono::seconds{count}; };
    const auto rows = for_each_row(
        "registry/reputation",
        {
            {"reputation.score",
             [](fields& in, const row& of) {
                 const auto feedback = read_opinions(in["feedback"]), sessions = read_opinions(in["sessions"]);
                 const auto found = registry::reputation({.trust = read_tier(in["tier"]),
                                                          .age_days = in["age_days"].get<std::uint32_t>(),
                                                          .feedback = feedback,
                                                          .sessions = sessions});
                 CHECK(vectors::json({{"score_ppm", found}}) == of.output);
             }},
            {"reputation.bound",
             [](fields& in, const row& of) {
                 const auto found =
                     registry::most_shift(in["anonymous"].get<std::uint64_t>(), in["proved"].get<std::uint64_t>());
                 CHECK(vectors::json({{"most_shift_ppm", found}}) == of.output);
             }},
            {"reputation.flag",
             [&](fields& in, const row& of) {
                 std::vector<registry::published_score> history;
                 for (const auto& one : in["history"])
                     history.push_back({seconds(one[0].get<std::int64_t>()), one[1].get<registry::ppm>()});
                 const auto found = registry::flag_of(history, seconds(in["at"].get<std::int64_t>()));
                 const auto& expected = of.output["flag"];
                 REQUIRE(found.has_value() == !expected.is_null());
                 if (!found) return;
                 CHECK(found->since == seconds(expected["since"].get<std::int64_t>()));
                 CHECK(found->from == expected["from"].get<registry::ppm>());
                 CHECK(found->to == expected["to"].get<registry::ppm>());
             }},
        });
    CHECK(rows >= 120);
}

}  // namespace
