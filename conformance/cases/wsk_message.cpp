// What RFC 6455 allows and a server must therefore take: fragments, control frames between them, any segmentation.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// `text` as one message of fragments that end at these offsets.
void send_fragments(conn on, const std::string& text, const std::vector<std::size_t>& cuts) {
    std::size_t from = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
        const auto to = i < cuts.size() ? cuts[i] : text.size();
        on.send_frame({.fin = i == cuts.size(),
                       .op = i == 0 ? opcode::text : opcode::continuation,
                       .payload = text.substr(from, to - from)});
        from = to;
    }
}

AM_CASE("WSK-MESSAGE-001") {
    .title = "a message in several fragments is one message",
    .proves = {req::AM_WSK_032},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto payload = t.payload();
        const auto text = frame::send(b.amid(), payload).dump();
        send_fragments(a.on, text, {1, 20, 21, text.size() - 1});
        t.accepted(req::AM_WSK_032, b.on.seek(match::receive(payload)));
    },
};

AM_CASE("WSK-MESSAGE-002") {
    .title = "control frames may stand between the fragments, and are answered before the message ends",
    .proves = {req::AM_WSK_032, req::AM_WSK_033},
    .cost = rtt(14),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto payload = t.payload();
        const auto text = frame::send(b.amid(), payload).dump();
        a.on.send_frame({.fin = false, .payload = text.substr(0, 30)});
        a.on.ping("between");
        const auto answered = a.on.seek(match::pong("between"));
        a.on.send_frame({.fin = false, .op = opcode::continuation, .payload = text.substr(30, 30)});
        a.on.pong("unasked");
        a.on.send_frame({.op = opcode::continuation, .payload = text.substr(60)});
        const auto arrival = b.on.seek(match::receive(payload));
        t.accepted(req::AM_WSK_032, arrival);
        t.produced(req::AM_WSK_033, all({answered, arrival}));
    },
};

AM_CASE("WSK-MESSAGE-003") {
    .title = "a fragment may be empty, the first and the last included",
    .proves = {req::AM_WSK_032},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto payload = t.payload();
        const auto text = frame::send(b.amid(), payload).dump();
        send_fragments(a.on, text, {0, 0, 40, 40, text.size()});
        t.accepted(req::AM_WSK_032, b.on.seek(match::receive(payload)));
    },
};

AM_CASE("WSK-MESSAGE-004") {
    .title = "a fragment may end inside a character",
    .proves = {req::AM_WSK_032, req::AM_RLY_003},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto payload = t.word() + "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80";  // two, three and four bytes
        const auto text = frame::send(b.amid(), payload).dump();
        const auto start = text.find("\xc3\xbc");
        std::vector<std::size_t> cuts;
        for (std::size_t i = 0; i < 9; ++i) cuts.push_back(start + i);
        send_fragments(a.on, text, cuts);
        const auto arrival = b.on.seek(match::receive(payload));
        t.accepted(req::AM_WSK_032, arrival);
        t.produced(req::AM_RLY_003, arrival);
    },
};

AM_CASE("WSK-MESSAGE-005") {
    .title = "a CONNECT may come in fragments",
    .proves = {req::AM_WSK_032},
    .cost = rtt(6),
    .run = [](context& t) {
        auto c = t.dial();
        send_fragments(c, t.connect_frame(t.fresh()).dump(), {5, 100});
        t.accepted(req::AM_WSK_032, all({c.expect(match::frame("connected")), answers(t, c)}));
    },
};

AM_CASE("WSK-MESSAGE-006") {
    .title = "a Ping is answered with a Pong of the same payload, from no byte to 125",
    .proves = {req::AM_WSK_033},
    .cost = rtt(10),
    .run = [](context& t) {
        auto on = sound_party(t).on;
        every answered;
        std::string bytes(125, '\0');
        t.random().fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});  // NOLINT: bytes as bytes
        for (const auto& payload : {std::string{}, std::string{"x"}, bytes}) {
            on.ping(payload);
            answered += on.seek(match::pong(payload));
        }
        t.produced(req::AM_WSK_033, answered);
    },
};

