// Bodies of wire/vocabulary.hpp.
#pragma once

namespace agentmesh::wire {

namespace words {
// In the order of the enumerators.
inline constexpr std::string_view message_types[] = {"knock", "accept", "reject", "message",
                                                     "close", "status", "optimistic_message"};
inline constexpr std::string_view presences[] = {"online", "away", "offline", "dnd"};
inline constexpr std::string_view error_codes[] = {
    "INVALID_MESSAGE", "PROTOCOL_MISMATCH", "INVALID_SIGNATURE", "UNAUTHORIZED", "UNKNOWN_RECIPIENT",
    "RECIPIENT_OFFLINE", "MAILBOX_FULL", "MESSAGE_TOO_LARGE", "RATE_LIMITED", "INTERNAL_ERROR"};

template <class Word, std::size_t N>
[[nodiscard]] constexpr std::optional<Word> find(const std::string_view (&words)[N], std::string_view text) noexcept {
    for (std::size_t i = 0; i < N; ++i)
        if (words[i] == text) return static_cast<Word>(i);
    return std::nullopt;
}

[[nodiscard]] constexpr bool is_id_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == ':' || c == '-';
}
}  // namespace words

inline std::string_view to_text(message_type type) noexcept {
    return words::message_types[static_cast<std::size_t>(type)];
}
inline std::string_view to_text(presence status) noexcept { return words::presences[static_cast<std::size_t>(status)]; }
inline std::string_view to_text(error_code code) noexcept { return words::error_codes[static_cast<std::size_t>(code)]; }

inline std::optional<message_type> parse_message_type(std::string_view text) noexcept {
    return words::find<message_type>(words::message_types, text);
}
inline std::optional<presence> parse_presence(std::string_view text) noexcept {
    return words::find<presence>(words::presences, text);
}
inline std::optional<error_code> parse_error_code(std::string_view text) noexcept {
    return words::find<error_code>(words::error_codes, text);
}

inline error_code to_wire(errc code) noexcept {
    switch (code) {
        case errc::protocol_mismatch: return error_code::protocol_mismatch;
        case errc::bad_signature: case errc::weak_key: case errc::stale_proof: case errc::future_proof:
        case errc::replayed_proof: case errc::fallback_refused: case errc::amid_mismatch:
            return error_code::invalid_signature;
        case errc::connect_timeout: case errc::not_allowed: return error_code::unauthorized;
        case errc::unknown_recipient: return error_code::unknown_recipient;
        case errc::recipient_offline: return error_code::recipient_offline;
        case errc::mailbox_full: return error_code::mailbox_full;
        case errc::message_too_large: return error_code::message_too_large;
        case errc::rate_limited: return error_code::rate_limited;
        case errc::random_failed: case errc::crypto_unavailable: case errc::queue_full: case errc::io_failed:
            return error_code::internal_error;
        default: return error_code::invalid_message;
    }
}

inline bool is_message_id(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), words::is_id_character);
}

inline bool is_received_id(std::string_view text) noexcept {
    if (!text.starts_with('~')) return is_message_id(text);
    return text.size() <= 64 && is_message_id(text.substr(1));
}

inline result<void> feature_list::add(std::string_view name) noexcept {
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (size_ == max_names || name.empty() || name.size() > max_name ||
        !std::all_of(name.begin(), name.end(), allowed))
        return fail(errc::wrong_member, "AM-ERR-005");
    names_[size_++] = name;
    return {};
}

inline std::string feature_list::joined() const {
    std::string out;
    for (const auto name : *this) {
        if (!out.empty()) out += ',';
        out.append(name);
    }
    return out;
}

}  // namespace agentmesh::wire
