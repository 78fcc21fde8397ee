#include "conformance/report/text.hpp"
#include "tests/support/catch.hpp"

using namespace agentmesh::conformance::report;
using namespace std::string_literals;

TEST_CASE("text with nothing unusual is shown as it is", "[unit][report]") {
    CHECK(visible("plain, ünïcode, 日本, 😀") == "plain, ünïcode, 日本, 😀");
}

TEST_CASE("controls become escapes, and lines stay lines only where asked for", "[unit][report]") {
    CHECK(visible("a\x1b[2J\x7f\0z"s) == "a\\x1b[2J\\x7f\\x00z");
    CHECK(visible("a\r\n\tb") == "a\\r\\n\\tb");
    CHECK(visible("a\r\n\tb", true) == "a\\r\n\tb");
}

TEST_CASE("bytes that are not UTF-8 are shown one by one", "[unit][report]") {
    CHECK(visible("\xff") == "\\xff");
    CHECK(visible("\xc0\x80") == "\\xc0\\x80");              // overlong
    CHECK(visible("\xed\xa0\x80") == "\\xed\\xa0\\x80");     // surrogate
    CHECK(visible("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
    CHECK(visible("\xe2\x82") == "\\xe2\\x82");              // cut off
    CHECK(visible("\xe2\x82\xac") == "€");
}

TEST_CASE("characters that reorder or hide text are named", "[unit][report]") {
    CHECK(visible("\xe2\x80\xaegnp.exe") == "\\u{202e}gnp.exe");
    CHECK(visible("a\xe2\x80\x8b\xef\xbb\xbf""b") == "a\\u{200b}\\u{feff}b");
    CHECK(visible("\xf3\xa0\x81\x81") == "\\u{e0041}");  // a tag character
    CHECK(visible("\xc2\x9b") == "\\u{009b}");          // C1: a control sequence introducer for some terminals
}

TEST_CASE("markup leaves no character that HTML or XML would read", "[unit][report]") {
    CHECK(markup("<a href=\"x\" id='y'>&</a>") == "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
    CHECK(markup("]]>\x01") == "]]&gt;\\x01");
}

TEST_CASE("Markdown shows the characters themselves", "[unit][report]") {
    CHECK(markdown("a|b") == "a\\|b");
    CHECK(markdown("<b> @x #1") == "&lt;b&gt; &#64;x \\#1");
    CHECK(markdown("[l](javascript:x)") == "\\[l\\]\\(javascript&#58;x\\)");
    CHECK(markdown("a\nb") == "a\\\\nb");
}

TEST_CASE("a cut falls between characters and is marked", "[unit][report]") {
    CHECK(shortened("äöü", 3) == "äöü");
    CHECK(shortened("äöüß", 3) == "äö…");
    CHECK(shortened("", 3).empty());
}

TEST_CASE("numbers are grouped and take the right noun", "[unit][report]") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(counted(1, "case") == "1 case");
    CHECK(counted(0, "case") == "0 cases");
}

TEST_CASE("a hex dump has sixteen bytes a line and aligned text", "[unit][report]") {
    CHECK(hexdump("").empty());
    CHECK(hexdump("{\"a\":\xff}") == "0000  7b 22 61 22 3a ff 7d                              {\"a\":.}\n");
    const auto two = hexdump("0123456789abcdefg");
    CHECK(two == "0000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef\n"
                 "0010  67                                                g\n");
}

TEST_CASE("ciphertext is not taken for text", "[unit][report]") {
    CHECK(mostly_text("{\"type\":\"ping\"}\r\n"));
    CHECK(mostly_text(""));
    CHECK_FALSE(mostly_text("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
}
