// Properties of the ratchet over generated schedules, each for all four suites. See tests/support/ratchet_world.hpp.
//
// AGENTMESH_SCHEDULES and AGENTMESH_TAMPERS raise the numbers, for a campaign (scripts/campaign); AGENTMESH_SEED starts
// elsewhere. A failure names the schedule's seed.
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/ratchet_world.hpp"

#include <chrono>
#include <cstdlib>
#include <iostream>

using namespace agentmesh;
using namespace agentmesh::e2ee;
using namespace ratchet_test;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Numbers from a seed, the same on every machine.
class chance {
public:
    explicit chance(std::uint64_t seed) : random_{seed} {}
    std::uint32_t below(std::uint32_t bound) {
        std::array<std::uint8_t, 4> drawn;
        (void)random_.fill(drawn);  // an endless source
        return (static_cast<std::uint32_t>(drawn[0]) << 24 | static_cast<std::uint32_t>(drawn[1]) << 16 |
                static_cast<std::uint32_t>(drawn[2]) << 8 | drawn[3]) % bound;
    }

private:
    crypto::scripted_random random_;
};

void put(buffer& out, act what, std::uint32_t who, std::uint32_t number) {
    out.insert(out.end(), {static_cast<std::uint8_t>(what), static_cast<std::uint8_t>(who),
                           static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)});
}

/// A conversation with a network that sometimes, often or mostly interferes.
buffer any_schedule(chance& draw, std::uint32_t max_skip) {
    static constexpr std::array hostile = {act::tamper_header, act::tamper_header, act::tamper_body, act::cut, act::mix,
                                           act::wrong_data,    act::reflect,       act::invent,      act::no_randomness,
                                           act::small_order};
    const std::uint32_t malice = 5 + draw.below(50);  // per cent
    buffer out;
    for (std::uint32_t left = 4 + draw.below(60); left > 0; --left) {
        const auto who = draw.below(2), number = draw.below(0x10000);
        const auto kind = draw.below(100);
        if (kind < malice)
            put(out, hostile[draw.below(hostile.size())], who, number);
        else if (draw.below(150) == 0)
            put(out, act::burst, who, draw.below(4) == 0 ? max_skip - 2 + draw.below(5) : draw.below(30));
        else if (draw.below(30) == 0)
            put(out, draw.below(2) == 0 ? act::restart : act::learn, who, 0);
        else
            put(out, std::array{act::send, act::send, act::deliver, act::deliver_any}[draw.below(4)], who, number);
    }
    return out;
}

/// Runs schedules and adds up what they did; a divergence fails with the seed that repeats it.
template <class S>
tally run_schedules(std::uint64_t count) {
    const auto first = from_environment("AGENTMESH_SEED", 1);
    tally all;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        chance draw{seed};
        const auto schedule = any_schedule(draw, S::max_skip);
        const bool accepted = S::id == suite_id::am1 && draw.below(2) == 0;
        ratchet_world<S> world{seed, accepted};
        try {
            world.run(schedule);
        } catch (const divergence& what) {
            FAIL("suite " << to_text(S::id) << ", AGENTMESH_SEED=" << seed << ": " << what.what());
        }
        all += world.counted();
    }
    return all;
}

void report(const char* what, suite_id id, const tally& all, std::chrono::steady_clock::time_point start) {
    if (std::getenv("AGENTMESH_SCHEDULES") == nullptr && std::getenv("AGENTMESH_TAMPERS") == nullptr) return;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::cout << what << ", suite " << to_text(id) << ": " << all.sent << " sealed, " << all.opened << " opened, "
              << all.refused << " refused, " << all.tampered << " tampered, " << all.restarts << " restarts, "
              << took.count() << " s\n";
}

/// Two sides that have talked, so that every kind of chain exists.
template <class S>
struct pair_of_sides {
    crypto::scripted_random random;
    double_ratchet<S> a, b;

    explicit pair_of_sides(std::uint64_t seed)
        : pair_of_sides{crypto::scripted_random{seed}, crypto::scripted_random{seed + 1'000'000}} {}

    /// Sends one message and opens it; returns the header and the body, for later.
    std::pair<ratchet_header, buffer> exchange(double_ratchet<S>& from, double_ratchet<S>& to) {
        buffer sealed, text;
        const auto header = from.seal(sealed, {}, as_bytes("text"), random).value();
        REQUIRE(to.open(text, header, {}, sealed, random));
        REQUIRE(as_text(text) == "text");
        return {header, sealed};
    }

private:
    pair_of_sides(crypto::scripted_random keys, crypto::scripted_random rest)
        : pair_of_sides{root_key::generate(keys).value(), exchange_key_pair::generate(keys).value(),
                        exchange_key_pair::generate(keys).value(), std::move(rest)} {}
    pair_of_sides(root_key root, exchange_key_pair first, exchange_key_pair second, crypto::scripted_random rest)
        : random{std::move(rest)},
          a{double_ratchet<S>::initiate(root.fork(), std::move(first), second.public_key()).value()},
          b{double_ratchet<S>::respond(std::move(root), std::move(second))} {}
};

template <class S>
bool opens(double_ratchet<S>& ratchet, const std::pair<ratchet_header, buffer>& message,
           crypto::scripted_random& random) {
    buffer text;
    return ratchet.open(text, message.first, {}, message.second, random).has_value();
}

constexpr std::uint64_t rounds = 25;

}  // namespace

