#include "conformance/engine/ws.hpp"

#include "conformance/engine/encoding.hpp"
#include "conformance/engine/frame_boundary.hpp"
#include "conformance/engine/http.hpp"
#include "tests/support/catch.hpp"

using namespace agentmesh::conformance;

namespace {

constexpr std::array<std::uint8_t, 4> mask{0x37, 0xfa, 0x21, 0x3d};

/// A frame as a server sends it.
std::string server_frame(opcode op, std::string payload, bool fin = true) {
    ws_frame f;
    f.op = op;
    f.fin = fin;
    f.masked = false;
    f.payload = std::move(payload);
    return encode(f, mask);
}

}  // namespace

TEST_CASE("a masked frame has the bytes of RFC 6455 section 5.7", "[engine][ws]") {
    ws_frame f;
    f.payload = "Hello";
    CHECK(to_hex(encode(f, mask)) == "818537fa213d7f9f4d5158");
}

TEST_CASE("a frame announces the length it was given, in the form it was given", "[engine][ws]") {
    ws_frame f;
    f.masked = false;
    f.payload = "ab";
    f.form = length_form::two_bytes;
    CHECK(to_hex(encode(f, mask)) == "817e00026162");
    f.form = length_form::eight_bytes;
    CHECK(to_hex(encode(f, mask)) == "817f00000000000000026162");
    f.form = length_form::shortest;
    f.length = 70'000;
    CHECK(to_hex(encode(f, mask)) == "817f00000000000111706162");
    f.length = std::uint64_t{1} << 63;
    CHECK(to_hex(encode(f, mask)).substr(0, 20) == "817f8000000000000000");
}

TEST_CASE("reserved bits, opcode and FIN are set as asked", "[engine][ws]") {
    ws_frame f;
    f.masked = false;
    f.fin = false;
    f.rsv = 5;
    f.op = static_cast<opcode>(11);
    CHECK(to_hex(encode(f, mask)) == "5b00");
}

TEST_CASE("a message in fragments is one observation, with control frames between seen first", "[engine][ws]") {
    const auto first = server_frame(opcode::text, "{\"type\":", false);
    const auto last = server_frame(opcode::continuation, "\"pong\"}");
    ws_decoder d;
    for (const char c : first + server_frame(opcode::ping, "p") + last) d.feed({&c, 1});
    const auto ping = d.take();
    REQUIRE(ping);
    CHECK(ping->seen.is(observation::kind::ping));
    const auto message = d.take();
    REQUIRE(message);
    CHECK(message->seen.is_frame("pong"));
    CHECK(message->seen.frames == 2);
    CHECK(message->raw == first + last);
    CHECK_FALSE(d.take());
}

TEST_CASE("what a server may not do but can be read is noted, not refused", "[engine][ws]") {
    ws_frame f;
    f.payload = "{}";
    f.rsv = 4;
    f.form = length_form::two_bytes;
    ws_decoder d;
    d.feed(encode(f, mask));
    const auto e = d.take();
    REQUIRE(e);
    CHECK(e->seen.payload == "{}");
    CHECK(e->seen.faults == (fault_masked | fault_reserved_bit | fault_long_length));
}

TEST_CASE("what cannot be read ends the reading", "[engine][ws]") {
    const auto bytes = GENERATE(as<std::string>{}, std::string("\x83\x00", 2), std::string("\x09\x00", 2),
                                std::string("\x80\x00", 2), std::string("\x81\x7f\x80\0\0\0\0\0\0\0", 10));
    ws_decoder d;
    d.feed(bytes);
    const auto e = d.take();
    REQUIRE(e);
    CHECK(e->seen.is(observation::kind::garbage));
    d.feed(server_frame(opcode::text, "{}"));
    CHECK_FALSE(d.take());
}

TEST_CASE("a Close tells its code, and 1005 stands for none", "[engine][ws]") {
    ws_decoder d;
    d.feed(server_frame(opcode::close, close_payload(4006, "bye")) + server_frame(opcode::close, "") +
           server_frame(opcode::close, "x") + server_frame(opcode::close, close_payload(1005)));
    auto e = d.take();
    CHECK(e->seen.code == 4006);
    CHECK(e->seen.payload == "bye");
    e = d.take();
    CHECK(e->seen.code == 1005);
    CHECK(e->seen.faults == 0);
    CHECK(d.take()->seen.faults == fault_bad_close);
    CHECK(d.take()->seen.faults == fault_bad_close);
}

TEST_CASE("a response is complete with its announced body, and garbage is told from HTTP", "[engine][http]") {
    const std::string head = "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 3\r\n\r\n";
    CHECK_FALSE(parse_response(head.substr(0, 40), false));
    CHECK_FALSE(parse_response(head + "ab", false));
    const auto whole = parse_response(head + "abcHTTP", false);
    REQUIRE(whole);
    CHECK(whole->seen.code == 426);
    CHECK(whole->seen.field("sec-websocket-version") == "13");
    CHECK(whole->seen.payload == "abc");
    CHECK(whole->size == head.size() + 3);
    CHECK(parse_response("GET / HTTP/1.1\r\n", false)->seen.is(observation::kind::garbage));
    CHECK(parse_response("HTTP/1.1 2", true)->seen.is(observation::kind::garbage));
}

TEST_CASE("the accept value is that of RFC 6455 section 1.3", "[engine][http]") {
    CHECK(accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("times are written in each form and read back to the microsecond", "[engine][encoding]") {
    const auto t = read_stamp("2026-01-02T03:04:05.678901Z");
    REQUIRE(t);
    CHECK(stamp(*t, stamp_form::zulu) == "2026-01-02T03:04:05.678901Z");
    CHECK(stamp(*t) == "2026-01-02T03:04:05.678901+00:00");
    CHECK(stamp(*t, stamp_form::offset_nanos) == "2026-01-02T03:04:05.678901000+00:00");
    CHECK(read_stamp("2026-01-02T04:04:05.678901+01:00") == t);
    CHECK_FALSE(read_stamp("2026-01-02T03:04:05"));
    CHECK_FALSE(read_stamp("2026-02-30T03:04:05Z"));
    CHECK_FALSE(read_stamp("2026-01-02T03:04:05.Z"));
}

TEST_CASE("the boundary of a sent frame is known whatever pieces it is sent in", "[engine][ws]") {
    ws_frame small, medium, large;
    medium.payload = std::string(300, 'm');
    large.payload = std::string(70'000, 'l');
    large.masked = false;
    for (const auto& f : {small, medium, large}) {
        const auto bytes = encode(f, mask);
        frame_boundary boundary;
        CHECK(boundary.reached());
        for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
            boundary.feed(bytes.substr(i, 1));
            if (boundary.reached()) FAIL("a boundary inside a frame, after byte " << i);
        }
        boundary.feed(bytes.substr(bytes.size() - 1));
        CHECK(boundary.reached());
        boundary.feed(bytes + bytes);
        CHECK(boundary.reached());
    }
}
