// Property: whatever order they come in, a bundle that a registry hands out is one that a client takes, and never older
// than one before; no one-time prekey comes out twice; who took over from whom is a line without branches or loops, and
// only its last is not revoked; whom a relay reported is there for 90 seconds after its last word. What is refused
// changes nothing.
//
// Likewise of profile wire10: nothing changes unless the agent that the path names has signed for it, now and for the
// first time; no one-time prekey comes out twice, or to nobody.
#include "fuzz/fuzz.hpp"

#include <agentmesh/registry/presence_report.hpp>
#include <agentmesh/registry/service.hpp>
#include <agentmesh/registry/statement.hpp>

AM_FUZZ(AM_REG_050, AM_REG_051, AM_REG_052, AM_REG_053, AM_REG_054, AM_REG_055, AM_REG_060, AM_REG_061, AM_REG_062,
        AM_REG_063, AM_REG_064, AM_REG_070, AM_REG_071, AM_REG_072, AM_REG_073, AM_REG_080, AM_W10_001, AM_W10_002,
        AM_W10_003, AM_W10_004, AM_W10_005, AM_W10_006, AM_W10_007, AM_W10_008, AM_W10_009, AM_W10_010, AM_W10_011);

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t agents = 5;
constexpr std::string_view host = "registry.example";
constexpr std::int64_t start = 1'772'323'200;  // 2026-03-01

struct input {
    byte_view rest;
    std::uint8_t byte() {
        if (rest.empty()) return 0;
        const auto out = rest.front();
        rest = rest.subspan(1);
        return out;
    }
    std::size_t below(std::size_t limit) { return byte() % limit; }
};

/// The identity of an agent with one of its exchange keys.
local_identity make(std::size_t of, std::size_t exchange) {
    crypto::scripted_random signing{of + 1}, other{100 + 10 * of + exchange};
    return {signing_key_pair::generate(signing).value(), exchange_key_pair::generate(other).value(), {}};
}
const local_identity& keys(std::size_t of) {
    static const auto all = [] {
        std::vector<local_identity> out;
        for (std::size_t i = 0; i <= agents; ++i) out.push_back(make(i, 0));  // the last is a relay
        return out;
    }();
    return all[of];
}
amid name(std::size_t of) { return keys(of).name(); }

