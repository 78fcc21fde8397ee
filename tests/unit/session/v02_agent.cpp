// Agents of dialect v02 against each other: KNOCK with key agreement, messages, limits, and what a hostile relay tries.
#include "tests/unit/session/v02_world.hpp"

#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace v02_test;
using tree = nlohmann::json;
using kind = wire::message_type;
using texts = std::vector<std::string>;

namespace {

/// A frame with one member changed, as a relay could.
sent_frame changed(sent_frame frame, const std::function<void(tree&)>& how) {
    auto text = tree::parse(frame.text);
    how(text);
    frame.text = text.dump();
    return frame;
}

}  // namespace

TEST_CASE("two v02 agents agree on keys and talk both ways", "[unit][session][v02][AM-KNK-060][AM-RAT-060]") {
    two mesh;
    const bool optimistic = GENERATE(false, true);
    REQUIRE(mesh.knock(*mesh.b, optimistic));
    mesh.settle();
    REQUIRE(mesh.say(*mesh.b, "\"hello\""));
    mesh.settle();
    CHECK(mesh.a->out.texts == texts{"\"hello\""});
    for (int i = 0; i < 10; ++i) {
        REQUIRE(mesh.say(*mesh.a, std::to_string(i)));
        REQUIRE(mesh.say(*mesh.b, std::to_string(100 + i)));
        mesh.settle();
    }
    CHECK(mesh.a->out.texts.size() == 11);
    CHECK(mesh.b->out.texts.size() == 10);
    CHECK(mesh.a->out.texts.back() == "109");
    CHECK(mesh.a->out.failures.empty());
    CHECK(mesh.b->out.failures.empty());
    REQUIRE(mesh.a->agent->find(mesh.b->name()));
    CHECK(mesh.a->agent->find(mesh.b->name())->what == mesh.travel);
    CHECK(mesh.a->agent->find(mesh.b->name())->received == 11);
}

TEST_CASE("a v02 agent writes KNOCKs and messages as the deployed agents read them",
          "[unit][session][v02][AM-KNK-060][AM-RAT-060]") {
    two mesh;
    mesh.open(*mesh.a);
    const auto knock = tree::parse(mesh.a->out.sent.at(0).text);
    CHECK(mesh.a->out.sent[0].type == kind::knock);
    CHECK(knock["type"] == "knock");
    CHECK(knock["protocol_version"] == "agentmesh/0.2");
    CHECK(knock["nonce"].get<std::string>().size() == 32);
    CHECK(knock["x3dh"]["signed_prekey_id"] == 1);
    CHECK(knock["x3dh"]["one_time_prekey_id"] == 1);
    CHECK(tree::parse(mesh.b->out.sent.at(0).text)["type"] == "accept");
    const auto frame = tree::parse(mesh.a->out.sent.at(1).text);
    CHECK(mesh.a->out.sent[1].type == kind::message);
    CHECK(frame["session_id"] == tree::parse(mesh.b->out.sent[0].text)["session_id"]);
    CHECK(frame["type"] == "encrypted");
    CHECK(frame["header"].size() == 3);
    CHECK(frame["header"]["n"] == 0);
    for (const auto& one : mesh.a->out.sent) CHECK(one.text.find("\"first\"") == std::string::npos);
}

TEST_CASE("a KNOCK of the JavaScript shape opens a v02 session too", "[unit][session][v02][AM-KNK-041][AM-KNK-060]") {
    two mesh;
    auto& js = *mesh.a;
    REQUIRE(mesh.knock(js));
    const auto keys = tree::parse(js.out.sent.at(0).text)["x3dh"];
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(mesh.now.wall.time_since_epoch()).count();
    std::string knock = R"({"version":"agentmesh/0.2","from":")" + std::string{js.name().text()} + R"(","to":")" +
                        std::string{mesh.b->name().text()} +
                        R"(","request":{"type":"persistent","ttl":60,"expectedMessages":9,"intent":{"capability":)"
                        R"("travel/flights"}},"timestamp":)" +
                        std::to_string(ms) + R"(,"nonce":"000102030405060708090a0b0c0d0e0f"})";
    const auto proof = js.self.signing().sign(as_bytes(knock));
    knock.pop_back();
    knock += R"(,"x3dh":)" + keys.dump() + R"(,"signature":")" +
             to_base64(proof.bytes(), base64_form::standard_padded) + "\"}";
    REQUIRE(mesh.give(js, {mesh.b->name(), knock, kind::knock, {}}));
    mesh.a_read = js.out.sent.size();
    mesh.settle();
    REQUIRE(mesh.say(js, "1"));
    mesh.settle();
    CHECK(mesh.b->out.texts == texts{"1"});
    REQUIRE(mesh.b->out.opened_ones.size() == 1);
    CHECK(mesh.b->out.opened_ones[0].held_to.max_messages == 9);
}

