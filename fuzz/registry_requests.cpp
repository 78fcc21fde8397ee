// Property: whatever is sent, the answer is JSON and a refusal has a word and a clause; nothing changes unless the
// agent that it is about has signed for it, now, for the first time and, once it has sent a proof, with a proof; what
// is accepted is there afterwards, exactly.
#include "fuzz/fuzz.hpp"

#include <agentmesh/registry/service.hpp>

AM_FUZZ(AM_REG_001, AM_REG_002, AM_REG_003, AM_REG_004, AM_REG_005, AM_REG_006, AM_REG_007, AM_REG_008, AM_REG_009,
        AM_REG_010, AM_REG_011, AM_REG_012, AM_REG_013, AM_REG_014, AM_REG_015, AM_REG_016, AM_REG_017, AM_REG_018,
        AM_REG_020, AM_REG_021, AM_REG_022, AM_REG_023, AM_REG_024, AM_REG_025, AM_REG_030, AM_REG_031, AM_REG_032,
        AM_REG_040, AM_REG_041, AM_REG_042, AM_REG_043, AM_REG_090);

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t agents = 3;
constexpr std::string_view host = "registry.example";

struct input {
    byte_view rest;
    std::uint8_t byte() {
        if (rest.empty()) return 0;
        const auto out = rest.front();
        rest = rest.subspan(1);
        return out;
    }
    std::size_t below(std::size_t limit) { return byte() % limit; }
    std::string text() {
        const auto size = std::min<std::size_t>(byte(), rest.size());
        const std::string out{as_text(rest.first(size))};
        rest = rest.subspan(size);
        return out;
    }
};

struct identity_pair {
    signing_key_pair signing;
    exchange_key_pair exchange;
};

const identity_pair& keys(std::size_t of) {
    static const auto all = [] {
        std::vector<identity_pair> out;
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

const exchange_public_key& prekey(std::size_t of) {
    static const auto all = [] {
        std::vector<exchange_public_key> out;
        crypto::scripted_random random{3};
        for (int i = 0; i < 4; ++i) out.push_back(exchange_key_pair::generate(random).value().public_key());
        return out;
    }();
    return all[of];
}

/// What an agent uploaded, and what of it waits.
struct uploaded {
    bool any = false;
    std::size_t signed_key = 0;
    std::uint32_t signed_id = 0;
    std::uint32_t seen_below = 0;
    std::map<std::uint32_t, std::size_t> waiting{};
    std::set<std::uint32_t> handed_out{};
};

/// How a request shows who sends it. The first two are good.
enum class shown : std::uint8_t { dated, proof, nothing, dated_by_other, proof_by_other, stale, future, replayed };

struct world {
    memory_store store{};
    crypto::scripted_random random{2};
    service<memory_store, crypto::scripted_random> mesh{
        store, {.host = std::string{host}, .relay_endpoint = "wss://relay.example", .requests_per_minute = 40}, random};
    moment now{.wall = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}}};
    std::array<bool, agents> known{}, proves{}, revoked{};
    std::array<uploaded, agents> prekeys{};
    std::set<std::pair<std::size_t, std::string>> rated{};                         // author, session
    std::map<std::pair<std::string, std::size_t>, std::array<int, 2>> reported{};  // session and pair: outcome of each
    std::array<std::string, agents> last_time{};  // the last that was accepted, to be sent again
    std::array<std::string, agents> text{};       // what was registered as display_name
    std::string stated{};                         // by the request that was made last
    unsigned in_minute = 0;
    steady_point minute_begins{};

    http::response send(const http::request& request) {
        if (in_minute == 0 || now.steady >= minute_begins + 60s) {
            minute_begins = now.steady;
            in_minute = 0;
        }
        const bool over = in_minute >= 40;
        if (!over) ++in_minute;
        auto out = mesh.handle(request, {.address = "192.0.2.1"}, now);
        REQUIRE_FUZZ(over == (out.status == 429));
        REQUIRE_FUZZ(out.status >= 200 && out.status < 600 && json::validate(out.body));
        REQUIRE_FUZZ(out.fields.count("Content-Type") == 1);
        if (out.status >= 300) {
            const auto members = request_members::parse(out.body);
            REQUIRE_FUZZ(members && members->text("error") && members->text("clause"));
            REQUIRE_FUZZ(members->text("clause")->starts_with("AM-"));
        }
        return out;
    }

    std::optional<agent_row> row(std::size_t of) {
        return store.transact([&](memory_store::transaction& tx) { return tx.agent(name(of)); }).value();
    }
    std::vector<std::optional<agent_row>> rows() {
        std::vector<std::optional<agent_row>> out;
        for (std::size_t i = 0; i < agents; ++i) out.push_back(row(i));
        return out;
    }

    /// A request of members, and whether what it shows is good for `who`.
    std::pair<http::request, bool> request(std::string path, std::size_t who, shown how,
                                           const std::vector<std::pair<std::string, std::string>>& members) {
        now = now + 1us;
        const auto by = how == shown::dated_by_other || how == shown::proof_by_other ? (who + 1) % agents : who;
        std::string time = format_time(now.wall);
        if (how == shown::stale) time = format_time(now.wall - 300s - 1us);
        if (how == shown::future) time = format_time(now.wall + 60s + 1us);
        if (how == shown::replayed) time = last_time[who];
        const bool proved = how == shown::proof || how == shown::proof_by_other;
        http::request out{.method = "POST",
                          .path = std::move(path),
                          .fields = {{"Host", std::string{host}}, {"Content-Type", "application/json"}}};
        json::writer to{out.body};
        to.begin_object();
        for (const auto& [member, value] : members) to.name(member).verbatim(value);
        if (!proved && how != shown::nothing) {
            const auto proof = keys(by).signing.sign(as_bytes(time));
            to.member("timestamp", time);
            to.member("signature", to_base64(proof.bytes(), base64_form::standard_padded));
        }
        to.end_object();
        if (proved) (void)prove(out, keys(by).signing, now.wall, random);
        const bool good = how == shown::proof || (how == shown::dated && !proves[who]);
        stated = time;
        return {std::move(out), good};
    }
};

