// The answering side: a KNOCK is checked, judged, answered once. Part of session/engine.hpp.
#pragma once

namespace agentmesh::session {

inline constexpr std::array<std::uint8_t, knock_nonce::size> largest_nonce = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                                              0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                                              0xff, 0xff, 0xff, 0xff};

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::on_knock(const amid& from, byte_view frame, const moment& now, SessionSink auto& out) {
    const auto hash = crypto::sha256(frame);
    if (const auto known = knocks_.find(hash); known != knocks_.end() && known->second.from == from) {
        repeat(known->second, out);
        return {};
    }
    auto asked = check(from, frame, hash, now);
    if (!asked) {  // nothing was written, and nothing is said
        out.audit({.kind = audit_kind::knock_dropped, .peer = from, .why = asked.error()});
        return {};
    }
    auto* crossing = pending_with(from);
    const bool ours_stands = crossing && crossing->ends > now.steady && self_->name() < from;
    if (ours_stands || given_up(from, asked->sent)) return outrank(*asked, now, out);
    const auto answer = judge(*asked, crossing, now);
    if (answer.accepted) return accept(*asked, frame, answer, crossing, now, out);
    return refuse(*asked, answer, crossing, now, out);
}

/// The same frame again gets the same answer again. @spec AM-KNK-015
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::repeat(const known_knock& known, SessionSink auto& out) {
    out.audit({.kind = audit_kind::knock_repeated, .peer = known.from, .why = {errc::knock_replayed, "AM-KNK-015"}});
    if (!known.reply.empty()) send_reply(known, out);
}

template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::send_reply(const known_knock& known, SessionSink auto& out) {
    const auto type = known.accepted ? wire::message_type::accept : wire::message_type::reject;
    if (const auto sent = out.send(known.from, to_payload(known.reply), type); !sent)
        out.audit({.kind = audit_kind::not_sent, .peer = known.from, .why = sent.error()});
}

/// Everything that must hold before a KNOCK is anything at all, cheapest first; reads only.
/// @spec   AM-KNK-005, AM-KNK-010, AM-KNK-012, AM-KNK-013, AM-KEX-007, AM-KEX-033, AM-KEX-035
template <RandomSource R, PolicySource P, PrekeySource K>
auto engine<R, P, K>::check(const amid& from, byte_view frame, const sha256_digest& hash, const moment& now)
    -> result<checked_knock> {
    AGENTMESH_TRY(head, parse_knock_head(frame));
    if (head.card.name != from) return fail(errc::bad_knock, "AM-KNK-005");
    if (from == self_->name()) return fail(errc::bad_knock, "AM-KNK-008");
    AGENTMESH_CHECK(epochs_.check(head.card));
    AGENTMESH_CHECK(callers_.check(head.card));
    for (const auto& [id, held] : sessions_)  // whom we talk to is not forgotten, whoever else comes
        if (held.core.peer.name == from && head.card.epoch < held.core.peer.epoch)
            return fail(errc::epoch_rollback, "AM-KEX-007");
    AGENTMESH_TRY(prekey, prekeys_->find_signed(head.prekey, now.wall));
    const e2ee::prekey_pair* one_time = nullptr;
    if (head.has_one_time_key()) {
        AGENTMESH_TRY(named, prekeys_->find_one_time(head.one_time_key));
        one_time = named;
    }
    const e2ee::identity_card* own = &card_;
    AGENTMESH_TRY(keys, e2ee::agree_am1_responder(pair_, card_, head.card, head.ephemeral, head.ratchet_key, *prekey,
                                                  one_time));
    auto opened = open_knock(frame, keys.knock);
    // @spec AM-KEX-037, AM-KEX-038
    for (auto former = formers_.rbegin(); !opened && former != formers_.rend(); ++former) {
        if (former->gone_at <= now.steady) break;
        auto again = e2ee::agree_am1_responder(former->pair, former->card, head.card, head.ephemeral,
                                               head.ratchet_key, *prekey, one_time);
        if (!again) continue;
        keys = std::move(*again);
        own = &former->card;
        opened = open_knock(frame, keys.knock);
    }
    AGENTMESH_TRY(text, std::move(opened));
    AGENTMESH_TRY(content, parse_knock(text, keys.context, head.card.signing));
    AGENTMESH_TRY(sent, check_knock(content, head.card.name, self_->name(), now.wall));
    if (nonces_.contains({from, content.nonce}) || sessions_.contains(session_id_of(hash, keys.session)))
        return fail(errc::knock_replayed, "AM-KNK-010");
    const auto suite = e2ee::to_text(e2ee::suite_id::am1);
    if (std::find(content.suites.begin(), content.suites.end(), suite) == content.suites.end())
        return fail(errc::suite_unsupported, "AM-KNK-020");
    const auto of_peer = std::distance(nonces_.lower_bound({from, knock_nonce{}}),
                                       nonces_.upper_bound({from, knock_nonce{largest_nonce}}));
    const auto most = asked_ourselves(from) ? options_.known_knocks_a_peer
                                            : std::min(options_.known_knocks_a_peer, options_.known_knocks_a_stranger);
    if (is_full(knocks_.size(), options_.known_knocks, from) || static_cast<std::size_t>(of_peer) >= most)
        return fail(errc::session_limit, "AM-KNK-016");
    return checked_knock{std::move(head), std::move(content), hash, sent, std::move(keys), prekey, *own};
}

