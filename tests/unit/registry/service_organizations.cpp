// Organizations: who may register one, what proves its domain, and whose agents are its own.
#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

const agent& admin() {
    static const agent one{10};
    return one;
}
const agent& alice() {
    static const agent one{11};
    return one;
}
const agent& bob() {
    static const agent one{12};
    return one;
}

members organization(std::string_view domain, const agent& by) {
    return {{"name", R"("Acme Travel")"},
            {"domain", json_text(domain)},
            {"admin_amid", json_text(by.name())},
            {"admin_signing_public_key", json_text(identity::to_text(by.signing.public_key()))}};
}

std::string bare(const std::string& quoted) { return quoted.substr(1, quoted.size() - 2); }

struct org_world : world {
    using world::world;

    /// The id of a new organization, and the text that its domain has to hold.
    std::pair<std::string, std::string> found(std::string_view domain, const agent& by) {
        const auto out = post_dated("/v1/org/register", by, organization(domain, by));
        INFO(out.body);
        REQUIRE(out.status == 201);
        const auto challenge = member(out, "dns_challenge");
        return {bare(member(out, "organization_id")), bare(member(http::response{.body = challenge}, "record_value"))};
    }
    members naming(const std::string& id, const agent& by) {
        return dated(by, {{"organization_id", json_text(id)}, {"admin_amid", json_text(by.name())}});
    }
    auto begin(const http::request& request) { return mesh.begin(request, {.address = "192.0.2.7"}, now); }
    /// What is answered once the domain has said `texts`.
    http::response verify(const std::string& id, const agent& by, result<std::vector<std::string>> texts) {
        auto out = begin(posting("/v1/org/verify", object(naming(id, by))));
        if (auto* waiting = std::get_if<open_request>(&out))
            out = mesh.resume(std::move(*waiting), outside_answer{std::move(texts)}, now);
        return std::get<http::response>(out);
    }
    void establish(const std::string& id, const std::string& challenge, const agent& by) {
        REQUIRE(member(verify(id, by, std::vector{challenge}), "verified") == "true");
    }
    members joining(const std::string& id, const agent& who, const agent& by) {
        const auto at = next_time();
        const auto text = std::string{"AgentMesh-v1:organization-consent"} + '\0' + id + "\n" + who.name() + "\n" +
                          identity::to_text(who.exchange.public_key()) + "\n" + at;
        return {{"organization_id", json_text(id)},
                {"agent_amid", json_text(who.name())},
                {"agent_signing_public_key", json_text(identity::to_text(who.signing.public_key()))},
                {"agent_exchange_public_key", json_text(identity::to_text(who.exchange.public_key()))},
                {"display_name", R"("Desk")"},
                {"capabilities", R"(["travel/flights"])"},
                {"agent_consent", json_text(who.sign(as_bytes(text)))},
                {"agent_consent_at", json_text(at)},
                {"admin_amid", json_text(by.name())}};
    }
    /// As deployed: the signature has a name of its own here.
    http::response add(members all, const agent& by) {
        const auto time = next_time();
        all.emplace_back("timestamp", json_text(time));
        all.emplace_back("admin_signature", json_text(by.sign(as_bytes(time))));
        return post("/v1/org/agents", all);
    }
};

void replace(members& in, std::string_view name, std::string value) {
    for (auto& [one, held] : in)
        if (one == name) held = std::move(value);
}

}  // namespace

