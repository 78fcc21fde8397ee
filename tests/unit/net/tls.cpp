#include <agentmesh/net/tls.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/net/certificate.hpp"

using namespace agentmesh;
using net::tls_channel;
using net::tls_context;

namespace {

// Carries bytes between the two ends until neither has any, in pieces of `piece` bytes.
result<void> exchange(tls_channel& client, tls_channel& server, std::size_t piece, buffer& at_client,
                      buffer& at_server) {
    const auto carry = [&](tls_channel& from, tls_channel& to, buffer& arrived) -> result<bool> {
        buffer wire(piece);
        wire.resize(from.take_output(wire));
        if (!wire.empty()) AGENTMESH_CHECK(to.feed(wire));
        buffer plain(1000);
        AGENTMESH_TRY(size, to.read(plain));
        arrived.insert(arrived.end(), plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(size));
        return !wire.empty() || size > 0;
    };
    for (bool busy = true; busy;) {
        AGENTMESH_TRY(there, carry(client, server, at_server));
        AGENTMESH_TRY(back, carry(server, client, at_client));
        busy = there || back;
    }
    return {};
}

struct ends {
    test_certificate certificate;
    tls_context server_context = tls_context::server(certificate.chain_file(), certificate.key_file()).value();
    tls_context client_context = tls_context::client(certificate.chain_file()).value();
    tls_channel server = tls_channel::accept(server_context).value();
};

}  // namespace

TEST_CASE("two TLS ends shake hands and carry text, however the bytes are cut", "[unit][net][tls]") {
    const std::size_t piece = GENERATE(std::size_t{1}, 100, 65536);
    ends e;
    auto client = tls_channel::connect(e.client_context, GENERATE("127.0.0.1", "localhost")).value();
    buffer at_client, at_server;
    REQUIRE(exchange(client, e.server, piece, at_client, at_server));
    REQUIRE(client.established());
    REQUIRE(e.server.established());

    const std::string there(40'000, 'q');
    REQUIRE(client.write(as_bytes(there)));
    REQUIRE(e.server.write(as_bytes("answer")));
    REQUIRE(exchange(client, e.server, piece, at_client, at_server));
    CHECK(as_text(at_server) == there);
    CHECK(as_text(at_client) == "answer");

    e.server.close_notify();
    const auto ended = exchange(client, e.server, piece, at_client, at_server);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == errc::ws_closed);
}

TEST_CASE("a client refuses a certificate for another host, and one that nobody it trusts has signed",
          "[unit][net][tls]") {
    ends e;
    test_certificate other;
    const auto trusting_other = tls_context::client(other.chain_file()).value();
    const bool wrong_host = GENERATE(true, false);
    auto client = wrong_host ? tls_channel::connect(e.client_context, "example.org").value()
                             : tls_channel::connect(trusting_other, "127.0.0.1").value();
    buffer at_client, at_server;
    const auto outcome = exchange(client, e.server, 65536, at_client, at_server);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::tls_failed);
    CHECK_FALSE(client.established());
}

TEST_CASE("a TLS end refuses bytes that are not TLS", "[unit][net][tls]") {
    ends e;
    REQUIRE(e.server.feed(as_bytes("GET / HTTP/1.1\r\nHost: relay\r\n\r\n")));
    buffer plain(100);
    const auto outcome = e.server.read(plain);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::tls_failed);
}

TEST_CASE("a certificate without its key is refused when it is loaded", "[unit][net][tls]") {
    const test_certificate one, other;
    CHECK(tls_context::server(one.chain_file(), one.key_file()));
    for (const auto& [chain, key] :
         {std::pair{one.chain_file(), other.key_file()}, std::pair{one.chain_file(), one.chain_file()},
          std::pair{std::string{"/nonexistent"}, one.key_file()}}) {
        const auto outcome = tls_context::server(chain, key);
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code == errc::tls_failed);
    }
}
