// Property: whatever a hostile network does between two sides of a session, both do what the naive ratchet beside each
// does, and no refusal changes a byte of saved state (see ratchet_world).
// Input: a byte for the suite, then four an operation: what, who, and a number of two bytes.
#include "fuzz/fuzz.hpp"

#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/ratchet_world.hpp"

AM_FUZZ(AM_RAT_007, AM_RAT_008, AM_RAT_009, AM_RAT_010, AM_RAT_011, AM_RAT_012, AM_RAT_013, AM_RAT_014, AM_RAT_015,
        AM_RAT_016, AM_RAT_017, AM_RAT_018, AM_RAT_019, AM_RAT_020, AM_RAT_021, AM_RAT_022);

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

template <class S>
void run(byte_view schedule, bool accepted) {
    ratchet_test::ratchet_world<S> world{1, accepted};
    try {
        world.run(schedule);
    } catch (const ratchet_test::divergence& what) {
        std::fprintf(stderr, "suite %s: %s\n", to_text(S::id).data(), what.what());
        REQUIRE_FUZZ(false);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const byte_view schedule{data + 1, std::min<std::size_t>(size - 1, 4 * 150)};
    switch (data[0] % 5) {
        case 0: run<am1>(schedule, false); break;
        case 1: run<am1>(schedule, true); break;
        case 2: run<v02>(schedule, false); break;
        case 3: run<wire10>(schedule, false); break;
        default: run<wire10_legacy>(schedule, false); break;
    }
    return 0;
}
