// Each persist and each send of a conversation fails once, in turn.
#include "world.hpp"

#include "tests/support/catch.hpp"

#include <set>

using namespace session_test;

namespace {

/// Plays a whole conversation; says again what was refused because it could not be saved.
struct conversation {
    pair both{11};
    session_id id{};

    void say(party& who, const session_id& to, std::string_view text) {
        auto done = both.say(who, to, text);
        if (!done) {
            REQUIRE(done.error().code == errc::not_persisted);
            done = both.say(who, to, text);
        }
        REQUIRE(done);
    }

    void play() {
        const auto ask = [&](party& who, const e2ee::prekey_bundle& bundle) {
            return who.mesh->knock(bundle, both.travel, both.wish, both.now, who.out, haste::optimistic);
        };
        const auto bundle = both.b->bundle();
        auto asked = ask(*both.a, bundle);
        if (!asked) {
            REQUIRE(asked.error().code == errc::not_persisted);
            CHECK(both.a->mesh->live_sessions() == 0);
            CHECK(both.a->out.sent.empty());
            asked = ask(*both.a, bundle);
        }
        REQUIRE(asked);
        id = *asked;
        say(*both.a, id, "a0");
        say(*both.a, id, "a1");
        both.settle();
        both.pass(40s);
        for (int i = 0; i < 3; ++i) {
            say(*both.b, id, "b" + std::to_string(i));
            say(*both.a, id, "a" + std::to_string(i + 2));
            both.settle();
            both.pass(5s);
        }
        both.pass(60s);
        auto done = both.b->mesh->send(id, as_bytes(pair::envelope("bye", "close")), both.now, both.b->out);
        if (!done) done = both.b->mesh->send(id, as_bytes(pair::envelope("bye", "close")), both.now, both.b->out);
        REQUIRE(done);
        both.settle();
        both.pass(90s);
    }

    void check() {
        std::vector<std::string> from_a, from_b;
        for (int i = 0; i < 5; ++i) from_a.push_back(pair::envelope("a" + std::to_string(i)));
        for (int i = 0; i < 3; ++i) from_b.push_back(pair::envelope("b" + std::to_string(i)));
        from_b.push_back(pair::envelope("bye", "close"));
        CHECK(both.b->out.texts == from_a);
        CHECK(both.a->out.texts == from_b);
        CHECK(both.a->out.lost.empty());
        CHECK(both.b->out.lost.empty());
        CHECK(both.a->mesh->live_sessions() == 0);
        CHECK(both.b->mesh->live_sessions() == 0);
        for (const auto* side : {both.a.get(), both.b.get()}) {
            std::map<buffer, std::uint64_t> keys;
            for (const auto& one : side->out.sent) {
                const auto frame = from_payload(one.payload).value();
                if (kind_of(frame) != frame_kind::message) continue;
                const buffer key{frame.begin() + 19, frame.begin() + 59};
                const auto [at, fresh] = keys.emplace(key, frame_mark(frame));
                CHECK(at->second == frame_mark(frame));
            }
        }
    }
};

}  // namespace

TEST_CASE("whichever persist fails, nothing is lost, repeated or sent under a used key",
          "[unit][session][AM-RAT-020][AM-RAT-033]") {
    std::array<std::size_t, 2> steps{};
    {
        conversation whole;
        whole.play();
        whole.check();
        steps = {whole.both.a->out.persists, whole.both.b->out.persists};
    }
    CHECK(steps[0] > 10);
    CHECK(steps[1] > 10);
    for (const std::size_t side : {0u, 1u}) {
        for (std::size_t at = 0; at < steps[side]; ++at) {
            CAPTURE(side, at);
            conversation broken;
            (side == 0 ? broken.both.a : broken.both.b)->out.fail_persist = at;
            broken.play();
            broken.check();
        }
    }
}

TEST_CASE("whichever send fails, nothing is lost, repeated or sent under a used key", "[unit][session][AM-RAT-020]") {
    std::array<std::size_t, 2> steps{};
    {
        conversation whole;
        whole.play();
        steps = {whole.both.a->out.sends, whole.both.b->out.sends};
    }
    for (const std::size_t side : {0u, 1u}) {
        for (std::size_t at = 0; at < steps[side]; ++at) {
            CAPTURE(side, at);
            conversation broken;
            (side == 0 ? broken.both.a : broken.both.b)->out.fail_send = at;
            broken.play();
            broken.check();
        }
    }
}

