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
    retry_after_ = {};
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
    if (outcome) retry_at_.reset();
    else try_later(now);
    return outcome;
}

/// What could not be saved stays due, and is tried again after a pause that grows until something is saved.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::try_later(const moment& now) {
    if (retry_at_ && *retry_at_ > now.steady) return;
    constexpr duration first = std::chrono::seconds{1}, longest = std::chrono::seconds{30};
    retry_after_ = std::clamp(retry_after_ * 2, first, longest);
    retry_at_ = now.steady + retry_after_;
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
    if (std::exchange(held.repeat_reply, false))  // the peer waits for it
        if (const auto known = knocks_.find(core.knock); known != knocks_.end()) send_reply(known->second, out);
    if (held.resend_at <= now.steady) resend(held, now, out);
    return {};
}

/// Frames that never left come first, the newest among them: of a process that was killed it is the one that nobody
/// has. Then, in their turn, the oldest that are not acknowledged.
template <RandomSource R, PolicySource P, PrekeySource K>
void engine<R, P, K>::resend(session_state& held, const moment& now, SessionSink auto& out) {
    const bool unsent = held.has_unsent();
    if (held.core.phase == phase::knocking) send_knock(held, out);
    else if (!unsent && !held.wants_resend()) held.resend_at = session_state::never;
    if (held.resend_at == session_state::never) return;
    bool taken = true;
    std::size_t sent = 0;
    if (unsent && held.outbox.back().sealed() && !held.outbox.back().left)
        taken = transmit(held, held.outbox.back(), now, out), ++sent;
    for (auto& one : held.outbox) {
        if (!one.sealed() || !taken || sent == resend_at_once) break;
        if (unsent && one.left) continue;
        taken = transmit(held, one, now, out), ++sent;
    }
    if (taken && held.has_unsent()) {
        held.resend_at = now.steady + std::chrono::seconds{1};
        return;
    }
    held.resend_at = taken && !held.wants_resend() && held.core.phase != phase::knocking
                         ? session_state::never
                         : now.steady + held.resend_after;
    held.resend_after = std::min(held.resend_after * 2, options_.resend_longest);
}

// --- fairness ---------------------------------------------------------------------------------------------------

/// Whether this agent has asked a peer for a session, now or earlier: then the peer is no stranger.
template <RandomSource R, PolicySource P, PrekeySource K>
bool engine<R, P, K>::asked_ourselves(const amid& peer) const {
    const bool noted = !epochs_.check({peer, {}, {}, 0, {}});  // of whom an epoch is known, epoch 0 is refused
    return noted || std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& one) {
        return one.second.core.initiator && one.second.core.peer.name == peer;
    });
}

/// Of every bound a quarter is kept for peers that we asked ourselves, however many strangers come.
template <RandomSource R, PolicySource P, PrekeySource K>
bool engine<R, P, K>::is_full(std::size_t used, std::size_t bound, const amid& for_whom) const {
    return used >= bound || (used >= bound - bound / 4 && !asked_ourselves(for_whom));
}

// --- our card ---------------------------------------------------------------------------------------------------

