// Property: a registry that puts its replies together from true and false pieces, in any order, and bends any byte of
// them, is believed only what the agent has signed: the name is that of the key, an exchange key is one of the agent's
// own, no bundle is older than one accepted before, nobody is more than his certificate says, and who was revoked once
// is never found again. Statements that are read are written again as the same bytes. A finder asks its places in their
// order, keeps nothing that does not hold, and looks no further once a registry left open who is revoked.
#include "fuzz/fuzz.hpp"

#include <agentmesh/registry/finder.hpp>

AM_FUZZ(AM_FND_001, AM_FND_002, AM_FND_003, AM_FND_004, AM_FND_005, AM_FND_006, AM_FND_007, AM_FND_008, AM_FND_009,
        AM_FND_010, AM_FND_011, AM_FND_012, AM_FND_014, AM_FND_015, AM_FND_016, AM_FND_017);

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

const time_point noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 12h;

struct input {
    byte_view rest;
    std::uint8_t byte() {
        if (rest.empty()) return 0;
        const auto out = rest.front();
        rest = rest.subspan(1);
        return out;
    }
    template <class All>
    const auto& one_of(const All& all) {
        return all[byte() % all.size()];
    }
};

local_identity someone(std::uint64_t seed, std::uint64_t exchange) {
    crypto::scripted_random for_signing{seed}, for_exchange{exchange};
    return {signing_key_pair::generate(for_signing).value(), exchange_key_pair::generate(for_exchange).value(), noon};
}

/// What there is to tell: two keys of alice, one after the other, and those of somebody else.
struct pieces {
    std::array<local_identity, 3> who{someone(1, 2), someone(1, 3), someone(4, 5)};
    std::array<std::uint32_t, 3> epoch{1, 2, 1};
    std::vector<e2ee::identity_card> cards{};
    std::vector<e2ee::prekey_bundle> bundles{};
    std::vector<std::string> revocations{}, successions{};

    pieces() {
        const auto second = std::chrono::floor<std::chrono::seconds>(noon).time_since_epoch().count();
        for (std::size_t i = 0; i < who.size(); ++i) {
            cards.push_back(e2ee::identity_card::make(who[i], epoch[i]));
            for (std::uint32_t id = 1; id <= 2; ++id) {
                crypto::scripted_random random{100 + 10 * i + id};
                const auto key = exchange_key_pair::generate(random).value().public_key();
                bundles.push_back(
                    {cards[i], e2ee::signed_prekey::make(who[i], id, key, second - 100 + id, second + 100)});
            }
            revocations.push_back(revocation_statement::make(who[i].signing(), revocation_reason::other, noon).text());
        }
        successions.push_back(succession_statement::make(who[0].signing(), who[2].signing(), noon).text());
        successions.push_back(succession_statement::make(who[2].signing(), who[0].signing(), noon).text());
    }
};
const pieces& all() {
    static const pieces one;
    return one;
}

std::string text_of(const e2ee::identity_card& card) { return to_base64(card.bytes(), base64_form::url_unpadded); }

/// A reply, and perhaps one byte of it in place of another.
http::response reply(input& in, std::string body) {
    if (const auto bend = in.byte(); bend >= 240 && !body.empty()) {
        const std::size_t at = (std::size_t{in.byte()} * 256 + in.byte()) % body.size();
        body[at] = static_cast<char>(in.byte());
    }
    return http::response::json(in.byte() == 255 ? 404 : 200, std::move(body));
}

std::string lookup_body(input& in) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("amid", in.one_of(all().who).name().text());
    to.member("signing_public_key", identity::to_text(in.one_of(all().who).signing().public_key()));
    to.member("exchange_public_key", identity::to_text(in.one_of(all().who).exchange().public_key()));
    const auto flags = in.byte();
    if (flags & 1) to.member("card", text_of(in.one_of(all().cards)));
    to.member("tier", flags & 2 ? "organization" : "anonymous");
    if (flags & 4) to.member("certificate", flags & 8 ? "good" : "bad");
    to.member("revoked", (flags & 0xf0) == 0xf0);
    if (flags == 0x81) to.member("succession", in.one_of(all().successions));
    to.member("relay_endpoint", flags & 16 ? "wss://relay.example/" : "ws://127.0.0.1:1/").end_object();
    return out;
}

