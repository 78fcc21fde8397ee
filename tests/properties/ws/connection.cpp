#include "tests/support/ws_transcript.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace agentmesh;
using namespace ws_test;
using ws::opcode;

namespace {

const ws::message_limits small_limits{.message_bytes = 200, .fragments = 6};

rc::Gen<std::string> any_bytes(int most) {
    return rc::gen::resize(most, rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
}
rc::Gen<std::string> ascii(int most) {
    return rc::gen::resize(most, rc::gen::container<std::string>(rc::gen::inRange<char>(32, 127)));
}

rc::Gen<std::string> payload_for(opcode op) {
    if (op == opcode::close) {
        return rc::gen::map(ascii(20),
                            [](std::string reason) { return reason.empty() ? reason : "\x03\xE8" + reason; });
    }
    if (op == opcode::binary || is_control(op)) return any_bytes(60);
    return rc::gen::oneOf(ascii(60), ascii(60),
                          rc::gen::elementOf(std::vector<std::string>{"\xC3\xBC", "\xF0\x9F", "\x98\x80"}));
}

/// A stream of frames as a client might send it: mostly in order, in one stream of three with one bit flipped.
rc::Gen<std::string> client_stream() {
    return rc::gen::exec([] {
        std::string out;
        bool in_message = false;
        const int frames = *rc::gen::inRange(0, 12);
        for (int i = 0; i < frames; ++i) {
            const bool orderly = *rc::gen::inRange(0, 20) > 0;
            const auto op = *rc::gen::weightedElement<opcode>({{orderly && !in_message ? 0 : 6, opcode::continuation},
                                                               {orderly && in_message ? 0 : 4, opcode::text},
                                                               {orderly && in_message ? 0 : 2, opcode::binary},
                                                               {2, opcode::ping},
                                                               {2, opcode::pong},
                                                               {i + 1 == frames ? 2 : 0, opcode::close}});
            const bool fin = is_control(op) || *rc::gen::arbitrary<bool>();
            if (!is_control(op)) in_message = !fin;
            out += frame({.fin = fin, .op = op, .masked = true, .key = *rc::gen::arbitrary<ws::mask_key>()},
                         *payload_for(op));
        }
        if (!out.empty() && *rc::gen::inRange(0, 3) == 0) {
            const auto at = *rc::gen::inRange<std::size_t>(0, out.size());
            out[at] = static_cast<char>(out[at] ^ (1 << *rc::gen::inRange(0, 7)));
        }
        return out;
    });
}

/// Cuts of a stream, as sizes used in turn.
struct cuts {
    std::vector<std::size_t> sizes;
    std::size_t next = 0;
    std::size_t operator()() { return sizes[next++ % sizes.size()]; }
};
rc::Gen<cuts> some_cuts() {
    return rc::gen::map(
        rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 40))),
        [](std::vector<std::size_t> sizes) { return cuts{std::move(sizes)}; });
}

}  // namespace

TEST_CASE("how a stream is cut changes neither events nor output", "[property][ws][AM-WSK-037]") {
    CHECK(rc::check([] {
        const auto stream = *client_stream();
        auto pieces = *some_cuts();
        const auto whole = converse(ws::connection::server(small_limits), as_bytes(stream));
        RC_TAG(whole.events.empty() ? 0 : static_cast<int>(whole.events.back().kind));
        RC_ASSERT(converse(ws::connection::server(small_limits), as_bytes(stream), pieces) == whole);
        RC_ASSERT(converse_bytewise(ws::connection::server(small_limits), as_bytes(stream)) == whole);
    }));
}

TEST_CASE("nothing follows a Close or a failure, and neither is said twice", "[property][ws][AM-WSK-043]") {
    CHECK(rc::check([] {
        const auto stream = *client_stream();
        const auto heard = converse(ws::connection::server(small_limits), as_bytes(stream));
        for (std::size_t i = 0; i < heard.events.size(); ++i) {
            const auto kind = heard.events[i].kind;
            if (kind == ws::event_kind::closed || kind == ws::event_kind::failed)
                RC_ASSERT(i + 1 == heard.events.size());
        }
    }));
}

