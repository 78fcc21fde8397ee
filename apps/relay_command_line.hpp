// The command line of agentmesh-relay: flags and environment variables to options.
#pragma once

#include <agentmesh/net/relay_options.hpp>
#include <agentmesh/version.hpp>

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>

/// What `agentmesh-relay` returns to its shell.
namespace exit_code {
inline constexpr int stopped = 0;  ///< told to stop, and did; also --help and --version
inline constexpr int failed = 1;   ///< could not start: port in use, certificate refused
inline constexpr int usage = 2;    ///< the command line or the environment is wrong
}  // namespace exit_code

class relay_command_line {
public:
    relay_command_line() {
        app_.set_version_flag("--version", "agentmesh-relay " + std::string{agentmesh::library_version} +
                                               ", specification " + std::string{agentmesh::spec_revision});
        app_.footer(
            "Every option that takes a value can also be given as environment variable: AGENTMESH_RELAY_ and the name "
            "in\n"
            "capitals, --queue-bytes as AGENTMESH_RELAY_QUEUE_BYTES. The command line wins. A rate of 0 means no "
            "limit.\n"
            "\n"
            "Once connections are accepted, one line says where: listening ws://127.0.0.1:8765/\n"
            "GET /health and GET /metrics are answered on the same port. SIGTERM or SIGINT closes every connection "
            "with\n"
            "code 1001 and ends the program.\n"
            "\n"
            "Examples:\n"
            "  agentmesh-relay                                        on 127.0.0.1:8765, for agents on this machine\n"
            "  agentmesh-relay --port 0                               on any free port\n"
            "  agentmesh-relay --registry http://127.0.0.1:8080 --registry-key relay.keys   and tell who is there\n"
            "  agentmesh-relay --listen 0.0.0.0 --port 443 --name relay.example.org \\\n"
            "                  --tls-cert chain.pem --tls-key key.pem  for everybody\n"
            "\n"
            "Exit codes: 0 stopped when told to, 1 could not start, 2 wrong usage.");
        add_listening();
        add_times();
        add_limits();
        add_features();
        value("registry", registry_url_, "registry to tell who is connected")->type_name("URL");
        value("registry-key", registry_key_,
              "identity file whose key signs what it is told, made if it is not there; the registry's operator names\n"
              "this key with agentmesh-registry --presence-from")
            ->type_name("FILE");
        value("registry-trust", registry_trust_, "PEM file of roots to trust for --registry https://; by default the system's")
            ->type_name("FILE");
    }

    /// Nothing if the relay is to run; the exit code if not, with what there is to say already said.
    [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::Success& done) {
            return app_.exit(done);
        } catch (const CLI::ParseError& wrong) {
            return complain(wrong.what());
        }
        if (options_.tls_chain_file.empty() != options_.tls_key_file.empty())
            return complain("--tls-cert and --tls-key belong together: give both or neither");
        if (registry_url_.empty() != registry_key_.empty())
            return complain("--registry and --registry-key belong together: give both or neither");
        if (options_.relay.pong_grace >= options_.relay.ping_interval)
            return complain("--pong-grace-ms must be shorter than --ping-interval-ms");
        return std::nullopt;
    }

    [[nodiscard]] const agentmesh::net::relay_server_options& options() const noexcept { return options_; }
    /// Of the registry that is told who is connected; empty.
    [[nodiscard]] const std::string& registry_url() const noexcept { return registry_url_; }
    [[nodiscard]] const std::string& registry_key() const noexcept { return registry_key_; }
    [[nodiscard]] const std::string& registry_trust() const noexcept { return registry_trust_; }

