// Receiving: what a payload is, and how a message frame becomes a delivered envelope. Part of session/engine.hpp.
#pragma once

namespace agentmesh::session {

inline constexpr std::uint64_t reorder_window = 1024;  ///< frames beyond a gap
inline constexpr std::uint32_t most_passive = 16;      ///< receipts of the peer's that are kept there until we send one

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::on_message(const amid& from, wire::message_type, std::string_view payload,
                                         const moment& now, SessionSink auto& out) {
    const auto frame = from_payload(payload);
    if (!frame) {
        out.audit({.kind = audit_kind::frame_dropped, .peer = from, .why = frame.error()});
        return {};
    }
    switch (kind_of(*frame)) {
        case frame_kind::knock: return on_knock(from, *frame, now, out);
        case frame_kind::reply: return on_reply(from, *frame, now, out);
        case frame_kind::message: return on_message_frame(from, *frame, now, out);
        case frame_kind::notice: return on_notice(from, *frame, now, out);
    }
    return {};
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::on_message_frame(const amid& from, byte_view frame, const moment& now,
                                               SessionSink auto& out) {
    const auto parts = parse_message_frame(frame);
    const auto drop = [&](const error& why) {
        out.audit({.kind = audit_kind::message_dropped, .peer = from, .session = parts ? parts->session : session_id{},
                   .why = why});
        return result<void>{};
    };
    if (!parts) return drop(parts.error());
    const auto found = sessions_.find(parts->session);
    if (found == sessions_.end() || found->second.core.phase == phase::lost) {
        // An unbound frame may have overtaken its KNOCK; any other belongs to a session that is gone.
        if (!parts->bound) hold(from, parts->session, frame, now, out);
        else notify(from, parts->session, frame, now, out);
        return {};
    }
    auto& held = found->second;
    const auto& core = held.core;
    if (core.peer.name != from) return drop({errc::unknown_session, "AM-KNK-025"});
    if (core.phase == phase::closed) {
        on_copy(held, frame, now, out);
        return {};
    }
    if (core.phase == phase::knocking) {  // the ACCEPT is on its way
        if (!parts->bound) return drop({errc::bad_frame, "AM-KNK-024"});
        hold(from, parts->session, frame, now, out);
        return {};
    }
    if (held.ends <= now.steady) return end(held, {errc::session_expired, "AM-KNK-032"}, now, out);
    if (!parts->bound && (core.initiator || parts->header.dh != core.first_key))
        return drop({errc::bad_frame, "AM-KNK-024"});
    return open_frame(held, *parts, frame, now, out);
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::open_frame(session_state& held, const message_frame& parts, byte_view frame,
                                         const moment& now, SessionSink auto& out) {
    const auto drop = [&](const error& why) {
        out.audit({.kind = audit_kind::message_dropped, .peer = held.core.peer.name, .session = held.core.id,
                   .why = why});
        return result<void>{};
    };
    const auto place = place_of(held.core, parts.header);
    if (!place) return drop({errc::bad_tag, "AM-RAT-007"});
    if (place->index < held.core.next_in ||
        std::binary_search(held.core.ahead.begin(), held.core.ahead.end(), place->index)) {
        on_copy(held, frame, now, out);
        return {};
    }
    std::size_t kept = parts.sealed.size();
    for (const auto& [index, one] : held.inbox) kept += one.envelope.size();
    if (place->index - held.core.next_in >= reorder_window || held.inbox.size() >= reorder_window ||
        kept > options_.inbox_bytes)
        return drop({errc::too_far, "AM-RAT-016"});

    auto draft = draft_of(held);
    auto& core = draft.core;
    crypto::secret_buffer plain;
    const auto context =
        message_context(context_of(core),
                        parts.bound ? core.transcript : core.knock,
                        core.initiator ? direction::from_responder : direction::from_initiator, parts.head);
    if (const auto opened = draft.ratchet->open(plain, parts.header, context, parts.sealed, *random_); !opened) {
        if (opened.error().code == errc::random_failed) return fail(opened.error());  // no fault of the frame
        if (opened.error().code == errc::duplicate) on_copy(held, frame, now, out);
        else drop(opened.error());
        return {};
    }
    const auto size = unpadded_size(plain);
    if (!size) return drop(size.error());
    plain.resize(*size);

    if (place->begins_chain) core.chains.push_back({parts.header.dh, core.chains.back().base + parts.header.pn});
    const auto seen = peek_envelope(plain);
    const bool is_ack = seen && seen->type == "ack";
    const bool is_close = seen && seen->type == "close";
    record_batch batch;
    std::size_t acknowledged = 0;
    bool delivers = !is_ack;
    if (is_ack) {
        const auto next = std::min(seen->next.value_or(0), core.next_out);
        while (acknowledged < held.outbox.size() && held.outbox[acknowledged].sealed() &&
               held.outbox[acknowledged].index < next)
            batch.erase(record::out_name(core.id, held.outbox[acknowledged++].slot));
    } else if (is_close) {
        if (!core.close_at) core.close_at = place->index;
    } else if (core.received >= core.held_to.max_messages || plain.size() > core.held_to.max_message_size_bytes) {
        drop({errc::session_expired, "AM-KNK-032"});  // counts as arrived, or everything after it would wait for it
        delivers = false;
    } else {
        ++core.received;
    }
    arrive(core, place->index);
    core.recent.push_back(frame_mark(frame));
    if (core.recent.size() > remembered_frames) core.recent.erase(core.recent.begin());
    arrived got;
    if (delivers) {
        got = {.id = message_id_of(plain), .origin = core.id, .envelope = std::move(plain)};
        if (seen && seen->written_for) got.origin = *seen->written_for;
        batch.put(record::in_name(core.id, place->index), record::write_arrived(got));
    }
    save(draft, held.reply_key, held.suites, batch);
    AGENTMESH_CHECK(persist(batch, out));

    // The missing one has come, even if it is an acknowledgement: what waited behind it is not acknowledged yet.
    const bool fills_gap = core.next_in > held.core.next_in + 1;
    install(held, std::move(draft), now);
    if (delivers) held.inbox.insert_or_assign(place->index, std::move(got));
    if (acknowledged > 0) {
        held.outbox.erase(held.outbox.begin(), held.outbox.begin() + static_cast<std::ptrdiff_t>(acknowledged));
        held.resend_after = options_.resend_first;
        held.resend_at = held.wants_resend() ? now.steady + held.resend_after : session_state::never;
    }
    if (is_ack && !fills_gap) {
        if (++held.passive >= std::min(options_.ack_every, most_passive)) held.ack_at = now.steady;
    } else {
        held.unacked_bytes += frame.size();
        const bool enough = ++held.unacked >= options_.ack_every || held.unacked_bytes >= options_.ack_bytes;
        held.ack_at = enough ? now.steady : std::min(held.ack_at, now.steady + options_.ack_delay);
    }
    held.copy_answered = steady_point::min();
    deliver(held, now, out);
    return finish(held, now, out);
}

/// A frame that was opened before: its sender has missed our acknowledgement. A live session answers every such frame,
/// however old, since the sender repeats its oldest ones only; a closed one those it remembers, or it says that it is
/// gone. Who makes up such a frame gains an old acknowledgement, now and then.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::on_copy(session_state& held, byte_view frame, const moment& now, SessionSink auto& out) {
    const auto& core = held.core;
    const bool known = core.phase == phase::open || core.phase == phase::closing ||
                       std::find(core.recent.begin(), core.recent.end(), frame_mark(frame)) != core.recent.end();
    out.audit({.kind = audit_kind::message_dropped, .peer = core.peer.name, .session = core.id,
               .why = {errc::duplicate, "AM-RAT-014"}});
    if (!known) {
        const bool bound = (frame[message_head_size - 1] & 1) != 0;
        if (core.phase == phase::closed && bound) notify(core.peer.name, core.id, frame, now, out);
        return;
    }
    // The same acknowledgement again: no key is used for a copy, and nothing changes because of one.
    if (core.last_frame.empty() || held.ack_at != session_state::never) return;
    // Rarer each time until something new arrives: what is sent here may be a copy to the peer, which answers it too.
    const bool first = held.copy_answered == steady_point::min();
    if (!first && now.steady - held.copy_answered < held.copy_after) return;
    constexpr duration shortest = std::chrono::seconds{1};
    held.copy_after = first ? shortest : std::min(held.copy_after * 2, options_.resend_longest);
    held.copy_answered = now.steady;
    if (const auto sent = out.send(core.peer.name, to_payload(core.last_frame), wire::message_type::status); !sent)
        out.audit({.kind = audit_kind::not_sent, .peer = core.peer.name, .session = core.id, .why = sent.error()});
}

/// Gives the application what has arrived without a gap, in order.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::deliver(session_state& held, const moment& now, SessionSink auto& out) {
    const auto& peer = held.core.peer.name;
    for (auto& [index, one] : held.inbox) {
        if (index >= held.core.next_in) break;
        if (one.given) continue;
        one.given = true;
        const auto key = seen_key(peer, one.id);
        if (const auto of_peer = seen_.find(peer); of_peer != seen_.end() && of_peer->second.keys.contains(key)) {
            // It arrived in a session that was lost since.
            one.copy = one.taken = true;
            out.audit({.kind = audit_kind::message_dropped, .peer = held.core.peer.name, .session = held.core.id,
                       .why = {errc::duplicate, "AM-KNK-031"}});
            continue;
        }
        note_seen(peer, key, ++seen_count_);
        one.key = key;
        one.taken = out.received({.session = held.core.id, .origin = one.origin, .peer = held.core.peer.name,
                                  .id = one.id, .envelope = one.envelope, .key = held.core.peer.signing});
    }
    if (!forget_taken(held, out)) try_later(now);
}

template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::note_seen(const amid& peer, const message_id& key, std::uint64_t count) {
    auto& of_peer = seen_[peer];
    if (!of_peer.keys.insert(key).second) return;
    of_peer.order.emplace_back(count, key);
    ++seen_total_;
}

/// What is to be forgotten of the delivered: if this peer has too many its oldest, and if all have those of whoever has
/// most. So a peer that talks much does not push out what others said.
template <RandomSource R, PolicySource P, PrekeySource K>
std::vector<std::pair<amid, message_id>> engine<R, P, K>::surplus_seen(const amid& peer) const {
    std::vector<std::pair<amid, message_id>> out;
    const auto drop = [&](const auto& of, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) out.emplace_back(of.first, of.second.order[i].second);
    };
    if (const auto own = seen_.find(peer);
        own != seen_.end() && own->second.order.size() > options_.seen_messages_a_peer)
        drop(*own, own->second.order.size() - options_.seen_messages_a_peer);
    if (!out.empty() || seen_total_ <= options_.seen_messages) return out;
    const auto most = std::max_element(seen_.begin(), seen_.end(), [](const auto& x, const auto& y) {
        const auto size_x = x.second.order.size(), size_y = y.second.order.size();
        return size_x != size_y ? size_x < size_y : x.second.order.front().first > y.second.order.front().first;
    });
    drop(*most, std::min(most->second.order.size(), seen_total_ - options_.seen_messages));
    return out;
}

