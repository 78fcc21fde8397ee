// TXT records over UDP and TCP: registry::text_lookup decides, this has the sockets.
//
//     net::dns_client names{io, *net::read_name_servers("/etc/resolv.conf")};
//     names.ask("_agentmesh.acme.example", [](const result<std::vector<std::string>>& texts) { ... });
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/net/asio.hpp>
#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/registry/dns.hpp>

#include <asio/ip/udp.hpp>

#include <functional>
#include <memory>
#include <set>

namespace agentmesh::net {

using name_servers = std::vector<asio::ip::udp::endpoint>;

/// `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`; port 53 if left out.
/// @errors wrong_member
[[nodiscard]] result<asio::ip::udp::endpoint> parse_name_server(std::string_view text);
/// The servers of a resolv.conf, three at most; none if there is no such file.
[[nodiscard]] name_servers read_name_servers(const std::string& file);

/// Lives on one io_context that one thread runs. May be destroyed at any time outside its handlers: what is not
/// answered by then is not answered.
class dns_client {
public:
    using answered = std::function<void(const result<std::vector<std::string>>&)>;
    static constexpr std::size_t at_once = 64;

    dns_client(asio::io_context& io, name_servers servers) : io_{io}, servers_{std::move(servers)} {}
    ~dns_client() { stop(); }
    dns_client(const dns_client&) = delete;
    dns_client& operator=(const dns_client&) = delete;

    /// Asks, with a socket and so a port of its own for each try. `done` is called once, never from within.
    void ask(std::string name, answered done);
    /// Answers what is open with an error, and leaves nothing on the io_context.
    void stop();

private:
    class lookup;

    asio::io_context& io_;
    name_servers servers_;
    std::set<std::shared_ptr<lookup>> open_;
};

}  // namespace agentmesh::net

#include <agentmesh/net/dns_client.ipp>
