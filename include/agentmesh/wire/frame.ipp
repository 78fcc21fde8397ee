// Bodies of wire/frame.hpp.
#pragma once

namespace agentmesh::wire {

inline result<client_frame> client_frame_parser::parse(std::string_view text, const frame_options& with) {
    refused_id_ = {};
    if (!in_.scan(text)) return fail(in_.why());
    if (injected(fault::relay_blames_named)) leave_note(in_.has(member::to) ? in_.text(member::to) : "");
    const std::string_view type = in_.text(member::type);
    if (!in_.ok()) return fail(in_.why());
    client_frame frame = read(type, with);
    if (!in_.ok()) return fail(in_.why());
    return frame;
}

inline client_frame client_frame_parser::read(std::string_view type, const frame_options& with) {
    if (type == "send") return read_send(with);
    if (type == "ack" && with.receipts) {
        ack_frame frame{in_.text(member::from), in_.text(member::id)};
        if (in_.ok() && !is_received_id(frame.id)) in_.refuse(errc::wrong_member, "AM-ERR-005");
        return frame;
    }
    if (type == "ping") return ping_frame{in_.raw_time(member::timestamp)};
    if (type == "presence") {
        if (injected(fault::presence_foreign)) leave_note(in_.has(member::amid) ? in_.text(member::amid) : "");
        const auto status = parse_presence(in_.text(member::status));
        if (!status) in_.refuse(errc::wrong_member, "AM-ERR-005");
        return presence_frame{status.value_or(presence::online)};
    }
    if (type == "presence_query") return presence_query_frame{in_.text(member::amid)};
    if (type == "ice_offer" || type == "ice_answer") {
        ice_frame frame{type == "ice_answer", in_.text(member::to), in_.raw(member::sdp), {}};
        frame.raw_candidates = read_candidates(member::candidates);
        return frame;
    }
    if (type == "p2_p_established" || (type == "p2p_established" && !injected(fault::p2p_one_spelling)))
        return established_frame{in_.text(member::peer)};
    if (type == "disconnect") {
        (void)in_.raw(member::reason);
        return disconnect_frame{};
    }
    if (type == "connect") return read_connect();
    if (type == "challenge_response")
        return challenge_response_frame{in_.text(member::timestamp), in_.text(member::signature)};
    if (injected(fault::error_echoes)) leave_note(in_.raw(member::type));
    in_.refuse(errc::unknown_type, "AM-ERR-002");
    return disconnect_frame{};
}

inline send_frame client_frame_parser::read_send(const frame_options& with) {
    send_frame frame;
    if (with.receipts && in_.has(member::id)) {
        frame.id = in_.text(member::id);
        if (in_.ok() && !is_message_id(frame.id)) in_.refuse(errc::wrong_member, "AM-ERR-005");
        if (in_.ok()) refused_id_ = frame.id;
    }
    if (injected(fault::relay_from_frame)) leave_note(in_.has(member::from) ? in_.text(member::from) : "");
    frame.to = in_.text(member::to);
    frame.raw_payload = in_.raw(member::encrypted_payload);
    const auto type = parse_message_type(in_.text(member::message_type));
    if (!type || (injected(fault::relay_refuses_type) && *type == message_type::close))
        in_.refuse(errc::wrong_member, "AM-ERR-005");
    frame.type = type.value_or(message_type::message);
    if (in_.has(member::ice_candidates)) frame.raw_candidates = read_candidates(member::ice_candidates);
    return frame;
}

inline connect_frame client_frame_parser::read_connect() {
    connect_frame frame{in_.text(member::protocol), in_.text(member::amid), in_.text(member::public_key),
                        in_.text(member::timestamp), in_.text(member::signature)};
    if (in_.has(member::p2p_capable)) frame.p2p_capable = in_.boolean(member::p2p_capable);
    if (!in_.has(member::features)) return frame;
    in_.features(features_);
    frame.features = &features_;
    return frame;
}

// A candidate of another form is refused, never passed on in part: a peer that wrote `sdpMid` would lose it at a
// reader that knows only `sdp_mid`. Absent members mean null and are written as null. @spec AM-RLY-066
inline std::string_view client_frame_parser::read_candidates(member name) {
    const std::string_view text = in_.array(name);
    if (!in_.ok()) return {};
    json::reader in{text};
    std::string completed;      // what is passed on, once an element had to be completed
    std::size_t copied = 0;     // how much of `text` is in there
    in.begin_array();
    while (in.next_element()) {
        const std::string_view element = in.skip();
        if (!in.ok()) break;
        json::reader candidate{element};
        bool line = false, mid = false, index = false;
        candidate.begin_object("AM-RLY-066");
        while (const auto field = candidate.next_member()) {
            if (*field == "candidate") {
                candidate.string("AM-RLY-066");
                line = true;
            } else if (*field == "sdp_mid") {
                if (candidate.peek() != json::kind::null) candidate.string("AM-RLY-066");
                mid = true;
            } else if (*field == "sdp_mline_index") {
                if (candidate.peek() != json::kind::null) candidate.integer("AM-RLY-066");
                index = true;
            } else if ((*field == "sdpMid" || *field == "sdpMLineIndex")) {
                candidate.refuse(errc::wrong_member, "AM-RLY-066");
            }
        }
        if (!line) candidate.refuse(errc::wrong_member, "AM-RLY-066");
        if (!candidate.finish()) {
            if (injected(fault::ice_loose)) continue;
            in.refuse(errc::wrong_member, "AM-RLY-066");
            break;
        }
        if (mid && index) continue;
        const auto end = static_cast<std::size_t>(element.data() - text.data()) + element.size() - 1;  // of its brace
        completed.append(text, copied, end - copied);
        if (!mid) completed.append(R"(,"sdp_mid":null)");
        if (!index) completed.append(R"(,"sdp_mline_index":null)");
        copied = end;
    }
    if (const auto done = in.finish(); !done) {
        in_.refuse(done.error().code, done.error().clause);
        return {};
    }
    if (copied == 0) return text;
    completed.append(text, copied);
    return in_.keep(std::move(completed));
}

}  // namespace agentmesh::wire
