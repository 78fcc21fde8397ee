// Frames that are wrong, and the form of the answers.
#include "conformance/cases/support.hpp"

#include <algorithm>
#include <set>

namespace agentmesh::conformance {
namespace {

/// Each frame is answered with INVALID_MESSAGE; frames that are no errors may come between.
finding invalid(context& t, conn on, const std::vector<json>& frames) {
    every refused;
    for (const auto& f : frames) {
        on.send(f);
        refused += on.seek(match::error("INVALID_MESSAGE"));
    }
    return all({refused, answers(t, on)});
}

/// `good` without one member.
json without(json good, const char* member) {
    good.erase(member);
    return good;
}

/// `good` with another value for one member.
json with(json good, const char* member, const json& value) {
    good[member] = value;
    return good;
}

/// One good frame of each type that has members beyond `type`.
struct specimens {
    json send, presence, query, offer, answer, established, ping;
};

specimens good_frames(context& t, const std::string& to) {
    return {frame::send(to, t.payload()),
            frame::presence("online"),
            frame::presence_query(to),
            frame::ice("ice_offer", to, "v=0", json::array()),
            frame::ice("ice_answer", to, "v=0", json::array()),
            frame::established(to),
            frame::ping(t.stamp_now())};
}

AM_CASE("ERR-FRAME-001") {
    .title = "a frame of an unknown type is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_002},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        std::vector<json> frames;
        for (const auto* type : {"teleport", "", "SEND", "get_pending_messages", "knock_with_message", "receive",
                                 "connected", "error"})
            frames.push_back({{"type", type}, {"to", p.b.amid()}});
        t.refused(req::AM_ERR_002, invalid(t, p.a.on, frames));
    },
};

AM_CASE("ERR-FRAME-002") {
    .title = "a send that lacks a member is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_003},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto good = good_frames(t, p.b.amid());
        t.refused(req::AM_ERR_003,
                  invalid(t, p.a.on,
                          {without(good.send, "to"), without(good.send, "encrypted_payload"),
                           without(good.send, "message_type"), without(good.send, "type"), json::object()}));
    },
};

AM_CASE("ERR-FRAME-003") {
    .title = "every other frame that lacks a member is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_003},
    .cost = rtt(22),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto good = good_frames(t, p.b.amid());
        t.refused(req::AM_ERR_003,
                  invalid(t, p.a.on,
                          {without(good.presence, "status"), without(good.query, "amid"), without(good.offer, "to"),
                           without(good.offer, "sdp"), without(good.offer, "candidates"),
                           without(good.answer, "to"), without(good.answer, "sdp"),
                           without(good.established, "peer"), without(good.ping, "timestamp")}));
    },
};

AM_CASE("ERR-FRAME-004") {
    .title = "a send with a member of the wrong type is answered INVALID_MESSAGE and delivered to nobody",
    .proves = {req::AM_ERR_004},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto good = good_frames(t, p.b.amid()).send;
        const auto refused =
            invalid(t, p.a.on,
                    {with(good, "to", 5), with(good, "to", nullptr), with(good, "to", {p.b.amid()}),
                     with(good, "encrypted_payload", json::object({{"a", 1}})), with(good, "encrypted_payload", 7),
                     with(good, "encrypted_payload", nullptr), with(good, "message_type", 0),
                     with(good, "ice_candidates", "none"), with(good, "type", json::array({"send"}))});
        t.refused(req::AM_ERR_004,
                  all({refused, t.nothing_before(t.fence_message(p.a, p.b),
                                                 match::receive(good["encrypted_payload"].get<std::string>()))}));
    },
};

AM_CASE("ERR-FRAME-005") {
    .title = "every other frame with a member of the wrong type is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_004},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto good = good_frames(t, p.b.amid());
        t.refused(req::AM_ERR_004,
                  invalid(t, p.a.on,
                          {with(good.presence, "status", true), with(good.query, "amid", json::array()),
                           with(good.offer, "sdp", 1), with(good.offer, "candidates", json::object()),
                           with(good.answer, "candidates", "none"), with(good.offer, "to", 9),
                           with(good.established, "peer", 1), with(good.ping, "timestamp", 1'700'000'000),
                           with(good.ping, "type", 7)}));
    },
};

