// A registry behind an HTTP server: requests are answered on a thread of their own, so that a disk that takes its time
// keeps no socket waiting, and what the service has to ask elsewhere is asked here.
//
//     net::outside_world others{io, {.names = *servers}};
//     net::registry_driver mesh{io, service, others};
//     net::http_server server{io, options, mesh.handler()};
#pragma once

#include <agentmesh/net/dns_client.hpp>
#include <agentmesh/net/http_client.hpp>
#include <agentmesh/net/http_server.hpp>
#include <agentmesh/net/worker.hpp>
#include <agentmesh/registry/outside.hpp>
#include <agentmesh/registry/service.hpp>

#include <map>

namespace agentmesh::net {

struct outside_options {
    name_servers names{};              ///< none: nobody can be asked for names
    const tls_context* tls = nullptr;  ///< for https; must outlive its user
    std::size_t answer_bytes = 64 * 1024;
    duration answer_time = std::chrono::seconds{10};
};

/// Asks name servers and providers of logins. Lives on one io_context that one thread runs.
class outside_world {
public:
    using answered = std::function<void(registry::outside_answer)>;

    outside_world(asio::io_context& io, outside_options chosen)
        : io_{io}, chosen_{std::move(chosen)}, names_{io, chosen_.names} {}

    /// `done` is called once, with an answer of the question's kind, unless this is destroyed first.
    void ask(const registry::outside_question& question, answered done);
    /// Gives up on what is open: lookups are answered with an error, servers not at all.
    void stop() {
        names_.stop();
        servers_.clear();
    }

private:
    void ask_server(const registry::web_question& question, answered done);

    asio::io_context& io_;
    outside_options chosen_;
    dns_client names_;
    std::map<std::string, std::unique_ptr<http_client>> servers_;  ///< by URL; the operator named them, so they are few
};

/// Runs a service on its own thread. The service must outlive this, and this the io_context's last run.
template <class Service>
class registry_driver {
public:
    registry_driver(asio::io_context& io, Service& mesh, outside_world& others)
        : io_{io}, mesh_{mesh}, others_{others} {}

    /// What an http_server takes as its handler. The answer always comes later.
    void handle(http::request asked, const std::string& address, const moment& now, http_reply reply) {
        worker_.post([this, asked = std::move(asked), from = registry::caller{address}, now, reply = std::move(reply)] {
            settle(mesh_.begin(asked, from, now), reply);
        });
    }

private:
    void settle(typename Service::progress out, const http_reply& reply) {
        if (auto* given = std::get_if<http::response>(&out)) return reply(std::move(*given));
        auto waiting = std::make_shared<registry::open_request>(std::move(std::get<registry::open_request>(out)));
        asio::post(io_, [this, waiting, reply] {
            others_.ask(waiting->question, [this, waiting, reply](registry::outside_answer said) {
                worker_.post([this, waiting, reply, said = std::move(said), now = clock_.now()] {
                    settle(mesh_.resume(std::move(*waiting), said, now), reply);
                });
            });
        });
    }

    asio::io_context& io_;
    Service& mesh_;
    outside_world& others_;
    system_clock clock_;
    worker worker_;
};

// --- bodies -------------------------------------------------------------------------------------------------

inline void outside_world::ask(const registry::outside_question& question, answered done) {
    if (const auto* web = std::get_if<registry::web_question>(&question)) return ask_server(*web, std::move(done));
    names_.ask(std::get<registry::text_question>(question).name,
               [done = std::move(done)](const result<std::vector<std::string>>& texts) { done(texts); });
}

inline void outside_world::ask_server(const registry::web_question& question, answered done) {
    const auto failed = [this, done](const error& why) {
        asio::post(io_, [done, why] { done(result<http::response>{fail(why)}); });
    };
    auto& client = servers_[question.url];
    if (!client) {
        const auto where = parse_http_url(question.url);
        if (!where) return failed(where.error());
        http_client::limits bounds;
        bounds.answer.body_bytes = chosen_.answer_bytes;
        bounds.answer.answer_time = chosen_.answer_time;
        client = std::make_unique<http_client>(io_, *where, chosen_.tls, bounds);
    }
    if (const auto asked = client->ask(question.request, [done](const result<http::response>& got) { done(got); });
        !asked)
        failed(asked.error());
}

}  // namespace agentmesh::net
