#include <agentmesh/core/json_reader.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::string_literals;

namespace {

error refusal(std::string_view text, const json::bounds& within = {}) {
    CAPTURE(text.substr(0, 80));
    const auto outcome = json::validate(text, within);
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error();
}

std::string nested(std::size_t depth, std::string_view open, std::string_view core, std::string_view close) {
    std::string out;
    for (std::size_t i = 0; i < depth; ++i) out += open;
    out += core;
    for (std::size_t i = 0; i < depth; ++i) out += close;
    return out;
}

std::string object_of(std::size_t members, std::string_view prefix = "m") {
    std::string out = "{";
    for (std::size_t i = 0; i < members; ++i)
        out.append(i == 0 ? "\"" : ",\"").append(prefix).append(std::to_string(i)).append("\":0");
    return out + "}";
}

}  // namespace

TEST_CASE("A reader finds the members of an object in any order and skips the rest", "[unit][core][AM-ENC-010]") {
    json::reader in{R"({"x":{"type":"inner"},"to":"bob","n":-12,"list":[1,[2],{}],"type":"send","ok":true,"z":null})"};
    std::string_view type, to;
    std::int64_t n = 0;
    std::size_t elements = 0;
    bool ok = false, null_seen = false;
    in.begin_object();
    while (const auto name = in.next_member()) {
        if (*name == "type")
            type = in.string().raw;
        else if (*name == "to")
            to = in.string().raw;
        else if (*name == "n")
            n = in.integer();
        else if (*name == "ok")
            ok = in.boolean();
        else if (*name == "z")
            in.null(), null_seen = in.ok();
        else if (*name == "list")
            for (in.begin_array(); in.next_element();) ++elements;
    }
    REQUIRE(in.finish());
    CHECK(type == "send");
    CHECK(to == "bob");
    CHECK(n == -12);
    CHECK(ok);
    CHECK(null_seen);
    CHECK(elements == 3);
}

TEST_CASE("skip returns the text of a value as it stands", "[unit][core][AM-ENC-010]") {
    json::reader in{R"( [ {"a" : [1, "]" ]} , "x\"y" ] )"};
    in.begin_array();
    REQUIRE(in.next_element());
    CHECK(in.skip() == R"({"a" : [1, "]" ]})");
    REQUIRE(in.next_element());
    CHECK(in.skip() == R"("x\"y")");
    CHECK_FALSE(in.next_element());
    CHECK(in.finish());
}

