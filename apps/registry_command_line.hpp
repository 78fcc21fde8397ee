// The command line of agentmesh-registry: flags and environment variables to options.
#pragma once

#include <agentmesh/net/dns_client.hpp>
#include <agentmesh/net/http_server_options.hpp>
#include <agentmesh/registry/service.hpp>
#include <agentmesh/version.hpp>

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>

/// What `agentmesh-registry` returns to its shell.
namespace exit_code {
inline constexpr int stopped = 0;  ///< told to stop, and did; also --help and --version
inline constexpr int failed = 1;   ///< could not start: port in use, certificate or database refused
inline constexpr int usage = 2;    ///< the command line or the environment is wrong
}  // namespace exit_code

struct registry_options {
    agentmesh::net::http_server_options server{};
    agentmesh::registry::service_options service{};
    std::string database{};  ///< empty: in memory
    agentmesh::net::name_servers names{};
    std::vector<std::string> login_files{};
    std::string ca_certificate_file{};
    std::string ca_key_file{};
    std::vector<std::string> trusted_files{};
    std::string withdrawn_file{};
};

class registry_command_line {
public:
    registry_command_line() {
        app_.set_version_flag("--version", "agentmesh-registry " + std::string{agentmesh::library_version} +
                                               ", specification " + std::string{agentmesh::spec_revision});
        app_.footer(
            "Every option that takes a value can also be given as environment variable: AGENTMESH_REGISTRY_ and the "
            "name "
            "in\n"
            "capitals, --body-bytes as AGENTMESH_REGISTRY_BODY_BYTES. The command line wins. A rate of 0 means no "
            "limit.\n"
            "\n"
            "Once connections are accepted, one line says where: listening http://127.0.0.1:8080\n"
            "GET /health and GET /metrics are answered on the same port. SIGTERM or SIGINT accepts no more, finishes "
            "the\n"
            "requests that are under way, and ends the program.\n"
            "\n"
            "Examples:\n"
            "  agentmesh-registry                                     on 127.0.0.1:8080, in memory, for tries\n"
            "  agentmesh-registry --port 0                            on any free port\n"
            "  agentmesh-registry --db registry.db --ca-cert root.pem --ca-key root.key --login acme.json\n"
            "                                                         that also vouches for who stands behind agents\n"
            "  agentmesh-registry --listen 0.0.0.0 --port 443 --name registry.example.org --db registry.db \\\n"
            "                     --tls-cert chain.pem --tls-key key.pem  for everybody\n"
            "\n"
            "Exit codes: 0 stopped when told to, 1 could not start, 2 wrong usage.");
        add_listening();
        add_vouching();
        add_times();
        add_limits();
    }

    /// Nothing if the registry is to run; the exit code if not, with what there is to say already said.
    [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::Success& done) {
            return app_.exit(done);
        } catch (const CLI::ParseError& wrong) {
            return complain(wrong.what());
        }
        if (options_.server.tls_chain_file.empty() != options_.server.tls_key_file.empty())
            return complain("--tls-cert and --tls-key belong together: give both or neither");
        if (options_.ca_certificate_file.empty() != options_.ca_key_file.empty())
            return complain("--ca-cert and --ca-key belong together: give both or neither");
        if (options_.names.empty()) options_.names = agentmesh::net::read_name_servers("/etc/resolv.conf");
        return std::nullopt;
    }

    [[nodiscard]] const registry_options& options() const noexcept { return options_; }

