#include <agentmesh/net/agent_driver.hpp>
#include <agentmesh/net/relay_server.hpp>
#include <agentmesh/session/policy.hpp>

#include "tests/support/catch.hpp"

#include <asio/read.hpp>
#include <asio/write.hpp>

#include <map>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

/// Time that stands still until a test lets it pass. The sockets are real, and nobody waits.
class hand {
public:
    struct timer_entry {
        steady_point at;
        std::function<void()> then;
    };

    /// Calls what is due on the way. The wall clock hardly moves, since the relay has the system's; it moves at all
    /// because a proof of one moment is good once.
    void advance(duration by) {
        const auto end = now.steady + by;
        now.wall += 1ms;
        for (auto due = next(); due != timers.end() && due->second.at <= end; due = next()) {
            now.steady = std::max(now.steady, due->second.at);
            const auto then = std::move(due->second.then);
            timers.erase(due);
            then();
        }
        now.steady = end;
    }

    moment now = ahead();
    std::map<const void*, timer_entry> timers{};

private:
    /// A relay takes no proof that is older than itself, and some relays here begin late.
    static moment ahead() {
        auto out = net::system_clock{}.now();
        out.wall += 20s;
        return out;
    }
    [[nodiscard]] std::map<const void*, timer_entry>::iterator next() {
        return std::min_element(timers.begin(), timers.end(),
                                [](const auto& x, const auto& y) { return x.second.at < y.second.at; });
    }
};

struct hand_time {
    hand* of;

    class timer {
    public:
        timer(asio::io_context&, const hand_time& time) : hand_{time.of} {}
        ~timer() { cancel(); }
        timer(const timer&) = delete;
        timer& operator=(const timer&) = delete;
        void set(steady_point at, std::function<void()> then) { hand_->timers[this] = {at, std::move(then)}; }
        void cancel() { hand_->timers.erase(this); }

    private:
        hand* hand_;
    };
    [[nodiscard]] moment now() const noexcept { return of->now; }
};

local_identity fresh() {
    crypto::system_random random;
    return local_identity::create(random, net::system_clock{}.now().wall).value();
}

net::relay_server_options at_port(std::uint16_t port = 0) {
    net::relay_server_options out;
    out.port = port;
    return out;
}

/// A port at which nobody listens.
std::uint16_t deserted_port(asio::io_context& io) {
    net::tcp_acceptor taken{io, net::tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    return taken.local_endpoint().port();
}

std::string url_of(std::uint16_t port) { return "ws://127.0.0.1:" + std::to_string(port) + "/"; }

template <class Done>
void run_until(asio::io_context& io, Done done) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
        REQUIRE(std::chrono::steady_clock::now() < give_up);
        io.restart();
        io.run_one_for(100ms);
    }
}

/// Runs what is under way to its end. That it returns says that nothing is under way any more.
void run_dry(asio::io_context& io) {
    io.restart();
    io.run();
}

/// An agent and its driver, and what they have told.
struct station {
    using member = agent<memory_state, registry::memory_registry, session::allow_intents>;
    using driver = net::driver<member, hand_time>;

    station(asio::io_context& io, hand& clock, registry::memory_registry& directory, const std::string& relay,
            net::driver_options chosen = {}, local_identity keys = fresh())
        : self{std::move(keys)},
          machine{self, state, directory, session::allow_intents{{"travel"}}, options(relay)},
          mesh{io, machine, std::move(chosen), hand_time{&clock}} {
        mesh.handlers().on_connected = [this](std::int64_t) { ++connected; };
        mesh.handlers().on_disconnected = [this](const relay::client_end& end) { ends.push_back(end); };
        mesh.on_message([this](const incoming& got) {
            heard.push_back(got.text());
            last = got.session;
        });
    }
    static agent_options options(const std::string& relay) {
        agent_options out{.relay = relay};
        out.link.first_delay = 1s;
        out.link.longest_delay = 10s;
        return out;
    }

    local_identity self;
    memory_state state{};
    member machine;
    driver mesh;
    int connected = 0;
    std::vector<relay::client_end> ends{};
    std::vector<std::string> heard{};
    std::optional<session_id> last{};
};

}  // namespace

