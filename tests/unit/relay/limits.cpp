#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

using namespace relay_test;

namespace {

tree ping_frame(relay_fixture& relay) { return {{"type", "ping"}, {"timestamp", relay.timestamp()}}; }

/// Sends `count` copies of a frame and returns how many of them were answered with RATE_LIMITED.
int limited(relay_fixture& relay, connection_id id, const tree& frame, int count) {
    int refused = 0;
    for (int i = 0; i < count; ++i) {
        relay.say(id, frame);
        for (const auto& answer : relay.all(id)) refused += answer.value("code", "") == "RATE_LIMITED";
    }
    return refused;
}

}  // namespace

TEST_CASE("a payload of 65,536 bytes passes, one more is refused and the link kept",
          "[unit][relay][AM-LIM-001][AM-LIM-002][AM-LIM-003]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    relay.say(alice, send_to("bob", std::string(65'536, 'x')));
    CHECK(relay.next(bob)["encrypted_payload"].get<std::string>().size() == 65'536);
    relay.say(alice, send_to("bob", std::string(65'537, 'x')));
    CHECK(relay.next_error(alice) == "MESSAGE_TOO_LARGE");
    CHECK(relay.all(bob).empty());
    relay.say(alice, send_to("bob", "next"));
    CHECK(relay.payloads(bob) == std::vector<std::string>{"next"});
}

TEST_CASE("a payload is measured between its quotes as sent", "[unit][relay][AM-LIM-002]") {
    relay_fixture relay{{.payload_bytes = 11}};
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    auto text = send_to("bob", "@").dump();
    const auto at = text.find('@');
    relay.say(alice, std::string{text}.replace(at, 1, "\\u0041xxxxx"));   // 11 characters for six
    CHECK(relay.payloads(bob) == std::vector<std::string>{"Axxxxx"});
    relay.say(alice, std::string{text}.replace(at, 1, "\\u0041xxxxxx"));  // 12 for seven
    CHECK(relay.next_error(alice) == "MESSAGE_TOO_LARGE");
}

TEST_CASE("a hundred sends a minute pass, the next is refused and not delivered",
          "[unit][relay][AM-LIM-006][AM-LIM-007][AM-LIM-013]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    CHECK(limited(relay, alice, send_to("bob", "x"), 100) == 0);
    CHECK(limited(relay, alice, send_to("bob", "too many"), 3) == 3);
    CHECK(relay.payloads(bob) == std::vector<std::string>(100, "x"));
    CHECK(relay.server().count().rate_limited == 3);
}

TEST_CASE("a minute begins with the first counted frame", "[unit][relay][AM-LIM-006][AM-RLY-078]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.advance(30s, true);
    CHECK(limited(relay, alice, send_to("bob", "x"), 1) == 0);
    relay.advance(59s, true);
    // 19 more fit into the mailbox; those refused for want of room are counted all the same.
    CHECK(limited(relay, alice, send_to("bob", "x"), 100) == 1);
    relay.jump_wall(1h);
    CHECK(limited(relay, alice, send_to("bob", "x"), 1) == 1);
    relay.advance(1s - duration{1}, true);
    CHECK(limited(relay, alice, send_to("bob", "x"), 1) == 1);
    relay.advance(duration{1}, true);
    CHECK(limited(relay, alice, send_to("bob", "x"), 100) == 0);
}

TEST_CASE("the wait is told in whole seconds from 1 to 60", "[unit][relay][AM-LIM-012]") {
    relay_fixture relay{{.sends_per_minute = 1}};
    const auto alice = relay.login("alice");
    const auto wait = [&] {
        relay.say(alice, send_to("bob", "x"));
        tree last;
        for (const auto& frame : relay.all(alice)) last = frame;
        return last.is_null() ? 0 : last["retry_after_seconds"].get<int>();
    };
    CHECK(wait() == 0);
    CHECK(wait() == 60);
    relay.advance(duration{1}, true);
    CHECK(wait() == 60);
    relay.advance(30s, true);
    CHECK(wait() == 30);
    relay.advance(29s + 999'998us, true);
    CHECK(wait() == 1);
    relay.advance(duration{1}, true);
    CHECK(wait() == 0);
}

TEST_CASE("thirty KNOCKs a minute pass, optimistic messages counted with them",
          "[unit][relay][AM-LIM-008][AM-LIM-009]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    CHECK(limited(relay, alice, send_to("bob", "x", "knock"), 20) == 0);
    CHECK(limited(relay, alice, send_to("bob", "x", "optimistic_message"), 11) == 1);
    CHECK(limited(relay, alice, send_to("bob", "x", "knock"), 1) == 1);
    CHECK(limited(relay, alice, send_to("bob", "x"), 100) == 0);  // KNOCKs do not count as sends
    CHECK(relay.all(bob).size() == 130);
}

TEST_CASE("counts outlive a connection, and a second one", "[unit][relay][AM-LIM-010]") {
    relay_fixture relay;
    auto alice = relay.login("alice");
    const auto bob = relay.login("bob");
    CHECK(limited(relay, alice, send_to("bob", "x"), 60) == 0);
    relay.drop(alice);
    alice = relay.login("alice");
    CHECK(limited(relay, alice, send_to("bob", "x"), 41) == 1);
    const auto newer = relay.login("alice");
    CHECK(limited(relay, newer, send_to("bob", "x"), 1) == 1);
    relay.drop(newer);
    relay.advance(59s, true);
    CHECK(limited(relay, relay.login("alice"), send_to("bob", "x"), 1) == 1);
    (void)relay.all(bob);
}

TEST_CASE("six hundred other frames a minute pass, whatever they are", "[unit][relay][AM-LIM-011]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    CHECK(limited(relay, alice, ping_frame(relay), 200) == 0);
    CHECK(limited(relay, alice, tree{{"type", "presence"}, {"status", "away"}}, 200) == 0);
    CHECK(limited(relay, alice, tree{{"type", "nonsense"}}, 100) == 0);
    CHECK(limited(relay, alice, tree{{"type", "ice_offer"}, {"to", amid_of("bob")}, {"sdp", ""}, {"candidates", tree::array()}}, 100) == 0);
    CHECK(limited(relay, alice, ping_frame(relay), 1) == 1);
    CHECK(limited(relay, alice, tree{{"type", "nonsense"}}, 1) == 1);
    relay.say_binary(alice);
    CHECK(relay.next_error(alice) == "RATE_LIMITED");
    CHECK(limited(relay, alice, send_to("alice", "x"), 1) == 0);  // a count of its own
}

TEST_CASE("acks are free", "[unit][relay][AM-LIM-014]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    CHECK(limited(relay, alice, tree{{"type", "ack"}, {"from", amid_of("bob")}, {"id", "1"}}, 2000) == 0);
    CHECK(limited(relay, alice, ping_frame(relay), 600) == 0);
}

TEST_CASE("WebSocket Pings faster than 600 a minute end the connection", "[unit][relay][AM-LIM-015]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), stranger = relay.open();
    for (const auto id : {alice, stranger}) {
        for (int i = 0; i < 600; ++i) relay.ping(id);
        CHECK_FALSE(relay.is_closed(id));
        relay.ping(id);
        CHECK(relay.close_code(id) == 1008);
    }
    const auto bob = relay.login("bob");
    for (int minute = 0; minute < 3; ++minute) {
        for (int i = 0; i < 600; ++i) relay.ping(bob);
        relay.advance(60s, true);
    }
    CHECK_FALSE(relay.is_closed(bob));
}

TEST_CASE("agents that are gone and quiet are forgotten", "[unit][relay][AM-LIM-010]") {
    relay_fixture relay;
    for (int i = 0; i < 50; ++i) relay.drop(relay.login("visitor" + std::to_string(i)));
    relay.advance(2min);
    CHECK_FALSE(relay.server().next_deadline().has_value());
}

TEST_CASE("a minute counter refuses what exceeds its limit and never outside its window", "[unit][relay][AM-LIM-012]") {
    relay::rate_counters counters;
    const steady_point start{5s};
    CHECK(counters.is_idle(start));
    CHECK(counters.take(relay::rate_kind::knocks, 1, start) == 0);
    CHECK_FALSE(counters.is_idle(start));
    CHECK(counters.take(relay::rate_kind::knocks, 1, start + 59s + 999'999us) == 1);
    CHECK(counters.take(relay::rate_kind::sends, 1, start) == 0);
    CHECK(counters.take(relay::rate_kind::knocks, 0, start) == 0);  // no limit
    CHECK(counters.is_idle(start + 60s));
    CHECK(counters.take(relay::rate_kind::knocks, 1, start + 60s) == 0);
}
