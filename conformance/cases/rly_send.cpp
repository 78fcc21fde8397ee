// Delivery between connected agents.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

AM_CASE("RLY-SEND-001") {
    .title = "a message to a connected agent arrives there once, from the authenticated sender, unchanged",
    .proves = {req::AM_RLY_001, req::AM_RLY_002, req::AM_RLY_003, req::AM_RLY_006},
    .cost = rtt(9),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto text = t.payload();

        auto message = frame::send(b.amid(), text);
        message["from"] = t.fresh().amid();  // not the sender's to say
        a.on.send(message);

        const auto arrival = b.on.seek(match::receive(text));
        t.produced(req::AM_RLY_001, arrival);
        t.produced(req::AM_RLY_002,
                   t.that(arrival->str("from") == a.amid(), "from is the authenticated sender", arrival));
        t.produced(req::AM_RLY_003,
                   t.that(arrival->str("message_type") == "message", "message_type is the one sent", arrival));
        t.absent(req::AM_RLY_006, t.fence_message(a, b), match::receive(text));
    },
};

AM_CASE("RLY-SEND-002") {
    .title = "each of the seven message types is taken and arrives under its name",
    .proves = {req::AM_RLY_004, req::AM_RLY_003},
    .cost = rtt(16),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        every arrived;
        every named;
        for (const auto* type : {"knock", "accept", "reject", "message", "close", "status", "optimistic_message"}) {
            const auto arrival = b.on.seek(a.send(b, t.payload(), type));
            arrived += arrival;
            named += t.that(arrival->str("message_type") == type, "message_type is the one sent", arrival);
        }
        t.accepted(req::AM_RLY_004, arrived);
        t.produced(req::AM_RLY_003, named);
    },
};

AM_CASE("RLY-SEND-003") {
    .title = "members that the relay does not know are ignored, at any depth",
    .proves = {req::AM_RLY_013},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto text = t.payload();
        auto message = frame::send(b.amid(), text);
        message["priority"] = 7;
        message["trace"] = {{"span", "x"}, {"links", {1, 2, {{"deep", nullptr}}}}};
        a.on.send(message);
        const auto arrival = b.on.seek(match::receive(text));

        auto ping = frame::ping(t.stamp_now());
        ping["nonce"] = t.word();
        a.on.send(ping);
        t.accepted(req::AM_RLY_013, all({arrival, a.on.seek(match::frame("pong"))}));
    },
};

AM_CASE("RLY-SEND-004") {
    .title = "a message reaches nobody but the agent it is addressed to",
    .proves = {req::AM_RLY_005},
    .cost = rtt(14),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        const auto text = t.payload();
        a.on.send(frame::send(b.amid(), text));
        t.control(b.on.seek(match::receive(text)));
        t.absent(req::AM_RLY_005, all({t.nothing_before(t.fence_message(a, c), match::receive(text)),
                                       t.nothing_before(t.fence_ping(a.on), match::receive(text))}));
    },
};

AM_CASE("RLY-SEND-005") {
    .title = "ten pairs at once each get their own messages and no other",
    .proves = {req::AM_RLY_001, req::AM_RLY_005},
    .cost = rtt(60),
    .run = [](context& t) {
        std::vector<pair_of> pairs;
        std::vector<std::string> texts;
        for (int i = 0; i < 10; ++i) pairs.push_back(t.fresh_pair());
        for (auto& p : pairs) {
            texts.push_back(t.payload());
            p.a.on.send(frame::send(p.b.amid(), texts.back()));
        }
        every arrived;
        every clean;
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            arrived += pairs[i].b.on.seek(match::receive(texts[i]));
            clean += t.nothing_before(
                t.fence_message(pairs[i].a, pairs[i].b),
                match::frame("receive") & !match::receive(texts[i]) &
                    match::where("from another pair", [amid = pairs[i].a.amid()](const observation& o) {
                        return o.str("from") != amid;
                    }));
        }
        t.produced(req::AM_RLY_001, arrived);
        t.absent(req::AM_RLY_005, clean);
    },
};

AM_CASE("RLY-SEND-006") {
    .title = "twenty messages of one sender arrive in the order in which they were sent",
    .proves = {req::AM_RLY_007},
    .cost = rtt(10),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto texts = batch(t, 20);
        send_all(a.on, b.amid(), texts);
        t.produced(req::AM_RLY_007, in_order_sent(t, gather(b.on, texts), texts));
    },
};

