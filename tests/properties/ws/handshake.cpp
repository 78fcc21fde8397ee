#include <agentmesh/ws/upgrade.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace agentmesh;

namespace {

constexpr std::string_view good_request =
    "GET /v1 HTTP/1.1\r\nHost: relay.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A decision as a number and the bytes it sends.
std::pair<int, std::string> outcome(const std::optional<ws::upgrade_decision>& decision) {
    if (!decision) return {0, {}};
    if (const auto* accepted = std::get_if<ws::upgrade_accepted>(&*decision)) return {101, accepted->answer};
    if (const auto* refused = std::get_if<ws::upgrade_refused>(&*decision)) return {refused->status, refused->answer};
    return {200, {}};
}

/// The good request with some bytes replaced, removed or inserted.
rc::Gen<std::string> damaged_request() {
    return rc::gen::exec([] {
        std::string out{good_request};
        const int edits = *rc::gen::inRange(0, 3);
        for (int i = 0; i < edits; ++i) {
            const auto at = *rc::gen::inRange<std::size_t>(0, out.size());
            const char byte =
                *rc::gen::oneOf(rc::gen::arbitrary<char>(), rc::gen::elementOf(std::string{"\r\n :,\t/13"}));
            switch (*rc::gen::inRange(0, 3)) {
                case 0: out[at] = byte; break;
                case 1: out.insert(at, 1, byte); break;
                default: out.erase(at, 1);
            }
        }
        return out;
    });
}

}  // namespace

TEST_CASE("a server decides on the whole head, and the same byte by byte", "[property][ws][AM-WSK-037]") {
    CHECK(rc::check([] {
        const auto request = *damaged_request();
        const ws::upgrade_options options;
        ws::server_handshake whole{options};
        const auto at_once = outcome(whole.feed(as_bytes(request)));
        RC_TAG(at_once.first);

        ws::server_handshake dribble{options};
        std::pair<int, std::string> bytewise{0, {}};
        std::size_t used = 0;
        while (bytewise.first == 0 && used < request.size()) {
            bytewise = outcome(dribble.feed(as_bytes(request).subspan(used++, 1)));
        }
        // Bytes behind the head are seen only where they come with it; all else must agree.
        if (used == request.size()) RC_ASSERT(bytewise == at_once);
        if (at_once.first == 101) RC_ASSERT(used == request.size());
    }));
}

TEST_CASE("a client that accepts an answer has seen its own accept value", "[property][ws][AM-WSK-014]") {
    CHECK(rc::check([] {
        const auto nonce = *rc::gen::container<std::array<std::uint8_t, 16>>(rc::gen::arbitrary<std::uint8_t>());
        const auto other = *rc::gen::container<std::array<std::uint8_t, 16>>(rc::gen::arbitrary<std::uint8_t>());
        auto client = ws::client_handshake::begin({.host = "relay.example"}, nonce);
        auto stranger = ws::client_handshake::begin({.host = "relay.example"}, other);
        RC_ASSERT(client.has_value() && stranger.has_value());
        const ws::upgrade_options options;
        ws::server_handshake server{options};
        const auto [status, answer] = outcome(server.feed(as_bytes(client->request())));
        RC_ASSERT(status == 101);
        auto input = as_bytes(answer);
        RC_ASSERT(client->feed(input) == true);
        input = as_bytes(answer);
        RC_ASSERT(stranger->feed(input).has_value() == (nonce == other));
    }));
}