TEST_CASE("an organization is registered by the key of its administrator, and holds its domain",
          "[unit][registry][AM-ORG-001][AM-ORG-002]") {
    org_world w;
    const auto out = w.post_dated("/v1/org/register", admin(), organization("ACME.Example", admin()));
    INFO(out.body);
    CHECK(out.status == 201);
    CHECK(member(out, "success") == "true");
    CHECK(member(out, "error") == "null");
    const http::response challenge{.body = member(out, "dns_challenge")};
    CHECK(member(challenge, "record_type") == R"("TXT")");
    CHECK(member(challenge, "record_name") == R"("_agentmesh.acme.example")");
    CHECK(bare(member(challenge, "record_value")).starts_with("agentmesh-verify="));
    CHECK(bare(member(challenge, "record_value")).size() == 17 + 44);
    CHECK(member(challenge, "expires_at") == json_text(format_time(w.now.wall + 24h)));

    const auto seen = w.get("/v1/org/lookup", "domain=acme.example");
    CHECK(seen.status == 200);
    CHECK(member(seen, "id") == member(out, "organization_id"));
    CHECK(member(seen, "name") == R"("Acme Travel")");
    CHECK(member(seen, "verified") == "false");
    CHECK(member(seen, "agent_count") == "0");
    check_refused(w.get("/v1/org/lookup", "domain=other.example"), 404, "not_found", "AM-REG-011");
    check_refused(w.get("/v1/org/lookup"), 400, "missing_member", "AM-REG-002");

    check_refused(w.post_dated("/v1/org/register", alice(), organization("acme.example", alice())), 409,
                  "already_exists", "AM-ORG-001");
    check_refused(w.post_dated("/v1/org/register", alice(), organization("other.example", admin())), 401,
                  "invalid_signature", "AM-REG-004");
    check_refused(w.post("/v1/org/register", organization("other.example", admin())), 401, "signature_required",
                  "AM-REG-005");
    auto foreign = organization("other.example", admin());
    replace(foreign, "admin_signing_public_key", json_text(identity::to_text(alice().signing.public_key())));
    check_refused(w.post_dated("/v1/org/register", alice(), foreign), 400, "amid_mismatch", "AM-ORG-002");
    for (const std::string_view wrong : {"", "acme", "localhost", "printer.local", "10.0.0.1", "a..example",
                                         "-a.example", "acme.example.", "acme example.org", "acm\xc3\xa9.example"}) {
        CAPTURE(wrong);
        check_refused(w.post_dated("/v1/org/register", admin(), organization(wrong, admin())), 400, "invalid_member",
                      "AM-ORG-001");
    }
    auto nameless = organization("other.example", admin());
    replace(nameless, "name", R"("")");
    CHECK(w.post_dated("/v1/org/register", admin(), nameless).status == 400);
    replace(nameless, "name", json_text(std::string(65, 'x')));
    check_refused(w.post_dated("/v1/org/register", admin(), nameless), 400, "too_large", "AM-REG-013");
}

TEST_CASE("only the TXT record proves a domain, and only for a day", "[unit][registry][AM-ORG-003][AM-ORG-004]") {
    org_world w;
    const auto [id, challenge] = w.found("acme.example", admin());
    auto asked = w.begin(world::posting("/v1/org/verify", object(w.naming(id, admin()))));
    const auto* waiting = std::get_if<open_request>(&asked);
    REQUIRE(waiting != nullptr);
    CHECK(waiting->question == outside_question{text_question{"_agentmesh.acme.example"}});

    for (const auto& texts : std::vector<std::vector<std::string>>{
             {}, {"agentmesh-verify="}, {challenge + "x"}, {"v=spf1 -all", challenge.substr(1)}, {" " + challenge}}) {
        const auto out = w.verify(id, admin(), texts);
        CHECK(out.status == 200);
        CHECK(member(out, "verified") == "false");
        CHECK(member(out, "error") == R"("challenge_not_found")");
    }
    check_refused(w.verify(id, admin(), fail(errc::timed_out)), 503, "unavailable", "AM-ORG-005");
    // Whoever cannot ask has not been told yes.
    check_refused(w.post("/v1/org/verify", w.naming(id, admin())), 503, "unavailable", "AM-ORG-005");
    check_refused(w.verify(id, alice(), std::vector{challenge}), 401, "invalid_signature", "AM-ORG-003");
    w.enroll(alice());
    check_refused(w.verify(id, alice(), std::vector{challenge}), 403, "forbidden", "AM-ORG-003");
    check_refused(w.verify("none", admin(), std::vector{challenge}), 404, "not_found", "AM-REG-011");
    auto forged = w.naming(id, admin());
    replace(forged, "signature", json_text(alice().sign(as_bytes(std::string{"x"}))));
    check_refused(w.post("/v1/org/verify", forged), 401, "invalid_signature", "AM-REG-004");
    CHECK(member(w.get("/v1/org/lookup", "domain=acme.example"), "verified") == "false");

    SECTION("in time") {
        w.now = w.now + (24h - 1min);
        auto out = w.verify(id, admin(), std::vector<std::string>{"other", '"' + challenge + '"'});
        CHECK(member(out, "verified") == "true");
        CHECK(member(out, "error") == "null");
        CHECK(member(w.get("/v1/org/lookup", "domain=acme.example"), "verified") == "true");
        w.now = w.now + 48h;
        CHECK(member(w.verify(id, admin(), std::vector<std::string>{}), "verified") == "true");
        check_refused(w.post_dated("/v1/org/register", alice(), organization("acme.example", alice())), 409,
                      "already_exists", "AM-ORG-001");
    }
    SECTION("late") {
        w.now = w.now + 24h;
        check_refused(w.verify(id, admin(), std::vector{challenge}), 403, "forbidden", "AM-ORG-004");
        // And the domain is free for whoever can prove it.
        const auto [again, other] = w.found("acme.example", alice());
        CHECK(other != challenge);
        check_refused(w.verify(again, admin(), std::vector{challenge}), 401, "invalid_signature", "AM-ORG-003");
        w.establish(again, other, alice());
    }
    SECTION("asked in time and answered late") {
        w.now = w.now + (24h - 1s);
        auto open = w.begin(world::posting("/v1/org/verify", object(w.naming(id, admin()))));
        w.now = w.now + 1s;
        const auto out = w.mesh.resume(std::get<open_request>(open), outside_answer{std::vector{challenge}}, w.now);
        check_refused(std::get<http::response>(out), 403, "forbidden", "AM-ORG-004");
    }
}

