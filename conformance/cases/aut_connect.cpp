// CONNECT and its answer: what a relay must take, and what it must say and not say around it.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// The second after `base` in UTC, so that no fraction puts it before the target's start, with this fraction and zone instead of its own: "…T03:04:05" + ".5" + "+00:00".
std::string spelled(wall_time base, std::string_view fraction, std::string_view zone) {
    return stamp(base + seconds{1}, stamp_form::zulu_seconds).substr(0, 19).append(fraction).append(zone);
}

/// A login of a fresh agent whose CONNECT carries this time, signed as it is written.
finding admitted_with_time(context& t, const std::string& timestamp) {
    return admitted(t, t.connect_frame(t.fresh(), {.timestamp = timestamp}));
}

// -- the answer ----------------------------------------------------------------------------------------------------

AM_CASE("AUT-CONNECT-001") {
    .title = "a valid CONNECT is answered with connected before anything else, with a UUID that differs each time",
    .proves = {req::AM_AUT_001, req::AM_AUT_027, req::AM_AUT_028},
    .cost = rtt(14),
    .run = [](context& t) {
        const auto who = t.fresh();
        auto first = t.dial();
        first.send(t.connect_frame(who));
        const auto answer = first.expect(match::frame("connected"));
        const auto working = all({answer, answers(t, first)});
        t.accepted(req::AM_AUT_001, working);
        t.produced(req::AM_AUT_027, working);

        leave(first);
        const auto other = t.login(t.fresh()).connected().str("session_id");
        const auto again = t.login(who).connected().str("session_id");
        const auto mine = answer->str("session_id");
        t.produced(req::AM_AUT_028,
                   all({working, t.that(is_uuid(mine), "session_id is a UUID", answer),
                        t.that(mine != other, "session_id differs from that of another agent", answer),
                        t.that(mine != again, "session_id differs from that of a later login", answer)}));
    },
};

AM_CASE("AUT-CONNECT-002") {
    .title = "a CONNECT may carry members that the relay does not know",
    .proves = {req::AM_RLY_013, req::AM_AUT_001},
    .cost = rtt(5),
    .run = [](context& t) {
        auto hello = t.connect_frame(t.fresh());
        hello["framework"] = "a stranger's";
        hello["x-limits"] = {{"most", 5}, {"list", {1, nullptr, true, "text"}}};
        const auto answer = admitted(t, hello);
        t.accepted(req::AM_RLY_013, answer);
        t.accepted(req::AM_AUT_001, answer);
    },
};

AM_CASE("AUT-CONNECT-003") {
    .title = "p2p_capable may be true, false or left out",
    .proves = {req::AM_AUT_001},
    .cost = rtt(15),
    .run = [](context& t) {
        auto with = t.connect_frame(t.fresh());
        with["p2p_capable"] = true;
        auto denied = t.connect_frame(t.fresh());
        denied["p2p_capable"] = false;
        auto without = t.connect_frame(t.fresh());
        without.erase("p2p_capable");
        t.accepted(req::AM_AUT_001, all({admitted(t, with), admitted(t, denied), admitted(t, without)}));
    },
};

AM_CASE("AUT-CONNECT-004") {
    .title = "a CONNECT may be written with its members in another order, with white space and with escapes",
    .proves = {req::AM_AUT_001},
    .cost = rtt(5),
    .run = [](context& t) {
        const auto hello = t.connect_frame(t.fresh());
        const auto member = [&](const char* name) {
            return "\t\"" + std::string{name} + "\" :\r\n" + hello.at(name).dump();
        };
        const auto text = " {" + member("signature") + " ," + member("timestamp") + "," + member("public_key") +
                          "," + member("amid") +
                          ", \"protocol\":\"agentmesh\\/0.2\" , \"t\\u0079pe\":\"\\u0063onnect\" }\n";
        auto c = t.dial();
        c.send_text(text);
        const auto answer = c.expect(match::frame("connected"));
        t.accepted(req::AM_AUT_001, all({answer, answers(t, c)}));
    },
};

AM_CASE("AUT-CONNECT-005") {
    .title = "connected comes first, although stored mail waits and a sender goes on sending",
    .proves = {req::AM_AUT_027},
    .cost = rtt(14),
    .run = [](context& t) {
        auto sender = sound_pair(t).a;
        const auto late = t.fresh();
        send_all(sender.on, late.amid(), batch(t, 5));
        t.control(answers(t, sender.on));

        auto c = t.dial();
        c.send(t.connect_frame(late));
        const auto live = batch(t, 5);
        send_all(sender.on, late.amid(), live);
        const auto first = c.next();
        t.produced(req::AM_AUT_027,
                   all({t.that(first.is_frame("connected"), "the first data frame is connected", first),
                        c.seek(match::receive(live.back()))}));
    },
};