TEST_CASE("suite v02 is spoken only if the owner opts in", "[unit][session][v02][AM-KNK-061]") {
    two mesh;
    const auto without_suite = [](policy& rules) { rules.allow_suites = {e2ee::suite_id::am1}; };
    const auto without_unbound = [](policy& rules) { rules.allow_unbound_keys = false; };
    SECTION("to ask") {
        mesh.a->policy.change(without_suite);
        CHECK(mesh.knock(*mesh.a).error().code == errc::suite_unsupported);
        mesh.a->policy.change([&](policy& rules) {
            rules.allow_suites = {e2ee::suite_id::v02};
            without_unbound(rules);
        });
        CHECK(mesh.knock(*mesh.a).error().code == errc::unbound_key);
        CHECK(mesh.a->out.sent.empty());
        CHECK(mesh.a->out.persists == 0);
    }
    SECTION("to answer") {
        REQUIRE(mesh.knock(*mesh.a));
        mesh.b->policy.change(without_suite);
        REQUIRE(mesh.give(*mesh.a, 0));
        CHECK(mesh.b->out.sent.empty());
        CHECK(mesh.b->out.last_failure() == errc::suite_unsupported);
    }
    SECTION("to trust keys that nothing binds") {
        REQUIRE(mesh.knock(*mesh.a));
        mesh.b->policy.change(without_unbound);
        mesh.settle();
        CHECK(mesh.b->out.denials == std::vector<deny_reason>{deny_reason::insufficient_trust});
        CHECK(mesh.a->out.words == texts{"rejected"});
        CHECK_FALSE(mesh.b->policy.applicants.at(0).keys_bound);
    }
    SECTION("a policy that says nothing of suites does not") {
        struct silent {
            verdict decide(const applicant&) { return verdict::accept({}); }
            std::uint64_t generation() const { return 0; }
        } says_nothing;
        v02_agent agent{mesh.a->self, mesh.a->random, says_nothing, mesh.a->prekeys, mesh.known};
        CHECK(agent.knock(mesh.b->name(), mesh.b->self.signing().public_key(), mesh.b->bundle(), mesh.travel, mesh.wish,
                          mesh.now, mesh.a->out).error().code == errc::suite_unsupported);
    }
}

TEST_CASE("a v02 KNOCK is judged in the order of the rules", "[unit][session][v02][AM-POL-001][AM-KNK-062]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a));
    const auto knock = mesh.a->out.sent.at(0);
    SECTION("nobody is asked about one that does not verify, and nobody is told") {
        REQUIRE(mesh.give(*mesh.a, changed(knock, [](tree& text) { text["intent"]["category"] = "finance"; })));
        CHECK(mesh.b->out.last_failure() == errc::bad_signature);
        CHECK(mesh.b->policy.asked == texts{"flood"});
        CHECK(mesh.b->out.sent.empty());
        CHECK(mesh.b->out.log.empty());
    }
    SECTION("nor about one of another sender") {
        crypto::scripted_random random{std::uint64_t{99}};
        const auto mallory = local_identity::create(random, epoch).value();
        mesh.known.keys.emplace(mallory.name(), mallory.signing().public_key());
        REQUIRE(mesh.b->agent->on_message(mallory.name(), kind::knock, knock.text, mesh.now, mesh.b->out));
        CHECK(mesh.b->out.last_failure() == errc::amid_mismatch);
        CHECK(mesh.b->out.sent.empty());
    }
    SECTION("nor about one of somebody whom no registry knows") {
        mesh.known.knows_nobody = true;
        REQUIRE(mesh.give(*mesh.a, 0));
        CHECK(mesh.b->out.last_failure() == errc::unknown_peer);
    }
    SECTION("nor about a stale one") {
        mesh.advance(301s);
        REQUIRE(mesh.give(*mesh.a, 0));
        CHECK(mesh.b->out.last_failure() == errc::knock_stale);
        CHECK(mesh.b->policy.asked == texts{"flood"});
    }
    SECTION("a blocked caller hears what any refused one hears") {
        mesh.b->policy.rules_.block(mesh.a->name());
        mesh.settle();
        CHECK(mesh.b->policy.asked == texts{"flood", "decide"});
        CHECK(mesh.b->out.denials == std::vector<deny_reason>{deny_reason::blocked});
        CHECK(mesh.a->out.words == texts{"rejected"});
    }
    SECTION("one on the allowlist hears why") {
        mesh.b->policy.change([&](policy& rules) {
            rules.allowlist = {mesh.a->name()};
            rules.rejected_intents = {"travel"};
        });
        mesh.settle();
        CHECK(mesh.a->out.words == texts{"intent_not_accepted"});
    }
    SECTION("tiers, rates and capacity are the owner's") {
        mesh.b->policy.change([&](policy& rules) { rules.accept_tiers = {false, false, true}; });
        mesh.settle();
        CHECK(mesh.b->out.denials == std::vector<deny_reason>{deny_reason::insufficient_trust});
    }
    SECTION("a flood is dropped unread") {
        for (unsigned i = 0; i < knock_flood_per_minute; ++i) REQUIRE_FALSE(mesh.b->policy.rules_.is_flooded(mesh.now));
        REQUIRE(mesh.give(*mesh.a, 0));
        CHECK(mesh.b->out.last_failure() == errc::rate_limited);
        CHECK(mesh.b->out.sent.empty());
    }
}