TEST_CASE("an order that cannot be saved changes nothing that can be seen", "[unit][session][AM-RAT-033]") {
    pair both;
    const auto id = both.open(*both.a);
    both.a->out.fail_all_persists = true;
    const auto sent = both.a->out.sent.size();
    const auto before = *both.a->mesh->find(id);
    CHECK(both.say(*both.a, id, "x").error() == error{errc::not_persisted, "AM-RAT-033"});
    CHECK(both.a->mesh->send(id, as_bytes(pair::envelope("x", "close")), both.now, both.a->out).error().code ==
          errc::not_persisted);
    CHECK_FALSE(both.a->mesh->revoke(both.b->name(), both.now, both.a->out));
    both.travel.category = "other";
    CHECK(both.a->mesh->knock(both.b->bundle(), both.travel, both.wish, both.now, both.a->out).error().code ==
          errc::not_persisted);
    const auto after = *both.a->mesh->find(id);
    CHECK(after.phase == before.phase);
    CHECK(after.sent == before.sent);
    CHECK(after.unacknowledged == before.unacknowledged);
    CHECK(both.a->mesh->live_sessions() == 1);
    CHECK(both.a->out.sent.size() == sent);
    CHECK(both.a->out.closed_ones.empty());

    // A message that cannot be saved is not delivered, and not taken from the transport.
    REQUIRE(both.say(*both.b, id, "hello"));
    CHECK_FALSE(both.give(*both.b, both.b->out.sent.size() - 1));
    CHECK(both.a->out.texts.empty());
    both.a->out.fail_all_persists = false;
    REQUIRE(both.give(*both.b, both.b->out.sent.size() - 1));
    CHECK(both.a->out.texts.size() == 1);
}

TEST_CASE("after a gap of a thousand frames each frame writes what it changes, and no more",
          "[unit][session][AM-RAT-016][AM-RAT-017][AM-RAT-030]") {
    engine_options options;
    options.outbox_messages = 2000;
    options.outbox_bytes = 8 * 1024 * 1024;
    pair both{3, options};
    both.wish.expected_messages = 2000;
    both.b->policy.answer = verdict::accept({.max_messages = 2000, .ttl_seconds = 3600});
    const auto id = both.open(*both.a);
    const auto first = both.a->out.sent.size();
    for (int i = 0; i < 1010; ++i) REQUIRE(both.say(*both.a, id, std::to_string(i)));
    const auto give = [&](std::size_t which) {
        const auto before = both.b->out.batch_bytes.size();
        REQUIRE(both.give(*both.a, first + which));
        std::size_t bytes = 0;
        for (auto at = before; at < both.b->out.batch_bytes.size(); ++at) bytes += both.b->out.batch_bytes[at];
        return bytes;
    };
    const auto blocks = [&] {
        std::size_t bytes = 0;
        for (const auto& name : both.b->out.store.names("session/"))
            if (name.find("/skip/") != std::string::npos) bytes += both.b->out.store.load(name).value()->size() - 1;
        return bytes;
    };
    (void)give(1000);
    CHECK(blocks() == 1000 * 32);
    for (std::size_t i = 1001; i < 1010; ++i) CHECK(give(i) < 4096);
    CHECK(give(500) < 5120);
    CHECK(blocks() == 999 * 32);  // a used key is gone
    REQUIRE(both.b->restart(both.now));
    REQUIRE(give(500) == 0);
    for (std::size_t i = 999; i > 0; --i) {
        if (i % 300 == 0) REQUIRE(both.b->restart(both.now));
        if (i != 500) CHECK(give(i) < 5120);
    }
    CHECK(both.b->out.texts.empty());
    CHECK(blocks() == 32);
    (void)give(0);
    CHECK(blocks() == 0);
    REQUIRE(both.b->out.texts.size() == 1010);
    for (std::size_t i = 0; i < 1010; ++i) CHECK(both.b->out.texts[i] == pair::envelope(std::to_string(i)));
}

TEST_CASE("a session that ends or is not continued leaves no skipped key behind",
          "[unit][session][AM-KNK-034][AM-RAT-034]") {
    pair both;
    const auto id = both.open(*both.a);
    for (int i = 0; i < 5; ++i) REQUIRE(both.say(*both.a, id, std::to_string(i)));
    const auto name = record::state_name(id);
    const auto old = both.b->out.store.load(name).value();
    REQUIRE(both.give(*both.a, both.a->out.sent.size() - 1));
    const auto blocks = [&] {
        const auto names = both.b->out.store.names("session/");
        return std::count_if(names.begin(), names.end(),
                             [](const auto& one) { return one.find("/skip/") != std::string::npos; });
    };
    REQUIRE(blocks() == 1);
    SECTION("ended") { REQUIRE(both.b->mesh->revoke(both.a->name(), both.now, both.b->out)); }
    SECTION("rolled back") {
        const record_change change{name, byte_view{*old}};
        REQUIRE(both.b->out.store.commit({&change, 1}));
        REQUIRE(both.b->restart(both.now));
    }
    SECTION("without the record it was in") {
        for (const auto& one : both.b->out.store.names("session/")) {
            if (one.find("/skip/") == std::string::npos) continue;
            const record_change gone{one, std::nullopt};
            REQUIRE(both.b->out.store.commit({&gone, 1}));
        }
        CHECK(both.b->restart(both.now).error().code == errc::bad_snapshot);
    }
    CHECK(blocks() == 0);
}
