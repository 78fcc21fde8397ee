#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

using namespace relay_test;

namespace {

tree ack(const std::string& from, const std::string& id) {
    return {{"type", "ack"}, {"from", amid_of(from)}, {"id", id}};
}
/// Ids of all `receive` frames that wait.
std::vector<std::string> ids(relay_fixture& relay, connection_id at) {
    std::vector<std::string> out;
    for (const auto& frame : relay.all(at)) out.push_back(frame.value("id", "(none)"));
    return out;
}

}  // namespace

TEST_CASE("each send with an id is answered with accepted, never as durable by a store in memory",
          "[unit][relay][AM-RLY-040][AM-RLY-041]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    const auto bob = relay.login("bob", {"receipts"});
    const tree expected{{"type", "accepted"}, {"id", "m-1"}, {"to", amid_of("bob")}, {"durable", false}};
    relay.say(alice, send_with_id("bob", "x", "m-1"));
    CHECK(relay.next(alice) == expected);
    CHECK(relay.next(bob)["id"] == "m-1");
    relay.say(alice, send_with_id("carol", "x", "m-2"));
    CHECK(relay.next(alice)["id"] == "m-2");
}

TEST_CASE("a send without an id is not answered", "[unit][relay][AM-RLY-040]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    relay.say(alice, send_to("bob", "x"));
    CHECK(relay.all(alice).empty());
}

TEST_CASE("a recipient with receipts gets an id with every message, one made by the relay if need be",
          "[unit][relay][AM-RLY-044]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    const auto bob = relay.login("bob", {"receipts"});
    relay.say(alice, send_to("bob", "live"));
    relay.say(alice, send_to("bob", "live"));
    const auto made = ids(relay, bob);
    REQUIRE(made.size() == 2);
    CHECK(made[0][0] == '~');
    CHECK(wire::is_received_id(made[0]));
    CHECK(made[0] != made[1]);
    relay.drop(bob);
    CHECK(ids(relay, relay.login("bob", {"receipts"})) == made);
}

TEST_CASE("a client without receipts sees no trace of them", "[unit][relay][AM-AUT-041]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    const auto bob = relay.login("bob");
    relay.say(alice, send_with_id("bob", "x", "1"));
    relay.say(alice, send_with_id("carol", "x", "2"));
    CHECK_FALSE(relay.next(bob).contains("id"));
    CHECK_FALSE(relay.next(relay.login("carol")).contains("id"));
    auto frame = send_to("alice", "x");
    frame["id"] = 7;  // an unknown member of whatever type
    relay.say(bob, frame);
    CHECK(relay.all(bob).empty());
    relay.say(bob, ack("alice", "1"));
    CHECK(relay.next_error(bob) == "INVALID_MESSAGE");
}

TEST_CASE("an id has 1 to 64 characters of its alphabet", "[unit][relay][AM-RLY-040]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    const std::string longest(64, 'x');
    for (const std::string& good : {std::string{"a"}, longest, std::string{"A.z_0:-"}}) {
        relay.say(alice, send_with_id("alice", "x", good));
        CHECK(relay.next(alice)["id"] == good);
        (void)relay.next(alice);
    }
    for (const std::string& bad : {std::string{}, longest + "x", std::string{"~1"}, std::string{"a b"}, std::string{"\xC3\xA9"}}) {
        relay.say(alice, send_with_id("alice", "x", bad));
        const auto error = relay.next(alice);
        CHECK(error["code"] == "INVALID_MESSAGE");
        CHECK_FALSE(error.contains("id"));
    }
}

TEST_CASE("one id sent twice is accepted twice and delivered once", "[unit][relay][AM-RLY-042]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    const auto bob = relay.login("bob", {"receipts"});
    for (int i = 0; i < 2; ++i) {
        relay.say(alice, send_with_id("bob", "x", "1"));
        CHECK(relay.next(alice)["type"] == "accepted");
    }
    CHECK(ids(relay, bob) == std::vector<std::string>{"1"});
    relay.say(bob, ack("alice", "1"));
    relay.advance(71h, true);
    relay.say(alice, send_with_id("bob", "x", "1"));  // confirmed and gone from the store, still known
    CHECK(relay.next(alice)["type"] == "accepted");
    CHECK(relay.all(bob).empty());
    CHECK(relay.server().count().duplicates == 2);
    relay.advance(1h + 1s, true);
    relay.say(alice, send_with_id("bob", "x", "1"));
    CHECK(ids(relay, bob) == std::vector<std::string>{"1"});
}

