#include "world.hpp"

#include "tests/support/catch.hpp"

using namespace session_test;

TEST_CASE("of two crossing KNOCKs the one of the smaller name stands, with what both sent early",
          "[unit][session][glare-converges][AM-KNK-028]") {
    // Every order in which the two KNOCKs and the early messages may arrive.
    const auto order = GENERATE(range(0, 6));
    pair both{static_cast<std::uint64_t>(order) + 5};
    const auto mine = both.knock(*both.a, haste::optimistic);
    const auto theirs = both.knock(*both.b, haste::optimistic);
    REQUIRE(both.say(*both.a, mine, "early a"));
    REQUIRE(both.say(*both.b, theirs, "early b"));
    const std::array<std::array<int, 4>, 6> orders = {{{0, 1, 2, 3}, {2, 3, 0, 1}, {0, 2, 1, 3}, {1, 0, 3, 2}, {3,
        1, 2, 0}, {1, 3, 0, 2}}};
    for (const int which : orders[static_cast<std::size_t>(order)])
        REQUIRE(both.give(which < 2 ? *both.a : *both.b, static_cast<std::size_t>(which % 2)));
    both.a_read = both.b_read = 2;
    both.settle();
    both.pass(10s);

    CHECK(both.a->mesh->find(mine)->phase == phase::open);
    CHECK(both.b->mesh->find(mine)->phase == phase::open);
    CHECK(both.a->mesh->live_sessions() == 1);
    CHECK(both.b->mesh->live_sessions() == 1);
    CHECK(both.b->out.opened_ones.at(0).replaces == std::vector{theirs});
    CHECK(both.b->out.texts == std::vector{pair::envelope("early a")});
    CHECK(both.a->out.texts == std::vector{pair::envelope("early b")});
    CHECK(both.a->policy.asked.empty());
    CHECK(both.a->out.lost.empty());
    CHECK(both.b->out.lost.empty());
    CHECK(both.a->out.refusals.empty());
    CHECK(both.b->out.refusals.empty());
}

TEST_CASE("a refusal of the standing KNOCK ends both", "[unit][session][AM-KNK-028]") {
    pair both;
    both.b->policy.answer = verdict::deny(deny_reason::insufficient_trust);
    const auto mine = both.knock(*both.a, haste::optimistic);
    const auto theirs = both.knock(*both.b, haste::optimistic);
    REQUIRE(both.say(*both.b, theirs, "early b"));
    both.settle();
    CHECK(both.a->out.refusals.at(0).session == mine);
    CHECK(both.b->out.refusals.at(0).session == theirs);
    CHECK(both.b->out.lost.size() == 1);
    CHECK(both.a->mesh->live_sessions() == 0);
    CHECK(both.b->mesh->live_sessions() == 0);
    CHECK(both.a->out.texts.empty());
}

TEST_CASE("the KNOCK that lost is not answered when it comes again", "[unit][session][AM-KNK-015][AM-KNK-028]") {
    pair both;
    both.knock(*both.a);
    both.knock(*both.b);
    both.settle();
    const auto sent = both.a->out.sent.size();
    const auto left = both.a->prekeys.one_time_left();
    REQUIRE(both.give(*both.b, 0));
    REQUIRE(both.a->restart(both.now));
    REQUIRE(both.give(*both.b, 0));
    CHECK(both.a->out.sent.size() == sent);
    CHECK(both.a->prekeys.one_time_left() == left);
    CHECK(both.a->mesh->live_sessions() == 1);
}

TEST_CASE("a side restarted between crossing KNOCKs comes to the same session", "[unit][session][AM-KNK-028]") {
    pair both;
    const auto mine = both.knock(*both.a, haste::optimistic);
    const auto theirs = both.knock(*both.b, haste::optimistic);
    REQUIRE(both.say(*both.a, mine, "early a"));
    REQUIRE(both.say(*both.b, theirs, "early b"));
    REQUIRE(both.a->restart(both.now));
    REQUIRE(both.give(*both.b, 0));
    REQUIRE(both.b->restart(both.now));
    both.settle();
    both.pass(30s);
    CHECK(both.a->mesh->find(mine)->phase == phase::open);
    CHECK(both.b->mesh->live_sessions() == 1);
    CHECK(both.b->out.texts == std::vector{pair::envelope("early a")});
    CHECK(both.a->out.texts == std::vector{pair::envelope("early b")});
}