AM_CASE("WSK-MESSAGE-007") {
    .title = "an unsolicited Pong does no harm",
    .proves = {req::AM_WSK_034},
    .cost = rtt(8),
    .run = [](context& t) {
        auto on = sound_party(t).on;
        on.pong("");
        on.pong("nobody asked");
        t.accepted(req::AM_WSK_034, answers(t, on));
    },
};

AM_CASE("WSK-MESSAGE-008") {
    .title = "a frame may arrive one byte at a time",
    .proves = {req::AM_WSK_037},
    .cost = rtt(12),
    .run = [](context& t) {
        // A short frame: while it is under way, no Ping of the relay can be answered.
        auto a = sound_party(t);
        const auto when = t.now();
        std::vector<std::string> pieces;
        for (const char byte : masked(frame::ping(stamp(when)))) pieces.emplace_back(1, byte);
        a.on.send_pieces(pieces);
        t.accepted(req::AM_WSK_037, a.on.seek(match::where("a pong with the time of the ping", [when](const observation& o) {
            return o.is_frame("pong") && read_stamp(o.str("timestamp")) == when;
        })));
    },
};

AM_CASE("WSK-MESSAGE-009") {
    .title = "many frames may arrive in one segment",
    .proves = {req::AM_WSK_037},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto texts = batch(t, 20);
        send_all(a.on, b.amid(), texts);
        t.accepted(req::AM_WSK_037, all_arrive(t, gather(b.on, texts), texts));
    },
};

AM_CASE("WSK-MESSAGE-010") {
    .title = "a segment may end inside the head of a frame",
    .proves = {req::AM_WSK_037},
    .cost = rtt(14),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        every arrived;
        for (const std::size_t cut : {1U, 2U, 3U, 5U, 7U}) {
            const auto payload = t.payload(200);
            const auto bytes = masked(frame::send(b.amid(), payload));
            a.on.send_pieces({bytes.substr(0, cut), bytes.substr(cut)});
            arrived += b.on.seek(match::receive(payload));
        }
        t.accepted(req::AM_WSK_037, arrived);
    },
};

AM_CASE("WSK-MESSAGE-011") {
    .title = "messages around every change of the length field arrive unchanged",
    .proves = {req::AM_RLY_003},
    .cost = rtt(20),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto around = frame::send(b.amid(), "").dump().size();
        every arrived;
        for (const std::size_t length : {125U, 126U, 127U, 65'535U, 65'536U}) {
            const auto payload = t.payload(length < around + 8 ? 8 : length - around);
            a.on.send(frame::send(b.amid(), payload));
            arrived += b.on.seek(match::receive(payload));
        }
        t.produced(req::AM_RLY_003, arrived);
    },
};

AM_CASE("WSK-MESSAGE-012") {
    .title = "no frame of the server is masked",
    .proves = {req::AM_WSK_035},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto who = t.fresh();
        party c{who, t.dial()};
        c.on.send(t.connect_frame(who));
        c.on.ping("bare");
        std::vector<observation> seen;
        const auto keep = [&](const std::vector<observation>& more) {
            seen.insert(seen.end(), more.begin(), more.end());
        };
        keep(c.on.until(match::pong("bare")));
        keep(c.on.until(p.a.send(c, t.payload())));
        c.on.close();
        keep(c.on.until(match::ended()));
        bool masked_frame = false;
        bool talked = false;
        for (const auto& o : seen) {
            masked_frame = masked_frame || (o.faults & fault_masked) != 0;
            talked = talked || o.is_frame("receive");
        }
        t.absent(req::AM_WSK_035, all({t.that(talked, "the server sent frames of several kinds", seen),
                                       t.that(!masked_frame, "none of them is masked", seen)}));
    },
};

// -- closing -------------------------------------------------------------------------------------------------------

AM_CASE("WSK-CLOSE-001") {
    .title = "a Close is answered with a Close, and then TCP ends",
    .proves = {req::AM_WSK_040, req::AM_WSK_041},
    .cost = rtt(8),
    .run = [](context& t) {
        auto on = sound_party(t).on;
        on.close(1000, "done");
        const auto answer = on.seek(match::ended());
        t.produced(req::AM_WSK_040,
                   t.that(answer->is(observation::kind::close), "a Close comes in answer", answer));
        t.produced(req::AM_WSK_041, answer->ends() ? answer : on.seek(match::tcp_end()));
    },
};

