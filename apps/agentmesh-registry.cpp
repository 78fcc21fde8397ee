// agentmesh-registry: the reference registry as a program.
#include "registry_command_line.hpp"
#if AGENTMESH_TLS
#include "registry_vouching.hpp"
#endif

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/net/registry_driver.hpp>
#if AGENTMESH_POSTGRES
#include <agentmesh/registry/postgres_store.hpp>
#endif
#if AGENTMESH_SQLITE
#include <agentmesh/registry/sqlite_store.hpp>
#endif

#include <csignal>
#include <cstdio>
#include <functional>

namespace {

namespace http = agentmesh::http;
namespace net = agentmesh::net;

/// `{"status":"ok","version":"...","connections":2,"uptime_seconds":12}`
std::string health_json(const net::http_server_report& seen) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(seen.uptime).count();
    std::string out = R"({"status":")";
    out.append(seen.stopping ? "stopping" : "ok").append(R"(","version":")").append(agentmesh::library_version);
    out.append(R"(","connections":)").append(std::to_string(seen.connections));
    out.append(R"(,"uptime_seconds":)").append(std::to_string(seconds)).append("}\n");
    return out;
}

/// What is asked by balancers and Prometheus, which know nothing of agents.
std::optional<http::response> operator_page(const http::request& asked, const net::http_server_report& seen) {
    if (asked.path != "/health" && asked.path != "/metrics") return std::nullopt;
    if (asked.method != "GET" && asked.method != "HEAD") {
        auto out = http::response::json(405, R"({"error":"only GET and HEAD are answered here"})");
        out.fields.add("Allow", "GET, HEAD");
        return out;
    }
    if (asked.path == "/health") return http::response::json(200, health_json(seen));
    return http::response{.fields = {{"Content-Type", "text/plain; version=0.0.4"}},
                          .body = metrics_text(seen, "agentmesh_registry_")};
}

/// Runs until told to stop.
template <class Store>
int run(registry_options options, Store store) {
    using handler = std::function<std::optional<http::response>(http::request&&, const std::string&,
                                                                const agentmesh::moment&, net::http_reply)>;
    asio::io_context io{1};
    handler answer;  // once the port is known, which is part of what requests are signed for
    net::http_server<handler> server{
        io, options.server,
        [&](http::request&& asked, const std::string& address, const agentmesh::moment& now, net::http_reply reply) {
            // At once, however long the store takes with what is before it.
            if (auto page = operator_page(asked, server.report())) return page;
            return answer(std::move(asked), address, now, std::move(reply));
        }};
    if (!server.start()) {
        std::cerr << "agentmesh-registry: " << server.why() << '\n';
        return exit_code::failed;
    }
    const auto url = server.url();
    if (options.service.host.empty()) options.service.host = url.substr(url.find("//") + 2);

    agentmesh::crypto::system_random random;
    agentmesh::registry::service service{store, options.service, random};
    net::outside_options asking{.names = options.names};
#if AGENTMESH_TLS
    std::optional<net::tls_context> trusted;
    for (const auto& one : options.service.logins) {
        if (trusted || !one.token_endpoint.starts_with("https")) continue;
        auto context = net::tls_context::client();
        if (!context) {
            std::cerr << "agentmesh-registry: cannot read the certificates that this system trusts\n";
            return exit_code::failed;
        }
        trusted.emplace(*std::move(context));
        asking.tls = &*trusted;
    }
#endif
    net::outside_world others{io, asking};
    net::registry_driver mesh{io, service, others};
    answer = [&](http::request&& asked, const std::string& address, const agentmesh::moment& now,
                 net::http_reply reply) -> std::optional<http::response> {
        mesh.handle(std::move(asked), address, now, std::move(reply));
        return std::nullopt;
    };

    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](const std::error_code& failed, int) {
        if (failed) return;
        server.stop();
        others.stop();
    });
    std::cout << "listening " << url << std::endl;
    io.run();
    return exit_code::stopped;
}

/// With the store that `open` opens. `name` is what it is called in a message, without the password of a connection
/// string.
[[maybe_unused]] int run_with(registry_options options, auto&& open, const std::string& name) {
    std::string why = "it cannot be opened, or is of a later version";
    auto store = open(options.database, why);
    if (!store) {
        while (!why.empty() && why.back() == '\n') why.pop_back();
        std::cerr << "agentmesh-registry: cannot use " << name << ": " << why << '\n';
        return exit_code::failed;
    }
    return run(std::move(options), *std::move(store));
}

[[nodiscard]] bool is_postgres(std::string_view database) noexcept {
    return database.starts_with("postgres://") || database.starts_with("postgresql://");
}

}  // namespace

int main(int argc, char** argv) {
    registry_command_line command_line;
    if (const auto done = command_line.parse(argc, argv)) return *done;
    std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of the write, not the end of the program

    auto options = command_line.options();
#if AGENTMESH_TLS
    vouching certificates_and_logins;
    if (const auto wrong = certificates_and_logins.read(options)) {
        std::cerr << "agentmesh-registry: " << *wrong << '\n';
        return exit_code::failed;
    }
#endif
    options.server.log_sink = [](std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); };
    if (is_postgres(options.database)) {
#if AGENTMESH_POSTGRES
        const auto open = [](const std::string& where, std::string& why) {
            return agentmesh::registry::postgres_store::open(where, &why);
        };
        return run_with(std::move(options), open, "the PostgreSQL database");
#else
        std::cerr << "agentmesh-registry: built without PostgreSQL\n";
        return exit_code::failed;
#endif
    }
#if AGENTMESH_SQLITE
    if (!options.database.empty()) {
        const auto name = "database " + options.database;
        const auto open = [](const std::string& where, std::string&) {
            return agentmesh::registry::sqlite_store::open(where);
        };
        return run_with(std::move(options), open, name);
    }
#endif
    return run(std::move(options), agentmesh::registry::memory_store{});
}
