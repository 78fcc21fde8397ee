// Store and forward: that messages for agents that are away reach them, whole and in order. No case stores more than twenty messages of
// one sender for one recipient unless it is about that limit, so that every dialect has room.
#include "conformance/cases/deposit.hpp"

namespace agentmesh::conformance {
namespace {

AM_CASE("RLY-STORE-001") {
    .title = "a message to an absent agent is delivered when that agent logs in",
    .proves = {req::AM_RLY_020, req::AM_RLY_021, req::AM_RLY_002},
    .cost = rtt(14),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto text = t.payload();
        deposit(t, a, late, {text});
        auto on = t.login(late);
        const auto arrival = on.seek(match::receive(text));
        t.produced(req::AM_RLY_020, arrival);
        t.produced(req::AM_RLY_021, all({arrival, announced(t, on, 1)}));
        t.produced(req::AM_RLY_002, t.that(arrival->str("from") == a.amid(), "from is the sender", arrival));
    },
};

AM_CASE("RLY-STORE-002") {
    .title = "twenty stored messages are announced, and delivered in the order in which they were sent",
    .proves = {req::AM_RLY_020, req::AM_RLY_021, req::AM_RLY_022},
    .cost = rtt(14),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto texts = batch(t, 20);
        deposit(t, a, late, texts);
        auto on = t.login(late);
        const auto seen = gather(on, texts);
        t.produced(req::AM_RLY_020, all_arrive(t, seen, texts));
        t.produced(req::AM_RLY_021, announced(t, on, 20));
        t.produced(req::AM_RLY_022, in_order_sent(t, seen, texts));
    },
};

AM_CASE("RLY-STORE-003") {
    .title = "mail of three senders is delivered in full, that of each sender in order",
    .proves = {req::AM_RLY_020, req::AM_RLY_021, req::AM_RLY_022},
    .cost = rtt(26),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        const auto late = t.fresh();
        std::vector<std::vector<std::string>> sent;
        const std::vector<const party*> senders{&a, &b, &c};
        for (const auto* sender : senders) {
            sent.push_back(batch(t, 5));
            deposit(t, *sender, late, sent.back());
        }
        auto on = t.login(late);
        std::vector<std::string> texts;  // mail of different senders may mix
        for (const auto& own : sent) texts.insert(texts.end(), own.begin(), own.end());
        const auto seen = gather(on, texts);
        every ordered;
        for (const auto& own : sent) ordered += in_order_sent(t, seen, own);
        t.produced(req::AM_RLY_020, all_arrive(t, seen, texts));
        t.produced(req::AM_RLY_021, announced(t, on, 15));
        t.produced(req::AM_RLY_022, ordered);
    },
};

AM_CASE("RLY-STORE-004") {
    .title = "what was stored comes before what the same sender sends during the login, and right after it",
    .proves = {req::AM_RLY_022},
    .cost = rtt(16),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        auto texts = batch(t, 10);
        deposit(t, a, late, texts);

        auto on = t.dial();
        // The first ten may find the agent still absent, and join what is stored. The others cannot: `connected` is there.
        for (const bool logged_in : {false, true}) {
            const auto live = batch(t, 10);
            if (!logged_in) on.send(t.connect_frame(late));
            else t.control(on.seek(match::frame("connected")));
            send_all(a.on, late.amid(), live);
            texts.insert(texts.end(), live.begin(), live.end());
        }
        t.produced(req::AM_RLY_022, in_order_sent(t, gather(on, texts), texts));
    },
};

AM_CASE("RLY-STORE-005") {
    .title = "a stored message carries the time at which it was taken, not that of its delivery",
    .proves = {req::AM_RLY_023},
    .cost = rtt(18),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto late = t.fresh();
        const auto text = t.payload();
        deposit(t, a, late, {text});
        // The relay's own clock is the measure: a live message that it took after the stored one and before the
        // login.
        const auto live = b.on.must_get(a.send(b, t.payload()));
        t.wait(milliseconds{30});
        const auto arrival = t.login(late).seek(match::receive(text));
        const auto taken = read_stamp(arrival->str("timestamp"));
        const auto between = read_stamp(live.str("timestamp"));
        t.produced(
            req::AM_RLY_023,
            all({arrival, t.that(taken && between && *taken <= *between,
                                 "its time is not later than that of a message taken after it", arrival, live)}));
    },
};

// -- every way to leave ----------------------------------------------------------------------------------------------

/// An agent leaves in some way; what is sent to it afterwards must be delivered at its next login.
void stored_after(context& t, void (*depart)(context&, party&)) {
    auto p = sound_pair(t);
    auto who = sound_party(t);
    depart(t, who);
    who.on.end_writing();  // a client whose connection is over lets go of it
    t.control(gone_offline(t, p.a, who.who));
    const auto text = t.payload();
    deposit(t, p.a, who.who, {text});
    t.produced(req::AM_RLY_033, t.login(who.who).seek(match::receive(text)));
}

AM_CASE("RLY-STORE-006") {
    .title = "mail is kept for an agent that left with a Close",
    .proves = {req::AM_RLY_033},
    .cost = rtt(24),
    .run = [](context& t) { stored_after(t, [](context&, party& who) { leave(who.on); }); },
};

