// Bundles of suite am1 at a registry: what goes in is what a client accepts when it comes out.
#include <agentmesh/e2ee/prekey_store.hpp>

#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

std::int64_t second(time_point at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }

exchange_public_key some_key(std::uint64_t seed) {
    crypto::scripted_random random{5000 + seed};
    return exchange_key_pair::generate(random).value().public_key();
}

/// An agent of suite am1: the same signing key whatever its exchange key.
local_identity self(std::uint64_t seed, std::uint64_t exchange_seed) {
    crypto::scripted_random random{seed}, other{exchange_seed};
    auto signing = signing_key_pair::generate(random).value();
    return {std::move(signing), exchange_key_pair::generate(other).value(), noon};
}

/// `count` one-time prekeys from `first` on in one batch.
bundle_upload bundle(const local_identity& owner, std::uint32_t first, std::size_t count, std::uint32_t epoch = 1,
                     std::int64_t from = second(noon)) {
    bundle_upload out{e2ee::identity_card::make(owner, epoch),
                      e2ee::signed_prekey::make(owner, 7, some_key(0), from, from + e2ee::prekey_validity_max)};
    if (count == 0) return out;
    std::vector<exchange_public_key> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(some_key(first + i));
    const auto batch = e2ee::prekey_batch::make(owner, first, keys);
    for (std::size_t i = 0; i < count; ++i) out.one_time.push_back(batch.prekey(first + static_cast<std::uint32_t>(i)));
    return out;
}

struct bundle_world : world {
    agent alice{1}, bob{2};
    local_identity identity = self(1, 1);

    bundle_world() {
        enroll(alice);
        enroll(bob);
    }
    http::response put(const bundle_upload& of, members more = {}) { return put_text(write_upload(of), more); }
    http::response put_text(std::string text, members more = {}) {
        members all{{"amid", json_text(alice.name())}, {"bundle", std::move(text)}};
        all.insert(all.end(), more.begin(), more.end());
        return post_proven("/v1/registry/prekeys", alice, all);
    }
    http::response fetch() {
        return send(proven(bob, {.method = "GET",
                                 .path = "/v1/registry/prekeys/" + alice.name(),
                                 .fields = {{"Host", "registry.example"}}}));
    }
    result<e2ee::prekey_bundle> read(const http::response& out) {
        return e2ee::read_bundle(member(out, "bundle"), alice.who(), now.wall);
    }
};

members deployed(const agent& by, std::uint64_t key) {
    return {{"signed_prekey", json_text(identity::to_text(some_key(key)))},
            {"signed_prekey_signature", json_text(by.sign(some_key(key).bytes()))},
            {"signed_prekey_id", "3"}};
}

}  // namespace

TEST_CASE("a bundle comes out as a client takes it, each one-time prekey once",
          "[unit][registry][AM-REG-050][AM-REG-052][AM-REG-022]") {
    bundle_world w;
    const auto sent = bundle(w.identity, 1, 3);
    const auto stored = w.put(sent);
    CHECK(stored.body == R"({"success":true,"signed_prekey_id":7,"one_time_prekeys_stored":3,)"
                         R"("one_time_prekeys_left":3,"one_time_prekeys_low":false})");
    const auto anybody = w.get("/v1/registry/prekeys/" + w.alice.name());
    CHECK(w.read(anybody).value() == e2ee::prekey_bundle{sent.card, sent.signed_key});
    CHECK(member(anybody, "signed_prekey").empty());
    for (std::size_t i = 0; i < 3; ++i) {
        const auto out = w.fetch();
        CHECK(w.read(out).value() == e2ee::prekey_bundle{sent.card, sent.signed_key, sent.one_time[i]});
        CHECK(member(out, "one_time_prekey").empty());
    }
    CHECK_FALSE(w.read(w.fetch()).value().one_time);
}

