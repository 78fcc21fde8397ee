// The proof in CONNECT: whom it convinces, for how long, and how a relay says no.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

constexpr seconds margin{5};  // around every edge, so that clocks need not agree to the millisecond

/// A CONNECT of `who` dated `offset` from now, correctly signed.
json dated(context& t, const agent& who, seconds offset) {
    return t.connect_frame(who, {.timestamp = stamp(t.now() + offset)});
}

/// The signature of `hello` replaced by `raw` bytes.
json with_signature(json hello, std::string_view raw) {
    hello["signature"] = to_base64(raw);
    return hello;
}

// -- whose it is ---------------------------------------------------------------------------------------------------

AM_CASE("AUT-PROOF-001") {
    .title = "a CONNECT signed by another key is refused",
    .proves = {req::AM_AUT_005},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto hello = t.connect_frame(t.fresh());
        hello["signature"] = t.fresh().sign(hello["timestamp"].get<std::string>());
        t.refused(req::AM_AUT_005, turned_away(t, hello));
    },
};

AM_CASE("AUT-PROOF-002") {
    .title = "a signature over another text, or with one bit changed, is refused",
    .proves = {req::AM_AUT_005},
    .cost = rtt(17),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto who = t.fresh();
        auto elsewhere = t.connect_frame(who);
        elsewhere["signature"] = who.sign("the text of something else");

        auto flipped = t.connect_frame(who);
        auto raw = who.sign_raw(flipped["timestamp"].get<std::string>());
        raw[40] = static_cast<char>(raw[40] ^ 1);
        t.refused(req::AM_AUT_005, all({turned_away(t, elsewhere), turned_away(t, with_signature(flipped, raw))}));
    },
};

AM_CASE("AUT-PROOF-003") {
    .title = "the AMID of somebody else is refused, although the signature fits the key",
    .proves = {req::AM_AUT_006},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto thief = t.fresh();
        auto hello = t.connect_frame(thief);
        hello["amid"] = p.b.amid();
        t.refused(req::AM_AUT_006, turned_away(t, hello));
    },
};

AM_CASE("AUT-PROOF-004") {
    .title = "key and AMID of somebody else are refused without that agent's signature",
    .proves = {req::AM_AUT_005},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto hello = t.connect_frame(t.fresh());
        hello["amid"] = p.b.amid();
        hello["public_key"] = p.b.who.public_key();
        t.refused(req::AM_AUT_005, all({turned_away(t, hello), answers(t, p.b.on)}));
    },
};

AM_CASE("AUT-PROOF-005") {
    .title = "a signature that is empty, shorter or longer than 64 bytes is refused",
    .proves = {req::AM_AUT_005},
    .cost = rtt(22),
    .run = [](context& t) {
        (void)sound_pair(t);
        every turned;
        const auto who = t.fresh();
        for (const std::size_t length : {0U, 32U, 63U, 65U, 128U}) {
            const auto hello = t.connect_frame(who);
            auto raw = who.sign_raw(hello.at("timestamp").get<std::string>());
            raw.resize(length, '\0');
            turned += turned_away(t, with_signature(hello, raw));
        }
        t.refused(req::AM_AUT_005, turned);
    },
};

AM_CASE("AUT-PROOF-006") {
    .title = "a time that was spelled anew after signing does not pass for the one that was signed",
    .proves = {req::AM_AUT_022},  // the text as sent is what hardened relays verify; deployed ones may normalise it
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto when = t.now();
        auto hello = t.connect_frame(t.fresh(), {.timestamp = stamp(when, stamp_form::offset)});
        hello["timestamp"] = stamp(when, stamp_form::zulu);
        const auto answer = turned_away(t, hello);
        t.produced(req::AM_AUT_022,
                   t.that(answer->is_error("INVALID_SIGNATURE"), "the code is INVALID_SIGNATURE", answer));
    },
};

// -- when it was made ----------------------------------------------------------------------------------------------

AM_CASE("AUT-AGE-001") {
    .title = "a proof of 305 seconds ago is refused",
    .proves = {req::AM_AUT_007},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_007, turned_away(t, dated(t, t.fresh(), -(seconds{300} + margin))));
    },
};

AM_CASE("AUT-AGE-002") {
    .title = "a proof of yesterday, or of another century, is refused",
    .proves = {req::AM_AUT_007},
    .cost = rtt(16),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_007,
                  all({turned_away(t, dated(t, t.fresh(), -seconds{86'400})),
                       turned_away(t, t.connect_frame(t.fresh(), {.timestamp = "1970-01-01T00:00:01Z"}))}));
    },
};

AM_CASE("AUT-AGE-003") {
    .title = "a proof of 295 seconds ago is accepted, unless the relay is younger than that",
    .proves = {req::AM_AUT_010},
    .cost = rtt(16),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto answer = turned_away(t, dated(t, t.fresh(), -(seconds{300} - margin)));
        const auto taken = t.that(answer->is_frame("connected"), "connected", answer);
        if (taken)
            t.accepted(req::AM_AUT_010, taken);
        else
            t.note_choice(req::AM_AUT_010, "proofs-since-start");

        // What nobody may refuse: a proof made while this relay was seen to run.
        const auto made = t.now();
        t.wait(milliseconds{600});
        t.accepted(req::AM_AUT_010, admitted(t, t.connect_frame(t.fresh(), {.timestamp = stamp(made)})));
    },
};

