// Bodies of dht/datagram.hpp.
#pragma once

namespace agentmesh::dht {

inline constexpr std::array<std::uint8_t, 4> datagram_magic{'A', 'M', 'D', 1};

inline void append_u16be(buffer& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

inline std::uint16_t read_u16be(e2ee::byte_cursor& in) noexcept {
    const unsigned high = in.u8();
    return static_cast<std::uint16_t>(high << 8 | in.u8());
}

inline void append_head(buffer& out, const datagram& from, bool prove) {
    out.reserve(limits::dht_datagram_bytes);
    e2ee::append(out, datagram_magic);
    out.push_back(static_cast<std::uint8_t>(from.what));
    out.push_back(static_cast<std::uint8_t>((prove ? 1 : 0) | (from.passive ? 2 : 0)));
    e2ee::append(out, from.id.bytes());
    e2ee::append(out, from.sender.bytes());
}

inline void append_body(buffer& out, const datagram& from) {
    switch (from.what) {
        case kind::ping:
        case kind::pong: break;
        case kind::find_node:
        case kind::find_value: e2ee::append(out, from.target.bytes()); break;
        case kind::nodes:
            assert(from.contacts.size() <= limits::dht_bucket);
            out.push_back(static_cast<std::uint8_t>(from.contacts.size()));
            for (const auto& one : from.contacts) {
                out.push_back(one.at.v6 ? 6 : 4);
                e2ee::append(out, one.at.bytes());
                append_u16be(out, one.at.port);
                e2ee::append(out, one.key.bytes());
            }
            break;
        case kind::value:
        case kind::store:
            assert(!from.record.empty() && from.record.size() <= limits::dht_record_bytes);
            append_u16be(out, from.record.size());
            e2ee::append(out, from.record);
            break;
        case kind::stored: out.push_back(static_cast<std::uint8_t>(from.outcome)); break;
    }
}

inline buffer write_request(const datagram& from, std::size_t at_least) {
    assert(is_request(from.what) && at_least <= limits::dht_datagram_bytes);
    buffer out;
    append_head(out, from, from.prove);
    out.push_back(from.token ? address_token::size : 0);
    if (from.token) e2ee::append(out, from.token->bytes());
    append_body(out, from);
    if (out.size() < at_least) out.resize(at_least);
    return out;
}

/// What a proof covers: for whom it is made, and the answer up to it.
inline buffer proof_bytes(const node_public_key& asker, byte_view answer) {
    buffer content;
    content.reserve(asker.bytes().size() + answer.size());
    e2ee::append(content, asker.bytes());
    e2ee::append(content, answer);
    return signed_bytes(signing_context::reply, content);
}

inline buffer write_answer(const datagram& from, const node_public_key& asker, const node_key_pair* prover) {
    assert(!is_request(from.what) && from.token);
    buffer out;
    append_head(out, from, prover != nullptr);
    e2ee::append(out, from.token->bytes());
    append_body(out, from);
    if (prover) e2ee::append(out, prover->sign(proof_bytes(asker, out)).bytes());
    return out;
}

inline bool read_contacts(e2ee::byte_cursor& in, std::vector<contact>& out) {
    const std::size_t count = in.u8();
    if (count > limits::dht_bucket) return false;
    for (std::size_t i = 0; i < count; ++i) {
        const auto family = in.u8();
        if (family != 4 && family != 6) return false;
        endpoint at{.v6 = family == 6};
        const auto address = in.take(at.v6 ? 16 : 4);
        std::copy(address.begin(), address.end(), at.address.begin());
        at.port = read_u16be(in);
        const auto key = in.fixed<node_public_key>();
        if (!in.ok()) return false;
        out.push_back(contact::of(key, at));
    }
    return true;
}

inline bool read_body(e2ee::byte_cursor& in, datagram& to) {
    switch (to.what) {
        case kind::ping:
        case kind::pong: return true;
        case kind::find_node:
        case kind::find_value: to.target = in.fixed<point>(); return in.ok();
        case kind::nodes: return read_contacts(in, to.contacts);
        case kind::value:
        case kind::store: {
            const std::size_t size = read_u16be(in);
            const auto bytes = in.take(size);
            if (!in.ok() || size == 0 || size > limits::dht_record_bytes) return false;
            to.record.assign(bytes.begin(), bytes.end());
            return true;
        }
        case kind::stored: {
            const auto outcome = in.u8();
            to.outcome = static_cast<store_answer>(outcome);
            return in.ok() && to.outcome < store_answer::count_;
        }
    }
    return false;
}

inline result<datagram> parse_datagram(byte_view bytes) {
    const auto refused = [] { return fail(errc::bad_datagram, "AM-DHT-009"); };
    if (bytes.size() > limits::dht_datagram_bytes) return refused();
    e2ee::byte_cursor in{bytes};
    const auto magic = in.take(datagram_magic.size());
    const auto what = in.u8(), flags = in.u8();
    if (!std::ranges::equal(magic, datagram_magic) || what < 1 || what > 8 || flags > 3) return refused();
    datagram out{.what = static_cast<kind>(what),
                 .prove = (flags & 1) != 0,
                 .passive = (flags & 2) != 0,
                 .id = in.fixed<transaction>(),
                 .sender = in.fixed<node_public_key>()};
    const bool request = is_request(out.what);
    const std::size_t token = request ? in.u8() : address_token::size;
    if (token != 0 && token != address_token::size) return refused();
    if (token != 0) out.token = in.fixed<address_token>();
    if (!read_body(in, out) || !in.ok()) return refused();
    if (request) {
        const auto padding = in.take(in.left());
        if (std::any_of(padding.begin(), padding.end(), [](std::uint8_t byte) { return byte != 0; })) return refused();
    } else if (out.prove) {
        out.proof = in.fixed<signature>();
    }
    if (!in.finished()) return refused();
    return out;
}

inline result<void> check_proof(byte_view bytes, const datagram& from, const node_public_key& asker) {
    if (!from.proof) return fail(errc::bad_signature, "AM-DHT-011");
    const auto covered = bytes.first(bytes.size() - signature::size);
    if (!crypto::verify(from.sender, proof_bytes(asker, covered), *from.proof))
        return fail(errc::bad_signature, "AM-DHT-011");
    return {};
}

}  // namespace agentmesh::dht