AM_CASE("RLY-STORE-007") {
    .title = "mail is kept for an agent whose TCP connection ended",
    .proves = {req::AM_RLY_033},
    .cost = rtt(24),
    .run = [](context& t) { stored_after(t, [](context&, party&) {}); },
};

AM_CASE("RLY-STORE-008") {
    .title = "mail is kept for an agent whose TCP connection was reset",
    .proves = {req::AM_RLY_033},
    .cost = rtt(24),
    .run = [](context& t) { stored_after(t, [](context&, party& who) { who.on.reset(); }); },
};

AM_CASE("RLY-STORE-009") {
    .title = "mail is kept for an agent that left with disconnect",
    .proves = {req::AM_RLY_033},
    .cost = rtt(24),
    .run = [](context& t) {
        stored_after(t, [](context& c, party& who) {
            who.on.send(frame::disconnect());
            c.control(who.on.seek(match::ended()));
        });
    },
};

AM_CASE("RLY-STORE-010") {
    .title = "mail is kept for an agent whose connection the relay failed",
    .proves = {req::AM_RLY_033},
    .cost = rtt(24),
    .run = [](context& t) {
        stored_after(t, [](context& c, party& who) {
            who.on.send_frame({.rsv = 4, .payload = "{}"});
            c.control(who.on.seek(match::ended()));
        });
    },
};

// -- whose it is ---------------------------------------------------------------------------------------------------

AM_CASE("RLY-STORE-011") {
    .title = "stored mail reaches nobody but the agent it is addressed to",
    .proves = {req::AM_RLY_005},
    .cost = rtt(22),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto text = t.payload();
        deposit(t, a, late, {text});
        auto other = t.join();
        const auto clean = t.nothing_before(t.fence_message(a, other), match::receive(text));
        t.absent(req::AM_RLY_005, all({clean, t.login(late).seek(match::receive(text))}));
    },
};

AM_CASE("RLY-STORE-012") {
    .title = "no flood of others pushes a stored message out",
    .proves = {req::AM_RLY_024},
    .cost = rtt(50),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto text = t.payload();
        deposit(t, a, late, {text});
        for (int i = 0; i < 6; ++i) {
            auto crowd = t.join();
            send_all(crowd.on, late.amid(), batch(t, 20));
            t.control(answers(t, crowd.on));
            leave(crowd.on);
        }
        t.absent(req::AM_RLY_024, t.login(late).seek(match::receive(text)));
    },
};

AM_CASE("RLY-STORE-013") {
    .title = "mail arrives although its sender has left",
    .proves = {req::AM_RLY_020},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto late = t.fresh();
        const auto text = t.payload();
        deposit(t, p.a, late, {text});
        leave(p.a.on);
        t.produced(req::AM_RLY_020, t.login(late).seek(match::receive(text)));
    },
};

AM_CASE("RLY-STORE-014") {
    .title = "an agent for whom nothing is stored is told so",
    .proves = {req::AM_RLY_021},
    .cost = rtt(6),
    .run = [](context& t) {
        auto on = t.login(t.fresh());
        t.produced(req::AM_RLY_021,
                   all({announced(t, on, 0), t.nothing_before(t.fence_ping(on), match::frame("receive"))}));
    },
};

AM_CASE("RLY-STORE-015") {
    .title = "stored messages keep type and payload, a large one included",
    .proves = {req::AM_RLY_020, req::AM_RLY_003},
    .cost = rtt(18),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        std::vector<std::pair<std::string, std::string>> sent;
        for (const auto* type : {"knock", "accept", "reject", "message", "close", "status", "optimistic_message"})
            sent.emplace_back(type, t.payload());
        sent.emplace_back("message", t.payload(60'000));
        for (const auto& [type, text] : sent) a.on.send(frame::send(late.amid(), text, type));
        t.control(answers(t, a.on));
        auto on = t.login(late);
        std::vector<std::string> texts;
        for (const auto& [type, text] : sent) texts.push_back(text);
        const auto seen = gather(on, texts);
        every same;
        for (const auto& arrival : seen) {
            const auto it = std::find_if(sent.begin(), sent.end(), [&arrival](const auto& one) {
                return one.second == arrival.str("encrypted_payload");
            });
            same += t.that(arrival.str("message_type") == it->first, "message_type is the one sent", arrival);
        }
        t.produced(req::AM_RLY_020, all_arrive(t, seen, texts));
        t.produced(req::AM_RLY_003, same);
    },
};

AM_CASE("RLY-STORE-016") {
    .title = "the candidates of a stored message arrive with it",
    .proves = {req::AM_RLY_029},
    .cost = rtt(14),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        auto message = frame::send(late.amid(), t.payload());
        const auto candidates =
            json::array({frame::candidate("candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host", "0", 0)});
        message["ice_candidates"] = candidates;
        a.on.send(message);
        t.control(answers(t, a.on));
        const auto arrival = t.login(late).seek(match::receive(message["encrypted_payload"].get<std::string>()));
        t.produced(
            req::AM_RLY_029,
            all({arrival, t.that(arrival->has("ice_candidates") && arrival->body.at("ice_candidates") == candidates,
                                 "ice_candidates are those of the send", arrival)}));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