AM_CASE("WSK-CLOSE-002") {
    .title = "a Close without a body, and each code an application may use, is answered with a Close",
    .proves = {req::AM_WSK_040},
    .cost = rtt(30),
    .run = [](context& t) {
        every answered;
        auto empty = sound_party(t).on;
        empty.send_frame({.op = opcode::close});
        answered += empty.seek(match::close());
        for (const std::uint16_t code : std::array<std::uint16_t, 4>{1001, 1011, 3000, 4999}) {
            auto on = sound_party(t).on;
            on.close(code, "as agreed");
            answered += on.seek(match::close());
        }
        t.produced(req::AM_WSK_040, answered);
    },
};

AM_CASE("WSK-CLOSE-003") {
    .title = "what follows a Close is not acted on",
    .proves = {req::AM_WSK_043},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto c = sound_party(t);
        const auto late = t.payload();
        c.on.send_raw(masked(ws_frame{.op = opcode::close, .payload = close_payload(1000)}) +
                      masked(frame::send(p.b.amid(), late)));
        t.control(c.on.seek(match::ended()));
        c.on = t.login(c.who);
        t.absent(req::AM_WSK_043, t.fence_message(c, p.b), match::receive(late));
    },
};

AM_CASE("WSK-CLOSE-004") {
    .title = "a Close with a code that may not stand on the wire is not taken for a good one",
    .proves = {req::AM_WSK_042, req::AM_WSK_030},
    .cost = rtt(45),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every ended;
        every coded;
        for (const std::uint16_t code : std::array<std::uint16_t, 6>{0, 999, 1004, 1005, 1006, 2999}) {
            auto on = sound_party(t).on;
            on.send_frame({.op = opcode::close, .payload = close_payload(code)});
            const auto answer = on.seek(match::ended());
            // A Close without a body reads as 1005, and is a fair answer.
            const bool echoed = answer->is(observation::kind::close) && answer->code == code &&
                                !(code == 1005 && (answer->faults & fault_bad_close) == 0);
            ended += all({answer, t.that(!echoed, "the bad code is not echoed", answer)});
            coded += t.that(answer->is(observation::kind::close) && answer->code == 1002, "a Close with code 1002",
                            answer);
        }
        t.refused(req::AM_WSK_042, all({ended, t.alive(p)}));
        t.produced(req::AM_WSK_030, coded);
    },
};

AM_CASE("WSK-CLOSE-005") {
    .title = "a Close with a body of one byte is not taken for a good one",
    .proves = {req::AM_WSK_042, req::AM_WSK_030},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto on = sound_party(t).on;
        on.send_frame({.op = opcode::close, .payload = "x"});
        const auto answer = on.seek(match::ended());
        const bool echoed = (answer->faults & fault_bad_close) != 0;
        t.refused(req::AM_WSK_042,
                  all({answer, t.that(!echoed, "the bad body is not echoed", answer), t.alive(p)}));
        t.produced(req::AM_WSK_030, t.that(answer->is(observation::kind::close) && answer->code == 1002,
                                           "a Close with code 1002", answer));
    },
};

AM_CASE("WSK-CLOSE-006") {
    .title = "a Close inside a fragmented message is answered with a Close",
    .proves = {req::AM_WSK_040},
    .cost = rtt(10),
    .run = [](context& t) {
        auto on = sound_party(t).on;
        on.send_frame({.fin = false, .payload = R"({"type":)"});
        on.close(1000);
        t.produced(req::AM_WSK_040, on.seek(match::close()));
    },
};

AM_CASE("WSK-CLOSE-007") {
    .title = "a connection that was opened and closed without CONNECT is closed in the orderly way too",
    .proves = {req::AM_WSK_040, req::AM_WSK_041},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto c = t.dial();
        c.close(1000);
        const auto answer = c.seek(match::ended());
        t.produced(
            req::AM_WSK_040,
            all({t.that(answer->is(observation::kind::close), "a Close comes in answer", answer), t.alive(p)}));
        t.produced(req::AM_WSK_041, answer->ends() ? answer : c.seek(match::tcp_end()));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
