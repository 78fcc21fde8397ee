// Key agreement between the harness and the shim: each hands out a bundle, the other agrees on keys with it.
#include "agentmesh/e2ee/suite_am1.hpp"
#include "agentmesh/e2ee/suite_v02.hpp"
#include "agentmesh/e2ee/suite_wire10.hpp"
#include "agentmesh/e2ee/x3dh.hpp"
#include "conformance/engine/shim_live_responder.hpp"
#include "conformance_requirements.hpp"

#include <algorithm>

namespace agentmesh::conformance::live {
namespace {

template <class Secret>
buffer revealed(const Secret& key) {
    const auto bytes = key.reveal();
    return {bytes.begin(), bytes.end()};
}

/// The clauses by which the keys of a suite are derived.
clauses agrees_in(std::string_view suite) {
    if (suite == "am1") return {&req::AM_KEX_040};
    if (suite == "wire10") return {&req::AM_KEX_042};
    if (suite == "wire10-legacy") return {&req::AM_KEX_043};
    return {&req::AM_KEX_044};
}

clauses joined(clauses one, const clauses& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

/// What both sides have to arrive at; of a deployed suite only the root.
struct agreed {
    buffer root, knock{}, reply{}, id{};
};

bool same_keys(const shim_reply& reply, const agreed& mine) {
    const bool root = bytes_in(reply, "root") == mine.root;
    return root && (mine.knock.empty() || (bytes_in(reply, "knock") == mine.knock &&
                                           bytes_in(reply, "reply") == mine.reply && bytes_in(reply, "id") == mine.id));
}

agreed keys_of(const e2ee::agreed_keys& keys) {
    return {revealed(keys.root), revealed(keys.knock), revealed(keys.reply), revealed(keys.session)};
}

/// Calls `use` with a value of the deployed suite's type.
template <class Use>
auto with_x3dh(std::string_view suite, Use use) {
    if (suite == "wire10") return use(e2ee::wire10{});
    if (suite == "v02") return use(e2ee::v02{});
    return use(e2ee::wire10_legacy{});
}

/// What the harness derives as the responder to the shim's first words; nullopt if those are not complete.
std::optional<agreed> respond(const responder& me, std::string_view suite, bool one_time, const shim_reply& said) {
    const auto ephemeral = value_in<exchange_public_key>(said, "ephemeral_key");
    const auto* once = one_time ? &me.once() : nullptr;
    if (number_in(said, "signed_prekey_id") != me.signed_key().id || !ephemeral) return std::nullopt;
    if (one_time ? number_in(said, "one_time_prekey_id") != once->id : member(said, "one_time_prekey_id") != nullptr)
        return std::nullopt;
    if (suite == "am1") {
        const auto bytes = bytes_in(said, "card");
        const auto card = e2ee::identity_card::parse(bytes.value_or(buffer{}));
        const auto ratchet = value_in<exchange_public_key>(said, "ratchet_key");
        if (!card || !ratchet) return std::nullopt;
        const auto keys = e2ee::agree_am1_responder(me.self().exchange(), me.card(), *card, *ephemeral, *ratchet,
                                                    me.signed_key(), once);
        if (!keys) return std::nullopt;
        return keys_of(*keys);
    }
    const auto peer = value_in<exchange_public_key>(said, "exchange_key");
    if (!peer) return std::nullopt;
    return with_x3dh(suite, [&](auto which) -> std::optional<agreed> {
        const auto root = e2ee::x3dh_responder<decltype(which)>(me.self().exchange(), me.signed_key().pair,
                                                                once ? &once->pair : nullptr, *peer, *ephemeral);
        if (!root) return std::nullopt;
        return agreed{revealed(*root)};
    });
}

// --- the shim initiates -------------------------------------------------------------------------------------------

void shim_agrees(exchange& with) {
    const auto suite = with.suite();
    const auto agrees = agrees_in(suite);
    std::set<std::string> used;
    for (const bool one_time : {true, false, true}) {
        const auto now = time_of(with.chance());
        const responder me{suite, with.chance(), now};
        const auto reply = with.ask("kex.agree", me.question(me.text(one_time)), now);
        const bool without = suite == "am1" && !one_time;
        if (!with.begins(without ? joined(agrees, {&req::AM_KEX_021}) : agrees, reply, "agrees on keys")) return;
        const auto mine = respond(me, suite, one_time, reply);
        if (without)
            with.judge({&req::AM_KEX_021}, mine.has_value(), "a bundle without a one-time prekey is taken",
                       "nothing follows from a bundle without a one-time prekey", {&reply});
        with.judge(agrees, mine && same_keys(reply, *mine), "both sides derive the same keys",
                   mine ? "the two sides derive different keys"
                        : "what the shim says it used is not complete, or not what the bundle has",
                   {&reply});
        if (suite == "am1") {
            const auto card = bytes_in(reply, "card");
            const bool holds = card && e2ee::identity_card::parse(*card);
            with.judge({&req::AM_KEX_003}, holds, "the shim's card holds", "the shim's card does not hold", {&reply});
        }
        for (const char* key : {"ephemeral_key", "ratchet_key"}) {
            const auto text = text_in(reply, key);
            if (!text) continue;
            with.judge(agrees, used.insert(*text).second, "E and R_A are new each time", "E or R_A was used before",
                       {&reply});
        }
    }
}

// --- the shim responds --------------------------------------------------------------------------------------------

/// What the harness reads in a bundle of the shim, whatever the suite.
struct offer {
    std::optional<e2ee::prekey_bundle> am1{};
    std::optional<e2ee::deployed_bundle> deployed{};

    [[nodiscard]] bool holds() const noexcept { return am1 || deployed; }
    [[nodiscard]] bool one_time() const { return am1 ? am1->one_time.has_value() : deployed->one_time.has_value(); }
    [[nodiscard]] std::uint32_t one_time_id() const { return am1 ? am1->one_time->id : deployed->one_time->id; }
};

offer read_offer(std::string_view suite, const shim_reply& reply, time_point now) {
    const auto text = text_in(reply, "bundle").value_or("");
    offer out;
    if (suite == "am1") {
        auto read = e2ee::parse_bundle(text);
        if (read && e2ee::check_bundle(*read, read->card.name, now)) out.am1 = *std::move(read);
    } else if (suite == "v02") {
        const auto owner = value_in<signing_public_key>(reply, "signing_key");
        auto read = e2ee::parse_v02_bundle(text);
        if (read && owner && e2ee::check_v02_bundle(*read, *owner)) out.deployed = *std::move(read);
    } else {
        auto read = e2ee::parse_wire10_bundle(text);
        if (read && e2ee::check_wire10_bundle(*read, "")) out.deployed = *std::move(read);
    }
    return out;
}

/// An initiator of the harness: its first words to the shim, and what it derives.
struct first_words {
    shim_json in;
    std::optional<agreed> keys;
};

first_words initiate(const offer& to, const std::string& suite, bool one_time, seeded_bytes& chance) {
    const auto self = agent_of(chance);
    const auto ephemeral = pair_of(chance.take(32));
    const auto ratchet = pair_of(chance.take(32)).public_key();
    first_words out{{{"session", "s1"}, {"ephemeral_key", to_hex(ephemeral.public_key().bytes())}}, {}};
    if (suite == "am1") {
        const auto card = e2ee::identity_card::make(self, 1);
        auto bundle = *to.am1;
        if (!one_time) bundle.one_time.reset();
        out.in["card"] = to_hex(card.bytes());
        out.in["ratchet_key"] = to_hex(ratchet.bytes());
        out.in["signed_prekey_id"] = bundle.signed_key.id;
        if (one_time) out.in["one_time_prekey_id"] = bundle.one_time->id;
        if (const auto keys = e2ee::agree_am1_initiator(self.exchange(), card, ephemeral, ratchet, bundle))
            out.keys = keys_of(*keys);
        return out;
    }
    out.in["exchange_key"] = to_hex(self.exchange().public_key().bytes());
    out.in["signed_prekey_id"] = to.deployed->signed_id;
    if (one_time) out.in["one_time_prekey_id"] = to.deployed->one_time->id;
    with_x3dh(suite, [&](auto which) {
        const auto root = e2ee::x3dh_initiator<decltype(which)>(self.exchange(), ephemeral, to.deployed->identity,
                                                                to.deployed->signed_key,
                                                                one_time ? &to.deployed->one_time->key : nullptr);
        if (root) out.keys = agreed{revealed(*root)};
    });
    return out;
}

clauses produced_in(const std::string& suite) {
    if (suite == "am1") return {&req::AM_KEX_003, &req::AM_KEX_010, &req::AM_KEX_014};
    return {};
}

/// Asks for a bundle; nullopt, and everything is judged, if there is none that holds.
std::optional<offer> begin(exchange& with, const clauses& of, time_point now) {
    const auto suite = with.suite();
    const auto reply = with.ask("kex.offer", {{"session", "s1"}, {"suite", suite}}, now);
    if (!with.begins(of, reply, "hands out a bundle")) return std::nullopt;
    auto read = read_offer(suite, reply, now);
    const bool good = read.holds() && read.one_time();
    const auto made = produced_in(suite);
    with.judge(made.empty() ? agrees_in(suite) : made, good, "the shim's bundle holds, and has a one-time prekey",
               "the shim's bundle does not hold, or has no one-time prekey", {&reply});
    if (good) return read;
    with.open(of, "there is no bundle to begin with", {&reply});
    return std::nullopt;
}

void harness_agrees(exchange& with) {
    const auto suite = with.suite();
    const auto agrees = agrees_in(suite);
    const auto now = time_of(with.chance());
    const auto from = begin(with, joined(agrees, {&req::AM_KEX_035}), now);
    if (!from) return;
    const auto accept = [&](first_words words, std::string_view good, std::string_view bad) {
        const auto reply = with.ask("kex.accept", std::move(words.in), now);
        const bool same = words.keys && same_keys(reply, *words.keys);
        with.judge(agrees, same, good, bad, {&reply});
        return same;
    };
    if (!accept(initiate(*from, suite, false, with.chance()), "both sides derive the same keys",
                "the two sides derive different keys without a one-time prekey"))
        return;
    auto absent = initiate(*from, suite, true, with.chance());
    absent.in["one_time_prekey_id"] = from->one_time_id() + 1'000'000;
    with.judge_refusal({&req::AM_KEX_035}, with.ask("kex.accept", absent.in, now), "state",
                       "a first message to a one-time prekey that never was");
    if (!accept(initiate(*from, suite, true, with.chance()), "both sides derive the same keys",
                "the two sides derive different keys with a one-time prekey"))
        return;
    with.judge_refusal({&req::AM_KEX_035}, with.ask("kex.accept", initiate(*from, suite, true, with.chance()).in, now),
                       "state", "a first message to a one-time prekey that was spent");
}

// --- hostile bundles ----------------------------------------------------------------------------------------------

/// A bundle with one fault, beside an honest one of the same agent.
struct spoiled {
    const clause* of;
    std::string_view refusal;
    std::string what;
    std::string bundle;
};

template <class Fixed>
Fixed flipped(Fixed value) {
    value.storage()[0] ^= 1;
    return value;
}

std::vector<spoiled> spoiled_am1(const responder& me, time_point now) {
    const auto from = seconds_of(now);
    std::vector<spoiled> out;
    const auto add = [&](const clause& of, std::string_view refusal, std::string what, auto change) {
        auto bundle = me.bundle(true);
        change(bundle);
        out.push_back({&of, refusal, std::move(what), e2ee::write_bundle(bundle)});
    };
    const auto prekey = [&](std::int64_t begin, std::int64_t end) {
        return [&, begin, end](e2ee::prekey_bundle& b) {
            b.signed_key = e2ee::signed_prekey::make(me.self(), b.signed_key.id, b.signed_key.key, begin, end);
        };
    };
    add(req::AM_KEX_006, "crypto", "a card with another epoch than the signed one", [](auto& b) { ++b.card.epoch; });
    add(req::AM_KEX_011, "crypto", "a signed prekey with another id than the signed one",
        [](auto& b) { b.signed_key.id ^= 1; });
    add(req::AM_KEX_013, "auth", "a signed prekey that is not valid yet", prekey(from + 60, from + 3600));
    add(req::AM_KEX_013, "auth", "a signed prekey that is not valid any more", prekey(from - 3600, from - 1));
    add(req::AM_KEX_015, "crypto", "a one-time prekey that is not in its batch",
        [](auto& b) { b.one_time->key = flipped(b.one_time->key); });
    add(req::AM_KEX_016, "crypto", "a batch with another signature",
        [](auto& b) { b.one_time->proof = b.signed_key.proof; });
    add(req::AM_KEX_041, "crypto", "a signed prekey of small order, properly signed", [&](auto& b) {
        b.signed_key =
            e2ee::signed_prekey::make(me.self(), b.signed_key.id, exchange_public_key{}, from - 60, from + 60);
    });
    auto text = shim_json::parse(me.text(true));
    text["signed_prekey"].erase("id");
    out.push_back({&req::AM_KEX_022, "parse", "a bundle whose signed prekey has no id", text.dump()});
    return out;
}

std::vector<spoiled> spoiled_deployed(const responder& me) {
    auto forged = me.deployed(true), weak = me.deployed(true);
    forged.proof = me.self().signing().sign(forged.identity.bytes());
    weak.signed_key = {};
    weak.proof = me.self().signing().sign(weak.signed_key.bytes());
    return {{&req::AM_KEX_045, "crypto", "a signed prekey with the signature of another key", me.text(forged)},
            {&req::AM_KEX_041, "crypto", "a signed prekey of small order, properly signed", me.text(weak)}};
}

void hostile_bundles(exchange& with) {
    const auto suite = with.suite();
    const auto now = time_of(with.chance());
    const responder me{suite, with.chance(), now};
    const auto honest = [&](const clauses& of) {
        const auto reply = with.ask("kex.agree", me.question(me.text(true)), now);
        const auto mine = respond(me, suite, true, reply);
        if (reply.kind == reply_kind::unsupported) return with.begins(of, reply, "agrees on keys");
        const bool good = mine && same_keys(reply, *mine);
        if (!good) with.open(of, "the shim does not agree with the honest bundle beside it", {&reply});
        return good;
    };
    for (const auto& one : suite == "am1" ? spoiled_am1(me, now) : spoiled_deployed(me)) {
        if (!honest({one.of})) continue;
        with.judge_refusal({one.of}, with.ask("kex.agree", me.question(one.bundle), now), one.refusal, one.what);
    }
    if (suite != "am1" || !honest({&req::AM_KEX_020})) return;
    auto other = me.question(me.text(true));
    other["expected"] = agent_of(with.chance()).name().text();
    with.judge_refusal({&req::AM_KEX_020}, with.ask("kex.agree", other, now), "auth",
                       "a bundle of another agent than the one that was asked for");
}

/// First messages that must not be answered with keys, and must not spend the one-time prekey that they name.
void hostile_first_messages(exchange& with) {
    const auto suite = with.suite();
    const auto now = time_of(with.chance());
    clauses all{&req::AM_KEX_041};
    if (suite == "am1") all.push_back(&req::AM_KEX_006);
    const auto from = begin(with, all, now);
    if (!from) return;
    const auto control = initiate(*from, suite, false, with.chance());
    const auto before = with.ask("kex.accept", control.in, now);
    if (!control.keys || !same_keys(before, *control.keys))
        return with.open(all, "the two sides do not agree on keys at all", {&before});
    auto weak = initiate(*from, suite, true, with.chance());
    weak.in["ephemeral_key"] = to_hex(buffer(32, 0));
    const auto said = with.ask("kex.accept", weak.in, now);
    with.judge_refusal({&req::AM_KEX_041}, said, "crypto", "an ephemeral key of small order");
    if (suite == "am1") {
        auto forged = initiate(*from, suite, true, with.chance());
        auto card = bytes_of(from_hex(forged.in["card"].get<std::string>()).value_or(""));
        card[87] ^= 1;  // the epoch
        forged.in["card"] = to_hex(card);
        with.judge_refusal({&req::AM_KEX_006}, with.ask("kex.accept", forged.in, now), "crypto",
                           "a card with another epoch than the signed one");
    }
    const auto honest = initiate(*from, suite, true, with.chance());
    const auto after = with.ask("kex.accept", honest.in, now);
    with.judge(all, honest.keys && same_keys(after, *honest.keys), "what was refused spent no one-time prekey",
               "after a refused first message an honest one to the same prekeys is not accepted", {&said, &after});
}

}  // namespace

void add_agreement(std::vector<shim_case>& into) {
    const auto add = [&](std::string id, const std::string& title, std::string probe, void (*body)(exchange&),
                         const clauses& am1, const std::array<clauses, 3>& deployed) {
        into.push_back(live_case(id, title, "kex", "am1", probe, am1, body));
        const std::array<std::string, 3> suites{"wire10", "wire10-legacy", "v02"};
        for (std::size_t i = 0; i < suites.size(); ++i)
            into.push_back(live_case(id, title, "kex", suites[i], probe, deployed[i], body));
    };
    const std::array<clauses, 3> by_suite{agrees_in("wire10"), agrees_in("wire10-legacy"), agrees_in("v02")};
    const clauses refuses{&req::AM_KEX_041, &req::AM_KEX_045};
    add("KEX-LIVE-001", "the shim agrees on keys with bundles of the harness", "kex.agree", shim_agrees,
        {&req::AM_KEX_003, &req::AM_KEX_021, &req::AM_KEX_040}, by_suite);
    add("KEX-LIVE-002", "the harness agrees on keys with a bundle of the shim", "kex.offer", harness_agrees,
        {&req::AM_KEX_003, &req::AM_KEX_035, &req::AM_KEX_040}, by_suite);
    add("KEX-LIVE-003", "bundles that do not hold are refused", "kex.agree", hostile_bundles,
        {&req::AM_KEX_006, &req::AM_KEX_011, &req::AM_KEX_013, &req::AM_KEX_015, &req::AM_KEX_016, &req::AM_KEX_020,
         &req::AM_KEX_022, &req::AM_KEX_041},
        {refuses, refuses, refuses});
    add("KEX-LIVE-004", "first messages that do not hold are refused and spend nothing", "kex.offer",
        hostile_first_messages, {&req::AM_KEX_006, &req::AM_KEX_041},
        {clauses{&req::AM_KEX_041}, clauses{&req::AM_KEX_041}, clauses{&req::AM_KEX_041}});
}

}  // namespace agentmesh::conformance::live
