// Store and forward: what happens to messages for agents that are away. No case stores more than twenty messages of
// one sender for one recipient unless it is about that limit, so that every dialect has room.
#include "conformance/cases/support.hpp"

#include <algorithm>

namespace agentmesh::conformance {
namespace {

/// Sends `texts` from `sender` to an absent agent and waits until the relay has read them. A control.
void deposit(context& t, const party& sender, const agent& absent, const std::vector<std::string>& texts) {
    send_all(sender.on, absent.amid(), texts);
    t.control(t.nothing_before(t.fence_ping(sender.on), match::error()));
}

/// The number that `connected` announced, compared.
finding announced(context& t, const conn& on, std::int64_t count) {
    return t.that(on.connected().integer("pending_messages") == count, "pending_messages is " + std::to_string(count),
                  on.connected());
}

/// The payloads among `texts`, in the order of `seen`.
std::vector<std::string> those_of(const std::vector<observation>& seen, const party& sender) {
    std::vector<std::string> out;
    for (const auto& o : seen)
        if (o.is_frame("receive") && o.str("from") == sender.amid()) out.push_back(o.str("encrypted_payload"));
    return out;
}

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
        const auto seen = on.until(match::receive(texts.back()));
        t.produced(req::AM_RLY_020, t.that(payloads(seen).size() == 20, "all twenty arrive", seen));
        t.produced(req::AM_RLY_021, announced(t, on, 20));
        t.produced(req::AM_RLY_022, t.that(payloads(seen) == texts, "in the order sent", seen));
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
        every arrived;
        bool ordered = true;
        std::vector<observation> seen;  // mail of different senders may mix, and no answer need wait for it
        while (seen.size() < 15) {
            const auto next = on.seek(match::frame("receive"));
            if (!next) break;
            seen.push_back(next.last);
        }
        for (std::size_t i = 0; i < senders.size(); ++i) {
            arrived += t.that(those_of(seen, *senders[i]).size() == 5, "all messages of each sender arrive", seen);
            ordered = ordered && those_of(seen, *senders[i]) == sent[i];
        }
        t.produced(req::AM_RLY_020, arrived);
        t.produced(req::AM_RLY_021, announced(t, on, 15));
        t.produced(req::AM_RLY_022, t.that(ordered, "those of each sender in the order sent", seen));
    },
};

AM_CASE("RLY-STORE-004") {
    .title = "what was stored comes before what the same sender sends during the login",
    .proves = {req::AM_RLY_022},
    .cost = rtt(14),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        auto texts = batch(t, 10);
        deposit(t, a, late, texts);

        auto on = t.dial();
        const auto live = batch(t, 10);
        on.send(t.connect_frame(late));
        send_all(a.on, late.amid(), live);
        texts.insert(texts.end(), live.begin(), live.end());
        const auto seen = on.until(match::receive(live.back()));
        t.produced(req::AM_RLY_022, t.that(payloads(seen) == texts, "all messages, in the order sent", seen));
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
        every arrived;
        every same;
        for (const auto& [type, text] : sent) {
            const auto arrival = on.seek(match::receive(text));
            arrived += arrival;
            same += t.that(arrival->str("message_type") == type, "message_type is the one sent", arrival);
        }
        t.produced(req::AM_RLY_020, arrived);
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

// -- how much ------------------------------------------------------------------------------------------------------

AM_CASE("RLY-STORE-017") {
    .title = "the twenty-first message of one sender is refused aloud, and the first twenty are kept",
    .proves = {req::AM_RLY_025, req::AM_RLY_026, req::AM_RLY_048},
    .cost = rtt(18),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto texts = batch(t, 20);
        deposit(t, a, late, texts);
        const auto over = t.payload();
        a.on.send(frame::send(late.amid(), over));
        const auto answer = a.on.seek(match::error());
        t.refused(req::AM_RLY_025, answer);
        t.produced(req::AM_RLY_048,
                   t.that(answer->is_error("RECIPIENT_OFFLINE"), "the code is RECIPIENT_OFFLINE", answer));
        auto on = t.login(late);
        const auto seen = on.until(t.fence_ping(on).arrives);
        t.absent(req::AM_RLY_026,
                 t.that(payloads(seen) == texts, "the first twenty messages and no other are delivered", seen));
    },
};

