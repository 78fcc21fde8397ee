// The driver alone: a machine that does what the test's frames say stands in for the relay.
#include <agentmesh/net/relay_server.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/net/certificate.hpp"
#include "tests/unit/net/peer.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <set>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

/// Commands: "echo TEXT", "to N TEXT", "flood N SIZE", "close CODE", "tick MS".
class obedient_machine {
public:
    obedient_machine(relay::options chosen, const moment&) : chosen_{std::move(chosen)} {}

    void on_opened(relay::connection_id id, const moment&, relay::ActionSink auto&) {
        events.push_back(name("opened", id));
        CHECK(open_.insert(id).second);
    }
    void on_text(relay::connection_id id, std::string_view text, const moment& now, relay::ActionSink auto& out) {
        const auto space = text.find(' ');
        const auto verb = text.substr(0, space);
        const std::string rest{text.substr(space + 1)};
        if (verb == "echo") {
            (void)say(id, rest, out);
        } else if (verb == "to") {
            const auto next = rest.find(' ');
            (void)say(relay::connection_id{static_cast<std::uint32_t>(std::stoul(rest))}, rest.substr(next + 1), out);
        } else if (verb == "flood") {
            const auto next = rest.find(' ');
            const auto whom = relay::connection_id{static_cast<std::uint32_t>(std::stoul(rest))};
            const std::string block(std::stoul(rest.substr(next + 1)), 'x');
            while (say(whom, block, out) == relay::send_result::taken) ++flooded;
        } else if (verb == "close") {
            out.close(id, static_cast<std::uint16_t>(std::stoul(rest)), "as told");
        } else if (verb == "tick") {
            deadline_ = now.steady + std::chrono::milliseconds{std::stoul(rest)};
        }
    }
    void on_binary(relay::connection_id id, const moment&, relay::ActionSink auto&) {
        events.push_back(name("binary", id));
    }
    void on_pong(relay::connection_id id, byte_view payload, const moment&, relay::ActionSink auto&) {
        events.push_back(name("pong " + std::string{as_text(payload)}, id));
    }
    void on_ping(relay::connection_id id, const moment&, relay::ActionSink auto&) {
        events.push_back(name("ping", id));
    }
    void on_closed(relay::connection_id id, const moment&, relay::ActionSink auto&) {
        events.push_back(name("closed", id));
        CHECK(open_.erase(id) == 1);
    }
    void on_drained(relay::connection_id id, const moment&, relay::ActionSink auto& out) {
        events.push_back(name("drained", id));
        (void)say(id, "drained", out);
    }
    void on_tick(const moment& now, relay::ActionSink auto& out) {
        events.push_back("tick");
        CHECK(now.steady >= *deadline_);
        deadline_.reset();
        out.send_ping(relay::connection_id{0}, as_bytes("tick"));
    }
    void on_stop(const moment&, relay::ActionSink auto& out) {
        for (const auto id : open_) out.close(id, 1001, "stopping");
    }
    [[nodiscard]] std::optional<steady_point> next_deadline() const { return deadline_; }
    [[nodiscard]] const relay::metrics& count() const { return count_; }
    [[nodiscard]] const relay::options& chosen() const { return chosen_; }

    mutable std::vector<std::string> events;
    std::size_t flooded = 0;

private:
    static std::string name(const std::string& what, relay::connection_id id) {
        return what + " " + std::to_string(static_cast<std::uint32_t>(id));
    }
    static relay::send_result say(relay::connection_id id, std::string_view text, relay::ActionSink auto& out) {
        const std::string_view half[] = {text.substr(0, text.size() / 2), {}, text.substr(text.size() / 2)};
        return out.send_text(id, half);
    }

    std::set<relay::connection_id> open_;
    relay::options chosen_;
    relay::metrics count_;
    std::optional<steady_point> deadline_;
};

using server = net::basic_relay_server<obedient_machine>;

net::relay_server_options any_port() {
    net::relay_server_options out;
    out.port = 0;
    return out;
}

