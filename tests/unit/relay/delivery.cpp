#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

using namespace relay_test;
using payload_list = std::vector<std::string>;

// --- live -------------------------------------------------------------------------------------------------

TEST_CASE("a message to a connected agent arrives as it was given",
          "[unit][relay][AM-RLY-001][AM-RLY-002][AM-RLY-003][AM-RLY-008]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    auto frame = send_to("bob", "h\xC3\xA9llo \"quoted\"\n");
    frame["from"] = amid_of("carol");
    relay.say(alice, frame);
    const tree expected{{"type", "receive"},
                        {"from", amid_of("alice")},
                        {"encrypted_payload", "h\xC3\xA9llo \"quoted\"\n"},
                        {"message_type", "message"},
                        {"timestamp", "2026-03-01T12:00:01Z"}};
    CHECK(relay.next(bob) == expected);
    CHECK(relay.all(bob).empty());
    CHECK(relay.all(alice).empty());
}

TEST_CASE("each of the seven message types is passed on", "[unit][relay][AM-RLY-004]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    for (const std::string type : {"knock", "accept", "reject", "message", "close", "status", "optimistic_message"}) {
        relay.say(alice, send_to("bob", "x", type));
        CHECK(relay.next(bob)["message_type"] == type);
    }
}

TEST_CASE("nobody but the addressee hears a message", "[unit][relay][AM-RLY-005]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob"), carol = relay.login("carol");
    relay.say(alice, send_to("bob", "for bob"));
    relay.say(alice, send_to("dave", "for dave"));
    CHECK(relay.payloads(bob) == payload_list{"for bob"});
    CHECK(relay.all(carol).empty());
    CHECK(relay.payloads(relay.login("dave")) == payload_list{"for dave"});
}

TEST_CASE("an agent may write to itself", "[unit][relay][AM-RLY-001]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say(alice, send_to("alice", "note"));
    CHECK(relay.payloads(alice) == payload_list{"note"});
}

TEST_CASE("messages of one sender arrive in order, across the absence of the recipient",
          "[unit][relay][AM-RLY-007][AM-RLY-022]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say(alice, send_to("bob", "1"));
    relay.say(alice, send_to("bob", "2"));
    const auto bob = relay.open();
    relay.at(bob).room = 2;  // `connected` and one message
    relay.say(bob, relay.fresh_connect("bob"));
    relay.say(alice, send_to("bob", "3"));
    const auto first = relay.drain(bob);
    REQUIRE(first.size() == 2);
    CHECK(first[0]["pending_messages"] == 2);
    CHECK(first[1]["encrypted_payload"] == "1");
    relay.say(alice, send_to("bob", "4"));
    payload_list rest;
    for (auto frames = relay.drain(bob); !frames.empty(); frames = relay.drain(bob))
        for (const auto& frame : frames) rest.push_back(frame["encrypted_payload"]);
    CHECK(rest == payload_list{"2", "3", "4"});
}

TEST_CASE("ICE candidates of a message arrive with it, live and stored", "[unit][relay][AM-RLY-009][AM-RLY-029]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    auto frame = send_to("bob", "x", "knock");
    frame["ice_candidates"] = {{{"candidate", "udp 1"}, {"sdp_mid", "0"}, {"sdp_mline_index", 0}}};
    relay.say(alice, frame);
    CHECK(relay.next(bob)["ice_candidates"] == frame["ice_candidates"]);
    frame["to"] = amid_of("carol");
    relay.say(alice, frame);
    CHECK(relay.next(relay.login("carol"))["ice_candidates"] == frame["ice_candidates"]);
}

TEST_CASE("a recipient that is no AMID is refused and the link kept", "[unit][relay][AM-RLY-010][AM-RLY-011]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    for (const std::string to : {"", "nobody", "0OIl00000000000000000000000", "11111111111111111111111111111",
                                 "zzzzzzzzzzzzzzzzzzzzzzzzzzzz", "did:agentmesh:x"}) {
        CAPTURE(to);
        auto frame = send_to("bob", "x");
        frame["to"] = to;
        relay.say(alice, frame);
        CHECK(relay.next_error(alice) == "UNKNOWN_RECIPIENT");
    }
    relay.say(alice, send_to("alice", "still here"));
    CHECK(relay.payloads(alice) == payload_list{"still here"});
}

TEST_CASE("a name with JSON escapes is the name", "[unit][relay][AM-RLY-001]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    auto text = send_to("bob", "x").dump();
    const std::string name = amid_of("bob");
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(name[0]));
    text.replace(text.find(name), 1, escaped);
    relay.say(alice, text);
    CHECK(relay.payloads(bob) == payload_list{"x"});
}

