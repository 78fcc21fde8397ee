// Bodies of message/envelope.hpp.
#pragma once

namespace agentmesh::message {

namespace envelope_rules {

[[nodiscard]] constexpr bool is_hex_id(std::string_view text) noexcept {
    return text.size() == session_id_digits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}
[[nodiscard]] constexpr bool is_printable_id(std::string_view text) noexcept {
    return !text.empty() && text.size() <= type_characters &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}
[[nodiscard]] constexpr bool is_own_id(std::string_view text) noexcept {
    return !text.empty() && text.size() <= type_characters && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
               c == ':' || c == '-';
    });
}
[[nodiscard]] constexpr bool is_type(std::string_view text) noexcept {
    return !text.empty() && text.size() <= type_characters && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
}
[[nodiscard]] inline bool is_object(std::string_view text) {
    json::reader in{text, {.bytes = envelope_bytes}};
    return in.peek() == json::kind::object;
}

}  // namespace envelope_rules

// --- reading -----------------------------------------------------------------------------------------------

inline result<envelope> parse_envelope(std::string_view text, session_id_form form) {
    std::optional<std::string> session_id, type, id;
    std::optional<std::uint64_t> sequence;
    std::optional<amid> from, to;
    std::optional<time_point> timestamp;
    std::optional<signature> proof;
    std::string_view payload;

    json::reader in{text, {.bytes = envelope_bytes}};
    const auto read_amid = [&](std::optional<amid>& out) {
        const auto name = amid::parse(in.string("AM-ENV-003").text());
        if (name) out = *name;
        else in.refuse(name.error().code, "AM-ENV-003");
    };
    in.begin_object("AM-ENV-003");
    while (const auto name = in.next_member()) {
        if (*name == "session_id") session_id = in.string("AM-ENV-003").text();
        else if (*name == "type") type = in.string("AM-ENV-003").text();
        else if (*name == "id") id = in.string("AM-ENV-003").text();
        else if (*name == "from") read_amid(from);
        else if (*name == "to") read_amid(to);
        else if (*name == "sequence") {
            const std::int64_t number = in.integer("AM-ENV-003");
            if (number < 0) in.refuse(errc::wrong_member, "AM-ENV-003");
            sequence = static_cast<std::uint64_t>(number);
        } else if (*name == "timestamp") {
            const auto time = parse_time(in.string("AM-ENV-003").text());
            if (time) timestamp = *time;
            else in.refuse(time.error().code, "AM-ENV-003");
        } else if (*name == "payload") {
            if (in.peek() != json::kind::object) in.refuse(errc::wrong_member, "AM-ENV-003");
            payload = in.skip();
        } else if (*name == "signature") {
            const auto bytes = from_base64_exact<signature>(in.string("AM-ENV-003").text(), base64_form::url_unpadded);
            if (bytes) proof = *bytes;
            else in.refuse(bytes.error().code, "AM-ENV-003");
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!session_id || !type || !sequence || !from || !to || !timestamp || payload.empty())
        return fail(errc::missing_member, "AM-ENV-003");
    const bool id_ok = form == session_id_form::hex ? envelope_rules::is_hex_id(*session_id)
                                                    : envelope_rules::is_printable_id(*session_id);
    if (!id_ok || !envelope_rules::is_type(*type) || (id && !envelope_rules::is_own_id(*id)))
        return fail(errc::wrong_member, "AM-ENV-003");
    return envelope{.session_id = std::move(*session_id), .sequence = *sequence, .from = *from, .to = *to,
                    .type = std::move(*type), .timestamp = *timestamp, .payload = std::string{payload},
                    .id = std::move(id), .proof = proof};
}

inline result<std::string> peek_type(std::string_view text) {
    std::optional<std::string> type;
    json::reader in{text, {.bytes = envelope_bytes}};
    in.begin_object("AM-ENV-003");
    while (const auto name = in.next_member())
        if (*name == "type") type = in.string("AM-ENV-003").text();
    AGENTMESH_CHECK(in.finish());
    if (!type) return fail(errc::missing_member, "AM-ENV-003");
    if (!envelope_rules::is_type(*type)) return fail(errc::wrong_member, "AM-ENV-003");
    return std::move(*type);
}

// --- writing -----------------------------------------------------------------------------------------------

inline result<std::string> write_envelope(const envelope& content) {
    if (!envelope_rules::is_printable_id(content.session_id) || !envelope_rules::is_type(content.type) ||
        !is_utf8(as_bytes(content.type)) || (content.id && !envelope_rules::is_own_id(*content.id)) ||
        content.sequence > static_cast<std::uint64_t>(limits::json_integer) ||
        content.timestamp < earliest_time || content.timestamp > latest_time ||
        !envelope_rules::is_object(content.payload))
        return fail(errc::wrong_member, "AM-ENV-003");
    // By itself first: text that only together with what stands around it is JSON must not get in.
    AGENTMESH_TRY(payload, json::canonicalize(content.payload, {.bytes = envelope_bytes}));

    std::string out;
    out.reserve(payload.size() + 512);
    json::writer to{out};
    to.begin_object().member("from", content.from.text());  // in the order of the canonical form
    if (content.id) to.member("id", *content.id);
    to.name("payload").verbatim(payload);
    to.member("sequence", content.sequence).member("session_id", content.session_id);
    if (content.proof) to.member("signature", to_base64(content.proof->bytes(), base64_form::url_unpadded));
    to.member("timestamp", format_time(content.timestamp)).member("to", content.to.text());
    to.member("type", content.type).end_object();
    if (out.size() > envelope_bytes) return fail(errc::too_large, "AM-ENV-003");
    // One more nesting than the payload alone.
    AGENTMESH_CHECK(json::validate(out, {.bytes = envelope_bytes}));
    return out;
}

// --- signature -----------------------------------------------------------------------------------------------

inline result<buffer> envelope_proof_bytes(std::string_view text) {
    constexpr std::string_view domain = "AgentMesh-v1:envelope";
    AGENTMESH_TRY(canonical, json::canonicalize_without(text, "signature", {.bytes = envelope_bytes}));
    buffer out(domain.size() + 1 + canonical.size());
    std::copy(domain.begin(), domain.end(), out.begin());
    std::copy(canonical.begin(), canonical.end(), out.begin() + static_cast<std::ptrdiff_t>(domain.size() + 1));
    return out;
}

inline result<std::string> sign_envelope(envelope& content, const signing_key_pair& key) {
    envelope trial = content;
    trial.proof.reset();
    AGENTMESH_TRY(bare, write_envelope(trial));
    AGENTMESH_TRY(covered, envelope_proof_bytes(bare));
    trial.proof = key.sign(covered);
    AGENTMESH_TRY(text, write_envelope(trial));
    content.proof = trial.proof;
    return text;
}

namespace envelope_rules {
[[nodiscard]] inline result<void> verify(std::string_view text, const envelope& read, const signing_public_key& key) {
    if (!read.proof) return fail(errc::bad_signature, "AM-ENV-002");
    AGENTMESH_TRY(covered, envelope_proof_bytes(text));
    if (!crypto::verify(key, covered, *read.proof)) return fail(errc::bad_signature, "AM-ENV-002");
    return {};
}
}  // namespace envelope_rules

inline result<void> verify_envelope(std::string_view text, const signing_public_key& key) {
    AGENTMESH_TRY(read, parse_envelope(text, session_id_form::foreign));
    return envelope_rules::verify(text, read, key);
}

// --- what a receiver does ------------------------------------------------------------------------------------

inline result<void> check_envelope(const envelope& content, const expected_envelope& where) {
    if (content.session_id != where.session_id || content.from != where.from || content.to != where.to)
        return fail(errc::bad_envelope, "AM-ENV-004");
    return {};
}

inline result<envelope> open_envelope(std::string_view text, const expected_envelope& where,
                                      const signing_public_key& key) {
    AGENTMESH_TRY(read, parse_envelope(text));
    AGENTMESH_CHECK(check_envelope(read, where));
    AGENTMESH_CHECK(envelope_rules::verify(text, read, key));
    return read;
}

inline sequence_news sequence_tracker::look(std::uint64_t sequence) const noexcept {
    if (sequence == due_) return sequence_news::next;
    if (sequence > due_) return sequence_news::gap;
    if (due_ - sequence > window || seen_[sequence % window]) return sequence_news::duplicate;
    return sequence_news::late;
}

inline result<sequence_news> sequence_tracker::accept(std::uint64_t sequence) noexcept {
    const sequence_news news = look(sequence);
    if (news == sequence_news::duplicate || sequence > static_cast<std::uint64_t>(limits::json_integer))
        return fail(errc::bad_sequence, "AM-ENV-006");
    if (sequence >= due_) {
        // The numbers that the window now reaches for the first time have not been seen.
        if (sequence - due_ >= window) seen_.reset();
        else
            for (std::uint64_t n = due_; n < sequence; ++n) seen_.reset(n % window);
        due_ = sequence + 1;
    }
    seen_.set(sequence % window);
    ++accepted_;
    return news;
}

}  // namespace agentmesh::message
