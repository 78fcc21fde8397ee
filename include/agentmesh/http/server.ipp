#pragma once

#include <agentmesh/http/fault.hpp>
#include <agentmesh/http/server.hpp>

namespace agentmesh::http {

namespace detail {

/// A Content-Length of RFC 9110 section 8.6: digits and nothing else.
[[nodiscard]] inline result<std::size_t> parse_length(std::string_view text, std::size_t most) {
    if (text.empty() || text.size() > 18) return fail(errc::http_malformed, "AM-HTP-001");
    std::size_t out = 0;
    for (const char c : text) {
        if (injected(fault::http_any_length) && (c < '0' || c > '9')) continue;
        if (c < '0' || c > '9') return fail(errc::http_malformed, "AM-HTP-001");
        out = out * 10 + static_cast<std::size_t>(c - '0');
    }
    if (out > most && !injected(fault::http_big_body)) return fail(errc::too_large, "AM-HTP-003");
    return out;
}

[[nodiscard]] constexpr std::string_view phrase_of(std::uint16_t status) noexcept {
    switch (status) {
        case 201: return "Created";
        case 204: return "No Content";
        case 302: return "Found";
        case 401: return "Unauthorized";
        case 409: return "Conflict";
        case 413: return "Content Too Large";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 500: return "Internal Server Error";
        default: return ws::detail::reason_phrase(status);
    }
}

}  // namespace detail

inline std::uint16_t refusal_status(errc why) noexcept {
    switch (why) {
        case errc::too_large: return 413;
        case errc::timed_out: return 408;
        case errc::http_too_large: return 431;
        default: return 400;
    }
}

inline result<void> server_connection::begin_body(const ws::http_request& head) {
    const auto lengths = head.fields.count("Content-Length");
    const auto codings = head.fields.count("Transfer-Encoding");
    if (codings > 0) {
        // Beside a length, in HTTP/1.0, or of any other coding, it is what request smuggling is made of.
        const auto coding = head.fields.only("Transfer-Encoding");
        if ((lengths > 0 && !injected(fault::http_length_and_coding)) ||
            (head.minor_version == 0 && !injected(fault::http_coding_in_10)) ||
            ((!coding || !ws::equals_ignoring_case(*coding, "chunked")) && !injected(fault::http_any_coding)))
            return fail(errc::http_malformed, "AM-HTP-001");
        if (injected(fault::http_no_chunks)) return fail(errc::http_malformed, "AM-HTP-001");
        chunks_ = chunked_reader{chunk_bounds(limits_)};
        phase_ = phase::chunks;
        return {};
    }
    if (lengths > 1 && !injected(fault::http_two_lengths)) return fail(errc::http_malformed, "AM-HTP-001");
    left_ = 0;
    if (lengths >= 1) {
        const auto first = std::find_if(head.fields.begin(), head.fields.end(), [](const ws::http_field& one) {
            return ws::equals_ignoring_case(one.name, "Content-Length");
        });
        AGENTMESH_TRY(length, detail::parse_length(first->value, limits_.body_bytes));
        left_ = length;
    }
    phase_ = phase::body;
    return {};
}

inline result<bool> server_connection::take_body(byte_view& input) {
    if (phase_ == phase::chunks) return chunks_.feed(input, current_.body);
    const auto size = std::min(left_, input.size());
    current_.body.append(as_text(input.first(size)));
    input = input.subspan(size);
    left_ -= size;
    return left_ == 0;
}

template <ByteSink Out>
result<std::optional<request>> server_connection::feed(byte_view& input, Out& out, const moment& now) {
    if (phase_ == phase::answering || phase_ == phase::ended) return std::nullopt;
    if (phase_ == phase::head) {
        // One empty line before a request is passed over (RFC 9112 section 2.2).
        for (; idle() && !input.empty() && before_ < 2 && (before_ == 1 || input.front() == '\r');
             input = input.subspan(1))
            if (++before_ == 2 && input.front() != '\n') return fail(errc::http_malformed, "AM-WSK-007");
        if (input.empty()) return std::nullopt;
        if (idle()) deadline_ = now.steady + limits_.head_time;
        AGENTMESH_TRY(complete, head_.feed(input));
        if (!complete) return std::nullopt;
        AGENTMESH_TRY(parsed, ws::parse_request(head_.text(), ws::http_body::allowed));
        AGENTMESH_CHECK(begin_body(parsed));
        current_ = {
            .method = std::string{parsed.method}, .path = std::string{parsed.path}, .query = std::string{parsed.query}};
        for (const auto& one : parsed.fields) current_.fields.add(std::string{one.name}, std::string{one.value});
        head_only_ = parsed.method == "HEAD";
        before_ = 0;
        last_ = last_ || ++served_ >= limits_.requests || parsed.fields.lists("Connection", "close") ||
                parsed.minor_version == 0;
        deadline_ = now.steady + limits_.body_time;
        const auto expects = parsed.fields.only("Expect");
        if (expects && parsed.minor_version > 0 && ws::equals_ignoring_case(*expects, "100-continue") &&
            input.empty() && (phase_ != phase::body || left_ > 0))
            ws::detail::append_bytes(out, as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    AGENTMESH_TRY(complete, take_body(input));
    if (!complete) return std::nullopt;
    phase_ = phase::answering;
    if (injected(fault::http_loses_pipelined)) input = {};
    return std::optional{std::move(current_)};
}

template <ByteSink Out>
void server_connection::write(Out& out, const response& with, bool close) const {
    const bool bodiless = with.status == 204 || with.status == 304;
    std::string head = "HTTP/1.1 " + std::to_string(with.status);
    head.append(" ").append(detail::phrase_of(with.status)).append("\r\n");
    for (const auto& [name, value] : with.fields) head.append(name).append(": ").append(value).append("\r\n");
    if (!bodiless) head.append("Content-Length: ").append(std::to_string(with.body.size())).append("\r\n");
    if (close) head.append("Connection: close\r\n");
    head.append("\r\n");
    ws::detail::append_bytes(out, as_bytes(head));
    if (!bodiless && !head_only_) ws::detail::append_bytes(out, as_bytes(with.body));
}

template <ByteSink Out>
void server_connection::answer(Out& out, const response& with, const moment& now) {
    if (phase_ != phase::answering) return;
    write(out, with, last_);
    phase_ = last_ ? phase::ended : phase::head;
    head_ = ws::head_reader{limits_.head};
    current_ = {};
    head_only_ = false;
    deadline_ = now.steady + limits_.idle_time;
}

template <ByteSink Out>
void server_connection::refuse(Out& out, const error& why) {
    if (phase_ == phase::ended) return;
    std::string body = R"({"error":")";
    body.append(describe(why.code)).append("\"");
    if (!why.clause.empty()) body.append(R"(,"clause":")").append(why.clause).append("\"");
    write(out, response::json(refusal_status(why.code), body + "}"), true);
    phase_ = phase::ended;
}

inline std::optional<steady_point> server_connection::next_deadline() const noexcept {
    if (phase_ == phase::answering || phase_ == phase::ended || injected(fault::http_slow_forever)) return std::nullopt;
    return deadline_;
}

template <ByteSink Out>
void server_connection::on_deadline(Out& out) {
    if (idle())
        phase_ = phase::ended;
    else if (phase_ != phase::answering)
        refuse(out, error{.code = errc::timed_out, .clause = "AM-HTP-004"});
}

}  // namespace agentmesh::http
