// What relays say of who is there, and what becomes of it when they fall silent.
#include <agentmesh/registry/presence_notice.hpp>

#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

const agent& relay() {
    static const agent one{50};
    return one;
}

service_options named(std::string endpoint = {}) {
    return {.host = "registry.example",
            .relay_endpoint = "wss://relay.example/v1/connect",
            .relays = {{relay().signing.public_key(), std::move(endpoint)}}};
}

struct presence_world : world {
    agent alice{1}, bob{2};

    explicit presence_world(service_options options = named()) : world{std::move(options)} {
        enroll(alice, {{"capabilities", R"(["travel"])"}});
        enroll(bob, {{"relay_endpoint", R"("wss://other.example/")"}});
    }
    http::response tell(const agent& by, std::vector<presence_entry> entries) {
        return send(proven(by, posting("/v1/relay/presence", write_presence(by.who(), entries))));
    }
    http::response tell(const agent& of, availability status) { return tell(relay(), {{of.who(), status, now.wall}}); }
    std::string status(const agent& of) { return member(get("/v1/registry/lookup", "amid=" + of.name()), "status"); }
    std::string found(std::string status) {
        return member(get("/v1/registry/search", "capability=travel&status=" + status), "results");
    }
};

}  // namespace

TEST_CASE("a registry mirrors what its relay says", "[unit][registry][AM-REG-070][AM-REG-071]") {
    presence_world w;
    CHECK(w.status(w.alice) == R"("offline")");
    CHECK(w.tell(w.alice, availability::online).body == R"({"success":true,"updated":1})");
    CHECK(w.status(w.alice) == R"("online")");
    CHECK(member(w.get("/v1/health"), "agents_online") == "1");
    CHECK(w.found("online").find(w.alice.name()) != std::string::npos);
    w.now = w.now + 1s;
    CHECK(w.tell(w.alice, availability::dnd).status == 200);
    CHECK(w.status(w.alice) == R"("dnd")");
    w.now = w.now + 1s;
    CHECK(w.tell(w.alice, availability::offline).status == 200);
    CHECK(w.status(w.alice) == R"("offline")");
    CHECK(w.tell(agent{9}, availability::online).body == R"({"success":true,"updated":0})");
}

TEST_CASE("nobody but a relay that the operator named says who is there", "[unit][registry][AM-REG-070]") {
    presence_world w;
    const std::vector<presence_entry> entries{{w.alice.who(), availability::online, w.now.wall}};
    const auto body = write_presence(relay().who(), entries);
    check_refused(w.tell(w.bob, entries), 401, "invalid_signature", "AM-REG-070");
    check_refused(w.send(w.proven(w.bob, world::posting("/v1/relay/presence", body))), 401, "invalid_signature",
                  "AM-REG-009");
    check_refused(w.send(world::posting("/v1/relay/presence", body)), 401, "signature_required", "AM-REG-005");
    check_refused(
        w.post_dated("/v1/relay/presence", relay(), {{"relay", json_text(relay().name())}, {"entries", "[]"}}), 401,
        "proof_required", "AM-REG-070");
    const auto good = w.proven(relay(), world::posting("/v1/relay/presence", body));
    auto changed = good;
    changed.body = write_presence(relay().who(), {{{w.bob.who(), availability::online, w.now.wall}}});
    CHECK(w.send(changed).status == 401);
    CHECK(w.status(w.alice) == R"("offline")");
    CHECK(w.send(good).status == 200);
    CHECK(
        w.post_dated("/v1/registry/status", w.alice, {{"amid", json_text(w.alice.name())}, {"status", R"("offline")"}})
            .status == 200);
    check_refused(w.send(good), 401, "invalid_signature", "AM-REG-007");
    CHECK(w.status(w.alice) == R"("offline")");
}

TEST_CASE("a relay speaks for the agents that named it", "[unit][registry][AM-REG-071]") {
    presence_world w{named("wss://relay.example/v1/connect")};
    CHECK(w.tell(w.bob, availability::online).body == R"({"success":true,"updated":0})");
    CHECK(w.status(w.bob) == R"("offline")");
    CHECK(w.tell(w.alice, availability::online).body == R"({"success":true,"updated":1})");
    for (const std::string bad : {R"([{}])", R"([{"amid":"x","status":"online","last_seen":"2026-03-01T12:00:00Z"}])",
                                  R"({})", R"([1])", R"("x")"})
        CHECK(w.send(w.proven(relay(), world::posting("/v1/relay/presence", R"({"relay":)" + json_text(relay().name()) +
                                                                                R"(,"entries":)" + bad + "}")))
                  .status == 400);
    CHECK(w.tell(relay(), {{w.alice.who(), static_cast<availability>(3), w.now.wall}}).status == 200);
    std::vector<presence_entry> many(presence_batch, {w.alice.who(), availability::online, w.now.wall});
    CHECK(w.tell(relay(), many).status == 200);
    many.push_back(many[0]);
    check_refused(w.tell(relay(), many), 400, "too_large", "AM-REG-071");
}

TEST_CASE("ninety seconds of silence and an agent is offline", "[unit][registry][AM-REG-072]") {
    presence_world w;
    CHECK(w.tell(w.alice, availability::online).status == 200);
    w.now = w.now + 90s;
    CHECK(w.status(w.alice) == R"("online")");
    CHECK(w.tell(w.alice, availability::online).status == 200);
    w.now = w.now + 90s + 1us;
    CHECK(w.status(w.alice) == R"("offline")");
    CHECK(w.found("online") == "[]");
    CHECK(w.found("offline").find(w.alice.name()) != std::string::npos);  // written down by then
    CHECK(member(w.get("/v1/health"), "agents_online") == "0");
    CHECK(w.row(w.alice).status == availability::offline);
}

TEST_CASE("a registry that did not hear the relay itself tells no lies either", "[unit][registry][AM-REG-072]") {
    presence_world w;
    CHECK(w.tell(w.alice, availability::online).status == 200);
    w.now = w.now + 91s;
    service<memory_store, crypto::scripted_random> other{w.store, named(), w.random};
    const auto ask = [&](std::string path, std::string query) {
        return other.handle({.method = "GET",
                             .path = std::move(path),
                             .query = std::move(query),
                             .fields = {{"Host", "registry.example"}}},
                            {.address = "192.0.2.7"}, w.now);
    };
    CHECK(member(ask("/v1/registry/search", "capability=travel&status=online"), "results") == "[]");
    w.now = w.now + 6s;
    CHECK(member(ask("/v1/registry/search", "capability=travel&status=online"), "total") == "0");
    CHECK(w.row(w.alice).status == availability::offline);
}

TEST_CASE("what an agent says itself does not end with its relay's silence", "[unit][registry][AM-REG-072]") {
    presence_world w;
    CHECK(w.tell(w.alice, availability::online).status == 200);
    w.now = w.now + 1s;
    CHECK(w.post_dated("/v1/registry/status", w.alice, {{"amid", json_text(w.alice.name())}, {"status", R"("away")"}})
              .status == 200);
    w.now = w.now + 91s;
    CHECK(w.status(w.alice) == R"("away")");
    // A notice from before comes late.
    CHECK(w.tell(w.alice, availability::online).status == 200);
    auto late = w.now;
    w.now = w.now + 2s;
    CHECK(w.tell(w.alice, availability::dnd).status == 200);
    std::swap(late, w.now);
    const auto old = w.proven(
        relay(), world::posting("/v1/relay/presence",
                                write_presence(relay().who(), {{{w.alice.who(), availability::online, w.now.wall}}})));
    std::swap(late, w.now);
    CHECK(w.send(old).body == R"({"success":true,"updated":0})");
    CHECK(w.status(w.alice) == R"("dnd")");
}
