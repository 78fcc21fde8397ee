// Key agreement with the harness as the other side; keys of this side are its own.
#include "conformance/shims/cpp/feed.hpp"

#include <agentmesh/e2ee/deployed_bundle.hpp>
#include <agentmesh/e2ee/prekey_store.hpp>

namespace agentmesh::shim {
namespace {

json written(const e2ee::agreed_keys& keys) {
    return {{"root", hex_of(keys.root)},
            {"knock", hex_of(keys.knock)},
            {"reply", hex_of(keys.reply)},
            {"id", hex_of(keys.session)}};
}

// --- the initiator ----------------------------------------------------------------------------------------------

answer agree_am1(const arguments& in, fed_random& random) {
    AGENTMESH_TRY(bundle, e2ee::parse_bundle(in.text("bundle")));
    if (const auto found = e2ee::check_bundle(bundle, name_of(in.text("expected")), in.now()); !found)
        return fail(refiled(found.error()));
    const auto self = need(local_identity::create(random, in.now()));
    const auto card = e2ee::identity_card::make(self, 1);
    const auto ephemeral = random.pair();
    const auto ratchet = random.pair().public_key();
    AGENTMESH_TRY(keys, e2ee::agree_am1_initiator(self.exchange(), card, ephemeral, ratchet, bundle));
    auto out = written(keys);
    out["card"] = to_hex(card.bytes());
    out["ephemeral_key"] = to_hex(ephemeral.public_key().bytes());
    out["ratchet_key"] = to_hex(ratchet.bytes());
    out["signed_prekey_id"] = bundle.signed_key.id;
    if (bundle.one_time) out["one_time_prekey_id"] = bundle.one_time->id;
    return out;
}

result<e2ee::deployed_bundle> checked_bundle(const arguments& in) {
    if (in.text("suite") == "v02") {
        AGENTMESH_TRY(bundle, e2ee::parse_v02_bundle(in.text("bundle")));
        const auto found = e2ee::check_v02_bundle(bundle, value_of<signing_public_key>(in.bytes("public_key")));
        if (!found) return fail(refiled(found.error()));
        return bundle;
    }
    AGENTMESH_TRY(bundle, e2ee::parse_wire10_bundle(in.text("bundle")));
    const auto found = e2ee::check_wire10_bundle(bundle, "");
    if (!found) return fail(refiled(found.error()));
    return bundle;
}

answer agree(const arguments& in, fed_random& random) {
    if (in.text("suite") == "am1") return agree_am1(in, random);
    AGENTMESH_TRY(bundle, checked_bundle(in));
    const auto own = random.pair(), ephemeral = random.pair();
    return with_x3dh_suite(in.text("suite"), [&](auto which) -> answer {
        AGENTMESH_TRY(root, e2ee::x3dh_initiator<decltype(which)>(own, ephemeral, bundle.identity, bundle.signed_key,
                                                                  bundle.one_time ? &bundle.one_time->key : nullptr));
        json out{{"root", hex_of(root)},
                 {"exchange_key", to_hex(own.public_key().bytes())},
                 {"ephemeral_key", to_hex(ephemeral.public_key().bytes())},
                 {"signed_prekey_id", bundle.signed_id}};
        if (bundle.one_time) out["one_time_prekey_id"] = bundle.one_time->id;
        return out;
    });
}

// --- the responder ----------------------------------------------------------------------------------------------

/// An agent with prekeys, and the one of them that its bundle has for one time.
struct responder {
    std::string suite;
    local_identity self;
    e2ee::prekey_store prekeys{};
    memory_state state{};
};
using responders = std::map<std::string, std::unique_ptr<responder>>;

responder& responder_of(const arguments& in, responders& from) {
    const auto found = from.find(in.text("session"));
    if (found == from.end()) throw refused_by_shim{"state"};
    return *found->second;
}

/// In wire10 the exchange key follows from the signing key.
local_identity identity_for(const std::string& suite, fed_random& random, time_point now) {
    auto made = need(local_identity::create(random, now));
    if (!suite.starts_with("wire10")) return made;
    buffer seed(32);
    need(random.fill(seed));
    signing_key_pair signing{secret_of<crypto::ed25519_seed>(seed)};
    auto exchange = signing.to_x25519();
    return {std::move(signing), std::move(exchange), now};
}

answer offer(const arguments& in, responders& into, fed_random& random) {
    const auto name = in.text("session"), suite = in.text("suite");
    if (into.contains(name)) throw refused_by_shim{"order"};
    auto made = std::make_unique<responder>(suite, identity_for(suite, random, in.now()));
    need(made->prekeys.maintain(made->self, made->state, random, in.now()));
    const auto card = e2ee::identity_card::make(made->self, 1);
    const auto all = need(made->prekeys.publication(card));
    const auto& once = all.one_time.front();
    json out;
    if (suite == "am1") {
        out["bundle"] = e2ee::write_bundle(need(made->prekeys.bundle(card, once.id)));
    } else {
        e2ee::deployed_bundle bundle{made->self.exchange().public_key(), made->self.signing().public_key(),
                                     all.signed_key.id, all.signed_key.key,
                                     made->self.signing().sign(all.signed_key.key.bytes())};
        bundle.one_time = {once.id, once.key};
        out["bundle"] = suite == "v02" ? e2ee::write_v02_bundle(bundle) : e2ee::write_wire10_bundle(bundle);
        out["signing_key"] = to_hex(made->self.signing().public_key().bytes());
    }
    into.emplace(name, std::move(made));
    return out;
}

/// Keys from a first message; nothing of this side changes.
answer keys_of(const responder& me, const arguments& in, const e2ee::prekey_pair& key, const e2ee::prekey_pair* once) {
    const auto ephemeral = value_of<exchange_public_key>(in.bytes("ephemeral_key"));
    if (me.suite == "am1") {
        const auto card = e2ee::identity_card::parse(in.bytes("card"));
        if (!card) return fail(refiled(card.error()));
        AGENTMESH_TRY(
            keys, e2ee::agree_am1_responder(me.self.exchange(), e2ee::identity_card::make(me.self, 1), *card, ephemeral,
                                            value_of<exchange_public_key>(in.bytes("ratchet_key")), key, once));
        return written(keys);
    }
    const auto peer = value_of<exchange_public_key>(in.bytes("exchange_key"));
    return with_x3dh_suite(me.suite, [&](auto which) -> answer {
        AGENTMESH_TRY(root, e2ee::x3dh_responder<decltype(which)>(me.self.exchange(), key.pair,
                                                                  once ? &once->pair : nullptr, peer, ephemeral));
        return json{{"root", hex_of(root)}};
    });
}

answer accept(const arguments& in, responder& me) {
    AGENTMESH_TRY(key, me.prekeys.find_signed(in.number<std::uint32_t>("signed_prekey_id"), in.now()));
    if (!in.has("one_time_prekey_id")) return keys_of(me, in, *key, nullptr);
    const auto id = in.number<std::uint32_t>("one_time_prekey_id");
    AGENTMESH_TRY(once, me.prekeys.find_one_time(id));
    AGENTMESH_TRY(keys, keys_of(me, in, *key, once));
    const auto end = need(me.prekeys.spend(id));
    need(me.state.commit({&end, 1}));
    me.prekeys.forget(id);
    return keys;
}

}  // namespace

void add_live_agreement(operations& into, const std::shared_ptr<fed_random>& random) {
    const auto known = std::make_shared<responders>();
    into["kex.agree"] = [random](const arguments& in) { return agree(in, *random); };
    into["kex.offer"] = [known, random](const arguments& in) { return offer(in, *known, *random); };
    into["kex.accept"] = [known](const arguments& in) { return accept(in, responder_of(in, *known)); };
}

}  // namespace agentmesh::shim
