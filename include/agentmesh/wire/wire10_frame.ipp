// Bodies of wire/wire10_frame.hpp.
#pragma once

namespace agentmesh::wire {

inline constexpr std::array<std::string_view, 11> wire10_names{
    "connect",    "knock",      "knock_accept",  "knock_reject",     "message", "ack",
    "heartbeat",  "disconnect", "fetch_pending", "pending_messages", "error"};

inline bool is_plain_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= 64 &&
           std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\'; });
}

inline std::string_view wire10_parser::value(json::reader& in) {
    const auto token = in.string("AM-ENC-010");
    return token.escaped ? std::string_view{kept_.emplace_front(token.text())} : token.raw;
}

/// An unsigned number of 32 bits; anything else refuses the frame before it reaches a ratchet.
inline std::uint32_t read_u32(json::reader& in) {
    const auto number = in.integer();
    if (number < 0 || number > 0xFFFFFFFF) in.refuse(errc::wrong_member);
    return static_cast<std::uint32_t>(number);
}

inline void wire10_parser::read_header(json::reader& in, wire10_frame& out) {
    bool has_dh = false, has_pn = false, has_n = false;
    const auto counter = [&](bool& seen) {
        seen = true;
        return read_u32(in);
    };
    if (!in.begin_object()) return;
    while (const auto name = in.next_member()) {
        if (*name == "dh") {
            out.header_dh = value(in);
            has_dh = true;
        } else if (*name == "pn") {
            out.header_pn = counter(has_pn);
        } else if (*name == "n") {
            out.header_n = counter(has_n);
        }
    }
    if (in.ok() && !(has_dh && has_pn && has_n)) in.refuse(errc::missing_member);
    out.has_header = true;
}

inline void wire10_parser::read_establishment(json::reader& in, wire10_frame& out) {
    if (!in.begin_object()) return;
    while (const auto name = in.next_member()) {
        if (*name == "ik") out.ik = value(in);
        else if (*name == "ek") out.ek = value(in);
        else if (*name == "otk" && in.peek() != json::kind::null) out.otk = read_u32(in);
    }
    if (in.ok() && (out.ik.empty() || out.ek.empty())) in.refuse(errc::missing_member);
    out.has_establishment = true;
}

inline void wire10_parser::read_intent(json::reader& in, wire10_frame& out) {
    if (!in.begin_object()) return;
    while (const auto name = in.next_member())
        if (*name == "action") out.intent = value(in);
}

inline result<wire10_frame> wire10_parser::parse(std::string_view text) {
    kept_.clear();
    answerable_id_.clear();
    wire10_frame out;
    bool has_type = false;
    std::int64_t version = 1;
    json::reader in{text};
    in.begin_object();
    while (const auto name = in.next_member()) {
        if (*name == "type") {
            const auto word = value(in);
            const auto found = std::find(wire10_names.begin(), wire10_names.end(), word);
            out.type = static_cast<wire10_type>(found - wire10_names.begin());
            has_type = true;
        } else if (*name == "v") {
            version = in.integer();
        } else if (*name == "from") {
            out.from = value(in);
            out.has_from = true;
        } else if (*name == "id") {
            out.id = value(in);
            if (in.ok() && is_plain_id(out.id)) answerable_id_ = out.id;
        } else if (*name == "to") {
            out.to = value(in);
        } else if (*name == "public_key") {
            out.public_key = value(in);
        } else if (*name == "timestamp") {
            out.timestamp = value(in);
        } else if (*name == "signature") {
            out.signature = value(in);
        } else if (*name == "knock_id") {
            out.knock_id = value(in);
        } else if (*name == "reason") {
            out.reason = value(in);
        } else if (*name == "detail") {
            out.detail = value(in);
        } else if (*name == "ciphertext") {
            out.ciphertext = value(in);
        } else if (*name == "header") {
            read_header(in, out);
        } else if (*name == "establishment") {
            read_establishment(in, out);
        } else if (*name == "intent") {
            read_intent(in, out);
        } else if (*name == "plaintext") {
            out.plaintext = in.boolean();
        } else if (*name == "messages") {
            out.raw_messages = in.skip();
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!has_type) return fail(errc::missing_member);
    if (version != 1) return fail(errc::protocol_mismatch);
    return out;
}

// --- writing ------------------------------------------------------------------------------------------------------

inline std::string write_wire10_error(std::string_view detail, std::string_view id) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("type", "error").member("detail", detail);
    if (!id.empty()) to.member("id", id);
    to.end_object();
    return out;
}

