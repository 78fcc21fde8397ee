// agentmesh-relay where things run short: descriptors, patience, memory.
#include "tests/programs/agent.hpp"
#include "tests/programs/relay_process.hpp"
#include "tests/support/catch.hpp"

#include <memory>

namespace {

const std::vector<std::string> unlimited{"--port", "0", "--sends-per-minute", "0", "--log", "off"};

bool exchange(test_agent& from, test_agent& to, const std::string& payload) {
    from.send_message(to.name(), payload);
    return to.next_json()["encrypted_payload"] == payload;
}

}  // namespace

// UBSan's check of a vptr opens a pipe, so that a process without descriptors fails it.
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a relay without free descriptors serves those it has, refuses the others, and recovers",
          "[program][relay][AM-RLY-012]") {
    relay_process relay{{.arguments = unlimited, .descriptors = 32}};
    const auto port = relay.port();
    test_agent alice{port}, bob{port};
    (void)alice.log_in();
    (void)bob.log_in();

    std::vector<std::unique_ptr<wire_link>> crowd;
    for (int i = 0; i < 60; ++i) crowd.push_back(std::make_unique<wire_link>(port));
    CHECK(crowd.back()->receive_to_end().substr(0, 12) == "HTTP/1.1 503");
    CHECK(exchange(alice, bob, "still here"));

    const auto before = relay.cpu();
    for (int i = 0; i < 20; ++i) CHECK(exchange(alice, bob, "round " + std::to_string(i)));
    CHECK(relay.cpu() - before < std::chrono::milliseconds{500});  // it does not spin

    crowd.clear();
    // The relay learns of each end by and by; a refusal in the meantime is an answer, silence would not be.
    std::string health;
    while ((health = http_get(port, "/health")).substr(0, 12) != "HTTP/1.1 200") {
        if (!health.empty()) CHECK(health.substr(0, 12) == "HTTP/1.1 503");
    }
    test_agent late{port};
    CHECK(late.log_in()["type"] == "connected");
    CHECK(exchange(late, bob, "after"));
}
#endif

TEST_CASE("a reader that stops costs a bounded amount of memory and delays nobody", "[program][relay][AM-RLY-075]") {
    // AddressSanitizer keeps what was freed, to notice its use; that is not what is measured here.
    relay_process relay{{.arguments = unlimited, .environment = {"ASAN_OPTIONS=quarantine_size_mb=1"}}};
    const auto port = relay.port();
    test_agent alice{port}, bob{port};
    test_agent sleeper{port, nullptr, 4096};
    (void)alice.log_in();
    (void)bob.log_in();
    (void)sleeper.log_in();

    REQUIRE(exchange(alice, bob, "warm"));
    const auto before = relay.resident();
    const std::string block(60'000, 'b');
    std::size_t refused = 0;
    // 60 MB for somebody who reads nothing: sockets and queue take some, the store up to its cap, the rest is refused.
    for (int i = 0; i < 1000; ++i) {
        alice.send_message(sleeper.name(), block);
        while (alice.link().readable()) refused += alice.next_json()["type"] == "error";
        if (i % 100 == 0) CHECK(exchange(bob, bob, "awake"));
    }
    CHECK(exchange(alice, bob, "done"));
    CHECK(refused > 500);
    CHECK(relay.resident() - before < 16 * 1024);
}

TEST_CASE("a head at one byte at a time ends with its deadline, not with its last byte",
          "[program][relay][AM-WSK-013]") {
    relay_process relay{{.arguments = {"--port", "0", "--head-timeout-ms", "200", "--log", "off"}}};
    wire_link slow{relay.port()};
    const std::string head = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ";
    const auto begun = std::chrono::steady_clock::now();
    std::size_t sent = 0;
    try {
        while (!slow.readable(5)) slow.send(sent < head.size() ? std::string_view{head}.substr(sent++, 1) : "x");
        CHECK(slow.receive_to_end().substr(0, 12) != "HTTP/1.1 101");
    } catch (const std::runtime_error&) {
        // A reset is an end too: bytes crossed it.
    }
    CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds{190});
}

TEST_CASE("many that come and go leave nothing behind", "[program][relay]") {
    relay_process relay{{.arguments = unlimited}};
    const auto port = relay.port();
    for (int i = 0; i < 200; ++i) {
        test_agent one{port};
        if (i % 2 == 0) (void)one.log_in();
    }
    std::string health;
    do health = http_get(port, "/health");
    while (nlohmann::json::parse(health.substr(health.find("\r\n\r\n")))["connections"] != 1);
    CHECK(health.find(R"("agents_online":0)") != std::string::npos);
}
