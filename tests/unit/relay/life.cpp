#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

using namespace relay_test;

TEST_CASE("a ping frame is answered with its own timestamp", "[unit][relay][AM-RLY-070]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    for (const std::string text : {"2026-03-01T12:00:00Z", "1999-12-31T23:59:59.123456789+05:30"}) {
        relay.say(alice, tree{{"type", "ping"}, {"timestamp", text}});
        CHECK(relay.next(alice) == tree{{"type", "pong"}, {"timestamp", text}});
    }
}

TEST_CASE("disconnect is answered with Close, and nothing after it is routed", "[unit][relay][AM-RLY-071][AM-RLY-072]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    relay.say(alice, tree{{"type", "disconnect"}, {"reason", "bye"}});
    CHECK(relay.close_code(alice) == 1000);
    relay.say(alice, send_to("bob", "after"));
    relay.say(bob, send_to("alice", "kept"));
    CHECK(relay.all(alice).empty());
    CHECK(relay.all(bob).empty());
    relay.drop(alice);
    CHECK(relay.payloads(relay.login("alice")) == std::vector<std::string>{"kept"});
}

TEST_CASE("an idle connection is pinged at once and at most 25 seconds apart", "[unit][relay][AM-RLY-073]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    REQUIRE(relay.at(alice).pings.size() == 1);
    for (int i = 0; i < 5; ++i) {
        relay.pong(alice);
        relay.advance(20s - duration{1});
        CHECK(relay.at(alice).pings.empty());
        relay.advance(duration{1});
        CHECK(relay.at(alice).pings.size() == 1);
    }
    CHECK_FALSE(relay.is_closed(alice));
}

TEST_CASE("who does not answer a Ping in ten seconds is closed and no longer routed to", "[unit][relay][AM-RLY-074]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    relay.pong(bob);
    relay.advance(10s - duration{1});
    CHECK_FALSE(relay.is_closed(alice));
    relay.advance(duration{1});
    CHECK(relay.close_code(alice) == 1008);
    relay.say(bob, send_to("alice", "kept"));
    relay.say(alice, send_to("bob", "too late"));
    CHECK(relay.all(bob).empty());
    relay.drop(alice);
    CHECK(relay.payloads(relay.login("alice")) == std::vector<std::string>{"kept"});
}

TEST_CASE("frames are no substitute for a Pong", "[unit][relay][AM-RLY-074]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    for (int i = 0; i < 10; ++i) {
        relay.advance(1s);
        relay.say(alice, tree{{"type", "ping"}, {"timestamp", relay.timestamp()}});
    }
    CHECK(relay.is_closed(alice));
}

TEST_CASE("a relay that stops says 1001 to everybody, newcomers included, and keeps the mail", "[unit][relay][AM-RLY-076]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), stranger = relay.open();
    relay.say(alice, send_to("bob", "kept"));
    relay.server().on_stop(relay.now(), relay.sink());
    CHECK(relay.close_code(alice) == 1001);
    CHECK(relay.close_code(stranger) == 1001);
    CHECK(relay.close_code(relay.open()) == 1001);
    relay.server().on_stop(relay.now(), relay.sink());
    CHECK(relay.server().store().messages() == 1);
    CHECK(relay.server().count().agents == 0);
}

TEST_CASE("events of connections that are closed or unknown change nothing", "[unit][relay][AM-WSK-043]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), older = relay.login("bob"), bob = relay.login("bob");
    (void)bob;
    const auto before = relay.sink().connections.size();
    for (const auto id : {older, connection_id{99}}) {
        relay.server().on_text(id, send_to("alice", "x").dump(), relay.now(), relay.sink());
        relay.server().on_binary(id, relay.now(), relay.sink());
        relay.server().on_ping(id, relay.now(), relay.sink());
        relay.server().on_pong(id, {}, relay.now(), relay.sink());
        relay.server().on_drained(id, relay.now(), relay.sink());
    }
    relay.server().on_closed(connection_id{99}, relay.now(), relay.sink());
    CHECK(relay.all(alice).empty());
    CHECK(relay.sink().connections.size() == before);
    CHECK(relay.server().count().connections == before);
}

TEST_CASE("deadlines are exact and none is left when nothing waits", "[unit][relay][AM-RLY-073]") {
    relay_fixture relay;
    CHECK_FALSE(relay.server().next_deadline().has_value());
    const auto start = relay.now().steady;
    const auto id = relay.open();
    CHECK(relay.server().next_deadline() == start + 10s);
    relay.say(id, relay.fresh_connect("alice"));
    CHECK(relay.server().next_deadline() == start + 10s);  // the Pong
    relay.pong(id);
    CHECK(relay.server().next_deadline() == start + 20s);  // the next Ping
    relay.drop(id);
    CHECK(relay.server().next_deadline() == start + 60s);  // its counters
    relay.advance(60s);
    CHECK_FALSE(relay.server().next_deadline().has_value());
}

TEST_CASE("connection numbers are used again without memory of their past", "[unit][relay][AM-RLY-005]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    relay.drop(alice);
    const auto bob = relay.open();
    REQUIRE(bob == alice);
    relay.say(bob, send_to("alice", "not yet"));
    CHECK(relay.next_error(bob) == "INVALID_MESSAGE");
    relay.drop(bob);
    const auto carol = relay.login("carol");
    REQUIRE(carol == alice);
    relay.say(carol, send_to("carol", "x"));
    CHECK_FALSE(relay.next(carol).contains("id"));
}
