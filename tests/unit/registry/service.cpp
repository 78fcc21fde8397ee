#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

const agent& alice() {
    static const agent one{1};
    return one;
}
const agent& bob() {
    static const agent one{2};
    return one;
}

}  // namespace

TEST_CASE("an agent that registered is looked up with bare keys", "[unit][registry][AM-REG-010][AM-REG-012]") {
    world w;
    const auto out = w.post_dated("/v1/registry/register", alice(), [] {
        auto all = world::enrolment(alice());
        all.emplace_back("display_name", R"("Alice \u00e9")");
        all.emplace_back("capabilities", R"(["travel/hotels","travel/flights","travel/hotels"])");
        all.emplace_back("direct_endpoint", "null");
        all.emplace_back("verification_token", R"("no such token")");
        return all;
    }());
    CHECK(out.status == 201);
    CHECK(out.body == R"({"success":true,"amid":")" + alice().name() + R"(","tier":"anonymous"})");

    const auto found = w.get("/v1/registry/lookup", "amid=" + alice().name());
    CHECK(found.status == 200);
    CHECK(member(found, "signing_public_key") == json_text(identity::to_text(alice().signing.public_key())));
    CHECK(member(found, "exchange_public_key") == json_text(identity::to_text(alice().exchange.public_key())));
    CHECK(member(found, "capabilities") == R"(["travel/flights","travel/hotels"])");
    CHECK(member(found, "display_name") == "\"Alice \u00e9\"");
    CHECK(member(found, "organization") == "null");
    CHECK(member(found, "direct_endpoint") == "null");
    CHECK(member(found, "relay_endpoint") == R"("wss://relay.example/v1/connect")");
    CHECK(member(found, "status") == R"("offline")");
    CHECK(member(found, "reputation_score") == "0.5");
    CHECK(member(found, "reputation_status") == R"("unrated")");
    CHECK(member(found, "last_seen") == R"("2026-03-01T12:00:00.000001Z")");
    CHECK(member(found, "revoked") == "false");
    CHECK(member(found, "flags").empty());
    CHECK(member(found, "certificate").empty());

    CHECK(w.get("/health").body == R"({"status":"ok"})");
    CHECK(member(w.get("/v1/health"), "agents_registered") == "1");
    CHECK(w.get("/v1/registry/stats").body ==
          R"({"total_agents":1,"online_agents":0,"by_tier":{"anonymous":1,"verified":0,"organization":0},)"
          R"("by_status":{"online":0,"away":0,"offline":1,"dnd":0},"average_reputation":0.5})");
}

TEST_CASE("nobody registers under a name that is not of the key", "[unit][registry][AM-REG-003][AM-REG-004]") {
    world w;
    auto claimed = world::enrolment(bob());
    claimed[0].second = json_text(alice().name());
    check_refused(w.post_dated("/v1/registry/register", bob(), claimed), 400, "amid_mismatch", "AM-REG-003");
    check_refused(w.post_dated("/v1/registry/register", bob(), world::enrolment(alice())), 401, "invalid_signature",
                  "AM-REG-004");
    check_refused(w.post("/v1/registry/register", world::enrolment(alice())), 401, "signature_required", "AM-REG-005");
    auto doubled = world::enrolment(alice());
    doubled[1].second.insert(1, "ed25519:");
    check_refused(w.post_dated("/v1/registry/register", alice(), doubled), 400, "invalid_key", "AM-ID-005");
    const auto refused = w.post("/v1/registry/register", world::enrolment(alice()));
    CHECK(member(refused, "success") == "false");
    CHECK(member(refused, "amid") == json_text(alice().name()));
    CHECK(member(refused, "tier") == R"("anonymous")");
    check_refused(w.get("/v1/registry/lookup", "amid=" + alice().name()), 404, "not_found", "AM-REG-011");
}

TEST_CASE("what is signed is the time as it was sent, within its window", "[unit][registry][AM-REG-004][AM-REG-006]") {
    const auto status_of = [](std::string stated) {
        world w;
        auto all = world::enrolment(alice());
        all.emplace_back("timestamp", json_text(stated));
        all.emplace_back("signature", json_text(alice().sign(as_bytes(stated))));
        return w.post("/v1/registry/register", all).status;
    };
    CHECK(status_of("2026-03-01T12:00:00Z") == 201);
    CHECK(status_of("2026-03-01T13:00:00.123456789+01:00") == 201);
    CHECK(status_of("2026-03-01t12:00:00.0z") == 201);
    CHECK(status_of("2026-03-01T11:55:00Z") == 201);
    CHECK(status_of("2026-03-01T11:54:59.999999Z") == 401);
    CHECK(status_of("2026-03-01T12:01:00Z") == 201);
    CHECK(status_of("2026-03-01T12:01:00.0000001Z") == 401);
    CHECK(status_of("2026-03-01T12:00:00") == 401);
    CHECK(status_of("1772366400") == 401);
}

TEST_CASE("a known agent cannot be registered again", "[unit][registry][AM-REG-010]") {
    world w;
    w.enroll(alice());
    const auto before = w.row(alice());
    auto again = world::enrolment(alice());
    again[2].second = json_text(identity::to_text(bob().exchange.public_key()));
    check_refused(w.post_dated("/v1/registry/register", alice(), again), 409, "already_exists", "AM-REG-010");
    check_refused(w.post_proven("/v1/registry/register", alice(), again), 409, "already_exists", "AM-REG-010");
    CHECK(w.row(alice()) == before);
}

TEST_CASE("texts that a registry would show have bounds", "[unit][registry][AM-REG-013]") {
    const auto word_of = [](std::string name, std::string value) {
        world w;
        auto all = world::enrolment(alice());
        all.emplace_back(std::move(name), std::move(value));
        const auto out = w.post_dated("/v1/registry/register", alice(), all);
        return out.status == 201 ? "" : member(out, "error");
    };
    CHECK(word_of("display_name", json_text(std::string(128, 'x'))).empty());
    CHECK(word_of("display_name", json_text(std::string(129, 'x'))) == R"("too_large")");
    CHECK(word_of("display_name", R"("a\u0000b")") == R"("invalid_member")");
    CHECK(word_of("display_name", "7") == R"("invalid_member")");
    CHECK(word_of("capabilities", R"([{"category":"travel"}])") == R"("invalid_member")");
    CHECK(word_of("capabilities", R"(["travel/*"])") == R"("invalid_member")");
    CHECK(word_of("capabilities", R"([""])") == R"("invalid_member")");
    CHECK(word_of("capabilities", R"("travel")") == R"("invalid_member")");
    std::string many = "[\"a0\"";
    for (int i = 1; i < 64; ++i) many += ",\"a" + std::to_string(i) + "\"";
    CHECK(word_of("capabilities", many + "]").empty());
    CHECK(word_of("capabilities", many + ",\"b\"]") == R"("too_large")");
}

TEST_CASE("nobody is sent to an address of the local network", "[unit][registry][AM-REG-014]") {
    for (const std::string_view good : {"wss://agent.example/v1/connect", "https://agent.example:8443",
                                        "wss://93.184.215.14:443/x?y", "wss://x-1.example"})
        CHECK(check_endpoint(good));
    for (const std::string_view bad : {"",
                                       "agent.example",
                                       "http://agent.example",
                                       "ws://agent.example",
                                       "file:///etc/passwd",
                                       "wss://localhost",
                                       "wss://a.localhost",
                                       "wss://agent",
                                       "wss://127.0.0.1",
                                       "wss://127.1",
                                       "wss://0x7f.0.0.1",
                                       "wss://0177.0.0.1",
                                       "wss://2130706433",
                                       "wss://10.0.0.1",
                                       "wss://192.168.1.1",
                                       "wss://172.16.0.1",
                                       "wss://172.31.255.255",
                                       "wss://169.254.169.254/latest/meta-data",
                                       "wss://100.64.0.1",
                                       "wss://0.0.0.0",
                                       "wss://224.0.0.1",
                                       "wss://198.18.0.1",
                                       "wss://[::1]",
                                       "wss://[::ffff:127.0.0.1]",
                                       "wss://user@agent.example",
                                       "wss://agent.example@127.0.0.1",
                                       "wss://agent.example\\@127.0.0.1",
                                       "wss://127.0.0.1.",
                                       "wss://agent.example.",
                                       "wss://metadata.google.internal",
                                       "wss://printer.local",
                                       "wss://agent.example:0",
                                       "wss://agent.example:65536",
                                       "wss://agent.example:",
                                       "wss://agent.example:080",
                                       "wss://\xd9\xa1.example",
                                       "wss://a b.example",
                                       "wss://a..example",
                                       "wss://-a.example",
                                       "wss:/agent.example",
                                       "wss://1.2.3.4.5",
                                       "wss://01.2.3.4"}) {
        INFO(bad);
        CHECK_FALSE(check_endpoint(bad));
    }
    CHECK(check_endpoint("wss://a.example/" + std::string(239, 'x')));
    CHECK_FALSE(check_endpoint("wss://a.example/" + std::string(240, 'x')));

    world w;
    auto all = world::enrolment(alice());
    all.emplace_back("direct_endpoint", R"("wss://127.0.0.1/")");
    check_refused(w.post_dated("/v1/registry/register", alice(), all), 400, "invalid_member", "AM-REG-014");
    world closed{{.host = "registry.example", .local_endpoints = true}};
    CHECK(closed.post_dated("/v1/registry/register", alice(), all).status == 201);
}

TEST_CASE("an agent with a card registers the keys that the card ties together", "[unit][registry][AM-REG-003]") {
    crypto::scripted_random random{7};
    const auto self = local_identity::create(random, noon).value();
    const auto card = e2ee::identity_card::make(self, 3);
    const auto text = to_base64(card.bytes(), base64_form::url_unpadded);
    const auto body = [&](const exchange_public_key& exchange) {
        return members{{"amid", json_text(self.name().text())},
                       {"signing_public_key", json_text(identity::to_text(self.signing().public_key()))},
                       {"exchange_public_key", json_text(identity::to_text(exchange))},
                       {"card", json_text(text)}};
    };
    world w;
    const auto post = [&](const members& all) {
        auto request = world::posting("/v1/registry/register", object(all));
        REQUIRE(prove(request, self.signing(), w.now.wall, w.random));
        return w.send(request);
    };
    CHECK(post(body(alice().exchange.public_key())).status == 400);
    CHECK(post(body(self.exchange().public_key())).status == 201);
    CHECK(member(w.get("/v1/registry/lookup", "amid=" + std::string{self.name().text()}), "card") == json_text(text));
}

TEST_CASE("every refusal is JSON with a word and a clause", "[unit][registry][AM-REG-001][AM-REG-002]") {
    world w;
    check_refused(w.get("/v1/registry/nothing"), 404, "unknown_endpoint", "AM-REG-001");
    check_refused(w.get("/v1/registry/lookup/"), 404, "unknown_endpoint", "AM-REG-001");
    const auto wrong = w.get("/v1/registry/register");
    check_refused(wrong, 405, "method_not_allowed", "AM-REG-001");
    CHECK(wrong.fields.only("Allow") == "POST");
    check_refused(w.get("/v1/registry/lookup"), 400, "missing_member", "AM-REG-002");
    check_refused(w.get("/v1/registry/lookup", "amid=x&amid=y"), 400, "invalid_member", "AM-REG-002");
    check_refused(w.get("/v1/registry/lookup", "amid=%zz"), 400, "invalid_request", "AM-HTP-006");
    check_refused(w.get("/v1/registry/lookup", "amid=' OR 1=1 --"), 400, "invalid_amid", "AM-ID-002");
    check_refused(w.send(world::posting("/v1/registry/register", "{")), 400, "invalid_json", "AM-ENC-010");
    check_refused(w.send(world::posting("/v1/registry/register", "[]")), 400, "invalid_member", "AM-REG-002");
    check_refused(w.send(world::posting("/v1/registry/register", "{}")), 400, "missing_member", "AM-REG-002");
    auto form = world::posting("/v1/registry/register", "{}");
    form.fields = {{"Host", "registry.example"}, {"Content-Type", "text/plain"}};
    check_refused(w.send(form), 415, "unsupported_media_type", "AM-REG-019");
}

TEST_CASE("whoever asks too often is told when to come back", "[unit][registry][AM-REG-017]") {
    world w{{.host = "registry.example", .requests_per_minute = 3, .registrations_per_minute = 1}};
    w.enroll(alice());
    const auto second = w.post_dated("/v1/registry/register", bob(), world::enrolment(bob()));
    check_refused(second, 429, "rate_limited", "AM-REG-017");
    CHECK(second.fields.only("Retry-After") == "60");
    CHECK(w.get("/health").status == 200);
    CHECK(w.get("/health").status == 429);
    http::request other{.method = "GET", .path = "/health"};
    CHECK(w.mesh.handle(other, {.address = "192.0.2.8"}, w.now).status == 200);
    w.now = w.now + 60s;
    CHECK(w.post_dated("/v1/registry/register", bob(), world::enrolment(bob())).status == 201);
}

TEST_CASE("a signed time serves for one change, wherever it is sent", "[unit][registry][AM-REG-007][AM-REG-011]") {
    world w;
    w.enroll(alice());
    const auto change = w.dated(alice(), {{"amid", json_text(alice().name())}, {"status", R"("online")"}});
    CHECK(w.post("/v1/registry/status", change).body == R"({"success":true})");
    CHECK(member(w.get("/v1/registry/lookup", "amid=" + alice().name()), "status") == R"("online")");
    check_refused(w.post("/v1/registry/status", change), 401, "invalid_signature", "AM-REG-007");
    auto elsewhere = change;
    elsewhere[1] = {"capabilities", "[]"};
    check_refused(w.post("/v1/registry/capabilities", elsewhere), 401, "invalid_signature", "AM-REG-007");
    CHECK(w.row(alice()).capabilities.empty());
    CHECK(w.post_dated("/v1/registry/capabilities", alice(),
                       {{"amid", json_text(alice().name())}, {"capabilities", R"(["b","a"])"}})
              .status == 200);
    CHECK(w.row(alice()).capabilities == std::vector<std::string>{"a", "b"});
    check_refused(
        w.post_dated("/v1/registry/status", bob(), {{"amid", json_text(bob().name())}, {"status", R"("away")"}}), 404,
        "not_found", "AM-REG-011");
    check_refused(
        w.post_dated("/v1/registry/status", bob(), {{"amid", json_text(alice().name())}, {"status", R"("away")"}}), 401,
        "invalid_signature", "AM-REG-004");
    check_refused(
        w.post_dated("/v1/registry/status", alice(), {{"amid", json_text(alice().name())}, {"status", R"("busy")"}}),
        400, "invalid_member", "AM-REG-002");
}

TEST_CASE("a registration serves for nothing else", "[unit][registry][AM-REG-007]") {
    world w;
    const auto signed_once = w.dated(alice(), {});
    auto all = world::enrolment(alice());
    all.insert(all.end(), signed_once.begin(), signed_once.end());
    REQUIRE(w.post("/v1/registry/register", all).status == 201);
    members change{{"amid", json_text(alice().name())}, {"status", R"("online")"}};
    change.insert(change.end(), signed_once.begin(), signed_once.end());
    check_refused(w.post("/v1/registry/status", change), 401, "invalid_signature", "AM-REG-007");
    CHECK(w.post("/v1/registry/register", all).status == 409);
}

TEST_CASE("who has proved a request may not do with less", "[unit][registry][AM-REG-008][AM-REG-009]") {
    world w;
    w.enroll(alice());
    const members change{{"amid", json_text(alice().name())}, {"status", R"("online")"}};
    const auto request = w.proven(alice(), world::posting("/v1/registry/status", object(change)));
    auto other_body = request;
    other_body.body = object({{"amid", json_text(alice().name())}, {"status", R"("dnd")"}});
    check_refused(w.send(other_body), 401, "invalid_signature", "AM-RQP-002");
    CHECK_FALSE(w.row(alice()).proves);
    CHECK(w.send(request).status == 200);
    CHECK(w.row(alice()).proves);
    check_refused(w.send(request), 401, "invalid_signature", "AM-REG-007");
    check_refused(w.post_dated("/v1/registry/status", alice(), change), 401, "proof_required", "AM-REG-008");
    check_refused(w.post_proven("/v1/registry/status", bob(), change), 401, "invalid_signature", "AM-REG-009");
    CHECK(w.post_proven("/v1/registry/status", alice(), change).status == 200);

    world strict{{.host = "registry.example", .signed_times = false}};
    check_refused(strict.post_dated("/v1/registry/register", bob(), world::enrolment(bob())), 401, "proof_required",
                  "AM-REG-008");
    CHECK(strict.post_proven("/v1/registry/register", bob(), world::enrolment(bob())).status == 201);
}

TEST_CASE("proofs are forgotten when their time is over, and not before", "[unit][registry][AM-REG-007]") {
    world w;
    w.enroll(alice());
    const members change{{"amid", json_text(alice().name())}, {"status", R"("online")"}};
    const auto early = w.proven(alice(), world::posting("/v1/registry/status", object(change)));
    CHECK(w.send(early).status == 200);
    w.now = w.now + 299s;
    check_refused(w.send(early), 401, "invalid_signature", "AM-REG-007");
    CHECK(w.post_proven("/v1/registry/status", alice(), change).status == 200);
    check_refused(w.send(early), 401, "invalid_signature", "AM-REG-007");
    w.now = w.now + 2s;
    check_refused(w.send(early), 401, "invalid_signature", "AM-RQP-003");
}

TEST_CASE("agents are searched for by what they can do", "[unit][registry][AM-REG-015][AM-REG-016]") {
    world w;
    w.enroll(alice(), {{"capabilities", R"(["travel/flights"])"}});
    w.enroll(bob(), {{"capabilities", R"(["travelling"])"}});
    const auto total = [&](std::string query) {
        return member(w.get("/v1/registry/search", std::move(query)), "total");
    };
    CHECK(total("capability=travel") == "1");
    CHECK(total("capability=travel*") == "2");
    CHECK(total("capability=%2A") == "2");
    CHECK(total("capability=travel%25") == "0");
    CHECK(total("capability=travel&tier_min=2") == "1");
    CHECK(total("capability=travel&tier_min=1") == "0");
    CHECK(total("capability=travel&tier_min=1.5") == "0");
    CHECK(total("capability=*&reputation_min=0.5") == "2");
    CHECK(total("capability=*&reputation_min=0.500001") == "0");
    CHECK(total("capability=*&status=offline") == "2");
    const auto page = w.get("/v1/registry/search", "capability=*&limit=4294967295&offset=1");
    CHECK(member(page, "limit") == "100");
    CHECK(member(page, "offset") == "1");
    CHECK(member(page, "total") == "2");
    for (const std::string query :
         {"", "capability=", "capability=*&tier_min=0", "capability=*&tier_min=1.0", "capability=*&reputation_min=1.1",
          "capability=*&reputation_min=nan", "capability=*&limit=-1", "capability=*&limit=4294967296",
          "capability=*&status=ONLINE", "capability=a%00b"}) {
        INFO(query);
        CHECK(w.get("/v1/registry/search", query).status == 400);
    }
}
