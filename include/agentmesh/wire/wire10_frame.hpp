// Frames of profile wire10, as deployed clients and relays of AgentMesh Wire 1.0 send them.
//
// Both directions share one flat shape: `v`, `type`, `from`, `to`, `id`, `ts` and a few members of each type. A relay
// passes frames on as the bytes it received; it reads only what routing needs.
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/identity/mesh_did.hpp>

#include <forward_list>

namespace agentmesh::wire {

/// The kinds that matter to either side; everything else is `unknown`, which is an answer and never a crash.
enum class wire10_type : std::uint8_t {
    connect, knock, knock_accept, knock_reject, message, ack, heartbeat, disconnect, fetch_pending, pending_messages,
    error, unknown,
};

/// What one frame says. An absent member is an empty view; `has_...` tells absent from empty where that matters.
/// Views live as long as the text and the parser.
struct wire10_frame {
    wire10_type type = wire10_type::unknown;
    std::string_view from, to, id;
    std::string_view public_key, timestamp, signature;  ///< connect: the proof covers `timestamp` as sent
    std::string_view knock_id, reason, detail;
    std::string_view ik, ek;                            ///< knock: `establishment`
    std::optional<std::uint32_t> otk;                   ///< knock: id of the one-time key that was used, if any
    std::string_view intent;                            ///< knock: `intent.action`
    std::string_view ciphertext;
    std::string_view header_dh;                         ///< message
    std::uint32_t header_pn = 0, header_n = 0;
    std::string_view raw_messages;                      ///< pending_messages: a JSON array
    bool has_from = false, has_header = false, has_establishment = false;
    bool plaintext = false;                             ///< claims to be unencrypted, which no receiver of ours accepts
};

/// Reads one frame at a time.
class wire10_parser {
public:
    /// Strict JSON; unknown members are checked and ignored; header counters are unsigned 32-bit integers; a known
    /// member of another JSON type refuses the frame, and so does a version other than 1.
    /// @errors the JSON reader's; missing_member without `type`; wrong_member; protocol_mismatch for another `v`
    [[nodiscard]] result<wire10_frame> parse(std::string_view text);

    /// Of the text last parsed, refused or not: its `id`, where it is a string that may stand in an answer.
    [[nodiscard]] std::string_view answerable_id() const noexcept { return answerable_id_; }

private:
    [[nodiscard]] std::string_view value(json::reader& in);
    void read_header(json::reader& in, wire10_frame& out);
    void read_establishment(json::reader& in, wire10_frame& out);
    void read_intent(json::reader& in, wire10_frame& out);

    std::forward_list<std::string> kept_;
    std::string answerable_id_;
};

/// An id that may be repeated in an answer: 1 to 64 characters that need no escapes.
[[nodiscard]] bool is_plain_id(std::string_view id) noexcept;

// --- writing ------------------------------------------------------------------------------------------------------

/// `{"type":"error","detail":...,"id":...}`; `detail` is ours and `id` may be empty.
[[nodiscard]] std::string write_wire10_error(std::string_view detail, std::string_view id = {});

/// CONNECT. The signature, standard base64, is over the bytes of `timestamp`.
[[nodiscard]] std::string write_wire10_connect(const signing_key_pair& key, time_point now);

struct wire10_establishment {
    exchange_public_key identity, ephemeral;
    std::optional<std::uint32_t> one_time{};  ///< id of the one-time key that was used
};

/// A KNOCK that carries the key agreement. `intent` is the action asked for; deployed clients say `establish_session`.
[[nodiscard]] std::string write_wire10_knock(const mesh_did& from, const mesh_did& to, std::string_view id,
                                             std::string_view intent, const wire10_establishment& keys, time_point now);

/// `knock_accept`, or `knock_reject` where a reason is given.
[[nodiscard]] std::string write_wire10_answer(const mesh_did& from, const mesh_did& to, std::string_view id,
                                              std::string_view knock_id, std::string_view reason, time_point now);

/// @param ciphertext  nonce ‖ ciphertext ‖ tag
[[nodiscard]] std::string write_wire10_message(const mesh_did& from, const mesh_did& to, std::string_view id,
                                               const exchange_public_key& dh, std::uint32_t pn, std::uint32_t n,
                                               byte_view ciphertext, time_point now);

[[nodiscard]] std::string write_wire10_ack(std::string_view id);
[[nodiscard]] std::string write_wire10_simple(wire10_type type, const mesh_did& from, time_point now);

}  // namespace agentmesh::wire

#include <agentmesh/wire/wire10_frame.ipp>
