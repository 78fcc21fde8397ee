// Bodies of ws/http.hpp, in the order of RFC 9112: message framing, start lines, fields, answers.
#pragma once

namespace agentmesh::ws {

namespace detail {

/// Membership table of 7-bit characters.
class charset {
public:
    constexpr explicit charset(std::string_view members) noexcept {
        for (const char c : members) has_[static_cast<unsigned char>(c)] = true;
    }
    [[nodiscard]] constexpr bool has(char c) const noexcept { return has_[static_cast<unsigned char>(c)]; }
    [[nodiscard]] constexpr bool spans(std::string_view text) const noexcept {
        return std::all_of(text.begin(), text.end(), [this](char c) { return has(c); });
    }

private:
    std::array<bool, 256> has_{};
};

#define AGENTMESH_ALNUM "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
inline constexpr charset token_chars{AGENTMESH_ALNUM "!#$%&'*+-.^_`|~"};
inline constexpr charset target_chars{AGENTMESH_ALNUM "-._~!$&'()*+,;=:@%/?"};  // RFC 3986: pchar, "/", "?"
inline constexpr charset host_chars{AGENTMESH_ALNUM "-._~!$&'()*+,;=%:[]"};
#undef AGENTMESH_ALNUM

[[nodiscard]] constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// A character that may stand in a field value: visible, space, tab, or opaque above ASCII.
[[nodiscard]] constexpr bool is_value_char(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
}

[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Splits `text` before the first `mark`; the rest, after it, stays in `text`. Nothing where there is no mark.
[[nodiscard]] constexpr std::optional<std::string_view> split(std::string_view& text, std::string_view mark) noexcept {
    const auto at = text.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    const auto front = text.substr(0, at);
    text.remove_prefix(at + mark.size());
    return front;
}

[[nodiscard]] inline result<http_fields> parse_fields(std::string_view lines) {
    http_fields fields;
    while (true) {
        auto line = split(lines, "\r\n");
        if (!line) return fail(errc::http_malformed);
        if (line->empty()) break;
        // A folded line begins with white space, which no token does; so does a space before the colon fail here.
        const auto name = split(*line, ":");
        if (!name || !is_token(*name)) return fail(errc::http_malformed);
        if (!std::all_of(line->begin(), line->end(), is_value_char) && !injected(fault::ws_bare_cr)) {
            return fail(errc::http_malformed, "AM-WSK-007");
        }
        fields.add({*name, trim(*line)});
    }
    if (!lines.empty()) return fail(errc::http_malformed);
    return fields;
}

/// Reads `target` (RFC 9112 section 3.2) into path and query. The authority of an absolute form is not kept:
/// one port serves one relay.
[[nodiscard]] inline result<void> parse_target(http_request& out, std::string_view target) {
    if (!target_chars.spans(target)) return fail(errc::http_malformed);
    for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
        if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
        target.remove_prefix(scheme.size());
        const auto path = target.find('/');
        if (path == 0 || path == std::string_view::npos) return fail(errc::http_malformed);
        target.remove_prefix(path);
        break;
    }
    if (target.empty() || target.front() != '/') return fail(errc::http_malformed);
    const auto path = split(target, "?");
    out.path = path ? *path : target;
    out.query = path ? target : std::string_view{};
    return {};
}

/// No request here has a body; what claims one, in whatever words, is refused before anybody could disagree
/// about where it ends.
[[nodiscard]] inline result<void> refuse_body(const http_fields& fields) {
    const bool length = fields.count("Content-Length") > 0;
    if (length && injected(fault::ws_cl_te)) return {};
    if (fields.count("Transfer-Encoding") > 0) return fail(errc::http_malformed, length ? "AM-WSK-006" : "");
    if (length && fields.only("Content-Length") != "0") return fail(errc::http_malformed);
    return {};
}

[[nodiscard]] constexpr std::string_view reason_phrase(std::uint16_t status) noexcept {
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 426: return "Upgrade Required";
        case 431: return "Request Header Fields Too Large";
        case 503: return "Service Unavailable";
        default: return "";
    }
}

}  // namespace detail

inline bool is_token(std::string_view text) noexcept { return !text.empty() && detail::token_chars.spans(text); }

inline bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return detail::lower(x) == detail::lower(y); });
}

inline std::size_t http_fields::count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(std::count_if(
        begin(), end(), [name](const http_field& field) { return equals_ignoring_case(field.name, name); }));
}

inline std::optional<std::string_view> http_fields::only(std::string_view name) const noexcept {
    std::optional<std::string_view> found;
    for (const http_field& field : fields_) {
        if (!equals_ignoring_case(field.name, name)) continue;
        if (found) return std::nullopt;
        found = field.value;
    }
    return found;
}

template <class Visit>
bool http_fields::each_element(std::string_view name, Visit&& visit) const {
    for (const http_field& field : fields_) {
        if (!equals_ignoring_case(field.name, name)) continue;
        std::string_view rest = field.value;
        while (const auto element = detail::split(rest, ",")) {
            if (!visit(detail::trim(*element))) return false;
        }
        if (!visit(detail::trim(rest))) return false;
    }
    return true;
}

