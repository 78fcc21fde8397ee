#include <agentmesh/net/lan_driver.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

local_identity fresh() {
    crypto::system_random random;
    return *local_identity::create(random, net::system_clock{}.now().wall);
}

dht::discovery_record record_of(const local_identity& who) {
    return *dht::discovery_record::make(who, 1, 1, net::system_clock{}.now().wall, "");
}

template <class Done>
void run_until(asio::io_context& io, Done done) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
        REQUIRE(std::chrono::steady_clock::now() < give_up);
        io.restart();
        io.run_one_for(100ms);
    }
}

}  // namespace

TEST_CASE("two agents of one host find each other by multicast, and hear a goodbye", "[unit][net][lan]") {
    asio::io_context io;
    net::lan_driver a{io, {.interface = "127.0.0.1"}}, b{io, {.interface = "127.0.0.1"}};
    if (!a.start() || !b.start()) {
        WARN("multicast is not to be had here: " << a.system_error().message());
        return;
    }
    const auto alice = fresh(), bob = fresh();
    std::vector<dht::endpoint> of_alice, of_bob;
    std::vector<amid> gone;
    b.on_appeared = [&](const dht::discovery_record& who, std::span<const dht::endpoint> at) {
        if (who.name() == alice.name()) of_alice.assign(at.begin(), at.end());
    };
    b.on_gone = [&](const amid& who) { gone.push_back(who); };
    a.on_appeared = [&](const dht::discovery_record& who, std::span<const dht::endpoint> at) {
        if (who.name() == bob.name()) of_bob.assign(at.begin(), at.end());
    };
    REQUIRE(b.announce(record_of(bob), 8766));
    REQUIRE(a.announce(record_of(alice), 8765));
    a.browse();
    run_until(io, [&] { return !of_alice.empty() && !of_bob.empty(); });
    CHECK(of_alice == std::vector{dht::endpoint::v4(0x7f000001, 8765)});
    CHECK(of_bob == std::vector{dht::endpoint::v4(0x7f000001, 8766)});
    a.stop();
    run_until(io, [&] { return std::find(gone.begin(), gone.end(), alice.name()) != gone.end(); });
    b.stop();
    io.restart();
    io.run();  // ends, because nothing is left
}

TEST_CASE("an address that is none of this host is refused", "[unit][net][lan]") {
    asio::io_context io;
    for (const auto* wrong : {"", "nowhere", "::1", "192.0.2.77"}) {
        net::lan_driver one{io, {.interface = wrong}};
        CHECK(one.start().error().code == errc::io_failed);
        CHECK(one.system_error());
        CHECK(one.announce(record_of(fresh()), 1).error().code == errc::io_failed);
        one.browse();
    }
}
