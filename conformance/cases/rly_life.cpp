// The life of a connection: pings of both kinds, disconnect, silence, and readers that stop reading.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

AM_CASE("RLY-LIFE-001") {
    .title = "a ping frame is answered with a pong that denotes the same instant, however the time is written",
    .proves = {req::AM_RLY_070},
    .cost = rtt(18),
    .run = [](context& t) {
        auto on = sound_party(t).on;
        every same;
        for (const auto* text :
             {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678901+00:00",
              "2026-01-02T03:04:05.123456789Z", "2026-01-02T05:04:05+02:00", "2025-12-31T23:59:59.5-11:30"}) {
            on.send(frame::ping(text));
            const auto answer = on.seek(match::frame("pong"));
            const auto told = read_stamp(answer->str("timestamp"));
            same += all({answer, t.that(told && told == read_stamp(text),
                                        "timestamp denotes the instant that was sent", answer)});
        }
        t.produced(req::AM_RLY_070, same);
    },
};

AM_CASE("RLY-LIFE-002") {
    .title = "ten ping frames in one segment get ten pongs",
    .proves = {req::AM_RLY_070, req::AM_ERR_014},
    .cost = rtt(6),
    .run = [](context& t) {
        auto on = sound_party(t).on;
        std::string bytes;
        std::vector<wall_time> sent;
        for (int i = 0; i < 10; ++i) {
            sent.push_back(t.now());
            bytes += masked(frame::ping(stamp(sent.back())));
        }
        on.send_raw(bytes);
        std::vector<observation> seen;
        bool in_order = true;
        for (const auto& when : sent) {
            seen.push_back(on.next());
            in_order = in_order && read_stamp(seen.back().str("timestamp")) == when;
        }
        bool all = true;
        for (const auto& o : seen) all = all && o.is_frame("pong");
        t.produced(req::AM_RLY_070, t.that(all, "each ping is answered", seen));
        t.produced(req::AM_ERR_014, t.that(in_order, "in the order of the pings", seen));
    },
};

AM_CASE("RLY-LIFE-003") {
    .title = "disconnect is answered with a Close",
    .proves = {req::AM_RLY_071},
    .cost = rtt(6),
    .run = [](context& t) {
        auto on = sound_party(t).on;
        on.send(frame::disconnect("going home"));
        t.produced(req::AM_RLY_071, on.seek(match::close()));
    },
};

AM_CASE("RLY-LIFE-004") {
    .title = "what a client sends after disconnect is not routed",
    .proves = {req::AM_RLY_072},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto c = sound_party(t);
        const auto late = t.payload();
        c.on.send_raw(masked(frame::disconnect()) + masked(frame::send(p.b.amid(), late)));
        // Where no Close comes, the patience spent on it and a message of another's stand for the fence.
        auto after = c.on.seek(match::ended()) ? party{c.who, t.login(c.who)} : t.join();
        t.absent(req::AM_RLY_072, t.fence_message(after, p.b), match::receive(late));
    },
};

AM_CASE("RLY-LIFE-005") {
    .title = "an idle connection gets WebSocket Pings and, if it answers them, lives on",
    .proves = {req::AM_RLY_073},
    .cost = rtt(10),
    .wait = waits::ping,
    .run = [](context& t) {
        const auto who = t.fresh();
        auto on = t.dial();
        on.watch_control();
        on.send(t.connect_frame(who));
        t.control(all({on.seek(match::frame("connected")), answers(t, on)}));
        every pinged;
        for (int i = 0; i < 3; ++i) pinged += on.seek(match::ping(), after(t, t.timing().ping));
        t.produced(req::AM_RLY_073, all({pinged, answers(t, on)}));
    },
};

AM_CASE("RLY-LIFE-006") {
    .title = "a connection that leaves a Ping unanswered is closed, and what follows is stored for its agent",
    .proves = {req::AM_RLY_074, req::AM_RLY_033},
    .cost = rtt(20),
    .wait = waits::ping,
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto mute = sound_party(t);
        mute.on.watch_control();
        mute.on.answer_nothing();
        t.control(mute.on.seek(match::ping(), after(t, t.timing().ping)));
        t.produced(req::AM_RLY_074, mute.on.seek(match::ended(), after(t, t.timing().pong_grace)));
        t.control(gone_offline(t, p.a, mute.who));
        const auto text = t.payload();
        p.a.on.send(frame::send(mute.amid(), text));
        t.control(answers(t, p.a.on));
        t.produced(req::AM_RLY_033, t.login(mute.who).seek(match::receive(text)));
    },
};

AM_CASE("RLY-LIFE-007") {
    .title = "a recipient that stops reading delays nobody else",
    .proves = {req::AM_RLY_075},
    .cost = rtt(40),
    .run = [](context& t) {
        auto [a, stalled, c] = t.fresh_trio();
        auto p = sound_pair(t);
        t.exchange(a, c);
        stalled.on.stop_reading();
        // Some 11 MB, more than the buffers of the kernels on the way take; piece by piece, so that Pings are
        // answered.
        const auto bulk = masked(frame::send(stalled.amid(), t.payload(60'000)));
        for (int i = 0; i < 90; ++i) {
            a.on.send_raw(bulk);
            p.a.on.send_raw(bulk);
        }
        every arrived;
        arrived += c.on.seek(a.send(c, t.payload()));
        arrived += p.b.on.seek(p.a.send(p.b, t.payload()));
        arrived += a.on.seek(c.send(a, t.payload()));
        t.absent(req::AM_RLY_075, arrived);
    },
};

AM_CASE("RLY-LIFE-008") {
    .title = "GET /health is answered with status 200 and a JSON object",
    .proves = {req::AM_RLY_077},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto plain = t.upgrade_request();
        const auto host = plain.field("Host");
        plain.fields.clear();
        plain.target = "/health";
        plain.add("Host", host).add("Connection", "close");
        auto c = t.dial_tcp();
        c.send_request(plain);
        const auto answer = c.expect(match::http(200));
        const auto body = json::parse(answer->payload, nullptr, false);
        t.produced(req::AM_RLY_077, all({answer, t.that(body.is_object(), "the body is a JSON object", answer)}));
    },
};

AM_CASE("RLY-LIFE-009") {
    .title = "clients that vanish without a word leave the relay in service",
    .proves = {req::AM_RLY_012},
    .cost = rtt(40),
    .run = [](context& t) {
        auto p = sound_pair(t);
        for (int i = 0; i < 6; ++i) {
            auto c = sound_party(t);
            c.on.send(frame::send(p.b.amid(), t.payload()));
            if (i % 2 == 0)
                c.on.reset();
            else
                c.on.end_writing();
        }
        auto half = t.dial();
        half.send_raw("\x81\xfe");  // the head of a frame that never comes
        half.reset();
        t.absent(req::AM_RLY_012, t.alive(p));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
