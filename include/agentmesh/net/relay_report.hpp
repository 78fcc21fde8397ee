// What a relay tells its operator over plain HTTP: /health for a load balancer, /metrics for Prometheus.
#pragma once

#include <agentmesh/core/limits.hpp>
#include <agentmesh/net/acceptor.hpp>
#include <agentmesh/net/relay_counters.hpp>
#include <agentmesh/relay/options.hpp>
#include <agentmesh/version.hpp>

#include <string>

namespace agentmesh::net {

/// Everything countable about a relay at one moment. Numbers only: no AMID, no address.
struct relay_report {
    relay::metrics machine{};
    relay_server_counters driver{};
    acceptor::counters accepting{};
    std::size_t connections = 0;  ///< sockets that are not closed
    duration uptime{};
    bool stopping = false;
};

/// `{"status":"ok","version":"...","connections":2,"agents_online":1,"uptime_seconds":12}`
/// @spec AM-RLY-077
[[nodiscard]] inline std::string health_json(const relay_report& seen) {
    std::string out = R"({"status":")";
    out.append(seen.stopping ? "stopping" : "ok").append(R"(","version":")").append(library_version);
    out.append(R"(","connections":)").append(std::to_string(seen.connections));
    out.append(R"(,"agents_online":)").append(std::to_string(seen.machine.agents));
    out.append(R"(,"uptime_seconds":)");
    out.append(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(seen.uptime).count())).append("}\n");
    return out;
}

/// Prometheus text format 0.0.4.
/// @spec AM-PRV-002
[[nodiscard]] inline std::string metrics_text(const relay_report& seen) {
    std::string out;
    const auto family = [&](std::string_view name, std::string_view type, std::string_view help) {
        out.append("# HELP agentmesh_relay_").append(name).append(" ").append(help).append("\n# TYPE agentmesh_relay_");
        out.append(name).append(" ").append(type).append("\n");
    };
    const auto sample = [&](std::string_view name, std::uint64_t value, std::string_view label = {}) {
        out.append("agentmesh_relay_")
            .append(name)
            .append(label)
            .append(" ")
            .append(std::to_string(value))
            .append("\n");
    };
    const auto counter = [&](std::string_view name, std::uint64_t value, std::string_view help) {
        family(name, "counter", help);
        sample(name, value);
    };
    const auto gauge = [&](std::string_view name, std::uint64_t value, std::string_view help) {
        family(name, "gauge", help);
        sample(name, value);
    };

    const auto& m = seen.machine;
    const auto& d = seen.driver;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(seen.uptime).count();
    gauge("uptime_seconds", static_cast<std::uint64_t>(seconds), "Seconds since the relay began to listen.");
    gauge("connections", seen.connections, "Sockets that are not closed.");
    gauge("agents", m.agents, "Agents that are logged in.");
    counter("accepted_total", seen.accepting.accepted, "Connections accepted.");
    family("refused_connections_total", "counter", "Connections ended before the upgrade.");
    sample("refused_connections_total", d.refused_full, R"({reason="connection_limit"})");
    sample("refused_connections_total", seen.accepting.refused_no_descriptor, R"({reason="no_descriptor"})");
    sample("refused_connections_total", d.refused_upgrades, R"({reason="bad_request"})");
    sample("refused_connections_total", d.head_timeouts, R"({reason="head_timeout"})");
    sample("refused_connections_total", d.tls_failures, R"({reason="tls"})");
    counter("accept_rests_total", seen.accepting.rests, "Times accepting paused for want of descriptors.");
    counter("plain_requests_total", d.plain_requests, "Requests of /health and /metrics.");
    counter("protocol_failures_total", d.protocol_failures, "Connections failed for breaking RFC 6455 or its limits.");
    counter("close_timeouts_total", d.close_timeouts, "Peers that did not answer a Close in time.");
    counter("flooded_after_close_total", d.flooded_after_close, "Peers dropped for what they sent after the Close.");
    counter("received_bytes_total", d.bytes_received, "Bytes read from sockets.");
    counter("sent_bytes_total", d.bytes_sent, "Bytes written to sockets.");
    counter("writes_total", d.writes, "System calls that wrote bytes.");
    counter("logins_total", m.logins, "CONNECTs accepted.");
    counter("logins_refused_total", m.logins_refused, "CONNECTs refused.");
    counter("sessions_replaced_total", m.sessions_replaced, "Connections closed because the agent logged in again.");
    counter("frames_total", m.frames, "Messages received from logged-in agents.");
    counter("errors_total", m.errors, "Error frames sent.");
    counter("rate_limited_total", m.rate_limited, "Error frames with RATE_LIMITED.");
    counter("delivered_total", m.delivered, "Messages queued to their recipient.");
    counter("stored_total", m.stored, "Messages put into the store.");
    counter("store_full_total", m.refused_full, "Messages refused for want of room in the store.");
    counter("confirmed_total", m.confirmed, "Stored messages confirmed by their recipient.");
    counter("expired_total", m.expired, "Stored messages dropped for their age.");
    counter("duplicates_total", m.duplicates, "Sends recognised by their id as repeated.");
    counter("evicted_total", m.evicted, "Connections closed by the relay for what they did or failed to do.");
    return out;
}

}  // namespace agentmesh::net
