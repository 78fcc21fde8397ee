// Time, storage and questions. Part of session/engine.hpp.
#pragma once

namespace agentmesh::session {

/// @spec AM-RAT-033
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::persist(record_batch& batch, SessionSink auto& out) {
    if (batch.empty()) return {};
    if (const auto saved = out.persist(batch.changes()); !saved) {
        out.audit({.kind = audit_kind::not_persisted, .why = saved.error()});
        return fail(errc::not_persisted, "AM-RAT-033");
    }
    return {};
}

// --- time -----------------------------------------------------------------------------------------------------

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::on_tick(const moment& now, SessionSink auto& out) {
    result<void> outcome;
    for (auto& [id, held] : sessions_)
        if (const auto done = tick(held, now, out); !done) outcome = done;
    std::erase_if(held_, [&](const auto& one) { return one.second.until <= now.steady; });
    if (const auto done = purge(now, out); !done) outcome = done;
    return outcome;
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::tick(session_state& held, const moment& now, SessionSink auto& out) {
    AGENTMESH_CHECK(forget_taken(held, out));
    const auto& core = held.core;
    if (core.phase == phase::closed) return {};
    if (held.ends <= now.steady) {
        const auto finished = [&](result<void> done) {
            if (!done) held.ends = now.steady + std::chrono::seconds{1};  // until then the store may have recovered
            return done;
        };
        if (core.phase == phase::knocking) {
            const refusal no{.session = core.id, .peer = core.peer.name, .why = {errc::knock_timed_out}};
            return finished(end(held, no.why, now, out, &no));
        }
        const auto why = core.phase == phase::open ? errc::session_expired
                         : core.phase == phase::closing ? errc::session_closed : errc::session_lost;
        return finished(end(held, {why}, now, out));
    }
    AGENTMESH_CHECK(finish(held, now, out));
    if (held.ack_at <= now.steady) AGENTMESH_CHECK(acknowledge(held, now, out));
    if (held.resend_at > now.steady) return {};
    if (core.phase == phase::knocking) send_knock(held, out);
    else if (!held.wants_resend()) held.resend_at = session_state::never;
    if (held.resend_at == session_state::never) return {};
    std::size_t sent = 0;
    for (const auto& one : held.outbox) {
        if (!one.sealed() || ++sent > resend_at_once) break;
        transmit(held, one, out);
    }
    held.resend_at = now.steady + held.resend_after;
    held.resend_after = std::min(held.resend_after * 2, options_.resend_longest);
    return {};
}

/// Forgets KNOCKs that cannot be replayed any more, and sessions that ended some time ago.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::purge(const moment& now, SessionSink auto& out) {
    record_batch batch;
    std::vector<sha256_digest> knocks;
    for (auto& [hash, one] : knocks_) {
        // By both clocks, so that one that jumps ahead does not let an old KNOCK in again.
        if (one.forget_at > now.steady) continue;
        if (one.forget_after > now.wall) {
            one.forget_at = now.steady + std::min(one.forget_after - now.wall, knock_lifetime);
            continue;
        }
        knocks.push_back(hash);
        batch.erase(record::knock_name(hash));
    }
    std::vector<std::pair<steady_point, session_id>> closed;
    for (const auto& [id, held] : sessions_)
        if (held.core.phase == phase::closed && held.inbox.empty()) closed.emplace_back(held.ends, id);
    std::sort(closed.begin(), closed.end());
    const std::size_t too_many = closed.size() - std::min(closed.size(), options_.closed_sessions);
    std::size_t gone = 0;
    while (gone < closed.size() && (gone < too_many || closed[gone].first <= now.steady)) {
        batch.erase(record::state_name(closed[gone].second));
        batch.erase(record::generation_name(closed[gone++].second));
    }
    AGENTMESH_CHECK(persist(batch, out));
    for (const auto& hash : knocks) {
        const auto one = knocks_.find(hash);
        nonces_.erase({one->second.from, one->second.nonce});
        knocks_.erase(one);
    }
    for (std::size_t i = 0; i < gone; ++i) sessions_.erase(closed[i].second);
    return {};
}

template <RandomSource R, PolicySource P, PrekeySource K>
std::optional<steady_point> engine<R, P, K>::next_deadline() const noexcept {
    steady_point next = session_state::never;
    for (const auto& [id, held] : sessions_) {
        if (held.core.phase == phase::closed && !held.inbox.empty()) continue;  // until the application has taken it
        next = std::min({next, held.ends, held.ack_at, held.resend_at});
    }
    for (const auto& [hash, one] : knocks_) next = std::min(next, one.forget_at);
    for (const auto& [peer, one] : held_) next = std::min(next, one.until);
    if (next == session_state::never) return std::nullopt;
    return next;
}

// --- questions ------------------------------------------------------------------------------------------------

template <RandomSource R, PolicySource P, PrekeySource K>
std::optional<session_info> engine<R, P, K>::find(const session_id& id) const {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return std::nullopt;
    return found->second.info();
}

template <RandomSource R, PolicySource P, PrekeySource K>
std::vector<session_info> engine<R, P, K>::sessions() const {
    std::vector<session_info> out;
    for (const auto& [id, held] : sessions_)
        if (held.core.phase != phase::closed) out.push_back(held.info());
    return out;
}

template <RandomSource R, PolicySource P, PrekeySource K>
std::size_t engine<R, P, K>::live_sessions() const noexcept {
    return static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(),
                                                  [](const auto& one) { return one.second.core.is_live(); }));
}

// --- restart --------------------------------------------------------------------------------------------------

