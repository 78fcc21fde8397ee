#include <agentmesh/core/json_reader.hpp>
#include <agentmesh/core/json_writer.hpp>

#include "tests/support/catch.hpp"

#include <limits>

using namespace agentmesh;

namespace {

std::string quoted(std::string_view text) {
    std::string out;
    json::append_quoted(out, text);
    return out;
}

std::string number(double value) {
    std::string out;
    json::append_number(out, value);
    return out;
}

}  // namespace

TEST_CASE("A writer writes compact JSON in the order of its calls", "[unit][core][AM-ENC-010]") {
    std::string out = "prefix ";
    json::writer to{out};
    to.begin_object().member("type", "error").member("n", -7).member("ok", true).member("half", 0.5);
    to.name("list").begin_array().value(1u).null().begin_object().end_object().begin_array().end_array().end_array();
    to.name("copied").verbatim(R"({"a": 1})").name("raw").raw_string(R"(x\ny)").end_object();
    CHECK(
        out ==
        R"(prefix {"type":"error","n":-7,"ok":true,"half":0.5,"list":[1,null,{},[]],"copied":{"a": 1},"raw":"x\ny"})");
}

TEST_CASE("A writer escapes what must be escaped, and only that", "[unit][core][AM-ENC-020]") {
    using namespace std::string_view_literals;
    CHECK(quoted("a/b\x7F\xC3\xA9") == "\"a/b\x7F\xC3\xA9\"");
    CHECK(quoted("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
    CHECK(quoted("\0\x01\x1f"sv) == "\"\\u0000\\u0001\\u001f\"");
    CHECK(quoted("0123456789abcdef\"0123456789abcdef") == "\"0123456789abcdef\\\"0123456789abcdef\"");
}

TEST_CASE("A writer never writes broken UTF-8", "[unit][core][AM-ENC-011]") {
    CHECK(quoted("a\xFFz") == "\"a\xEF\xBF\xBDz\"");
    CHECK(quoted("\xE2\x82") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            const std::string text{static_cast<char>(a), static_cast<char>(b)};
            if (!json::validate(quoted(text))) FAIL("bytes " << a << " " << b);
        }
}

TEST_CASE("Numbers are written as ECMAScript writes them", "[unit][core][AM-ENC-020]") {
    // RFC 8785 appendix B, by bit pattern, and the borders of each layout.
    const std::pair<std::uint64_t, const char*> rows[] = {{0x0000000000000000, "0"},
                                                          {0x8000000000000000, "0"},
                                                          {0x0000000000000001, "5e-324"},
                                                          {0x8000000000000001, "-5e-324"},
                                                          {0x7fefffffffffffff, "1.7976931348623157e+308"},
                                                          {0xffefffffffffffff, "-1.7976931348623157e+308"},
                                                          {0x4340000000000000, "9007199254740992"},
                                                          {0xc340000000000000, "-9007199254740992"},
                                                          {0x4430000000000000, "295147905179352830000"},
                                                          {0x44b52d02c7e14af5, "9.999999999999997e+22"},
                                                          {0x44b52d02c7e14af6, "1e+23"},
                                                          {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
                                                          {0x444b1ae4d6e2ef4e, "999999999999999700000"},
                                                          {0x444b1ae4d6e2ef4f, "999999999999999900000"},
                                                          {0x444b1ae4d6e2ef50, "1e+21"},
                                                          {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
                                                          {0x3eb0c6f7a0b5ed8d, "0.000001"},
                                                          {0x41b3de4355555553, "333333333.3333332"},
                                                          {0x41b3de4355555554, "333333333.33333325"},
                                                          {0x41b3de4355555555, "333333333.3333333"},
                                                          {0x41b3de4355555556, "333333333.3333334"},
                                                          {0x41b3de4355555557, "333333333.33333343"},
                                                          {0xbecbf647612f3696, "-0.0000033333333333333333"},
                                                          {0x43143ff3c1cb0959, "1424953923781206.2"}};
    for (const auto& [bits, text] : rows) CHECK(number(std::bit_cast<double>(bits)) == text);
    CHECK(number(1e20) == "100000000000000000000");
    CHECK(number(123.456) == "123.456");
    CHECK(number(1e-6) == "0.000001");
    CHECK(number(1e-7) == "1e-7");
    CHECK(number(-1.25e-9) == "-1.25e-9");
}
