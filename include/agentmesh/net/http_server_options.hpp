// What an operator chooses about an HTTP server, what it counts, and how that is told to Prometheus.
#pragma once

#include <agentmesh/http/server.hpp>
#include <agentmesh/net/acceptor.hpp>
#include <agentmesh/net/log.hpp>

#include <array>
#include <string>

namespace agentmesh::net {

struct http_server_options {
    /// Numeric address to listen on.
    std::string address = "127.0.0.1";
    /// 0 lets the system choose; `http_server::port` tells.
    std::uint16_t port = 0;
    /// PEM files; both or neither. With them the server speaks TLS and nothing else.
    std::string tls_chain_file{};
    std::string tls_key_file{};

    http::limits limits{};                            ///< of one connection: sizes, requests, times
    std::size_t max_connections = 10'000;             ///< further ones are answered 503
    std::size_t connections_per_address = 100;        ///< answered 429 above; 0 for no bound; IPv6: of one /64
    duration answer_time = std::chrono::seconds{30};  ///< for an answer that comes later, before 504 takes its place
    duration write_time = std::chrono::seconds{30};   ///< for the peer to take what was answered
    duration linger_time = std::chrono::seconds{2};   ///< after the last answer, for the peer's end of TCP
    std::size_t linger_bytes = 512 * 1024;            ///< read meanwhile and discarded, at most
    duration drain_time = std::chrono::seconds{5};    ///< after `stop`, until what is left is cut off

    log_level log = log_level::off;
    logger::sink log_sink{};
};

struct http_server_counters {
    std::array<std::uint64_t, 6> answers{};  ///< by the first digit of the status; those that a handler gave
    std::uint64_t refused_requests = 0;      ///< not HTTP, or over a limit; answered 4xx by the connection
    std::uint64_t refused_full = 0;          ///< connections over `max_connections`
    std::uint64_t refused_address = 0;       ///< connections over `connections_per_address`
    std::uint64_t slow_requests = 0;         ///< answered 408
    std::uint64_t slow_answers = 0;          ///< that came later, and not in time: answered 504
    std::uint64_t slow_readers = 0;          ///< dropped for not taking an answer in time
    std::uint64_t cut_off = 0;               ///< still busy when the time to drain was over
    std::uint64_t tls_failures = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
};

/// Everything countable about a server at one moment. Numbers only.
struct http_server_report {
    http_server_counters driver{};
    acceptor::counters accepting{};
    std::size_t connections = 0;  ///< sockets that are not closed
    duration uptime{};
    bool stopping = false;
};

/// Prometheus text format 0.0.4.
/// @param prefix  of every name, such as `agentmesh_registry_`
[[nodiscard]] inline std::string metrics_text(const http_server_report& seen, std::string_view prefix) {
    std::string out;
    const auto family = [&](std::string_view name, std::string_view type, std::string_view help) {
        out.append("# HELP ").append(prefix).append(name).append(" ").append(help).append("\n# TYPE ");
        out.append(prefix).append(name).append(" ").append(type).append("\n");
    };
    const auto sample = [&](std::string_view name, std::uint64_t value, std::string_view label = {}) {
        out.append(prefix).append(name).append(label).append(" ").append(std::to_string(value)).append("\n");
    };
    const auto counter = [&](std::string_view name, std::uint64_t value, std::string_view help) {
        family(name, "counter", help);
        sample(name, value);
    };
    const auto& d = seen.driver;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(seen.uptime).count();
    family("uptime_seconds", "gauge", "Seconds since the server began to listen.");
    sample("uptime_seconds", static_cast<std::uint64_t>(seconds));
    family("connections", "gauge", "Sockets that are not closed.");
    sample("connections", seen.connections);
    counter("accepted_total", seen.accepting.accepted, "Connections accepted.");
    family("refused_connections_total", "counter", "Connections ended before a request.");
    sample("refused_connections_total", d.refused_full, R"({reason="connection_limit"})");
    sample("refused_connections_total", d.refused_address, R"({reason="address_limit"})");
    sample("refused_connections_total", seen.accepting.refused_no_descriptor, R"({reason="no_descriptor"})");
    sample("refused_connections_total", d.tls_failures, R"({reason="tls"})");
    family("answers_total", "counter", "Requests answered, by the class of their status.");
    for (std::size_t digit = 2; digit < d.answers.size(); ++digit)
        sample("answers_total", d.answers[digit], R"({status=")" + std::to_string(digit) + R"(xx"})");
    counter("refused_requests_total", d.refused_requests, "Requests that were not HTTP, or over a limit.");
    counter("slow_requests_total", d.slow_requests, "Requests that were not complete in time.");
    counter("slow_answers_total", d.slow_answers, "Answers that were not ready in time.");
    counter("slow_readers_total", d.slow_readers, "Connections dropped for not taking an answer in time.");
    counter("accept_rests_total", seen.accepting.rests, "Times accepting paused for want of descriptors.");
    counter("received_bytes_total", d.bytes_received, "Bytes read from sockets.");
    counter("sent_bytes_total", d.bytes_sent, "Bytes written to sockets.");
    return out;
}

}  // namespace agentmesh::net
