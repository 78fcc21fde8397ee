#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

#include <set>

using namespace relay_test;

namespace {

/// How a relay answers a CONNECT: the type of its first frame, or the error's code.
std::string answer_to(relay_fixture& relay, const tree& frame) {
    const auto id = relay.open();
    relay.say(id, frame);
    const auto first = relay.next(id);
    if (first.value("type", "") != "error") return first.value("type", "nothing");
    CHECK(relay.is_closed(id));
    return first.value("code", "");
}

tree signed_at(relay_fixture& relay, duration from_now) { return connect_of("alice", relay.timestamp(from_now)); }

}  // namespace

TEST_CASE("a valid CONNECT as the first frame is answered with connected", "[unit][relay][AM-AUT-001]") {
    relay_fixture relay;
    const auto id = relay.open();
    relay.say(id, relay.fresh_connect("alice"));
    const auto connected = relay.next(id);
    CHECK(connected["type"] == "connected");
    CHECK(connected["pending_messages"] == 0);
    CHECK_FALSE(connected.contains("features"));
    CHECK(relay.next(id).is_null());
    CHECK_FALSE(relay.is_closed(id));
}

TEST_CASE("a relay says nothing before it is spoken to", "[unit][relay][AM-AUT-040]") {
    relay_fixture relay;
    const auto id = relay.open();
    relay.sleep(9s);
    relay.server().on_tick(relay.now(), relay.sink());
    CHECK(relay.at(id).texts.empty());
    CHECK(relay.at(id).pings.empty());
}

TEST_CASE("the proof is verified over the timestamp as it was sent", "[unit][relay][AM-AUT-002][AM-AUT-003]") {
    // The fixture's clock stands at 2026-03-01T12:00:01Z.
    for (const std::string text :
         {"2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.500Z", "2026-03-01T12:00:01+00:00",
          "2026-03-01T12:00:00.123000+00:00", "2026-03-01T12:00:00.123456789+00:00", "2026-03-01T13:30:00.25+01:30",
          "2026-03-01t12:00:00.75z"}) {
        relay_fixture relay;
        CAPTURE(text);
        CHECK(answer_to(relay, connect_of("alice", text)) == "connected");
    }
}

TEST_CASE("a timestamp rewritten after signing is refused though it is the same instant", "[unit][relay][AM-AUT-005]") {
    relay_fixture relay;
    auto frame = connect_of("alice", "2026-03-01T12:00:01Z");
    frame["timestamp"] = "2026-03-01T12:00:01+00:00";
    CHECK(answer_to(relay, frame) == "INVALID_SIGNATURE");
}

TEST_CASE("a timestamp with JSON escapes is verified over its value", "[unit][relay][AM-AUT-002]") {
    relay_fixture relay;
    auto text = connect_of("alice", "2026-03-01T12:00:01Z").dump();
    const auto at = text.find("01Z");
    text.replace(at, 3, "01\\u005a");
    const auto id = relay.open();
    relay.say(id, text);
    CHECK(relay.next(id)["type"] == "connected");
}

TEST_CASE("a public key may carry the prefix of its kind", "[unit][relay][AM-AUT-004]") {
    relay_fixture relay;
    auto frame = relay.fresh_connect("alice");
    frame["public_key"] = "ed25519:" + frame["public_key"].get<std::string>();
    CHECK(answer_to(relay, frame) == "connected");
}