TEST_CASE("a v02 KNOCK counts once, and the same one gets the same answer", "[unit][session][v02][AM-KNK-062]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a));
    const auto knock = mesh.a->out.sent.at(0);
    REQUIRE(mesh.give(*mesh.a, 0));
    REQUIRE(mesh.b->out.sent.size() == 1);
    const bool restarts = GENERATE(false, true);
    if (restarts) REQUIRE(mesh.b->restart(mesh.now));
    REQUIRE(mesh.give(*mesh.a, 0));
    REQUIRE(mesh.b->out.sent.size() == 2);
    CHECK(mesh.b->out.sent[0].text == mesh.b->out.sent[1].text);
    CHECK(mesh.b->policy.applicants.size() == 1);
    // The signed part once more, with other keys, another nonce, another order.
    REQUIRE(mesh.give(*mesh.a, changed(knock, [](tree& text) { text["nonce"] = "00"; })));
    CHECK(mesh.b->out.last_failure() == errc::knock_replayed);
    CHECK(mesh.b->out.sent.size() == 2);
    mesh.advance(301s);
    mesh.tick();
    REQUIRE(mesh.give(*mesh.a, 0));
    CHECK(mesh.b->out.last_failure() == errc::knock_stale);
}

TEST_CASE("the memory of v02 KNOCKs is bounded, for one peer and for all", "[unit][session][v02][AM-KNK-062]") {
    two mesh{1, {.known_knocks = 3, .known_knocks_a_peer = 2}};
    for (int i = 0; i < 3; ++i) {
        REQUIRE(mesh.a->agent->knock(mesh.b->name(), mesh.b->self.signing().public_key(), mesh.b->bundle(), mesh.travel,
                                     mesh.wish, mesh.now, mesh.a->out));
        REQUIRE(mesh.give(*mesh.a, mesh.a->out.sent.size() - 1));
        REQUIRE(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out));
        mesh.advance(1s);
    }
    CHECK(mesh.b->out.last_failure() == errc::session_limit);
    CHECK(mesh.b->out.sent.size() == 2);
    mesh.advance(301s);
    mesh.tick();
    REQUIRE(mesh.knock(*mesh.a));
    REQUIRE(mesh.give(*mesh.a, mesh.a->out.sent.size() - 1));
    CHECK(mesh.b->out.sent.size() == 3);
}

