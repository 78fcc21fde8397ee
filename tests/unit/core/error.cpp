#include <agentmesh/core/bytes.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;

TEST_CASE("every error has a text of its own and fits std::error_code", "[unit][core]") {
    const std::error_code code = make_error_code(errc::rate_limited);
    CHECK(code.message() == "rate limit exceeded");
    CHECK(code == condition::retryable);
    CHECK_FALSE(code == condition::fatal);
    CHECK(to_string(error{errc::bad_hex, "AM-ENC-001"}) == "not hexadecimal (AM-ENC-001)");
}

TEST_CASE("a fixed-size value refuses any other length", "[unit][core]") {
    using key = fixed_bytes<4, struct key_tag>;
    const std::uint8_t five[5] = {1, 2, 3, 4, 5};
    REQUIRE(key::from(byte_view{five, 4}));
    CHECK(key::from(byte_view{five, 5}).error().code == errc::bad_length);
    CHECK(key::from(byte_view{five, 3}).error().code == errc::bad_length);
}