AM_CASE("RLY-SEND-007") {
    .title = "order holds for each of two recipients whose messages alternate",
    .proves = {req::AM_RLY_007},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        const auto for_b = batch(t, 10);
        const auto for_c = batch(t, 10, 300);
        std::string bytes;
        for (std::size_t i = 0; i < for_b.size(); ++i)
            bytes += masked(frame::send(b.amid(), for_b[i])) + masked(frame::send(c.amid(), for_c[i]));
        a.on.send_raw(bytes);
        const auto at_b = gather(b.on, for_b);
        const auto at_c = gather(c.on, for_c);
        t.produced(req::AM_RLY_007, all({in_order_sent(t, at_b, for_b), in_order_sent(t, at_c, for_c)}));
    },
};

AM_CASE("RLY-SEND-008") {
    .title = "two agents that send to each other at the same time both get everything",
    .proves = {req::AM_RLY_001, req::AM_RLY_007},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto there = batch(t, 10);
        const auto back = batch(t, 10);
        send_all(a.on, b.amid(), there);
        send_all(b.on, a.amid(), back);
        const auto at_b = gather(b.on, there);
        const auto at_a = gather(a.on, back);
        t.produced(req::AM_RLY_001, all({all_arrive(t, at_b, there), all_arrive(t, at_a, back)}));
        t.produced(req::AM_RLY_007, all({in_order_sent(t, at_b, there), in_order_sent(t, at_a, back)}));
    },
};

AM_CASE("RLY-SEND-009") {
    .title = "a payload arrives with every character that JSON can carry",
    .proves = {req::AM_RLY_003},
    .cost = rtt(20),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        every arrived;
        const std::vector<std::string> kinds{"",
                                             " ",
                                             "\"\\/\b\f\n\r\t",
                                             "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
                                             "\x01\x1f\x7f",
                                             R"({"type":"send","to":"nobody"})",
                                             "\xe2\x80\xa8\xe2\x80\xa9\xef\xbf\xbd"};
        for (const auto& kind : kinds) {
            const auto text = t.word() + kind;
            a.on.send(frame::send(b.amid(), text));
            arrived += b.on.seek(match::receive(text));
        }
        a.on.send(frame::send(b.amid(), ""));
        arrived += b.on.seek(match::receive(""));
        t.produced(req::AM_RLY_003, arrived);
    },
};

AM_CASE("RLY-SEND-010") {
    .title = "escapes in a frame mean what they stand for",
    .proves = {req::AM_RLY_003},
    .cost = rtt(10),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto mark = t.word();
        a.on.send_text(R"({"t\u0079pe":"send","to":")" + b.amid() +
                       R"(","message_type":"mess\u0061ge","encrypted_payload":")" + mark +
                       R"(\u00fc\ud83d\ude00\/"})");
        t.produced(req::AM_RLY_003, b.on.seek(match::receive(mark + "\xc3\xbc\xf0\x9f\x98\x80/")));
    },
};

AM_CASE("RLY-SEND-011") {
    .title = "the candidates of a send arrive with it",
    .proves = {req::AM_RLY_009},
    .cost = rtt(10),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto text = t.payload();
        auto message = frame::send(b.amid(), text);
        const auto candidates = json::array(
            {frame::candidate("candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host", "0", 0),
             frame::candidate("candidate:2 1 udp 1694498815 198.51.100.7 50001 typ srflx", "audio", 3)});
        message["ice_candidates"] = candidates;
        a.on.send(message);
        const auto arrival = b.on.seek(match::receive(text));
        t.produced(
            req::AM_RLY_009,
            all({arrival, t.that(arrival->has("ice_candidates") && arrival->body.at("ice_candidates") == candidates,
                                 "ice_candidates are those of the send", arrival)}));
    },
};

AM_CASE("RLY-SEND-012") {
    .title = "a send to something that is no AMID is answered with an error, and to whom it names nothing",
    .proves = {req::AM_RLY_010, req::AM_RLY_011},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every refused;
        every named;
        for (const auto& to : {std::string{}, std::string{"nobody!"}, std::string(300, 'x')}) {
            p.a.on.send(frame::send(to, t.payload()));
            const auto answer = p.a.on.seek(match::error());
            refused += answer;
            named += t.that(answer->is_error("UNKNOWN_RECIPIENT"), "the code is UNKNOWN_RECIPIENT", answer);
        }
        t.refused(req::AM_RLY_010, all({refused, answers(t, p.a.on)}));
        t.produced(req::AM_RLY_011, named);
    },
};

