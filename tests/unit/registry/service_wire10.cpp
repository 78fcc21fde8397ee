// Profile wire10 at the registry, as its deployed clients speak it.
#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

std::string b64u(byte_view bytes) { return to_base64(bytes, base64_form::url_unpadded); }
std::string did(const agent& of) { return std::string{mesh_did::of(of.signing.public_key()).text()}; }
exchange_public_key exchange(const agent& of) { return crypto::to_x25519(of.signing.public_key()).value(); }
exchange_public_key some_key(std::uint64_t seed) {
    crypto::scripted_random random{8000 + seed};
    return exchange_key_pair::generate(random).value().public_key();
}

members prekeys(const agent& of, std::string one_time, std::uint64_t signed_key = 1) {
    const auto key = some_key(signed_key);
    return {{"identity_key", json_text(b64u(exchange(of).bytes()))},
            {"identity_key_ed", json_text(b64u(of.signing.public_key().bytes()))},
            {"signed_pre_key", "{\"key_id\":0,\"public_key\":" + json_text(b64u(key.bytes())) +
                                   ",\"signature\":" + json_text(b64u(of.signing.sign(key.bytes()).bytes())) + "}"},
            {"one_time_pre_keys", std::move(one_time)}};
}
std::string one(std::uint64_t id) {
    return "{\"key_id\":" + std::to_string(id) + ",\"public_key\":\"" + b64u(some_key(100 + id).bytes()) + "\"}";
}

struct mesh_world : world {
    agent alice{1}, bob{2};

    static members enrolment(const agent& of, std::string time) {
        const auto key = b64u(of.signing.public_key().bytes());
        return {{"public_key", json_text(key)},
                {"proof", json_text(b64u(of.signing.sign(as_bytes(key + time)).bytes()))},
                {"proof_timestamp", json_text(time)},
                {"capabilities", R"(["travel"])"},
                {"metadata", R"({"name":"Alice"})"}};
    }
    std::string time(duration later = {}) {
        now = now + 1us;
        return format_time(now.wall + later, utc_suffix::offset);
    }
    mesh_world() {
        for (const auto* who : {&alice, &bob}) REQUIRE(post("/v1/agents", enrolment(*who, time())).status == 201);
    }
    http::request request(std::string method, std::string path, std::string body = {}) {
        http::request out{
            .method = std::move(method), .path = std::move(path), .fields = {{"Host", "registry.example"}}};
        if (!body.empty()) out.fields.add("Content-Type", "application/json");
        out.body = std::move(body);
        return out;
    }
    http::request signed_by(const agent& by, http::request out, std::string at) {
        out.fields.add("Authorization",
                       "Ed25519-Timestamp " + did(by) + " " + at + " " + b64u(by.signing.sign(as_bytes(at)).bytes()));
        return out;
    }
    http::response ask(const agent& by, std::string method, std::string path, std::string body = {}) {
        return send(signed_by(by, request(std::move(method), std::move(path), std::move(body)), time()));
    }
    static std::string path(const agent& of, std::string_view more = {}) {
        return "/v1/agents/" + did(of) + std::string{more};
    }
};

void check_mesh_refused(const http::response& out, std::uint16_t status, std::string_view clause) {
    INFO(out.body);
    CHECK(out.status == status);
    CHECK(member(out, "clause") == json_text(clause));
    CHECK_FALSE(member(out, "detail").empty());
    CHECK((out.fields.count("WWW-Authenticate") == 1) == (status == 401));
}

}  // namespace

TEST_CASE("an agent registers under its key and is known in both profiles",
          "[unit][registry][AM-W10-001][AM-W10-005][AM-REG-010]") {
    mesh_world w;
    const auto out = w.get(mesh_world::path(w.alice));
    CHECK(member(out, "did") == json_text(did(w.alice)));
    CHECK(member(out, "public_key") == json_text(b64u(w.alice.signing.public_key().bytes())));
    CHECK(member(out, "metadata") == R"({"name":"Alice"})");
    CHECK(member(out, "capabilities") == R"(["travel"])");
    CHECK(member(out, "reputation_score") == "0.5");
    CHECK(member(out, "total_sessions") == "0");
    CHECK(member(w.get("/v1/registry/lookup", "amid=" + w.alice.name()), "exchange_public_key") ==
          json_text(identity::to_text(exchange(w.alice))));
    std::string encoded;
    for (const char c : did(w.alice)) encoded += c == ':' ? std::string{"%3A"} : std::string{c};
    CHECK(w.get("/v1/agents/" + encoded).body == out.body);
    CHECK(w.get("/healthz").status == 200);

    check_mesh_refused(w.post("/v1/agents", mesh_world::enrolment(w.alice, w.time())), 409, "AM-REG-010");
    check_mesh_refused(w.get(mesh_world::path(agent{9})), 404, "AM-REG-011");
    CHECK(w.get("/v1/agents/did:mesh:x").status == 400);
    // One who registered in profile v02 is known here too.
    const agent carol{3};
    w.enroll(carol);
    CHECK(w.get(mesh_world::path(carol)).status == 200);
    CHECK(w.get(mesh_world::path(carol, "/prekeys")).status == 404);
}

