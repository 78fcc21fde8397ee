// The client before the library's own registry.
#include <agentmesh/registry/client.hpp>
#include <agentmesh/registry/service.hpp>

#include "tests/unit/registry/client_lies.hpp"

using namespace client_tests;

namespace {

struct town {
    memory_store store{};
    crypto::scripted_random random{99};
    service<memory_store, crypto::scripted_random> hall{
        store, {.host = "registry.example", .relay_endpoint = "wss://relay.example/v1/connect"}, random};
    moment now{.wall = noon};

    http::response send(const result<http::request>& request) {
        REQUIRE(request);
        CHECK(request->fields.count("Host") == 0);  // the connection adds it
        auto whole_request = *request;
        whole_request.fields.add("Host", "registry.example");
        now = now + 1us;
        return hall.handle(whole_request, {.address = "192.0.2.7"}, now);
    }
};

/// An agent of the town with its prekeys.
struct citizen {
    town& home;
    const local_identity& self;
    client_memory memory{};
    client mesh;
    memory_state state{};
    e2ee::prekey_store prekeys{{.one_time_full = 3, .one_time_low = 1}};

    citizen(town& in, const local_identity& who, request_form form = request_form::proof)
        : home{in}, self{who}, mesh{who, {.host = "registry.example", .form = form}, memory} {}
    citizen(const citizen&) = delete;
    citizen& operator=(const citizen&) = delete;

    time_point now() const { return home.now.wall; }
    void settle(std::uint32_t epoch = 1) {
        const auto answer = home.send(mesh.enroll(
            {.display_name = "somebody", .capabilities = {"travel/flights"}, .epoch = epoch}, now(), home.random));
        INFO(answer.body);
        REQUIRE(mesh.read_enrolment(answer));
        REQUIRE(prekeys.maintain(self, state, home.random, now()));
        const auto keys = prekeys.publication(e2ee::identity_card::make(self, epoch)).value();
        const auto stored = mesh.read_upload(home.send(mesh.upload_prekeys(keys, now(), home.random)));
        REQUIRE(stored);
        CHECK(stored->stored == 3);
        CHECK(stored->refused.empty());
    }
    result<found_agent> find(const citizen& who) {
        return mesh.read_lookup(who.self.name(), home.send(mesh.lookup(who.self.name())), now());
    }
    result<fetched_prekeys> fetch(const citizen& who) {
        AGENTMESH_TRY(found, find(who));
        return mesh.read_prekeys(found, home.send(mesh.prekeys(who.self.name(), now(), home.random)), now());
    }
    result<std::optional<told_revocation>> standing_of(const citizen& who) {
        return mesh.read_revocation(who.self.name(), home.send(mesh.revocation(who.self.name())));
    }
};

}  // namespace

