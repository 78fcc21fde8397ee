#pragma once

#include <agentmesh/http/message.hpp>

#include <agentmesh/core/utf8.hpp>
#include <agentmesh/http/fault.hpp>

namespace agentmesh::http {

namespace detail {

[[nodiscard]] constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

[[nodiscard]] inline result<std::string> decode(std::string_view text, bool query) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        if (byte == '%') {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0 && injected(fault::http_loose_percent)) {
                out += '%';
                continue;
            }
            if (low < 0) return fail(errc::http_malformed, "AM-HTP-006");
            byte = static_cast<unsigned char>(high * 16 + low);
            if (!query && byte == '/') return fail(errc::http_malformed, "AM-HTP-006");
            i += 2;
        } else if (query && byte == '+') {
            byte = ' ';
        }
        if ((byte < 0x20 || byte == 0x7f) && !injected(fault::http_decodes_control))
            return fail(errc::http_malformed, "AM-HTP-006");
        out += static_cast<char>(byte);
    }
    if (!is_utf8(out) && !injected(fault::http_any_text)) return fail(errc::http_malformed, "AM-HTP-006");
    return out;
}

}  // namespace detail

inline result<std::string> decode_segment(std::string_view text) { return detail::decode(text, false); }
inline result<std::string> decode_query(std::string_view text) { return detail::decode(text, true); }

inline result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto part = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (part.empty()) continue;
        if (out.size() == 32) return fail(errc::too_large, "AM-HTP-006");
        const auto middle = std::min(part.find('='), part.size());
        AGENTMESH_TRY(name, decode_query(part.substr(0, middle)));
        AGENTMESH_TRY(value, decode_query(part.substr(std::min(middle + 1, part.size()))));
        out.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

inline std::string encode_component(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            (((out += '%') += digits[byte >> 4]) += digits[byte & 15]);
    }
    return out;
}

}  // namespace agentmesh::http
