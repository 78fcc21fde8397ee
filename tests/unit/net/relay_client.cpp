#include <agentmesh/net/relay_client.hpp>
#include <agentmesh/net/relay_server.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/net/certificate.hpp"

#include <atomic>
#include <thread>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

net::relay_server_options any_port() {
    net::relay_server_options out;
    out.port = 0;
    return out;
}

local_identity fresh() {
    crypto::system_random random;
    return local_identity::create(random, net::system_clock{}.now().wall).value();
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

TEST_CASE("a WebSocket URL is read into its parts, or refused", "[unit][net]") {
    const auto plain = net::parse_ws_url("ws://relay.example:8765/a/b?c").value();
    CHECK_FALSE(plain.secure);
    CHECK(plain.authority() == "relay.example:8765");
    CHECK(plain.target == "/a/b?c");
    const auto secure = net::parse_ws_url("wss://[::1]").value();
    CHECK(secure.secure);
    CHECK(secure.host == "::1");
    CHECK(secure.authority() == "[::1]:443");
    CHECK(secure.target == "/");
    CHECK(net::parse_ws_url("ws://h")->port == 80);
    CHECK(net::parse_ws_url("ws://h?q")->target == "/?q");
    for (const auto* wrong : {"", "http://h/", "ws://", "ws://:80/", "ws://h:0/", "ws://h:65536/", "ws://h:8x/",
                              "ws://[::1", "ws://[h]/", "ws://[::1]80/", "ws://user@h/", "ws://h/#part"}) {
        CAPTURE(wrong);
        CHECK_FALSE(net::parse_ws_url(wrong));
    }
}

TEST_CASE("two clients exchange messages with receipts, over TCP and over TLS", "[unit][net]") {
    const test_certificate certificate;
    const bool secure = GENERATE(false, true);
    auto options = any_port();
    if (secure) {
        options.tls_chain_file = certificate.chain_file();
        options.tls_key_file = certificate.key_file();
    }
    asio::io_context io;
    net::relay_server relay{io, options};
    REQUIRE(relay.start());
    const auto alice_keys = fresh(), bob_keys = fresh();
    net::relay_client alice{io, alice_keys, {.url = relay.url(), .trusted_file = certificate.chain_file()}};
    net::relay_client bob{io, bob_keys, {.url = relay.url(), .trusted_file = certificate.chain_file()}};
    std::vector<std::string> got, accepted;
    bob.on_message = [&](const wire::receive_frame& frame) {
        CHECK(frame.from == alice_keys.name().text());
        got.emplace_back(frame.payload);
    };
    alice.on_answer = [&](const wire::relay_frame& frame) {
        if (const auto* one = std::get_if<wire::accepted_frame>(&frame)) accepted.emplace_back(one->id);
    };
    REQUIRE(alice.start());
    REQUIRE(bob.start());
    run_until(io, [&] { return alice.is_ready() && bob.is_ready(); });
    std::vector<std::string> ids;
    for (int i = 0; i < 10; ++i)
        ids.push_back(alice.send(bob_keys.name(), std::string(5000, 'a') + std::to_string(i)).value());
    run_until(io, [&] { return got.size() == 10 && accepted.size() == 10; });
    for (std::size_t i = 0; i < 10; ++i) CHECK(got[i] == std::string(5000, 'a') + std::to_string(i));
    CHECK(accepted == ids);
    alice.disconnect();
    bob.disconnect();
    run_until(io, [&] { return relay.report().connections == 0; });
    relay.stop();
    io.restart();
    io.run();
}

TEST_CASE("a client that was replaced stays away, one whose relay was restarted comes back",
          "[unit][net][AM-AUT-031][AM-AUT-033]") {
    asio::io_context io;
    const auto keys = fresh();
    auto options = any_port();
    std::optional<net::relay_server> relay;
    relay.emplace(io, options);
    REQUIRE(relay->start());
    relay::client_options quick;
    quick.first_delay = 1ms;
    quick.longest_delay = 10ms;
    quick.relay_name = "relay.example";
    options.port = relay->port();

    // Without a challenge name in common, so that the restart needs no new one.
    quick.challenge = false;
    net::relay_client first{io, keys, {.url = relay->url(), .relay = quick}};
    std::vector<relay::client_end> ends;
    first.on_end = [&](const relay::client_end& end) { ends.push_back(end); };
    REQUIRE(first.start());
    run_until(io, [&] { return first.is_ready(); });

    relay->stop();
    run_until(io, [&] { return relay->report().connections == 0 && !ends.empty(); });
    CHECK(ends.front().dial_again_in.has_value());
    relay.emplace(io, options);
    REQUIRE(relay->start());
    run_until(io, [&] { return first.is_ready(); });

    ends.clear();
    net::relay_client second{io, keys, {.url = relay->url(), .relay = quick}};
    REQUIRE(second.start());
    run_until(io, [&] { return !ends.empty(); });
    CHECK(ends.front().why.code == errc::session_replaced);
    CHECK_FALSE(ends.front().dial_again_in.has_value());
    run_until(io, [&] { return second.is_ready(); });
    second.disconnect();
    run_until(io, [&] { return relay->report().connections == 0; });
    relay->stop();
    io.restart();
    io.run();
}

TEST_CASE("a client that finds no relay, or no WebSocket, says so", "[unit][net]") {
    asio::io_context io;
    const auto keys = fresh();
    net::acceptor closed{io};
    REQUIRE(closed.open("127.0.0.1", 0));
    const auto port = closed.port();
    closed.stop();  // now nobody listens there
    net::relay_client lonely{io, keys, {.url = "ws://127.0.0.1:" + std::to_string(port), .dial_again = false}};
    int ends = 0;
    lonely.on_end = [&](const relay::client_end& end) {
        ++ends;
        CHECK(end.why.code == errc::ws_closed);
    };
    REQUIRE(lonely.start());
    io.run();
    CHECK(ends == 1);
    CHECK_FALSE(lonely.say("{}"));
    net::relay_client wrong{io, keys, {.url = "http://127.0.0.1/"}};
    CHECK_FALSE(wrong.start());
}

TEST_CASE("a socket may be destroyed at any moment", "[unit][net]") {
    asio::io_context io;
    net::relay_server relay{io, any_port()};
    REQUIRE(relay.start());
    for (int steps = 0; steps < 12; ++steps) {
        net::ws_socket socket{io, {.closed = [](std::uint16_t, const error&) { FAIL("nobody is there to be told"); }}};
        socket.open(net::parse_ws_url(relay.url()).value());
        for (int i = 0; i < steps; ++i) io.poll_one();
    }
    run_until(io, [&] { return relay.report().connections == 0; });
    relay.stop();
    io.restart();
    io.run();
}

TEST_CASE("relays on threads of their own share nothing", "[unit][net]") {
    std::atomic<int> delivered = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&delivered] {
            asio::io_context io;
            net::relay_server relay{io, any_port()};
            if (!relay.start()) return;
            const auto alice_keys = fresh(), bob_keys = fresh();
            net::relay_client alice{io, alice_keys, {.url = relay.url()}};
            net::relay_client bob{io, bob_keys, {.url = relay.url()}};
            bob.on_ready = [&](const wire::connected_frame&) { (void)alice.start(); };
            alice.on_ready = [&](const wire::connected_frame&) { (void)alice.send(bob_keys.name(), "hello"); };
            bob.on_message = [&](const wire::receive_frame&) {
                ++delivered;
                alice.disconnect();
                bob.disconnect();
                relay.stop();
            };
            if (bob.start()) io.run_for(20s);
        });
    }
    for (auto& one : threads) one.join();
    CHECK(delivered == 4);
}
