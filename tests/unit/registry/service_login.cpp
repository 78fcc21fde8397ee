// Logins: what an agent begins, what a provider says, and which of it is believed.
#include <agentmesh/crypto/openssl_signature.hpp>

#include "tests/unit/registry/service_fixture.hpp"

#include <openssl/rsa.h>

using namespace service_tests;

namespace {

const agent& alice() {
    static const agent one{50};
    return one;
}
const signing_key_pair& provider_signing() {
    static const agent one{60};
    return one.signing;
}

std::string b64u(byte_view bytes) { return to_base64(bytes, base64_form::url_unpadded); }
std::string b64u(std::string_view text) { return b64u(as_bytes(text)); }
std::string bare(const std::string& quoted) { return quoted.substr(1, quoted.size() - 2); }

result<void> check(const provider_key& with, byte_view text, byte_view proof) {
    if (with.algorithm == token_algorithm::rs256)
        return crypto::openssl::verify_rs256(with.first, with.second, text, proof);
    return crypto::openssl::verify_es256(with.first, with.second, text, proof);
}

login_provider acme() {
    return login_provider::parse(R"({"name":"acme","display_name":"Acme","issuer":"https://login.acme.example",
        "authorization_endpoint":"https://login.acme.example/authorize?tenant=1",
        "token_endpoint":"https://login.acme.example/token","jwks_uri":"https://keys.acme.example/jwks.json",
        "client_id":"registry client","client_secret":"s&cret","redirect_uri":"https://registry.example/v1/auth/oauth/callback"})")
        .value();
}

std::string key_set() {
    return R"({"keys":[{"kty":"oct","k":"AAAA","kid":"a"},{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"k1","x":")" +
           b64u(provider_signing().public_key().bytes()) + R"("}]})";
}

service_options options() {
    return {.host = "registry.example",
            .relay_endpoint = "wss://relay.example/v1/connect",
            .logins = {acme()},
            .check_token = check,
            .agents_per_login = 2};
}

/// Value of a member of a query, percent-encoding resolved.
std::string asked_for(std::string_view url, std::string_view name) {
    const auto all = http::parse_query(url.substr(url.find('?') + 1)).value();
    for (const auto& [one, value] : all)
        if (one == name) return value;
    return {};
}

struct login_world : world {
    login_world() : world{options()} {}

    /// What a provider would put into a good token.
    members claims(std::string_view nonce) const {
        const auto second = std::chrono::floor<std::chrono::seconds>(now.wall).time_since_epoch().count();
        return {{"iss", R"("https://login.acme.example")"},
                {"sub", R"("person 7")"},
                {"aud", R"("registry client")"},
                {"exp", std::to_string(second + 300)},
                {"iat", std::to_string(second)},
                {"nonce", json_text(nonce)},
                {"email", R"("a@acme.example")"},
                {"email_verified", "true"},
                {"name", R"("A")"}};
    }
    static std::string token(const members& all, std::string_view header = R"({"alg":"EdDSA","kid":"k1","typ":"JWT"})",
                             const signing_key_pair& by = provider_signing()) {
        const auto text = b64u(header) + "." + b64u(object(all));
        return text + "." + b64u(by.sign(as_bytes(text)).bytes());
    }

    http::response authorize(const agent& by, members more = {}) {
        members all{{"amid", json_text(by.name())}, {"provider", R"("acme")"}};
        all.insert(all.end(), more.begin(), more.end());
        return post_dated("/v1/auth/oauth/authorize", by, all);
    }
    /// The address that the browser is sent to.
    std::string begin_for(const agent& by, members more = {}) {
        const auto out = authorize(by, std::move(more));
        INFO(out.body);
        REQUIRE(out.status == 200);
        return bare(member(out, "authorization_url"));
    }
    auto callback(std::string query) {
        return mesh.begin({.method = "GET", .path = "/v1/auth/oauth/callback", .query = std::move(query)},
                          {.address = "192.0.2.9"}, now);
    }
    using progress = service<memory_store, crypto::scripted_random>::progress;
    progress answer_with(progress open, std::uint16_t status, std::string body) {
        auto* const waiting = std::get_if<open_request>(&open);
        REQUIRE(waiting != nullptr);
        return mesh.resume(std::move(*waiting), result<http::response>{http::response::json(status, std::move(body))},
                           now);
    }
    /// The browser comes back with a code; the provider gives `token`, and its keys if it is asked for them.
    http::response finish(const std::string& state, const std::string& token) {
        auto out = answer_with(callback("code=c0de&state=" + state), 200, R"({"id_token":)" + json_text(token) + "}");
        if (std::holds_alternative<open_request>(out)) out = answer_with(std::move(out), 200, key_set());
        return std::get<http::response>(out);
    }
    http::response log_in(const agent& who, const std::function<void(members&)>& twist = {}) {
        const auto url = begin_for(who);
        auto all = claims(asked_for(url, "nonce"));
        if (twist) twist(all);
        return finish(asked_for(url, "state"), token(all));
    }
};

void replace(members& in, std::string_view name, std::string value) {
    for (auto& [one, held] : in)
        if (one == name) held = std::move(value);
}
auto with(std::string_view name, std::string value) {
    return [=](members& all) { replace(all, name, value); };
}

}  // namespace

