#include <agentmesh/relay/client.hpp>

#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

using namespace relay_test;

namespace {

/// What a client did, and how the application answers.
struct client_sink {
    std::vector<std::string> texts;
    std::optional<std::uint16_t> close_code;
    int connected_count = 0;
    std::vector<std::string> delivered;
    std::vector<std::string> answers;  ///< ids of accepted, codes of errors
    std::vector<relay::client_end> ends;
    bool takes = true;

    void send_text(std::string_view text) { texts.emplace_back(text); }
    void close(std::uint16_t code, std::string_view) { close_code = code; }
    void connected(const wire::connected_frame&) { ++connected_count; }
    bool received(const wire::receive_frame& message) {
        delivered.emplace_back(message.payload);
        return takes;
    }
    void answered(const wire::relay_frame& frame) {
        if (const auto* accepted = std::get_if<wire::accepted_frame>(&frame)) answers.emplace_back(accepted->id);
        if (const auto* refused = std::get_if<wire::error_frame>(&frame)) answers.emplace_back(to_text(refused->code));
    }
    void ended(const relay::client_end& end) { ends.push_back(end); }
};
static_assert(relay::ClientSink<client_sink>);

/// A client with a relay machine at the other end of its connection.
class client_pair {
public:
    explicit client_pair(relay::client_options chosen = {.relay_name = "relay.test:1"}, const std::string& name = "alice")
        : client_{*relay::client::create(keys_of(name), std::move(chosen), random_)} {}

    /// Makes a connection and lets both talk until they have nothing more to say.
    void dial() {
        at_ = relay_.open();
        sink_.close_code.reset();
        client_.on_open(relay_.now(), sink_);
        run();
    }
    void run() {
        for (bool more = true; more;) {
            more = false;
            for (auto& text : std::exchange(sink_.texts, {})) more = true, relay_.say(*at_, text);
            for (auto text = relay_.next_text(*at_); !text.empty(); text = relay_.next_text(*at_)) {
                more = true;
                client_.on_text(text, relay_.now(), sink_);
            }
        }
        if (relay_.is_closed(*at_)) hang_up(relay_.close_code(*at_));
        else if (sink_.close_code) hang_up(*sink_.close_code);
    }
    void hang_up(std::uint16_t code = 1006) {
        relay_.drop(*at_);
        at_.reset();
        sink_.texts.clear();
        client_.on_closed(code, relay_.now(), sink_);
    }

    relay_fixture relay_;
    crypto::scripted_random random_{99};
    relay::client client_;
    client_sink sink_;
    std::optional<connection_id> at_;
};

}  // namespace

TEST_CASE("a client logs in through the challenge with both features", "[unit][relay][AM-AUT-044][AM-ID-006]") {
    client_pair pair;
    pair.dial();
    CHECK(pair.client_.is_ready());
    CHECK(pair.client_.has_receipts());
    CHECK(pair.sink_.connected_count == 1);
}

TEST_CASE("CONNECT carries a bare key and its own time", "[unit][relay][AM-ID-006]") {
    client_pair pair;
    pair.client_.on_open(pair.relay_.now(), pair.sink_);
    const auto frame = tree::parse(pair.sink_.texts.at(0));
    CHECK(frame["public_key"].get<std::string>().find(':') == std::string::npos);
    CHECK(frame["timestamp"] == "2026-03-01T12:00:01Z");
    CHECK(frame["features"] == tree{"challenge", "receipts"});
}

TEST_CASE("a client without features logs in as 0.2 does", "[unit][relay][AM-AUT-001]") {
    client_pair pair{{.challenge = false, .receipts = false}};
    pair.dial();
    CHECK(pair.client_.is_ready());
    CHECK_FALSE(pair.client_.has_receipts());
}

TEST_CASE("a challenge of another relay is refused for good", "[unit][relay][AM-AUT-049]") {
    client_pair pair{{.relay_name = "elsewhere.test:1"}};
    pair.dial();
    REQUIRE(pair.sink_.ends.size() == 1);
    CHECK(pair.sink_.ends[0].why == error{errc::not_allowed, "AM-AUT-049"});
    CHECK_FALSE(pair.sink_.ends[0].dial_again_in.has_value());
    CHECK(pair.relay_.server().count().logins == 0);
}

