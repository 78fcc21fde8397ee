#include <agentmesh/e2ee/header.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/crypto/support.hpp"

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

ratchet_header sample() {
    return {exchange_public_key::from(answers::hex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
                                                   "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")).value(),
            7, 0x01020304};
}
constexpr std::string_view sample_text =
    "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf0000000701020304";

}  // namespace

TEST_CASE("A header is the key and two big-endian numbers", "[unit][e2ee][AM-RAT-004]") {
    CHECK(to_hex(header_bytes(sample())) == sample_text);
    CHECK(parse_header(answers::hex(sample_text)).value() == sample());
}

TEST_CASE("Headers with the smallest and the largest numbers read back", "[unit][e2ee][AM-RAT-004]") {
    for (const std::uint32_t pn : {0u, 1u, 0x80000000u, 0xffffffffu})
        for (const std::uint32_t n : {0u, 255u, 256u, 0x7fffffffu, 0xffffffffu}) {
            const ratchet_header header{sample().dh, pn, n};
            CHECK(parse_header(header_bytes(header)).value() == header);
        }
}

TEST_CASE("A header of another length than 40 bytes is refused", "[unit][e2ee][AM-RAT-004]") {
    buffer bytes(41);
    for (const std::size_t size : {0u, 1u, 39u, 41u})
        CHECK(parse_header(byte_view{bytes}.first(size)).error().code == errc::bad_length);
}

TEST_CASE("Associated data is the prefix and then the header, for prefixes of every length",
          "[unit][e2ee][AM-RAT-005]") {
    for (const std::size_t size : {0u, 1u, 471u, 472u, 473u, 512u, 5000u}) {
        const buffer prefix(size, 0xA5);
        const associated_data both{prefix, sample()};
        auto expected = to_hex(prefix);
        expected += sample_text;
        CHECK(to_hex(both.bytes()) == expected);
    }
}