TEST_CASE("an organization vouches for agents that want it to",
          "[unit][registry][AM-ORG-003][AM-ORG-006][AM-ORG-007]") {
    org_world w;
    const auto [id, challenge] = w.found("acme.example", admin());
    w.enroll(alice());
    check_refused(w.add(w.joining(id, alice(), admin()), admin()), 403, "forbidden", "AM-ORG-003");
    w.establish(id, challenge, admin());

    const auto good = w.joining(id, alice(), admin());
    check_refused(w.add(good, alice()), 401, "invalid_signature", "AM-REG-004");
    check_refused(w.post("/v1/org/agents", good), 401, "signature_required", "AM-REG-005");
    w.enroll(bob());
    auto by_bob = good;
    replace(by_bob, "admin_amid", json_text(bob().name()));
    check_refused(w.add(by_bob, bob()), 403, "forbidden", "AM-ORG-003");
    auto squat = good;
    replace(squat, "agent_signing_public_key", json_text(identity::to_text(bob().signing.public_key())));
    check_refused(w.add(squat, admin()), 400, "amid_mismatch", "AM-ORG-002");
    auto other_exchange = good;
    replace(other_exchange, "agent_exchange_public_key", json_text(identity::to_text(bob().exchange.public_key())));
    check_refused(w.add(other_exchange, admin()), 400, "invalid_member", "AM-ORG-007");
    auto silent = good;
    replace(silent, "agent_consent", "null");
    check_refused(w.add(silent, admin()), 401, "signature_required", "AM-REG-005");
    auto of_another = good;
    replace(of_another, "agent_consent", json_text(bob().sign(as_bytes(std::string{"yes"}))));
    check_refused(w.add(of_another, admin()), 401, "invalid_signature", "AM-ORG-006");
    auto moved = good;
    replace(moved, "agent_consent_at", json_text(format_time(w.now.wall)));
    check_refused(w.add(moved, admin()), 401, "invalid_signature", "AM-ORG-006");
    CHECK(w.row(alice()).trust == tier::anonymous);

    const auto out = w.add(good, admin());
    INFO(out.body);
    CHECK(out.status == 201);
    CHECK(member(out, "agent_certificate") == "null");
    CHECK(w.row(alice()).trust == tier::organization);
    CHECK(w.row(alice()).display_name.empty());  // what an agent says of itself stays its own
    CHECK(w.row(alice()).score == 700'000);
    CHECK(member(w.get("/v1/registry/lookup", "amid=" + alice().name()), "organization") == R"("Acme Travel")");
    CHECK(member(w.get("/v1/org/lookup", "domain=acme.example"), "agent_count") == "1");
    check_refused(w.add(good, admin()), 401, "invalid_signature", "AM-ORG-006");  // once

    SECTION("an agent that is not registered is, under the exchange key that it signed for") {
        const agent fresh{20};
        CHECK(w.add(w.joining(id, fresh, admin()), admin()).status == 201);
        const auto row = w.row(fresh);
        CHECK(row.exchange == fresh.exchange.public_key());
        CHECK(row.capabilities == std::vector<std::string>{"travel/flights"});
        CHECK(row.relay == "wss://relay.example/v1/connect");
        CHECK(row.score == 700'000);
        const agent swapped{21};
        auto other_key = w.joining(id, swapped, admin());
        replace(other_key, "agent_exchange_public_key", json_text(identity::to_text(bob().exchange.public_key())));
        check_refused(w.add(other_key, admin()), 401, "invalid_signature", "AM-ORG-006");
    }
    SECTION("a consent is good for a day") {
        auto old = w.joining(id, bob(), admin());
        w.now = w.now + 24h + 1min;
        check_refused(w.add(old, admin()), 401, "invalid_signature", "AM-ORG-006");
        old = w.joining(id, bob(), admin());
        w.now = w.now + -62s;
        check_refused(w.add(old, admin()), 401, "invalid_signature", "AM-ORG-006");
    }
    SECTION("one organization at a time") {
        const auto [second, text] = w.found("other.example", bob());
        w.establish(second, text, bob());
        check_refused(w.add(w.joining(second, alice(), bob()), bob()), 409, "already_exists", "AM-ORG-007");
        CHECK(w.add(w.joining(id, alice(), admin()), admin()).status == 201);  // the same again renews
    }
    SECTION("a revoked agent stays out") {
        CHECK(w.post_dated("/v1/registry/revoke", bob(),
                           {{"amid", json_text(bob().name())},
                            {"reason", R"("key_compromise")"},
                            {"revoker_amid", json_text(bob().name())}})
                  .status == 200);
        check_refused(w.add(w.joining(id, bob(), admin()), admin()), 403, "revoked", "AM-REG-018");
    }
    SECTION("an administrator needs no second signature for itself") {
        auto self = w.joining(id, admin(), admin());
        replace(self, "agent_consent", "null");
        replace(self, "agent_consent_at", "null");
        CHECK(w.add(self, admin()).status == 201);
        CHECK(w.row(admin()).trust == tier::organization);
    }
    SECTION("the administrator revokes its members, registered or not") {
        const auto revoke = [&](const agent& who) {
            return w.post_dated("/v1/registry/revoke", admin(),
                                {{"amid", json_text(who.name())},
                                 {"reason", R"("privilege_withdrawn")"},
                                 {"revoker_amid", json_text(admin().name())}});
        };
        check_refused(revoke(bob()), 401, "invalid_signature", "AM-REG-004");
        CHECK(revoke(alice()).status == 200);
        CHECK(w.row(alice()).revoked);
    }
    SECTION("whoever succeeds the administrator administers") {
        w.enroll(admin());
        auto row = w.row(admin());
        row.successor = bob().who();
        REQUIRE(w.store.transact([&](memory_store::transaction& tx) { return tx.update_agent(row); }));
        CHECK(w.add(w.joining(id, alice(), bob()), bob()).status == 201);
    }
}

TEST_CASE("the leaderboard has those with five ratings, by what they can do", "[unit][registry][AM-ORG-010]") {
    world w;
    std::vector<agent> all;
    for (std::uint64_t i = 0; i < 7; ++i) {
        all.emplace_back(30 + i);
        w.enroll(all.back(), {{"capabilities", i == 0 ? R"(["travel/flights"])" : R"(["research"])"},
                              {"display_name", json_text("agent " + std::to_string(i))}});
    }
    const auto rate = [&](const agent& from, const agent& about, std::string_view score, const std::string& session) {
        CHECK(w.post_dated("/v1/registry/reputation/feedback", from,
                           {{"from_amid", json_text(from.name())},
                            {"target_amid", json_text(about.name())},
                            {"session_id", json_text(session)},
                            {"score", std::string{score}}})
                  .status == 200);
    };
    for (std::size_t i = 2; i < 7; ++i) rate(all[i], all[0], "0.9", "a");
    for (std::size_t i = 2; i < 6; ++i) rate(all[i], all[1], "1", "b");
    const auto entry = [&](const agent& of, int rank, const std::string& label) {
        const auto row = w.row(of);
        std::string score;
        json::append_number(score, row.score / 1e6);
        return R"({"rank":)" + std::to_string(rank) + R"(,"amid":)" + json_text(of.name()) + R"(,"display_name":")" +
               label + R"(","tier":"anonymous","score":)" + score + R"(,"ratings_count":5})";
    };
    CHECK(w.get("/v1/registry/reputation/leaderboard").body ==
          R"({"leaderboard":[)" + entry(all[0], 1, "agent 0") + R"(],"limit":20,"intent_filter":null})");
    rate(all[6], all[1], "1", "b");
    CHECK(w.get("/v1/registry/reputation/leaderboard", "limit=4294967295").body ==
          R"({"leaderboard":[)" + entry(all[1], 1, "agent 1") + "," + entry(all[0], 2, "agent 0") +
              R"(],"limit":100,"intent_filter":null})");
    CHECK(w.get("/v1/registry/reputation/leaderboard", "limit=1&intent=travel").body ==
          R"({"leaderboard":[)" + entry(all[0], 1, "agent 0") + R"(],"limit":1,"intent_filter":"travel"})");
    CHECK(w.get("/v1/registry/reputation/leaderboard", "intent=cooking").body ==
          R"({"leaderboard":[],"limit":20,"intent_filter":"cooking"})");
    check_refused(w.get("/v1/registry/reputation/leaderboard", "limit=x"), 400, "invalid_member", "AM-REG-015");
    check_refused(w.get("/v1/registry/reputation/leaderboard", "limit=4294967296"), 400, "invalid_member",
                  "AM-REG-015");
}
