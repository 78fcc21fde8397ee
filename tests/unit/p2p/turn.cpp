#include "tests/support/turn_model.hpp"

#include <agentmesh/crypto/random.hpp>

#include <catch2/catch.hpp>

using namespace agentmesh;
using namespace std::chrono_literals;
using test::turn_model;
namespace stun = p2p::stun;

namespace {

const endpoint peer = endpoint::v4(0x06060606, 6000), other_peer = endpoint::v4(0x06060607, 6000);

/// A client before a server, with all that either says carried at once.
struct pair_of {
    explicit pair_of(turn_model::rules how = {}, p2p::turn_options options = {}) : server{std::move(how)} {
        if (options.username.empty()) options.username = "alice", options.password = "secret";
        crypto::scripted_random random{1};
        client.emplace(*p2p::turn_client::create(std::move(options), random));
    }

    void to_server(byte_view bytes) {
        sent.emplace_back(bytes.begin(), bytes.end());
        if (!connected) return;
        for (auto& one : server.hear(bytes)) answers.push_back(std::move(one));
    }
    void allocated(const endpoint& relayed, const endpoint& mapped) {
        REQUIRE((relayed == server.relay && mapped == server.client));
    }
    void data(const endpoint& from, byte_view bytes) { heard.emplace_back(from, as_text(bytes)); }
    void refused(const endpoint& at, const error&) { refusals.push_back(at); }
    void failed(const error& why) { failures.push_back(why); }

