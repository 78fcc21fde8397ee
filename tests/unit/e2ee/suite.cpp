#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::e2ee;

TEST_CASE("The name of every suite reads back as the suite", "[unit][e2ee]") {
    for (const auto id : {suite_id::am1, suite_id::v02, suite_id::wire10, suite_id::wire10_legacy})
        CHECK(parse_suite(to_text(id)).value() == id);
    CHECK(to_text(suite_id::wire10_legacy) == "wire10-legacy");
}

TEST_CASE("A name that no suite bears is refused", "[unit][e2ee]") {
    for (const auto* text : {"", "am", "am11", "AM1", "wire10_legacy", "v02 "})
        CHECK(parse_suite(text).error().code == errc::suite_unsupported);
}

TEST_CASE("The numbers of the suites are those of saved state and frames", "[unit][e2ee]") {
    CHECK(static_cast<int>(am1::id) == 1);
    CHECK(static_cast<int>(v02::id) == 2);
    CHECK(static_cast<int>(wire10::id) == 3);
    CHECK(static_cast<int>(wire10_legacy::id) == 4);
}

TEST_CASE("The suites skip as many messages as ruled and add as many bytes as their layout has", "[unit][e2ee]") {
    CHECK(am1::max_skip == 1000);
    CHECK(v02::max_skip == 1000);
    CHECK(wire10::max_skip == 100);
    CHECK(wire10_legacy::max_skip == 100);
    CHECK(overhead<am1> == 16);
    CHECK(overhead<v02> == 40);
    CHECK(overhead<wire10> == 28);
}

TEST_CASE("The older variant of Wire 1.0 differs in the key agreement only", "[unit][e2ee]") {
    CHECK(wire10_legacy::root_info == wire10::root_info);
    CHECK(wire10_legacy::chain_length == wire10::chain_length);
    CHECK(std::is_same_v<wire10_legacy::aead, wire10::aead>);
    CHECK(wire10_legacy::x3dh.info == wire10::x3dh.info);
    CHECK(wire10::x3dh.salt_byte == 0x00);
    CHECK(wire10::x3dh.prefixed);
    CHECK(wire10_legacy::x3dh.salt_byte == 0xff);
    CHECK_FALSE(wire10_legacy::x3dh.prefixed);
}

namespace {

struct claims_too_much : v02 {
    static constexpr bool binds_header = true;
};
struct skips_too_much : am1 {
    static constexpr std::uint32_t max_skip = 1001;
};

}  // namespace

TEST_CASE("What claims to bind a header that its AEAD never sees is no suite", "[unit][e2ee]") {
    STATIC_REQUIRE(RatchetSuite<v02>);
    STATIC_REQUIRE_FALSE(RatchetSuite<claims_too_much>);
    STATIC_REQUIRE_FALSE(RatchetSuite<skips_too_much>);
    STATIC_REQUIRE_FALSE(RatchetSuite<int>);
}

TEST_CASE("Root, chain and message keys are three types", "[unit][e2ee]") {
    STATIC_REQUIRE_FALSE(std::is_convertible_v<root_key, chain_key>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<chain_key, message_key>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<root_key>);
}
