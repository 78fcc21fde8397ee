#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/x509.hpp>

#include "tests/support/catch.hpp"

#include <set>

using namespace agentmesh;
using namespace agentmesh::identity;
using namespace std::chrono_literals;

namespace {

const time_point noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 12h;

struct revocation_list {
    std::set<certificate_fingerprint> gone{};
    bool reachable = true;
    int asked = 0;

    result<bool> is_revoked(const certificate_fingerprint& of) {
        ++asked;
        if (!reachable) return fail(errc::registry_failed);
        return gone.contains(of);
    }
};

signing_key_pair key_pair(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return signing_key_pair::generate(random).value();
}

/// A root, an organization, an agent and a session of it, all good for a year around noon.
struct world {
    crypto::scripted_random random{7};
    signing_key_pair root_key = key_pair(1), company_key = key_pair(2), agent_key = key_pair(3),
                     session_key = key_pair(4);
    validity year{noon - 24h * 180, noon + 24h * 180};
    validity week{noon - 24h, noon + 24h * 5};
    buffer root = issue_root(root_key, "Test Root", year, random).value();
    buffer company =
        issue_organization({root, root_key}, company_key.public_key(), "Acme, Inc.", "acme.example", year, random)
            .value();
    buffer agent = issue_agent({company, company_key}, agent_key.public_key(), year, random).value();
    buffer session = issue_session({agent, agent_key}, session_key.public_key(), week, random).value();
    buffer account = issue_agent({root, root_key}, agent_key.public_key(), year, random).value();
    amid who = amid::of(agent_key.public_key());
    trust_store trusted = trusting(root);
    revocation_list list;

    static trust_store trusting(const buffer& root) {
        trust_store out;
        REQUIRE(out.add(root));
        return out;
    }
    result<proved_standing> check(std::vector<buffer> chain, time_point at = noon) {
        return check_chain(chain, trusted, who, list, at);
    }
    errc refusal(std::vector<buffer> chain, time_point at = noon) {
        const auto found = check(std::move(chain), at);
        REQUIRE_FALSE(found);
        return found.error().code;
    }
};

}  // namespace

TEST_CASE("an account's certificate makes an agent verified, an organization's makes it that",
          "[unit][identity][AM-CRT-001]") {
    world w;
    const auto verified = w.check({w.account});
    REQUIRE(verified);
    CHECK(verified->trust == tier::verified);
    CHECK(verified->organization.empty());
    CHECK(verified->key == w.agent_key.public_key());

    for (const auto& chain : {std::vector{w.agent, w.company}, std::vector{w.agent, w.company, w.root}}) {
        const auto found = w.check(chain);
        REQUIRE(found);
        CHECK(found->trust == tier::organization);
        CHECK(found->organization == "Acme, Inc.");
        CHECK(found->domain == "acme.example");
        CHECK_FALSE(found->session);
        CHECK(found->not_after == w.year.not_after);
    }
    const auto session = w.check({w.session, w.agent, w.company, w.root});
    REQUIRE(session);
    CHECK(session->session);
    CHECK(session->key == w.session_key.public_key());
    CHECK(session->who == w.who);
    CHECK(session->not_before == w.week.not_before);
    CHECK(session->not_after == w.week.not_after);
    CHECK(w.check({w.session, w.account})->trust == tier::verified);
}

TEST_CASE("a certificate says what it was issued for", "[unit][identity][AM-CRT-001]") {
    world w;
    const auto company = read_certificate(w.company);
    REQUIRE(company);
    CHECK(company->role == certificate_role::organization);
    CHECK(company->domain == "acme.example");
    CHECK(company->serial.size() == 32);
    CHECK(read_certificate(w.root)->role == certificate_role::root);
    CHECK(read_certificate(w.agent)->who == w.who);
    CHECK(read_certificate(w.session)->role == certificate_role::session);
    CHECK(read_certificate(w.session)->fingerprint != read_certificate(w.agent)->fingerprint);
}

TEST_CASE("a chain is good in the time of all its certificates, both ends included", "[unit][identity][AM-CRT-007]") {
    world w;
    const std::vector chain{w.session, w.agent, w.company};
    CHECK(w.check(chain, w.week.not_before));
    CHECK(w.check(chain, w.week.not_after));
    CHECK(w.refusal(chain, w.week.not_before - 1s) == errc::certificate_not_yet_valid);
    CHECK(w.refusal(chain, w.week.not_after + 1s) == errc::certificate_expired);

    const auto late = issue_organization({w.root, w.root_key}, w.company_key.public_key(), "Acme", "acme.example",
                                         {noon + 1s, noon + 24h}, w.random)
                          .value();
    const auto agent = issue_agent({late, w.company_key}, w.agent_key.public_key(), w.year, w.random).value();
    CHECK(w.refusal({agent, late}) == errc::certificate_not_yet_valid);
    CHECK(w.check({agent, late}, noon + 1s));
    CHECK(w.refusal({w.agent, w.company}, noon + 24h * 181) == errc::certificate_expired);

    const auto short_root = issue_root(w.root_key, "Short", {noon - 24h, noon}, w.random).value();
    w.trusted = world::trusting(short_root);
    const auto agent_of_it = issue_agent({short_root, w.root_key}, w.agent_key.public_key(), w.year, w.random).value();
    CHECK(w.check({agent_of_it}));
    CHECK(w.refusal({agent_of_it}, noon + 1s) == errc::certificate_expired);
    CHECK(w.refusal({agent_of_it, short_root}, noon + 1s) == errc::certificate_expired);
}