AM_CASE("RLY-STORE-018") {
    .title = "the hundred-and-first message for one recipient is refused aloud, and the first hundred are kept",
    .proves = {req::AM_RLY_025, req::AM_RLY_027, req::AM_RLY_048},
    .cost = rtt(50),
    .run = [](context& t) {
        const auto late = t.fresh();
        std::vector<std::string> all;
        for (int i = 0; i < 5; ++i) {
            auto crowd = sound_party(t);
            const auto texts = batch(t, 20);
            deposit(t, crowd, late, texts);
            all.insert(all.end(), texts.begin(), texts.end());
        }
        auto last = sound_party(t);
        last.on.send(frame::send(late.amid(), t.payload()));
        const auto answer = last.on.seek(match::error());
        t.refused(req::AM_RLY_025, answer);
        t.produced(req::AM_RLY_048,
                   t.that(answer->is_error("RECIPIENT_OFFLINE"), "the code is RECIPIENT_OFFLINE", answer));
        auto on = t.login(late);
        auto seen = on.until(t.fence_ping(on).arrives);
        auto got = payloads(seen);
        std::sort(got.begin(), got.end());
        std::sort(all.begin(), all.end());
        t.absent(req::AM_RLY_027,
                 t.that(got == all, "the first hundred messages and no other are delivered", seen));
    },
};

// -- how long ------------------------------------------------------------------------------------------------------

AM_CASE("RLY-STORE-019") {
    .title = "a message that was stored too long ago is not delivered, a younger one is",
    .proves = {req::AM_RLY_030, req::AM_RLY_021},
    .cost = rtt(16),
    .wait = waits::expiry,
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto old = t.payload();
        const auto young = t.payload();
        deposit(t, a, late, {old});
        t.wait(t.timing().expiry + milliseconds{100});
        deposit(t, a, late, {young});
        auto on = t.login(late);
        t.absent(req::AM_RLY_030, fence{on, match::receive(young)}, match::receive(old));
        const auto pong = answers(t, on);
        t.produced(req::AM_RLY_021, all({pong, announced(t, on, 1)}));
    },
};

AM_CASE("RLY-STORE-020") {
    .title = "a stored message that was delivered, and a later Ping answered, is not delivered again",
    .proves = {req::AM_RLY_032},
    .cost = rtt(24),
    .wait = waits::ping,
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto texts = batch(t, 3);
        deposit(t, a, late, texts);

        auto on = t.dial();
        on.watch_control();
        on.send(t.connect_frame(late));
        for (const auto& text : texts) (void)on.must_get(match::receive(text));
        t.control(on.seek(match::ping(), after(t, t.timing().ping)));
        t.control(answers(t, on));  // behind the Pong that answered it
        leave(on);

        party again{late, t.login(late)};
        t.absent(req::AM_RLY_032, t.fence_message(a, again),
                 match::receive(texts[0]) | match::receive(texts[1]) | match::receive(texts[2]));
    },
};

AM_CASE("RLY-STORE-021") {
    .title = "stored mail that was written to a dying connection is delivered again",
    .proves = {req::AM_RLY_031},
    .cost = rtt(22),
    .run = [](context& t) {
        auto a = sound_party(t);
        const auto late = t.fresh();
        const auto texts = batch(t, 5);
        deposit(t, a, late, texts);

        auto on = t.dial();
        on.answer_nothing();
        on.send(t.connect_frame(late));
        (void)on.must_get(match::frame("connected"));
        (void)on.must_get(match::receive(texts.back()));
        on.reset();

        auto again = t.login(late);
        every arrived;
        for (const auto& text : texts) arrived += again.seek(match::receive(text));
        t.produced(req::AM_RLY_031, arrived);
    },
};

}  // namespace
}  // namespace agentmesh::conformance
