// Peers, clocks and generators that mean harm or fail: what they must not achieve.
#include "world.hpp"

#include "tests/support/catch.hpp"

using namespace session_test;

namespace {

/// A generator that can be broken.
struct moody_random {
    crypto::scripted_random inner{4};
    bool broken = false;

    result<void> fill(std::span<std::uint8_t> out) {
        if (broken) return fail_now();
        return inner.fill(out);
    }
    static result<void> fail_now() { return agentmesh::fail(errc::random_failed); }
};

}  // namespace

TEST_CASE("lost acknowledgements of a long one-way talk are made good by copies", "[unit][session][AM-RAT-014]") {
    const int count = GENERATE(16, 33, 64);
    pair both;
    const auto id = both.open(*both.b);
    both.drop();
    for (int i = 0; i < count; ++i) REQUIRE(both.say(*both.b, id, "m" + std::to_string(i)));
    while (both.b_read < both.b->out.sent.size()) REQUIRE(both.give(*both.b, both.b_read++));
    for (int i = 0; i < 5; ++i) {
        both.advance(1s);
        REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
    }
    CHECK(both.a->out.texts.size() == static_cast<std::size_t>(count));
    both.drop();  // every acknowledgement, and nothing else

    both.pass(1min, 5s);
    CHECK(both.b->mesh->find(id)->unacknowledged == 0);
    CHECK(both.say(*both.b, id, "one more"));
    both.pass(10s);
    CHECK(both.a->out.texts.size() == static_cast<std::size_t>(count) + 1);
}

TEST_CASE("a peer that acknowledges no acknowledgement loses its session", "[unit][session]") {
    engine_options options;
    options.ack_every = 1;
    options.outbox_messages = 1000;
    pair both{1, options};
    const auto id = both.open(*both.b);
    both.drop();
    for (int i = 0; i < 300; ++i) {
        REQUIRE(both.say(*both.b, id, "m" + std::to_string(i)));
        REQUIRE(both.give(*both.b, both.b->out.sent.size() - 1));
        REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
        if (i == 250) CHECK(both.a->out.closed_ones.empty());
    }
    REQUIRE(both.a->out.closed_ones.size() == 1);
    CHECK(both.a->out.closed_ones[0].second.code == errc::session_limit);
    for (const auto& name : both.a->out.store.names("session/")) CHECK(name.find("/out/") == std::string::npos);
}

TEST_CASE("an envelope nobody has taken survives its copy in a later session", "[unit][session][AM-KNK-031]") {
    pair both;
    both.a->out.takes = false;  // the application says later what it has taken
    const auto id = both.open(*both.b);
    const auto name = record::state_name(id);
    const auto old = *both.b->out.store.load(name).value();
    REQUIRE(both.say(*both.b, id, "precious"));
    REQUIRE(both.give(*both.b, both.b_read++));
    REQUIRE(both.a->out.texts.size() == 1);
    both.drop();

    // The sender's state goes back, its session is lost, and the envelope goes out again in the next one.
    const record_change back{name, byte_view{old}};
    REQUIRE(both.b->out.store.commit({&back, 1}));
    REQUIRE(both.b->restart(both.now));
    REQUIRE(both.b->out.wanted.size() == 1);
    const auto next = both.knock(*both.b);
    both.settle();
    both.pass(10s);
    CHECK(both.b->mesh->find(next)->unacknowledged == 0);
    CHECK(both.a->out.texts.size() == 1);

    REQUIRE(both.a->restart(both.now));
    REQUIRE(both.a->out.texts.size() == 2);
    CHECK(both.a->out.texts[0] == both.a->out.texts[1]);
    REQUIRE(both.a->mesh->confirm(id, both.a->out.ids[1], both.a->out));
    REQUIRE(both.a->restart(both.now));
    CHECK(both.a->out.texts.size() == 2);
}

TEST_CASE("a clock that is wrong for a while lets no KNOCK in twice", "[unit][session][AM-KNK-010]") {
    pair both;
    const auto id = both.knock(*both.b, haste::wait_for_answer, false);  // a one-time key would give the replay away
    both.settle();
    const auto knock = both.b->out.sent.at(0);
    REQUIRE(both.say(*both.a, id, "not acknowledged"));
    both.drop();
    const auto replay = [&] {
        REQUIRE(both.a->mesh->on_message(both.b->name(), knock.type, knock.payload, both.now, both.a->out));
        CHECK(both.a->out.opened_ones.size() == 1);
        REQUIRE(both.a->mesh->find(id));
        CHECK(both.a->mesh->find(id)->unacknowledged == 1);
    };

    SECTION("ahead when the machine starts") {
        auto wrong = both.now;
        wrong.wall += 10min;
        REQUIRE(both.a->restart(wrong));
        REQUIRE(both.a->mesh->on_tick(wrong, both.a->out));
        both.advance(5s);
        replay();
    }
    SECTION("set back once the nonce is forgotten") {
        for (int i = 0; i < 8; ++i) {
            both.advance(1min);
            REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
        }
        CHECK(both.a->out.store.names("knock/").empty());
        both.now.wall -= 8min;
        replay();
        CHECK(both.a->out.why(audit_kind::knock_dropped).code == errc::knock_replayed);
    }
}

TEST_CASE("who is denied leaves no epoch behind", "[unit][session][AM-KEX-007]") {
    pair both;
    both.a->policy.answer = verdict::deny(deny_reason::blocked);
    (void)both.knock(*both.b);
    both.settle();
    CHECK_FALSE(both.a->out.store.load(record::epochs_name).value());
    both.a->policy.answer = scripted_policy{}.answer;
    (void)both.open(*both.b);
    CHECK(both.a->out.store.load(record::epochs_name).value());
}

TEST_CASE("a KNOCK of ours that has timed out outranks no other", "[unit][session][AM-KNK-028]") {
    pair both;
    (void)both.knock(*both.a);  // the smaller name, which would win
    both.drop();
    both.advance(120s);         // over, and nobody has ticked
    const auto id = both.knock(*both.b);
    both.settle();
    both.tick();
    REQUIRE(both.b->mesh->find(id));
    CHECK(both.b->mesh->find(id)->phase == phase::open);
}

TEST_CASE("when the generator fails the transport gives the frame again", "[unit][session]") {
    pair both;
    auto& b = *both.b;
    moody_random random;
    engine<moody_random, scripted_policy, e2ee::prekey_store> mesh{b.self, b.card, random, b.policy, b.prekeys};
    const auto id = mesh.knock(both.a->bundle(), both.travel, both.wish, both.now, b.out);
    REQUIRE(id);
    const auto give = [&](std::size_t index) {
        const auto frame = both.a->out.sent.at(index);
        return mesh.on_message(both.a->name(), frame.type, frame.payload, both.now, b.out);
    };
    REQUIRE(both.give(b, 0));
    random.broken = true;
    CHECK(give(0).error().code == errc::random_failed);
    random.broken = false;
    REQUIRE(give(0));
    REQUIRE(b.out.opened_ones.size() == 1);

    // The first answer under a fresh key of the peer turns the ratchet, which draws another of ours.
    REQUIRE(mesh.send(*id, as_bytes(pair::envelope("question")), both.now, b.out));
    REQUIRE(both.give(b, b.out.sent.size() - 1));
    REQUIRE(both.say(*both.a, *id, "answer"));
    random.broken = true;
    CHECK(give(both.a->out.sent.size() - 1).error().code == errc::random_failed);
    random.broken = false;
    REQUIRE(give(both.a->out.sent.size() - 1));
    CHECK(b.out.texts.size() == 1);
}