TEST_CASE("A string comes as it stands in the text, and unescaped on demand", "[unit][core][AM-ENC-010]") {
    json::reader in{R"(["plain","a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00"])"};
    in.begin_array();
    REQUIRE(in.next_element());
    const auto plain = in.string();
    CHECK_FALSE(plain.escaped);
    CHECK(plain.raw == "plain");
    REQUIRE(in.next_element());
    const auto escaped = in.string();
    CHECK(escaped.escaped);
    CHECK(escaped.text() == "a\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK(escaped.is("a\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
    CHECK_FALSE(in.next_element());
    CHECK(in.finish());
}

TEST_CASE("The first error sticks and every later call is harmless", "[unit][core][AM-ENC-010]") {
    json::reader in{R"({"a":1,"a":2,"b":tru})"};
    in.begin_object();
    CHECK(in.next_member() == "a");
    CHECK_FALSE(in.next_member().has_value());
    CHECK_FALSE(in.ok());
    CHECK(in.string().raw.empty());
    CHECK(in.integer() == 0);
    CHECK(in.skip().empty());
    CHECK_FALSE(in.begin_object());
    CHECK_FALSE(in.next_element());
    in.refuse(errc::wrong_member, "later");
    CHECK(in.finish().error() == error{errc::json_duplicate_member, "AM-ENC-013"});
}

TEST_CASE("A value of another kind is refused with the clause that the caller names", "[unit][core][AM-ENC-010]") {
    const auto read = [](std::string_view text, auto take) {
        json::reader in{text};
        take(in);
        const auto outcome = in.finish();
        REQUIRE_FALSE(outcome.has_value());
        return outcome.error();
    };
    const error expected{errc::wrong_member, "AM-RLY-001"};
    CHECK(read("1", [](auto& in) { in.string("AM-RLY-001"); }) == expected);
    CHECK(read("\"1\"", [](auto& in) { in.integer("AM-RLY-001"); }) == expected);
    CHECK(read("null", [](auto& in) { in.boolean("AM-RLY-001"); }) == expected);
    CHECK(read("[]", [](auto& in) { in.begin_object("AM-RLY-001"); }) == expected);
    CHECK(read("{}", [](auto& in) { in.begin_array("AM-RLY-001"); }) == expected);
    CHECK(read("false", [](auto& in) { in.null("AM-RLY-001"); }) == expected);
    CHECK(read("@", [](auto& in) { in.string("AM-RLY-001"); }) == error{errc::bad_json, "AM-ENC-010"});
}

TEST_CASE("finish passes over what was not read, but checks it", "[unit][core][AM-ENC-010]") {
    const auto after_first = [](std::string_view text) {
        json::reader in{text};
        in.begin_object();
        (void)in.next_member();
        return in.finish();
    };
    CHECK(after_first(R"({"a":[1,{"b":2}],"c":3})"));
    CHECK(after_first(R"({"a":[1,{"b":2]},"c":3})").error().code == errc::bad_json);
    CHECK(after_first(R"({"a":1,"c":3)").error().code == errc::bad_json);
    CHECK(after_first(R"({"a":1}})").error().code == errc::bad_json);
}

TEST_CASE("Text that is not one JSON value is refused", "[unit][core][AM-ENC-010]") {
    for (const auto& text : {""s,        " "s,         "{"s,           "["s,        "}"s,          "{]"s,
                             "[1,]"s,    "[,1]"s,      "[1 2]"s,       "{\"a\"}"s,  "{\"a\":}"s,   "{\"a\":1,}"s,
                             "{,}"s,     "{a:1}"s,     "{'a':1}"s,     "{1:1}"s,    "\"a"s,        "\"\\\""s,
                             "\"\\x\""s, "\"\\u12\""s, "\"\\u12g4\""s, "\"a\nb\""s, "\"\x01\""s,   "\"\x1F\""s,
                             "tru"s,     "True"s,      "nul"s,         "NaN"s,      "Infinity"s,   "-Infinity"s,
                             "-"s,       "+1"s,        ".5"s,          "1."s,       "1.e2"s,       "1e"s,
                             "1e+"s,     "01"s,        "-01"s,         "00"s,       "0x10"s,       "1 2"s,
                             "[] []"s,   "{}x"s,       "/**/1"s,       "1//x"s,     "#1"s,         "\xEF\xBB\xBF{}"s,
                             "\0"s,      "1\0"s,       "\v1"s,         "\f1"s,      "\xC2\xA0 1"s, "[1\0]"s}) {
        CAPTURE(text);
        CHECK(refusal(text) == error{errc::bad_json, "AM-ENC-010"});
    }
}

TEST_CASE("White space is the four characters of RFC 8259 and nothing else", "[unit][core][AM-ENC-010]") {
    CHECK(json::validate(" \t\r\n{ \t\"a\"\r:\n[ 1 ,\t2 ] , \"b\" : { } } \n"));
    CHECK(refusal("{\v}").code == errc::bad_json);
}

TEST_CASE("Strings must be well-formed UTF-8, in names too", "[unit][core][AM-ENC-011]") {
    for (const auto& text : {"\"\xFF\""s, "\"\xC0\x80\""s, "\"\xED\xA0\x80\""s, "\"\xF4\x90\x80\x80\""s,
                             "{\"\x80\":1}"s, "\"0123456789abcdef\xC3\""s, "\"\xE2\x82\""s})
        CHECK(refusal(text) == error{errc::bad_utf8, "AM-ENC-011"});
    CHECK(json::validate("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\""));
}

TEST_CASE("An escaped surrogate needs its partner", "[unit][core][AM-ENC-012]") {
    for (const auto* text : {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\n")", R"("\ud83d\ud83d")",
                             R"("\ude00\ud83d")", R"("\ud83d\u0041")", R"({"\ud800":1})", R"("\uD83D\uDE0")"})
        CHECK(refusal(text) == error{errc::bad_json, "AM-ENC-012"});
    CHECK(json::validate(R"("\ud83d\ude00\uDBFF\uDFFF\uD800\uDC00\uffff\u0000")"));
}

TEST_CASE("A name that comes twice in one object is refused, however it is written", "[unit][core][AM-ENC-013]") {
    for (const auto* text :
         {R"({"a":1,"a":1})", R"({"a":1,"\u0061":2})", R"({"\u0061":1,"a":2})", R"({"\u0061":1,"\u0061":2})",
          R"({"/":1,"\/":2})", R"({"":1,"":2})", R"([[{"x":{"b":1,"c":2,"b":3}}]])", R"({"skip":{"a":1,"a":2},"x":1})",
          "{\"\\u00e9\":1,\"\xC3\xA9\":2}", R"({"\ud83d\ude00":1,"\uD83D\uDE00":2})",
          R"({"a_long_name_of_many_characters":1,"b":2,"a_long_name_of_many_characters":3})"})
        CHECK(refusal(text) == error{errc::json_duplicate_member, "AM-ENC-013"});
}

TEST_CASE("Equal names in different objects are no repetition", "[unit][core][AM-ENC-013]") {
    CHECK(json::validate(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}],"A":0,"a ":0,"a\u0000":0})"));
}

