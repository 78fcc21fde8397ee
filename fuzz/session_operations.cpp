// Property: whatever two agents do, over a network that loses, repeats, reorders and forges, on machines that stop and
// disks that fail, each envelope arrives once and in order or its sender is told, no message key seals two texts, and
// nothing that was said is on the wire (see hostile.hpp). Input: three bytes an operation: what, who, and a number.
#include "fuzz/fuzz.hpp"

#include "tests/unit/session/hostile.hpp"

AM_FUZZ(AM_RAT_032, AM_RAT_033, AM_KNK_012, AM_KNK_013, AM_KNK_014, AM_KNK_015, AM_KNK_016, AM_KNK_019, AM_KNK_023,
        AM_KNK_024, AM_KNK_025, AM_KNK_026, AM_KNK_027, AM_KNK_028, AM_KNK_029, AM_KNK_030, AM_KNK_031, AM_KNK_032,
        AM_KNK_033, AM_KNK_034, AM_KNK_035, AM_KNK_036, AM_KNK_037, AM_KEX_037, AM_KEX_038);

using namespace session_test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    hostile_world world{data[0], (data[0] & 1) != 0 ? 3600u : 60u};
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
