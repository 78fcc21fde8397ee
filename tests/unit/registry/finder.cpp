#include <agentmesh/registry/finder.hpp>

#include "tests/unit/registry/client_lies.hpp"

using namespace client_tests;

namespace {

/// A finder, what it asks for, and what it says.
struct search_party {
    struct question {
        find_ticket what{};
        std::string asks{};  ///< of a registry: the path; else the place
        std::optional<http::request> request{};
    };
    std::vector<question> asked{};
    std::vector<std::pair<amid, result<void>>> outcomes{};
    std::vector<std::pair<find_source, error>> doubts{};
    std::vector<std::pair<result<void>, std::uint64_t>> publications{};

    void ask_registry(find_ticket what, http::request&& request) {
        asked.push_back({what, request.path, std::move(request)});
    }
    void ask_dht(find_ticket what, const amid&) { asked.push_back({what, "dht", {}}); }
    void ask_lan(find_ticket what, const amid&) { asked.push_back({what, "lan", {}}); }
    void resolved(const amid& who, const result<void>& outcome) { outcomes.emplace_back(who, outcome); }
    void doubted(find_source where, const amid&, const error& why) { doubts.emplace_back(where, why); }
    void published(const result<void>& outcome, std::uint64_t keys) { publications.emplace_back(outcome, keys); }

    client_memory memory{};
    client mesh{bob(), {.host = "registry.example"}, memory};
    found_agents found{};
    crypto::scripted_random random{77};
    finder<crypto::scripted_random> find;
    moment now{.wall = noon};

    explicit search_party(finder_options chosen = {}) : find{&mesh, found, memory, std::move(chosen), random} {}
    search_party(const search_party&) = delete;
    search_party& operator=(const search_party&) = delete;

    void look(const amid& who = alice().name()) { REQUIRE(find.resolve(who, now, *this)); }
    question next() {
        REQUIRE(!asked.empty());
        auto out = std::move(asked.front());
        asked.erase(asked.begin());
        return out;
    }
    void reply(const std::string& to, const result<http::response>& with) {
        const auto one = next();
        CHECK(one.asks == to);
        find.on_reply(one.what, with, now, *this);
    }
    void tell(const std::string& at, const std::optional<self_told>& told) {
        const auto one = next();
        CHECK(one.asks == at);
        find.on_told(one.what, told, now, *this);
    }
    void pass(duration by) {
        now = now + by;
        find.on_tick(now, *this);
    }
    /// How looking for Alice ended.
    std::optional<error> outcome() {
        REQUIRE(outcomes.size() == 1);
        CHECK(outcomes.front().first == alice().name());
        CHECK(find.running() == 0);
        CHECK(asked.empty());
        return refusal(std::exchange(outcomes, {}).front().second);
    }
};

const std::string lookup_path = "/v1/registry/lookup", revocation_path = "/v1/registry/revocation";
const std::string prekeys_path = "/v1/registry/prekeys/" + std::string{alice().name().text()};

http::response nobody() { return http::response::json(404, R"({"error":"not_found"})"); }
self_told told_by_alice(std::uint32_t id = 1) {
    return {
        .card = e2ee::identity_card::make(alice(), 1), .prekey = prekey_of(alice(), id), .relay = "wss://r.example"};
}

}  // namespace