TEST_CASE("A repetition is found among few and among many names, wherever it stands", "[unit][core][AM-ENC-013]") {
    for (const std::size_t count : {1u, 2u, 23u, 24u, 25u, 26u, 39u, 40u, 41u, 200u, 1023u}) {
        const std::string all = object_of(count);
        REQUIRE(json::validate(all));
        for (const std::size_t repeated : {std::size_t{0}, count / 2, count - 1}) {
            const std::string text = all.substr(0, all.size() - 1) + ",\"m" + std::to_string(repeated) + "\":1}";
            CAPTURE(count, repeated);
            CHECK(json::validate(text).error().code == errc::json_duplicate_member);
        }
        // An inner object neither hides the outer names nor adds to them.
        const std::string inner = all.substr(0, all.size() - 1) + ",\"inner\":" + all + ",\"m0\":1}";
        if (count < 1023) CHECK(json::validate(inner).error().code == errc::json_duplicate_member);
    }
}

TEST_CASE("Names chosen to collide are told apart", "[unit][core][AM-ENC-013]") {
    // Equal heads, tails and lengths: the quick comparison sees no difference between any two of them.
    std::string text = "{";
    for (int i = 0; i < 1000; ++i) {
        const std::string digits = std::to_string(1000 + i);
        text.append(i == 0 ? "\"" : ",\"").append("headhead").append(digits).append("tailtail\":0");
    }
    CHECK(json::validate(text + "}"));
    CHECK(json::validate(text + ",\"headhead1500tailtail\":1}").error().code == errc::json_duplicate_member);
}

