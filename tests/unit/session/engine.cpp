#include "world.hpp"

#include "tests/support/catch.hpp"

using namespace session_test;

TEST_CASE("two agents that never met open a session and talk both ways",
          "[unit][session][AM-KNK-002][AM-KNK-017][AM-KNK-021][AM-KNK-022]") {
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
    for (int i = 0; i < 12; ++i) CHECK(both.b->out.texts[static_cast<std::size_t>(i)] ==
        pair::envelope(std::to_string(i)));
}

// --- answers --------------------------------------------------------------------------------------------------

TEST_CASE("prekey, nonce and reply become durable in one step, before the reply leaves",
          "[unit][session][one-time-key-once][AM-KNK-014]") {
    pair both;
    SECTION("accepted") { both.knock(*both.a); }
    SECTION("denied") {
        both.b->policy.answer = verdict::deny(deny_reason::blocked);
        both.knock(*both.a);
    }
    const auto left = both.b->prekeys.one_time_left();
    SECTION("not saved") {
        both.knock(*both.a);
        both.b->out.fail_all_persists = true;
        const auto taken = both.give(*both.a, 0);
        REQUIRE_FALSE(taken);
        CHECK(taken.error() == error{errc::not_persisted, "AM-RAT-033"});
        CHECK(both.b->out.sent.empty());
        CHECK(both.b->out.opened_ones.empty());
        CHECK(both.b->prekeys.one_time_left() == left);
        both.b->out.fail_all_persists = false;  // and the transport gives it again
    }
    REQUIRE(both.give(*both.a, 0));
    CHECK(both.b->out.sent.size() == 1);
    CHECK(both.b->prekeys.one_time_left() == left - 1);
    REQUIRE(both.b->out.batches.size() == 1);
    const auto& batch = both.b->out.batches.back();
    const auto has = [&](std::string_view beginning) {
        return std::any_of(batch.begin(), batch.end(), [&](const auto& name) { return name.starts_with(beginning); });
    };
    CHECK(has("-prekeys/"));
    CHECK(has("knock/"));
}

TEST_CASE("a KNOCK that comes again gets the same answer again, also after a restart", "[unit][session][AM-KNK-015]") {
    pair both;
    if (GENERATE(true, false)) both.b->policy.answer = verdict::deny_openly(deny_reason::rate_limited, 30);
    both.knock(*both.a);
    REQUIRE(both.give(*both.a, 0));
    REQUIRE(both.give(*both.a, 0));
    REQUIRE(both.b->restart(both.now));
    REQUIRE(both.give(*both.a, 0));
    REQUIRE(both.b->out.sent.size() == 3);
    CHECK(both.b->out.sent[1].payload == both.b->out.sent[0].payload);
    CHECK(both.b->out.sent[2].payload == both.b->out.sent[0].payload);
    CHECK(both.b->policy.asked.size() == 1);
    CHECK(both.b->out.opened_ones.size() <= 1);
}

TEST_CASE("a denial tells the caller what it may know, and the owner why", "[unit][session][AM-KNK-017][AM-POL-010]") {
    pair both;
    SECTION("nothing") {
        both.b->policy.answer = verdict::deny(deny_reason::blocked);
        both.open(*both.a);
        CHECK(both.a->out.refusals.at(0).told == deny_reason::rejected);
        CHECK(both.b->out.audits.at(0).denied == deny_reason::blocked);
    }
    SECTION("the reason") {
        both.b->policy.answer = verdict::deny_openly(deny_reason::rate_limited, 30);
        both.open(*both.a);
        CHECK(both.a->out.refusals.at(0).told == deny_reason::rate_limited);
        CHECK(both.a->out.refusals.at(0).retry_after_seconds == 30);
    }
    CHECK(both.a->out.refusals.at(0).why.code == errc::knock_refused);
    CHECK(both.a->mesh->live_sessions() == 0);
    CHECK(both.b->mesh->live_sessions() == 0);
    CHECK(both.a->out.opened_ones.empty());
    // One answer for all who may not learn why: of one size.
    CHECK(both.b->out.sent.at(0).payload.size() == to_payload(buffer(reply_head_size + 512 + frame_tag)).size());
}

