#include <agentmesh/e2ee/deployed_bundle.hpp>

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

/// The `seed`th exchange key, as text.
std::string key(std::uint64_t seed) {
    crypto::scripted_random random{1000 + seed};
    return identity::to_text(exchange_key_pair::generate(random).value().public_key());
}

members upload(const agent& by, std::uint64_t signed_key, std::string id, std::string one_time) {
    const auto bytes = identity::parse_exchange_key(key(signed_key)).value();
    return {{"amid", json_text(by.name())},
            {"signed_prekey", json_text("x25519:" + key(signed_key))},
            {"signed_prekey_signature", json_text(by.sign(bytes.bytes()))},
            {"signed_prekey_id", std::move(id)},
            {"one_time_prekeys", std::move(one_time)}};
}

std::string one(std::uint64_t id) { return "{\"id\":" + std::to_string(id) + ",\"key\":\"" + key(id) + "\"}"; }
template <class... Ids>
std::string list(Ids... ids) {
    std::string out;
    ((out += (out.empty() ? "[" : ",") + one(static_cast<std::uint64_t>(ids))), ...);
    return out + "]";
}

struct prekey_world : world {
    prekey_world() {
        enroll(alice());
        enroll(bob());
    }
    http::response put(const members& all) { return post_dated("/v1/registry/prekeys", alice(), all); }
    http::response fetch(const agent& by) {
        return send(proven(by, {.method = "GET",
                                .path = "/v1/registry/prekeys/" + alice().name(),
                                .fields = {{"Host", "registry.example"}}}));
    }
};

}  // namespace

TEST_CASE("each one-time prekey is handed out once, to one who proves who he is",
          "[unit][registry][AM-REG-021][AM-REG-022][AM-REG-024]") {
    prekey_world w;
    const auto stored = w.put(upload(alice(), 50, "1", list(1, 2)));
    CHECK(stored.body == R"({"success":true,"signed_prekey_id":1,"one_time_prekeys_stored":2,)"
                         R"("one_time_prekeys_left":2,"one_time_prekeys_low":false})");
    const auto anybody = w.get("/v1/registry/prekeys/" + alice().name());
    CHECK(member(anybody, "one_time_prekey").empty());
    CHECK(member(anybody, "identity_key") == json_text(identity::to_text(alice().exchange.public_key())));
    CHECK(member(anybody, "signed_prekey") == json_text(key(50)));
    CHECK(e2ee::check_v02_bundle(e2ee::parse_v02_bundle(anybody.body).value(), alice().signing.public_key()));
    CHECK(member(w.fetch(bob()), "one_time_prekey") == one(1));
    CHECK(member(w.fetch(bob()), "one_time_prekey") == one(2));
    CHECK(member(w.fetch(bob()), "one_time_prekey").empty());
    CHECK(w.post_dated("/v1/registry/status", alice(), {{"amid", json_text(alice().name())}, {"status", R"("away")"}})
              .body == R"({"success":true,"one_time_prekeys_left":0,"one_time_prekeys_low":true})");

    auto replayed = w.proven(
        bob(),
        {.method = "GET", .path = "/v1/registry/prekeys/" + alice().name(), .fields = {{"Host", "registry.example"}}});
    CHECK(w.send(replayed).status == 200);
    check_refused(w.send(replayed), 401, "invalid_signature", "AM-REG-007");
    check_refused(w.fetch(agent{9}), 401, "invalid_signature", "AM-REG-004");
}

TEST_CASE("an id of a one-time prekey never comes back with another key", "[unit][registry][AM-REG-022]") {
    prekey_world w;
    CHECK(w.put(upload(alice(), 50, "1", list(1, 2, 3))).status == 200);
    CHECK(member(w.fetch(bob()), "one_time_prekey") == one(1));
    const auto again = w.put(upload(alice(), 51, "2", list(1, 2, 4)));
    CHECK(member(again, "one_time_prekeys_stored") == "2");
    CHECK(member(again, "one_time_prekeys_refused") == "[1]");
    const auto changed = w.put(upload(alice(), 51, "2", "[{\"id\":2,\"key\":\"" + key(77) + "\"}," + one(4) + "]"));
    CHECK(member(changed, "one_time_prekeys_refused") == "[2]");
    CHECK(member(w.put(upload(alice(), 51, "2", list(3, 2, 4))), "one_time_prekeys_refused") == "[2,3]");
    CHECK(member(w.fetch(bob()), "one_time_prekey") == one(4));
    CHECK(member(w.fetch(bob()), "one_time_prekey").empty());
}

