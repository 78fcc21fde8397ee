#include <agentmesh/net/dht_driver.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

dht::node_key_pair node_keys() {
    crypto::system_random random;
    return *dht::node_key_pair::generate(random);
}

local_identity fresh() {
    crypto::system_random random;
    return *local_identity::create(random, net::system_clock{}.now().wall);
}

dht::discovery_record record_of(const local_identity& who, std::uint64_t sequence) {
    return *dht::discovery_record::make(who, 1, sequence, net::system_clock{}.now().wall, "wss://relay.example");
}

net::dht_driver_options on_loopback(std::vector<dht::endpoint> bootstrap = {}, bool v6 = false) {
    return {.addresses = {v6 ? "::1" : "127.0.0.1"},
            .port = 0,
            .bootstrap = std::move(bootstrap),
            .node = {.local_network = true, .join_again = 50ms}};
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

TEST_CASE("endpoints are read as they are written, and nothing else is one", "[unit][net][dht]") {
    for (const auto* text : {"203.0.113.5:8468", "[2a01::1]:1", "127.0.0.1:65535"}) {
        const auto at = net::parse_endpoint(text);
        REQUIRE(at);
        CHECK(net::to_text(*at) == text);
    }
    for (const auto* text :
         {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:1x", "1.2.3:1",
          "2a01::1:1", "[1.2.3.4]:1", "[2a01::1]", "[2a01::1", "host:1", "[fe80::1%eth0]:1"})
        CHECK_FALSE(net::parse_endpoint(text));
}

TEST_CASE("nodes on loopback find each other's records over UDP", "[unit][net][dht]") {
    asio::io_context io;
    const auto keys = [] {
        std::vector<dht::node_key_pair> out;
        for (int i = 0; i < 4; ++i) out.push_back(node_keys());
        return out;
    }();
    std::vector<std::unique_ptr<net::dht_driver>> nodes;
    for (const auto& one : keys) {
        nodes.push_back(std::make_unique<net::dht_driver>(
            io, one, on_loopback(nodes.empty() ? std::vector<dht::endpoint>{} : std::vector{nodes[0]->local()})));
        REQUIRE(nodes.back()->start());
        CHECK(nodes.back()->local().port != 0);
    }
    run_until(io, [&] {
        return std::all_of(nodes.begin(), nodes.end(),
                           [](const auto& one) { return one->machine().table().size() == 3; });
    });

    const auto alice = fresh();
    std::size_t holders = 0;
    nodes[1]->on_published = [&](const amid& who, std::size_t count) {
        CHECK(who == alice.name());
        holders = count;
    };
    REQUIRE(nodes[1]->publish(record_of(alice, 1)));
    run_until(io, [&] { return holders > 0; });
    CHECK(holders == 3);

    std::optional<dht::discovery_record> found;
    int answers = 0;
    REQUIRE(nodes[3]->find(alice.name(), [&](const dht::discovery_record* record) {
        ++answers;
        if (record) found = *record;
        // A handler may give the next command.
        CHECK(nodes[3]->find(fresh().name(), [&](const dht::discovery_record* none) {
            ++answers;
            CHECK_FALSE(none);
        }));
    }));
    run_until(io, [&] { return answers == 2; });
    REQUIRE(found);
    CHECK(found->name() == alice.name());
    CHECK(found->relay == "wss://relay.example");

    for (const auto& one : nodes) one->stop();
    io.restart();
    io.run();  // ends, because nothing is left
}

TEST_CASE("a node goes on after datagrams that are none, and after a port where nobody is", "[unit][net][dht]") {
    asio::io_context io;
    const auto keys = node_keys(), other_keys = node_keys();
    asio::ip::udp::socket nobody{io, {asio::ip::make_address("127.0.0.1"), 0}};
    const auto closed = nobody.local_endpoint();
    net::dht_driver node{io, keys, on_loopback({net::to_endpoint(closed)})};
    nobody.close();
    REQUIRE(node.start());

    asio::ip::udp::socket stranger{io, {asio::ip::make_address("127.0.0.1"), 0}};
    for (const std::size_t size : {0u, 1u, 46u, 1200u, 1201u, 1400u}) {
        const buffer junk(size, 0x41);
        stranger.send_to(asio::buffer(junk), net::to_asio(node.local()));
    }
    net::dht_driver other{io, other_keys, on_loopback({node.local()})};
    REQUIRE(other.start());
    run_until(io, [&] { return node.machine().table().size() == 1 && other.machine().table().size() == 1; });
}

TEST_CASE("IPv6 is spoken where it is listened to", "[unit][net][dht]") {
    asio::io_context io;
    const auto keys = node_keys(), other_keys = node_keys();
    net::dht_driver node{io, keys, on_loopback({}, true)};
    if (!node.start()) return;  // a machine without IPv6
    CHECK(node.local(false).port == 0);
    net::dht_driver other{io, other_keys, on_loopback({node.local(true)}, true)};
    REQUIRE(other.start());
    run_until(io, [&] { return node.machine().table().size() == 1 && other.machine().table().size() == 1; });
}

TEST_CASE("an address that is taken or wrong is said to be", "[unit][net][dht]") {
    asio::io_context io;
    const auto keys = node_keys();
    net::dht_driver first{io, keys, on_loopback()};
    REQUIRE(first.start());
    auto same = on_loopback();
    same.port = first.local().port;
    net::dht_driver second{io, keys, same};
    CHECK(second.start().error().code == errc::io_failed);
    CHECK(second.system_error());
    CHECK(second.find(fresh().name(), {}).error().code == errc::io_failed);
    CHECK(second.publish(record_of(fresh(), 1)).error().code == errc::io_failed);
    net::dht_driver third{io, keys, {.addresses = {"nowhere"}}};
    CHECK(third.start().error().code == errc::io_failed);
}
