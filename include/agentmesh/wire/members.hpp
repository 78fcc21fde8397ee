// The members of one frame, found in one strict pass over its text, in whatever order they come.
//
// Names that no frame of the profile knows are skipped after a full check; which of the known ones a frame needs is
// asked afterwards, when its `type` is known. Nothing is copied or allocated unless a string has escapes.
#pragma once

#include <agentmesh/core/json_reader.hpp>
#include <agentmesh/core/fault.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/wire/vocabulary.hpp>

#include <forward_list>

namespace agentmesh::wire {

/// Every member that a frame of the profile has.
enum class member : std::uint8_t {
    type, to, encrypted_payload, message_type, ice_candidates, id, from, status, amid, sdp, candidates, peer,
    timestamp, reason, protocol, public_key, signature, p2p_capable, features, session_id, pending_messages, nonce,
    relay, durable, last_seen, code, message, retry_after_seconds,
    count_,
};

/// Reads members by name. Errors stick, as with json::reader: after the first, every read returns an empty value, and
/// `outcome` tells it. Views are valid as long as both the text and this object, until the next `scan`.
class frame_members {
public:
    /// @spec   AM-ERR-001, AM-ERR-007, AM-ERR-008, AM-ERR-009, AM-RLY-013
    /// @return false if the text is not one JSON object; `outcome` tells why
    bool scan(std::string_view text);

    [[nodiscard]] bool has(member name) const noexcept { return kinds_[index(name)] != json::kind::none; }

    // A mandatory member. @spec AM-ERR-003, AM-ERR-004
    [[nodiscard]] std::string_view text(member name);  ///< the value of a string
    [[nodiscard]] std::string_view raw(member name);   ///< a string as it stands between its quotes
    [[nodiscard]] bool boolean(member name);
    [[nodiscard]] std::int64_t integer(member name);
    [[nodiscard]] std::string_view array(member name); ///< its JSON text
    /// A string that is a time, as it stands between its quotes.
    [[nodiscard]] std::string_view raw_time(member name);
    /// The member `features`. Its names are views like the rest.
    void features(feature_list& out);

    /// Adds an error of the caller's; the first stays.
    void refuse(errc code, clause_id clause) noexcept;
    [[nodiscard]] bool ok() const noexcept { return !failed_; }
    [[nodiscard]] const error& why() const noexcept { return why_; }

    /// Keeps text that the caller had to make, for as long as the views of this frame.
    [[nodiscard]] std::string_view keep(std::string made) { return made_.emplace_front(std::move(made)); }

private:
    static constexpr std::size_t members = static_cast<std::size_t>(member::count_);
    struct scanned {
        std::string_view raw;
        bool escaped;
    };

    static constexpr std::size_t index(member name) noexcept { return static_cast<std::size_t>(name); }
    [[nodiscard]] static member find(std::string_view name) noexcept;
    [[nodiscard]] bool take(member name, json::kind wanted) noexcept;

    std::array<json::kind, members> kinds_{};
    std::array<scanned, members> values_;  // meaningful where kinds_ is not `none`
    std::forward_list<std::string> made_;
    error why_{};
    bool failed_ = false;
};

}  // namespace agentmesh::wire

#include <agentmesh/wire/members.ipp>