TEST_CASE("the signed prekey that came last counts, if it is the agent's",
          "[unit][registry][AM-REG-020][AM-REG-021][AM-REG-023]") {
    prekey_world w;
    CHECK(w.put(upload(alice(), 50, "2147483647", "[]")).status == 200);
    CHECK(w.put(upload(alice(), 51, "7", "null")).status == 200);
    const auto out = w.get("/v1/registry/prekeys/" + alice().name());
    CHECK(member(out, "signed_prekey") == json_text(key(51)));
    CHECK(member(out, "signed_prekey_id") == "7");
    auto forged = upload(alice(), 52, "8", "[]");
    forged[2] = upload(bob(), 52, "8", "[]")[2];
    check_refused(w.put(forged), 400, "invalid_prekey_signature", "AM-REG-020");
    check_refused(w.put(upload(alice(), 52, "8", list(1, 1))), 400, "invalid_member", "AM-REG-023");
    for (const std::string bad : {"{}", "[1]", "[{\"id\":-1,\"key\":\"\"}]", "[{\"id\":2147483648,\"key\":\"\"}]",
                                  "[{\"id\":1,\"key\":\"AAAA\"}]", "[{\"id\":1.5,\"key\":\"\"}]", "[{\"id\":1}]"}) {
        INFO(bad);
        CHECK(w.put(upload(alice(), 52, "8", bad)).status == 400);
    }
    CHECK(w.put(upload(alice(), 52, "-1", "[]")).status == 400);
    CHECK(member(w.get("/v1/registry/prekeys/" + alice().name()), "signed_prekey_id") == "7");
    CHECK(w.get("/v1/registry/prekeys/" + bob().name()).status == 404);
    CHECK(w.get("/v1/registry/prekeys/" + agent{9}.name()).status == 404);
    for (const std::string bad : {"..", ".", "%2e%2e", "a%2fb", "%00", "%", "' OR 1=1"}) {
        INFO(bad);
        CHECK(w.get("/v1/registry/prekeys/" + bad).status == 400);
        CHECK(w.get("/v1/registry/did/" + bad).status == 400);
    }
    std::string many;
    for (std::uint64_t i = 0; i <= 1024; ++i)
        many += (i == 0 ? "[{\"id\":" : ",{\"id\":") + std::to_string(i) + ",\"key\":\"" + key(1) + "\"}";
    check_refused(w.put(upload(alice(), 52, "8", many + "]")), 400, "too_large", "AM-REG-023");
}

TEST_CASE("the DID document has keys that others can read", "[unit][registry][AM-REG-012]") {
    prekey_world w;
    const auto out = w.get("/v1/registry/did/" + alice().name());
    CHECK(out.status == 200);
    CHECK(out.fields.only("Content-Type") == "application/did+ld+json");
    const auto document = identity::parse_did_document(out.body).value();
    CHECK(document.signing_key == alice().signing.public_key());
    CHECK(document.exchange_key == alice().exchange.public_key());
    CHECK(w.get("/v1/registry/did/" + agent{9}.name()).status == 404);
}

