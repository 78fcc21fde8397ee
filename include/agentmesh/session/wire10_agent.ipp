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

// --- own keys -----------------------------------------------------------------------------------------------------

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::save_keys(record_batch& batch, std::optional<std::uint32_t> without) const {
    record::byte_writer to;
    to.raw(prekey_->secret_key().reveal()).u32(next_published_).u32(next_made_);
    to.u32(static_cast<std::uint32_t>(one_time_.size() - (without ? one_time_.count(*without) : 0)));
    for (const auto& [id, pair] : one_time_)
        if (id != without) to.u32(id).raw(pair.secret_key().reveal());
    batch.put(desk_.prefix() + "keys", to.take());
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::read_keys(byte_view bytes) {
    record::byte_reader in{bytes};
    const auto scalar = [&in]() -> std::optional<exchange_key_pair> {
        auto read = exchange_secret_key::from(in.raw(exchange_secret_key::size));
        if (!read) return std::nullopt;
        return exchange_key_pair{std::move(*read)};
    };
    prekey_ = scalar();
    next_published_ = in.u32();
    next_made_ = in.u32();
    for (auto count = in.u32(); in.ok() && count > 0; --count) {
        const auto id = in.u32();
        if (auto pair = scalar()) one_time_.emplace(id, std::move(*pair));
    }
    if (!in.done() || !prekey_) return fail(errc::bad_snapshot, "AM-RAT-031");
    return {};
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::restore(StateStore auto& store, const moment& now, Wire10Sink auto& out) {
    AGENTMESH_TRY(keys, store.load(desk_.prefix() + "keys"));
    if (keys) {
        AGENTMESH_CHECK(read_keys(*keys));
        sodium_memzero(keys->data(), keys->size());
    } else {
        AGENTMESH_TRY(prekey, exchange_key_pair::generate(*random_));
        prekey_ = std::move(prekey);
        for (; next_made_ < one_time_keys; ++next_made_) {
            AGENTMESH_TRY(pair, exchange_key_pair::generate(*random_));
            one_time_.emplace(next_made_, std::move(pair));
        }
        record_batch batch;
        save_keys(batch);
        AGENTMESH_CHECK(dialect::persist(batch, out));
    }
    std::vector<std::pair<std::uint64_t, exchange_public_key>> seen;
    const std::string under = desk_.prefix() + "seen/";
    for (const auto& name : store.names(under)) {
        AGENTMESH_TRY(bytes, store.load(name));
        AGENTMESH_TRY(count, record::read_number(bytes ? byte_view{*bytes} : byte_view{}));
        exchange_public_key key;
        AGENTMESH_CHECK(decode_hex(std::string_view{name}.substr(under.size()), key.storage()));
        seen.emplace_back(count, key);
        ephemeral_count_ = std::max(ephemeral_count_, count);
    }
    std::sort(seen.begin(), seen.end());
    for (const auto& [count, key] : seen) ephemeral_order_.push_back(key), ephemerals_.insert(key);

    AGENTMESH_TRY(lost, desk_.restore(store, now));
    std::vector<mesh_did> peers;
    for (const auto& [peer, held] : desk_.all()) {
        AGENTMESH_TRY(name, mesh_did::parse(peer));
        peers.push_back(name);
        if (held.core.offered) offers_ = std::max(offers_, held.core.offered->number);
    }
    // A state of the past must neither send nor open anything.
    for (const auto& peer : lost) {
        AGENTMESH_TRY(name, mesh_did::parse(peer));
        AGENTMESH_CHECK(end(name, {errc::snapshot_rollback, "AM-RAT-032"}, out));
        out.failed(std::string_view{peer}, error{errc::snapshot_rollback, "AM-RAT-032"});
    }
    for (const auto& peer : peers) deliver(peer, out);
    return {};
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<wire10_bundle> wire10_agent<S, R, P, K>::publish(Wire10Sink auto& out) {
    wire10_bundle made{self_->public_key(), identity_.public_key(), prekey_->public_key(),
                       self_->sign(prekey_->public_key().bytes())};
    if (one_time_.lower_bound(next_published_) == one_time_.end()) {
        if (one_time_.size() >= most_one_time_keys) return made;
        AGENTMESH_TRY(pair, exchange_key_pair::generate(*random_));
        one_time_.emplace(next_made_++, std::move(pair));
    }
    const auto key = one_time_.lower_bound(next_published_);
    next_published_ = key->first + 1;
    record_batch batch;
    save_keys(batch);
    AGENTMESH_CHECK(dialect::persist(batch, out));  // else that key is given to nobody in this run
    made.one_time_id = key->first;
    made.one_time = key->second.public_key();
    return made;
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::note_ephemeral(record_batch& batch, const exchange_public_key& key) const {
    const auto name = [this](const exchange_public_key& one) { return desk_.prefix() + "seen/" + to_hex(one.bytes()); };
    if (ephemerals_.contains(key)) return;
    batch.put(name(key), record::write_number(ephemeral_count_ + 1));
    if (ephemeral_order_.size() >= known_ephemerals) batch.erase(name(ephemeral_order_.front()));
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::noted_ephemeral(const exchange_public_key& key) {
    if (!ephemerals_.insert(key).second) return;
    ++ephemeral_count_;
    ephemeral_order_.push_back(key);
    if (ephemeral_order_.size() <= known_ephemerals) return;
    ephemerals_.erase(ephemeral_order_.front());
    ephemeral_order_.pop_front();
}

// --- texts --------------------------------------------------------------------------------------------------------

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<std::string> wire10_agent<S, R, P, K>::make_id() {
    std::array<std::uint8_t, 16> uuid{};  // RFC 9562, version 4
    AGENTMESH_CHECK(random_->fill(uuid));
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x40);
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | 0x80);
    std::string out = to_hex(uuid);
    for (const std::size_t at : {8u, 13u, 18u, 23u}) out.insert(at, 1, '-');
    return out;
}

/// Makes frames of what was sealed. Their ids need not be secret, only new: they follow from the ciphertext.
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
auto wire10_agent<S, R, P, K>::framer(const mesh_did& peer, const moment& now) {
    return [this, peer, now](const e2ee::ratchet_header& header, byte_view sealed) {
        std::string id = to_hex(byte_view{crypto::sha256(sealed).bytes()}.first(16));
        id[12] = '4';
        id[16] = '8';
        for (const std::size_t at : {8u, 13u, 18u, 23u}) id.insert(at, 1, '-');
        return wire::write_wire10_message(name_, peer, id, header.dh, header.pn, header.n, sealed, now.wall);
    };
}

/// Initiator first in both directions, as deployed. The header follows.
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
buffer wire10_agent<S, R, P, K>::associated(const mesh_did& initiator, const mesh_did& responder,
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

/// A DID is the beginning of an AMID. Of a peer whose signing key nobody knows, the rest is zeros: a name on no list.
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
auto wire10_agent<S, R, P, K>::who_is(const mesh_did& peer, const exchange_public_key& identity) -> caller {
    if (const auto key = known_->signing_key(peer); key && mesh_did::of(*key) == peer) {
        const auto form = crypto::to_x25519(*key);
        return {amid::of(*key), form && *form == identity};
    }
    amid::raw bytes;
    std::copy(peer.bytes().bytes().begin(), peer.bytes().bytes().end(), bytes.storage().begin());
    return {amid::from_raw(bytes), false};
}

// --- commands -----------------------------------------------------------------------------------------------------

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::knock(const mesh_did& peer, const wire10_bundle& bundle, const moment& now,
                                              Wire10Sink auto& out) {
    if (!allows(*policy_, S::id)) return fail(errc::suite_unsupported, "AM-KNK-061");
    AGENTMESH_CHECK(check_wire10_bundle(bundle, peer));
    if (!desk_.has_room(peer.text())) return fail(errc::session_limit);
    auto* held = desk_.find(peer.text());
    // The peer has our word, and is about to speak: two sessions would each take the other's place.
    if (held && held->core.offered && held->core.offered->begun + offer_rest > now.wall)
        return fail(errc::session_limit);
    AGENTMESH_TRY(ephemeral, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(first, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(id, make_id());
    const exchange_public_key* const one_time = bundle.one_time_id ? &bundle.one_time : nullptr;
    AGENTMESH_TRY(root, e2ee::x3dh_initiator<S>(identity_, ephemeral, bundle.identity, bundle.signed_prekey, one_time));
    AGENTMESH_TRY(ratchet, desk::ratchet_type::initiate(std::move(root), std::move(first), bundle.signed_prekey));

    auto step = desk::begin(held);
    const auto text = wire::write_wire10_knock(name_, peer, id, "establish_session",
                                               {identity_.public_key(), ephemeral.public_key(), bundle.one_time_id},
                                               now.wall);
    AGENTMESH_CHECK(desk_.post(held, step, dialect::posted::knock, text));
    desk::unseal(held, step);
    step.ratchet = std::move(ratchet);
    auto& core = step.core;
    core.session = id;
    core.identity = bundle.identity;
    core.signing = bundle.signing;
    core.initiator = true;
    core.answered = false;
    core.bound = true;
    core.held_to = dialect::unlimited;
    core.ad_prefix = associated(name_, peer, identity_.public_key(), bundle.identity);
    core.begun = now.wall;
    core.offered.reset();
    record_batch batch;
    const auto gone = desk_.make_room(batch, peer.text());
    desk_.save(batch, peer.text(), step);
    AGENTMESH_CHECK(dialect::persist(batch, out));
    if (gone) (void)desk_.erased(*gone);
    if (held)  // an earlier KNOCK need not arrive any more
        for (auto& one : held->outbox) one.gone = one.gone || one.kind == dialect::posted::knock;
    desk_.install(peer.text(), std::move(step), now);
    transmit(peer, out);
    return {};
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::send(const mesh_did& peer, std::string_view json, const moment& now,
                                             Wire10Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held || (!held->ratchet && !held->core.offered)) return fail(errc::unknown_session);
    auto step = desk::begin(held);
    AGENTMESH_CHECK(desk_.post(held, step, dialect::posted::message, json));
    ++step.core.sent;
    if (held->is_open()) AGENTMESH_CHECK(desk_.seal(held, step, *random_, framer(peer, now)));
    record_batch batch;
    desk_.sweep(batch, peer.text(), *held);
    desk_.save(batch, peer.text(), step);
    AGENTMESH_CHECK(dialect::persist(batch, out));
    desk_.install(peer.text(), std::move(step), now);
    desk_.swept(peer.text());
    transmit(peer, out);
    return {};
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::close(const mesh_did& peer, Wire10Sink auto& out) {
    if (!desk_.find(peer.text())) return {};
    return end(peer, {errc::session_closed}, out);
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::confirm(const mesh_did& peer, std::string_view id, Wire10Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held) return;
    for (auto& [at, one] : held->inbox)
        if (one.id == id) one.taken = true;
    tidy(peer, out);
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::unpin(const mesh_did& peer, Wire10Sink auto& out) {
    record_batch batch;
    desk_.unpin(batch, peer.text());
    AGENTMESH_CHECK(dialect::persist(batch, out));
    desk_.unpinned(peer.text());
    return {};
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::end(const mesh_did& peer, const error& why, Wire10Sink auto& out) {
    record_batch batch;
    desk_.erase(batch, peer.text(), *desk_.find(peer.text()));
    AGENTMESH_CHECK(dialect::persist(batch, out));
    for (const auto& text : desk_.erased(peer.text())) out.undelivered(peer, byte_view{text}, why);
    return {};
}

// --- events -------------------------------------------------------------------------------------------------------

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::on_open(const moment& now, Wire10Sink auto& out, bool prove) {
    if (prove) out.send_text(wire::write_wire10_connect(*self_, now.wall));
    else out.send_text(wire::write_wire10_simple(wire::wire10_type::connect, name_, now.wall));
    online_ = true;
    std::vector<mesh_did> peers;
    for (const auto& [peer, held] : desk_.all()) peers.push_back(*mesh_did::parse(peer));
    for (const auto& peer : peers) transmit(peer, out);
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::on_text(std::string_view text, const moment& now, Wire10Sink auto& out) {
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

/// @spec AM-KNK-061, AM-KNK-063
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::on_knock(const wire::wire10_frame& frame, const mesh_did& from, const moment& now,
                                         Wire10Sink auto& out) {
    if (dialect::is_flood(*policy_, now)) return out.failed(from.text(), {errc::rate_limited, "AM-POL-001"});
    if (!allows(*policy_, S::id)) return out.failed(from.text(), {errc::suite_unsupported, "AM-KNK-061"});
    if (!allows_unsigned(*policy_)) return out.failed(from.text(), {errc::bad_signature, "AM-KNK-061"});
    // A relay gives a KNOCK again until it knows that it arrived; it is answered once.
    std::string seen{from.text()};
    seen.append(" ").append(frame.id);
    if (std::find(knocks_seen_.begin(), knocks_seen_.end(), seen) != knocks_seen_.end()) return;
    const auto key = [](std::string_view text) {
        return from_base64_exact<exchange_public_key>(text, base64_form::wire10_lenient);
    };
    const auto identity = key(frame.ik), ephemeral = key(frame.ek);
    if (!frame.has_establishment || !identity || !ephemeral) return out.failed(from.text(), {errc::bad_knock, {}});
    auto* held = desk_.find(from.text());
    // Both have knocked: that of the smaller name stands, on both sides.
    if (held && held->is_knocking() && name_ < from) return;
    // A relay may give an old KNOCK a new id; its ephemeral key it cannot change.
    if (ephemerals_.contains(*ephemeral)) return out.failed(from.text(), {errc::knock_replayed, {}});
    const auto asks = who_is(from, *identity);
    if (!asks.bound) {
        if (known_->signing_key(from)) return out.failed(from.text(), {errc::unbound_key, "AM-KNK-063"});
        if (const auto fits = desk_.check_pin(from.text(), *identity); !fits)
            return out.failed(from.text(), fits.error());
    }

    knocks_seen_.push_back(std::move(seen));
    if (knocks_seen_.size() > max_peers) knocks_seen_.pop_front();
    const auto id = make_id();
    if (!id) return out.failed(from.text(), id.error());
    applicant asking{.who = asks.who, .keys_bound = asks.bound, .what = {.category = std::string{frame.intent}},
                     .open_sessions = desk_.open_count(), .now = now};
    asking.suite = S::id;
    asking.is_signed = false;
    if (!policy_->decide(asking).accepted || (!asks.bound && !dialect::allows_unbound(*policy_))) {
        out.send_text(wire::write_wire10_answer(name_, from, *id, frame.id, "policy_denied", now.wall));
        return;
    }
    if (!desk_.has_room(from.text())) return out.failed(from.text(), {errc::session_limit, {}});
    // Anybody can write a KNOCK in this profile: what there is goes on until the new session has proven itself by a
    // message that opens.
    auto step = desk::begin(held);
    auto& open = step.core.offered.emplace();
    open.number = ++offers_;
    open.identity = *identity;
    open.ephemeral = *ephemeral;
    open.one_time = frame.otk;
    open.bound = asks.bound;
    open.begun = now.wall;
    record_batch batch;
    const auto gone = desk_.make_room(batch, from.text());
    desk_.save(batch, from.text(), step);
    if (const auto saved = dialect::persist(batch, out); !saved) {
        knocks_seen_.pop_back();
        return out.failed(from.text(), saved.error());
    }
    if (gone) (void)desk_.erased(*gone);
    desk_.install(from.text(), std::move(step), now);
    out.send_text(wire::write_wire10_answer(name_, from, *id, frame.id, {}, now.wall));
}

// An answer that names no KNOCK of ours, or comes after the first, is nobody's business.
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::on_answer(const wire::wire10_frame& frame, const mesh_did& from, const moment& now,
                                          Wire10Sink auto& out) {
    auto* held = desk_.find(from.text());
    if (!held || !held->is_knocking() || held->core.session != frame.knock_id)
        return out.failed(from.text(), {errc::unknown_session, {}});
    if (frame.type == wire::wire10_type::knock_reject) {
        if (const auto done = end(from, {errc::knock_refused}, out); !done)
            return out.failed(from.text(), done.error());
        return out.refused(from, frame.reason);
    }
    auto step = desk::begin(held);
    step.core.answered = true;
    auto done = desk_.seal(held, step, *random_, framer(from, now));
    record_batch batch;
    if (done) desk_.save(batch, from.text(), step), done = dialect::persist(batch, out);
    if (!done) return out.failed(from.text(), done.error());
    auto& open = desk_.install(from.text(), std::move(step), now);
    for (auto& one : open.outbox) one.gone = one.gone || one.kind == dialect::posted::knock;
    out.opened(from);
    transmit(from, out);
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::on_message(const wire::wire10_frame& frame, const mesh_did& from, const moment& now,
                                           Wire10Sink auto& out) {
    if (frame.plaintext || !frame.has_header) return out.failed(from.text(), {errc::suite_unsupported, {}});
    auto* held = desk_.find(from.text());
    if (!held || (!held->ratchet && !held->core.offered)) return out.failed(from.text(), {errc::unknown_session, {}});
    // What is not acknowledged stays at the relay.
    if (held->inbox.size() >= dialect::most_untaken) return out.failed(from.text(), {errc::session_limit, {}});
    if (dialect::is_over_rate(*policy_, who_is(from, held->core.identity).who, now))
        return out.failed(from.text(), {errc::rate_limited, {}});
    const auto dh = from_base64_exact<exchange_public_key>(frame.header_dh, base64_form::wire10_lenient);
    const auto sealed = from_base64(frame.ciphertext, base64_form::wire10_lenient);
    if (!dh) return out.failed(from.text(), dh.error());
    if (!sealed) return out.failed(from.text(), sealed.error());
    const e2ee::ratchet_header header{*dh, frame.header_pn, frame.header_n};

    auto step = desk::begin(held);
    buffer text;
    result<void> opened = fail(errc::ratchet_not_ready);
    if (step.ratchet) opened = step.ratchet->open(text, header, step.core.ad_prefix, *sealed, *random_);
    const bool is_first = !opened && held->core.offered.has_value();
    const auto offered = is_first ? *held->core.offered : dialect::offer{};
    if (is_first) opened = open_first(step, text, from, header, *sealed);
    if (!opened) {
        // Delivered before, so the relay need not give it again; everything else is kept there.
        if (opened.error().code == errc::duplicate) out.send_text(wire::write_wire10_ack(frame.id));
        return out.failed(from.text(), opened.error());
    }
    record_batch batch;
    if (is_first) {
        desk::unseal(held, step);
        if (const auto done = desk_.seal(held, step, *random_, framer(from, now)); !done)
            return out.failed(from.text(), done.error());
        note_ephemeral(batch, offered.ephemeral);
        if (offered.one_time) save_keys(batch, offered.one_time);
        if (!offered.bound) desk_.pin(batch, from.text(), offered.identity);
    }
    (void)desk::arrive(step, std::string{frame.id}, text);
    sodium_memzero(text.data(), text.size());
    desk_.sweep(batch, from.text(), *held);
    desk_.save(batch, from.text(), step);
    if (const auto saved = dialect::persist(batch, out); !saved) return out.failed(from.text(), saved.error());
    if (is_first) {
        if (offered.one_time) one_time_.erase(*offered.one_time);
        noted_ephemeral(offered.ephemeral);
        if (!offered.bound) desk_.pinned(from.text(), offered.identity);
    }
    auto& kept = desk_.install(from.text(), std::move(step), now);
    if (is_first)
        for (auto& one : kept.outbox) one.gone = one.gone || one.kind == dialect::posted::knock;
    desk_.swept(from.text());
    if (is_first) out.opened(from);
    out.send_text(wire::write_wire10_ack(frame.id));
    deliver(from, out);
    transmit(from, out);
}

/// The KNOCK is proven by the first message that opens. Only then is its one-time key gone, and only then does the new
/// session take the place of an older one.
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
result<void> wire10_agent<S, R, P, K>::open_first(draft& step, buffer& text, const mesh_did& from,
                                                   const e2ee::ratchet_header& header, byte_view sealed) {
    const auto offered = *step.core.offered;
    const exchange_key_pair* one_time = nullptr;
    if (offered.one_time) {
        const auto found = one_time_.find(*offered.one_time);
        if (found == one_time_.end()) return fail(errc::unknown_prekey);
        one_time = &found->second;
    }
    if (!offered.bound) AGENTMESH_CHECK(desk_.check_pin(from.text(), offered.identity));
    AGENTMESH_TRY(root, e2ee::x3dh_responder<S>(identity_, *prekey_, one_time, offered.identity, offered.ephemeral));
    exchange_key_pair own{prekey_->secret_key().fork()};
    auto ratchet = desk::ratchet_type::respond(std::move(root), std::move(own));
    auto prefix = associated(from, name_, offered.identity, identity_.public_key());
    AGENTMESH_CHECK(ratchet.open(text, header, prefix, sealed, *random_));
    step.ratchet = std::move(ratchet);
    auto& core = step.core;
    core.session.clear();
    core.identity = offered.identity;
    core.initiator = false;
    core.answered = true;
    core.bound = offered.bound;
    core.held_to = dialect::unlimited;
    core.ad_prefix = std::move(prefix);
    core.offered.reset();
    return {};
}

/// Handed to a connection that stands: gone. It is erased with the next batch, and sent again if there is none.
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::transmit(const mesh_did& peer, Wire10Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held || !online_) return;
    for (auto& one : held->outbox) {
        if (one.gone) continue;
        if (one.frame.empty()) return;  // and what is behind it waits too
        out.send_text(std::string_view{one.frame});
        one.handed = one.gone = true;
    }
}

template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::deliver(const mesh_did& peer, Wire10Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held) return;
    for (auto& [at, one] : held->inbox) {
        if (one.given) continue;
        one.given = true;
        one.taken = out.received(peer, std::string_view{one.id}, byte_view{one.text});
    }
    tidy(peer, out);
}

/// If this cannot be saved, the records go with a later batch, or what they hold is given once more.
template <class S, RandomSource R, PolicySource P, KnownDids K>
    requires(e2ee::X3dhSuite<S> && S::binds_header)
void wire10_agent<S, R, P, K>::tidy(const mesh_did& peer, Wire10Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held) return;
    record_batch batch;
    desk_.sweep(batch, peer.text(), *held);
    if (!batch.empty() && dialect::persist(batch, out)) desk_.swept(peer.text());
}

}  // namespace agentmesh::session
