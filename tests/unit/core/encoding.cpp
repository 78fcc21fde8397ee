#include <agentmesh/core/encoding.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;

namespace {

constexpr auto standard = base64_form::standard_padded;
constexpr auto url = base64_form::url_unpadded;
constexpr auto lenient = base64_form::wire10_lenient;

errc refusal(const result<buffer>& outcome) {
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error().code;
}

clause_id clause(const result<buffer>& outcome) {
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error().clause;
}

}  // namespace

TEST_CASE("Hexadecimal is written in lower case and read in either", "[unit][core][AM-ENC-001]") {
    const buffer bytes{0x00, 0x9A, 0xFF};
    CHECK(to_hex(bytes) == "009aff");
    CHECK(from_hex("009AfF") == bytes);
    CHECK(from_hex("").value().empty());
}

TEST_CASE("Hexadecimal with an odd count or a foreign character is refused", "[unit][core][AM-ENC-001]") {
    for (const auto* text : {"0", "abc", "0g", "g0", "0x", " 00", "00 ", "0\n", "\xC3\xA9", "0:", "@0", "`0", "/0"}) {
        CAPTURE(text);
        CHECK(refusal(from_hex(text)) == errc::bad_hex);
    }
}

TEST_CASE("Hexadecimal for a value of fixed size must have its size", "[unit][core][AM-ENC-001]") {
    std::array<std::uint8_t, 2> out{};
    CHECK(decode_hex("0102", out));
    CHECK(out == std::array<std::uint8_t, 2>{1, 2});
    CHECK(decode_hex("010203", out).error().code == errc::bad_length);
    CHECK(decode_hex("01", out).error().code == errc::bad_length);
}

TEST_CASE("Base64 reproduces RFC 4648 section 10 in both alphabets", "[unit][core][AM-ENC-002]") {
    const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, padded] : rows) {
        const std::string_view digits{padded, std::string_view{padded}.find_last_not_of('=') + 1};
        CHECK(to_base64(as_bytes(plain), standard) == padded);
        CHECK(to_base64(as_bytes(plain), url) == digits);
        CHECK(as_text(from_base64(padded, standard).value()) == plain);
        CHECK(as_text(from_base64(digits, url).value()) == plain);
        CHECK(as_text(from_base64(padded, lenient).value()) == plain);
        CHECK(as_text(from_base64(digits, lenient).value()) == plain);
    }
    const buffer high{0xFB, 0xEF, 0xFF};
    CHECK(to_base64(high, standard) == "++//");
    CHECK(to_base64(high, url) == "--__");
}

TEST_CASE("Base64 refuses characters outside its alphabet", "[unit][core][AM-ENC-003]") {
    for (const auto* text : {"Zm9\n", "Zm9v\r\n\r\n", " Zm9", "Zm 9", "Zm9.", "--__", "Zm8\t", "Zm9\x80"}) {
        CAPTURE(text);
        CHECK(refusal(from_base64(text, standard)) == errc::bad_base64);
    }
    CHECK(clause(from_base64("--__", standard)) == "AM-ENC-003");
    CHECK(clause(from_base64("++//", url)) == "AM-ENC-003");
    CHECK(clause(from_base64("+-//", lenient)) == "AM-ENC-003");  // one text does not mix alphabets
}

TEST_CASE("Base64 refuses missing, surplus and misplaced padding", "[unit][core][AM-ENC-004]") {
    for (const auto* text : {"Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "Zm9v=", "Zm9v====", "=", "==", "====", "Z===", "Z",
                             "Zg==Zg==", "Zm8=Zm8=", "Z=g="}) {
        CAPTURE(text);
        CHECK(refusal(from_base64(text, standard)) == errc::bad_base64);
        CHECK(clause(from_base64(text, standard)) == "AM-ENC-004");
    }
    CHECK(refusal(from_base64("Zg==", url)) == errc::bad_base64);
    CHECK(refusal(from_base64("Zg=", lenient)) == errc::bad_base64);
    CHECK(refusal(from_base64("Z", url)) == errc::bad_base64);
}

