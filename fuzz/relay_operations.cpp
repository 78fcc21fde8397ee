// Property: whatever agents do in whatever order, the relay does what a list of messages would do (see relay_world).
// Input: four bytes an operation: what, who, whom, and a number.
#include "fuzz/fuzz.hpp"

#include "tests/support/relay_world.hpp"

AM_FUZZ(AM_ENC_010);

using namespace relay_test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    relay_world world;
    try {
        for (std::size_t i = 0; i + 4 <= size && i < 4 * 300; i += 4)
            world.apply({static_cast<act>(data[i] % static_cast<std::uint8_t>(act::count_)), data[i + 1], data[i + 2],
                         data[i + 3]});
        world.finish();
    } catch (const divergence& what) {
        std::fprintf(stderr, "relay and model disagree: %s\n", what.what());
        REQUIRE_FUZZ(false);
    }
    return 0;
}
