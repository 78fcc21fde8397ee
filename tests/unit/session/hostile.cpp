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
    CHECK_FALSE(both.a->out.store.load(record::callers_name).value());
    both.a->policy.answer = scripted_policy{}.answer;
    (void)both.open(*both.b);
    CHECK(both.a->out.store.load(record::callers_name).value());
    CHECK_FALSE(both.a->out.store.load(record::epochs_name).value());  // strangers do not get in there
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

TEST_CASE("two sides do not answer each other's old receipts for ever", "[unit][session][AM-RAT-014]") {
    const auto latency = GENERATE(1500ms, 20s);
    pair both;
    const auto id = both.open(*both.a);
    for (auto* side : {both.a.get(), both.b.get()}) REQUIRE(both.say(*side, id, "hello"));
    both.settle();
    both.pass(10s);  // both have a receipt to repeat, and have each other's
    REQUIRE(both.a->mesh->find(id)->unacknowledged == 0);
    REQUIRE(both.b->mesh->find(id)->unacknowledged == 0);
    const auto before = both.a->out.sent.size() + both.b->out.sent.size();

    std::vector<std::pair<steady_point, std::pair<party*, sent_frame>>> flying;
    std::size_t a_seen = both.a->out.sent.size(), b_seen = both.b->out.sent.size();
    flying.push_back({both.now.steady, {both.a.get(), both.a->out.sent.back()}});  // a late copy
    for (int i = 0; i < 3600; ++i) {
        for (std::size_t at = 0; at < flying.size();) {
            if (flying[at].first > both.now.steady) {
                ++at;
                continue;
            }
            const auto [from, frame] = flying[at].second;
            flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(at));
            auto& to = both.other(*from);
            REQUIRE(to.mesh->on_message(from->name(), frame.type, frame.payload, both.now, to.out));
        }
        both.advance(1s);
        both.tick();
        const auto take = [&](party& from, std::size_t& seen) {
            for (; seen < from.out.sent.size(); ++seen)
                flying.push_back({both.now.steady + latency, {&from, from.out.sent[seen]}});
        };
        take(*both.a, a_seen);
        take(*both.b, b_seen);
    }
    CHECK(both.a->out.sent.size() + both.b->out.sent.size() - before < 16);
}

TEST_CASE("a disk that fails is tried again at growing intervals, and its owner is not kept busy", "[unit][session]") {
    pair both;
    auto& b = *both.b;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "to be acknowledged"));
    SECTION("a receipt") { both.settle(); }
    SECTION("what the application has taken") {
        b.out.fail_persist = b.out.persists + 1;
        both.settle();
        both.advance(10s);
    }
    SECTION("the end of a session") {
        both.settle();
        both.advance(3600s);
    }
    SECTION("an old KNOCK") {
        both.settle();
        both.pass(10s);
        both.advance(400s);
    }
    b.out.fail_all_persists = true;
    std::size_t ticks = 0;
    const auto until = both.now.steady + 10min;
    auto next = both.b->mesh->next_deadline();
    for (; next && *next <= until && ticks < 1000; next = b.mesh->next_deadline(), ++ticks) {
        if (*next > both.now.steady) both.advance(*next - both.now.steady);
        (void)b.mesh->on_tick(both.now, b.out);
        REQUIRE(b.mesh->next_deadline());
        REQUIRE(*b.mesh->next_deadline() > both.now.steady);
    }
    CHECK(ticks < 60);
    b.out.fail_all_persists = false;
    both.advance(30s);
    REQUIRE(b.mesh->on_tick(both.now, b.out));
    CHECK((!b.mesh->next_deadline() || *b.mesh->next_deadline() > both.now.steady));
    CHECK(b.out.texts.size() == 1);
}

// --- fairness among peers -----------------------------------------------------------------------------------------

namespace {

/// A responder with many callers, and one whom it has asked itself.
struct crowd {
    explicit crowd(const engine_options& options) : both{1, options} {}

