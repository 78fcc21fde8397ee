// Capabilities: what an agent can do, how one asks for it, and how two agents find what fits.
//
//     travel                       a category
//     travel/flights               a subcategory of it
//     x-acme/widgets               a category of somebody's own
//     travel/*                     a pattern; only askers use them
//
//     capability = segment [ "/" segment ] | "x-" segment "/" segment [ "/" segment ]
//     segment    = 1 to 64 of a-z 0-9 "-" "_" ".", beginning with a letter or digit
//
// A pattern is a capability in which `*` may stand anywhere and matches any characters, `/` included. Everything else
// in it is meant literally: a dot is a dot.
#pragma once

#include <agentmesh/core/json.hpp>

#include <optional>
#include <span>
#include <vector>

namespace agentmesh::message {

inline constexpr std::array<std::string_view, 9> standard_categories = {
    "travel",   "commerce",    "finance",       "productivity", "creative",
    "research", "development", "communication", "marketplace"};

/// @spec   AM-CAP-001
/// @errors bad_capability
[[nodiscard]] result<void> check_capability(std::string_view name) noexcept;
/// The same, with `*` allowed.
/// @errors bad_capability
[[nodiscard]] result<void> check_pattern(std::string_view text) noexcept;

/// The first segment, or `x-<ns>/<category>`. @param name  a capability
[[nodiscard]] std::string_view category_of(std::string_view name) noexcept;

/// How well an offer fits what was asked for, in parts per million, so that ties and orders are exact.
enum class fit : std::uint32_t {
    none = 0,
    related = 500'000,   ///< one is the category of the other: `travel` and `travel/flights`
    pattern = 800'000,   ///< the `*` of the asker matches
    exact = 1'000'000,
};

/// @spec  AM-CAP-002
/// @param asked    a pattern
/// @param offered  a capability
[[nodiscard]] fit match(std::string_view asked, std::string_view offered) noexcept;

/// Whether a rule that names `rule` speaks about `name`: it is the same, its category, or a pattern that matches.
/// Unlike `match`, a rule about `travel/flights` says nothing about `travel`.
[[nodiscard]] bool covers(std::string_view rule, std::string_view name) noexcept;

// --- schema names ---------------------------------------------------------------------------------------------

/// `agentmesh/<category>/<schema>/v<n>` or `x-<ns>/<schema>/v<n>`, taken apart.
struct schema_name {
    std::string_view stem;      ///< without `/v<n>`
    std::uint32_t version = 1;  ///< 1 to 9,999, written without leading zeros

    friend bool operator==(const schema_name&, const schema_name&) = default;
};

/// @spec   AM-CAP-004
/// @errors unknown_schema
[[nodiscard]] result<schema_name> parse_schema_name(std::string_view text) noexcept;

/// Whether a side that has `offered` serves one that wants `wanted`: the same schema in the same version or, if
/// `newer_serves`, in a later one. @errors never; a name that is none serves nothing
[[nodiscard]] bool serves(std::string_view offered, std::string_view wanted, bool newer_serves) noexcept;

// --- negotiation ------------------------------------------------------------------------------------------------

inline constexpr std::size_t negotiation_items = 256;  ///< of one list

/// What one side asks, best first in every list.
struct capability_request {
    std::vector<std::string> i_need{};             ///< patterns
    std::vector<std::string> i_offer{};            ///< capabilities
    std::vector<std::string> preferred_schemas{};
    std::vector<std::string> languages{};          ///< BCP 47 tags, compared without regard to case
    std::vector<std::string> payment_methods{};

    friend bool operator==(const capability_request&, const capability_request&) = default;
};

/// What the other answers.
struct capability_response {
    std::vector<std::string> matched{};                    ///< capabilities of ours that serve a need
    std::vector<std::string> unavailable{};                ///< needs that nothing of ours serves, as they were asked
    std::optional<std::string> suggested_alternative{};    ///< to the first of those: of the same category, if any
    std::optional<std::string> agreed_schema{};            ///< as the asker wrote it
    std::optional<std::string> agreed_language{};          ///< likewise
    std::optional<std::string> agreed_payment{};           ///< likewise

    friend bool operator==(const capability_response&, const capability_response&) = default;
};

/// What this side has to offer.
struct capability_catalogue {
    std::vector<std::string> capabilities{};
    std::vector<std::string> schemas{};
    std::vector<std::string> languages{};
    std::vector<std::string> payment_methods{};
    bool newer_schema_serves = true;  ///< a schema is expected to add to its predecessor only
};

/// Answers a request. Depends on the lists only, so both sides compute the same from the same lists: of two of our
/// capabilities that fit equally well, the one earlier in the order of bytes is matched.
/// @spec  AM-CAP-003
[[nodiscard]] capability_response negotiate(const capability_request& asked, const capability_catalogue& ours);

/// As JSON objects, the payload of an envelope of type `x-capability-request` or `x-capability-response`. A reader
/// takes the 0.2 spelling `suggested_alternatives`, of which it keeps the first, and leaves unknown members.
[[nodiscard]] std::string write(const capability_request& content);
[[nodiscard]] std::string write(const capability_response& content);
/// @errors those of json::reader; too_large for a list over negotiation_items; bad_capability for a need or offer
///         that is none; unknown_schema for a schema name that is none
[[nodiscard]] result<capability_request> parse_capability_request(std::string_view text);
[[nodiscard]] result<capability_response> parse_capability_response(std::string_view text);

}  // namespace agentmesh::message

#include <agentmesh/message/capability.ipp>
