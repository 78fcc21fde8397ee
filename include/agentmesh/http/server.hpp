// The server's side of one HTTP/1.1 connection without the socket: bytes in, requests out; answers in, bytes out.
//
//     http::server_connection link{limits, now};
//     while (auto got = link.feed(input, out, now); got && *got)      // one request at a time
//         link.answer(out, service.handle(**got, now), now);
//     if (link.ended()) close_after_writing(out);
//
// Strict where parsers disagree (RFC 9112 section 11): one length, in one way, in one spelling; lines end in CR LF;
// what comes after a request waits until that is answered.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/http/chunked.hpp>
#include <agentmesh/http/message.hpp>

namespace agentmesh::http {

/// What one connection may cost. @spec AM-HTP-003, AM-HTP-004
struct limits {
    ws::http_limits head{};
    std::size_t body_bytes = 256 * 1024;
    std::uint32_t requests = 1'000;                 ///< on one connection
    duration head_time = std::chrono::seconds{10};  ///< from the first byte of a request to the end of its head
    duration body_time = std::chrono::seconds{20};  ///< from then to the end of its body
    duration idle_time = std::chrono::seconds{30};  ///< between requests
};

/// One connection. Not to be fed again after an error or once it has ended.
class server_connection {
public:
    server_connection(const limits& within, const moment& now) noexcept
        : limits_{within}, head_{within.head}, deadline_{now.steady + within.head_time} {}

    /// Takes bytes from the front of `input` up to the end of one request, and writes `100 Continue` where the client
    /// waits for it. While a request is unanswered nothing is taken.
    /// @param  out  what goes to the client
    /// @return a complete request, or nothing yet
    /// @spec   AM-HTP-001, AM-HTP-002, AM-HTP-003, AM-HTP-005, AM-HTP-007, AM-HTP-020, AM-HTP-021, AM-HTP-022
    /// @errors http_malformed, http_too_large (head, trailers), too_large (body); `refuse` answers each
    template <ByteSink Out>
    [[nodiscard]] result<std::optional<request>> feed(byte_view& input, Out& out, const moment& now);

    /// Writes the answer to the request that `feed` returned last.
    template <ByteSink Out>
    void answer(Out& out, const response& with, const moment& now);

    /// Writes the answer to what `feed` refused, or 408 after a deadline within a request. The connection has then
    /// ended.
    template <ByteSink Out>
    void refuse(Out& out, const error& why);

    /// When `on_deadline` is due.
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;
    /// The deadline has passed: an idle connection just ends, one within a request is told 408.
    template <ByteSink Out>
    void on_deadline(Out& out);

    /// After the request that is being answered the connection ends, as a server does that is about to stop.
    void end_after_answer() noexcept { last_ = true; }
    /// Whether the connection is to be closed once all is written.
    [[nodiscard]] bool ended() const noexcept { return phase_ == phase::ended; }
    /// Whether nothing of a request has been seen since the last answer.
    [[nodiscard]] bool idle() const noexcept { return phase_ == phase::head && head_.text().empty(); }

private:
    enum class phase : std::uint8_t { head, body, chunks, answering, ended };

    [[nodiscard]] result<void> begin_body(const ws::http_request& head);
    [[nodiscard]] result<bool> take_body(byte_view& input);
    template <ByteSink Out>
    void write(Out& out, const response& with, bool close) const;

    [[nodiscard]] static chunked_reader::bounds chunk_bounds(const limits& of) noexcept {
        return {.body = of.body_bytes, .line = of.head.line_bytes, .form = "AM-HTP-002", .size = "AM-HTP-003"};
    }

    limits limits_;
    ws::head_reader head_;
    request current_;
    chunked_reader chunks_{chunk_bounds(limits_)};
    std::size_t left_ = 0;  // bytes of the body still to come
    std::uint32_t served_ = 0;
    std::uint8_t before_ = 0;  // bytes of an empty line before the request
    steady_point deadline_;
    phase phase_ = phase::head;
    bool head_only_ = false;
    bool last_ = false;
};

/// What answers a refused request: 400, 408, 413 or 431.
[[nodiscard]] std::uint16_t refusal_status(errc why) noexcept;

}  // namespace agentmesh::http

#include <agentmesh/http/server.ipp>
