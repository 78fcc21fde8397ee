#include <agentmesh/core/utf8.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;

namespace {

struct row {
    std::string_view text;
    bool valid;
    const char* why;
};

constexpr row rows[] = {
    {"", true, "empty"},
    {"plain", true, "ASCII"},
    {"\xC2\x80", true, "U+0080, the first of two bytes"},
    {"\xDF\xBF", true, "U+07FF, the last of two bytes"},
    {"\xE0\xA0\x80", true, "U+0800"},
    {"\xED\x9F\xBF", true, "U+D7FF, below the surrogates"},
    {"\xEE\x80\x80", true, "U+E000, above the surrogates"},
    {"\xEF\xBF\xBF", true, "U+FFFF, a noncharacter is still well-formed"},
    {"\xF0\x90\x80\x80", true, "U+10000"},
    {"\xF4\x8F\xBF\xBF", true, "U+10FFFF"},
    {"\x80", false, "a continuation byte alone"},
    {"\xC0\x80", false, "overlong NUL"},
    {"\xC1\xBF", false, "overlong U+007F"},
    {"\xC2", false, "cut after one of two"},
    {"\xC2\x20", false, "a space for a continuation byte"},
    {"\xE0\x9F\xBF", false, "overlong U+07FF"},
    {"\xE2\x82", false, "cut after two of three"},
    {"\xED\xA0\x80", false, "U+D800"},
    {"\xED\xBF\xBF", false, "U+DFFF"},
    {"\xF0\x8F\xBF\xBF", false, "overlong U+FFFF"},
    {"\xF0\x9F\x98", false, "cut after three of four"},
    {"\xF4\x90\x80\x80", false, "U+110000"},
    {"\xF5\x80\x80\x80", false, "lead byte beyond Unicode"},
    {"\xFE", false, "never a byte of UTF-8"},
    {"abcdefgh\xFF", false, "a fault behind a word of ASCII"},
};

}  // namespace

TEST_CASE("UTF-8 is accepted in shortest form, without surrogates, up to U+10FFFF", "[unit][core][AM-ENC-011]") {
    for (const auto& [text, valid, why] : rows) {
        CAPTURE(why);
        CHECK(is_utf8(text) == valid);
    }
}

TEST_CASE("UTF-8 that arrives in two pieces is judged as if it came whole", "[unit][core][AM-ENC-011]") {
    for (const auto& [text, valid, why] : rows) {
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            CAPTURE(why, cut);
            utf8_validator validator;
            const bool fed =
                validator.feed(as_bytes(text.substr(0, cut))) && validator.feed(as_bytes(text.substr(cut)));
            CHECK((fed && validator.complete()) == valid);
        }
    }
}

TEST_CASE("An incremental validator refuses at the first hopeless byte", "[unit][core][AM-ENC-011]") {
    utf8_validator validator;
    CHECK(validator.feed(as_bytes("\xED")));
    CHECK_FALSE(validator.complete());
    CHECK_FALSE(validator.feed(as_bytes("\xA0")));        // would be a surrogate, whatever follows
    CHECK_FALSE(validator.feed(as_bytes("fine again")));  // and stays refused
    validator.reset();
    CHECK(validator.feed(as_bytes("fine")));
    CHECK(validator.complete());
}

TEST_CASE("Every scalar value is written as one sequence that is read back as one", "[unit][core][AM-ENC-011]") {
    for (char32_t code = 0; code <= 0x10FFFF; ++code) {
        if (code >= 0xD800 && code <= 0xDFFF) continue;
        std::string text;
        append_utf8(text, code);
        if (utf8_sequence(as_bytes(text)) != text.size()) FAIL("U+" << std::hex << static_cast<unsigned>(code));
    }
}
