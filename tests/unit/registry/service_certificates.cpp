// Certificates: what a registry issues can be checked by whoever trusts its root, and what it is shown proves what it
// proves and nothing more.
#include <agentmesh/registry/x509_desk.hpp>

#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

using identity::certificate_fingerprint;

struct nobody_withdrew {
    result<bool> is_revoked(const certificate_fingerprint&) { return false; }
};

signing_key_pair key_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return signing_key_pair::generate(random).value();
}
std::string bare(const std::string& quoted) {
    json::reader in{quoted};
    return in.string().text();
}

/// A registry with a root of its own, that also trusts another.
struct certified_world {
    crypto::scripted_random random{7};
    signing_key_pair foreign = key_of(100);
    identity::validity year{noon - 24h, noon + 24h * 365};
    buffer root = identity::issue_root(key_of(99), "Registry", year, random).value();
    buffer foreign_root = identity::issue_root(foreign, "Other", year, random).value();
    std::set<certificate_fingerprint> gone{};
    bool told = true;
    x509_desk<crypto::scripted_random> desk{random, [this]() -> result<std::set<certificate_fingerprint>> {
                                                if (!told) return fail(errc::io_failed);
                                                return gone;
                                            }};
    world w{[&] {
        REQUIRE(desk.issue_under(root, key_of(99)));
        REQUIRE(desk.trust(foreign_root));
        return service_options{.host = "registry.example", .certificates = &desk};
    }()};
    agent admin{10}, alice{11};

    result<identity::proved_standing> proved(const std::string& pem, const agent& of, time_point at) {
        identity::trust_store trusted;
        REQUIRE(trusted.add(root));
        nobody_withdrew source;
        AGENTMESH_TRY(chain, identity::parse_pem(pem));
        return identity::check_chain(chain, trusted, of.who(), source, at);
    }
    /// Issued by the foreign root for an agent.
    std::string foreign_pem(const agent& of, identity::validity good) {
        return identity::to_pem(
            identity::issue_agent({foreign_root, foreign}, of.signing.public_key(), good, random).value());
    }
    http::response show(const agent& who, std::string_view pem) {
        return w.post_proven("/v1/registry/certificate", who,
                             {{"amid", json_text(who.name())}, {"certificate", json_text(pem)}});
    }
};

}  // namespace

TEST_CASE("an organization gets a certificate for its administrator's key, and its members one for theirs",
          "[unit][registry][certificate][AM-CRT-020]") {
    certified_world c;
    auto& w = c.w;
    const organization_row acme{.id = "acme",
                                .name = "Acme",
                                .domain = "acme.example",
                                .admin = c.admin.who(),
                                .admin_key = c.admin.signing.public_key(),
                                .challenge = "x",
                                .challenge_until = noon + 24h,
                                .verified = true};
    REQUIRE(w.store.transact([&](memory_store::transaction& tx) { return tx.insert_organization(acme); }));
    const auto verified = w.post_dated("/v1/org/verify", c.admin,
                                       {{"organization_id", R"("acme")"}, {"admin_amid", json_text(c.admin.name())}});
    INFO(verified.body);
    const auto ca = identity::parse_pem(bare(member(verified, "root_certificate"))).value();
    REQUIRE(ca.size() == 1);
    const auto says = identity::read_certificate(ca[0]).value();
    CHECK(says.role == identity::certificate_role::organization);
    CHECK(says.key == c.admin.signing.public_key());
    CHECK(says.organization == "Acme");
    CHECK(says.domain == "acme.example");
    // With it the organization certifies agents on its own.
    const auto own =
        identity::issue_agent({ca[0], c.admin.signing}, c.alice.signing.public_key(), {noon, noon + 24h}, c.random)
            .value();
    CHECK(c.proved(identity::to_pem(own) + identity::to_pem(ca[0]), c.alice, noon)->trust == tier::organization);

    const auto at = w.next_time();
    const auto text = std::string{"AgentMesh-v1:organization-consent"} + '\0' + "acme\n" + c.alice.name() + "\n" +
                      identity::to_text(c.alice.exchange.public_key()) + "\n" + at;
    const auto joined =
        w.post_proven("/v1/org/agents", c.admin,
                      {{"organization_id", R"("acme")"},
                       {"agent_amid", json_text(c.alice.name())},
                       {"agent_signing_public_key", json_text(identity::to_text(c.alice.signing.public_key()))},
                       {"agent_exchange_public_key", json_text(identity::to_text(c.alice.exchange.public_key()))},
                       {"agent_consent", json_text(c.alice.sign(as_bytes(text)))},
                       {"agent_consent_at", json_text(at)},
                       {"admin_amid", json_text(c.admin.name())}});
    INFO(joined.body);
    const auto pem = bare(member(joined, "agent_certificate"));
    const auto standing = c.proved(pem, c.alice, w.now.wall);
    REQUIRE(standing);
    CHECK(standing->trust == tier::organization);
    CHECK(standing->organization == "Acme");
    CHECK(standing->domain == "acme.example");
    CHECK(standing->key == c.alice.signing.public_key());
    CHECK(standing->not_after == std::chrono::floor<std::chrono::seconds>(w.now.wall) + 24h * 90);
    CHECK_FALSE(c.proved(pem, c.admin, w.now.wall));
    CHECK_FALSE(c.proved(pem, c.alice, w.now.wall + 24h * 91));
    CHECK(bare(member(w.get("/v1/registry/lookup", "amid=" + c.alice.name()), "certificate")) == pem);
    // What it issued it also believes.
    CHECK(c.desk.check(pem, c.alice.who(), w.now.wall)->proved.trust == tier::organization);
}

