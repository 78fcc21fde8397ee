// Bodies of session/records.hpp.
#pragma once

namespace agentmesh::session {
namespace record {

// --- names ----------------------------------------------------------------------------------------------------

inline std::string in_session(const session_id& id, std::string_view rest) {
    std::string out = "session/";
    append_hex(out, id.bytes());
    out += rest;
    return out;
}
inline std::string numbered(std::uint64_t value) {  // of one length, so that names sort as the numbers do
    std::array<std::uint8_t, 8> bytes;
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
    return to_hex(bytes);
}
inline std::string state_name(const session_id& id) { return in_session(id, "/state"); }
inline std::string generation_name(const session_id& id) { return in_session(id, "/generation"); }
inline std::string out_name(const session_id& id, std::uint64_t slot) {
    return in_session(id, "/out/" + numbered(slot));
}
inline std::string skip_name(const session_id& id, const skipped_block& block) {
    return in_session(id, "/skip/" + to_hex(block.dh.bytes().first(16)) + numbered(block.first));
}
inline result<skipped_block> parse_skip_name(std::string_view name) {
    std::array<std::uint8_t, 24> bytes;
    if (!decode_hex(name, bytes)) return fail(errc::bad_snapshot);
    skipped_block out;
    std::copy_n(bytes.begin(), 16, out.dh.storage().begin());
    for (const auto byte : std::span{bytes}.last<4>()) out.first = out.first << 8 | byte;
    return out;
}
inline std::string in_name(const session_id& id, std::uint64_t at) { return in_session(id, "/in/" + numbered(at)); }
inline std::string knock_name(const sha256_digest& hash) { return "knock/" + to_hex(hash.bytes()); }
inline std::string seen_name(const message_id& id) { return "seen/" + to_hex(id.bytes()); }

// --- bytes ----------------------------------------------------------------------------------------------------

constexpr std::uint8_t version = 1;
constexpr std::size_t most_ahead = 4096;  ///< frames beyond a gap, in a record; the engine keeps fewer

class byte_writer {
public:
    /// @param about  how long it may become; a longer one costs copies
    explicit byte_writer(std::size_t about = 64) : out_(about) { u8(version); }