TEST_CASE("nobody is believed without a trusted root", "[unit][identity][AM-CRT-009]") {
    world w;
    const auto impostor = key_pair(9);
    const auto fake = issue_root(impostor, "Test Root", w.year, w.random).value();
    const auto forged = issue_agent({fake, impostor}, w.agent_key.public_key(), w.year, w.random).value();
    CHECK(w.refusal({forged}) == errc::certificate_untrusted);
    CHECK(w.refusal({forged, fake}) == errc::certificate_untrusted);
    CHECK_FALSE(w.check({w.account, fake}));
    CHECK_FALSE(w.check({forged, w.root}));

    const auto other = issue_root(impostor, "Another Root", w.year, w.random).value();
    const auto foreign = issue_agent({other, impostor}, w.agent_key.public_key(), w.year, w.random).value();
    CHECK(w.refusal({foreign}) == errc::certificate_untrusted);
    CHECK(w.refusal({foreign, other}) == errc::certificate_untrusted);
    CHECK(w.refusal({w.agent}) == errc::certificate_untrusted);  // its issuer is missing
    CHECK(w.refusal({w.session}) == errc::certificate_untrusted);
    w.trusted = {};
    CHECK(w.refusal({w.agent, w.company, w.root}) == errc::certificate_untrusted);
}

TEST_CASE("only roots are trusted", "[unit][identity][AM-CRT-009]") {
    world w;
    trust_store store;
    CHECK(store.add(w.company).error().code == errc::certificate_authority);
    auto broken = w.root;
    broken.back() ^= 1;
    CHECK(store.add(broken).error().code == errc::certificate_signature);
    CHECK(store.size() == 0);
}

TEST_CASE("each may issue only what its role allows", "[unit][identity][AM-CRT-008]") {
    world w;
    CHECK(issue_organization({w.company, w.company_key}, w.agent_key.public_key(), "B", "b.example", w.year, w.random)
              .error()
              .code == errc::certificate_authority);
    CHECK(issue_agent({w.agent, w.agent_key}, w.session_key.public_key(), w.year, w.random).error().code ==
          errc::certificate_authority);
    CHECK(issue_session({w.company, w.company_key}, w.session_key.public_key(), w.week, w.random).error().code ==
          errc::certificate_authority);
    CHECK(issue_session({w.session, w.session_key}, w.session_key.public_key(), w.week, w.random).error().code ==
          errc::certificate_authority);
    CHECK(issue_agent({w.company, w.agent_key}, w.agent_key.public_key(), w.year, w.random).error().code ==
          errc::certificate_subject);

    CHECK(w.refusal({w.agent, w.root}) == errc::certificate_untrusted);  // a link is missing
    CHECK(w.refusal({w.session, w.company, w.root}) == errc::certificate_authority);
    CHECK(w.refusal({w.agent, w.root, w.company}) == errc::certificate_authority);
    CHECK(w.refusal({w.agent, w.agent, w.company}) == errc::certificate_authority);
    CHECK(w.refusal({w.company, w.root}) == errc::bad_certificate);
    CHECK(w.refusal({w.root}) == errc::bad_certificate);
}

TEST_CASE("a chain names the agent that it is shown for", "[unit][identity][AM-CRT-004]") {
    world w;
    const auto other = key_pair(11);
    const auto strange = issue_agent({w.company, w.company_key}, other.public_key(), w.year, w.random).value();
    CHECK(w.refusal({strange, w.company}) == errc::certificate_subject);
    CHECK(w.refusal({w.session, strange, w.company}) == errc::certificate_subject);
    const auto session = issue_session({strange, other}, w.session_key.public_key(), w.week, w.random).value();
    CHECK(w.refusal({session, strange, w.company}) == errc::certificate_subject);
}

TEST_CASE("long chains and large certificates cost nothing", "[unit][identity][AM-CRT-002]") {
    world w;
    CHECK(w.refusal({}) == errc::bad_certificate);
    CHECK(w.refusal(std::vector<buffer>(100, w.agent)) == errc::too_large);
    CHECK(read_certificate(buffer(certificate_limits::bytes + 1, 0x30)).error().code == errc::too_large);
    CHECK(parse_pem(std::string(certificate_limits::pem_bytes + 1, 'x')).error().code == errc::too_large);
}

