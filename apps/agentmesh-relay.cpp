// agentmesh-relay: the reference relay as a program.
#include "relay_command_line.hpp"

#include <agentmesh/identity/identity_file.hpp>
#include <agentmesh/net/presence_reporter.hpp>
#include <agentmesh/net/relay_server.hpp>
#include <agentmesh/relay/both_profiles.hpp>

#include <csignal>
#include <cstdio>

namespace {

namespace net = agentmesh::net;
using relay_server = net::basic_relay_server<agentmesh::relay::both_profiles<>>;

agentmesh::registry::availability status_of(agentmesh::wire::presence status) {
    using agentmesh::registry::availability;
    using agentmesh::wire::presence;
    switch (status) {
        case presence::online: return availability::online;
        case presence::away: return availability::away;
        case presence::dnd: return availability::dnd;
        case presence::offline: break;
    }
    return availability::offline;
}

/// Tells the registry of --registry who is connected.
class presence {
public:
    /// A sentence for the operator if it cannot be done.
    std::optional<std::string> start(asio::io_context& io, const relay_server& relay,
                                     const relay_command_line& chosen) {
        if (chosen.registry_url().empty()) return std::nullopt;
        const auto address = net::parse_http_url(chosen.registry_url());
        if (!address) return "--registry is no URL of http or https";
        agentmesh::crypto::system_random random;
        auto self = agentmesh::identity::open(chosen.registry_key(), random, net::system_clock{}.now().wall);
        if (!self) return "cannot use --registry-key: " + to_string(self.error());
        self_.emplace(*std::move(self));
        const net::tls_context* secure = nullptr;
#if AGENTMESH_TLS
        if (address->secure) {
            auto tls = net::tls_context::client(chosen.registry_trust());
            if (!tls) return "cannot use --registry-trust: " + to_string(tls.error());
            tls_.emplace(*std::move(tls));
            secure = &*tls_;
        }
#endif
        std::cout << "presence of " << self_->name().text() << " with key "
                  << agentmesh::identity::to_text(self_->signing().public_key()) << std::endl;
        reporter_.emplace(io, *address, *self_, look{&relay}, secure);
        reporter_->start();
        return std::nullopt;
    }
    void stop() {
        if (reporter_) reporter_->stop();
    }

private:
    struct look {
        const relay_server* relay;
        void operator()(std::map<agentmesh::amid, agentmesh::registry::availability>& there) const {
            relay->machine().visit_connected([&](const agentmesh::amid& who, agentmesh::wire::presence status) {
                there.emplace(who, status_of(status));
            });
        }
    };
    std::optional<agentmesh::local_identity> self_;
#if AGENTMESH_TLS
    std::optional<net::tls_context> tls_;
#endif
    std::optional<net::presence_reporter<look>> reporter_;
};

}  // namespace

int main(int argc, char** argv) {
    relay_command_line command_line;
    if (const auto done = command_line.parse(argc, argv)) return *done;
    std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of the write, not the end of the program

    auto options = command_line.options();
    options.log_sink = [](std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); };

    asio::io_context io{1};
    relay_server relay{io, options};
    if (!relay.start()) {
        std::cerr << "agentmesh-relay: " << relay.why() << '\n';
        return exit_code::failed;
    }

    presence told;
    if (const auto why = told.start(io, relay, command_line)) {
        std::cerr << "agentmesh-relay: " << *why << '\n';
        return exit_code::failed;
    }

    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](const std::error_code& failed, int) {
        if (failed) return;
        told.stop();
        relay.stop();
    });
    std::cout << "listening " << relay.url() << std::endl;
    io.run();
    return exit_code::stopped;
}