TEST_CASE("two agents talk over sockets, and leave nothing behind when they stop", "[unit][net]") {
    asio::io_context io;
    hand clock;
    registry::memory_registry directory;
    net::relay_server relay{io, at_port()};
    REQUIRE(relay.start());
    int afterwards = 0;
    station bob{io, clock, directory, relay.url()};
    station alice{io, clock, directory, relay.url(), {.after = [&] { ++afterwards; }}};
    REQUIRE(bob.mesh.start());
    REQUIRE(alice.mesh.start());
    CHECK_FALSE(alice.mesh.is_connected());
    alice.mesh.knock(bob.self.name(), {.category = "travel"}, [&](const result<session_id>& opened) {
        REQUIRE(opened);
        REQUIRE(alice.mesh.send(*opened, text("two seats")));
    });
    run_until(io, [&] { return !bob.heard.empty(); });
    CHECK(alice.mesh.is_connected());
    REQUIRE(bob.mesh.send(*bob.last, text("booked")));
    run_until(io, [&] { return !alice.heard.empty(); });
    CHECK(bob.heard == std::vector<std::string>{"two seats"});
    CHECK(alice.heard == std::vector<std::string>{"booked"});
    CHECK(afterwards > 0);

    REQUIRE(alice.mesh.close(*alice.last, message::code::close_user_requested));
    std::string why;
    bob.mesh.handlers().on_goodbye = [&](const incoming& got) {
        why = std::get<message::close_body>(got.body().value()).reason.text();
    };
    run_until(io, [&] { return !why.empty(); });
    CHECK(why == "user_requested");

    alice.mesh.stop();
    bob.mesh.stop();
    run_until(io, [&] { return !alice.ends.empty() && !bob.ends.empty(); });
    CHECK_FALSE(alice.ends.front().dial_again_in);
    relay.stop();
    run_dry(io);
    clock.advance(24h);
    run_dry(io);
    CHECK(alice.ends.size() == 1);
    CHECK(alice.connected == 1);
}

TEST_CASE("a relay that is not there is dialled again, each time later, until it is there", "[unit][net][AM-AUT-033]") {
    asio::io_context io;
    hand clock;
    registry::memory_registry directory;
    const auto port = deserted_port(io);
    station alice{io, clock, directory, url_of(port)};
    REQUIRE(alice.mesh.start());
    run_dry(io);
    for (const auto whole : {1s, 2s, 4s, 8s, 10s, 10s}) {
        const auto count = alice.ends.size();
        REQUIRE(count > 0);
        REQUIRE(alice.ends.back().dial_again_in);
        const auto wait = *alice.ends.back().dial_again_in;
        CHECK(wait >= whole / 2);
        CHECK(wait <= whole);
        clock.advance(wait - 1us);
        run_dry(io);
        CHECK(alice.ends.size() == count);  // not before its time
        clock.advance(1us);
        run_dry(io);
        CHECK(alice.ends.size() == count + 1);
    }
    CHECK(alice.connected == 0);

    net::relay_server relay{io, at_port(port)};
    REQUIRE(relay.start());
    clock.advance(10s);
    run_until(io, [&] { return alice.connected == 1; });

    // One that goes is dialled again soon: the patience of before is forgotten.
    const auto count = alice.ends.size();
    relay.stop();
    run_dry(io);
    REQUIRE(alice.ends.size() == count + 1);
    REQUIRE(alice.ends.back().dial_again_in);
    CHECK(*alice.ends.back().dial_again_in <= 1s);
    net::relay_server next{io, at_port(port)};
    REQUIRE(next.start());
    clock.advance(1s);
    run_until(io, [&] { return alice.connected == 2; });
    alice.mesh.stop();
    next.stop();
    run_dry(io);
}

