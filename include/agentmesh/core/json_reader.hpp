// Strict, bounded pull parser for RFC 8259: one pass over the text, no tree, no allocation for ordinary texts.
//
//     json::reader in{text};
//     std::string_view type;
//     in.begin_object();
//     while (const auto name = in.next_member()) {
//         if (*name == "type") type = in.string().raw;      // a value that is not read is skipped, fully checked
//     }
//     AGENTMESH_CHECK(in.finish());                          // nothing above counts unless this succeeds
//
// Errors stick: after the first one every call returns an empty value and the loops end, so that a frame scanner
// needs a single check. What was read is meaningful only once `finish()` has succeeded, because a text may turn out
// to be broken, or to name a member twice, at its last byte.
#pragma once

#include <agentmesh/core/json_names.hpp>
#include <agentmesh/core/limits.hpp>
#include <agentmesh/core/utf8.hpp>

#include <forward_list>
#include <optional>

namespace agentmesh::json {

/// Bounds of one text. @spec AM-ENC-014, AM-ENC-015, AM-ENC-019
struct bounds {
    std::size_t bytes = limits::websocket_message_bytes;  ///< checked before anything is parsed; below 2^31
    std::size_t depth = limits::json_depth;               ///< at most limits::json_depth
    std::size_t members = limits::json_members;           ///< of one object
};

enum class kind : std::uint8_t { none, object, array, string, number, boolean, null };

/// A string as it stands in the text, without its quotes. Well-formed, escapes included.
struct string_token {
    std::string_view raw;
    bool escaped = false;  ///< `raw` contains at least one backslash; otherwise it is the value itself

    /// The value, with escapes resolved.
    [[nodiscard]] std::string text() const;
    /// True if the value is `expected`; allocates only for an escaped string.
    [[nodiscard]] bool is(std::string_view expected) const { return escaped ? text() == expected : raw == expected; }
};

/// A number as it stands in the text. Its value is finite.
struct number_token {
    std::string_view raw;
    bool integral = false;  ///< written without fraction and exponent

    /// @spec   AM-ENC-016, AM-ENC-018
    /// @errors json_number_range unless it is written as an integer of magnitude at most 2^53; `-0` is 0
    [[nodiscard]] result<std::int64_t> integer() const noexcept;
    /// The nearest double; never a negative zero.
    [[nodiscard]] double real() const noexcept;
};

/// Reads one JSON text. Owns nothing of it: the text must outlive the reader and every view taken from it.
/// @spec AM-ENC-010 to AM-ENC-019
class reader {
public:
    explicit reader(std::string_view text, const bounds& within = {}) noexcept;

    /// Kind of the value that comes next; `none` where no value stands or after an error.
    [[nodiscard]] kind peek() noexcept;

    /// Enter a container. False, with wrong_member, if the next value is of another kind.
    bool begin_object(clause_id clause = {});
    bool begin_array(clause_id clause = {});

    /// The name of the next member, unescaped, valid as long as the reader; nothing at the end of the object,
    /// which is then left. The value before it is skipped if it was not read.
    [[nodiscard]] std::optional<std::string_view> next_member();
    /// True if an element follows; false at the end of the array, which is then left.
    [[nodiscard]] bool next_element();

    /// Read a value. If the next value is of another kind, the error is wrong_member with the given clause.
    string_token string(clause_id clause = {});
    number_token number(clause_id clause = {});
    std::int64_t integer(clause_id clause = {});  ///< error json_number_range, with `clause` if given
    bool boolean(clause_id clause = {});
    void null(clause_id clause = {});

    /// Passes over the next value, checks it entirely, and returns its text.
    std::string_view skip();

    /// Adds an error of the caller's own, with the same effect as one found here. The first one stays.
    void refuse(errc code, clause_id clause = {}) noexcept;

    [[nodiscard]] bool ok() const noexcept { return !failed_; }

    /// To be called after the outermost value: skips what of it was not read, and checks that nothing follows.
    /// @errors the first error met: too_large, bad_json, bad_utf8, json_too_deep, json_duplicate_member,
    ///         json_too_many_members, json_number_range, wrong_member, or one of the caller's
    [[nodiscard]] result<void> finish();

private:
    [[nodiscard]] bool in_object() const noexcept { return objects_ >> (depth_ - 1) & 1; }
    void skip_space() noexcept;
    bool take(kind wanted, clause_id clause);
    bool open(bool object, clause_id clause);
    void leave() noexcept;
    bool between(char closing) noexcept;
    void step_over();
    string_token scan_string() noexcept;
    number_token scan_number() noexcept;
    void scan_literal(std::string_view word) noexcept;

    const char* at_;
    const char* end_;
    bounds bounds_;
    std::size_t depth_ = 0;
    std::uint64_t objects_ = 0;  // bit d: the container at depth d is an object
    bool pending_ = true;        // a value stands at `at_` and has not been read
    bool first_ = false;         // nothing of the innermost container has been read
    bool failed_ = false;
    error why_{};
    name_stack names_;
    std::forward_list<std::string> unescaped_;  // names that had escapes; rare
};

/// Checks a whole text without reading any of it.
/// @errors as reader::finish
[[nodiscard]] result<void> validate(std::string_view text, const bounds& within = {});

/// Resolves the escapes of a string that a reader returned, appending to `out`.
void unescape(std::string& out, std::string_view raw);

}  // namespace agentmesh::json

#include <agentmesh/core/json_reader.ipp>
