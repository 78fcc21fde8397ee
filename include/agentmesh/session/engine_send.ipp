// Sending: engine::send, and how one envelope becomes a frame. Part of session/engine.hpp.
#pragma once

namespace agentmesh::session {

template <RandomSource R, PolicySource P, PrekeySource K>
engine<R, P, K>::engine(const local_identity& self, const e2ee::identity_card& card, R& random, P& policy, K& prekeys,
                        engine_options chosen)
    : self_{&self},
      card_{card},
      pair_{self.exchange().secret_key().fork()},
      random_{&random},
      policy_{&policy},
      prekeys_{&prekeys},
      options_{std::move(chosen)} {}

template <RandomSource R, PolicySource P, PrekeySource K>
result<message_id> engine<R, P, K>::send(const session_id& to, byte_view envelope, const moment& now,
                                         SessionSink auto& out) {
    const auto found = sessions_.find(to);
    if (found == sessions_.end()) return fail(errc::unknown_session);
    auto& held = found->second;
    const auto& core = held.core;
    if (core.phase == phase::closing || core.phase == phase::closed) return fail(errc::session_closed);
    if (held.ends <= now.steady) return fail(errc::session_expired, "AM-KNK-032");
    const auto seen = peek_envelope(envelope);
    if (!seen || seen->type == "ack") return fail(errc::bad_envelope);
    const auto id = message_id_of(envelope);
    const bool closes = seen->type == "close";
    if (closes && core.phase != phase::open) {
        AGENTMESH_CHECK(end(held, {errc::session_closed}, now, out));
        return id;
    }
    const bool open = core.phase == phase::open;
    if (envelope.size() > (open ? std::min<std::size_t>(core.held_to.max_message_size_bytes, largest_envelope)
                                : largest_envelope))
        return fail(errc::message_too_large, "AM-KNK-032");
    const auto waiting = held.waiting();
    if (!closes) {
        if (core.sent >= (open ? core.held_to.max_messages : core.asked.expected_messages))
            return fail(errc::session_expired, "AM-KNK-032");
        std::size_t bytes = envelope.size();
        for (const auto& one : held.outbox) bytes += one.envelope.size();
        if (waiting >= options_.outbox_messages || bytes > options_.outbox_bytes) return fail(errc::session_limit);
    }
    for (const auto& one : held.outbox)
        if (one.wants_ack() && one.id == id) return fail(errc::bad_envelope);

    auto draft = draft_of(held);
    AGENTMESH_CHECK(place(draft, closes ? outgoing_kind::close : outgoing_kind::message, id, envelope));
    if (closes) {
        draft.core.phase = phase::closing;
        draft.core.ends = std::min(draft.core.ends, now.wall + options_.linger);
    }
    record_batch batch;
    save(draft, held.reply_key, held.suites, batch);
    batch.put(record::out_name(to, draft.added.back().slot), record::write_outgoing(draft.added.back()));
    AGENTMESH_CHECK(persist(batch, out));
    if (closes) held.ends = std::min(held.ends, now.steady + options_.linger);
    install(held, std::move(draft), now);
    if (held.outbox.back().sealed()) transmit(held, held.outbox.back(), now, out);
    return id;
}

/// Adds an envelope to a draft: sealed if the session can, waiting for the answer to the KNOCK if not.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::place(session_draft& draft, outgoing_kind kind, const message_id& id,
                                    byte_view envelope) {
    auto& core = draft.core;
    outgoing one{.slot = core.next_slot, .kind = kind, .id = id, .envelope = {envelope.begin(), envelope.end()}};
    const auto frame_size = message_head_size + e2ee::header_size + padded_size(envelope.size()) + frame_tag;
    // Early frames keep the order of sending: none leaves once another waits.
    const bool early = core.phase == phase::knocking && core.optimistic && core.next_slot == core.next_out &&
                       core.next_out < early_frames && core.early_bytes + frame_size <= early_frame_bytes;
    if (core.phase == phase::open || early) AGENTMESH_CHECK(seal(draft, one));
    if (early) core.early_bytes += static_cast<std::uint32_t>(frame_size);
    if (kind == outgoing_kind::message) ++core.sent;
    if (kind == outgoing_kind::ack) one.envelope.clear();
    ++core.next_slot;
    draft.added.push_back(std::move(one));
    return {};
}