AM_CASE("AUT-AGE-004") {
    .title = "a proof dated 65 seconds ahead is refused",
    .proves = {req::AM_AUT_008},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_008, turned_away(t, dated(t, t.fresh(), seconds{60} + margin)));
    },
};

AM_CASE("AUT-AGE-005") {
    .title = "a proof dated a year ahead is refused",
    .proves = {req::AM_AUT_008},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_008, turned_away(t, dated(t, t.fresh(), seconds{31'536'000})));
    },
};

AM_CASE("AUT-AGE-006") {
    .title = "a proof dated 55 seconds ahead is accepted, for clocks differ",
    .proves = {req::AM_AUT_009},
    .cost = rtt(5),
    .run = [](context& t) { t.accepted(req::AM_AUT_009, admitted(t, dated(t, t.fresh(), seconds{60} - margin))); },
};

// -- how often it counts -------------------------------------------------------------------------------------------

AM_CASE("AUT-REPLAY-001") {
    .title = "a CONNECT that was accepted is refused from another connection, and the first login goes on",
    .proves = {req::AM_AUT_011, req::AM_RLY_012},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto who = t.fresh();
        const auto hello = t.connect_frame(who);
        party victim{who, t.dial()};
        victim.on.send(hello);
        t.control(all({victim.on.expect(match::frame("connected")), answers(t, victim.on)}));

        const auto answer = turned_away(t, hello);
        t.refused(req::AM_AUT_011, answer);
        t.absent(req::AM_RLY_012, victim.on.seek(p.a.send(victim, t.payload())));
    },
};

AM_CASE("AUT-REPLAY-002") {
    .title = "a CONNECT that was accepted is refused after its connection has ended",
    .proves = {req::AM_AUT_011},
    .cost = rtt(17),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto hello = t.connect_frame(t.fresh());
        auto first = t.dial();
        first.send(hello);
        t.control(all({first.expect(match::frame("connected")), answers(t, first)}));
        leave(first);
        t.refused(req::AM_AUT_011, turned_away(t, hello));
    },
};

AM_CASE("AUT-REPLAY-003") {
    .title = "an accepted signature is refused in a CONNECT with other members around it",
    .proves = {req::AM_AUT_011},
    .cost = rtt(17),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto hello = t.connect_frame(t.fresh());
        auto first = t.dial();
        first.send(hello);
        t.control(all({first.expect(match::frame("connected")), answers(t, first)}));
        leave(first);
        hello["p2p_capable"] = true;
        hello["framework"] = "another";
        t.refused(req::AM_AUT_011, turned_away(t, hello));
    },
};

// -- how the answer sounds -----------------------------------------------------------------------------------------

AM_CASE("AUT-REFUSAL-001") {
    .title = "a refused CONNECT is answered with an error frame, then with a Close",
    .proves = {req::AM_AUT_020, req::AM_AUT_021, req::AM_AUT_022},
    .cost = rtt(14),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto who = t.fresh();
        auto hello = t.connect_frame(who);
        hello["signature"] = who.sign("the text of something else");
        auto c = t.dial();
        c.send(hello);
        const auto answer = c.expect(match::refusal());
        t.produced(req::AM_AUT_020, t.that(answer->is_error(), "an error frame comes first", answer));
        t.produced(req::AM_AUT_021, answer->is(observation::kind::close) ? answer : c.seek(match::close()));
        t.produced(req::AM_AUT_022,
                   t.that(answer->is_error("INVALID_SIGNATURE"), "the code is INVALID_SIGNATURE", answer));
    },
};

AM_CASE("AUT-REFUSAL-002") {
    .title = "every failure of the proof has the same code and the same text",
    .proves = {req::AM_AUT_022},
    .cost = rtt(30),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto who = t.fresh();
        const auto spent = t.connect_frame(who);
        t.control(admitted(t, spent));

        auto forged = t.connect_frame(who);
        forged["signature"] = t.fresh().sign(forged["timestamp"].get<std::string>());
        auto foreign = t.connect_frame(who);
        foreign["amid"] = t.fresh().amid();

        every same;
        std::string text;
        for (const auto& hello :
             {forged, foreign, spent, dated(t, who, -seconds{400}), dated(t, who, seconds{200})}) {
            const auto answer = turned_away(t, hello);
            if (text.empty()) text = answer->str("message");
            same +=
                all({t.that(answer->is_error("INVALID_SIGNATURE"), "the code is INVALID_SIGNATURE", answer),
                     t.that(answer->str("message") == text, "the text is the one of the first refusal", answer)});
        }
        t.produced(req::AM_AUT_022, same);
    },
};

AM_CASE("AUT-REFUSAL-003") {
    .title = "an agent whose CONNECT was refused can log in with a good one at once",
    .proves = {req::AM_AUT_001},
    .cost = rtt(15),
    .run = [](context& t) {
        const auto who = t.fresh();
        auto bad = t.connect_frame(who);
        bad["signature"] = who.sign("the text of something else");
        t.control(turned_away(t, bad));
        t.accepted(req::AM_AUT_001, admitted(t, t.connect_frame(who)));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
