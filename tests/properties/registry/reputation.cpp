#include <agentmesh/registry/reputation.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <vector>

using namespace agentmesh;
using namespace agentmesh::registry;

namespace {

tier some_tier() { return *rc::gen::element(tier::anonymous, tier::verified, tier::organization); }

opinion some_opinion() {
    return {.tier_of_author = some_tier(),
            .age_of_author = *rc::gen::inRange(0U, 20U),
            .reciprocal = *rc::gen::arbitrary<bool>(),
            .score_ppm = *rc::gen::inRange(0U, whole + 1)};
}

std::vector<opinion> some_opinions(int most) {
    std::vector<opinion> out;
    for (int i = *rc::gen::inRange(0, most); i > 0; --i) out.push_back(some_opinion());
    return out;
}

struct known {
    tier trust = some_tier();
    std::uint32_t age = *rc::gen::inRange(0U, 500U);
    std::vector<opinion> feedback = some_opinions(60);
    std::vector<opinion> sessions = some_opinions(60);

    ppm score() const { return reputation({trust, age, feedback, sessions}); }
};

ppm distance(ppm a, ppm b) { return a > b ? a - b : b - a; }

}  // namespace

TEST_CASE("no coalition moves a score by more than the stated bound", "[property][registry][AM-REP-006]") {
    CHECK(rc::check([] {
        known world;
        const auto before = world.score();
        const auto anonymous = *rc::gen::inRange(0, 200);
        const auto proved = *rc::gen::inRange(0, 40);
        const auto wanted = *rc::gen::element(0U, whole);  // no other score moves more
        const auto age = *rc::gen::inRange(0U, 20U);
        const auto reciprocal = *rc::gen::arbitrary<bool>();
        for (int i = 0; i < anonymous + proved; ++i) {
            const opinion one{.tier_of_author = i < anonymous ? tier::anonymous : tier::verified,
                              .age_of_author = age,
                              .reciprocal = reciprocal,
                              .score_ppm = wanted};
            world.feedback.push_back(one);
            world.sessions.push_back(one);
        }
        const auto moved = distance(world.score(), before);
        RC_ASSERT(moved <= most_shift(static_cast<std::uint64_t>(anonymous), static_cast<std::uint64_t>(proved)));
    }));
}

TEST_CASE("the bound is nearly reached by those it speaks of", "[property][registry][AM-REP-006]") {
    // Against an agent with a perfect record of nothing but the start, and then ten unproved friends.
    CHECK(rc::check([] {
        const auto proved = *rc::gen::inRange<std::size_t>(1, 100);
        const std::vector<opinion> bad(proved, {.tier_of_author = tier::verified, .age_of_author = 9, .score_ppm = 0});
        const auto fell = reputation({.trust = tier::organization}) -
                          reputation({.trust = tier::organization, .feedback = bad, .sessions = bad});
        // The start of an organisation is 5/7, and nobody falls below 0.
        RC_ASSERT(fell + 4 >= most_shift(0, proved) / 7 * 5);
    }));
}

TEST_CASE("a better opinion never lowers a score and a worse one never raises it", "[property][registry]") {
    CHECK(rc::check([] {
        known world;
        const auto before = world.score();
        auto& list = *rc::gen::arbitrary<bool>() ? world.feedback : world.sessions;
        auto next = some_opinion();
        next.score_ppm = whole;
        list.push_back(next);
        const auto raised = world.score();
        RC_ASSERT(raised >= before);
        list.back().score_ppm = 0;
        RC_ASSERT(world.score() <= raised);
        RC_ASSERT(raised <= whole);
    }));
}

TEST_CASE("nobody's order in the list matters", "[property][registry]") {
    CHECK(rc::check([] {
        known world;
        const auto before = world.score();
        std::reverse(world.feedback.begin(), world.feedback.end());
        std::reverse(world.sessions.begin(), world.sessions.end());
        RC_ASSERT(world.score() == before);
    }));
}

TEST_CASE("a flag is a pair of scores of its own history", "[property][registry][AM-REP-007]") {
    CHECK(rc::check([] {
        std::vector<published_score> history;
        time_point at{};
        for (int i = *rc::gen::inRange(0, 30); i > 0; --i) {
            at += std::chrono::minutes{*rc::gen::inRange(0, 600)};
            history.push_back({at, *rc::gen::inRange(0U, whole + 1)});
        }
        const auto now = at + std::chrono::minutes{*rc::gen::inRange(0, 3000)};
        bool expected = false;
        for (std::size_t a = 0; a < history.size(); ++a)
            for (std::size_t b = a + 1; b < history.size(); ++b)
                expected = expected || (history[b].at - history[a].at <= std::chrono::hours{24} &&
                                        now - history[b].at <= std::chrono::hours{24} &&
                                        distance(history[a].score, history[b].score) > 200'000);
        const auto found = flag_of(history, now);
        RC_ASSERT(found.has_value() == expected);
        if (found) RC_ASSERT(distance(found->from, found->to) > 200'000U);
    }));
}
