// Presence: who is said to be there, and what a status does.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// The answer to a question about `amid`, compared with a status.
finding presence_is(context& t, party& asker, std::string_view amid, const std::string& status) {
    const auto answer = presence_of(asker, amid);
    return all({answer, t.that(answer->str("status") == status, "status is " + status, answer)});
}

/// Sets the status and waits until the relay has read it. A control.
void set_status(context& t, party& who, std::string_view status) {
    who.on.send(frame::presence(status));
    t.control(t.nothing_before(t.fence_ping(who.on), match::error()));
}

AM_CASE("RLY-PRESENCE-001") {
    .title = "a connected agent that has set no status is online, to others and to itself",
    .proves = {req::AM_RLY_050},
    .cost = rtt(12),
    .run = [](context& t) {
        auto p = sound_pair(t);
        t.produced(req::AM_RLY_050,
                   all({presence_is(t, p.a, p.b.amid(), "online"), presence_is(t, p.b, p.b.amid(), "online")}));
    },
};

AM_CASE("RLY-PRESENCE-002") {
    .title = "an agent that was never connected is offline",
    .proves = {req::AM_RLY_051},
    .cost = rtt(10),
    .run = [](context& t) {
        auto p = sound_pair(t);
        t.produced(req::AM_RLY_051, presence_is(t, p.a, t.fresh().amid(), "offline"));
    },
};

AM_CASE("RLY-PRESENCE-003") {
    .title = "an agent is offline after it has left, in whatever way, and online again after a new login",
    .proves = {req::AM_RLY_051, req::AM_RLY_050},
    .cost = rtt(36),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto politely = sound_party(t);
        auto silently = sound_party(t);
        auto abruptly = sound_party(t);
        leave(politely.on);
        silently.on.end_writing();
        abruptly.on.reset();
        t.produced(req::AM_RLY_051, all({gone_offline(t, p.a, politely.who), gone_offline(t, p.a, silently.who),
                                         gone_offline(t, p.a, abruptly.who)}));
        (void)t.login(politely.who);
        t.produced(req::AM_RLY_050, presence_is(t, p.a, politely.amid(), "online"));
    },
};

AM_CASE("RLY-PRESENCE-004") {
    .title = "each status that a connected agent sets is what others are told",
    .proves = {req::AM_RLY_052},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every told;
        for (const auto* status : {"away", "dnd", "offline", "online"}) {
            set_status(t, p.b, status);
            told += presence_is(t, p.a, p.b.amid(), status);
        }
        t.produced(req::AM_RLY_052, told);
    },
};

AM_CASE("RLY-PRESENCE-005") {
    .title = "a KNOCK to an agent that wants no disturbance is refused and not delivered",
    .proves = {req::AM_RLY_053},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto& [a, b] = p;
        t.control(b.on.seek(a.send(b, t.payload(), "knock")));
        set_status(t, b, "dnd");
        const auto knock = t.payload();
        a.on.send(frame::send(b.amid(), knock, "knock"));
        t.refused(req::AM_RLY_053,
                  all({a.on.seek(match::error()), t.nothing_before(t.fence_message(a, b), match::receive(knock))}));
    },
};

AM_CASE("RLY-PRESENCE-006") {
    .title = "other messages reach an agent that wants no disturbance",
    .proves = {req::AM_RLY_054},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto& [a, b] = p;
        set_status(t, b, "dnd");
        every arrived;
        for (const auto* type : {"message", "accept", "reject", "close", "status"})
            arrived += b.on.seek(a.send(b, t.payload(), type));
        t.accepted(req::AM_RLY_054, arrived);
    },
};

AM_CASE("RLY-PRESENCE-007") {
    .title = "KNOCKs are delivered again once the agent is back online",
    .proves = {req::AM_RLY_052, req::AM_RLY_004},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto& [a, b] = p;
        set_status(t, b, "dnd");
        set_status(t, b, "online");
        t.produced(req::AM_RLY_052, presence_is(t, a, b.amid(), "online"));
        t.accepted(req::AM_RLY_004, b.on.seek(a.send(b, t.payload(), "knock")));
    },
};

AM_CASE("RLY-PRESENCE-008") {
    .title = "no agent can set the presence of another",
    .proves = {req::AM_RLY_055},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto vandal = sound_party(t);
        auto forged = frame::presence("dnd");
        for (const auto* member : {"amid", "from", "agent", "to"}) forged[member] = p.b.amid();
        vandal.on.send(forged);
        t.control(answers(t, vandal.on));
        t.absent(req::AM_RLY_055, presence_is(t, p.a, p.b.amid(), "online"));
    },
};

AM_CASE("RLY-PRESENCE-009") {
    .title = "the answer about an agent names that agent, also when several are asked for at once",
    .proves = {req::AM_RLY_050, req::AM_RLY_051},
    .cost = rtt(12),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto nobody = t.fresh();
        p.a.on.send_raw(masked(frame::presence_query(p.b.amid())) + masked(frame::presence_query(nobody.amid())));
        const auto first = p.a.on.seek(match::frame("presence_response"));
        const auto second = p.a.on.seek(match::frame("presence_response"));
        const auto told = [&](const std::string& amid) {
            for (const auto* f : {&first, &second})
                if ((*f)->str("amid") == amid) return (*f)->str("status");
            return std::string{};
        };
        t.produced(req::AM_RLY_050,
                   all({first, second,
                        t.that(told(p.b.amid()) == "online", "the connected agent is online", first, second)}));
        t.produced(req::AM_RLY_051,
                   all({first, second,
                        t.that(told(nobody.amid()) == "offline", "the absent agent is offline", first, second)}));
    },
};

AM_CASE("PRV-PRESENCE-001") {
    .title = "presence does not tell an agent that has left from one that never was",
    .proves = {req::AM_PRV_001},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto departed = sound_party(t);
        set_status(t, departed, "away");
        leave(departed.on);
        t.control(gone_offline(t, p.a, departed.who));
        const auto left = presence_of(p.a, departed.amid());
        const auto never = presence_of(p.a, t.fresh().amid());
        auto one = left->body;
        auto two = never->body;
        for (auto* body : {&one, &two})
            if (body->is_object()) body->erase("amid");
        t.absent(req::AM_PRV_001, all({left, never,
                                       t.that(nlohmann::json(one) == nlohmann::json(two),
                                              "the answers differ only in the AMID asked for", left, never)}));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