/// Whether a KNOCK is one that its sender dropped when it answered ours: it crossed that, and comes late. Both times
/// are of the sender's clock, and no two texts that it signs bear the same. @spec AM-KNK-037
template <RandomSource R, PolicySource P, PrekeySource K>
bool engine<R, P, K>::given_up(const amid& peer, time_point sent) const {
    return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& one) {
        const auto& core = one.second.core;
        return core.initiator && core.peer.name == peer && core.answered >= sent;
    });
}

/// What the owner's policy says; only the name and the wish of the caller come from the KNOCK. @spec AM-KNK-035
template <RandomSource R, PolicySource P, PrekeySource K>
verdict engine<R, P, K>::judge(const checked_knock& asked, const session_state* crossing, const moment& now) {
    const auto& name = asked.head.card.name;
    const auto live = live_sessions() - (crossing ? 1 : 0);
    const applicant asking{.who = name, .suite = e2ee::suite_id::am1, .what = asked.content.what,
                           .asked = asked.content.asked, .open_sessions = live, .now = now};
    auto answer = policy_->decide(asking);
    if (!answer.accepted) return answer;
    if (!allows(*policy_, e2ee::suite_id::am1)) return verdict::deny(deny_reason::insufficient_trust);
    const auto of_peer = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& one) {
        const auto& core = one.second.core;
        return core.is_live() && !core.initiator && core.peer.name == name;
    });
    if (is_full(live, options_.max_sessions, name) || static_cast<std::size_t>(of_peer) >= options_.sessions_a_peer)
        return verdict::deny(deny_reason::at_capacity);
    return answer;
}

/// @spec AM-KNK-014, AM-KNK-016
template <RandomSource R, PolicySource P, PrekeySource K>
auto engine<R, P, K>::settle(const checked_knock& asked, bool accepted, buffer reply, const moment& now,
                             record_batch& batch) -> result<settlement> {
    if (asked.head.has_one_time_key()) {
        AGENTMESH_TRY(erasure, prekeys_->spend(asked.head.one_time_key));
        batch.changes().push_back(erasure);
    }
    settlement out{.kept = {.from = asked.head.card.name, .nonce = asked.content.nonce, .accepted = accepted,
                            .reply = std::move(reply)}};
    // Only of whom we talk to, and callers apart: else strangers would crowd out those whose epochs matter.
    if (accepted) {
        const bool ours = asked_ourselves(asked.head.card.name);
        auto& table = ours ? out.epochs : out.callers;
        table = ours ? epochs_ : callers_;
        if (table->note(asked.head.card))
            batch.put(std::string{ours ? record::epochs_name : record::callers_name},
                      record::secret_copy(table->save()));
    }
    out.kept.forget_after = asked.sent + limits::proof_max_age + duration{1};
    out.kept.forget_at = now.steady + std::max(out.kept.forget_after - now.wall, duration{0});
    batch.put(record::knock_name(asked.hash), record::write_knock(out.kept));
    return out;
}

template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::settled(const checked_knock& asked, settlement made) {
    if (asked.head.has_one_time_key()) prekeys_->forget(asked.head.one_time_key);
    if (made.epochs) epochs_ = std::move(*made.epochs);
    if (made.callers) callers_ = std::move(*made.callers);
    nonces_.emplace(made.kept.from, made.kept.nonce);
    knocks_.insert_or_assign(asked.hash, std::move(made.kept));
}

