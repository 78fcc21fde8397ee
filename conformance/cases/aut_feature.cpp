// Features: nobody gets what he did not ask for. And the challenge, for relays that have it.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

AM_CASE("AUT-FEATURE-001") {
    .title = "a CONNECT that offers unknown features is accepted, and none of them is granted",
    .proves = {req::AM_AUT_042},
    .cost = rtt(6),
    .run = [](context& t) {
        const std::vector<std::string> unknown{"teleport", "x-1", "abcdefghijklmnopqrstuvwxyz012345"};
        auto c = t.dial();
        c.send(t.connect_frame(t.fresh(), {.features = unknown}));
        const auto answer = c.expect(match::frame("connected"));
        bool granted = false;
        if (answer->has("features"))
            for (const auto& name : unknown)
                for (const auto& f : answer->body.at("features")) granted = granted || f == name;
        t.accepted(req::AM_AUT_042,
                   all({answer, t.that(!granted, "no unknown feature is granted", answer), answers(t, c)}));
    },
};

AM_CASE("AUT-FEATURE-002") {
    .title = "a client that offers no features sees nothing of any",
    .proves = {req::AM_AUT_041},
    .cost = rtt(12),
    .run = [](context& t) {
        const auto who = t.fresh();
        party a{who, t.dial()};
        a.on.send(t.connect_frame(who));
        const auto answer = a.on.expect(match::frame("connected"));
        t.control(all({answer, answers(t, a.on)}));

        auto b = sound_party(t);
        const auto arrival = b.on.seek(a.send(b, t.payload()));
        t.absent(req::AM_AUT_041, all({t.that(!answer->has("features"), "connected has no features", answer),
                                       arrival, t.that(!arrival->has("id"), "receive has no id", arrival),
                                       t.nothing_before(t.fence_ping(a.on), match::frame("accepted"))}));
    },
};

AM_CASE("AUT-FEATURE-003") {
    .title = "a client that offers receipts is not challenged, and is granted no more than receipts",
    .proves = {req::AM_AUT_041},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial();
        c.send(t.connect_frame(t.fresh(), {.features = {"receipts"}}));
        const auto answer = c.expect(match::frame("connected"));
        const bool more = answer->has("features") && answer->body.at("features") != json::array() &&
                          answer->body.at("features") != json::array({"receipts"});
        t.absent(req::AM_AUT_041,
                 all({answer, t.that(!more, "no other feature is granted", answer), answers(t, c)}));
    },
};

AM_CASE("AUT-FEATURE-004") {
    .title = "an empty list of features is accepted",
    .proves = {req::AM_AUT_042},
    .cost = rtt(5),
    .run = [](context& t) {
        t.accepted(req::AM_AUT_042, admitted(t, t.connect_frame(t.fresh(), {.with_features = true})));
    },
};

AM_CASE("AUT-FEATURE-005") {
    .title = "sixteen unknown features are accepted",
    .proves = {req::AM_AUT_042},
    .cost = rtt(5),
    .run = [](context& t) {
        std::vector<std::string> many;
        for (int i = 0; i < 16; ++i) many.push_back("f-" + std::to_string(i));
        t.accepted(req::AM_AUT_042, admitted(t, t.connect_frame(t.fresh(), {.features = many})));
    },
};

// -- challenge -----------------------------------------------------------------------------------------------------

/// A connection on which the relay has posed a challenge.
struct challenged {
    agent who;
    conn on;
    observation posed;
    frame::challenge_proof proof;  ///< what a correct answer signs

    [[nodiscard]] json response() const { return frame::challenge_response(who, proof); }
};

challenged pose(context& t, std::vector<std::string> offered = {"challenge"}) {
    auto who = t.fresh();
    auto on = t.dial();
    on.send(t.connect_frame(who, {.features = offered}));
    auto posed = on.must_get(match::frame("challenge"));
    std::vector<std::string> granted;
    for (const auto& name : posed.body.value("features", json::array()))
        if (name.is_string()) granted.push_back(name.get<std::string>());
    frame::challenge_proof proof{.nonce = from_base64(posed.str("nonce")).value_or(""),
                                 .relay = posed.str("relay"),
                                 .timestamp = t.stamp_now(),
                                 .offered = std::move(offered),
                                 .granted = std::move(granted)};
    return {std::move(who), on, std::move(posed), std::move(proof)};
}

/// Answers and holds if that is refused.
finding refused_response(challenged& c, const json& response) {
    c.on.send(response);
    return c.on.expect(match::refusal());
}

