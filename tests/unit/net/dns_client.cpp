// The DNS client on loopback: a server of a few lines, and what becomes of a lookup that nobody answers.
#include <agentmesh/net/dns_client.hpp>

#include "tests/support/catch.hpp"

#include <filesystem>

#include <unistd.h>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

/// A server on one port of UDP and TCP. Over UDP it says first that the answer does not fit, if it is told to.
class name_server {
public:
    explicit name_server(asio::io_context& io, bool truncates)
        : datagrams_{io, {asio::ip::address_v4::loopback(), 0}}, acceptor_{io}, socket_{io}, truncates_{truncates} {
        const asio::ip::tcp::endpoint here{asio::ip::address_v4::loopback(), datagrams_.local_endpoint().port()};
        acceptor_.open(here.protocol());
        acceptor_.bind(here);
        acceptor_.listen();
        datagrams_.non_blocking(true);
        acceptor_.non_blocking(true);
    }
    [[nodiscard]] asio::ip::udp::endpoint at() const { return datagrams_.local_endpoint(); }

    /// Answers what has come.
    void work() {
        std::error_code failed;
        asio::ip::udp::endpoint from;
        auto size = datagrams_.receive_from(asio::buffer(bytes_), from, 0, failed);
        if (!failed) {
            ports.push_back(from.port());
            const auto out = answer({bytes_.data(), size}, truncates_);
            datagrams_.send_to(asio::buffer(out), from, 0, failed);
        }
        if (!connected_) {
            acceptor_.accept(socket_, failed);
            connected_ = !failed;
            if (connected_) socket_.non_blocking(true);
        }
        if (!connected_) return;
        size = socket_.read_some(asio::buffer(bytes_), failed);
        if (failed) return;
        got_.insert(got_.end(), bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(size));
        if (got_.size() < 2 || got_.size() < 2U + got_[1]) return;
        auto out = answer(byte_view{got_}.subspan(2), false);
        const auto length = out.size();
        out.insert(out.begin(), {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)});
        socket_.write_some(asio::buffer(out), failed);
    }
    std::vector<std::uint16_t> ports{};

private:
    static buffer answer(byte_view question, bool truncated) {
        buffer out{question.begin(), question.end()};
        out[2] = truncated ? 0x83 : 0x81;
        if (truncated) return out;
        out[7] = 1;
        for (const int one : {0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, 0x68, 0x69})
            out.push_back(static_cast<std::uint8_t>(one));
        return out;
    }

    asio::ip::udp::socket datagrams_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::socket socket_;
    std::array<std::uint8_t, 1024> bytes_{};
    buffer got_;
    bool truncates_;
    bool connected_ = false;
};

template <class Done>
void wait(asio::io_context& io, name_server* server, Done done) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > give_up) FAIL("waited in vain");
        if (server != nullptr) server->work();
        io.restart();
        io.poll();
    }
}

}  // namespace

TEST_CASE("texts come over UDP, or over TCP where they do not fit", "[unit][net][dns][AM-ORG-020]") {
    asio::io_context io;
    const bool truncates = GENERATE(false, true);
    name_server server{io, truncates};
    net::dns_client names{io, {server.at()}};
    std::vector<std::string> got;
    names.ask("_agentmesh.acme.example", [&](const auto& texts) { got = texts.value(); });
    CHECK(got.empty());  // never from within
    wait(io, &server, [&] { return !got.empty(); });
    CHECK(got == std::vector<std::string>{"hi"});
    CHECK(server.ports.size() == 1);
}

TEST_CASE("each lookup has a port of its own", "[unit][net][dns][AM-ORG-020]") {
    asio::io_context io;
    name_server server{io, false};
    net::dns_client names{io, {server.at()}};
    std::size_t done = 0;
    for (int i = 0; i < 8; ++i) names.ask("a.example", [&](const auto& texts) { done += texts ? 1U : 0U; });
    wait(io, &server, [&] { return done == 8; });
    std::set<std::uint16_t> different{server.ports.begin(), server.ports.end()};
    CHECK(different.size() == 8);
}

TEST_CASE("a lookup that cannot be made is answered all the same", "[unit][net][dns]") {
    asio::io_context io;
    std::vector<errc> got;
    const auto note = [&](const auto& texts) { got.push_back(texts.error().code); };
    net::dns_client none{io, {}};
    none.ask("a.example", note);
    net::dns_client names{io, {{asio::ip::address_v4::loopback(), 9}}};
    names.ask("a..example", note);
    wait(io, nullptr, [&] { return got.size() == 2; });
    CHECK(got == std::vector<errc>{errc::registry_failed, errc::wrong_member});
    // Open ones end with the client's stop, and more than it may have at once are not begun.
    got.clear();
    asio::ip::udp::socket silent{io, {asio::ip::address_v4::loopback(), 0}};
    net::dns_client patient{io, {silent.local_endpoint()}};
    for (std::size_t i = 0; i <= net::dns_client::at_once; ++i) patient.ask("a.example", note);
    wait(io, nullptr, [&] { return !got.empty(); });
    CHECK(got == std::vector<errc>{errc::queue_full});
    patient.stop();
    wait(io, nullptr, [&] { return got.size() == 1 + net::dns_client::at_once; });
    CHECK(got.back() == errc::io_failed);
}

TEST_CASE("name servers are numeric, with a port or without", "[unit][net][dns]") {
    const auto read = [](std::string_view text) {
        const auto out = net::parse_name_server(text);
        return out ? out->address().to_string() + " " + std::to_string(out->port()) : std::string{};
    };
    CHECK(read("192.0.2.1") == "192.0.2.1 53");
    CHECK(read("192.0.2.1:5353") == "192.0.2.1 5353");
    CHECK(read("2001:db8::1") == "2001:db8::1 53");
    CHECK(read("[2001:db8::1]:5353") == "2001:db8::1 5353");
    CHECK(read("[2001:db8::1]") == "2001:db8::1 53");
    for (const std::string_view wrong :
         {"", ":", "ns.example", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "192.0.2.256",
          "[2001:db8::1", "[2001:db8::1]5353", "192.0.2.1:53:"})
        CHECK(read(wrong).empty());

    std::string file = (std::filesystem::temp_directory_path() / "agentmesh-resolv-XXXXXX").string();
    const int opened = mkstemp(file.data());
    REQUIRE(opened >= 0);
    const std::string_view text =
        "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 \n"
        "nameserverx 192.0.2.8\nnameserver nobody\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
    REQUIRE(::write(opened, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(opened);
    const auto all = net::read_name_servers(file);
    ::unlink(file.c_str());
    REQUIRE(all.size() == 3);
    CHECK(all[0].address().to_string() == "192.0.2.1");
    CHECK(all[1].address().to_string() == "2001:db8::1");
    CHECK(all[2].address().to_string() == "192.0.2.2");
    CHECK(net::read_name_servers("/nonexistent/resolv.conf").empty());
}