AM_CASE("RLY-SEND-013") {
    .title = "only the canonical form of exactly 20 bytes is an AMID",
    .proves = {req::AM_RLY_011},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const std::string raw{reinterpret_cast<const char*>(p.b.who.raw_amid().data()),
                              20};  // NOLINT: bytes as text
        every named;
        const auto amid = p.b.amid();
        for (const auto& to : {to_base58(raw.substr(1)), to_base58(raw + 'x'), "1" + amid, amid + " ",
                               "0" + amid.substr(1), "l" + amid.substr(1), "did:agentmesh:" + amid}) {
            p.a.on.send(frame::send(to, t.payload()));
            const auto answer = p.a.on.seek(match::error());
            named += t.that(answer->is_error("UNKNOWN_RECIPIENT"), "the code is UNKNOWN_RECIPIENT", answer);
        }
        t.produced(req::AM_RLY_011, named);
    },
};

AM_CASE("RLY-SEND-014") {
    .title = "an offer, an answer or a peer that is no AMID is an unknown recipient",
    .proves = {req::AM_RLY_011},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every named;
        for (const auto& bad :
             {frame::ice("ice_offer", "nobody!", "v=0", json::array()),
              frame::ice("ice_answer", "", "v=0", json::array()), frame::established("nobody!")}) {
            p.a.on.send(bad);
            const auto answer = p.a.on.seek(match::error());
            named += t.that(answer->is_error("UNKNOWN_RECIPIENT"), "the code is UNKNOWN_RECIPIENT", answer);
        }
        t.produced(req::AM_RLY_011, named);
    },
};

AM_CASE("RLY-SEND-015") {
    .title = "broken frames of one agent do not disturb what others send each other",
    .proves = {req::AM_RLY_012},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto vandal = sound_party(t);
        every arrived;
        const auto naming = R"({"type":"send","to":")" + p.b.amid() + R"(","encrypted_payload":{},"message_type":0})";
        for (const auto& text : std::initializer_list<std::string>{
                 "{", "[]", "null", R"({"type":"send"})", R"({"type":7})", R"({"type":"nonsense"})",
                 R"({"type":"presence","status":"asleep"})",
                 R"({"type":"send","to":[],"encrypted_payload":{},"message_type":0})", naming}) {
            vandal.on.send_text(text);
            arrived += p.b.on.seek(p.a.send(p.b, t.payload()));
        }
        vandal.on.send_binary("\xff\xfe");
        vandal.on.send_frame({.rsv = 7, .op = static_cast<opcode>(5), .payload = "noise"});
        t.absent(req::AM_RLY_012, all({arrived, t.alive(p)}));
    },
};

AM_CASE("RLY-SEND-016") {
    .title = "a message carries the moment at which the relay took it, with an explicit offset",
    .proves = {req::AM_RLY_008},
    .cost = rtt(12),
    .run = [](context& t) {
        auto [a, b] = t.fresh_pair();
        const auto now = t.now();
        const auto first = b.on.seek(a.send(b, t.payload()));
        const auto second = b.on.seek(a.send(b, t.payload()));
        const auto one = read_stamp(first->str("timestamp"));
        const auto two = read_stamp(second->str("timestamp"));
        // The clocks agree as far as a CONNECT needs it; the relay's own must not run backwards.
        const bool near = one && *one > now - seconds{300} && *one < now + seconds{300};
        t.produced(
            req::AM_RLY_008,
            all({first, second, t.that(one && two, "timestamp is a time with an offset", first, second),
                 t.that(near, "timestamp is the present", first),
                 t.that(one && two && *one <= *two, "the later message has no earlier time", first, second)}));
    },
};

AM_CASE("RLY-SEND-017") {
    .title = "three agents converse, each with both of the others",
    .proves = {req::AM_RLY_001, req::AM_RLY_002},
    .cost = rtt(22),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        every arrived;
        every from;
        for (auto* sender : {&a, &b, &c})
            for (auto* recipient : {&a, &b, &c}) {
                if (sender == recipient) continue;
                const auto arrival = recipient->on.seek(sender->send(*recipient, t.payload()));
                arrived += arrival;
                from += t.that(arrival->str("from") == sender->amid(), "from is the authenticated sender", arrival);
            }
        t.produced(req::AM_RLY_001, arrived);
        t.produced(req::AM_RLY_002, from);
    },
};

}  // namespace
}  // namespace agentmesh::conformance
