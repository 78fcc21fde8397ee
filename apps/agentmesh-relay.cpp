// agentmesh-relay: the reference relay as a program.
#include "relay_command_line.hpp"

#include <agentmesh/net/relay_server.hpp>
#include <agentmesh/relay/both_profiles.hpp>

#include <csignal>
#include <cstdio>

int main(int argc, char** argv) {
    namespace net = agentmesh::net;

    relay_command_line command_line;
    if (const auto done = command_line.parse(argc, argv)) return *done;
    std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of the write, not the end of the program

    auto options = command_line.options();
    options.log_sink = [](std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); };

    asio::io_context io{1};
    net::basic_relay_server<agentmesh::relay::both_profiles<>> relay{io, options};
    if (!relay.start()) {
        std::cerr << "agentmesh-relay: " << relay.why() << '\n';
        return exit_code::failed;
    }

    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](const std::error_code& failed, int) {
        if (!failed) relay.stop();
    });
    std::cout << "listening " << relay.url() << std::endl;
    io.run();
    return exit_code::stopped;
}