std::string prekeys_body(input& in) {
    const auto& bundle = in.one_of(all().bundles);
    std::string out;
    json::writer to{out};
    const auto flags = in.byte();
    to.begin_object().member("identity_key", identity::to_text(in.one_of(all().who).exchange().public_key()));
    to.member("signed_prekey", identity::to_text(bundle.signed_key.key));
    to.member("signed_prekey_signature",
              to_base64(in.one_of(all().who).signing().sign(bundle.signed_key.key.bytes()).bytes(),
                        base64_form::standard_padded));
    to.member("signed_prekey_id", bundle.signed_key.id);
    if (flags & 1) {
        auto told = bundle;
        if (flags & 2) told.card = in.one_of(all().cards);
        if (flags & 4) told.signed_key.not_before += 5;
        to.name("bundle").verbatim(e2ee::write_bundle(told));
    }
    to.end_object();
    return out;
}

std::string revocation_body(input& in) {
    std::string out;
    json::writer to{out};
    const auto flags = in.byte();
    to.begin_object().member("amid", in.one_of(all().who).name().text());
    if ((flags & 3) != 3) to.member("revoked", (flags & 1) != 0);
    to.name("revocation").begin_object().member("reason", "other");
    to.member("notes", "am1-revocation:" + in.one_of(all().revocations) + " because").end_object().end_object();
    return out;
}

void check_statements(byte_view bytes) {
    if (const auto read = revocation_statement::parse(bytes)) REQUIRE_FUZZ(std::ranges::equal(read->bytes(), bytes));
    if (const auto read = succession_statement::parse(bytes)) REQUIRE_FUZZ(std::ranges::equal(read->bytes(), bytes));
    if (auto read = client_memory::restore(bytes)) REQUIRE_FUZZ(std::ranges::equal(read->save(), bytes));
    const http::response raw{.status = 200, .body = std::string{as_text(bytes)}};
    client_memory memory;
    client mesh{all().who[2], {.host = "registry.example"}, memory};
    (void)mesh.read_search(raw, noon);
    (void)mesh.read_upload(raw);
    (void)mesh.read_enrolment(raw);
    (void)mesh.read_did(all().who[0].name(), raw);
}

/// A finder before places that answer anything, or nothing.
struct seekers {
    struct question {
        find_ticket what{};
        find_source place{};
    };
    std::vector<question> asked{};
    std::optional<find_source> at{};  // where Alice was looked for last
    client_memory memory{};
    client mesh{all().who[2], {.host = "registry.example"}, memory};
    found_agents found{};
    crypto::scripted_random random{7};
    finder<crypto::scripted_random> find{&mesh, found, memory, {}, random};
    moment now{.wall = noon};

    void ask(find_ticket what, find_source place) {
        REQUIRE_FUZZ(!at || *at <= place);
        at = place;
        asked.push_back({what, place});
    }
    void ask_registry(find_ticket what, http::request&&) { ask(what, find_source::registry); }
    void ask_dht(find_ticket what, const amid&) { ask(what, find_source::dht); }
    void ask_lan(find_ticket what, const amid&) { ask(what, find_source::lan); }
    void resolved(const amid& who, const result<void>& outcome) {
        const auto kept = found.find(who);
        REQUIRE_FUZZ(kept.has_value() == outcome.has_value());
        if (kept) REQUIRE_FUZZ(kept->card.check() && kept->name() == who && memory.check_standing(who));
        if (kept && at != find_source::registry) REQUIRE_FUZZ(kept->trust == tier::anonymous);
        const bool last_word = !outcome && (outcome.error().code == errc::certificate_revoked ||
                                            outcome.error().code == errc::revocation_unknown);
        if (last_word) REQUIRE_FUZZ(!at || *at == find_source::registry);
        at.reset();
    }
    void doubted(find_source, const amid&, const error&) {}
    void published(const result<void>&, std::uint64_t) {}