std::string json_text(std::string_view text) {
    std::string out;
    json::append_quoted(out, text);
    return out;
}

void enroll(world& w, input& in) {
    const auto who = in.below(agents);
    const auto how = static_cast<shown>(in.below(8));
    const auto claimed = in.below(4) == 0 ? (who + 1) % agents : who;
    const auto display = in.text();
    const auto endpoint = in.below(2) == 0 ? std::string{} : in.text();
    std::string read_back = json_text(display);
    const bool shows = check_shown_text(*request_members::parse("{\"a\":" + read_back + "}")->text("a"), 128) &&
                       (endpoint.empty() || endpoint == "wss://relay.example" || check_endpoint(endpoint));
    std::vector<std::pair<std::string, std::string>> members{
        {"amid", json_text(name(claimed).text())},
        {"signing_public_key", json_text(identity::to_text(keys(who).signing.public_key()))},
        {"exchange_public_key", json_text(identity::to_text(keys(who).exchange.public_key()))},
        {"display_name", read_back}};
    if (!endpoint.empty()) members.emplace_back("direct_endpoint", json_text(endpoint));
    const auto before = w.rows();
    auto [request, good] = w.request("/v1/registry/register", who, how, members);
    // One of an agent that is known is refused in any case; before that, any good signature will do.
    const bool signed_well = how == shown::proof || how == shown::dated;
    const auto out = w.send(request);
    if (out.status == 201) {
        REQUIRE_FUZZ(signed_well && claimed == who && !w.known[who] && shows);
        w.known[who] = true;
        w.proves[who] = how == shown::proof;
        if (how == shown::dated) w.last_time[who] = w.stated;
        const auto row = w.row(who);
        REQUIRE_FUZZ(row && row->signing == keys(who).signing.public_key() &&
                     json_text(row->display_name) == read_back);
        REQUIRE_FUZZ(row->proves == w.proves[who] && row->trust == tier::anonymous && row->direct == endpoint);
        return;
    }
    REQUIRE_FUZZ(before == w.rows());
    if (out.status == 429) return;
    if (claimed != who)
        REQUIRE_FUZZ(out.status == 400);
    else if (how == shown::nothing || how == shown::dated_by_other || how == shown::proof_by_other ||
             how == shown::stale || how == shown::future)
        REQUIRE_FUZZ(out.status == 401);
    else if (signed_well)
        REQUIRE_FUZZ(shows ? w.known[who] && out.status == 409 : out.status == 400);
}

