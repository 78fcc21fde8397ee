#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

using namespace relay_test;

namespace {

/// What an agent signs to answer a challenge; each member can be bent.
struct response {
    std::string name = "alice";
    std::string relay = "relay.test:1";
    std::string client_features = "challenge,receipts";
    std::string relay_features = "challenge,receipts";
    std::string timestamp;
    std::string nonce;

    [[nodiscard]] tree frame() const {
        wire::challenge_nonce raw;
        REQUIRE(decode_base64(nonce, base64_form::standard_padded, raw.storage()).has_value());
        const auto bytes = wire::challenge_proof_bytes({.nonce = raw, .relay = relay, .timestamp = timestamp,
                                                        .agent = keys_of(name).name(),
                                                        .client_features = client_features,
                                                        .relay_features = relay_features});
        const auto proof = keys_of(name).signing().sign(bytes);
        return {{"type", "challenge_response"},
                {"timestamp", timestamp},
                {"signature", to_base64(proof.bytes(), base64_form::standard_padded)}};
    }
};

/// Connects as alice with both features and returns what is needed to answer.
response challenged(relay_fixture& relay, connection_id id) {
    relay.say(id, relay.fresh_connect("alice", {"challenge", "receipts"}));
    const auto challenge = relay.next(id);
    REQUIRE(challenge["type"] == "challenge");
    return {.timestamp = relay.timestamp(), .nonce = challenge["nonce"]};
}

void refused(relay_fixture& relay, connection_id id) {
    CHECK(relay.next_error(id) == "INVALID_SIGNATURE");
    CHECK(relay.close_code(id) == 1008);
}

}  // namespace

TEST_CASE("a client that offers challenge is asked before it is connected", "[unit][relay][AM-AUT-043][AM-AUT-044]") {
    relay_fixture relay;
    const auto id = relay.open();
    relay.say(id, relay.fresh_connect("alice", {"challenge", "receipts", "time-travel"}));
    const auto challenge = relay.next(id);
    CHECK(challenge["relay"] == "relay.test:1");
    CHECK(challenge["features"] == tree{"challenge", "receipts"});
    CHECK(from_base64(challenge["nonce"].get<std::string>(), base64_form::standard_padded)->size() == 32);
    CHECK(relay.next(id).is_null());
    CHECK(relay.server().count().agents == 0);

    response answer{.timestamp = relay.timestamp(), .nonce = challenge["nonce"]};
    answer.client_features = "challenge,receipts,time-travel";
    relay.say(id, answer.frame());
    const auto connected = relay.next(id);
    CHECK(connected["type"] == "connected");
    CHECK(connected["features"] == tree{"challenge", "receipts"});
}

TEST_CASE("nonces differ", "[unit][relay][AM-AUT-043]") {
    relay_fixture relay;
    const auto first = relay.open(), second = relay.open();
    CHECK(challenged(relay, first).nonce != challenged(relay, second).nonce);
}

TEST_CASE("a response over anything but what was said is refused", "[unit][relay][AM-AUT-045][AM-AUT-046]") {
    relay_fixture relay;
    const auto id = relay.open();
    auto answer = challenged(relay, id);
    SECTION("another nonce") {
        const auto other = relay.open();
        answer.nonce = challenged(relay, other).nonce;
    }
    SECTION("another relay") { answer.relay = "evil.test:1"; }
    SECTION("fewer features of the client") { answer.client_features = "challenge"; }
    SECTION("other order of the client's features") { answer.client_features = "receipts,challenge"; }
    SECTION("fewer features of the relay") { answer.relay_features = "challenge"; }
    SECTION("another agent") { answer.name = "bob"; }
    SECTION("a stale time") { answer.timestamp = relay.timestamp(-301s); }
    SECTION("a future time") { answer.timestamp = relay.timestamp(61s); }
    relay.say(id, answer.frame());
    refused(relay, id);
}

TEST_CASE("a plain CONNECT signature is no answer to a challenge", "[unit][relay][AM-AUT-047]") {
    relay_fixture relay;
    const auto id = relay.open();
    (void)challenged(relay, id);
    const auto plain = relay.fresh_connect("alice");
    relay.say(id, tree{{"type", "challenge_response"}, {"timestamp", plain["timestamp"]}, {"signature", plain["signature"]}});
    refused(relay, id);
}

