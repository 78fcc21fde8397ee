#include "conformance/report/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace agentmesh::conformance::report {
namespace {

constexpr char32_t bad = 0xffffffff;

struct decoded {
    char32_t character;
    std::size_t length;  // bytes taken, at least one
};

decoded decode(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const auto first = at(0);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return {bad, 1};
    char32_t character = first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xc0U) != 0x80) return {bad, 1};
        character = character << 6U | (at(i) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < least[length] || character > 0x10ffff || surrogate) return {bad, 1};
    return {character, length};
}

void append(std::string& out, char32_t c) {
    const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xc0 | c >> 6U);
    } else {
        if (c < 0x10000) {
            put(0xe0 | c >> 12U);
        } else {
            put(0xf0 | c >> 18U);
            put(0x80 | (c >> 12U & 0x3fU));
        }
        put(0x80 | (c >> 6U & 0x3fU));
    }
    put(0x80 | (c & 0x3fU));
}

/// Characters that change how their neighbours are shown, or that are not seen at all.
bool invisible(char32_t c) {
    const auto within = [c](char32_t low, char32_t high) { return c >= low && c <= high; };
    return within(0x80, 0x9f) || c == 0xad || c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x180e ||
           within(0x200b, 0x200f) || within(0x2028, 0x202e) || within(0x2060, 0x206f) || c == 0x3164 || c == 0xfeff ||
           within(0xfff0, 0xfffb) || within(0xfdd0, 0xfdef) || (c & 0xfffeU) == 0xfffe || within(0xe0000, 0xe0fff);
}

std::string hex(char32_t number, std::size_t least) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (auto rest = number; rest != 0 || out.size() < least; rest >>= 4U) out += digits[rest & 0xfU];
    std::reverse(out.begin(), out.end());
    return out;
}

}  // namespace

std::string visible(std::string_view text, bool keep_lines) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto [c, length] = decode(text);
        const auto byte = static_cast<std::uint8_t>(text.front());
        text.remove_prefix(length);
        if (c == bad) {
            out += "\\x" + hex(byte, 2);
        } else if (keep_lines && (c == '\n' || c == '\t')) {
            append(out, c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
        } else if (c < 0x20 || c == 0x7f) {
            out += "\\x" + hex(c, 2);
        } else if (invisible(c)) {
            out += "\\u{" + hex(c, 4) + "}";
        } else {
            append(out, c);
        }
    }
    return out;
}

bool mostly_text(std::string_view bytes) {
    std::size_t unreadable = 0;
    for (auto rest = bytes; !rest.empty();) {
        const auto [c, length] = decode(rest);
        rest.remove_prefix(length);
        const bool space = c == '\n' || c == '\r' || c == '\t';
        if (c == bad || (c < 0x20 && !space) || c == 0x7f || invisible(c)) ++unreadable;
    }
    return unreadable * 8 <= bytes.size();
}

std::string markup(std::string_view text, bool keep_lines) {
    std::string out;
    for (const char c : visible(text, keep_lines)) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string markdown(std::string_view text) {
    constexpr std::string_view special = "\\`*_{}[]()#+-.!|~";
    std::string out;
    for (const char c : visible(text)) {
        // Entities, because a backslash does not stop HTML, mentions and issue links.
        if (c == '<') {
            out += "&lt;";
        } else if (c == '>') {
            out += "&gt;";
        } else if (c == '&') {
            out += "&amp;";
        } else if (c == '@') {
            out += "&#64;";
        } else if (c == ':') {
            out += "&#58;";
        } else {
            if (special.find(c) != std::string_view::npos) out += '\\';
            out += c;
        }
    }
    return out;
}

std::string shortened(std::string_view text, std::size_t limit) {
    const auto leads = [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0U) != 0x80; };
    if (static_cast<std::size_t>(std::count_if(text.begin(), text.end(), leads)) <= limit) return std::string(text);
    std::size_t end = 0;
    for (std::size_t kept = 0; end < text.size(); ++end) {
        if (leads(text[end]) && kept++ + 1 == limit) break;
    }
    return std::string(text.substr(0, end)) + "…";
}

std::string grouped(std::size_t number) {
    auto digits = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

std::string counted(std::size_t number, std::string_view noun) {
    return grouped(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string hexdump(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::size_t width = 16;
    std::string out;
    for (std::size_t line = 0; line < bytes.size(); line += width) {
        const auto row = bytes.substr(line, width);
        for (unsigned shift = bytes.size() > 0x10000 ? 28 : 12;; shift -= 4) {
            out += digits[line >> shift & 0xfU];
            if (shift == 0) break;
        }
        std::string text;
        for (std::size_t i = 0; i < width; ++i) {
            out += i == width / 2 ? "  " : " ";
            if (i == 0) out += ' ';
            if (i >= row.size()) {
                out += "  ";
                continue;
            }
            const auto byte = static_cast<std::uint8_t>(row[i]);
            out += digits[byte >> 4U];
            out += digits[byte & 0xfU];
            text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
        }
        out += "  " + text + "\n";
    }
    return out;
}

}  // namespace agentmesh::conformance::report
