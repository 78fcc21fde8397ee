// Bodies of session/dialect.hpp.
#pragma once

namespace agentmesh::session::dialect {

// --- bytes ----------------------------------------------------------------------------------------------------

namespace bytes {

inline void put(record::byte_writer& to, const intent& what, const session_request& asked, const constraints& held_to) {
    to.text(what.category).text(what.subcategory).text(what.action).u8(static_cast<std::uint8_t>(what.urgency));
    to.u8(static_cast<std::uint8_t>(asked.kind)).u32(asked.ttl_seconds).u32(asked.expected_messages);
    to.u32(held_to.max_message_size_bytes).u32(held_to.max_messages).u32(held_to.ttl_seconds);
}
inline void take(record::byte_reader& in, intent& what, session_request& asked, constraints& held_to) {
    what.category = in.text();
    what.subcategory = in.text();
    what.action = in.text();
    what.urgency = in.choice(urgency::critical);
    asked.kind = in.choice(session_kind::stream);
    asked.ttl_seconds = in.u32();
    asked.expected_messages = in.u32();
    held_to.max_message_size_bytes = in.u32();
    held_to.max_messages = in.u32();
    held_to.ttl_seconds = in.u32();
}

}  // namespace bytes

inline void write_core(record::byte_writer& to, const conversation_core& core) {
    to.text(core.session).text(core.nonce).raw(core.identity.bytes()).raw(core.signing.bytes());
    to.flag(core.initiator).flag(core.answered).flag(core.optimistic).flag(core.bound);
    bytes::put(to, core.what, core.asked, core.held_to);
    to.time(core.begun).time(core.accepted).time(core.ends).u32(core.sent).u32(core.received);
    to.u64(core.generation).u64(core.next_slot).u64(core.next_in).block(core.ad_prefix);
    to.flag(core.offered.has_value());
    if (!core.offered) return;
    const auto& open = *core.offered;
    to.u64(open.number).raw(open.identity.bytes()).raw(open.ephemeral.bytes());
    to.flag(open.one_time.has_value()).u32(open.one_time.value_or(0)).u32(open.signed_id).flag(open.bound);
    to.text(open.session).time(open.begun).time(open.ends);
    bytes::put(to, open.what, open.asked, open.held_to);
}

inline conversation_core read_core(record::byte_reader& in) {
    conversation_core core;
    core.session = in.text();
    core.nonce = in.text();
    core.identity = in.fixed<exchange_public_key>();
    core.signing = in.fixed<signing_public_key>();
    core.initiator = in.flag();
    core.answered = in.flag();
    core.optimistic = in.flag();
    core.bound = in.flag();
    bytes::take(in, core.what, core.asked, core.held_to);
    core.begun = in.time();
    core.accepted = in.time();
    core.ends = in.time();
    core.sent = in.u32();
    core.received = in.u32();
    core.generation = in.u64();
    core.next_slot = in.u64();
    core.next_in = in.u64();
    const auto prefix = in.block();
    core.ad_prefix.assign(prefix.begin(), prefix.end());
    if (!in.flag()) return core;
    auto& open = core.offered.emplace();
    open.number = in.u64();
    open.identity = in.fixed<exchange_public_key>();
    open.ephemeral = in.fixed<exchange_public_key>();
    const bool named = in.flag();
    const auto one_time = in.u32();
    if (named) open.one_time = one_time;
    open.signed_id = in.u32();
    open.bound = in.flag();
    open.session = in.text();
    open.begun = in.time();
    open.ends = in.time();
    bytes::take(in, open.what, open.asked, open.held_to);
    return core;
}

inline std::string peek_type(byte_view text) {
    std::string out;
    json::reader in{as_text(text)};
    in.begin_object();
    while (const auto name = in.next_member())
        if (*name == "type" && in.peek() == json::kind::string) out = in.string().text();
    return in.finish() ? out : std::string{};
}

/// @spec AM-RAT-033
result<void> persist(record_batch& batch, auto& out) {
    if (batch.empty()) return {};
    if (!out.persist(batch.changes())) return fail(errc::not_persisted, "AM-RAT-033");
    return {};
}

// --- questions ------------------------------------------------------------------------------------------------

template <e2ee::X3dhSuite S>
auto desk<S>::find(std::string_view peer) -> conversation* {
    const auto found = sessions_.find(peer);
    return found == sessions_.end() ? nullptr : &found->second;
}
template <e2ee::X3dhSuite S>
auto desk<S>::find(std::string_view peer) const -> const conversation* {
    const auto found = sessions_.find(peer);
    return found == sessions_.end() ? nullptr : &found->second;
}
template <e2ee::X3dhSuite S>
std::size_t desk<S>::open_count() const noexcept {
    return static_cast<std::size_t>(std::count_if(
        sessions_.begin(), sessions_.end(), [](const auto& one) { return one.second.ratchet.has_value(); }));
}
template <e2ee::X3dhSuite S>
steady_point desk<S>::next_end() const noexcept {
    auto next = steady_point::max();
    for (const auto& [peer, held] : sessions_)
        if (held.ratchet) next = std::min(next, held.ends);
    return next;
}
template <e2ee::X3dhSuite S>
std::string desk<S>::record_of(std::string_view peer, std::string_view rest) const {
    std::string out = prefix_ + "session/";
    (out += peer) += rest;
    return out;
}

// --- steps ----------------------------------------------------------------------------------------------------

template <e2ee::X3dhSuite S>
auto desk<S>::begin(const conversation* held) -> draft {
    draft out;
    if (!held) return out;
    out.core = held->core;
    if (held->ratchet) out.ratchet = held->ratchet->fork();
    return out;
}

template <e2ee::X3dhSuite S>
result<void> desk<S>::post(const conversation* held, draft& step, posted kind, std::string_view text) const {
    std::size_t count = step.posted.size(), size = text.size();
    if (held) {
        for (const auto& one : held->outbox)
            if (!one.gone) ++count, size += one.plain.size();
    }
    if (count >= most_waiting || size > most_waiting_bytes) return fail(errc::session_limit);
    outgoing one{.slot = step.core.next_slot++, .kind = kind};
    if (kind == posted::knock) one.frame = text;
    else one.plain.assign(text.begin(), text.end());
    step.posted.push_back(std::move(one));
    return {};
}

template <e2ee::X3dhSuite S>
void desk<S>::unseal(const conversation* held, draft& step) {
    if (!held) return;
    for (const auto& one : held->outbox) {
        // What left before an answer that never came cannot have been opened.
        const bool unheard = one.early && !held->core.answered;
        if (one.kind == posted::knock || (one.handed && !unheard) || one.frame.empty()) continue;
        step.posted.push_back({.slot = one.slot, .kind = one.kind, .plain = one.plain});
    }
    std::sort(step.posted.begin(), step.posted.end(), [](const auto& a, const auto& b) { return a.slot < b.slot; });
}

template <e2ee::X3dhSuite S>
result<void> desk<S>::seal(const conversation* held, draft& step, RandomSource auto& random, auto&& frame) const {
    const auto seal_one = [&](outgoing& one) -> result<void> {
        buffer sealed;
        AGENTMESH_TRY(header, step.ratchet->seal(sealed, step.core.ad_prefix, one.plain, random));
        one.frame = frame(header, byte_view{sealed});
        one.early = !step.core.answered;
        return {};
    };
    if (held) {
        for (const auto& one : held->outbox)
            if (one.frame.empty()) step.posted.push_back(one);
    }
    std::sort(step.posted.begin(), step.posted.end(), [](const auto& x, const auto& y) { return x.slot < y.slot; });
    auto& core = step.core;
    const auto is_text = [](const outgoing& one) { return one.kind == posted::message && one.frame.empty(); };
    const auto waiting = static_cast<std::uint32_t>(std::count_if(step.posted.begin(), step.posted.end(), is_text));
    std::uint32_t sealed = core.sent - std::min(core.sent, waiting);
    std::vector<outgoing> kept;
    for (auto& one : step.posted) {
        const bool too_much = is_text(one) && (sealed >= core.held_to.max_messages ||
                                               one.plain.size() > core.held_to.max_message_size_bytes);
        sealed += is_text(one) && !too_much ? 1 : 0;
        if (!too_much && one.frame.empty()) AGENTMESH_CHECK(seal_one(one));
        (too_much ? step.dropped : kept).push_back(std::move(one));
    }
    core.sent = sealed;
    step.posted = std::move(kept);
    return {};
}

template <e2ee::X3dhSuite S>
std::uint64_t desk<S>::arrive(draft& step, std::string id, byte_view text) {
    const auto at = step.core.next_in++;
    ++step.core.received;
    step.arrived = {at, arrival{.id = std::move(id), .text = {text.begin(), text.end()}}};
    return at;
}

template <e2ee::X3dhSuite S>
void desk<S>::save(record_batch& batch, std::string_view peer, draft& step) {
    step.core.generation = ++generation_;
    batch.put(prefix_ + "generation", record::write_number(generation_));
    record::byte_writer state;
    write_core(state, step.core);
    state.flag(step.ratchet.has_value());
    if (step.ratchet) state.block(e2ee::save(*step.ratchet));
    batch.put(record_of(peer, "/state"), state.take());
    batch.put(record_of(peer, "/generation"), record::write_number(step.core.generation));
    for (const auto& one : step.posted) {
        record::byte_writer to;
        to.u8(static_cast<std::uint8_t>(one.kind)).flag(one.early).text(one.frame).block(one.plain);
        batch.put(record_of(peer, "/out/" + record::numbered(one.slot)), to.take());
    }
    for (const auto& one : step.dropped) batch.erase(record_of(peer, "/out/" + record::numbered(one.slot)));
    if (step.arrived) {
        record::byte_writer to;
        to.text(step.arrived->second.id).block(step.arrived->second.text);
        batch.put(record_of(peer, "/in/" + record::numbered(step.arrived->first)), to.take());
    }
}

template <e2ee::X3dhSuite S>
auto desk<S>::install(std::string_view peer, draft step, const moment& now) -> conversation& {
    auto& held = sessions_[std::string{peer}];
    if (held.core.ends != step.core.ends)
        held.ends = step.core.ends == latest_time ? steady_point::max()
                                                  : now.steady + std::max(step.core.ends - now.wall, duration{0});
    held.core = std::move(step.core);
    held.ratchet = std::move(step.ratchet);
    for (auto& one : step.posted) {
        const auto at = std::find_if(held.outbox.begin(), held.outbox.end(),
                                     [&](const outgoing& old) { return old.slot == one.slot; });
        if (at == held.outbox.end()) held.outbox.push_back(std::move(one));
        else *at = std::move(one);
    }
    for (const auto& gone : step.dropped)
        std::erase_if(held.outbox, [&gone](const outgoing& one) { return one.slot == gone.slot; });
    if (step.arrived) held.inbox.insert(std::move(*step.arrived));
    return held;
}

template <e2ee::X3dhSuite S>
void desk<S>::erase(record_batch& batch, std::string_view peer, const conversation& held) {
    draft left;  // what waits in the inbox keeps its name
    left.core.next_slot = held.core.next_slot;
    left.core.next_in = held.core.next_in;
    for (const auto& one : held.outbox) batch.erase(record_of(peer, "/out/" + record::numbered(one.slot)));
    if (held.inbox.empty()) {
        batch.erase(record_of(peer, "/state"));
        batch.erase(record_of(peer, "/generation"));
    } else {
        save(batch, peer, left);
    }
}

template <e2ee::X3dhSuite S>
std::vector<crypto::secret_buffer> desk<S>::erased(std::string_view peer) {
    const auto found = sessions_.find(peer);
    auto& held = found->second;
    std::vector<crypto::secret_buffer> left;
    for (auto& one : held.outbox)
        if (one.kind == posted::message && !one.is_over(held.core)) left.push_back(std::move(one.plain));
    if (held.inbox.empty()) {
        sessions_.erase(found);
        return left;
    }
    conversation_core core;
    core.next_slot = held.core.next_slot;
    core.next_in = held.core.next_in;
    held.core = std::move(core);
    held.ratchet.reset();
    held.outbox.clear();
    held.ends = steady_point::max();
    return left;
}

template <e2ee::X3dhSuite S>
void desk<S>::sweep(record_batch& batch, std::string_view peer, const conversation& held) const {
    bool empty = !held.ratchet && !held.core.offered;
    for (const auto& one : held.outbox) {
        if (one.is_over(held.core)) batch.erase(record_of(peer, "/out/" + record::numbered(one.slot)));
        else empty = false;
    }
    for (const auto& [at, one] : held.inbox) {
        if (one.taken) batch.erase(record_of(peer, "/in/" + record::numbered(at)));
        else empty = false;
    }
    if (!empty) return;
    batch.erase(record_of(peer, "/state"));
    batch.erase(record_of(peer, "/generation"));
}

template <e2ee::X3dhSuite S>
void desk<S>::swept(std::string_view peer) {
    const auto found = sessions_.find(peer);
    auto& held = found->second;
    std::erase_if(held.outbox, [&held](const outgoing& one) { return one.is_over(held.core); });
    std::erase_if(held.inbox, [](const auto& one) { return one.second.taken; });
    if (held.is_empty()) sessions_.erase(found);
}

template <e2ee::X3dhSuite S>
bool desk<S>::has_room(std::string_view peer) const {
    return sessions_.size() < most_peers || sessions_.contains(peer) || first_to_go(peer);
}

template <e2ee::X3dhSuite S>
std::optional<std::string> desk<S>::first_to_go(std::string_view peer) const {
    if (sessions_.contains(peer) || sessions_.size() < most_peers) return std::nullopt;
    auto oldest = sessions_.end();
    for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
        const auto& one = at->second;
        if (one.ratchet || !one.core.offered || !one.outbox.empty() || !one.inbox.empty()) continue;
        if (oldest == sessions_.end() || one.core.offered->number < oldest->second.core.offered->number) oldest = at;
    }
    if (oldest == sessions_.end()) return std::nullopt;
    return oldest->first;
}

