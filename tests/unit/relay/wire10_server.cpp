// The relay of profile wire10: login by proof, frames passed on as they came, kept until acknowledged.
#include "tests/support/catch.hpp"
#include "tests/support/relay_fixture.hpp"

#include <agentmesh/relay/both_profiles.hpp>

namespace {

using namespace relay_test;

signing_key_pair keys_of(std::uint8_t number) {
    std::array<std::uint8_t, 32> seed{};
    seed.fill(number);
    return signing_key_pair{*signing_seed::from(seed)};
}

std::string did_of(std::uint8_t number) { return std::string{mesh_did::of(keys_of(number).public_key()).text()}; }

/// A wire10 relay, its connections, and a clock.
struct wire10_fixture {
    explicit wire10_fixture(bool require_proof = true, relay::options chosen = {})
        : clock{*parse_time("2026-03-01T12:00:00Z")}, server{first(chosen), require_proof, clock.now()} {}

    connection_id open() {
        const connection_id id{next++};
        sink.connections[id] = {};
        server.on_opened(id, clock.now(), sink);
        return id;
    }
    void say(connection_id id, const std::string& text) { server.on_text(id, text, clock.now(), sink); }
    connection_id login(std::uint8_t number) {
        const auto id = open();
        // Two proofs of one moment would be the same proof.
        clock.advance(1ms);
        say(id, wire::write_wire10_connect(keys_of(number), clock.now().wall));
        REQUIRE_FALSE(closed(id));
        return id;
    }
    std::optional<tree> next_frame(connection_id id) {
        auto& texts = sink.connections.at(id).texts;
        if (texts.empty()) return std::nullopt;
        auto frame = tree::parse(texts.front());
        texts.pop_front();
        return frame;
    }
    std::optional<std::uint16_t> closed(connection_id id) { return sink.connections.at(id).close_code; }
    void end(connection_id id) { server.on_closed(id, clock.now(), sink); }
    void pong(connection_id id) { server.on_pong(id, {}, clock.now(), sink); }
    void wait(duration d) {
        clock.advance(d);
        server.on_tick(clock.now(), sink);
    }

    static relay::options first(relay::options chosen) {
        chosen.first_start = true;
        return chosen;
    }

    manual_clock clock;
    recording_sink sink;
    relay::wire10_server<> server;
    std::uint32_t next = 0;
};

std::string message(std::uint8_t from, std::uint8_t to, std::string_view id, std::string_view extra = "") {
    return R"({"v":1,"type":"message","from":")" + did_of(from) + R"(","to":")" + did_of(to) + R"(","id":")" +
           std::string{id} + R"(","ts":"2026-03-01T12:00:00Z","header":{"dh":"AAAA","pn":0,"n":0})" +
           R"(,"ciphertext":"eA==")" +
           std::string{extra} + "}";
}

}  // namespace

TEST_CASE("a DID of wire10 follows from the signing key", "[unit][identity][wire10]") {
    std::array<std::uint8_t, 32> seed{};
    for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(i);
    const signing_key_pair keys{*signing_seed::from(seed)};
    CHECK(mesh_did::of(keys.public_key()).text() == "did:mesh:56475aa75463474c0285df5dbf2bcab7");
    CHECK(mesh_did::parse("did:mesh:56475aa75463474c0285df5dbf2bcab7") == mesh_did::of(keys.public_key()));
    CHECK_FALSE(mesh_did::parse("did:mesh:56475AA75463474c0285df5dbf2bcab7"));
    CHECK_FALSE(mesh_did::parse("did:mesh:56475aa75463474c0285df5dbf2bcab"));
    CHECK_FALSE(mesh_did::parse("did:agentmesh:56475aa75463474c0285df5dbf2b"));
}

TEST_CASE("a wire10 message reaches its recipient as the bytes that were sent", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1), bob = relay.login(2);
    const auto text = message(1, 2, "m1", R"(,"odd":1e2,"name":"é")");
    relay.say(alice, text);
    REQUIRE(relay.sink.connections.at(bob).texts.size() == 1);
    CHECK(relay.sink.connections.at(bob).texts.front() == text);
    CHECK_FALSE(relay.next_frame(alice));
}

TEST_CASE("a wire10 frame without from is stamped, one with a foreign from is refused", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1), bob = relay.login(2);
    relay.say(alice, R"({"v":1,"type":"message","to":")" + did_of(2) + R"(","id":"a","ciphertext":""})");
    CHECK((*relay.next_frame(bob))["from"] == did_of(1));
    relay.say(alice, message(3, 2, "b"));
    const auto answer = relay.next_frame(alice);
    REQUIRE(answer);
    CHECK((*answer)["type"] == "error");
    CHECK((*answer)["id"] == "b");
    CHECK_FALSE(relay.next_frame(bob));
}