AM_CASE("AUT-CONNECT-006") {
    .title = "a relay says nothing until the client has sent CONNECT",
    .proves = {req::AM_AUT_040},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial();
        const auto silent = t.nothing_before(t.fence_ws_ping(c), match::data());
        c.send(t.connect_frame(t.fresh()));
        t.absent(req::AM_AUT_040, all({silent, c.expect(match::frame("connected"))}));
    },
};

AM_CASE("AUT-CONNECT-007") {
    .title = "a WebSocket Ping and a Pong may come before CONNECT",
    .proves = {req::AM_AUT_023},
    .cost = rtt(6),
    .run = [](context& t) {
        auto c = t.dial();
        c.ping("early");
        c.pong("unasked");
        c.send(t.connect_frame(t.fresh()));
        const auto both = all({c.seek(match::pong("early")), c.seek(match::frame("connected"))});
        t.accepted(req::AM_AUT_023, all({both, answers(t, c)}));
    },
};

// -- how its time may be written -----------------------------------------------------------------------------------

AM_CASE("AUT-TIME-001") {
    .title = "a CONNECT whose time ends in Z is verified as it is written",
    .proves = {req::AM_AUT_002},
    .cost = rtt(5),
    .run = [](context& t) { t.accepted(req::AM_AUT_002, admitted_with_time(t, spelled(t.now(), "", "Z"))); },
};

AM_CASE("AUT-TIME-002") {
    .title = "a time with milliseconds and Z is accepted",
    .proves = {req::AM_AUT_002},
    .cost = rtt(5),
    .run = [](context& t) { t.accepted(req::AM_AUT_002, admitted_with_time(t, spelled(t.now(), ".120", "Z"))); },
};

AM_CASE("AUT-TIME-003") {
    .title = "a time in whole seconds with the offset +00:00 is accepted",
    .proves = {req::AM_AUT_003},
    .cost = rtt(5),
    .run = [](context& t) { t.accepted(req::AM_AUT_003, admitted_with_time(t, spelled(t.now(), "", "+00:00"))); },
};

AM_CASE("AUT-TIME-004") {
    .title = "a fraction of six digits that ends in zeros is not shortened before it is verified",
    .proves = {req::AM_AUT_003},
    .cost = rtt(5),
    .run = [](context& t) {
        t.accepted(req::AM_AUT_003, admitted_with_time(t, spelled(t.now(), ".123000", "+00:00")));
    },
};

AM_CASE("AUT-TIME-005") {
    .title = "a fraction of nine digits is accepted",
    .proves = {req::AM_AUT_003},
    .cost = rtt(5),
    .run = [](context& t) {
        t.accepted(req::AM_AUT_003, admitted_with_time(t, spelled(t.now(), ".123456789", "+00:00")));
    },
};

AM_CASE("AUT-TIME-006") {
    .title = "a fraction of one, two or seven digits is accepted",
    .proves = {req::AM_AUT_003},
    .cost = rtt(15),
    .run = [](context& t) {
        every kept;
        for (const auto* fraction : {".5", ".25", ".1234567"})
            kept += admitted_with_time(t, spelled(t.now(), fraction, "+00:00"));
        t.accepted(req::AM_AUT_003, kept);
    },
};

// -- how its key may be written ------------------------------------------------------------------------------------

AM_CASE("AUT-KEY-001") {
    .title = "a public key with the prefix ed25519: is accepted",
    .proves = {req::AM_AUT_004},
    .cost = rtt(5),
    .run = [](context& t) {
        t.accepted(req::AM_AUT_004, admitted(t, t.connect_frame(t.fresh(), {.key_prefix = "ed25519:"})));
    },
};

AM_CASE("AUT-KEY-002") {
    .title = "a public key of small order proves nothing, whatever the signature",
    .proves = {req::AM_AUT_013},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        // The neutral element with S = 0 satisfies the plain verification equation for every text.
        std::string neutral(32, '\0');
        neutral[0] = 1;
        auto hello = t.connect_frame(t.fresh());
        hello["public_key"] = to_base64(neutral);
        hello["amid"] = to_base58(sha256(neutral).substr(0, 20));
        hello["signature"] = to_base64(neutral + std::string(32, '\0'));
        t.refused(req::AM_AUT_013, turned_away(t, hello));
    },
};

AM_CASE("AUT-KEY-003") {
    .title = "a public key with a doubled prefix is refused",
    .proves = {req::AM_AUT_014},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_014, turned_away(t, t.connect_frame(t.fresh(), {.key_prefix = "ed25519:ed25519:"})));
    },
};

AM_CASE("AUT-KEY-004") {
    .title = "a signing key with the prefix of an exchange key is refused",
    .proves = {req::AM_AUT_014},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_014, turned_away(t, t.connect_frame(t.fresh(), {.key_prefix = "x25519:"})));
    },
};

