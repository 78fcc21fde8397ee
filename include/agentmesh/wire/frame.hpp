// Frames that a client sends to a relay: from text to structs.
#pragma once

#include <agentmesh/wire/members.hpp>
#include <agentmesh/wire/vocabulary.hpp>

#include <variant>

namespace agentmesh::wire {

// Members named `raw_...` are JSON as it stood in the text, a string without its quotes; they are passed on as they
// are. The others are values. All are views, valid as long as the text and the parser that returned them.

struct connect_frame {
    std::string_view protocol;
    std::string_view amid;
    std::string_view public_key;
    std::string_view timestamp;  ///< the proof covers these bytes, whatever they say
    std::string_view signature;
    bool p2p_capable = false;
    const feature_list* features = nullptr;  ///< null: absent, a client that knows of no features
};

struct challenge_response_frame {
    std::string_view timestamp;
    std::string_view signature;
};

struct send_frame {
    std::string_view to;
    std::string_view raw_payload;
    message_type type{};
    std::string_view raw_candidates;  ///< a JSON array, each element complete; empty if the member was absent
    std::string_view id;              ///< empty if absent, or if the client has no `receipts`
};

struct ack_frame {
    std::string_view from;
    std::string_view id;
};

struct presence_frame {
    presence status{};
};

struct presence_query_frame {
    std::string_view amid;
};

/// `ice_offer` or `ice_answer`.
struct ice_frame {
    bool answer = false;
    std::string_view to;
    std::string_view raw_sdp;
    std::string_view raw_candidates;  ///< a JSON array, each element complete
};

struct established_frame {
    std::string_view peer;
};

struct ping_frame {
    std::string_view raw_timestamp;
};

struct disconnect_frame {};

using client_frame = std::variant<send_frame, ack_frame, presence_frame, presence_query_frame, ice_frame,
                                  established_frame, ping_frame, disconnect_frame, connect_frame,
                                  challenge_response_frame>;

/// What the client may say, by what was agreed with it.
struct frame_options {
    bool receipts = false;  ///< `ack` is a frame, and `id` a member of `send`
};

/// Reads client frames one after another; keeps what a frame's views need besides its text.
class client_frame_parser {
public:
    /// Reads one frame in one pass. Unknown members are checked and ignored.
    /// @spec   AM-ERR-001 to AM-ERR-005, AM-ERR-007 to AM-ERR-009, AM-RLY-004, AM-RLY-013, AM-RLY-064, AM-RLY-066
    /// @errors the JSON reader's; bad_frame, unknown_type, missing_member, wrong_member, bad_time. All of them are
    ///         INVALID_MESSAGE to the peer
    [[nodiscard]] result<client_frame> parse(std::string_view text, const frame_options& with);

    /// After a refusal: the valid `id` of a frame that was meant as a `send`, or nothing. An answer may carry it.
    [[nodiscard]] std::string_view refused_id() const noexcept { return refused_id_; }

private:
    client_frame read(std::string_view type, const frame_options& with);
    connect_frame read_connect();
    send_frame read_send(const frame_options& with);
    std::string_view read_candidates(member name);

    frame_members in_;
    feature_list features_;
    std::string_view refused_id_;
};

}  // namespace agentmesh::wire

#include <agentmesh/wire/frame.ipp>
