// How sessions end: closed, expired, refused, lost and replaced. Part of session/engine.hpp.
#pragma once

namespace agentmesh::session {

// --- notices ----------------------------------------------------------------------------------------------------

/// Tells a peer that we do not know its session. @spec AM-KNK-029
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::notify(const amid& from, const session_id& session, byte_view frame, const moment& now,
                             SessionSink auto& out) {
    std::erase_if(noticed_, [&](const auto& one) { return now.steady - one.second >= options_.notice_interval; });
    if (is_full(noticed_.size(), options_.noticed_peers, from) || !noticed_.try_emplace(from, now.steady).second) {
        out.audit({.kind = audit_kind::message_dropped, .peer = from, .session = session,
                   .why = {errc::unknown_session, "AM-KNK-029"}});
        return;
    }
    out.audit({.kind = audit_kind::notice_sent, .peer = from, .session = session, .why = {errc::unknown_session}});
    const auto notice = write_notice(session, crypto::sha256(frame), from, self_->signing());
    if (const auto sent = out.send(from, to_payload(notice), wire::message_type::status); !sent)
        out.audit({.kind = audit_kind::not_sent, .peer = from, .session = session, .why = sent.error()});
}

/// A peer says that it does not know our session: believed only over a frame that we sent and that is unacknowledged.
/// @spec AM-KNK-030, AM-KNK-031
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::on_notice(const amid& from, byte_view frame, const moment& now, SessionSink auto& out) {
    const auto session = parse_notice(frame);
    const auto drop = [&](const error& why) {
        out.audit({.kind = audit_kind::notice_dropped, .peer = from, .session = session ? *session : session_id{},
                   .why = why});
        return result<void>{};
    };
    if (!session) return drop(session.error());
    const auto found = sessions_.find(*session);
    if (found == sessions_.end() || found->second.core.peer.name != from)
        return drop({errc::unknown_session, "AM-KNK-030"});
    auto& held = found->second;
    if (held.core.phase != phase::open && held.core.phase != phase::closing)
        return drop({errc::unknown_session, "AM-KNK-030"});
    // A genuine one comes once a minute; trying a forged one costs a verification for each frame.
    if (held.notice_checked != steady_point::min() && now.steady - held.notice_checked < std::chrono::seconds{1})
        return drop({errc::rate_limited, "AM-KNK-030"});
    held.notice_checked = now.steady;
    for (const auto& one : held.outbox)
        if (one.sealed() && verify_notice(frame, crypto::sha256(one.frame), self_->name(), held.core.peer.signing))
            return lose(held, {errc::session_lost}, now, out);
    return drop({errc::bad_signature, "AM-KNK-030"});
}

// --- loss and succession ------------------------------------------------------------------------------------------

/// The keys of a session are of no use any more. What the peer has not acknowledged waits for a successor.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::lose(session_state& held, const error& why, const moment& now, SessionSink auto& out) {
    const bool has_messages = std::any_of(held.outbox.begin(), held.outbox.end(), [](const outgoing& one) {
        return one.kind == outgoing_kind::message;
    });
    if (held.core.phase == phase::closing || !has_messages) return end(held, why, now, out);
    session_draft draft{.core = held.core};
    auto& core = draft.core;
    core.phase = phase::lost;
    core.ends = now.wall + options_.lost_lifetime;
    core.last_frame.clear();
    record_batch batch;
    for (const auto& one : held.outbox)
        if (one.kind != outgoing_kind::message) batch.erase(record::out_name(core.id, one.slot));
    drop_beyond_gap(held, batch);
    save(draft, std::nullopt, held.suites, batch);
    AGENTMESH_CHECK(persist(batch, out));

    held.core = std::move(core);
    held.ratchet.reset();
    held.reply_key.reset();
    std::erase_if(held.outbox, [](const outgoing& one) { return one.kind != outgoing_kind::message; });
    for (auto& one : held.outbox) one.frame.clear();
    held.inbox.erase(held.inbox.lower_bound(held.core.next_in), held.inbox.end());
    held.ends = now.steady + options_.lost_lifetime;
    held.resend_at = held.ack_at = session_state::never;
    out.audit({.kind = audit_kind::session_lost, .peer = held.core.peer.name, .session = held.core.id, .why = why});
    out.closed(held.info(), why);
    for (auto& [id, other] : sessions_)
        if (other.core.phase == phase::open && other.ends > now.steady && takes_over(other, held))
            return adopt(other, now, out);
    if (!pending_with(held.core.peer.name)) out.wants_knock(held.info());
    return {};
}

/// Envelopes beyond a gap were not acknowledged: their sender sends them again, or is told.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::drop_beyond_gap(const session_state& held, record_batch& batch) const {
    for (auto at = held.inbox.lower_bound(held.core.next_in); at != held.inbox.end(); ++at)
        batch.erase(record::in_name(held.core.id, at->first));
}

template <RandomSource R, PolicySource P, PrekeySource K>
bool engine<R, P, K>::takes_over(const session_state& next, const session_state& lost) {
    return lost.core.phase == phase::lost && next.core.peer.name == lost.core.peer.name &&
           next.core.what.category == lost.core.what.category;
}

template <RandomSource R, PolicySource P, PrekeySource K>
std::vector<session_state*> engine<R, P, K>::orphans_for(const session_state& next) {
    std::vector<session_state*> out;
    for (auto& [id, one] : sessions_)
        if (takes_over(next, one)) out.push_back(&one);
    std::sort(out.begin(), out.end(), [](const auto* x, const auto* y) { return x->core.begun < y->core.begun; });
    return out;
}

