// Limits of size: payloads, messages, fragments.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

constexpr std::size_t most = 65'536;           // bytes of encrypted_payload, between the quotes
constexpr std::size_t message_most = 262'144;  // bytes of a WebSocket message

/// `text` padded with white space, which JSON allows, to a message of exactly `size` bytes.
std::string padded(std::string text, std::size_t size) {
    text.resize(size, ' ');
    return text;
}

AM_CASE("LIM-SIZE-001") {
    .title = "a payload of 65,536 bytes is delivered",
    .proves = {req::AM_LIM_001},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        t.accepted(req::AM_LIM_001, b.on.seek(a.send(b, t.payload(most))));
    },
};

AM_CASE("LIM-SIZE-002") {
    .title = "a payload of 65,536 bytes is stored for an absent agent",
    .proves = {req::AM_LIM_001},
    .cost = rtt(12),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto text = t.payload(most);
        a.on.send(frame::send(late.amid(), text));
        t.control(answers(t, a.on));
        t.accepted(req::AM_LIM_001, t.login(late).seek(match::receive(text)));
    },
};

AM_CASE("LIM-SIZE-003") {
    .title = "a payload of 65,537 bytes is refused as too large, and the connection goes on",
    .proves = {req::AM_LIM_002, req::AM_LIM_003},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto& [a, b] = p;
        const auto over = t.payload(most + 1);
        a.on.send(frame::send(b.amid(), over));
        const auto answer = a.on.seek(match::error("MESSAGE_TOO_LARGE"));
        t.refused(req::AM_LIM_002, all({answer, t.nothing_before(t.fence_message(a, b), match::receive(over))}));
        t.absent(req::AM_LIM_003, answers(t, a.on));
    },
};

AM_CASE("LIM-SIZE-004") {
    .title = "a payload of 65,537 bytes for an absent agent is refused as too large, and not stored",
    .proves = {req::AM_LIM_002},
    .cost = rtt(16),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto over = t.payload(most + 1);
        a.on.send(frame::send(late.amid(), over));
        const auto answer = a.on.seek(match::error("MESSAGE_TOO_LARGE"));
        party there{late, t.login(late)};
        t.refused(req::AM_LIM_002,
                  all({answer, t.nothing_before(t.fence_message(a, there), match::receive(over))}));
    },
};

AM_CASE("LIM-SIZE-005") {
    .title = "what counts is the bytes between the quotes, not what they decode to",
    .proves = {req::AM_LIM_001, req::AM_LIM_002},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto& [a, b] = p;
        const auto with = [&](const std::string& between) {
            return R"({"type":"send","to":")" + b.amid() + R"(","message_type":"message","encrypted_payload":")" +
                   between + "\"}";
        };
        std::string two_bytes;  // 32,768 characters of two bytes
        while (two_bytes.size() < most) two_bytes += "\xc3\xbc";
        a.on.send_text(with(two_bytes));
        t.accepted(req::AM_LIM_001, b.on.seek(match::receive(two_bytes)));

        // Deployed relays may measure the decoded text; only hardened ones are held to the bytes as sent.
        const auto over = strict(t) ? two_bytes + "\xc3\xbc" : std::string(most + 2, 'x');
        a.on.send_text(with(over));
        every refused;
        refused += a.on.seek(match::error("MESSAGE_TOO_LARGE"));
        if (strict(t)) {
            std::string escaped;  // 65,538 bytes that decode to 10,923
            while (escaped.size() <= most) escaped += "\\u0041";
            a.on.send_text(with(escaped));
            refused += a.on.seek(match::error("MESSAGE_TOO_LARGE"));
        }
        t.refused(req::AM_LIM_002, refused);
    },
};

AM_CASE("LIM-SIZE-006") {
    .title = "a message of 256 KiB is read, one byte more fails the connection with code 1009",
    .proves = {req::AM_LIM_004},
    .cost = rtt(22),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto victim = sound_party(t);
        const auto text = t.payload();
        victim.on.send_text(padded(frame::send(p.b.amid(), text).dump(), message_most));
        const auto read = p.b.on.seek(match::receive(text));
        victim.on.send_text(padded(frame::ping(t.stamp_now()).dump(), message_most + 1));
        const auto end = failed_without_answer(t, victim.on);
        t.refused(
            req::AM_LIM_004,
            all({read, end,
                 t.that(end->is(observation::kind::close) && end->code == 1009, "a Close with code 1009", end),
                 t.alive(p)}));
    },
};

AM_CASE("LIM-SIZE-007") {
    .title =
        "a message over 256 KiB that comes in fragments, or is only announced, fails the connection with code 1009",
    .proves = {req::AM_LIM_004},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every failed;
        const auto judge = [&](conn on) {
            const auto end = failed_without_answer(t, on);
            failed += all({end, t.that(end->is(observation::kind::close) && end->code == 1009,
                                       "a Close with code 1009", end)});
        };
        auto split = sound_party(t).on;
        split.send_frame({.fin = false, .payload = std::string(200'000, ' ')});
        split.send_frame(
            {.op = opcode::continuation, .payload = padded(frame::ping(t.stamp_now()).dump(), 100'000)});
        judge(split);
        auto announced = sound_party(t).on;
        announced.send_frame({.form = length_form::eight_bytes, .length = 1ULL << 40U, .payload = "{"});
        judge(announced);
        t.refused(req::AM_LIM_004, all({failed, t.alive(p)}));
    },
};

AM_CASE("LIM-SIZE-008") {
    .title = "a message of 1,024 fragments is read, one of 1,025 fails the connection with code 1009",
    .proves = {req::AM_LIM_005},
    .cost = rtt(22),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto victim = sound_party(t);
        const auto in_fragments = [&](const std::string& text, int count) {
            std::string bytes;
            for (int i = 0; i < count; ++i)
                bytes += masked(ws_frame{.fin = i == count - 1,
                                         .op = i == 0 ? opcode::text : opcode::continuation,
                                         .payload = i == 0 ? text : " "});
            victim.on.send_raw(bytes);
        };
        const auto text = t.payload();
        in_fragments(frame::send(p.b.amid(), text).dump(), 1'024);
        const auto read = p.b.on.seek(match::receive(text));
        in_fragments(frame::ping(t.stamp_now()).dump(), 1'025);
        const auto end = failed_without_answer(t, victim.on);
        t.refused(
            req::AM_LIM_005,
            all({read, end,
                 t.that(end->is(observation::kind::close) && end->code == 1009, "a Close with code 1009", end),
                 t.alive(p)}));
    },
};

AM_CASE("LIM-SIZE-009") {
    .title = "twenty payloads of full size in a row are all delivered",
    .proves = {req::AM_LIM_001, req::AM_RLY_007},
    .cost = rtt(24),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto texts = batch(t, 20, most);
        send_all(a.on, b.amid(), texts);
        const auto seen = gather(b.on, texts);
        t.accepted(req::AM_LIM_001, all_arrive(t, seen, texts));
        t.produced(req::AM_RLY_007, in_order_sent(t, seen, texts));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
