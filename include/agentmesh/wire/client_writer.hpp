// Frames that a client sends, as text.
#pragma once

#include <agentmesh/core/json_writer.hpp>
#include <agentmesh/wire/vocabulary.hpp>

#include <initializer_list>

namespace agentmesh::wire {

/// A CONNECT. Keys and signature are base64 texts, the key bare. @spec AM-ID-006
struct connect_fields {
    std::string_view amid;
    std::string_view public_key;
    std::string_view timestamp;
    std::string_view signature;
    bool p2p_capable = false;
    const feature_list* features = nullptr;  ///< left out if null
};

[[nodiscard]] inline std::string connect_text(const connect_fields& fields) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("type", "connect").member("protocol", protocol_02);
    to.member("amid", fields.amid).member("public_key", fields.public_key);
    to.member("timestamp", fields.timestamp).member("signature", fields.signature);
    if (fields.p2p_capable) to.member("p2p_capable", true);
    if (fields.features) {
        to.name("features").begin_array();
        for (const auto name : *fields.features) to.value(name);
        to.end_array();
    }
    to.end_object();
    return out;
}

namespace words {
/// An object of string members, the first being `type`.
[[nodiscard]] inline std::string object(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
    std::string out;
    json::writer to{out};
    to.begin_object();
    for (const auto& [name, value] : members) to.member(name, value);
    to.end_object();
    return out;
}
}  // namespace words

[[nodiscard]] inline std::string challenge_response_text(std::string_view timestamp, std::string_view signature) {
    return words::object({{"type", "challenge_response"}, {"timestamp", timestamp}, {"signature", signature}});
}

/// @param id              left out if empty
/// @param raw_candidates  a JSON array, left out if empty
[[nodiscard]] inline std::string send_text(std::string_view to, std::string_view payload, message_type type,
                                           std::string_view id = {}, std::string_view raw_candidates = {}) {
    std::string out;
    json::writer writer{out};
    writer.begin_object().member("type", "send").member("to", to).member("encrypted_payload", payload);
    writer.member("message_type", to_text(type));
    if (!raw_candidates.empty()) writer.name("ice_candidates").verbatim(raw_candidates);
    if (!id.empty()) writer.member("id", id);
    writer.end_object();
    return out;
}

[[nodiscard]] inline std::string ack_text(std::string_view from, std::string_view id) {
    return words::object({{"type", "ack"}, {"from", from}, {"id", id}});
}
[[nodiscard]] inline std::string presence_text(presence status) {
    return words::object({{"type", "presence"}, {"status", to_text(status)}});
}
[[nodiscard]] inline std::string presence_query_text(std::string_view amid) {
    return words::object({{"type", "presence_query"}, {"amid", amid}});
}
/// @param raw_candidates  a JSON array
[[nodiscard]] inline std::string ice_text(bool answer, std::string_view to, std::string_view sdp,
                                          std::string_view raw_candidates = "[]") {
    std::string out;
    json::writer writer{out};
    writer.begin_object().member("type", answer ? "ice_answer" : "ice_offer").member("to", to).member("sdp", sdp);
    writer.name("candidates").verbatim(raw_candidates).end_object();
    return out;
}
[[nodiscard]] inline std::string established_text(std::string_view peer) {
    return words::object({{"type", "p2_p_established"}, {"peer", peer}});
}
[[nodiscard]] inline std::string ping_text(std::string_view timestamp) {
    return words::object({{"type", "ping"}, {"timestamp", timestamp}});
}
[[nodiscard]] inline std::string disconnect_text(std::string_view reason) {
    return words::object({{"type", "disconnect"}, {"reason", reason}});
}

}  // namespace agentmesh::wire