TEST_CASE("both forms of prekeys stand beside each other", "[unit][registry][AM-REG-052][AM-REG-020]") {
    bundle_world w;
    CHECK(w.put(bundle(w.identity, 1, 2), deployed(w.alice, 50)).status == 200);
    const auto out = w.fetch();
    CHECK(member(out, "signed_prekey") == json_text(identity::to_text(some_key(50))));
    CHECK(member(out, "signed_prekey_id") == "3");
    CHECK(w.read(out).value().one_time);
    auto forged = deployed(w.bob, 50);
    check_refused(w.put(bundle(w.identity, 1, 2), forged), 400, "invalid_prekey_signature", "AM-REG-020");
    forged.pop_back();
    CHECK(w.put(bundle(w.identity, 1, 2), forged).status == 400);
    // What is there for registries that do not know bundles is passed over.
    auto more = deployed(w.alice, 50);
    more.emplace_back("one_time_prekeys", "[{\"id\":9,\"key\":" + json_text(identity::to_text(some_key(9))) + "}]");
    CHECK(member(w.put(bundle(w.identity, 1, 2), more), "one_time_prekeys_stored") == "1");
    CHECK(w.read(w.fetch()).value().one_time->id == 2);
    // Without a bundle, what was there of one is gone.
    auto all = deployed(w.alice, 51);
    all.emplace_back("amid", json_text(w.alice.name()));
    CHECK(w.post_proven("/v1/registry/prekeys", w.alice, all).status == 200);
    CHECK(member(w.fetch(), "bundle").empty());
}

TEST_CASE("no part of a bundle is kept that a client would refuse",
          "[unit][registry][AM-REG-050][AM-REG-023][AM-KEX-011]") {
    bundle_world w;
    const auto good = bundle(w.identity, 10, 3);
    CHECK(w.put(good).status == 200);
    const auto refused = [&](const bundle_upload& bad) {
        const auto out = w.put(bad);
        INFO(out.body);
        CHECK(out.status == 400);
        CHECK(w.read(w.get("/v1/registry/prekeys/" + w.alice.name())).value().card == good.card);
    };
    const auto stranger = self(2, 2);
    refused(bundle(stranger, 20, 1));
    auto bad = good;
    bad.signed_key = e2ee::signed_prekey::make(stranger, 7, some_key(0), second(noon), second(noon) + 100);
    refused(bad);
    bad = good;
    bad.signed_key.id = 8;
    refused(bad);
    bad = good;
    bad.card.epoch = 9;
    refused(bad);
    bad = good;
    bad.one_time[2].key = some_key(77);
    refused(bad);
    bad = good;
    bad.one_time[0].proof = bundle(stranger, 10, 3).one_time[0].proof;
    refused(bad);
    bad = good;
    bad.one_time[1].id = 12;
    refused(bad);
    bad = good;
    bad.one_time[1] = bad.one_time[0];
    check_refused(w.put(bad), 400, "invalid_member", "AM-REG-023");
    bad = good;
    bad.one_time[1].path.pop_back();
    refused(bad);
    const auto late = e2ee::signed_prekey::make(w.identity, 8, some_key(0), second(noon) - 100, second(noon) - 1);
    bad = good;
    bad.signed_key = late;
    check_refused(w.put(bad), 400, "invalid_prekey_time", "AM-KEX-013");
    for (const std::string text : {"{}", "[]", "1", "{\"card\":\"\"}"}) CHECK(w.put_text(text).status == 400);
    bad = good;
    bad.one_time.clear();
    for (std::uint32_t i = 0; i <= upload_max_batches; ++i)
        bad.one_time.push_back(bundle(w.identity, 100 + i, 1).one_time[0]);
    check_refused(w.put(bad), 400, "too_large", "AM-REG-050");
    bad.one_time.pop_back();
    CHECK(w.put(bad).status == 200);
}

