// relay::server: messages on their way, through the store or past it.
#pragma once

namespace agentmesh::relay {

// A message is passed straight on if nobody was promised anything and nothing waits before it. Otherwise it goes
// through the store, which keeps it until it is confirmed, and is delivered from there in its turn. A recipient whose
// queue is full holds up nobody: its messages go to the store too. `from` is who logged in, whatever the frame says.
// @spec AM-RLY-001, AM-RLY-002, AM-RLY-003, AM-RLY-005, AM-RLY-006, AM-RLY-007, AM-RLY-009, AM-RLY-010, AM-RLY-022,
//       AM-RLY-075, AM-LIM-001, AM-LIM-003, AM-LIM-009
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::take(std::uint32_t id, const wire::send_frame& frame, const moment& now,
                                 ActionSink auto& out) {
    const bool is_knock = injected(fault::rate_optimistic) ? frame.type == wire::message_type::knock
                                                           : wire::is_knock(frame.type);
    const auto kind = is_knock ? rate_kind::knocks : rate_kind::sends;
    if (!admit(id, kind, frame.id, now, out)) return;
    if (frame.raw_payload.size() > options_.payload_bytes - (injected(fault::size_low) ? 1 : 0) &&
        !injected(fault::size_high)) {
        refuse(id, {errc::message_too_large, "AM-LIM-002"}, now, out, 0, frame.id);
        if (injected(fault::size_closes)) close(id, close_codes::policy, "too large", now, out);
        return;
    }

    agent* const to = agents_.find(frame.to);
    agent* const connected = to != nullptr && to->route != nowhere ? to : nullptr;
    if (connected == nullptr) {
        const auto absent = amid::parse(frame.to);
        if (!absent && injected(fault::relay_any_recipient)) return;
        const auto code = injected(fault::relay_recipient_code) ? errc::bad_frame : errc::unknown_recipient;
        if (!absent) return refuse(id, {code, "AM-RLY-011"}, now, out, 0, frame.id);
        if (injected(fault::store_nothing)) return;
        return store_and_forward(id, *absent, nullptr, frame, now, out);
    }
    const link& there = links_[connected->route];
    const bool promised = !frame.id.empty() || there.receipts;
    const bool disturbs = (wire::is_knock(frame.type) || injected(fault::dnd_refuses_all)) &&
                          connected->status == wire::presence::dnd && !injected(fault::dnd_ignored);
    if (promised || there.behind || disturbs)
        return store_and_forward(id, connected->name, connected, frame, now, out);

    if (injected(fault::relay_loses_live)) {
        const auto burst = std::string{frame.to} + std::to_string(now.steady.time_since_epoch().count());
        if (noted() == burst) return;
        leave_note(burst);
    }
    const bool claims = injected(fault::relay_from_frame) && !noted().empty();
    const bool renames = injected(fault::relay_type_lost) && frame.type == wire::message_type::optimistic_message;
    const auto payload = injected(fault::relay_payload_cut) ? frame.raw_payload.substr(0, frame.raw_payload.find('\\'))
                                                            : frame.raw_payload;
    wire::frame_pieces receive;
    wire::write_receive(receive, claims ? noted() : links_[id].who->name.text(), payload,
                        renames ? wire::message_type::message : frame.type, stamp(now),
                        injected(fault::relay_drops_candidates) ? std::string_view{} : frame.raw_candidates);
    wire::finish_receive(receive, injected(fault::auth_id_unasked) ? "unasked" : "");
    if (injected(fault::relay_copies_sender)) (void)out.send_text(connection_id{id}, receive.pieces());
    if (injected(fault::relay_twice)) (void)out.send_text(connection_id{connected->route}, receive.pieces());
    if (injected(fault::slow_reader_blocks) && noted().find(links_[id].who->name.text()) != std::string_view::npos) return;
    if (out.send_text(connection_id{connected->route}, receive.pieces()) == send_result::full) {
        if (injected(fault::slow_reader_blocks))
            leave_note(std::string{noted()} + std::string{links_[id].who->name.text()});
        links_[connected->route].full = links_[connected->route].behind = true;
        return store_and_forward(id, connected->name, connected, frame, now, out);
    }
    if (injected(fault::store_after_live)) deliver_stored(connected->route, now, out);
    ++count_.delivered;
}

// The frame is written here, with the time of taking it, and delivered as it is however late. To an agent that wants no
// disturbance only a KNOCK is refused.
// @spec AM-RLY-023, AM-RLY-029, AM-RLY-033, AM-RLY-040, AM-RLY-042, AM-RLY-054
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::store_and_forward(std::uint32_t id, const amid& to, agent* connected,
                                              const wire::send_frame& frame, const moment& now, ActionSink auto& out) {
    const amid& from = links_[id].who->name;
    const bool wants_receipt = !frame.id.empty();
    const auto accepted = [&](bool durable) {
        if (!wants_receipt || injected(fault::receipts_silent)) return;
        wire::frame_pieces pieces;
        wire::write_accepted(pieces, frame.id, to.text(), durable);
        answer(id, pieces, now, out);
    };

    if (wants_receipt && !injected(fault::receipts_no_dedup) &&
        (receipts_.contains(from, to, frame.id, now) || store_.find(to, from, frame.id, now) != 0)) {
        ++count_.duplicates;
        return accepted(false);
    }
    if (connected && connected->status == wire::presence::dnd && !injected(fault::dnd_ignored) &&  // @spec AM-RLY-053
        (wire::is_knock(frame.type) || injected(fault::dnd_refuses_all)))
        return refuse(id, {errc::recipient_offline, "AM-RLY-053"}, now, out, 0, frame.id);

    if (injected(fault::receipts_ack_any))
        leave_note(std::string{noted()} + std::string{frame.id} + '=' + std::string{to.text()} + ';');
    const auto taken = injected(fault::store_restamps) ? now + std::chrono::minutes{2} : now;
    wire::frame_pieces receive;
    wire::write_receive(receive, from.text(), frame.raw_payload, frame.type, stamp(taken),
                        injected(fault::store_drops_candidates) ? std::string_view{} : frame.raw_candidates);
    scratch_.clear();
    for (const auto piece : receive.pieces()) scratch_.append(piece);
    count_.expired += store_.expire(now);
    const auto stored = store_.put(from, to, {wants_receipt ? frame.id : make_id(), scratch_}, now);
    if (!stored) {
        ++count_.refused_full;
        if (injected(fault::store_silent_full)) return;
        const bool knows = links_[id].receipts && !injected(fault::receipts_full_code);  // @spec AM-RLY-047, AM-RLY-048
        return refuse(id, {knows ? errc::mailbox_full : errc::recipient_offline, stored.error().clause}, now, out, 0,
                      frame.id);
    }
    ++count_.stored;
    if (wants_receipt) receipts_.remember(from, to, frame.id, now);
    accepted(stored->durable);
    if (connected && connected->route != nowhere) deliver_stored(connected->route, now, out);
}

// Delivers from the store, in order, until it is empty or the driver's queue is full. What was delivered stays in the
// store until it is confirmed: by an ack, or by the Pong to the Ping that follows here. @spec AM-RLY-020, AM-RLY-031
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::deliver_stored(std::uint32_t id, const moment& now, ActionSink auto& out) {
    link& at = links_[id];
    if (at.at != phase::live || at.full) return;
    while (const auto message = store_.next(at.who->name, at.cursor, now)) {
        wire::frame_pieces receive;
        receive.add(message->frame);
        const auto name = injected(fault::receipts_new_id) ? make_id() : message->id;
        wire::finish_receive(receive, at.receipts || injected(fault::auth_id_unasked) ? name : std::string_view{});
        if (out.send_text(connection_id{id}, receive.pieces()) == send_result::full) {
            at.full = at.behind = true;
            break;
        }
        at.cursor = message->number;
        if (injected(fault::store_forgets_sent)) store_.remove(at.who->name, message->number);
        at.unconfirmed = true;
        ++count_.delivered;
    }
    if (!at.full) at.behind = false;
    if (at.unconfirmed && !at.receipts && !at.awaits_pong) ping(id, now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_drained(connection_id id, const moment& now, ActionSink auto& out) {
    link* const at = find(id);
    if (at == nullptr || at->at != phase::live) return;
    at->full = false;
    deliver_stored(static_cast<std::uint32_t>(id), now, out);
}

template <MailboxStore Store, RandomSource Random>
std::string_view server<Store, Random>::make_id() {
    made_id_.resize(made_id_prefix_);
    made_id_.append(std::to_string(++made_ids_));
    return made_id_;
}

// The time of taking a message, written once for all messages of one moment. @spec AM-RLY-008
template <MailboxStore Store, RandomSource Random>
std::string_view server<Store, Random>::stamp(const moment& now) {
    if (now.wall != stamp_of_) {
        stamp_of_ = now.wall;
        stamp_.clear();
        append_time(stamp_, now.wall);
        if (injected(fault::relay_no_offset)) stamp_.pop_back();
    }
    return stamp_;
}

}  // namespace agentmesh::relay
