#include "apps/agentmesh/node.hpp"

#include <asio/signal_set.hpp>

using namespace agentmesh;

namespace {

bool all_local(std::span<const dht::endpoint> nodes) {
    return !nodes.empty() &&
           std::none_of(nodes.begin(), nodes.end(), [](const auto& at) { return dht::is_global(at); });
}

}  // namespace

std::optional<std::vector<dht::endpoint>> first_nodes(const settings& with) {
    std::vector<dht::endpoint> out;
    for (std::size_t at = 0; at < with.dht.size();) {
        const auto end = std::min(with.dht.find(',', at), with.dht.size());
        const auto text = std::string_view{with.dht}.substr(at, end - at);
        const auto node = net::parse_endpoint(text);
        if (!node) {
            complain("--dht: " + printable(text) + " is no address and port, as in 203.0.113.5:8468 or [2a01::1]:8468");
            return std::nullopt;
        }
        out.push_back(*node);
        at = end + 1;
    }
    return out;
}

net::dht_driver_options asking_only(std::vector<dht::endpoint> first) {
    net::dht_driver_options out{.addresses = {}, .port = 0};
    const auto any = [&](bool v6) {
        return std::any_of(first.begin(), first.end(), [&](const auto& at) { return at.v6 == v6; });
    };
    if (any(false)) out.addresses.emplace_back("0.0.0.0");
    if (any(true)) out.addresses.emplace_back("::");
    out.node.passive = true;
    out.node.local_network = all_local(first);
    out.bootstrap = std::move(first);
    return out;
}

int run_node(const settings& with, const node_question& asked) {
    const auto first = first_nodes(with);
    if (!first) return exit_code::usage;
    net::dht_driver_options chosen{.addresses = asked.addresses, .port = asked.port, .bootstrap = *first};
    std::vector<dht::endpoint> own;
    for (const auto& text : asked.addresses) {
        std::error_code wrong;
        const auto address = asio::ip::make_address(text, wrong);
        if (wrong) {
            complain("--listen: " + printable(text) + " is no address, as in 0.0.0.0 or ::");
            return exit_code::usage;
        }
        if (!address.is_unspecified()) own.push_back(net::to_endpoint({address, 1}));
    }
    // A node that is bound to an address of the local network serves that network.
    chosen.node.local_network = all_local(*first) || (first->empty() && all_local(own));

    asio::io_context io{1};
    crypto::system_random random;
    const auto keys = dht::node_key_pair::generate(random);
    if (!keys) return complain(keys.error(), with);
    net::dht_driver node{io, *keys, chosen};
    if (const auto up = node.start(); !up) {
        complain("no node at port " + std::to_string(asked.port) + ": " +
                 (node.system_error() ? node.system_error().message() : to_string(up.error())));
        return exit_code::refused;
    }
    std::vector<std::string> places;
    for (const bool v6 : {false, true})
        if (const auto at = node.local(v6); at.port != 0) places.push_back(net::to_text(at));
    if (with.json) {
        report::line("node", [&](json::writer& to) {
            to.name("addresses").begin_array();
            for (const auto& one : places) to.value(one);
            to.end_array().member("local_network", chosen.node.local_network);
        });
    } else {
        for (const auto& one : places) report::print("listening " + one);
    }
    asio::signal_set signals{io, SIGINT, SIGTERM};
    net::steady_timer limit{io};
    const auto stop = [&] {
        node.stop();
        limit.cancel();
        signals.cancel();
    };
    signals.async_wait([&](const std::error_code& cancelled, int) {
        if (!cancelled) stop();
    });
    if (asked.seconds > 0) {
        limit.expires_after(std::chrono::seconds{asked.seconds});
        limit.async_wait([&](const std::error_code& cancelled) {
            if (!cancelled) stop();
        });
    }
    io.run();
    return exit_code::done;
}