TEST_CASE("a relay that puts features in force that were not offered is left", "[unit][relay][AM-AUT-041]") {
    client_pair pair{{.challenge = false, .receipts = false}};
    pair.client_.on_open(pair.relay_.now(), pair.sink_);
    pair.client_.on_text(R"({"type":"connected","session_id":"x","pending_messages":0,"features":["receipts"]})",
                         pair.relay_.now(), pair.sink_);
    CHECK(pair.sink_.close_code == 1008);
    CHECK_FALSE(pair.client_.is_ready());
}

TEST_CASE("a client that was replaced does not come back by itself", "[unit][relay][AM-AUT-033]") {
    client_pair pair{{.challenge = false}};
    pair.dial();
    (void)pair.relay_.login("alice");
    pair.run();
    REQUIRE(pair.sink_.ends.size() == 1);
    CHECK(pair.sink_.ends[0].why.code == errc::session_replaced);
    CHECK_FALSE(pair.sink_.ends[0].dial_again_in.has_value());
    pair.client_.on_open(pair.relay_.now(), pair.sink_);
    CHECK(pair.sink_.texts.empty());
}

TEST_CASE("a broken connection is dialled again after a delay that doubles up to its bound",
          "[unit][relay][AM-AUT-033]") {
    client_pair pair;
    for (int i = 0; i < 12; ++i) pair.client_.on_closed(1006, pair.relay_.now(), pair.sink_);
    for (std::size_t i = 0; i < 12; ++i) {
        const auto whole = std::min<duration>(60s, 1s * (1 << i));
        const auto delay = pair.sink_.ends[i].dial_again_in.value();
        CHECK(delay >= whole / 2);
        CHECK(delay <= whole);
    }
    pair.dial();
    pair.hang_up();
    CHECK(pair.sink_.ends.back().dial_again_in.value() <= 1s);
}

TEST_CASE("two logins of one moment have two proofs", "[unit][relay][AM-AUT-011]") {
    client_pair pair{{.challenge = false}};
    for (int i = 0; i < 3; ++i) {
        pair.dial();
        CHECK(pair.client_.is_ready());
        pair.hang_up();
    }
}

TEST_CASE("a message is delivered once and acknowledged each time", "[unit][relay][AM-RLY-049]") {
    client_pair pair;
    pair.dial();
    const std::string message = R"({"type":"receive","from":")" + amid_of("bob") +
                                R"(","encrypted_payload":"hi","message_type":"message","timestamp":"2026-03-01T12:00:00Z","id":"1"})";
    for (int i = 0; i < 2; ++i) {
        pair.client_.on_text(message, pair.relay_.now(), pair.sink_);
        REQUIRE(pair.sink_.texts.size() == 1);
        CHECK(tree::parse(pair.sink_.texts[0]) == tree{{"type", "ack"}, {"from", amid_of("bob")}, {"id", "1"}});
        pair.sink_.texts.clear();
    }
    auto other = message;
    other.replace(other.find(amid_of("bob")), amid_of("bob").size(), amid_of("carol"));
    pair.client_.on_text(other, pair.relay_.now(), pair.sink_);  // the same id of another sender
    CHECK(pair.sink_.delivered == std::vector<std::string>{"hi", "hi"});
}

TEST_CASE("a message that the application has not taken is not acknowledged", "[unit][relay][AM-RLY-049]") {
    client_pair pair;
    pair.dial();
    const auto bob = pair.relay_.login("bob");
    pair.sink_.takes = false;
    pair.relay_.say(bob, send_to("alice", "hi"));
    pair.run();
    pair.hang_up();
    pair.dial();
    CHECK(pair.sink_.delivered == std::vector<std::string>{"hi", "hi"});
    const auto id = pair.relay_.server().store().next(keys_of("alice").name(), 0, pair.relay_.now())->id;
    pair.client_.confirm(amid_of("bob"), std::string{id}, pair.sink_);
    pair.run();
    CHECK(pair.relay_.server().store().messages() == 0);
    pair.hang_up();
    pair.dial();
    CHECK(pair.sink_.delivered.size() == 2);
}

