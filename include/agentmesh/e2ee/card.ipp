// Bodies of e2ee/card.hpp.
#pragma once

namespace agentmesh::e2ee {

/// The part of a card that is signed.
inline buffer card_content(const identity_card& card) {
    buffer out;
    out.reserve(identity_card::size);
    append(out, card.name.bytes().bytes());
    append(out, card.signing.bytes());
    append(out, card.exchange.bytes());
    append_u32be(out, card.epoch);
    return out;
}

inline identity_card identity_card::make(const local_identity& self, std::uint32_t epoch) {
    identity_card out{self.name(), self.signing().public_key(), self.exchange().public_key(), epoch, {}};
    out.proof = sign_in(self.signing(), signing_context::exchange_key, card_content(out));
    return out;
}

inline std::array<std::uint8_t, identity_card::size> identity_card::bytes() const {
    buffer content = card_content(*this);
    append(content, proof.bytes());
    std::array<std::uint8_t, size> out;
    std::copy(content.begin(), content.end(), out.begin());
    return out;
}

inline result<identity_card> decode_card(byte_view bytes) {
    if (bytes.size() != identity_card::size) return fail(errc::bad_bundle, "AM-KEX-004");
    byte_cursor in{bytes};
    const amid name = amid::from_raw(in.fixed<amid::raw>());
    const auto signing = in.fixed<signing_public_key>();
    const auto exchange = in.fixed<exchange_public_key>();
    const std::uint32_t epoch = in.u32be();
    return identity_card{name, signing, exchange, epoch, in.fixed<signature>()};
}

inline result<void> identity_card::check() const {
    if (name != amid::of(signing)) return fail(errc::bad_bundle, "AM-KEX-005");
    if (!verify_in(signing, signing_context::exchange_key, card_content(*this), proof))
        return fail(errc::bad_bundle, "AM-KEX-006");
    return {};
}

inline result<identity_card> identity_card::parse(byte_view bytes) {
    AGENTMESH_TRY(card, decode_card(bytes));
    AGENTMESH_CHECK(card.check());
    return card;
}

inline result<void> known_epochs::check(const identity_card& card) const {
    const auto known = peers_.find(card.name);
    if (known != peers_.end() && card.epoch < known->second.epoch) return fail(errc::epoch_rollback, "AM-KEX-007");
    return {};
}

inline bool known_epochs::note(const identity_card& card) {
    if (card.epoch == 0) return false;
    if (const auto known = peers_.find(card.name); known != peers_.end()) {
        if (card.epoch < known->second.epoch) return false;
        const bool higher = card.epoch > known->second.epoch;
        known->second = {card.epoch, ++notes_};
        return higher;
    }
    if (peers_.size() >= capacity_)
        peers_.erase(std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
            return a.second.noted < b.second.noted;
        }));
    peers_.emplace(card.name, entry{card.epoch, ++notes_});
    return true;
}

inline buffer known_epochs::save() const {
    std::vector<decltype(peers_)::const_iterator> by_age;
    for (auto at = peers_.begin(); at != peers_.end(); ++at) by_age.push_back(at);
    std::sort(by_age.begin(), by_age.end(), [](auto a, auto b) { return a->second.noted < b->second.noted; });

    buffer out{1};
    append_u32be(out, static_cast<std::uint32_t>(by_age.size()));
    for (const auto& peer : by_age) {
        append(out, peer->first.bytes().bytes());
        append_u32be(out, peer->second.epoch);
    }
    return out;
}

inline result<known_epochs> known_epochs::restore(byte_view bytes, std::size_t capacity) {
    byte_cursor in{bytes};
    const std::uint8_t version = in.u8();
    const std::uint64_t count = in.u32be();
    if (version != 1 || in.left() != count * (limits::amid_bytes + 4)) return fail(errc::bad_snapshot);
    known_epochs out{capacity};
    for (std::uint64_t i = 0; i < count; ++i) {
        const amid name = amid::from_raw(in.fixed<amid::raw>());
        const std::uint32_t epoch = in.u32be();
        if (epoch == 0 || out.peers_.contains(name)) return fail(errc::bad_snapshot);
        (void)out.note(identity_card{name, {}, {}, epoch, {}});
    }
    if (!in.finished()) return fail(errc::bad_snapshot);
    return out;
}

}  // namespace agentmesh::e2ee