/// The peer has asked while we were asking, and ours stands because our name is the smaller one, or stood.
/// @spec AM-KNK-028
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::outrank(const checked_knock& asked, const moment& now, SessionSink auto& out) {
    record_batch batch;
    AGENTMESH_TRY(made, settle(asked, false, {}, now, batch));
    AGENTMESH_CHECK(persist(batch, out));
    settled(asked, std::move(made));
    (void)take_held(asked.head.card.name, session_id_of(asked.hash, asked.keys.session));
    out.audit({.kind = audit_kind::knock_dropped, .peer = asked.head.card.name,
               .why = {errc::duplicate, "AM-KNK-028"}});
    return {};
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::accept(checked_knock& asked, byte_view frame, const verdict& answer,
                                     session_state* crossing, const moment& now, SessionSink auto& out) {
    AGENTMESH_TRY(first, exchange_key_pair::generate(*random_));
    const auto& head = asked.head;
    const auto at = stamp(now);
    session_state opened{.core = {.own = asked.own, .peer = head.card}};
    auto& fresh = opened.core;
    fresh.id = session_id_of(asked.hash, asked.keys.session);
    fresh.phase = phase::open;
    fresh.optimistic = head.optimistic;
    fresh.what = asked.content.what;
    fresh.asked = asked.content.asked;
    fresh.held_to = narrowed(answer.held_to, asked.content.asked);
    fresh.features = common_features(asked.content.features, options_.features);
    fresh.knock = asked.hash;
    fresh.first_key = head.ratchet_key;
    fresh.begun = at;
    fresh.ends = now.wall + std::chrono::seconds{fresh.held_to.ttl_seconds};
    fresh.policy_generation = policy_->generation();
    fresh.chains = {{head.ratchet_key, 0}};
    auto text = write_accept({.session = fresh.id, .knock = asked.hash, .from = self_->name(), .to = head.card.name,
                              .suite = std::string{e2ee::to_text(e2ee::suite_id::am1)}, .features = fresh.features,
                              .ratchet_key = first.public_key(), .held_to = fresh.held_to,
                              .timestamp = format_time(at)},
                             self_->signing());
    AGENTMESH_CHECK(pad_text(text));
    auto reply = seal_reply(reply_kind::accept, asked.hash, asked.own, asked.keys.reply, text);
    fresh.transcript = transcript_of(frame, reply);
    auto ratchet = am1_ratchet::respond(std::move(asked.keys.root), asked.prekey->pair, head.ratchet_key,
                                        std::move(first));
    if (!ratchet) {
        out.audit({.kind = audit_kind::knock_dropped, .peer = head.card.name, .why = ratchet.error()});
        return {};
    }
    opened.ratchet = std::move(*ratchet);
    opened.ends = now.steady + std::chrono::seconds{fresh.held_to.ttl_seconds};

    record_batch batch;
    AGENTMESH_TRY(made, settle(asked, true, std::move(reply), now, batch));
    auto draft = draft_of(opened);
    auto old = orphans_for(opened);
    if (crossing) old.push_back(crossing);
    std::vector<undelivered> left;
    for (auto* one : old) absorb(draft, *one, now, batch, left);
    save(draft, std::nullopt, {}, batch);
    AGENTMESH_CHECK(persist(batch, out));

    settled(asked, std::move(made));
    install(opened, std::move(draft), now);
    for (auto* one : old) absorbed(*one, now);
    const auto id = opened.core.id;
    auto& held = sessions_.insert_or_assign(id, std::move(opened)).first->second;
    out.audit({.kind = audit_kind::knock_accepted, .peer = head.card.name, .session = id});
    send_reply(knocks_.at(asked.hash), out);
    out.audit({.kind = audit_kind::session_opened, .peer = head.card.name, .session = id});
    out.opened(held.info());
    for (const auto& one : left) out.undelivered(one);
    for (auto& one : held.outbox) transmit(held, one, now, out);
    release(head.card.name, id, now, out);
    return {};
}

/// A denial costs the caller its prekey and nonce as an acceptance does, and our own KNOCK with it if they crossed.
/// @spec AM-KNK-014, AM-KNK-027, AM-KNK-028
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::refuse(const checked_knock& asked, const verdict& answer, session_state* crossing,
                                     const moment& now, SessionSink auto& out) {
    const auto& peer = asked.head.card.name;
    auto text = write_reject({.knock = asked.hash, .from = self_->name(), .to = peer, .reason = answer.told,
                              .retry_after_seconds = answer.retry_after_seconds, .timestamp = format_time(stamp(now))},
                             self_->signing());
    AGENTMESH_CHECK(pad_text(text));
    record_batch batch;
    auto reply = seal_reply(reply_kind::reject, asked.hash, asked.own, asked.keys.reply, text);
    AGENTMESH_TRY(made, settle(asked, false, std::move(reply), now, batch));
    AGENTMESH_CHECK(persist(batch, out));
    settled(asked, std::move(made));
    out.audit({.kind = audit_kind::knock_denied, .peer = peer, .why = {errc::policy_denied}, .denied = answer.why});
    send_reply(knocks_.at(asked.hash), out);
    (void)take_held(peer, session_id_of(asked.hash, asked.keys.session));
    if (!crossing) return {};
    const refusal no{.session = crossing->core.id, .peer = peer, .why = {errc::knock_refused, "AM-KNK-028"}};
    return end(*crossing, no.why, now, out, &no);
}

}  // namespace agentmesh::session
