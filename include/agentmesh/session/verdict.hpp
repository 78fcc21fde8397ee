// What a session engine asks the owner's policy, and what the policy answers.
//
// The engine knows who proved to be asking, and for what. Tier and reputation are nothing that a caller may say of
// itself: whoever answers fills them in from the registry and its certificates, or leaves them empty, and is denied.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/e2ee/suite.hpp>
#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/identity/tier.hpp>

#include <optional>

namespace agentmesh::session {

enum class urgency : std::uint8_t { low, normal, high, critical };

/// What a caller wants to talk about. Optional parts are empty.
struct intent {
    std::string category;
    std::string subcategory{};
    std::string action{};
    session::urgency urgency = session::urgency::normal;

    friend bool operator==(const intent&, const intent&) = default;
};

enum class session_kind : std::uint8_t { request_response, conversation, stream };

/// What kind of session a caller wants, and how large.
struct session_request {
    session_kind kind = session_kind::conversation;
    std::uint32_t ttl_seconds = 300;
    std::uint32_t expected_messages = 20;  ///< that each side may send

    friend bool operator==(const session_request&, const session_request&) = default;
};

/// What an accepted session is held to, on both sides.
struct constraints {
    std::uint32_t max_message_size_bytes = 65'536;
    std::uint32_t max_messages = 20;  ///< of each side; counted apart, so that crossing messages never exceed it
    std::uint32_t ttl_seconds = 300;

    friend bool operator==(const constraints&, const constraints&) = default;
};

/// Why a KNOCK is denied. The words of 0.2, and `rejected`, which tells a caller nothing.
enum class deny_reason : std::uint8_t {
    rejected,             ///< the one answer for every caller who may not learn why
    invalid_signature,    ///< never sent: a KNOCK that does not authenticate gets no answer
    blocked,
    insufficient_trust,
    rate_limited,
    intent_not_accepted,
    not_in_allowlist,
    low_reputation,
    at_capacity,
    invalid_certificate,
    certificate_expired,
    certificate_revoked,
    paused,
    count_,
};

/// An authenticated KNOCK, as the policy sees it.
struct applicant {
    amid who;
    std::optional<tier> trust{};             ///< from the registry; nothing: unknown, which is denied
    std::uint32_t reputation_ppm = 0;        ///< parts per million, from the registry
    bool keys_bound = true;                  ///< the exchange key is tied to the name; false only in older suites
    bool is_signed = true;                   ///< false only in wire10, whose KNOCKs bear no signature
    e2ee::suite_id suite = e2ee::suite_id::am1;  ///< that the session would have: offered, and spoken here
    intent what{};
    session_request asked{};
    std::size_t open_sessions = 0;           ///< of this agent with anybody; closed ones do not count
    moment now{};
};

/// The answer.
struct verdict {
    bool accepted = false;
    constraints held_to{};                   ///< if accepted; never more than was asked for
    deny_reason why = deny_reason::rejected;   ///< for the owner's log
    deny_reason told = deny_reason::rejected;  ///< for the caller
    std::optional<std::uint32_t> retry_after_seconds{};

    [[nodiscard]] static verdict accept(const constraints& limits) { return {.accepted = true, .held_to = limits}; }
    /// The caller hears `rejected`.
    [[nodiscard]] static verdict deny(deny_reason why) { return {.why = why}; }
    /// The caller hears why.
    [[nodiscard]] static verdict deny_openly(deny_reason why, std::optional<std::uint32_t> retry_after = {}) {
        return {.why = why, .told = why, .retry_after_seconds = retry_after};
    }
};

/// Answers at once: rules, no waiting. `generation` rises whenever an equal question could get another answer (new
/// policy file, blocklist, revocation); a session of an older generation is not reused for a new purpose.
template <class P>
concept PolicySource = requires(P& policy, const applicant& asking) {
    { policy.decide(asking) } -> std::same_as<verdict>;
    { policy.generation() } -> std::convertible_to<std::uint64_t>;
};

/// Whether an agent may offer a suite, and accept one that is offered; and whether a KNOCK without a signature, as
/// wire10 peers send it, is worth a look. A policy that does not say allows what an empty policy file
/// does: suite am1, and signed KNOCKs. @spec AM-POL-015
template <PolicySource P>
[[nodiscard]] bool allows(const P& rules, e2ee::suite_id suite) {
    if constexpr (requires { rules.allows(suite); }) return rules.allows(suite);
    else return suite == e2ee::suite_id::am1;
}
template <PolicySource P>
[[nodiscard]] bool allows_unsigned(const P& rules) {
    if constexpr (requires { rules.allows_unsigned(); }) return rules.allows_unsigned();
    else return false;
}

// --- words --------------------------------------------------------------------------------------------------

inline constexpr std::array<std::string_view, 4> urgency_words = {"low", "normal", "high", "critical"};
inline constexpr std::array<std::string_view, 3> session_kind_words = {"request_response", "conversation", "stream"};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(deny_reason::count_)> deny_reason_words = {
    "rejected",       "invalid_signature", "blocked",             "insufficient_trust",  "rate_limited",
    "intent_not_accepted", "not_in_allowlist", "low_reputation",  "at_capacity",         "invalid_certificate",
    "certificate_expired", "certificate_revoked", "paused"};

[[nodiscard]] constexpr std::string_view to_text(urgency word) noexcept {
    return urgency_words[static_cast<std::size_t>(word)];
}
[[nodiscard]] constexpr std::string_view to_text(session_kind word) noexcept {
    return session_kind_words[static_cast<std::size_t>(word)];
}
[[nodiscard]] constexpr std::string_view to_text(deny_reason word) noexcept {
    return deny_reason_words[static_cast<std::size_t>(word)];
}

/// Reads one word of a list: `parse_word<urgency>(urgency_words, text)`. Nothing for any other text.
template <class Enum, std::size_t N>
[[nodiscard]] constexpr std::optional<Enum> parse_word(const std::array<std::string_view, N>& words,
                                                       std::string_view text) noexcept {
    for (std::size_t i = 0; i < N; ++i)
        if (words[i] == text) return static_cast<Enum>(i);
    return std::nullopt;
}
[[nodiscard]] constexpr std::optional<urgency> parse_urgency(std::string_view text) noexcept {
    return parse_word<urgency>(urgency_words, text);
}
[[nodiscard]] constexpr std::optional<session_kind> parse_session_kind(std::string_view text) noexcept {
    return parse_word<session_kind>(session_kind_words, text);
}
[[nodiscard]] constexpr std::optional<deny_reason> parse_deny_reason(std::string_view text) noexcept {
    return parse_word<deny_reason>(deny_reason_words, text);
}

}  // namespace agentmesh::session