TEST_CASE("a v02 KNOCK without keys, or for keys that are gone, is refused and opens nothing",
          "[unit][session][v02][AM-KNK-060]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a));
    const auto knock = mesh.a->out.sent.at(0);
    const auto refused = [&](const std::function<void(tree&)>& how, errc why) {
        REQUIRE(mesh.give(*mesh.a, changed(knock, how)));
        CHECK(mesh.b->out.last_failure() == why);
        CHECK_FALSE(mesh.b->agent->is_open(mesh.a->name()));
    };
    SECTION("none") {
        refused([](tree& text) { text.erase("x3dh"); }, errc::no_common_suite);
        CHECK(tree::parse(mesh.b->out.sent.at(0).text)["reason"] == "rejected");
    }
    SECTION("an unknown signed prekey") {
        refused([](tree& text) { text["x3dh"]["signed_prekey_id"] = 77; }, errc::unknown_prekey);
    }
    SECTION("an unknown one-time prekey") {
        refused([](tree& text) { text["x3dh"]["one_time_prekey_id"] = 77; }, errc::unknown_prekey);
    }
    SECTION("half of them") {
        refused([](tree& text) { text["x3dh"].erase("ephemeral_key"); }, errc::missing_member);
        CHECK(mesh.b->out.sent.empty());
    }
    SECTION("a key of small order") {
        const auto zero = std::string(43, 'A') + "=";
        REQUIRE(mesh.give(*mesh.a, changed(knock, [&](tree& text) { text["x3dh"]["ephemeral_key"] = zero; })));
        for (const auto& frame : std::exchange(mesh.b->out.sent, {})) REQUIRE(mesh.give(*mesh.b, frame));
        REQUIRE(mesh.say(*mesh.a, "1"));
        REQUIRE(mesh.give(*mesh.a, 1));
        CHECK(mesh.b->out.last_failure() == errc::zero_shared_secret);
        CHECK(mesh.b->out.texts.empty());
    }
}

TEST_CASE("the exchange key of a v02 peer is pinned on first use", "[unit][session][v02][AM-KNK-063]") {
    two mesh;
    mesh.open(*mesh.a);
    REQUIRE(mesh.say(*mesh.b, "\"back\""));
    mesh.settle();
    // The same signing key with another exchange key: the owner of the name has changed it, or a registry has.
    crypto::scripted_random random{std::uint64_t{77}};
    const auto signing = mesh.b->self.signing().seed();
    const local_identity swapped{signing_key_pair{signing_seed::from(signing.reveal()).value()},
                                 exchange_key_pair::generate(random).value(), epoch};
    auto bundle = mesh.b->bundle(false);
    bundle.identity = swapped.exchange().public_key();
    REQUIRE(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out));
    mesh.settle();
    const auto restarts = GENERATE(false, true);
    if (restarts) REQUIRE(mesh.a->restart(mesh.now));
    const auto ask = [&] {
        return mesh.a->agent->knock(mesh.b->name(), mesh.b->self.signing().public_key(), bundle, mesh.travel, mesh.wish,
                                    mesh.now, mesh.a->out);
    };
    CHECK(ask().error().code == errc::unbound_key);
    // The responder pinned the caller's, too.
    crypto::scripted_random other{std::uint64_t{78}};
    const auto foreign = exchange_key_pair::generate(other).value();
    mesh.advance(1s);
    mesh.drop();
    REQUIRE(mesh.knock(*mesh.a));
    const auto knock = changed(mesh.a->out.sent.back(), [&](tree& text) {
        text["x3dh"]["identity_key"] = identity::to_text(foreign.public_key());
    });
    const auto before = mesh.b->out.sent.size();
    REQUIRE(mesh.give(*mesh.a, knock));
    CHECK(mesh.b->out.last_failure() == errc::unbound_key);
    CHECK(mesh.b->out.sent.size() == before);
    // That cost the true one nothing.
    mesh.settle();
    CHECK(mesh.b->out.sent.size() > before);
    REQUIRE(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out));
    REQUIRE(mesh.a->agent->unpin(mesh.b->name(), mesh.a->out));
    CHECK(ask());
}

