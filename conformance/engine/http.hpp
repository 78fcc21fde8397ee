// Upgrade requests that a case may bend, and a reader of responses.
#pragma once

#include "conformance/engine/observation.hpp"

#include <optional>

namespace agentmesh::conformance {

/// An HTTP/1.1 request as text. `context::upgrade_request()` makes a correct one.
struct http_request {
    std::string method = "GET";
    std::string target = "/";
    std::string version = "HTTP/1.1";
    std::vector<std::pair<std::string, std::string>> fields{};
    std::string body{};

    /// Replaces the first field of that name (ignoring case), or adds it.
    http_request& set(std::string_view name, std::string value);
    /// Adds a field, even a second of one name.
    http_request& add(std::string name, std::string value);
    http_request& drop(std::string_view name);
    [[nodiscard]] std::string field(std::string_view name) const;
    [[nodiscard]] std::string text() const;
};

/// `Sec-WebSocket-Accept` that belongs to a key.
[[nodiscard]] std::string accept_value(std::string_view key);

/// A complete response at the front of `bytes`: the observation and how many bytes it took. nullopt if more is
/// needed; kind `garbage` if it cannot become one. `ended`: the stream is over, so an unbounded body is complete.
struct http_parsed {
    observation seen;
    std::size_t size = 0;
};
[[nodiscard]] std::optional<http_parsed> parse_response(std::string_view bytes, bool ended);

}  // namespace agentmesh::conformance
