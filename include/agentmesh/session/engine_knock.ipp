// The asking side: engine::knock, and the answer to it. Part of session/engine.hpp.
#pragma once

namespace agentmesh::session {

template <RandomSource R, PolicySource P, PrekeySource K>
session_state* engine<R, P, K>::pending_with(const amid& peer) {
    for (auto& [id, held] : sessions_)
        if (held.core.phase == phase::knocking && held.core.peer.name == peer) return &held;
    return nullptr;
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<session_id> engine<R, P, K>::knock(const e2ee::prekey_bundle& peer, const intent& what,
                                          const session_request& asked, const moment& now, SessionSink auto& out,
                                          haste how) {
    const auto& name = peer.card.name;
    if (name == self_->name()) return fail(errc::bad_bundle);
    if (!allows(*policy_, e2ee::suite_id::am1)) return fail(errc::suite_unsupported, "AM-POL-015");
    AGENTMESH_CHECK(e2ee::check_bundle(peer, name, now.wall));
    AGENTMESH_CHECK(epochs_.check(peer.card));
    AGENTMESH_CHECK(callers_.check(peer.card));
    const reuse_wish wish{name, what.category, peer.card.epoch, card_, policy_->generation()};
    for (auto& [id, held] : sessions_) {
        if (!is_reusable(held, wish, now)) continue;
        AGENTMESH_CHECK(adopt(held, now, out));
        return id;
    }
    if (const auto* pending = pending_with(name)) {
        if (pending->core.what.category == what.category) return pending->core.id;
        return fail(errc::session_limit);
    }
    if (live_sessions() >= options_.max_sessions) return fail(errc::session_limit);

    AGENTMESH_TRY(begun, begin_knock(peer, what, asked, now, how));
    const auto id = begun.core.id;
    record_batch batch;
    session_draft draft{.core = begun.core, .ratchet = begun.ratchet->fork()};
    save(draft, begun.reply_key, begun.suites, batch);
    auto epochs = epochs_;
    if (epochs.note(peer.card)) batch.put(std::string{record::epochs_name}, record::secret_copy(epochs.save()));
    AGENTMESH_CHECK(persist(batch, out));
    epochs_ = std::move(epochs);
    begun.core.generation = draft.core.generation;
    const auto& held = sessions_.emplace(id, std::move(begun)).first->second;
    out.audit({.kind = audit_kind::knock_sent, .peer = name, .session = id});
    send_knock(held, out);
    return id;
}

template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::send_knock(const session_state& held, SessionSink auto& out) {
    const auto& core = held.core;
    if (const auto sent = out.send(core.peer.name, to_payload(core.last_frame), wire::message_type::knock); !sent)
        out.audit({.kind = audit_kind::not_sent, .peer = core.peer.name, .session = core.id, .why = sent.error()});
}

/// A session that has asked, with its KNOCK. Draws everything random that it needs. @spec AM-KNK-002
template <RandomSource R, PolicySource P, PrekeySource K>
result<session_state> engine<R, P, K>::begin_knock(const e2ee::prekey_bundle& peer, const intent& what,
                                                   const session_request& asked, const moment& now, haste how) {
    const auto fits = [](const std::string& word) { return word.size() <= knock_word_length; };
    const auto in_range = [](std::uint32_t value) { return value >= 1 && value <= knock_largest_limit; };
    if (what.category.empty() || !fits(what.category) || !fits(what.subcategory) || !fits(what.action) ||
        !in_range(asked.ttl_seconds) || !in_range(asked.expected_messages))
        return fail(errc::wrong_member, "AM-KNK-011");

    AGENTMESH_TRY(ephemeral, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(first, exchange_key_pair::generate(*random_));
    AGENTMESH_TRY(nonce, crypto::random_value<knock_nonce>(*random_));
    AGENTMESH_TRY(keys, e2ee::agree_am1_initiator(pair_, card_, ephemeral, first.public_key(), peer));

    const knock_content content{.from = self_->name(), .to = peer.card.name, .what = what, .asked = asked,
                                .suites = {std::string{e2ee::to_text(e2ee::suite_id::am1)}},
                                .features = options_.features, .nonce = nonce,
                                .timestamp = format_time(stamp(now))};
    auto text = write_knock(content, keys.context, self_->signing());
    AGENTMESH_CHECK(pad_text(text));
    knock_head head{.optimistic = how == haste::optimistic, .card = card_, .ephemeral = ephemeral.public_key(),
                    .ratchet_key = first.public_key(), .prekey = peer.signed_key.id};
    if (peer.one_time) head.one_time_key = peer.one_time->id;

    session_state out{.core = {.optimistic = head.optimistic, .own = card_, .peer = peer.card}};
    auto& core = out.core;
    core.last_frame = seal_knock(head, keys.knock, text);
    core.knock = crypto::sha256(core.last_frame);
    core.id = session_id_of(core.knock, keys.session);
    core.initiator = true;
    core.what = what;
    core.asked = asked;
    core.features = options_.features;
    core.first_key = first.public_key();
    core.begun = now.wall;
    core.ends = now.wall + options_.knock_timeout;
    core.policy_generation = policy_->generation();
    AGENTMESH_TRY(ratchet, am1_ratchet::initiate(std::move(keys.root), std::move(first), peer.signed_key.key));
    out.ratchet = std::move(ratchet);
    out.reply_key = std::move(keys.reply);
    out.suites = content.suites;
    out.ends = now.steady + options_.knock_timeout;
    out.resend_after = options_.knock_resend;
    out.resend_at = now.steady + out.resend_after;
    return out;
}

/// @spec AM-KNK-018, AM-KNK-019
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::on_reply(const amid& from, byte_view frame, const moment& now, SessionSink auto& out) {
    const auto drop = [&](const error& why) {
        out.audit({.kind = audit_kind::reply_dropped, .peer = from, .why = why});
        return result<void>{};
    };
    auto* asked = pending_with(from);
    if (!asked || asked->ends <= now.steady) return drop({errc::bad_knock, "AM-KNK-019"});
    const auto& core = asked->core;
    const auto opened = open_reply(frame, core.knock, core.peer, *asked->reply_key);
    if (!opened) return drop(opened.error());
    if (opened->kind == reply_kind::accept) {
        const auto answer = parse_accept(opened->text, core.peer.signing);
        if (!answer) return drop(answer.error());
        const knock_content sent{.from = self_->name(), .to = from, .asked = core.asked, .suites = asked->suites,
                                 .features = core.features};
        if (const auto fits = check_accept(*answer, core.knock, core.id, sent); !fits) return drop(fits.error());
        return on_accept(*asked, *answer, frame, now, out);
    }
    const auto answer = parse_reject(opened->text, core.peer.signing);
    if (!answer) return drop(answer.error());
    if (answer->knock != core.knock || answer->from != from || answer->to != self_->name())
        return drop({errc::bad_knock, "AM-KNK-018"});
    const refusal no{.session = core.id, .peer = from, .why = {errc::knock_refused}, .told = answer->reason,
                     .retry_after_seconds = answer->retry_after_seconds};
    asked->core.answered = *parse_time(answer->timestamp);
    return end(*asked, no.why, now, out, &no);
}

/// The time of what we sign now: later than whatever we signed before, so that the two sides of KNOCKs that crossed
/// agree on what came first. A clock that was set back far is believed all the same. @spec AM-KNK-036
template <RandomSource R, PolicySource P, PrekeySource K>
time_point engine<R, P, K>::stamp(const moment& now) {
    const bool is_near = stamped_ - now.wall < std::chrono::seconds{30};
    return stamped_ = is_near ? std::max(now.wall, stamped_ + duration{1}) : now.wall;
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::on_accept(session_state& asked, const accept_content& answer, byte_view frame,
                                        const moment& now, SessionSink auto& out) {
    auto draft = draft_of(asked);
    auto& core = draft.core;
    if (const auto stepped = draft.ratchet->step(answer.ratchet_key, *random_); !stepped) {
        if (stepped.error().code == errc::random_failed) return stepped;  // no fault of the frame
        out.audit({.kind = audit_kind::reply_dropped, .peer = core.peer.name, .session = core.id,
                   .why = stepped.error()});
        return {};
    }
    core.phase = phase::open;
    core.transcript = transcript_of(core.last_frame, frame);
    core.last_frame.clear();
    core.held_to = answer.held_to;
    core.features = answer.features;
    core.begun = now.wall;
    core.answered = *parse_time(answer.timestamp);
    core.ends = now.wall + std::chrono::seconds{answer.held_to.ttl_seconds};
    core.chains = {{answer.ratchet_key, 0}};
    core.sent = 0;

    // What waited goes out now, within what was granted. Early frames keep their place even where they count for
    // nothing, because the peer acknowledges frames by number.
    record_batch batch;
    std::vector<undelivered> left;
    std::deque<outgoing> outbox;
    for (const auto& one : asked.outbox) {
        outgoing next = one;
        const auto refuse = [&](const error& why) {
            left.push_back({core.id, core.peer.name, one.id, why});
            next.kind = outgoing_kind::ack;
            next.envelope.clear();
        };
        if (one.envelope.size() > core.held_to.max_message_size_bytes) refuse({errc::message_too_large, "AM-KNK-032"});
        else if (core.sent >= core.held_to.max_messages) refuse({errc::session_expired, "AM-KNK-032"});
        else {
            if (!next.sealed()) AGENTMESH_CHECK(seal(draft, next));
            ++core.sent;
        }
        const auto name = record::out_name(core.id, one.slot);
        if (next.sealed()) {
            batch.put(name, record::write_outgoing(next));
            outbox.push_back(std::move(next));
        } else {
            batch.erase(name);
        }
    }
    const auto old = orphans_for(asked);
    for (auto* one : old) absorb(draft, *one, now, batch, left);
    save(draft, std::nullopt, {}, batch);
    AGENTMESH_CHECK(persist(batch, out));

    const auto early = static_cast<std::size_t>(asked.core.next_out);
    asked.outbox = std::move(outbox);
    asked.resend_at = session_state::never;
    install(asked, std::move(draft), now);
    asked.reply_key.reset();
    asked.suites.clear();
    asked.ends = now.steady + std::chrono::seconds{answer.held_to.ttl_seconds};
    for (auto* one : old) absorbed(*one, now);
    out.audit({.kind = audit_kind::session_opened, .peer = asked.core.peer.name, .session = asked.core.id});
    out.opened(asked.info());
    for (const auto& one : left) out.undelivered(one);
    for (auto& one : asked.outbox)
        if (one.index >= early) transmit(asked, one, now, out);
    const amid peer = asked.core.peer.name;
    const session_id id = asked.core.id;
    release(peer, id, now, out);
    return {};
}

}  // namespace agentmesh::session