TEST_CASE("a chain to a trusted root sets the tier, and nothing else does",
          "[unit][registry][certificate][AM-CRT-021]") {
    certified_world c;
    auto& w = c.w;
    w.enroll(c.alice);
    const identity::validity day{noon - 1h, noon + 24h};
    const auto good = c.foreign_pem(c.alice, day);
    const auto refused = [&](std::string_view pem, std::string_view word, std::string_view clause) {
        check_refused(c.show(c.alice, pem), word == "unavailable" ? 503 : word == "revoked" ? 403 : 400, word, clause);
        CHECK(w.row(c.alice).trust == tier::anonymous);
        CHECK(w.row(c.alice).certificate.empty());
    };
    refused("", "invalid_certificate", "AM-CRT-003");
    refused("not a certificate", "invalid_certificate", "AM-CRT-003");
    refused(c.foreign_pem(c.admin, day), "invalid_certificate", "AM-CRT-004");
    refused(c.foreign_pem(c.alice, {noon - 24h, noon - 1s}), "invalid_certificate", "AM-CRT-007");
    refused(c.foreign_pem(c.alice, {noon + 1h, noon + 24h}), "invalid_certificate", "AM-CRT-007");
    refused(identity::to_pem(c.foreign_root), "invalid_certificate", "AM-CRT-001");
    const auto stranger = key_of(101);
    const auto strange_root = identity::issue_root(stranger, "Strange", c.year, c.random).value();
    refused(identity::to_pem(
                identity::issue_agent({strange_root, stranger}, c.alice.signing.public_key(), day, c.random).value()),
            "invalid_certificate", "AM-CRT-009");
    refused("eyJ0eXBlIjoiYWdlbnRfY2VydGlmaWNhdGUifQ==", "invalid_certificate", "AM-CRT-003");
    check_refused(
        w.post("/v1/registry/certificate", {{"amid", json_text(c.alice.name())}, {"certificate", json_text(good)}}),
        401, "signature_required", "AM-REG-005");

    const auto out = c.show(c.alice, "noise\n" + good + "noise\n");
    INFO(out.body);
    CHECK(out.body == R"({"success":true,"tier":"verified"})");
    CHECK(w.row(c.alice).trust == tier::verified);
    CHECK(w.row(c.alice).certificate == good);
    CHECK(w.row(c.alice).score == 600'000);
    CHECK(bare(member(w.get("/v1/registry/lookup", "amid=" + c.alice.name()), "certificate")) == good);
}

TEST_CASE("what is withdrawn proves nothing, nor does anything while nobody can say what is",
          "[unit][registry][certificate][AM-CRT-022]") {
    certified_world c;
    c.w.enroll(c.alice);
    const auto good = c.foreign_pem(c.alice, {noon - 1h, noon + 24h});
    const auto der = identity::parse_pem(good).value().front();
    c.gone.insert(identity::read_certificate(der).value().fingerprint);
    check_refused(c.show(c.alice, good), 403, "revoked", "AM-CRT-010");
    c.gone.clear();
    c.told = false;
    check_refused(c.show(c.alice, good), 503, "unavailable", "AM-CRT-011");
    c.told = true;
    CHECK(c.w.row(c.alice).trust == tier::anonymous);
    CHECK(c.show(c.alice, good).status == 200);
}

TEST_CASE("a registration may bring its certificate, and is anonymous with one that proves nothing",
          "[unit][registry][certificate][AM-CRT-021]") {
    certified_world c;
    const identity::validity day{noon - 1h, noon + 24h};
    const auto enroll = [&](const agent& who, const std::string& pem) {
        auto all = world::enrolment(who);
        all.emplace_back("certificate", json_text(pem));
        const auto out = c.w.post_dated("/v1/registry/register", who, all);
        CHECK(out.status == 201);
        return member(out, "tier");
    };
    CHECK(enroll(c.alice, c.foreign_pem(c.alice, day)) == R"("verified")");
    CHECK(c.w.row(c.alice).score == 600'000);
    CHECK(enroll(c.admin, c.foreign_pem(c.alice, day)) == R"("anonymous")");
    CHECK(c.w.row(c.admin).certificate.empty());
}

TEST_CASE("a root and its key belong together, and a list of withdrawn certificates is one a line",
          "[unit][registry][certificate]") {
    crypto::scripted_random random{1};
    const identity::validity day{noon, noon + 24h};
    const auto root = identity::issue_root(key_of(1), "R", day, random).value();
    x509_desk<crypto::scripted_random> desk{random};
    CHECK_FALSE(desk.issues());
    CHECK(desk.issue_under(root, key_of(2)).error().code == errc::certificate_subject);
    CHECK_FALSE(desk.issues());
    const auto organization =
        identity::issue_organization({root, key_of(1)}, key_of(3).public_key(), "O", "o.example", day, random).value();
    CHECK_FALSE(desk.issue_under(organization, key_of(3)));
    CHECK(desk.issue_under(root, key_of(1)));
    CHECK(desk.issues());

    const std::string one(64, 'a'), two = std::string(62, '0') + "0f";
    CHECK(parse_withdrawn("# these\n\n" + one + " \r\n" + two)->size() == 2);
    CHECK(parse_withdrawn("")->empty());
    CHECK_FALSE(parse_withdrawn("xyz"));
    CHECK_FALSE(parse_withdrawn(one.substr(2)));
}