inline bool http_fields::lists(std::string_view name, std::string_view token) const {
    return !each_element(name, [token](std::string_view element) { return !equals_ignoring_case(element, token); });
}

inline result<bool> head_reader::feed(byte_view& input) {
    std::size_t used = 0;
    bool complete = false;
    while (used < input.size() && !complete) {
        if (head_.size() + used == limits_.head_bytes && !injected(fault::ws_big_head)) {
            return fail(errc::http_too_large, "AM-WSK-008");
        }
        const std::uint8_t byte = input[used++];
        if (after_cr_) {
            if (byte != '\n' && !injected(fault::ws_bare_cr)) return fail(errc::http_malformed, "AM-WSK-007");
            after_cr_ = false;
            if (line_bytes_ == 0) {
                if (lines_ == 0) return fail(errc::http_malformed);
                complete = true;
            } else if (++lines_ > limits_.fields + 1 && !injected(fault::ws_big_head)) {
                return fail(errc::http_too_large, "AM-WSK-008");
            }
            line_bytes_ = 0;
        } else if (byte == '\r') {
            after_cr_ = true;
        } else if (byte == '\n') {
            return fail(errc::http_malformed, "AM-WSK-007");
        } else if (!detail::is_value_char(static_cast<char>(byte))) {
            return fail(errc::http_malformed);
        } else if (++line_bytes_ > limits_.line_bytes && !injected(fault::ws_big_head)) {
            return fail(errc::http_too_large, "AM-WSK-008");
        }
    }
    head_.append(as_text(input.first(used)));
    input = input.subspan(used);
    return complete;
}

inline result<http_request> parse_request(std::string_view head, http_body body) {
    http_request out;
    auto line = detail::split(head, "\r\n");
    if (!line) return fail(errc::http_malformed);
    const auto method = detail::split(*line, " ");
    const auto target = detail::split(*line, " ");
    if (!method || !target || !is_token(*method)) return fail(errc::http_malformed);
    out.method = *method;
    AGENTMESH_CHECK(detail::parse_target(out, *target));
    const std::string_view version = *line;
    if (version.size() != 8 || !version.starts_with("HTTP/1.") || version[7] < '0' || version[7] > '9') {
        return fail(errc::http_malformed);
    }
    out.minor_version = version[7] - '0';

    AGENTMESH_TRY(fields, detail::parse_fields(head));
    out.fields = std::move(fields);
    const auto hosts = out.fields.count("Host");
    if (hosts > 1 && !injected(fault::ws_two_hosts)) return fail(errc::http_malformed, "AM-WSK-005");
    if (hosts == 0 && out.minor_version > 0) return fail(errc::http_malformed);
    if (const auto host = out.fields.only("Host"); host && (host->empty() || !detail::host_chars.spans(*host))) {
        return fail(errc::http_malformed);
    }
    if (body == http_body::refused) AGENTMESH_CHECK(detail::refuse_body(out.fields));
    return out;
}

inline result<http_response> parse_response(std::string_view head) {
    const auto line = detail::split(head, "\r\n");
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!line || line->size() < 12 || !line->starts_with("HTTP/1.1 ") ||
        !std::all_of(line->begin() + 9, line->begin() + 12, is_digit) || (line->size() > 12 && (*line)[12] != ' ') ||
        !std::all_of(line->begin(), line->end(), detail::is_value_char)) {
        return fail(errc::http_malformed);
    }
    http_response out;
    for (const char digit : line->substr(9, 3))
        out.status = static_cast<std::uint16_t>(out.status * 10 + (digit - '0'));
    AGENTMESH_TRY(fields, detail::parse_fields(head));
    out.fields = std::move(fields);
    return out;
}

inline std::uint16_t http_status(errc why) noexcept {
    switch (why) {
        case errc::http_too_large: return 431;
        case errc::http_bad_version: return injected(fault::ws_version_status) ? 400 : 426;
        case errc::http_not_upgrade: return 426;
        case errc::http_forbidden: return 403;
        case errc::http_not_found: return 404;
        case errc::http_method: return 405;
        default: return 400;
    }
}

template <ByteSink Out>
void append_response(Out& out, std::uint16_t status, std::initializer_list<http_field> fields, std::string_view body,
                     bool head_only) {
    std::string head = "HTTP/1.1 " + std::to_string(status);
    head.append(" ").append(detail::reason_phrase(status)).append("\r\n");
    for (const auto& [name, value] : fields) head.append(name).append(": ").append(value).append("\r\n");
    head.append("Content-Length: ").append(std::to_string(body.size())).append("\r\nConnection: close\r\n\r\n");
    detail::append_bytes(out, as_bytes(head));
    if (!head_only) detail::append_bytes(out, as_bytes(body));
}

}  // namespace agentmesh::ws
