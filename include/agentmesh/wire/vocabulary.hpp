// Words of profile v02: message types, presence, features, error codes.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <optional>

namespace agentmesh::wire {

inline constexpr std::string_view protocol_02 = "agentmesh/0.2";
inline constexpr std::string_view protocol_01 = "agentmesh/0.1";

/// `message_type` of `send` and `receive`.
enum class message_type : std::uint8_t { knock, accept, reject, message, close, status, optimistic_message };

/// Whether a message knocks: asks to begin a conversation, alone or with a first message riding on it.
/// Such messages have a rate limit of their own and are refused by an agent that does not want to be disturbed.
[[nodiscard]] constexpr bool is_knock(message_type type) noexcept {
    return type == message_type::knock || type == message_type::optimistic_message;
}

/// `status` of `presence` and `presence_response`.
enum class presence : std::uint8_t { online, away, offline, dnd };

/// `code` of `error`.
enum class error_code : std::uint8_t {
    invalid_message,     ///< malformed frame, unknown type, missing or mistyped member, wrong first frame
    protocol_mismatch,   ///< a `protocol` that is not spoken
    invalid_signature,   ///< any failure of a proof
    unauthorized,        ///< no CONNECT in time, or not admitted
    unknown_recipient,   ///< `to` or `peer` is not an AMID
    recipient_offline,   ///< cannot be reached now
    mailbox_full,        ///< full store, to a sender with `receipts`
    message_too_large,   ///< payload over its limit
    rate_limited,        ///< over a limit per minute
    internal_error,      ///< the relay's own fault
};

[[nodiscard]] std::string_view to_text(message_type type) noexcept;
[[nodiscard]] std::string_view to_text(presence status) noexcept;
[[nodiscard]] std::string_view to_text(error_code code) noexcept;

/// Nothing for a word outside the list.
[[nodiscard]] std::optional<message_type> parse_message_type(std::string_view text) noexcept;
[[nodiscard]] std::optional<presence> parse_presence(std::string_view text) noexcept;
[[nodiscard]] std::optional<error_code> parse_error_code(std::string_view text) noexcept;

/// The code under which a peer hears of an error. Everything that makes a proof fail has one.
/// @spec AM-AUT-022
[[nodiscard]] error_code to_wire(errc code) noexcept;

/// 1 to 64 characters of `A-Z a-z 0-9 . _ : -`: the id of a message with feature `receipts`.
[[nodiscard]] bool is_message_id(std::string_view text) noexcept;
/// The same, or what a relay makes: `~` and then at most 63 of those characters.
[[nodiscard]] bool is_received_id(std::string_view text) noexcept;

// --- features ---------------------------------------------------------------------------------------

inline constexpr std::string_view feature_challenge = "challenge";
inline constexpr std::string_view feature_receipts = "receipts";

/// Names of features, in the order sent. The characters belong to somebody else.
class feature_list {
public:
    static constexpr std::size_t max_names = 16;
    static constexpr std::size_t max_name = 32;

    feature_list() = default;

    /// @errors wrong_member for a seventeenth name, and one that is not 1 to 32 characters of `a-z`, `0-9` and `-`
    result<void> add(std::string_view name) noexcept;

    [[nodiscard]] bool contains(std::string_view name) const noexcept {
        return std::find(begin(), end(), name) != end();
    }
    [[nodiscard]] const std::string_view* begin() const noexcept { return names_.data(); }
    [[nodiscard]] const std::string_view* end() const noexcept { return names_.data() + size_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// The names with commas between them, as challenge proofs sign them.
    [[nodiscard]] std::string joined() const;

    friend bool operator==(const feature_list& a, const feature_list& b) noexcept {
        return std::equal(a.begin(), a.end(), b.begin(), b.end());
    }

private:
    std::array<std::string_view, max_names> names_;
    std::size_t size_ = 0;
};

}  // namespace agentmesh::wire

#include <agentmesh/wire/vocabulary.ipp>