TEST_CASE("a registration needs the key that it registers, now, and once",
          "[unit][registry][AM-W10-001][AM-W10-002][AM-W10-003][AM-W10-004]") {
    mesh_world w;
    const agent carol{3};
    auto forged = mesh_world::enrolment(w.bob, w.time());
    forged[0] = mesh_world::enrolment(carol, w.time())[0];
    check_mesh_refused(w.post("/v1/agents", forged), 401, "AM-W10-001");
    check_mesh_refused(w.post("/v1/agents", mesh_world::enrolment(carol, w.time(300s + 1ms))), 401, "AM-W10-002");
    check_mesh_refused(w.post("/v1/agents", mesh_world::enrolment(carol, w.time(-301s))), 401, "AM-W10-002");
    check_mesh_refused(w.post("/v1/agents", mesh_world::enrolment(carol, "2026-03-01T12:00:00")), 400, "AM-W10-002");
    auto without = mesh_world::enrolment(carol, w.time());
    without.erase(without.begin() + 1);
    check_mesh_refused(w.post("/v1/agents", without), 422, "AM-REG-002");
    for (const std::string bad : {R"({"a":1})", R"({"a":"\n"})", R"([])"}) {
        auto all = mesh_world::enrolment(carol, w.time());
        all.back().second = bad;
        CHECK(w.post("/v1/agents", all).status == 422);
    }
    std::string many = "{";
    for (int i = 0; i < 33; ++i) many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
    auto all = mesh_world::enrolment(carol, w.time());
    all.back().second = many + "}";
    check_mesh_refused(w.post("/v1/agents", all), 422, "AM-W10-004");
    const auto good = mesh_world::enrolment(carol, w.time(299s));
    CHECK(w.post("/v1/agents", good).status == 201);
    CHECK(w.ask(carol, "DELETE", mesh_world::path(carol)).status == 204);
    check_mesh_refused(w.post("/v1/agents", good), 401, "AM-REG-007");
    CHECK(w.get(mesh_world::path(carol)).status == 404);
    CHECK(w.post("/v1/agents", mesh_world::enrolment(carol, w.time())).status == 201);
}

TEST_CASE("only an agent itself changes what is known of it, and each signature serves once",
          "[unit][registry][AM-W10-001][AM-W10-002][AM-W10-003]") {
    mesh_world w;
    const auto beat = mesh_world::path(w.alice, "/heartbeat");
    const auto good = w.signed_by(w.alice, w.request("POST", beat), w.time());
    check_mesh_refused(w.send(w.request("POST", beat)), 401, "AM-REG-005");
    check_mesh_refused(w.send(w.signed_by(w.bob, w.request("POST", beat), w.time())), 403, "AM-W10-003");
    check_mesh_refused(w.send(w.signed_by(agent{9}, w.request("POST", beat), w.time())), 401, "AM-W10-001");
    check_mesh_refused(w.send(w.signed_by(w.alice, w.request("POST", beat), "2026-03-01T12:00:00.5")), 400,
                       "AM-W10-002");
    check_mesh_refused(w.send(w.signed_by(w.alice, w.request("POST", beat), w.time(-301s))), 401, "AM-W10-002");
    for (const std::string bad : {"", "Ed25519-Timestamp", "Bearer x", "Ed25519-Timestamp a b c"}) {
        auto of = w.request("POST", beat);
        of.fields.add("Authorization", bad);
        check_mesh_refused(w.send(of), 401, "AM-W10-001");
    }
    auto twice = good;
    twice.fields.add("Authorization", "Ed25519-Timestamp");
    check_mesh_refused(w.send(twice), 401, "AM-W10-001");
    CHECK(w.send(good).status == 200);
    check_mesh_refused(w.send(good), 401, "AM-REG-007");
    auto elsewhere = w.request("DELETE", mesh_world::path(w.alice));
    elsewhere.fields.add("Authorization", std::string{*good.fields.only("Authorization")});
    check_mesh_refused(w.send(elsewhere), 401, "AM-REG-007");
    check_mesh_refused(w.ask(w.bob, "DELETE", mesh_world::path(w.alice)), 403, "AM-W10-003");
    CHECK(w.get(mesh_world::path(w.alice)).status == 200);
    // With a proof over the whole request, and from then on not with less.
    CHECK(w.send(w.proven(w.alice,
                          w.request("PUT", mesh_world::path(w.alice, "/prekeys"), object(prekeys(w.alice, "[]")))))
              .status == 200);
    check_mesh_refused(w.ask(w.alice, "DELETE", mesh_world::path(w.alice)), 401, "AM-REG-008");
    CHECK(w.send(w.proven(w.alice, w.request("DELETE", mesh_world::path(w.alice)))).status == 204);
}