private:
    static int complain(const std::string& what) {
        std::cerr << "agentmesh-relay: " << what << "; see agentmesh-relay --help\n";
        return exit_code::usage;
    }

    /// `--queue-bytes`, and AGENTMESH_RELAY_QUEUE_BYTES.
    template <class T>
    CLI::Option* value(const std::string& name, T& target, const std::string& help) {
        return named(app_.add_option("--" + name, target, help)->capture_default_str(), name);
    }
    CLI::Option* milliseconds(const std::string& name, agentmesh::duration& target, const std::string& help) {
        const auto read = [&target](const std::int64_t& ms) { target = std::chrono::milliseconds{ms}; };
        const auto shown = std::chrono::duration_cast<std::chrono::milliseconds>(target).count();
        return named(app_.add_option_function<std::int64_t>("--" + name, read, help), name)
            ->default_str(std::to_string(shown))
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000} * 3600 * 24 * 365));
    }
    static CLI::Option* named(CLI::Option* option, std::string name) {
        for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return option->envname("AGENTMESH_RELAY_" + name);
    }

    void add_listening() {
        value("listen", options_.address, "numeric address to listen on")->type_name("ADDRESS");
        value("port", options_.port, "port to listen on; 0 for any free one");
        value("tls-cert", options_.tls_chain_file,
              "PEM file with the certificate chain; the relay then speaks TLS only")
            ->type_name("FILE");
        value("tls-key", options_.tls_key_file, "PEM file with the private key")->type_name("FILE");
        value("name", options_.relay.name, "what challenge proofs are bound to; by default the address and port")
            ->type_name("HOST:PORT");
        value("origin", options_.origins, "web origin whose pages may connect, such as https://example.org; repeatable")
            ->delimiter(',')
            ->type_name("ORIGIN");
        value("max-connections", options_.max_connections, "connections at most; further ones are answered 503");
        const auto read_level = [this](const std::string& name) {
            using agentmesh::net::log_level;
            options_.log = name == "off" ? log_level::off : name == "info" ? log_level::info : log_level::debug;
        };
        named(app_.add_option_function<std::string>("--log", read_level, "what to write to standard error"), "log")
            ->default_str("info")
            ->check(CLI::IsMember({"off", "info", "debug"}));
    }

    void add_times() {
        milliseconds("head-timeout-ms", options_.head_timeout, "time for the TLS handshake and the request head");
        milliseconds("handshake-timeout-ms", options_.relay.handshake_timeout, "time for CONNECT after the upgrade");
        milliseconds("ping-interval-ms", options_.relay.ping_interval, "time between two Pings");
        milliseconds("pong-grace-ms", options_.relay.pong_grace, "time for a Pong");
        milliseconds("close-grace-ms", options_.close_grace, "time for the answer to a Close, then for the end of TCP");
        milliseconds("drain-ms", options_.drain_timeout, "time for all connections to end after SIGTERM");
        milliseconds("message-ttl-ms", options_.relay.mailbox.lifetime, "life of a stored message");
    }

    void add_limits() {
        auto& relay = options_.relay;
        value("sends-per-minute", relay.sends_per_minute, "sends of one agent in a minute");
        value("knocks-per-minute", relay.knocks_per_minute, "KNOCKs and optimistic messages of one agent in a minute");
        value("frames-per-minute", relay.others_per_minute, "other frames of one agent in a minute, but for acks");
        value("pings-per-minute", relay.pings_per_minute, "WebSocket Pings of one connection in a minute");
        value("payload-bytes", relay.payload_bytes, "length of encrypted_payload at most");
        value("queue-bytes", options_.queue_bytes, "bytes waiting for one connection that reads slowly, at most")
            ->check(CLI::Range(std::size_t{512} * 1024, std::size_t{1} << 30));
        value("mailbox-per-recipient", relay.mailbox.per_recipient, "messages stored for one agent");
        value("mailbox-per-pair", relay.mailbox.per_pair, "messages stored of one sender for one agent");
        value("mailbox-per-sender", relay.mailbox.per_sender, "messages stored of one sender");
        value("mailbox-sender-bytes", relay.mailbox.per_sender_bytes, "bytes stored of one sender");
        value("mailbox-total-bytes", relay.mailbox.total_bytes, "bytes stored altogether");
    }

    void add_features() {
        named(app_.add_option_function<std::vector<std::string>>(
                      "--no-feature",
                      [this](const std::vector<std::string>& names) {
                          for (const auto& name : names) {
                              if (name == "receipts") options_.relay.receipts = false;
                              if (name == "challenge") options_.relay.challenge = false;
                          }
                      },
                      "feature not to offer: receipts or challenge; repeatable")
                  ->delimiter(',')
                  ->type_name("NAME")
                  ->check(CLI::IsMember({"receipts", "challenge"})),
              "no-feature");
        const auto read_mode = [this](const std::string& name) {
            using agentmesh::relay::wire10_mode;
            options_.relay.wire10 = name == "off"      ? wire10_mode::off
                                    : name == "proven" ? wire10_mode::proven
                                                       : wire10_mode::unproven;
        };
        named(app_.add_option_function<std::string>(
                      "--wire10", read_mode,
                      "AgentMesh Wire 1.0 on path /ws: off; proven, a CONNECT needs a proof of possession; unproven,\n"
                      "also without one, as clients up to 4.0.0 connect: anybody can then take any name there")
                  ->default_str("proven")
                  ->check(CLI::IsMember({"off", "proven", "unproven"})),
              "wire10");
        app_.add_flag("--accept-01", options_.relay.accept_01, "also accept CONNECT of agentmesh/0.1");
        app_.add_flag("--first-start", options_.relay.first_start,
                      "no relay ran under this name in the last six minutes: accept proofs older than the start");
    }

    agentmesh::net::relay_server_options options_ = defaults();
    std::string registry_url_, registry_key_, registry_trust_;
    CLI::App app_{"Relays messages between AgentMesh agents, and keeps them for those who are absent.\n",
                  "agentmesh-relay"};

    static agentmesh::net::relay_server_options defaults() {
        agentmesh::net::relay_server_options out;
        out.log = agentmesh::net::log_level::info;
        out.relay.wire10 = agentmesh::relay::wire10_mode::proven;
        return out;
    }
};
