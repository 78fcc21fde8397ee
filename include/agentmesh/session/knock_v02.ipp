// Bodies of session/knock_v02.hpp.
#pragma once

namespace agentmesh::session::v02 {

// --- the bytes that Python signs --------------------------------------------------------------------------------

inline void append_python_string(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto escape = [&](std::uint32_t unit) {
        out += "\\u";
        for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> shift & 0xf];
    };
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<std::uint8_t>(text[i++]);
        if (byte == '"') out += "\\\"";
        else if (byte == '\\') out += "\\\\";
        else if (byte == '\n') out += "\\n";
        else if (byte == '\r') out += "\\r";
        else if (byte == '\t') out += "\\t";
        else if (byte == '\f') out += "\\f";
        else if (byte == '\b') out += "\\b";
        else if (byte < 0x20 || byte == 0x7f) escape(byte);
        else if (byte < 0x80) out += static_cast<char>(byte);
        else {  // well-formed UTF-8, as the JSON reader has checked
            const int more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
            std::uint32_t point = byte & (0x3fu >> more);
            for (int n = 0; n < more && i < text.size(); ++n)
                point = point << 6 | (static_cast<std::uint8_t>(text[i++]) & 0x3f);
            if (point < 0x10000) {
                escape(point);
            } else {
                escape(0xd800 + ((point - 0x10000) >> 10));
                escape(0xdc00 + ((point - 0x10000) & 0x3ff));
            }
        }
    }
    out += '"';
}

namespace python {
/// `, "name": ` and the value; without the comma at the beginning of an object.
inline void member(std::string& out, std::string_view name, std::string_view value) {
    if (out.back() != '{') out += ", ";
    append_python_string(out, name);
    out += ": ";
    append_python_string(out, value);
}
}  // namespace python

inline std::string python_knock_bytes(const amid& from, const amid& to, const intent& what,
                                      std::string_view timestamp) {
    std::string out = "{";
    python::member(out, "from", from.text());
    python::member(out, "to", to.text());
    out += ", \"intent\": {";
    python::member(out, "category", what.category);
    if (!what.subcategory.empty()) python::member(out, "subcategory", what.subcategory);
    if (!what.action.empty()) python::member(out, "action", what.action);
    python::member(out, "urgency", to_text(what.urgency));
    out += '}';
    python::member(out, "timestamp", timestamp);
    return out + '}';
}

inline std::string python_accept_bytes(std::string_view session, const amid& from, const amid& to,
                                       std::string_view timestamp) {
    std::string out = "{";
    python::member(out, "session_id", session);
    python::member(out, "from", from.text());
    python::member(out, "to", to.text());
    python::member(out, "timestamp", timestamp);
    return out + '}';
}

inline std::string python_reject_bytes(std::string_view reason, const amid& from, const amid& to,
                                       std::string_view timestamp) {
    std::string out = "{";
    python::member(out, "reason", reason);
    python::member(out, "from", from.text());
    python::member(out, "to", to.text());
    python::member(out, "timestamp", timestamp);
    return out + '}';
}

inline std::string python_time(time_point at) {
    std::string out = format_time(at, utc_suffix::offset);
    const auto dot = out.find('.');
    if (dot == std::string::npos) return out;
    const auto end = out.find('+', dot);
    out.insert(end, 7 - (end - dot), '0');
    return out;
}

// --- writing ----------------------------------------------------------------------------------------------------

namespace words {

constexpr auto b64 = base64_form::standard_padded;
inline std::string signed_text(const signing_key_pair& by, std::string_view covered) {
    return to_base64(by.sign(as_bytes(covered)).bytes(), b64);
}

inline result<void> verify(const signing_public_key& by, std::string_view covered, std::string_view text) {
    const auto proof = from_base64_exact<signature>(text, b64);
    if (!proof || !crypto::verify(by, as_bytes(covered), *proof)) return fail(errc::bad_signature, "AM-KNK-042");
    return {};
}

}  // namespace words

