// Property: whatever agents, browsers, providers and holders of certificates do in whatever order, an agent is verified
// only after a login that it began itself, in time, with a state that was not used, and a token that the provider
// signed for this client and this login, or by a chain to the trusted root; a person stands behind so many agents and
// no more; and what readers of tokens and key sets are given in bytes never is more than refused.
#include "fuzz/fuzz.hpp"

#include <agentmesh/registry/service.hpp>
#include <agentmesh/registry/x509_desk.hpp>

AM_FUZZ(AM_OAU_001, AM_OAU_002, AM_OAU_003, AM_OAU_004, AM_OAU_005, AM_OAU_006, AM_OAU_007, AM_OAU_008, AM_OAU_009,
        AM_OAU_010, AM_CRT_020, AM_CRT_021, AM_CRT_022);

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t agents = 4;  // the last two are not registered at first
constexpr time_point start = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}};

struct input {
    byte_view rest;
    std::size_t below(std::size_t limit) {
        if (rest.empty()) return 0;
        const auto out = rest.front();
        rest = rest.subspan(1);
        return out % limit;
    }
};

struct key_pairs {
    signing_key_pair signing;
    exchange_key_pair exchange;
};
/// Of the agents; then of the provider, of another one, of a trusted root and of another.
const key_pairs& keys(std::size_t of) {
    static const auto all = [] {
        std::vector<key_pairs> out;
        crypto::scripted_random random{1};
        for (std::size_t i = 0; i < agents + 4; ++i) {
            auto signing = signing_key_pair::generate(random).value();
            out.push_back({std::move(signing), exchange_key_pair::generate(random).value()});
        }
        return out;
    }();
    return all[of];
}
amid name(std::size_t of) { return amid::of(keys(of).signing.public_key()); }
std::string quoted(std::string_view text) {
    std::string out;
    json::append_quoted(out, text);
    return out;
}
std::string b64u(byte_view bytes) { return to_base64(bytes, base64_form::url_unpadded); }

constexpr std::size_t root_itself = agents;

/// The root in DER, or an agent's certificate by one of the two in PEM; issued once.
std::string chain(bool trusted, std::size_t who) {
    static const auto all = [] {
        std::vector<std::string> out;
        crypto::scripted_random random{4};
        for (std::size_t root = agents + 2; root < agents + 4; ++root) {
            const auto der =
                identity::issue_root(keys(root).signing, "R", {start - 24h, start + 24h * 365}, random).value();
            out.emplace_back(as_text(der));
            for (std::size_t i = 0; i < agents; ++i)
                out.push_back(
                    identity::to_pem(identity::issue_agent({der, keys(root).signing}, keys(i).signing.public_key(),
                                                           {start - 1h, start + 24h}, random)
                                         .value()));
        }
        return out;
    }();
    const std::size_t root = trusted ? 0 : agents + 1;
    return who == root_itself ? all[root] : all[root + 1 + who];
}

struct attempt {
    std::size_t who;
    std::string state, nonce;
    time_point begun;
    bool used = false;
};
struct voucher {
    std::size_t who, person;
    std::string text;
    time_point given;
    bool used = false;
};

struct world {
    memory_store store{};
    crypto::scripted_random random{2};
    bool withdrawn = false, told = true;
    x509_desk<crypto::scripted_random> desk{random, [this]() -> result<std::set<identity::certificate_fingerprint>> {
                                                if (!told) return fail(errc::io_failed);
                                                std::set<identity::certificate_fingerprint> out;
                                                if (!withdrawn) return out;
                                                for (std::size_t i = 0; i < agents; ++i) {
                                                    const auto der = identity::parse_pem(chain(true, i)).value();
                                                    out.insert(identity::read_certificate(der[0]).value().fingerprint);
                                                }
                                                return out;
                                            }};
    std::optional<service<memory_store, crypto::scripted_random>> mesh{};
    moment now{.wall = start};
    std::vector<attempt> attempts{};
    std::vector<voucher> vouchers{};
    std::array<bool, agents> registered{}, verified{};
    std::array<std::optional<std::size_t>, agents> person{};
    std::array<std::size_t, 3> behind{};
    std::array<time_point, agents> issued_at{};