TEST_CASE("a provider is described by its metadata, and has no address that a code should not go to",
          "[unit][registry][login]") {
    CHECK(acme().display_name == "Acme");
    CHECK(acme().scope == "openid email");
    const auto with_token_endpoint = [](std::string_view url) {
        return login_provider::parse(R"({"name":"a","issuer":"https://a","client_id":"c","jwks_uri":"https://a/k",
            "authorization_endpoint":"https://a/a","redirect_uri":"https://r/c","token_endpoint":)" +
                                     json_text(url) + "}");
    };
    for (const std::string_view good :
         {"https://a/t", "http://127.0.0.1:80/t", "http://localhost/t", "http://[::1]:1/t"})
        CHECK(with_token_endpoint(good));
    for (const std::string_view bad : {"", "http://a/t", "ftp://a", "https://", "https://a/ t",
                                       "http://localhost.evil.example/", "http://127.0.0.12/t", "https://a/t#f"})
        CHECK_FALSE(with_token_endpoint(bad));
    CHECK_FALSE(login_provider::parse(R"({"name":"a"})"));
}

TEST_CASE("a login begins with the agent's own signature, and with secrets of its own",
          "[unit][registry][login][AM-OAU-001][AM-OAU-009]") {
    login_world w;
    CHECK(w.get("/v1/auth/oauth/providers").body ==
          R"({"providers":[{"name":"acme","enabled":true,"display_name":"Acme"}]})");
    check_refused(w.authorize(alice()), 401, "invalid_signature", "AM-OAU-001");
    w.enroll(alice());
    const auto first = w.authorize(alice());
    CHECK(first.status == 200);
    CHECK(member(first, "expires_in") == "600");
    const auto url = bare(member(first, "authorization_url"));
    CHECK(url.starts_with("https://login.acme.example/authorize?tenant=1&response_type=code&"));
    CHECK(asked_for(url, "state") == bare(member(first, "state")));
    CHECK(asked_for(url, "state").size() == 43);
    CHECK(asked_for(url, "client_id") == "registry client");
    CHECK(asked_for(url, "redirect_uri") == "https://registry.example/v1/auth/oauth/callback");
    CHECK(asked_for(url, "scope") == "openid email");
    CHECK(asked_for(url, "code_challenge_method") == "S256");
    const auto again = w.begin_for(alice());
    for (const std::string_view name : {"state", "nonce", "code_challenge"})
        CHECK(asked_for(url, name) != asked_for(again, name));

    check_refused(w.post("/v1/auth/oauth/authorize", {{"amid", json_text(alice().name())}, {"provider", R"("acme")"}}),
                  401, "signature_required", "AM-REG-005");
    check_refused(w.post_dated("/v1/auth/oauth/authorize", agent{51},
                               {{"amid", json_text(alice().name())}, {"provider", R"("acme")"}}),
                  401, "invalid_signature", "AM-REG-004");
    check_refused(w.post_dated("/v1/auth/oauth/authorize", alice(),
                               {{"amid", json_text(alice().name())}, {"provider", R"("other")"}}),
                  400, "invalid_member", "AM-OAU-001");
}

