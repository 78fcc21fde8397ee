#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/deployed_bundle.hpp>
#include <agentmesh/e2ee/prekey_store.hpp>

#include <algorithm>

namespace agentmesh::shim {
namespace {

e2ee::signing_context context_of(const arguments& in) {
    const auto& names = e2ee::signing_context_names;
    const auto at = std::find(names.begin(), names.end(), in.text("context"));
    if (at == names.end()) throw std::invalid_argument{"no such context"};
    return static_cast<e2ee::signing_context>(at - names.begin());
}

answer sign(const arguments& in) {
    const signing_key_pair key{secret_of<crypto::ed25519_seed>(in.bytes("seed"))};
    return json{{"signature", to_hex(e2ee::sign_in(key, context_of(in), in.bytes("content")).bytes())}};
}

answer verify(const arguments& in) {
    AGENTMESH_TRY(key, fixed<signing_public_key>(in, "public_key"));
    AGENTMESH_TRY(proof, fixed<signature>(in, "signature"));
    AGENTMESH_CHECK(e2ee::verify_in(key, context_of(in), in.bytes("content"), proof));
    return json::object();
}

answer make_card(const arguments& in) {
    const auto self = identity_of(in.bytes("seed"), in.bytes("exchange_private_key"));
    return json{{"card", to_hex(e2ee::identity_card::make(self, in.number<std::uint32_t>("epoch")).bytes())}};
}

answer read_card(const arguments& in) {
    const auto card = e2ee::identity_card::parse(in.bytes("card"));
    if (!card) return fail(refiled(card.error()));
    return json{{"amid", card->name.text()},
                {"signing_key", to_hex(card->signing.bytes())},
                {"exchange_key", to_hex(card->exchange.bytes())},
                {"epoch", card->epoch}};
}

answer succeed_card(const arguments& in) {
    const auto read = [](const json& text) { return card_of(need(from_hex(text.get<std::string>()))); };
    e2ee::known_epochs known;
    for (const auto& one : in["accepted"]) {
        const auto card = read(one);
        need(known.check(card));
        known.note(card);
    }
    AGENTMESH_CHECK(known.check(read(in["card"])));
    return json::object();
}

local_identity owner_of(const arguments& in) { return identity_of(in.bytes("seed"), buffer(32, 1)); }

answer make_signed_prekey(const arguments& in) {
    const auto made = e2ee::signed_prekey::make(
        owner_of(in), in.number<std::uint32_t>("id"), value_of<exchange_public_key>(in.bytes("key")),
        in.number<std::int64_t>("not_before"), in.number<std::int64_t>("not_after"));
    return json{{"signature", to_hex(made.proof.bytes())}};
}

answer make_batch(const arguments& in) {
    std::vector<exchange_public_key> keys;
    for (const auto& text : in["keys"])
        keys.push_back(value_of<exchange_public_key>(need(from_hex(text.get<std::string>()))));
    const auto count = keys.size();
    const auto first = in.number<std::uint32_t>("first_id");
    const auto batch = e2ee::prekey_batch::make(owner_of(in), first, std::move(keys));
    auto paths = json::array();
    for (std::uint32_t i = 0; i < count; ++i) {
        auto path = json::array();
        for (const auto& hash : batch.prekey(first + i).path) path.push_back(to_hex(hash.bytes()));
        paths.push_back(std::move(path));
    }
    return json{{"root", to_hex(batch.root().bytes())}, {"paths", paths}, {"signature", to_hex(batch.proof().bytes())}};
}

answer check_bundle(const arguments& in) {
    const auto expected = name_of(in.text("expected"));
    AGENTMESH_TRY(bundle, e2ee::parse_bundle(in.text("text")));
    if (const auto found = e2ee::check_bundle(bundle, expected, in.now()); !found) return fail(refiled(found.error()));
    json out{{"signed_prekey_id", bundle.signed_key.id}, {"signed_prekey", to_hex(bundle.signed_key.key.bytes())}};
    if (bundle.one_time) {
        out["one_time_prekey_id"] = bundle.one_time->id;
        out["one_time_prekey"] = to_hex(bundle.one_time->key.bytes());
    }
    return out;
}

answer deployed(const result<e2ee::deployed_bundle>& bundle, const result<e2ee::key_binding>& found) {
    if (!found) return fail(refiled(found.error()));
    json out{{"identity", to_hex(bundle->identity.bytes())},
             {"signed_prekey_id", bundle->signed_id},
             {"signed_prekey", to_hex(bundle->signed_key.bytes())}};
    if (bundle->one_time) {
        out["one_time_prekey_id"] = bundle->one_time->id;
        out["one_time_prekey"] = to_hex(bundle->one_time->key.bytes());
    }
    return out;
}

answer check_v02_bundle(const arguments& in) {
    const auto owner = value_of<signing_public_key>(in.bytes("public_key"));
    const auto bundle = e2ee::parse_v02_bundle(in.text("text"));
    if (!bundle) return fail(bundle.error());
    return deployed(bundle, e2ee::check_v02_bundle(*bundle, owner));
}

answer check_wire10_bundle(const arguments& in) {
    const auto bundle = e2ee::parse_wire10_bundle(in.text("text"));
    if (!bundle) return fail(bundle.error());
    return deployed(bundle, e2ee::check_wire10_bundle(*bundle, "did:mesh:nobody"));
}

// --- the prekey store, as a script of what happens to it --------------------------------------------------------

/// Records that can be made to refuse.
struct stubborn_state {
    memory_state kept{};
    bool broken = false;

