#include "conformance/engine/http.hpp"

#include "conformance/engine/encoding.hpp"

#include <algorithm>
#include <charconv>

namespace agentmesh::conformance {
namespace {

constexpr std::size_t largest_head = 64 * 1024, largest_body = 1 << 20;

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

bool same_name(std::string_view a, std::string_view b) { return lower(a) == lower(b); }

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// The body of a response in chunks, with what it took; nullopt as long as its end is not there.
/// `bad` if it cannot become one.
struct dechunked {
    std::string body;
    std::size_t size = 0;
    bool bad = false;
};
std::optional<dechunked> read_chunks(std::string_view bytes) {
    dechunked out;
    while (true) {
        const auto end = bytes.find("\r\n", out.size);
        if (end == std::string_view::npos) return std::nullopt;
        auto line = bytes.substr(out.size, end - out.size);
        line = line.substr(0, line.find(';'));
        std::size_t length = 0;
        const auto* const last = line.data() + line.size();
        if (line.empty() || std::from_chars(line.data(), last, length, 16).ptr != last || length > largest_body ||
            out.body.size() + length > largest_body) {
            out.bad = true;
            return out;
        }
        out.size = end + 2;
        if (length == 0) break;
        if (bytes.size() < out.size + length + 2) return std::nullopt;
        out.body += bytes.substr(out.size, length);
        out.size += length + 2;
    }
    // Trailer fields, up to an empty line.
    while (true) {
        const auto end = bytes.find("\r\n", out.size);
        if (end == std::string_view::npos) return std::nullopt;
        const bool empty = end == out.size;
        out.size = end + 2;
        if (empty) return out;
    }
}

http_parsed not_http(std::string_view bytes) {
    http_parsed out;
    out.seen.what = observation::kind::garbage;
    out.seen.payload = bytes.substr(0, 1024);
    out.size = bytes.size();
    return out;
}

}  // namespace

http_request& http_request::set(std::string_view name, std::string value) {
    for (auto& [n, v] : fields) {
        if (same_name(n, name)) {
            v = std::move(value);
            return *this;
        }
    }
    return add(std::string{name}, std::move(value));
}

http_request& http_request::add(std::string name, std::string value) {
    fields.emplace_back(std::move(name), std::move(value));
    return *this;
}

http_request& http_request::drop(std::string_view name) {
    std::erase_if(fields, [&](const auto& f) { return same_name(f.first, name); });
    return *this;
}

std::string http_request::field(std::string_view name) const {
    for (const auto& [n, v] : fields)
        if (same_name(n, name)) return v;
    return {};
}

std::string http_request::text() const {
    std::string out = method + " " + target + " " + version + "\r\n";
    for (const auto& [name, value] : fields) out += name + ": " + value + "\r\n";
    return out + "\r\n" + body;
}

std::string accept_value(std::string_view key) {
    return to_base64(sha1(std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

std::optional<http_parsed> parse_response(std::string_view bytes, bool ended) {
    constexpr std::string_view start = "HTTP/1.";
    if (bytes.substr(0, start.size()) != start.substr(0, std::min(bytes.size(), start.size()))) return not_http(bytes);
    const auto head_end = bytes.find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
        if (ended || bytes.size() > largest_head) return not_http(bytes);
        return std::nullopt;
    }
    http_parsed out;
    out.seen.what = observation::kind::http;
    auto head = bytes.substr(0, head_end + 2);
    const auto line_end = head.find("\r\n");
    const auto line = head.substr(0, line_end);
    unsigned status = 0;
    if (line.size() < 12 || line[8] != ' ' ||
        std::from_chars(line.data() + 9, line.data() + 12, status).ptr != line.data() + 12) {
        return not_http(bytes);
    }
    out.seen.code = static_cast<std::uint16_t>(status);
    for (head.remove_prefix(line_end + 2); !head.empty();) {
        const auto end = head.find("\r\n");
        const auto field = head.substr(0, end);
        head.remove_prefix(end + 2);
        const auto colon = field.find(':');
        if (colon == std::string_view::npos) return not_http(bytes);
        out.seen.fields.emplace_back(lower(field.substr(0, colon)), trim(field.substr(colon + 1)));
    }

    const auto rest = bytes.substr(head_end + 4);
    std::size_t body = 0;
    std::optional<dechunked> chunks;
    const auto announced = out.seen.field("content-length");
    if (status < 200 || status == 204 || status == 304) {
        body = 0;
    } else if (!announced.empty()) {
        if (std::from_chars(announced.data(), announced.data() + announced.size(), body).ptr !=
                announced.data() + announced.size() || body > largest_body) {
            return not_http(bytes);
        }
        if (rest.size() < body && !ended) return std::nullopt;
        body = std::min(body, rest.size());
    } else if (lower(out.seen.field("transfer-encoding")) == "chunked") {
        chunks = read_chunks(rest);
        if (!chunks && !ended) return std::nullopt;
        if (chunks && chunks->bad) return not_http(bytes);
        body = chunks ? chunks->size : rest.size();
    } else {
        // Neither length nor chunks: the body lasts as long as the connection, but a refusal need not end it.
        if (!ended && lower(out.seen.field("connection")).find("close") != std::string::npos) return std::nullopt;
        body = ended ? rest.size() : 0;
    }
    if (chunks) out.seen.payload = std::move(chunks->body);
    else out.seen.payload = rest.substr(0, body);
    if (out.seen.payload.starts_with('{')) {
        auto parsed = json::parse(out.seen.payload, nullptr, false);
        if (parsed.is_object()) out.seen.body = std::move(parsed);
    }
    out.size = head_end + 4 + body;
    return out;
}

}  // namespace agentmesh::conformance