TEST_CASE("every fault of a proof has the same code and the same text",
          "[unit][relay][AM-AUT-005][AM-AUT-006][AM-AUT-013][AM-AUT-014][AM-AUT-015][AM-AUT-022]") {
    relay_fixture relay;
    std::map<std::string, tree> frames;
    const auto broken = [&](const std::string& what) -> tree& { return frames[what] = relay.fresh_connect("alice"); };

    broken("another's signature")["signature"] = relay.fresh_connect("bob")["signature"];
    broken("another's amid")["amid"] = amid_of("bob");
    broken("no amid at all")["amid"] = "nobody";
    broken("another's key")["public_key"] = relay.fresh_connect("bob")["public_key"];
    auto& doubled = broken("doubled prefix");
    doubled["public_key"] = "ed25519:ed25519:" + doubled["public_key"].get<std::string>();
    auto& foreign = broken("foreign prefix");
    foreign["public_key"] = "x25519:" + foreign["public_key"].get<std::string>();
    auto& unpadded = broken("unpadded signature");
    unpadded["signature"] = unpadded["signature"].get<std::string>().substr(0, 86);
    auto& spaced = broken("white space in the key");
    spaced["public_key"] = spaced["public_key"].get<std::string>() + "\n";
    broken("no time")["timestamp"] = "yesterday";
    frames["stale"] = signed_at(relay, -301s);
    frames["from the future"] = signed_at(relay, 61s);
    frames["small order key"] = [&] {
        auto frame = relay.fresh_connect("alice");
        std::array<std::uint8_t, 32> identity_point{1};
        const signing_public_key key{identity_point};
        frame["public_key"] = identity::to_text(key);
        frame["amid"] = std::string{amid::of(key).text()};
        std::array<std::uint8_t, 64> zero{1};  // R is the identity, S is 0: holds for every message without strictness
        frame["signature"] = to_base64(zero, base64_form::standard_padded);
        return frame;
    }();

    std::set<std::string> answers;
    for (const auto& [what, frame] : frames) {
        CAPTURE(what);
        const auto id = relay.open();
        relay.say(id, frame);
        const auto answer = relay.next_text(id);
        CHECK(tree::parse(answer)["code"] == "INVALID_SIGNATURE");
        CHECK(relay.close_code(id) == 1008);
        answers.insert(answer);
    }
    const auto used = relay.fresh_connect("alice");
    CHECK(answer_to(relay, used) == "connected");
    const auto again = relay.open();
    relay.say(again, used);
    answers.insert(relay.next_text(again));
    CHECK(answers.size() == 1);
}

TEST_CASE("the window of a proof is 300 seconds back and 60 ahead, both edges inside",
          "[unit][relay][AM-AUT-007][AM-AUT-008][AM-AUT-009][AM-AUT-010]") {
    relay_fixture relay{{.first_start = true}};
    CHECK(answer_to(relay, signed_at(relay, -300s)) == "connected");
    CHECK(answer_to(relay, signed_at(relay, -300s - duration{1})) == "INVALID_SIGNATURE");
    CHECK(answer_to(relay, signed_at(relay, 60s)) == "connected");
    CHECK(answer_to(relay, signed_at(relay, 60s + duration{1})) == "INVALID_SIGNATURE");
    // Finer than the clock: the fixture's stands at 12:00:01.
    CHECK(answer_to(relay, connect_of("alice", "2026-03-01T12:01:01.000000000Z")) == "connected");
    CHECK(answer_to(relay, connect_of("alice", "2026-03-01T12:01:00.999999999Z")) == "connected");
    CHECK(answer_to(relay, connect_of("alice", "2026-03-01T12:01:01.000000001Z")) == "INVALID_SIGNATURE");
    CHECK(answer_to(relay, connect_of("alice", "2026-03-01T11:55:01.000000001Z")) == "connected");
    CHECK(answer_to(relay, connect_of("alice", "2026-03-01T11:55:00.999999999Z")) == "INVALID_SIGNATURE");
}

TEST_CASE("a proof older than the relay is refused unless this is its first start", "[unit][relay][AM-AUT-012]") {
    relay_fixture restarted;
    CHECK(answer_to(restarted, signed_at(restarted, -1s)) == "connected");  // made when the relay started
    CHECK(answer_to(restarted, signed_at(restarted, -1s - duration{1})) == "INVALID_SIGNATURE");
    relay_fixture first{{.first_start = true}};
    CHECK(answer_to(first, signed_at(first, -100s)) == "connected");
}

TEST_CASE("a proof is good once, as long as it would be fresh", "[unit][relay][AM-AUT-011]") {
    relay_fixture relay{{.first_start = true}};
    const auto frame = signed_at(relay, 60s);
    CHECK(answer_to(relay, frame) == "connected");
    CHECK(answer_to(relay, frame) == "INVALID_SIGNATURE");
    relay.advance(359s);
    CHECK(answer_to(relay, frame) == "INVALID_SIGNATURE");
    relay.advance(1s);  // the last moment at which it is fresh
    CHECK(answer_to(relay, frame) == "INVALID_SIGNATURE");
}

TEST_CASE("a proof that was forgotten is not good again when the wall clock is set back",
          "[unit][relay][AM-AUT-011][AM-RLY-078]") {
    relay_fixture relay;
    const auto frame = relay.fresh_connect("alice");
    CHECK(answer_to(relay, frame) == "connected");
    relay.advance(2h);
    CHECK(answer_to(relay, relay.fresh_connect("bob")) == "connected");  // forgets what is stale
    relay.jump_wall(-2h);
    CHECK(answer_to(relay, frame) == "INVALID_SIGNATURE");
}

