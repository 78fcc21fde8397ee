// A service on its own thread: what takes its time there keeps no socket waiting, and what it asks is asked for it.
#include <agentmesh/net/registry_driver.hpp>

#include "tests/support/catch.hpp"

#include <atomic>
#include <future>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

/// Asks for texts at `/ask` and for a page at `/page`; waits at `/wait` until it is let go.
struct stub_service {
    using progress = std::variant<http::response, registry::open_request>;

    std::promise<void> let_go{};
    std::string page_server{};
    std::thread::id thread{};

    progress begin(const http::request& asked, const registry::caller& from, const moment&) {
        thread = std::this_thread::get_id();
        if (asked.path == "/wait") let_go.get_future().wait();
        registry::open_request open{
            .question = registry::text_question{"a.example"}, .request = asked, .address = from.address};
        if (asked.path == "/ask") return open;
        if (asked.path == "/page") {
            open.question = registry::web_question{page_server, {.method = "GET", .path = "/now"}};
            return open;
        }
        return http::response::json(200, "done " + asked.path + " " + from.address);
    }
    progress resume(const registry::open_request& waiting, const registry::outside_answer& said, const moment&) {
        if (const auto* page = std::get_if<result<http::response>>(&said))
            return http::response::json(200, *page ? "page " + (*page)->body : "no page");
        CHECK(waiting.request.path == "/ask");
        const auto& texts = std::get<result<std::vector<std::string>>>(said);
        return http::response::json(texts ? 200 : 503, texts ? "texts" : "nobody");
    }
};

struct fixture {
    using handler = std::function<std::optional<http::response>(http::request&&, const std::string&, const moment&,
                                                                net::http_reply)>;
    asio::io_context io;
    stub_service service;
    net::outside_world others{io, {}};
    std::optional<net::registry_driver<stub_service>> mesh{std::in_place, io, service, others};
    net::http_server<handler> server{io,
                                     {},
                                     [this](http::request&& asked, const std::string& address, const moment& now,
                                            net::http_reply reply) -> std::optional<http::response> {
                                         if (asked.path == "/now") return http::response::json(200, "now");
                                         mesh->handle(std::move(asked), address, now, std::move(reply));
                                         return std::nullopt;
                                     }};

    fixture() {
        REQUIRE(server.start());
        service.page_server = server.url();
    }
    ~fixture() {
        server.stop();
        others.stop();
        io.restart();
        io.run();
        mesh.reset();  // its thread before what it works with
    }
    std::string ask(net::http_client& by, std::string path) {
        std::string out;
        REQUIRE(by.ask({.method = "GET", .path = std::move(path)},
                       [&](const result<http::response>& got) { out = got ? got->body : "failed"; }));
        wait([&] { return !out.empty(); });
        return out;
    }
    template <class Done>
    void wait(Done done) {
        const auto give_up = std::chrono::steady_clock::now() + 20s;
        while (!done()) {
            if (std::chrono::steady_clock::now() > give_up) FAIL("waited in vain");
            io.restart();
            io.poll();
        }
    }
};

}  // namespace

TEST_CASE("requests are answered on a thread of their own, and what waits there keeps nobody else",
          "[unit][net][registry]") {
    fixture f;
    net::http_client one{f.io, *net::parse_http_url(f.server.url())}, other{f.io, *net::parse_http_url(f.server.url())};
    CHECK(f.ask(one, "/quick") == "done /quick 127.0.0.1");
    CHECK(f.service.thread != std::this_thread::get_id());
    std::string late;
    REQUIRE(one.ask({.method = "GET", .path = "/wait"},
                    [&](const result<http::response>& got) { late = got ? got->body : "failed"; }));
    for (int i = 0; i < 5; ++i) CHECK(f.ask(other, "/now") == "now");
    CHECK(late.empty());
    f.service.let_go.set_value();
    f.wait([&] { return !late.empty(); });
    CHECK(late == "done /wait 127.0.0.1");
}

TEST_CASE("what a service asks elsewhere is asked, and the request goes on with what was said",
          "[unit][net][registry]") {
    fixture f;
    net::http_client one{f.io, *net::parse_http_url(f.server.url())};
    CHECK(f.ask(one, "/ask") == "nobody");  // there is no name server
    CHECK(f.ask(one, "/page") == "page now");
    f.service.page_server = "http://127.0.0.1:1";
    CHECK(f.ask(one, "/page") == "no page");
    f.service.page_server = "gopher://x";
    CHECK(f.ask(one, "/page") == "no page");
}