TEST_CASE("a send without its receipt is made again with the same id after a break", "[unit][relay][AM-RLY-042]") {
    client_pair pair;
    const auto early = pair.client_.send(keys_of("bob").name(), "before the first login", wire::message_type::message, pair.sink_);
    REQUIRE(early.has_value());
    pair.dial();
    CHECK(pair.sink_.answers == std::vector<std::string>{*early});
    const auto id = pair.client_.send(keys_of("bob").name(), "lost answer", wire::message_type::message, pair.sink_);
    pair.relay_.say(*pair.at_, pair.sink_.texts.at(0));  // it arrives, but the connection ends before the answer
    pair.hang_up();
    CHECK(pair.client_.outbox_size() == 1);
    pair.dial();
    CHECK(pair.client_.outbox_size() == 0);
    CHECK(pair.sink_.answers == std::vector<std::string>{*early, *id});
    CHECK(pair.relay_.payloads(pair.relay_.login("bob")) ==
          std::vector<std::string>{"before the first login", "lost answer"});
}

TEST_CASE("the outbox is bounded and settled by errors too", "[unit][relay][AM-RLY-047]") {
    client_pair pair{{.relay_name = "relay.test:1", .outbox = 2}};
    const auto send = [&] { return pair.client_.send(keys_of("bob").name(), std::string(70'000, 'x'), wire::message_type::message, pair.sink_); };
    CHECK(send().has_value());
    CHECK(send().has_value());
    CHECK(send().error().code == errc::mailbox_full);
    pair.dial();
    CHECK(pair.sink_.answers == std::vector<std::string>{"MESSAGE_TOO_LARGE", "MESSAGE_TOO_LARGE"});
    CHECK(pair.client_.outbox_size() == 0);
}

TEST_CASE("a relay that says nothing is left, before and after the login", "[unit][relay][AM-AUT-025]") {
    client_pair pair;
    pair.client_.on_open(pair.relay_.now(), pair.sink_);
    CHECK(pair.client_.next_deadline() == pair.relay_.now().steady + 10s);
    pair.client_.on_tick(pair.relay_.now() + 9s, pair.sink_);
    CHECK_FALSE(pair.sink_.close_code.has_value());
    pair.client_.on_tick(pair.relay_.now() + 10s, pair.sink_);
    CHECK(pair.sink_.close_code.has_value());

    client_pair quiet;
    quiet.dial();
    quiet.client_.on_ping(quiet.relay_.now() + 30s);
    CHECK(quiet.client_.next_deadline() == quiet.relay_.now().steady + 90s);
    quiet.client_.on_tick(quiet.relay_.now() + 90s, quiet.sink_);
    CHECK(quiet.sink_.close_code.has_value());
}

TEST_CASE("who says goodbye does not come back by itself", "[unit][relay][AM-RLY-071]") {
    client_pair pair;
    pair.dial();
    pair.client_.disconnect("done", pair.sink_);
    pair.run();
    REQUIRE(pair.sink_.ends.size() == 1);
    CHECK_FALSE(pair.sink_.ends[0].dial_again_in.has_value());
    CHECK(pair.client_.send(keys_of("bob").name(), "x", wire::message_type::message, pair.sink_).error().code == errc::ws_closed);
}

TEST_CASE("frames that a client does not know are passed over", "[unit][relay][AM-RLY-013]") {
    client_pair pair;
    pair.dial();
    for (const std::string text : {"{\"type\":\"news\"}", "{", "[]"}) pair.client_.on_text(text, pair.relay_.now(), pair.sink_);
    CHECK(pair.client_.is_ready());
    CHECK_FALSE(pair.sink_.close_code.has_value());
}

TEST_CASE("a refused login is told, and given up where waiting cannot help", "[unit][relay][AM-AUT-020]") {
    client_pair pair;
    pair.client_.on_open(pair.relay_.now(), pair.sink_);
    SECTION("a wrong clock may be set right") {
        pair.client_.on_text(R"({"type":"error","code":"INVALID_SIGNATURE","message":"m"})", pair.relay_.now(), pair.sink_);
        pair.client_.on_closed(1008, pair.relay_.now(), pair.sink_);
        CHECK(pair.sink_.ends.at(0).dial_again_in.has_value());
    }
    SECTION("a guest list is not") {
        pair.client_.on_text(R"({"type":"error","code":"UNAUTHORIZED","message":"m"})", pair.relay_.now(), pair.sink_);
        pair.client_.on_closed(1008, pair.relay_.now(), pair.sink_);
        CHECK_FALSE(pair.sink_.ends.at(0).dial_again_in.has_value());
    }
    CHECK(pair.sink_.answers.size() == 1);
}
