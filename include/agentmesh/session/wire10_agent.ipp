// Bodies of session/wire10_agent.hpp.
#pragma once

namespace agentmesh::session {

inline result<void> check_wire10_bundle(const wire10_bundle& what, const mesh_did& peer) noexcept {
    if (mesh_did::of(what.signing) != peer) return fail(errc::amid_mismatch);
    AGENTMESH_TRY(form, crypto::to_x25519(what.signing));
    if (form != what.identity) return fail(errc::unbound_key);
    if (!crypto::verify(what.signing, what.signed_prekey.bytes(), what.prekey_proof)) return fail(errc::bad_bundle);
    return {};
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
result<wire10_agent<Suite, Random>> wire10_agent<Suite, Random>::create(const signing_key_pair& self, Random& random) {
    AGENTMESH_TRY(prekey, exchange_key_pair::generate(random));
    wire10_agent out{self, random, self.to_x25519(), std::move(prekey)};
    for (std::uint32_t id = 0; id < one_time_keys; ++id) {
        AGENTMESH_TRY(pair, exchange_key_pair::generate(random));
        out.one_time_.emplace(id, std::move(pair));
    }
    return out;
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
wire10_bundle wire10_agent<Suite, Random>::publish() {
    wire10_bundle out{self_->public_key(), identity_.public_key(), prekey_.public_key(),
                      self_->sign(prekey_.public_key().bytes())};
    if (const auto key = one_time_.lower_bound(next_published_); key != one_time_.end()) {
        out.one_time_id = key->first;
        out.one_time = key->second.public_key();
        next_published_ = key->first + 1;
    }
    return out;
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
result<std::string> wire10_agent<Suite, Random>::make_id() {
    std::array<std::uint8_t, 16> uuid{};  // RFC 9562, version 4
    AGENTMESH_CHECK(random_->fill(uuid));
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x40);
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | 0x80);
    std::string out = to_hex(uuid);
    for (const std::size_t at : {8u, 13u, 18u, 23u}) out.insert(at, 1, '-');
    return out;
}

/// Initiator first in both directions, as deployed. The header follows.
template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
buffer wire10_agent<Suite, Random>::associated(const mesh_did& initiator, const mesh_did& responder,
                                               const exchange_public_key& initiator_key,
                                               const exchange_public_key& responder_key) {
    buffer out;
    const auto append = [&out](byte_view bytes) {
        for (const std::uint8_t byte : bytes) out.push_back(byte);
    };
    append(as_bytes(initiator.text()));
    out.push_back('|');
    append(as_bytes(responder.text()));
    append(initiator_key.bytes());
    append(responder_key.bytes());
    return out;
}

// --- commands -----------------------------------------------------------------------------------------------------

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
result<void> wire10_agent<Suite, Random>::knock(const mesh_did& peer, const wire10_bundle& bundle, const moment& now,
                                                Wire10Sink auto& out) {
    AGENTMESH_CHECK(check_wire10_bundle(bundle, peer));
    if (!make_room(peer)) return fail(errc::session_limit);
    AGENTMESH_TRY(ephemeral, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(first, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(id, make_id());
    const exchange_public_key* const one_time = bundle.one_time_id ? &bundle.one_time : nullptr;
    AGENTMESH_TRY(root, e2ee::x3dh_initiator<Suite>(identity_, ephemeral, bundle.identity, bundle.signed_prekey,
                                                    one_time));
    AGENTMESH_TRY(ratchet, e2ee::double_ratchet<Suite>::initiate(std::move(root), std::move(first),
                                                                 bundle.signed_prekey));
    peer_session& at = sessions_[peer];
    at = {};
    at.ratchet = std::move(ratchet);
    at.ad_prefix = associated(name_, peer, identity_.public_key(), bundle.identity);
    at.knock_id = id;
    out.send_text(wire::write_wire10_knock(name_, peer, id, "establish_session",
                                           {identity_.public_key(), ephemeral.public_key(), bundle.one_time_id},
                                           now.wall));
    return {};
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
result<void> wire10_agent<Suite, Random>::send(const mesh_did& peer, std::string_view json, const moment& now,
                                               Wire10Sink auto& out) {
    const auto found = sessions_.find(peer);
    if (found == sessions_.end()) return fail(errc::unknown_session);
    peer_session& at = found->second;
    if (at.ratchet && at.answered) return seal(peer, at, json, now, out);
    if (!at.ratchet) return fail(errc::ratchet_not_ready);
    if (at.waiting.size() >= waiting_messages) return fail(errc::session_limit);
    at.waiting.emplace_back(json);
    return {};
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
result<void> wire10_agent<Suite, Random>::seal(const mesh_did& peer, peer_session& at, std::string_view json,
                                               const moment& now, Wire10Sink auto& out) {
    AGENTMESH_TRY(id, make_id());
    buffer sealed;
    AGENTMESH_TRY(header, at.ratchet->seal(sealed, at.ad_prefix, as_bytes(json), *random_));
    out.send_text(wire::write_wire10_message(name_, peer, id, header.dh, header.pn, header.n, sealed, now.wall));
    return {};
}

// --- events -------------------------------------------------------------------------------------------------------

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
void wire10_agent<Suite, Random>::on_open(const moment& now, Wire10Sink auto& out, bool prove) {
    if (prove) return out.send_text(wire::write_wire10_connect(*self_, now.wall));
    out.send_text(wire::write_wire10_simple(wire::wire10_type::connect, name_, now.wall));
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
void wire10_agent<Suite, Random>::on_text(std::string_view text, const moment& now, Wire10Sink auto& out) {
    using kind = wire::wire10_type;
    const auto frame = parser_.parse(text);
    if (!frame) return out.failed({}, frame.error());
    if (frame->type == kind::error) return out.failed({}, {errc::bad_frame, {}});
    const bool routed = frame->type == kind::message || frame->type == kind::knock ||
                        frame->type == kind::knock_accept || frame->type == kind::knock_reject;
    if (!routed) return;
    const auto from = mesh_did::parse(frame->from);
    if (!from) return out.failed(frame->from, from.error());
    if (frame->to != name_.text()) return out.failed(frame->from, {errc::unknown_recipient, {}});
    switch (frame->type) {
        case kind::message: return on_message(*frame, *from, now, out);
        case kind::knock: return on_knock(*frame, *from, now, out);
        default: return on_answer(*frame, *from, now, out);
    }
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
void wire10_agent<Suite, Random>::on_knock(const wire::wire10_frame& frame, const mesh_did& from, const moment& now,
                                           Wire10Sink auto& out) {
    // A relay gives a KNOCK again until it knows that it arrived; it is answered once.
    std::string seen{from.text()};
    seen.append(" ").append(frame.id);
    if (std::find(knocks_seen_.begin(), knocks_seen_.end(), seen) != knocks_seen_.end()) return;
    const auto key = [](std::string_view text) {
        return from_base64_exact<exchange_public_key>(text, base64_form::wire10_lenient);
    };
    const auto identity = key(frame.ik), ephemeral = key(frame.ek);
    if (!frame.has_establishment || !identity || !ephemeral) return out.failed(from.text(), {errc::bad_knock, {}});
    const auto known = sessions_.find(from);
    // Both have knocked: that of the smaller name stands, on both sides.
    if (known != sessions_.end() && !known->second.answered && known->second.ratchet && name_ < from) return;
    // A relay may give an old KNOCK a new id; its ephemeral key it cannot change.
    if (ephemerals_.contains(*ephemeral)) return out.failed(from.text(), {errc::knock_replayed, {}});

    knocks_seen_.push_back(std::move(seen));
    if (knocks_seen_.size() > max_peers) knocks_seen_.pop_front();
    const auto id = make_id();
    if (!id) return out.failed(from.text(), id.error());
    if (!out.asks(from, frame.intent)) {
        out.send_text(wire::write_wire10_answer(name_, from, *id, frame.id, "policy_denied", now.wall));
        return;
    }
    if (!make_room(from)) return out.failed(from.text(), {errc::session_limit, {}});
    // Anybody can write a KNOCK in this profile: what there is goes on until the new session has proven itself by a
    // message that opens.
    sessions_[from].offered = offer{*identity, *ephemeral, frame.otk, ++offers_};
    out.send_text(wire::write_wire10_answer(name_, from, *id, frame.id, {}, now.wall));
}

/// Room for one more peer: of those who have only knocked and said nothing yet, the first to have knocked gives way.
template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
bool wire10_agent<Suite, Random>::make_room(const mesh_did& peer) {
    if (sessions_.contains(peer) || sessions_.size() < max_peers) return true;
    auto oldest = sessions_.end();
    for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
        if (at->second.ratchet || !at->second.offered) continue;
        if (oldest == sessions_.end() || at->second.offered->number < oldest->second.offered->number) oldest = at;
    }
    if (oldest == sessions_.end()) return false;
    sessions_.erase(oldest);
    return true;
}

/// What waited for a session leaves now that there is one.
template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
void wire10_agent<Suite, Random>::flush(const mesh_did& peer, peer_session& at, const moment& now,
                                        Wire10Sink auto& out) {
    while (!at.waiting.empty()) {
        const auto sent = seal(peer, at, at.waiting.front(), now, out);
        if (!sent) out.failed(peer.text(), sent.error());
        at.waiting.pop_front();
    }
}

// An answer that names no KNOCK of ours, or comes after the first, is nobody's business.
template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
void wire10_agent<Suite, Random>::on_answer(const wire::wire10_frame& frame, const mesh_did& from, const moment& now,
                                            Wire10Sink auto& out) {
    const auto found = sessions_.find(from);
    if (found == sessions_.end() || found->second.answered || found->second.knock_id.empty() ||
        found->second.knock_id != frame.knock_id)
        return out.failed(from.text(), {errc::unknown_session, {}});
    if (frame.type == wire::wire10_type::knock_reject) {
        sessions_.erase(found);
        return out.refused(from, frame.reason);
    }
    peer_session& at = found->second;
    at.answered = true;
    out.opened(from);
    flush(from, at, now, out);
}

template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
void wire10_agent<Suite, Random>::on_message(const wire::wire10_frame& frame, const mesh_did& from,
                                             const moment& now, Wire10Sink auto& out) {
    if (frame.plaintext || !frame.has_header) return out.failed(from.text(), {errc::suite_unsupported, {}});
    const auto found = sessions_.find(from);
    if (found == sessions_.end()) return out.failed(from.text(), {errc::unknown_session, {}});
    peer_session& at = found->second;
    const auto dh = from_base64_exact<exchange_public_key>(frame.header_dh, base64_form::wire10_lenient);
    const auto sealed = from_base64(frame.ciphertext, base64_form::wire10_lenient);
    if (!dh) return out.failed(from.text(), dh.error());
    if (!sealed) return out.failed(from.text(), sealed.error());
    const e2ee::ratchet_header header{*dh, frame.header_pn, frame.header_n};

    buffer text;
    result<void> opened = fail(errc::ratchet_not_ready);
    if (at.ratchet) opened = at.ratchet->open(text, header, at.ad_prefix, *sealed, *random_);
    bool is_first = false;
    if (!opened && at.offered) {
        opened = open_first(*at.offered, from, at, text, header, *sealed);
        is_first = opened.has_value();
    }
    if (!opened) {
        // Delivered before, so the relay need not give it again; everything else is kept there.
        if (opened.error().code == errc::duplicate) out.send_text(wire::write_wire10_ack(frame.id));
        return out.failed(from.text(), opened.error());
    }
    if (is_first) out.opened(from);
    out.received(from, frame.id, text);
    out.send_text(wire::write_wire10_ack(frame.id));
    if (is_first) flush(from, at, now, out);
}

/// The KNOCK is proven by the first message that opens. Only then is its one-time key gone, and only then does the new
/// session take the place of an older one.
template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
result<void> wire10_agent<Suite, Random>::open_first(const offer& offered, const mesh_did& from, peer_session& into,
                                                     buffer& text, const e2ee::ratchet_header& header,
                                                     byte_view sealed) {
    const exchange_key_pair* one_time = nullptr;
    if (offered.one_time) {
        const auto found = one_time_.find(*offered.one_time);
        if (found == one_time_.end()) return fail(errc::unknown_prekey);
        one_time = &found->second;
    }
    AGENTMESH_TRY(root, e2ee::x3dh_responder<Suite>(identity_, prekey_, one_time, offered.identity, offered.ephemeral));
    exchange_key_pair own{prekey_.secret_key().fork()};
    auto ratchet = e2ee::double_ratchet<Suite>::respond(std::move(root), std::move(own));
    auto prefix = associated(from, name_, offered.identity, identity_.public_key());
    AGENTMESH_CHECK(ratchet.open(text, header, prefix, sealed, *random_));
    if (offered.one_time) one_time_.erase(*offered.one_time);
    if (ephemerals_.insert(offered.ephemeral).second) ephemeral_order_.push_back(offered.ephemeral);
    if (ephemeral_order_.size() > known_ephemerals) {
        ephemerals_.erase(ephemeral_order_.front());
        ephemeral_order_.pop_front();
    }
    into.ratchet = std::move(ratchet);
    into.ad_prefix = std::move(prefix);
    into.offered.reset();
    into.answered = true;
    return {};
}

}  // namespace agentmesh::session
