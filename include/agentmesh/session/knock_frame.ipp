// Bodies of session/knock_frame.hpp.
#pragma once

#include <agentmesh/crypto/kdf.hpp>

namespace agentmesh::session {

namespace frame_parts {

using e2ee::append;
using e2ee::append_lp;
using e2ee::append_u32be;

[[nodiscard]] inline std::uint32_t read_u32(byte_view at) noexcept {
    return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | std::uint32_t{at[3]};
}

// Keys of the agreement seal one text under each nonce, so the nonce is a small constant, big-endian.
[[nodiscard]] inline e2ee::am1::aead::nonce small_nonce(std::uint8_t value) noexcept {
    e2ee::am1::aead::nonce out;
    out.storage().back() = value;
    return out;
}

[[nodiscard]] inline bool starts_with(byte_view frame, frame_kind kind) noexcept {
    return frame.size() >= 2 && frame[0] == static_cast<std::uint8_t>(kind) && frame[1] == frame_suite;
}

constexpr std::uint8_t knock_one_time = 1, knock_optimistic = 2, message_bound = 1;

}  // namespace frame_parts

inline result<buffer> from_payload(std::string_view payload) {
    if (payload.size() > limits::payload_bytes) return fail(errc::too_large, "AM-KNK-001");
    AGENTMESH_TRY(out, from_base64(payload, base64_form::url_unpadded));
    const bool known = out.size() >= 2 && (out[0] == 1 || out[0] == 2 || out[0] == 3 || out[0] == 5);
    if (!known || out[1] != frame_suite) return fail(errc::bad_frame, "AM-KNK-001");
    return out;
}

inline result<void> pad_text(std::string& text) {
    for (const std::size_t size : {512u, 1024u, 2048u, 4096u, 8192u}) {
        if (text.size() > size) continue;
        text.resize(size, ' ');
        return {};
    }
    return fail(errc::too_large, "AM-KNK-002");
}

inline result<std::size_t> unpadded_size(byte_view padded) noexcept {
    std::size_t size = padded.size();
    while (size > 0 && padded[size - 1] == 0) --size;
    if (size == 0 || padded[size - 1] != 0x80 || padded_size(size - 1) != padded.size())
        return fail(errc::bad_frame, "AM-KNK-023");
    return size - 1;
}

// --- KNOCK ----------------------------------------------------------------------------------------------------

inline buffer knock_head_bytes(const knock_head& head) {
    using namespace frame_parts;
    buffer out;
    out.reserve(knock_head_size);
    out.push_back(static_cast<std::uint8_t>(frame_kind::knock));
    out.push_back(frame_suite);
    out.push_back(static_cast<std::uint8_t>((head.has_one_time_key() ? knock_one_time : 0) |
                                            (head.optimistic ? knock_optimistic : 0)));
    append(out, head.card.bytes());
    append(out, head.ephemeral.bytes());
    append(out, head.ratchet_key.bytes());
    append_u32be(out, head.prekey);
    append_u32be(out, head.one_time_key);
    return out;
}

inline result<knock_head> parse_knock_head(byte_view frame) {
    using namespace frame_parts;
    if (frame.size() < knock_head_size + frame_tag || !is_padded_text(frame.size() - knock_head_size - frame_tag) ||
        !starts_with(frame, frame_kind::knock))
        return fail(errc::bad_frame, "AM-KNK-003");
    const std::uint8_t flags = frame[2];
    const std::uint32_t one_time = read_u32(frame.subspan(knock_head_size - 4, 4));
    if ((flags & ~(knock_one_time | knock_optimistic)) != 0 ||
        ((flags & knock_one_time) != 0) != (one_time != no_one_time_key))
        return fail(errc::bad_frame, "AM-KNK-004");
    AGENTMESH_TRY(card, e2ee::identity_card::parse(frame.subspan(3, 152)));
    AGENTMESH_TRY(ephemeral, exchange_public_key::from(frame.subspan(155, 32)));
    AGENTMESH_TRY(ratchet_key, exchange_public_key::from(frame.subspan(187, 32)));
    return knock_head{(flags & knock_optimistic) != 0, std::move(card), ephemeral, ratchet_key,
                      read_u32(frame.subspan(219, 4)), one_time};
}

inline buffer seal_knock(const knock_head& head, const e2ee::knock_key& key, std::string_view text) {
    buffer out = knock_head_bytes(head);
    out.resize(knock_head_size + text.size() + frame_tag);
    const std::span<std::uint8_t> whole{out};
    e2ee::am1::aead::seal(whole.subspan(knock_head_size), key, frame_parts::small_nonce(0),
                          whole.first(knock_head_size), as_bytes(text));
    return out;
}

inline result<std::string> open_knock(byte_view frame, const e2ee::knock_key& key) {
    std::string out(frame.size() - knock_head_size - frame_tag, ' ');
    const std::span<std::uint8_t> text{reinterpret_cast<std::uint8_t*>(out.data()), out.size()};
    if (!e2ee::am1::aead::open(text, key, frame_parts::small_nonce(0), frame.first(knock_head_size),
                               frame.subspan(knock_head_size)))
        return fail(errc::bad_tag, "AM-KNK-006");
    return out;
}

inline session_id session_id_of(const sha256_digest& knock, const e2ee::id_key& key) {
    session_id out;
    const auto done = crypto::hkdf_sha256(out.storage(), knock.bytes(), key.reveal(),
                                          as_bytes("AgentMesh-v1:am1:session-id"));
    assert(done);
    (void)done;
    return out;
}

// --- replies --------------------------------------------------------------------------------------------------

namespace frame_parts {
[[nodiscard]] inline buffer reply_context(byte_view head, const sha256_digest& knock,
                                          const e2ee::identity_card& responder) {
    buffer out{head.begin(), head.end()};
    append(out, knock.bytes());
    append(out, responder.bytes());
    return out;
}
}  // namespace frame_parts

inline buffer seal_reply(reply_kind kind, const sha256_digest& knock, const e2ee::identity_card& responder,
                         const e2ee::reply_key& key, std::string_view text) {
    using namespace frame_parts;
    buffer out{static_cast<std::uint8_t>(frame_kind::reply), frame_suite};
    append(out, knock.bytes().first(8));
    const buffer context = reply_context(out, knock, responder);
    out.resize(reply_head_size + text.size() + frame_tag);
    e2ee::am1::aead::seal(std::span{out}.subspan(reply_head_size), key, small_nonce(static_cast<std::uint8_t>(kind)),
                          context, as_bytes(text));
    return out;
}

inline result<opened_reply> open_reply(byte_view frame, const sha256_digest& knock,
                                       const e2ee::identity_card& responder, const e2ee::reply_key& key) {
    using namespace frame_parts;
    if (frame.size() < reply_head_size + frame_tag || !is_padded_text(frame.size() - reply_head_size - frame_tag) ||
        !starts_with(frame, frame_kind::reply) || !std::equal(frame.begin() + 2, frame.begin() + 10, knock.data()))
        return fail(errc::bad_frame, "AM-KNK-018");
    const buffer context = reply_context(frame.first(reply_head_size), knock, responder);
    opened_reply out;
    out.text.resize(frame.size() - reply_head_size - frame_tag);
    const std::span<std::uint8_t> text{reinterpret_cast<std::uint8_t*>(out.text.data()), out.text.size()};
    for (const auto kind : {reply_kind::accept, reply_kind::reject}) {
        out.kind = kind;
        if (e2ee::am1::aead::open(text, key, small_nonce(static_cast<std::uint8_t>(kind)), context,
                                  frame.subspan(reply_head_size)))
            return out;
    }
    return fail(errc::bad_tag, "AM-KNK-018");
}

inline sha256_digest transcript_of(byte_view knock_frame, byte_view accept_frame) {
    using namespace frame_parts;
    constexpr std::string_view label = "AgentMesh-v1:transcript";
    buffer covered{label.begin(), label.end()};
    covered.push_back(0);
    append_lp(covered, knock_frame);
    append_lp(covered, accept_frame);
    return crypto::sha256(covered);
}

// --- messages -------------------------------------------------------------------------------------------------

inline result<message_frame> parse_message_frame(byte_view frame) {
    using namespace frame_parts;
    constexpr std::size_t heads = message_head_size + e2ee::header_size;
    if (frame.size() < heads + 64 + frame_tag || frame.size() > frame_bytes ||
        !starts_with(frame, frame_kind::message) || (frame[18] & ~message_bound) != 0)
        return fail(errc::bad_frame, "AM-KNK-022");
    AGENTMESH_TRY(id, session_id::from(frame.subspan(2, 16)));
    AGENTMESH_TRY(header, e2ee::parse_header(frame.subspan(message_head_size, e2ee::header_size)));
    return message_frame{id, frame[18] == message_bound, header, frame.first(message_head_size), frame.subspan(heads)};
}

inline buffer message_head_bytes(const session_id& session, bool bound) {
    buffer out{static_cast<std::uint8_t>(frame_kind::message), frame_suite};
    frame_parts::append(out, session.bytes());
    out.push_back(bound ? frame_parts::message_bound : 0);
    return out;
}

inline buffer session_context(const e2ee::identity_card& initiator, const e2ee::identity_card& responder) {
    using namespace frame_parts;
    buffer out;
    out.reserve(256);
    append_lp(out, as_bytes(e2ee::am1::message_info));
    append_lp(out, initiator.name.bytes().bytes());
    append_lp(out, responder.name.bytes().bytes());
    append_lp(out, initiator.signing.bytes());
    append_lp(out, responder.signing.bytes());
    append_lp(out, initiator.exchange.bytes());
    append_lp(out, responder.exchange.bytes());
    return out;
}

inline buffer message_context(byte_view session_context, const sha256_digest& hash, direction from, byte_view head) {
    using namespace frame_parts;
    buffer out{session_context.begin(), session_context.end()};
    append_lp(out, hash.bytes());
    out.push_back(static_cast<std::uint8_t>(from));
    append(out, head);
    return out;
}

// --- notices of unknown sessions ------------------------------------------------------------------------------

namespace frame_parts {
[[nodiscard]] inline buffer notice_content(byte_view session, const sha256_digest& answered, const amid& to) {
    buffer out{session.begin(), session.end()};
    append(out, answered.bytes());
    append(out, to.bytes().bytes());
    return out;
}
}  // namespace frame_parts

inline buffer write_notice(const session_id& session, const sha256_digest& answered, const amid& to,
                           const signing_key_pair& by) {
    using namespace frame_parts;
    buffer out{static_cast<std::uint8_t>(frame_kind::notice), frame_suite};
    append(out, session.bytes());
    append(out, e2ee::sign_in(by, e2ee::signing_context::unknown_session,
                              notice_content(session.bytes(), answered, to)).bytes());
    return out;
}

inline result<session_id> parse_notice(byte_view frame) {
    if (frame.size() != notice_size || !frame_parts::starts_with(frame, frame_kind::notice))
        return fail(errc::bad_frame, "AM-KNK-030");
    return session_id::from(frame.subspan(2, 16));
}

inline result<void> verify_notice(byte_view frame, const sha256_digest& answered, const amid& to,
                                  const signing_public_key& by) {
    AGENTMESH_TRY(proof, signature::from(frame.subspan(18, 64)));
    if (!e2ee::verify_in(by, e2ee::signing_context::unknown_session,
                         frame_parts::notice_content(frame.subspan(2, 16), answered, to), proof))
        return fail(errc::bad_signature, "AM-KNK-030");
    return {};
}

}  // namespace agentmesh::session
