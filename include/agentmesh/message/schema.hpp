// Structural checks of message content: eight standard schemas, and those that an application registers.
//
//     message::schema_registry known;                                          // the eight
//     known.add("x-acme/widget/v1", R"({"type":"object","required":["size"],
//                                       "properties":{"size":{"type":"integer","minimum":1}}})");
//     auto found = known.judge("x-acme/widget/v1", text, message::validation::strict);
//     for (const auto& one : found.findings) log(one.pointer, one.keyword);     // "/size" "minimum"
//
// A description is the part of JSON Schema draft-07 that needs neither a regular expression nor a reference: `type`,
// `enum`, `const`, `required`, `properties`, `additionalProperties`, `items`, `minimum`, `maximum`, `minLength` and
// `maxLength`. Whatever else it contains is refused at registration, so that no check is believed to be there that
// is not. Names for people (`title`, `description`, `$id`, `x-...`) may stand in it.
#pragma once

#include <agentmesh/message/capability.hpp>
#include <agentmesh/message/envelope.hpp>

#include <map>

namespace agentmesh::message {

inline constexpr std::size_t schema_bytes = 16 * 1024;  ///< of one description
inline constexpr std::size_t schema_depth = 16;         ///< of subschemas in it
inline constexpr std::size_t schema_values = 256;       ///< of one `enum`
inline constexpr std::size_t custom_schemas = 256;      ///< in one registry
inline constexpr std::size_t findings_kept = 64;        ///< of one text; the rest is only counted

/// One violation. @spec AM-CAP-007
struct finding {
    std::string pointer;       ///< RFC 6901, from the checked text: `/legs/0/from`; empty: the text itself
    std::string_view keyword;  ///< of the schema

    friend bool operator==(const finding&, const finding&) = default;
};

/// A compiled description.
class schema {
public:
    /// @errors those of json::reader; bad_capability for a keyword that is not understood or has a value of the wrong
    ///         kind; too_large
    [[nodiscard]] static result<schema> compile(std::string_view description);

    /// Every keyword of every subschema is applied to its value, whichever other keywords stand beside it.
    /// @spec   AM-CAP-007, AM-CAP-008
    /// @return the violations, in the order of the text, at most findings_kept; none: the text follows the schema
    /// @errors those of json::reader, if the text is not JSON
    [[nodiscard]] result<std::vector<finding>> check(std::string_view text) const;

private:
    friend struct schema_compiler;
    friend struct schema_walk;

    /// One subschema. A constraint that is empty allows everything; `none` stands for no subschema.
    struct node {
        static constexpr std::size_t none = static_cast<std::size_t>(-1);

        std::uint8_t types = 0;                       // a bit for each of schema_rules::type_words; 0: any
        bool closed = false;                          // additionalProperties: false
        bool listed = false;                          // enum stands here
        std::vector<std::string> values{};            // of enum, in canonical form
        std::vector<std::string> required{};
        std::map<std::string, std::size_t, std::less<>> properties{};
        std::size_t additional = none;
        std::size_t items = none;
        std::optional<double> minimum{}, maximum{};
        std::optional<std::uint64_t> min_length{}, max_length{};  // in characters
        std::optional<std::string> constant{};        // of const, in canonical form
    };

    std::vector<node> nodes_;  // the first is the root
};

enum class validation : std::uint8_t {
    silent,   ///< nothing is looked at
    warning,  ///< violations are reported, and accepted
    strict,   ///< violations and unknown schemas are refused
};

/// What a registry says of a text.
struct judgement {
    bool accepted = true;
    bool known = true;                 ///< the schema is; if not, and something was looked at, that is a warning
    std::vector<finding> findings{};

    [[nodiscard]] bool has_warning() const noexcept { return !known || !findings.empty(); }
};

/// A standard schema: its name, and its description, which schemas/message/ holds for others.
struct standard_schema {
    std::string_view name;
    std::string_view description;
};

/// The schemas an agent knows.
class schema_registry {
public:
    /// With the eight standard ones.
    schema_registry();

    /// @errors unknown_schema if the name is not of the form `x-<ns>/<schema>/v<n>`; bad_capability if it is taken;
    ///         too_large if there are custom_schemas already; those of schema::compile
    result<void> add(std::string_view name, std::string_view description);

    [[nodiscard]] const schema* find(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<std::string> names() const;

    /// @spec   AM-CAP-005, AM-CAP-006
    /// @errors those of json::reader, if the text is not JSON; in mode silent that is not looked at either
    [[nodiscard]] result<judgement> judge(std::string_view name, std::string_view text, validation mode) const;

private:
    std::map<std::string, schema, std::less<>> schemas_;
};

}  // namespace agentmesh::message

#include <agentmesh/message/standard_schemas.ipp>
#include <agentmesh/message/schema.ipp>
