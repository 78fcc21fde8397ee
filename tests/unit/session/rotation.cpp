// The exchange key of an agent changes while KNOCKs that are sealed to the former one are on their way.
#include "world.hpp"

#include "tests/support/catch.hpp"

using namespace session_test;

namespace {

/// Gives a party a new exchange key under its name.
void rotate(pair& both, party& who, std::uint32_t epoch) {
    crypto::scripted_random again{std::uint64_t{1}};  // as both identities of a pair are made
    auto signing = signing_key_pair::generate(again).value();
    if (signing.public_key() != who.self.signing().public_key()) {
        (void)exchange_key_pair::generate(again).value();
        signing = signing_key_pair::generate(again).value();
    }
    auto fresh = exchange_key_pair::generate(who.random).value();
    who.self = local_identity{std::move(signing), exchange_key_pair{fresh.secret_key().fork()}, both.now.wall};
    REQUIRE(who.card.name == who.self.name());
    who.card = e2ee::identity_card::make(who.self, epoch);
    REQUIRE(who.mesh->rotate(who.card, std::move(fresh), both.now, who.out));
}

}  // namespace

TEST_CASE("a KNOCK sealed to a replaced card opens for a day, also after a restart, and then no more",
          "[unit][session][AM-KEX-037]") {
    pair both;
    const auto old = both.b->bundle();
    rotate(both, *both.b, 2);
    const auto knock = [&] {
        return both.a->mesh->knock(old, both.travel, both.wish, both.now, both.a->out, haste::optimistic).value();
    };
    SECTION("within the day") {
        both.advance(24h - 1s);
        SECTION("in the same process") {}
        SECTION("after a restart") {
            CHECK(both.b->out.store.load(record::cards_name).value());
            REQUIRE(both.b->restart(both.now));
        }
        const auto id = knock();
        REQUIRE(both.say(*both.a, id, "early"));
        both.settle();
        REQUIRE(both.b->mesh->find(id));
        CHECK(both.b->mesh->find(id)->phase == phase::open);
        CHECK(both.a->mesh->find(id)->phase == phase::open);
        REQUIRE(both.say(*both.b, id, "answer"));
        both.settle();
        CHECK(both.b->out.texts == std::vector{pair::envelope("early")});
        CHECK(both.a->out.texts == std::vector{pair::envelope("answer")});
    }
    SECTION("refused within the day") {
        both.b->policy.answer = verdict::deny_openly(deny_reason::blocked);
        (void)knock();
        both.settle();
        CHECK(both.a->out.refusals.at(0).told == deny_reason::blocked);
    }
    SECTION("after the day") {
        both.advance(24h);
        if (GENERATE(false, true)) REQUIRE(both.b->mesh->on_tick(both.now, both.b->out));
        if (GENERATE(false, true)) REQUIRE(both.b->restart(both.now));
        (void)knock();
        both.settle();
        CHECK(both.b->out.opened_ones.empty());
        CHECK(both.b->out.why(audit_kind::knock_dropped) == error{errc::bad_tag, "AM-KNK-006"});
        REQUIRE(both.b->mesh->on_tick(both.now, both.b->out));
        CHECK_FALSE(both.b->out.store.load(record::cards_name).value());  // gone for good
    }
    SECTION("and the new card at once") {
        const auto id = both.open(*both.a);
        CHECK(both.b->mesh->find(id)->phase == phase::open);
    }
}

TEST_CASE("the end of a replaced card is a deadline", "[unit][session][AM-KEX-037]") {
    pair both;
    rotate(both, *both.b, 2);
    CHECK(both.b->mesh->next_deadline() == both.now.steady + 24h);
    rotate(both, *both.b, 3);
    both.advance(24h);
    REQUIRE(both.b->mesh->on_tick(both.now, both.b->out));
    CHECK_FALSE(both.b->mesh->next_deadline());
}

TEST_CASE("a card that is another's, of another key or of no higher epoch replaces none", "[unit][session]") {
    pair both;
    auto& b = *both.b;
    const auto pair_of = [](const party& who) { return exchange_key_pair{who.self.exchange().secret_key().fork()}; };
    const auto given = [&](const e2ee::identity_card& card, exchange_key_pair keys) {
        return b.mesh->rotate(card, std::move(keys), both.now, b.out).has_value();
    };
    CHECK_FALSE(given(e2ee::identity_card::make(b.self, 1), pair_of(b)));
    CHECK_FALSE(given(e2ee::identity_card::make(both.a->self, 2), pair_of(*both.a)));
    CHECK_FALSE(given(e2ee::identity_card::make(b.self, 2), pair_of(*both.a)));
    auto forged = e2ee::identity_card::make(b.self, 2);
    forged.epoch = 3;
    CHECK_FALSE(given(forged, pair_of(b)));
    b.out.fail_all_persists = true;
    CHECK_FALSE(given(e2ee::identity_card::make(b.self, 2), pair_of(b)));
    b.out.fail_all_persists = false;
    CHECK_FALSE(b.out.store.load(record::cards_name).value());
    CHECK(given(e2ee::identity_card::make(b.self, 2), pair_of(b)));
}
