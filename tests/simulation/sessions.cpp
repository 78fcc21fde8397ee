#include "tests/unit/session/hostile.hpp"

#include "tests/support/catch.hpp"

#include <cstdlib>
#include <random>

using namespace session_test;

namespace {

/// A history of one character: how often each thing happens in it.
struct weather {
    const char* name;
    std::array<int, static_cast<std::size_t>(act::count_)> weights;
    std::uint32_t ttl;
};

// In the order of `act`: say, knock, deliver, deliver late, duplicate, drop, wait, wait long, restart, roll back,
// fail persist, fail send, close, deny, forge, rotate.
constexpr weather weathers[] = {
    {"fair", {40, 2, 60, 0, 0, 0, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 3600},
    {"loss", {30, 2, 40, 0, 5, 15, 15, 3, 0, 0, 0, 0, 0, 0, 0, 1}, 3600},
    {"reordering", {30, 4, 20, 40, 8, 3, 10, 1, 0, 0, 0, 0, 0, 0, 2, 1}, 3600},
    {"restarts", {30, 4, 40, 10, 3, 3, 10, 2, 8, 0, 0, 0, 0, 0, 0, 1}, 3600},
    {"failing disks", {30, 4, 40, 10, 3, 3, 10, 2, 4, 0, 10, 8, 0, 0, 0, 1}, 3600},
    {"old backups", {30, 4, 40, 10, 3, 3, 10, 2, 2, 8, 0, 0, 0, 0, 0, 0}, 3600},
    {"crossing and closing", {30, 20, 30, 10, 3, 5, 10, 2, 1, 0, 1, 1, 6, 2, 0, 2}, 3600},
    {"short sessions", {30, 8, 40, 10, 3, 5, 10, 6, 2, 0, 1, 1, 1, 1, 1, 1}, 60},
};

struct sums {
    std::size_t arrived = 0, told = 0, lost = 0;
};

void play(const weather& kind, std::uint32_t seed, int steps, sums& total) {
    std::mt19937 random{seed};
    std::discrete_distribution<int> pick{kind.weights.begin(), kind.weights.end()};
    const auto byte = [&random] { return static_cast<std::uint8_t>(random() >> 24); };
    hostile_world world{seed, kind.ttl};
    int step = 0;
    try {
        for (; step < steps; ++step) {
            const auto what = static_cast<act>(pick(random));
            const auto x = byte(), y = byte();
            world.apply(what, x, y);
        }
        world.finish();
    } catch (const std::exception& what) {
        FAIL(kind.name << ", seed " << seed << ", step " << step << ": " << what.what());
    }
    total.arrived += world.arrived();
    total.told += world.told();
    total.lost += world.lost_sessions();
}

std::uint32_t from_environment(const char* name, std::uint32_t otherwise) {
    const char* text = std::getenv(name);
    return text ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : otherwise;
}

}  // namespace

// AGENTMESH_SESSION_SEEDS histories of each weather, from AGENTMESH_SESSION_SEED on.
TEST_CASE("no weather loses, repeats or reorders what two agents tell each other",
          "[simulation][session][glare-converges][restart-heals][canary-never-on-wire][AM-KNK-015]"
          "[AM-KNK-019][AM-KNK-028][AM-KNK-031][AM-KNK-034][AM-RAT-020][AM-RAT-032][AM-RAT-033]") {
    const auto first = from_environment("AGENTMESH_SESSION_SEED", 1);
    const auto seeds = from_environment("AGENTMESH_SESSION_SEEDS", 25);
    for (const auto& kind : weathers) {
        DYNAMIC_SECTION(kind.name) {
            sums total;
            for (std::uint32_t seed = first; seed < first + seeds; ++seed) play(kind, seed, 200, total);
            CHECK(total.arrived > 0);
            INFO(kind.name << ": " << total.arrived << " arrived, " << total.told << " reported, " << total.lost
                           << " sessions lost");
            if (std::string_view{kind.name} == "old backups" && seeds >= 25) CHECK(total.lost > 0);
            if (std::getenv("AGENTMESH_SESSION_SUMS")) {
                WARN(kind.name << ": " << total.arrived << " arrived, " << total.told << " reported, " << total.lost
                               << " sessions lost");
            }
        }
    }
}
