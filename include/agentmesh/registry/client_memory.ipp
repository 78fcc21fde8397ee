// Bodies of registry/client_memory.hpp.
#pragma once

#include <agentmesh/registry/fault.hpp>

namespace agentmesh::registry {

inline const agent_memory* client_memory::find(const amid& who) const {
    const auto at = agents_.find(who);
    return at == agents_.end() ? nullptr : &at->second.what;
}

inline result<void> client_memory::check_keys(const amid& who, const exchange_public_key& exchange,
                                              const std::optional<e2ee::identity_card>& card) const {
    const auto* known = find(who);
    if (known == nullptr || known->known == agent_memory::keys::none) return {};
    const bool was_bound = known->known == agent_memory::keys::bound;
    if (!card) {
        // Whoever has a card would show it: a bare key in its place is the word of somebody in between.
        if (injected(fault::client_bare_key)) return {};
        if (was_bound || known->exchange != exchange) return fail(errc::unbound_key, "AM-FND-003");
        return {};
    }
    if (!was_bound) return {};  // the agent has signed its key now, which says more than what was told before
    if (injected(fault::client_old_epoch)) return {};
    if (card->epoch < known->epoch) return fail(errc::epoch_rollback, "AM-FND-004");
    if (card->epoch == known->epoch && exchange != known->exchange) return fail(errc::epoch_rollback, "AM-FND-004");
    return {};
}

inline result<void> client_memory::check_bundle(const e2ee::prekey_bundle& bundle) const {
    const auto& card = bundle.card;
    AGENTMESH_CHECK(check_keys(card.name, card.exchange, card));
    const auto* known = find(card.name);
    if (known == nullptr || known->prekey_from < 0 || known->epoch < card.epoch) return {};
    const auto& key = bundle.signed_key;
    const auto seen = std::pair{known->prekey_from, known->prekey_id};
    const auto shown = std::pair{key.not_before, key.id};
    if (injected(fault::client_old_bundle)) return {};
    if (shown < seen || (shown == seen && key.key != known->prekey)) return fail(errc::old_record, "AM-FND-006");
    return {};
}

inline result<void> client_memory::check_standing(const amid& who) const {
    const auto* known = find(who);
    if (injected(fault::client_hidden_revocation)) return {};
    if (known != nullptr && known->is_revoked()) return fail(errc::certificate_revoked, "AM-FND-008");
    return {};
}

inline agent_memory& client_memory::touch(const amid& who) {
    auto at = agents_.find(who);
    if (at == agents_.end()) {
        if (agents_.size() >= capacity_) {
            const auto rank = [](const auto& one) { return std::pair{one.second.what.is_revoked(), one.second.noted}; };
            agents_.erase(std::min_element(agents_.begin(), agents_.end(),
                                           [&](const auto& a, const auto& b) { return rank(a) < rank(b); }));
        }
        at = agents_.emplace(who, entry{}).first;
    }
    at->second.noted = ++notes_;
    return at->second.what;
}

template <class Change>
bool client_memory::change(const amid& who, Change&& apply) {
    const auto* known = find(who);
    agent_memory draft = known != nullptr ? *known : agent_memory{};
    apply(draft);
    if (draft == (known != nullptr ? *known : agent_memory{})) return false;
    touch(who) = std::move(draft);
    return true;
}

inline bool client_memory::note_keys(const amid& who, const exchange_public_key& exchange,
                                     const std::optional<e2ee::identity_card>& card) {
    return change(who, [&](agent_memory& of) {
        if (!card) {
            if (of.known == agent_memory::keys::none) of.known = agent_memory::keys::unbound, of.exchange = exchange;
            return;
        }
        if (of.known == agent_memory::keys::bound && card->epoch <= of.epoch) return;
        // Prekeys are counted within one epoch: who replaces the exchange key may number them anew.
        of.prekey_from = -1;
        of.known = agent_memory::keys::bound;
        of.epoch = card->epoch;
        of.exchange = exchange;
    });
}

inline bool client_memory::note_bundle(const e2ee::prekey_bundle& bundle) {
    const bool keys = note_keys(bundle.card.name, bundle.card.exchange, bundle.card);
    const bool prekey = change(bundle.card.name, [&](agent_memory& of) {
        const auto& key = bundle.signed_key;
        if (bundle.card.epoch != of.epoch) return;
        if (std::pair{key.not_before, key.id} <= std::pair{of.prekey_from, of.prekey_id} && of.prekey_from >= 0) return;
        of.prekey_from = key.not_before;
        of.prekey_id = key.id;
        of.prekey = key.key;
    });
    return keys || prekey;
}

inline bool client_memory::note_revoked(const amid& who, const std::optional<revocation_statement>& gone) {
    return change(who, [&](agent_memory& of) {
        if (gone && gone->who() == who) {
            if (!of.gone) of.gone = gone;
        } else {
            of.said_revoked = true;
        }
    });
}

inline bool client_memory::note_successor(const succession_statement& told) {
    return change(told.from(), [&](agent_memory& of) {
        if (!of.successor) of.successor = told;
    });
}

inline buffer client_memory::save() const {
    std::vector<decltype(agents_)::const_iterator> by_age;
    for (auto at = agents_.begin(); at != agents_.end(); ++at) by_age.push_back(at);
    std::sort(by_age.begin(), by_age.end(), [](auto a, auto b) { return a->second.noted < b->second.noted; });

    buffer out{1};
    e2ee::append_u32be(out, static_cast<std::uint32_t>(by_age.size()));
    for (const auto& one : by_age) {
        const auto& of = one->second.what;
        e2ee::append(out, one->first.bytes().bytes());
        out.push_back(static_cast<std::uint8_t>(of.known));
        e2ee::append_u32be(out, of.epoch);
        e2ee::append(out, of.exchange.bytes());
        e2ee::append_u64be(out, static_cast<std::uint64_t>(of.prekey_from + 1));
        e2ee::append_u32be(out, of.prekey_id);
        e2ee::append(out, of.prekey.bytes());
        out.push_back(
            static_cast<std::uint8_t>((of.said_revoked ? 1 : 0) | (of.gone ? 2 : 0) | (of.successor ? 4 : 0)));
        if (of.gone) e2ee::append(out, of.gone->bytes());
        if (of.successor) e2ee::append(out, of.successor->bytes());
    }
    return out;
}

inline result<client_memory> client_memory::restore(byte_view bytes, std::size_t capacity) {
    e2ee::byte_cursor in{bytes};
    const auto version = in.u8();
    const auto count = in.u32be();
    if (version != 1) return fail(errc::bad_snapshot);
    client_memory out{capacity};
    std::map<amid, bool> seen;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const auto who = amid::from_raw(in.fixed<amid::raw>());
        agent_memory of;
        const auto known = in.u8();
        if (known > static_cast<std::uint8_t>(agent_memory::keys::bound)) return fail(errc::bad_snapshot);
        of.known = static_cast<agent_memory::keys>(known);
        of.epoch = in.u32be();
        of.exchange = in.fixed<exchange_public_key>();
        const auto from = in.u64be();
        if (from > (std::uint64_t{1} << 62)) return fail(errc::bad_snapshot);
        of.prekey_from = static_cast<std::int64_t>(from) - 1;
        of.prekey_id = in.u32be();
        of.prekey = in.fixed<exchange_public_key>();
        const auto flags = in.u8();
        if (flags > 7) return fail(errc::bad_snapshot);
        of.said_revoked = (flags & 1) != 0;
        // Proofs are checked again: what is shown to others as one must be one.
        if ((flags & 2) != 0) {
            const auto gone = revocation_statement::parse(in.take(revocation_statement::size));
            if (!gone || gone->who() != who) return fail(errc::bad_snapshot);
            of.gone = *gone;
        }
        if ((flags & 4) != 0) {
            const auto next = succession_statement::parse(in.take(succession_statement::size));
            if (!next || next->from() != who) return fail(errc::bad_snapshot);
            of.successor = *next;
        }
        if (!in.ok() || !seen.emplace(who, true).second) return fail(errc::bad_snapshot);
        out.touch(who) = std::move(of);
    }
    if (!in.finished()) return fail(errc::bad_snapshot);
    return out;
}

}  // namespace agentmesh::registry