TEST_CASE("broken frames of one agent do not disturb another's", "[unit][relay][AM-RLY-012][AM-ERR-010]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), mallory = relay.login("mallory"), bob = relay.login("bob");
    for (const std::string broken : {"{", "[]", "null", "{\"type\":7}", "{\"type\":\"send\"}", ""}) {
        relay.say(mallory, broken);
        relay.say(alice, send_to("bob", "x"));
        CHECK(relay.next_error(mallory) == "INVALID_MESSAGE");
        CHECK(relay.payloads(bob) == payload_list{"x"});
    }
    CHECK_FALSE(relay.is_closed(mallory));
}

// --- store and forward ----------------------------------------------------------------------------------------

TEST_CASE("what was sent to an absent agent follows its connected", "[unit][relay][AM-RLY-020][AM-RLY-021][AM-AUT-027]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say(alice, send_to("bob", "1"));
    relay.say(alice, send_to("bob", "2"));
    const auto bob = relay.open();
    relay.say(bob, relay.fresh_connect("bob"));
    const auto frames = relay.all(bob);
    REQUIRE(frames.size() == 3);
    CHECK(frames[0]["type"] == "connected");
    CHECK(frames[0]["pending_messages"] == 2);
    CHECK(frames[1]["encrypted_payload"] == "1");
    CHECK(frames[2]["encrypted_payload"] == "2");
}

TEST_CASE("a stored message tells when it was taken", "[unit][relay][AM-RLY-023]") {
    relay_fixture relay;
    relay.say(relay.login("alice"), send_to("bob", "x"));
    relay.advance(1h);
    CHECK(relay.next(relay.login("bob"))["timestamp"] == "2026-03-01T12:00:01Z");
}

TEST_CASE("messages to an agent whose connection has ended are stored", "[unit][relay][AM-RLY-033]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.drop(relay.login("bob"));
    relay.say(alice, send_to("bob", "x"));
    CHECK(relay.payloads(relay.login("bob")) == payload_list{"x"});
}

TEST_CASE("a stored message comes again until a Ping sent after it was answered",
          "[unit][relay][AM-RLY-031][AM-RLY-032]") {
    relay_fixture relay;
    relay.say(relay.login("alice"), send_to("bob", "x"));
    for (int i = 0; i < 3; ++i) {
        const auto bob = relay.login("bob");
        CHECK(relay.payloads(bob) == payload_list{"x"});
        relay.drop(bob);
    }
    const auto bob = relay.login("bob");
    CHECK(relay.payloads(bob) == payload_list{"x"});
    CHECK(relay.pong(bob));
    CHECK(relay.payloads(bob).empty());
    relay.drop(bob);
    CHECK(relay.payloads(relay.login("bob")).empty());
    CHECK(relay.server().store().messages() == 0);
}

TEST_CASE("only the Pong that belongs to a Ping confirms anything", "[unit][relay][AM-RLY-031]") {
    relay_fixture relay;
    relay.say(relay.login("alice"), send_to("bob", "x"));
    const auto bob = relay.login("bob");
    REQUIRE(relay.at(bob).pings.size() == 1);
    auto other = relay.at(bob).pings.front();
    other.back() = static_cast<std::uint8_t>(other.back() + 1);
    relay.pong(bob, other);
    relay.pong(bob, {});
    relay.pong(bob, as_bytes("unsolicited"));
    CHECK(relay.server().store().messages() == 1);
    relay.pong(bob);
    CHECK(relay.server().store().messages() == 0);
}

TEST_CASE("a Pong confirms nothing that was delivered after its Ping", "[unit][relay][AM-RLY-031]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    const auto bob = relay.login("bob");  // pinged at once
    relay.say(alice, send_with_id("bob", "x", "1"));
    CHECK(relay.payloads(bob) == payload_list{"x"});
    relay.pong(bob);
    CHECK(relay.server().store().messages() == 1);
    CHECK(relay.at(bob).pings.size() == 1);  // asked again at once
    relay.pong(bob);
    CHECK(relay.server().store().messages() == 0);
    CHECK(relay.at(bob).pings.empty());
}

TEST_CASE("a full mailbox refuses the new message and keeps the stored ones",
          "[unit][relay][AM-RLY-024][AM-RLY-025][AM-RLY-027][AM-RLY-048]") {
    relay_fixture relay{{.mailbox = {.per_recipient = 3}}};
    const auto alice = relay.login("alice"), mallory = relay.login("mallory");
    for (const std::string text : {"1", "2", "3"}) relay.say(alice, send_to("bob", text));
    relay.say(mallory, send_to("bob", "flush"));
    CHECK(relay.next_error(mallory) == "RECIPIENT_OFFLINE");
    CHECK(relay.payloads(relay.login("bob")) == payload_list{"1", "2", "3"});
}

TEST_CASE("the caps of the store are 20, 100, 500 and 16 MiB", "[unit][relay][AM-RLY-026][AM-RLY-027][AM-RLY-028]") {
    const relay::mailbox_caps caps;
    CHECK(caps.per_pair == 20);
    CHECK(caps.per_recipient == 100);
    CHECK(caps.per_sender == 500);
    CHECK(caps.per_sender_bytes == 16u * 1024 * 1024);
    CHECK(caps.lifetime == 72h);
}