TEST_CASE("only the answer may follow a challenge", "[unit][relay][AM-AUT-029]") {
    relay_fixture relay;
    const auto bob = relay.login("bob");
    const auto id = relay.open();
    (void)challenged(relay, id);
    SECTION("not a send") { relay.say(id, send_to("bob", "hello")); }
    SECTION("not a second CONNECT") { relay.say(id, relay.fresh_connect("alice")); }
    CHECK(relay.next_error(id) == "INVALID_MESSAGE");
    CHECK(relay.is_closed(id));
    CHECK(relay.all(bob).empty());
}

TEST_CASE("who has answered a challenge may not go back to logging in without", "[unit][relay][AM-AUT-048]") {
    relay_fixture relay;
    const auto id = relay.open();
    const auto answer = challenged(relay, id);
    const auto before = relay.open();
    relay.say(before, relay.fresh_connect("alice"));  // an unanswered challenge binds nobody
    CHECK(relay.next(before)["type"] == "connected");
    relay.say(id, answer.frame());
    CHECK(relay.next(id)["type"] == "connected");
    relay.drop(id);
    relay.advance(1h);
    const auto after = relay.open();
    relay.say(after, relay.fresh_connect("alice", {"receipts"}));
    refused(relay, after);
}

TEST_CASE("a captured CONNECT with challenge is of no use without the challenge", "[unit][relay][AM-AUT-011]") {
    relay_fixture relay;
    const auto captured = relay.fresh_connect("alice", {"challenge"});
    const auto id = relay.open();
    relay.say(id, captured);
    CHECK(relay.next(id)["type"] == "challenge");
    auto stripped = captured;
    stripped.erase("features");
    const auto thief = relay.open();
    relay.say(thief, stripped);
    refused(relay, thief);
}

TEST_CASE("an answer that does not come in ten seconds ends the connection", "[unit][relay][AM-AUT-026]") {
    relay_fixture relay;
    const auto id = relay.open();
    relay.advance(9s);
    (void)challenged(relay, id);
    relay.advance(10s - duration{1});
    CHECK_FALSE(relay.is_closed(id));
    relay.advance(duration{1});
    CHECK(relay.next_error(id) == "UNAUTHORIZED");
    CHECK(relay.is_closed(id));
}

TEST_CASE("a relay offers challenge only to those it can remember", "[unit][relay][AM-AUT-048]") {
    relay_fixture relay{{.name = "relay.test:1", .challenge_memory = 1}};
    const auto id = relay.open();
    relay.say(id, challenged(relay, id).frame());
    CHECK(relay.next(id)["type"] == "connected");
    const auto bob = relay.open();
    relay.say(bob, relay.fresh_connect("bob", {"challenge", "receipts"}));
    CHECK(relay.next(bob)["features"] == tree{"receipts"});
    const auto alice = relay.open();
    (void)challenged(relay, alice);
}

TEST_CASE("features that were not offered leave no trace", "[unit][relay][AM-AUT-041][AM-AUT-042]") {
    relay_fixture relay;
    const auto plain = relay.open();
    relay.say(plain, relay.fresh_connect("bob"));
    CHECK_FALSE(relay.next(plain).contains("features"));
    const auto unknown = relay.open();
    relay.say(unknown, relay.fresh_connect("carol", {"time-travel"}));
    CHECK(relay.next(unknown)["features"] == tree::array());

    relay_fixture without{{.receipts = false, .challenge = false}};
    const auto id = without.open();
    without.say(id, without.fresh_connect("alice", {"challenge", "receipts"}));
    CHECK(without.next(id)["features"] == tree::array());
}

TEST_CASE("a malformed list of features is refused", "[unit][relay][AM-ERR-004]") {
    relay_fixture relay;
    for (const tree& features :
         {tree{"Receipts"}, tree{""}, tree{std::string(33, 'a')}, tree(std::vector<std::string>(17, "a")), tree{1},
          tree("receipts"), tree(nullptr)}) {
        CAPTURE(features);
        auto frame = relay.fresh_connect("alice");
        frame["features"] = features;
        const auto id = relay.open();
        relay.say(id, frame);
        CHECK(relay.next_error(id) == "INVALID_MESSAGE");
    }
}
