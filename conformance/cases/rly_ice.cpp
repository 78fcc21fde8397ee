// Signalling: offers, answers and the word that a direct path stands.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

json some_candidates() {
    return json::array(
        {frame::candidate("candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host", "0", 0),
         frame::candidate("candidate:2 1 udp 1694498815 198.51.100.7 50001 typ srflx raddr 0.0.0.0 rport 0", "audio",
                          7),
         frame::candidate("candidate:3 1 tcp 1 2001:db8::1 9 typ host tcptype active")});
}

/// Candidates with absent optional members written as null, which mean the same; names in one order.
nlohmann::json normal(const json& candidates) {
    nlohmann::json out = nlohmann::json::array();
    if (!candidates.is_array()) return nullptr;
    for (const auto& c : candidates) {
        if (!c.is_object()) return nullptr;
        nlohmann::json one(c);
        for (const auto* optional : {"sdp_mid", "sdp_mline_index"})
            if (!one.contains(optional)) one[optional] = nullptr;
        out.push_back(std::move(one));
    }
    return out;
}

/// Sends an offer or an answer, and holds if it arrives unchanged under the sender's name.
finding carried(context& t, const char* which, party& from, party& to, const std::string& sdp, const json& candidates) {
    from.on.send(frame::ice(which, to.amid(), sdp, candidates));
    const auto arrival = to.on.seek(match::frame(which));
    return all({arrival, t.that(arrival->str("to") == from.amid(), "to names the sender", arrival),
                t.that(arrival->str("sdp") == sdp, "sdp is unchanged", arrival),
                t.that(normal(arrival->body.value("candidates", json{})) == normal(candidates),
                       "candidates are unchanged", arrival)});
}

AM_CASE("RLY-ICE-001") {
    .title = "an offer arrives with its description and candidates, under the sender's name",
    .proves = {req::AM_RLY_060},
    .cost = rtt(9),
    .run = [](context& t) {
        auto p = sound_pair(t);
        t.produced(req::AM_RLY_060, carried(t, "ice_offer", p.a, p.b, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n",
                                            some_candidates()));
    },
};

AM_CASE("RLY-ICE-002") {
    .title = "an answer arrives with its description and candidates, under the sender's name",
    .proves = {req::AM_RLY_061},
    .cost = rtt(10),
    .run = [](context& t) {
        auto p = sound_pair(t);
        t.control(carried(t, "ice_offer", p.a, p.b, "v=0", json::array()));
        t.produced(req::AM_RLY_061, carried(t, "ice_answer", p.b, p.a, "v=0\r\no=- 2 2 IN IP4 0.0.0.0\r\ns=-\r\n",
                                            some_candidates()));
    },
};

AM_CASE("RLY-ICE-003") {
    .title = "an offer to an absent agent is refused: it cannot be reached now",
    .proves = {req::AM_RLY_062},
    .cost = rtt(10),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send(frame::ice("ice_offer", t.fresh().amid(), "v=0", some_candidates()));
        t.refused(req::AM_RLY_062, p.a.on.seek(match::error("RECIPIENT_OFFLINE")));
    },
};

AM_CASE("RLY-ICE-004") {
    .title = "an answer to an absent agent is refused: it cannot be reached now",
    .proves = {req::AM_RLY_063},
    .cost = rtt(10),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send(frame::ice("ice_answer", t.fresh().amid(), "v=0", some_candidates()));
        t.refused(req::AM_RLY_063, p.a.on.seek(match::error("RECIPIENT_OFFLINE")));
    },
};

AM_CASE("RLY-ICE-005") {
    .title = "an offer without candidates, and one with ten of them, arrives unchanged",
    .proves = {req::AM_RLY_060},
    .cost = rtt(11),
    .run = [](context& t) {
        auto p = sound_pair(t);
        json ten = json::array();
        for (int i = 0; i < 10; ++i)
            ten.push_back(
                frame::candidate("candidate:" + std::to_string(i) + " 1 udp 1 192.0.2.9 9 typ host", "0", i));
        t.produced(req::AM_RLY_060, all({carried(t, "ice_offer", p.a, p.b, "v=0", json::array()),
                                         carried(t, "ice_offer", p.a, p.b, "v=0", ten)}));
    },
};