TEST_CASE("no byte of a chain can be changed", "[unit][identity][AM-CRT-003][AM-CRT-006]") {
    world w;
    const std::vector chain{w.session, w.agent, w.company};
    for (std::size_t which = 0; which < chain.size(); ++which) {
        for (std::size_t at = 0; at < chain[which].size(); ++at) {
            auto changed = chain;
            changed[which][at] ^= static_cast<std::uint8_t>(1U << at % 8);
            INFO(which << " " << at);
            CHECK_FALSE(w.check(changed));
        }
        auto longer = chain;
        longer[which].push_back(0);
        CHECK(w.refusal(longer) == errc::bad_certificate);
        auto shorter = chain;
        shorter[which].pop_back();
        CHECK(w.refusal(shorter) == errc::bad_certificate);
    }
}

TEST_CASE("a withdrawn certificate ends the chain, and so does silence about it",
          "[unit][identity][AM-CRT-010][AM-CRT-011]") {
    world w;
    const std::vector chain{w.session, w.agent, w.company, w.root};
    REQUIRE(w.check(chain));
    CHECK(w.list.asked == 3);
    for (const auto& der : {w.session, w.agent, w.company}) {
        w.list.gone = {read_certificate(der)->fingerprint};
        CHECK(w.refusal(chain) == errc::certificate_revoked);
    }
    w.list.gone = {};
    w.list.reachable = false;
    CHECK(w.refusal(chain) == errc::revocation_unknown);
}

TEST_CASE("sessions end after a week", "[unit][identity][AM-CRT-005]") {
    world w;
    const auto session = [&](duration life) {
        return issue_session({w.agent, w.agent_key}, w.session_key.public_key(), {noon, noon + life}, w.random);
    };
    CHECK(session(7 * 24h));
    CHECK(session(7 * 24h + 1s).error().code == errc::bad_certificate);
    CHECK(issue_root(w.root_key, "R", {noon, noon - 1s}, w.random).error().code == errc::bad_certificate);
}

TEST_CASE("names that could be taken for something else are not issued", "[unit][identity][AM-CRT-001]") {
    world w;
    for (const std::string_view domain : {"", "acme", "Acme.example", "acme.example,URI:did:agentmesh:x", "-a.example",
                                          "a-.example", "a..example", ".example", "acme.example.", "a b.example"})
        CHECK_FALSE(
            issue_organization({w.root, w.root_key}, w.company_key.public_key(), "Acme", domain, w.year, w.random));
    for (const std::string& name : {std::string{}, std::string(65, 'a'), std::string{"a\nb"}, std::string{"\xff"}})
        CHECK_FALSE(issue_root(w.root_key, name, w.year, w.random));
    CHECK(issue_root(w.root_key, "Übergröße", w.year, w.random));
}

TEST_CASE("certificates travel as PEM", "[unit][identity][AM-CRT-003]") {
    world w;
    const auto text = "leaf first\n" + to_pem(w.agent) + to_pem(w.company);
    CHECK(parse_pem(text).value() == std::vector{w.agent, w.company});
    CHECK_FALSE(parse_pem("-----BEGIN CERTIFICATE-----\nAAAA"));
    CHECK_FALSE(parse_pem("nothing here"));
    CHECK_FALSE(parse_pem("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"));
}

TEST_CASE("the deployed certificates are read, and make nobody more than anonymous", "[unit][identity][AM-CRT-012]") {
    const std::string who{amid::of(key_pair(3).public_key()).text()};
    const auto encoded = [](std::string_view json) { return to_base64(as_bytes(json), base64_form::standard_padded); };
    const auto claim = read_deployed_certificate(encoded(
        R"({"version":1,"type":"agent","amid":")" + who +
        R"(","tier":"Organization","issued_at":"2026-01-01T00:00:00Z","expires_at":"2027-01-01T00:00:00+00:00")"
        R"(,"issuer":"AgentMesh Registry"})"));
    REQUIRE(claim);
    CHECK(claim->claimed_tier == "Organization");
    CHECK(deployed_claim::trust == tier::anonymous);
    CHECK(claim->who->text() == who);
    CHECK(claim->expires > claim->issued);

    auto wrapped = encoded(R"({"type":"org_root_certificate","organization_name":"Acme","domain":"acme.example"})");
    wrapped = "-----BEGIN AGENTMESH CERTIFICATE-----\n" + wrapped.substr(0, 64) + "\n" + wrapped.substr(64) +
              "\n-----END AGENTMESH CERTIFICATE-----\n";
    REQUIRE(read_deployed_certificate(wrapped));
    CHECK(read_deployed_certificate(wrapped)->organization == "Acme");

    for (const auto& bad :
         {std::string{"!"}, encoded("{"), encoded(R"({"type":"other"})"), encoded(R"({"type":5})"), encoded("{}"),
          encoded(R"({"type":"agent","amid":"x"})"), encoded(R"({"type":"agent","expires_at":"soon"})")})
        CHECK(read_deployed_certificate(bad).error().code == errc::bad_certificate);
    CHECK(read_deployed_certificate(std::string(20'000, 'A')).error().code == errc::too_large);
}
