// Property: how a stream is cut changes neither events nor output; what is stored stays within the limits; nothing
// follows a Close or a failure; text is UTF-8; each message heard is heard again when sent whole; and what the
// connection answers is something the other end accepts. Input: one byte of set-up, then the stream.
#include "fuzz/fuzz.hpp"

#include "tests/support/ws_transcript.hpp"

AM_FUZZ(AM_WSK_020, AM_WSK_021, AM_WSK_022, AM_WSK_023, AM_WSK_024, AM_WSK_025, AM_WSK_026, AM_WSK_027, AM_WSK_028,
        AM_WSK_029, AM_WSK_030, AM_WSK_031, AM_WSK_032, AM_WSK_033, AM_WSK_034, AM_WSK_036, AM_WSK_037, AM_WSK_040,
        AM_WSK_042, AM_WSK_043, AM_LIM_004, AM_LIM_005);

using namespace agentmesh;
using namespace ws_test;

namespace {

auto fixed_mask = [] { return ws::mask_key{0x37, 0xFA, 0x21, 0x3D}; };

ws::connection at(ws::role self, const ws::message_limits& limits) {
    return self == ws::role::server ? ws::connection::server(limits) : ws::connection::client(fixed_mask, limits);
}

bool is_last(const heard& event) {
    return event.kind == ws::event_kind::closed || event.kind == ws::event_kind::failed;
}

/// Sends `event` whole from the other end of a connection whose end is `self`.
void hear_again(ws::role self, const heard& event) {
    auto sender = at(self == ws::role::server ? ws::role::client : ws::role::server, {});
    std::string stream;
    const auto op = event.kind == ws::event_kind::text ? ws::opcode::text : ws::opcode::binary;
    REQUIRE_FUZZ(sender.send(stream, op, event.payload).has_value());
    const auto again = converse(at(self, {}), as_bytes(stream));
    REQUIRE_FUZZ(again.events.size() == 1 && again.events[0] == event);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto self = (data[0] & 1) != 0 ? ws::role::client : ws::role::server;
    const ws::message_limits limits =
        (data[0] & 2) != 0 ? ws::message_limits{.message_bytes = 64, .fragments = 4} : ws::message_limits{};
    const std::size_t cut = 2 + (data[0] >> 2);
    const byte_view stream{data + 1, size - 1};

    const auto whole = converse(at(self, limits), stream);
    REQUIRE_FUZZ(converse(at(self, limits), stream, [cut] { return cut; }) == whole);

    transcript bytewise;
    auto peer = at(self, limits);
    for (std::size_t i = 0; i < stream.size(); ++i) {
        feed(peer, bytewise, stream.subspan(i, 1));
        REQUIRE_FUZZ(peer.stored_bytes() <= 2 * (limits.message_bytes + ws::max_control_payload));
    }
    REQUIRE_FUZZ(bytewise == whole);

    for (std::size_t i = 0; i < whole.events.size(); ++i) {
        const heard& event = whole.events[i];
        REQUIRE_FUZZ(!is_last(event) || i + 1 == whole.events.size());
        if (event.kind == ws::event_kind::text) REQUIRE_FUZZ(is_utf8(event.payload));
        if (event.kind == ws::event_kind::text || event.kind == ws::event_kind::binary) {
            REQUIRE_FUZZ(event.payload.size() <= limits.message_bytes);
            hear_again(self, event);
        }
    }

    const auto other = self == ws::role::server ? ws::role::client : ws::role::server;
    const auto answers = converse(at(other, {}), as_bytes(whole.output));
    const bool ended = !whole.events.empty() && is_last(whole.events.back());
    for (const heard& answer : answers.events) {
        REQUIRE_FUZZ(answer.kind == ws::event_kind::pong || (ended && answer.kind == ws::event_kind::closed));
    }
    REQUIRE_FUZZ(ended == (!answers.events.empty() && answers.events.back().kind == ws::event_kind::closed));
    return 0;
}