TEST_CASE("prekeys are those of the agent, and each one-time prekey goes to one who says who he is",
          "[unit][registry][AM-W10-006][AM-W10-007][AM-REG-022]") {
    mesh_world w;
    const auto path = mesh_world::path(w.alice, "/prekeys");
    CHECK(w.get(path).status == 404);
    const auto put = [&](const members& all) { return w.ask(w.alice, "PUT", path, object(all)); };
    const auto stored = put(prekeys(w.alice, "[" + one(0) + "," + one(1) + "]"));
    INFO(stored.body);
    CHECK(stored.status == 200);
    CHECK(member(stored, "otk_count") == "2");
    const auto anybody = w.get(path);
    CHECK(member(anybody, "one_time_pre_key") == "null");
    const auto bundle = e2ee::parse_wire10_bundle(anybody.body).value();
    CHECK(e2ee::check_wire10_bundle(bundle, did(w.alice)) == e2ee::key_binding::bound);
    CHECK(member(w.ask(w.bob, "GET", path), "one_time_pre_key") == one(0));
    CHECK(member(w.ask(w.bob, "GET", path), "one_time_pre_key") == one(1));
    CHECK(member(w.ask(w.bob, "GET", path), "one_time_pre_key") == "null");
    check_mesh_refused(w.ask(agent{9}, "GET", path), 401, "AM-W10-001");
    // A client that begins anew with id 0 keeps its old one-time prekeys from coming back.
    CHECK(member(put(prekeys(w.alice, "[" + one(0) + "," + one(2) + "]")), "otk_count") == "1");
    // In profile v02 the same prekeys are there.
    CHECK(member(w.get("/v1/registry/prekeys/" + w.alice.name()), "signed_prekey") ==
          json_text(identity::to_text(some_key(1))));

    check_mesh_refused(put(prekeys(w.bob, "[]")), 400, "AM-W10-006");
    auto bad = prekeys(w.alice, "[]");
    bad[0].second = json_text(b64u(some_key(3).bytes()));
    check_mesh_refused(put(bad), 400, "AM-W10-006");
    bad = prekeys(w.alice, "[]");
    bad[1] = prekeys(w.bob, "[]")[1];
    check_mesh_refused(put(bad), 400, "AM-W10-006");
    bad = prekeys(w.alice, "[]");
    bad[2] = prekeys(w.bob, "[]")[2];
    check_mesh_refused(put(bad), 400, "AM-REG-020");
    check_mesh_refused(put(prekeys(w.alice, "[" + one(5) + "," + one(5) + "]")), 422, "AM-REG-023");
    for (const std::string junk : {"{}", "[1]", R"([{"key_id":"a","public_key":""}])", R"([{"key_id":1}])"})
        CHECK(put(prekeys(w.alice, junk)).status >= 400);
    check_mesh_refused(w.ask(w.bob, "PUT", path, object(prekeys(w.alice, "[]"))), 403, "AM-W10-003");
}

