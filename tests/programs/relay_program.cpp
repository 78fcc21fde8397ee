// agentmesh-relay from outside: what it prints, what it returns, what it keeps to itself.
#include "tests/programs/agent.hpp"
#include "tests/programs/relay_process.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/net/certificate.hpp"

namespace {

std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::vector<std::string> on_any_port(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--listen", "127.0.0.1", "--port", "0"});
    return more;
}

}  // namespace

TEST_CASE("the relay says where it listens in one line, and ends with 0 when it is told to stop", "[program][relay]") {
    relay_process relay{{on_any_port()}};
    const auto said = relay.line();
    CHECK(said.substr(0, 25) == "listening ws://127.0.0.1:");
    CHECK(said.back() == '/');
    relay.signal(GENERATE(SIGTERM, SIGINT));
    CHECK(relay.wait() == 0);
    CHECK(relay.line().empty());
}

TEST_CASE("two agents exchange messages through the relay", "[program][relay]") {
    relay_process relay{{on_any_port()}};
    const auto port = relay.port();
    test_agent alice{port}, bob{port};
    REQUIRE(alice.log_in()["type"] == "connected");
    REQUIRE(bob.log_in()["type"] == "connected");
    alice.send_message(bob.name(), "sealed");
    const auto got = bob.next_json();
    CHECK(got["from"] == alice.name());
    CHECK(got["encrypted_payload"] == "sealed");
}

TEST_CASE("a relay that is told to stop closes every connection with 1001", "[program][relay][AM-RLY-076]") {
    relay_process relay{{on_any_port()}};
    const auto port = relay.port();
    test_agent alice{port}, stranger{port};
    (void)alice.log_in();
    relay.signal(SIGTERM);
    CHECK(alice.await_close() == 1001);
    CHECK(stranger.await_close() == 1001);
    CHECK(relay.wait() == 0);
}

TEST_CASE("wrong usage is one line on standard error that says what to do, and exit code 2", "[program][relay]") {
    const auto arguments =
        GENERATE(std::vector<std::string>{"--bogus"}, std::vector<std::string>{"--port", "99999"},
                 std::vector<std::string>{"--tls-cert", "chain.pem"}, std::vector<std::string>{"--log", "loud"},
                 std::vector<std::string>{"--no-feature", "telepathy"},
                 std::vector<std::string>{"--ping-interval-ms", "100", "--pong-grace-ms", "100"});
    relay_process relay{{arguments}};
    CHECK(relay.wait() == 2);
    CHECK(lines(relay.log()) == 1);
    CHECK(relay.log().find("see agentmesh-relay --help") != std::string::npos);
    CHECK(relay.line().empty());
}

TEST_CASE("a relay that cannot start says why in one line, with exit code 1", "[program][relay]") {
    relay_process first{{on_any_port({"--log", "off"})}};
    const auto port = std::to_string(first.port());
    relay_process second{{{"--port", port, "--log", "off"}}};
    CHECK(second.wait() == 1);
    CHECK(second.log() == "agentmesh-relay: cannot listen on 127.0.0.1 port " + port + ": Address already in use\n");

    relay_process third{{on_any_port({"--tls-cert", "/nonexistent", "--tls-key", "/nonexistent"})}};
    CHECK(third.wait() == 1);
    CHECK(lines(third.log()) == 1);
}

TEST_CASE("help and version are on standard output, with exit code 0", "[program][relay]") {
    relay_process help{{{"--help"}}};
    std::string text;
    for (auto line = help.line(); text.find("Exit codes") == std::string::npos; line = help.line()) text += line + "\n";
    CHECK(text.find("AGENTMESH_RELAY_QUEUE_BYTES") != std::string::npos);
    CHECK(help.wait() == 0);
    relay_process version{{{"--version"}}};
    CHECK(version.line().substr(0, 16) == "agentmesh-relay ");
    CHECK(version.wait() == 0);
}

TEST_CASE("limits come from the environment, and the command line wins", "[program][relay][AM-AUT-025][AM-AUT-026]") {
    const bool both = GENERATE(false, true);
    relay_process relay{{.arguments = both ? on_any_port({"--handshake-timeout-ms", "3600000"}) : on_any_port(),
                         .environment = {"AGENTMESH_RELAY_HANDSHAKE_TIMEOUT_MS=50"}}};
    test_agent silent{relay.port()};
    if (both) {
        CHECK(silent.log_in()["type"] == "connected");
    } else {
        CHECK(silent.next_json()["code"] == "UNAUTHORIZED");
        CHECK(silent.await_close() == 1008);
    }
}

