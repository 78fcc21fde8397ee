#include <agentmesh/net/http_client.hpp>
#include <agentmesh/net/http_server.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/net/certificate.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

using handler = std::function<http::response(const http::request&, const std::string&, const moment&)>;

struct fixture {
    explicit fixture(net::http_server_options options = {})
        : of{io, std::move(options), [this](const http::request& asked, const std::string&, const moment&) {
                 ++asks;
                 return http::response::json(200, asked.method + asked.path + asked.body);
             }} {
        REQUIRE(of.start());
    }
    ~fixture() {
        client.reset();
        of.stop();
        io.restart();
        io.run();
    }
    void dial(net::http_client::limits bounds = {}) {
        client = std::make_unique<net::http_client>(io, *net::parse_http_url(of.url()), nullptr, bounds);
    }
    /// Asks and waits for the outcome.
    result<http::response> ask(const http::request& what) {
        std::optional<result<http::response>> out;
        REQUIRE(client->ask(what, [&](const result<http::response>& got) { out = got; }));
        wait([&] { return out.has_value(); });
        return *out;
    }
    template <class Done>
    void wait(Done done) {
        const auto give_up = std::chrono::steady_clock::now() + 20s;
        while (!done()) {
            if (std::chrono::steady_clock::now() > give_up) FAIL("waited in vain");
            io.poll();
        }
    }

    asio::io_context io;
    int asks = 0;
    net::http_server<handler> of;
    std::unique_ptr<net::http_client> client{};
};

}  // namespace

TEST_CASE("questions are answered in order over one connection", "[unit][net][http]") {
    fixture f;
    f.dial();
    std::string all;
    for (int i = 0; i < 10; ++i) {
        REQUIRE(f.client->ask({.method = "POST", .path = "/", .body = std::to_string(i)},
                              [&](const result<http::response>& got) { all += got ? got->body : "-"; }));
    }
    f.wait([&] { return all.size() == 60; });
    CHECK(all.substr(0, 12) == "POST/0POST/1");
    CHECK(f.of.report().accepting.accepted == 1);
    CHECK(f.client->ask({.method = "GET", .path = "no"}, {}).error().code == errc::http_malformed);
}

TEST_CASE("a connection that the server said it would end is not used again", "[unit][net][http]") {
    net::http_server_options options;
    options.limits.requests = 2;
    fixture f{options};
    f.dial();
    for (int i = 0; i < 5; ++i) CHECK(f.ask({.method = "GET", .path = "/x"}).value().body == "GET/x");
    CHECK(f.of.report().accepting.accepted == 3);
    CHECK(f.asks == 5);
}

namespace {

/// A server that answers the first request of each connection, and ends it without a word at the second.
struct forgetful {
    explicit forgetful(asio::io_context& io) : socket{io} { REQUIRE(listening.open("127.0.0.1", 0)); }

    void run() {
        listening.start([this](net::tcp_socket peer) {
            socket = std::move(peer);
            ++connections;
            requests_here = 0;
            read();
        });
    }
    void read() {
        socket.async_read_some(asio::buffer(bytes), [this](const std::error_code& failed, std::size_t) {
            if (failed) return;
            ++requests;
            if (++requests_here == 2) return socket.close();
            socket.send(asio::buffer(std::string_view{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}));
            read();
        });
    }

    net::tcp_socket socket;
    net::acceptor listening{static_cast<asio::io_context&>(socket.get_executor().context())};
    std::array<char, 4096> bytes{};
    int connections = 0, requests = 0, requests_here = 0;
};

}  // namespace

TEST_CASE("a kept connection that is gone is dialled again for what changes nothing", "[unit][net][http]") {
    fixture f;
    forgetful server{f.io};
    server.run();
    f.client = std::make_unique<net::http_client>(
        f.io, *net::parse_http_url("http://127.0.0.1:" + std::to_string(server.listening.port())));
    CHECK(f.ask({.method = "GET", .path = "/"}).value().body == "ok");
    CHECK(f.ask({.method = "GET", .path = "/"}).value().body == "ok");
    CHECK(server.connections == 2);
    CHECK(server.requests == 3);
    // It may have been done, so it is not done again.
    CHECK(f.ask({.method = "POST", .path = "/"}).error() == error{errc::io_failed, "AM-HTP-012"});
    CHECK(server.requests == 4);
    CHECK(f.ask({.method = "POST", .path = "/"}).value().body == "ok");
    f.client.reset();
    server.listening.stop();
    server.socket.close();
}

#if AGENTMESH_TLS
TEST_CASE("over TLS a server is asked only if its certificate is trusted and names it", "[unit][net][http]") {
    const test_certificate made;
    fixture f{{.tls_chain_file = made.chain_file(), .tls_key_file = made.key_file()}};
    const auto trusting = net::tls_context::client(made.chain_file()), other = net::tls_context::client();
    REQUIRE((trusting && other));
    f.client = std::make_unique<net::http_client>(f.io, *net::parse_http_url(f.of.url()), &*trusting);
    for (int i = 0; i < 3; ++i) CHECK(f.ask({.method = "GET", .path = "/s"}).value().body == "GET/s");
    CHECK(f.of.report().accepting.accepted == 1);
    f.client = std::make_unique<net::http_client>(f.io, *net::parse_http_url(f.of.url()), &*other);
    CHECK(f.ask({.method = "GET", .path = "/s"}).error().code == errc::tls_failed);
    CHECK(f.asks == 3);
}
#endif

TEST_CASE("a server that is not there, or says nothing, is an error", "[unit][net][http]") {
    fixture f;
    asio::io_context other;
    net::acceptor closed{other};
    REQUIRE(closed.open("127.0.0.1", 0));
    auto where = *net::parse_http_url("http://127.0.0.1:" + std::to_string(closed.port()));
    net::http_client::limits brief;
    brief.answer.answer_time = 20ms;
    f.client = std::make_unique<net::http_client>(f.io, where, nullptr, brief);
    CHECK(f.ask({.method = "GET", .path = "/"}).error().code == errc::timed_out);  // nobody accepts
    closed.stop();
    CHECK(f.ask({.method = "GET", .path = "/"}).error().code == errc::io_failed);
    where.secure = true;
    where.port = f.of.port();
    f.client = std::make_unique<net::http_client>(f.io, where);
    CHECK(f.ask({.method = "GET", .path = "/"}).error().code == errc::tls_failed);
    for (const auto* bad : {"", "ftp://a", "http://", "http://a:0", "http://a@b", "http://[::1"})
        CHECK_FALSE(net::parse_http_url(bad));
    CHECK(net::parse_http_url("https://a")->authority() == "a:443");
}
