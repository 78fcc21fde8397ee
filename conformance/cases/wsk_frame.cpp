// Frames that RFC 6455 forbids. Each carries an AgentMesh ping, so that a relay which reads it all the same gives
// itself away with a pong; and after each the relay must serve others as before.
#include "conformance/cases/support.hpp"

#include <functional>

namespace agentmesh::conformance {
namespace {

/// What became of the connections that broke a rule.
struct outcome {
    finding failed;  ///< each was ended, and none was answered
    finding coded;   ///< each was ended with the close code
};

using misdeed = std::function<void(conn&, const std::string& ping_text)>;

/// One logged-in victim for each misdeed.
outcome commit(context& t, const std::vector<misdeed>& misdeeds, std::uint16_t code) {
    every failed;
    every coded;
    for (const auto& deed : misdeeds) {
        auto on = sound_party(t).on;
        deed(on, frame::ping(t.stamp_now()).dump());
        const auto end = failed_without_answer(t, on);
        failed += end;
        coded += t.that(end->is(observation::kind::close) && end->code == code,
                        "a Close with code " + std::to_string(code), end);
    }
    return {failed, coded};
}

constexpr opcode reserved(unsigned value) { return static_cast<opcode>(value); }

AM_CASE("WSK-FRAME-001") {
    .title = "a frame without a mask fails the connection",
    .proves = {req::AM_WSK_020, req::AM_WSK_030},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end =
            commit(t,
                   {[](conn& on, auto& text) { on.send_frame({.masked = false, .payload = text}); },
                    [](conn& on, auto&) { on.send_frame({.op = opcode::ping, .masked = false, .payload = "x"}); }},
                   1002);
        t.refused(req::AM_WSK_020, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-002") {
    .title = "a CONNECT without a mask logs nobody in",
    .proves = {req::AM_WSK_020},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto who = t.fresh();
        auto c = t.dial();
        c.send_frame({.masked = false, .payload = t.connect_frame(who).dump()});
        const auto seen = c.until(match::ended());
        t.refused(req::AM_WSK_020,
                  all({t.that(!seen.empty() && match::ended()(seen.back()), "the connection is failed", seen),
                       t.none(seen, match::frame("connected")), gone_offline(t, p.a, who)}));
    },
};

AM_CASE("WSK-FRAME-003") {
    .title = "a text frame with a reserved bit fails the connection",
    .proves = {req::AM_WSK_021, req::AM_WSK_030},
    .cost = rtt(30),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end = commit(t,
                                {[](conn& on, auto& text) { on.send_frame({.rsv = 4, .payload = text}); },
                                 [](conn& on, auto& text) { on.send_frame({.rsv = 2, .payload = text}); },
                                 [](conn& on, auto& text) { on.send_frame({.rsv = 1, .payload = text}); }},
                                1002);
        t.refused(req::AM_WSK_021, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-004") {
    .title = "a Ping, and a continuation, with a reserved bit fails the connection",
    .proves = {req::AM_WSK_021},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end =
            commit(t,
                   {[](conn& on, auto&) { on.send_frame({.rsv = 4, .op = opcode::ping, .payload = "x"}); },
                    [](conn& on, auto& text) {
                        on.send_frame({.fin = false, .payload = text.substr(0, 9)});
                        on.send_frame({.rsv = 4, .op = opcode::continuation, .payload = text.substr(9)});
                    }},
                   1002);
        t.refused(req::AM_WSK_021, all({end.failed, t.alive(p)}));
    },
};

AM_CASE("WSK-FRAME-005") {
    .title = "a reserved opcode fails the connection",
    .proves = {req::AM_WSK_022, req::AM_WSK_030},
    .cost = rtt(36),
    .run = [](context& t) {
        auto p = sound_pair(t);
        std::vector<misdeed> deeds;
        for (const auto value : {3U, 7U, 11U, 15U})
            deeds.push_back(
                [value](conn& on, auto& text) { on.send_frame({.op = reserved(value), .payload = text}); });
        const auto end = commit(t, deeds, 1002);
        t.refused(req::AM_WSK_022, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-006") {
    .title = "a control frame of 126 bytes fails the connection",
    .proves = {req::AM_WSK_023, req::AM_WSK_030},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end =
            commit(t,
                   {[](conn& on, auto&) { on.send_frame({.op = opcode::ping, .payload = std::string(126, 'x')}); },
                    [](conn& on, auto&) { on.send_frame({.op = opcode::pong, .payload = std::string(126, 'x')}); }},
                   1002);
        t.refused(req::AM_WSK_023, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-007") {
    .title = "a fragmented Ping fails the connection",
    .proves = {req::AM_WSK_024, req::AM_WSK_030},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end = commit(t, {[](conn& on, auto&) {
                                    on.send_frame({.fin = false, .op = opcode::ping, .payload = "x"});
                                }},
                                1002);
        t.refused(req::AM_WSK_024, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-008") {
    .title = "a continuation of nothing fails the connection",
    .proves = {req::AM_WSK_025, req::AM_WSK_030},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end =
            commit(t,
                   {[](conn& on, auto& text) { on.send_frame({.op = opcode::continuation, .payload = text}); },
                    [](conn& on, auto& text) {
                        on.send_frame({.payload = frame::presence("online").dump()});
                        on.send_frame({.fin = false, .op = opcode::continuation, .payload = text});
                    }},
                   1002);
        t.refused(req::AM_WSK_025, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-009") {
    .title = "a new message inside a fragmented one fails the connection",
    .proves = {req::AM_WSK_026, req::AM_WSK_030},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end = commit(t,
                                {[](conn& on, auto& text) {
                                     on.send_frame({.fin = false, .payload = "{"});
                                     on.send_frame({.payload = text});
                                 },
                                 [](conn& on, auto&) {
                                     on.send_frame({.fin = false, .payload = "{"});
                                     on.send_frame({.op = opcode::binary, .payload = "x"});
                                 }},
                                1002);
        t.refused(req::AM_WSK_026, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-010") {
    .title = "text that is not UTF-8 fails the connection",
    .proves = {req::AM_WSK_027, req::AM_WSK_031},
    .cost = rtt(48),
    .run = [](context& t) {
        auto p = sound_pair(t);
        std::vector<misdeed> deeds;
        // A stray byte, an overlong slash, a surrogate, a code point beyond Unicode, a sequence cut short by the
        // end.
        for (const std::string bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
            deeds.push_back([bad](conn& on, auto& text) {
                on.send_frame({.payload = text.substr(0, text.size() - 1) + R"(,"x":")" + bad + "\"}"});
            });
        deeds.push_back([](conn& on, auto& text) { on.send_frame({.payload = text + "\xe2\x82"}); });
        const auto end = commit(t, deeds, 1007);
        t.refused(req::AM_WSK_027, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_031, end.coded);
    },
};

AM_CASE("WSK-FRAME-011") {
    .title = "text that is not UTF-8 across its fragments fails the connection",
    .proves = {req::AM_WSK_027},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end =
            commit(t, {[](conn& on, auto& text) {
                       on.send_frame({.fin = false, .payload = text.substr(0, text.size() - 1) + ",\"x\":\"\xe2"});
                       on.send_frame({.op = opcode::continuation, .payload = "\x28\x82\"}"});
                   }},
                   1007);
        t.refused(req::AM_WSK_027, all({end.failed, t.alive(p)}));
    },
};

AM_CASE("WSK-FRAME-012") {
    .title = "text is failed as soon as it cannot become UTF-8, before the message ends",
    .proves = {req::AM_WSK_031},
    .cost = rtt(18),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto end =
            commit(t,
                   {[](conn& on, auto&) { on.send_frame({.fin = false, .payload = "{\"type\":\"\xff"}); },
                    [](conn& on, auto&) {  // not even the frame is complete
                        on.send_frame({.length = 1000, .payload = "{\"type\":\"\xc0\xaf"});
                    }},
                   1007);
        t.produced(req::AM_WSK_031, all({end.failed, end.coded}));
    },
};

AM_CASE("WSK-FRAME-013") {
    .title = "a frame length with its highest bit set fails the connection",
    .proves = {req::AM_WSK_028, req::AM_WSK_030},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end = commit(t, {[](conn& on, auto& text) {
                                    on.send_frame({.form = length_form::eight_bytes,
                                                   .length = 0x8000'0000'0000'0000U | text.size(),
                                                   .payload = text});
                                }},
                                1002);
        t.refused(req::AM_WSK_028, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-014") {
    .title = "a frame length that is longer than it need be fails the connection",
    .proves = {req::AM_WSK_029, req::AM_WSK_030},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto end = commit(
            t,
            {[](conn& on, auto& text) { on.send_frame({.form = length_form::two_bytes, .payload = text}); },
             [](conn& on, auto& text) { on.send_frame({.form = length_form::eight_bytes, .payload = text}); }},
            1002);
        t.refused(req::AM_WSK_029, all({end.failed, t.alive(p)}));
        t.produced(req::AM_WSK_030, end.coded);
    },
};

AM_CASE("WSK-FRAME-015") {
    .title = "what stands behind a forbidden frame is not acted on",
    .proves = {req::AM_WSK_021},
    .cost = rtt(22),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto bad = sound_party(t);
        const auto late = t.payload();
        bad.on.send_raw(masked(ws_frame{.rsv = 2, .payload = "{}"}) + masked(frame::send(p.b.amid(), late)));
        const auto failed = failed_without_answer(t, bad.on);
        bad.on = t.login(bad.who);
        t.refused(req::AM_WSK_021,
                  all({failed, t.nothing_before(t.fence_message(bad, p.b), match::receive(late))}));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