/// Plans to move what waits in `old` into the draft of its successor, under the ids it had.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::absorb(session_draft& draft, session_state& old, const moment& now, record_batch& batch,
                             std::vector<undelivered>& left) {
    for (const auto& one : old.outbox) {
        batch.erase(record::out_name(old.core.id, one.slot));
        if (one.kind != outgoing_kind::message) continue;
        error why{errc::session_expired, "AM-KNK-032"};
        const auto& limits = draft.core.held_to;
        if (one.envelope.size() > limits.max_message_size_bytes) why = {errc::message_too_large, "AM-KNK-032"};
        else if (draft.core.sent < limits.max_messages) {
            const auto placed = place(draft, outgoing_kind::message, one.id, one.envelope);
            if (placed) {
                batch.put(record::out_name(draft.core.id, draft.added.back().slot),
                          record::write_outgoing(draft.added.back()));
                continue;
            }
            why = placed.error();
        }
        left.push_back({old.core.id, old.core.peer.name, one.id, why});
    }
    session_draft ended{.core = closed_core(old, now)};
    drop_beyond_gap(old, batch);
    save(ended, std::nullopt, {}, batch);
    draft.core.replaces.push_back(old.core.id);
}

/// What `absorb` planned is durable.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::absorbed(session_state& old, const moment& now) {
    auto core = closed_core(old, now);
    ++core.generation;  // as saved
    core.skipped.clear();
    clear_to(old, std::move(core), now);
}

template <RandomSource R, PolicySource P, PrekeySource K>
session_core engine<R, P, K>::closed_core(const session_state& old, const moment& now) const {
    session_core out = old.core;
    out.phase = phase::closed;
    out.ends = now.wall + options_.linger;
    if (old.core.phase == phase::knocking) out.last_frame.clear();
    for (const auto& one : old.outbox)
        if (one.kind == outgoing_kind::close) out.last_frame = one.frame;
    out.ahead.clear();
    return out;
}

template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::clear_to(session_state& old, session_core core, const moment& now) {
    old.inbox.erase(old.inbox.lower_bound(old.core.next_in), old.inbox.end());
    old.core = std::move(core);
    old.ratchet.reset();
    old.reply_key.reset();
    old.outbox.clear();
    old.ends = now.steady + options_.linger;
    old.resend_at = old.ack_at = session_state::never;
}

/// Gives what waits in lost sessions to an open one that takes their place.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::adopt(session_state& by, const moment& now, SessionSink auto& out) {
    const auto old = orphans_for(by);
    if (old.empty()) return {};
    auto draft = draft_of(by);
    draft.core.replaces.clear();
    record_batch batch;
    std::vector<undelivered> left;
    for (auto* one : old) absorb(draft, *one, now, batch, left);
    save(draft, by.reply_key, by.suites, batch);
    AGENTMESH_CHECK(persist(batch, out));
    const auto first = by.outbox.size();
    install(by, std::move(draft), now);
    for (auto* one : old) absorbed(*one, now);
    out.opened(by.info());
    for (const auto& one : left) out.undelivered(one);
    for (std::size_t i = first; i < by.outbox.size(); ++i)
        if (by.outbox[i].sealed()) transmit(by, by.outbox[i], now, out);
    return {};
}

// --- ends ---------------------------------------------------------------------------------------------------------

/// The end of a session, or of a KNOCK of ours. Whatever is unacknowledged is reported.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::end(session_state& held, const error& why, const moment& now, SessionSink auto& out,
                                  const refusal* no) {
    session_draft ended{.core = closed_core(held, now)};
    record_batch batch;
    for (const auto& one : held.outbox) batch.erase(record::out_name(held.core.id, one.slot));
    drop_beyond_gap(held, batch);
    save(ended, std::nullopt, {}, batch);
    AGENTMESH_CHECK(persist(batch, out));

    auto info = held.info();
    info.phase = phase::closed;
    const auto outbox = std::move(held.outbox);
    clear_to(held, std::move(ended.core), now);
    (void)take_held(info.peer, info.id);
    out.audit({.kind = audit_kind::session_closed, .peer = info.peer, .session = info.id, .why = why});
    for (const auto& one : outbox)
        if (one.kind == outgoing_kind::message) out.undelivered({info.id, info.peer, one.id, why});
    if (no) out.refused(*no);
    else out.closed(info, why);
    return {};
}

/// Ends a session that is over on both sides: the peer closed it, or acknowledged our close. @spec AM-KNK-033
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::finish(session_state& held, const moment& now, SessionSink auto& out) {
    const auto& core = held.core;
    if (core.phase != phase::open && core.phase != phase::closing) return {};
    if (core.close_at && core.next_in > *core.close_at) {
        if (core.told_in < core.next_in) AGENTMESH_CHECK(acknowledge(held, now, out));
        if (core.phase == phase::closed) return {};
        return end(held, {errc::session_closed}, now, out);
    }
    if (core.phase == phase::closing && held.waiting() == 0) return end(held, {errc::session_closed}, now, out);
    return {};
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::revoke(const amid& peer, const moment& now, SessionSink auto& out) {
    for (auto& [id, held] : sessions_)
        if (held.core.peer.name == peer && held.core.phase != phase::closed)
            AGENTMESH_CHECK(end(held, {errc::policy_denied}, now, out));
    return {};
}

}  // namespace agentmesh::session
