// Bodies of session/v02_agent.hpp.
#pragma once

namespace agentmesh::session {

inline result<e2ee::deployed_bundle> v02_bundle(const local_identity& self, const e2ee::prekey_store& prekeys,
                                                std::optional<std::uint32_t> one_time) {
    AGENTMESH_TRY(own, prekeys.bundle(e2ee::identity_card::make(self, 0), one_time));
    e2ee::deployed_bundle out{.identity = self.exchange().public_key(), .signed_id = own.signed_key.id,
                              .signed_key = own.signed_key.key,
                              .proof = self.signing().sign(own.signed_key.key.bytes())};
    if (own.one_time) out.one_time = e2ee::deployed_one_time{own.one_time->id, own.one_time->key};
    return out;
}

// --- texts ----------------------------------------------------------------------------------------------------

template <RandomSource R, PolicySource P, KnownSigners K>
result<std::string> v02_agent<R, P, K>::new_session_name() {
    std::array<std::uint8_t, 16> bytes{};
    AGENTMESH_CHECK(random_->fill(bytes));
    return "session_" + to_hex(bytes);
}

/// The envelope of the JavaScript SDK. @spec AM-RAT-060
template <RandomSource R, PolicySource P, KnownSigners K>
auto v02_agent<R, P, K>::framer(const std::string& session) const {
    return [session](const e2ee::ratchet_header& header, byte_view sealed) {
        std::string out;
        json::writer to{out};
        to.begin_object().member("session_id", std::string_view{session}).member("type", "encrypted");
        to.name("header").begin_object().member("dh_public_key", identity::to_text(header.dh));
        to.member("pn", header.pn).member("n", header.n).end_object();
        to.member("ciphertext", std::string_view{to_base64(sealed, base64_form::standard_padded)}).end_object();
        return out;
    };
}

/// The session's name in it is the peer's own, and unauthenticated: nothing depends on it.
/// @spec   AM-RAT-061
template <RandomSource R, PolicySource P, KnownSigners K>
auto v02_agent<R, P, K>::read_frame(std::string_view payload) -> result<message_parts> {
    constexpr clause_id clause = "AM-RAT-061";
    message_parts out;
    bool has_dh = false, has_pn = false, has_n = false, has_text = false, encrypted = false;
    json::reader in{payload, {.bytes = limits::payload_bytes}};
    const auto number = [&](std::uint32_t& into) {
        const auto value = in.number(clause).integer();
        if (!value || *value < 0 || *value > 0xffff'ffff) return in.refuse(errc::wrong_member, clause), false;
        into = static_cast<std::uint32_t>(*value);
        return true;
    };
    in.begin_object(clause);
    while (const auto name = in.next_member()) {
        if (*name == "type") {
            encrypted = in.string(clause).text() == "encrypted";
        } else if (*name == "ciphertext") {
            auto sealed = from_base64(in.string(clause).text(), base64_form::standard_padded);
            if (sealed) out.sealed = std::move(*sealed), has_text = true;
            else in.refuse(sealed.error().code, clause);
        } else if (*name == "header") {
            in.begin_object(clause);
            while (const auto inner = in.next_member()) {
                if (*inner == "pn") has_pn = number(out.header.pn);
                else if (*inner == "n") has_n = number(out.header.n);
                else if (*inner == "dh_public_key") {
                    const auto key = identity::parse_exchange_key(in.string(clause).text());
                    if (key) out.header.dh = *key, has_dh = true;
                    else in.refuse(key.error().code, clause);
                }
            }
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!encrypted) return fail(errc::suite_unsupported, clause);
    if (!has_dh || !has_pn || !has_n || !has_text) return fail(errc::missing_member, clause);
    return out;
}

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::drop(const amid& from, const error& why, V02Sink auto& out) {
    out.failed(from, why);
    return {};
}

// --- commands -------------------------------------------------------------------------------------------------

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::check_wish(const amid& peer, const intent& what, const session_request& asked) const {
    if (!allows(*policy_, suite::id)) return fail(errc::suite_unsupported, "AM-KNK-061");
    if (!dialect::allows_unbound(*policy_)) return fail(errc::unbound_key, "AM-KNK-061");
    const bool in_range = asked.ttl_seconds >= 1 && asked.ttl_seconds <= knock_largest_limit &&
                          asked.expected_messages >= 1 && asked.expected_messages <= knock_largest_limit;
    if (!v02::words::fits(what) || !in_range) return fail(errc::wrong_member);
    if (peer == self_->name()) return fail(errc::unknown_recipient);
    return {};
}

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::knock(const amid& peer, const signing_public_key& key,
                                       const e2ee::deployed_bundle& bundle, const intent& what,
                                       const session_request& asked, const moment& now, V02Sink auto& out,
                                       bool optimistic, const exchange_public_key* ratchet) {
    AGENTMESH_CHECK(check_wish(peer, what, asked));
    AGENTMESH_CHECK(identity::check_amid(peer, key));
    AGENTMESH_CHECK(e2ee::check_v02_bundle(bundle, key));
    AGENTMESH_CHECK(desk_.check_pin(peer.text(), bundle.identity));
    auto* held = desk_.find(peer.text());
    if (held && held->is_knocking() && held->ends > now.steady) return fail(errc::session_limit);
    // The peer has our word, and is about to speak: two sessions would each take the other's place.
    if (held && held->core.offered && held->core.offered->begun + options_.knock_timeout > now.wall)
        return fail(errc::session_limit);
    if (!desk_.has_room(peer.text())) return fail(errc::session_limit);

    AGENTMESH_TRY(ephemeral, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(own, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(session, new_session_name());
    knock_nonce nonce;
    AGENTMESH_CHECK(random_->fill(nonce.storage()));
    const auto* one_time = bundle.one_time ? &bundle.one_time->key : nullptr;
    AGENTMESH_TRY(root, e2ee::x3dh_initiator<suite>(self_->exchange(), ephemeral, bundle.identity, bundle.signed_key,
                                                    one_time));
    v02::x3dh_message keys{self_->exchange().public_key(), ephemeral.public_key(), bundle.signed_id};
    if (bundle.one_time) keys.one_time_prekey = bundle.one_time->id;
    AGENTMESH_TRY(begun, desk::ratchet_type::initiate(std::move(root), std::move(own),
                                                 ratchet ? *ratchet : bundle.signed_key));

    auto step = desk::begin(held);
    const auto text = v02::write_knock(peer, what, asked, options_.own_tier, nonce, now.wall, self_->signing(), &keys);
    AGENTMESH_CHECK(desk_.post(held, step, dialect::posted::knock, text));
    desk::unseal(held, step);
    step.ratchet = std::move(begun);
    auto& core = step.core;
    core.session = std::move(session);
    core.nonce = to_hex(nonce.bytes());
    core.identity = bundle.identity;
    core.signing = key;
    core.initiator = true;
    core.answered = false;
    core.offered.reset();
    core.optimistic = optimistic;
    core.what = what;
    core.asked = asked;
    core.held_to = narrowed({.max_messages = knock_largest_limit, .ttl_seconds = knock_largest_limit}, asked);
    core.begun = now.wall;
    core.ends = now.wall + options_.knock_timeout;
    core.sent = core.received = 0;
    const auto waits = [](const dialect::outgoing& one) {
        return one.kind == dialect::posted::message && one.frame.empty();
    };
    core.sent = static_cast<std::uint32_t>(std::count_if(step.posted.begin(), step.posted.end(), waits));
    if (held) core.sent += static_cast<std::uint32_t>(std::count_if(held->outbox.begin(), held->outbox.end(), waits));
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

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::send(const amid& peer, std::string_view json, const moment& now, V02Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held || (!held->ratchet && !held->core.offered)) return fail(errc::unknown_session);
    if (held->ratchet && held->ends <= now.steady) return fail(errc::session_expired, "AM-KNK-032");
    const auto& limits = held->ratchet || !held->core.offered ? held->core.held_to : held->core.offered->held_to;
    if (held->core.sent >= limits.max_messages) return fail(errc::session_expired, "AM-KNK-032");
    if (json.size() > std::min<std::size_t>(limits.max_message_size_bytes, largest_text))
        return fail(errc::message_too_large, "AM-KNK-032");

    auto step = desk::begin(held);
    AGENTMESH_CHECK(desk_.post(held, step, dialect::posted::message, json));
    ++step.core.sent;
    std::size_t early = 0, size = json.size(), waiting = 0;
    for (const auto& one : held->outbox) {
        if (one.kind != dialect::posted::message) continue;
        if (one.frame.empty()) ++waiting;
        else ++early, size += one.plain.size();
    }
    // Early frames keep the order of sending: none leaves once another waits.
    const bool leaves_early = held->is_knocking() && held->core.optimistic && waiting == 0 && early < early_frames &&
                              size <= early_bytes;
    if (held->is_open() || leaves_early)
        AGENTMESH_CHECK(desk_.seal(held, step, *random_, framer(step.core.session)));
    record_batch batch;
    desk_.sweep(batch, peer.text(), *held);
    desk_.save(batch, peer.text(), step);
    AGENTMESH_CHECK(dialect::persist(batch, out));
    desk_.install(peer.text(), std::move(step), now);
    desk_.swept(peer.text());
    transmit(peer, out);
    return {};
}

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::close(const amid& peer, const moment& now, V02Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held || (!held->ratchet && !held->core.offered)) return fail(errc::unknown_session);
    if (held->is_open() && held->ends > now.steady) {
        auto step = desk::begin(held);
        AGENTMESH_CHECK(desk_.post(held, step, dialect::posted::close, R"({"type":"close","reason":"completed"})"));
        AGENTMESH_CHECK(desk_.seal(held, step, *random_, framer(step.core.session)));
        record_batch batch;
        desk_.save(batch, peer.text(), step);
        AGENTMESH_CHECK(dialect::persist(batch, out));
        desk_.install(peer.text(), std::move(step), now);
        transmit(peer, out);
    }
    return end(peer, {errc::session_closed}, now, out);
}

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::confirm(const amid& peer, std::string_view id, V02Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held) return fail(errc::unknown_session);
    for (auto& [at, one] : held->inbox)
        if (one.id == id) one.taken = true;
    tidy(peer, out);
    return {};
}

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::unpin(const amid& peer, V02Sink auto& out) {
    record_batch batch;
    desk_.unpin(batch, peer.text());
    AGENTMESH_CHECK(dialect::persist(batch, out));
    desk_.unpinned(peer.text());
    return {};
}

// --- KNOCK ----------------------------------------------------------------------------------------------------

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::on_message(const amid& from, wire::message_type type, std::string_view payload,
                                            const moment& now, V02Sink auto& out) {
    using kind = wire::message_type;
    if (from == self_->name()) return drop(from, {errc::bad_knock}, out);
    if (payload.size() > limits::payload_bytes) return drop(from, {errc::too_large}, out);
    switch (type) {
        case kind::knock: return on_knock(from, payload, now, out);
        case kind::accept: return on_answer(from, true, payload, now, out);
        case kind::reject: return on_answer(from, false, payload, now, out);
        case kind::status: return drop(from, {errc::unknown_type}, out);
        default: return on_frame(from, type, payload, now, out);
    }
}

/// In the order of the ruling: flood, then what the KNOCK proves of itself, then the owner's rules. Until the
/// signature has verified nothing is believed, written or said.
/// @spec AM-KNK-061, AM-KNK-062, AM-KNK-063
template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::on_knock(const amid& from, std::string_view payload, const moment& now,
                                          V02Sink auto& out) {
    if (dialect::is_flood(*policy_, now)) return drop(from, {errc::rate_limited, "AM-POL-001"}, out);
    if (!allows(*policy_, suite::id)) return drop(from, {errc::suite_unsupported, "AM-KNK-061"}, out);
    const auto key = known_->signing_key(from);
    if (!key) return drop(from, {errc::unknown_peer}, out);
    const auto asked = v02::read_knock(payload, self_->name(), *key, now.wall);
    if (!asked) return drop(from, asked.error(), out);
    if (asked->from != from) return drop(from, {errc::bad_knock, "AM-KNK-042"}, out);
    const auto text = crypto::sha256(as_bytes(payload));
    if (const auto seen = knocks_.find(asked->replay); seen != knocks_.end()) {
        if (seen->second.text == text) return reply(seen->second, out);  // the same answer to the same question
        return drop(from, {errc::knock_replayed, "AM-KNK-062"}, out);
    }
    const auto of_peer = static_cast<std::size_t>(std::count_if(
        knocks_.begin(), knocks_.end(), [&](const auto& one) { return one.second.from == from; }));
    if (knocks_.size() >= options_.known_knocks || of_peer >= options_.known_knocks_a_peer)
        return drop(from, {errc::session_limit, "AM-KNK-062"}, out);
    if (asked->keys)  // a relay can put in other keys, so they cost the true KNOCK nothing
        if (const auto fits = desk_.check_pin(from.text(), asked->keys->identity); !fits)
            return drop(from, fits.error(), out);
    auto* held = desk_.find(from.text());
    // Both have knocked: that of the smaller name stands, on both sides.
    // Also if the other comes late: what the peer wrote before it answered us has crossed.
    const bool crossed = held && (held->is_knocking() ? held->ends > now.steady
                                                      : held->is_open() && held->core.initiator &&
                                                            asked->sent <= held->core.accepted);
    if (crossed && self_->name() < from) return drop(from, {errc::duplicate, "AM-KNK-028"}, out);

    AGENTMESH_TRY(answer, judge(*asked, now, out));
    answered_knock known{.from = from, .text = text, .accepted = answer.accepted};
    known.forget_after = asked->sent + limits::proof_max_age + duration{1};
    known.forget_at = now.steady + std::max(known.forget_after - now.wall, duration{0});
    record_batch batch;
    auto step = desk::begin(held);
    std::optional<std::string> gone;
    if (answer.accepted) {
        AGENTMESH_TRY(session, new_session_name());
        auto& open = step.core.offered.emplace();
        open.number = ++offers_;
        open.identity = asked->keys->identity;
        open.ephemeral = asked->keys->ephemeral;
        open.one_time = asked->keys->one_time_prekey;
        open.signed_id = asked->keys->signed_prekey;
        open.session = std::move(session);
        open.what = asked->what;
        open.asked = asked->asked;
        open.held_to = narrowed(answer.held_to, asked->asked);
        open.begun = now.wall;
        open.ends = now.wall + std::chrono::seconds{open.held_to.ttl_seconds};
        known.reply = v02::write_accept(from, open.session, open.held_to, now.wall, self_->signing());
        gone = desk_.make_room(batch, from.text());
        desk_.save(batch, from.text(), step);
    } else {
        known.reply = v02::write_reject(from, answer.told, now.wall, self_->signing());
    }
    record::byte_writer to;
    to.raw(known.from.bytes().bytes()).raw(known.text.bytes()).flag(known.accepted).time(known.forget_after);
    batch.put("v02/knock/" + to_hex(asked->replay.bytes()), to.text(known.reply).take());
    AGENTMESH_CHECK(dialect::persist(batch, out));
    if (gone) (void)desk_.erased(*gone);
    if (answer.accepted) desk_.install(from.text(), std::move(step), now);
    const auto& kept = knocks_.insert_or_assign(asked->replay, std::move(known)).first->second;
    const auto sent = reply(kept, out);
    if (kept.accepted) release(from, now, out);
    else held_.erase(from);
    return sent;
}

/// What becomes of an authentic KNOCK: the owner's rules, and then whether there are keys and room for a session.
template <RandomSource R, PolicySource P, KnownSigners K>
result<verdict> v02_agent<R, P, K>::judge(const v02::knock& asked, const moment& now, V02Sink auto& out) {
    applicant asking{.who = asked.from, .keys_bound = false, .what = asked.what, .asked = asked.asked,
                     .open_sessions = desk_.open_count(), .now = now};
    asking.suite = suite::id;
    auto answer = policy_->decide(asking);
    if (answer.accepted && !dialect::allows_unbound(*policy_)) answer = verdict::deny(deny_reason::insufficient_trust);
    if (!answer.accepted) {
        out.denied(asked.from, answer.why);
        return answer;
    }
    const auto usable = [&]() -> result<void> {
        if (!asked.keys) return fail(errc::no_common_suite, "AM-KNK-060");
        AGENTMESH_TRY(prekey, prekeys_->find_signed(asked.keys->signed_prekey, now.wall));
        (void)prekey;
        if (asked.keys->one_time_prekey) {
            AGENTMESH_TRY(one_time, prekeys_->find_one_time(*asked.keys->one_time_prekey));
            (void)one_time;
        }
        if (!desk_.has_room(asked.from.text())) return fail(errc::session_limit);
        return {};
    }();
    if (usable) return answer;
    out.failed(asked.from, usable.error());
    return verdict::deny(deny_reason::rejected);
}

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::reply(const answered_knock& known, V02Sink auto& out) {
    const auto type = known.accepted ? wire::message_type::accept : wire::message_type::reject;
    AGENTMESH_TRY(receipt, out.send(known.from, std::string_view{known.reply}, type));
    (void)receipt;  // if the relay loses it, the KNOCK comes again
    return {};
}

/// An answer in the Python dialect names no KNOCK, so an old one could be given for it: its time must be that of ours.
/// @spec AM-KNK-064
template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::on_answer(const amid& from, bool accepted, std::string_view payload,
                                           const moment& now, V02Sink auto& out) {
    auto* held = desk_.find(from.text());
    if (!held || !held->is_knocking() || held->ends <= now.steady)
        return drop(from, {errc::unknown_session, "AM-KNK-064"}, out);
    const auto& core = held->core;
    const auto of_now = [&](const std::optional<time_point>& sent) {
        return sent && *sent + limits::proof_max_lead >= core.begun && now.wall - *sent <= limits::proof_max_age &&
               *sent - now.wall <= limits::proof_max_lead;
    };
    if (!accepted) {
        const auto no = v02::read_reject(payload, self_->name(), core.signing, core.nonce);
        if (!no) return drop(from, no.error(), out);
        if (!of_now(no->sent)) return drop(from, {errc::knock_stale, "AM-KNK-064"}, out);
        return end(from, {errc::knock_refused}, now, out, true, no->reason);
    }
    const auto yes = v02::read_accept(payload, self_->name(), core.signing, core.nonce);
    if (!yes) return drop(from, yes.error(), out);
    if (!of_now(yes->sent)) return drop(from, {errc::knock_stale, "AM-KNK-064"}, out);
    if (yes->session.size() > 2 * knock_word_length) return drop(from, {errc::wrong_member, "AM-KNK-041"}, out);
    return on_accept(from, *held, *yes, now, out);
}

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::on_accept(const amid& from, const conversation& held, const v02::accept& answer,
                                           const moment& now, V02Sink auto& out) {
    auto step = desk::begin(&held);
    auto& core = step.core;
    core.answered = true;
    core.accepted = answer.sent.value_or(time_point{});
    core.session = answer.session;
    core.held_to = narrowed(answer.held_to, core.asked);  // nobody signed them: they can only take away
    core.ends = now.wall + std::chrono::seconds{core.held_to.ttl_seconds};
    AGENTMESH_CHECK(desk_.seal(&held, step, *random_, framer(core.session)));
    record_batch batch;
    desk_.save(batch, from.text(), step);
    AGENTMESH_CHECK(dialect::persist(batch, out));
    const auto dropped = step.dropped;
    auto& open = desk_.install(from.text(), std::move(step), now);
    for (auto& one : open.outbox)
        if (one.kind == dialect::posted::knock) one.gone = true;
    out.opened(info_of(from, open.core));
    report(from, dropped, out);
    transmit(from, out);
    tidy(from, out);
    release(from, now, out);
    return {};
}

// --- messages -------------------------------------------------------------------------------------------------

/// @spec AM-RAT-061, AM-KNK-032
template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::on_frame(const amid& from, wire::message_type type, std::string_view payload,
                                          const moment& now, V02Sink auto& out) {
    auto* held = desk_.find(from.text());
    if (!held || !(held->is_open() || held->core.offered)) {
        // Overtook the KNOCK, or the ACCEPT of ours.
        const bool waits = held ? held->is_knocking() : type == wire::message_type::optimistic_message;
        if (!waits) return drop(from, {errc::unknown_session}, out);
        return hold(from, payload, now, out);
    }
    if (held->inbox.size() >= dialect::most_untaken) return fail(errc::session_limit);
    if (dialect::is_over_rate(*policy_, from, now)) return fail(errc::rate_limited);
    const auto parts = read_frame(payload);
    if (!parts) return drop(from, parts.error(), out);

    auto step = desk::begin(held);
    buffer text;
    result<void> opened = fail(errc::ratchet_not_ready);
    if (held->is_open())
        opened = held->ends <= now.steady ? fail(errc::session_expired, "AM-KNK-032")
                                          : step.ratchet->open(text, parts->header, {}, parts->sealed, *random_);
    const bool is_first = !opened && held->core.offered.has_value();
    const bool spends = is_first && held->core.offered->one_time.has_value();
    const std::uint32_t one_time = spends ? *held->core.offered->one_time : 0;
    if (is_first) opened = open_first(step, text, *parts, from, now);
    if (!opened) {
        if (opened.error().code == errc::random_failed) return opened;
        return drop(from, opened.error(), out);
    }
    const auto& limits = step.core.held_to;
    if (step.core.received >= limits.max_messages) return drop(from, {errc::session_expired, "AM-KNK-032"}, out);
    if (text.size() > limits.max_message_size_bytes) return drop(from, {errc::message_too_large, "AM-KNK-032"}, out);

    record_batch batch;
    if (is_first) {
        desk::unseal(held, step);
        AGENTMESH_CHECK(desk_.seal(held, step, *random_, framer(step.core.session)));
        if (spends) {
            AGENTMESH_TRY(erasure, prekeys_->spend(one_time));
            batch.changes().push_back(erasure);
        }
    }
    const auto identity = step.core.identity;
    (void)desk::arrive(step, to_hex(byte_view{crypto::sha256(as_bytes(payload)).bytes()}.first(16)), text);
    desk_.pin(batch, from.text(), identity);
    desk_.sweep(batch, from.text(), *held);
    desk_.save(batch, from.text(), step);
    AGENTMESH_CHECK(dialect::persist(batch, out));

    if (spends) (void)prekeys_->forget(one_time);
    desk_.pinned(from.text(), identity);
    const auto dropped = step.dropped;
    auto& kept = desk_.install(from.text(), std::move(step), now);
    if (is_first)
        for (auto& one : kept.outbox) one.gone = one.gone || one.kind == dialect::posted::knock;
    desk_.swept(from.text());
    if (is_first) out.opened(info_of(from, kept.core));
    report(from, dropped, out);
    const auto said = dialect::peek_type(text);
    sodium_memzero(text.data(), text.size());
    deliver(from, out);
    if (said == "close") return end(from, {errc::session_closed}, now, out);
    transmit(from, out);
    return {};
}

/// The KNOCK is proven by the first message that opens. Only then is its one-time key gone, and only then does the new
/// session take the place of an older one.
template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::open_first(draft& step, buffer& text, const message_parts& parts, const amid& from,
                                            const moment& now) {
    const auto offered = *step.core.offered;
    if (offered.ends <= now.wall) return fail(errc::session_expired, "AM-KNK-032");
    AGENTMESH_CHECK(desk_.check_pin(from.text(), offered.identity));
    AGENTMESH_TRY(prekey, prekeys_->find_signed(offered.signed_id, now.wall));
    const exchange_key_pair* one_time = nullptr;
    if (offered.one_time) {
        AGENTMESH_TRY(named, prekeys_->find_one_time(*offered.one_time));
        one_time = &named->pair;
    }
    AGENTMESH_TRY(root, e2ee::x3dh_responder<suite>(self_->exchange(), prekey->pair, one_time, offered.identity,
                                                    offered.ephemeral));
    exchange_key_pair own{prekey->pair.secret_key().fork()};
    auto ratchet = desk::ratchet_type::respond(std::move(root), std::move(own), offered.ephemeral);
    AGENTMESH_CHECK(ratchet.open(text, parts.header, {}, parts.sealed, *random_));
    step.ratchet = std::move(ratchet);
    auto& core = step.core;
    core.session = offered.session;
    core.nonce.clear();
    core.identity = offered.identity;
    core.initiator = false;
    core.answered = true;
    core.optimistic = false;
    core.what = offered.what;
    core.asked = offered.asked;
    core.held_to = offered.held_to;
    core.begun = now.wall;
    core.ends = offered.ends;
    core.sent = core.received = 0;
    core.offered.reset();
    return {};
}

/// Messages that overtook a KNOCK or an ACCEPT wait for it, in memory. @spec AM-KNK-027
template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::hold(const amid& from, std::string_view payload, const moment& now,
                                      V02Sink auto& out) {
    const error full{errc::session_limit, "AM-KNK-027"};
    const auto known = held_.find(from);
    if (known == held_.end()) {
        if (held_.size() >= options_.held_peers || !allows(*policy_, suite::id)) return drop(from, full, out);
        held_[from].until = now.steady + options_.knock_timeout;
    }
    auto& waiting = held_[from];
    if (std::find(waiting.frames.begin(), waiting.frames.end(), payload) != waiting.frames.end()) return {};
    if (waiting.frames.size() >= early_frames || waiting.bytes + payload.size() > early_bytes) {
        if (desk_.find(from.text())) return fail(full);  // it comes again once the ACCEPT is here
        return drop(from, full, out);
    }
    waiting.frames.emplace_back(payload);
    waiting.bytes += payload.size();
    return {};
}

template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::release(const amid& from, const moment& now, V02Sink auto& out) {
    const auto found = held_.find(from);
    if (found == held_.end()) return;
    const auto waiting = std::move(found->second);
    held_.erase(found);
    for (const auto& one : waiting.frames)
        if (const auto done = on_frame(from, wire::message_type::message, one, now, out); !done)
            out.failed(from, done.error());
}

template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::transmit(const amid& peer, V02Sink auto& out) {
    using dialect::posted;
    auto* held = desk_.find(peer.text());
    if (!held) return;
    for (auto& one : held->outbox) {
        if (one.handed || one.gone) continue;
        if (one.frame.empty()) return;  // and what is behind it waits too
        const auto type = one.kind == posted::knock   ? wire::message_type::knock
                          : one.kind == posted::close ? wire::message_type::close
                          : one.early                 ? wire::message_type::optimistic_message
                                                      : wire::message_type::message;
        auto sent = out.send(peer, std::string_view{one.frame}, type);
        if (!sent) return;  // on_ready
        one.handed = true;
        one.receipt = std::move(*sent);
        one.gone = one.receipt.empty();
    }
}

template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::deliver(const amid& peer, V02Sink auto& out) {
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
template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::tidy(const amid& peer, V02Sink auto& out) {
    auto* held = desk_.find(peer.text());
    if (!held) return;
    record_batch batch;
    desk_.sweep(batch, peer.text(), *held);
    if (!batch.empty() && dialect::persist(batch, out)) desk_.swept(peer.text());
}

template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::on_taken(std::string_view receipt, V02Sink auto& out) {
    if (receipt.empty()) return;
    for (auto& [peer, held] : desk_.all()) {
        for (auto& one : held.outbox) {
            if (one.receipt != receipt) continue;
            one.gone = true;
            return tidy(*amid::parse(peer), out);
        }
    }
}

template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::on_refused(std::string_view receipt, const error& why, V02Sink auto& out) {
    if (receipt.empty()) return;
    for (auto& [peer, held] : desk_.all()) {
        for (auto& one : held.outbox) {
            if (one.receipt != receipt || one.gone) continue;
            const auto name = *amid::parse(peer);
            one.gone = true;
            one.early = false;
            if (one.kind == dialect::posted::message) out.undelivered(name, byte_view{one.plain}, why);
            else if (one.kind == dialect::posted::knock && held.is_knocking()) held.ends = steady_point::min();
            return tidy(name, out);  // a KNOCK that did not arrive has timed out with the next tick
        }
    }
}

template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::on_ready(V02Sink auto& out) {
    for (const auto& [peer, held] : desk_.all()) transmit(*amid::parse(peer), out);
}

// --- ends -----------------------------------------------------------------------------------------------------

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::end(const amid& peer, const error& why, const moment& now, V02Sink auto& out,
                                     bool refused, std::string_view word) {
    auto* held = desk_.find(peer.text());
    const std::string said{word};
    const bool was_open = held->ratchet.has_value();
    record_batch batch;
    desk_.erase(batch, peer.text(), *held);
    if (const auto saved = dialect::persist(batch, out); !saved) {
        held->ends = std::min(held->ends, now.steady + std::chrono::seconds{1});  // until then the store may recover
        return saved;
    }
    const auto left = desk_.erased(peer.text());
    if (refused) out.refused(peer, std::string_view{said}, why);
    else if (was_open) out.closed(peer, why);
    for (const auto& text : left) out.undelivered(peer, byte_view{text}, why);
    return {};
}

/// Texts that waited, and for which the session that came has no room.
template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::report(const amid& peer, const std::vector<dialect::outgoing>& dropped, V02Sink auto& out) {
    for (const auto& one : dropped)
        out.undelivered(peer, byte_view{one.plain}, error{errc::session_expired, "AM-KNK-032"});
}

template <RandomSource R, PolicySource P, KnownSigners K>
void v02_agent<R, P, K>::on_tick(const moment& now, V02Sink auto& out) {
    std::vector<std::pair<std::string, bool>> over;  // and whether it was knocking
    std::vector<std::string> offers;
    for (auto& [peer, held] : desk_.all()) {
        if (held.ratchet && held.ends <= now.steady) {
            if (held.is_knocking() && held.core.offered) held.ends = steady_point::max();  // theirs decides
            else over.emplace_back(peer, held.is_knocking());
        } else if (held.core.offered && held.core.offered->ends <= now.wall && !held.is_open()) {
            offers.push_back(peer);
        }
    }
    for (const auto& [peer, knocking] : over)
        (void)end(*amid::parse(peer), {knocking ? errc::knock_timed_out : errc::session_expired}, now, out, knocking);
    for (const auto& peer : offers) (void)end(*amid::parse(peer), {errc::session_expired}, now, out);
    std::erase_if(held_, [&](const auto& one) { return one.second.until <= now.steady; });

    record_batch batch;
    std::vector<sha256_digest> forgotten;
    for (auto& [hash, one] : knocks_) {
        // By both clocks, so that one that jumps ahead does not let an old KNOCK in again.
        if (one.forget_at > now.steady) continue;
        if (one.forget_after > now.wall) {
            one.forget_at = now.steady + std::min(one.forget_after - now.wall, duration{std::chrono::minutes{7}});
            continue;
        }
        forgotten.push_back(hash);
        batch.erase("v02/knock/" + to_hex(hash.bytes()));
    }
    if (dialect::persist(batch, out))
        for (const auto& hash : forgotten) knocks_.erase(hash);
    else
        for (const auto& hash : forgotten) knocks_.at(hash).forget_at = now.steady + std::chrono::seconds{1};
}

template <RandomSource R, PolicySource P, KnownSigners K>
std::optional<steady_point> v02_agent<R, P, K>::next_deadline() const noexcept {
    auto next = desk_.next_end();
    for (const auto& [hash, one] : knocks_) next = std::min(next, one.forget_at);
    for (const auto& [peer, one] : held_) next = std::min(next, one.until);
    if (next == steady_point::max()) return std::nullopt;
    return next;
}

template <RandomSource R, PolicySource P, KnownSigners K>
std::optional<v02_info> v02_agent<R, P, K>::find(const amid& peer) const {
    const auto* held = desk_.find(peer.text());
    if (!held || !held->ratchet) return std::nullopt;
    return info_of(peer, held->core);
}

template <RandomSource R, PolicySource P, KnownSigners K>
v02_info v02_agent<R, P, K>::info_of(const amid& peer, const dialect::conversation_core& core) {
    return {.peer = peer, .session = core.session, .initiator = core.initiator, .what = core.what, .asked = core.asked,
            .held_to = core.held_to, .expires = core.ends, .sent = core.sent, .received = core.received,
            .identity = core.identity};
}

// --- restart --------------------------------------------------------------------------------------------------

template <RandomSource R, PolicySource P, KnownSigners K>
result<void> v02_agent<R, P, K>::restore(StateStore auto& store, const moment& now, V02Sink auto& out) {
    AGENTMESH_TRY(lost, desk_.restore(store, now));
    for (const auto& name : store.names("v02/knock/")) {
        AGENTMESH_TRY(bytes, store.load(name));
        record::byte_reader in{bytes ? byte_view{*bytes} : byte_view{}};
        const auto from = in.fixed<amid::raw>();
        answered_knock one{.from = amid::from_raw(from), .text = in.fixed<sha256_digest>(), .accepted = in.flag()};
        one.forget_after = in.time();
        one.reply = in.text();
        sha256_digest hash;
        if (!in.done() || !decode_hex(std::string_view{name}.substr(10), hash.storage()))
            return fail(errc::bad_snapshot, "AM-RAT-031");
        // The clock of a machine that has just started may be wrong.
        one.forget_at = now.steady + limits::proof_max_age + limits::proof_max_lead + duration{1};
        knocks_.insert_or_assign(hash, std::move(one));
    }
    std::vector<amid> peers;
    for (const auto& [peer, held] : desk_.all()) {
        AGENTMESH_TRY(name, amid::parse(peer));
        peers.push_back(name);
        if (held.core.offered) offers_ = std::max(offers_, held.core.offered->number);
    }
    // A state of the past must neither send nor open anything. @spec AM-RAT-032
    for (const auto& peer : lost)
        AGENTMESH_CHECK(end(*amid::parse(peer), {errc::snapshot_rollback, "AM-RAT-032"}, now, out));
    for (const auto& peer : peers) deliver(peer, out);
    return {};
}

}  // namespace agentmesh::session