/// @spec AM-KEX-037
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::rotate(const e2ee::identity_card& card, exchange_key_pair pair, const moment& now,
                                     SessionSink auto& out) {
    AGENTMESH_CHECK(card.check());
    if (card.name != self_->name() || card.exchange != pair.public_key() || card.epoch <= card_.epoch)
        return fail(errc::bad_bundle, "AM-KEX-007");
    std::vector<former_card> formers;
    const auto keep = [&](const former_card& one) {
        formers.push_back({one.card, exchange_key_pair{one.pair.secret_key().fork()}, one.until, one.gone_at});
    };
    for (const auto& one : formers_)
        if (one.gone_at > now.steady) keep(one);
    if (formers.size() == former_cards) formers.erase(formers.begin());
    formers.push_back({card_, exchange_key_pair{pair_.secret_key().fork()}, now.wall + options_.card_grace,
                       now.steady + options_.card_grace});
    record_batch batch;
    batch.put(std::string{record::cards_name}, record::write_cards(formers));
    AGENTMESH_CHECK(persist(batch, out));
    formers_ = std::move(formers);
    pair_ = std::move(pair);
    card_ = card;
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
    std::vector<former_card> formers;
    for (const auto& one : formers_)
        if (one.gone_at > now.steady)
            formers.push_back({one.card, exchange_key_pair{one.pair.secret_key().fork()}, one.until, one.gone_at});
    const bool outlived = formers.size() < formers_.size();
    if (outlived && formers.empty()) batch.erase(std::string{record::cards_name});
    else if (outlived) batch.put(std::string{record::cards_name}, record::write_cards(formers));
    AGENTMESH_CHECK(persist(batch, out));
    if (outlived) formers_ = std::move(formers);  // wipes those that are gone
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
    for (const auto& one : formers_) next = std::min(next, one.gone_at);
    if (retry_at_) return *retry_at_;
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

/// The skipped keys of a saved session. Of one that is not continued only their names, so that they are erased.
template <RandomSource R, PolicySource P, PrekeySource K>
result<void> engine<R, P, K>::restore_skipped(session_state& held, bool stale, const std::string& prefix,
                                              StateStore auto& store) {
    if (stale) {
        held.saved_ratchet.clear();
        held.core.skipped.clear();
        for (const auto& name : store.names(prefix + "/skip/")) {
            AGENTMESH_TRY(block, record::parse_skip_name(std::string_view{name}.substr(prefix.size() + 6)));
            held.core.skipped.push_back(block);
        }
        return {};
    }
    if (held.core.skipped.empty()) return {};
    crypto::secret_buffer keys;
    for (const auto& block : held.core.skipped) {
        AGENTMESH_TRY(bytes, store.load(record::skip_name(held.core.id, block)));
        if (!bytes) return fail(errc::bad_snapshot);
        const auto read = record::read_skipped(block, *bytes);
        sodium_memzero(bytes->data(), bytes->size());
        if (!read) return fail(read.error());
        keys.insert(keys.end(), read->begin(), read->end());
    }
    AGENTMESH_TRY(ratchet, record::join_skipped(held.saved_ratchet, held.core.skipped, keys));
    held.ratchet = std::move(ratchet);
    held.saved_ratchet = {};
    return {};
}

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
    AGENTMESH_CHECK(restore_skipped(held, stale, prefix, store));
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
    // What was saved last may never have left.
    if (held.core.phase == phase::knocking || held.has_unsent()) held.resend_at = now.steady;
    held.repeat_reply = held.core.phase == phase::open && !held.core.initiator && held.core.next_in == 0;
    if (held.repeat_reply) held.resend_at = now.steady;
    if (!held.core.initiator) stamped_ = std::max(stamped_, held.core.begun);
    held.resend_after = held.core.phase == phase::knocking ? options_.knock_resend : options_.resend_first;
    if (held.core.phase == phase::open && held.core.told_in < held.core.next_in) held.ack_at = now.steady;
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
    AGENTMESH_TRY(callers, store.load(record::callers_name));
    if (callers) {
        AGENTMESH_TRY(read, e2ee::known_epochs::restore(*callers));
        callers_ = std::move(read);
    }
    AGENTMESH_TRY(cards, store.load(record::cards_name));
    if (cards) {
        auto read = record::read_cards(*cards);
        sodium_memzero(cards->data(), cards->size());
        if (!read) return fail(read.error());
        for (auto& one : *read) {
            if (one.card.name != self_->name()) return fail(errc::bad_snapshot);
            one.gone_at = now.steady + std::clamp(one.until - now.wall, duration{0}, options_.card_grace);
            formers_.push_back(std::move(one));
        }
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
    std::vector<std::tuple<std::uint64_t, amid, message_id>> seen;
    for (const auto& name : store.names("seen/")) {
        AGENTMESH_TRY(bytes, store.load(name));
        AGENTMESH_TRY(one, record::read_seen(bytes ? byte_view{*bytes} : byte_view{}));
        message_id key;
        AGENTMESH_CHECK(decode_hex(std::string_view{name}.substr(5), key.storage()));
        seen.emplace_back(one.count, one.peer, key);
        seen_count_ = std::max(seen_count_, one.count);
    }
    std::sort(seen.begin(), seen.end());
    for (const auto& [count, peer, key] : seen) note_seen(peer, key, count);

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
        deliver(held, now, out);
        const bool waits = held.core.phase == phase::lost && held.ends > now.steady;
        if (waits && std::find(stale.begin(), stale.end(), id) == stale.end()) out.wants_knock(held.info());
    }
    return {};
}

}  // namespace agentmesh::session
