// The frames of suite am1 as bytes: what stands in clear, what is sealed, and how long it is padded to.
//
//     KNOCK    01 ‖ suite ‖ flags ‖ card(152) ‖ E(32) ‖ R_A(32) ‖ u32 prekey ‖ u32 one-time prekey ‖ sealed text
//     reply    02 ‖ suite ‖ first 8 bytes of the KNOCK's hash ‖ sealed text
//     message  03 ‖ suite ‖ session id(16) ‖ flags ‖ ratchet header(40) ‖ sealed envelope
//     notice   05 ‖ suite ‖ session id(16) ‖ signature(64)
//
// 04 is reserved. In `encrypted_payload` a frame stands as URL-safe base64 without padding.
#pragma once

#include <agentmesh/e2ee/card.hpp>
#include <agentmesh/e2ee/header.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/x3dh.hpp>
#include <agentmesh/session/knock.hpp>

namespace agentmesh::session {

enum class frame_kind : std::uint8_t { knock = 1, reply = 2, message = 3, notice = 5 };

inline constexpr std::uint8_t frame_suite = static_cast<std::uint8_t>(e2ee::suite_id::am1);
inline constexpr std::size_t frame_tag = e2ee::am1::aead::tag_size;
inline constexpr std::size_t frame_bytes = limits::payload_bytes / 4 * 3;  ///< that fit into a payload
inline constexpr std::size_t knock_head_size = 1 + 1 + 1 + 152 + 32 + 32 + 4 + 4;
inline constexpr std::size_t reply_head_size = 1 + 1 + 8;
inline constexpr std::size_t message_head_size = 1 + 1 + 16 + 1;  ///< up to the ratchet header
inline constexpr std::size_t notice_size = 1 + 1 + 16 + 64;
inline constexpr std::uint32_t no_one_time_key = 0xffffffff;
/// The longest envelope: its padded form still fits into a frame.
inline constexpr std::size_t largest_envelope =
    (frame_bytes - message_head_size - e2ee::header_size - frame_tag) / 4096 * 4096 - 1;

// --- base64 -------------------------------------------------------------------------------------------------

[[nodiscard]] inline std::string to_payload(byte_view frame) { return to_base64(frame, base64_form::url_unpadded); }
/// @spec   AM-KNK-001
/// @errors too_large, bad_base64, bad_frame unless it begins with a frame kind and this suite
[[nodiscard]] result<buffer> from_payload(std::string_view payload);
[[nodiscard]] inline frame_kind kind_of(byte_view frame) noexcept { return static_cast<frame_kind>(frame[0]); }

// --- padding --------------------------------------------------------------------------------------------------

/// Fills a text with spaces up to the next of 512, 1024, 2048, 4096 and 8192 bytes.
/// @errors too_large
[[nodiscard]] result<void> pad_text(std::string& text);
[[nodiscard]] constexpr bool is_padded_text(std::size_t size) noexcept {
    return size == 512 || size == 1024 || size == 2048 || size == 4096 || size == 8192;
}

/// The size an envelope is padded to: with its 0x80 a multiple of 64 up to 1 KiB, of 512 up to 8 KiB, of 4096 beyond.
[[nodiscard]] constexpr std::size_t padded_size(std::size_t envelope) noexcept {
    const std::size_t step = envelope + 1 <= 1024 ? 64 : envelope + 1 <= 8192 ? 512 : 4096;
    return (envelope + step) / step * step;
}
/// @return how many bytes of `padded` are the envelope
/// @spec   AM-KNK-023
/// @errors bad_frame
[[nodiscard]] result<std::size_t> unpadded_size(byte_view padded) noexcept;

// --- KNOCK ----------------------------------------------------------------------------------------------------

/// What stands in clear in a KNOCK.
struct knock_head {
    bool optimistic = false;  ///< messages follow before the answer
    e2ee::identity_card card;
    exchange_public_key ephemeral{};
    exchange_public_key ratchet_key{};
    std::uint32_t prekey = 0;
    std::uint32_t one_time_key = no_one_time_key;