TEST_CASE("neither a card nor a signed prekey goes back", "[unit][registry][AM-REG-051][AM-REG-054]") {
    bundle_world w;
    const auto exchange = [&] {
        return member(w.get("/v1/registry/lookup", "amid=" + w.alice.name()), "exchange_public_key");
    };
    CHECK(w.put(bundle(w.identity, 1, 1, 4)).status == 200);
    const auto renewed = self(1, 33);
    const auto other = self(1, 34);
    check_refused(w.put(bundle(renewed, 2, 1, 4)), 409, "rollback", "AM-REG-051");
    check_refused(w.put(bundle(renewed, 2, 1, 3)), 409, "rollback", "AM-REG-051");
    CHECK(exchange() == json_text(identity::to_text(w.identity.exchange().public_key())));
    CHECK(w.put(bundle(renewed, 2, 1, 5)).status == 200);
    CHECK(exchange() == json_text(identity::to_text(renewed.exchange().public_key())));
    CHECK(member(w.fetch(), "identity_key") == json_text(identity::to_text(renewed.exchange().public_key())));
    CHECK(member(w.get("/v1/registry/lookup", "amid=" + w.alice.name()), "card") ==
          json_text(to_base64(e2ee::identity_card::make(renewed, 5).bytes(), base64_form::url_unpadded)));
    check_refused(w.put(bundle(w.identity, 3, 1, 4)), 409, "rollback", "AM-REG-051");
    check_refused(w.put(bundle(other, 3, 1, 5)), 409, "rollback", "AM-REG-051");
    check_refused(w.put(bundle(renewed, 3, 1, 5, second(noon) - 1)), 409, "rollback", "AM-REG-051");
    CHECK(w.put(bundle(renewed, 3, 1, 5, second(noon))).status == 200);
    // Also not behind an upload of the other form.
    auto all = deployed(w.alice, 51);
    all.emplace_back("amid", json_text(w.alice.name()));
    CHECK(w.post_proven("/v1/registry/prekeys", w.alice, all).status == 200);
    check_refused(w.put(bundle(renewed, 4, 1, 5, second(noon) - 1)), 409, "rollback", "AM-REG-051");
    check_refused(w.put(bundle(w.identity, 4, 1, 4)), 409, "rollback", "AM-REG-051");
}

TEST_CASE("a spent one-time prekey stays spent, and no id runs far ahead", "[unit][registry][AM-REG-022][AM-REG-053]") {
    bundle_world w;
    CHECK(w.put(bundle(w.identity, 4'000'000'000, 2)).status == 200);  // the first may begin anywhere
    CHECK(w.read(w.fetch()).value().one_time->id == 4'000'000'000);
    const auto again = w.put(bundle(w.identity, 4'000'000'000, 2));
    CHECK(member(again, "one_time_prekeys_refused") == "[4000000000]");
    CHECK(member(again, "one_time_prekeys_stored") == "1");
    const std::uint32_t next = 4'000'000'002;
    check_refused(w.put(bundle(w.identity, next + one_time_id_step, 1)), 400, "invalid_member", "AM-REG-053");
    check_refused(w.put(bundle(w.identity, next + one_time_id_step - 1, 2)), 400, "invalid_member", "AM-REG-053");
    CHECK(w.put(bundle(w.identity, next + one_time_id_step - 1, 1)).status == 200);
    CHECK(w.read(w.fetch()).value().one_time->id == next + one_time_id_step - 1);
}

TEST_CASE("the owner hears that one-time prekeys run out", "[unit][registry][AM-REG-055]") {
    bundle_world w;
    const auto status = [&] {
        return w.post_proven("/v1/registry/status", w.alice,
                             {{"amid", json_text(w.alice.name())}, {"status", R"("online")"}});
    };
    CHECK(member(status(), "one_time_prekeys_left").empty());
    CHECK(w.put(bundle(w.identity, 1, 10)).status == 200);
    for (int i = 0; i < 8; ++i) CHECK(w.fetch().status == 200);
    CHECK(member(status(), "one_time_prekeys_left") == "2");
    CHECK(member(status(), "one_time_prekeys_low") == "false");
    CHECK(w.fetch().status == 200);
    CHECK(member(status(), "one_time_prekeys_low") == "true");
    const auto named = w.post_proven("/v1/registry/capabilities", w.alice,
                                     {{"amid", json_text(w.alice.name())}, {"capabilities", R"(["travel"])"}});
    CHECK(named.body == R"({"success":true,"one_time_prekeys_left":1,"one_time_prekeys_low":true})");
}
