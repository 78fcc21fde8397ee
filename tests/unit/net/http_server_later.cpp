// Answers that come later: in order, once, in time, from whatever thread.
#include <agentmesh/net/http_server.hpp>

#include "tests/support/catch.hpp"

#include <thread>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

struct waiting_request {
    http::request asked;
    net::http_reply reply;
};

using handler =
    std::function<std::optional<http::response>(http::request&&, const std::string&, const moment&, net::http_reply)>;

/// `/now` is answered at once; everything else waits until a test says so.
struct fixture {
    explicit fixture(net::http_server_options options = {})
        : of{io, std::move(options),
             [this](http::request&& asked, const std::string&, const moment&,
                    net::http_reply reply) -> std::optional<http::response> {
                 if (asked.path == "/now") return http::response::json(200, "now");
                 open.push_back({std::move(asked), std::move(reply)});
                 return std::nullopt;
             }} {
        REQUIRE(of.start());
    }
    ~fixture() {
        of.stop();
        io.restart();
        io.run();
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
    std::vector<waiting_request> open;
    net::http_server<handler> of;
};

class peer {
public:
    explicit peer(fixture& f) : f_{f}, socket_{f.io} {
        socket_.connect({asio::ip::address_v4::loopback(), f.of.port()});
        socket_.non_blocking(true);
    }
    void send(std::string_view bytes) { socket_.send(asio::buffer(bytes)); }
    void get(std::string_view path) { send("GET " + std::string{path} + " HTTP/1.1\r\nHost: a\r\n\r\n"); }
    std::string until(std::string_view mark) {
        std::size_t at = 0;
        f_.wait([&] {
            take();
            at = text_.find(mark);
            return at != std::string::npos || ended_;
        });
        REQUIRE(at != std::string::npos);
        auto out = text_.substr(0, at + mark.size());
        text_.erase(0, at + mark.size());
        return out;
    }
    bool ended() {
        take();
        return ended_;
    }
    void shut() { socket_.close(); }

private:
    void take() {
        std::error_code failed;
        const auto size = socket_.read_some(asio::buffer(bytes_), failed);
        text_.append(bytes_.data(), size);
        ended_ = ended_ || (failed && failed != asio::error::would_block);
    }

    fixture& f_;
    net::tcp_socket socket_;
    std::string text_;
    std::array<char, 4096> bytes_{};
    bool ended_ = false;
};

}  // namespace

TEST_CASE("what is asked later waits its turn, and others do not", "[unit][net][http][AM-HTP-005]") {
    fixture f;
    peer slow{f}, quick{f};
    slow.get("/one");
    slow.get("/two");
    slow.get("/now");
    f.wait([&] { return f.open.size() == 1; });
    quick.get("/now");
    (void)quick.until("now");
    CHECK(f.open.size() == 1);  // one at a time
    f.open[0].reply(http::response::json(200, "first"));
    (void)slow.until("first");
    f.wait([&] { return f.open.size() == 2; });
    CHECK(f.open[1].asked.path == "/two");
    // From another thread, as a worker does; said twice, it counts once.
    std::thread{[&] {
        f.open[1].reply(http::response::json(201, "second"));
        f.open[1].reply(http::response::json(500, "again"));
        f.open[0].reply(http::response::json(500, "of another request"));
    }}.join();
    const auto rest = slow.until("now");
    CHECK(rest.find("HTTP/1.1 201") != rest.npos);
    CHECK(rest.find("again") == rest.npos);
    CHECK(rest.find("of another") == rest.npos);
    CHECK(f.of.report().driver.answers[2] == 4);
    CHECK(f.of.report().driver.answers[5] == 0);
}

TEST_CASE("an answer that does not come in time is 504, and the end of the connection", "[unit][net][http]") {
    net::http_server_options options;
    options.answer_time = 20ms;
    fixture f{options};
    peer p{f};
    p.get("/never");
    CHECK(p.until("in time\"}").starts_with("HTTP/1.1 504"));
    f.wait([&] { return p.ended(); });
    CHECK(f.of.report().driver.slow_answers == 1);
    f.open[0].reply(http::response::json(200, "too late"));
    f.io.restart();
    f.io.poll();
}

TEST_CASE("an answer to somebody who has left goes nowhere", "[unit][net][http]") {
    fixture f;
    std::optional<peer> p{f};
    p->get("/one");
    f.wait([&] { return f.open.size() == 1; });
    p->shut();
    f.open[0].reply(http::response::json(200, "nobody"));
    f.wait([&] { return f.of.report().connections == 0; });
}

TEST_CASE("a server that stops finishes what waits for an answer", "[unit][net][http]") {
    fixture f;
    peer p{f};
    p.get("/one");
    f.wait([&] { return f.open.size() == 1; });
    f.of.stop();
    CHECK(f.of.report().connections == 1);
    f.open[0].reply(http::response::json(200, "after all"));
    (void)p.until("after all");
    f.wait([&] { return p.ended(); });
}
