// The service over the durable store: the same answers, and two of them before one file.
#include <agentmesh/registry/sqlite_store.hpp>

#include "tests/unit/registry/service_fixture.hpp"

#include <filesystem>

using namespace service_tests;

namespace {

struct folder {
    std::filesystem::path path;

    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "agentmesh-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~folder() { std::filesystem::remove_all(path); }
};

/// Named apart from std::quoted, which <filesystem> brings within reach of every std::string.
std::string in_quotes(std::string_view text) { return service_tests::json_text(text); }

/// One of several instances before one file.
struct instance {
    sqlite_store store;
    crypto::scripted_random random;
    service<sqlite_store, crypto::scripted_random> mesh;

    instance(const std::string& file, std::uint64_t seed)
        : store{sqlite_store::open(file).value()}, random{seed}, mesh{store, {.host = "registry.example"}, random} {}
    instance(const instance&) = delete;
    instance& operator=(const instance&) = delete;

    http::response send(const http::request& request, const moment& now) {
        return mesh.handle(request, {.address = "192.0.2.7"}, now);
    }
};

}  // namespace

TEST_CASE("two instances before one file hand out each one-time prekey once, and take each proof once",
          "[unit][registry][AM-REG-007][AM-REG-010][AM-REG-022]") {
    folder here;
    const auto file = (here.path / "registry.db").string();
    instance left{file, 1}, right{file, 2};
    world w;  // only for what it signs
    const agent alice{1}, bob{2};

    const auto post = [&](instance& to, std::string path, const members& all) {
        return to.send(world::posting(std::move(path), object(all)), w.now);
    };
    const auto dated_alice = w.dated(alice, world::enrolment(alice));
    CHECK(post(left, "/v1/registry/register", dated_alice).status == 201);
    check_refused(post(right, "/v1/registry/register", dated_alice), 409, "already_exists", "AM-REG-010");
    CHECK(post(right, "/v1/registry/register", w.dated(bob, world::enrolment(bob))).status == 201);

    const auto change = w.dated(alice, {{"amid", in_quotes(alice.name())}, {"status", R"("online")"}});
    CHECK(post(right, "/v1/registry/status", change).status == 200);
    check_refused(post(left, "/v1/registry/status", change), 401, "invalid_signature", "AM-REG-007");

    std::string list;
    const auto key = identity::to_text(bob.exchange.public_key());
    for (int i = 0; i < 9; ++i)
        list += (i == 0 ? "[{\"id\":" : ",{\"id\":") + std::to_string(i) + ",\"key\":\"" + key + "\"}";
    const auto upload =
        w.dated(alice, {{"amid", in_quotes(alice.name())},
                        {"signed_prekey", in_quotes(key)},
                        {"signed_prekey_signature", in_quotes(alice.sign(bob.exchange.public_key().bytes()))},
                        {"signed_prekey_id", "1"},
                        {"one_time_prekeys", list + "]"}});
    CHECK(member(post(left, "/v1/registry/prekeys", upload), "one_time_prekeys_stored") == "9");
    for (int i = 0; i < 11; ++i) {
        auto request = w.proven(bob, {.method = "GET",
                                      .path = "/v1/registry/prekeys/" + alice.name(),
                                      .fields = {{"Host", "registry.example"}}});
        const auto out = (i % 2 == 0 ? left : right).send(request, w.now);
        CHECK(out.status == 200);
        CHECK(member(out, "one_time_prekey") ==
              (i < 9 ? "{\"id\":" + std::to_string(i) + ",\"key\":\"" + key + "\"}" : std::string{}));
        check_refused((i % 2 == 0 ? right : left).send(request, w.now), 401, "invalid_signature", "AM-REG-007");
    }

    const auto rating = w.proven(
        bob, world::posting("/v1/registry/reputation/feedback", object({{"target_amid", in_quotes(alice.name())},
                                                                        {"from_amid", in_quotes(bob.name())},
                                                                        {"session_id", R"("sess_1")"},
                                                                        {"score", "1"}})));
    CHECK(left.send(rating, w.now).status == 200);
    const auto gone = w.dated(
        alice,
        {{"amid", in_quotes(alice.name())}, {"revoker_amid", in_quotes(alice.name())}, {"reason", R"("superseded")"}});
    CHECK(post(right, "/v1/registry/revoke", gone).status == 200);
    const http::request lookup{
        .method = "GET", .path = "/v1/registry/lookup", .query = "amid=" + alice.name(), .fields = {}};
    CHECK(member(left.send(lookup, w.now), "revoked") == "true");
    CHECK(member(left.send(lookup, w.now), "ratings_count") == "1");
}