TEST_CASE("what is stored stays within the limits, whatever comes", "[property][ws][AM-LIM-004][AM-LIM-005]") {
    CHECK(rc::check([] {
        auto peer = ws::connection::server(small_limits);
        const auto stream = *client_stream();
        transcript ignored;
        for (std::size_t i = 0; i < stream.size(); ++i) {
            feed(peer, ignored, as_bytes(stream).subspan(i, 1));
            RC_ASSERT(peer.stored_bytes() <= 2 * (small_limits.message_bytes + ws::max_control_payload));
        }
    }));
}

TEST_CASE("a message arrives as it was sent, however it is fragmented and interrupted", "[property][ws][AM-WSK-032]") {
    CHECK(rc::check([] {
        const auto message = *any_bytes(300);
        const auto pings = *rc::gen::resize(3, rc::gen::container<std::vector<std::string>>(ascii(30)));
        std::string stream;
        std::string pongs;
        std::string_view rest = message;
        opcode op = opcode::binary;
        for (const auto& ping : pings) {
            const auto part = rest.substr(0, *rc::gen::inRange<std::size_t>(0, rest.size() + 1));
            rest.remove_prefix(part.size());
            stream += masked(op, part, false) + masked(opcode::ping, ping);
            pongs += plain(opcode::pong, ping);
            op = opcode::continuation;
        }
        stream += masked(op, rest);
        const auto heard = converse(ws::connection::server(), as_bytes(stream), *some_cuts());
        RC_ASSERT(heard.events.size() == pings.size() + 1);
        RC_ASSERT(heard.events.back() == (ws_test::heard{ws::event_kind::binary, 0, message}));
        RC_ASSERT(heard.output == pongs);
    }));
}

TEST_CASE("what one end sends the other hears", "[property][ws][AM-WSK-035]") {
    CHECK(rc::check([] {
        const auto messages = *rc::gen::container<std::vector<std::string>>(ascii(400));
        const auto key = *rc::gen::arbitrary<ws::mask_key>();
        auto draw = [key] { return key; };
        for (const bool from_client : {true, false}) {
            auto sender = from_client ? ws::connection::client(draw) : ws::connection::server();
            std::string stream;
            for (const auto& message : messages) RC_ASSERT(sender.send(stream, opcode::text, message).has_value());
            sender.close(stream, 1000, "done");
            const auto heard = converse(from_client ? ws::connection::server() : ws::connection::client(draw),
                                        as_bytes(stream), *some_cuts());
            RC_ASSERT(heard.events.size() == messages.size() + 1);
            for (std::size_t i = 0; i < messages.size(); ++i) RC_ASSERT(heard.events[i].payload == messages[i]);
            RC_ASSERT(heard.events.back() == (ws_test::heard{ws::event_kind::closed, 1000, "done"}));
        }
    }));
}

TEST_CASE("a header's verdict never changes when more bytes come", "[property][ws][AM-WSK-037]") {
    CHECK(rc::check([](bool at_server) {
        const auto self = at_server ? ws::role::server : ws::role::client;
        const auto bytes = *rc::gen::container<buffer>(16, rc::gen::arbitrary<std::uint8_t>());
        std::optional<result<std::size_t>> verdict;
        for (std::size_t n = 0; n <= bytes.size(); ++n) {
            ws::frame_header header;
            const auto now = ws::decode_header(header, byte_view{bytes}.first(n), self);
            if (verdict) {
                RC_ASSERT((now == *verdict));
            } else if (!now || *now > 0) {
                if (now) RC_ASSERT(*now == n);
                verdict = now;
            }
        }
        RC_ASSERT(verdict.has_value());
    }));
}