private:
    static int complain(const std::string& what) {
        std::cerr << "agentmesh-registry: " << what << "; see agentmesh-registry --help\n";
        return exit_code::usage;
    }

    /// `--body-bytes`, and AGENTMESH_REGISTRY_BODY_BYTES.
    template <class T>
    CLI::Option* value(const std::string& name, T& target, const std::string& help) {
        return named(app_.add_option("--" + name, target, help)->capture_default_str(), name);
    }
    void milliseconds(const std::string& name, agentmesh::duration& target, const std::string& help) {
        const auto read = [&target](const std::int64_t& ms) { target = std::chrono::milliseconds{ms}; };
        const auto shown = std::chrono::duration_cast<std::chrono::milliseconds>(target).count();
        named(app_.add_option_function<std::int64_t>("--" + name, read, help), name)
            ->default_str(std::to_string(shown))
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000} * 3600 * 24));
    }
    static CLI::Option* named(CLI::Option* option, std::string name) {
        for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return option->envname("AGENTMESH_REGISTRY_" + name);
    }

    void add_listening() {
        auto& server = options_.server;
        value("listen", server.address, "numeric address to listen on")->type_name("ADDRESS");
        value("port", server.port, "port to listen on; 0 for any free one");
        value("tls-cert", server.tls_chain_file,
              "PEM file with the certificate chain; the registry then speaks TLS only")
            ->type_name("FILE");
        value("tls-key", server.tls_key_file, "PEM file with the private key")->type_name("FILE");
#if AGENTMESH_SQLITE || AGENTMESH_POSTGRES
        value("db", options_.database,
              "SQLite file, made if it is not there, or postgres://USER@HOST/DATABASE for many registries before one "
              "database; without it all is kept in memory")
            ->type_name("FILE|URL");
#endif
        value("name", options_.service.host, "what requests are signed for; by default the address and port")
            ->type_name("HOST:PORT");
        value("relay", options_.service.relay_endpoint, "relay of agents that name none")->type_name("URL");
        const auto read_sources = [this](const std::vector<std::string>& all) {
            options_.service.relays.clear();
            for (const auto& one : all) {
                const auto at = one.find('@');
                const auto key = agentmesh::identity::parse_signing_key(std::string_view{one}.substr(0, at));
                if (!key) throw CLI::ValidationError{"--presence-from", one + " does not begin with a signing key"};
                options_.service.relays.push_back({*key, at == one.npos ? std::string{} : one.substr(at + 1)});
            }
        };
        named(app_.add_option_function<std::vector<std::string>>(
                  "--presence-from", read_sources,
                  "signing key of a relay whose word on who is connected counts, as agentmesh-relay --registry prints "
                  "it;\nwith @URL only for agents that name this relay; may be given more than once"),
              "presence-from")
            ->type_name("KEY[@URL]");
        app_.add_flag("--local-endpoints", options_.service.local_endpoints,
                      "agents may name addresses of the local network: for tests and closed networks");
        app_.add_flag_callback(
            "--proofs-only", [this] { options_.service.signed_times = false; },
            "refuse changes signed as deployed agents do, which whoever saw one can send again");
        const auto read_level = [this](const std::string& name) {
            using agentmesh::net::log_level;
            options_.server.log = name == "off" ? log_level::off : name == "info" ? log_level::info : log_level::debug;
        };
        named(app_.add_option_function<std::string>("--log", read_level, "what to write to standard error"), "log")
            ->default_str("info")
            ->check(CLI::IsMember({"off", "info", "debug"}));
    }

    void add_vouching() {
        const auto read_server = [this](const std::vector<std::string>& all) {
            options_.names.clear();
            for (const auto& one : all) {
                const auto server = agentmesh::net::parse_name_server(one);
                if (!server) throw CLI::ValidationError{"--dns", one + " is not a numeric ADDRESS or ADDRESS:PORT"};
                options_.names.push_back(*server);
            }
        };
        named(app_.add_option_function<std::vector<std::string>>(
                  "--dns", read_server,
                  "name server that is asked whether an organization holds its domain; may be given more than once; "
                  "by default those of /etc/resolv.conf"),
              "dns")
            ->type_name("ADDRESS[:PORT]");
        value("login", options_.login_files,
              "JSON file that describes an OpenID provider, with its client_secret if it has one; may be given more "
              "than once")
            ->type_name("FILE");
        value("agents-per-login", options_.service.agents_per_login, "agents that one person may stand behind");
        value("ca-cert", options_.ca_certificate_file, "PEM file with a root; the registry then issues certificates")
            ->type_name("FILE");
        value("ca-key", options_.ca_key_file, "PEM file with its Ed25519 key, readable for its owner only")
            ->type_name("FILE");
        value("trust", options_.trusted_files,
              "PEM file with roots whose certificates set a tier; may be given more than once")
            ->type_name("FILE");
        value("revoked", options_.withdrawn_file,
              "file with the SHA-256 of certificates that are no longer good, one a line, read at each check; while it "
              "cannot be read, no certificate is believed")
            ->type_name("FILE");
    }

    void add_times() {
        auto& server = options_.server;
        milliseconds("head-timeout-ms", server.limits.head_time, "time for the head of a request");
        milliseconds("body-timeout-ms", server.limits.body_time, "time for its body");
        milliseconds("idle-timeout-ms", server.limits.idle_time, "time between requests of one connection");
        milliseconds("answer-timeout-ms", server.answer_time, "time for an answer, before 504 takes its place");
        milliseconds("write-timeout-ms", server.write_time, "time for a peer to take an answer");
        milliseconds("drain-ms", server.drain_time, "time for all connections to end after SIGTERM");
    }

    void add_limits() {
        auto& server = options_.server;
        auto& service = options_.service;
        value("max-connections", server.max_connections, "connections at most; further ones are answered 503");
        value("connections-per-address", server.connections_per_address,
              "of one address, of IPv6 one /64; further ones are answered 429; 0 for no limit");
        value("body-bytes", server.limits.body_bytes, "length of a request's body at most");
        value("requests-per-connection", server.limits.requests, "requests after which a connection ends")
            ->check(CLI::PositiveNumber);
        value("requests-per-minute", service.requests_per_minute, "requests of one address in a minute");
        value("registrations-per-minute", service.registrations_per_minute, "registrations of one address in a minute");
        value("fetches-per-minute", service.fetches_per_minute, "one-time prekeys of one agent handed out in a minute");
    }

    registry_options options_ = defaults();
    CLI::App app_{"Lets AgentMesh agents register, find each other and vouch for each other.\n", "agentmesh-registry"};

    static registry_options defaults() {
        registry_options out;
        out.server.port = 8080;
        out.server.log = agentmesh::net::log_level::info;
        return out;
    }
};
