// Property: whatever administrators, agents and domains say in whatever order, an organization is verified only after
// its domain has said its challenge in time, an agent is of an organization only after its administrator and the agent
// itself have signed for it, each consent serves once, and the board shows whom it may.
#include "fuzz/fuzz.hpp"

#include <agentmesh/registry/service.hpp>

AM_FUZZ(AM_ORG_001, AM_ORG_002, AM_ORG_003, AM_ORG_004, AM_ORG_005, AM_ORG_006, AM_ORG_007, AM_ORG_010);

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t agents = 4;  // the first two also administer
constexpr std::string_view domains[] = {"acme.example", "other.example", "localhost"};

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
const key_pairs& keys(std::size_t of) {
    static const auto all = [] {
        std::vector<key_pairs> out;
        crypto::scripted_random random{1};
        for (std::size_t i = 0; i < agents; ++i) {
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
std::string sign(std::size_t by, std::string_view text) {
    return to_base64(keys(by).signing.sign(as_bytes(text)).bytes(), base64_form::standard_padded);
}

struct organization {
    std::string id{};
    std::string challenge{};
    std::size_t admin = 0;
    time_point until{};
    bool verified = false;
};

struct world {
    memory_store store{};
    crypto::scripted_random random{2};
    service<memory_store, crypto::scripted_random> mesh{
        store, {.host = "registry.example", .requests_per_minute = 0, .registrations_per_minute = 0}, random};
    moment now{.wall = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}}};
    std::array<std::optional<organization>, 2> known{};
    std::array<std::optional<std::size_t>, agents> member_of{};
    std::array<bool, agents> registered{};
    struct consent {
        std::size_t who;
        std::string id, at, proof;
        time_point signed_at;
        bool used = false;
    };
    std::vector<consent> consents{};

    std::variant<http::response, open_request> begin(std::string_view path, std::size_t by, std::string_view signature,
                                                     std::vector<std::pair<std::string, std::string>> members) {
        now = now + 1us;
        const auto time = format_time(now.wall);
        members.emplace_back("timestamp", quoted(time));
        members.emplace_back(signature, quoted(sign(by, time)));
        http::request out{.method = "POST",
                          .path = std::string{path},
                          .fields = {{"Host", "registry.example"}, {"Content-Type", "application/json"}}};
        json::writer to{out.body};
        to.begin_object();
        for (const auto& [member, value] : members) to.name(member).verbatim(value);
        to.end_object();
        return mesh.begin(out, {.address = "192.0.2.1"}, now);
    }
    http::response get(std::string path, std::string query) {
        const auto out = mesh.handle({.method = "GET", .path = std::move(path), .query = std::move(query)},
                                     {.address = "192.0.2.1"}, now);
        REQUIRE_FUZZ(json::validate(out.body));
        return out;
    }
};

/// At once: nothing of what these ask has to be asked elsewhere.
http::response settled(std::variant<http::response, open_request> out) {
    REQUIRE_FUZZ(std::holds_alternative<http::response>(out));
    return std::get<http::response>(std::move(out));
}

void found(world& w, input& in) {
    const auto at = in.below(3), admin = in.below(2), key = in.below(8) == 0 ? 1 - admin : admin;
    const auto by = in.below(8) == 0 ? 1 - admin : admin;
    const auto out =
        settled(w.begin("/v1/org/register", by, "signature",
                        {{"name", quoted("Acme")},
                         {"domain", quoted(domains[at])},
                         {"admin_amid", quoted(name(admin).text())},
                         {"admin_signing_public_key", quoted(identity::to_text(keys(key).signing.public_key()))}}));
    if (at == 2 || key != admin) {
        REQUIRE_FUZZ(out.status == 400);
        return;
    }
    if (by != admin) {
        REQUIRE_FUZZ(out.status == 401);
        return;
    }
    auto& held = w.known[at];
    const bool taken = held && (held->verified || w.now.wall < held->until);
    REQUIRE_FUZZ(out.status == (taken ? 409 : 201));
    if (taken) return;
    const auto members = request_members::parse(out.body).value();
    const auto challenge = request_members::parse(*members.json("dns_challenge")).value();
    held = organization{.id = std::string{*members.text("organization_id")},
                        .challenge = std::string{*challenge.text("record_value")},
                        .admin = admin,
                        .until = w.now.wall + 24h};
}

void verify(world& w, input& in) {
    const auto at = in.below(2), by = in.below(2);
    const bool forged = in.below(8) == 0;
    if (!w.known[at]) return;
    auto& of = *w.known[at];
    auto out = w.begin("/v1/org/verify", forged ? 1 - by : by, "signature",
                       {{"organization_id", quoted(of.id)}, {"admin_amid", quoted(name(by).text())}});
    const auto asked_at = w.now.wall;
    if (auto* waiting = std::get_if<open_request>(&out)) {
        REQUIRE_FUZZ(!forged && by == of.admin && !of.verified && asked_at < of.until);
        REQUIRE_FUZZ(waiting->question == outside_question{text_question{"_agentmesh." + std::string{domains[at]}}});
        if (in.below(4) == 0) w.now = w.now + std::chrono::hours{in.below(30)};
        const auto kind = in.below(4);
        std::vector<std::string> texts{"v=spf1 -all"};
        if (kind == 1) texts.push_back(of.challenge);
        if (kind == 2) texts.push_back('"' + of.challenge + '"');
        if (kind == 3 && w.known[1 - at]) texts.push_back(w.known[1 - at]->challenge);
        const bool silent = in.below(8) == 0;
        outside_answer said = result<std::vector<std::string>>{texts};
        if (silent) said = result<std::vector<std::string>>{fail(errc::timed_out)};
        out = w.mesh.resume(std::move(*waiting), said, w.now);
        const auto answer = settled(std::move(out));
        const bool good = !silent && w.now.wall < of.until && (kind == 1 || kind == 2);
        REQUIRE_FUZZ(answer.status == (silent ? 503 : w.now.wall < of.until ? 200 : 403));
        if (answer.status == 200)
            REQUIRE_FUZZ(request_members::parse(answer.body)->json("verified") == (good ? "true" : "false"));
        of.verified = good;
    } else {
        const auto answer = settled(std::move(out));
        if (forged || (by != of.admin && !w.registered[by]))
            REQUIRE_FUZZ(answer.status == 401);
        else if (by != of.admin)
            REQUIRE_FUZZ(answer.status == 403);
        else
            REQUIRE_FUZZ(answer.status == (of.verified ? 200 : 403));
    }
    const auto seen =
        request_members::parse(w.get("/v1/org/lookup", "domain=" + std::string{domains[at]}).body).value();
    REQUIRE_FUZZ(seen.json("verified") == (of.verified ? "true" : "false"));
}

void agree(world& w, input& in) {
    const auto who = in.below(agents), at = in.below(2);
    if (!w.known[at] || w.consents.size() >= 16) return;
    w.now = w.now + 1us;
    const auto time = format_time(w.now.wall);
    const auto text = "AgentMesh-v1:organization-consent" + std::string(1, '\0') + w.known[at]->id + "\n" +
                      std::string{name(who).text()} + "\n" + identity::to_text(keys(who).exchange.public_key()) + "\n" +
                      time;
    w.consents.push_back({who, w.known[at]->id, time, sign(who, text), w.now.wall});
}

void add(world& w, input& in) {
    const auto at = in.below(2), who = in.below(agents), by = in.below(2);
    const bool forged = in.below(8) == 0, other_key = in.below(8) == 0, other_exchange = in.below(8) == 0;
    if (!w.known[at]) return;
    const auto& of = *w.known[at];
    auto* const consent = w.consents.empty() ? nullptr : &w.consents[in.below(w.consents.size())];
    const auto exchange = other_exchange ? (who + 1) % agents : who;
    std::vector<std::pair<std::string, std::string>> members{
        {"organization_id", quoted(of.id)},
        {"agent_amid", quoted(name(who).text())},
        {"agent_signing_public_key",
         quoted(identity::to_text(keys(other_key ? (who + 1) % agents : who).signing.public_key()))},
        {"agent_exchange_public_key", quoted(identity::to_text(keys(exchange).exchange.public_key()))},
        {"admin_amid", quoted(name(by).text())}};
    if (consent != nullptr) {
        members.emplace_back("agent_consent", quoted(consent->proof));
        members.emplace_back("agent_consent_at", quoted(consent->at));
    }
    const auto out = settled(w.begin("/v1/org/agents", forged ? 1 - by : by, "admin_signature", members));
    const bool own = who == by;
    const bool agreed = own || (consent != nullptr && consent->who == who && consent->id == of.id && !consent->used &&
                                w.now.wall - consent->signed_at <= 24h && !other_exchange);
    const bool fits = !w.registered[who] || (!other_exchange && (!w.member_of[who] || w.member_of[who] == at));
    const bool may = !forged && by == of.admin && of.verified && !other_key;
    REQUIRE_FUZZ((out.status == 201) == (may && agreed && fits));
    if (out.status == 201) {
        w.registered[who] = true;
        w.member_of[who] = at;
        if (!own && consent != nullptr) consent->used = true;
    } else {
        REQUIRE_FUZZ(out.status == 400 || out.status == 401 || out.status == 403 || out.status == 409);
        REQUIRE_FUZZ(!other_key || out.status == 400);
    }
    for (std::size_t i = 0; i < agents; ++i) {
        const auto row = w.store.transact([&](memory_store::transaction& tx) { return tx.agent(name(i)); }).value();
        REQUIRE_FUZZ(row.has_value() == w.registered[i]);
        REQUIRE_FUZZ(!row || (row->trust == tier::organization) == w.member_of[i].has_value());
        REQUIRE_FUZZ(!row || !w.member_of[i] || row->organization == w.known[*w.member_of[i]]->id);
    }
}

void board(world& w, input& in) {
    const bool intent = in.below(2) == 0;
    // A row whose ratings are set by hand: how they come about is another target's matter.
    const auto who = in.below(agents);
    const auto ratings = static_cast<std::uint32_t>(in.below(8));
    (void)w.store.transact([&](memory_store::transaction& tx) -> result<void> {
        auto row = tx.agent(name(who)).value();
        if (!row) return fail(errc::unknown_peer);
        row->ratings = ratings;
        row->revoked = ratings == 7;
        row->capabilities = {"travel/flights"};
        return tx.update_agent(*row);
    });
    const auto out = w.get("/v1/registry/reputation/leaderboard",
                           std::string{"limit=4294967295"} + (intent ? "&intent=travel" : ""));
    const auto members = request_members::parse(out.body).value();
    REQUIRE_FUZZ(out.status == 200 && members.json("limit") == "100");
    const auto shown = std::string{*members.json("leaderboard")};
    for (std::size_t i = 0; i < agents; ++i) {
        const auto row = w.store.transact([&](memory_store::transaction& tx) { return tx.agent(name(i)); }).value();
        const bool may = row && row->ratings >= 5 && !row->revoked && (!intent || !row->capabilities.empty());
        REQUIRE_FUZZ((shown.find(name(i).text()) != shown.npos) == may);
    }
    // Revocation is for another target, too.
    (void)w.store.transact([&](memory_store::transaction& tx) -> result<void> {
        auto row = tx.agent(name(who)).value();
        if (!row) return fail(errc::unknown_peer);
        row->revoked = false;
        return tx.update_agent(*row);
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{{data, size}};
    world w;
    for (int steps = 0; steps < 64 && !in.rest.empty(); ++steps) {
        switch (in.below(10)) {
            case 0: found(w, in); break;
            case 1:
            case 2: verify(w, in); break;
            case 3:
            case 4: agree(w, in); break;
            case 5:
            case 6:
            case 7: add(w, in); break;
            case 8: board(w, in); break;
            default: w.now = w.now + std::chrono::hours{in.below(30)}; break;
        }
    }
    return 0;
}
