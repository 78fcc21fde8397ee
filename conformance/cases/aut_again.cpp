// Two connections of one agent.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// A second login of one agent, and which of the two connections the relay kept.
struct takeover {
    finding answer;  ///< to the second CONNECT
    conn kept;
    conn other;
    bool replaced;  ///< the newer one was kept
};

takeover log_in_again(context& t, const agent& who, conn first) {
    auto second = t.dial();
    second.send(t.connect_frame(who));
    auto answer = second.expect(match::frame("connected") | match::refusal());
    const bool replaced = answer->is_frame("connected");
    return {std::move(answer), replaced ? second : first, replaced ? first : second, replaced};
}

AM_CASE("AUT-AGAIN-001") {
    .title = "at a second login the older connection is closed, or the newer one refused",
    .proves = {req::AM_AUT_030, req::AM_AUT_031},
    .cost = rtt(18),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto older = sound_party(t);
        auto now = log_in_again(t, older.who, older.on);
        const auto closed = now.replaced ? older.on.seek(match::ended()) : now.answer;
        t.produced(req::AM_AUT_030, all({now.answer, closed, answers(t, now.kept)}));
        t.note_choice(req::AM_AUT_030, now.replaced ? "closes-the-older" : "refuses-the-newer");
        t.produced(req::AM_AUT_031,
                   t.that(now.replaced && closed->is(observation::kind::close) && closed->code == 4006,
                          "the older connection gets a Close with code 4006", closed));
    },
};

AM_CASE("AUT-AGAIN-002") {
    .title = "the end of the older connection leaves the newer one reachable",
    .proves = {req::AM_AUT_032},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto older = sound_party(t);
        auto now = log_in_again(t, older.who, older.on);
        t.control(now.answer);
        now.other.end_writing();
        t.control(now.other.seek(match::tcp_end()));
        t.wait(milliseconds{50});  // the relay may notice a little later
        party kept{older.who, now.kept};
        const auto presence = presence_of(p.a, kept.amid());
        t.absent(req::AM_AUT_032,
                 all({kept.on.seek(p.a.send(kept, t.payload())),
                      t.that(presence->str("status") == "online", "the agent is online", presence)}));
    },
};

AM_CASE("AUT-AGAIN-003") {
    .title = "the older connection may even be reset without harm to the newer one",
    .proves = {req::AM_AUT_032},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto older = sound_party(t);
        older.on.answer_nothing();
        auto now = log_in_again(t, older.who, older.on);
        t.control(now.answer);
        now.other.reset();
        t.wait(milliseconds{50});
        party kept{older.who, now.kept};
        t.absent(req::AM_AUT_032, all({kept.on.seek(p.a.send(kept, t.payload())), answers(t, kept.on)}));
    },
};

AM_CASE("AUT-AGAIN-004") {
    .title = "after a second login a message arrives once, on the connection that was kept",
    .proves = {req::AM_RLY_001, req::AM_RLY_006},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto older = sound_party(t);
        auto now = log_in_again(t, older.who, older.on);
        t.control(now.answer);
        party kept{older.who, now.kept};
        const auto arrives = p.a.send(kept, t.payload());
        t.produced(req::AM_RLY_001, kept.on.seek(arrives));
        t.absent(req::AM_RLY_006, t.fence_message(p.a, kept), arrives);
    },
};

AM_CASE("AUT-AGAIN-005") {
    .title = "an agent that logs in five times over stays reachable",
    .proves = {req::AM_AUT_030, req::AM_AUT_032},
    .cost = rtt(30),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto who = sound_party(t);
        every closed;
        for (int time = 0; time < 4; ++time) {
            auto now = log_in_again(t, who.who, who.on);
            closed += all({now.answer, (now.replaced ? now.other.seek(match::ended()) : now.answer)});
            who.on = now.kept;
        }
        t.produced(req::AM_AUT_030, all({closed, answers(t, who.on)}));
        t.absent(req::AM_AUT_032, who.on.seek(p.a.send(who, t.payload())));
    },
};

AM_CASE("AUT-AGAIN-006") {
    .title = "an agent that left in the orderly way logs in again and is reachable",
    .proves = {req::AM_AUT_001, req::AM_AUT_032},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto who = sound_party(t);
        leave(who.on);
        auto again = t.dial();
        again.send(t.connect_frame(who.who));
        const auto answer = again.expect(match::frame("connected"));
        t.accepted(req::AM_AUT_001, answer);
        party back{who.who, again};
        t.wait(milliseconds{50});
        t.absent(req::AM_AUT_032, all({answer, back.on.seek(p.a.send(back, t.payload()))}));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
