#include "world.hpp"

#include "tests/support/catch.hpp"

using namespace session_test;

TEST_CASE("two agents that never met open a session and talk both ways", "[unit][session][AM-KNK-002][AM-KNK-017][AM-KNK-021][AM-KNK-022]") {
    pair both;
    const auto id = both.knock(*both.a);
    CHECK(both.a->mesh->find(id)->phase == phase::knocking);
    both.settle();
    REQUIRE(both.a->out.opened_ones.size() == 1);
    REQUIRE(both.b->out.opened_ones.size() == 1);
    CHECK(both.a->out.opened_ones[0].id == id);
    CHECK(both.b->out.opened_ones[0].id == id);
    CHECK(both.a->out.opened_ones[0].initiator);
    CHECK_FALSE(both.b->out.opened_ones[0].initiator);
    CHECK(both.b->policy.asked.at(0).who == both.a->name());
    CHECK(both.b->policy.asked.at(0).what == both.travel);

    for (int i = 0; i < 5; ++i) {
        REQUIRE(both.say(*both.a, id, "to b " + std::to_string(i)));
        REQUIRE(both.say(*both.b, id, "to a " + std::to_string(i)));
        both.settle();
    }
    REQUIRE(both.b->out.texts.size() == 5);
    REQUIRE(both.a->out.texts.size() == 5);
    CHECK(both.b->out.texts[4] == pair::envelope("to b 4"));
    CHECK(both.a->out.texts[0] == pair::envelope("to a 0"));
    both.pass(10s);
    CHECK(both.a->mesh->find(id)->unacknowledged == 0);
    CHECK(both.b->mesh->find(id)->unacknowledged == 0);
}

TEST_CASE("the responder may speak first", "[unit][session][AM-RAT-010]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.b, id, "hello"));
    both.settle();
    CHECK(both.a->out.texts == std::vector{pair::envelope("hello")});
}

TEST_CASE("optimistic messages wait at the responder and arrive once it accepts", "[unit][session][AM-KNK-026]") {
    pair both;
    const auto id = both.knock(*both.a, haste::optimistic);
    for (int i = 0; i < 12; ++i) REQUIRE(both.say(*both.a, id, std::to_string(i)));
    CHECK(both.a->out.sent.size() == 9);  // the KNOCK and eight; the rest waits for the answer
    SECTION("in order") { both.settle(); }
    SECTION("before the KNOCK") {
        for (std::size_t i = 1; i < 9; ++i) REQUIRE(both.give(*both.a, i));
        CHECK(both.b->out.texts.empty());
        REQUIRE(both.give(*both.a, 0));
        CHECK(both.b->out.texts.size() == 8);
        both.a_read = 9;
        both.settle();
    }
    REQUIRE(both.b->out.texts.size() == 12);
    for (int i = 0; i < 12; ++i) CHECK(both.b->out.texts[static_cast<std::size_t>(i)] == pair::envelope(std::to_string(i)));
}