TEMPLATE_TEST_CASE("atomic-failure, no-replay-message: whatever the network does, both sides do what the model does",
                   "[property][e2ee][AM-RAT-001][AM-RAT-002][AM-RAT-007][AM-RAT-012][AM-RAT-013][AM-RAT-014]"
                   "[AM-RAT-016][AM-RAT-020][AM-RAT-022][AM-RAT-030]",
                   am1, v02, wire10, wire10_legacy) {
    const auto start = std::chrono::steady_clock::now();
    const auto count = from_environment("AGENTMESH_SCHEDULES", 400) / 4;
    const auto all = run_schedules<TestType>(count);
    CHECK(all.opened > count);
    CHECK(all.refused > count);
    report("schedules", TestType::id, all, start);
}

TEMPLATE_TEST_CASE("atomic-failure: a message changed anywhere changes nothing",
                   "[property][e2ee][AM-RAT-007][AM-RAT-008][AM-RAT-009][AM-RAT-013]", am1, v02, wire10,
                   wire10_legacy) {
    const auto start = std::chrono::steady_clock::now();
    const auto count = from_environment("AGENTMESH_TAMPERS", 6000) / 4;
    const auto seed = from_environment("AGENTMESH_SEED", 1);
    chance draw{seed};
    tally all;
    for (std::uint64_t round = 0; all.tampered < count; ++round) {
        ratchet_world<TestType> world{seed + round};
        try {
            for (std::size_t i = 0; i < 6; ++i) {
                world.apply(act::send, i % 2, 20);
                world.apply(act::send, i % 2, 40);
                world.apply(act::deliver, 1 - i % 2, 0);
            }
            world.apply(act::send, 0, 300);
            world.apply(act::send, 1, 300);
            for (int i = 0; i < 400; ++i)
                world.apply(std::array{act::tamper_header, act::tamper_body, act::tamper_body, act::tamper_body,
                                       act::cut, act::cut, act::mix, act::wrong_data, act::reflect,
                                       act::invent}[draw.below(10)],
                            draw.below(2), draw.below(0x10000));
            world.finish();
        } catch (const divergence& what) {
            FAIL("suite " << to_text(TestType::id) << ", round " << round << " of AGENTMESH_SEED=" << seed << ": "
                          << what.what());
        }
        all += world.counted();
    }
    report("tampering", TestType::id, all, start);
}

TEMPLATE_TEST_CASE("forward-secrecy: what a side holds after a message opens no message before it",
                   "[property][e2ee]", am1, v02, wire10, wire10_legacy) {
    for (std::uint64_t seed = 0; seed < rounds; ++seed) {
        pair_of_sides<TestType> world{seed};
        chance draw{seed};
        std::vector<std::pair<ratchet_header, buffer>> to_a, to_b;
        for (int i = 0; i < 12; ++i) {
            if (!world.b.can_send() || draw.below(2) == 0)
                to_b.push_back(world.exchange(world.a, world.b));
            else
                to_a.push_back(world.exchange(world.b, world.a));
        }
        // A thief who takes either side's whole state now can read none of what was recorded.
        for (const auto& message : to_b) {
            auto b = world.b.fork(), a = world.a.fork();
            CHECK_FALSE(opens(b, message, world.random));
            CHECK_FALSE(opens(a, message, world.random));
        }
        for (const auto& message : to_a) {
            auto b = world.b.fork(), a = world.a.fork();
            CHECK_FALSE(opens(b, message, world.random));
            CHECK_FALSE(opens(a, message, world.random));
        }
    }
}

TEMPLATE_TEST_CASE("healing: after one clean round trip a stolen state opens nothing more", "[property][e2ee]", am1,
                   v02, wire10, wire10_legacy) {
    for (std::uint64_t seed = 0; seed < rounds; ++seed) {
        pair_of_sides<TestType> world{seed};
        chance draw{seed};
        world.exchange(world.a, world.b);
        for (std::uint32_t i = 0, count = draw.below(8); i < count; ++i)
            draw.below(2) == 0 ? world.exchange(world.a, world.b) : world.exchange(world.b, world.a);

        auto stolen = world.b.fork();
        {
            auto reader = stolen.fork();
            CHECK(opens(reader, world.exchange(world.a, world.b), world.random));  // until then it reads along
        }
        world.exchange(world.b, world.a);
        world.exchange(world.a, world.b);
        world.exchange(world.b, world.a);
        for (int i = 0; i < 4; ++i) {
            CHECK_FALSE(opens(stolen, world.exchange(world.a, world.b), world.random));
            world.exchange(world.b, world.a);
        }
    }
}

TEMPLATE_TEST_CASE("no-replay-message: a message opens once, also after a restart from the latest state",
                   "[property][e2ee][AM-RAT-014][AM-RAT-030]", am1, v02, wire10, wire10_legacy) {
    for (std::uint64_t seed = 0; seed < rounds; ++seed) {
        pair_of_sides<TestType> world{seed};
        chance draw{seed};
        std::vector<std::pair<ratchet_header, buffer>> seen;
        for (int i = 0; i < 10; ++i) {
            seen.push_back(world.exchange(world.a, world.b));
            if (draw.below(3) == 0) world.exchange(world.b, world.a);
            if (draw.below(2) == 0) world.b = restore<TestType>(save(world.b)).value();
            const auto before = save(world.b);
            for (const auto& old : seen) {
                buffer text;
                CHECK(world.b.open(text, old.first, {}, old.second, world.random).error().code == errc::duplicate);
            }
            CHECK(save(world.b) == before);
        }
    }
}