/// Erases what the application has taken, and remembers its ids instead.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::forget_taken(session_state& held, SessionSink auto& out) {
    record_batch batch;
    for (const auto& [index, one] : held.inbox) {
        if (!one.taken) continue;
        batch.erase(record::in_name(held.core.id, index));
        if (one.copy) continue;  // nobody has taken the first one yet, perhaps
        batch.put(record::seen_name(one.key), record::write_seen({++seen_count_, held.core.peer.name}));
    }
    if (batch.empty()) return {};
    const auto old = surplus_seen(held.core.peer.name);
    for (const auto& [peer, key] : old) batch.erase(record::seen_name(key));
    AGENTMESH_CHECK(persist(batch, out));
    std::erase_if(held.inbox, [](const auto& entry) { return entry.second.taken; });
    for (const auto& [peer, key] : old) {
        auto& of_peer = seen_.at(peer);
        of_peer.keys.erase(key);
        of_peer.order.pop_front();  // surplus_seen names them in this order
        if (of_peer.order.empty()) seen_.erase(peer);
        --seen_total_;
    }
    return {};
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::confirm(const session_id& session, const message_id& id, SessionSink auto& out) {
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return fail(errc::unknown_session);
    for (auto& [index, one] : found->second.inbox)
        if (one.id == id && one.given) one.taken = true;
    return forget_taken(found->second, out);
}