TEST_CASE("an agent is found at a registry with three questions, and can be knocked at once",
          "[unit][registry][AM-FND-009][AM-FND-015]") {
    search_party p;
    p.look();
    p.look();  // once is enough
    p.reply(lookup_path, with_card().reply());
    p.reply(revocation_path, standing_reply(false, alice().name()));
    CHECK(has_proof(*p.asked.front().request));
    p.reply(prekeys_path, prekeys_reply(bundle_of(alice(), 1, 1)));
    CHECK(!p.outcome());
    const auto record = p.found.find(alice().name());
    REQUIRE(record);
    CHECK(record->trust == tier::anonymous);
    CHECK(record->reputation_ppm == 750'000);
    CHECK(record->relay == "wss://relay.example/v1/connect");
    CHECK(p.found.take_bundle(alice().name(), noon));
    CHECK(p.found.take_bundle(alice().name(), noon).error().code == errc::unknown_prekey);
    p.pass(p.found.keep());
    p.found.expire(p.now);
    CHECK(p.found.find(alice().name()).error().code == errc::unknown_peer);
}

TEST_CASE("places are asked in the order of the owner, and no others", "[unit][registry][AM-FND-015]") {
    search_party p;
    p.look();
    p.reply(lookup_path, nobody());
    p.tell("dht", std::nullopt);
    p.tell("lan", told_by_alice());
    CHECK(!p.outcome());
    CHECK(p.doubts.empty());
    CHECK(p.found.find(alice().name())->trust == tier::anonymous);

    search_party q{{.order = {find_source::lan, find_source::dht}}};
    q.look();
    q.tell("lan", std::nullopt);
    q.tell("dht", std::nullopt);
    CHECK(q.outcome()->code == errc::unknown_peer);

    search_party none{{.order = {}}};
    none.look();
    CHECK(none.outcome()->code == errc::unknown_peer);
}

TEST_CASE("what the table and the network tell is held to the same proofs", "[unit][registry][AM-FND-016]") {
    const auto refused = [](search_party& p, const self_told& told, errc code, clause_id clause) {
        p.look();
        p.tell("dht", told);
        CHECK(p.outcome() == error{code, clause});
        REQUIRE(p.doubts.size() == 1);
        CHECK(p.doubts.front() == std::pair{find_source::dht, error{code, clause}});
        CHECK(p.found.size() == 0);
    };
    const finder_options table{.order = {find_source::dht}};
    {
        search_party p{table};
        refused(p, {.card = e2ee::identity_card::make(mallory(), 1)}, errc::amid_mismatch, "AM-FND-001");
    }
    {
        search_party p{table};
        auto told = told_by_alice();
        told.card.exchange = mallory().exchange().public_key();
        refused(p, told, errc::bad_bundle, "AM-KEX-006");
    }
    {
        search_party p{table};
        auto told = told_by_alice();
        told.prekey->key = some_key(666);
        refused(p, told, errc::bad_bundle, "AM-KEX-011");
    }
    {
        search_party p{table};
        p.memory.note_bundle(bundle_of(alice_later(), 2, 1));
        refused(p, told_by_alice(), errc::epoch_rollback, "AM-FND-004");
    }
    {
        search_party p{table};
        p.memory.note_bundle(bundle_of(alice(), 1, 2));
        refused(p, told_by_alice(1), errc::old_record, "AM-FND-006");
    }
}

TEST_CASE("a lie is doubted, and another place may still know better", "[unit][registry][AM-FND-016]") {
    search_party p;
    p.look();
    auto told = with_card();
    told.exchange = identity::to_text(mallory().exchange().public_key());
    p.reply(lookup_path, told.reply());
    p.tell("dht", told_by_alice());
    CHECK(!p.outcome());
    CHECK(p.doubts == std::vector{std::pair{find_source::registry, error{errc::bad_bundle, "AM-FND-002"}}});
    CHECK(p.found.find(alice().name())->card.exchange == alice().exchange().public_key());
}

TEST_CASE("a revocation ends the search, and nobody is asked again", "[unit][registry][AM-FND-008][AM-FND-017]") {
    search_party p;
    p.look();
    p.reply(lookup_path, with_card().reply());
    const auto gone = revocation_statement::make(alice().signing(), revocation_reason::key_compromise, noon);
    p.reply(revocation_path, standing_reply(true, alice().name(), "am1-revocation:" + gone.text()));
    CHECK(p.outcome()->code == errc::certificate_revoked);
    CHECK(p.memory.find(alice().name())->gone == gone);
    p.look();
    CHECK(p.outcome()->code == errc::certificate_revoked);

    search_party q;
    q.look();
    auto told = with_card();
    told.revoked = true;
    q.reply(lookup_path, told.reply());
    CHECK(q.outcome()->code == errc::certificate_revoked);
}

TEST_CASE("a registry that does not say whether an agent is revoked is not overruled",
          "[unit][registry][AM-FND-009][AM-FND-017]") {
    for (const bool late : {false, true}) {
        search_party p;
        p.look();
        p.reply(lookup_path, with_card().reply());
        if (late)
            p.pass(10s);
        else
            p.reply(revocation_path, http::response::json(404, "{}"));
        p.asked.clear();
        CHECK(p.outcome() == error{errc::revocation_unknown, "AM-FND-009"});
    }
}

TEST_CASE("a registry that cannot be reached is asked three times, then passed over if the owner allows it",
          "[unit][registry][AM-FND-017]") {
    for (const bool allowed : {true, false}) {
        search_party p{{.order = {find_source::registry, find_source::dht}, .without_registry = allowed}};
        p.look();
        p.reply(lookup_path, fail(errc::io_failed));
        CHECK(p.asked.empty());
        CHECK(p.find.next_deadline() == p.now.steady + 250ms);
        p.pass(250ms);
        p.reply(lookup_path, http::response::json(503, R"({"error":"unavailable"})"));
        p.pass(500ms);
        p.reply(lookup_path, fail(errc::io_failed));
        if (allowed) p.tell("dht", told_by_alice());
        CHECK(p.outcome() == (allowed ? std::nullopt : std::optional{error{errc::io_failed, {}}}));
        CHECK(p.doubts.empty());
        CHECK(p.memory.find(alice().name()) == (allowed ? p.memory.find(alice().name()) : nullptr));
    }
}

TEST_CASE("a place that stays silent is left after its time, and what it says later is passed over",
          "[unit][registry][AM-FND-015]") {
    search_party p{{.order = {find_source::dht, find_source::lan}}};
    p.look();
    const auto late = p.next();
    CHECK(p.find.next_deadline() == p.now.steady + 10s);
    p.pass(10s);
    p.find.on_told(late.what, told_by_alice(), p.now, p);
    CHECK(p.outcomes.empty());
    p.tell("lan", std::nullopt);
    CHECK(p.outcome()->code == errc::timed_out);
}

TEST_CASE("a proof is made anew for every try", "[unit][registry]") {
    search_party p;
    p.look();
    p.reply(lookup_path, with_card().reply());
    p.reply(revocation_path, standing_reply(false, alice().name()));
    const auto first = *p.asked.front().request;
    p.reply(prekeys_path, http::response{.status = 429, .fields = {{"Retry-After", "2"}}, .body = "{}"});
    CHECK(p.find.next_deadline() == p.now.steady + 2s);
    p.pass(2s);
    CHECK(p.asked.front().request->fields.only("Signature") != first.fields.only("Signature"));
    p.reply(prekeys_path, nobody());  // an agent without prekeys can be judged, and not be knocked at
    CHECK(!p.outcome());
    CHECK(p.found.find(alice().name()));
    CHECK(p.found.take_bundle(alice().name(), noon).error().code == errc::unknown_prekey);
}

TEST_CASE("who is not registered gets prekeys without a one-time one", "[unit][registry]") {
    search_party p;
    p.look();
    p.reply(lookup_path, with_card().reply());
    p.reply(revocation_path, standing_reply(false, alice().name()));
    const auto unknown = http::response::json(401, R"({"error":"invalid_signature"})");
    p.reply(prekeys_path, unknown);
    CHECK(!has_proof(*p.asked.front().request));
    p.reply(prekeys_path, prekeys_reply(bundle_of(alice(), 1, 1)));
    CHECK(!p.outcome());

    p.found.forget(alice().name());
    p.look();
    p.reply(lookup_path, with_card().reply());
    p.reply(revocation_path, standing_reply(false, alice().name()));
    p.reply(prekeys_path, unknown);
    p.reply(prekeys_path, unknown);  // and not for ever
    p.tell("dht", std::nullopt);
    p.tell("lan", std::nullopt);
    CHECK(p.outcome()->code == errc::bad_signature);
}

TEST_CASE("only so many agents are looked for at once", "[unit][registry]") {
    search_party p{{.order = {find_source::dht}, .at_once = 1}};
    p.look();
    CHECK(p.find.resolve(mallory().name(), p.now, p).error().code == errc::lookup_limit);
    p.tell("dht", std::nullopt);
    p.look(mallory().name());
}

TEST_CASE("the own record is brought to a registry that did not know it", "[unit][registry]") {
    search_party p;
    kept_publication own{.keys = {.card = e2ee::identity_card::make(bob(), 0), .signed_key = prekey_of(bob(), 1)}};
    p.find.publish(own, {.capabilities = {"travel"}}, p.now, p);
    p.reply("/v1/registry/prekeys", nobody());
    CHECK(p.asked.front().request->body.find("travel") != std::string::npos);
    p.reply("/v1/registry/register", fail(errc::io_failed));
    p.pass(250ms);
    // The first try had been taken, only its answer was lost.
    p.reply("/v1/registry/register", http::response::json(409, R"({"error":"already_exists"})"));
    p.reply("/v1/registry/prekeys", http::response::json(200, R"({"success":true,"one_time_prekeys_stored":3})"));
    REQUIRE(p.publications.size() == 1);
    CHECK(p.publications.front().first);
    CHECK(p.publications.front().second == 3);

    p.find.publish(own, {}, p.now, p);
    p.reply("/v1/registry/prekeys", nobody());
    p.reply("/v1/registry/register", http::response::json(409, "{}"));
    p.reply("/v1/registry/prekeys", nobody());  // it was another's registration
    CHECK(p.publications.back().first.error().code == errc::unknown_peer);
}
