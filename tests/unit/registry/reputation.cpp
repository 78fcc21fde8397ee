#include <agentmesh/registry/reputation.hpp>

#include "tests/support/catch.hpp"

#include <vector>

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

constexpr opinion proved(ppm score) {
    return {.tier_of_author = tier::verified, .age_of_author = 30, .score_ppm = score};
}
constexpr opinion unproved(ppm score) { return {.age_of_author = 30, .score_ppm = score}; }

time_point at(std::chrono::hours hours) { return time_point{} + hours; }

}  // namespace

TEST_CASE("an agent of whom nothing is known starts at the figure of its tier", "[unit][registry][AM-REP-001]") {
    CHECK(reputation({.trust = tier::anonymous}) == 500'000);
    CHECK(reputation({.trust = tier::verified}) == 600'000);
    CHECK(reputation({.trust = tier::organization}) == 700'000);
}

TEST_CASE("age counts a tenth, and is complete after a year", "[unit][registry][AM-REP-003]") {
    CHECK(reputation({.age_days = 73}) == 520'000);
    CHECK(reputation({.age_days = 365}) == 600'000);
    CHECK(reputation({.age_days = 4'000'000'000}) == 600'000);
}

TEST_CASE("the start counts as five full opinions", "[unit][registry][AM-REP-002]") {
    const std::vector<opinion> perfect(5, proved(whole));
    // (5 x 571,429 + 5 x 1,000,000) / 10 = 785,714.5, to the even neighbour
    CHECK(reputation({.feedback = perfect}) == 585'714);
    CHECK(reputation({.sessions = perfect}) == 564'286);
    const std::vector<opinion> bad(5, proved(0));
    CHECK(reputation({.feedback = bad}) == 385'714);
}

TEST_CASE("the fifth perfect rating raises a score as the fourth did", "[unit][registry][AM-REP-002]") {
    std::vector<opinion> all;
    auto last = reputation({});
    for (int i = 0; i < 20; ++i) {
        all.push_back(proved(whole));
        const auto next = reputation({.feedback = all});
        CHECK(next > last);
        last = next;
    }
}

TEST_CASE("what an opinion weighs depends on who gives it", "[unit][registry][AM-REP-004]") {
    struct row {
        opinion of;
        std::uint32_t fortieths;
    };
    for (const auto& [of, fortieths] : {
             row{proved(0), 40},
             row{{.tier_of_author = tier::organization, .age_of_author = 7}, 40},
             row{unproved(0), 20},
             row{{.tier_of_author = tier::verified, .age_of_author = 6}, 10},
             row{{.tier_of_author = tier::verified, .age_of_author = 7, .reciprocal = true}, 8},
             row{{.tier_of_author = tier::anonymous, .age_of_author = 6}, 5},
             row{{.tier_of_author = tier::anonymous, .age_of_author = 7, .reciprocal = true}, 4},
             row{{.tier_of_author = tier::verified, .age_of_author = 0, .reciprocal = true}, 2},
             row{{.tier_of_author = tier::anonymous, .age_of_author = 0, .reciprocal = true}, 1},
         })
        CHECK(weight(of) == fortieths);
}

TEST_CASE("anonymous opinions together weigh no more than the start", "[unit][registry][AM-REP-005]") {
    const std::vector<opinion> ten(10, unproved(0)), crowd(100'000, unproved(0));
    CHECK(reputation({.feedback = ten}) == reputation({.feedback = crowd}));
    std::vector<opinion> answered = crowd;
    answered.insert(answered.end(), 90, proved(whole));  // 3,600 fortieths against 200 and 200
    CHECK(reputation({.feedback = answered}) > reputation({}));
}

TEST_CASE("a score above a million is read as a million", "[unit][registry]") {
    const opinion beyond = proved(4'000'000'000);
    const opinion full = proved(whole);
    CHECK(reputation({.feedback = {&beyond, 1}}) == reputation({.feedback = {&full, 1}}));
}

TEST_CASE("the bound on what many can do is stated", "[unit][registry][AM-REP-006]") {
    CHECK(most_shift(0, 0) == 3);
    CHECK(most_shift(1, 0) == 63'640);  // 0.7 x 20 / 220
    CHECK(most_shift(10, 0) == 350'003);
    CHECK(most_shift(1'000'000'000'000, 0) == 350'003);  // a crowd of unproved identities does what ten can
    CHECK(most_shift(0, 1) == 116'670);                  // 0.7 x 40 / 240
    CHECK(most_shift(0, 5) == 350'003);
    CHECK(most_shift(~0ULL, ~0ULL) <= 700'004);
}

TEST_CASE("a movement of more than a fifth within a day is flagged for a day", "[unit][registry][AM-REP-007]") {
    const std::vector<published_score> slow = {{at(0h), 500'000}, {at(25h), 710'000}};
    CHECK_FALSE(flag_of(slow, at(26h)));

    const std::vector<published_score> edge = {{at(0h), 500'000}, {at(24h), 700'000}};
    CHECK_FALSE(flag_of(edge, at(25h)));

    const std::vector<published_score> fast = {{at(0h), 500'000}, {at(12h), 600'000}, {at(24h), 700'001}};
    const auto flag = flag_of(fast, at(48h));
    REQUIRE(flag);
    CHECK(flag->since == at(24h));
    CHECK(flag->from == 500'000);
    CHECK(flag->to == 700'001);
    CHECK(flag->rising());
    CHECK_FALSE(flag_of(fast, at(48h) + 1us));
    CHECK_FALSE(flag_of(fast, at(23h)));  // it has not happened yet

    const std::vector<published_score> fall = {{at(0h), 800'000}, {at(1h), 500'000}, {at(2h), 650'000}};
    REQUIRE(flag_of(fall, at(3h)));
    CHECK_FALSE(flag_of(fall, at(3h))->rising());
    CHECK_FALSE(flag_of({}, at(3h)));
}
