// An agent on the local network that only says who it is and tells whom it sees, line by line, for a test that holds it
// against other software:
//
//     lan_neighbour ADDRESS PORT      "announced <AMID> <record>", "spare <AMID> <record>", then as things happen
//                                     "appeared <AMID> <address:port>..." and "gone <AMID>"; SIGTERM takes it back
//
// The spare record is good too, of another agent, for others to announce.
#include <agentmesh/net/lan_driver.hpp>

#include <asio/signal_set.hpp>

#include <iostream>

using namespace agentmesh;

namespace {

void say(std::string text) { std::cout << (text += '\n') << std::flush; }

result<dht::discovery_record> someone(crypto::system_random& random) {
    const auto now = net::system_clock{}.now().wall;
    AGENTMESH_TRY(self, local_identity::create(random, now));
    return dht::discovery_record::make(self, 0, 1, now, "wss://relay.example/");
}

std::string described(const dht::discovery_record& who) {
    return std::string{who.name().text()} + ' ' + to_base64(who.bytes(), base64_form::url_unpadded);
}

result<void> run(const std::string& address, std::uint16_t port) {
    asio::io_context io;
    crypto::system_random random;
    AGENTMESH_TRY(own, someone(random));
    AGENTMESH_TRY(spare, someone(random));
    net::lan_driver lan{io, {.interface = address}};
    lan.on_appeared = [&](const dht::discovery_record& who, std::span<const dht::endpoint> at) {
        std::string text = "appeared " + std::string{who.name().text()};
        for (const auto& one : at) text += ' ' + net::to_text(one);
        say(std::move(text));
    };
    lan.on_gone = [](const amid& who) { say("gone " + std::string{who.text()}); };
    AGENTMESH_CHECK(lan.start());
    lan.browse();
    AGENTMESH_CHECK(lan.announce(own, port));
    say("announced " + described(own));
    say("spare " + described(spare));
    asio::signal_set end{io, SIGTERM, SIGINT};
    end.async_wait([&](const std::error_code&, int) { lan.stop(); });
    io.run();
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const auto done = run(argv[1], static_cast<std::uint16_t>(std::stoul(argv[2])));
    if (!done) std::cerr << "lan_neighbour: " << to_string(done.error()) << '\n';
    return done ? 0 : 1;
}