TEST_CASE("a relay whose memory of proofs is full refuses to log in, and recovers", "[unit][relay][AM-AUT-011]") {
    relay_fixture relay{{.replay_memory = 2}};
    CHECK(answer_to(relay, relay.fresh_connect("alice")) == "connected");
    CHECK(answer_to(relay, relay.fresh_connect("bob")) == "connected");
    CHECK(answer_to(relay, relay.fresh_connect("carol")) == "INTERNAL_ERROR");
    relay.advance(301s, true);
    CHECK(answer_to(relay, relay.fresh_connect("carol")) == "connected");
}

TEST_CASE("a protocol that is not spoken is named as the reason", "[unit][relay][AM-AUT-016][AM-AUT-017][AM-AUT-018]") {
    relay_fixture relay;
    auto frame = relay.fresh_connect("alice");
    frame["protocol"] = "agentmesh/9.9";
    CHECK(answer_to(relay, frame) == "PROTOCOL_MISMATCH");
    frame["protocol"] = "agentmesh/0.1";
    CHECK(answer_to(relay, frame) == "PROTOCOL_MISMATCH");
    relay_fixture older{{.accept_01 = true}};
    auto old = older.fresh_connect("alice");
    old["protocol"] = "agentmesh/0.1";
    CHECK(answer_to(older, old) == "connected");
}

TEST_CASE("a first frame that is not CONNECT is answered, then the connection is closed",
          "[unit][relay][AM-AUT-019][AM-AUT-020][AM-AUT-021]") {
    relay_fixture relay;
    CHECK(answer_to(relay, send_to("bob", "hello")) == "INVALID_MESSAGE");
    CHECK(answer_to(relay, tree{{"type", "ping"}, {"timestamp", relay.timestamp()}}) == "INVALID_MESSAGE");
    CHECK(answer_to(relay, tree::array()) == "INVALID_MESSAGE");
    auto incomplete = relay.fresh_connect("alice");
    incomplete.erase("signature");
    CHECK(answer_to(relay, incomplete) == "INVALID_MESSAGE");

    const auto binary = relay.open();
    relay.say_binary(binary);
    CHECK(relay.next_error(binary) == "INVALID_MESSAGE");
    CHECK(relay.close_code(binary) == 1008);
}

TEST_CASE("nothing that precedes CONNECT has an effect", "[unit][relay][AM-AUT-029]") {
    relay_fixture relay;
    const auto bob = relay.login("bob");
    const auto stranger = relay.open();
    relay.say(stranger, send_to("bob", "hello"));
    relay.say(stranger, relay.fresh_connect("alice"));  // after the refusal: dropped
    CHECK(relay.all(bob).empty());
    CHECK(relay.all(stranger).size() == 1);
    CHECK(relay.server().count().agents == 1);
}

TEST_CASE("a WebSocket Ping before CONNECT does no harm", "[unit][relay][AM-AUT-023]") {
    relay_fixture relay;
    const auto id = relay.open();
    relay.ping(id);
    relay.say(id, relay.fresh_connect("alice"));
    CHECK(relay.next(id)["type"] == "connected");
}

TEST_CASE("a second CONNECT is answered with an error and ends the connection", "[unit][relay][AM-AUT-024]") {
    relay_fixture relay;
    const auto id = relay.login("alice");
    relay.say(id, relay.fresh_connect("alice"));
    CHECK(relay.next_error(id) == "INVALID_MESSAGE");
    CHECK(relay.close_code(id) == 1008);
    CHECK(relay.server().count().agents == 0);
}

TEST_CASE("a connection without CONNECT is told and closed after ten seconds", "[unit][relay][AM-AUT-025][AM-AUT-026]") {
    relay_fixture relay;
    const auto id = relay.open();
    relay.advance(10s - duration{1});
    CHECK_FALSE(relay.is_closed(id));
    relay.advance(duration{1});
    CHECK(relay.next_error(id) == "UNAUTHORIZED");
    CHECK(relay.close_code(id) == 1008);
}

