#include <agentmesh/net/http_server.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/net/certificate.hpp"

#include <functional>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

using handler = std::function<http::response(const http::request&, const std::string&, const moment&)>;
using server = net::http_server<handler>;

/// `/big` gives as many bytes as the query says; anything else is told back.
http::response tell_back(const http::request& asked, const std::string& address, const moment&) {
    if (asked.path == "/big") return http::response::json(200, std::string(std::stoul(asked.query), 'x'));
    return http::response::json(asked.path == "/missing" ? 404 : 200,
                                asked.method + " " + asked.path + " " + address + " " + asked.body);
}

struct fixture {
    explicit fixture(net::http_server_options options = {}, handler answers = tell_back)
        : of{io, std::move(options), std::move(answers)} {
        REQUIRE(of.start());
    }
    ~fixture() {
        of.stop();
        io.restart();
        io.run();  // ends, because nothing is left
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
    server of;
};

/// Bytes to the server and back, on its own thread: while this waits, the server works.
class peer {
public:
    explicit peer(fixture& f) : f_{f}, socket_{f.io} {
        socket_.connect({asio::ip::address_v4::loopback(), f.of.port()});
        socket_.non_blocking(true);
    }
    void receive_buffer(int bytes) { socket_.set_option(asio::socket_base::receive_buffer_size{bytes}); }
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            std::error_code failed;
            bytes.remove_prefix(socket_.write_some(asio::buffer(bytes), failed));
            if (failed && failed != asio::error::would_block) return;  // shows itself in what is read
            f_.io.poll();
        }
    }
    /// All that came, up to and with `mark`.
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
    std::string to_end() {
        f_.wait([&] {
            take();
            return ended_;
        });
        CHECK_FALSE(reset_);
        return std::exchange(text_, {});
    }
    void end_input() { socket_.shutdown(net::tcp_socket::shutdown_send); }
    std::size_t take() {
        std::error_code failed;
        const auto size = socket_.read_some(asio::buffer(bytes_), failed);
        text_.append(bytes_.data(), size);
        if (failed == asio::error::would_block) return 0;
        ended_ = ended_ || failed;
        reset_ = reset_ || failed == asio::error::connection_reset;
        return size;
    }
    [[nodiscard]] std::string& text() noexcept { return text_; }

private:
    fixture& f_;
    net::tcp_socket socket_;
    std::string text_;
    std::vector<char> bytes_ = std::vector<char>(256 * 1024);
    bool ended_ = false;
    bool reset_ = false;
};

std::string get(std::string_view target, std::string_view more = {}) {
    return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{more} + "\r\n";
}
std::string post(std::string_view body) {
    return "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string{body};
}
bool starts(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

}  // namespace

TEST_CASE("requests are answered in order on one connection", "[unit][net][http][AM-HTP-005]") {
    fixture f;
    peer p{f};
    p.send(get("/one"));
    CHECK(starts(p.until("GET /one 127.0.0.1 "), "HTTP/1.1 200 OK\r\n"));
    std::string many;
    for (int i = 0; i < 40; ++i) many += get("/" + std::to_string(i)) + post("body " + std::to_string(i));
    p.send(many);
    for (int i = 0; i < 40; ++i) {
        (void)p.until("GET /" + std::to_string(i) + " 127.0.0.1 ");
        (void)p.until("POST /p 127.0.0.1 body " + std::to_string(i));
    }
    p.send(get("/missing", "Connection: close\r\n"));
    CHECK(starts(p.to_end(), "HTTP/1.1 404 Not Found\r\n"));
    const auto seen = f.of.report();
    CHECK(seen.driver.answers[2] == 81);
    CHECK(seen.driver.answers[4] == 1);
    CHECK(seen.accepting.accepted == 1);
    CHECK(net::metrics_text(seen, "x_").find("x_answers_total{status=\"2xx\"} 81\n") != std::string::npos);
}

TEST_CASE("a peer that has said all it has to say still gets its answer", "[unit][net][http]") {
    fixture f;
    peer p{f};
    p.send(get("/last"));
    p.end_input();
    CHECK(p.to_end().ends_with("GET /last 127.0.0.1 "));
}