TEST_CASE("after the first answer no other counts, and none after the caller gave up", "[unit][session][AM-KNK-019]") {
    pair both;
    const auto id = both.knock(*both.a);
    REQUIRE(both.give(*both.a, 0));
    SECTION("twice") {
        REQUIRE(both.give(*both.b, 0));
        REQUIRE(both.give(*both.b, 0));
        CHECK(both.a->out.opened_ones.size() == 1);
        CHECK(both.a->out.why(audit_kind::reply_dropped) == error{errc::bad_knock, "AM-KNK-019"});
        CHECK(both.a->mesh->find(id)->phase == phase::open);
    }
    SECTION("late") {
        both.drop();
        both.advance(120s);
        REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
        CHECK(both.a->out.refusals.at(0).why.code == errc::knock_timed_out);
        REQUIRE(both.give(*both.b, 0));
        CHECK(both.a->out.opened_ones.empty());
        CHECK(both.a->out.why(audit_kind::reply_dropped).clause == "AM-KNK-019");
    }
}

TEST_CASE("a KNOCK without an answer is sent again as it was", "[unit][session][AM-KNK-015]") {
    pair both;
    const auto id = both.knock(*both.a, haste::optimistic);
    REQUIRE(both.say(*both.a, id, "early"));
    both.drop();
    both.pass(20s);
    REQUIRE(both.a->out.sent.size() >= 4);
    CHECK(both.a->out.sent[2].payload == both.a->out.sent[0].payload);
    CHECK(both.a->out.sent[3].payload == both.a->out.sent[1].payload);
    CHECK(both.b->out.texts.size() == 1);
}