AM_CASE("AUT-CHALLENGE-001") {
    .title = "each challenge carries a new nonce of 32 bytes",
    .proves = {req::AM_AUT_043},
    .cost = rtt(14),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        const auto one = pose(t);
        const auto two = pose(t);
        t.produced(req::AM_AUT_043,
                   all({t.that(one.proof.nonce.size() == 32 && two.proof.nonce.size() == 32,
                               "the nonce is the b64 form of 32 bytes", one.posed, two.posed),
                        t.that(one.proof.nonce != two.proof.nonce, "the nonces differ", one.posed, two.posed)}));
    },
};

AM_CASE("AUT-CHALLENGE-002") {
    .title = "the right answer to a challenge logs the agent in",
    .proves = {req::AM_AUT_044},
    .cost = rtt(14),
    .needs = feature::challenge,
    .run = [](context& t) {
        every in;
        for (const auto& offered : {std::vector<std::string>{"challenge"}, {"x-unknown", "challenge", "x-other"}}) {
            auto c = pose(t, offered);
            c.on.send(c.response());
            in += all({c.on.expect(match::frame("connected")), answers(t, c.on)});
        }
        t.accepted(req::AM_AUT_044, in);
    },
};

AM_CASE("AUT-CHALLENGE-003") {
    .title = "an answer signed over another nonce is refused",
    .proves = {req::AM_AUT_045},
    .cost = rtt(14),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = pose(t);
        c.proof.nonce.at(31) = static_cast<char>(c.proof.nonce.at(31) ^ 1);
        t.refused(req::AM_AUT_045, refused_response(c, c.response()));
    },
};

AM_CASE("AUT-CHALLENGE-004") {
    .title = "an answer signed for another relay is refused",
    .proves = {req::AM_AUT_045},
    .cost = rtt(14),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = pose(t);
        c.proof.relay = "relay.elsewhere.example:443";
        t.refused(req::AM_AUT_045, refused_response(c, c.response()));
    },
};

AM_CASE("AUT-CHALLENGE-005") {
    .title = "an answer signed over other feature lists is refused, so that a removed feature is noticed",
    .proves = {req::AM_AUT_046},
    .cost = rtt(18),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto offered = pose(t, {"challenge", "x-unknown"});
        offered.proof.offered = {"challenge"};
        auto granted = pose(t);
        granted.proof.granted.push_back("x-unknown");
        t.refused(req::AM_AUT_046, all({refused_response(offered, offered.response()),
                                        refused_response(granted, granted.response())}));
    },
};

AM_CASE("AUT-CHALLENGE-006") {
    .title = "a signature as plain CONNECT has it is no answer to a challenge",
    .proves = {req::AM_AUT_047},
    .cost = rtt(14),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = pose(t);
        auto response = c.response();
        response["signature"] = c.who.sign(c.proof.timestamp);
        t.refused(req::AM_AUT_047, refused_response(c, response));
    },
};

AM_CASE("AUT-CHALLENGE-007") {
    .title = "an agent that has answered a challenge cannot fall back to a plain CONNECT",
    .proves = {req::AM_AUT_048},
    .cost = rtt(20),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = pose(t);
        c.on.send(c.response());
        t.control(all({c.on.expect(match::frame("connected")), answers(t, c.on)}));
        leave(c.on);
        t.refused(req::AM_AUT_048, turned_away(t, t.connect_frame(c.who)));
    },
};

AM_CASE("AUT-CHALLENGE-008") {
    .title = "a good answer is refused when it is given to a later challenge",
    .proves = {req::AM_AUT_045},
    .cost = rtt(20),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto first = pose(t);
        const auto response = first.response();
        first.on.send(response);
        t.control(all({first.on.expect(match::frame("connected")), answers(t, first.on)}));
        leave(first.on);

        auto second = t.dial();
        second.send(t.connect_frame(first.who, {.features = {"challenge"}}));
        (void)second.must_get(match::frame("challenge"));
        second.send(response);
        t.refused(req::AM_AUT_045, second.expect(match::refusal()));
    },
};

AM_CASE("AUT-CHALLENGE-009") {
    .title = "a message sent in place of the answer to a challenge is delivered to nobody",
    .proves = {req::AM_AUT_019, req::AM_AUT_029},
    .cost = rtt(20),
    .needs = feature::challenge,
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto c = pose(t);
        const auto early = t.payload();
        const auto answer = refused_response(c, frame::send(p.b.amid(), early));
        t.refused(req::AM_AUT_019, answer);
        auto later = t.join();
        t.absent(req::AM_AUT_029, t.fence_message(later, p.b), match::receive(early));
    },
};

AM_CASE("AUT-CHALLENGE-010") {
    .title = "an answer signed by another key is refused",
    .proves = {req::AM_AUT_045},
    .cost = rtt(14),
    .needs = feature::challenge,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = pose(t);
        auto forged = c.response();
        const auto stranger = t.fresh();
        forged["signature"] = frame::challenge_response(stranger, c.proof).at("signature");
        t.refused(req::AM_AUT_045, refused_response(c, forged));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
