// Strict UTF-8 (RFC 3629): shortest forms only, no surrogates, nothing above U+10FFFF.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <cstring>

namespace agentmesh {

/// Length of the well-formed sequence that `text` begins with, 1 to 4; 0 if it begins with none.
[[nodiscard]] constexpr std::size_t utf8_sequence(byte_view text) noexcept {
    if (text.empty()) return 0;
    const std::uint8_t lead = text[0];
    const auto continues = [&](std::size_t i) { return i < text.size() && (text[i] & 0xC0) == 0x80; };
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;  // a continuation byte, or the overlong C0 and C1
    if (lead < 0xE0) return continues(1) ? 2 : 0;
    if (lead < 0xF0) {
        if (!continues(1) || !continues(2)) return 0;
        if (lead == 0xE0 && text[1] < 0xA0) return 0;   // overlong
        if (lead == 0xED && text[1] >= 0xA0) return 0;  // U+D800 to U+DFFF
        return 3;
    }
    if (lead > 0xF4 || !continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && text[1] < 0x90) return 0;   // overlong
    if (lead == 0xF4 && text[1] >= 0x90) return 0;  // above U+10FFFF
    return 4;
}

/// Number of ASCII bytes at the front of `text`, counted a word at a time.
[[nodiscard]] inline std::size_t ascii_prefix(byte_view text) noexcept {
    std::size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        std::uint64_t word;
        std::memcpy(&word, text.data() + i, 8);
        if (word & 0x8080808080808080u) break;
    }
    while (i < text.size() && text[i] < 0x80) ++i;
    return i;
}

/// True if the whole of `text` is well-formed.
/// @spec AM-ENC-011
[[nodiscard]] inline bool is_utf8(byte_view text) noexcept {
    while (true) {
        text = text.subspan(ascii_prefix(text));
        if (text.empty()) return true;
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text = text.subspan(length);
    }
}
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept { return is_utf8(as_bytes(text)); }

/// Appends `code`, which is a Unicode scalar value (no surrogate, at most U+10FFFF).
inline void append_utf8(std::string& out, char32_t code) {
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | (code >> 6)), put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3F));
        put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    }
}

/// Validates text that arrives in pieces, cut anywhere, as WebSocket fragments are.
/// A fault is reported with the first byte that makes the text hopeless, not at the end of the sequence.
class utf8_validator {
public:
    /// False as soon as the text so far cannot be the beginning of well-formed text; from then on always false.
    [[nodiscard]] bool feed(byte_view piece) noexcept {
        for (std::size_t i = 0; i < piece.size() && !broken_; ++i) {
            if (needed_ == 0) {
                i += ascii_prefix(piece.subspan(i));
                if (i == piece.size()) break;
            }
            step(piece[i]);
        }
        return !broken_;
    }

    /// True if the text may end here: nothing was wrong and no sequence is open.
    [[nodiscard]] bool complete() const noexcept { return !broken_ && needed_ == 0; }

    void reset() noexcept { *this = {}; }

private:
    void step(std::uint8_t byte) noexcept {
        if (needed_ > 0) {
            broken_ = byte < low_ || byte > high_;
            low_ = 0x80, high_ = 0xBF;
            --needed_;
        } else if (byte >= 0xC2 && byte <= 0xF4) {
            needed_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
            low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
            high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
        } else {
            broken_ = byte >= 0x80;
        }
    }

    std::uint8_t needed_ = 0;  // continuation bytes still to come
    std::uint8_t low_ = 0x80;  // range of the next one
    std::uint8_t high_ = 0xBF;
    bool broken_ = false;
};

}  // namespace agentmesh
