#include "tests/support/relay_world.hpp"

#include "tests/support/catch.hpp"

#include <random>

using namespace relay_test;

namespace {

/// A history of one character: how often each thing happens in it.
struct weather {
    const char* name;
    std::array<int, static_cast<std::size_t>(act::count_)> weights;
};

// In the order of `act`: login, send, resend, ack, pong, read, drop, disconnect, wait, wait_answering, jump, nonsense.
constexpr weather weathers[] = {
    {"fair", {5, 60, 2, 20, 15, 40, 1, 0, 1, 2, 0, 0}},
    {"half-open peers", {8, 50, 4, 5, 2, 25, 0, 0, 6, 0, 0, 0}},
    {"reconnects", {30, 50, 8, 8, 8, 20, 20, 4, 0, 1, 0, 0}},
    {"a wild clock", {10, 40, 4, 10, 10, 20, 3, 1, 2, 4, 12, 0}},
    {"slow readers", {10, 80, 4, 6, 10, 6, 1, 0, 0, 1, 0, 2}},
};

void play(const weather& kind, std::uint32_t seed, int steps) {
    std::mt19937 random{seed};
    std::discrete_distribution<int> pick{kind.weights.begin(), kind.weights.end()};
    const auto byte = [&random] { return static_cast<std::uint8_t>(random() >> 24); };
    relay_world world;
    int step = 0;
    try {
        for (; step < steps; ++step) world.apply({static_cast<act>(pick(random)), byte(), byte(), byte()});
        world.finish();
    } catch (const divergence& what) {
        FAIL(kind.name << ", seed " << seed << ", step " << step << ": " << what.what());
    }
    CHECK(world.delivered() > 0);
}

}  // namespace

TEST_CASE("no weather makes the relay lose, repeat, reorder or misdeliver what it took",
          "[simulation][relay][AM-RLY-005][AM-RLY-007][AM-RLY-022][AM-RLY-031][AM-RLY-044][AM-RLY-075][AM-RLY-078]") {
    for (const auto& kind : weathers) {
        DYNAMIC_SECTION(kind.name) {
            for (std::uint32_t seed = 1; seed <= 20; ++seed) play(kind, seed, 400);
        }
    }
}