    void run(input& in) {
        const auto& alice = all().who[0].name();
        while (!in.rest.empty()) {
            const auto what = in.byte();
            if (what % 4 == 0) {
                REQUIRE_FUZZ(find.resolve(alice, now, *this));
            } else if (what % 4 == 1) {
                now = now + std::chrono::milliseconds{250 * (what / 4)};
                find.on_tick(now, *this);
            } else if (!asked.empty()) {
                const auto [ticket, place] = asked.back();
                asked.pop_back();
                if (place != find_source::registry) {
                    self_told told{.card = in.one_of(all().cards)};
                    if (what & 4) told.prekey = in.one_of(all().bundles).signed_key;
                    find.on_told(ticket, what & 8 ? std::optional{told} : std::nullopt, now, *this);
                } else if (what & 4) {
                    find.on_reply(ticket, fail(errc::io_failed), now, *this);
                } else {
                    const auto kind = (what >> 3) % 3;
                    auto body = kind == 0 ? lookup_body(in) : kind == 1 ? revocation_body(in) : prekeys_body(in);
                    find.on_reply(ticket, reply(in, std::move(body)), now, *this);
                }
            }
            REQUIRE_FUZZ(find.running() <= 1);
        }
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    check_statements({data, size});
    input in{{data, size}};
    const auto& alice = all().who[0].name();
    const auto options = in.byte();
    if (options & 2) {
        seekers{}.run(in);
        return 0;
    }
    client_memory memory;
    client mesh{
        all().who[2],
        {.host = "registry.example",
         .standing = [](std::string_view pem, const amid& who, time_point) -> result<identity::proved_standing> {
             if (pem != "good") return fail(errc::certificate_untrusted);
             return identity::proved_standing{.trust = tier::verified, .who = who, .key = {}};
         },
         .unbound_keys = (options & 1) != 0},
        memory};
    crypto::scripted_random random{7};
    const auto request = mesh.set_status(availability::online, noon, random);
    REQUIRE_FUZZ(request && request->body.find("timestamp") == std::string::npos && has_proof(*request));

    std::optional<found_agent> found;
    std::tuple<std::uint32_t, std::int64_t, std::uint32_t> latest{};
    bool revoked = false, carded = false;
    while (!in.rest.empty()) {
        switch (in.byte() % 3) {
            case 0: {
                const auto got = mesh.read_lookup(alice, reply(in, lookup_body(in)), noon);
                if (!got) break;
                REQUIRE_FUZZ(got->who == alice && amid::of(got->signing) == alice);
                if (got->card) {
                    REQUIRE_FUZZ(got->card->check() && got->card->name == alice);
                    REQUIRE_FUZZ(got->card->exchange == got->exchange && got->card->epoch >= std::get<0>(latest));
                }
                REQUIRE_FUZZ(got->card || !carded);
                REQUIRE_FUZZ(got->trust <= tier::verified && got->relay != "ws://127.0.0.1:1/");
                REQUIRE_FUZZ(got->revoked || !revoked);
                revoked = got->revoked;
                carded = got->card.has_value();
                found = got.value();
                break;
            }
            case 1: {
                if (!found) break;
                const auto got = mesh.read_prekeys(*found, reply(in, prekeys_body(in)), noon);
                if (!got) break;
                REQUIRE_FUZZ(!revoked);
                if (const auto* bundle = got->bundle()) {
                    REQUIRE_FUZZ(e2ee::check_bundle(*bundle, alice, noon));
                    REQUIRE_FUZZ(bundle->card.exchange == found->exchange);
                    const std::tuple order{bundle->card.epoch, bundle->signed_key.not_before, bundle->signed_key.id};
                    REQUIRE_FUZZ(order >= latest);
                    latest = order;
                    carded = true;
                } else {
                    REQUIRE_FUZZ((found->card || (options & 1) != 0) && got->deployed()->identity == found->exchange);
                }
                break;
            }
            default: {
                const auto got = mesh.read_revocation(alice, reply(in, revocation_body(in)));
                if (got && *got && (*got)->proof) REQUIRE_FUZZ((*got)->proof->who() == alice);
                REQUIRE_FUZZ(!got || *got || !revoked);
                revoked = revoked || (got && *got);
            }
        }
        REQUIRE_FUZZ(revoked == !memory.check_standing(alice));
        auto again = client_memory::restore(memory.save());
        REQUIRE_FUZZ(again && again->save() == memory.save());
    }
    return 0;
}
