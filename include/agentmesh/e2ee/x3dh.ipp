// Bodies of e2ee/x3dh.hpp.
#pragma once

namespace agentmesh::e2ee {

inline buffer agreement_context::bytes() const {
    const auto numbered = [](std::uint32_t id, const exchange_public_key& key) {
        buffer out;
        append_u32be(out, id);
        append(out, key.bytes());
        return out;
    };
    buffer out;
    out.reserve(7 * 4 + 3 + 2 * identity_card::size + 2 * 32 + 2 * 36);
    append_lp(out, to_text(suite_id::am1));
    append_lp(out, initiator.bytes());
    append_lp(out, responder.bytes());
    append_lp(out, ephemeral.bytes());
    append_lp(out, ratchet.bytes());
    append_lp(out, numbered(signed_id, signed_key));
    append_lp(out, one_time ? numbered(one_time->first, one_time->second) : buffer{});
    return out;
}

inline void agreement_results::add(const crypto::shared_secret& result) noexcept {
    assert(count_ < 4);
    const auto place = bytes_.reveal_storage().subspan(32 + 32 * count_);
    std::copy_n(result.reveal().begin(), 32, place.begin());
    ++count_;
}

inline result<void> agreement_results::add(const exchange_key_pair& own, const exchange_public_key& peer) {
    const auto shared = own.agree_with(peer);
    if (!shared) return fail(shared.error().code, "AM-KEX-041");
    add(*shared);
    return {};
}

inline agreed_keys derive_am1(const agreement_context& context, const agreement_results& results) {
    agreed_keys out;
    out.context = crypto::sha256(context.bytes());
    crypto::secret<128, struct agreement_output_tag> keys;
    const auto derived = crypto::hkdf_sha256(keys.reveal_storage(), out.context.bytes(), results.prefixed(),
                                             as_bytes("AgentMesh-v1:am1:x3dh"));
    assert(derived.has_value());
    (void)derived;
    const auto part = [&](auto& key, std::size_t index) {
        std::copy_n(keys.reveal().begin() + static_cast<std::ptrdiff_t>(32 * index), 32, key.reveal_storage().begin());
    };
    part(out.root, 0), part(out.knock, 1), part(out.reply, 2), part(out.session, 3);
    return out;
}

inline result<agreed_keys> agree_am1_initiator(const exchange_key_pair& own, const identity_card& own_card,
                                               const exchange_key_pair& ephemeral, const exchange_public_key& ratchet,
                                               const prekey_bundle& peer) {
    assert(own.public_key() == own_card.exchange);
    agreement_results results;
    AGENTMESH_CHECK(results.add(own, peer.signed_key.key));
    AGENTMESH_CHECK(results.add(ephemeral, peer.card.exchange));
    AGENTMESH_CHECK(results.add(ephemeral, peer.signed_key.key));
    agreement_context context{own_card, peer.card, ephemeral.public_key(), ratchet, peer.signed_key.id,
                              peer.signed_key.key};
    if (peer.one_time) {
        AGENTMESH_CHECK(results.add(ephemeral, peer.one_time->key));
        context.one_time.emplace(peer.one_time->id, peer.one_time->key);
    }
    return derive_am1(context, results);
}

inline result<agreed_keys> agree_am1_responder(const exchange_key_pair& own, const identity_card& own_card,
                                               const identity_card& initiator, const exchange_public_key& ephemeral,
                                               const exchange_public_key& ratchet, const prekey_pair& signed_key,
                                               const prekey_pair* one_time) {
    assert(own.public_key() == own_card.exchange);
    agreement_results results;
    AGENTMESH_CHECK(results.add(signed_key.pair, initiator.exchange));
    AGENTMESH_CHECK(results.add(own, ephemeral));
    AGENTMESH_CHECK(results.add(signed_key.pair, ephemeral));
    agreement_context context{initiator, own_card, ephemeral, ratchet, signed_key.id, signed_key.pair.public_key()};
    if (one_time) {
        AGENTMESH_CHECK(results.add(one_time->pair, ephemeral));
        context.one_time.emplace(one_time->id, one_time->pair.public_key());
    }
    return derive_am1(context, results);
}

template <X3dhSuite S>
root_key derive_x3dh(const agreement_results& results) {
    std::array<std::uint8_t, 32> salt;
    salt.fill(S::x3dh.salt_byte);
    root_key out;
    const byte_view material = S::x3dh.prefixed ? results.prefixed() : results.bare();
    const auto derived = crypto::hkdf_sha256(out.reveal_storage(), salt, material, as_bytes(S::x3dh.info));
    assert(derived.has_value());
    (void)derived;
    return out;
}

template <X3dhSuite S>
result<root_key> x3dh_initiator(const exchange_key_pair& own, const exchange_key_pair& ephemeral,
                                const exchange_public_key& peer_identity, const exchange_public_key& peer_signed,
                                const exchange_public_key* one_time) {
    agreement_results results;
    AGENTMESH_CHECK(results.add(own, peer_signed));
    AGENTMESH_CHECK(results.add(ephemeral, peer_identity));
    AGENTMESH_CHECK(results.add(ephemeral, peer_signed));
    if (one_time) AGENTMESH_CHECK(results.add(ephemeral, *one_time));
    return derive_x3dh<S>(results);
}

template <X3dhSuite S>
result<root_key> x3dh_responder(const exchange_key_pair& own, const exchange_key_pair& signed_key,
                                const exchange_key_pair* one_time, const exchange_public_key& peer_identity,
                                const exchange_public_key& peer_ephemeral) {
    agreement_results results;
    AGENTMESH_CHECK(results.add(signed_key, peer_identity));
    AGENTMESH_CHECK(results.add(own, peer_ephemeral));
    AGENTMESH_CHECK(results.add(signed_key, peer_ephemeral));
    if (one_time) AGENTMESH_CHECK(results.add(*one_time, peer_ephemeral));
    return derive_x3dh<S>(results);
}

}  // namespace agentmesh::e2ee