/// Epoch 1 to 3, each with its own exchange key, valid from one of three hours, and 0 to 3 one-time prekeys.
bundle_upload bundle(std::size_t of, std::size_t epoch, std::size_t hour, std::uint32_t first, std::size_t count) {
    crypto::scripted_random random{7};
    const auto self = make(of, epoch);
    const auto key = exchange_key_pair::generate(random).value().public_key();
    const auto from = start + static_cast<std::int64_t>(hour) * 3600;
    bundle_upload out{e2ee::identity_card::make(self, static_cast<std::uint32_t>(epoch)),
                      e2ee::signed_prekey::make(self, static_cast<std::uint32_t>(hour), key, from, from + 86'400)};
    if (count == 0) return out;
    const auto batch = e2ee::prekey_batch::make(self, first, std::vector(count, key));
    for (std::uint32_t i = 0; i < count; ++i) out.one_time.push_back(batch.prekey(first + i));
    return out;
}

std::string quoted(std::string_view text) {
    std::string out;
    json::append_quoted(out, text);
    return out;
}

struct world {
    memory_store store{};
    crypto::scripted_random random{2};
    service<memory_store, crypto::scripted_random> mesh{store,
                                                        {.host = std::string{host},
                                                         .relay_endpoint = "wss://relay.example",
                                                         .relays = {{keys(agents).signing().public_key()}},
                                                         .requests_per_minute = 0,
                                                         .registrations_per_minute = 0,
                                                         .fetches_per_minute = 0},
                                                        random};
    moment now{.wall = time_point{std::chrono::seconds{start + 3 * 3600}}};
    std::array<std::size_t, agents> epoch{}, hour{};
    std::array<std::uint32_t, agents> seen_below{};
    std::array<std::set<std::uint32_t>, agents> handed_out{};
    std::array<std::optional<time_point>, agents> reported{};

    http::response send(http::request request, std::size_t by) {
        now = now + 1us;
        REQUIRE_FUZZ(prove(request, keys(by).signing(), now.wall, random));
        return mesh.handle(request, {.address = "192.0.2.1"}, now);
    }
    http::response post(std::string path, std::size_t by, std::string body) {
        return send({.method = "POST",
                     .path = std::move(path),
                     .fields = {{"Host", std::string{host}}, {"Content-Type", "application/json"}},
                     .body = std::move(body)},
                    by);
    }
    std::optional<agent_row> row(std::size_t of) {
        return store.transact([&](memory_store::transaction& tx) { return tx.agent(name(of)); }).value();
    }
    std::vector<std::optional<agent_row>> rows() {
        std::vector<std::optional<agent_row>> out;
        for (std::size_t i = 0; i < agents; ++i) out.push_back(row(i));
        return out;
    }
    bool is_there(std::size_t of) {
        const auto at = row(of);
        return at && !at->revoked;
    }
};

void enroll(world& w, input& in) {
    const auto who = in.below(agents);
    const auto& self = keys(who);
    const bool known = w.row(who).has_value();
    const auto out =
        w.post("/v1/registry/register", who,
               "{\"amid\":" + quoted(name(who).text()) +
                   ",\"signing_public_key\":" + quoted(identity::to_text(self.signing().public_key())) +
                   ",\"exchange_public_key\":" + quoted(identity::to_text(self.exchange().public_key())) + "}");
    REQUIRE_FUZZ(out.status == (known ? 409 : 201));
}

void upload(world& w, input& in) {
    const auto who = in.below(agents), epoch = 1 + in.below(3), hour = in.below(4), count = in.below(4);
    const auto first = static_cast<std::uint32_t>(in.below(2) == 0 ? in.below(16) : in.byte() * 1'000'000U);
    auto sent = bundle(who, epoch, hour, first, count);
    // One byte of its text is another: then something in it does not hold, or nothing has changed.
    auto text = write_upload(sent);
    const bool damaged = in.below(4) == 3;
    if (damaged) {
        const auto at = (in.byte() * 256U + in.byte()) % text.size();
        const auto other = static_cast<char>('0' + in.below(75));
        if (text[at] == other) return;
        text[at] = other;
    }
    const auto before = w.rows();
    const auto out =
        w.post("/v1/registry/prekeys", who, "{\"amid\":" + quoted(name(who).text()) + ",\"bundle\":" + text + "}");
    if (!before[who] || before[who]->revoked) {
        REQUIRE_FUZZ(out.status >= 400);
        return;
    }
    if (damaged && out.status >= 400) {
        REQUIRE_FUZZ(out.status == 400 || out.status == 409);
        auto same = w.rows();
        same[who]->proves = before[who]->proves;
        REQUIRE_FUZZ(same == before);
        return;
    }
    if (damaged) {  // in the name of the one member that may be absent
        REQUIRE_FUZZ(request_members::parse(out.body)->json("one_time_prekeys_stored") == "0");
        w.epoch[who] = epoch;
        w.hour[who] = hour;
        return;
    }
    const bool back = epoch < w.epoch[who] || hour < w.hour[who];
    const auto last = first + static_cast<std::uint32_t>(count) - 1;
    const bool far =
        w.seen_below[who] > 0 && count > 0 && last >= w.seen_below[who] && last - w.seen_below[who] >= one_time_id_step;
    REQUIRE_FUZZ(out.status == 200 ? !back && !far : out.status == (hour < w.hour[who] ? 409 : far ? 400 : 409));
    if (out.status != 200) return;
    w.epoch[who] = epoch;
    w.hour[who] = hour;
    if (count > 0) w.seen_below[who] = std::max(w.seen_below[who], last + 1);
    REQUIRE_FUZZ(w.row(who)->exchange == make(who, epoch).exchange().public_key());
    const auto members = request_members::parse(out.body).value();
    REQUIRE_FUZZ(members.json("one_time_prekeys_left") == members.json("one_time_prekeys_stored"));
    REQUIRE_FUZZ(members.json("one_time_prekeys_low") == "false");
}

void fetch(world& w, input& in) {
    const auto by = in.below(agents), whose = in.below(agents);
    const bool proved = in.below(4) != 0;
    http::request request{.method = "GET",
                          .path = "/v1/registry/prekeys/" + std::string{name(whose).text()},
                          .fields = {{"Host", std::string{host}}}};
    const bool may = !proved || w.is_there(by);
    const auto out = proved ? w.send(std::move(request), by) : w.mesh.handle(request, {.address = "192.0.2.1"}, w.now);
    if (!may || !w.is_there(whose) || w.epoch[whose] == 0) {
        REQUIRE_FUZZ(out.status >= 400);
        return;
    }
    REQUIRE_FUZZ(out.status == 200);
    const auto members = request_members::parse(out.body).value();
    const auto text = members.json("bundle").value();
    const auto got = e2ee::parse_bundle(text).value();
    REQUIRE_FUZZ(got.card.name == name(whose) && got.card.check());
    REQUIRE_FUZZ(got.card.epoch == w.epoch[whose] && got.signed_key.id == w.hour[whose]);
    const time_point then{std::chrono::seconds{got.signed_key.not_before}};
    REQUIRE_FUZZ(e2ee::check_bundle(got, name(whose), then));
    if (!got.one_time) return;
    REQUIRE_FUZZ(proved && w.handed_out[whose].insert(got.one_time->id).second);
}

void succeed(world& w, input& in) {
    const auto from = in.below(agents), to = in.below(agents), signer = in.below(8) == 7 ? in.below(agents) : to;
    if (from == to || from == signer) return;
    const auto before = w.rows();
    const auto statement = succession_statement::make(keys(from).signing(), keys(signer).signing(), w.now.wall);
    const auto out =
        w.post("/v1/registry/succeed", from,
               "{\"amid\":" + quoted(name(from).text()) + ",\"successor\":" + quoted(name(to).text()) +
                   ",\"successor_signing_public_key\":" + quoted(identity::to_text(keys(to).signing().public_key())) +
                   ",\"successor_exchange_public_key\":" + quoted(identity::to_text(keys(to).exchange().public_key())) +
                   ",\"statement\":" + quoted(statement.text()) + "}");
    const bool may = before[from] && !before[from]->revoked && !before[to] && signer == to;
    REQUIRE_FUZZ((out.status == 201) == may);
    auto after = w.rows();
    if (!may) {
        if (before[from]) after[from]->proves = before[from]->proves;
        REQUIRE_FUZZ(after == before);
        return;
    }
    w.reported[from].reset();
    const auto &old = *after[from], &heir = *after[to];
    REQUIRE_FUZZ(old.revoked && old.successor == name(to) && !heir.revoked && heir.predecessor == name(from));
    REQUIRE_FUZZ(heir.trust == before[from]->trust && heir.registered_at == before[from]->registered_at &&
                 heir.capabilities == before[from]->capabilities && heir.relay == before[from]->relay);
    for (std::size_t i = 0; i < agents; ++i) {
        if (!after[i]) continue;
        REQUIRE_FUZZ(after[i]->revoked == after[i]->successor.has_value());
        std::size_t steps = 0;
        for (auto at = after[i]->successor; at; ++steps) {
            REQUIRE_FUZZ(steps < agents);
            const auto next = w.store.transact([&](memory_store::transaction& tx) { return tx.agent(*at); }).value();
            REQUIRE_FUZZ(next && next->predecessor);
            at = next->successor;
        }
    }
}

void notice(world& w, input& in) {
    std::vector<presence_entry> entries;
    for (auto left = in.below(4); left > 0; --left)
        entries.push_back({name(in.below(agents)), static_cast<availability>(in.below(4)), w.now.wall});
    const auto by = in.below(4) == 0 ? in.below(agents) : agents;
    const auto before = w.rows();
    const auto out = w.post("/v1/relay/presence", by, write_presence(name(by), entries));
    REQUIRE_FUZZ(out.status == (by == agents ? 200 : 401));
    if (by != agents) {
        REQUIRE_FUZZ(w.rows() == before);
        return;
    }
    for (const auto& one : entries)
        for (std::size_t i = 0; i < agents; ++i) {
            if (one.who != name(i) || !w.is_there(i)) continue;
            if (one.status == availability::offline)
                w.reported[i].reset();
            else
                w.reported[i] = w.now.wall;
        }
}

void look(world& w, input& in) {
    const auto who = in.below(agents);
    const auto out = w.mesh.handle({.method = "GET",
                                    .path = "/v1/registry/lookup",
                                    .query = "amid=" + std::string{name(who).text()},
                                    .fields = {{"Host", std::string{host}}}},
                                   {.address = "192.0.2.1"}, w.now);
    if (!w.row(who)) {
        REQUIRE_FUZZ(out.status == 404);
        return;
    }
    const auto members = request_members::parse(out.body).value();
    const bool there = w.is_there(who) && w.reported[who] && w.now.wall - *w.reported[who] <= 90s;
    REQUIRE_FUZZ((members.text("status") != "offline") == there);
    for (const std::string_view one : {"succession", "inheritance"}) {
        const auto text = members.optional_text(one).value();
        if (text.empty()) continue;
        const auto told = succession_statement::parse_text(text).value();
        REQUIRE_FUZZ((one == "succession" ? told.from() : told.to()) == name(who));
    }
}

// --- profile wire10 --------------------------------------------------------------------------------------------------

std::string b64u(byte_view bytes) { return to_base64(bytes, base64_form::url_unpadded); }
std::string did(std::size_t of) { return std::string{mesh_did::of(keys(of).signing().public_key()).text()}; }
std::string mesh_path(std::size_t of, std::string_view more = {}) {
    return "/v1/agents/" + did(of) + std::string{more};
}

/// How a request says who sends it. The first is good.
enum class header : std::uint8_t { good, other, stale, ahead, no_zone, none, replayed, forged };

struct mesh_world {
    memory_store store{};
    crypto::scripted_random random{2};
    service<memory_store, crypto::scripted_random> mesh{
        store,
        {.host = std::string{host}, .requests_per_minute = 0, .registrations_per_minute = 0, .fetches_per_minute = 0},
        random};
    moment now{.wall = time_point{std::chrono::seconds{start}}};
    std::array<bool, agents> known{};
    std::array<std::string, agents> last{};  // field that was accepted, to be sent again
    std::array<std::string, agents> enrolled{};
    std::array<std::set<std::uint32_t>, agents> waiting{}, seen{};
    std::array<std::optional<time_point>, agents> beat{};
    std::array<bool, agents> keyed{};
    std::set<std::tuple<std::size_t, std::size_t, std::string>> rated{};

    std::vector<std::optional<agent_row>> rows() {
        std::vector<std::optional<agent_row>> out;
        for (std::size_t i = 0; i < agents; ++i)
            out.push_back(store.transact([&](memory_store::transaction& tx) { return tx.agent(name(i)); }).value());
        return out;
    }
    http::response send(const http::request& what) { return mesh.handle(what, {.address = "192.0.2.1"}, now); }

    std::string field(std::size_t who, header how) {
        now = now + 1us;
        auto at = now.wall;
        if (how == header::stale) at = at - 300s - 1us;
        if (how == header::ahead) at = at + 300s + 1us;
        auto text = format_time(at);
        if (how == header::no_zone) text.pop_back();
        const auto by = how == header::other || how == header::forged ? (who + 1) % agents : who;
        return "Ed25519-Timestamp " + did(how == header::forged ? who : by) + " " + text + " " +
               b64u(keys(by).signing().sign(as_bytes(text)).bytes());
    }
};

void mesh_enroll(mesh_world& w, input& in) {
    const auto who = in.below(agents);
    const auto how = static_cast<header>(in.below(8));
    w.now = w.now + 1us;
    auto at = w.now.wall;
    if (how == header::stale) at = at - 300s - 1us;
    if (how == header::ahead) at = at + 300s + 1us;
    auto time = format_time(at);
    if (how == header::no_zone) time.pop_back();
    const auto key = b64u(keys(who).signing().public_key().bytes());
    const auto signer = how == header::other || how == header::forged ? (who + 1) % agents : who;
    auto body = "{\"public_key\":" + quoted(key) +
                ",\"proof\":" + quoted(b64u(keys(signer).signing().sign(as_bytes(key + time)).bytes())) +
                ",\"proof_timestamp\":" + quoted(time) +
                ",\"capabilities\":[\"travel\"],\"metadata\":{\"a\":" + quoted(std::string(in.byte() * 4U, 'x')) + "}}";
    if (how == header::replayed) body = w.enrolled[who].empty() ? "{}" : w.enrolled[who];
    const auto before = w.rows();
    const auto out = w.send({.method = "POST",
                             .path = "/v1/agents",
                             .fields = {{"Host", std::string{host}}, {"Content-Type", "application/json"}},
                             .body = body});
    if (out.status != 201) {
        REQUIRE_FUZZ(w.rows() == before);
        return;
    }
    REQUIRE_FUZZ(!w.known[who] && (how == header::good || how == header::none));
    REQUIRE_FUZZ(request_members::parse(out.body)->text("did") == did(who));
    w.known[who] = true;
    w.enrolled[who] = std::move(body);
}

void mesh_change(mesh_world& w, input& in) {
    const auto who = in.below(agents);
    const auto how = static_cast<header>(in.below(12) > 7 ? 0 : in.below(8));
    http::request request{.method = "POST", .path = {}, .fields = {{"Host", std::string{host}}}};
    const auto what = in.below(4);
    std::vector<std::uint32_t> ids;
    const bool bound = in.below(4) != 0;
    if (what == 0) request.path = mesh_path(who, "/heartbeat");
    if (what == 1) {
        request.method = "DELETE";
        request.path = mesh_path(who);
    }
    if (what == 2) {
        request.method = "PUT";
        request.path = mesh_path(who, "/prekeys");
        const auto owner = bound ? who : (who + 1) % agents;
        const auto key = keys(who).exchange().public_key();
        std::string list = "[";
        for (auto left = in.below(4), id = in.below(8); left > 0; --left, ++id) {
            ids.push_back(static_cast<std::uint32_t>(id));
            (list += list.size() > 1 ? "," : "") +=
                "{\"key_id\":" + std::to_string(id) + ",\"public_key\":" + quoted(b64u(key.bytes())) + "}";
        }
        request.body =
            "{\"identity_key\":" + quoted(b64u(crypto::to_x25519(keys(owner).signing().public_key())->bytes())) +
            ",\"signed_pre_key\":{\"key_id\":1,\"public_key\":" + quoted(b64u(key.bytes())) +
            ",\"signature\":" + quoted(b64u(keys(who).signing().sign(key.bytes()).bytes())) +
            "},\"one_time_pre_keys\":" + list + "]}";
    }
    const auto other = (who + 1) % agents;
    if (what == 3) {
        request.path = mesh_path(other, "/reputation");
        request.body = "{\"score\":1}";
    }
    if (!request.body.empty()) request.fields.add("Content-Type", "application/json");
    const auto field = how == header::replayed ? w.last[who] : w.field(who, how);
    if (how != header::none && !field.empty()) request.fields.add("Authorization", field);
    const auto before = w.rows();
    const auto out = w.send(request);
    if (out.status >= 300) REQUIRE_FUZZ(w.rows() == before);
    const bool there = what == 3 ? w.known[other] : w.known[who];
    if (!there) {
        REQUIRE_FUZZ(out.status == 404);
        return;
    }
    if (!w.known[who] || (how != header::good && (what != 3 || how != header::other))) {
        REQUIRE_FUZZ(out.status == 401 || out.status == 403 || (how == header::no_zone && out.status == 400));
        return;
    }
    if (how == header::other) return;  // whom it rates is then its author
    w.last[who] = field;
    if (what == 0) {
        const bool soon = w.beat[who] && w.now.wall - *w.beat[who] < 10s;
        REQUIRE_FUZZ(out.status == (soon ? 429 : 200));
        if (!soon) w.beat[who] = w.now.wall;
    } else if (what == 1) {
        REQUIRE_FUZZ(out.status == 204);
        w.known[who] = w.keyed[who] = false;
        w.beat[who].reset();
        w.waiting[who].clear();
        w.seen[who].clear();  // an agent that was deleted begins anew
    } else if (what == 2) {
        REQUIRE_FUZZ(out.status == (bound ? 200 : 400));
        if (!bound) return;
        const auto highest = w.seen[who].empty() ? std::int64_t{-1} : std::int64_t{*w.seen[who].rbegin()};
        std::set<std::uint32_t> kept;
        for (const auto id : ids)
            if (id > highest || w.waiting[who].contains(id)) kept.insert(id);
        w.waiting[who] = kept;
        w.seen[who].insert(ids.begin(), ids.end());
        w.keyed[who] = true;
        REQUIRE_FUZZ(request_members::parse(out.body)->json("otk_count") == std::to_string(kept.size()));
    } else {
        const bool first = w.rated.insert({who, other, format_time(w.now.wall).substr(0, 10)}).second;
        REQUIRE_FUZZ(out.status == (first ? 200 : 409));
    }
}

void mesh_ask(mesh_world& w, input& in) {
    const auto who = in.below(agents), by = in.below(agents);
    http::request request{.method = "GET", .path = mesh_path(who), .fields = {{"Host", std::string{host}}}};
    const auto what = in.below(4);
    const auto before = w.rows();
    if (what == 0) {
        const auto out = w.send(request);
        REQUIRE_FUZZ(out.status == (w.known[who] ? 200 : 404));
        if (w.known[who])
            REQUIRE_FUZZ(request_members::parse(out.body)->text("public_key") ==
                         b64u(keys(who).signing().public_key().bytes()));
    } else if (what == 1) {
        request.path += "/presence";
        const auto out = w.send(request);
        const bool online = w.known[who] && w.beat[who] && w.now.wall - *w.beat[who] <= 90s;
        if (w.known[who]) REQUIRE_FUZZ(request_members::parse(out.body)->json("online") == (online ? "true" : "false"));
    } else if (what == 2) {
        const auto limit = in.byte();
        const auto out = w.send({.method = "GET",
                                 .path = "/v1/discover",
                                 .query = "capability=travel&limit=" + std::to_string(limit),
                                 .fields = {{"Host", std::string{host}}}});
        REQUIRE_FUZZ(out.status == (limit >= 1 && limit <= 200 ? 200 : 422));
        const auto verified = w.send({.method = "POST",
                                      .path = "/v1/registry/verify",
                                      .fields = {{"Host", std::string{host}}, {"Content-Type", "application/json"}},
                                      .body = "{\"amid\":" + quoted(did(who)) + ",\"verification_token\":\"x\"}"});
        REQUIRE_FUZZ(verified.status == (w.known[who] ? 503 : 404));
        // Nobody's name or state shows in what the registry says of itself.
        const auto document = w.send({.method = "GET", .path = "/openapi.json"});
        REQUIRE_FUZZ(document.status == 200 && document.body == openapi_document);
    } else {
        request.path += "/prekeys";
        const bool proved = in.below(2) == 0;
        if (proved) request.fields.add("Authorization", w.field(by, header::good));
        const auto out = w.send(request);
        if (!w.known[who] || !w.keyed[who] || (proved && !w.known[by])) {
            REQUIRE_FUZZ(out.status == 404 || out.status == 401);
            return;
        }
        const auto got = e2ee::parse_wire10_bundle(out.body).value();
        REQUIRE_FUZZ(e2ee::check_wire10_bundle(got, did(who)) == e2ee::key_binding::bound);
        REQUIRE_FUZZ(got.one_time.has_value() == (proved && !w.waiting[who].empty()));
        if (got.one_time) REQUIRE_FUZZ(w.waiting[who].erase(got.one_time->id) == 1);
    }
    REQUIRE_FUZZ(w.rows() == before);
}

void run_mesh(input& in) {
    mesh_world w;
    for (int steps = 0; steps < 48 && !in.rest.empty(); ++steps) {
        switch (in.below(6)) {
            case 0: mesh_enroll(w, in); break;
            case 1:
            case 2: mesh_change(w, in); break;
            case 3:
            case 4: mesh_ask(w, in); break;
            default: w.now = w.now + std::chrono::seconds{in.byte() % 64}; break;
        }
    }
}

// --- a relay's side of presence
// ----------------------------------------------------------------------------------------

void run_report(input& in) {
    presence_report report;
    time_point now{std::chrono::seconds{start}};
    std::map<amid, availability> there;
    std::map<amid, std::pair<availability, time_point>> heard;  // by a registry that misses some
    const auto tell = [&](bool lost) {
        const auto entries = report.take(now);
        REQUIRE_FUZZ(entries.empty() || report.take(now).empty());
        if (entries.empty()) return false;
        const auto members = request_members::parse(write_presence(name(agents), entries)).value();
        REQUIRE_FUZZ(parse_presence(members.json("entries").value()).value() == entries);
        if (!lost)
            for (const auto& one : entries) heard[one.who] = {one.status, now};
        report.settle(!lost, now);
        return !lost;
    };
    for (int steps = 0; steps < 64 && !in.rest.empty(); ++steps) {
        there.clear();
        for (std::size_t i = 0, who = in.byte(); i < agents; ++i)
            if ((who >> i & 1) != 0) there[name(i)] = static_cast<availability>(1 + in.below(3));
        report.look(there);
        now = now + std::chrono::seconds{in.byte() % 64};
        while (tell(in.below(2) == 1)) {
        }
    }
    report.look(there);
    while (tell(false)) {
    }
    for (const auto& [who, status] : there)
        REQUIRE_FUZZ(heard[who].first == status && now - heard[who].second < presence_report::again);
    for (const auto& [who, last] : heard) REQUIRE_FUZZ(there.contains(who) || last.first == availability::offline);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{{data, size}};
    if (size > 0 && data[0] == 255) {
        (void)in.byte();
        run_mesh(in);
        return 0;
    }
    if (size > 0 && data[0] == 254) {
        (void)in.byte();
        run_report(in);
        return 0;
    }
    world w;
    for (int steps = 0; steps < 48 && !in.rest.empty(); ++steps) {
        switch (in.below(10)) {
            case 0:
            case 1: enroll(w, in); break;
            case 2:
            case 3: upload(w, in); break;
            case 4:
            case 5: fetch(w, in); break;
            case 6: succeed(w, in); break;
            case 7: notice(w, in); break;
            case 8: look(w, in); break;
            default: w.now = w.now + std::chrono::seconds{in.byte() % 64}; break;
        }
    }
    return 0;
}
