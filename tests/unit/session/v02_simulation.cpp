#include "tests/unit/session/v02_hostile.hpp"

#include "tests/support/catch.hpp"

#include <random>

using namespace v02_test;

namespace {

void play(std::uint32_t seed, bool storm, int steps, std::size_t& arrived) {
    std::mt19937 random{seed};
    // In the order of `act`.
    std::vector<int> weights = {30, 3, 40, 20, 5, 5, 4, 3, 4, 3, 0, 0, 0, 0, 0, 0};
    if (storm) std::copy_n(std::array{6, 2, 2, 2, 1, 6}.begin(), 6, weights.begin() + static_cast<int>(act::drop));
    else weights[static_cast<std::size_t>(seed % 2 == 0 ? act::deliver_late : act::restart)] = 0;
    std::discrete_distribution<int> pick{weights.begin(), weights.end()};
    const auto byte = [&random] { return static_cast<std::uint8_t>(random() >> 24); };
    hostile_world world{seed};
    int step = 0;
    try {
        for (; step < steps; ++step) {
            const auto what = static_cast<act>(pick(random));
            const auto x = byte(), y = byte();
            world.apply(what, x, y);
        }
        world.finish();
    } catch (const std::exception& what) {
        FAIL((storm ? "storm" : "fair") << ", seed " << seed << ", step " << step << ": " << what.what());
    }
    arrived += world.arrived();
}

}  // namespace

TEST_CASE("what two v02 agents tell each other arrives once, whatever stops or comes twice",
          "[simulation][session][v02][AM-KNK-060][AM-KNK-062][AM-RAT-020][AM-RAT-033]") {
    std::size_t arrived = 0;
    for (std::uint32_t seed = 1; seed <= 150; ++seed) play(seed, false, 150, arrived);
    CHECK(arrived > 1000);
}

TEST_CASE("in a storm nothing is heard of v02 that was not said, and no key is used twice",
          "[simulation][session][v02][AM-KNK-064][AM-RAT-020][AM-RAT-032][AM-RAT-033]") {
    std::size_t arrived = 0;
    for (std::uint32_t seed = 1; seed <= 150; ++seed) play(seed, true, 150, arrived);
    CHECK(arrived > 200);
}