TEST_CASE("the code goes to the provider with the verifier of its challenge", "[unit][registry][login][AM-OAU-009]") {
    login_world w;
    w.enroll(alice());
    const auto url = w.begin_for(alice());
    auto open = w.callback("code=a%26b&state=" + asked_for(url, "state"));
    const auto& asked = std::get<web_question>(std::get<open_request>(open).question);
    CHECK(asked.url == "https://login.acme.example");
    CHECK(asked.request.path == "/token");
    CHECK(asked.request.method == "POST");
    // "registry%20client:s%26cret"
    CHECK(asked.request.fields.only("Authorization") == "Basic cmVnaXN0cnklMjBjbGllbnQ6cyUyNmNyZXQ=");
    const auto form = "?" + asked.request.body;
    CHECK(asked_for(form, "grant_type") == "authorization_code");
    CHECK(asked_for(form, "code") == "a&b");
    CHECK(asked_for(form, "redirect_uri") == "https://registry.example/v1/auth/oauth/callback");
    CHECK(b64u(crypto::sha256(as_bytes(asked_for(form, "code_verifier"))).bytes()) == asked_for(url, "code_challenge"));
    auto keys = w.answer_with(std::move(open), 200, R"({"id_token":")" + w.token(w.claims("n")) + R"("})");
    const auto& second = std::get<web_question>(std::get<open_request>(keys).question);
    CHECK(second.url == "https://keys.acme.example");
    CHECK(second.request.path == "/jwks.json");
}

TEST_CASE("who has logged in makes an agent verified", "[unit][registry][login][AM-OAU-008]") {
    login_world w;
    w.enroll(alice());
    const auto out = w.log_in(alice());
    INFO(out.body);
    CHECK(out.status == 200);
    CHECK(member(out, "success") == "true");
    CHECK(member(out, "amid") == json_text(alice().name()));
    CHECK(member(out, "verified_identity") ==
          R"({"provider":"acme","provider_id":"person 7","email":"a@acme.example","username":null,"display_name":"A",)"
          R"("verified_at":")" +
              format_time(w.now.wall) + "\"}");
    CHECK(member(out, "verification_token").empty());
    CHECK(out.fields.only("Cache-Control") == "no-store");
    CHECK(w.row(alice()).trust == tier::verified);
    CHECK(w.row(alice()).owner == "https://login.acme.example|person 7");
    CHECK(w.row(alice()).score == 600'000);
    // The keys are known now, and asked for no more.
    auto row = w.row(alice());
    row.trust = tier::organization;
    REQUIRE(w.store.transact([&](memory_store::transaction& tx) { return tx.update_agent(row); }));
    const auto url = w.begin_for(alice());
    auto last =
        w.answer_with(w.callback("code=c&state=" + asked_for(url, "state") + "&iss=https%3A%2F%2Flogin.acme.example"),
                      200, R"({"id_token":")" + w.token(w.claims(asked_for(url, "nonce"))) + R"("})");
    CHECK(std::get<http::response>(last).status == 200);
    CHECK(w.row(alice()).trust == tier::organization);  // never lower
}

TEST_CASE("a state is good once, for ten minutes, and for its own provider", "[unit][registry][login][AM-OAU-002]") {
    login_world w;
    w.enroll(alice());
    const auto refused = [&](std::string query, std::string_view clause) {
        auto out = w.callback(std::move(query));
        REQUIRE(std::holds_alternative<http::response>(out));
        check_refused(std::get<http::response>(out), 403, "forbidden", clause);
    };
    const auto state = [&] { return asked_for(w.begin_for(alice()), "state"); };
    refused("code=c&state=none", "AM-OAU-002");
    const auto used = state();
    (void)w.callback("code=c&state=" + used);
    refused("code=c&state=" + used, "AM-OAU-002");
    const auto denied = state();
    refused("error=access_denied&state=" + denied, "AM-OAU-002");
    refused("code=c&state=" + denied, "AM-OAU-002");
    const auto late = state();
    w.now = w.now + 600s;
    refused("code=c&state=" + late, "AM-OAU-002");
    refused("code=c&iss=https%3A%2F%2Fevil.example&state=" + state(), "AM-OAU-004");
    refused("code=c&state=voucher%3Ax", "AM-OAU-002");
    CHECK(w.get("/v1/auth/oauth/callback", "code=c").status == 400);
    CHECK(w.get("/v1/auth/oauth/callback", "state=c").status == 400);
    CHECK(w.row(alice()).trust == tier::anonymous);
}

