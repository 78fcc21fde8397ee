// Bodies of wire/relay_frame.hpp.
#pragma once

namespace agentmesh::wire {

// --- writing ------------------------------------------------------------------------------------------

inline void write_connected(frame_pieces& out, std::string_view session_id, std::size_t pending,
                            const std::string* raw_features) {
    out.add(R"({"type":"connected","session_id":")").add(session_id).add(R"(","pending_messages":)").number(pending);
    if (raw_features) out.add(R"(,"features":)").add(*raw_features);
    out.add("}");
}

inline void write_challenge(frame_pieces& out, std::string_view nonce, std::string_view raw_relay,
                            std::string_view raw_features) {
    out.add(R"({"type":"challenge","nonce":")").add(nonce);
    out.add(R"(","relay":)").add(raw_relay).add(R"(,"features":)").add(raw_features).add("}");
}

inline void write_receive(frame_pieces& out, std::string_view from, std::string_view raw_payload, message_type type,
                          std::string_view timestamp, std::string_view raw_candidates) {
    out.add(R"({"type":"receive","from":")").add(from);
    out.add(R"(","encrypted_payload":")").add(raw_payload);
    out.add(R"(","message_type":")").add(to_text(type));
    out.add(R"(","timestamp":")").add(timestamp).add("\"");
    if (!raw_candidates.empty()) out.add(R"(,"ice_candidates":)").add(raw_candidates);
}

inline void finish_receive(frame_pieces& out, std::string_view id) {
    if (!id.empty()) out.add(R"(,"id":")").add(id).add("\"");
    out.add("}");
}

inline void write_accepted(frame_pieces& out, std::string_view id, std::string_view to, bool durable) {
    out.add(R"({"type":"accepted","id":")").add(id).add(R"(","to":")").add(to);
    out.add(durable ? R"(","durable":true})" : R"(","durable":false})");
}

inline void write_presence_response(frame_pieces& out, std::string_view amid, presence status) {
    out.add(R"({"type":"presence_response","amid":")").add(amid);
    out.add(R"(","status":")").add(to_text(status));
    if (injected(fault::presence_oracle) && !noted().empty()) out.add(R"(","last_seen":"2026-01-01T00:00:00Z)");
    out.add("\"}");
}

inline void write_ice(frame_pieces& out, bool answer, std::string_view from, std::string_view raw_sdp,
                      std::string_view raw_candidates) {
    out.add(answer ? R"({"type":"ice_answer","to":")" : R"({"type":"ice_offer","to":")").add(from);
    out.add(R"(","sdp":")").add(raw_sdp).add(R"(","candidates":)").add(raw_candidates).add("}");
}

inline void write_established(frame_pieces& out, std::string_view from) {
    out.add(R"({"type":"p2_p_established","peer":")").add(from).add("\"}");
}

inline void write_pong(frame_pieces& out, std::string_view raw_timestamp) {
    out.add(R"({"type":"pong","timestamp":")").add(raw_timestamp).add("\"}");
}

inline void write_error(frame_pieces& out, const error& why, unsigned retry_after, std::string_view id) {
    out.add(R"({"type":"error","code":")").add(injected(fault::error_own_codes) ? "bad_request" : to_text(to_wire(why.code)));
    out.add(R"(","message":")").add(describe(why.code));
    if (!why.clause.empty()) out.add(" (").add(why.clause).add(")");
    if (injected(fault::error_echoes)) out.add(noted());
    out.add("\"");
    if (retry_after > 0) out.add(R"(,"retry_after_seconds":)").number(retry_after);
    if (!id.empty()) out.add(R"(,"id":")").add(id).add("\"");
    out.add("}");
}

// --- reading ------------------------------------------------------------------------------------------

inline result<relay_frame> relay_frame_parser::parse(std::string_view text) {
    if (!in_.scan(text)) return fail(in_.why());
    const std::string_view type = in_.text(member::type);
    if (!in_.ok()) return fail(in_.why());
    relay_frame frame = read(type);
    if (!in_.ok()) return fail(in_.why());
    return frame;
}

inline relay_frame relay_frame_parser::read(std::string_view type) {
    const auto optional_text = [this](member name) { return in_.has(name) ? in_.text(name) : std::string_view{}; };
    const auto optional_array = [this](member name) { return in_.has(name) ? in_.array(name) : std::string_view{}; };
    const auto checked_time = [this] { return (void)in_.raw_time(member::timestamp), in_.text(member::timestamp); };

    if (type == "receive") {
        receive_frame frame{in_.text(member::from), in_.text(member::encrypted_payload), {}, checked_time(),
                            optional_array(member::ice_candidates), optional_text(member::id)};
        const auto kind = parse_message_type(in_.text(member::message_type));
        if (!kind) in_.refuse(errc::wrong_member, "AM-ERR-005");
        if (!frame.id.empty() && !is_received_id(frame.id)) in_.refuse(errc::wrong_member, "AM-ERR-005");
        frame.type = kind.value_or(message_type::message);
        return frame;
    }
    if (type == "accepted")
        return accepted_frame{in_.text(member::id), in_.text(member::to), in_.boolean(member::durable)};
    if (type == "connected") {
        connected_frame frame{in_.text(member::session_id), in_.integer(member::pending_messages)};
        if (in_.has(member::features)) frame.features = read_features();
        return frame;
    }
    if (type == "challenge")
        return challenge_frame{in_.text(member::nonce), in_.text(member::relay), read_features()};
    if (type == "presence_response") {
        const auto status = parse_presence(in_.text(member::status));
        if (!status) in_.refuse(errc::wrong_member, "AM-ERR-005");
        return presence_response_frame{in_.text(member::amid), status.value_or(presence::offline)};
    }
    if (type == "ice_offer" || type == "ice_answer")
        return relayed_ice_frame{type == "ice_answer", in_.text(member::to), in_.text(member::sdp),
                                 in_.array(member::candidates)};
    if (type == "p2_p_established" || type == "p2p_established")
        return relayed_established_frame{in_.text(member::peer)};
    if (type == "pong") return pong_frame{checked_time()};
    if (type == "error") {
        const auto code = parse_error_code(in_.text(member::code)).value_or(error_code::internal_error);
        error_frame frame{code, in_.text(member::message), 0, optional_text(member::id)};
        if (in_.has(member::retry_after_seconds))
            frame.retry_after_seconds =
                static_cast<unsigned>(std::clamp<std::int64_t>(in_.integer(member::retry_after_seconds), 0, 3600));
        return frame;
    }
    in_.refuse(errc::unknown_type, "AM-ERR-002");
    return pong_frame{};
}

inline const feature_list* relay_frame_parser::read_features() {
    in_.features(features_);
    return &features_;
}

}  // namespace agentmesh::wire