TEST_CASE("a wire10 message stays until its recipient acknowledges it", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1);
    auto bob = relay.login(2);
    relay.say(alice, message(1, 2, "m1"));
    relay.say(alice, message(1, 2, "m2"));
    CHECK((*relay.next_frame(bob))["id"] == "m1");
    relay.say(bob, wire::write_wire10_ack("m1"));
    relay.end(bob);  // m2 was written to a connection that is gone

    // An ack of somebody else takes nothing away.
    relay.say(alice, wire::write_wire10_ack("m2"));
    bob = relay.login(2);
    REQUIRE(relay.sink.connections.at(bob).texts.size() == 1);
    CHECK((*relay.next_frame(bob))["id"] == "m2");
    relay.say(bob, wire::write_wire10_ack("m2"));
    relay.end(bob);
    bob = relay.login(2);
    CHECK_FALSE(relay.next_frame(bob));
}

TEST_CASE("a wire10 KNOCK is delivered once, and again only if no Pong showed that it arrived",
          "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1);
    const std::string knock = R"({"v":1,"type":"knock","from":")" + did_of(1) + R"(","to":")" + did_of(2) +
                              R"(","id":"k1","intent":{"action":"x"},"establishment":{"ik":"a","ek":"b","otk":3}})";
    relay.say(alice, knock);
    auto bob = relay.login(2);
    CHECK((*relay.next_frame(bob))["id"] == "k1");
    relay.end(bob);
    bob = relay.login(2);
    CHECK((*relay.next_frame(bob))["id"] == "k1");
    relay.pong(bob);
    relay.end(bob);
    bob = relay.login(2);
    CHECK_FALSE(relay.next_frame(bob));
}

TEST_CASE("a wire10 id is known by sender and recipient, also after it was acknowledged", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1), bob = relay.login(2), carol = relay.login(3);
    relay.say(alice, message(1, 2, "same"));
    relay.say(alice, message(1, 3, "same"));
    relay.say(carol, message(3, 2, "same"));
    CHECK(relay.sink.connections.at(bob).texts.size() == 2);
    CHECK(relay.sink.connections.at(carol).texts.size() == 1);
    relay.say(bob, wire::write_wire10_ack("same"));
    relay.say(alice, message(1, 2, "same"));
    CHECK(relay.sink.connections.at(bob).texts.size() == 2);
}

TEST_CASE("what is wrong with a wire10 login has its own close code, and an error comes before it",
          "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto connect = [&](const std::string& text) {
        const auto id = relay.open();
        relay.say(id, text);
        const auto answer = relay.next_frame(id);
        REQUIRE(answer);
        CHECK((*answer)["type"] == "error");
        return relay.closed(id).value_or(0);
    };
    const auto good = wire::write_wire10_connect(keys_of(1), relay.clock.now().wall);
    auto changed = tree::parse(good);
    CHECK(connect("{") == 4001);
    CHECK(connect(R"({"type":"heartbeat"})") == 4001);
    CHECK(connect(R"({"type":"connect","v":1})") == 4002);
    CHECK(connect(R"({"type":"connect","v":1,"from":")" + did_of(1) + "\"}") == 4005);
    changed["from"] = did_of(2);
    CHECK(connect(changed.dump()) == 4005);
    changed = tree::parse(good);
    changed["timestamp"] = "2026-03-01T12:00:01Z";
    CHECK(connect(changed.dump()) == 4005);
    CHECK(connect(wire::write_wire10_connect(keys_of(1), relay.clock.now().wall - 301s)) == 4005);
    CHECK(connect(wire::write_wire10_connect(keys_of(1), relay.clock.now().wall + 301s)) == 4005);

    const auto id = relay.open();
    relay.say(id, good);
    CHECK_FALSE(relay.closed(id));
    CHECK(connect(good) == 4005);  // a proof is good once
}

TEST_CASE("a wire10 relay that asks for no proof still verifies one", "[unit][relay][wire10]") {
    wire10_fixture relay{false};
    const auto bare = relay.open();
    relay.say(bare, R"({"type":"connect","v":1,"from":")" + did_of(1) + "\"}");
    CHECK_FALSE(relay.closed(bare));
    auto forged = tree::parse(wire::write_wire10_connect(keys_of(2), relay.clock.now().wall));
    forged["from"] = did_of(1);
    const auto id = relay.open();
    relay.say(id, forged.dump());
    CHECK(relay.closed(id) == 4005);
    CHECK_FALSE(relay.closed(bare));
}

TEST_CASE("a second wire10 login replaces the first, whose end leaves the new one routable", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1), bob = relay.login(2), again = relay.login(2);
    CHECK(relay.closed(bob) == 4006);
    relay.end(bob);
    relay.say(alice, message(1, 2, "m"));
    CHECK((*relay.next_frame(again))["id"] == "m");
}

TEST_CASE("any sign of life keeps a wire10 connection, 90 seconds without one end it", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto id = relay.login(1);
    for (int i = 0; i < 20; ++i) {
        relay.wait(20s);
        relay.pong(id);
    }
    CHECK_FALSE(relay.closed(id));
    for (int i = 0; i < 89; ++i) relay.wait(1s);
    CHECK_FALSE(relay.closed(id));
    relay.wait(2s);
    CHECK(relay.closed(id) == 4004);

    const auto mute = relay.open();
    relay.wait(10s);
    CHECK(relay.closed(mute) == 4001);
}

