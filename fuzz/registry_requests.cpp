// Property: whatever is sent, the answer is JSON and a refusal has a word and a clause; nothing changes unless the
// agent that it is about has signed for it, now, for the first time and, once it has sent a proof, with a proof; what
// is accepted is there afterwards, exactly.
#include "fuzz/fuzz.hpp"

#include <agentmesh/registry/service.hpp>

AM_FUZZ(AM_REG_001, AM_REG_002, AM_REG_003, AM_REG_004, AM_REG_005, AM_REG_006, AM_REG_007, AM_REG_008, AM_REG_009,
        AM_REG_010, AM_REG_011, AM_REG_012, AM_REG_013, AM_REG_014, AM_REG_015, AM_REG_016, AM_REG_017, AM_REG_018);

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

/// How a request shows who sends it. The first two are good.
enum class shown : std::uint8_t { dated, proof, nothing, dated_by_other, proof_by_other, stale, future, replayed };

struct world {
    memory_store store{};
    crypto::scripted_random random{2};
    service<memory_store, crypto::scripted_random> mesh{
        store, {.host = std::string{host}, .relay_endpoint = "wss://relay.example", .requests_per_minute = 40}, random};
    moment now{.wall = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}}};
    std::array<bool, agents> known{}, proves{};
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

std::string quoted(std::string_view text) {
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
    std::string read_back = quoted(display);
    const bool shows = check_shown_text(*request_members::parse("{\"a\":" + read_back + "}")->text("a"), 128) &&
                       (endpoint.empty() || endpoint == "wss://relay.example" || check_endpoint(endpoint));
    std::vector<std::pair<std::string, std::string>> members{
        {"amid", quoted(name(claimed).text())},
        {"signing_public_key", quoted(identity::to_text(keys(who).signing.public_key()))},
        {"exchange_public_key", quoted(identity::to_text(keys(who).exchange.public_key()))},
        {"display_name", read_back}};
    if (!endpoint.empty()) members.emplace_back("direct_endpoint", quoted(endpoint));
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
        REQUIRE_FUZZ(row && row->signing == keys(who).signing.public_key() && quoted(row->display_name) == read_back);
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

/// The operator, or a key of the agent, revoked it: what the endpoint does is for unit tests.
void revoke(world& w, input& in) {
    const auto who = in.below(agents);
    if (!w.known[who]) return;
    auto row = *w.row(who);
    row.revoked = true;
    (void)w.store.transact([&](memory_store::transaction& tx) { return tx.update_agent(row); });
}

void change(world& w, input& in) {
    const auto who = in.below(agents);
    const auto how = static_cast<shown>(in.below(8));
    const bool status = in.below(2) == 0;
    const auto before = w.row(who);
    std::vector<std::pair<std::string, std::string>> members{{"amid", quoted(name(who).text())}};
    constexpr std::string_view words[] = {"online", "away", "dnd", "offline", "ONLINE"};
    const auto word = words[in.below(5)];
    const auto text = in.text();
    if (status)
        members.emplace_back("status", quoted(word));
    else
        members.emplace_back("capabilities", "[" + quoted(text) + "]");
    const std::string kept{*request_members::parse("{\"a\":" + quoted(text) + "}")->text("a")};
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
    REQUIRE_FUZZ(members.json("total") == std::to_string(expected));
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
        switch (in.below(10)) {
            case 0:
            case 1: enroll(w, in); break;
            case 2: lookup(w, in); break;
            case 3:
            case 4: change(w, in); break;
            case 5: search(w, in); break;
            case 6:
                if (in.below(4) == 0) revoke(w, in);
                break;
            case 7: w.now = w.now + std::chrono::seconds{in.byte()}; break;
            default: anything(w, in); break;
        }
    }
    return 0;
}