    /// A KNOCK of somebody new at `b`. @return his name
    party& stranger() {
        auto& one = *strangers.emplace_back(std::make_unique<party>(local_identity::create(random, epoch).value(),
                                                                    strangers.size() + 7000));
        return knock_from(one);
    }
    party& knock_from(party& one) {
        REQUIRE(one.mesh->knock(both.b->bundle(false), both.travel, both.wish, both.now, one.out));
        const auto frame = one.out.sent.back();
        REQUIRE(both.b->mesh->on_message(one.name(), frame.type, frame.payload, both.now, both.b->out));
        return one;
    }

    pair both;
    crypto::scripted_random random{std::uint64_t{77}};
    std::vector<std::unique_ptr<party>> strangers{};
};

}  // namespace

TEST_CASE("strangers leave room in every table for whom the agent has asked itself",
          "[unit][session][AM-KNK-016]") {
    engine_options options;
    SECTION("of KNOCKs") {
        options.known_knocks = 8;
        crowd all{options};
        auto& b = *all.both.b;
        b.policy.answer = verdict::deny(deny_reason::rejected);
        (void)all.both.knock(b);
        all.both.settle();
        REQUIRE(b.out.opened_ones.size() == 1);  // b has asked a
        for (int i = 0; i < 8; ++i) (void)all.stranger();
        CHECK(b.out.count(audit_kind::knock_denied) == 6);
        CHECK(b.out.why(audit_kind::knock_dropped) == error{errc::session_limit, "AM-KNK-016"});
        all.both.travel.category = "another";
        for (int i = 0; i < 3; ++i) (void)all.both.open(*all.both.a);
        CHECK(b.out.count(audit_kind::knock_denied) == 8);
    }
    SECTION("of sessions") {
        options.max_sessions = 4;
        crowd all{options};
        auto& b = *all.both.b;
        for (int i = 0; i < 5; ++i) (void)all.stranger();
        CHECK(b.out.count(audit_kind::knock_accepted) == 3);
        CHECK(b.out.audits.back().denied == deny_reason::at_capacity);
        CHECK(b.mesh->find(all.both.open(b))->phase == phase::open);
    }
    SECTION("of notices and of frames that wait") {
        options.noticed_peers = options.held_peers = 4;
        crowd all{options};
        auto& b = *all.both.b;
        (void)all.both.knock(b);
        all.both.settle();
        const auto give = [&](const amid& from, std::uint8_t flags) {
            auto frame = message_head_bytes({}, false);
            frame[18] = flags;
            frame.resize(200);
            REQUIRE(b.mesh->on_message(from, wire::message_type::message, to_payload(frame), all.both.now, b.out));
        };
        for (const auto flags : {std::uint8_t{1}, std::uint8_t{0}}) {
            b.out.audits.clear();
            for (int i = 0; i < 5; ++i)
                give(local_identity::create(all.random, epoch).value().name(), flags);
            CHECK(b.out.count(audit_kind::message_dropped) == 2);
            give(all.both.a->name(), flags);
            CHECK(b.out.count(audit_kind::message_dropped) == 2);
        }
    }
}

TEST_CASE("one peer's sessions are bounded, and so are the KNOCKs of one stranger", "[unit][session][AM-KNK-016]") {
    engine_options options;
    options.sessions_a_peer = 2;
    options.known_knocks_a_stranger = 4;
    pair both{1, options};
    for (int i = 0; i < 5; ++i) {
        both.travel.category = "category" + std::to_string(i);
        (void)both.open(*both.a);
    }
    CHECK(both.b->out.count(audit_kind::knock_accepted) == 2);
    CHECK(both.b->out.count(audit_kind::knock_denied) == 2);
    CHECK(both.b->out.why(audit_kind::knock_dropped) == error{errc::session_limit, "AM-KNK-016"});
}

