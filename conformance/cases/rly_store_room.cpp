// Store and forward: how much is kept, for how long, and when it is gone. No case stores more than twenty messages of
// one sender for one recipient unless it is about that limit, so that every dialect has room.
#include "conformance/cases/deposit.hpp"

namespace agentmesh::conformance {
namespace {

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
        const auto answer = said_to(t, a.on, match::error());
        t.refused(req::AM_RLY_025, answer);
        t.produced(req::AM_RLY_048,
                   t.that(answer->is_error("RECIPIENT_OFFLINE"), "the code is RECIPIENT_OFFLINE", answer));
        auto on = t.login(late);
        const auto seen = on.until(t.fence_ping(on).arrives);
        t.absent(req::AM_RLY_026, all({all_arrive(t, seen, texts), t.none(seen, match::receive(over))}));
    },
};

AM_CASE("RLY-STORE-018") {
    .title = "the hundred-and-first message for one recipient is refused aloud, and the first hundred are kept",
    .proves = {req::AM_RLY_025, req::AM_RLY_027, req::AM_RLY_048},
    .cost = rtt(50),
    .run = [](context& t) {
        const auto late = t.fresh();
        std::vector<std::string> kept;
        for (int i = 0; i < 5; ++i) {
            auto crowd = sound_party(t);
            const auto texts = batch(t, 20);
            send_all(crowd.on, late.amid(), texts);
            t.control(answers(t, crowd.on));
            kept.insert(kept.end(), texts.begin(), texts.end());
        }
        auto last = sound_party(t);
        const auto over = t.payload();
        last.on.send(frame::send(late.amid(), over));
        const auto answer = said_to(t, last.on, match::error());
        t.refused(req::AM_RLY_025, answer);
        t.produced(req::AM_RLY_048,
                   t.that(answer->is_error("RECIPIENT_OFFLINE"), "the code is RECIPIENT_OFFLINE", answer));
        auto on = t.login(late);
        const auto seen = on.until(t.fence_ping(on).arrives);
        t.absent(req::AM_RLY_027, all({all_arrive(t, seen, kept), t.none(seen, match::receive(over))}));
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
        t.control(all_arrive(t, gather(on, texts), texts));
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
        t.produced(req::AM_RLY_031, all_arrive(t, gather(again, texts), texts));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
