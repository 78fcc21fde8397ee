// What an operator chooses about a relay, with the defaults of SPEC.md.
#pragma once

#include <agentmesh/net/log.hpp>
#include <agentmesh/relay/server.hpp>

#include <string>
#include <vector>

namespace agentmesh::net {

struct relay_server_options {
    /// Numeric address to listen on.
    std::string address = "127.0.0.1";
    /// 0 lets the system choose; `relay_server::port` tells.
    std::uint16_t port = 8765;
    /// PEM files; both or neither. With them the relay speaks TLS and nothing else.
    std::string tls_chain_file{};
    std::string tls_key_file{};

    /// The machine's: limits, features, name. An empty name becomes `host:port` once the port is known.
    relay::options relay{};
    /// Web pages that may connect. Requests without an Origin are not judged by it.
    std::vector<std::string> origins{};

    duration head_timeout = std::chrono::seconds{10};  ///< AM-WSK-013, TLS handshake included
    /// Wait for the peer's Close, then for the peer's end of TCP; after `stop` only for the former.
    duration close_grace = std::chrono::seconds{2};
    duration drain_timeout = std::chrono::seconds{5};  ///< after `stop`, until what is left is cut off
    std::size_t max_connections = 50'000;              ///< further ones are answered 503
    /// Bytes waiting for one connection at most, or one message if that is larger. What does not fit is the machine's to
    /// store or to refuse.
    std::size_t queue_bytes = 1024 * 1024;
    /// Buffer of each socket for what the peer has not taken yet, 0 for the system's own choice. That grows to megabytes
    /// for a reader that stops, all of them live messages that would reach nobody; 256 KiB is four messages of full
    /// size, and carries 2.5 MB a second to a peer that is 100 ms away.
    std::size_t send_buffer_bytes = 256 * 1024;
    /// What is read from a peer after our Close, only to be discarded, before the connection is dropped. An honest peer
    /// had a message or two under way when the Close met it.
    std::size_t discard_bytes = 512 * 1024;

    log_level log = log_level::off;
    logger::sink log_sink{};
};

}  // namespace agentmesh::net