TEST_CASE("one id of two senders, and for two recipients, is different messages", "[unit][relay][AM-RLY-043]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"}), carol = relay.login("carol", {"receipts"});
    const auto bob = relay.login("bob", {"receipts"}), dave = relay.login("dave", {"receipts"});
    relay.say(alice, send_with_id("bob", "a", "1"));
    relay.say(carol, send_with_id("bob", "c", "1"));
    relay.say(alice, send_with_id("dave", "d", "1"));
    CHECK(relay.payloads(bob) == std::vector<std::string>{"a", "c"});
    CHECK(relay.payloads(dave) == std::vector<std::string>{"d"});
    relay.say(bob, ack("alice", "1"));
    relay.drop(bob);
    CHECK(relay.payloads(relay.login("bob", {"receipts"})) == std::vector<std::string>{"c"});
}

TEST_CASE("a message without an ack comes again at the next login, in order and with its id",
          "[unit][relay][AM-RLY-044][AM-RLY-045]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    auto bob = relay.login("bob", {"receipts"});
    for (const std::string id : {"1", "2", "3"}) relay.say(alice, send_with_id("bob", "p" + id, id));
    CHECK(ids(relay, bob) == std::vector<std::string>{"1", "2", "3"});
    relay.pong(bob);  // says only that the connection is alive
    relay.say(bob, ack("alice", "2"));
    CHECK(relay.all(bob).empty());
    relay.drop(bob);
    bob = relay.login("bob", {"receipts"});
    CHECK(ids(relay, bob) == std::vector<std::string>{"1", "3"});
    relay.say(bob, ack("alice", "1"));
    relay.say(bob, ack("alice", "3"));
    relay.drop(bob);
    CHECK(ids(relay, relay.login("bob", {"receipts"})).empty());
}

TEST_CASE("an ack of one agent removes nothing stored for another", "[unit][relay][AM-RLY-046]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"}), mallory = relay.login("mallory", {"receipts"});
    relay.say(alice, send_with_id("bob", "x", "1"));
    relay.say(mallory, ack("alice", "1"));
    relay.say(alice, ack("alice", "1"));
    CHECK(relay.all(mallory).empty());
    CHECK(ids(relay, relay.login("bob", {"receipts"})) == std::vector<std::string>{"1"});
}

TEST_CASE("an ack of something unknown is ignored, one without a proper name is refused", "[unit][relay][AM-RLY-046]") {
    relay_fixture relay;
    const auto bob = relay.login("bob", {"receipts"});
    relay.say(bob, ack("alice", "never"));
    CHECK(relay.all(bob).empty());
    relay.say(bob, tree{{"type", "ack"}, {"from", "nobody"}, {"id", "1"}});
    CHECK(relay.next_error(bob) == "INVALID_MESSAGE");
}

TEST_CASE("a full store answers MAILBOX_FULL with the id to a sender with receipts", "[unit][relay][AM-RLY-047]") {
    relay_fixture relay{{.mailbox = {.per_pair = 1}}};
    const auto alice = relay.login("alice", {"receipts"});
    relay.say(alice, send_with_id("bob", "x", "1"));
    relay.say(alice, send_with_id("bob", "y", "2"));
    CHECK(relay.next(alice)["type"] == "accepted");
    const auto refused = relay.next(alice);
    CHECK(refused["code"] == "MAILBOX_FULL");
    CHECK(refused["id"] == "2");
    const auto bob = relay.login("bob", {"receipts"});
    CHECK(ids(relay, bob) == std::vector<std::string>{"1"});
    relay.say(bob, ack("alice", "1"));
    relay.say(alice, send_with_id("bob", "y", "2"));  // what was refused is not taken for a duplicate
    CHECK(relay.next(alice)["type"] == "accepted");
    CHECK(ids(relay, bob) == std::vector<std::string>{"2"});
}

TEST_CASE("whatever refuses a send with an id carries the id", "[unit][relay][AM-RLY-040]") {
    relay_fixture relay{{.sends_per_minute = 4, .payload_bytes = 10}};
    const auto alice = relay.login("alice", {"receipts"});
    const auto bob = relay.login("bob");
    relay.say(bob, tree{{"type", "presence"}, {"status", "dnd"}});
    std::map<std::string, tree> frames;
    frames["MESSAGE_TOO_LARGE"] = send_with_id("bob", "more than ten", "1");
    frames["UNKNOWN_RECIPIENT"] = send_with_id("bob", "x", "1");
    frames["UNKNOWN_RECIPIENT"]["to"] = "nobody";
    frames["RECIPIENT_OFFLINE"] = send_with_id("bob", "x", "1");
    frames["RECIPIENT_OFFLINE"]["message_type"] = "knock";
    frames["INVALID_MESSAGE"] = send_with_id("bob", "x", "1");
    frames["INVALID_MESSAGE"].erase("message_type");
    for (const auto& [code, frame] : frames) {
        relay.say(alice, frame);
        const auto error = relay.next(alice);
        CHECK(error["code"] == code);
        CHECK(error["id"] == "1");
    }
    for (int i = 0; i < 5; ++i) relay.say(alice, send_with_id("bob", "x", "1"));
    tree last;
    for (const auto& frame : relay.all(alice)) last = frame;
    CHECK(last["code"] == "RATE_LIMITED");
    CHECK(last["id"] == "1");
}