    result<void> commit(std::span<const record_change> changes) {
        if (broken) return fail(errc::not_persisted);
        return kept.commit(changes);
    }
    result<std::optional<buffer>> load(std::string_view name) const { return kept.load(name); }
    std::vector<std::string> names(std::string_view prefix) const { return kept.names(prefix); }
};

time_point unix_time(std::int64_t seconds) { return time_point{std::chrono::seconds{seconds}}; }

class prekey_script {
public:
    json step(const json& one) {
        const auto what = one.at("do").get<std::string>();
        if (what == "spend") return spend(one.at("count").get<int>());
        if (what == "restart") {
            e2ee::prekey_store again;
            need(again.restore(state_, owner_));
            store_ = std::move(again);
            return published(json::object());
        }
        state_.broken = what == "maintain_unsaved";
        const auto done = store_.maintain(owner_, state_, random_, unix_time(one.at("at").get<std::int64_t>()));
        if (!done) return published({{"refused", true}});
        return published({{"rotated", done->rotated}, {"added", done->added}});
    }

    result<void> look(const json& last) const {
        if (last.contains("signed")) {
            AGENTMESH_CHECK(
                store_.find_signed(last["signed"].get<std::uint32_t>(), unix_time(last.at("at").get<std::int64_t>())));
        } else {
            AGENTMESH_CHECK(store_.find_one_time(last.at("one_time").get<std::uint32_t>()));
        }
        return {};
    }

private:
    json spend(int count) {
        for (; count > 0; --count) {
            const auto now = store_.publication(card_);
            if (!now) throw std::invalid_argument{"nothing to spend"};
            const auto id = now->one_time.front().id;
            const auto end = need(store_.spend(id));
            need(state_.commit({&end, 1}));
            store_.forget(id);
        }
        return {{"left", store_.one_time_left()}};
    }
    json published(json out) const {
        if (const auto now = store_.publication(card_)) {
            out["signed_id"] = now->signed_key.id;
            out["one_time"] = {now->one_time.front().id, now->one_time.back().id};
            out["left"] = store_.one_time_left();
        }
        return out;
    }

