// The first frame of a connection, a second CONNECT, and clients that take their time.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// The first answer to a first message that is no CONNECT.
finding first_text(context& t, std::string_view text) {
    auto c = t.dial();
    c.send_text(text);
    return c.expect(match::refusal());
}

AM_CASE("AUT-FIRST-001") {
    .title = "a send before CONNECT is refused and delivered to nobody",
    .proves = {req::AM_AUT_019, req::AM_AUT_029},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto early = t.payload();
        auto c = t.dial();
        c.send(frame::send(p.b.amid(), early));
        t.refused(req::AM_AUT_019, c.expect(match::refusal()));

        party later = t.join();
        t.absent(req::AM_AUT_029, t.fence_message(later, p.b), match::receive(early));
    },
};

AM_CASE("AUT-FIRST-002") {
    .title = "a question about presence before CONNECT is refused and not answered",
    .proves = {req::AM_AUT_019, req::AM_AUT_029},
    .cost = rtt(13),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto c = t.dial();
        c.send(frame::presence_query(p.b.amid()));
        const auto seen = c.until(match::ended());
        const auto refused =
            t.that(!seen.empty() && match::refusal()(seen.front()), "the first answer is a refusal", seen);
        t.refused(req::AM_AUT_019, refused);
        t.absent(req::AM_AUT_029, all({refused, t.none(seen, match::frame("presence_response"))}));
    },
};

AM_CASE("AUT-FIRST-003") {
    .title = "a ping frame before CONNECT is refused and not answered",
    .proves = {req::AM_AUT_019},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_019, first_text(t, frame::ping(t.stamp_now()).dump()));
    },
};

AM_CASE("AUT-FIRST-004") {
    .title = "a first message that is no frame at all is refused",
    .proves = {req::AM_AUT_019},
    .cost = rtt(25),
    .run = [](context& t) {
        (void)sound_pair(t);
        every turned;
        for (const auto* text : {"", "hello", "{", "[]", "{}"}) turned += first_text(t, text);
        t.refused(req::AM_AUT_019, turned);
    },
};

AM_CASE("AUT-FIRST-005") {
    .title = "a binary first message is refused",
    .proves = {req::AM_AUT_019},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial();
        c.send_binary(std::string{"\x00\x01\x02 bytes", 9});
        t.refused(req::AM_AUT_019, c.expect(match::refusal()));
    },
};

AM_CASE("AUT-FIRST-006") {
    .title = "an answer to a challenge that nobody posed is refused",
    .proves = {req::AM_AUT_019},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto who = t.fresh();
        const auto when = t.stamp_now();
        const json answer{{"type", "challenge_response"}, {"timestamp", when}, {"signature", who.sign(when)}};
        t.refused(req::AM_AUT_019, first_text(t, answer.dump()));
    },
};

AM_CASE("AUT-FIRST-007") {
    .title = "a wrong first frame is answered with an error frame, then with a Close",
    .proves = {req::AM_AUT_019, req::AM_AUT_020, req::AM_AUT_021},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto hello = t.connect_frame(t.fresh());
        hello.erase("signature");
        auto c = t.dial();
        c.send(hello);
        const auto answer = c.expect(match::refusal());
        t.refused(req::AM_AUT_019, answer);
        t.produced(req::AM_AUT_020, t.that(answer->is_error(), "an error frame comes first", answer));
        t.produced(req::AM_AUT_021, answer->is(observation::kind::close) ? answer : c.seek(match::close()));
    },
};

AM_CASE("AUT-FIRST-008") {
    .title = "a CONNECT right behind a wrong first frame logs nobody in",
    .proves = {req::AM_AUT_019},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto who = t.fresh();
        auto c = t.dial();
        c.send_raw(masked(frame::ping(t.stamp_now())) + masked(t.connect_frame(who)));
        const auto seen = c.until(match::ended());
        t.refused(
            req::AM_AUT_019,
            all({t.that(!seen.empty() && match::refusal()(seen.front()), "the first answer is a refusal", seen),
                 t.none(seen, match::frame("connected")), gone_offline(t, p.a, who)}));
    },
};

// -- once ----------------------------------------------------------------------------------------------------------

AM_CASE("AUT-TWICE-001") {
    .title = "a second CONNECT on one connection is answered with an error frame",
    .proves = {req::AM_AUT_024},
    .cost = rtt(15),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto victim = sound_party(t);
        auto on = victim.on;
        on.send(t.connect_frame(victim.who));
        t.refused(req::AM_AUT_024, all({on.expect(match::error()), t.alive(p)}));
    },
};

AM_CASE("AUT-TWICE-002") {
    .title = "a second CONNECT in the name of another agent does not log that agent in",
    .proves = {req::AM_AUT_024},
    .cost = rtt(15),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto other = t.fresh();
        auto on = sound_party(t).on;
        on.send(t.connect_frame(other));
        t.refused(req::AM_AUT_024, all({on.expect(match::error()), gone_offline(t, p.a, other)}));
    },
};

// -- in time -------------------------------------------------------------------------------------------------------

AM_CASE("AUT-SLOW-001") {
    .title = "a connection that sends no CONNECT is closed, and told why",
    .proves = {req::AM_AUT_025, req::AM_AUT_026},
    .cost = rtt(12),
    .wait = waits::handshake,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial();
        c.ping("alive");
        t.control(c.seek(match::pong("alive")));
        const auto first = c.seek(match::refusal(), after(t, t.timing().handshake));
        t.produced(req::AM_AUT_025, first->is_error() ? all({first, c.seek(match::ended())}) : first);
        t.produced(req::AM_AUT_026,
                   t.that(first->is_error("UNAUTHORIZED"), "an error UNAUTHORIZED comes first", first));
    },
};

AM_CASE("AUT-SLOW-002") {
    .title = "WebSocket Pings do not buy time for CONNECT",
    .proves = {req::AM_AUT_025},
    .cost = rtt(12),
    .wait = waits::handshake,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial();
        for (int quarter = 0; quarter < 5; ++quarter) {
            c.ping("still here");
            t.wait(t.timing().handshake / 4);
        }
        t.produced(req::AM_AUT_025, c.seek(match::ended(), 2 * t.deadline()));
    },
};

AM_CASE("AUT-SLOW-003") {
    .title = "a CONNECT that trickles in fragments does not buy time either",
    .proves = {req::AM_AUT_025},
    .cost = rtt(12),
    .wait = waits::handshake,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial();
        const auto text = t.connect_frame(t.fresh()).dump();
        for (std::size_t quarter = 0; quarter < 5; ++quarter) {
            c.send_frame({.fin = false,
                          .op = quarter == 0 ? opcode::text : opcode::continuation,
                          .payload = text.substr(quarter * 9, 9)});
            t.wait(t.timing().handshake / 4);
        }
        t.produced(req::AM_AUT_025, c.seek(match::ended(), 2 * t.deadline()));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