TEST_CASE("a heartbeat keeps an agent online for ninety seconds", "[unit][registry][AM-W10-008]") {
    mesh_world w;
    const auto presence = [&] { return member(w.get(mesh_world::path(w.alice, "/presence")), "online"); };
    const auto beat = [&] { return w.ask(w.alice, "POST", mesh_world::path(w.alice, "/heartbeat")); };
    CHECK(presence() == "false");
    CHECK(beat().status == 200);
    CHECK(presence() == "true");
    w.now = w.now + 9s;
    const auto late = beat();
    check_mesh_refused(late, 429, "AM-W10-008");
    CHECK(late.fields.only("Retry-After") == "1");
    w.now = w.now + 1s;
    CHECK(beat().status == 200);
    w.now = w.now + 90s;
    CHECK(presence() == "true");
    w.now = w.now + 1s;
    CHECK(presence() == "false");
    CHECK(member(w.get("/v1/registry/lookup", "amid=" + w.alice.name()), "status") == R"("offline")");
}

TEST_CASE("ratings and reports count as in profile v02", "[unit][registry][AM-W10-009][AM-REG-040][AM-REG-043]") {
    mesh_world w;
    w.now = w.now + std::chrono::days{30};
    const auto rate = [&](const agent& by, const agent& of) {
        return w.ask(by, "POST", mesh_world::path(of, "/reputation"), R"({"score":1,"reason":"good"})");
    };
    const auto rated = rate(w.bob, w.alice);
    CHECK(rated.status == 200);
    CHECK(member(rated, "reputation_score") == member(w.get(mesh_world::path(w.alice)), "reputation_score"));
    check_mesh_refused(rate(w.bob, w.alice), 409, "AM-REG-041");
    check_mesh_refused(rate(w.bob, w.bob), 403, "AM-REG-040");
    check_mesh_refused(rate(agent{9}, w.bob), 401, "AM-W10-001");
    CHECK(w.ask(w.bob, "POST", mesh_world::path(w.alice, "/reputation"), R"({"score":1.5})").status == 422);
    w.now = w.now + 24h;
    CHECK(rate(w.bob, w.alice).status == 200);

    const auto report = [&](const agent& by, const agent& reporter, std::string outcome = "timeout") {
        return w.ask(by, "POST", "/v1/registry/reputation/session",
                     object({{"session_id", R"("s")"},
                             {"initiator_amid", json_text(did(w.alice))},
                             {"receiver_amid", json_text(did(w.bob))},
                             {"reporter_amid", json_text(did(reporter))},
                             {"outcome", json_text(outcome)}}));
    };
    const agent carol{3};
    CHECK(w.post("/v1/agents", mesh_world::enrolment(carol, w.time())).status == 201);
    CHECK(report(w.alice, w.alice).status == 200);
    CHECK(member(w.get(mesh_world::path(w.alice)), "timeout_sessions") == "0");
    CHECK(report(w.alice, w.alice).status == 409);
    CHECK(report(w.bob, w.alice).status == 403);
    CHECK(report(carol, carol).status == 403);
    CHECK(report(w.bob, w.bob, "lost").status == 400);
    CHECK(report(w.bob, w.bob).status == 200);
    CHECK(member(w.get(mesh_world::path(w.bob)), "timeout_sessions") == "1");
    CHECK(member(w.get(mesh_world::path(w.alice)), "completion_rate") == "0");
    CHECK(member(w.get(mesh_world::path(w.alice)), "last_session_at") != "null");
}

TEST_CASE("discovery has a page, and a token raises nobody", "[unit][registry][AM-W10-010][AM-W10-011][AM-REG-015]") {
    mesh_world w;
    const auto out = w.get("/v1/discover", "capability=travel&limit=1");
    CHECK(member(out, "total") == "2");
    CHECK(member(out, "results").find("did:mesh:") != std::string::npos);
    const auto second = w.get("/v1/discover", "capability=travel&limit=1&offset=1");
    CHECK(second.status == 200);
    CHECK(member(second, "results") != member(out, "results"));
    for (const std::string bad : {"0", "201", "-1", "x", "4294967295"})
        CHECK(w.get("/v1/discover", "capability=travel&limit=" + bad).status == 422);
    CHECK(w.get("/v1/discover", "capability=travel&limit=200").status == 200);
    CHECK(w.get("/v1/discover").status == 422);

    const auto verify = [&](const agent& of, std::string token) {
        return w.post("/v1/registry/verify", {{"amid", json_text(did(of))}, {"verification_token", json_text(token)}});
    };
    check_refused(verify(w.alice, "x"), 503, "unavailable", "AM-W10-010");
    CHECK(verify(agent{9}, "x").status == 404);
    CHECK(verify(w.alice, std::string(8193, 'x')).status == 400);
    CHECK(member(w.get(mesh_world::path(w.alice)), "tier") == R"("anonymous")");
}
