// One registry of codes: why something failed, why a session closed, why a KNOCK was refused; and how each deployed
// vocabulary spells it.
//
// A spelling that the registry does not know stays what it is: it is kept as text and never taken for another code.
// A code that a vocabulary has no word for is written in our own spelling, which its readers then treat as unknown.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <optional>

namespace agentmesh::message {

/// What a code is about. One word may mean something in each.
enum class code_topic : std::uint8_t { error, close, knock };

/// Every code of the registry.
enum class code : std::uint8_t {
    // error
    unknown_error, internal_error, timeout, cancelled, invalid_request, missing_parameter, invalid_parameter,
    unsupported_operation, unauthorized, forbidden, quota_exceeded, rate_limited, not_found, resource_exhausted,
    unavailable, session_expired, session_not_found, capability_not_supported, external_service_error, network_error,
    schema_validation_failed, invalid_signature, unknown_recipient, recipient_offline, message_too_large,
    invalid_message, protocol_mismatch, mailbox_full, pause_failed, resume_failed,
    // close
    close_completed, close_cancelled, close_cancelled_by_initiator, close_cancelled_by_receiver, close_timeout,
    close_error, close_session_expired, close_budget_exceeded, close_capacity_exceeded, close_policy_violation,
    close_maintenance, close_rate_limited, close_user_requested, close_excessive_skip,
    // knock
    knock_rejected, knock_invalid_signature, knock_blocked, knock_insufficient_trust, knock_rate_limited,
    knock_intent_not_accepted, knock_not_in_allowlist, knock_low_reputation, knock_at_capacity,
    knock_invalid_certificate, knock_certificate_expired, knock_certificate_revoked, knock_paused, knock_stopped,
    knock_sender_not_found,
    count_,
};

/// Who spells. Readers need not know: no deployed spelling means two things within one topic.
enum class vocabulary : std::uint8_t {
    ours,        ///< lower case, and complete
    spec,        ///< the 0.2 text and its relay; error codes in upper case
    python,
    openspec,    ///< the 0.2 change proposals
    javascript,
    count_,
};

/// One row. Empty where a vocabulary has no word.
struct code_row {
    code_topic topic;
    std::array<std::string_view, static_cast<std::size_t>(vocabulary::count_)> words;
};

/// @spec AM-ENV-009
inline constexpr std::array<code_row, static_cast<std::size_t>(code::count_)> code_registry = {{
    // ours, spec, python, openspec, javascript
    {code_topic::error, {"unknown_error", "", "unknown_error", "", ""}},
    {code_topic::error, {"internal_error", "INTERNAL_ERROR", "internal_error", "internal_error", "INTERNAL_ERROR"}},
    {code_topic::error, {"timeout", "", "timeout", "timeout", ""}},
    {code_topic::error, {"cancelled", "", "cancelled", "", ""}},
    {code_topic::error, {"invalid_request", "", "invalid_request", "invalid_request", "INVALID_REQUEST"}},
    {code_topic::error, {"missing_parameter", "", "missing_parameter", "", ""}},
    {code_topic::error, {"invalid_parameter", "", "invalid_parameter", "", ""}},
    {code_topic::error, {"unsupported_operation", "", "unsupported_operation", "", ""}},
    {code_topic::error, {"unauthorized", "UNAUTHORIZED", "unauthorized", "unauthorized", "UNAUTHORIZED"}},
    {code_topic::error, {"forbidden", "", "forbidden", "forbidden", ""}},
    {code_topic::error, {"quota_exceeded", "", "quota_exceeded", "", ""}},
    {code_topic::error, {"rate_limited", "RATE_LIMITED", "rate_limited", "rate_limited", ""}},
    {code_topic::error, {"not_found", "", "not_found", "not_found", "NOT_FOUND"}},
    {code_topic::error, {"resource_exhausted", "", "resource_exhausted", "", ""}},
    {code_topic::error, {"unavailable", "", "unavailable", "service_unavailable", ""}},
    {code_topic::error, {"session_expired", "", "session_expired", "session_expired", ""}},
    {code_topic::error, {"session_not_found", "", "session_not_found", "", ""}},
    {code_topic::error, {"capability_not_supported", "", "capability_not_supported", "capability_mismatch", ""}},
    {code_topic::error, {"external_service_error", "", "external_service_error", "", ""}},
    {code_topic::error, {"network_error", "", "network_error", "", ""}},
    {code_topic::error, {"schema_validation_failed", "", "", "schema_validation_failed", ""}},
    {code_topic::error, {"invalid_signature", "INVALID_SIGNATURE", "", "", ""}},
    {code_topic::error, {"unknown_recipient", "UNKNOWN_RECIPIENT", "", "", ""}},
    {code_topic::error, {"recipient_offline", "RECIPIENT_OFFLINE", "", "", ""}},
    {code_topic::error, {"message_too_large", "MESSAGE_TOO_LARGE", "", "", ""}},
    {code_topic::error, {"invalid_message", "INVALID_MESSAGE", "", "", ""}},
    {code_topic::error, {"protocol_mismatch", "PROTOCOL_MISMATCH", "", "", ""}},
    {code_topic::error, {"mailbox_full", "MAILBOX_FULL", "", "", ""}},
    {code_topic::error, {"pause_failed", "", "", "", "PAUSE_FAILED"}},
    {code_topic::error, {"resume_failed", "", "", "", "RESUME_FAILED"}},

    {code_topic::close, {"completed", "", "completed", "completed", ""}},
    {code_topic::close, {"cancelled", "", "", "cancelled", ""}},
    {code_topic::close, {"cancelled_by_initiator", "", "cancelled_by_initiator", "", ""}},
    {code_topic::close, {"cancelled_by_receiver", "", "cancelled_by_receiver", "", ""}},
    {code_topic::close, {"timeout", "", "timeout", "timeout", ""}},
    {code_topic::close, {"error", "", "error", "error", ""}},
    {code_topic::close, {"session_expired", "", "session_expired", "", ""}},
    {code_topic::close, {"budget_exceeded", "", "budget_exceeded", "", ""}},
    {code_topic::close, {"capacity_exceeded", "", "capacity_exceeded", "", ""}},
    {code_topic::close, {"policy_violation", "", "policy_violation", "policy_violation", ""}},
    {code_topic::close, {"maintenance", "", "maintenance", "", ""}},
    {code_topic::close, {"rate_limited", "", "", "rate_limited", ""}},
    {code_topic::close, {"user_requested", "", "", "user_requested", ""}},
    {code_topic::close, {"excessive_skip", "", "", "excessive_skip", ""}},

    {code_topic::knock, {"rejected", "", "", "", "rejected"}},
    {code_topic::knock, {"invalid_signature", "invalid_signature", "invalid_signature", "invalid_signature", ""}},
    {code_topic::knock, {"blocked", "blocked", "blocklisted", "blocked", "blocked"}},
    {code_topic::knock, {"insufficient_trust", "insufficient_trust", "insufficient_trust", "insufficient_trust", ""}},
    {code_topic::knock, {"rate_limited", "rate_limited", "rate_limited", "rate_limited", ""}},
    {code_topic::knock,
     {"intent_not_accepted", "intent_not_accepted", "intent_not_accepted", "intent_not_accepted", ""}},
    {code_topic::knock, {"not_in_allowlist", "not_in_allowlist", "not_in_allowlist", "not_in_allowlist", ""}},
    {code_topic::knock, {"low_reputation", "low_reputation", "low_reputation", "low_reputation", ""}},
    {code_topic::knock, {"at_capacity", "at_capacity", "at_capacity", "at_capacity", ""}},
    {code_topic::knock, {"invalid_certificate", "", "", "invalid_certificate", ""}},
    {code_topic::knock, {"certificate_expired", "", "", "certificate_expired", ""}},
    {code_topic::knock, {"certificate_revoked", "", "", "certificate_revoked", ""}},
    {code_topic::knock, {"paused", "", "paused", "", "agent_paused"}},
    {code_topic::knock, {"stopped", "", "", "", "agent_stopped"}},
    {code_topic::knock, {"sender_not_found", "", "sender_not_found", "", ""}},
}};

/// A second spelling of a vocabulary that has two.
struct code_synonym {
    code_topic topic;
    std::string_view word;
    code meaning;
};
inline constexpr std::array<code_synonym, 1> code_synonyms = {{
    {code_topic::knock, "policy_rejected", code::knock_rejected},  // javascript
}};

[[nodiscard]] constexpr code_topic topic_of(code what) noexcept {
    return code_registry[static_cast<std::size_t>(what)].topic;
}

/// Our spelling.
[[nodiscard]] constexpr std::string_view to_text(code what) noexcept {
    return code_registry[static_cast<std::size_t>(what)].words[0];
}

/// The spelling of a vocabulary, or nothing if it has none.
[[nodiscard]] constexpr std::optional<std::string_view> spelling(code what, vocabulary who) noexcept {
    const auto word = code_registry[static_cast<std::size_t>(what)].words[static_cast<std::size_t>(who)];
    if (word.empty()) return std::nullopt;
    return word;
}

/// What a spelling of any vocabulary means, letter by letter; nothing if none has it.
/// @spec AM-ENV-009
[[nodiscard]] constexpr std::optional<code> find_code(code_topic topic, std::string_view text) noexcept {
    if (text.empty()) return std::nullopt;
    for (std::size_t i = 0; i < code_registry.size(); ++i)
        if (code_registry[i].topic == topic)
            for (const std::string_view word : code_registry[i].words)
                if (word == text) return static_cast<code>(i);
    for (const code_synonym& other : code_synonyms)
        if (other.topic == topic && other.word == text) return other.meaning;
    return std::nullopt;
}

/// A code as a peer sent it: what it means, if that is known, and how it was spelled, always.
/// @spec AM-ENV-010
class spelled_code {
public:
    spelled_code() = default;
    explicit spelled_code(code what) : text_{to_text(what)}, known_{what} {}
    spelled_code(code_topic topic, std::string text) : text_{std::move(text)}, known_{find_code(topic, text_)} {}

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] std::optional<code> known() const noexcept { return known_; }
    [[nodiscard]] bool is(code what) const noexcept { return known_ == what; }

    /// For a reader of another vocabulary: its word, else ours, and an unknown one unchanged.
    [[nodiscard]] std::string_view for_reader(vocabulary who) const noexcept {
        if (!known_) return text_;
        return spelling(*known_, who).value_or(to_text(*known_));
    }

    friend bool operator==(const spelled_code&, const spelled_code&) = default;

private:
    std::string text_;
    std::optional<code> known_;
};

namespace code_rules {
/// Every spelling means one thing within its topic, and every row has a spelling of ours.
[[nodiscard]] constexpr bool is_unambiguous() noexcept {
    for (std::size_t i = 0; i < code_registry.size(); ++i) {
        const code_row& row = code_registry[i];
        if (row.words[0].empty()) return false;
        for (const std::string_view word : row.words)
            if (!word.empty() && find_code(row.topic, word) != static_cast<code>(i)) return false;
    }
    for (const code_synonym& other : code_synonyms)
        if (find_code(other.topic, other.word) != other.meaning || topic_of(other.meaning) != other.topic) return false;
    return true;
}
static_assert(is_unambiguous());
}  // namespace code_rules

}  // namespace agentmesh::message