TEST_CASE("an agent that revoked itself is out, and everybody can see it",
          "[unit][registry][AM-REG-018][AM-REG-025][AM-REG-030][AM-REG-031][AM-REG-032]") {
    prekey_world w;
    CHECK(w.put(upload(alice(), 50, "1", list(1))).status == 200);
    const auto revocation = [&](const agent& by, const agent& of, std::string reason = "key_compromise") {
        return w.post_dated("/v1/registry/revoke", by,
                            {{"amid", json_text(of.name())},
                             {"revoker_amid", json_text(by.name())},
                             {"reason", json_text(reason)},
                             {"notes", json_text("lost")}});
    };
    check_refused(revocation(bob(), alice()), 403, "forbidden", "AM-REG-030");
    check_refused(revocation(agent{9}, alice()), 401, "invalid_signature", "AM-REG-004");
    check_refused(revocation(bob(), agent{9}), 404, "not_found", "AM-REG-011");
    check_refused(revocation(alice(), alice(), "because"), 400, "invalid_member", "AM-REG-002");
    CHECK(member(w.get("/v1/registry/revocation", "amid=" + alice().name()), "revoked") == "false");
    const auto done = revocation(alice(), alice());
    CHECK(done.status == 200);
    CHECK(member(done, "error") == "null");
    check_refused(revocation(alice(), alice()), 409, "already_exists", "AM-REG-031");

    const auto found = w.get("/v1/registry/lookup", "amid=" + alice().name());
    CHECK(member(found, "revoked") == "true");
    CHECK(member(found, "flags") == R"(["revoked"])");
    CHECK(member(w.get("/v1/registry/search", "capability=*"), "total") == "0");
    check_refused(w.get("/v1/registry/prekeys/" + alice().name()), 403, "revoked", "AM-REG-025");
    check_refused(w.fetch(bob()), 403, "revoked", "AM-REG-025");
    check_refused(w.put(upload(alice(), 51, "2", "[]")), 403, "revoked", "AM-REG-018");
    check_refused(revocation(alice(), bob()), 403, "revoked", "AM-REG-018");

    const auto entry = member(w.get("/v1/registry/revocation", "amid=" + alice().name()), "revocation");
    CHECK(entry.find(R"("reason":"key_compromise")") != std::string::npos);
    CHECK(entry.find(R"("notes":"lost")") != std::string::npos);
    const auto all = w.get("/v1/registry/revocations");
    CHECK(member(all, "revocations") == "[" + entry + "]");
    CHECK(member(all, "total") == "1");
    const auto several = w.post("/v1/registry/revocations/bulk",
                                {{"amids", "[" + json_text(alice().name()) + "," + json_text(bob().name()) + "]"}});
    CHECK(member(several, "total_checked") == "2");
    CHECK(member(several, "total_revoked") == "1");
    std::string many = "[" + json_text(bob().name());
    for (int i = 0; i < 99; ++i) many += "," + json_text(bob().name());
    CHECK(w.post("/v1/registry/revocations/bulk", {{"amids", many + "]"}}).status == 200);
    check_refused(w.post("/v1/registry/revocations/bulk", {{"amids", many + "," + json_text(bob().name()) + "]"}}), 400,
                  "too_large", "AM-REG-032");
}

TEST_CASE("the administrator of an organization revokes those for whom it vouches", "[unit][registry][AM-REG-030]") {
    prekey_world w;
    const agent admin{3};
    w.enroll(admin);
    auto row = w.row(alice());
    row.organization = "acme";
    const organization_row acme{.id = "acme",
                                .name = "Acme",
                                .domain = "acme.example",
                                .admin = admin.who(),
                                .admin_key = admin.signing.public_key(),
                                .verified = false,
                                .created_at = noon};
    const auto change = [&](bool verified) {
        auto of = acme;
        of.verified = verified;
        REQUIRE(w.store.transact([&](memory_store::transaction& tx) -> result<void> {
            if (verified) return tx.update_organization(of);
            AGENTMESH_TRY(inserted, tx.insert_organization(of));
            CHECK(inserted);
            return tx.update_agent(row);
        }));
    };
    const auto revocation_by = [&](const agent& by) {
        return w.post_dated("/v1/registry/revoke", by,
                            {{"amid", json_text(alice().name())},
                             {"revoker_amid", json_text(by.name())},
                             {"reason", R"("privilege_withdrawn")"}});
    };
    const auto revocation = [&] { return revocation_by(admin); };
    change(false);
    check_refused(revocation(), 403, "forbidden", "AM-REG-030");
    change(true);
    check_refused(revocation_by(bob()), 403, "forbidden", "AM-REG-030");
    CHECK(member(w.get("/v1/registry/lookup", "amid=" + alice().name()), "organization") == R"("Acme")");
    CHECK(revocation().status == 200);
    check_refused(revocation(), 409, "already_exists", "AM-REG-031");
}
