#include "tests/support/ws_transcript.hpp"

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace ws_test;
using ws::event_kind;
using ws::opcode;

namespace {

std::string close_payload(int code, std::string_view reason = {}) {
    std::string out{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    return out.append(reason);
}

std::string joined(std::initializer_list<std::string> frames) {
    std::string out;
    for (const auto& each : frames) out += each;
    return out;
}

/// The transcript of a server end, which must not depend on where the stream is cut.
transcript server_hears(const std::string& stream, const ws::message_limits& limits = {}) {
    const auto whole = converse(ws::connection::server(limits), as_bytes(stream));
    CHECK(whole == converse_bytewise(ws::connection::server(limits), as_bytes(stream)));
    return whole;
}

void check_failure(const transcript& heard, errc code, ws::close_code number) {
    REQUIRE_FALSE(heard.events.empty());
    CHECK(heard.events.back().kind == event_kind::failed);
    CHECK(heard.events.back().why.code == code);
    CHECK(heard.events.back().code == number);
    const std::string close = plain(opcode::close, close_payload(number));
    REQUIRE(heard.output.size() >= close.size());
    CHECK(heard.output.substr(heard.output.size() - close.size()) == close);
}

auto fixed_mask = [] { return ws::mask_key{1, 2, 3, 4}; };
ws::connection a_client() { return ws::connection::client(fixed_mask); }

}  // namespace

TEST_CASE("a whole message is delivered as a view into the input", "[unit][ws][AM-WSK-032]") {
    auto peer = ws::connection::server();
    std::string stream = masked(opcode::text, "first") + masked(opcode::binary, "second");
    std::span<std::uint8_t> input{reinterpret_cast<std::uint8_t*>(stream.data()), stream.size()};
    const auto* begin = input.data();
    std::string out;

    const auto first = peer.next(input, out);
    REQUIRE(first);
    CHECK(first->kind == event_kind::text);
    CHECK(first->text() == "first");
    CHECK(first->payload.data() == begin + 6);
    const auto second = peer.next(input, out);
    REQUIRE(second);
    CHECK(second->kind == event_kind::binary);
    CHECK(second->payload.data() == begin + 6 + 5 + 6);
    CHECK_FALSE(peer.next(input, out));
    CHECK(input.empty());
    CHECK(out.empty());
    CHECK(peer.stored_bytes() == 0);
}

TEST_CASE("an idle connection stores nothing and is small", "[unit][ws]") {
    CHECK(sizeof(ws::connection) <= 128);
    auto peer = ws::connection::server();
    transcript heard;
    const std::string stream = masked(opcode::text, std::string(5000, 'x'));
    feed(peer, heard, as_bytes(stream).first(100));
    CHECK(peer.stored_bytes() > 0);
    feed(peer, heard, as_bytes(stream).subspan(100));
    REQUIRE(heard.events.size() == 1);
    CHECK(heard.events[0].payload == std::string(5000, 'x'));
    CHECK(peer.stored_bytes() == 0);
}

TEST_CASE("a large length announced alone makes nobody allocate", "[unit][ws][AM-LIM-004]") {
    auto peer = ws::connection::server();
    transcript heard;
    feed(peer, heard, as_bytes(masked(opcode::text, std::string(200'000, 'x'))).first(20));
    CHECK(peer.stored_bytes() < 1024);
}

TEST_CASE("fragments are joined, with control frames between them", "[unit][ws][AM-WSK-032][AM-WSK-033][AM-WSK-034]") {
    const auto heard =
        server_hears(joined({masked(opcode::text, "gr", false), masked(opcode::ping, "still there?"),
                             masked(opcode::continuation, "\xC3", false), masked(opcode::pong, ""),
                             masked(opcode::continuation, "\xBC", false), masked(opcode::continuation, "n")}));
    REQUIRE(heard.events.size() == 3);
    CHECK(heard.events[0] == ws_test::heard{event_kind::ping, 0, "still there?"});
    CHECK(heard.events[1] == ws_test::heard{event_kind::pong, 0, ""});
    CHECK(heard.events[2] == ws_test::heard{event_kind::text, 0, "gr\xC3\xBCn"});
    CHECK(heard.output == plain(opcode::pong, "still there?"));
}

TEST_CASE("a ping cut in two inside a fragmented message disturbs neither", "[unit][ws][AM-WSK-033]") {
    auto peer = ws::connection::server();
    transcript heard;
    feed(peer, heard, as_bytes(masked(opcode::binary, "abc", false)));
    const std::string ping = masked(opcode::ping, "0123456789");
    feed(peer, heard, as_bytes(ping).first(9));
    feed(peer, heard, as_bytes(ping).subspan(9));
    feed(peer, heard, as_bytes(masked(opcode::continuation, "def")));
    REQUIRE(heard.events.size() == 2);
    CHECK(heard.events[0] == ws_test::heard{event_kind::ping, 0, "0123456789"});
    CHECK(heard.events[1] == ws_test::heard{event_kind::binary, 0, "abcdef"});
    CHECK(heard.output == plain(opcode::pong, "0123456789"));
}

TEST_CASE("a continuation needs something to continue", "[unit][ws][AM-WSK-025][AM-WSK-030]") {
    check_failure(server_hears(masked(opcode::continuation, "x")), errc::ws_protocol, 1002);
    check_failure(server_hears(masked(opcode::text, "x") + masked(opcode::continuation, "x")), errc::ws_protocol, 1002);
}

TEST_CASE("a message may not begin inside another", "[unit][ws][AM-WSK-026][AM-WSK-030]") {
    check_failure(server_hears(masked(opcode::text, "x", false) + masked(opcode::text, "y")), errc::ws_protocol, 1002);
}

TEST_CASE("a protocol error is answered with 1002 and nothing after it is read", "[unit][ws][AM-WSK-030][AM-WSK-020]") {
    const auto heard = server_hears(masked(opcode::text, "a") + plain(opcode::text, "b") + masked(opcode::text, "c"));
    REQUIRE(heard.events.size() == 2);
    CHECK(heard.events[0].payload == "a");
    check_failure(heard, errc::ws_protocol, 1002);
    CHECK(heard.events[1].why.clause == "AM-WSK-020");
}

TEST_CASE("text that is not UTF-8 fails with 1007 as soon as it is hopeless", "[unit][ws][AM-WSK-027][AM-WSK-031]") {
    check_failure(server_hears(masked(opcode::text, "caf\xE9")), errc::ws_bad_utf8, 1007);
    check_failure(server_hears(masked(opcode::text, "\xED\xA0\x80")), errc::ws_bad_utf8, 1007);
    check_failure(server_hears(masked(opcode::text, "\xC3", false) + masked(opcode::continuation, "")),
                  errc::ws_bad_utf8, 1007);
    CHECK(server_hears(masked(opcode::binary, "caf\xE9")).events[0].kind == event_kind::binary);

    auto peer = ws::connection::server();
    transcript early;
    const std::string stream = masked(opcode::text, "\xF4\x90" + std::string(1000, 'x'));
    feed(peer, early, as_bytes(stream).first(8 + 1));
    CHECK(early.events.empty());
    feed(peer, early, as_bytes(stream).subspan(9, 1));
    check_failure(early, errc::ws_bad_utf8, 1007);
}

TEST_CASE("bytes of a binary message do not count against the text after it", "[unit][ws][AM-WSK-027]") {
    const auto heard = server_hears(
        joined({masked(opcode::binary, "\xFF\xC3", false), masked(opcode::continuation, "\xE2"),
                masked(opcode::text, "plain"), masked(opcode::binary, "\xF0"), masked(opcode::text, "gr\xC3\xBCn")}));
    REQUIRE(heard.events.size() == 4);
    CHECK(heard.events[1].payload == "plain");
    CHECK(heard.events[3].payload == "gr\xC3\xBCn");
}

TEST_CASE("a message of the limit passes and one byte more fails from its header", "[unit][ws][AM-LIM-004]") {
    const ws::message_limits limits{.message_bytes = 1000};
    CHECK(server_hears(masked(opcode::text, std::string(1000, 'x')), limits).events.size() == 1);
    check_failure(server_hears(masked(opcode::text, std::string(1001, 'x')).substr(0, 8), limits), errc::ws_too_large,
                  1009);
    const std::string half = masked(opcode::binary, std::string(600, 'x'), false);
    check_failure(server_hears(half + masked(opcode::continuation, std::string(401, 'x')).substr(0, 8), limits),
                  errc::ws_too_large, 1009);
    CHECK(server_hears(half + masked(opcode::continuation, std::string(400, 'x')), limits).events.size() == 1);
}

TEST_CASE("empty fragments without end are cut off and hold no memory", "[unit][ws][AM-LIM-005]") {
    auto peer = ws::connection::server();
    transcript heard;
    feed(peer, heard, as_bytes(masked(opcode::text, "", false)));
    for (int i = 0; i < 1023; ++i) feed(peer, heard, as_bytes(masked(opcode::continuation, "", false)));
    CHECK(heard.events.empty());
    CHECK(peer.stored_bytes() == 0);
    feed(peer, heard, as_bytes(masked(opcode::continuation, "")));
    check_failure(heard, errc::ws_too_large, 1009);
}

TEST_CASE("a message of exactly 1,024 fragments is delivered", "[unit][ws][AM-LIM-005]") {
    std::string stream = masked(opcode::text, "x", false);
    for (int i = 0; i < 1022; ++i) stream += masked(opcode::continuation, "x", false);
    stream += masked(opcode::continuation, "x");
    const auto heard = server_hears(stream);
    REQUIRE(heard.events.size() == 1);
    CHECK(heard.events[0].payload == std::string(1024, 'x'));
}

TEST_CASE("a Close is echoed with its code, and nothing after it is read", "[unit][ws][AM-WSK-040][AM-WSK-043]") {
    const auto heard = server_hears(masked(opcode::close, close_payload(4321, "bye")) + masked(opcode::text, "late"));
    REQUIRE(heard.events.size() == 1);
    CHECK(heard.events[0] == ws_test::heard{event_kind::closed, 4321, "bye"});
    CHECK(heard.output == plain(opcode::close, close_payload(4321)));

    const auto empty = server_hears(masked(opcode::close, ""));
    REQUIRE(empty.events.size() == 1);
    CHECK(empty.events[0].code == ws::close_codes::none);
    CHECK(empty.output == plain(opcode::close, ""));
}

TEST_CASE("a Close that could not be sent is a protocol error", "[unit][ws][AM-WSK-042]") {
    check_failure(server_hears(masked(opcode::close, "x")), errc::ws_protocol, 1002);
    for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000}) {
        check_failure(server_hears(masked(opcode::close, close_payload(code))), errc::ws_protocol, 1002);
    }
    check_failure(server_hears(masked(opcode::close, close_payload(1000, "\xFF"))), errc::ws_bad_utf8, 1007);
}

TEST_CASE("after our Close only the peer's is waited for", "[unit][ws][AM-WSK-040][AM-WSK-043]") {
    auto peer = ws::connection::server();
    transcript heard;
    feed(peer, heard, as_bytes(masked(opcode::text, "begun", false)));
    peer.close(heard.output, 1001, "restart");
    CHECK_FALSE(peer.is_open());
    CHECK(heard.output == plain(opcode::close, close_payload(1001, "restart")));
    peer.close(heard.output, 1000);
    CHECK(heard.output == plain(opcode::close, close_payload(1001, "restart")));

    feed(peer, heard, as_bytes(masked(opcode::continuation, "\xFF") + masked(opcode::text, std::string(5000, 'x'))));
    CHECK(heard.events.empty());
    CHECK(peer.stored_bytes() == 0);
    CHECK_FALSE(peer.is_finished());

    heard.output.clear();
    feed(peer, heard, as_bytes(masked(opcode::close, close_payload(1001))));
    REQUIRE(heard.events.size() == 1);
    CHECK(heard.events[0].kind == event_kind::closed);
    CHECK(heard.output.empty());
    CHECK(peer.is_finished());
}

TEST_CASE("what is dropped after our Close is not held against the peer", "[unit][ws][AM-WSK-040]") {
    auto peer = ws::connection::server({.message_bytes = 10, .fragments = 2});
    transcript heard;
    peer.close(heard.output, 1000);
    heard.output.clear();
    feed(peer, heard,
         as_bytes(masked(opcode::text, std::string(100, 'x')) + masked(opcode::close, close_payload(1000))));
    REQUIRE(heard.events.size() == 1);
    CHECK(heard.events[0].kind == event_kind::closed);
}

TEST_CASE("nothing is sent after Close", "[unit][ws]") {
    auto peer = ws::connection::server();
    std::string out;
    REQUIRE(peer.send(out, opcode::text, "a", "b"));
    peer.close(out, 1000);
    const std::string before = out;
    const auto late = peer.send(out, opcode::text, "c");
    REQUIRE_FALSE(late);
    CHECK(late.error().code == errc::ws_closed);
    CHECK(out == before);
}

TEST_CASE("a long reason is cut on a character boundary", "[unit][ws]") {
    auto peer = ws::connection::server();
    std::string out;
    peer.close(out, 1000, std::string(122, 'a') + "\xC3\xBC");
    CHECK(out == plain(opcode::close, close_payload(1000, std::string(122, 'a'))));
}

TEST_CASE("a client masks what it sends, answers included, and takes unmasked frames", "[unit][ws][AM-WSK-036]") {
    auto peer = a_client();
    transcript heard;
    feed(peer, heard, as_bytes(plain(opcode::ping, "p") + plain(opcode::text, "hi")));
    const auto sent = [](opcode op, std::string_view payload) {
        return frame({.op = op, .masked = true, .key = fixed_mask()}, payload);
    };
    CHECK(heard.output == sent(opcode::pong, "p"));
    REQUIRE(heard.events.size() == 2);
    CHECK(heard.events[1].payload == "hi");
    heard.output.clear();
    REQUIRE(peer.send(heard.output, opcode::text, "yo"));
    CHECK(heard.output == sent(opcode::text, "yo"));

    const auto wrong = converse(a_client(), as_bytes(masked(opcode::text, "hi")));
    REQUIRE(wrong.events.size() == 1);
    CHECK(wrong.events[0].why == error{errc::ws_protocol, "AM-WSK-036"});
    CHECK(wrong.output == sent(opcode::close, close_payload(1002)));
}

TEST_CASE("a Ping is answered also while closing, until the peer's Close", "[unit][ws][AM-WSK-033]") {
    auto peer = ws::connection::server();
    transcript heard;
    peer.close(heard.output, 1000);
    heard.output.clear();
    feed(peer, heard, as_bytes(masked(opcode::ping, "?") + masked(opcode::close, "") + masked(opcode::ping, "!")));
    CHECK(heard.output == plain(opcode::pong, "?"));
}
