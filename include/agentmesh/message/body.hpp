// Typed bodies: what the payload of an envelope says, by its type.
//
// Two vocabularies are in use for the same five types: that of the 0.2 text, and that of the Python SDK. Readers take
// both, member by member; writers write what is set. Members that neither knows are left out here, and stay in the
// payload. Values whose shape is the application's own, such as `parameters`, stay JSON text.
#pragma once

#include <agentmesh/message/codes.hpp>
#include <agentmesh/message/envelope.hpp>
#include <agentmesh/message/money.hpp>

#include <variant>
#include <vector>

namespace agentmesh::message {

/// What a request may cost. `max` in the 0.2 text, `amount` in Python.
struct budget {
    std::int64_t max_micros = 0;   ///< millionths of the currency; not negative
    std::string currency{};        ///< as written: `USD`, `credits`

    friend bool operator==(const budget&, const budget&) = default;
};

enum class priority : std::uint8_t { low, normal, high, urgent };
inline constexpr std::array<std::string_view, 4> priority_words = {"low", "normal", "high", "urgent"};

/// At least one of `intent` and `content` is set.
struct request_body {
    std::optional<std::string> intent{};
    std::optional<std::string> parameters{};       ///< JSON object
    std::optional<message::budget> budget{};
    std::optional<std::string> response_type{};    ///< `response_format.type`
    std::optional<std::string> response_schema{};  ///< `response_format.schema`
    // Python
    std::optional<std::string> content{};          ///< any JSON value
    std::optional<message::priority> priority{};
    std::optional<std::string> schema{};

    friend bool operator==(const request_body&, const request_body&) = default;
};

/// At least one of `status` and `content` is set.
struct response_body {
    std::optional<std::string> status{};           ///< `success`, `partial_success`, `error`, `pending`, or other text
    std::optional<std::string> results{};          ///< any JSON value
    std::optional<std::uint64_t> result_count{};
    std::optional<std::string> schema{};
    // Python
    std::optional<std::string> content{};          ///< any JSON value
    std::optional<std::uint64_t> processing_time_ms{};
    std::optional<std::string> completed_at{};

    friend bool operator==(const response_body&, const response_body&) = default;
};

/// At least one of `status` and `progress` is set.
struct status_body {
    std::optional<std::string> status{};
    std::optional<std::uint32_t> progress_ppm{};   ///< `progress`, 0 to 1
    std::optional<std::uint64_t> estimated_completion_seconds{};
    std::optional<std::string> message{};
    std::optional<std::string> phase{};            ///< Python

    friend bool operator==(const status_body&, const status_body&) = default;
};

struct error_body {
    spelled_code code{};
    std::optional<std::string> message{};
    std::optional<std::uint64_t> retry_after_seconds{};
    std::optional<amid> fallback{};                ///< `fallback_amid`: who might do it instead
    std::optional<std::string> details{};          ///< Python; any JSON value

    friend bool operator==(const error_body&, const error_body&) = default;
};

/// What the closer says of the other side; Python sends the score alone.
struct feedback {
    std::uint32_t score_ppm = 0;                   ///< `score`, 0 to 1
    std::vector<std::string> tags{};

    friend bool operator==(const feedback&, const feedback&) = default;
};

struct close_body {
    spelled_code reason{};
    std::optional<std::string> summary{};
    std::optional<feedback> reputation_feedback{};

    friend bool operator==(const close_body&, const close_body&) = default;
};

/// A body of a type that is none of ours, untouched.
struct other_body {
    std::string type;
    std::string payload;

    friend bool operator==(const other_body&, const other_body&) = default;
};

using body = std::variant<request_body, response_body, status_body, error_body, close_body, other_body>;

/// Reads the payload of an envelope. An optional member may be `null`, as Python writes it: it is then absent.
/// @spec   AM-ENV-007, AM-ENV-008
/// @param  type  as the envelope spells it; every unknown one gives other_body
/// @errors those of json::reader; missing_member, wrong_member, json_number_range, bad_amid
[[nodiscard]] result<body> parse_body(std::string_view type, std::string_view payload);
[[nodiscard]] inline result<body> parse_body(const envelope& of) { return parse_body(of.type, of.payload); }

/// The type that belongs to a body.
[[nodiscard]] std::string_view type_of(const body& content) noexcept;

/// Writes a payload.
/// @errors wrong_member for a body that lacks what its type needs, or that holds text which is not JSON where JSON
///         belongs
[[nodiscard]] result<std::string> write_body(const body& content);

}  // namespace agentmesh::message

#include <agentmesh/message/body.ipp>