AM_CASE("ERR-FRAME-006") {
    .title = "a message type outside the list is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_005},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto good = good_frames(t, p.b.amid()).send;
        t.refused(req::AM_ERR_005,
                  invalid(t, p.a.on,
                          {with(good, "message_type", "request"), with(good, "message_type", ""),
                           with(good, "message_type", "KNOCK"), with(good, "message_type", "knock_response")}));
    },
};

AM_CASE("ERR-FRAME-007") {
    .title = "a status outside the list is answered INVALID_MESSAGE, and the old status stands",
    .proves = {req::AM_ERR_005},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send(frame::presence("away"));
        const auto refused =
            invalid(t, p.a.on, {frame::presence("busy"), frame::presence("ONLINE"), frame::presence("")});
        const auto stands = presence_of(p.b, p.a.amid());
        t.refused(req::AM_ERR_005,
                  all({refused, t.that(stands->str("status") == "away", "status is away", stands)}));
    },
};

// -- the answers ---------------------------------------------------------------------------------------------------

AM_CASE("ERR-ANSWER-001") {
    .title = "an error frame has a code of the list and a message, both text",
    .proves = {req::AM_ERR_011},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        static const std::set<std::string> codes{
            "INVALID_MESSAGE",   "PROTOCOL_MISMATCH", "INVALID_SIGNATURE", "UNAUTHORIZED", "UNKNOWN_RECIPIENT",
            "RECIPIENT_OFFLINE", "MAILBOX_FULL",      "MESSAGE_TOO_LARGE", "RATE_LIMITED", "INTERNAL_ERROR"};
        every shaped;
        std::size_t answered = 0;
        const auto check = [&](const finding& answer) {
            if (!answer) return;  // that an error is missing is the business of other clauses
            ++answered;
            const bool message = answer->has("message") && answer->body.at("message").is_string();
            shaped += all({answer, t.that(codes.contains(answer->str("code")), "code is one of the list", answer),
                           t.that(message, "message is text", answer)});
        };
        for (const auto& bad :
             {frame::send("nobody!", t.payload()), frame::ice("ice_offer", t.fresh().amid(), "v=0", json::array()),
              json{{"type", "nonsense"}}}) {
            p.a.on.send(bad);
            check(p.a.on.seek(match::error()));
        }
        p.a.on.send_text("{");
        check(p.a.on.seek(match::error()));
        auto stranger = t.dial();
        stranger.send(without(t.connect_frame(t.fresh()), "signature"));
        check(stranger.seek(match::error()));
        t.control(t.that(answered != 0, "some error frame"));
        t.produced(req::AM_ERR_011, shaped);
    },
};

AM_CASE("ERR-ANSWER-002") {
    .title = "each refused frame is answered with one error frame, no more",
    .proves = {req::AM_ERR_012},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto good = good_frames(t, p.b.amid());
        std::string bytes = masked(ws_frame{.payload = "{"}) + masked(ws_frame{.payload = "[]"}) +
                            masked(json{{"type", "nonsense"}}) + masked(without(good.send, "to")) +
                            masked(with(good.send, "message_type", "request")) +
                            masked(frame::send("nobody!", t.payload())) +
                            masked(ws_frame{.op = opcode::binary, .payload = "x"});
        p.a.on.send_raw(bytes);
        // Behind the second pong also for a relay that answers out of order, which another clause forbids.
        auto seen = p.a.on.until(t.fence_ping(p.a.on).arrives);
        const auto more = p.a.on.until(t.fence_ping(p.a.on).arrives);
        seen.insert(seen.end(), more.begin(), more.end());
        const auto errors = std::count_if(seen.begin(), seen.end(), [](const auto& o) { return o.is_error(); });
        auto counted = t.that(errors == 7, "seven error frames for seven wrong frames", seen);
        if (!counted.holds) counted.saw = std::to_string(errors);
        t.produced(req::AM_ERR_012, counted);
    },
};

