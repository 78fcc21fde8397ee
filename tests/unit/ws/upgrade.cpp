#include <agentmesh/ws/upgrade.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;

namespace {

constexpr std::string_view good_request =
    "GET /v1 HTTP/1.1\r\n"
    "Host: relay.example\r\n"
    "Upgrade: websocket\r\n"
    "Connection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n";

/// The good request with `from` replaced by `to`, and `more` lines at its end.
std::string changed(std::string_view from, std::string_view to, std::string_view more = {}) {
    std::string out{good_request};
    if (!from.empty()) {
        const auto at = out.find(from);
        REQUIRE(at != std::string::npos);
        out.replace(at, from.size(), to);
    }
    return out.append(more).append("\r\n");
}
std::string with(std::string_view more) { return changed("", "", more); }

/// One handshake and its decision, which points into it.
struct exchange {
    ws::upgrade_options options;
    ws::server_handshake handshake{options};
    std::optional<ws::upgrade_decision> decision;

    exchange(std::string_view request, ws::upgrade_options how = {}) : options{std::move(how)}, handshake{options} {
        decision = handshake.feed(as_bytes(request));
        REQUIRE(decision);
    }
    [[nodiscard]] const ws::upgrade_accepted* accepted() const { return std::get_if<ws::upgrade_accepted>(&*decision); }
    [[nodiscard]] const ws::plain_request* plain() const { return std::get_if<ws::plain_request>(&*decision); }
    [[nodiscard]] const ws::upgrade_refused& refused() const {
        REQUIRE(std::holds_alternative<ws::upgrade_refused>(*decision));
        return std::get<ws::upgrade_refused>(*decision);
    }
};

constexpr std::string_view plain_answer =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "\r\n";

/// What a client that used the nonce of RFC 6455 section 1.3 makes of `answer`.
result<bool> client_hears(std::string_view answer, std::string_view subprotocols = {}) {
    std::array<std::uint8_t, 16> nonce;
    const std::string_view text = "the sample nonce";
    std::copy(text.begin(), text.end(), nonce.begin());
    auto client = ws::client_handshake::begin({.host = "relay.example", .subprotocols = subprotocols}, nonce);
    REQUIRE(client);
    auto input = as_bytes(answer);
    return client->feed(input);
}

}  // namespace

TEST_CASE("a correct upgrade is answered with its accept value", "[unit][ws][AM-WSK-001]") {
    const exchange x{with("")};
    REQUIRE(x.accepted());
    CHECK(x.accepted()->path == "/v1");
    CHECK(x.accepted()->answer == plain_answer);
}

TEST_CASE("a handshake is decided the same however it is cut", "[unit][ws][AM-WSK-037]") {
    const ws::upgrade_options options;
    ws::server_handshake handshake{options};
    const std::string request = with("");
    for (std::size_t i = 0; i + 1 < request.size(); ++i) {
        REQUIRE_FALSE(handshake.feed(as_bytes(request).subspan(i, 1)));
    }
    const auto decision = handshake.feed(as_bytes(request).last(1));
    REQUIRE(decision);
    REQUIRE(std::holds_alternative<ws::upgrade_accepted>(*decision));
    CHECK(std::get<ws::upgrade_accepted>(*decision).answer == plain_answer);
}

TEST_CASE("extension offers are declined by silence", "[unit][ws][AM-WSK-011][AM-WSK-012]") {
    const exchange x{
        with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other\r\n"
             "Sec-WebSocket-Protocol: chat\r\n")};
    REQUIRE(x.accepted());
    CHECK(x.accepted()->answer == plain_answer);
}

TEST_CASE("a subprotocol is chosen only where one is configured", "[unit][ws][AM-WSK-011]") {
    ws::upgrade_options options;
    options.subprotocols = {"v2", "v1"};
    const exchange x{with("Sec-WebSocket-Protocol: v1, v2\r\nSec-WebSocket-Protocol: v3\r\n"), options};
    REQUIRE(x.accepted());
    CHECK(x.accepted()->subprotocol == "v2");
    CHECK(x.accepted()->answer.find("\r\nSec-WebSocket-Protocol: v2\r\n") != std::string::npos);
    for (const std::string_view offer : {"a b", "caf\xC3\xA9", "", "a,,b", "a,a", "a, \"b\""}) {
        CHECK(exchange{with("Sec-WebSocket-Protocol: " + std::string{offer} + "\r\n"), options}.refused().status ==
              400);
    }
}