TEST_CASE("forged, repeated and reordered v02 messages change nothing", "[unit][session][v02][AM-RAT-061]") {
    two mesh;
    mesh.open(*mesh.a);
    std::vector<sent_frame> m;
    for (const auto* text : {"0", "1", "2"}) {
        REQUIRE(mesh.say(*mesh.a, text));
        m.push_back(mesh.a->out.sent.back());
    }
    const auto refused = [&](const sent_frame& frame, errc why) {
        REQUIRE(mesh.give(*mesh.a, frame));
        CHECK(mesh.b->out.last_failure() == why);
    };
    const auto persists = mesh.b->out.persists;
    refused(changed(m[1], [](tree& text) { text["header"]["n"] = 9; }), errc::bad_tag);
    refused(changed(m[1], [](tree& text) { text["header"]["n"] = 4'000'000'000u; }), errc::too_far);
    refused(changed(m[1], [](tree& text) { text["header"]["n"] = -1; }), errc::wrong_member);
    refused(changed(m[1], [](tree& text) { text["type"] = "plain"; }), errc::suite_unsupported);
    refused(changed(m[1], [](tree& text) { text.erase("header"); }), errc::missing_member);
    refused(changed(m[1], [](tree& text) { text["ciphertext"] = "AAAA"; }), errc::bad_tag);
    refused(changed(m[1], [](tree& text) { text["ciphertext"] = "A"; }), errc::bad_base64);
    refused({m[1].to, "{", kind::message, {}}, errc::bad_json);
    refused({m[1].to, std::string(limits::payload_bytes + 1, ' '), kind::message, {}}, errc::too_large);
    CHECK(mesh.b->out.persists == persists);
    REQUIRE(mesh.give(*mesh.a, m[2]));
    REQUIRE(mesh.give(*mesh.a, m[0]));
    refused(m[0], errc::duplicate);
    REQUIRE(mesh.give(*mesh.a, changed(m[1], [](tree& text) { text["session_id"] = "another"; })));
    CHECK(mesh.b->out.texts == texts{"2", "0", "1"});
    for (const auto& one : m) refused(one, errc::duplicate);
    CHECK(mesh.b->out.texts.size() == 3);
    REQUIRE(mesh.say(*mesh.b, "\"on\""));
    mesh.settle();
    CHECK(mesh.a->out.texts == texts{"\"on\""});
}

TEST_CASE("a refused v02 KNOCK gives back what was to be said", "[unit][session][v02]") {
    two mesh;
    const bool optimistic = GENERATE(false, true);
    mesh.b->policy.change([](policy& rules) { rules.rejected_intents = {"travel"}; });
    REQUIRE(mesh.knock(*mesh.a, optimistic));
    REQUIRE(mesh.say(*mesh.a, "1"));
    REQUIRE(mesh.say(*mesh.a, "2"));
    CHECK(mesh.a->out.sent.size() == (optimistic ? 3u : 1u));
    mesh.settle();
    CHECK(mesh.a->out.refusals == std::vector<error>{{errc::knock_refused, {}}});
    CHECK(mesh.a->out.lost == texts{"1", "2"});
    CHECK(mesh.b->out.texts.empty());
    CHECK(mesh.say(*mesh.a, "3").error().code == errc::unknown_session);
    CHECK(mesh.a->out.store.names("v02/session/").empty());
}

TEST_CASE("optimistic v02 messages wait for the KNOCK that they overtook", "[unit][session][v02][AM-KNK-027]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a, true));
    for (int i = 0; i < 12; ++i) REQUIRE(mesh.say(*mesh.a, std::to_string(i)));
    REQUIRE(mesh.a->out.sent.size() == 9);  // eight leave before the answer
    CHECK(mesh.a->out.sent[8].type == kind::optimistic_message);
    for (std::size_t i = 1; i < 9; ++i) REQUIRE(mesh.give(*mesh.a, i));
    CHECK(mesh.b->out.texts.empty());
    REQUIRE(mesh.give(*mesh.a, 1));  // a copy
    CHECK(mesh.b->out.failures.empty());
    REQUIRE(mesh.give(*mesh.a, changed(mesh.a->out.sent[1], [](tree& text) { text["session_id"] = "ninth"; })));
    CHECK(mesh.b->out.last_failure() == errc::session_limit);
    SECTION("and are opened once it is accepted") {
        REQUIRE(mesh.give(*mesh.a, 0));
        CHECK(mesh.b->out.texts.size() == 8);
        mesh.a_read = 9;
        mesh.settle();
        CHECK(mesh.b->out.texts.size() == 12);
        CHECK(mesh.b->out.texts.back() == "11");
    }
    SECTION("and are dropped if it is refused") {
        mesh.b->policy.rules_.block(mesh.a->name());
        REQUIRE(mesh.give(*mesh.a, 0));
        mesh.a_read = 9;
        mesh.settle();
        CHECK(mesh.b->out.texts.empty());
        CHECK(mesh.a->out.lost.size() == 12);
    }
    SECTION("and do not wait for ever") {
        mesh.advance(121s);
        mesh.tick();
        CHECK_FALSE(mesh.b->agent->next_deadline());
    }
}

TEST_CASE("an answer counts for the KNOCK of its time, from its peer, once", "[unit][session][v02][AM-KNK-064]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a));
    REQUIRE(mesh.give(*mesh.a, 0));
    const auto old = mesh.b->out.sent.at(0);
    SECTION("forged") {
        REQUIRE(mesh.give(*mesh.b, changed(old, [](tree& text) { text["session_id"] = "other"; })));
        CHECK(mesh.a->out.last_failure() == errc::bad_signature);
        CHECK_FALSE(mesh.a->agent->is_open(mesh.b->name()));
    }
    SECTION("repeated") {
        mesh.settle();
        CHECK(mesh.a->out.opened_ones.size() == 1);
        REQUIRE(mesh.give(*mesh.b, old));
        CHECK(mesh.a->out.last_failure() == errc::unknown_session);
        CHECK(mesh.a->out.opened_ones.size() == 1);
    }
    SECTION("unasked") {
        REQUIRE(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out));
        REQUIRE(mesh.give(*mesh.b, old));
        CHECK(mesh.a->out.last_failure() == errc::unknown_session);
    }
    SECTION("of an earlier KNOCK") {
        REQUIRE(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out));
        mesh.advance(61s + 1us);
        REQUIRE(mesh.knock(*mesh.a));
        REQUIRE(mesh.give(*mesh.b, old));
        CHECK(mesh.a->out.last_failure() == errc::knock_stale);
        CHECK_FALSE(mesh.a->agent->is_open(mesh.b->name()));
    }
    SECTION("that allows more than was asked for") {
        REQUIRE(mesh.give(*mesh.b, changed(old, [](tree& text) {
            text["constraints"] = {{"max_message_size_bytes", 65536}, {"max_messages", 5000}, {"ttl_seconds", 90000}};
        })));
        REQUIRE(mesh.a->out.opened_ones.size() == 1);
        CHECK(mesh.a->out.opened_ones[0].held_to.max_messages == 50);
        CHECK(mesh.a->out.opened_ones[0].held_to.ttl_seconds == 600);
    }
}

TEST_CASE("a KNOCK of v02 without an answer times out", "[unit][session][v02]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a));
    REQUIRE(mesh.say(*mesh.a, "1"));
    CHECK(mesh.knock(*mesh.a).error().code == errc::session_limit);
    REQUIRE(mesh.a->agent->next_deadline());
    CHECK(*mesh.a->agent->next_deadline() == mesh.now.steady + 120s);
    mesh.advance(120s);
    mesh.tick();
    CHECK(mesh.a->out.refusals == std::vector<error>{{errc::knock_timed_out, {}}});
    CHECK(mesh.a->out.lost == texts{"1"});
    CHECK_FALSE(mesh.a->agent->next_deadline());
}

TEST_CASE("v02 sessions are held to their time and number of messages on both sides",
          "[unit][session][v02][AM-KNK-032]") {
    two mesh;
    mesh.wish.expected_messages = 3;
    mesh.b->policy.change([](policy& rules) { rules.session.max_message_size_bytes = 300; });
    mesh.open(*mesh.a);
    SECTION("the sender counts") {
        REQUIRE(mesh.say(*mesh.a, "2"));
        REQUIRE(mesh.say(*mesh.a, "3"));
        CHECK(mesh.say(*mesh.a, "4").error().code == errc::session_expired);
        for (int i = 0; i < 3; ++i) REQUIRE(mesh.say(*mesh.b, "x"));  // theirs are counted apart
        CHECK(mesh.say(*mesh.b, "x").error().code == errc::session_expired);
        mesh.settle();
        CHECK(mesh.b->out.texts.size() == 2);
    }
    SECTION("and so does the receiver") {
        mesh.a->policy.change([](policy&) {});
        mesh.b->out.failures.clear();
        // The ACCEPT's limits are not signed: what the sender believes is not what the receiver holds it to.
        two loose;
        loose.wish.expected_messages = 3;
        REQUIRE(loose.knock(*loose.a));
        loose.b->policy.change([](policy& rules) { rules.session.max_messages = 2; });
        REQUIRE(loose.give(*loose.a, 0));
        REQUIRE(loose.give(*loose.b, changed(loose.b->out.sent.at(0), [](tree& text) { text.erase("constraints"); })));
        loose.drop();
        loose.a_read = 1;
        for (int i = 0; i < 3; ++i) REQUIRE(loose.say(*loose.a, std::to_string(i)));
        loose.settle();
        CHECK(loose.b->out.texts == texts{"0", "1"});
        CHECK(loose.b->out.last_failure() == errc::session_expired);
    }
    SECTION("time ends it for both") {
        const auto late = [&] {
            REQUIRE(mesh.say(*mesh.a, "2"));
            return mesh.a->out.sent.back();
        }();
        mesh.advance(600s);
        REQUIRE(mesh.give(*mesh.a, late));
        CHECK(mesh.b->out.last_failure() == errc::session_expired);
        CHECK(mesh.say(*mesh.b, "2").error().code == errc::session_expired);
        mesh.tick();
        CHECK(mesh.a->out.closings == std::vector<error>{{errc::session_expired, {}}});
        CHECK(mesh.b->out.closings == std::vector<error>{{errc::session_expired, {}}});
        CHECK(mesh.say(*mesh.a, "3").error().code == errc::unknown_session);
        CHECK(mesh.a->out.store.names("v02/session/").empty());
    }
    SECTION("a longer text than allowed does not leave") {
        CHECK(mesh.say(*mesh.a, std::string(301, 'x')).error().code == errc::message_too_large);
        CHECK(mesh.say(*mesh.a, std::string(300, 'x')));
    }
}

TEST_CASE("more messages a minute than the owner wants wait at the relay", "[unit][session][v02]") {
    two mesh;
    mesh.open(*mesh.a);
    mesh.b->policy.change([](policy& rules) { rules.rate_limit.messages_per_minute = 2; });
    REQUIRE(mesh.say(*mesh.a, "1"));
    REQUIRE(mesh.say(*mesh.a, "2"));
    const auto last = mesh.a->out.sent.back();
    CHECK(mesh.give(*mesh.a, mesh.a->out.sent[mesh.a->out.sent.size() - 2]));
    CHECK(mesh.give(*mesh.a, last).error().code == errc::rate_limited);
    mesh.advance(60s);
    CHECK(mesh.give(*mesh.a, last));
    CHECK(mesh.b->out.texts == texts{"1", "2"});
}

TEST_CASE("when v02 agents knock at each other at once, the KNOCK of the smaller name stands",
          "[unit][session][v02][AM-KNK-028]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a));
    REQUIRE(mesh.knock(*mesh.b));
    REQUIRE(mesh.say(*mesh.b, "\"waits\""));
    mesh.settle();
    CHECK(mesh.a->agent->is_open(mesh.b->name()));
    REQUIRE(mesh.say(*mesh.a, "\"first\""));
    mesh.settle();
    CHECK(mesh.b->out.texts == texts{"\"first\""});
    CHECK(mesh.a->out.texts == texts{"\"waits\""});
    CHECK(mesh.a->out.opened_ones.size() == 1);
    CHECK(mesh.b->out.opened_ones.size() == 1);
    mesh.advance(121s);
    mesh.tick();
    CHECK(mesh.b->out.refusals.empty());
    CHECK(mesh.b->agent->is_open(mesh.a->name()));
}

TEST_CASE("a one-time key of v02 is spent by the first message that opens, and not by a forged one",
          "[unit][session][v02][AM-KEX-035]") {
    two mesh;
    REQUIRE(mesh.knock(*mesh.a));
    mesh.settle();
    const auto left = mesh.b->prekeys.one_time_left();
    REQUIRE(mesh.say(*mesh.a, "1"));
    const auto first = mesh.a->out.sent.back();
    REQUIRE(mesh.give(*mesh.a, changed(first, [](tree& text) { text["header"]["n"] = 1; })));
    CHECK(mesh.b->prekeys.one_time_left() == left);
    REQUIRE(mesh.give(*mesh.a, first));
    CHECK(mesh.b->prekeys.one_time_left() == left - 1);
    CHECK(mesh.b->out.texts == texts{"1"});
}

TEST_CASE("a close under the ratchet ends a v02 session, and any other does not", "[unit][session][v02]") {
    two mesh;
    mesh.open(*mesh.a);
    REQUIRE(mesh.give(*mesh.a, {mesh.b->name(), R"({"type":"close","session_id":"x"})", kind::close, {}}));
    CHECK(mesh.b->agent->is_open(mesh.a->name()));
    REQUIRE(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out));
    CHECK_FALSE(mesh.a->agent->is_open(mesh.b->name()));
    mesh.settle();
    CHECK_FALSE(mesh.b->agent->is_open(mesh.a->name()));
    CHECK(mesh.b->out.closings == std::vector<error>{{errc::session_closed, {}}});
}