namespace {

/// Both have knocked; the one of the smaller name has been answered, the other is still on its way.
struct late_loser {
    pair both;
    session_id mine{}, theirs{};

    void cross() {
        mine = both.knock(*both.a, haste::optimistic);
        both.advance(1ms);
        theirs = both.knock(*both.b, haste::optimistic);
        REQUIRE(both.say(*both.b, theirs, "early b"));
        both.advance(1ms);
        REQUIRE(both.give(*both.a, 0));
        both.a_read = 1;
        // The answer, and again what was sent early.
        for (both.b_read = 2; both.b_read < both.b->out.sent.size(); ++both.b_read)
            REQUIRE(both.give(*both.b, both.b_read));
    }
};

}  // namespace

TEST_CASE("the KNOCK that lost opens no session when it comes after the answer to the other",
          "[unit][session][glare-converges][AM-KNK-028][AM-KNK-037]") {
    late_loser late;
    auto& both = late.both;
    late.cross();
    REQUIRE(both.a->mesh->find(late.mine)->phase == phase::open);
    if (GENERATE(false, true)) REQUIRE(both.a->restart(both.now));
    if (GENERATE(false, true)) both.advance(100s);
    const auto sent = both.a->out.sent.size();
    const auto opened = both.a->out.opened_ones.size();
    REQUIRE(both.give(*both.b, 1));  // the early message overtakes its KNOCK
    REQUIRE(both.give(*both.b, 0));
    REQUIRE(both.give(*both.b, 0));
    CHECK(both.a->out.sent.size() == sent);
    CHECK(both.a->out.opened_ones.size() == opened);
    CHECK(both.a->policy.asked.empty());
    CHECK(both.a->mesh->live_sessions() == 1);
    CHECK(both.a->out.why(audit_kind::knock_dropped) == error{errc::duplicate, "AM-KNK-028"});
    both.settle();
    both.pass(60s);
    CHECK(both.a->out.texts == std::vector{pair::envelope("early b")});
    CHECK(both.b->mesh->live_sessions() == 1);
    REQUIRE(both.say(*both.a, late.mine, "a"));
    REQUIRE(both.say(*both.b, late.mine, "b"));
    both.settle();
    CHECK(both.a->out.texts.size() == 2);
    CHECK(both.b->out.texts.size() == 1);
}

TEST_CASE("the KNOCK that lost opens no session when the other was refused meanwhile",
          "[unit][session][glare-converges][AM-KNK-028][AM-KNK-037]") {
    late_loser late;
    auto& both = late.both;
    both.b->policy.answer = verdict::deny(deny_reason::insufficient_trust);
    late.cross();
    REQUIRE(both.a->out.refusals.size() == 1);
    REQUIRE(both.b->out.refusals.size() == 1);
    REQUIRE(both.give(*both.b, 0));
    CHECK(both.a->out.opened_ones.empty());
    CHECK(both.a->mesh->live_sessions() == 0);
    CHECK(both.b->mesh->live_sessions() == 0);
}

TEST_CASE("a KNOCK in the very moment of an ACCEPT is a new one", "[unit][session][AM-KNK-036][AM-KNK-037]") {
    pair both;
    both.open(*both.a);
    both.travel.category = "finance";
    if (GENERATE(false, true)) REQUIRE(both.b->restart(both.now));
    const auto next = both.open(*both.b);
    REQUIRE(both.a->mesh->find(next));
    CHECK(both.a->mesh->find(next)->phase == phase::open);
    CHECK(both.b->mesh->find(next)->phase == phase::open);
}