/// @spec AM-KNK-022
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::seal(session_draft& draft, outgoing& one) {
    auto& core = draft.core;
    if (!draft.ratchet->can_send()) return fail(errc::counter_exhausted, "AM-RAT-018");
    const bool bound = core.phase != phase::knocking;
    one.frame = message_head_bytes(core.id, bound);
    const auto context =
        message_context(context_of(core),
                        bound ? core.transcript : core.knock,
                        core.initiator ? direction::from_initiator : direction::from_responder, one.frame);
    crypto::secret_buffer padded = one.envelope;
    padded.push_back(0x80);
    padded.resize(padded_size(one.envelope.size()));
    e2ee::append(one.frame, e2ee::header_bytes(draft.ratchet->next_header()));
    AGENTMESH_CHECK(draft.ratchet->seal(one.frame, context, padded, *random_));
    one.index = core.next_out++;
    return {};
}

/// Every save has a higher generation, in the state and beside it. @spec AM-RAT-032
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::save(session_draft& draft, const std::optional<e2ee::reply_key>& key,
                           const std::vector<std::string>& suites, record_batch& batch) const {
    auto& core = draft.core;
    ++core.generation;
    record::write_skipped(core, draft.ratchet, batch);
    batch.put(record::state_name(core.id), record::write_state(core, suites, draft.ratchet, key));
    batch.put(record::generation_name(core.id), record::write_number(core.generation));
}

template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::install(session_state& into, session_draft draft, const moment& now) {
    into.core = std::move(draft.core);
    into.ratchet = std::move(draft.ratchet);
    for (auto& one : draft.added) {
        into.outbox.push_back(std::move(one));
    }
    if (into.resend_at != session_state::never || into.core.phase == phase::knocking || !into.wants_resend()) return;
    into.resend_after = options_.resend_first;
    into.resend_at = now.steady + into.resend_after;
}

template <RandomSource R, PolicySource P, PrekeySource K>
bool engine<R, P, K>::transmit(session_state& from, outgoing& one, const moment& now, SessionSink auto& out) {
    const bool bound = (one.frame[message_head_size - 1] & 1) != 0;
    const auto type = !bound                                ? wire::message_type::optimistic_message
                      : one.kind == outgoing_kind::ack   ? wire::message_type::status
                      : one.kind == outgoing_kind::close ? wire::message_type::close
                                                         : wire::message_type::message;
    const auto sent = out.send(from.core.peer.name, to_payload(one.frame), type);
    if (sent) return one.left = true;
    out.audit({.kind = audit_kind::not_sent, .peer = from.core.peer.name, .session = from.core.id,
               .why = sent.error()});
    if (from.resend_at == session_state::never) {  // else a receipt would wait until we have something to say
        from.resend_after = options_.resend_first;
        from.resend_at = now.steady + from.resend_after;
    }
    return false;
}

/// Tells the peer how many of its frames have arrived without a gap.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::acknowledge(session_state& held, const moment& now, SessionSink auto& out) {
    held.ack_at = now.steady + options_.ack_delay;  // of the next attempt, should this one fail
    if (held.outbox.size() - held.waiting() > session_state::largest_backlog)
        return end(held, {errc::session_limit}, now, out);
    std::string text;
    json::writer to{text};
    to.begin_object().member("type", "ack").member("next", held.core.next_in).end_object();
    auto draft = draft_of(held);
    const auto phase_before = draft.core.phase;
    draft.core.phase = phase::open;  // a closing session acknowledges too
    if (const auto placed = place(draft, outgoing_kind::ack, {}, as_bytes(text)); !placed)
        return placed.error().code == errc::random_failed ? placed : end(held, placed.error(), now, out);
    draft.core.phase = phase_before;
    draft.core.told_in = draft.core.next_in;
    draft.core.last_frame = draft.added.back().frame;
    record_batch batch;
    save(draft, held.reply_key, held.suites, batch);
    batch.put(record::out_name(draft.core.id, draft.added.back().slot), record::write_outgoing(draft.added.back()));
    AGENTMESH_CHECK(persist(batch, out));
    install(held, std::move(draft), now);
    held.ack_at = session_state::never;
    held.unacked = held.passive = 0;
    held.unacked_bytes = 0;
    transmit(held, held.outbox.back(), now, out);
    return {};
}

}  // namespace agentmesh::session
