// relay::server: life of a connection, answers, time.
#pragma once

namespace agentmesh::relay {

template <MailboxStore Store, RandomSource Random>
server<Store, Random>::server(options chosen, const moment& started)
    requires std::constructible_from<Store, const mailbox_caps&> && std::default_initializable<Random>
    : options_{std::move(chosen)}, store_{options_.mailbox}, random_{},
      proofs_{options_.replay_memory, options_.first_start ? time_point::min() : started.wall},
      challenged_{options_.challenge_memory}, receipts_{options_.receipt_memory, options_.mailbox.lifetime} {
    json::append_quoted(raw_name_, options_.name);
    options_.pong_grace = std::min(options_.pong_grace, options_.ping_interval);
}

template <MailboxStore Store, RandomSource Random>
server<Store, Random>::server(options chosen, const moment& started, Store store, Random random)
    : options_{std::move(chosen)}, store_{std::move(store)}, random_{std::move(random)},
      proofs_{options_.replay_memory, options_.first_start ? time_point::min() : started.wall},
      challenged_{options_.challenge_memory}, receipts_{options_.receipt_memory, options_.mailbox.lifetime} {
    json::append_quoted(raw_name_, options_.name);
    options_.pong_grace = std::min(options_.pong_grace, options_.ping_interval);
}

// --- beginning and end ----------------------------------------------------------------------------------

// Waits for CONNECT without a word. @spec AM-AUT-040
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_opened(connection_id id, const moment& now, ActionSink auto& out) {
    const auto i = static_cast<std::uint32_t>(id);
    if (i >= links_.size()) links_.resize(std::size_t{i} + 1);
    assert(links_[i].at == phase::free);
    ++count_.connections;
    links_[i].at = phase::opened;
    await_login(i, now);
    if (stopping_) close(i, close_codes::going_away, "relay stops", now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_closed(connection_id id, const moment& now, ActionSink auto& out) {
    link* const at = find(id);
    if (at == nullptr) return;
    const auto i = static_cast<std::uint32_t>(id);
    if (at->who != nullptr) audit({audit_kind::logout, id, at->who->name.text(), {}}, out);
    detach(i, now);
    *at = link{};
    --count_.connections;
}

template <MailboxStore Store, RandomSource Random>
link* server<Store, Random>::find(connection_id id) noexcept {
    const auto i = static_cast<std::size_t>(id);
    return i < links_.size() && links_[i].at != phase::free ? &links_[i] : nullptr;
}

// Takes a connection off everything it waits for, and its agent off the route. What it did not confirm is still in
// the store and goes to the agent's next connection. @spec AM-AUT-032, AM-RLY-033, AM-RLY-044
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::detach(std::uint32_t id, const moment& now) {
    link& at = links_[id];
    (at.at == phase::live ? to_answer_ : to_log_in_).remove(links_, id);
    to_ping_.remove(links_, id);
    at.pending.reset();
    if (agent* const who = std::exchange(at.who, nullptr)) {
        assert(who->route == id || injected(fault::login_teardown));
        who->route = nowhere;
        who->signalling.reset();
        departed_.push_back({now.steady + limits::rate_window, who->name});
        --count_.agents;
    }
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::close(std::uint32_t id, std::uint16_t code, std::string_view reason, const moment& now,
                                  ActionSink auto& out) {
    detach(id, now);
    links_[id].at = phase::closing;
    out.close(connection_id{id}, code, reason);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::evict(std::uint32_t id, errc why, std::uint16_t code, std::string_view reason,
                                  const moment& now, ActionSink auto& out) {
    ++count_.evicted;
    const agent* const who = links_[id].who;
    audit({audit_kind::evicted, connection_id{id}, who ? who->name.text() : std::string_view{}, {why, {}}}, out);
    close(id, code, reason, now, out);
}

// --- Pings ----------------------------------------------------------------------------------------------

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::ping(std::uint32_t id, const moment& now, ActionSink auto& out) {
    link& at = links_[id];
    if (injected(fault::ping_never)) return;
    ++at.ping_number;
    at.since = now.steady;
    at.awaits_pong = true;
    at.ping_cursor = at.cursor;
    at.ping_confirms |= at.unconfirmed;
    at.unconfirmed = false;
    to_answer_.remove(links_, id);
    if (!injected(fault::pong_unchecked)) to_answer_.push_back(links_, id);
    to_ping_.remove(links_, id);
    to_ping_.push_back(links_, id);
    std::array<std::uint8_t, 4> payload;
    for (int i = 0; i < 4; ++i) payload[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(at.ping_number >> (24 - 8 * i));
    out.send_ping(connection_id{id}, payload);
}

// A Pong confirms what was delivered before its Ping was sent, to an agent that has no other way of confirming.
// @spec AM-RLY-031, AM-RLY-032, AM-RLY-074
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_pong(connection_id id, byte_view payload, const moment& now, ActionSink auto& out) {
    link* const at = find(id);
    if (injected(fault::ws_pong_unsolicited) && at != nullptr && payload.size() != 4)
        return close(static_cast<std::uint32_t>(id), close_codes::policy, "unsolicited", now, out);
    if (at == nullptr || at->at != phase::live || !at->awaits_pong || payload.size() != 4) return;
    std::uint32_t number = 0;
    for (const auto byte : payload) number = number << 8 | byte;
    if (number != at->ping_number) return;

    const auto i = static_cast<std::uint32_t>(id);
    at->awaits_pong = false;
    to_answer_.remove(links_, i);
    if (at->receipts) return;
    if (at->ping_confirms && !injected(fault::store_never_forgets)) count_.confirmed += store_.remove_through(at->who->name, at->ping_cursor);
    at->ping_confirms = false;
    if (at->unconfirmed) ping(i, now, out);
}

// Counts, no more: before CONNECT as well as after. @spec AM-AUT-023, AM-LIM-015
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_ping(connection_id id, const moment& now, ActionSink auto& out) {
    link* const at = find(id);
    if (at == nullptr || at->at == phase::closing || options_.pings_per_minute == 0) return;
    if (injected(fault::auth_greets) && at->at == phase::opened) {
        wire::frame_pieces hello;
        wire::write_pong(hello, "2026-01-01T00:00:00Z");
        answer(static_cast<std::uint32_t>(id), hello, now, out);
    }
    if (injected(fault::auth_ping_first) && at->at == phase::opened)
        return deny(static_cast<std::uint32_t>(id), {errc::connect_expected, "AM-AUT-019"}, now, out);
    if (injected(fault::auth_timeout_extended) && at->at == phase::opened) await_login(static_cast<std::uint32_t>(id), now);
    if (at->pings_received == 0 || now.steady >= at->pings_since + limits::rate_window) {
        at->pings_since = now.steady;
        at->pings_received = 0;
    }
    if (at->pings_received >= options_.pings_per_minute)
        return evict(static_cast<std::uint32_t>(id), errc::rate_limited, close_codes::policy, "too many pings", now, out);
    ++at->pings_received;
}

// --- time -----------------------------------------------------------------------------------------------

template <MailboxStore Store, RandomSource Random>
std::optional<steady_point> server<Store, Random>::next_deadline() const noexcept {
    std::optional<steady_point> first;
    const auto consider = [&first](steady_point at) { first = first ? std::min(*first, at) : at; };
    if (!to_log_in_.empty()) consider(links_[to_log_in_.front()].since + options_.handshake_timeout);
    if (!to_answer_.empty()) consider(links_[to_answer_.front()].since + options_.pong_grace);
    if (!to_ping_.empty()) consider(links_[to_ping_.front()].since + options_.ping_interval);
    if (!departed_.empty()) consider(departed_.front().due);
    if (const auto at = store_.next_expiry()) consider(*at);
    return first;
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_tick(const moment& now, ActionSink auto& out) {
    const auto due = [&](const auto& queue, duration wait) {
        return !queue.empty() && now.steady >= links_[queue.front()].since + wait;
    };
    while (due(to_log_in_, options_.handshake_timeout)) {
        ++count_.evicted;
        if (injected(fault::auth_timeout_silent)) close(to_log_in_.front(), close_codes::policy, {}, now, out);
        else deny(to_log_in_.front(), {errc::connect_timeout, "AM-AUT-026"}, now, out);
    }
    while (due(to_answer_, options_.pong_grace))
        evict(to_answer_.front(), errc::timed_out, close_codes::policy, "no pong in time", now, out);
    while (due(to_ping_, options_.ping_interval)) ping(to_ping_.front(), now, out);
    forget_idle_agents(now);
    count_.expired += store_.expire(now);
    receipts_.expire(now);
    proofs_.forget(now);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::forget_idle_agents(const moment& now) {
    while (!departed_.empty() && departed_.front().due <= now.steady) {
        const amid name = departed_.front().name;
        departed_.pop_front();
        const agent* const who = agents_.find(name.text());
        if (who != nullptr && who->route == nowhere && who->rates.is_idle(now.steady)) agents_.remove(name);
    }
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::on_stop(const moment& now, ActionSink auto& out) {
    stopping_ = true;
    for (std::size_t i = 0; i < links_.size(); ++i)
        if (links_[i].at != phase::free && links_[i].at != phase::closing)
            close(static_cast<std::uint32_t>(i), close_codes::going_away, "relay stops", now, out);
}

// --- answers --------------------------------------------------------------------------------------------

// An answer is queued while its frame is handled, so answers come in the order of the frames. A connection that has no
// room for answers to its own frames asks without reading: there is nothing to wait for. @spec AM-ERR-014
template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::answer(std::uint32_t id, const wire::frame_pieces& frame, const moment& now,
                                   ActionSink auto& out) {
    if (links_[id].at == phase::closing) return;
    if (out.send_text(connection_id{id}, frame.pieces()) == send_result::full)
        evict(id, errc::queue_full, close_codes::try_again, "reader too slow", now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::refuse(std::uint32_t id, const error& why, const moment& now, ActionSink auto& out,
                                   unsigned retry_after, std::string_view answer_id) {
    ++count_.errors;
    if (why.code == errc::rate_limited) ++count_.rate_limited;
    const agent* const who = links_[id].who;
    audit({audit_kind::refused, connection_id{id}, who ? who->name.text() : std::string_view{}, why}, out);
    wire::frame_pieces frame;
    wire::write_error(frame, why, retry_after, answer_id);
    answer(id, frame, now, out);
}

template <MailboxStore Store, RandomSource Random>
void server<Store, Random>::audit(const audit_event& what, ActionSink auto& out) {
    if constexpr (AuditSink<std::remove_reference_t<decltype(out)>>) out.audit(what);
}

}  // namespace agentmesh::relay
