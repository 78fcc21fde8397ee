// Bodies of dht/record.hpp.
#pragma once

namespace agentmesh::dht {

inline buffer signed_bytes(signing_context context, byte_view content) {
    const auto name = signing_context_names[static_cast<std::size_t>(context)];
    buffer out;
    out.reserve(e2ee::label_prefix.size() + name.size() + 1 + content.size());
    e2ee::append(out, e2ee::label_prefix);
    e2ee::append(out, name);
    out.push_back(0);
    e2ee::append(out, content);
    return out;
}

/// The part of a record that is signed.
inline buffer record_content(const discovery_record& record) {
    buffer out;
    out.reserve(700);
    out.push_back(1);
    e2ee::append(out, record.card.bytes());
    e2ee::append_u64be(out, record.sequence);
    e2ee::append_u64be(out, static_cast<std::uint64_t>(record.issued));
    e2ee::append_u32be(out, record.lifetime);
    out.push_back(static_cast<std::uint8_t>(record.relay.size()));
    e2ee::append(out, record.relay);
    out.push_back(record.prekey ? 1 : 0);
    if (record.prekey) {
        e2ee::append_u32be(out, record.prekey->id);
        e2ee::append(out, record.prekey->key.bytes());
        e2ee::append_u64be(out, static_cast<std::uint64_t>(record.prekey->not_before));
        e2ee::append_u64be(out, static_cast<std::uint64_t>(record.prekey->not_after));
        e2ee::append(out, record.prekey->proof.bytes());
    }
    return out;
}

inline bool is_relay_text(std::string_view text) noexcept {
    return text.size() <= limits::dht_relay_bytes &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

inline bool is_lifetime(std::int64_t seconds) noexcept {
    return seconds >= 1 && std::chrono::seconds{seconds} <= limits::dht_record_lifetime;
}

inline result<discovery_record> discovery_record::make(const local_identity& self, std::uint32_t epoch,
                                                       std::uint64_t sequence, time_point issued,
                                                       std::string_view relay,
                                                       const std::optional<e2ee::signed_prekey>& prekey,
                                                       duration lifetime) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(lifetime).count();
    const auto begins = std::chrono::floor<std::chrono::seconds>(issued).time_since_epoch().count();
    if (!is_relay_text(relay) || !is_lifetime(seconds) || begins < 0) return fail(errc::bad_record, "AM-DHT-003");
    discovery_record out{.card = e2ee::identity_card::make(self, epoch),
                         .sequence = sequence,
                         .issued = begins,
                         .lifetime = static_cast<std::uint32_t>(seconds),
                         .relay = std::string{relay},
                         .prekey = prekey,
                         .proof = {}};
    out.proof = self.signing().sign(signed_bytes(signing_context::record, record_content(out)));
    return out;
}

inline buffer discovery_record::bytes() const {
    buffer out = record_content(*this);
    e2ee::append(out, proof.bytes());
    return out;
}

inline result<discovery_record> decode_record(byte_view bytes) {
    // Later than this no time can be computed with; far beyond what is current.
    constexpr std::uint64_t latest = 253'402'300'799;  // the end of the year 9999
    if (bytes.size() > limits::dht_record_bytes) return fail(errc::too_large, "AM-DHT-004");
    e2ee::byte_cursor in{bytes};
    const auto version = in.u8();
    const auto card = e2ee::decode_card(in.take(e2ee::identity_card::size));
    if (version != 1 || !card) return fail(errc::bad_record, "AM-DHT-003");
    discovery_record out{.card = *card, .proof = {}};
    out.sequence = in.u64be();
    const auto issued = in.u64be();
    out.lifetime = in.u32be();
    out.relay = as_text(in.take(in.u8()));
    const auto has_prekey = in.u8();
    std::uint64_t not_before = 0, not_after = 0;
    if (has_prekey == 1) {
        auto& key = out.prekey.emplace();
        key.id = in.u32be();
        key.key = in.fixed<exchange_public_key>();
        not_before = in.u64be();
        not_after = in.u64be();
        key.proof = in.fixed<signature>();
        key.not_before = static_cast<std::int64_t>(std::min(not_before, latest));
        key.not_after = static_cast<std::int64_t>(std::min(not_after, latest));
    }
    out.proof = in.fixed<signature>();
    const bool fits = in.finished() && has_prekey <= 1 && is_relay_text(out.relay) && is_lifetime(out.lifetime) &&
                      issued <= latest && not_before <= latest && not_after <= latest;
    if (!fits) return fail(errc::bad_record, "AM-DHT-003");
    out.issued = static_cast<std::int64_t>(issued);
    return out;
}

inline result<void> check_record(const discovery_record& record, time_point now) {
    if (record.card.name != amid::of(record.card.signing)) return fail(errc::amid_mismatch, "AM-DHT-005");
    const time_point issued{std::chrono::seconds{record.issued}};
    if (issued > now + limits::dht_record_lead || now > record.expires()) return fail(errc::stale_record, "AM-DHT-007");
    const auto content = signed_bytes(signing_context::record, record_content(record));
    if (!crypto::verify(record.card.signing, content, record.proof)) return fail(errc::bad_signature, "AM-DHT-006");
    if (!record.card.check()) return fail(errc::bad_signature, "AM-DHT-006");
    if (!record.prekey) return {};
    if (const auto held = e2ee::check_signed_prekey(*record.prekey, record.card, now); !held)
        return held.error().code == errc::stale_prekey ? fail(held.error()) : fail(errc::bad_signature, "AM-DHT-006");
    return {};
}

inline result<discovery_record> read_record(byte_view bytes, const point& place, time_point now) {
    AGENTMESH_TRY(record, decode_record(bytes));
    if (record.place() != place) return fail(errc::amid_mismatch, "AM-DHT-005");
    AGENTMESH_CHECK(check_record(record, now));
    return record;
}

}  // namespace agentmesh::dht