TEST_CASE("every wire10 frame that is refused is answered, and the connection lives on", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1), bob = relay.login(2);
    const auto refused = [&](const std::string& text) {
        relay.say(alice, text);
        const auto answer = relay.next_frame(alice);
        return answer && (*answer)["type"] == "error" && !relay.closed(alice);
    };
    CHECK(refused("{"));
    CHECK(refused(R"([1])"));
    CHECK(refused(R"({"type":"message","type":"ack"})"));
    CHECK(refused(R"({"type":"nonsense","id":"x"})"));
    CHECK(refused(R"({"type":"connect"})"));
    CHECK(refused(R"({"type":"message","v":2,"to":"x","id":"y"})"));
    CHECK(refused(R"({"type":"message","to":")" + did_of(2) + "\"}"));
    CHECK(refused(R"({"type":"message","to":")" + did_of(2) + R"(","id":7})"));
    CHECK(refused(R"({"type":"message","to":"nobody","id":"y"})"));
    CHECK(refused(R"({"type":"message","to":")" + did_of(2) + R"(","id":"y","header":{"dh":"","pn":-1,"n":0}})"));
    CHECK(refused(R"({"type":"message","to":")" + did_of(2) + R"(","id":"y","ciphertext":")" +
                  std::string(65'537, 'A') + "\"}"));
    relay.say(alice, R"({"v":1,"type":"fetch_pending","from":"x"})");
    CHECK((*relay.next_frame(alice))["type"] == "pending_messages");
    CHECK_FALSE(relay.next_frame(bob));
    relay.say(alice, R"({"v":1,"type":"disconnect","from":"x"})");
    CHECK(relay.closed(alice) == 1000);
}

TEST_CASE("a full wire10 mailbox refuses the sender, and the limits outlive a reconnect", "[unit][relay][wire10]") {
    relay::options chosen;
    chosen.mailbox.per_pair = 3;
    chosen.sends_per_minute = 5;
    wire10_fixture relay{true, chosen};
    auto alice = relay.login(1);
    for (int i = 0; i < 3; ++i) relay.say(alice, message(1, 2, "m" + std::to_string(i)));
    CHECK_FALSE(relay.next_frame(alice));
    relay.say(alice, message(1, 2, "m3"));
    CHECK((*relay.next_frame(alice))["id"] == "m3");
    relay.end(alice);
    alice = relay.login(1);
    relay.say(alice, message(1, 3, "m4"));
    CHECK_FALSE(relay.next_frame(alice));
    relay.say(alice, message(1, 3, "m5"));
    CHECK((*relay.next_frame(alice))["detail"].get<std::string>().starts_with("rate limit"));
    relay.wait(61s);
    relay.say(alice, message(1, 3, "m6"));
    CHECK_FALSE(relay.next_frame(alice));
}

TEST_CASE("a slow wire10 reader gets the rest in order once it has read", "[unit][relay][wire10]") {
    wire10_fixture relay;
    const auto alice = relay.login(1), bob = relay.login(2);
    relay.sink.connections.at(bob).room = 2;
    for (int i = 0; i < 5; ++i) relay.say(alice, message(1, 2, "m" + std::to_string(i)));
    std::string seen;
    for (int i = 0; i < 5; ++i) {
        const auto frame = relay.next_frame(bob);
        REQUIRE(frame);
        seen += (*frame)["id"].get<std::string>();
        relay.server.on_drained(bob, relay.clock.now(), relay.sink);
    }
    CHECK(seen == "m0m1m2m3m4");
}

TEST_CASE("one port serves both profiles by path, and neither sees the other's agents", "[unit][relay][wire10]") {
    manual_clock clock{*parse_time("2026-03-01T12:00:00Z")};
    relay::options chosen;
    chosen.first_start = true;
    chosen.wire10 = relay::wire10_mode::proven;
    relay::both_profiles<> both{chosen, clock.now()};
    recording_sink sink;
    const auto open = [&](std::uint32_t number, std::string_view path) {
        const connection_id id{number};
        sink.connections[id] = {};
        both.on_opened(id, path, clock.now(), sink);
        return id;
    };
    const auto modern = open(0, "/ws"), classic = open(1, "/v1/connect");
    both.on_text(modern, wire::write_wire10_connect(keys_of(1), clock.now().wall), clock.now(), sink);
    CHECK_FALSE(sink.connections.at(modern).close_code);
    both.on_text(classic, wire::write_wire10_connect(keys_of(1), clock.now().wall), clock.now(), sink);
    CHECK(sink.connections.at(classic).close_code == 1008);
    CHECK(both.count().connections == 2);
    CHECK(both.count().agents == 1);
    both.on_stop(clock.now(), sink);
    CHECK(sink.connections.at(modern).close_code == 1001);
}