    world() {
        REQUIRE_FUZZ(
            desk.issue_under(as_bytes(chain(true, root_itself)), signing_key_pair{keys(agents + 2).signing.seed()}));
        const auto provider = login_provider::parse(
            R"({"name":"acme","issuer":"https://acme.example","authorization_endpoint":"https://acme.example/a",
            "token_endpoint":"https://acme.example/t","jwks_uri":"https://acme.example/k","client_id":"us",
            "redirect_uri":"https://registry.example/c"})");
        mesh.emplace(store,
                     service_options{.host = "registry.example",
                                     .requests_per_minute = 0,
                                     .registrations_per_minute = 0,
                                     .certificates = &desk,
                                     .logins = {*provider},
                                     .agents_per_login = 2},
                     random);
        for (std::size_t i = 0; i < 2; ++i) enroll(i, {});
    }
    using members = std::vector<std::pair<std::string, std::string>>;
    http::response post(std::string_view path, std::size_t by, members all) {
        now = now + 1us;
        const auto time = format_time(now.wall);
        all.emplace_back("timestamp", quoted(time));
        all.emplace_back("signature", quoted(to_base64(keys(by).signing.sign(as_bytes(time)).bytes(),
                                                       base64_form::standard_padded)));
        http::request out{.method = "POST",
                          .path = std::string{path},
                          .fields = {{"Host", "registry.example"}, {"Content-Type", "application/json"}}};
        json::writer to{out.body};
        to.begin_object();
        for (const auto& [member, value] : all) to.name(member).verbatim(value);
        to.end_object();
        return mesh->handle(out, {.address = "192.0.2.1"}, now);
    }
    http::response enroll(std::size_t who, members more) {
        more.emplace_back("amid", quoted(name(who).text()));
        more.emplace_back("signing_public_key", quoted(identity::to_text(keys(who).signing.public_key())));
        more.emplace_back("exchange_public_key", quoted(identity::to_text(keys(who).exchange.public_key())));
        auto out = post("/v1/registry/register", who, more);
        REQUIRE_FUZZ(out.status == (registered[who] ? 409 : 201));
        registered[who] = true;
        return out;
    }
    [[nodiscard]] bool can_have(std::size_t who, std::size_t one) const {
        if (person[who]) return *person[who] == one;
        return behind[one] < 2;
    }
    void has(std::size_t who, std::size_t one) {
        if (!person[who]) ++behind[one];
        person[who] = one;
        verified[who] = true;
        if (issued_at[who] == time_point{}) issued_at[who] = now.wall;
    }
    void compare() {
        for (std::size_t i = 0; i < agents; ++i) {
            const auto row = store.transact([&](memory_store::transaction& tx) { return tx.agent(name(i)); }).value();
            REQUIRE_FUZZ(row.has_value() == registered[i]);
            REQUIRE_FUZZ(!row || (row->trust == tier::verified) == verified[i]);
            REQUIRE_FUZZ(!row || row->owner.empty() == !person[i]);
            // Issued by this registry or shown to it: whoever trusts its root believes it of this agent.
            if (row && !row->certificate.empty()) REQUIRE_FUZZ(desk.check(row->certificate, name(i), issued_at[i]));
        }
    }
};

void begin(world& w, input& in) {
    const auto who = in.below(agents);
    const bool forged = in.below(8) == 0, key = in.below(2) == 0, other = in.below(16) == 0;
    world::members all{{"amid", quoted(name(who).text())}, {"provider", quoted(other ? "else" : "acme")}};
    if (key) all.emplace_back("signing_public_key", quoted(identity::to_text(keys(who).signing.public_key())));
    const auto out = w.post("/v1/auth/oauth/authorize", forged ? (who + 1) % agents : who, all);
    if (other)
        REQUIRE_FUZZ(out.status == 400);
    else if (forged || (!w.registered[who] && !key))
        REQUIRE_FUZZ(out.status == 401);
    else
        REQUIRE_FUZZ(out.status == 200);
    if (out.status != 200 || w.attempts.size() >= 16) return;
    const auto members = request_members::parse(out.body).value();
    const auto url = *members.text("authorization_url");
    const auto parsed = http::parse_query(url.substr(url.find('?') + 1)).value();
    attempt one{who, std::string{*members.text("state")}, {}, w.now.wall};
    std::string challenge;
    for (const auto& [member, value] : parsed) {
        if (member == "nonce") one.nonce = value;
        if (member == "code_challenge") challenge = value;
    }
    REQUIRE_FUZZ(challenge.size() == 43 && one.nonce.size() == 43 && one.state.size() == 43);
    for (const auto& before : w.attempts) REQUIRE_FUZZ(before.nonce != one.nonce && before.state != one.state);
    w.attempts.push_back(std::move(one));
}