template <e2ee::X3dhSuite S>
std::optional<std::string> desk<S>::make_room(record_batch& batch, std::string_view peer) {
    auto out = first_to_go(peer);
    if (out) erase(batch, *out, sessions_.find(*out)->second);
    return out;
}

// --- pins -----------------------------------------------------------------------------------------------------

template <e2ee::X3dhSuite S>
result<void> desk<S>::check_pin(std::string_view peer, const exchange_public_key& key) const {
    const auto* known = pin_of(peer);
    if (known && *known != key) return fail(errc::unbound_key, "AM-KNK-063");
    if (!known && pins_.size() >= most_pins) return fail(errc::session_limit);
    return {};
}
template <e2ee::X3dhSuite S>
void desk<S>::pin(record_batch& batch, std::string_view peer, const exchange_public_key& key) const {
    if (!pin_of(peer)) batch.put(prefix_ + "pin/" + std::string{peer}, record::byte_writer{}.raw(key.bytes()).take());
}
template <e2ee::X3dhSuite S>
const exchange_public_key* desk<S>::pin_of(std::string_view peer) const {
    const auto found = pins_.find(peer);
    return found == pins_.end() ? nullptr : &found->second;
}
template <e2ee::X3dhSuite S>
void desk<S>::unpin(record_batch& batch, std::string_view peer) const {
    if (pin_of(peer)) batch.erase(prefix_ + "pin/" + std::string{peer});
}
template <e2ee::X3dhSuite S>
void desk<S>::unpinned(std::string_view peer) {
    if (const auto found = pins_.find(peer); found != pins_.end()) pins_.erase(found);
}