TEST_CASE("64 levels are accepted and 65 are refused", "[unit][core][AM-ENC-014][AM-ENC-015]") {
    CHECK(json::validate(nested(64, "[", "", "]")));
    CHECK(json::validate(nested(64, "{\"a\":", "1", "}")));
    CHECK(json::validate(nested(32, "[{\"a\":", "1", "}]")));
    CHECK(refusal(nested(65, "[", "", "]")) == error{errc::json_too_deep, "AM-ENC-015"});
    CHECK(refusal(nested(65, "{\"a\":", "1", "}")) == error{errc::json_too_deep, "AM-ENC-015"});
    CHECK(refusal(std::string(100'000, '[')) == error{errc::json_too_deep, "AM-ENC-015"});
    CHECK(refusal("[[[1]]]", {.depth = 2}).code == errc::json_too_deep);
}

TEST_CASE("Integers are exact up to 2^53 and refused beyond", "[unit][core][AM-ENC-016]") {
    const auto integer = [](std::string_view text) {
        json::reader in{text};
        const auto value = in.integer();
        const auto done = in.finish();
        return done ? result<std::int64_t>{value} : result<std::int64_t>{fail(done.error())};
    };
    CHECK(integer("9007199254740992") == 9007199254740992);
    CHECK(integer("-9007199254740992") == -9007199254740992);
    CHECK(integer("0") == 0);
    for (const auto* text : {"9007199254740993", "-9007199254740993", "18446744073709551617", "1.0", "1e2", "1.5",
                             "-0.0", "100000000000000000000000000000000000000000000000000000000000000000"}) {
        CAPTURE(text);
        CHECK(integer(text).error() == error{errc::json_number_range, "AM-ENC-016"});
    }
}

TEST_CASE("An integer beyond 2^53 may stand in a member that nobody reads", "[unit][core][AM-ENC-016]") {
    CHECK(json::validate("{\"nanoseconds\":1769860800000000000}"));
}

TEST_CASE("Numbers that a double cannot hold are refused, tiny ones are zero", "[unit][core][AM-ENC-017]") {
    for (const auto* text : {"1e400", "-1e400", "1e309", "1.8e308", "1e99999999999999999999", "0.1e310"})
        CHECK(refusal(text) == error{errc::json_number_range, "AM-ENC-017"});
    CHECK(refusal(std::string(400, '9')) == error{errc::json_number_range, "AM-ENC-017"});
    const auto real = [](std::string_view text) {
        json::reader in{text};
        const double value = in.number().real();
        REQUIRE(in.finish());
        return value;
    };
    CHECK(real("1.7976931348623157e308") == 1.7976931348623157e308);
    CHECK(real("5e-324") == 5e-324);
    CHECK(real("1e-400") == 0);
    CHECK(real("1e-99999999999999999999") == 0);
    CHECK(real("0e99999999999999999999") == 0);
    CHECK(real("0.00000000000000000000001e300") == 1e277);
    CHECK(real("1E+2") == 100);
    CHECK(real("-1.5") == -1.5);
}

TEST_CASE("Minus zero is zero", "[unit][core][AM-ENC-018]") {
    json::reader in{"[-0,-0.0,-0e5,-1e-999]"};
    in.begin_array();
    REQUIRE(in.next_element());
    CHECK(in.integer() == 0);
    while (in.next_element()) CHECK_FALSE(std::signbit(in.number().real()));
    CHECK(in.finish());
}

TEST_CASE("1,024 members are accepted and 1,025 are refused", "[unit][core][AM-ENC-019]") {
    CHECK(json::validate(object_of(1024)));
    CHECK(refusal(object_of(1025)) == error{errc::json_too_many_members, "AM-ENC-019"});
    CHECK(refusal("{\"x\":" + object_of(1025) + "}") == error{errc::json_too_many_members, "AM-ENC-019"});
    std::string many = "[";
    for (int i = 0; i < 20; ++i) many += object_of(1000) + ",";  // the limit is an object's, not the text's
    CHECK(json::validate(many + "0]"));
}

TEST_CASE("The size is checked before anything is parsed", "[unit][core][AM-ENC-010]") {
    CHECK(json::validate("[1,2]", {.bytes = 5}));
    CHECK(refusal("[1,2]", {.bytes = 4}).code == errc::too_large);
    CHECK(refusal("[broken", {.bytes = 4}).code == errc::too_large);
}

TEST_CASE("Text that ends anywhere is refused", "[unit][core][AM-ENC-010]") {
    const std::string text = R"({"a":[1,-2.5e+3,"x\u00e9\ud83d\ude00",true,null,{"b":{}}],")"
                             "\xC3\xA9"
                             R"(":"0123456789abcdefghijkl"})";
    REQUIRE(json::validate(text));
    for (std::size_t size = 0; size < text.size(); ++size) {
        // A copy of its own, so that a sanitizer sees a read beyond the end.
        const std::vector<char> cut(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
        CAPTURE(size);
        CHECK_FALSE(json::validate({cut.data(), cut.size()}).has_value());
    }
}
