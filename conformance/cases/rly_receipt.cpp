// Feature `receipts`: ids, answers to sends, acknowledgements and what they do to stored messages.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

const frame::connect_options with_receipts{.features = {"receipts"}};

/// An `accepted` for this id.
matcher accepted_as(const std::string& id) {
    return match::where("an accepted with the id",
                        [id](const observation& o) { return o.is_frame("accepted") && o.str("id") == id; });
}

AM_CASE("RLY-RECEIPT-001") {
    .title = "each send with an id is answered with accepted, for a connected and for an absent recipient",
    .proves = {req::AM_RLY_040},
    .cost = rtt(16),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair(with_receipts);
        const auto id = t.uuid();
        const auto text = t.payload();
        a.on.send(frame::send_with_id(b.amid(), text, id));
        const auto live = a.on.seek(accepted_as(id));
        const auto arrival = b.on.seek(match::receive(text));

        const auto nobody = t.fresh();
        const auto other = t.uuid();
        a.on.send(frame::send_with_id(nobody.amid(), t.payload(), other));
        const auto stored = a.on.seek(accepted_as(other));
        const auto shaped = [](const finding& f, const std::string& to) {
            return f->str("to") == to && f->has("durable") && f->body.at("durable").is_boolean();
        };
        t.produced(req::AM_RLY_040,
                   all({live, stored, arrival, t.that(arrival->str("id") == id, "receive carries the id", arrival),
                        t.that(shaped(live, b.amid()) && shaped(stored, nobody.amid()),
                               "accepted names the recipient and says whether it is durable", live, stored)}));
    },
};

AM_CASE("RLY-RECEIPT-002") {
    .title = "a message that is sent twice with one id reaches a connected recipient once",
    .proves = {req::AM_RLY_042},
    .cost = rtt(14),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair(with_receipts);
        const auto id = t.uuid();
        const auto text = t.payload();
        a.on.send(frame::send_with_id(b.amid(), text, id));
        (void)b.on.must_get(match::receive(text));
        a.on.send(frame::send_with_id(b.amid(), text, id));
        t.absent(req::AM_RLY_042, t.fence_message(a, b), match::receive(text));
    },
};

AM_CASE("RLY-RECEIPT-003") {
    .title = "a message that is sent twice with one id to an absent recipient is stored once",
    .proves = {req::AM_RLY_042},
    .cost = rtt(16),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto a = sound_party(t, with_receipts);
        const auto late = t.fresh();
        const auto id = t.uuid();
        const auto text = t.payload();
        for (int time = 0; time < 2; ++time) a.on.send(frame::send_with_id(late.amid(), text, id));
        t.control(answers(t, a.on));
        auto on = t.login(late, with_receipts);
        const auto seen = on.until(t.fence_ping(on).arrives);
        t.absent(req::AM_RLY_042,
                 t.that(payloads(seen) == std::vector{text}, "the message is delivered once", seen));
    },
};

AM_CASE("RLY-RECEIPT-004") {
    .title = "a message whose id the recipient has acknowledged is not delivered when it is sent again",
    .proves = {req::AM_RLY_042},
    .cost = rtt(16),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair(with_receipts);
        const auto id = t.uuid();
        const auto text = t.payload();
        a.on.send(frame::send_with_id(b.amid(), text, id));
        (void)b.on.must_get(match::receive(text));
        b.on.send(frame::ack(a.amid(), id));
        t.control(answers(t, b.on));
        a.on.send(frame::send_with_id(b.amid(), text, id));
        t.absent(req::AM_RLY_042, t.fence_message(a, b), match::receive(text));
    },
};

AM_CASE("RLY-RECEIPT-005") {
    .title = "one id used by two senders, or for two recipients, means different messages",
    .proves = {req::AM_RLY_043},
    .cost = rtt(20),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio(with_receipts);
        const auto id = t.uuid();
        const auto first = t.payload();
        const auto second = t.payload();
        const auto third = t.payload();
        a.on.send(frame::send_with_id(b.amid(), first, id));
        a.on.send(frame::send_with_id(c.amid(), second, id));
        c.on.send(frame::send_with_id(b.amid(), third, id));
        // The two for b come from different senders, hence in either order.
        const auto one_of = match::receive(first) | match::receive(third);
        const auto one = b.on.seek(one_of);
        const auto other = b.on.seek(one_of);
        t.accepted(req::AM_RLY_043,
                   all({one, other, c.on.seek(match::receive(second)),
                        t.that(one->str("from") != other->str("from"), "from both senders", one, other)}));
    },
};

AM_CASE("RLY-RECEIPT-006") {
    .title = "a message that was not acknowledged comes again at the next login, with the same id",
    .proves = {req::AM_RLY_044},
    .cost = rtt(24),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair(with_receipts);
        auto plain = sound_party(t);
        const auto id = t.uuid();
        const auto text = t.payload();
        const auto nameless = t.payload();
        a.on.send(frame::send_with_id(b.amid(), text, id));
        (void)b.on.must_get(match::receive(text));
        plain.on.send(frame::send(b.amid(), nameless));
        const auto given = b.on.must_get(match::receive(nameless)).str("id");
        leave(b.on);

        auto again = t.login(b.who, with_receipts);
        const auto seen = again.until(t.fence_ping(again).arrives);
        std::string first_id;
        std::string second_id;
        for (const auto& o : seen) {
            if (match::receive(text)(o)) first_id = o.str("id");
            if (match::receive(nameless)(o)) second_id = o.str("id");
        }
        t.produced(
            req::AM_RLY_044,
            all({t.that(first_id == id, "the sender's id comes again", seen),
                 t.that(given.starts_with('~') && second_id == given, "the relay's own id comes again", seen)}));
    },
};