TEST_CASE("accepted strangers push out nobody's epoch but their own kind's", "[unit][session][AM-KEX-007]") {
    crowd all{{}};
    auto& both = all.both;
    auto& b = *both.b;
    both.a->card = e2ee::identity_card::make(both.a->self, 5);
    both.knock(b);  // whom b has asked itself
    both.settle();
    // A store as after 4,096 accepted callers, all noted later.
    e2ee::known_epochs full;
    for (std::uint32_t i = 0; i < 4096; ++i) {
        amid::raw raw;
        raw.storage()[0] = static_cast<std::uint8_t>(i);
        raw.storage()[1] = static_cast<std::uint8_t>(i >> 8);
        (void)full.note({amid::from_raw(raw), {}, {}, 1, {}});
    }
    const auto bytes = full.save();
    const record_change change{record::callers_name, byte_view{bytes}};
    REQUIRE(b.out.store.commit({&change, 1}));
    REQUIRE(b.restart(both.now));
    for (int i = 0; i < 3; ++i) (void)all.stranger();
    CHECK(b.out.count(audit_kind::knock_accepted) == 3);
    REQUIRE(b.mesh->revoke(both.a->name(), both.now, b.out));
    both.pass(400s, 20s);
    both.a->card = e2ee::identity_card::make(both.a->self, 4);
    CHECK(b.mesh->knock(both.a->bundle(), both.travel, both.wish, both.now, b.out).error().code ==
          errc::epoch_rollback);
}

TEST_CASE("a peer that talks much does not push out what others said", "[unit][session][AM-KNK-031]") {
    engine_options options;
    options.seen_messages = 12;
    options.seen_messages_a_peer = 8;
    options.outbox_messages = 100;
    crowd all{options};
    auto& both = all.both;
    auto& b = *both.b;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "precious"));
    both.settle();
    const auto kept = [&] { return b.out.store.names("seen/").size(); };
    CHECK(kept() == 1);
    // Others fill what there is, each its own part.
    for (int who = 0; who < 2; ++who) {
        auto& other = all.stranger();
        const auto reply = b.out.sent.back();
        REQUIRE(other.mesh->on_message(b.name(), reply.type, reply.payload, both.now, other.out));
        const auto session = other.out.opened_ones.at(0).id;
        for (int i = 0; i < 20; ++i) {
            REQUIRE(other.mesh->send(session, as_bytes(pair::envelope(std::to_string(i))), both.now, other.out));
            const auto frame = other.out.sent.back();
            REQUIRE(b.mesh->on_message(other.name(), frame.type, frame.payload, both.now, b.out));
        }
        CHECK(kept() == (who == 0 ? 9u : 12u));
    }
    const auto mine = record::seen_name(seen_key(both.a->name(), b.out.ids.at(0)));
    CHECK(b.out.store.load(mine).value());
    REQUIRE(b.restart(both.now));
    REQUIRE(both.say(*both.a, id, "more"));
    both.settle();
    CHECK(b.out.store.load(mine).value());
}

// --- what the owner allows -----------------------------------------------------------------------------------------

TEST_CASE("a suite that the owner does not allow is neither offered nor accepted", "[unit][session][AM-POL-015]") {
    pair both;
    struct no_suites : scripted_policy {
        [[nodiscard]] bool allows(e2ee::suite_id suite) const { return suite != e2ee::suite_id::am1; }
    } strict;
    auto& b = *both.b;
    engine<crypto::scripted_random, no_suites, e2ee::prekey_store> mesh{b.self, b.card, b.random, strict, b.prekeys};
    CHECK(mesh.knock(both.a->bundle(), both.travel, both.wish, both.now, b.out).error() ==
          error{errc::suite_unsupported, "AM-POL-015"});
    CHECK(b.out.sent.empty());
    (void)both.knock(*both.a);
    const auto frame = both.a->out.sent.back();
    REQUIRE(mesh.on_message(both.a->name(), frame.type, frame.payload, both.now, b.out));
    CHECK(b.out.opened_ones.empty());
    CHECK(b.out.count(audit_kind::knock_denied) == 1);
    REQUIRE(strict.asked.size() == 1);
    CHECK(strict.asked[0].suite == e2ee::suite_id::am1);
    CHECK(strict.asked[0].is_signed);
}