    byte_writer& u8(std::uint8_t value) { return number(value, 1); }
    byte_writer& flag(bool value) { return u8(value ? 1 : 0); }
    byte_writer& u32(std::uint32_t value) { return number(value, 4); }
    byte_writer& u64(std::uint64_t value) { return number(value, 8); }
    byte_writer& time(time_point at) { return u64(static_cast<std::uint64_t>(at.time_since_epoch().count())); }
    byte_writer& raw(byte_view bytes) {
        if (out_.size() - size_ < bytes.size()) out_.resize(2 * out_.size() + bytes.size());
        std::copy(bytes.begin(), bytes.end(), out_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += bytes.size();
        return *this;
    }
    byte_writer& block(byte_view bytes) { return u32(static_cast<std::uint32_t>(bytes.size())).raw(bytes); }
    byte_writer& text(std::string_view value) { return block(as_bytes(value)); }
    byte_writer& texts(const std::vector<std::string>& values) {
        u32(static_cast<std::uint32_t>(values.size()));
        for (const auto& one : values) text(one);
        return *this;
    }
    [[nodiscard]] crypto::secret_buffer take() {
        out_.resize(size_);
        return std::move(out_);
    }

private:
    byte_writer& number(std::uint64_t value, std::size_t size) {
        std::array<std::uint8_t, 8> bytes;
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * (size - 1 - i)));
        return raw(byte_view{bytes}.first(size));
    }
    crypto::secret_buffer out_;
    std::size_t size_ = 0;
};

/// Errors stick; `done` tells whether everything was there and nothing is left.
class byte_reader {
public:
    explicit byte_reader(byte_view bytes) : left_{bytes} {
        if (u8() != version) ok_ = false;
    }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    bool flag() {
        const auto value = u8();
        if (value > 1) ok_ = false;
        return value == 1;
    }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    time_point time() {
        const time_point at{duration{static_cast<duration::rep>(u64())}};
        if (at < earliest_time || at > latest_time) ok_ = false;
        return ok_ ? at : time_point{};
    }
    byte_view raw(std::size_t size) {
        if (!ok_ || left_.size() < size) {
            ok_ = false;
            return {};
        }
        const auto out = left_.first(size);
        left_ = left_.subspan(size);
        return out;
    }
    byte_view block() { return raw(u32()); }
    std::string text() { return std::string{as_text(block())}; }
    std::vector<std::string> texts() {
        std::vector<std::string> out;
        for (auto count = u32(); ok_ && count > 0; --count) out.push_back(text());
        return out;
    }
    template <class Fixed>
    Fixed fixed() {
        const auto bytes = raw(Fixed::size);
        return ok_ ? *Fixed::from(bytes) : Fixed{};
    }
    template <class Enum>
    Enum choice(Enum last) {
        const auto value = u8();
        if (value > static_cast<std::uint8_t>(last)) ok_ = false;
        return ok_ ? static_cast<Enum>(value) : Enum{};
    }
    void refuse() { ok_ = false; }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool done() const { return ok_ && left_.empty(); }

private:
    std::uint64_t number(std::size_t size) {
        std::uint64_t out = 0;
        for (const auto byte : raw(size)) out = out << 8 | byte;
        return out;
    }
    byte_view left_;
    bool ok_ = true;
};

inline crypto::secret_buffer secret_copy(byte_view bytes) { return {bytes.begin(), bytes.end()}; }

// --- sessions -------------------------------------------------------------------------------------------------

// The end of a ratchet's snapshot: u16 count, then of each skipped key its chain, u32 number, and the key.
constexpr std::size_t skipped_count = 2, skipped_key = 32, skipped_entry = 32 + 4 + skipped_key;

inline crypto::secret_buffer write_state(const session_core& core, const std::vector<std::string>& suites,
                                         const std::optional<am1_ratchet>& ratchet,
                                         const std::optional<e2ee::reply_key>& reply_key) {
    byte_writer to{1536 + core.last_frame.size()};
    to.raw(core.id.bytes()).u8(static_cast<std::uint8_t>(core.phase)).flag(core.initiator).flag(core.optimistic);
    to.raw(core.own.bytes()).raw(core.peer.bytes());
    to.text(core.what.category).text(core.what.subcategory).text(core.what.action);
    to.u8(static_cast<std::uint8_t>(core.what.urgency));
    to.u8(static_cast<std::uint8_t>(core.asked.kind)).u32(core.asked.ttl_seconds).u32(core.asked.expected_messages);
    to.u32(core.held_to.max_message_size_bytes).u32(core.held_to.max_messages).u32(core.held_to.ttl_seconds);
    to.texts(core.features).texts(suites);
    to.raw(core.knock.bytes()).raw(core.transcript.bytes()).raw(core.first_key.bytes());
    to.time(core.begun).time(core.answered).time(core.ends).u64(core.policy_generation).u64(core.generation);
    to.u32(core.sent).u32(core.received).u32(core.early_bytes).u64(core.next_slot);
    to.u64(core.next_out).u64(core.next_in).u64(core.told_in);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> runs;
    for (const auto index : core.ahead)
        if (runs.empty() || runs.back().first + runs.back().second != index) runs.emplace_back(index, 1);
        else ++runs.back().second;
    to.u32(static_cast<std::uint32_t>(runs.size()));
    for (const auto& [first, length] : runs) to.u64(first).u32(length);
    to.u32(static_cast<std::uint32_t>(core.chains.size()));
    for (const auto& chain : core.chains) to.raw(chain.key.bytes()).u64(chain.base);
    to.flag(core.close_at.has_value()).u64(core.close_at.value_or(0));
    to.u32(static_cast<std::uint32_t>(core.recent.size()));
    for (const auto hash : core.recent) to.u64(hash);
    to.u32(static_cast<std::uint32_t>(core.replaces.size()));
    for (const auto& one : core.replaces) to.raw(one.bytes());
    to.u32(static_cast<std::uint32_t>(core.skipped.size()));
    for (const auto& one : core.skipped) to.raw(one.dh.bytes()).u32(one.first).u32(one.held);
    to.block(core.last_frame);
    to.flag(ratchet.has_value());
    if (ratchet) {
        const auto snapshot = e2ee::save(*ratchet);
        to.block(byte_view{snapshot}.first(snapshot.size() - skipped_count - ratchet->skipped() * skipped_entry));
    }
    to.flag(reply_key.has_value());
    if (reply_key) to.raw(reply_key->reveal());
    return to.take();
}

inline result<session_state> read_state(byte_view bytes) {
    byte_reader in{bytes};
    const auto id = in.fixed<session_id>();
    const auto phase = in.choice(session::phase::closed);
    const bool initiator = in.flag(), optimistic = in.flag();
    const auto own = e2ee::decode_card(in.raw(152));
    const auto peer = e2ee::decode_card(in.raw(152));
    if (!own || !peer) return fail(errc::bad_snapshot);
    session_state out{.core = {.id = id, .phase = phase, .initiator = initiator, .optimistic = optimistic, .own = *own,
                               .peer = *peer}};
    auto& core = out.core;
    core.what.category = in.text();
    core.what.subcategory = in.text();
    core.what.action = in.text();
    core.what.urgency = in.choice(urgency::critical);
    core.asked.kind = in.choice(session_kind::stream);
    core.asked.ttl_seconds = in.u32();
    core.asked.expected_messages = in.u32();
    core.held_to.max_message_size_bytes = in.u32();
    core.held_to.max_messages = in.u32();
    core.held_to.ttl_seconds = in.u32();
    core.features = in.texts();
    out.suites = in.texts();
    core.knock = in.fixed<sha256_digest>();
    core.transcript = in.fixed<sha256_digest>();
    core.first_key = in.fixed<exchange_public_key>();
    core.begun = in.time();
    core.answered = in.time();
    core.ends = in.time();
    core.policy_generation = in.u64();
    core.generation = in.u64();
    core.sent = in.u32();
    core.received = in.u32();
    core.early_bytes = in.u32();
    core.next_slot = in.u64();
    core.next_out = in.u64();
    core.next_in = in.u64();
    core.told_in = in.u64();
    for (auto count = in.u32(); in.ok() && count > 0; --count) {
        const auto first = in.u64();
        const auto length = in.u32();
        if (length == 0 || core.ahead.size() + length > most_ahead) in.refuse();
        for (std::uint32_t i = 0; in.ok() && i < length; ++i) core.ahead.push_back(first + i);
    }
    for (auto count = in.u32(); in.ok() && count > 0; --count) {
        const auto key = in.fixed<exchange_public_key>();
        core.chains.push_back({key, in.u64()});
    }
    const bool closes = in.flag();
    const auto close_at = in.u64();
    if (closes) core.close_at = close_at;
    for (auto count = in.u32(); in.ok() && count > 0; --count) core.recent.push_back(in.u64());
    for (auto count = in.u32(); in.ok() && count > 0; --count) core.replaces.push_back(in.fixed<session_id>());
    for (auto count = in.u32(); in.ok() && count > 0; --count) {
        const auto dh = in.fixed<exchange_public_key>();
        const auto first = in.u32();
        core.skipped.push_back({dh, first, in.u32()});
        if (core.skipped.back().held == 0 || first % skipped_block::size != 0) in.refuse();
    }
    const auto last = in.block();
    core.last_frame.assign(last.begin(), last.end());
    if (in.flag()) {
        out.saved_ratchet = secret_copy(in.block());
        if (core.skipped.empty()) {
            AGENTMESH_TRY(ratchet, join_skipped(out.saved_ratchet, {}, {}));
            out.ratchet = std::move(ratchet);
            out.saved_ratchet.clear();
        }
    }
    if (in.flag()) {
        auto key = e2ee::reply_key::from(in.raw(e2ee::reply_key::size));
        if (!key) return fail(errc::bad_snapshot);
        out.reply_key = std::move(*key);
    }
    const bool live = core.is_live();
    if (!in.done() || live != (out.ratchet.has_value() || !out.saved_ratchet.empty()) ||
        (phase == session::phase::knocking) != out.reply_key.has_value())
        return fail(errc::bad_snapshot);
    return out;
}

// --- the rest -------------------------------------------------------------------------------------------------

inline crypto::secret_buffer write_outgoing(const outgoing& one) {
    byte_writer to{64 + one.frame.size() + one.envelope.size()};
    to.u64(one.slot).u8(static_cast<std::uint8_t>(one.kind)).raw(one.id.bytes()).u64(one.index);
    to.block(one.frame).block(one.envelope);
    return to.take();
}
inline result<outgoing> read_outgoing(byte_view bytes) {
    byte_reader in{bytes};
    outgoing out;
    out.slot = in.u64();
    out.kind = in.choice(outgoing_kind::close);
    out.id = in.fixed<message_id>();
    out.index = in.u64();
    const auto frame = in.block();
    out.frame.assign(frame.begin(), frame.end());
    out.envelope = secret_copy(in.block());
    if (!in.done()) return fail(errc::bad_snapshot);
    return out;
}

inline crypto::secret_buffer write_arrived(const arrived& one) {
    byte_writer to{64 + one.envelope.size()};
    to.raw(one.id.bytes()).raw(one.origin.bytes()).block(one.envelope);
    return to.take();
}
inline result<arrived> read_arrived(byte_view bytes) {
    byte_reader in{bytes};
    arrived out;
    out.id = in.fixed<message_id>();
    out.origin = in.fixed<session_id>();
    out.envelope = secret_copy(in.block());
    if (!in.done()) return fail(errc::bad_snapshot);
    return out;
}

inline crypto::secret_buffer write_knock(const known_knock& one) {
    byte_writer to;
    to.raw(one.from.bytes().bytes()).raw(one.nonce.bytes()).flag(one.accepted).time(one.forget_after).block(one.reply);
    return to.take();
}
inline result<known_knock> read_knock(byte_view bytes) {
    byte_reader in{bytes};
    const auto from = in.fixed<amid::raw>();
    known_knock out{.from = amid::from_raw(from), .nonce = in.fixed<knock_nonce>(), .accepted = in.flag()};
    out.forget_after = in.time();
    const auto reply = in.block();
    out.reply.assign(reply.begin(), reply.end());
    if (!in.done()) return fail(errc::bad_snapshot);
    return out;
}

inline crypto::secret_buffer write_cards(const std::vector<former_card>& cards) {
    byte_writer to;
    to.u8(static_cast<std::uint8_t>(cards.size()));
    for (const auto& one : cards) to.raw(one.card.bytes()).raw(one.pair.secret_key().reveal()).time(one.until);
    return to.take();
}
inline result<std::vector<former_card>> read_cards(byte_view bytes) {
    byte_reader in{bytes};
    std::vector<former_card> out;
    for (auto count = in.u8(); in.ok() && count > 0; --count) {
        const auto card = e2ee::decode_card(in.raw(152));
        auto scalar = exchange_secret_key::from(in.raw(exchange_secret_key::size));
        const auto until = in.time();
        if (!card || !scalar) return fail(errc::bad_snapshot);
        out.push_back({*card, exchange_key_pair{std::move(*scalar)}, until});
        if (out.back().pair.public_key() != card->exchange) return fail(errc::bad_snapshot);
    }
    if (!in.done()) return fail(errc::bad_snapshot);
    return out;
}

inline crypto::secret_buffer write_seen(const seen_record& one) {
    return byte_writer{}.u64(one.count).raw(one.peer.bytes().bytes()).take();
}
inline result<seen_record> read_seen(byte_view bytes) {
    byte_reader in{bytes};
    const auto count = in.u64();
    const seen_record out{count, amid::from_raw(in.fixed<amid::raw>())};
    if (!in.done()) return fail(errc::bad_snapshot);
    return out;
}

inline crypto::secret_buffer write_number(std::uint64_t value) { return byte_writer{}.u64(value).take(); }
inline result<std::uint64_t> read_number(byte_view bytes) {
    byte_reader in{bytes};
    const auto out = in.u64();
    if (!in.done()) return fail(errc::bad_snapshot);
    return out;
}

}  // namespace record
}  // namespace agentmesh::session
