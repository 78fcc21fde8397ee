#include <agentmesh/net/acceptor.hpp>

#include "tests/support/catch.hpp"

#include <asio/connect.hpp>
#include <asio/read.hpp>

#include <sys/resource.h>

#include <vector>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

net::tcp_socket dial(asio::io_context& io, std::uint16_t port) {
    net::tcp_socket out{io};
    out.connect({asio::ip::address_v4::loopback(), port});
    return out;
}

[[maybe_unused]] std::string read_to_end(net::tcp_socket& from) {
    std::string out;
    std::error_code ended;
    asio::read(from, asio::dynamic_buffer(out), ended);
    return out;
}

// Leaves this process no free descriptor while it lives.
class [[maybe_unused]] no_descriptors {
public:
    no_descriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::dup(0);  // the lowest free number: everything below is taken
        ::close(next);
        rlimit tight = before_;
        tight.rlim_cur = static_cast<rlim_t>(next);
        ::setrlimit(RLIMIT_NOFILE, &tight);
    }
    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("an acceptor hands on every connection", "[unit][net]") {
    asio::io_context io;
    net::acceptor acceptor{io};
    REQUIRE(acceptor.open("127.0.0.1", 0));
    std::vector<net::tcp_socket> taken;
    acceptor.start([&](net::tcp_socket s) { taken.push_back(std::move(s)); });
    std::vector<net::tcp_socket> dialled;
    for (int i = 0; i < 100; ++i) dialled.push_back(dial(io, acceptor.port()));
    while (taken.size() < 100) io.run_one();
    CHECK(acceptor.count().accepted == 100);
    acceptor.stop();
    io.run();
}

// UBSan's check of a vptr opens a pipe, so that a process without descriptors fails it.
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("without a descriptor an acceptor tells the peer, does not spin, and recovers", "[unit][net][AM-RLY-012]") {
    asio::io_context io;
    net::acceptor acceptor{io};
    REQUIRE(acceptor.open("127.0.0.1", 0));
    std::vector<net::tcp_socket> taken;
    acceptor.start([&](net::tcp_socket s) { taken.push_back(std::move(s)); });
    auto first = dial(io, acceptor.port());
    auto second = dial(io, acceptor.port());
    {
        const no_descriptors shortage;
        while (acceptor.count().refused_no_descriptor < 2) io.run_one();
        CHECK(taken.empty());
        // Nobody waits any more, so nothing is left to do but to wait.
        for (int i = 0; i < 10; ++i) io.poll();
        CHECK(io.poll() == 0);
    }
    CHECK(read_to_end(first).substr(0, 12) == "HTTP/1.1 503");
    CHECK(read_to_end(second).substr(0, 12) == "HTTP/1.1 503");

    auto third = dial(io, acceptor.port());
    while (taken.empty()) io.run_one();
    CHECK(acceptor.count().accepted == 1);
    acceptor.stop();
    io.run();
}
#endif

TEST_CASE("an address or port that cannot be used is an error that says why", "[unit][net]") {
    asio::io_context io;
    net::acceptor first{io}, second{io}, third{io};
    REQUIRE(first.open("127.0.0.1", 0));
    const auto taken = second.open("127.0.0.1", first.port());
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == errc::io_failed);
    CHECK(second.system_error() == asio::error::address_in_use);
    CHECK_FALSE(third.open("not an address", 0));
    CHECK(third.open("127.0.0.1", 0));  // a failed attempt leaves nothing behind
}