TEST_CASE("the key must stand for exactly 16 bytes, once", "[unit][ws][AM-WSK-002]") {
    for (const std::string_view key :
         {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25j",
          "dGhlIHNhbXBsZSBub25jZSEh", "dGhlIHNhbXBsZSBub25jZ_=="}) {
        const auto request = changed("dGhlIHNhbXBsZSBub25jZQ==", key);
        CHECK(exchange{request}.refused().why == error{errc::http_malformed, "AM-WSK-002"});
    }
    CHECK(exchange{changed("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")}.refused().status == 400);
    CHECK(exchange{with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")}.refused().status == 400);
}

TEST_CASE("another version is answered 426 with the one we speak", "[unit][ws][AM-WSK-003][AM-WSK-004]") {
    for (const std::string_view version : {"12", "8", "130", "013", "13, 12", "x"}) {
        const exchange x{changed("Version: 13", "Version: " + std::string{version})};
        CHECK(x.refused().status == 426);
        CHECK(x.refused().answer.find("\r\nSec-WebSocket-Version: 13\r\n") != std::string::npos);
        CHECK(x.refused().answer.find("\r\nUpgrade: websocket\r\n") != std::string::npos);
    }
    CHECK(exchange{changed("Sec-WebSocket-Version: 13\r\n", "")}.refused().status == 400);
    CHECK(exchange{with("Sec-WebSocket-Version: 13\r\n")}.refused().status == 400);
}

TEST_CASE("an upgrade needs GET, Upgrade and Connection", "[unit][ws][AM-WSK-016]") {
    CHECK(exchange{changed("GET ", "POST ")}.refused().status == 405);
    CHECK(exchange{changed("Upgrade: websocket", "Upgrade: h2c")}.refused().status == 400);
    CHECK(exchange{changed("Upgrade: websocket\r\n", "")}.refused().status == 400);
    CHECK(exchange{changed("keep-alive, Upgrade", "keep-alive")}.refused().status == 400);
    CHECK(exchange{changed("HTTP/1.1", "HTTP/1.0")}.refused().status == 400);
    CHECK(exchange{changed("Upgrade: websocket", "UPGRADE: h2c, WebSocket")}.accepted());
}

TEST_CASE("a page connects only from an allowed origin", "[unit][ws][AM-WSK-010]") {
    const std::string page = with("Origin: https://app.example\r\n");
    CHECK(exchange{page}.refused().status == 403);
    ws::upgrade_options options;
    options.allowed_origins = {"https://app.example"};
    CHECK(exchange{page, options}.accepted());
    CHECK(exchange{with("Origin: https://app.example.evil\r\n"), options}.refused().status == 403);
    CHECK(exchange{with("Origin: null\r\n"), options}.refused().status == 403);
    options.allowed_origins = {"*"};
    CHECK(exchange{with("Origin: https://any.example\r\n"), options}.accepted());
    CHECK(exchange{with("Origin: a\r\nOrigin: a\r\n"), options}.refused().status == 400);
}

TEST_CASE("a reserved path is not found", "[unit][ws]") {
    CHECK(exchange{changed("/v1", "/ws")}.refused().status == 404);
    CHECK(exchange{changed("/v1", "/ws?x")}.refused().status == 404);
    CHECK(exchange{"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n"}.refused().status == 404);
    CHECK(exchange{changed("/v1", "/wss")}.accepted());
    CHECK(exchange{changed("/v1", "/")}.accepted());
}

TEST_CASE("bytes sent before the answer are never read as frames", "[unit][ws][AM-WSK-009][AM-WSK-017]") {
    CHECK(exchange{with("") + "\x81\x85"}.refused().why == error{errc::http_malformed, "AM-WSK-017"});
    CHECK(exchange{changed("Version: 13", "Version: 12") + "\x81\x85"}.refused().status == 426);
}

TEST_CASE("plain HTTP is handed to the program, an upgrade on such a path ignored", "[unit][ws]") {
    const exchange health{"GET /health?v HTTP/1.1\r\nHost: a\r\n\r\n"};
    REQUIRE(health.plain());
    CHECK(health.plain()->path == "/health");
    CHECK(health.plain()->query == "v");
    CHECK_FALSE(health.plain()->head_only);
    const exchange head{"HEAD /metrics HTTP/1.0\r\n\r\n"};
    REQUIRE(head.plain());
    CHECK(head.plain()->head_only);
    CHECK(exchange{changed("/v1", "/health")}.plain());
    CHECK(exchange{"DELETE /health HTTP/1.1\r\nHost: a\r\n\r\n"}.refused().status == 405);
    CHECK(exchange{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}.refused().status == 426);
}

TEST_CASE("a refusal names its clause and closes", "[unit][ws]") {
    const exchange x{changed("Version: 13", "Version: 12")};
    CHECK(x.refused().answer.find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(x.refused().answer.ends_with("WebSocket version is not 13 (AM-WSK-004)\n"));
    CHECK(exchange{"BAD\n"}.refused().status == 400);
    CHECK(exchange{"GET / HTTP/1.1\r\na:" + std::string(9000, 'x')}.refused().status == 431);
}

TEST_CASE("our client's request is one our server accepts", "[unit][ws][AM-WSK-001]") {
    const std::array<std::uint8_t, 16> nonce{1, 2, 3};
    auto client = ws::client_handshake::begin(
        {.host = "relay.example:8443", .target = "/v1?x=1", .origin = "https://app.example", .subprotocols = "v1, v2"},
        nonce);
    REQUIRE(client);
    ws::upgrade_options options;
    options.allowed_origins = {"https://app.example"};
    options.subprotocols = {"v2"};
    const exchange x{client->request(), options};
    REQUIRE(x.accepted());
    CHECK(x.accepted()->path == "/v1");

    const std::string stream = x.accepted()->answer + "\x81";
    auto input = as_bytes(stream);
    CHECK(client->feed(input) == true);
    CHECK(client->status() == 101);
    CHECK(client->subprotocol() == "v2");
    CHECK(input.size() == 1);
}

TEST_CASE("a request is not built from what would break it", "[unit][ws]") {
    const std::array<std::uint8_t, 16> nonce{};
    CHECK_FALSE(ws::client_handshake::begin({.host = "a\r\nX: y"}, nonce));
    CHECK_FALSE(ws::client_handshake::begin({.host = ""}, nonce));
    CHECK_FALSE(ws::client_handshake::begin({.host = "a", .target = "x"}, nonce));
    CHECK_FALSE(ws::client_handshake::begin({.host = "a", .target = "/ HTTP/1.1\r\n"}, nonce));
    CHECK_FALSE(ws::client_handshake::begin({.host = "a", .origin = "b\n"}, nonce));
}

TEST_CASE("a client believes only the answer to its own key", "[unit][ws][AM-WSK-014]") {
    const auto answer = [](std::string_view from, std::string_view to) {
        std::string out{plain_answer};
        return out.replace(out.find(from), from.size(), to);
    };
    CHECK(client_hears(plain_answer) == true);
    CHECK(client_hears(answer("s3pP", "S3pP")).error() == error{errc::ws_bad_accept, "AM-WSK-014"});
    CHECK_FALSE(client_hears(answer("Sec-WebSocket-Accept", "X")));
    CHECK_FALSE(client_hears(answer("Upgrade: websocket", "Upgrade: h2c")));
    CHECK_FALSE(client_hears(answer("Connection: Upgrade", "Connection: close")));
    CHECK(client_hears(answer("101 Switching Protocols", "403 Forbidden")).error().code == errc::http_forbidden);
    CHECK(client_hears(answer("101 Switching Protocols", "302 Found")).error().code == errc::ws_bad_accept);
    CHECK(client_hears("HTTP/1.1 101\n").error().code == errc::http_malformed);
}

TEST_CASE("a client refuses what it did not offer", "[unit][ws][AM-WSK-015]") {
    const auto answer = [](std::string_view more) {
        std::string out{plain_answer};
        return out.insert(out.size() - 2, more);
    };
    CHECK_FALSE(client_hears(answer("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n")));
    CHECK_FALSE(client_hears(answer("Sec-WebSocket-Protocol: v1\r\n")));
    CHECK_FALSE(client_hears(answer("Sec-WebSocket-Protocol: v3\r\n"), "v1, v2"));
    CHECK_FALSE(client_hears(answer("Sec-WebSocket-Protocol: v1, v2\r\n"), "v1, v2"));
    CHECK(client_hears(answer("Sec-WebSocket-Protocol: v1\r\n"), "v1, v2") == true);
}