TEST_CASE("a server that refuses is dialled again, one that took another login of ours is not",
          "[unit][net][AM-AUT-033]") {
    asio::io_context io;
    hand clock;
    registry::memory_registry directory;
    SECTION("no WebSocket there") {
        net::tcp_acceptor front{io, net::tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
        net::tcp_socket visitor{io};
        int visits = 0;
        std::array<char, 2048> request{};
        const std::string answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        const std::function<void()> wait = [&] {
            front.async_accept(visitor, [&](const std::error_code& failed) {
                if (failed) return;
                ++visits;
                visitor.async_read_some(asio::buffer(request), [&](const std::error_code&, std::size_t) {
                    asio::async_write(visitor, asio::buffer(answer), [&](const std::error_code&, std::size_t) {
                        visitor.close();
                        wait();
                    });
                });
            });
        };
        wait();
        station alice{io, clock, directory, url_of(front.local_endpoint().port())};
        REQUIRE(alice.mesh.start());
        run_until(io, [&] { return alice.ends.size() == 1; });
        REQUIRE(alice.ends[0].dial_again_in);
        clock.advance(*alice.ends[0].dial_again_in);
        run_until(io, [&] { return alice.ends.size() == 2; });
        CHECK(visits == 2);
        CHECK(alice.connected == 0);
        alice.mesh.stop();
        front.close();
        run_dry(io);
        CHECK(visits == 2);
    }
    SECTION("the other login") {
        net::relay_server relay{io, at_port()};
        REQUIRE(relay.start());
        auto keys = fresh();
        auto copy = identity::parse_identity(as_text(identity::write_identity(keys))).value();
        station first{io, clock, directory, relay.url(), {}, std::move(keys)};
        REQUIRE(first.mesh.start());
        run_until(io, [&] { return first.connected == 1; });
        clock.advance(1ms);  // another moment, another proof
        station second{io, clock, directory, relay.url(), {}, std::move(copy)};
        REQUIRE(second.mesh.start());
        run_until(io, [&] { return second.connected == 1 && !first.ends.empty(); });
        CHECK(first.ends.front().why.code == errc::session_replaced);
        CHECK_FALSE(first.ends.front().dial_again_in);
        second.mesh.stop();
        relay.stop();
        run_dry(io);
        clock.advance(1h);
        run_dry(io);
        CHECK(first.ends.size() == 1);
        CHECK(first.connected == 1);
    }
}

TEST_CASE("a relay that falls silent is left, and dialled again", "[unit][net]") {
    asio::io_context io;
    hand clock;
    registry::memory_registry directory;
    net::relay_server relay{io, at_port()};
    REQUIRE(relay.start());
    station alice{io, clock, directory, relay.url()};
    REQUIRE(alice.mesh.start());
    run_until(io, [&] { return alice.connected == 1; });
    clock.advance(59s);
    io.poll();
    CHECK(alice.mesh.is_connected());
    clock.advance(2s);  // the relay's own time stands still, so it has not pinged
    run_until(io, [&] { return alice.ends.size() == 1; });
    CHECK(alice.ends.front().why.code == errc::timed_out);
    clock.advance(1s);
    run_until(io, [&] { return alice.connected == 2; });
    alice.mesh.stop();
    relay.stop();
    run_dry(io);
}

TEST_CASE("an agent that was stopped does not come back", "[unit][net]") {
    asio::io_context io;
    hand clock;
    registry::memory_registry directory;
    SECTION("while it waits to dial again") {
        station alice{io, clock, directory, url_of(deserted_port(io))};
        REQUIRE(alice.mesh.start());
        run_dry(io);
        REQUIRE(alice.ends.size() == 1);
        alice.mesh.stop();
        CHECK(clock.timers.empty());
        clock.advance(1h);
        run_dry(io);
        CHECK(alice.ends.size() == 1);
    }
    SECTION("in the middle of a dial, wherever that is") {
        net::relay_server relay{io, at_port()};
        REQUIRE(relay.start());
        for (int steps = 0; steps < 12; ++steps) {
            CAPTURE(steps);
            station alice{io, clock, directory, relay.url()};
            clock.advance(1ms);
            REQUIRE(alice.mesh.start());
            for (int i = 0; i < steps; ++i) io.poll_one();
            alice.mesh.stop();
            const auto before = alice.connected;
            run_until(io, [&] { return relay.report().connections == 0 && !alice.mesh.is_connected(); });
            CHECK(alice.connected == before);
            CHECK(clock.timers.empty());
        }
        relay.stop();
        run_dry(io);
    }
    SECTION("before it was started") {
        station alice{io, clock, directory, url_of(1)};
        alice.mesh.stop();
        run_dry(io);
        CHECK(alice.ends.empty());
    }
}

TEST_CASE("a driver that is not to dial again does not, and one with a wrong URL does not begin", "[unit][net]") {
    asio::io_context io;
    hand clock;
    registry::memory_registry directory;
    station once{io, clock, directory, url_of(deserted_port(io)), {.dial_again = false}};
    REQUIRE(once.mesh.start());
    run_dry(io);
    CHECK(once.ends.size() == 1);
    clock.advance(30min);
    run_dry(io);
    CHECK(once.ends.size() == 1);

    station wrong{io, clock, directory, "http://127.0.0.1/"};
    CHECK(wrong.mesh.start().error().code == errc::http_malformed);
    run_dry(io);
    CHECK(wrong.ends.empty());
}