TEST_CASE("health and metrics tell what the relay does", "[program][relay][AM-RLY-077]") {
    relay_process relay{{on_any_port()}};
    const auto port = relay.port();
    test_agent alice{port};
    (void)alice.log_in();
    const auto health = http_get(port, "/health");
    CHECK(nlohmann::json::parse(health.substr(health.find("\r\n\r\n")))["agents_online"] == 1);
    CHECK(http_get(port, "/metrics").find("\nagentmesh_relay_logins_total 1\n") != std::string::npos);
}

TEST_CASE("the log names agents and clauses, never a payload, a key or a signature", "[program][relay][AM-PRV-002]") {
    relay_process relay{{on_any_port({"--log", "debug"})}};
    const auto port = relay.port();
    test_agent alice{port}, bob{port};
    (void)alice.log_in();
    (void)bob.log_in();
    const std::string secret = "VGhpcyBpcyB0aGUgcGF5bG9hZA";
    alice.send_message(bob.name(), secret);
    CHECK(bob.next_json()["encrypted_payload"] == secret);
    alice.send_message("not-an-amid", secret);  // refused
    CHECK(alice.next_json()["code"] == "UNKNOWN_RECIPIENT");
    alice.send_text(R"({"type":")" + secret + R"("})");  // unknown
    CHECK(alice.next_json()["code"] == "INVALID_MESSAGE");
    test_agent forger{port};
    const std::string zeros(86, 'A');
    forger.send_text(agentmesh::wire::connect_text({.amid = alice.name(),
                                                    .public_key = alice.public_key,
                                                    .timestamp = "2026-01-01T00:00:00Z",
                                                    .signature = zeros + "=="}));
    CHECK(forger.next_json()["code"] == "INVALID_SIGNATURE");
    CHECK(forger.await_close() == 1008);
    CHECK(http_get(port, "/" + secret + " HTTP/9.9").substr(0, 12) == "HTTP/1.1 400");
    const auto metrics = http_get(port, "/metrics");
    relay.signal(SIGTERM);
    CHECK(alice.await_close() == 1001);
    CHECK(bob.await_close() == 1001);
    REQUIRE(relay.wait() == 0);

    const auto log = relay.log();
    CHECK(log.find(alice.name()) != std::string::npos);
    CHECK(log.find("AM-ERR-002") != std::string::npos);
    for (const auto& hidden : {secret, alice.public_key, alice.signature, bob.public_key, bob.signature, zeros}) {
        CHECK(log.find(hidden) == std::string::npos);
        CHECK(metrics.find(hidden) == std::string::npos);
    }
    CHECK(metrics.find(alice.name()) == std::string::npos);
    std::istringstream each{log};
    for (std::string line; std::getline(each, line);) CHECK(nlohmann::json::parse(line).contains("event"));
}

TEST_CASE("over TLS the relay does the same, and speaks nothing else", "[program][relay][tls]") {
    const test_certificate certificate;
    relay_process relay{
        {on_any_port({"--tls-cert", certificate.chain_file(), "--tls-key", certificate.key_file(), "--log", "off"})}};
    const auto said = relay.line();
    CHECK(said.substr(0, 26) == "listening wss://127.0.0.1:");
    const auto port = static_cast<std::uint16_t>(std::stoul(said.substr(26)));
    const auto trusting = agentmesh::net::tls_context::client(certificate.chain_file()).value();

    test_agent alice{port, &trusting}, bob{port, &trusting};
    REQUIRE(alice.log_in()["type"] == "connected");
    REQUIRE(bob.log_in()["type"] == "connected");
    for (const std::size_t size : {1u, 1000u, 65'536u}) {
        const std::string payload(size, 'p');
        alice.send_message(bob.name(), payload);
        CHECK(bob.next_json()["encrypted_payload"] == payload);
    }
    CHECK(http_get(port, "/health").find("HTTP/1.1 200") == std::string::npos);

    relay.signal(SIGTERM);
    CHECK(alice.await_close() == 1001);
    CHECK(bob.await_close() == 1001);
    CHECK(relay.wait() == 0);
}
