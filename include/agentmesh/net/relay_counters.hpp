// What the relay's driver counts; the machine counts the rest, in relay::metrics.
#pragma once

#include <cstdint>

namespace agentmesh::net {

struct relay_server_counters {
    std::uint64_t refused_full = 0;      ///< answered 503 at the connection limit
    std::uint64_t refused_upgrades = 0;  ///< answered 4xx
    std::uint64_t plain_requests = 0;    ///< /health and /metrics
    std::uint64_t head_timeouts = 0;
    std::uint64_t close_timeouts = 0;       ///< the peer did not answer our Close, or did not read it
    std::uint64_t flooded_after_close = 0;  ///< dropped for what the peer sent after our Close
    std::uint64_t protocol_failures = 0;  ///< RFC 6455 broken by the peer
    std::uint64_t tls_failures = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t writes = 0;  ///< system calls that sent something
};

}  // namespace agentmesh::net