void end(world& w, input& in) {
    if (w.attempts.empty()) return;
    auto& of = w.attempts[in.below(w.attempts.size())];
    auto asked =
        w.mesh->begin({.method = "GET", .path = "/v1/auth/oauth/callback", .query = "code=c&state=" + of.state},
                      {.address = "192.0.2.2"}, w.now);
    const bool open = std::holds_alternative<open_request>(asked);
    REQUIRE_FUZZ(open == (!of.used && w.now.wall - of.begun < 600s));
    of.used = true;
    if (!open) {
        REQUIRE_FUZZ(std::get<http::response>(asked).status == 403);
        return;
    }
    // One thing may be wrong with the token, or nothing.
    const auto wrong = in.below(12);
    const auto who_is_it = in.below(3);
    const auto second = std::chrono::floor<std::chrono::seconds>(w.now.wall).time_since_epoch().count();
    const auto other = w.attempts[in.below(w.attempts.size())].nonce;
    std::string claims;
    json::writer to{claims};
    to.begin_object().member("iss", wrong == 0 ? "https://evil.example" : "https://acme.example");
    to.member("aud", wrong == 1 ? "them" : "us").member("nonce", wrong == 2 ? other : of.nonce);
    to.member("exp", second + (wrong == 3 ? 0 : 60)).member("iat", second - (wrong == 4 ? 601 : 0));
    to.member("sub", std::to_string(who_is_it)).member("email", "a@b").member("email_verified", wrong != 5);
    if (wrong == 6) to.member("azp", "them");
    to.end_object();
    const std::string header = wrong == 7   ? R"({"alg":"none"})"
                               : wrong == 8 ? R"({"alg":"HS256","kid":"k"})"
                                            : R"({"alg":"EdDSA","kid":"k"})";
    auto token = b64u(as_bytes(header)) + "." + b64u(as_bytes(claims));
    token += "." + b64u(keys(agents + (wrong == 9 ? 1 : 0)).signing.sign(as_bytes(token)).bytes());
    const std::string set = R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":")" +
                            b64u(keys(agents).signing.public_key().bytes()) + R"("}]})";
    const auto said = [&](std::string body) {
        return outside_answer{result<http::response>{http::response::json(200, std::move(body))}};
    };
    auto out =
        w.mesh->resume(std::get<open_request>(std::move(asked)), said(R"({"id_token":")" + token + "\"}"), w.now);
    if (std::holds_alternative<open_request>(out))
        out = w.mesh->resume(std::get<open_request>(std::move(out)), said(set), w.now);
    const auto answer = std::get<http::response>(out);
    const bool good = wrong >= 10 || (wrong == 2 && other == of.nonce);
    if (!good) {
        REQUIRE_FUZZ(answer.status == 403);
    } else if (w.registered[of.who]) {
        const bool may = w.can_have(of.who, who_is_it);
        REQUIRE_FUZZ((answer.status == 200) == may);
        if (may) w.has(of.who, who_is_it);
    } else {
        REQUIRE_FUZZ(answer.status == 200);
        const auto text = std::string{*request_members::parse(answer.body)->text("verification_token")};
        w.vouchers.push_back({of.who, who_is_it, text, w.now.wall});
    }
}

void enroll(world& w, input& in) {
    const auto who = in.below(agents);
    auto* const shown = w.vouchers.empty() ? nullptr : &w.vouchers[in.below(w.vouchers.size())];
    world::members more;
    if (shown != nullptr) more.emplace_back("verification_token", quoted(shown->text));
    const bool known = w.registered[who];
    const auto out = w.enroll(who, more);
    if (known || shown == nullptr) return;
    const bool good =
        !shown->used && shown->who == who && w.now.wall - shown->given < 600s && w.can_have(who, shown->person);
    shown->used = true;
    REQUIRE_FUZZ(request_members::parse(out.body)->text("tier") == (good ? "verified" : "anonymous"));
    if (good) w.has(who, shown->person);
}

void certify(world& w, input& in) {
    const auto who = in.below(agents), of = in.below(4) == 0 ? (who + 1) % agents : who;
    const bool trusted = in.below(2) == 0;
    w.withdrawn = in.below(8) == 0;
    w.told = in.below(8) != 0;
    const auto out = w.post("/v1/registry/certificate", who,
                            {{"amid", quoted(name(who).text())}, {"certificate", quoted(chain(trusted, of))}});
    const bool in_time = w.now.wall <= start + 24h;
    const bool good = w.registered[who] && trusted && of == who && w.told && !w.withdrawn && in_time;
    REQUIRE_FUZZ((out.status == 200) == good);
    if (good) {
        w.verified[who] = true;
        w.issued_at[who] = w.now.wall;
    }
    w.told = true;
    w.withdrawn = false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    if (const auto token = id_token::parse(as_text(bytes))) {
        REQUIRE_FUZZ(token->signed_text.size() < size);
        REQUIRE_FUZZ(!check_id_token(*token, {}, nullptr, {}, start));
    }
    if (const auto set = parse_key_set(as_text(bytes))) REQUIRE_FUZZ(set->size() <= 32);
    input in{bytes};
    world w;
    for (int steps = 0; steps < 32 && !in.rest.empty(); ++steps) {
        switch (in.below(8)) {
            case 0:
            case 1: begin(w, in); break;
            case 2:
            case 3:
            case 4: end(w, in); break;
            case 5: enroll(w, in); break;
            case 6: certify(w, in); break;
            default: w.now = w.now + std::chrono::seconds{in.below(250) * in.below(40)}; break;
        }
        w.compare();
    }
    return 0;
}