/// One saved session with what belongs to it. @return whether it is older than its record of generations
template <RandomSource R, PolicySource P, PrekeySource K>
result<bool> engine<R, P, K>::restore_session(const std::string& prefix, StateStore auto& store, const moment& now) {
    AGENTMESH_TRY(saved, store.load(prefix + "/state"));
    if (!saved) return false;
    AGENTMESH_TRY(held, record::read_state(*saved));
    sodium_memzero(saved->data(), saved->size());  // the ratchet's keys
    if (held.core.own.name != self_->name()) return fail(errc::bad_snapshot);
    AGENTMESH_TRY(recorded, store.load(prefix + "/generation"));
    std::uint64_t generation = 0;
    if (recorded) {
        AGENTMESH_TRY(number, record::read_number(*recorded));
        generation = number;
    }
    // Without its record of generations nobody can say how old a state is.
    const bool stale = held.core.is_live() && (!recorded || held.core.generation < generation);
    held.core.generation = std::max(held.core.generation, generation);
    if (stale) {  // at once: while one such session is dealt with, nothing may be sent in another
        held.ratchet.reset();
        held.reply_key.reset();
        if (held.core.phase != phase::closing) held.core.phase = phase::lost;
    }
    for (const auto& name : store.names(prefix + "/out/")) {
        AGENTMESH_TRY(bytes, store.load(name));
        AGENTMESH_TRY(one, record::read_outgoing(bytes ? byte_view{*bytes} : byte_view{}));
        if (held.core.phase == phase::lost) one.frame.clear();
        held.outbox.push_back(std::move(one));
    }
    for (const auto& name : store.names(prefix + "/in/")) {
        AGENTMESH_TRY(bytes, store.load(name));
        AGENTMESH_TRY(one, record::read_arrived(bytes ? byte_view{*bytes} : byte_view{}));
        std::array<std::uint8_t, 8> index;
        AGENTMESH_CHECK(decode_hex(std::string_view{name}.substr(prefix.size() + 4), index));
        std::uint64_t at = 0;
        for (const auto byte : index) at = at << 8 | byte;
        held.inbox.emplace(at, std::move(one));
    }
    const duration longest = held.core.phase == phase::open || held.core.phase == phase::closing
                                 ? duration{std::chrono::seconds{held.core.held_to.ttl_seconds}}
                                 : std::max(options_.lost_lifetime, options_.knock_timeout);
    held.ends = now.steady + std::clamp(held.core.ends - now.wall, duration{0}, longest);
    if (held.core.phase != phase::lost && held.wants_resend()) held.resend_at = now.steady;
    if (held.core.phase == phase::knocking) held.resend_at = now.steady;
    held.resend_after = held.core.phase == phase::knocking ? options_.knock_resend : options_.resend_first;
    // Whether the last acknowledgement left is not known, and copies are not recognised any more.
    if (held.core.phase == phase::open && held.core.next_in > 0) held.ack_at = now.steady;
    const auto id = held.core.id;
    sessions_.insert_or_assign(id, std::move(held));
    return stale;
}

template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::restore(StateStore auto& store, const moment& now, SessionSink auto& out) {
    AGENTMESH_TRY(epochs, store.load(record::epochs_name));
    if (epochs) {
        AGENTMESH_TRY(read, e2ee::known_epochs::restore(*epochs));
        epochs_ = std::move(read);
    }
    for (const auto& name : store.names("knock/")) {
        AGENTMESH_TRY(bytes, store.load(name));
        AGENTMESH_TRY(one, record::read_knock(bytes ? byte_view{*bytes} : byte_view{}));
        sha256_digest hash;
        AGENTMESH_CHECK(decode_hex(std::string_view{name}.substr(6), hash.storage()));
        one.forget_at = now.steady + knock_lifetime;  // the clock of a machine that has just started may be wrong
        nonces_.emplace(one.from, one.nonce);
        knocks_.insert_or_assign(hash, std::move(one));
    }
    std::vector<std::pair<std::uint64_t, message_id>> seen;
    for (const auto& name : store.names("seen/")) {
        AGENTMESH_TRY(bytes, store.load(name));
        AGENTMESH_TRY(count, record::read_number(bytes ? byte_view{*bytes} : byte_view{}));
        message_id id;
        AGENTMESH_CHECK(decode_hex(std::string_view{name}.substr(5), id.storage()));
        seen.emplace_back(count, id);
        seen_count_ = std::max(seen_count_, count);
    }
    std::sort(seen.begin(), seen.end());
    for (const auto& [count, id] : seen) seen_order_.push_back(id), seen_.insert(id);

    std::vector<session_id> stale;
    for (const auto& name : store.names("session/")) {
        if (!name.ends_with("/state")) continue;
        const auto prefix = name.substr(0, name.size() - 6);
        AGENTMESH_TRY(is_stale, restore_session(prefix, store, now));
        if (!is_stale) continue;
        session_id id;
        AGENTMESH_CHECK(decode_hex(std::string_view{prefix}.substr(8), id.storage()));
        stale.push_back(id);
    }
    // Before anything else: a state of the past must not send, acknowledge or deliver. @spec AM-KNK-034
    for (const auto& id : stale)
        AGENTMESH_CHECK(lose(sessions_.at(id), {errc::snapshot_rollback, "AM-RAT-032"}, now, out));
    for (auto& [id, held] : sessions_) {
        deliver(held, out);
        const bool waits = held.core.phase == phase::lost && held.ends > now.steady;
        if (waits && std::find(stale.begin(), stale.end(), id) == stale.end()) out.wants_knock(held.info());
    }
    return {};
}

}  // namespace agentmesh::session
