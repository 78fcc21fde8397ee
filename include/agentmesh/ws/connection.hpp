// RFC 6455 messages over one established connection, either role, without sockets, clocks or randomness.
//
//     std::span<std::uint8_t> input = bytes_just_read;
//     while (auto event = peer.next(input, output)) {
//         switch (event->kind) {
//             case ws::event_kind::text:   relay.receive(event->text()); break;
//             case ws::event_kind::closed:
//             case ws::event_kind::failed: flush_then_disconnect(); break;
//             default:                     break;      // ping is answered already; pong feeds the keepalive
//         }
//     }
//
// A message that lies whole in `input` is unmasked there and handed out as a view of it; only what a read
// cut in two is stored, and the store is given back as soon as it is empty, so an idle connection owns
// nothing beyond its own size. Deadlines (handshake, close, pong) and flood counters belong to the caller.
#pragma once

#include <agentmesh/core/limits.hpp>
#include <agentmesh/core/utf8.hpp>
#include <agentmesh/ws/frame.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>

namespace agentmesh::ws {

/// What one peer may make us hold. @spec AM-LIM-004, AM-LIM-005
struct message_limits {
    std::uint32_t message_bytes = limits::websocket_message_bytes;
    /// Frames of one message. Empty fragments cost their sender almost nothing, so their number is bounded too.
    std::uint32_t fragments = 1024;
};

/// Draws masking keys for the frames a client sends. Refers to the function object it is made from, which must
/// outlive it; that returns a fresh unpredictable `mask_key` each time.
class mask_source {
public:
    mask_source() = default;
    template <class F>
        requires(std::is_object_v<F> && !std::is_const_v<F> && !std::same_as<F, mask_source>)
    mask_source(F& draw) noexcept  // NOLINT(google-explicit-constructor): a reference
        : callable_{std::addressof(draw)}, call_{[](void* f) -> mask_key { return (*static_cast<F*>(f))(); }} {}

    [[nodiscard]] explicit operator bool() const noexcept { return call_ != nullptr; }
    [[nodiscard]] mask_key operator()() const { return call_(callable_); }

private:
    void* callable_ = nullptr;
    mask_key (*call_)(void*) = nullptr;
};

enum class event_kind : std::uint8_t {
    text,    ///< one whole message of well-formed UTF-8
    binary,  ///< one whole message
    ping,    ///< received; the Pong is already in the output
    pong,    ///< received, asked for or not
    closed,  ///< the peer's Close; the answer, if one was due, is in the output. Nothing follows
    failed,  ///< the peer broke the protocol or a limit; Close is in the output. Nothing follows
};

/// What happened. Views into the input or the connection: valid until the next call of `next`.
struct event {
    event_kind kind{};
    close_code code = 0;  ///< closed: the peer's code, 1005 if it gave none; failed: the code we closed with
    byte_view payload{};  ///< the message, the control frame's payload, or the reason of the Close
    error why{};          ///< failed only

    [[nodiscard]] std::string_view text() const noexcept { return as_text(payload); }
};

/// One end of a connection after its handshake. Movable; about a hundred bytes while idle.
class connection {
public:
    /// The server's end: expects masked frames, sends unmasked ones.
    [[nodiscard]] static connection server(const message_limits& limits = {}) { return {limits, mask_source{}}; }
    /// The client's end. `masks` is asked once for each frame that is sent.
    [[nodiscard]] static connection client(mask_source masks, const message_limits& limits = {}) {
        assert(masks);
        return {limits, masks};
    }

