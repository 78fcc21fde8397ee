// REP-RING: many identities of one owner, and what they can do together.
#include "conformance/cases/registry/support.hpp"

#include <cmath>

namespace agentmesh::conformance::registry_cases {
namespace {

struct opinion {
    std::int64_t weight = 0;
    std::int64_t ppm = 0;
};

std::int64_t rounded(std::int64_t part, std::int64_t of) {
    const auto down = part / of, twice = 2 * (part % of);
    return down + ((twice > of || (twice == of && down % 2 == 1)) ? 1 : 0);
}

/// Completion or feedback of an anonymous agent of which only anonymous ones have an opinion.
std::int64_t term(const std::vector<opinion>& all) {
    std::int64_t weight = 0, sum = 0;
    for (const auto& one : all) {
        weight += one.weight;
        sum += one.weight * one.ppm;
    }
    if (weight > 200) {
        sum = 200 * rounded(sum, weight);
        weight = 200;
    }
    return rounded(200 * 571'429 + sum, 200 + weight);
}

/// The formula of SPEC.md for an anonymous agent that registered today.
double formula(const std::vector<opinion>& sessions, const std::vector<opinion>& ratings) {
    return static_cast<double>(rounded(3 * term(sessions) + 4 * term(ratings) + 1'000'000, 10)) / 1e6;
}

/// A new anonymous author: 40 x 1/2 x 1/4; and one that the agent has rated as well.
constexpr std::int64_t fresh = 5, returned = 1;

json report(const resident& initiator, const resident& receiver, const resident& by, std::string_view session,
            std::string_view outcome) {
    return json{{"session_id", session},       {"initiator_amid", initiator.amid()}, {"receiver_amid", receiver.amid()},
                {"reporter_amid", by.amid()},  {"intent", "travel/flights"},         {"outcome", outcome},
                {"started_at", "2026-01-01T00:00:00Z"}};
}

/// A session that both parties report to have ended so.
void meet(registry_context& t, const resident& a, const resident& b, std::string_view outcome) {
    const auto session = t.uuid();
    for (const auto* by : {&a, &b}) (void)t.must(t.change(report_path, report(a, b, *by, session, outcome), by->who));
}

void rate(registry_context& t, const resident& about, const resident& by, double score) {
    (void)t.must(t.change(rate_path, rating_of(about, by, t.uuid(), score), by.who));
}

finding has_score(registry_context& t, const resident& who, double wanted) {
    const auto seen = t.ask(t.lookup(who.amid()));
    const auto score = number(seen, "reputation_score");
    return t.answered(seen) & t.that(score && std::abs(*score - wanted) < 0.0000015, "the score of the formula", seen);
}

std::vector<resident> crowd(registry_context& t, int size) {
    std::vector<resident> out;
    for (int i = 0; i < size; ++i) out.push_back(t.enrolled());
    return out;
}

}  // namespace

AM_CASE("REP-RING-001") {
    .title = "agents that praise each other in a ring weigh a fifth each",
    .proves = {req::AM_REP_004, req::AM_REP_002},
    .cost = rtt(45),
    .ask = [](registry_context& t) {
        const auto ring = crowd(t, 6);
        for (const auto& about : ring)
            for (const auto& by : ring)
                if (about.amid() != by.amid()) rate(t, about, by, 1.0);
        // Whoever was rated before all had answered is computed anew only with the next word about it.
        const auto outsider = t.enrolled();
        rate(t, ring.front(), outsider, 1.0);
        const auto right = has_score(
            t, ring.front(),
            formula({}, {{returned, 1'000'000}, {returned, 1'000'000}, {returned, 1'000'000}, {returned, 1'000'000},
                         {returned, 1'000'000}, {fresh, 1'000'000}}));
        t.produced(req::AM_REP_004, right);
        t.produced(req::AM_REP_002, right);
    },
};

AM_CASE("REP-RING-002") {
    .title = "sessions of two agents with each other are one opinion, however many they report",
    .proves = {req::AM_REP_002, req::AM_REP_003},
    .cost = rtt(28),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        for (int i = 0; i < 9; ++i) meet(t, a, b, "success");
        const auto once = has_score(t, a, formula({{fresh, 1'000'000}}, {})) & has_score(t, b, formula({{fresh, 1'000'000}}, {}));
        meet(t, a, b, "failed");
        const auto both = once & has_score(t, a, formula({{fresh, 900'000}}, {}));
        t.produced(req::AM_REP_002, both);
        t.produced(req::AM_REP_003, both);
    },
};

AM_CASE("REP-RING-003") {
    .title = "however many new agents speak ill of one, they weigh no more than 200 together",
    .proves = {req::AM_REP_005},
    .cost = rtt(96),
    .ask = [](registry_context& t) {
        const auto victim = t.enrolled();
        const auto sybils = crowd(t, 44);
        std::vector<opinion> said;
        every all;
        for (std::size_t i = 0; i < sybils.size(); ++i) {
            rate(t, victim, sybils[i], 0.0);
            said.push_back({fresh, 0});
            if (i == 4 || i == 39 || i + 1 == sybils.size()) all += has_score(t, victim, formula({}, said));
        }
        t.absent(req::AM_REP_005, all);
    },
};

AM_CASE("REP-RING-004") {
    .title = "completion and feedback have the shares of the table",
    .proves = {req::AM_REP_003},
    .cost = rtt(16),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled(), c = t.enrolled();
        meet(t, a, b, "failed");
        const auto session = has_score(t, a, formula({{fresh, 0}}, {}));
        rate(t, c, b, 0.0);
        const auto rating = has_score(t, c, formula({}, {{fresh, 0}}));
        rate(t, a, c, 0.25);
        t.produced(req::AM_REP_003, session & rating & has_score(t, a, formula({{fresh, 0}}, {{fresh, 250'000}})));
    },
};

AM_CASE("REP-RING-005") {
    .title = "a score that a crowd has moved by more than a fifth within a day is flagged",
    .proves = {req::AM_REP_007},
    .cost = rtt(190),
    .ask = [](registry_context& t) {
        const auto target = t.enrolled();
        const auto crowd_of = crowd(t, 26);
        for (const auto& one : crowd_of) {
            rate(t, target, one, 0.0);
            meet(t, target, one, "failed");
        }
        const auto quiet = t.ask(t.lookup(target.amid()));
        const bool unflagged = !quiet.has("flags") || quiet.body.at("flags").empty();
        for (const auto& one : crowd_of) {
            rate(t, target, one, 1.0);
            meet(t, target, one, "success");
        }
        const auto moved = t.ask(t.lookup(target.amid()));
        const bool flagged = moved.has("flags") && moved.body.at("flags").is_array() && !moved.body.at("flags").empty();
        const auto before = number(quiet, "reputation_score"), after = number(moved, "reputation_score");
        t.control(t.that(before && after && *after - *before > 0.2, "a score that moved by more than a fifth", quiet, moved));
        t.produced(req::AM_REP_007, t.answered(moved) & t.that(unflagged && flagged, "a flag, and none before", quiet, moved));
    },
};

AM_CASE("REP-RING-006") {
    .title = "ratings that two agents exchange beside many others stay a fifth",
    .proves = {req::AM_REP_004},
    .cost = rtt(22),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), friendly = t.enrolled();
        const auto others = crowd(t, 3);
        rate(t, friendly, a, 1.0);
        rate(t, a, friendly, 1.0);
        std::vector<opinion> said{{returned, 1'000'000}};
        for (const auto& one : others) {
            rate(t, a, one, 0.4);
            said.push_back({fresh, 400'000});
        }
        t.produced(req::AM_REP_004, has_score(t, a, formula({}, said)));
    },
};

}  // namespace agentmesh::conformance::registry_cases
