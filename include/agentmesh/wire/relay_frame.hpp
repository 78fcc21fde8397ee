// Frames that a relay sends: as pieces of text to be queued without building a string, and read back by a client.
#pragma once

#include <agentmesh/wire/members.hpp>
#include <agentmesh/core/fault.hpp>
#include <agentmesh/wire/vocabulary.hpp>

#include <cassert>
#include <charconv>
#include <variant>

namespace agentmesh::wire {

/// A frame as views of its parts, in order. Views are not copied; numbers are kept inside.
class frame_pieces {
public:
    frame_pieces() = default;
    frame_pieces(const frame_pieces&) = delete;
    frame_pieces& operator=(const frame_pieces&) = delete;

    frame_pieces& add(std::string_view text) noexcept {
        assert(size_ < pieces_.size());
        pieces_[size_++] = text;
        return *this;
    }
    /// At most once in a frame.
    frame_pieces& number(std::uint64_t value) noexcept {
        const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr;
        return add({digits_.data(), static_cast<std::size_t>(end - digits_.data())});
    }
    [[nodiscard]] std::span<const std::string_view> pieces() const noexcept { return {pieces_.data(), size_}; }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const auto piece : pieces()) out.append(piece);
        return out;
    }

private:
    std::array<std::string_view, 20> pieces_;
    std::size_t size_ = 0;
    std::array<char, 20> digits_;
};

// --- writing ------------------------------------------------------------------------------------------
// Arguments named `raw_...` are JSON already; the others must need no escapes, as AMIDs, ids, times and words do not.

/// @param features  the names in force, or null if CONNECT had no `features`
void write_connected(frame_pieces& out, std::string_view session_id, std::size_t pending, const std::string* raw_features);
void write_challenge(frame_pieces& out, std::string_view nonce, std::string_view raw_relay, std::string_view raw_features);
/// All of `receive` but its `id` and its closing brace, which `finish_receive` adds.
void write_receive(frame_pieces& out, std::string_view from, std::string_view raw_payload, message_type type,
                   std::string_view timestamp, std::string_view raw_candidates);
void finish_receive(frame_pieces& out, std::string_view id);
void write_accepted(frame_pieces& out, std::string_view id, std::string_view to, bool durable);
/// Never says when an agent was last seen, so that nobody learns whether an absent one exists. @spec AM-PRV-001
void write_presence_response(frame_pieces& out, std::string_view amid, presence status);
void write_ice(frame_pieces& out, bool answer, std::string_view from, std::string_view raw_sdp,
               std::string_view raw_candidates);
void write_established(frame_pieces& out, std::string_view from);
void write_pong(frame_pieces& out, std::string_view raw_timestamp);
/// `message` is the error's own sentence and clause: nothing of what the peer sent. @spec AM-ERR-011, AM-ERR-013
/// @param retry_after  seconds, left out if 0
/// @param id           of the refused send, left out if empty
void write_error(frame_pieces& out, const error& why, unsigned retry_after = 0, std::string_view id = {});

// --- reading ------------------------------------------------------------------------------------------

struct connected_frame {
    std::string_view session_id;
    std::int64_t pending_messages = 0;
    const feature_list* features = nullptr;
};
struct challenge_frame {
    std::string_view nonce;
    std::string_view relay;
    const feature_list* features = nullptr;  ///< never null
};
struct receive_frame {
    std::string_view from;
    std::string_view payload;
    message_type type{};
    std::string_view timestamp;
    std::string_view raw_candidates;
    std::string_view id;
};
struct accepted_frame {
    std::string_view id;
    std::string_view to;
    bool durable = false;
};
struct presence_response_frame {
    std::string_view amid;
    presence status{};
};
struct relayed_ice_frame {
    bool answer = false;
    std::string_view from;
    std::string_view sdp;
    std::string_view raw_candidates;
};
struct relayed_established_frame {
    std::string_view from;
};
struct pong_frame {
    std::string_view timestamp;
};
struct error_frame {
    error_code code{};
    std::string_view message;
    unsigned retry_after_seconds = 0;
    std::string_view id;
};

using relay_frame = std::variant<receive_frame, accepted_frame, connected_frame, challenge_frame,
                                 presence_response_frame, relayed_ice_frame, relayed_established_frame, pong_frame,
                                 error_frame>;

/// Reads relay frames one after another. Its views are valid as long as the text and the parser, until the next one.
class relay_frame_parser {
public:
    /// @errors as client_frame_parser::parse; an unknown `code` of an error is INTERNAL_ERROR, not a failure
    [[nodiscard]] result<relay_frame> parse(std::string_view text);

private:
    relay_frame read(std::string_view type);
    const feature_list* read_features();

    frame_members in_;
    feature_list features_;
};

}  // namespace agentmesh::wire

#include <agentmesh/wire/relay_frame.ipp>
