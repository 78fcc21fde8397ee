// Property: whatever two agents of dialect v02 do, over a relay that loses, repeats, reorders and forges, on machines
// that stop and disks that fail, nothing is heard that was not said, no message key seals two texts, and nothing that
// was said is on the wire (see v02_hostile.hpp). Input: three bytes an operation: what, who, and a number.
#include "fuzz/fuzz.hpp"

#include "tests/unit/session/v02_hostile.hpp"

AM_FUZZ(AM_KNK_060, AM_KNK_061, AM_KNK_062, AM_KNK_063, AM_KNK_064, AM_RAT_060, AM_RAT_061);

using namespace v02_test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    hostile_world world{data[0]};
    try {
        for (std::size_t i = 1; i + 3 <= size && i < 3 * 300; i += 3)
            world.apply(static_cast<act>(data[i] % static_cast<std::uint8_t>(act::count_)), data[i + 1], data[i + 2]);
        world.finish();
    } catch (const std::exception& what) {
        std::fprintf(stderr, "%s\n", what.what());
        REQUIRE_FUZZ(false);
    }
    return 0;
}
