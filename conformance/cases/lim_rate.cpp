// Limits of rate. Each case spends the minute of agents of its own, in few writes.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// `seconds` of a RATE_LIMITED answer lie between 1 and 60.
finding says_when(context& t, const finding& answer) {
    const auto when = answer->integer("retry_after_seconds");
    return all({answer, t.that(when && *when >= 1 && *when <= 60, "retry_after_seconds is from 1 to 60", answer)});
}

/// Sends `count` messages to `to` and waits until all have arrived. A control.
void spend(context& t, const party& from, party& to, std::size_t count, std::string_view type = "message") {
    const auto texts = batch(t, count);
    send_all(from.on, to.amid(), texts, type);
    t.control(all_arrive(t, gather(to.on, texts), texts));
}

/// One message over the limit: the answer, and that it was not delivered.
struct excess {
    finding answer;
    finding withheld;
};

excess exceed(context& t, party& from, party& to, party& bystander, std::string_view type = "message") {
    const auto text = t.payload();
    from.on.send(frame::send(to.amid(), text, type));
    auto answer = from.on.seek(match::error("RATE_LIMITED"));
    // The limited sender cannot send a fence: first the relay is past its frame, then past a message of another's.
    t.control(answers(t, from.on));
    auto withheld = all({answer, t.nothing_before(t.fence_message(bystander, to), match::receive(text))});
    return {std::move(answer), std::move(withheld)};
}

AM_CASE("LIM-RATE-001") {
    .title = "an agent may send a hundred messages in a minute, and all arrive",
    .proves = {req::AM_LIM_006},
    .cost = rtt(14),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto texts = batch(t, 100);
        send_all(a.on, b.amid(), texts);
        t.accepted(req::AM_LIM_006, all_arrive(t, gather(b.on, texts), texts));
    },
};

AM_CASE("LIM-RATE-002") {
    .title = "the hundred-and-first message is refused, with the time to wait, and not delivered",
    .proves = {req::AM_LIM_007, req::AM_LIM_012, req::AM_LIM_013, req::AM_RLY_012},
    .cost = rtt(24),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        spend(t, a, b, 100);
        const auto over = exceed(t, a, b, c);
        t.refused(req::AM_LIM_007, over.answer);
        t.produced(req::AM_LIM_012, says_when(t, over.answer));
        t.absent(req::AM_LIM_013, over.withheld);
        t.absent(req::AM_RLY_012, all({b.on.seek(c.send(b, t.payload())), a.on.seek(b.send(a, t.payload()))}));
    },
};

AM_CASE("LIM-RATE-003") {
    .title = "the thirty-first KNOCK in a minute is refused, with the time to wait, and not delivered",
    .proves = {req::AM_LIM_008, req::AM_LIM_012, req::AM_LIM_013},
    .cost = rtt(22),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        spend(t, a, b, 30, "knock");
        const auto over = exceed(t, a, b, c, "knock");
        t.refused(req::AM_LIM_008, over.answer);
        t.produced(req::AM_LIM_012, says_when(t, over.answer));
        t.absent(req::AM_LIM_013, over.withheld);
    },
};

AM_CASE("LIM-RATE-004") {
    .title = "optimistic messages count as KNOCKs",
    .proves = {req::AM_LIM_009},
    .cost = rtt(22),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        spend(t, a, b, 15, "knock");
        spend(t, a, b, 15, "optimistic_message");
        t.refused(req::AM_LIM_009, exceed(t, a, b, c, "optimistic_message").withheld);
    },
};

AM_CASE("LIM-RATE-005") {
    .title = "logging in anew does not give a new hundred",
    .proves = {req::AM_LIM_010},
    .cost = rtt(26),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        spend(t, a, b, 100);
        leave(a.on);
        a.on = t.login(a.who);
        t.refused(req::AM_LIM_010, exceed(t, a, b, c).withheld);
    },
};

AM_CASE("LIM-RATE-006") {
    .title = "logging in anew does not give thirty new KNOCKs",
    .proves = {req::AM_LIM_010},
    .cost = rtt(26),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        spend(t, a, b, 30, "knock");
        leave(a.on);
        a.on = t.login(a.who);
        t.refused(req::AM_LIM_010, exceed(t, a, b, c, "knock").withheld);
    },
};

AM_CASE("LIM-RATE-007") {
    .title = "KNOCKs and sends are counted apart: thirty and a hundred fit into one minute",
    .proves = {req::AM_LIM_006},
    .cost = rtt(20),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        spend(t, a, b, 30, "knock");
        const auto texts = batch(t, 100);
        send_all(a.on, b.amid(), texts);
        t.accepted(req::AM_LIM_006, all_arrive(t, gather(b.on, texts), texts));
    },
};

AM_CASE("LIM-RATE-008") {
    .title = "the limit is the sender's, whoever the recipients are and whether they are there",
    .proves = {req::AM_LIM_007},
    .cost = rtt(30),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        spend(t, a, b, 45);
        spend(t, a, c, 45);
        send_all(a.on, t.fresh().amid(), batch(t, 10));
        t.control(t.nothing_before(t.fence_ping(a.on), match::error()));
        a.on.send(frame::send(c.amid(), t.payload()));
        t.refused(req::AM_LIM_007, a.on.seek(match::error("RATE_LIMITED")));
    },
};

AM_CASE("LIM-RATE-009") {
    .title = "no more than six hundred other frames are served in a minute",
    .proves = {req::AM_LIM_011},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto busy = sound_party(t);
        std::string bytes;
        for (int i = 0; i < 300; ++i)
            bytes += masked(frame::ping(t.stamp_now())) + masked(frame::presence_query(p.a.amid()));
        busy.on.send_raw(bytes + masked(frame::ping(t.stamp_now())));
        const auto seen = busy.on.until(match::error("RATE_LIMITED"));
        const bool limited = !seen.empty() && seen.back().is_error("RATE_LIMITED");
        t.refused(req::AM_LIM_011,
                  all({t.that(limited, "an error RATE_LIMITED comes after at most 600 frames", seen), t.alive(p)}));
    },
};

AM_CASE("LIM-RATE-010") {
    .title = "changes of presence are counted too, and logging in anew does not reset the count",
    .proves = {req::AM_LIM_011},
    .cost = rtt(30),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto busy = sound_party(t);
        const auto flap = [&](int times) {
            std::string bytes;
            for (int i = 0; i < times; ++i) bytes += masked(frame::presence(i % 2 == 0 ? "away" : "online"));
            busy.on.send_raw(bytes);
        };
        flap(500);
        t.control(t.nothing_before(t.fence_ping(busy.on), match::error()));
        leave(busy.on);
        busy.on = t.login(busy.who);
        flap(120);
        t.refused(req::AM_LIM_011, all({busy.on.seek(match::error("RATE_LIMITED")), t.alive(p)}));
    },
};

AM_CASE("LIM-RATE-011") {
    .title = "acknowledgements are free",
    .proves = {req::AM_LIM_014},
    .cost = rtt(16),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair({.features = {"receipts"}});
        const auto text = t.payload();
        a.on.send(frame::send_with_id(b.amid(), text, "first"));
        (void)b.on.must_get(match::receive(text));
        const auto acknowledgement = masked(frame::ack(a.amid(), "first"));
        std::string bytes;
        for (int i = 0; i < 700; ++i) bytes += acknowledgement;
        b.on.send_raw(bytes);
        const auto free_of_charge = t.nothing_before(t.fence_ping(b.on), match::error("RATE_LIMITED"));
        t.absent(req::AM_LIM_014, all({free_of_charge, a.on.seek(b.send(a, t.payload()))}));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