inline std::string write_wire10_connect(const signing_key_pair& key, time_point now) {
    const auto stamp = format_time(now);
    const auto proof = key.sign(as_bytes(stamp));
    std::string out;
    json::writer to{out};
    to.begin_object().member("v", 1).member("type", "connect");
    to.member("from", mesh_did::of(key.public_key()).text());
    to.member("public_key", to_base64(key.public_key().bytes(), base64_form::standard_padded));
    to.member("timestamp", stamp).member("signature", to_base64(proof.bytes(), base64_form::standard_padded));
    to.end_object();
    return out;
}

/// `v`, `type`, `from`, `to`, `id`, `ts`, which every routed frame begins with.
inline void begin_wire10(json::writer& to, wire10_type type, const mesh_did& from, const mesh_did& recipient,
                         std::string_view id, time_point now) {
    to.begin_object().member("v", 1).member("type", wire10_names[static_cast<std::size_t>(type)]);
    to.member("from", from.text()).member("to", recipient.text()).member("id", id).member("ts", format_time(now));
}

inline std::string write_wire10_knock(const mesh_did& from, const mesh_did& to, std::string_view id,
                                      std::string_view intent, const wire10_establishment& keys, time_point now) {
    const auto text = [](const exchange_public_key& key) {
        return to_base64(key.bytes(), base64_form::standard_padded);
    };
    std::string out;
    json::writer json{out};
    begin_wire10(json, wire10_type::knock, from, to, id, now);
    json.name("intent").begin_object().member("action", intent).end_object();
    json.name("establishment").begin_object().member("ik", text(keys.identity)).member("ek", text(keys.ephemeral));
    if (keys.one_time) json.member("otk", *keys.one_time);
    json.end_object().end_object();
    return out;
}

inline std::string write_wire10_answer(const mesh_did& from, const mesh_did& to, std::string_view id,
                                       std::string_view knock_id, std::string_view reason, time_point now) {
    std::string out;
    json::writer json{out};
    begin_wire10(json, reason.empty() ? wire10_type::knock_accept : wire10_type::knock_reject, from, to, id, now);
    json.member("knock_id", knock_id);
    if (!reason.empty()) json.member("reason", reason);
    json.end_object();
    return out;
}

inline std::string write_wire10_message(const mesh_did& from, const mesh_did& to, std::string_view id,
                                        const exchange_public_key& dh, std::uint32_t pn, std::uint32_t n,
                                        byte_view ciphertext, time_point now) {
    std::string out;
    json::writer json{out};
    begin_wire10(json, wire10_type::message, from, to, id, now);
    json.name("header").begin_object().member("dh", to_base64(dh.bytes(), base64_form::standard_padded));
    json.member("pn", pn).member("n", n).end_object();
    json.member("ciphertext", to_base64(ciphertext, base64_form::standard_padded)).end_object();
    return out;
}

inline std::string write_wire10_ack(std::string_view id) {
    std::string out;
    json::writer json{out};
    json.begin_object().member("v", 1).member("type", "ack").member("id", id).end_object();
    return out;
}

inline std::string write_wire10_simple(wire10_type type, const mesh_did& from, time_point now) {
    std::string out;
    json::writer json{out};
    json.begin_object().member("v", 1).member("type", wire10_names[static_cast<std::size_t>(type)]);
    json.member("from", from.text()).member("ts", format_time(now)).end_object();
    return out;
}

}  // namespace agentmesh::wire