struct fixture {
    explicit fixture(net::relay_server_options options = any_port()) : relay{io, std::move(options)} {
        REQUIRE(relay.start());
    }
    ~fixture() {
        relay.stop();
        io.restart();
        io.run();
    }
    test_peer dial() { return {io, relay.port()}; }
    test_peer open() {
        auto out = dial();
        out.upgrade();
        return out;
    }
    template <class Done>
    void wait(Done done) {
        const auto give_up = std::chrono::steady_clock::now() + 20s;
        while (!done()) {
            REQUIRE(std::chrono::steady_clock::now() < give_up);
            io.poll();
        }
    }
    void wait_for(const std::string& event) {
        wait([&] { return std::count(events().begin(), events().end(), event) > 0; });
    }
    const std::vector<std::string>& events() { return relay.machine().events; }

    asio::io_context io;
    server relay;
};

using ws::opcode;

}  // namespace

TEST_CASE("text goes to the machine and its answers come back in order", "[unit][net]") {
    fixture f;
    auto a = f.open();
    auto b = f.open();
    CHECK(f.events() == std::vector<std::string>{"opened 0", "opened 1"});
    a.send_text("echo one");
    a.send_text("to 1 two");
    a.send_text("echo three");
    CHECK(a.next_text() == "one");
    CHECK(a.next_text() == "three");
    CHECK(b.next_text() == "two");
}

