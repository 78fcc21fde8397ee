// Matchers: named predicates over observations, so that a verdict can say in words what it looked for.
//
//     conn.seek(match::frame("connected"))
//     conn.expect(match::error("INVALID_MESSAGE") | match::ended())
#pragma once

#include "conformance/engine/observation.hpp"

#include <functional>

namespace agentmesh::conformance {

/// A predicate with a name. The name is part of `why`, hence fixed: no ids, no payloads.
struct matcher {
    std::string words;
    std::function<bool(const observation&)> test;

    [[nodiscard]] bool operator()(const observation& seen) const { return test(seen); }
};

[[nodiscard]] matcher operator|(matcher a, matcher b);  ///< "a or b"
[[nodiscard]] matcher operator&(matcher a, matcher b);  ///< "a and b"
[[nodiscard]] matcher operator!(matcher a);             ///< "anything but a"; silence is not anything

namespace match {

/// A text frame with this `type`.
[[nodiscard]] matcher frame(std::string type);
/// A `receive` with exactly this `encrypted_payload`.
[[nodiscard]] matcher receive(std::string payload);
/// Any `error` frame; or one with this code.
[[nodiscard]] matcher error();
[[nodiscard]] matcher error(std::string code);
/// A Close frame; or one with this code.
[[nodiscard]] matcher close();
[[nodiscard]] matcher close(std::uint16_t code);
/// Close frame, end of stream or reset: what set core takes for "fail the connection".
[[nodiscard]] matcher ended();
/// End of stream or reset: TCP is over.
[[nodiscard]] matcher tcp_end();
/// An `error` frame, or `ended()`: any visible refusal.
[[nodiscard]] matcher refusal();
/// A Pong with this payload.
[[nodiscard]] matcher pong(std::string payload);
[[nodiscard]] matcher ping();
/// An HTTP response with this status; or with any status from 400 to 599.
[[nodiscard]] matcher http(std::uint16_t status);
[[nodiscard]] matcher http_refusal();
/// A status from 200 to 299; from 400 to 499; or any of these.
[[nodiscard]] matcher http_success();
[[nodiscard]] matcher http_client_error();
[[nodiscard]] matcher http_any(std::vector<std::uint16_t> statuses);
/// A status, and `error` of the JSON body.
[[nodiscard]] matcher http_error(std::uint16_t status, std::string word);
/// Any text or binary message.
[[nodiscard]] matcher data();
/// Whatever `test` says, under a name: `match::where("a receive of the first message", [&](auto& o) {...})`.
[[nodiscard]] matcher where(std::string words, std::function<bool(const observation&)> test);

}  // namespace match
}  // namespace agentmesh::conformance
