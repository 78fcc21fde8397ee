// Bodies of wire/members.hpp.
#pragma once

namespace agentmesh::wire {

namespace words {
// In the order of the enumerators of `member`.
inline constexpr std::string_view member_names[] = {
    "type", "to", "encrypted_payload", "message_type", "ice_candidates", "id", "from", "status", "amid", "sdp",
    "candidates", "peer", "timestamp", "reason", "protocol", "public_key", "signature", "p2p_capable", "features",
    "session_id", "pending_messages", "nonce", "relay", "durable", "last_seen", "code", "message",
    "retry_after_seconds"};
static_assert(std::size(member_names) == static_cast<std::size_t>(member::count_));

/// The clause of the frame layer that a fault of the JSON layer breaks.
[[nodiscard]] inline clause_id frame_clause(const error& why) noexcept {
    switch (why.code) {
        case errc::json_duplicate_member: return "AM-ERR-007";
        case errc::json_too_deep: return "AM-ERR-008";
        case errc::bad_json: return why.clause == "AM-ENC-012" ? "AM-ERR-009" : "AM-ERR-001";
        case errc::wrong_member: return "AM-ERR-001";
        default: return why.clause;
    }
}
}  // namespace words

// By length first: a length is shared by four names at most.
inline member frame_members::find(std::string_view name) noexcept {
    const auto among = [name](auto... candidates) {
        member found = member::count_;
        (void)((words::member_names[index(candidates)] == name && (found = candidates, true)) || ...);
        return found;
    };
    switch (name.size()) {
        case 2: return among(member::to, member::id);
        case 3: return among(member::sdp);
        case 4: return among(member::type, member::from, member::amid, member::peer, member::code);
        case 5: return among(member::nonce, member::relay);
        case 6: return among(member::status, member::reason);
        case 7: return among(member::message, member::durable);
        case 8: return among(member::protocol, member::features);
        case 9: return among(member::timestamp, member::signature, member::last_seen);
        case 10: return among(member::candidates, member::public_key, member::session_id);
        case 11: return among(member::p2p_capable);
        case 12: return among(member::message_type);
        case 14: return among(member::ice_candidates);
        case 16: return among(member::pending_messages);
        case 17: return among(member::encrypted_payload);
        case 19: return among(member::retry_after_seconds);
        default: return member::count_;
    }
}

inline bool frame_members::scan(std::string_view text) {
    kinds_.fill(json::kind::none);
    made_.clear();
    failed_ = false;

    json::reader in{text};
    in.begin_object();
    while (const auto name = in.next_member()) {
        const member known = find(*name);
        if (known == member::count_ && injected(fault::relay_strict_members)) in.refuse(errc::wrong_member, "AM-RLY-013");
        if (known == member::count_) continue;
        const json::kind kind = in.peek();
        auto& value = values_[index(known)];
        if (kind == json::kind::string) {
            const auto token = in.string();
            value = {token.raw, token.escaped};
        } else {
            value = {in.skip(), false};
        }
        kinds_[index(known)] = kind;
    }
    if (const auto done = in.finish(); !done) {
        kinds_.fill(json::kind::none);
        refuse(done.error().code == errc::wrong_member ? errc::bad_frame : done.error().code,
               words::frame_clause(done.error()));
    }
    return ok();
}

inline void frame_members::refuse(errc code, clause_id clause) noexcept {
    if (failed_) return;
    failed_ = true;
    why_ = {code, clause};
}

inline bool frame_members::take(member name, json::kind wanted) noexcept {
    const json::kind found = kinds_[index(name)];
    if (found == wanted) return !failed_;
    if (found == json::kind::none) refuse(errc::missing_member, "AM-ERR-003");
    else refuse(errc::wrong_member, "AM-ERR-004");
    return false;
}

inline std::string_view frame_members::text(member name) {
    if (!take(name, json::kind::string)) return {};
    const auto& value = values_[index(name)];
    return value.escaped ? keep(json::string_token{value.raw, true}.text()) : value.raw;
}

inline std::string_view frame_members::raw(member name) {
    return take(name, json::kind::string) ? values_[index(name)].raw : std::string_view{};
}

inline bool frame_members::boolean(member name) {
    return take(name, json::kind::boolean) && values_[index(name)].raw == "true";
}

inline std::int64_t frame_members::integer(member name) {
    if (!take(name, json::kind::number)) return 0;
    json::reader in{values_[index(name)].raw};
    const auto value = in.integer("AM-ERR-004");
    if (!in.finish()) refuse(errc::wrong_member, "AM-ERR-004");
    return value;
}

inline std::string_view frame_members::array(member name) {
    return take(name, json::kind::array) ? values_[index(name)].raw : std::string_view{};
}

inline std::string_view frame_members::raw_time(member name) {
    const auto value = text(name);
    if (!ok()) return {};
    if (const auto time = parse_time(value); !time) refuse(errc::bad_time, time.error().clause);
    return values_[index(name)].raw;
}

inline void frame_members::features(feature_list& out) {
    out = {};
    const std::string_view text = array(member::features);
    if (!ok()) return;
    json::reader in{text};
    in.begin_array();
    while (in.next_element()) {
        const auto token = in.string("AM-ERR-004");
        if (!in.ok()) break;
        const auto added = out.add(token.escaped ? keep(token.text()) : token.raw);
        if (!added) in.refuse(added.error().code, added.error().clause);
    }
    if (const auto done = in.finish(); !done) refuse(done.error().code, done.error().clause);
}

}  // namespace agentmesh::wire