TEST_CASE("an agent registers, is found, and can be knocked at", "[unit][registry][AM-FND-005][AM-REG-022]") {
    town t;
    citizen a{t, alice()}, b{t, bob()};
    a.settle();
    b.settle();
    const auto found = b.find(a);
    REQUIRE(found);
    CHECK(found->display_name == "somebody");
    CHECK(found->capabilities == std::vector<std::string>{"travel/flights"});
    CHECK(found->relay == "wss://relay.example/v1/connect");
    CHECK(found->trust == tier::anonymous);
    CHECK(found->reputation == 500'000);
    CHECK(found->card == e2ee::identity_card::make(alice(), 1));
    CHECK(!found->revoked);

    std::set<std::uint32_t> ids;
    for (int i = 0; i < 3; ++i) {
        const auto keys = b.fetch(a);
        REQUIRE((keys && keys->bundle() && keys->bundle()->one_time));
        CHECK(ids.insert(keys->bundle()->one_time->id).second);
        CHECK(a.prekeys.find_one_time(keys->bundle()->one_time->id));
    }
    CHECK(!b.fetch(a)->bundle()->one_time);
    CHECK(b.mesh.take_changed());
    CHECK(!b.mesh.take_changed());

    const auto change = a.mesh.read_change(t.send(a.mesh.set_status(availability::online, a.now(), t.random)));
    REQUIRE(change);
    CHECK(change->one_time_left == 0U);
    CHECK(change->one_time_low);
    CHECK(b.find(a)->status == availability::online);
    const std::vector<std::string> skills{"travel/hotels"};
    CHECK(a.mesh.read_change(t.send(a.mesh.set_capabilities(skills, a.now(), t.random))));

    const auto rows = b.mesh.read_search(t.send(b.mesh.search({.capability = "travel"})), b.now());
    REQUIRE(rows);
    CHECK(rows->total == 2);
    CHECK(rows->left_out == 0);
    CHECK(rows->rows.size() == 2);
    const search_terms demanding{.capability = "travel/h*",
                                 .at_least = tier::anonymous,
                                 .score_at_least = 400'000,
                                 .status = availability::online,
                                 .limit = 1};
    CHECK(b.mesh.read_search(t.send(b.mesh.search(demanding)), b.now())->rows.at(0).who == alice().name());

    CHECK(b.mesh.read_did(alice().name(), t.send(b.mesh.did(alice().name()))));
    CHECK(b.mesh.read_did(mallory().name(), t.send(b.mesh.did(alice().name()))).error() ==
          error{errc::amid_mismatch, "AM-FND-001"});
}

TEST_CASE("who registers twice hears that somebody did, and can see that it was he", "[unit][registry]") {
    town t;
    citizen a{t, alice()};
    a.settle();
    const auto again = a.mesh.read_enrolment(t.send(a.mesh.enroll({}, a.now(), t.random)));
    CHECK(again.error().code == errc::duplicate);
    CHECK(a.mesh.is_own(*a.find(a)));
    citizen b{t, bob()};
    b.settle();
    CHECK(!a.mesh.is_own(*a.find(b)));
}

TEST_CASE("a revocation is shown with the agent's own word, and stays", "[unit][registry][AM-FND-008][AM-FND-010]") {
    town t;
    citizen a{t, alice()}, b{t, bob()};
    a.settle();
    CHECK(b.fetch(a).error().code == errc::bad_signature);  // the registry does not know who asks
    const auto bare = b.mesh.read_prekeys(*b.find(a), t.send(b.mesh.bare_prekeys(alice().name())), t.now.wall);
    REQUIRE(bare);
    CHECK(!bare->bundle()->one_time);
    CHECK(b.standing_of(a).value() == std::nullopt);
    const auto revoked = t.send(a.mesh.revoke(revocation_reason::key_compromise, "stolen", a.now(), t.random));
    INFO(revoked.body);
    CHECK(a.mesh.read_change(revoked));
    const auto told = b.standing_of(a);
    REQUIRE((told && *told));
    CHECK((*told)->reason == "key_compromise");
    CHECK((*told)->notes == "stolen");
    CHECK((*told)->by == alice().name());
    REQUIRE((*told)->proof);
    CHECK((*told)->proof->reason == revocation_reason::key_compromise);
    CHECK(b.find(a)->revoked);
    CHECK(b.fetch(a).error().code == errc::certificate_revoked);
    CHECK(a.mesh.read_change(t.send(a.mesh.set_status(availability::online, a.now(), t.random))).error().code ==
          errc::certificate_revoked);
}

TEST_CASE("a key succeeds another, which both have signed", "[unit][registry][AM-FND-011]") {
    town t;
    citizen a{t, alice()}, b{t, bob()}, next{t, mallory()};
    a.settle();
    CHECK(b.find(a));
    const auto done = t.send(a.mesh.succeed(next.self, 1, a.now(), t.random));
    INFO(done.body);
    CHECK(a.mesh.read_change(done));
    const auto old = b.find(a);
    REQUIRE(old);
    CHECK(old->revoked);
    CHECK(old->successor == next.self.name());
    const auto heir = b.find(next);
    REQUIRE(heir);
    CHECK(heir->predecessor == alice().name());
    CHECK(heir->display_name == "somebody");
    CHECK(!heir->revoked);
    CHECK(b.memory.find(alice().name())->successor->to() == next.self.name());
}

TEST_CASE("an agent rates another once for a session, and reports how it ended", "[unit][registry]") {
    town t;
    citizen a{t, alice()}, b{t, bob()};
    a.settle();
    b.settle();
    const std::vector<std::string> tags{"reliable"};
    const auto rate = [&] { return t.send(b.mesh.rate(alice().name(), "s1", 1'000'000, tags, b.now(), t.random)); };
    CHECK(b.mesh.read_change(rate()));
    CHECK(b.mesh.read_change(rate()).error().code == errc::duplicate);
    CHECK(b.find(a)->reputation > 500'000);
    CHECK(b.find(a)->ratings == 1);
    const client::session_account account{
        .session = "s1", .initiator = bob().name(), .receiver = alice().name(), .intent = "travel", .started_at = noon};
    CHECK(b.mesh.read_change(t.send(b.mesh.report_session(account, b.now(), t.random))));
    CHECK(b.mesh.read_change(t.send(b.mesh.rate(bob().name(), "s2", 1, {}, b.now(), t.random))).error().code ==
          errc::wrong_member);
}

TEST_CASE("an owner may speak to a registry as deployed agents do", "[unit][registry][AM-FND-012]") {
    town t;
    citizen a{t, alice(), request_form::signed_time};
    a.settle();
    CHECK(a.mesh.read_change(t.send(a.mesh.set_status(availability::away, a.now(), t.random))));
    const auto request = a.mesh.prekeys(alice().name(), a.now(), t.random);
    CHECK(!has_proof(*request));
    const auto keys = a.fetch(a);
    REQUIRE(keys);
    CHECK(!keys->bundle()->one_time);  // nothing shows who asks
}