TEST_CASE("a live message with a receipt to a half-open peer is not lost", "[unit][relay][AM-RLY-044]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    const auto bob = relay.login("bob");
    relay.pong(bob);
    relay.say(alice, send_with_id("bob", "x", "1"));
    CHECK(relay.next(alice)["type"] == "accepted");
    relay.advance(10s);
    CHECK(relay.is_closed(bob));  // it was pinged for the message, and did not answer
    CHECK(relay.payloads(relay.login("bob")) == std::vector<std::string>{"x"});
}

TEST_CASE("a flood of one sender pushes out no id of another", "[unit][relay][AM-RLY-042][AM-RLY-012]") {
    relay_fixture relay{{.sends_per_minute = 0, .receipt_memory = 4}};
    const auto alice = relay.login("alice", {"receipts"}), mallory = relay.login("mallory", {"receipts"});
    const auto bob = relay.login("bob", {"receipts"});
    const auto deliver = [&](connection_id by, const std::string& name, const std::string& id) {
        relay.say(by, send_with_id("bob", "x", id));
        const auto delivered = ids(relay, bob);
        relay.say(bob, ack(name, id));
        return delivered.size();
    };
    CHECK(deliver(alice, "alice", "1") == 1);
    CHECK(deliver(alice, "alice", "2") == 1);
    for (int i = 0; i < 50; ++i) CHECK(deliver(mallory, "mallory", "m" + std::to_string(i)) == 1);
    CHECK(deliver(alice, "alice", "1") == 0);
    CHECK(deliver(alice, "alice", "2") == 0);
    CHECK(deliver(mallory, "mallory", "m49") == 0);
    CHECK(deliver(mallory, "mallory", "m0") == 1);  // who floods forgets its own
}

TEST_CASE("the memory of ids takes its room from the sender who has most", "[unit][relay][AM-RLY-042]") {
    relay::receipt_memory memory{6, 1h};
    moment now;
    const auto name = [](const std::string& of) { return *amid::parse(amid_of(of)); };
    const amid a = name("alice"), b = name("bob"), c = name("carol"), to = name("dave");
    const auto known = [&](const amid& from, int first, int last) {
        std::string out;
        for (int i = first; i <= last; ++i) out += memory.contains(from, to, std::to_string(i), now) ? '1' : '0';
        return out;
    };
    const auto remember = [&](const amid& from, int first, int last) {
        for (int i = first; i <= last; ++i) memory.remember(from, to, std::to_string(i), now);
    };
    remember(a, 1, 6);
    remember(b, 1, 2);
    CHECK(known(a, 1, 6) == "001111");
    CHECK(known(b, 1, 2) == "11");
    now = now + 30min;
    remember(c, 1, 9);
    CHECK(known(a, 3, 6) == "0011");
    CHECK(known(b, 1, 2) == "11");
    CHECK(known(c, 1, 9) == "000000011");
    CHECK(memory.size() == 6);
    now = now + 30min + duration{1};
    CHECK(known(a, 1, 6) + known(b, 1, 2) == "00000000");
    CHECK(known(c, 8, 9) == "11");
    CHECK(memory.size() == 2);
    remember(c, 9, 9);  // known already
    CHECK(memory.size() == 2);
    now = now + 1h;
    memory.expire(now);
    CHECK(memory.size() == 0);
    remember(a, 1, 7);
    CHECK(known(a, 1, 7) == "0111111");
}

TEST_CASE("confirmed ids are forgotten only when others need the room", "[unit][relay][AM-RLY-042]") {
    relay_fixture relay{{.receipt_memory = 2}};
    const auto alice = relay.login("alice", {"receipts"});
    const auto bob = relay.login("bob", {"receipts"});
    for (const std::string id : {"1", "2", "3"}) {
        relay.say(alice, send_with_id("bob", "x", id));
        if (id != "1") relay.say(bob, ack("alice", id));
    }
    (void)relay.all(bob);
    relay.say(alice, send_with_id("bob", "x", "1"));  // forgotten, but still in the store
    relay.say(alice, send_with_id("bob", "x", "3"));
    CHECK(ids(relay, bob).empty());
}