    local_identity owner_ = identity_of(buffer(32, 1), buffer(32, 2));
    e2ee::identity_card card_ = e2ee::identity_card::make(owner_, 1);
    crypto::scripted_random random_{std::uint64_t{1}};
    stubborn_state state_{};
    e2ee::prekey_store store_{};
};

answer run_prekeys(const arguments& in) {
    prekey_script script;
    auto results = json::array();
    for (const auto& one : in["steps"]) results.push_back(script.step(one));
    if (in.has("last")) AGENTMESH_CHECK(script.look(in["last"]));
    return json{{"results", results}};
}

// --- agreement --------------------------------------------------------------------------------------------------

json written(const e2ee::agreed_keys& keys) {
    return {{"root", hex_of(keys.root)},
            {"knock", hex_of(keys.knock)},
            {"reply", hex_of(keys.reply)},
            {"id", hex_of(keys.session)}};
}

answer initiate(const arguments& in) {
    const auto suite = in.text("suite");
    const auto own = pair_of(in.bytes("exchange_private_key")), ephemeral = pair_of(in.bytes("ephemeral_private_key"));
    const auto peer = value_of<exchange_public_key>(in.bytes("peer_exchange_key"));
    const auto signed_key = value_of<exchange_public_key>(in.bytes("signed_prekey"));
    std::optional<exchange_public_key> one_time;
    if (in.has("one_time_prekey")) one_time = value_of<exchange_public_key>(in.bytes("one_time_prekey"));
    if (suite != "am1")
        return with_x3dh_suite(suite, [&](auto which) -> answer {
            AGENTMESH_TRY(root, e2ee::x3dh_initiator<decltype(which)>(own, ephemeral, peer, signed_key,
                                                                      one_time ? &*one_time : nullptr));
            return json{{"root", hex_of(root)}};
        });
    e2ee::prekey_bundle bundle{card_of(in.bytes("responder_card")), {}, {}};
    bundle.card.exchange = peer;  // of a forged bundle, in the questions that are to be refused
    bundle.signed_key.id = in.number<std::uint32_t>("signed_prekey_id");
    bundle.signed_key.key = signed_key;
    if (one_time) {
        bundle.one_time.emplace();
        bundle.one_time->id = in.number<std::uint32_t>("one_time_prekey_id");
        bundle.one_time->key = *one_time;
    }
    AGENTMESH_TRY(keys, e2ee::agree_am1_initiator(own, card_of(in.bytes("initiator_card")), ephemeral,
                                                  value_of<exchange_public_key>(in.bytes("ratchet_key")), bundle));
    return written(keys);
}

answer respond(const arguments& in) {
    const auto suite = in.text("suite");
    const auto own = pair_of(in.bytes("exchange_private_key"));
    const auto peer = value_of<exchange_public_key>(in.bytes("peer_exchange_key"));
    const auto ephemeral = value_of<exchange_public_key>(in.bytes("ephemeral_key"));
    std::optional<exchange_key_pair> one_time;
    if (in.has("one_time_prekey_private_key")) one_time = pair_of(in.bytes("one_time_prekey_private_key"));
    auto signed_pair = pair_of(in.bytes("signed_prekey_private_key"));
    if (suite != "am1")
        return with_x3dh_suite(suite, [&](auto which) -> answer {
            AGENTMESH_TRY(root, e2ee::x3dh_responder<decltype(which)>(own, signed_pair, one_time ? &*one_time : nullptr,
                                                                      peer, ephemeral));
            return json{{"root", hex_of(root)}};
        });
    const e2ee::prekey_pair signed_key{in.number<std::uint32_t>("signed_prekey_id"), std::move(signed_pair)};
    std::optional<e2ee::prekey_pair> once;
    if (one_time) once.emplace(in.number<std::uint32_t>("one_time_prekey_id"), std::move(*one_time));
    auto initiator = card_of(in.bytes("initiator_card"));
    initiator.exchange = peer;
    AGENTMESH_TRY(keys, e2ee::agree_am1_responder(own, card_of(in.bytes("responder_card")), initiator, ephemeral,
                                                  value_of<exchange_public_key>(in.bytes("ratchet_key")), signed_key,
                                                  once ? &*once : nullptr));
    return written(keys);
}

answer derive(const arguments& in) {
    const auto all = in.bytes("results");
    e2ee::agreement_results results;
    for (std::size_t at = 0; at + 32 <= all.size(); at += 32)
        results.add(secret_of<crypto::shared_secret>(
            buffer(all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(at + 32))));
    return with_x3dh_suite(in.text("suite"), [&](auto which) -> answer {
        return json{{"root", hex_of(e2ee::derive_x3dh<decltype(which)>(results))}};
    });
}

}  // namespace

void add_agreement(operations& into) {
    into["kex.context.sign"] = sign;
    into["kex.context.verify"] = verify;
    into["kex.card.make"] = make_card;
    into["kex.card.read"] = read_card;
    into["kex.card.succeed"] = succeed_card;
    into["kex.signed_prekey.make"] = make_signed_prekey;
    into["kex.batch.make"] = make_batch;
    into["kex.bundle.check"] = check_bundle;
    into["kex.deployed.v02"] = check_v02_bundle;
    into["kex.deployed.wire10"] = check_wire10_bundle;
    into["kex.prekeys.script"] = run_prekeys;
    into["kex.agreement.initiator"] = initiate;
    into["kex.agreement.responder"] = respond;
    into["kex.agreement.derive"] = derive;
}

}  // namespace agentmesh::shim
