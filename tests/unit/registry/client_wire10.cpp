// The client of profile wire10 before the library's own registry.
#include <agentmesh/registry/client_wire10.hpp>
#include <agentmesh/registry/service.hpp>

#include "tests/unit/registry/client_lies.hpp"

using namespace client_tests;

namespace {

struct mesh_town {
    memory_store store{};
    crypto::scripted_random random{99};
    service<memory_store, crypto::scripted_random> hall{store, {.host = "registry.example"}, random};
    moment now{.wall = noon};

    http::response send(const result<http::request>& request) {
        REQUIRE(request);
        auto sent = *request;
        sent.fields.add("Host", "registry.example");
        now = now + 1us;
        return hall.handle(sent, {.address = "192.0.2.7"}, now);
    }
};

e2ee::deployed_bundle own_bundle(const local_identity& of) {
    const auto key = some_key(70);
    return {.identity = of.signing().to_x25519().public_key(),
            .signing = of.signing().public_key(),
            .signed_id = 1,
            .signed_key = key,
            .proof = of.signing().sign(key.bytes())};
}

http::response reply_of(const e2ee::deployed_bundle& bundle) {
    return http::response::json(200, e2ee::write_wire10_bundle(bundle));
}

}  // namespace

TEST_CASE("an agent of profile wire10 registers, is found and fetched, and leaves",
          "[unit][registry][AM-FND-001][AM-FND-012]") {
    for (const auto form : {request_form::proof, request_form::signed_time}) {
        mesh_town t;
        const auto wall = [&] { return t.now.wall + 1us; };
        const mesh_client a{alice(), {.host = "registry.example", .form = form}};
        const mesh_client b{bob(), {.host = "registry.example", .form = form}};
        const std::vector<std::string> skills{"travel"};
        for (const auto* one : {&a, &b}) {
            const auto answer = t.send(one->enroll(skills, {{"team", "red"}}, wall(), t.random));
            INFO(answer.body);
            CHECK(one->read_enrolment(answer));
            const bool timed = one->heartbeat(wall(), t.random)->fields.count("Authorization") == 1;
            CHECK(timed == (form == request_form::signed_time));
        }
        CHECK(a.read_enrolment(t.send(a.enroll(skills, {}, wall(), t.random))).error().code == errc::duplicate);
        CHECK(b.read_enrolment(t.send(a.agent(a.name()))).error() == error{errc::amid_mismatch, "AM-FND-001"});

        const std::vector<e2ee::deployed_one_time> keys{{1, some_key(71)}, {2, some_key(72)}};
        const auto put = a.read_change(t.send(a.put_prekeys(own_bundle(alice()), keys, wall(), t.random)));
        REQUIRE(put);
        CHECK(put->one_time_left == 2U);
        const auto found = b.read_agent(a.name(), t.send(b.agent(a.name())));
        REQUIRE(found);
        CHECK(found->signing == alice().signing().public_key());
        CHECK(found->capabilities == skills);
        for (const auto& one : keys) {
            const auto got = b.read_prekeys(a.name(), t.send(b.prekeys(a.name(), wall(), t.random)));
            REQUIRE(got);
            CHECK(got->one_time == one);
        }
        CHECK(b.read_discovered(t.send(b.discover("travel")))->size() == 2);
        CHECK(b.read_discovered(t.send(b.discover("travel", 0))).error().code == errc::wrong_member);
        CHECK(b.read_change(t.send(b.rate(a.name(), 900'000, "good", wall(), t.random))));
        CHECK(a.read_change(t.send(a.heartbeat(wall(), t.random))));
        CHECK(b.read_presence(a.name(), t.send(b.presence(a.name()))) == true);
        CHECK(a.read_change(t.send(a.erase(wall(), t.random))));
        CHECK(b.read_agent(a.name(), t.send(b.agent(a.name()))).error().code == errc::unknown_peer);
    }
}

TEST_CASE("keys that do not follow from the name are refused", "[unit][registry][AM-FND-001][AM-FND-002][AM-FND-005]") {
    const mesh_client b{bob(), {.host = "registry.example"}};
    const auto who = mesh_did::of(alice().signing().public_key());
    CHECK(b.read_prekeys(who, reply_of(own_bundle(alice()))));
    CHECK(b.read_prekeys(who, reply_of(own_bundle(mallory()))).error() == error{errc::unbound_key, "AM-FND-002"});
    auto swapped = own_bundle(alice());
    swapped.identity = mallory().exchange().public_key();
    CHECK(b.read_prekeys(who, reply_of(swapped)).error().code == errc::bad_bundle);
    swapped = own_bundle(alice());
    swapped.signed_key = some_key(666);
    CHECK(b.read_prekeys(who, reply_of(swapped)).error().code == errc::bad_bundle);
    swapped = own_bundle(alice());
    swapped.signing.reset();
    CHECK(b.read_prekeys(who, reply_of(swapped)).error().code == errc::bad_bundle);

    const auto told = [&](const local_identity& name, const local_identity& key) {
        std::string out;
        json::writer{out}
            .begin_object()
            .member("did", mesh_did::of(name.signing().public_key()).text())
            .member("public_key", to_base64(key.signing().public_key().bytes(), base64_form::url_unpadded))
            .end_object();
        return http::response::json(200, out);
    };
    CHECK(b.read_agent(who, told(alice(), alice())));
    CHECK(b.read_agent(who, told(alice(), mallory())).error() == error{errc::amid_mismatch, "AM-FND-001"});
    CHECK(b.read_agent(who, told(mallory(), mallory())).error() == error{errc::amid_mismatch, "AM-FND-001"});
}