    void carry() {
        while (!answers.empty()) {
            const auto all = std::exchange(answers, {});
            for (const auto& one : all) (void)client->on_datagram(one, now, *this);
        }
    }
    void start() {
        client->start(now, *this);
        carry();
    }
    result<void> say(const endpoint& to, std::string_view text) {
        auto out = client->send(to, as_bytes(text), now, *this);
        carry();
        return out;
    }
    void wait(duration how_long) {
        const auto end = now.steady + how_long;
        while (true) {
            const auto next = client->next_deadline();
            if (!next || *next > end) break;
            REQUIRE(++ticks < 100'000);
            now = now + (std::max(*next, now.steady) - now.steady);
            client->on_tick(now, *this);
            carry();
        }
        now = now + (end - now.steady);
    }
    std::size_t count(stun::method about) const {
        return static_cast<std::size_t>(std::ranges::count(server.heard, static_cast<std::uint16_t>(about)));
    }

    turn_model server;
    std::optional<p2p::turn_client> client{};
    moment now{steady_point{1h}, time_point{1'790'000'000s}};
    std::vector<buffer> sent{}, answers{};
    std::vector<std::pair<endpoint, std::string>> heard{};
    std::vector<endpoint> refusals{};
    std::vector<error> failures{};
    std::size_t ticks = 0;
    bool connected = true;
};

std::string text_of(const buffer& bytes) { return std::string{as_text(bytes)}; }

}  // namespace

TEST_CASE("an allocation is made with the credentials that the server asks for", "[unit][p2p][AM-P2P-052]") {
    for (const bool sha256 : {false, true}) {
        pair_of p{{.sha256 = sha256}};
        p.start();
        REQUIRE(p.client->relayed());
        CHECK(p.server.heard.size() ==
              2);  // once without credentials, which it does not show before it knows the realm
        CHECK(text_of(p.sent[0]).find("alice") == std::string::npos);
        const auto second = stun::message::parse(p.sent[1]);
        CHECK(second->has(stun::attribute::password_algorithm) == sha256);
        CHECK(text_of(p.sent[1]).find("secret") == std::string::npos);
    }
}

TEST_CASE("a list of algorithms that somebody took away is missed", "[unit][p2p][AM-P2P-052]") {
    pair_of p{{.sha256 = true, .hide_algorithms = true}};
    p.start();
    REQUIRE(p.failures.size() == 1);
    CHECK(p.failures[0] == error{errc::bad_stun, "AM-P2P-052"});
    CHECK(p.sent.size() == 1);  // nothing was signed with the weaker hash
}

TEST_CASE("a wrong password ends after one try", "[unit][p2p][AM-P2P-053]") {
    pair_of p{{}, {.username = "alice", .password = "guess"}};
    p.start();
    REQUIRE(p.failures.size() == 1);
    CHECK(p.failures[0] == error{errc::stun_refused, "AM-P2P-053"});
    CHECK(p.client->refusal() == 401);
    CHECK(p.sent.size() == 2);
    CHECK_FALSE(p.client->next_deadline());
    CHECK(p.client->send(peer, as_bytes("x"), p.now, p).error().code == errc::no_path);
}

TEST_CASE("a full server is named, and another that it names is taken if the owner allows it",
          "[unit][p2p][AM-P2P-053]") {
    pair_of full{{.quota = true}};
    full.start();
    CHECK(full.client->refusal() == 486);
    pair_of moved{{.alternate = endpoint::v4(0x05090009, 3478)}};
    moved.start();
    CHECK(moved.client->refusal() == 300);
    CHECK(moved.client->alternate() == endpoint::v4(0x05090009, 3478));
    pair_of inside{{.alternate = endpoint::v4(0x0a000001, 3478)}};
    inside.start();
    CHECK(inside.client->refusal() == 300);
    CHECK_FALSE(inside.client->alternate());
}

TEST_CASE("what is said before the permission is there arrives after it, in order",
          "[unit][p2p][AM-P2P-054][AM-P2P-055]") {
    pair_of p;
    p.start();
    p.connected = false;
    for (const std::string_view text : {"one", "two", "three"}) REQUIRE(p.say(peer, text));
    CHECK(p.count(stun::method::create_permission) == 0);
    p.connected = true;
    p.wait(1s);
    REQUIRE(p.server.relayed.size() == 3);
    CHECK(text_of(p.server.relayed[0].second) == "one");
    CHECK(text_of(p.server.relayed[2].second) == "three");
    CHECK(p.server.channels.empty());
    // From the fourth on a channel is worth it.
    for (int i = 0; i < 4; ++i) REQUIRE(p.say(peer, "more"));
    CHECK(p.server.channels.size() == 1);
    CHECK(p.server.relayed.size() == 7);
    CHECK(p.sent.back().size() == 4 + 4);
    // And back.
    REQUIRE(p.client->on_datagram(*p.server.from_peer(peer, "hi"), p.now, p));
    REQUIRE(p.say(other_peer, "hello"));
    REQUIRE(p.client->on_datagram(*p.server.from_peer(other_peer, "ho"), p.now, p));
    CHECK(p.heard == std::vector<std::pair<endpoint, std::string>>{{peer, "hi"}, {other_peer, "ho"}});
}

TEST_CASE("a server without channels serves by indications", "[unit][p2p][AM-P2P-055]") {
    pair_of p{{.channels = false}};
    p.start();
    for (int i = 0; i < 20; ++i) REQUIRE(p.say(peer, "text"));
    CHECK(p.server.relayed.size() == 20);
    CHECK(p.count(stun::method::channel_bind) == 1);
}

TEST_CASE("a peer that the server does not serve is said to be refused, and not asked for again at once",
          "[unit][p2p][AM-P2P-054]") {
    pair_of p{{.forbidden = {peer}}};
    p.start();
    REQUIRE(p.say(peer, "text"));
    CHECK(p.refusals == std::vector{peer});
    CHECK(p.say(peer, "text").error() == error{errc::stun_refused, "AM-P2P-054"});
    CHECK(p.count(stun::method::create_permission) == 1);
    CHECK(p.say(other_peer, "text"));
    p.wait(6min);
    p.server.change().forbidden.clear();
    CHECK(p.say(peer, "text"));
    CHECK(p.count(stun::method::create_permission) >= 3);
}

TEST_CASE("addresses that the owner does not allow are never asked for", "[unit][p2p][AM-P2P-012]") {
    pair_of p;
    p.start();
    const auto sent = p.sent.size();
    for (const auto bad : {0x7f000001u, 0x0a000001u, 0xa9fea9feu, 0xe0000001u, 0u})
        CHECK(p.say(endpoint::v4(bad, 80), "x").error() == error{errc::bad_candidate, "AM-P2P-012"});
    CHECK(p.sent.size() == sent);
}

TEST_CASE("a stale nonce is replaced and nothing is lost", "[unit][p2p][AM-P2P-052]") {
    pair_of p{{.nonce_serves = 2}};
    p.start();
    for (std::uint16_t i = 0; i < 10; ++i) REQUIRE(p.say(endpoint::v4(0x06060606, 7000 + i), "text"));
    CHECK(p.server.relayed.size() == 10);
    CHECK(p.failures.empty());
    // One who never takes any is not asked for ever.
    pair_of q{{.nonce_serves = 0}};
    q.start();
    CHECK(q.client->refusal() == 438);
    CHECK(q.sent.size() <= 6);
}

TEST_CASE("allocation, permissions and channels are kept for hours", "[unit][p2p][AM-P2P-055]") {
    pair_of p;
    p.start();
    for (int i = 0; i < 3 * 60; ++i) {
        REQUIRE(p.say(peer, "still here"));
        p.wait(1min);
    }
    CHECK(p.failures.empty());
    CHECK(p.server.relayed.size() == 180);
    CHECK(p.count(stun::method::refresh) >= 18);
    CHECK(p.count(stun::method::refresh) <= 24);
    CHECK(p.count(stun::method::create_permission) >= 3 * 60 / 5);
    CHECK(p.count(stun::method::channel_bind) >= 18);
    // A peer that nothing was said to for long costs nothing any more.
    p.wait(20min);
    const auto asked = p.count(stun::method::create_permission);
    p.wait(1h);
    CHECK(p.count(stun::method::create_permission) == asked);
    CHECK(p.count(stun::method::refresh) > 24);
}

TEST_CASE("a server that is gone is noticed", "[unit][p2p][AM-P2P-053]") {
    pair_of never;
    never.connected = false;
    never.start();
    never.wait(30s);
    REQUIRE(never.failures.size() == 1);
    CHECK(never.failures[0].code == errc::timed_out);
    CHECK(never.sent.size() == 7);

    pair_of later;
    later.start();
    later.connected = false;
    later.wait(11min);
    REQUIRE(later.failures.size() == 1);
    CHECK(later.failures[0] == error{errc::path_lost, "AM-P2P-053"});

    pair_of forgot;
    forgot.start();
    forgot.server.allocated = false;
    forgot.wait(10min);
    REQUIRE(forgot.failures.size() == 1);
    CHECK(forgot.client->refusal() == 437);
}

TEST_CASE("closing gives the allocation back", "[unit][p2p]") {
    pair_of p;
    p.start();
    p.client->close(p.now, p);
    CHECK_FALSE(p.server.allocated);
    CHECK(p.failures.empty());
    CHECK_FALSE(p.client->next_deadline());
    CHECK_FALSE(p.client->relayed());
}

TEST_CASE("answers without the server's proof give nothing", "[unit][p2p][AM-P2P-051]") {
    pair_of p;
    p.connected = false;
    p.start();
    const auto first = stun::message::parse(p.sent[0]);
    const auto gift = [&](const stun::message& to) {
        return stun::writer{stun::kind::success, to}
            .address(stun::attribute::xor_relayed_address, endpoint::v4(0x06060606, 1))
            .address(stun::attribute::xor_mapped_address, endpoint::v4(0x06060606, 1))
            .number(stun::attribute::lifetime, 600);
    };
    // Before anything was proved: whoever has a user name expects to be asked for it.
    CHECK(p.client->on_datagram(gift(*first).finish(), p.now, p).error() == error{errc::bad_integrity, "AM-P2P-051"});
    const auto asked = stun::writer{stun::kind::failure, *first}
                           .error(401, "")
                           .text(stun::attribute::realm, "example.org")
                           .text(stun::attribute::nonce, "n")
                           .finish();
    REQUIRE(p.client->on_datagram(asked, p.now, p));
    const auto second = stun::message::parse(p.sent.back());
    CHECK(p.client->on_datagram(gift(*second).finish(), p.now, p).error().code == errc::bad_integrity);
    CHECK(p.client->on_datagram(gift(*second).sign(as_bytes("another")), p.now, p).error().code == errc::bad_integrity);
    CHECK_FALSE(p.client->relayed());
    const auto unasked = stun::writer{stun::kind::success, stun::method::allocate, {}}.finish();
    CHECK(p.client->on_datagram(unasked, p.now, p).error() == error{errc::bad_stun, "AM-P2P-051"});
    const auto key = stun::long_term_key("alice", "example.org", "secret");
    const auto other = stun::writer{stun::kind::success, stun::method::refresh, second->id()}.sign(key);
    CHECK(p.client->on_datagram(other, p.now, p).error() == error{errc::bad_stun, "AM-P2P-051"});
    const auto genuine = stun::writer{stun::kind::success, *second}
                             .address(stun::attribute::xor_relayed_address, p.server.relay)
                             .address(stun::attribute::xor_mapped_address, p.server.client)
                             .number(stun::attribute::lifetime, 600)
                             .sign(key);
    CHECK(p.client->on_datagram(genuine, p.now, p));
    CHECK(p.client->relayed() == p.server.relay);
}

TEST_CASE("data of peers nobody spoke to, and of channels nobody bound, is dropped", "[unit][p2p][AM-P2P-056]") {
    pair_of p;
    p.start();
    p.server.permissions.insert(other_peer.address);
    CHECK(p.client->on_datagram(*p.server.from_peer(other_peer, "x"), p.now, p).error() ==
          error{errc::bad_candidate, "AM-P2P-056"});
    CHECK(p.client->on_datagram(buffer{0x40, 0x00, 0x00, 0x01, 'x'}, p.now, p).error() ==
          error{errc::bad_candidate, "AM-P2P-056"});
    for (const buffer& bad :
         {buffer{0x40}, buffer{0x40, 0, 0}, buffer{0x40, 0, 0, 2, 'x'}, buffer{0x40, 0, 0, 0, 1, 2, 3, 4}})
        CHECK(p.client->on_datagram(bad, p.now, p).error() == error{errc::bad_stun, "AM-P2P-056"});
    CHECK(p.heard.empty());
}

TEST_CASE("peers and what waits for them are bounded", "[unit][p2p][AM-P2P-022]") {
    pair_of p;
    p.start();
    p.connected = false;
    for (int i = 0; i < 64; ++i) REQUIRE(p.say(peer, "x"));
    CHECK(p.say(peer, "x").error().code == errc::queue_full);
    for (std::uint16_t i = 1; i < limits::ice_checks; ++i) REQUIRE(p.say(endpoint::v4(0x06070000, i), "x"));
    CHECK(p.say(other_peer, "x").error() == error{errc::candidate_limit, "AM-P2P-022"});
    CHECK(p.say(peer, std::string(65'400, 'x')).error().code == errc::too_large);
}

TEST_CASE("over a stream the same arrives, however it is cut", "[unit][p2p][AM-P2P-050]") {
    for (const std::size_t piece : {1u, 3u, 7u, 4096u}) {
        pair_of p{{}, {.username = "alice", .password = "secret", .stream = true}};
        const auto deliver = [&](const std::vector<buffer>& all) {
            buffer stream;
            for (auto one : all) {
                one.resize((one.size() + 3) & ~std::size_t{3});
                stream.insert(stream.end(), one.begin(), one.end());
            }
            for (std::size_t at = 0; at < stream.size(); at += piece)
                REQUIRE(
                    p.client->on_stream(byte_view{stream}.subspan(at, std::min(piece, stream.size() - at)), p.now, p));
        };
        p.client->start(p.now, p);
        while (!p.answers.empty()) deliver(std::exchange(p.answers, {}));
        REQUIRE(p.client->relayed());
        for (int i = 0; i < 5; ++i) {
            REQUIRE(p.client->send(peer, as_bytes("hello"), p.now, p));
            while (!p.answers.empty()) deliver(std::exchange(p.answers, {}));
        }
        REQUIRE(p.client->send(peer, as_bytes("hello"), p.now, p));
        CHECK(p.sent.back().size() == 12);  // padded
        CHECK(p.server.relayed.size() == 6);
        deliver({*p.server.from_peer(peer, "a"), *p.server.from_peer(peer, "bcdef"), *p.server.from_peer(peer, "")});
        CHECK(p.heard.size() == 3);
        CHECK(p.heard[1].second == "bcdef");
    }
    pair_of bad{{}, {.username = "alice", .password = "secret", .stream = true}};
    bad.client->start(bad.now, bad);
    CHECK(bad.client->on_stream(as_bytes("HTTP/1.1 400 Bad Request\r\n"), bad.now, bad).error() ==
          error{errc::bad_stun, "AM-P2P-050"});
    CHECK(bad.failures.size() == 1);
}