// --- restart --------------------------------------------------------------------------------------------------

template <e2ee::X3dhSuite S>
result<void> desk<S>::restore_one(const std::string& peer, StateStore auto& store, const moment& now,
                                  std::vector<std::string>& lost) {
    AGENTMESH_TRY(saved, store.load(record_of(peer, "/state")));
    if (!saved) return {};
    conversation held;
    {
        record::byte_reader in{*saved};
        held.core = read_core(in);
        if (in.flag()) {
            auto restored = e2ee::restore<S>(in.block());
            if (!restored) return fail(errc::bad_snapshot, "AM-RAT-031");
            held.ratchet = std::move(*restored);
        }
        if (!in.done()) return fail(errc::bad_snapshot, "AM-RAT-031");
        sodium_memzero(saved->data(), saved->size());  // the ratchet's keys
    }
    AGENTMESH_TRY(recorded, store.load(record_of(peer, "/generation")));
    std::uint64_t generation = 0;
    if (recorded) {
        AGENTMESH_TRY(number, record::read_number(*recorded));
        generation = number;
    }
    for (const auto& name : store.names(record_of(peer, "/out/"))) {
        AGENTMESH_TRY(bytes, store.load(name));
        record::byte_reader in{bytes ? byte_view{*bytes} : byte_view{}};
        outgoing one;
        one.kind = in.choice(posted::close);
        one.early = in.flag();
        one.frame = in.text();
        one.plain = record::secret_copy(in.block());
        std::array<std::uint8_t, 8> slot{};
        if (!in.done() || !decode_hex(std::string_view{name}.substr(name.size() - 16), slot))
            return fail(errc::bad_snapshot, "AM-RAT-031");
        for (const auto byte : slot) one.slot = one.slot << 8 | byte;
        held.outbox.push_back(std::move(one));
    }
    for (const auto& name : store.names(record_of(peer, "/in/"))) {
        AGENTMESH_TRY(bytes, store.load(name));
        record::byte_reader in{bytes ? byte_view{*bytes} : byte_view{}};
        arrival one;
        one.id = in.text();
        one.text = record::secret_copy(in.block());
        std::array<std::uint8_t, 8> index{};
        if (!in.done() || !decode_hex(std::string_view{name}.substr(name.size() - 16), index))
            return fail(errc::bad_snapshot, "AM-RAT-031");
        std::uint64_t at = 0;
        for (const auto byte : index) at = at << 8 | byte;
        held.inbox.emplace(at, std::move(one));
    }
    if (!recorded || held.core.generation != generation) lost.push_back(peer);
    generation_ = std::max({generation_, generation, held.core.generation});
    if (held.core.ends != latest_time) {
        const duration longest{std::chrono::seconds{held.core.answered ? held.core.held_to.ttl_seconds : 120}};
        held.ends = now.steady + std::clamp(held.core.ends - now.wall, duration{0}, longest);
    }
    sessions_.insert_or_assign(peer, std::move(held));
    return {};
}

template <e2ee::X3dhSuite S>
result<std::vector<std::string>> desk<S>::restore(StateStore auto& store, const moment& now) {
    for (const auto& name : store.names(prefix_ + "pin/")) {
        AGENTMESH_TRY(bytes, store.load(name));
        record::byte_reader in{bytes ? byte_view{*bytes} : byte_view{}};
        const auto key = in.fixed<exchange_public_key>();
        if (!in.done()) return fail(errc::bad_snapshot, "AM-RAT-031");
        pins_.insert_or_assign(name.substr(prefix_.size() + 4), key);
    }
    AGENTMESH_TRY(last, store.load(prefix_ + "generation"));
    if (last) {
        AGENTMESH_TRY(number, record::read_number(*last));
        generation_ = number;
    }
    std::vector<std::string> lost;
    const std::string sessions = prefix_ + "session/";
    for (const auto& name : store.names(sessions)) {
        if (!name.ends_with("/state")) continue;
        AGENTMESH_CHECK(restore_one(name.substr(sessions.size(), name.size() - sessions.size() - 6), store, now, lost));
    }
    return lost;
}

}  // namespace agentmesh::session::dialect
