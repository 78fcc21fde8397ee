// What the relay machine asks of its driver: frames to send, connections to close.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <concepts>

namespace agentmesh::relay {

/// One open connection, numbered by the driver. Small and dense, since the machine indexes a table with it; a number
/// is used again only after `on_closed` was given for it.
enum class connection_id : std::uint32_t {};

/// WebSocket close codes that the machine uses.
namespace close_codes {
inline constexpr std::uint16_t normal = 1000;            ///< answer to `disconnect`
inline constexpr std::uint16_t going_away = 1001;        ///< the relay stops
inline constexpr std::uint16_t policy = 1008;            ///< refused: no proof, no Pong, a second CONNECT, a flood
inline constexpr std::uint16_t internal_error = 1011;    ///< the relay could not do its part
inline constexpr std::uint16_t try_again = 1013;         ///< the peer does not read the answers to its own frames
inline constexpr std::uint16_t session_replaced = 4006;  ///< a newer login took over; do not reconnect by yourself
}  // namespace close_codes

/// The driver's answer to a text that it was asked to send.
enum class send_result : std::uint8_t {
    taken,  ///< will be written in its turn, unless the connection ends first
    full,   ///< nothing was taken, as something is queued; the driver calls `on_drained` once it has room again
};

/// Where a machine's actions go, in order. An action only queues: it calls no event of the machine.
///
/// `send_text(to, pieces)` queues one text message, the pieces one after another; they are copied before it returns.
/// Where nothing is queued for `to`, it is always taken, whatever its size, so that no message waits for ever. `full`
/// is a promise: `on_drained` follows once there is room, unless the connection ends first; until then the machine
/// delivers nothing from the store there.
/// `send_ping(to, payload)` queues a Ping of at most 125 bytes; it is never refused for want of room.
/// `close(to, code, reason)` queues a Close after everything queued before; the driver then delivers no event for
/// `to` but, at the end, `on_closed`. The machine acts on none in any case.
///
/// Models: `net::relay_server::actions`, `tests::recording_sink`.
template <class S>
concept ActionSink = requires(S& out, connection_id to, std::span<const std::string_view> pieces, byte_view payload,
                              std::uint16_t code, std::string_view reason) {
    { out.send_text(to, pieces) } -> std::same_as<send_result>;
    out.send_ping(to, payload);
    out.close(to, code, reason);
};

/// What an operator may want to see in a log. AMIDs, enumerators and clauses only: payloads, keys, signatures and
/// whatever else a peer chose have no way in. @spec AM-PRV-002
enum class audit_kind : std::uint8_t {
    login,     ///< authenticated, `amid` is set
    logout,    ///< the route is gone
    replaced,  ///< a newer login of `amid` took over
    refused,   ///< a frame was answered with an error, `why` says which
    evicted,   ///< closed by the relay: no Pong, no CONNECT in time, a flood, a reader that does not read
};

struct audit_event {
    audit_kind kind{};
    connection_id connection{};
    std::string_view amid{};  ///< empty before authentication
    error why{};
};

/// A sink that also wants audit events.
template <class S>
concept AuditSink = ActionSink<S> && requires(S& out, const audit_event& what) { out.audit(what); };

}  // namespace agentmesh::relay
