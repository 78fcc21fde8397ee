// Bodies of client.hpp: requests out, then answers in the order of RFC 9112 section 6.3.
#pragma once

#include <algorithm>

namespace agentmesh::http {

namespace detail {

/// Whether a server reads `what` back as it is: nothing in it ends a line, a target or a field early.
/// @spec AM-HTP-014
[[nodiscard]] inline bool can_be_sent(const request& what, std::string_view host) {
    const auto target_part = [](std::string_view text) { return ws::detail::target_chars.spans(text); };
    if (!ws::is_token(what.method) || host.empty() || !ws::detail::host_chars.spans(host)) return false;
    if (!what.path.starts_with('/') || !target_part(what.path) || !target_part(what.query)) return false;
    if (what.path.find('?') != std::string::npos) return false;
    return std::all_of(what.fields.begin(), what.fields.end(), [](const field& one) {
        // The connection writes these itself; twice, or in other words, they are what smuggling is made of.
        for (const std::string_view ours : {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect"})
            if (ws::equals_ignoring_case(one.name, ours)) return false;
        return ws::is_token(one.name) && ws::detail::trim(one.value) == one.value &&
               std::all_of(one.value.begin(), one.value.end(), ws::detail::is_value_char);
    });
}

/// Names the client's clause for what a shared parser of lengths refused.
[[nodiscard]] inline error as_client(const error& why) noexcept {
    return {.code = why.code, .clause = why.code == errc::too_large ? "AM-HTP-011" : "AM-HTP-010"};
}

}  // namespace detail

template <ByteSink Out>
result<void> client_connection::send(Out& out, const request& what, const moment& now) {
    if (!ready()) return fail(errc::ws_closed);
    if (!detail::can_be_sent(what, host_)) return fail(errc::http_malformed, "AM-HTP-014");
    std::string head = what.method + " " + what.path;
    if (!what.query.empty()) head.append("?").append(what.query);
    head.append(" HTTP/1.1\r\nHost: ").append(host_).append("\r\n");
    for (const auto& [name, value] : what.fields) head.append(name).append(": ").append(value).append("\r\n");
    // A method that usually has a body says so too where it has none (RFC 9110 section 8.6).
    if (!what.body.empty() || (what.method != "GET" && what.method != "HEAD"))
        head.append("Content-Length: ").append(std::to_string(what.body.size())).append("\r\n");
    head.append("\r\n");
    ws::detail::append_bytes(out, as_bytes(head));
    ws::detail::append_bytes(out, as_bytes(what.body));

    head_ = ws::head_reader{limits_.head};
    current_ = {};
    interim_ = 0;
    began_ = false;
    head_only_ = what.method == "HEAD";
    deadline_ = now.steady + limits_.answer_time;
    phase_ = phase::head;
    return {};
}

inline result<std::optional<response>> client_connection::feed(byte_view& input) {
    if (phase_ == phase::ended) return std::nullopt;
    auto out = take(input);
    if (!out) phase_ = phase::ended;
    return out;
}

inline result<std::optional<response>> client_connection::take(byte_view& input) {
    if (input.empty()) return std::nullopt;
    // Whoever speaks without being asked would have the last word on the next question.
    if (phase_ == phase::idle) return fail(errc::http_malformed, "AM-HTP-013");
    began_ = true;
    bool complete = false;
    while (phase_ == phase::head && !complete) {
        AGENTMESH_TRY(whole, take_head(input));
        if (!whole) return std::nullopt;
        complete = phase_ == phase::body && left_ == 0;
    }
    if (!complete) {
        AGENTMESH_TRY(whole, take_body(input));
        if (!whole) return std::nullopt;
    }
    close_ = close_ || !input.empty();
    return std::optional{finish()};
}

/// One head. After an interim answer the next head is awaited, in the same phase.
inline result<bool> client_connection::take_head(byte_view& input) {
    AGENTMESH_TRY(whole, head_.feed(input));
    if (!whole) return false;
    std::string text{head_.text()};
    head_ = ws::head_reader{limits_.head};
    // Whoever speaks HTTP/1.0 frames like HTTP/1.1 without chunks, and closes.
    const bool old = text.starts_with("HTTP/1.0 ");
    if (old) text[7] = '1';
    AGENTMESH_TRY(parsed, ws::parse_response(text));
    if (parsed.status < 100 || parsed.status > 599) return fail(errc::http_malformed, "AM-HTP-010");
    if (parsed.status < 200) {
        // 101 would make something else of the connection, which nobody asked for.
        if (parsed.status == 101 || ++interim_ > limits_.interim) return fail(errc::http_malformed, "AM-HTP-010");
        return !input.empty();
    }
    current_.status = parsed.status;
    for (const auto& one : parsed.fields) current_.fields.add(std::string{one.name}, std::string{one.value});
    close_ = old || parsed.fields.lists("Connection", "close");
    AGENTMESH_CHECK(begin_body(parsed, old));
    return true;
}

inline result<void> client_connection::begin_body(const ws::http_response& head, bool old) {
    const auto lengths = head.fields.count("Content-Length");
    const auto codings = head.fields.count("Transfer-Encoding");
    const bool bodiless = head_only_ || head.status == 204 || head.status == 304;
    left_ = 0;
    phase_ = phase::body;
    if (codings > 0) {
        const auto coding = head.fields.only("Transfer-Encoding");
        if (lengths > 0 || old || !coding || !ws::equals_ignoring_case(*coding, "chunked"))
            return fail(errc::http_malformed, "AM-HTP-010");
        if (bodiless) return {};
        chunks_ = chunked_reader{chunk_bounds(limits_)};
        phase_ = phase::chunks;
        return {};
    }
    if (lengths > 1) return fail(errc::http_malformed, "AM-HTP-010");
    if (lengths == 1) {
        // What HEAD announces is not sent, and may be of any size.
        const auto most = bodiless ? std::numeric_limits<std::size_t>::max() : limits_.body_bytes;
        const auto length = detail::parse_length(*head.fields.only("Content-Length"), most);
        if (!length) return fail(detail::as_client(length.error()));
        if (!bodiless) left_ = *length;
        return {};
    }
    if (!bodiless) {
        close_ = true;
        phase_ = phase::until_end;
    }
    return {};
}

inline result<bool> client_connection::take_body(byte_view& input) {
    if (phase_ == phase::until_end) {
        if (input.size() > limits_.body_bytes - current_.body.size()) return fail(errc::too_large, "AM-HTP-011");
        current_.body.append(as_text(input));
        input = {};
        return false;
    }
    if (phase_ == phase::chunks) return chunks_.feed(input, current_.body);
    const auto size = std::min(left_, input.size());
    current_.body.append(as_text(input.first(size)));
    input = input.subspan(size);
    left_ -= size;
    return left_ == 0;
}

inline response client_connection::finish() {
    phase_ = close_ ? phase::ended : phase::idle;
    return std::exchange(current_, {});
}

inline result<std::optional<response>> client_connection::on_end() {
    if (phase_ == phase::until_end) return std::optional{finish()};
    const bool missing = awaiting();
    phase_ = phase::ended;
    if (missing) return fail(errc::io_failed, "AM-HTP-012");
    return std::nullopt;
}

}  // namespace agentmesh::http