TEST_CASE("one sender can store twenty messages for one recipient, and its mail for others still goes",
          "[unit][relay][AM-RLY-026]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    for (int i = 0; i < 21; ++i) relay.say(alice, send_to("bob", std::to_string(i)));
    CHECK(relay.next_error(alice) == "RECIPIENT_OFFLINE");
    relay.say(alice, send_to("carol", "x"));
    CHECK(relay.all(alice).empty());
    CHECK(relay.payloads(relay.login("bob")).size() == 20);
    CHECK(relay.payloads(relay.login("carol")) == payload_list{"x"});
}

TEST_CASE("a stored message is delivered at 72 hours and not a microsecond later",
          "[unit][relay][AM-RLY-030][AM-RLY-078]") {
    relay_fixture relay;
    relay.say(relay.login("alice"), send_to("bob", "x"));
    relay.sleep(72h);
    SECTION("at the edge") { CHECK(relay.payloads(relay.login("bob")) == payload_list{"x"}); }
    SECTION("after it, with no sweep") {
        relay.sleep(duration{1});
        const auto bob = relay.open();
        relay.say(bob, relay.fresh_connect("bob"));
        CHECK(relay.next(bob)["pending_messages"] == 0);
        CHECK(relay.all(bob).empty());
    }
    SECTION("whatever the wall clock says") {
        relay.jump_wall(-72h);
        relay.sleep(duration{1});
        CHECK(relay.payloads(relay.login("bob")).empty());
    }
}

TEST_CASE("the wall clock does not age stored messages", "[unit][relay][AM-RLY-078]") {
    relay_fixture relay;
    relay.say(relay.login("alice"), send_to("bob", "x"));
    relay.jump_wall(1000h);
    CHECK(relay.payloads(relay.login("bob")) == payload_list{"x"});
}

// --- slow readers -----------------------------------------------------------------------------------------------

TEST_CASE("messages to a recipient that does not read are stored, then refused; others are not delayed",
          "[unit][relay][AM-RLY-075]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), slow = relay.login("slow"), bob = relay.login("bob");
    relay.at(slow).room = 2;
    for (int i = 0; i < 23; ++i) {
        relay.say(alice, send_to("slow", std::to_string(i)));
        relay.say(alice, send_to("bob", std::to_string(i)));
    }
    CHECK(relay.payloads(bob).size() == 23);
    CHECK(relay.next_error(alice) == "RECIPIENT_OFFLINE");  // 2 queued, 20 stored, the 23rd refused
    CHECK(relay.all(alice).empty());

    payload_list heard;
    for (auto frames = relay.drain(slow); !frames.empty(); frames = relay.drain(slow))
        for (const auto& frame : frames) heard.push_back(frame["encrypted_payload"]);
    REQUIRE(heard.size() == 22);
    for (int i = 0; i < 22; ++i) CHECK(heard[static_cast<std::size_t>(i)] == std::to_string(i));
    relay.say(alice, send_to("slow", "caught up"));
    CHECK(relay.payloads(slow) == payload_list{"caught up"});
}

TEST_CASE("who does not read the answers to its own frames is closed", "[unit][relay][AM-RLY-075]") {
    relay_fixture relay;
    const auto mallory = relay.login("mallory");
    relay.at(mallory).room = 3;
    for (int i = 0; i < 10; ++i) relay.say(mallory, tree{{"type", "ping"}, {"timestamp", relay.timestamp()}});
    CHECK(relay.close_code(mallory) == 1013);
    CHECK(relay.server().count().agents == 0);
}

TEST_CASE("a login whose mail does not fit the queue gets it in pieces", "[unit][relay][AM-RLY-020]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    for (int i = 0; i < 10; ++i) relay.say(alice, send_to("bob", std::to_string(i)));
    const auto bob = relay.open();
    relay.at(bob).room = 3;
    relay.say(bob, relay.fresh_connect("bob"));
    std::size_t frames = 0;
    for (auto batch = relay.drain(bob); !batch.empty(); batch = relay.drain(bob)) frames += batch.size();
    CHECK(frames == 11);
    relay.advance(1s, true);
    relay.answer_all_pings();
    CHECK(relay.server().store().messages() == 0);
}

TEST_CASE("a connection lost in the middle of its mail loses none of it", "[unit][relay][AM-RLY-031]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    for (int i = 0; i < 10; ++i) relay.say(alice, send_to("bob", std::to_string(i)));
    const auto bob = relay.open();
    relay.at(bob).room = 4;
    relay.say(bob, relay.fresh_connect("bob"));
    relay.drop(bob);
    CHECK(relay.payloads(relay.login("bob")).size() == 10);
}