/// A CONNECT in which `member` is written anew by `respell`, of the first of some fresh agents whose text that changes.
/// All of them are drawn, so that nothing after this depends on which one served: a signature varies with the time.
json respelled(context& t, const char* member, std::string (*respell)(std::string)) {
    const auto timestamp = t.stamp_now();
    json chosen;
    for (int i = 0; i < 24; ++i) {
        auto hello = t.connect_frame(t.fresh(), {.timestamp = timestamp});
        const auto text = hello.at(member).get<std::string>();
        hello[member] = respell(text);
        if (chosen.is_null() && hello.at(member) != text) chosen = std::move(hello);
    }
    return chosen;
}

AM_CASE("AUT-KEY-005") {
    .title = "a key or signature in the URL-safe alphabet is refused",
    .proves = {req::AM_AUT_015},
    .cost = rtt(16),
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto url_safe = [](std::string s) {
            for (auto& c : s) c = c == '+' ? '-' : c == '/' ? '_' : c;
            return s;
        };
        t.refused(req::AM_AUT_015, all({turned_away(t, respelled(t, "public_key", url_safe)),
                                        turned_away(t, respelled(t, "signature", url_safe))}));
    },
};

AM_CASE("AUT-KEY-006") {
    .title = "a key or signature with too little or too much padding is refused",
    .proves = {req::AM_AUT_015},
    .cost = rtt(20),
    .run = [](context& t) {
        (void)sound_pair(t);
        every turned;
        for (const auto* member : {"public_key", "signature"}) {
            turned += turned_away(t, respelled(t, member, [](std::string s) { return s.substr(0, s.find('=')); }));
            turned += turned_away(t, respelled(t, member, [](std::string s) { return s + "="; }));
        }
        t.refused(req::AM_AUT_015, turned);
    },
};

AM_CASE("AUT-KEY-007") {
    .title = "a key or signature whose last character carries stray bits is refused",
    .proves = {req::AM_AUT_015},
    .cost = rtt(16),
    .run = [](context& t) {
        (void)sound_pair(t);
        // The neighbour of the last character in the alphabet decodes to the same bytes where readers are lenient.
        const auto stray = [](std::string s) {
            constexpr std::string_view alphabet =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            auto& last = s[s.find('=') - 1];
            last = alphabet[alphabet.find(last) ^ 1U];
            return s;
        };
        t.refused(req::AM_AUT_015, all({turned_away(t, respelled(t, "public_key", stray)),
                                        turned_away(t, respelled(t, "signature", stray))}));
    },
};

AM_CASE("AUT-KEY-008") {
    .title = "a key or signature with white space in it is refused",
    .proves = {req::AM_AUT_015},
    .cost = rtt(20),
    .run = [](context& t) {
        (void)sound_pair(t);
        every turned;
        for (const auto* member : {"public_key", "signature"}) {
            turned += turned_away(t, respelled(t, member, [](std::string s) { return s + "\n"; }));
            turned += turned_away(t, respelled(t, member, [](std::string s) { return s.insert(20, " "); }));
        }
        t.refused(req::AM_AUT_015, turned);
    },
};

// -- the protocol it names -----------------------------------------------------------------------------------------

AM_CASE("AUT-PROTOCOL-001") {
    .title = "a protocol that the relay does not speak is refused, and the error says that this is the reason",
    .proves = {req::AM_AUT_016, req::AM_AUT_017},
    .cost = rtt(16),
    .run = [](context& t) {
        (void)sound_pair(t);
        every turned;
        every named;
        for (const auto* protocol : {"agentmesh/7.0", "smtp"}) {
            const auto answer = turned_away(t, t.connect_frame(t.fresh(), {.protocol = protocol}));
            turned += answer;
            named += t.that(answer->is_error("PROTOCOL_MISMATCH"), "the code is PROTOCOL_MISMATCH", answer);
        }
        t.refused(req::AM_AUT_016, turned);
        t.produced(req::AM_AUT_017, named);
    },
};

AM_CASE("AUT-PROTOCOL-002") {
    .title = "the older protocol value agentmesh/0.1 is accepted or refused, as the relay likes",
    .proves = {req::AM_AUT_018},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial();
        c.send(t.connect_frame(t.fresh(), {.protocol = "agentmesh/0.1"}));
        const auto answer = c.expect(match::frame("connected") | match::refusal());
        if (answer->is_frame("connected"))
            t.chose(req::AM_AUT_018, "accepts", all({answer, answers(t, c)}));
        else
            t.chose(req::AM_AUT_018, "refuses", answer);
    },
};

AM_CASE("AUT-PROTOCOL-003") {
    .title = "an empty protocol is refused",
    .proves = {req::AM_AUT_016},
    .cost = rtt(13),
    .run = [](context& t) {
        (void)sound_pair(t);
        t.refused(req::AM_AUT_016, turned_away(t, t.connect_frame(t.fresh(), {.protocol = ""})));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
