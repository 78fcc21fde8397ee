// RFC 6455 framing with every field in the case's hands, and a decoder that reports instead of judging.
#pragma once

#include "conformance/engine/observation.hpp"

#include <array>
#include <optional>

namespace agentmesh::conformance {

enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// How the payload length is written.
enum class length_form : std::uint8_t { shortest, two_bytes, eight_bytes };

/// A frame as a client sends it. The defaults are correct; a case changes what it wants to get wrong.
struct ws_frame {
    bool fin = true;
    unsigned rsv = 0;                             ///< 0 to 7; RSV1 is 4
    opcode op = opcode::text;                     ///< any of 0 to 15 by static_cast
    bool masked = true;
    std::optional<std::array<std::uint8_t, 4>> mask{};  ///< from the stream of the case if absent
    length_form form = length_form::shortest;
    std::optional<std::uint64_t> length{};        ///< the length announced, if it is to lie
    std::string payload{};
};

/// The bytes of `frame`; `mask` is used if the frame has none of its own.
[[nodiscard]] std::string encode(const ws_frame& frame, const std::array<std::uint8_t, 4>& mask);

/// The payload of a Close: two bytes of code, then the reason.
[[nodiscard]] std::string close_payload(std::uint16_t code, std::string_view reason = {});

/// Reads what a server sends. Feed bytes, then take events until there is none.
/// Garbage ends it: a reserved opcode, a control frame that is long or fragmented, a continuation of nothing, a new
/// message inside another, a length over 4 MiB.
class ws_decoder {
public:
    /// One message or control frame, and exactly the bytes that carried it.
    struct event {
        observation seen;
        std::string raw;
    };

    void feed(std::string_view bytes) { buffer_.append(bytes); }
    [[nodiscard]] std::optional<event> take();
    /// Bytes of an unfinished frame.
    [[nodiscard]] std::size_t pending() const noexcept { return buffer_.size() + message_.raw.size(); }

private:
    event garbage(std::string raw);

    std::string buffer_;
    event message_{};         // the message being put together
    opcode message_op_ = opcode::text;
    bool in_message_ = false;
    bool dead_ = false;
};

}  // namespace agentmesh::conformance
