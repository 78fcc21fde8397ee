#include "apps/agentmesh/printable.hpp"

#include "tests/support/catch.hpp"

namespace {

using namespace std::string_view_literals;

/// What may reach a terminal: whole characters, none of them one that a screen obeys or hides.
bool is_harmless(std::string_view text) {
    while (!text.empty()) {
        const auto size = agentmesh::utf8_sequence(agentmesh::as_bytes(text));
        if (size == 0) return false;
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        if (size == 1 && (byte(0) < 0x20 || byte(0) == 0x7F)) return false;
        if (size == 2 && byte(0) == 0xC2 && byte(1) <= 0x9F) return false;  // C1
        text.remove_prefix(size);
    }
    return true;
}

std::string utf8(char32_t code) {
    std::string out;
    agentmesh::append_utf8(out, code);
    return out;
}

}  // namespace

TEST_CASE("words in any script, symbols and emoji reach the screen as they are", "[unit][cli]") {
    for (const auto text : {"two seats to Lisbon"sv, "Grüße, naïve façade"sv, "Привет"sv, "日本語のテキスト"sv, "שלום"sv,
                            "مرحبا"sv, "हिन्दी"sv, "🛫🎟"sv, "✈️"sv, "a\\nb is a backslash and an n"sv, ""sv, "~"sv}) {
        CAPTURE(text);
        CHECK(printable(text) == text);
    }
}

TEST_CASE("what a terminal obeys is written out", "[unit][cli]") {
    CHECK(printable("\x1b[2J\x1b]0;title\x07") == "\\x1b[2J\\x1b]0;title\\x07");
    CHECK(printable("a\rb") == "a\\x0db");
    CHECK(printable("a\bb\x7f") == "a\\x08b\\x7f");
    CHECK(printable("one\ntwo") == "one\\ntwo");
    CHECK(printable("a\tb") == "a    b");
    CHECK(printable("nul\0end"sv) == "nul\\x00end");
    CHECK(printable("\u009b2J") == "\\x9b2J");  // the eight-bit form of ESC [
    CHECK(printable("\u0085") == "\\x85");
}

TEST_CASE("what turns the direction of text, breaks its line or hides in it is written out", "[unit][cli]") {
    CHECK(printable("invoice\u202Egpj.exe") == "invoice\\u202egpj.exe");
    CHECK(printable("\u2066a\u2069") == "\\u2066a\\u2069");
    CHECK(printable("\u061C") == "\\u061c");
    CHECK(printable("pass\u200Bword\uFEFF") == "pass\\u200bword\\ufeff");
    CHECK(printable("soft\u00ADhyphen") == "soft\\xadhyphen");
    CHECK(printable("a\u2028b\u2029c") == "a\\u2028b\\u2029c");
    CHECK(printable("tag \U000E0041") == "tag \\U000e0041");
    CHECK(printable("blank \u3164 \u2800") == "blank \\u3164 \u2800");
}

TEST_CASE("bytes that are not UTF-8 are written out one by one", "[unit][cli]") {
    CHECK(printable("\x9b" "2J") == "\\x9b2J");
    CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");                  // overlong
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");          // half a surrogate pair
    CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
    CHECK(printable("cut \xe2\x82") == "cut \\xe2\\x82");
    CHECK(printable("\xe2\x82\x1b[m") == "\\xe2\\x82\\x1b[m");      // a control in place of the last byte
}

TEST_CASE("no character and no three bytes come out as something that a terminal obeys", "[unit][cli]") {
    std::size_t looked_at = 0;
    for (char32_t code = 0; code <= 0x10FFFF; ++code) {
        if (code >= 0xD800 && code <= 0xDFFF) continue;
        ++looked_at;
        const auto shown = printable(utf8(code));
        if (!is_harmless(shown)) FAIL("U+" << std::hex << static_cast<std::uint32_t>(code));
        const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
        if (control && shown == utf8(code)) FAIL("U+" << std::hex << static_cast<std::uint32_t>(code));
    }
    for (unsigned first = 0x80; first < 0x100; ++first) {
        for (unsigned second = 0; second < 0x100; ++second) {
            const char bytes[] = {static_cast<char>(first), static_cast<char>(second), '\x1b'};
            if (!is_harmless(printable({bytes, 3}))) FAIL(std::hex << first << ' ' << second);
            ++looked_at;
        }
    }
    CHECK(looked_at == 0x10F800 + 0x8000);
}
