// The envelope of a message inside a session: who says it, to whom, as which one of this direction, and signed.
//
//     message::envelope note{.session_id = id, .sequence = 0, .from = self, .to = peer, .type = "request", ...};
//     AGENTMESH_TRY(text, message::sign_envelope(note, keys));               // what the session seals
//     AGENTMESH_TRY(read, message::open_envelope(text, {id, peer, self}, peer_key));
//
// The ratchet proves to the receiver alone who speaks. The signature is for whoever keeps a transcript: it still says
// who said what when both sides' keys are long gone.
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/identity/agent_id.hpp>

#include <bitset>
#include <optional>

namespace agentmesh::message {

inline constexpr std::size_t envelope_bytes = 65'536;  ///< of one text, signature included
inline constexpr std::size_t type_characters = 64;     ///< also of `id`
inline constexpr std::size_t session_id_digits = 32;

/// What a body is. Spelled in the envelope; a spelling that is none of the first five is kept as text in
/// envelope::type and never taken for one of them.
enum class body_type : std::uint8_t { request, response, status, error, close, other };

inline constexpr std::array<std::string_view, 5> body_type_words = {"request", "response", "status", "error", "close"};

[[nodiscard]] constexpr body_type body_type_of(std::string_view word) noexcept {
    for (std::size_t i = 0; i < body_type_words.size(); ++i)
        if (body_type_words[i] == word) return static_cast<body_type>(i);
    return body_type::other;
}
/// @param type  not `other`
[[nodiscard]] constexpr std::string_view to_text(body_type type) noexcept {
    return body_type_words[static_cast<std::size_t>(type)];
}

/// One message. `payload` is the text of a JSON object; body.hpp reads it.
struct envelope {
    std::string session_id;              ///< 32 lower-case hexadecimal digits
    std::uint64_t sequence = 0;          ///< of this direction, from 0; at most 2^53
    amid from;
    amid to;
    std::string type;                    ///< 1 to 64 characters, none of them a control character
    time_point timestamp{};
    std::string payload = "{}";
    std::optional<std::string> id{};     ///< the sender's own name for the message, 1 to 64 of `A-Z a-z 0-9 . _ : -`
    std::optional<signature> proof{};    ///< the member `signature`

    [[nodiscard]] body_type kind() const noexcept { return body_type_of(type); }
    friend bool operator==(const envelope&, const envelope&) = default;
};

/// The form that `session_id` takes.
enum class session_id_form : std::uint8_t {
    hex,      ///< suite am1
    foreign,  ///< as other dialects spell it: 1 to 64 printable ASCII characters
};

/// Reads an envelope in one strict pass. Unknown members are passed over here, but covered by the signature.
/// @spec   AM-ENV-003, AM-ENV-007
/// @errors those of json::reader; missing_member, wrong_member, bad_amid, bad_time
[[nodiscard]] result<envelope> parse_envelope(std::string_view text, session_id_form form = session_id_form::hex);

/// The `type` alone, of a text that is JSON throughout.
/// @errors as parse_envelope, for this member
[[nodiscard]] result<std::string> peek_type(std::string_view text);

/// Canonical JSON, with the signature if there is one.
/// @errors those of json::canonicalize for the payload; wrong_member if a member is outside what the struct says;
///         too_large
[[nodiscard]] result<std::string> write_envelope(const envelope& content);

// --- signature ----------------------------------------------------------------------------------------------

/// What a signature covers: "AgentMesh-v1:envelope" ‖ 00 ‖ the canonical form without `signature`.
/// @spec   AM-ENV-001
/// @errors as json::canonicalize
[[nodiscard]] result<buffer> envelope_proof_bytes(std::string_view text);

/// Signs, and writes what was signed.
/// @spec   AM-ENV-001
/// @errors as write_envelope; `content` is then unchanged
[[nodiscard]] result<std::string> sign_envelope(envelope& content, const signing_key_pair& key);

/// Verifies the signature over the text as received, unknown members included.
/// @spec   AM-ENV-002
/// @errors bad_signature, also when there is none; those of parse_envelope
[[nodiscard]] result<void> verify_envelope(std::string_view text, const signing_public_key& key);

// --- what a receiver does ------------------------------------------------------------------------------------

/// The session and direction that an envelope came in.
struct expected_envelope {
    std::string_view session_id;
    const amid& from;
    const amid& to;
};

/// @spec   AM-ENV-004
/// @errors bad_envelope if it belongs to another session, another sender or another recipient
[[nodiscard]] result<void> check_envelope(const envelope& content, const expected_envelope& where);

/// Reads, places and verifies. The sequence is left to the tracker.
/// @spec   AM-ENV-002, AM-ENV-003, AM-ENV-004
[[nodiscard]] result<envelope> open_envelope(std::string_view text, const expected_envelope& where,
                                             const signing_public_key& key);

/// What a sequence number is, seen from those before it.
enum class sequence_news : std::uint8_t {
    next,       ///< the one that was due
    gap,        ///< ahead of it: `missing` messages have not come, and may come late
    late,       ///< one of those
    duplicate,  ///< accepted before, or so old that nobody can tell
};

/// The sequence numbers of one direction, in constant space. Numbers far behind the highest are duplicates.
/// @spec AM-ENV-005, AM-ENV-006
class sequence_tracker {
public:
    static constexpr std::size_t window = 1024;

    /// What `sequence` would be, without accepting it.
    [[nodiscard]] sequence_news look(std::uint64_t sequence) const noexcept;

    /// Accepts a number.
    /// @errors bad_sequence for a duplicate
    /// @state  unchanged on error
    result<sequence_news> accept(std::uint64_t sequence) noexcept;

    /// The number that is due next, from 0.
    [[nodiscard]] std::uint64_t due() const noexcept { return due_; }
    /// How many below it have not come; a gap is to be reported, not refused.
    [[nodiscard]] std::uint64_t missing() const noexcept { return due_ - accepted_; }

private:
    std::uint64_t due_ = 0;       // one above the highest accepted
    std::uint64_t accepted_ = 0;
    std::bitset<window> seen_;    // number n at n % window, for due_ - window <= n < due_
};

}  // namespace agentmesh::message

#include <agentmesh/message/envelope.ipp>