AM_CASE("RLY-ICE-006") {
    .title = "a sender cannot pass an offer off as another agent's",
    .proves = {req::AM_RLY_060},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        auto forged = frame::ice("ice_offer", p.b.amid(), "v=0", json::array());
        forged["from"] = t.fresh().amid();
        p.a.on.send(forged);
        const auto arrival = p.b.on.seek(match::frame("ice_offer"));
        t.produced(req::AM_RLY_060,
                   all({arrival, t.that(arrival->str("to") == p.a.amid(), "to names the sender", arrival)}));
    },
};

AM_CASE("RLY-ICE-007") {
    .title = "an offer reaches nobody but the agent it is addressed to",
    .proves = {req::AM_RLY_005},
    .cost = rtt(14),
    .run = [](context& t) {
        auto [a, b, c] = t.fresh_trio();
        t.exchange(a, c);
        t.control(carried(t, "ice_offer", a, b, "v=0", json::array()));
        t.absent(req::AM_RLY_005, t.fence_message(a, c), match::frame("ice_offer"));
    },
};

/// Offer and answer between the two, as controls.
void negotiate(context& t, pair_of& p) {
    t.control(all({carried(t, "ice_offer", p.a, p.b, "v=0", json::array()),
                   carried(t, "ice_answer", p.b, p.a, "v=0", json::array())}));
}

AM_CASE("RLY-ICE-008") {
    .title = "both spellings of p2p_established are understood, and forwarded in the one that every reader knows",
    .proves = {req::AM_RLY_064},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        negotiate(t, p);
        every told;
        for (const auto* spelling : {"p2_p_established", "p2p_established"}) {
            p.a.on.send(frame::established(p.b.amid(), spelling));
            const auto at_b = p.b.on.seek(match::frame("p2_p_established"));
            p.b.on.send(frame::established(p.a.amid(), spelling));
            const auto at_a = p.a.on.seek(match::frame("p2_p_established"));
            told += all({at_b, at_a,
                         t.that(at_b->str("peer") == p.a.amid() && at_a->str("peer") == p.b.amid(),
                                "peer names the sender", at_a, at_b)});
        }
        t.accepted(req::AM_RLY_064, told);
    },
};

AM_CASE("RLY-ICE-009") {
    .title = "nobody can claim a direct path to an agent with whom nothing was negotiated",
    .proves = {req::AM_RLY_065},
    .cost = rtt(12),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send(frame::established(p.b.amid()));
        t.absent(req::AM_RLY_065, t.fence_message(p.a, p.b), match::frame("p2_p_established"));
    },
};

AM_CASE("RLY-ICE-010") {
    .title = "an offer that was never answered does not allow the claim of a direct path",
    .proves = {req::AM_RLY_065},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        t.control(carried(t, "ice_offer", p.a, p.b, "v=0", json::array()));
        p.a.on.send(frame::established(p.b.amid()));
        t.absent(req::AM_RLY_065, t.fence_message(p.a, p.b), match::frame("p2_p_established"));
    },
};

AM_CASE("RLY-ICE-011") {
    .title = "a malformed candidate is refused, and no part of it forwarded",
    .proves = {req::AM_RLY_066},
    .cost = rtt(22),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every refused;
        const std::vector<json> malformed{json::object({{"sdp_mid", "0"}}),
                                          json("candidate:1"),
                                          json::object({{"candidate", 5}}),
                                          json::object({{"candidate", "c"}, {"sdp_mid", 0}}),
                                          json::object({{"candidate", "c"}, {"sdp_mline_index", "0"}}),
                                          json::object({{"candidate", "c"}, {"sdp_mline_index", 1.5}})};
        for (const auto& bad : malformed) {
            p.a.on.send(frame::ice("ice_offer", p.b.amid(), "v=0", json::array({some_candidates().at(0), bad})));
            refused += p.a.on.seek(match::error());
        }
        const auto text = t.payload();
        auto message = frame::send(p.b.amid(), text);
        message["ice_candidates"] = json::array({malformed.front()});
        p.a.on.send(message);
        refused += p.a.on.seek(match::error());
        refused += t.nothing_before(t.fence_message(p.a, p.b), match::frame("ice_offer") | match::receive(text));
        t.refused(req::AM_RLY_066, refused);
    },
};

}  // namespace
}  // namespace agentmesh::conformance