    /// Takes bytes from the front of `input` until something has happened, and appends to `out` what the
    /// protocol demands in answer: a Pong for each Ping, an echoed Close, a Close for a failure.
    /// How a stream is cut into inputs changes neither the events nor the output.
    /// @spec   AM-WSK-025, AM-WSK-026, AM-WSK-027, AM-WSK-030, AM-WSK-031, AM-WSK-032, AM-WSK-033, AM-WSK-034,
    ///         AM-WSK-037, AM-WSK-040, AM-WSK-042, AM-WSK-043, AM-LIM-004, AM-LIM-005
    /// @param  input  shrinks from the front; its bytes are overwritten by unmasking
    /// @return an event, or nothing once `input` is empty
    /// @errors event_kind::failed with ws_protocol (1002), ws_bad_utf8 (1007) or ws_too_large (1009)
    template <ByteSink Out>
    [[nodiscard]] std::optional<event> next(std::span<std::uint8_t>& input, Out& out);

    /// Appends one frame: a text or binary message whose payload is the pieces one after another, or a Ping
    /// or Pong of at most 125 bytes. Text must be UTF-8.
    /// @errors ws_closed after Close was sent or received; `out` is unchanged
    template <ByteSink Out, FramePiece... Pieces>
    result<void> send(Out& out, opcode op, const Pieces&... pieces);

    /// Begins the closing handshake, once; later calls do nothing. Messages that still arrive are dropped
    /// unread, Pings still answered, until the peer's Close comes as the event `closed`.
    /// @param code    a sendable code, or `close_codes::none` for an empty Close
    /// @param reason  UTF-8; cut to 123 bytes on a character boundary
    template <ByteSink Out>
    void close(Out& out, close_code code, std::string_view reason = {});

    /// Whether messages may still be sent: neither side has begun to close.
    [[nodiscard]] bool is_open() const noexcept { return phase_ == phase::open; }
    /// Whether everything is said: `closed` or `failed` was reported, all further input is dropped.
    /// What the output holds is to be flushed, then the transport closed.
    [[nodiscard]] bool is_finished() const noexcept { return phase_ == phase::finished; }
    [[nodiscard]] role self() const noexcept { return masks_ ? role::client : role::server; }
    /// Bytes held for messages that have not arrived whole, or were delivered by the latest `next`.
    [[nodiscard]] std::size_t stored_bytes() const noexcept { return store_.capacity(); }

private:
    enum class phase : std::uint8_t { open, closing, finished };

    connection(const message_limits& limits, mask_source masks) noexcept : masks_{masks}, limits_{limits} {}

    std::optional<event> advance(std::span<std::uint8_t>& input);
    result<bool> take_header(std::span<std::uint8_t>& input);
    std::optional<event> begin_frame();
    std::optional<event> take_data(std::span<std::uint8_t> piece, bool whole, bool ends);
    std::optional<event> take_control(std::span<std::uint8_t> piece, bool whole, bool ends);
    event finish_close(byte_view payload);
    event failure(errc code, clause_id clause);
    void drop_delivered() noexcept;

    template <ByteSink Out, FramePiece... Pieces>
    void append(Out& out, opcode op, const Pieces&... pieces);
    template <ByteSink Out>
    void append_close(Out& out, close_code code, std::string_view reason);

    /// Received parts of the current message, then those of a control frame that came between them.
    buffer store_;
    mask_source masks_;
    frame_header frame_{};
    std::uint64_t taken_ = 0;    ///< payload bytes of `frame_` already taken
    std::size_t delivered_ = 0;  ///< bytes at the end of `store_` that the latest event refers to
    message_limits limits_;
    std::uint32_t fragments_ = 0;            ///< frames of the current message so far
    utf8_validator text_{};                  ///< over the current text message
    opcode message_ = opcode::continuation;  ///< kind of the current message; continuation: there is none
    phase phase_ = phase::open;
    bool in_frame_ = false;                              ///< `frame_` is known and its payload not complete
    bool close_due_ = false;                             ///< the event about to be returned is answered with a Close
    std::uint8_t header_size_ = 0;                       ///< bytes in `header_`
    std::array<std::uint8_t, max_frame_header> header_;  ///< the front of a header that a read cut in two
};

}  // namespace agentmesh::ws

#include <agentmesh/ws/connection.ipp>