AM_CASE("ERR-ANSWER-003") {
    .title = "answers come in the order of the frames, errors among them",
    .proves = {req::AM_ERR_014},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send_raw(masked(frame::ping(t.stamp_now())) + masked(ws_frame{.payload = "{"}) +
                        masked(frame::presence_query(p.b.amid())) + masked(frame::presence_query(p.a.amid())));
        const auto last = t.fence_ping(p.a.on);
        auto seen = p.a.on.until(last.arrives);
        const auto more = p.a.on.until(t.fence_ping(p.a.on).arrives);
        seen.insert(seen.end(), more.begin(), more.end());
        // That an answer is missing, comes twice or is none of these is the business of other clauses; the first
        // arrivals keep this order.
        const std::vector<std::string> order{"pong", "error", p.b.amid(), p.a.amid(), "the last pong"};
        std::vector<std::string> came;
        for (const auto& o : seen) {
            const auto which = last.arrives(o)                      ? order.back()
                               : o.is_frame("presence_response") ? o.str("amid")
                                                                    : o.type();
            const bool known = std::find(order.begin(), order.end(), which) != order.end();
            if (known && std::find(came.begin(), came.end(), which) == came.end()) came.push_back(which);
        }
        const bool in_order = std::is_sorted(came.begin(), came.end(), [&order](const auto& a, const auto& b) {
            return std::find(order.begin(), order.end(), a) < std::find(order.begin(), order.end(), b);
        });
        t.produced(req::AM_ERR_014,
                   t.that(in_order && !came.empty(), "the answers come in the order of the frames", seen));
    },
};

AM_CASE("ERR-ANSWER-004") {
    .title = "a connection outlives its wrong frames, and goes on to send and receive",
    .proves = {req::AM_ERR_010},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every kept;
        const auto answered = [&] {
            const auto answer = p.a.on.seek(match::error() | match::ended());
            t.control(answer);
            kept += t.that(answer->is_error(), "an error frame and no Close", answer);
        };
        for (const auto* text :
             {"", "{", "[]", "null", "{}", R"({"type":5})", R"({"type":"nonsense"})", R"({"type":"send"})",
              R"({"type":"presence","status":"asleep"})", R"({"type":"ping"})"}) {
            p.a.on.send_text(text);
            answered();
        }
        p.a.on.send_binary("bytes");
        answered();
        t.absent(req::AM_ERR_010, all({kept, answers(t, p.a.on), p.b.on.seek(p.a.send(p.b, t.payload())),
                                       p.a.on.seek(p.b.send(p.a, t.payload()))}));
    },
};

AM_CASE("ERR-ANSWER-005") {
    .title = "the message of an error repeats nothing that the peer chose",
    .proves = {req::AM_ERR_013},
    .cost = rtt(22),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto canary = "canary" + t.word();
        const auto good = good_frames(t, p.b.amid());
        std::vector<std::string> texts{canary,
                                       "{\"type\":\"" + canary,
                                       json{{"type", canary}}.dump(),
                                       frame::send(canary, t.payload()).dump(),
                                       with(good.send, "message_type", canary).dump(),
                                       frame::presence(canary).dump(),
                                       frame::established(canary).dump(),
                                       "{\"type\":\"ping\",\"" + canary + "\":1,\"" + canary + "\":2}"};
        every silent;
        const auto check = [&](const finding& answer) {
            silent += all({answer, t.that(answer->payload.find(canary) == std::string::npos,
                                          "the error does not repeat it", answer)});
        };
        for (const auto& text : texts) {
            p.a.on.send_text(text);
            check(p.a.on.seek(match::error()));
        }
        auto stranger = t.dial();
        stranger.send(t.connect_frame(t.fresh(), {.protocol = canary}));
        check(stranger.seek(match::error()));
        t.absent(req::AM_ERR_013, silent);
    },
};

AM_CASE("ERR-ANSWER-006") {
    .title = "the message of an error may name the clause that was violated",
    .proves = {req::AM_ERR_015},
    .cost = rtt(10),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send(json{{"type", "nonsense"}});
        const auto answer = p.a.on.seek(match::error());
        const bool names = answer->str("message").find("AM-ERR-") != std::string::npos;
        t.chose(req::AM_ERR_015, names ? "names-it" : "does-not", answer);
    },
};

AM_CASE("ERR-ANSWER-007") {
    .title = "an error goes to the agent whose frame was wrong and to nobody else",
    .proves = {req::AM_RLY_012},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send(with(frame::send(p.b.amid(), t.payload()), "message_type", "request"));
        t.control(p.a.on.seek(match::error()));
        t.absent(req::AM_RLY_012, t.fence_message(p.a, p.b), match::error());
    },
};

}  // namespace
}  // namespace agentmesh::conformance