TEST_CASE("frames arrive whole however TCP cuts them", "[unit][net][AM-WSK-037]") {
    fixture f;
    auto a = f.open();
    buffer bytes;
    const std::string large(70'000, 'y');
    ws::append_masked_frame(bytes, {9, 9, 9, 9}, opcode::text, std::string_view{"echo small"});
    ws::append_masked_frame(bytes, {9, 9, 9, 9}, opcode::text, std::string_view{"echo "}, std::string_view{large});
    ws::append_masked_frame(bytes, {9, 9, 9, 9}, opcode::text, std::string_view{"echo end"});
    const std::size_t piece = GENERATE(std::size_t{1}, 511, 512, 513, 100'000);
    for (std::string_view rest = as_text(bytes); !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
        a.send_raw(rest.substr(0, piece));
    CHECK(a.next_text() == "small");
    CHECK(a.next_text() == large);
    CHECK(a.next_text() == "end");
}

TEST_CASE("one round of many messages is answered with few writes", "[unit][net]") {
    fixture f;
    auto a = f.open();
    auto b = f.open();
    buffer bytes;
    for (int i = 0; i < 100; ++i)
        ws::append_masked_frame(bytes, {1, 2, 3, 4}, opcode::text, std::string_view{"to 1 x"});
    const auto before = f.relay.report().driver.writes;
    a.send_raw(as_text(bytes));
    for (int i = 0; i < 100; ++i) CHECK(b.next_text() == "x");
    CHECK(f.relay.report().driver.writes - before <= 3);
}

TEST_CASE("control frames are answered and reported", "[unit][net][AM-WSK-033]") {
    fixture f;
    auto a = f.open();
    a.send(opcode::ping, "hello");
    CHECK(a.next() == test_peer::frame{opcode::pong, "hello"});
    a.send(opcode::pong, "there");
    a.send(opcode::binary, "\x01");
    f.wait_for("binary 0");
    CHECK(f.events() == std::vector<std::string>{"opened 0", "ping 0", "pong there 0", "binary 0"});
}

TEST_CASE("the machine's deadline is kept", "[unit][net]") {
    fixture f;
    auto a = f.open();
    a.send_text("tick 20");
    CHECK(a.next() == test_peer::frame{opcode::ping, "tick"});
}

TEST_CASE("the peer's Close is answered and TCP ends", "[unit][net][AM-WSK-040][AM-WSK-041]") {
    fixture f;
    auto a = f.open();
    a.send_text("echo last");
    a.send_close(1000);
    a.send_text("echo ignored");
    CHECK(a.next_text() == "last");
    const auto answer = a.next();
    CHECK(answer.op == opcode::close);
    CHECK(answer.close_code() == 1000);
    CHECK(a.read_to_end().empty());
    CHECK(f.events() == std::vector<std::string>{"opened 0", "closed 0"});
    a.end_input();
    f.wait([&] { return f.relay.report().connections == 0; });
}

TEST_CASE("the machine's Close follows what it said, and the connection ends after the peer's", "[unit][net]") {
    fixture f;
    auto a = f.open();
    a.send_text("echo last");
    a.send_text("close 4006");
    a.send_text("echo ignored");
    CHECK(a.next_text() == "last");
    const auto said = a.next();
    CHECK(said.close_code() == 4006);
    CHECK(said.payload.substr(2) == "as told");
    a.send_close(4006);
    CHECK(a.read_to_end().empty());
    f.wait_for("closed 0");
}

TEST_CASE("a peer that never answers Close is let go after the grace", "[unit][net]") {
    auto options = any_port();
    options.close_grace = 30ms;
    fixture f{options};
    auto a = f.open();
    a.send_text("close 1008");
    CHECK(a.next().close_code() == 1008);
    CHECK(a.read_to_end().empty());
    f.wait([&] { return f.relay.report().connections == 0; });
    CHECK(f.relay.report().driver.close_timeouts == 1);
}

TEST_CASE("a peer that sends on and on after our Close is dropped, and not served until the grace is over", "[unit][net]") {
    auto options = any_port();
    options.close_grace = 1h;
    options.discard_bytes = 100'000;
    const bool over = GENERATE(false, true);
    fixture f{options};
    auto a = f.open();
    a.send_text("close 1008");
    CHECK(a.next().close_code() == 1008);
    const auto before = f.relay.report().driver.bytes_received;
    buffer frame;
    ws::append_masked_frame(frame, {1, 2, 3, 4}, opcode::text, std::string(9'992, 'x'));
    REQUIRE(frame.size() == 10'000);
    for (int i = 0; i < 9; ++i) a.send_raw(as_text(frame));
    f.wait([&] { return f.relay.report().driver.bytes_received == before + 90'000; });
    CHECK(f.relay.report().connections == 1);
    if (over) {
        a.send_raw(as_text(frame));
        a.send_raw("x");
        f.wait([&] { return f.relay.report().connections == 0; });
        CHECK(f.relay.report().driver.flooded_after_close == 1);
    } else {
        a.send_close(1008);  // an honest peer that had so much under way
        CHECK(a.read_to_end().empty());
        a.end_input();
        f.wait([&] { return f.relay.report().connections == 0; });
        CHECK(f.relay.report().driver.flooded_after_close == 0);
    }
    CHECK(f.events() == std::vector<std::string>{"opened 0", "closed 0"});
}

TEST_CASE("a peer that breaks the protocol reads the Close, not a reset, however much it has sent",
          "[unit][net][AM-WSK-020][AM-WSK-030]") {
    fixture f;
    auto a = f.open();
    buffer bytes;
    ws::append_frame(bytes, opcode::text, std::string_view{"not masked"});
    bytes.resize(bytes.size() + 200'000, 'z');
    a.send_raw(as_text(bytes));
    const auto said = a.next();
    CHECK(said.op == opcode::close);
    CHECK(said.close_code() == 1002);
    CHECK(a.read_to_end().empty());
    CHECK(f.events() == std::vector<std::string>{"opened 0", "closed 0"});
}

TEST_CASE("a peer that vanishes is reported once", "[unit][net]") {
    fixture f;
    {
        auto a = f.open();
        a.send_text("echo x");
        CHECK(a.next_text() == "x");
        if (GENERATE(true, false)) {
            a.drop();
        } else {
            a.end_input();
            CHECK(a.read_to_end().empty());
        }
        f.wait_for("closed 0");
    }
    f.wait([&] { return f.relay.report().connections == 0; });
    CHECK(f.events() == std::vector<std::string>{"opened 0", "closed 0"});
    auto b = f.open();  // the slot is used again
    CHECK(f.events().back() == "opened 0");
}

TEST_CASE("a reader that stops is bounded, harms nobody, and is told when it reads again", "[unit][net][AM-RLY-075]") {
    auto options = any_port();
    options.queue_bytes = 256 * 1024;
    fixture f{options};
    auto slow = f.open();
    auto quick = f.open();
    quick.send_text("flood 0 10000");
    quick.send_text("echo unharmed");
    CHECK(quick.next_text() == "unharmed");
    const auto flooded = f.relay.machine().flooded;
    CHECK(flooded == 256 * 1024 / 10'004);
    // Now it reads: all that was taken, whole, then what the machine says when told that there is room.
    for (std::size_t i = 0; i < flooded; ++i) REQUIRE(slow.next_text().size() == 10'000);
    CHECK(slow.next_text() == "drained");
    CHECK(std::count(f.events().begin(), f.events().end(), "drained 0") == 1);
}

TEST_CASE("a reader that stops swallows the queue and one send buffer, not megabytes", "[unit][net][AM-RLY-075]") {
    auto options = any_port();
    options.queue_bytes = 64 * 1024;
    fixture f{options};
    auto slow = f.dial();
    slow.receive_buffer(16 * 1024);
    slow.upgrade();
    auto quick = f.open();
    // Until nothing more goes out: what is taken lies in the queue, in our socket and in the reader's.
    std::size_t before = 0;
    int stalled = 0;
    for (int round = 0; round < 1000 && stalled < 10; ++round) {
        quick.send_text("flood 0 10000");
        quick.send_text("echo done");
        while (quick.next_text() != "done") {}
        stalled = f.relay.machine().flooded == before ? stalled + 1 : 0;
        before = f.relay.machine().flooded;
    }
    CHECK(stalled == 10);
    CHECK(before * 10'000 < options.queue_bytes + 5 * options.send_buffer_bytes);
}

TEST_CASE("an empty queue takes one message, however small the queue", "[unit][net][AM-RLY-075]") {
    auto options = any_port();
    options.queue_bytes = 1;
    fixture f{options};
    auto a = f.open();
    a.send_text("echo longer than the queue");
    CHECK(a.next_text() == "longer than the queue");
    CHECK(f.events().back() != "drained 0");
}

TEST_CASE("a peer that floods with Pings and reads nothing is not read from without bound", "[unit][net][AM-LIM-015]") {
    auto options = any_port();
    options.queue_bytes = 64 * 1024;
    fixture f{options};
    auto a = f.open();
    buffer burst;
    for (int i = 0; i < 500; ++i)
        ws::append_masked_frame(burst, {1, 2, 3, 4}, opcode::ping, std::string(ws::max_control_payload, 'p'));
    // Far more than the buffers of both sockets and the queue hold together: at some point nothing more is taken.
    constexpr std::size_t everything = 64 * 1024 * 1024;
    int stalled = 0;
    for (std::size_t sent = 0; stalled < 1000 && sent < everything;) {
        const auto now = a.send_some(as_text(burst));
        sent += now;
        stalled = now == 0 ? stalled + 1 : 0;
    }
    CHECK(stalled == 1000);
    CHECK(f.relay.report().driver.bytes_received < everything / 2);
}

TEST_CASE("a head that does not come is not waited for", "[unit][net][AM-WSK-013]") {
    auto options = any_port();
    options.head_timeout = 50ms;
    fixture f{options};
    auto a = f.dial();
    auto b = f.dial();
    b.send_raw("GET / HTTP/1.1\r\nHost:");
    CHECK(a.read_to_end().empty());
    CHECK(b.read_to_end().empty());
    CHECK(f.relay.report().driver.head_timeouts == 2);
    CHECK(f.events().empty());
}

TEST_CASE("an upgrade in time is not ended by the head deadline", "[unit][net]") {
    auto options = any_port();
    options.head_timeout = 20ms;
    fixture f{options};
    auto a = f.open();
    auto late = f.dial();
    CHECK(late.read_to_end().empty());  // its deadline was set after that of `a`
    a.send_text("echo alive");
    CHECK(a.next_text() == "alive");
}

TEST_CASE("health and metrics are plain HTTP on the same port", "[unit][net][AM-RLY-077]") {
    fixture f;
    auto other = f.open();
    auto a = f.dial();
    a.send_raw("GET /health HTTP/1.1\r\nHost: relay\r\n\r\n");
    const auto health = a.read_to_end();
    CHECK(health.substr(0, 15) == "HTTP/1.1 200 OK");
    const auto body = nlohmann::json::parse(health.substr(health.find("\r\n\r\n")));
    CHECK(body["status"] == "ok");
    CHECK(body["connections"] == 2);
    CHECK(body["agents_online"] == 0);
    CHECK(body.contains("uptime_seconds"));
    CHECK(body.contains("version"));

    auto b = f.dial();
    b.send_raw("GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n");
    const auto metrics = b.read_to_end();
    CHECK(metrics.find("\n# TYPE agentmesh_relay_connections gauge\nagentmesh_relay_connections ") !=
          std::string::npos);
    CHECK(metrics.find("\nagentmesh_relay_plain_requests_total 2\n") != std::string::npos);
}

TEST_CASE("other requests are refused with a status", "[unit][net]") {
    fixture f;
    const auto status = [&](std::string_view request) {
        auto a = f.dial();
        a.send_raw(request);
        return a.read_to_end().substr(9, 3);
    };
    CHECK(status("GET /nothing HTTP/1.1\r\nHost: relay\r\n\r\n") == "426");
    CHECK(status("POST /health HTTP/1.1\r\nHost: relay\r\n\r\n") == "405");
    CHECK(status("nonsense\r\n\r\n") == "400");
    CHECK(status("GET /ws HTTP/1.1\r\nHost: relay\r\n\r\n") == "404");
    CHECK(status("GET / HTTP/1.1\r\nHost: relay\r\nX: " + std::string(20'000, 'x')) == "431");
    CHECK(f.relay.report().driver.refused_upgrades == 5);
}

TEST_CASE("beyond its limit of connections the relay says 503, and takes the next when one has gone", "[unit][net]") {
    auto options = any_port();
    options.max_connections = 2;
    fixture f{options};
    auto a = f.open();
    {
        auto b = f.open();
        auto c = f.dial();
        CHECK(c.read_to_end().substr(9, 3) == "503");
        b.drop();
    }
    f.wait_for("closed 1");
    auto d = f.open();
    d.send_text("echo in");
    CHECK(d.next_text() == "in");
}

TEST_CASE("stop closes every connection with 1001 and leaves nothing to wait for", "[unit][net][AM-RLY-076]") {
    fixture f;
    auto a = f.open();
    auto b = f.open();
    auto unborn = f.dial();
    f.wait([&] { return f.relay.report().connections == 3; });
    f.relay.stop();
    for (auto* peer : {&a, &b}) {
        CHECK(peer->next().close_code() == 1001);
        peer->send_close(1001);
        CHECK(peer->read_to_end().empty());
        peer->end_input();
    }
    CHECK(unborn.read_to_end().empty());
    f.wait([&] { return f.io.stopped(); });
    CHECK(f.relay.report().connections == 0);
}

TEST_CASE("stop waits for peers that do not answer only as long as it was told", "[unit][net][AM-RLY-076]") {
    auto options = any_port();
    options.drain_timeout = 50ms;
    options.close_grace = 1h;
    fixture f{options};
    auto a = f.open();
    f.relay.stop();
    f.io.run();  // returns
    CHECK(f.relay.report().connections == 0);
    CHECK(f.events().back() == "closed 0");
}

TEST_CASE("stop waits for peers that do not answer one close grace, not two", "[unit][net][AM-RLY-076]") {
    auto options = any_port();
    options.close_grace = 1s;
    fixture f{options};
    auto a = f.open();
    auto b = f.open();
    const auto began = std::chrono::steady_clock::now();
    f.relay.stop();
    f.io.run();
    const auto took = std::chrono::steady_clock::now() - began;
    CHECK(f.relay.report().driver.close_timeouts == 2);
    CHECK(took >= 1s);
    CHECK(took < 1900ms);
}

TEST_CASE("an unnamed relay is called by its authority", "[unit][net]") {
    fixture f;
    CHECK(f.relay.machine().chosen().name == "127.0.0.1:" + std::to_string(f.relay.port()));
    CHECK(f.relay.url() == "ws://127.0.0.1:" + std::to_string(f.relay.port()) + "/");
}

TEST_CASE("a relay that cannot start says why in one sentence", "[unit][net]") {
    fixture f;
    auto options = any_port();
    options.port = f.relay.port();
    server second{f.io, options};
    REQUIRE_FALSE(second.start());
    CHECK(second.why() ==
          "cannot listen on 127.0.0.1 port " + std::to_string(options.port) + ": Address already in use");

    options = any_port();
    options.tls_chain_file = "/nonexistent.pem";
    server third{f.io, options};
    const auto outcome = third.start();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::tls_failed);
    CHECK(third.why().find("/nonexistent.pem") != std::string::npos);
}