TEST_CASE("a CONNECT that comes after ten seconds is too late even if no timer has fired",
          "[unit][relay][AM-AUT-025]") {
    relay_fixture relay;
    const auto id = relay.open();
    relay.sleep(10s);
    relay.say(id, relay.fresh_connect("alice"));
    CHECK(relay.next_error(id) == "UNAUTHORIZED");
    CHECK(relay.is_closed(id));
}

TEST_CASE("each login has a session id of its own, a version 4 UUID", "[unit][relay][AM-AUT-028]") {
    relay_fixture relay;
    std::set<std::string> seen;
    for (int i = 0; i < 20; ++i) {
        const auto id = relay.open();
        relay.say(id, relay.fresh_connect("alice"));
        const std::string session = relay.next(id)["session_id"];
        CAPTURE(session);
        REQUIRE(session.size() == 36);
        CHECK((session[8] == '-' && session[13] == '-' && session[18] == '-' && session[23] == '-'));
        CHECK(session[14] == '4');
        CHECK(std::string{"89ab"}.find(session[19]) != std::string::npos);
        CHECK(session.find_first_not_of("0123456789abcdef-") == std::string::npos);
        seen.insert(session);
    }
    CHECK(seen.size() == 20);
}

TEST_CASE("who is not admitted by the operator is told so once the proof holds", "[unit][relay][AM-ERR-011]") {
    relay_fixture relay{{.admits = [](const amid& name) { return name.text() == amid_of("alice"); }}};
    CHECK(answer_to(relay, relay.fresh_connect("alice")) == "connected");
    CHECK(answer_to(relay, relay.fresh_connect("bob")) == "UNAUTHORIZED");
    auto forged = relay.fresh_connect("bob");
    forged["signature"] = relay.fresh_connect("alice")["signature"];
    CHECK(answer_to(relay, forged) == "INVALID_SIGNATURE");
}

TEST_CASE("a relay without randomness refuses a login and changes nothing", "[unit][relay][AM-AUT-028]") {
    const moment start{{}, std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}};
    relay::server<relay::memory_mailbox, crypto::scripted_random> server{
        {}, start, relay::memory_mailbox{}, crypto::scripted_random{buffer{}}};
    recording_sink sink;
    sink.connections[connection_id{0}];
    server.on_opened(connection_id{0}, start, sink);
    server.on_text(connection_id{0}, connect_of("alice", format_time(start.wall)).dump(), start, sink);
    CHECK(tree::parse(sink.connections[connection_id{0}].texts.at(0))["code"] == "INTERNAL_ERROR");
    CHECK(sink.connections[connection_id{0}].close_code == 1011);
    CHECK(server.count().logins == 0);
}

// --- second login -----------------------------------------------------------------------------------------

TEST_CASE("a second login closes the first with 4006 and takes over the route", "[unit][relay][AM-AUT-030][AM-AUT-031]") {
    relay_fixture relay;
    const auto older = relay.login("bob"), alice = relay.login("alice");
    const auto newer = relay.login("bob");
    CHECK(relay.close_code(older) == 4006);
    CHECK(relay.at(older).close_reason == "session_replaced");
    relay.say(alice, send_to("bob", "hello"));
    CHECK(relay.payloads(newer) == std::vector<std::string>{"hello"});
    CHECK(relay.server().count().sessions_replaced == 1);
    CHECK(relay.server().count().agents == 2);
}

TEST_CASE("the end of the older connection does not disturb the newer", "[unit][relay][AM-AUT-032]") {
    relay_fixture relay;
    const auto older = relay.login("bob"), alice = relay.login("alice");
    const auto newer = relay.login("bob");
    relay.say(older, send_to("alice", "from the grave"));
    relay.drop(older);
    relay.say(alice, send_to("bob", "hello"));
    CHECK(relay.payloads(newer) == std::vector<std::string>{"hello"});
    CHECK(relay.all(alice).empty());
    relay.advance(10min, true);
    relay.say(alice, send_to("bob", "still there"));
    CHECK(relay.payloads(newer) == std::vector<std::string>{"still there"});
}

TEST_CASE("what the older connection did not confirm goes to the newer", "[unit][relay][AM-AUT-032][AM-RLY-031]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say(alice, send_to("bob", "stored"));
    const auto older = relay.login("bob");
    CHECK(relay.payloads(older) == std::vector<std::string>{"stored"});
    const auto newer = relay.login("bob");
    CHECK(relay.payloads(newer) == std::vector<std::string>{"stored"});
    relay.pong(newer);
    CHECK(relay.payloads(relay.login("bob")).empty());
}