TEST_CASE("optimistic messages beyond eight or 64 KiB are not kept, and none if the KNOCK is refused",
          "[unit][session][AM-KNK-027]") {
    pair both;
    const auto id = both.knock(*both.a, haste::optimistic);
    SECTION("eight") {
        for (int i = 0; i < 8; ++i) REQUIRE(both.say(*both.a, id, std::to_string(i)));
        for (int round = 0; round < 2; ++round)
            for (std::size_t i = 1; i < 9; ++i) REQUIRE(both.give(*both.a, i));
        CHECK(both.b->out.count(audit_kind::message_dropped) == 8);
        CHECK(both.b->out.why(audit_kind::message_dropped) == error{errc::session_limit, "AM-KNK-027"});
    }
    SECTION("64 KiB") {
        for (int i = 0; i < 4; ++i) REQUIRE(both.say(*both.a, id, std::string(20'000, static_cast<char>('a' + i))));
        CHECK(both.a->out.sent.size() == 4);  // the caller keeps to it by itself
    }
    both.b->policy.answer = verdict::deny(deny_reason::low_reputation);
    REQUIRE(both.give(*both.a, 0));
    CHECK(both.b->out.texts.empty());
    both.b->policy.answer.accepted = true;
    both.drop();
    REQUIRE(both.give(*both.b, 0));
    CHECK(both.a->out.refusals.size() == 1);
    CHECK(both.a->out.lost.size() >= 4);  // the sender is told of each
    CHECK(both.b->out.texts.empty());
}

// --- messages ---------------------------------------------------------------------------------------------------

TEST_CASE("envelopes that overtake each other arrive in order", "[unit][session][AM-RAT-012]") {
    pair both;
    const auto id = both.open(*both.a);
    const auto first = both.a->out.sent.size();
    for (int i = 0; i < 4; ++i) REQUIRE(both.say(*both.a, id, std::to_string(i)));
    for (const std::size_t i : {3u, 1u, 0u, 2u}) REQUIRE(both.give(*both.a, first + i));
    REQUIRE(both.b->out.texts.size() == 4);
    for (int i = 0; i < 4; ++i) CHECK(both.b->out.texts[static_cast<std::size_t>(i)] ==
        pair::envelope(std::to_string(i)));
}

TEST_CASE("a lost acknowledgement costs a copy, not a second delivery", "[unit][session][AM-RAT-014]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "once"));
    both.settle();
    both.advance(3s);
    both.tick();  // b acknowledges
    both.drop();
    const auto writes = both.b->out.writes;
    both.pass(30s);
    CHECK(both.b->out.texts.size() == 1);
    CHECK(both.b->out.writes == writes);  // answered with the same bytes, nothing else
    CHECK(both.a->mesh->find(id)->unacknowledged == 0);
}

TEST_CASE("a session id is worth nothing without its keys", "[unit][session][AM-KNK-025]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "for b"));
    const auto frame = both.a->out.sent.back();
    crypto::scripted_random random{std::uint64_t{99}};
    const auto stranger = local_identity::create(random, epoch).value();
    const auto writes = both.b->out.writes;
    REQUIRE(both.b->mesh->on_message(stranger.name(), frame.type, frame.payload, both.now, both.b->out));
    CHECK(both.b->out.why(audit_kind::message_dropped) == error{errc::unknown_session, "AM-KNK-025"});
    CHECK(both.b->out.texts.empty());
    CHECK(both.b->out.writes == writes);
    CHECK(both.b->out.sent.size() == 1);  // the ACCEPT
}

TEST_CASE("a message unbound from the transcript is one of the initiator's first chain",
          "[unit][session][AM-KNK-024]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "bound"));
    REQUIRE(both.say(*both.b, id, "bound"));
    for (auto* side : {both.a.get(), both.b.get()}) {
        auto frame = from_payload(side->out.sent.back().payload).value();
        frame[18] = 0;
        auto& to = both.other(*side);
        REQUIRE(to.mesh->on_message(side->name(), wire::message_type::message, to_payload(frame), both.now, to.out));
        CHECK(to.out.why(audit_kind::message_dropped) == error{errc::bad_frame, "AM-KNK-024"});
        CHECK(to.out.texts.empty());
    }
    both.settle();
    CHECK(both.b->out.texts.size() == 1);
}

TEST_CASE("a frame that was changed anywhere changes nothing, and the true one still opens",
          "[unit][session][AM-RAT-008][AM-RAT-013]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "true"));
    const auto good = from_payload(both.a->out.sent.back().payload).value();
    const auto before = both.b->out.writes;
    for (std::size_t at = 18; at < good.size(); at += 7) {
        auto changed = good;
        changed[at] ^= 2;
        REQUIRE(both.b->mesh->on_message(both.a->name(), wire::message_type::message, to_payload(changed),
            both.now, both.b->out));
    }
    CHECK(both.b->out.writes == before);
    CHECK(both.b->out.texts.empty());
    both.settle();
    CHECK(both.b->out.texts.size() == 1);
}

TEST_CASE("both sides hold a session to its number of messages and its time", "[unit][session][AM-KNK-032]") {
    pair both;
    both.b->policy.answer = verdict::accept({.max_message_size_bytes = 100, .max_messages = 3, .ttl_seconds = 60});
    const auto id = both.open(*both.a);
    CHECK(both.a->mesh->find(id)->held_to == both.b->mesh->find(id)->held_to);
    SECTION("number") {
        for (auto* side : {both.a.get(), both.b.get()}) {
            for (int i = 0; i < 3; ++i) REQUIRE(both.say(*side, id, std::to_string(i)));
            const auto fourth = both.say(*side, id, "4");
            REQUIRE_FALSE(fourth);
            CHECK(fourth.error() == error{errc::session_expired, "AM-KNK-032"});
        }
        both.settle();
        CHECK(both.a->out.texts.size() == 3);
        CHECK(both.b->out.texts.size() == 3);
    }
    SECTION("size") {
        CHECK(both.say(*both.a, id, std::string(101, 'x')).error().code == errc::message_too_large);
    }
    SECTION("time") {
        REQUIRE(both.say(*both.a, id, "too late"));
        both.advance(60s);
        CHECK(both.say(*both.a, id, "later").error() == error{errc::session_expired, "AM-KNK-032"});
        both.settle();
        CHECK(both.b->out.texts.empty());
        CHECK(both.b->out.closed_ones.at(0).second == error{errc::session_expired, "AM-KNK-032"});
        REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
        CHECK(both.a->out.closed_ones.at(0).second.code == errc::session_expired);
        CHECK(both.a->out.lost.size() == 1);
    }
}

TEST_CASE("a peer that ignores the limits is not heard beyond them", "[unit][session][AM-KNK-032]") {
    pair both;
    both.b->policy.answer = verdict::accept({.max_message_size_bytes = 100, .max_messages = 2, .ttl_seconds = 600});
    const auto id = both.knock(*both.a, haste::optimistic);
    for (int i = 0; i < 5; ++i) REQUIRE(both.say(*both.a, id, i == 0 ? std::string(200, 'x') : std::to_string(i)));
    both.settle();
    CHECK(both.b->out.texts == std::vector{pair::envelope("1"), pair::envelope("2")});
    CHECK(both.a->out.lost.size() == 3);  // what was granted is less than what was sent early
    both.pass(10s);
    CHECK(both.a->mesh->find(id)->unacknowledged == 0);
}

// --- ends -------------------------------------------------------------------------------------------------------

TEST_CASE("a close ends the session on both sides after everything before it", "[unit][session][AM-KNK-033]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "last words"));
    REQUIRE(both.a->mesh->send(id, as_bytes(pair::envelope("done", "close")), both.now, both.a->out));
    CHECK(both.say(*both.a, id, "more").error().code == errc::session_closed);
    both.settle();
    CHECK(both.b->out.texts.size() == 2);
    REQUIRE(both.a->out.closed_ones.size() == 1);
    REQUIRE(both.b->out.closed_ones.size() == 1);
    CHECK(both.b->out.closed_ones[0].second.code == errc::session_closed);
    CHECK(both.a->out.lost.empty());
    CHECK(both.a->mesh->live_sessions() == 0);
    CHECK(both.b->mesh->live_sessions() == 0);
    both.pass(400s);
    CHECK(both.a->out.store.names("session/").empty());
    CHECK(both.b->out.store.names("session/").empty());
}

TEST_CASE("a lost close is sent again until the peer has it", "[unit][session][AM-KNK-033]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.a->mesh->send(id, as_bytes(pair::envelope("done", "close")), both.now, both.a->out));
    both.drop();
    both.pass(20s);
    CHECK(both.b->out.closed_ones.size() == 1);
    CHECK(both.a->out.closed_ones.size() == 1);
}

TEST_CASE("a peer that missed the close for good hears that the session is gone", "[unit][session][AM-KNK-029]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.a->mesh->send(id, as_bytes(pair::envelope("done", "close")), both.now, both.a->out));
    for (int i = 0; i < 310; ++i) {
        both.advance(1s);
        REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
    }
    both.drop();
    CHECK(both.a->mesh->find(id)->phase == phase::closed);
    REQUIRE(both.say(*both.b, id, "anybody there?"));
    both.settle();
    CHECK(both.a->out.count(audit_kind::notice_sent) == 1);
    CHECK(both.b->mesh->find(id)->phase == phase::lost);
    CHECK(both.b->out.wanted.size() == 1);
}

TEST_CASE("words that are not sealed in a session do not touch it", "[unit][session][AM-KNK-033]") {
    pair both;
    const auto id = both.open(*both.a);
    const auto name = to_hex(id.bytes());
    for (const auto type : {wire::message_type::close, wire::message_type::reject, wire::message_type::accept})
        for (const auto& payload : {std::string{"{\"type\":\"close\",\"session_id\":\"" + name + "\"}"},
                                    both.b->out.sent.at(0).payload, std::string{"AgEAAAAAAAAAAA"}})
            REQUIRE(both.a->mesh->on_message(both.b->name(), type, payload, both.now, both.a->out));
    CHECK(both.a->mesh->find(id)->phase == phase::open);
    CHECK(both.a->out.closed_ones.empty());
    REQUIRE(both.say(*both.b, id, "still here"));
    both.settle();
    CHECK(both.a->out.texts.size() == 1);
}

// --- reuse and capacity ---------------------------------------------------------------------------------------------

TEST_CASE("an open session serves another purpose of its category until something changes", "[unit][session]") {
    pair both;
    const auto id = both.open(*both.a);
    const auto again = [&] { return both.knock(*both.a); };
    SECTION("nothing changed") {
        CHECK(again() == id);
        CHECK(both.a->out.sent.size() == 1);
    }
    SECTION("from the other side") { CHECK(both.knock(*both.b) == id); }
    SECTION("another category") {
        both.travel.category = "finance";
        CHECK(again() != id);
    }
    SECTION("our policy") {
        both.a->policy.age = 1;
        CHECK(again() != id);
    }
    SECTION("our key") {
        REQUIRE(both.a->mesh->rotate(e2ee::identity_card::make(both.a->self, 2),
                                     exchange_key_pair{both.a->self.exchange().secret_key().fork()}, both.now,
                                     both.a->out));
        CHECK(again() != id);
    }
    SECTION("the peer's key") {
        both.b->card = e2ee::identity_card::make(both.b->self, 2);
        CHECK(again() != id);
    }
    SECTION("its time") {
        both.advance(3600s);
        CHECK(again() != id);
    }
    SECTION("revocation") {
        REQUIRE(both.a->mesh->revoke(both.b->name(), both.now, both.a->out));
        CHECK(both.a->out.closed_ones.at(0).second.code == errc::policy_denied);
        CHECK(again() != id);
    }
}

TEST_CASE("a bundle older than one seen before is refused", "[unit][session][AM-KEX-007]") {
    pair both;
    const auto old = both.b->bundle();
    both.b->card = e2ee::identity_card::make(both.b->self, 2);
    both.knock(*both.a);
    const auto refused = both.a->mesh->knock(old, both.travel, both.wish, both.now, both.a->out);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::epoch_rollback);
    REQUIRE(both.a->restart(both.now));
    CHECK(both.a->mesh->knock(old, both.travel, both.wish, both.now, both.a->out).error().code == errc::epoch_rollback);
}

TEST_CASE("closed sessions do not count against the number of sessions", "[unit][session]") {
    engine_options options;
    options.max_sessions = 2;
    pair both{1, options};
    for (int i = 0; i < 11; ++i) {
        both.travel.category = "category" + std::to_string(i);
        const auto id = both.open(*both.a);
        REQUIRE(both.b->mesh->find(id)->phase == phase::open);
        REQUIRE(both.a->mesh->send(id, as_bytes(pair::envelope(std::to_string(i), "close")), both.now, both.a->out));
        both.settle();
    }
    for (int i = 20; i < 22; ++i) {
        both.travel.category = "category" + std::to_string(i);
        both.open(*both.a);
    }
    both.travel.category = "one too many";
    CHECK(both.a->mesh->knock(both.b->bundle(), both.travel, both.wish, both.now, both.a->out).error().code ==
          errc::session_limit);
    CHECK(both.b->mesh->knock(both.a->bundle(), both.travel, both.wish, both.now, both.b->out).error().code ==
          errc::session_limit);
}

TEST_CASE("a full responder says so and nothing more", "[unit][session]") {
    engine_options options;
    options.max_sessions = 1;
    pair both{1, options};
    both.a->options.max_sessions = 5;
    REQUIRE(both.a->restart(both.now));
    both.open(*both.a);
    both.travel.category = "other";
    both.open(*both.a);
    CHECK(both.b->out.why(audit_kind::knock_denied).code == errc::policy_denied);
    CHECK(both.b->out.audits.back().denied == deny_reason::at_capacity);
    CHECK(both.a->out.refusals.at(0).told == deny_reason::rejected);
}

TEST_CASE("one caller does not use up the memory of nonces", "[unit][session][AM-KNK-016]") {
    engine_options options;
    options.known_knocks_a_peer = 2;
    pair both{1, options};
    both.b->policy.answer = verdict::deny(deny_reason::rejected);
    for (int i = 0; i < 4; ++i) both.open(*both.a);
    CHECK(both.b->out.count(audit_kind::knock_denied) == 2);
    CHECK(both.b->out.why(audit_kind::knock_dropped) == error{errc::session_limit, "AM-KNK-016"});
}

TEST_CASE("the memory of nonces and replies has a bound, and forgets none that is fresh",
          "[unit][session][AM-KNK-016]") {
    engine_options options;
    options.known_knocks = 3;
    pair both{1, options};
    both.b->policy.answer = verdict::deny(deny_reason::rejected);
    for (int i = 0; i < 5; ++i) both.open(*both.a);
    CHECK(both.b->out.count(audit_kind::knock_denied) == 3);
    CHECK(both.b->out.why(audit_kind::knock_dropped) == error{errc::session_limit, "AM-KNK-016"});
    CHECK(both.b->out.store.names("knock/").size() == 3);
    both.pass(301s, 10s);
    CHECK(both.b->out.store.names("knock/").empty());
    both.open(*both.a);
    CHECK(both.b->out.count(audit_kind::knock_denied) == 4);
}

TEST_CASE("an application that has not taken an envelope is given it again after a restart", "[unit][session]") {
    pair both;
    const auto id = both.open(*both.a);
    both.b->out.takes = false;
    REQUIRE(both.say(*both.a, id, "later"));
    both.settle();
    REQUIRE(both.b->restart(both.now));
    REQUIRE(both.b->out.texts.size() == 2);
    CHECK(both.b->out.ids[0] == both.b->out.ids[1]);
    REQUIRE(both.b->mesh->confirm(id, both.b->out.ids[1], both.b->out));
    REQUIRE(both.b->restart(both.now));
    CHECK(both.b->out.texts.size() == 2);
}

TEST_CASE("orders that cannot be followed are refused with a reason", "[unit][session]") {
    engine_options options;
    options.outbox_messages = 64;
    pair both{1, options};
    CHECK(both.say(*both.a, {}, "x").error().code == errc::unknown_session);
    CHECK(both.a->mesh->knock(both.a->bundle(), both.travel, both.wish, both.now, both.a->out).error().code ==
        errc::bad_bundle);
    auto bundle = both.b->bundle();
    bundle.signed_key.proof.storage()[0] ^= 1;
    CHECK(both.a->mesh->knock(bundle, both.travel, both.wish, both.now, both.a->out).error().code == errc::bad_bundle);
    auto empty = both.travel;
    empty.category.clear();
    CHECK(both.a->mesh->knock(both.b->bundle(), empty, both.wish, both.now, both.a->out).error() ==
          error{errc::wrong_member, "AM-KNK-011"});
    auto never = both.wish;
    never.ttl_seconds = 0;
    CHECK_FALSE(both.a->mesh->knock(both.b->bundle(), both.travel, never, both.now, both.a->out));
    const auto id = both.open(*both.a);
    CHECK(both.a->mesh->send(id, as_bytes("{}"), both.now, both.a->out).error().code == errc::bad_envelope);
    CHECK(both.a->mesh->send(id, as_bytes("nothing"), both.now, both.a->out).error().code == errc::bad_envelope);
    CHECK(both.a->mesh->send(id, as_bytes(pair::envelope("", "ack")), both.now, both.a->out).error().code ==
        errc::bad_envelope);
    REQUIRE(both.say(*both.a, id, "same"));
    CHECK(both.say(*both.a, id, "same").error().code == errc::bad_envelope);
    for (int i = 0; i < 63; ++i) REQUIRE(both.say(*both.a, id, std::to_string(i)));
    CHECK(both.say(*both.a, id, "one too many").error().code == errc::session_limit);
}