    [[nodiscard]] bool has_one_time_key() const noexcept { return one_time_key != no_one_time_key; }
};

[[nodiscard]] buffer knock_head_bytes(const knock_head& head);
/// Sizes, kind, suite, flags; then the card, which proves itself.
/// @spec   AM-KNK-003, AM-KNK-004
/// @errors bad_frame, those of identity_card::parse
[[nodiscard]] result<knock_head> parse_knock_head(byte_view frame);

/// The whole frame. @param text  padded
[[nodiscard]] buffer seal_knock(const knock_head& head, const e2ee::knock_key& key, std::string_view text);
/// @spec   AM-KNK-006
/// @errors bad_tag
[[nodiscard]] result<std::string> open_knock(byte_view frame, const e2ee::knock_key& key);

/// @spec AM-KNK-021
[[nodiscard]] session_id session_id_of(const sha256_digest& knock, const e2ee::id_key& key);

// --- replies --------------------------------------------------------------------------------------------------

enum class reply_kind : std::uint8_t { accept = 0, reject = 1 };  ///< the nonce it is sealed under

/// @spec AM-KNK-017
/// @param knock  hash of the KNOCK frame
/// @param text   padded
[[nodiscard]] buffer seal_reply(reply_kind kind, const sha256_digest& knock, const e2ee::identity_card& responder,
                                const e2ee::reply_key& key, std::string_view text);

struct opened_reply {
    reply_kind kind{};
    std::string text;
};
/// @spec   AM-KNK-018
/// @errors bad_frame, bad_tag
[[nodiscard]] result<opened_reply> open_reply(byte_view frame, const sha256_digest& knock,
                                              const e2ee::identity_card& responder, const e2ee::reply_key& key);

/// The hash over a KNOCK and its ACCEPT that every later message is bound to. @spec AM-KNK-021
[[nodiscard]] sha256_digest transcript_of(byte_view knock_frame, byte_view accept_frame);

// --- messages -------------------------------------------------------------------------------------------------

/// The parts of a message frame. Views live as long as the frame.
struct message_frame {
    session_id session{};
    bool bound = false;  ///< to the transcript; otherwise only to the KNOCK
    e2ee::ratchet_header header{};
    byte_view head{};    ///< up to the ratchet header
    byte_view sealed{};
};
/// @errors bad_frame
[[nodiscard]] result<message_frame> parse_message_frame(byte_view frame);
/// The first 19 bytes.
[[nodiscard]] buffer message_head_bytes(const session_id& session, bool bound);

/// Associated data of every message up to the hash: suite, both names, both keys of both sides, length-prefixed.
[[nodiscard]] buffer session_context(const e2ee::identity_card& initiator, const e2ee::identity_card& responder);
enum class direction : std::uint8_t { from_initiator = 0, from_responder = 1 };
/// Associated data up to the ratchet header. @param hash  of the transcript, or of the KNOCK if `head` says unbound
[[nodiscard]] buffer message_context(byte_view session_context, const sha256_digest& hash, direction from,
                                     byte_view head);

// --- notices of unknown sessions ------------------------------------------------------------------------------

/// @spec AM-KNK-029
/// @param answered  the frame that named the session
/// @param to        who sent it
[[nodiscard]] buffer write_notice(const session_id& session, const sha256_digest& answered, const amid& to,
                                  const signing_key_pair& by);
/// @errors bad_frame
[[nodiscard]] result<session_id> parse_notice(byte_view frame);
/// @spec   AM-KNK-030
/// @errors bad_signature
[[nodiscard]] result<void> verify_notice(byte_view frame, const sha256_digest& answered, const amid& to,
                                         const signing_public_key& by);

}  // namespace agentmesh::session

#include <agentmesh/session/knock_frame.ipp>