void lookup(world& w, input& in) {
    const auto who = in.below(agents);
    const auto out = w.send({.method = "GET",
                             .path = "/v1/registry/lookup",
                             .query = "amid=" + std::string{name(who).text()},
                             .fields = {{"Host", std::string{host}}}});
    if (out.status == 429) return;
    REQUIRE_FUZZ(out.status == (w.known[who] ? 200 : 404));
    if (out.status != 200) return;
    const auto members = request_members::parse(out.body).value();
    REQUIRE_FUZZ(members.text("signing_public_key") == identity::to_text(keys(who).signing.public_key()));
    REQUIRE_FUZZ(members.text("exchange_public_key") == identity::to_text(keys(who).exchange.public_key()));
}

/// Whether a change that is well formed got as far as the change itself; what it showed is then spent.
bool passed(world& w, std::size_t who, shown how, bool good, const http::response& out, bool even_revoked = false) {
    if (out.status == 429) return false;
    if (!w.known[who]) {
        REQUIRE_FUZZ(out.status == 404 || out.status == 401);
        return false;
    }
    if (!good) {
        REQUIRE_FUZZ(out.status == 401);
        return false;
    }
    if (how == shown::dated) w.last_time[who] = w.stated;
    w.proves[who] = w.proves[who] || how == shown::proof;
    REQUIRE_FUZZ(w.row(who)->proves == w.proves[who]);
    if (w.revoked[who] && !even_revoked) {
        REQUIRE_FUZZ(out.status == 403);
        return false;
    }
    return true;
}

void revoke(world& w, input& in) {
    const auto by = in.below(agents);
    const auto of = in.below(2) == 0 ? by : in.below(agents);
    const auto how = static_cast<shown>(in.below(8));
    auto [request, good] = w.request("/v1/registry/revoke", by, how,
                                     {{"amid", json_text(name(of).text())},
                                      {"revoker_amid", json_text(name(by).text())},
                                      {"reason", json_text("other")}});
    const auto out = w.send(request);
    if (passed(w, by, how, good, out, by == of)) {
        if (!w.known[of])
            REQUIRE_FUZZ(out.status == 404);
        else if (by != of)
            REQUIRE_FUZZ(out.status == 403);
        else
            REQUIRE_FUZZ(out.status == (w.revoked[of] ? 409 : 200));
        if (out.status == 200) w.revoked[of] = true;
    }
    for (std::size_t i = 0; i < agents; ++i) {
        const auto row = w.row(i);
        REQUIRE_FUZZ((row && row->revoked) == w.revoked[i]);
    }
}

void ask_revoked(world& w, input& in) {
    const std::size_t count = in.byte();
    std::string names = "{\"amids\":[";
    for (std::size_t i = 0; i < count; ++i) (names += i == 0 ? "" : ",") += json_text(name(i % agents).text());
    const auto out = w.send({.method = "POST",
                             .path = "/v1/registry/revocations/bulk",
                             .fields = {{"Host", std::string{host}}, {"Content-Type", "application/json"}},
                             .body = names + "]}"});
    if (out.status == 429) return;
    REQUIRE_FUZZ(out.status == (count <= 100 ? 200 : 400));
    if (out.status != 200) return;
    std::size_t expected = 0;
    for (std::size_t i = 0; i < count; ++i) expected += w.revoked[i % agents] ? 1U : 0U;
    REQUIRE_FUZZ(request_members::parse(out.body)->json("total_revoked") == std::to_string(expected));
}