AM_CASE("RLY-RECEIPT-007") {
    .title = "an acknowledged message is not delivered again",
    .proves = {req::AM_RLY_045},
    .cost = rtt(22),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto a = sound_party(t, with_receipts);
        const auto late = t.fresh();
        const auto kept = t.uuid();
        const auto done = t.uuid();
        const auto texts = batch(t, 2);
        a.on.send(frame::send_with_id(late.amid(), texts[0], done));
        a.on.send(frame::send_with_id(late.amid(), texts[1], kept));
        t.control(answers(t, a.on));

        auto on = t.login(late, with_receipts);
        (void)on.must_get(match::receive(texts[1]));
        on.send(frame::ack(a.amid(), done));
        t.control(answers(t, on));
        leave(on);

        // The one that was not acknowledged comes again and shows that this login is served from the store.
        auto again = t.login(late, with_receipts);
        t.absent(req::AM_RLY_045, fence{again, match::receive(texts[1])}, match::receive(texts[0]));
    },
};

AM_CASE("RLY-RECEIPT-008") {
    .title = "an acknowledgement by a stranger removes nothing",
    .proves = {req::AM_RLY_046},
    .cost = rtt(24),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto [a, stranger] = t.fresh_pair(with_receipts);
        const auto late = t.fresh();
        const auto id = t.uuid();
        const auto text = t.payload();
        a.on.send(frame::send_with_id(late.amid(), text, id));
        t.control(answers(t, a.on));
        stranger.on.send(frame::ack(a.amid(), id));
        a.on.send(frame::ack(a.amid(), id));  // nor does one by the sender
        t.control(all({answers(t, stranger.on), answers(t, a.on)}));
        t.absent(req::AM_RLY_046, t.login(late, with_receipts).seek(match::receive(text)));
    },
};

AM_CASE("RLY-RECEIPT-009") {
    .title = "a send for which the store has no room is answered MAILBOX_FULL with its id",
    .proves = {req::AM_RLY_047},
    .cost = rtt(14),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto a = sound_party(t, with_receipts);
        const auto late = t.fresh();
        for (int i = 0; i < 20; ++i) a.on.send(frame::send_with_id(late.amid(), t.payload(), t.uuid()));
        t.control(t.nothing_before(t.fence_ping(a.on), match::error()));
        const auto id = t.uuid();
        a.on.send(frame::send_with_id(late.amid(), t.payload(), id));
        const auto answer = said_to(t, a.on, match::error());
        t.produced(req::AM_RLY_047,
                   all({t.that(answer->is_error("MAILBOX_FULL"), "the code is MAILBOX_FULL", answer),
                        t.that(answer->str("id") == id, "the error carries the id", answer)}));
    },
};

AM_CASE("RLY-RECEIPT-010") {
    .title = "a recipient without the feature sees no id, although the sender gave one",
    .proves = {req::AM_AUT_041, req::AM_RLY_040},
    .cost = rtt(16),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto a = sound_party(t, with_receipts);
        auto plain = sound_party(t);
        const auto id = t.uuid();
        const auto text = t.payload();
        a.on.send(frame::send_with_id(plain.amid(), text, id));
        const auto arrival = plain.on.seek(match::receive(text));
        t.absent(req::AM_AUT_041, all({arrival, t.that(!arrival->has("id"), "receive has no id", arrival)}));
        t.produced(req::AM_RLY_040, a.on.seek(accepted_as(id)));
    },
};

AM_CASE("RLY-RECEIPT-011") {
    .title = "an acknowledgement makes room in a full store",
    .proves = {req::AM_RLY_045, req::AM_RLY_047},
    .cost = rtt(26),
    .needs = feature::receipts,
    .run = [](context& t) {
        auto a = sound_party(t, with_receipts);
        const auto late = t.fresh();
        std::vector<std::string> ids;
        for (int i = 0; i < 20; ++i) {
            ids.push_back(t.uuid());
            a.on.send(frame::send_with_id(late.amid(), t.payload(), ids.back()));
        }
        const auto over = t.payload();
        a.on.send(frame::send_with_id(late.amid(), over, "one-too-many"));
        t.produced(req::AM_RLY_047, said_to(t, a.on, match::error("MAILBOX_FULL")));

        auto on = t.login(late, with_receipts);
        for (const auto& id : ids) on.send(frame::ack(a.amid(), id));
        t.control(answers(t, on));
        leave(on);
        t.control(gone_offline(t, a, late));
        const auto text = t.payload();
        a.on.send(frame::send_with_id(late.amid(), text, "room-again"));
        const auto taken = said_to(t, a.on, accepted_as("room-again"));
        auto again = t.login(late, with_receipts);
        const auto seen = again.until(t.fence_ping(again).arrives);
        auto got = payloads(seen);
        std::erase(got, over);  // nobody acknowledged it, and that it was kept is judged above
        t.absent(req::AM_RLY_045,
                 all({taken, t.that(got == std::vector{text}, "nothing acknowledged is delivered, the new message is",
                                    seen)}));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
