// RFC 6455 section 5.2: the frame header, masking, and frames written whole.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/core/fault.hpp>

#include <cassert>
#include <cstring>

namespace agentmesh::ws {

/// Which end of the connection this side is. A client masks what it sends, a server never does.
enum class role : std::uint8_t { server, client };

enum class opcode : std::uint8_t {
    continuation = 0x0,
    text = 0x1,
    binary = 0x2,
    close = 0x8,
    ping = 0x9,
    pong = 0xA,
};

[[nodiscard]] constexpr bool is_control(opcode op) noexcept { return static_cast<std::uint8_t>(op) >= 0x8; }

/// Payload bytes of a control frame at most (section 5.5).
inline constexpr std::size_t max_control_payload = 125;
/// Header bytes of a frame at most: 2, then 8 of length, then 4 of masking key.
inline constexpr std::size_t max_frame_header = 14;

/// Close codes (section 7.4.1) that this library sends or reports itself.
using close_code = std::uint16_t;
namespace close_codes {
inline constexpr close_code normal = 1000;
inline constexpr close_code going_away = 1001;
inline constexpr close_code protocol_error = 1002;
inline constexpr close_code none = 1005;  ///< reported for a Close frame without a code; never on the wire
inline constexpr close_code bad_text = 1007;
inline constexpr close_code policy = 1008;
inline constexpr close_code too_large = 1009;
inline constexpr close_code internal_error = 1011;
}  // namespace close_codes

/// Whether a Close frame may carry `code`: 1000 to 1003, 1007 to 1014, and 3000 to 4999.
/// @spec AM-WSK-042
[[nodiscard]] constexpr bool is_sendable(close_code code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/// The four bytes a client draws for each frame. Unpredictable to whoever chose the payload.
using mask_key = std::array<std::uint8_t, 4>;

struct frame_header {
    bool fin = true;
    opcode op = opcode::text;
    bool masked = false;
    mask_key key{};            ///< meaningful where `masked`
    std::uint64_t length = 0;  ///< payload bytes, below 2^63

    friend bool operator==(const frame_header&, const frame_header&) = default;
};

/// A header as bytes. `view()` lives as long as the object.
struct encoded_header {
    std::array<std::uint8_t, max_frame_header> bytes;
    std::uint8_t size = 0;

    [[nodiscard]] byte_view view() const noexcept { return {bytes.data(), size}; }
};

/// The header in its only permitted form: the shortest length that fits, RSV bits zero.
[[nodiscard]] encoded_header encode_header(const frame_header& header) noexcept;

/// Reads the header at the front of `input` as the end `self` of a connection receives it.
/// A refusal depends only on the bytes up to the first wrong one: every longer input gives the same refusal,
/// and no shorter one gives any.
/// @spec   AM-WSK-020, AM-WSK-021, AM-WSK-022, AM-WSK-023, AM-WSK-024, AM-WSK-028, AM-WSK-029, AM-WSK-036
/// @return bytes of the header, 2 to 14; or 0 while `input` ends before the header does
/// @errors ws_protocol
/// @state  `out` holds the header only where the return value is positive
[[nodiscard]] result<std::size_t> decode_header(frame_header& out, byte_view input, role self) noexcept;

/// XORs `data` with the key, in place; the same call masks and unmasks. `offset` is the position of `data`
/// inside the payload, so that a payload may be treated in pieces.
void apply_mask(std::span<std::uint8_t> data, const mask_key& key, std::uint64_t offset = 0) noexcept;

/// A growing container of bytes or characters: `buffer` or `std::string`.
template <class Out>
concept ByteSink = sizeof(typename Out::value_type) == 1 && requires(Out& out, const typename Out::value_type* p) {
    out.insert(out.end(), p, p);
    out.reserve(out.size());
};

[[nodiscard]] inline byte_view piece_bytes(std::string_view piece) noexcept { return as_bytes(piece); }
[[nodiscard]] inline byte_view piece_bytes(byte_view piece) noexcept { return piece; }

/// Something whose bytes can be laid into a frame: text or a byte view.
template <class P>
concept FramePiece = requires(const P& piece) { piece_bytes(piece); };

/// Appends one whole unmasked frame, as a server sends it, whose payload is the pieces one after another.
/// At most one allocation, and the growth of `out` stays geometric over many calls.
/// @spec AM-WSK-035
template <ByteSink Out, FramePiece... Pieces>
void append_frame(Out& out, opcode op, const Pieces&... pieces);

/// The same as a client sends it: masked with `key`, which must be fresh for each frame (section 5.3).
template <ByteSink Out, FramePiece... Pieces>
void append_masked_frame(Out& out, const mask_key& key, opcode op, const Pieces&... pieces);

}  // namespace agentmesh::ws

#include <agentmesh/ws/frame.ipp>