void rate(world& w, input& in) {
    const auto by = in.below(agents), about = in.below(agents);
    const auto how = static_cast<shown>(in.below(8));
    const std::string session(1, static_cast<char>('a' + in.below(4)));
    const auto before = w.rows();
    auto [request, good] = w.request("/v1/registry/reputation/feedback", by, how,
                                     {{"target_amid", json_text(name(about).text())},
                                      {"from_amid", json_text(name(by).text())},
                                      {"session_id", json_text(session)},
                                      {"score", in.below(2) == 0 ? "0" : "1.0"}});
    const auto out = w.send(request);
    if (by == about) {
        REQUIRE_FUZZ((out.status == 400 || out.status == 429) && w.rows() == before);
        return;
    }
    if (passed(w, by, how, good, out)) {
        if (!w.known[about])
            REQUIRE_FUZZ(out.status == 404);
        else
            REQUIRE_FUZZ(out.status == (w.rated.insert({by, session}).second ? 200 : 409));
    }
    const auto after = w.row(about);
    if (out.status != 200)
        REQUIRE_FUZZ((after ? after->score : 0) == (before[about] ? before[about]->score : 0));
    else
        REQUIRE_FUZZ(after->ratings == before[about]->ratings + 1 &&
                     after->score <= 500'000 + most_shift(2 * agents, 0) + 100'000 &&
                     after->score + most_shift(2 * agents, 0) >= 500'000);
}

void report(world& w, input& in) {
    const auto by = in.below(agents), other = in.below(agents), first = in.below(agents);
    const auto how = static_cast<shown>(in.below(8));
    const std::string session(1, static_cast<char>('a' + in.below(4)));
    const int outcome = static_cast<int>(in.below(2));
    const auto before = w.rows();
    auto [request, good] = w.request("/v1/registry/reputation/session", by, how,
                                     {{"session_id", json_text(session)},
                                      {"initiator_amid", json_text(name(first).text())},
                                      {"receiver_amid", json_text(name(other).text())},
                                      {"reporter_amid", json_text(name(by).text())},
                                      {"intent", json_text("travel")},
                                      {"outcome", json_text(outcome == 0 ? "failed" : "success")}});
    const auto out = w.send(request);
    if (!passed(w, by, how, good, out)) return;
    if (first == other || (by != first && by != other)) {
        REQUIRE_FUZZ(out.status == 403);
        return;
    }
    REQUIRE_FUZZ(out.status == 200 || out.status == 409);
    if (out.status != 200) return;
    // Until both have said the same, no score moves but by age.
    auto& said = w.reported[{session + std::to_string(first), other}];
    said[by == first ? 0U : 1U] = outcome + 1;
    if (said[0] == said[1]) return;
    const auto now = request_members::parse(w.send({.method = "GET",
                                                    .path = "/v1/registry/reputation/score",
                                                    .query = "amid=" + std::string{name(first).text()},
                                                    .fields = {{"Host", std::string{host}}}})
                                                .body)
                         .value();
    std::size_t agreed = 0;
    for (const auto& [key, words] : w.reported) {
        const bool takes_part = key.second == first || key.first.substr(1) == std::to_string(first);
        agreed += takes_part && words[0] == words[1] ? 1U : 0U;
    }
    if (now.has("total_sessions")) REQUIRE_FUZZ(now.json("total_sessions") == std::to_string(agreed));
}

void upload(world& w, input& in) {
    const auto who = in.below(agents);
    const auto how = static_cast<shown>(in.below(8));
    const bool forged = in.below(8) == 7;
    const auto signed_key = in.below(4);
    const std::uint32_t signed_id = in.below(2) == 0 ? 0x7fff'ffff : in.byte();
    const auto proof = keys(forged ? (who + 1) % agents : who).signing.sign(prekey(signed_key).bytes());
    std::map<std::uint32_t, std::size_t> offered;
    bool twice = false;
    std::string list = "[";
    for (auto left = in.below(6); left > 0; --left) {
        const auto id = static_cast<std::uint32_t>(in.below(16));
        const auto key = in.below(4);
        twice = twice || !offered.emplace(id, key).second;
        (list += list.size() > 1 ? "," : "") +=
            "{\"id\":" + std::to_string(id) + ",\"key\":" + json_text(identity::to_text(prekey(key))) + "}";
    }
    auto [request, good] =
        w.request("/v1/registry/prekeys", who, how,
                  {{"amid", json_text(name(who).text())},
                   {"signed_prekey", json_text(identity::to_text(prekey(signed_key)))},
                   {"signed_prekey_signature", json_text(to_base64(proof.bytes(), base64_form::standard_padded))},
                   {"signed_prekey_id", std::to_string(signed_id)},
                   {"one_time_prekeys", list + "]"}});
    const auto out = w.send(request);
    if (twice) {
        REQUIRE_FUZZ(out.status == 400 || out.status == 429);
        return;
    }
    if (!passed(w, who, how, good, out)) return;
    REQUIRE_FUZZ(out.status == (forged ? 400 : 200));
    if (forged) return;
    auto& of = w.prekeys[who];
    std::erase_if(offered, [&](const auto& one) {
        const auto at = of.waiting.find(one.first);
        return one.first < of.seen_below && (at == of.waiting.end() || at->second != one.second);
    });
    of.any = true;
    of.signed_key = signed_key;
    of.signed_id = signed_id;
    // Those that were refused have lower ids than one that was taken before.
    if (!offered.empty()) of.seen_below = std::max(of.seen_below, offered.rbegin()->first + 1);
    of.waiting = offered;
    REQUIRE_FUZZ(request_members::parse(out.body)->json("one_time_prekeys_stored") == std::to_string(offered.size()));
}

void fetch(world& w, input& in) {
    const auto by = in.below(agents), whose = in.below(agents);
    const bool proved = in.below(2) == 0;
    w.now = w.now + 1us;
    http::request request{.method = "GET",
                          .path = "/v1/registry/prekeys/" + std::string{name(whose).text()},
                          .fields = {{"Host", std::string{host}}}};
    if (proved) (void)prove(request, keys(by).signing, w.now.wall, w.random);
    const auto out = w.send(request);
    if (out.status == 429 || (proved && !passed(w, by, shown::proof, true, out))) return;
    auto& of = w.prekeys[whose];
    if (!w.known[whose] || w.revoked[whose] || !of.any) {
        REQUIRE_FUZZ(out.status == (w.revoked[whose] ? 403 : 404));
        return;
    }
    REQUIRE_FUZZ(out.status == 200);
    const auto members = request_members::parse(out.body).value();
    REQUIRE_FUZZ(members.text("signed_prekey") == identity::to_text(prekey(of.signed_key)));
    REQUIRE_FUZZ(members.json("signed_prekey_id") == std::to_string(of.signed_id));
    REQUIRE_FUZZ(members.has("one_time_prekey") == (proved && !of.waiting.empty()));
    if (!members.has("one_time_prekey")) return;
    const auto [id, key] = *of.waiting.begin();
    REQUIRE_FUZZ(members.json("one_time_prekey") ==
                 "{\"id\":" + std::to_string(id) + ",\"key\":" + json_text(identity::to_text(prekey(key))) + "}");
    REQUIRE_FUZZ(of.handed_out.insert(id).second);
    of.waiting.erase(of.waiting.begin());
}

void change(world& w, input& in) {
    const auto who = in.below(agents);
    const auto how = static_cast<shown>(in.below(8));
    const bool status = in.below(2) == 0;
    const auto before = w.row(who);
    std::vector<std::pair<std::string, std::string>> members{{"amid", json_text(name(who).text())}};
    constexpr std::string_view words[] = {"online", "away", "dnd", "offline", "ONLINE"};
    const auto word = words[in.below(5)];
    const auto text = in.text();
    if (status)
        members.emplace_back("status", json_text(word));
    else
        members.emplace_back("capabilities", "[" + json_text(text) + "]");
    const std::string kept{*request_members::parse("{\"a\":" + json_text(text) + "}")->text("a")};
    const bool shows = status ? word != "ONLINE" : check_capabilities({kept}).has_value();
    auto [request, good] = w.request(status ? "/v1/registry/status" : "/v1/registry/capabilities", who, how, members);
    const auto out = w.send(request);
    const auto after = w.row(who);
    if (out.status == 429) {
        REQUIRE_FUZZ(before == after);
    } else if (!shows) {
        REQUIRE_FUZZ(out.status == 400 && before == after);
    } else if (!w.known[who]) {
        REQUIRE_FUZZ((out.status == 404 || out.status == 401) && !after);
    } else if (!good) {
        REQUIRE_FUZZ(out.status == 401 && before == after);
    } else {
        REQUIRE_FUZZ(out.status == (before->revoked ? 403 : 200));
        // What is refused to a revoked agent spends what it showed all the same.
        if (how == shown::dated) w.last_time[who] = w.stated;
        w.proves[who] = w.proves[who] || how == shown::proof;
        auto expected = *before;
        expected.proves = w.proves[who];
        if (!before->revoked) {
            expected.last_seen = w.now.wall;
            if (status)
                expected.status = parse_availability(word).value();
            else
                expected.capabilities = {kept};
        }
        REQUIRE_FUZZ(after == expected);
        REQUIRE_FUZZ(w.send(request).status >= 400 && w.row(who) == after);
    }
}

void search(world& w, input& in) {
    const auto asked = in.text();
    const std::string_view floors[] = {"", "2", "1", "anonymous"};
    const auto floor = floors[in.below(4)];
    const auto out = w.send({.method = "GET",
                             .path = "/v1/registry/search",
                             .query = "capability=" + http::encode_component(asked) + "&limit=4294967295" +
                                      (floor.empty() ? "" : "&tier_min=") + std::string{floor},
                             .fields = {{"Host", std::string{host}}}});
    if (out.status != 200) return;
    const auto members = request_members::parse(out.body).value();
    REQUIRE_FUZZ(members.json("limit") == "100");
    std::size_t expected = 0;
    for (std::size_t i = 0; i < agents; ++i) {
        const auto row = w.row(i);
        if (!row || row->revoked || floor == "1") continue;
        bool one = false;
        for (const auto& capability : row->capabilities) one = one || fits(asked, capability);
        expected += one ? 1U : 0U;
    }
    REQUIRE_FUZZ(members.json("total") == std::to_string(std::min<std::size_t>(expected, search_depth)));
}

void anything(world& w, input& in) {
    constexpr std::string_view paths[] = {"/health",
                                          "/v1/health",
                                          "/v1/registry/register",
                                          "/v1/registry/lookup",
                                          "/v1/registry/search",
                                          "/v1/registry/status",
                                          "/v1/registry/capabilities",
                                          "/v1/registry/prekeys",
                                          "/v1/registry/prekeys/",
                                          "/v1/registry/did/",
                                          "/v1/registry/revoke",
                                          "/v1/registry/revocation",
                                          "/v1/registry/revocations/bulk",
                                          "/v1/registry/revocations",
                                          "/v1/registry/reputation/feedback",
                                          "/v1/registry/reputation/session",
                                          "/v1/org/register",
                                          "/"};
    constexpr std::string_view methods[] = {"GET", "POST", "PUT"};
    const auto before = w.rows();
    http::request request{.method = std::string{methods[in.below(3)]},
                          .path = std::string{paths[in.below(std::size(paths))]},
                          .fields = {{"Host", std::string{host}}, {"Content-Type", "application/json"}}};
    if (in.below(2) == 0) request.path += in.text();
    request.query = in.text();
    request.body = in.text();
    if (in.below(4) == 0) request.fields.add("Signature-Input", in.text());
    if (in.below(4) == 0) request.fields.add("Signature", in.text());
    (void)w.send(request);
    REQUIRE_FUZZ(before == w.rows());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{{data, size}};
    world w;
    for (int steps = 0; steps < 64 && !in.rest.empty(); ++steps) {
        switch (in.below(18)) {
            case 0:
            case 1: enroll(w, in); break;
            case 2: lookup(w, in); break;
            case 3:
            case 4: change(w, in); break;
            case 5: search(w, in); break;
            case 6: revoke(w, in); break;
            case 7: w.now = w.now + std::chrono::seconds{in.byte()}; break;
            case 8: ask_revoked(w, in); break;
            case 9:
            case 10: upload(w, in); break;
            case 11:
            case 12:
            case 13: fetch(w, in); break;
            case 14: rate(w, in); break;
            case 15: report(w, in); break;
            default: anything(w, in); break;
        }
    }
    return 0;
}
