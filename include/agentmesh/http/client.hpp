// The client's side of one HTTP/1.1 connection without the socket: requests in, bytes out; bytes in, answers out.
//
//     http::client_connection link{"registry.example"};
//     AGENTMESH_CHECK(link.send(out, {.method = "GET", .path = "/v1/health"}, now));
//     auto got = link.feed(input);                           // nothing yet, or the answer
//     if (peer_ended) got = link.on_end();                   // an answer without a length ends with its connection
//     if (link.ended()) dial_again_for_the_next();
//
// One request at a time. What a server says is believed no further than what a client says: one length, in one
// spelling, bounded; and no byte that nobody asked for, because it would be read as the answer to the next request.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/http/server.hpp>

#include <limits>

namespace agentmesh::http {

/// What one answer may cost. @spec AM-HTP-011
struct client_limits {
    ws::http_limits head{};
    std::size_t body_bytes = 4 * 1024 * 1024;
    std::uint32_t interim = 8;                        ///< answers of 1xx before the one that counts
    duration answer_time = std::chrono::seconds{30};  ///< from the request to the end of its answer
};

/// One connection to one host. After an error it has ended.
class client_connection {
public:
    /// @param host  what Host says: a name or an address, and the port where it is not the scheme's own
    explicit client_connection(std::string host, const client_limits& within = {})
        : host_{std::move(host)}, limits_{within}, head_{within.head} {}

    /// Writes a request. Host and Content-Length are added, and are not to be among its fields.
    /// @spec   AM-HTP-014
    /// @errors http_malformed for what could not be read back as the same request; ws_closed unless `ready`. Then
    ///         nothing is written, and the connection is as it was.
    template <ByteSink Out>
    [[nodiscard]] result<void> send(Out& out, const request& what, const moment& now);

    /// Takes bytes from the front of `input` up to the end of the answer. Where more follows, which nobody asked for,
    /// the connection ends with that answer.
    /// @return the answer, or nothing yet
    /// @spec   AM-HTP-010, AM-HTP-011, AM-HTP-013
    /// @errors http_malformed, also for bytes without a request; http_too_large (head, trailers), too_large (body)
    [[nodiscard]] result<std::optional<response>> feed(byte_view& input);

    /// The server will send nothing more. An answer that had no length is complete by that.
    /// @return the answer; nothing if none is awaited
    /// @spec   AM-HTP-012
    /// @errors io_failed if one is missing in part or whole
    [[nodiscard]] result<std::optional<response>> on_end();

    /// When the answer has to be complete. Whoever drives gives up then.
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept {
        return awaiting() ? std::optional{deadline_} : std::nullopt;
    }
    /// Whether a request may be sent.
    [[nodiscard]] bool ready() const noexcept { return phase_ == phase::idle; }
    /// Whether an answer is due.
    [[nodiscard]] bool awaiting() const noexcept { return phase_ != phase::idle && phase_ != phase::ended; }
    /// Whether this connection carries no further request.
    [[nodiscard]] bool ended() const noexcept { return phase_ == phase::ended; }
    /// Whether any byte of the answer has come. Without one, a request that changes nothing may be sent once more over
    /// another connection.
    [[nodiscard]] bool answer_began() const noexcept { return began_; }

private:
    enum class phase : std::uint8_t { idle, head, body, until_end, chunks, ended };

    [[nodiscard]] result<std::optional<response>> take(byte_view& input);
    [[nodiscard]] result<bool> take_head(byte_view& input);
    [[nodiscard]] result<void> begin_body(const ws::http_response& head, bool old);
    [[nodiscard]] result<bool> take_body(byte_view& input);
    [[nodiscard]] response finish();

    [[nodiscard]] static chunked_reader::bounds chunk_bounds(const client_limits& of) noexcept {
        return {.body = of.body_bytes, .line = of.head.line_bytes, .form = "AM-HTP-010", .size = "AM-HTP-011"};
    }

    std::string host_;
    client_limits limits_;
    ws::head_reader head_;
    response current_;
    chunked_reader chunks_{chunk_bounds(limits_)};
    std::size_t left_ = 0;  // bytes of the body still to come
    std::uint32_t interim_ = 0;
    steady_point deadline_{};
    phase phase_ = phase::idle;
    bool head_only_ = false;
    bool close_ = false;
    bool began_ = false;
};

}  // namespace agentmesh::http

#include <agentmesh/http/client.ipp>