inline std::string write_knock(const amid& to, const intent& what, const session_request& asked, tier own,
                               const knock_nonce& nonce, time_point now, const signing_key_pair& by,
                               const x3dh_message* keys) {
    const amid from = amid::of(by.public_key());
    const auto timestamp = python_time(now);
    std::string out;
    json::writer json{out};
    json.begin_object().member("type", "knock").member("protocol_version", wire::protocol_02);
    json.name("from").begin_object().member("amid", from.text()).name("tier");
    json.verbatim(identity::tier_label(own, identity::tier_dialect::label)).end_object();
    json.name("intent").begin_object().member("category", std::string_view{what.category});
    if (!what.subcategory.empty()) json.member("subcategory", std::string_view{what.subcategory});
    if (!what.action.empty()) json.member("action", std::string_view{what.action});
    json.member("urgency", to_text(what.urgency)).end_object();
    json.name("session_request").begin_object().member("type", to_text(asked.kind));
    json.member("expected_messages", asked.expected_messages).member("ttl_seconds", asked.ttl_seconds).end_object();
    json.member("timestamp", std::string_view{timestamp}).member("nonce", std::string_view{to_hex(nonce.bytes())});
    if (keys) {
        json.name("x3dh").begin_object().member("identity_key", identity::to_text(keys->identity));
        json.member("ephemeral_key", identity::to_text(keys->ephemeral));
        json.member("signed_prekey_id", keys->signed_prekey);
        if (keys->one_time_prekey) json.member("one_time_prekey_id", *keys->one_time_prekey);
        json.end_object();
    }
    json.member("signature", std::string_view{words::signed_text(by, python_knock_bytes(from, to, what, timestamp))});
    json.end_object();
    return out;
}

inline std::string write_accept(const amid& to, std::string_view session, const constraints& held_to, time_point now,
                                const signing_key_pair& by) {
    const auto timestamp = python_time(now);
    const std::array<std::uint8_t, 32> unused{};
    std::string out;
    json::writer json{out};
    json.begin_object().member("type", "accept").member("session_id", session);
    json.member("session_key", std::string_view{to_base64(unused, words::b64)});
    json.name("capabilities").begin_array().end_array().name("constraints").begin_object();
    json.member("max_message_size_bytes", held_to.max_message_size_bytes).member("max_messages", held_to.max_messages);
    json.member("ttl_seconds", held_to.ttl_seconds).end_object().member("timestamp", std::string_view{timestamp});
    const auto covered = python_accept_bytes(session, amid::of(by.public_key()), to, timestamp);
    json.member("signature", std::string_view{words::signed_text(by, covered)}).end_object();
    return out;
}

inline std::string write_reject(const amid& to, deny_reason reason, time_point now, const signing_key_pair& by) {
    const auto timestamp = python_time(now);
    std::string out;
    json::writer json{out};
    json.begin_object().member("type", "reject").member("reason", to_text(reason)).member("human_readable", "");
    json.name("retry_after_seconds").null().member("timestamp", std::string_view{timestamp});
    const auto covered = python_reject_bytes(to_text(reason), amid::of(by.public_key()), to, timestamp);
    json.member("signature", std::string_view{words::signed_text(by, covered)}).end_object();
    return out;
}

// --- reading ----------------------------------------------------------------------------------------------------

