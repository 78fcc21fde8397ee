// Text of a peer without anything that a terminal might obey, and without anything that nobody sees.
//
//     print(printable(got.text()));    // "\x1b[2J" comes out as the four characters and what follows them
#pragma once

#include <agentmesh/core/utf8.hpp>

#include <string>
#include <string_view>

namespace unseen {

struct range {
    char32_t first, last;
};

/// Characters that a screen obeys, does not show, or uses to turn the direction of what follows: controls, marks of
/// direction, joiners and fillers of no width, line ends of their own, tags. The selectors of emoji are left: they
/// choose a picture.
inline constexpr range ranges[] = {
    {0x0000, 0x001F},   {0x007F, 0x009F},   {0x00AD, 0x00AD},   {0x034F, 0x034F},   {0x061C, 0x061C},
    {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},
    {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

[[nodiscard]] constexpr bool contains(char32_t code) noexcept {
    for (const auto& one : ranges)
        if (code >= one.first && code <= one.last) return true;
    return false;
}

}  // namespace unseen

/// Every character that `unseen` names is written out as `\n`, `\xHH`, `\uHHHH` or `\UHHHHHHHH`, as is every byte that
/// is not UTF-8; a tab becomes four spaces. Anything else stays as it is, so that words in any script are readable.
/// A backslash stays too: the text is for people, and is not read back.
[[nodiscard]] inline std::string printable(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    const auto escape = [&](char kind, char32_t code, int width) {
        out += '\\';
        out += kind;
        for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) out += digits[code >> shift & 15];
    };
    while (!text.empty()) {
        const std::size_t size = agentmesh::utf8_sequence(agentmesh::as_bytes(text));
        const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
        char32_t code = byte(0);
        if (size > 1) code &= 0xFFu >> (size + 1);
        for (std::size_t i = 1; i < size; ++i) code = code << 6 | (byte(i) & 0x3F);

        if (size == 0) escape('x', code, 2);
        else if (code == '\n') out += "\\n";
        else if (code == '\t') out += "    ";
        else if (!unseen::contains(code)) out += text.substr(0, size);
        else if (code < 0x100) escape('x', code, 2);
        else if (code < 0x10000) escape('u', code, 4);
        else escape('U', code, 8);
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}
