// Two ICE agents through seeded networks of routers that lose, double and reorder datagrams, with somebody on the way
// who forges and replays. Every history is given by its seed.
#include "tests/support/ice_world.hpp"

#include <catch2/catch.hpp>

using namespace agentmesh;
using namespace std::chrono_literals;
using test::ice_world;
using test::nat;
namespace stun = p2p::stun;

namespace {

constexpr std::uint64_t histories = 5'000;

struct outcome {
    bool settled = false, agree = false, alive = false, leaked = false;
};

/// Whether both speak of one pair: what one sends to is where the other is seen.
bool agree(ice_world& world) {
    const auto& a = *world[0].ice->selected();
    const auto& b = *world[1].ice->selected();
    return a.to == b.local.at && b.to == a.local.at;
}

/// Whether what each sends over its pair comes out at the other.
bool alive(ice_world& world) {
    for (const std::size_t n : {0u, 1u}) {
        const auto& pair = *world[n].ice->selected();
        for (int i = 0; i < 40; ++i) world[n].send(pair.from, pair.to, as_bytes("data"));
    }
    world.run(1s);
    return world[0].data > 0 && world[1].data > 0;
}

outcome play(std::uint64_t seed, bool hostile) {
    std::mt19937_64 random{seed * 7919 + 1};
    const auto any = [&](std::uint64_t below) { return random() % below; };
    const auto behind = [&] { return static_cast<nat>(any(5)); };
    const test::network_faults faults{.lose = static_cast<double>(any(11)) / 100,
                                      .twice = static_cast<double>(any(11)) / 100,
                                      .least = duration{1'000},
                                      .most = duration{1'000 + static_cast<duration::rep>(any(100'000))}};
    const auto left = behind(), right = behind();
    ice_world world{seed, {.behind = left}, {.behind = right}, faults};
    world.signalling = duration{static_cast<duration::rep>(any(300'000))};

    outcome out;
    std::vector<buffer> heard;
    world.net.spy = [&](endpoint& from, endpoint& to, buffer& bytes) {
        out.leaked = out.leaked || scope_of(to) == scope::unusable || scope_of(to) == scope::this_machine;
        if (!hostile) return true;
        // Somebody on the way replays, changes, and answers in the peer's place. He knows no password.
        if (heard.size() < 64) heard.push_back(bytes);
        if (any(20) == 0) bytes = heard[any(heard.size())];
        if (any(20) == 0 && !bytes.empty()) bytes[any(bytes.size())] ^= static_cast<std::uint8_t>(1 + any(255));
        const auto in = stun::message::parse(bytes);
        if (in && in->what() == stun::kind::request && in->is_signed() && any(20) == 0)
            world.net.send(world.stun_server, from,
                           stun::writer{stun::kind::success, *in}
                               .address(stun::attribute::xor_mapped_address, endpoint::v4(0x06060606, 1))
                               .sign(stun::short_term_key("a guess of twenty-two characters")));
        return true;
    };
    world.gather();
    world.introduce();
    out.settled = world.settle(29s);
    if (!out.settled) return out;
    // A nomination may be on its way to its second hearing.
    world.run(3s);
    if (!world[0].ice->selected() || !world[1].ice->selected()) return out;
    out.agree = agree(world);
    out.alive = alive(world);
    return out;
}

/// Plays them all, and counts outcomes.
void play_all(bool hostile, std::uint64_t& settled, std::uint64_t& agreed, std::uint64_t& alive_ones) {
    for (std::uint64_t seed = 1; seed <= histories; ++seed) {
        const auto last = play(seed, hostile);
        settled += last.settled ? 1 : 0;
        agreed += last.agree ? 1 : 0;
        alive_ones += last.alive ? 1 : 0;
        if (last.settled && last.alive && !last.leaked && (last.agree || hostile)) continue;
        std::printf("seed %llu: settled %d, agreed %d, alive %d, leaked %d\n", static_cast<unsigned long long>(seed),
                    last.settled, last.agree, last.alive, last.leaked);
    }
}

}  // namespace

TEST_CASE("ICE settles on one pair whatever the routers and the weather", "[simulation][p2p][AM-P2P-026][AM-P2P-029]") {
    std::uint64_t settled = 0, agreed = 0, alive_ones = 0;
    play_all(false, settled, agreed, alive_ones);
    CHECK(settled == histories);
    CHECK(agreed == histories);
    CHECK(alive_ones == histories);
}

TEST_CASE("who replays, changes and forges can delay a pair, and neither prevent nor misdirect it",
          "[simulation][p2p][AM-P2P-023][AM-P2P-027]") {
    std::uint64_t settled = 0, agreed = 0, alive_ones = 0;
    play_all(true, settled, agreed, alive_ones);
    CHECK(settled == histories);
    // A nomination heard a second time from elsewhere can move one side to another pair, which holds too.
    CHECK(agreed > histories * 99 / 100);
    CHECK(alive_ones == histories);
}
