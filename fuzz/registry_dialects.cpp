// Property: whatever order they come in, a bundle that a registry hands out is one that a client takes, and never older
// than one before; no one-time prekey comes out twice; who took over from whom is a line without branches or loops, and
// only its last is not revoked; whom a relay reported is there for 90 seconds after its last word. What is refused
// changes nothing.
#include "fuzz/fuzz.hpp"

#include <agentmesh/registry/presence_notice.hpp>
#include <agentmesh/registry/service.hpp>
#include <agentmesh/registry/statement.hpp>

AM_FUZZ(AM_REG_050, AM_REG_051, AM_REG_052, AM_REG_053, AM_REG_054, AM_REG_055, AM_REG_060, AM_REG_061, AM_REG_062,
        AM_REG_063, AM_REG_064, AM_REG_070, AM_REG_071, AM_REG_072);

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
    if (damaged) return;  // in the name of a member that is passed over
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{{data, size}};
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
