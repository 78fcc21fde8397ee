// agentmesh-registry: the reference registry as a program.
#include "registry_command_line.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/net/http_server.hpp>
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
    using handler = std::function<http::response(const http::request&, const std::string&, const agentmesh::moment&)>;
    asio::io_context io{1};
    handler answer;  // once the port is known, which is part of what requests are signed for
    net::http_server<handler> server{
        io, options.server, [&](const http::request& asked, const std::string& address, const agentmesh::moment& now) {
            if (auto page = operator_page(asked, server.report())) return *std::move(page);
            return answer(asked, address, now);
        }};
    if (!server.start()) {
        std::cerr << "agentmesh-registry: " << server.why() << '\n';
        return exit_code::failed;
    }
    const auto url = server.url();
    if (options.service.host.empty()) options.service.host = url.substr(url.find("//") + 2);

    agentmesh::crypto::system_random random;
    agentmesh::registry::service service{store, options.service, random};
    answer = [&](const http::request& asked, const std::string& address, const agentmesh::moment& now) {
        return service.handle(asked, {.address = address}, now);
    };

    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](const std::error_code& failed, int) {
        if (!failed) server.stop();
    });
    std::cout << "listening " << url << std::endl;
    io.run();
    return exit_code::stopped;
}

}  // namespace

int main(int argc, char** argv) {
    registry_command_line command_line;
    if (const auto done = command_line.parse(argc, argv)) return *done;
    std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of the write, not the end of the program

    auto options = command_line.options();
    options.server.log_sink = [](std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); };
#if AGENTMESH_SQLITE
    if (!options.database.empty()) {
        auto store = agentmesh::registry::sqlite_store::open(options.database);
        if (!store) {
            std::cerr << "agentmesh-registry: cannot use database " << options.database << ": "
                      << agentmesh::describe(store.error().code) << '\n';
            return exit_code::failed;
        }
        return run(std::move(options), *std::move(store));
    }
#endif
    return run(std::move(options), agentmesh::registry::memory_store{});
}
