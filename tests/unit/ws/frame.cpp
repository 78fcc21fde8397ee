#include <agentmesh/ws/frame.hpp>

#include <agentmesh/core/encoding.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using ws::opcode;
using ws::role;

namespace {

errc refusal(const buffer& bytes, role self = role::server) {
    ws::frame_header header;
    const auto size = ws::decode_header(header, bytes, self);
    REQUIRE_FALSE(size);
    return size.error().code;
}

}  // namespace

TEST_CASE("a header is read back as it was written, at every length class", "[unit][ws][AM-WSK-029]") {
    for (const std::uint64_t length : {0ULL, 1ULL, 125ULL, 126ULL, 127ULL, 65535ULL, 65536ULL, 0x7FFFFFFFFFFFFFFFULL}) {
        for (const bool is_masked : {false, true}) {
            ws::frame_header sent{.fin = false, .op = opcode::binary, .masked = is_masked, .length = length};
            if (is_masked) sent.key = {1, 2, 3, 4};
            const auto bytes = ws::encode_header(sent);
            CHECK(bytes.size == 2U + (length < 126 ? 0 : length < 65536 ? 2 : 8) + (is_masked ? 4 : 0));
            ws::frame_header received;
            const auto size = ws::decode_header(received, bytes.view(), is_masked ? role::server : role::client);
            REQUIRE(size);
            CHECK(*size == bytes.size);
            CHECK(received == sent);
        }
    }
}

TEST_CASE("a header that is cut short asks for more and refuses nothing", "[unit][ws][AM-WSK-037]") {
    const auto bytes = ws::encode_header({.op = opcode::text, .masked = true, .key = {9, 8, 7, 6}, .length = 70000});
    for (std::size_t n = 0; n < bytes.size; ++n) {
        ws::frame_header header;
        const auto size = ws::decode_header(header, bytes.view().first(n), role::server);
        REQUIRE(size);
        CHECK(*size == 0);
    }
}

TEST_CASE("a header is refused at its first wrong byte", "[unit][ws][AM-WSK-021][AM-WSK-022][AM-WSK-024]") {
    for (const std::uint8_t reserved : buffer{0xC1, 0xA1, 0x91}) CHECK(refusal({reserved}) == errc::ws_protocol);
    for (const int op : {3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF}) {
        CHECK(refusal({static_cast<std::uint8_t>(0x80 | op)}) == errc::ws_protocol);
    }
    for (const std::uint8_t op : buffer{0x08, 0x09, 0x0A}) CHECK(refusal({op}) == errc::ws_protocol);
}

TEST_CASE("each end insists on the other's masking", "[unit][ws][AM-WSK-020][AM-WSK-036]") {
    CHECK(refusal({0x81, 0x05}, role::server) == errc::ws_protocol);
    CHECK(refusal({0x81, 0x85}, role::client) == errc::ws_protocol);
}

TEST_CASE("a length must be in its shortest form and below 2^63", "[unit][ws][AM-WSK-023][AM-WSK-028][AM-WSK-029]") {
    CHECK(refusal({0x82, 0xFE, 0x00, 0x7D}) == errc::ws_protocol);
    CHECK(refusal({0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}) == errc::ws_protocol);
    CHECK(refusal({0x82, 0xFF, 0x80}) == errc::ws_protocol);
    CHECK(refusal({0x89, 0xFE}) == errc::ws_protocol);
}

TEST_CASE("masking is its own inverse and knows where it is in the payload", "[unit][ws][AM-WSK-035]") {
    const ws::mask_key key{0x11, 0x22, 0x44, 0x88};
    for (const std::size_t size : {0U, 1U, 3U, 7U, 8U, 31U, 32U, 33U, 300U}) {
        for (std::size_t misalignment = 0; misalignment < 8; ++misalignment) {
            buffer plain(size + misalignment);
            for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<std::uint8_t>(i * 7);
            buffer bytewise = plain;
            for (std::size_t i = misalignment; i < plain.size(); ++i) {
                bytewise[i] = static_cast<std::uint8_t>(bytewise[i] ^ key[(i - misalignment) % 4]);
            }
            buffer whole = plain;
            const auto payload = std::span{whole}.subspan(misalignment);
            ws::apply_mask(payload, key);
            CHECK(whole == bytewise);

            buffer pieces = plain;
            const std::size_t cut = size / 3;
            ws::apply_mask(std::span{pieces}.subspan(misalignment, cut), key);
            ws::apply_mask(std::span{pieces}.subspan(misalignment + cut), key, cut);
            CHECK(pieces == bytewise);
            ws::apply_mask(payload, key);
            CHECK(whole == plain);
        }
    }
}

TEST_CASE("frames are laid out from pieces, into text and buffers alike", "[unit][ws][AM-WSK-035]") {
    std::string text;
    ws::append_frame(text, opcode::text, "Hel", std::string{"lo"}, "");
    CHECK(text == std::string{"\x81\x05Hello"});

    buffer bytes;
    ws::append_masked_frame(bytes, {0x37, 0xFA, 0x21, 0x3D}, opcode::text, "Hel", std::string_view{"lo"});
    CHECK(to_hex(bytes) == "818537fa213d7f9f4d5158");
}

TEST_CASE("many frames into one output cost few allocations", "[unit][ws]") {
    std::string out;
    std::size_t grown = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto before = out.capacity();
        ws::append_frame(out, opcode::text, "0123456789");
        grown += out.capacity() != before ? 1 : 0;
    }
    CHECK(grown < 25);
}

TEST_CASE("close codes that may stand on the wire are those of RFC 6455 section 7.4", "[unit][ws][AM-WSK-042]") {
    for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1011, 1014, 3000, 3999, 4000, 4999}) {
        CHECK(ws::is_sendable(static_cast<ws::close_code>(code)));
    }
    for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535}) {
        CHECK_FALSE(ws::is_sendable(static_cast<ws::close_code>(code)));
    }
}