TEST_CASE("a refusal reaches a peer that is still sending", "[unit][net][http][AM-HTP-003]") {
    net::http_server_options small;
    small.limits.body_bytes = 100;
    fixture f{small};
    peer p{f};
    p.send(post(std::string(200'000, 'x')));
    p.end_input();
    CHECK(starts(p.to_end(), "HTTP/1.1 413 Content Too Large\r\n"));
    peer q{f};
    q.send("GET / HTTP/1.1\nHost: a\n\n");
    CHECK(q.until("}").find(R"("clause":"AM-WSK-007")") != std::string::npos);
    CHECK(f.of.report().driver.refused_requests == 2);
}

TEST_CASE("what is read after the last answer is bounded", "[unit][net][http]") {
    net::http_server_options options;
    options.linger_bytes = 100'000;
    options.linger_time = 1h;
    fixture f{options};
    peer p{f};
    p.send(get("/", "Connection: close\r\n"));
    (void)p.until("127.0.0.1 ");
    p.send(std::string(400'000, 'x'));
    f.wait([&] { return f.of.report().connections == 0; });
}

TEST_CASE("slow requests, idle peers and readers that stop are ended", "[unit][net][http][AM-HTP-004]") {
    net::http_server_options options;
    options.linger_time = 20ms;
    {
        options.limits.head_time = 200ms;
        fixture f{options};
        peer head{f}, silent{f};
        head.send("GET / HT");
        CHECK(starts(head.to_end(), "HTTP/1.1 408 Request Timeout\r\n"));
        CHECK(silent.to_end().empty());
        f.wait([&] { return f.of.report().connections == 0; });
        CHECK(f.of.report().driver.slow_requests == 1);
    }
    options.limits.head_time = 1h;
    options.limits.body_time = options.limits.idle_time = options.write_time = 20ms;
    fixture f{options};
    peer body{f}, idle{f}, reader{f};
    body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n123");
    idle.send(get("/"));
    reader.send(get("/big?30000000"));
    CHECK(starts(body.to_end(), "HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(idle.to_end().ends_with("GET / 127.0.0.1 "));
    f.wait([&] { return f.of.report().connections == 0; });
    CHECK(f.of.report().driver.slow_requests == 1);
    CHECK(f.of.report().driver.slow_readers == 1);
}

TEST_CASE("a large answer comes whole, and nothing more is read before it is taken", "[unit][net][http]") {
    fixture f;
    peer p{f};
    p.send(get("/big?30000000") + get("/after"));
    f.wait([&] { return f.of.report().driver.bytes_sent > 0; });
    CHECK(f.of.report().driver.answers[2] == 1);
    std::size_t size = 0;
    f.wait([&] {
        (void)p.take();
        size = p.text().size();
        return p.text().ends_with("GET /after 127.0.0.1 ");
    });
    CHECK(size > 30'000'000);
    CHECK(f.of.report().driver.answers[2] == 2);
}

TEST_CASE("connections are bounded, altogether and for one address", "[unit][net][http]") {
    net::http_server_options few;
    few.connections_per_address = 2;
    {
        fixture f{few};
        auto a = std::make_unique<peer>(f);
        peer b{f};
        f.wait([&] { return f.of.report().connections == 2; });
        peer c{f};
        const auto told = c.to_end();
        CHECK(starts(told, "HTTP/1.1 429 Too Many Requests\r\n"));
        CHECK(told.ends_with("}"));
        CHECK(f.of.report().driver.refused_address == 1);
        a.reset();  // its place is free again
        f.wait([&] { return f.of.report().connections == 1; });
        peer d{f};
        d.send(get("/d"));
        (void)d.until("GET /d 127.0.0.1 ");
    }
    few.max_connections = 1;
    fixture f{few};
    peer a{f};
    f.wait([&] { return f.of.report().connections == 1; });
    peer b{f};
    CHECK(starts(b.to_end(), "HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(f.of.report().driver.refused_full == 1);
}

TEST_CASE("addresses count by what one customer has", "[unit][net][http]") {
    const auto seen = [](const char* text) { return net::detail::plain_address(asio::ip::make_address(text)); };
    CHECK(seen("::ffff:192.0.2.7").to_string() == "192.0.2.7");
    CHECK(seen("fe80::1%1").to_string() == "fe80::1");
    CHECK(net::detail::neighbourhood(seen("192.0.2.7")) == "192.0.2.7");
    CHECK(net::detail::neighbourhood(seen("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::");
    CHECK(net::detail::neighbourhood(seen("2001:db8:1:2::9")) == "2001:db8:1:2::");
    CHECK(net::detail::neighbourhood(seen("2001:db8:1:3::9")) != "2001:db8:1:2::");
}

TEST_CASE("stopping finishes what was begun, and ends what is idle", "[unit][net][http]") {
    net::http_server_options options;
    options.drain_time = 1h;
    fixture f{options};
    peer idle{f}, busy{f};
    const std::string begun = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12";
    idle.send(get("/"));
    (void)idle.until("127.0.0.1 ");
    busy.send(begun);
    f.wait([&] { return f.of.report().driver.bytes_received == get("/").size() + begun.size(); });
    f.of.stop();
    CHECK(f.of.report().stopping);
    busy.send("345");
    busy.end_input();
    const auto last = busy.to_end();
    CHECK(last.find("Connection: close\r\n") != std::string::npos);
    CHECK(last.ends_with("POST /p 127.0.0.1 12345"));
    CHECK(idle.to_end().empty());
    CHECK_THROWS(peer{f});
    idle.end_input();
    f.wait([&] { return f.of.report().connections == 0; });
    CHECK(f.of.report().driver.cut_off == 0);
}

TEST_CASE("stopping cuts off what does not end", "[unit][net][http]") {
    net::http_server_options options;
    options.drain_time = 20ms;
    fixture f{options};
    peer stuck{f};
    stuck.send("POST");
    f.wait([&] { return f.of.report().driver.bytes_received == 4; });
    f.of.stop();
    f.wait([&] { return f.of.report().connections == 0; });
    CHECK(f.of.report().driver.cut_off == 1);
}

TEST_CASE("a server that cannot start says why", "[unit][net][http]") {
    fixture f;
    asio::io_context io;
    server taken{io, {.port = f.of.port()}, tell_back};
    CHECK(taken.start().error().code == errc::io_failed);
    CHECK(taken.why().find("port " + std::to_string(f.of.port())) != std::string::npos);
    server unread{io, {.tls_chain_file = "/nowhere/chain", .tls_key_file = "/nowhere/key"}, tell_back};
    CHECK(unread.start().error().code == errc::tls_failed);
    CHECK(f.of.url() == "http://127.0.0.1:" + std::to_string(f.of.port()));
}

#if AGENTMESH_TLS
TEST_CASE("the same is said over TLS, and nothing without it", "[unit][net][http]") {
    const test_certificate made;
    fixture f{{.tls_chain_file = made.chain_file(), .tls_key_file = made.key_file()}};
    CHECK(starts(f.of.url(), "https://"));
    {
        peer p{f};
        const auto context = net::tls_context::client(made.chain_file());
        REQUIRE(context);
        auto channel = net::tls_channel::connect(*context, "localhost");
        REQUIRE(channel);
        std::string plain;
        bool ended = false, asked = false;
        f.wait([&] {
            std::array<std::uint8_t, 4096> bytes;
            while (const auto size = channel->take_output(bytes)) p.send(as_text(byte_view{bytes.data(), size}));
            (void)p.take();
            REQUIRE(channel->feed(as_bytes(std::exchange(p.text(), {}))));
            const auto size = channel->read(bytes);
            if (!size) {
                CHECK(size.error().code == errc::ws_closed);  // a close_notify, not a cut
                ended = true;
            } else {
                plain.append(as_text(byte_view{bytes.data(), *size}));
            }
            if (channel->established() && !std::exchange(asked, channel->established()))
                REQUIRE(
                    channel->write(as_bytes(get("/one") + get("/big?100000") + get("/x", "Connection: close\r\n"))));
            return ended;
        });
        CHECK(plain.find("GET /one 127.0.0.1 ") != std::string::npos);
        CHECK(plain.size() > 100'000);
        CHECK(plain.ends_with("GET /x 127.0.0.1 "));
    }
    peer bare{f};
    bare.send(get("/"));
    CHECK(bare.to_end().find("HTTP") == std::string::npos);
    CHECK(f.of.report().driver.tls_failures == 1);
}
#endif