TEST_CASE("a token is believed only if all of it is for this login",
          "[unit][registry][login][AM-OAU-003][AM-OAU-004][AM-OAU-005][AM-OAU-006]") {
    login_world w;
    w.enroll(alice());
    const auto second = std::chrono::floor<std::chrono::seconds>(w.now.wall).time_since_epoch().count();
    const auto time = [&](std::int64_t from_now) { return std::to_string(second + from_now); };
    struct row {
        std::function<void(members&)> twist;
        std::string_view clause;
    };
    const auto more = [](std::string name, std::string value) {
        return [=](members& all) { all.emplace_back(name, value); };
    };
    const row bad[] = {
        {with("iss", R"("https://evil.example")"), "AM-OAU-004"},
        {with("aud", R"("another client")"), "AM-OAU-004"},
        {with("aud", "[]"), "AM-OAU-004"},
        {with("aud", R"(["registry client","another client"])"), "AM-OAU-004"},
        {more("azp", R"("another client")"), "AM-OAU-004"},
        {with("nonce", R"("another")"), "AM-OAU-004"},
        {with("nonce", R"("")"), "AM-OAU-004"},
        {with("sub", R"("")"), "AM-OAU-004"},
        {with("sub", json_text(std::string(256, 'x'))), "AM-OAU-004"},
        {with("exp", time(0)), "AM-OAU-005"},
        {with("exp", "1e300"), "AM-OAU-005"},
        {with("iat", time(-601)), "AM-OAU-005"},
        {with("iat", time(62)), "AM-OAU-005"},
        {more("nbf", time(62)), "AM-OAU-005"},
        {with("email_verified", "false"), "AM-OAU-006"},
        {with("email_verified", R"("no")"), "AM-OAU-006"},
        {with("email", R"("")"), "AM-OAU-006"},
    };
    for (const auto& one : bad) {
        const auto out = w.log_in(alice(), one.twist);
        check_refused(out, 403, "forbidden", one.clause);
        CHECK(w.row(alice()).trust == tier::anonymous);
    }
    const auto header = [&](std::string_view text, const signing_key_pair& by = provider_signing()) {
        const auto url = w.begin_for(alice());
        return w.finish(asked_for(url, "state"), w.token(w.claims(asked_for(url, "nonce")), text, by));
    };
    for (const std::string_view one :
         {R"({"alg":"none","kid":"k1"})", R"({"alg":"HS256","kid":"a"})", R"({"alg":"HS256","kid":"k1"})",
          R"({"alg":"RS256","kid":"k1"})", R"({"alg":"eddsa","kid":"k1"})", R"({"alg":"EdDSA"})",
          R"({"alg":"EdDSA","kid":"k2"})", R"({"kid":"k1"})", R"({"alg":"EdDSA","kid":"k1","crit":["x"]})",
          R"({"alg":"EdDSA","alg":"EdDSA","kid":"k1"})", "{}"})
        check_refused(header(one), 403, "forbidden", "AM-OAU-003");
    check_refused(header(R"({"alg":"EdDSA","kid":"k1"})", alice().signing), 403, "forbidden", "AM-OAU-003");

    const auto raw = [&](std::string token) {
        const auto url = w.begin_for(alice());
        return w.finish(asked_for(url, "state"), token);
    };
    const auto good = w.token(w.claims("n"));
    for (const auto& one : {std::string{"x"}, std::string{".."}, good + ".x", good + "=",
                            good.substr(0, good.rfind('.') + 1), std::string(17'000, 'a')})
        check_refused(raw(one), 403, "forbidden", "AM-OAU-003");
    CHECK(w.row(alice()).trust == tier::anonymous);
    // And with other claims that are as good.
    CHECK(w.log_in(alice(), with("aud", R"(["registry client"])")).status == 200);
}

TEST_CASE("logins are begun at the rate of registrations", "[unit][registry][login][AM-REG-017]") {
    auto chosen = options();
    chosen.registrations_per_minute = 3;
    world w{chosen};
    w.enroll(alice());
    const auto begin = [&] {
        return w.post_dated("/v1/auth/oauth/authorize", alice(),
                            {{"amid", json_text(alice().name())}, {"provider", R"("acme")"}});
    };
    CHECK(begin().status == 200);
    CHECK(begin().status == 200);
    const auto late = begin();
    check_refused(late, 429, "rate_limited", "AM-REG-017");
    CHECK(late.fields.only("Retry-After") == "60");
    w.now = w.now + 60s;
    CHECK(begin().status == 200);
}

TEST_CASE("a provider in trouble is not a refusal", "[unit][registry][login]") {
    login_world w;
    w.enroll(alice());
    const auto open = [&] { return w.callback("code=c&state=" + asked_for(w.begin_for(alice()), "state")); };
    check_refused(std::get<http::response>(w.answer_with(open(), 503, "")), 503, "unavailable", "AM-OAU-003");
    check_refused(std::get<http::response>(w.answer_with(open(), 400, R"({"error":"invalid_grant"})")), 403,
                  "forbidden", "AM-OAU-003");
    auto keys = w.answer_with(open(), 200, R"({"id_token":")" + w.token(w.claims("n")) + R"("})");
    check_refused(std::get<http::response>(w.answer_with(std::move(keys), 500, "")), 503, "unavailable", "AM-OAU-003");
    check_refused(w.get("/v1/auth/oauth/callback", "code=c&state=" + asked_for(w.begin_for(alice()), "state")), 503,
                  "unavailable", "AM-OAU-003");
}

TEST_CASE("one person vouches for so many agents and no more, and an agent has one person",
          "[unit][registry][login][AM-OAU-007]") {
    login_world w;
    const agent all[] = {agent{70}, agent{71}, agent{72}};
    for (const auto& one : all) w.enroll(one);
    CHECK(w.log_in(all[0]).status == 200);
    CHECK(w.log_in(all[1]).status == 200);
    CHECK(w.log_in(all[0]).status == 200);  // again
    check_refused(w.log_in(all[2]), 403, "forbidden", "AM-OAU-007");
    CHECK(w.row(all[2]).trust == tier::anonymous);
    check_refused(w.log_in(all[0], with("sub", R"("person 8")")), 409, "already_exists", "AM-OAU-007");
    CHECK(w.log_in(all[2], with("sub", R"("person 8")")).status == 200);
}

TEST_CASE("a login may come before the registration, and its token serves once and for one agent",
          "[unit][registry][login][AM-OAU-010]") {
    login_world w;
    const agent fresh{80}, thief{81}, later{82};
    const auto voucher_for = [&](const agent& who) {
        const auto url =
            w.begin_for(who, {{"signing_public_key", json_text(identity::to_text(who.signing.public_key()))}});
        const auto out = w.finish(asked_for(url, "state"), w.token(w.claims(asked_for(url, "nonce"))));
        INFO(out.body);
        REQUIRE(out.status == 200);
        return member(out, "verification_token");
    };
    const auto enroll = [&](const agent& who, const std::string& token) {
        auto all = world::enrolment(who);
        all.emplace_back("verification_token", token);
        const auto out = w.post_dated("/v1/registry/register", who, all);
        CHECK(out.status == 201);
        return bare(member(out, "tier"));
    };
    const auto stolen = voucher_for(fresh);
    CHECK(stolen.size() == 45);
    CHECK(enroll(thief, stolen) == "anonymous");
    const auto own = voucher_for(fresh);
    CHECK(enroll(fresh, own) == "verified");
    CHECK(w.row(fresh).score == 600'000);
    CHECK(w.row(fresh).owner == "https://login.acme.example|person 7");
    const auto late = voucher_for(later);
    w.now = w.now + 600s;
    CHECK(enroll(later, late) == "anonymous");
    check_refused(
        w.authorize(agent{83}, {{"signing_public_key", json_text(identity::to_text(fresh.signing.public_key()))}}), 400,
        "amid_mismatch", "AM-OAU-001");
}

TEST_CASE("RS256 and ES256 are verified with keys of their own kind", "[unit][registry][login][AM-OAU-003]") {
    const std::string text = "header.claims";
    const auto sign = [&](EVP_PKEY* key) {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
        std::size_t size = 0;
        const auto* const bytes = as_bytes(text).data();
        REQUIRE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1);
        REQUIRE(EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1);
        buffer out(size);
        REQUIRE(EVP_DigestSign(context.get(), out.data(), &size, bytes, text.size()) == 1);
        out.resize(size);
        return out;
    };
    const auto number = [](EVP_PKEY* key, const char* name, int size) {
        BIGNUM* value = nullptr;
        REQUIRE(EVP_PKEY_get_bn_param(key, name, &value) == 1);
        buffer out(static_cast<std::size_t>(size == 0 ? BN_num_bytes(value) : size));
        BN_bn2binpad(value, out.data(), static_cast<int>(out.size()));
        BN_free(value);
        return out;
    };
    const auto bytes = as_bytes(text);
    {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_RSA_gen(2048), &EVP_PKEY_free};
        const auto n = number(key.get(), "n", 0), e = number(key.get(), "e", 0);
        auto proof = sign(key.get());
        CHECK(crypto::openssl::verify_rs256(n, e, bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_rs256(n, e, as_bytes(std::string{"other"}), proof));
        CHECK_FALSE(crypto::openssl::verify_rs256(n, buffer{1}, bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_rs256(n, buffer{2}, bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_rs256(byte_view{n}.first(128), e, bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_rs256({}, {}, bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_rs256(n, e, bytes, byte_view{proof}.first(255)));
        proof[100] ^= 1;
        CHECK_FALSE(crypto::openssl::verify_rs256(n, e, bytes, proof));
    }
    {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
        const auto x = number(key.get(), "qx", 32), y = number(key.get(), "qy", 32);
        const auto der = sign(key.get());
        const unsigned char* at = der.data();
        const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair{
            d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), &ECDSA_SIG_free};
        buffer proof(64);
        BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), proof.data(), 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), proof.data() + 32, 32);
        CHECK(crypto::openssl::verify_es256(x, y, bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_es256(y, x, bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_es256(x, y, bytes, der));
        CHECK_FALSE(crypto::openssl::verify_es256(x, byte_view{y}.first(31), bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_es256(buffer(32), buffer(32), bytes, proof));
        CHECK_FALSE(crypto::openssl::verify_es256(x, y, bytes, buffer(64)));
        proof[40] ^= 1;
        CHECK_FALSE(crypto::openssl::verify_es256(x, y, bytes, proof));
    }
}

TEST_CASE("a key set has the keys that can be used, each under its name", "[unit][registry][login][AM-OAU-003]") {
    const auto keys = parse_key_set(R"({"keys":[
        {"kty":"RSA","n":"AQAB","e":"AQAB","kid":"r","alg":"RS256"},{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"},
        {"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS512"},{"kty":"EC","crv":"P-256","x":"AA","y":"AQ"},
        {"kty":"EC","crv":"P-384","x":"AA","y":"AQ"},{"kty":"oct","k":"AA"},{"kty":"OKP","crv":"X25519","x":"AA"}]})");
    REQUIRE(keys);
    REQUIRE(keys->size() == 2);
    CHECK((*keys)[0] == provider_key{"r", token_algorithm::rs256, {1, 0, 1}, {1, 0, 1}});
    CHECK((*keys)[1] == provider_key{"", token_algorithm::es256, {0}, {1}});
    CHECK_FALSE(parse_key_set("{}"));
    CHECK_FALSE(parse_key_set("[]"));
    CHECK_FALSE(parse_key_set(R"({"keys":[1]})"));
    CHECK_FALSE(parse_key_set(R"({"keys":[{"kty":"RSA","n":"+","e":"AQAB"}]})"));
    std::string many = R"({"keys":[{})";
    for (int i = 0; i < 32; ++i) many += ",{}";
    CHECK_FALSE(parse_key_set(many + "]}"));
}