// --- frames that wait for a KNOCK or an ACCEPT ------------------------------------------------------------------

/// Keeps a frame unopened. @spec AM-KNK-026, AM-KNK-027
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::hold(const amid& from, const session_id& session, byte_view frame, const moment& now,
                           SessionSink auto& out) {
    const auto found = held_.find(from);
    const bool full = found == held_.end() ? is_full(held_.size(), options_.held_peers, from)
                                           : found->second.frames.size() >= early_frames ||
                                                 found->second.bytes + frame.size() > early_frame_bytes;
    if (full) {
        out.audit({.kind = audit_kind::message_dropped, .peer = from, .session = session,
                   .why = {errc::session_limit, "AM-KNK-027"}});
        return;
    }
    auto& kept = held_[from];
    kept.until = now.steady + options_.knock_timeout;
    kept.bytes += frame.size();
    kept.frames.emplace_back(session, buffer{frame.begin(), frame.end()});
}

/// Opens what was kept for a session that exists now. What cannot be saved is dropped; its sender has it still.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::release(const amid& from, const session_id& session, const moment& now, SessionSink auto& out) {
    for (const auto& frame : take_held(from, session)) (void)on_message_frame(from, frame, now, out);
}

template <RandomSource R, PolicySource P, PrekeySource K>
std::vector<buffer> engine<R, P, K>::take_held(const amid& from, const session_id& session) {
    std::vector<buffer> out;
    const auto found = held_.find(from);
    if (found == held_.end()) return out;
    std::erase_if(found->second.frames, [&](auto& one) {
        if (one.first != session) return false;
        found->second.bytes -= one.second.size();
        out.push_back(std::move(one.second));
        return true;
    });
    if (found->second.frames.empty()) held_.erase(found);
    return out;
}

}  // namespace agentmesh::session