TEST_CASE("Base64 refuses stray bits in the last character", "[unit][core][AM-ENC-005]") {
    for (const char last : std::string_view{"BCDEFGHIJKLMNOPfhx/"}) {
        const std::string text{'Z', last};
        CAPTURE(text);
        const auto outcome = from_base64(text + "==", standard);
        CHECK(outcome.has_value() == (last == 'g' || last == 'w' || last == 'A' || last == 'Q'));
    }
    CHECK(clause(from_base64("Zh==", standard)) == "AM-ENC-005");
    CHECK(clause(from_base64("Zm9=", standard)) == "AM-ENC-005");
    CHECK(clause(from_base64("Zm9", url)) == "AM-ENC-005");
    CHECK(from_base64("Zm8", url).has_value());
}

TEST_CASE("Each value has exactly one base64 text of two characters and padding", "[unit][core][AM-ENC-005]") {
    int accepted = 0;
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            const std::string text{static_cast<char>(a), static_cast<char>(b), '=', '='};
            const auto bytes = from_base64(text, standard);
            if (!bytes) continue;
            ++accepted;
            if (to_base64(*bytes, standard) != text) FAIL("not canonical: " << text);
        }
    CHECK(accepted == 256);
}

TEST_CASE("Base64 for a value of fixed size must have its size", "[unit][core][AM-ENC-004]") {
    std::array<std::uint8_t, 3> out{};
    CHECK(decode_base64("Zm9v", standard, out));
    CHECK(decode_base64("Zm8=", standard, out).error().code == errc::bad_length);
    CHECK(decode_base64("Zm9vYg==", standard, out).error().code == errc::bad_length);
}

TEST_CASE("Base58 reproduces its known answers", "[unit][core][AM-ENC-007]") {
    // The first is of the 0.2 fixtures, the others of the base58 draft's appendix.
    const std::pair<buffer, const char*> rows[] = {
        {from_hex("0000000102030405").value(), "1117bWpTW"},
        {buffer{as_bytes("Hello World!").begin(), as_bytes("Hello World!").end()}, "2NEpo7TZRRrLZSi2U"},
        {from_hex("0000287fb4cd").value(), "11233QC4"},
        {{}, ""},
        {{0}, "1"},
        {{0, 0, 0}, "111"},
        {{57}, "z"},
        {{58}, "21"},
    };
    for (const auto& [bytes, text] : rows) {
        CHECK(to_base58(bytes) == text);
        CHECK(from_base58(text, 32) == bytes);
        buffer exact(bytes.size());
        CHECK(decode_base58(text, exact));
        CHECK(exact == bytes);
    }
}

TEST_CASE("Base58 refuses look-alikes and everything else outside its alphabet", "[unit][core][AM-ENC-006]") {
    int accepted = 0;
    for (int c = 0; c < 256; ++c) accepted += from_base58(std::string(1, static_cast<char>(c)), 4).has_value();
    CHECK(accepted == 58);
    for (const auto* text : {"0", "O", "I", "l", "2NEpo7TZRRrLZSi2U ", "2NEp+", "\xD0\x90"}) {
        CAPTURE(text);
        CHECK(refusal(from_base58(text, 32)) == errc::bad_base58);
    }
}

TEST_CASE("Base58 counts each leading one as a zero byte", "[unit][core][AM-ENC-007]") {
    std::array<std::uint8_t, 4> out{};
    CHECK(decode_base58("1112", out));  // 00 00 00 01
    CHECK(out == std::array<std::uint8_t, 4>{0, 0, 0, 1});
    CHECK(decode_base58("112", out).error().code == errc::bad_length);    // three bytes
    CHECK(decode_base58("11112", out).error().code == errc::bad_length);  // five bytes
    CHECK(decode_base58("1111", out));
    CHECK(decode_base58("7YXq9G", out));  // ff ff ff ff
    CHECK(out == std::array<std::uint8_t, 4>{255, 255, 255, 255});
    CHECK(decode_base58("7YXq9H", out).error().code == errc::bad_length);  // one more than fits
    CHECK(decode_base58("", out).error().code == errc::bad_length);
}

TEST_CASE("Base58 that is too long is refused before it is decoded", "[unit][core][AM-ENC-008]") {
    const std::string long_text(10'000'000, 'z');  // decoding would take minutes
    CHECK(refusal(from_base58(long_text, 20)) == errc::too_large);
    CHECK(clause(from_base58(long_text, 20)) == "AM-ENC-008");
    std::array<std::uint8_t, 20> out{};
    CHECK(decode_base58(long_text, out).error().code == errc::bad_length);
    CHECK(refusal(from_base58("11111", 4)) == errc::too_large);
    CHECK(refusal(from_base58("7YXq9H", 4)) == errc::too_large);
}