namespace words {

constexpr clause_id shape = "AM-KNK-041";
constexpr std::size_t largest_text = 32 * 1024;  // certificates included

/// What the members of any of the six texts say, as far as they are there.
struct members {
    std::string_view version, from, to, request, timestamp, nonce;  // raw JSON, for the JavaScript signature
    std::string sender, recipient, type, session, reason, time, nonce_text, knock_nonce, proof;
    std::optional<std::int64_t> milliseconds{};
    intent what{};
    session_request asked{};
    constraints held_to{};
    std::optional<x3dh_message> keys{};
    bool has_request = false, has_intent = false;
    std::string signed_in_order = "{";  // every member but the signature, as sent
};

/// A member that may be null or of a type that we do not need is passed over.
inline std::string optional_text(json::reader& in) {
    if (in.peek() != json::kind::string) return in.skip(), std::string{};
    return in.string(shape).text();
}

inline std::optional<std::uint32_t> optional_limit(json::reader& in) {
    if (in.peek() != json::kind::number) return in.skip(), std::nullopt;
    const auto value = in.number(shape).integer();
    if (!value || *value < 1 || *value > knock_largest_limit) {
        in.refuse(errc::wrong_member, shape);
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(*value);
}

inline void read_python_intent(json::reader& in, intent& out) {
    in.begin_object(shape);
    while (const auto name = in.next_member()) {
        if (*name == "category") out.category = optional_text(in);
        else if (*name == "subcategory") out.subcategory = optional_text(in);
        else if (*name == "action") out.action = optional_text(in);
        else if (*name == "urgency") {
            const auto text = optional_text(in);
            const auto known = parse_urgency(text);
            if (known) out.urgency = *known;
            else if (!text.empty()) in.refuse(errc::wrong_member, shape);
        }
    }
}

inline void read_python_request(json::reader& in, session_request& out) {
    in.begin_object(shape);
    while (const auto name = in.next_member()) {
        if (*name == "type") {
            if (const auto known = parse_session_kind(optional_text(in))) out.kind = *known;
            else in.refuse(errc::wrong_member, shape);
        } else if (*name == "ttl_seconds") out.ttl_seconds = optional_limit(in).value_or(out.ttl_seconds);
        else if (*name == "expected_messages")
            out.expected_messages = optional_limit(in).value_or(out.expected_messages);
    }
}

/// `capability` is `category` or `category/subcategory`.
inline void read_javascript_request(json::reader& in, members& out) {
    in.begin_object(shape);
    while (const auto name = in.next_member()) {
        if (*name == "type") {
            constexpr std::array<std::string_view, 3> kinds = {"one-shot", "persistent", "streaming"};
            if (const auto known = parse_word<session_kind>(kinds, optional_text(in))) out.asked.kind = *known;
            else in.refuse(errc::wrong_member, shape);
        } else if (*name == "ttl") out.asked.ttl_seconds = optional_limit(in).value_or(out.asked.ttl_seconds);
        else if (*name == "expectedMessages")
            out.asked.expected_messages = optional_limit(in).value_or(out.asked.expected_messages);
        else if (*name == "intent") {
            in.begin_object(shape);
            while (const auto inner = in.next_member()) {
                if (*inner == "capability") {
                    const auto text = optional_text(in);
                    const auto slash = text.find('/');
                    out.what.category = text.substr(0, slash);
                    if (slash != std::string::npos) out.what.subcategory = text.substr(slash + 1);
                } else if (*inner == "action") out.what.action = optional_text(in);
            }
        }
    }
}

/// `null` and an absent id are the same. @spec AM-KNK-060
inline void read_keys(json::reader& in, members& out) {
    x3dh_message keys;
    bool identity = false, ephemeral = false, prekey = false;
    const auto key = [&in](exchange_public_key& into) {
        const auto read = identity::parse_exchange_key(optional_text(in));
        if (read) into = *read;
        else in.refuse(errc::wrong_member, "AM-KNK-060");
        return true;
    };
    const auto id = [&in]() -> std::optional<std::uint32_t> {
        if (in.peek() != json::kind::number) return in.skip(), std::nullopt;
        const auto value = in.number("AM-KNK-060").integer();
        if (value && *value >= 0 && *value <= 0xffff'ffff) return static_cast<std::uint32_t>(*value);
        in.refuse(errc::wrong_member, "AM-KNK-060");
        return std::nullopt;
    };
    in.begin_object("AM-KNK-060");
    while (const auto name = in.next_member()) {
        if (*name == "identity_key") identity = key(keys.identity);
        else if (*name == "ephemeral_key") ephemeral = key(keys.ephemeral);
        else if (*name == "one_time_prekey_id") keys.one_time_prekey = id();
        else if (*name == "signed_prekey_id") {
            const auto named = id();
            prekey = named.has_value();
            keys.signed_prekey = named.value_or(0);
        }
    }
    if (!identity || !ephemeral || !prekey) in.refuse(errc::missing_member, "AM-KNK-060");
    out.keys = keys;
}

inline bool fits(const intent& what) {
    return !what.category.empty() && what.category.size() <= knock_word_length &&
           what.subcategory.size() <= knock_word_length && what.action.size() <= knock_word_length;
}

inline void read_value(std::string_view name, std::string_view value, members& out, error& why) {
    json::reader in{value};
    if (name == "version") out.version = value, out.type = optional_text(in);
    else if (name == "from") {
        out.from = value;
        if (in.peek() == json::kind::object) {
            in.begin_object(shape);
            while (const auto inner = in.next_member())
                if (*inner == "amid") out.sender = optional_text(in);
        } else out.sender = optional_text(in);
    } else if (name == "to") out.to = value, out.recipient = optional_text(in);
    else if (name == "intent") out.has_intent = true, read_python_intent(in, out.what);
    else if (name == "session_request") read_python_request(in, out.asked);
    else if (name == "request") out.has_request = true, out.request = value, read_javascript_request(in, out);
    else if (name == "x3dh") read_keys(in, out);
    else if (name == "timestamp") {
        out.timestamp = value;
        if (in.peek() == json::kind::number) {
            const auto at = in.number(shape).integer();
            if (at) out.milliseconds = *at;
            else in.refuse(errc::wrong_member, "AM-KNK-043");
        } else out.time = optional_text(in);
    } else if (name == "nonce") out.nonce = value, out.nonce_text = optional_text(in);
    else if (name == "knockNonce") out.knock_nonce = optional_text(in);
    else if (name == "session_id" || name == "sessionId") out.session = optional_text(in);
    else if (name == "reason") out.reason = optional_text(in);
    else if (name == "signature") out.proof = optional_text(in);
    else if (name == "constraints") {
        in.begin_object(shape);
        while (const auto inner = in.next_member()) {
            const auto limit = optional_limit(in);
            if (!limit) continue;
            if (*inner == "max_message_size_bytes") out.held_to.max_message_size_bytes = *limit;
            else if (*inner == "max_messages") out.held_to.max_messages = *limit;
            else if (*inner == "ttl_seconds") out.held_to.ttl_seconds = *limit;
        }
    } else return;
    if (const auto done = in.finish(); !done) why = done.error();
}

inline result<members> read(std::string_view text) {
    members out;
    error why{};
    json::reader in{text, {.bytes = largest_text}};
    in.begin_object(shape);
    while (const auto name = in.next_member()) {
        const std::string member{*name};
        const auto value = in.skip();
        if (member != "signature") {
            if (out.signed_in_order.size() > 1) out.signed_in_order += ',';
            json::append_quoted(out.signed_in_order, member);
            (out.signed_in_order += ':') += value;
        }
        if (in.ok() && why == error{}) read_value(member, value, out, why);
    }
    AGENTMESH_CHECK(in.finish());
    if (why != error{}) return fail(why);
    if (out.proof.empty()) return fail(errc::missing_member, shape);
    out.signed_in_order += '}';
    return out;
}

/// When an answer says that it was written.
inline std::optional<time_point> time_said(const members& read) {
    constexpr std::int64_t bound = 253'402'300'800'000;  // the year 10000
    if (read.milliseconds) {
        if (*read.milliseconds < 0 || *read.milliseconds >= bound) return std::nullopt;
        return time_point{std::chrono::milliseconds{*read.milliseconds}};
    }
    const auto parsed = read_time(read.time);
    return parsed ? std::optional{parsed->at} : std::nullopt;
}

inline result<time_point> time_of(const members& read, time_point now) {
    time_point at, latest;
    if (read.milliseconds) {
        constexpr std::int64_t bound = 253'402'300'800'000;  // the year 10000
        if (*read.milliseconds < 0 || *read.milliseconds >= bound) return fail(errc::knock_stale, "AM-KNK-043");
        at = latest = time_point{std::chrono::milliseconds{*read.milliseconds}};
    } else {
        const auto parsed = read_time(read.time);
        if (!parsed) return fail(errc::knock_stale, "AM-KNK-043");
        at = parsed->at;
        latest = parsed->rounded_up();
    }
    if (now - at > limits::proof_max_age || latest - now > limits::proof_max_lead)
        return fail(errc::knock_stale, "AM-KNK-043");
    return at;
}

}  // namespace words

inline result<knock> read_knock(std::string_view text, const amid& self, const signing_public_key& by,
                                time_point now) {
    AGENTMESH_TRY(read, words::read(text));
    // A text of both shapes would be judged by one and understood by the other.
    if (read.has_request == read.has_intent) return fail(errc::missing_member, words::shape);
    const auto from = amid::parse(read.sender);
    if (!from) return fail(errc::wrong_member, words::shape);
    AGENTMESH_CHECK(identity::check_amid(*from, by));
    if (!words::fits(read.what)) return fail(errc::wrong_member, words::shape);
    std::string covered;
    const auto spoken = read.has_request ? dialect::javascript : dialect::python;
    if (spoken == dialect::python) {
        if (read.time.empty()) return fail(errc::missing_member, words::shape);
        covered = python_knock_bytes(*from, self, read.what, read.time);
    } else {
        if (!read.milliseconds || read.nonce_text.size() != 32 || !read.type.starts_with("agentmesh/"))
            return fail(errc::wrong_member, words::shape);
        covered = "{\"version\":";
        ((covered += read.version) += ",\"from\":") += read.from;
        ((covered += ",\"to\":") += read.to) += ",\"request\":";
        ((covered += read.request) += ",\"timestamp\":") += read.timestamp;
        ((covered += ",\"nonce\":") += read.nonce) += '}';
    }
    AGENTMESH_CHECK(words::verify(by, covered, read.proof));
    if (spoken == dialect::javascript && read.recipient != self.text()) return fail(errc::bad_knock, "AM-KNK-044");
    AGENTMESH_TRY(sent, words::time_of(read, now));
    return knock{.dialect = spoken, .from = *from, .to = self, .what = std::move(read.what), .asked = read.asked,
                 .sent = sent, .nonce = std::move(read.nonce_text), .replay = crypto::sha256(as_bytes(covered)),
                 .keys = read.keys};
}

namespace words {

/// The dialect of an answer, once its signature holds.
inline result<dialect> verify_answer(const members& read, const amid& self, const signing_public_key& by,
                                     std::string_view nonce, const std::string& python_bytes) {
    if (!read.milliseconds) {
        AGENTMESH_CHECK(verify(by, python_bytes, read.proof));
        return dialect::python;
    }
    AGENTMESH_CHECK(verify(by, read.signed_in_order, read.proof));
    if (read.recipient != self.text() || read.sender != amid::of(by).text() || read.knock_nonce != nonce)
        return fail(errc::bad_knock, "AM-KNK-044");
    return dialect::javascript;
}

}  // namespace words

inline result<accept> read_accept(std::string_view text, const amid& self, const signing_public_key& by,
                                  std::string_view nonce) {
    AGENTMESH_TRY(read, words::read(text));
    if (read.session.empty()) return fail(errc::missing_member, words::shape);
    AGENTMESH_TRY(spoken, words::verify_answer(read, self, by, nonce,
                                               python_accept_bytes(read.session, amid::of(by), self, read.time)));
    return accept{spoken, std::move(read.session), read.held_to, words::time_said(read)};
}

inline result<reject> read_reject(std::string_view text, const amid& self, const signing_public_key& by,
                                  std::string_view nonce) {
    AGENTMESH_TRY(read, words::read(text));
    if (read.reason.empty()) return fail(errc::missing_member, words::shape);
    AGENTMESH_TRY(spoken, words::verify_answer(read, self, by, nonce,
                                               python_reject_bytes(read.reason, amid::of(by), self, read.time)));
    return reject{spoken, std::move(read.reason), words::time_said(read)};
}

}  // namespace agentmesh::session::v02
