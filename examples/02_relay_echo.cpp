// Two agents and a relay, over sockets of this machine: one asks, the other echoes.
//
// Prints:
//   bob is logged in, with 0 messages waiting
//   alice is logged in, with 0 messages waiting
//   bob got: two seats to Lisbon
//   alice got: two seats to Lisbon, again
//   bob left
//   alice left
//   the relay has stopped
#include <agentmesh/net/relay_client.hpp>
#include <agentmesh/net/relay_server.hpp>

#include <iostream>

using namespace agentmesh;

namespace {

void introduce(net::relay_client& agent, std::string name, std::function<void()> then) {
    agent.on_ready = [name, then](const wire::connected_frame& frame) {
        std::cout << name << " is logged in, with " << frame.pending_messages << " messages waiting\n";
        then();
    };
}

}  // namespace

int main() {
    asio::io_context io;
    net::relay_server_options options;
    options.port = 0;
    net::relay_server relay{io, options};
    if (!relay.start()) {
        std::cerr << relay.why() << '\n';
        return 1;
    }

    crypto::system_random random;
    const auto now = net::system_clock{}.now().wall;
    const auto alice_keys = local_identity::create(random, now).value();
    const auto bob_keys = local_identity::create(random, now).value();
    net::relay_client alice{io, alice_keys, {.url = relay.url()}};
    net::relay_client bob{io, bob_keys, {.url = relay.url()}};

    introduce(bob, "bob", [&] { (void)alice.start(); });
    introduce(alice, "alice", [&] { (void)alice.send(bob_keys.name(), "two seats to Lisbon"); });

    bob.on_message = [&](const wire::receive_frame& got) {
        std::cout << "bob got: " << got.payload << '\n';
        const auto sender = amid::parse(got.from).value();
        (void)bob.send(sender, std::string{got.payload} + ", again");
    };
    alice.on_message = [&](const wire::receive_frame& got) {
        std::cout << "alice got: " << got.payload << '\n';
        bob.disconnect();
    };
    bob.on_end = [&](const relay::client_end&) {
        std::cout << "bob left\n";
        alice.disconnect();
    };
    alice.on_end = [&](const relay::client_end&) {
        std::cout << "alice left\n";
        relay.stop();
    };

    (void)bob.start();
    io.run();
    std::cout << "the relay has stopped\n";
}
