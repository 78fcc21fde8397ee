// What the sans-IO layers ask of their surroundings. `Clock` is in core/clock.hpp.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <concepts>

namespace agentmesh {

/// A source of random bytes.
///
/// `fill(out)` either fills the whole of `out` with bytes that nobody can predict and nobody was given before, or
/// returns `random_failed`, after which `out` must not be used. A caller that gets an error aborts what it was
/// doing; it never continues with what is in the buffer.
///
/// Models: `crypto::system_random`, `crypto::scripted_random` (tests, vectors).
/// @code
/// std::array<std::uint8_t, 24> nonce;
/// AGENTMESH_CHECK(random.fill(nonce));
/// @endcode
template <class R>
concept RandomSource = requires(R& random, std::span<std::uint8_t> out) {
    { random.fill(out) } -> std::same_as<result<void>>;
};

/// A message channel to one peer.
///
/// `send(message)` takes one whole message, at most the limit of the profile. Messages arrive whole, in the order
/// of the calls, at most once. It may be called again before earlier messages have left; a transport that cannot
/// keep more answers `queue_full` and has then not taken the message. `close(code)` begins an orderly end: what was
/// taken before is still delivered if the peer reads on. After `close`, and after an error that `is_fatal`, every
/// call answers `ws_closed`. A transport is used from one thread.
///
/// Models: `net::ws_socket`; the in-memory pair of the tests.
template <class T>
concept Transport = requires(T& transport, byte_view message, std::uint16_t code) {
    { transport.send(message) } -> std::same_as<result<void>>;
    { transport.close(code) } -> std::same_as<result<void>>;
};

}  // namespace agentmesh
