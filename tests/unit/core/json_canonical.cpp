#include <agentmesh/core/json_canonical.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;

TEST_CASE("Canonical form drops white space, sorts names and rewrites strings and numbers",
          "[unit][core][AM-ENC-020]") {
    const std::pair<const char*, const char*> rows[] = {
        {" [ 1 , 2.50 , -0 , 1E2 , 1e21, 0.0000001 ] ", "[1,2.5,0,100,1e+21,1e-7]"},
        {R"({"b":1,"a":2})", R"({"a":2,"b":1})"},
        {R"({"b":{"d":1,"c":[{"f":1,"e":2}]},"a":{}})", R"({"a":{},"b":{"c":[{"e":2,"f":1}],"d":1}})"},
        {R"({"":1,"aa":1,"a":1})", R"({"":1,"a":1,"aa":1})"},
        {R"("\u0041\/\u000a\u001f\u007f")", "\"A/\\n\\u001f\x7F\""},
        {R"({"\u0062":1,"a":2})", R"({"a":2,"b":1})"},
        {R"({"\n":1,"\u0001":2})", R"({"\u0001":2,"\n":1})"},
        {"true", "true"},
        {" null ", "null"},
        {"\"x\"", "\"x\""},
        {"{}", "{}"},
        {"[]", "[]"},
        {R"([{"b":1,"a":2},{"d":3,"c":4}])", R"([{"a":2,"b":1},{"c":4,"d":3}])"},
    };
    for (const auto& [text, canonical] : rows) {
        CAPTURE(text);
        CHECK(json::canonicalize(text) == canonical);
    }
}

TEST_CASE("Names are sorted by UTF-16 code units", "[unit][core][AM-ENC-020]") {
    // U+10000 is written D800 DC00 and sorts before U+E000, though its UTF-8 sorts after.
    CHECK(json::canonicalize("{\"\xEE\x80\x80\":1,\"\xF0\x90\x80\x80\":2,\"\xED\x9F\xBF\":3}") ==
          "{\"\xED\x9F\xBF\":3,\"\xF0\x90\x80\x80\":2,\"\xEE\x80\x80\":1}");
    CHECK(json::utf16_less("a", "ab"));
    CHECK_FALSE(json::utf16_less("ab", "a"));
    CHECK_FALSE(json::utf16_less("a", "a"));
    CHECK(json::utf16_less("\xF0\x90\x80\x80", "\xEF\xBF\xBF"));
    CHECK(json::utf16_less("z", "\xC3\xA9"));
    CHECK(json::utf16_less("\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"));
}

TEST_CASE("A member is left out at the top only", "[unit][core][AM-ENC-020]") {
    CHECK(json::canonicalize_without(R"({"signature":"x","b":{"signature":1},"a":1})", "signature") ==
          R"({"a":1,"b":{"signature":1}})");
    CHECK(json::canonicalize_without(R"({"\u0073ignature":"x"})", "signature") == "{}");
    CHECK(json::canonicalize_without(R"({"a":1})", "signature") == R"({"a":1})");
    CHECK(json::canonicalize_without("[1]", "signature").error().code == errc::wrong_member);
    CHECK(json::canonicalize_without(R"({"signature":"x","signature":"y"})", "signature").error().code ==
          errc::json_duplicate_member);
    CHECK(json::canonicalize_without(R"({"signature":[1,]})", "signature").error().code == errc::bad_json);
}

TEST_CASE("What cannot be told apart after rounding has no canonical form", "[unit][core][AM-ENC-016]") {
    CHECK(json::canonicalize("[1e20,100000000000000000000]") == "[100000000000000000000,100000000000000000000]");
    CHECK(json::canonicalize("[100000000000000000001]").error() == error{errc::json_number_range, "AM-ENC-016"});
    CHECK(json::canonicalize("[9007199254740993]").error() == error{errc::json_number_range, "AM-ENC-016"});
    CHECK(json::canonicalize("[9007199254740992]") == "[9007199254740992]");
    CHECK(json::canonicalize("[1000000000000000000000,1e21]") == "[1e+21,1e+21]");
    CHECK(json::canonicalize("[-1230000000000000000000000]") == "[-1.23e+24]");
    CHECK(json::canonicalize("[1000000000000000000001]").error() == error{errc::json_number_range, "AM-ENC-016"});
    CHECK(json::canonicalize("[1180591620717411303424]").error() == error{errc::json_number_range, "AM-ENC-016"});
    CHECK(json::canonicalize("[1e400]").error() == error{errc::json_number_range, "AM-ENC-017"});
}

TEST_CASE("Nested objects out of order are sorted at every level", "[unit][core][AM-ENC-020]") {
    std::string text = "1", expected = "1";
    for (int level = 0; level < 64; ++level) {
        text = "{\"z\":0,\"b\":" + text + ",\"a\":2}";
        expected = "{\"a\":2,\"b\":" + expected + ",\"z\":0}";
    }
    CHECK(json::canonicalize(text) == expected);
    CHECK(json::canonicalize("[" + text + "]").error().code == errc::json_too_deep);
}
