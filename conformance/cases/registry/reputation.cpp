// REP: what agents say of each other, and what it comes to.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>
#include <cmath>

namespace agentmesh::conformance::registry_cases {
namespace {

observation score_of(registry_context& t, const resident& who) {
    return t.ask(t.get("/v1/registry/reputation/score?amid=" + who.amid()));
}

json report_of(const resident& initiator, const resident& receiver, const resident& reporter, std::string_view session,
               std::string_view outcome) {
    return json{{"session_id", session},
                {"initiator_amid", initiator.amid()},
                {"receiver_amid", receiver.amid()},
                {"reporter_amid", reporter.amid()},
                {"intent", "travel/flights"},
                {"outcome", outcome},
                {"started_at", "2026-01-01T00:00:00Z"}};
}

/// The formula of SPEC.md for an anonymous agent of no age: opinions of ratings (weight, ppm) and no sessions.
double expected_score(const std::vector<std::pair<int, int>>& ratings) {
    const auto rounded = [](std::int64_t part, std::int64_t of) {
        const auto twice = 2 * (part % of);
        const auto down = part / of;
        return down + ((twice > of || (twice == of && down % 2 == 1)) ? 1 : 0);
    };
    std::int64_t weight = 0, sum = 0;
    for (const auto& [w, ppm] : ratings) {
        weight += w;
        sum += std::int64_t{w} * ppm;
    }
    // Together anonymous authors weigh no more than 200.
    if (weight > 200) {
        sum = 200 * rounded(sum, weight);
        weight = 200;
    }
    const auto feedback = rounded(200 * 571'429 + sum, 200 + weight);
    return static_cast<double>(rounded(3 * 571'429 + 4 * feedback + 2 * 500'000, 10)) / 1e6;
}

bool near(std::optional<double> seen, double wanted) { return seen && std::abs(*seen - wanted) < 0.0000015; }

/// A new anonymous author: half of it for anonymous, a quarter for new.
constexpr int new_author = 5;
/// The same if the agent has rated it within a day.
constexpr int returned = 1;

}  // namespace

AM_CASE("REP-RATE-001") {
    .title = "a rating is taken, and counts",
    .proves = {req::AM_REG_044, req::AM_REG_046},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        const auto rated = t.ask(t.change(rate_path, rating_of(a, b, t.uuid(), 1.0), b.who));
        t.accepted(req::AM_REG_044, t.saw(rated, match::http(200)));
        const auto found = t.must_find(a);
        const auto score = score_of(t, a);
        t.produced(req::AM_REG_046, t.answered(score) &
                                        t.that(number(score, "score") && number(score, "score") == number(found, "reputation_score") &&
                                                   score.integer("feedback_count") == 1 && score.integer("total_sessions") == 0,
                                               "the score of the lookup, one rating and no session", score, found));
    },
};

AM_CASE("REP-RATE-002") {
    .title = "a session may be named by any text, as deployed peers do",
    .proves = {req::AM_REG_044},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        every all;
        for (const auto& session : {t.uuid(), "sess_" + t.word(), std::string{"7"}})
            all += t.saw(t.ask(t.change(rate_path, rating_of(a, b, session, 0.5), b.who)), match::http(200));
        t.accepted(req::AM_REG_044, all);
    },
};

AM_CASE("REP-RATE-003") {
    .title = "every tag of the deployed registry and of the text is taken",
    .proves = {req::AM_REG_044},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        every all;
        for (const auto& tags : {json::array({"fast_response", "accurate", "professional", "reliable", "helpful"}),
                                 json::array({"knowledgeable", "slow_response", "inaccurate", "unhelpful", "unreliable"}),
                                 json::array({"fast", "accurate", "good_price"}), json::array()}) {
            auto body = rating_of(a, b, t.uuid(), 0.5);
            body["tags"] = tags;
            all += t.saw(t.ask(t.change(rate_path, body, b.who)), match::http(200));
        }
        t.accepted(req::AM_REG_044, all);
    },
};

AM_CASE("REP-RATE-004") {
    .title = "a rating outside 0 to 1 is refused and does not count",
    .proves = {req::AM_REG_045},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), 0.5), b.who));
        every all;
        for (const double score : {1.01, -0.01, 1e9})
            all += t.saw(t.ask(t.change(rate_path, rating_of(a, b, t.uuid(), score), b.who)), match::http(400));
        const auto score = score_of(t, a);
        all += t.that(score.integer("feedback_count") == 1, "one rating", score);
        t.refused(req::AM_REG_045, all);
    },
};

AM_CASE("REP-RATE-005") {
    .title = "one agent rates one session once",
    .proves = {req::AM_REG_041},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        const auto session = t.uuid();
        (void)t.must(t.change(rate_path, rating_of(a, b, session, 1.0), b.who));
        const auto again = t.ask(t.change(rate_path, rating_of(a, b, session, 0.0), b.who));
        const auto score = score_of(t, a);
        t.refused(req::AM_REG_041, t.saw(again, match::http(409)) & t.that(score.integer("feedback_count") == 1, "one rating", score));
    },
};

AM_CASE("REP-RATE-006") {
    .title = "an agent does not rate itself",
    .proves = {req::AM_REG_040},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), 0.5), b.who));
        every all;
        for (const std::string_view path : {rate_path, std::string_view{"/v1/registry/reputation"}})
            all += t.turned_down(t.ask(t.change(path, rating_of(a, a, t.uuid(), 1.0), a.who)));
        const auto score = score_of(t, a);
        all += t.that(score.integer("feedback_count") == 1, "one rating, of the other", score);
        t.refused(req::AM_REG_040, all);
    },
};

AM_CASE("REP-RATE-007") {
    .title = "a rating that its author did not sign is refused at either endpoint, and does not count",
    .proves = {req::AM_REG_004, req::AM_REG_005},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled(), c = t.enrolled();
        (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), 0.5), b.who));
        every forged, bare;
        for (const std::string_view path : {rate_path, std::string_view{"/v1/registry/reputation"}}) {
            forged += t.saw(t.ask(t.change(path, rating_of(a, b, t.uuid(), 0.0), c.who)), match::http(401));
            bare += t.saw(t.ask(t.post(path, rating_of(a, b, t.uuid(), 0.0))), match::http(401));
        }
        const auto score = score_of(t, a);
        const auto untouched = t.that(score.integer("feedback_count") == 1, "one rating", score);
        t.refused(req::AM_REG_004, forged & untouched);
        t.refused(req::AM_REG_005, bare & untouched);
    },
};

AM_CASE("REP-RATE-008") {
    .title = "a rating of an agent that is not registered is answered with status 404",
    .proves = {req::AM_REG_011},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto stranger = t.resident_agent();
        const auto rated = t.ask(t.change(rate_path, rating_of(stranger, a, t.uuid(), 0.5), a.who));
        const auto score = score_of(t, stranger);
        t.produced(req::AM_REG_011, t.saw(rated, match::http(404)) & t.saw(score, match::http(404)));
    },
};

AM_CASE("REP-SESSION-001") {
    .title = "a session is reported by its parties and by nobody else",
    .proves = {req::AM_REG_042},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled(), c = t.enrolled();
        const auto session = t.uuid();
        (void)t.must(t.change(report_path, report_of(a, b, a, session, "success"), a.who));
        every all;
        all += t.saw(t.ask(t.change(report_path, report_of(a, b, c, session, "success"), c.who)), match::http(403));
        all += t.turned_down(t.ask(t.change(report_path, report_of(a, b, b, session, "success"), c.who)));
        t.refused(req::AM_REG_042, all);
    },
};

AM_CASE("REP-SESSION-002") {
    .title = "a session counts once both parties have said how it ended, and the same",
    .proves = {req::AM_REG_043},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        every all;
        const auto counts = [&](every& into, int reported, int succeeded) {
            const auto seen = score_of(t, a);
            into += t.answered(seen) & t.that(seen.integer("total_sessions") == reported && seen.integer("successful_sessions") == succeeded,
                                              "as many sessions as both have reported", seen);
        };
        const auto agreed = t.uuid(), disputed = t.uuid();
        (void)t.must(t.change(report_path, report_of(a, b, a, agreed, "success"), a.who));
        counts(all, 0, 0);
        (void)t.must(t.change(report_path, report_of(a, b, a, disputed, "success"), a.who));
        (void)t.must(t.change(report_path, report_of(a, b, b, disputed, "failed"), b.who));
        counts(all, 0, 0);
        (void)t.must(t.change(report_path, report_of(a, b, b, agreed, "success"), b.who));
        counts(all, 1, 1);
        t.absent(req::AM_REG_043, all);
    },
};

AM_CASE("REP-SCORE-001") {
    .title = "the score follows from a rating by the formula",
    .proves = {req::AM_REP_002},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        std::vector<std::pair<int, int>> said;
        every all;
        for (const auto& [score, ppm] : {std::pair{1.0, 1'000'000}, std::pair{0.0, 0}, std::pair{0.25, 250'000}}) {
            const auto b = t.enrolled();
            (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), score), b.who));
            said.emplace_back(new_author, ppm);
            const auto seen = t.must_find(a);
            all += t.that(near(number(seen, "reputation_score"), expected_score(said)), "the score of the formula", seen);
        }
        t.produced(req::AM_REP_002, all);
    },
};

AM_CASE("REP-SCORE-002") {
    .title = "a rating that returns one weighs a fifth",
    .proves = {req::AM_REP_004},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        (void)t.must(t.change(rate_path, rating_of(b, a, t.uuid(), 1.0), a.who));
        (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), 1.0), b.who));
        const auto seen = t.must_find(a);
        t.produced(req::AM_REP_004, t.that(near(number(seen, "reputation_score"), expected_score({{returned, 1'000'000}})),
                                           "the score of the formula", seen));
    },
};

AM_CASE("REP-SCORE-003") {
    .title = "many ratings of one agent are one opinion",
    .proves = {req::AM_REP_002},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        for (int i = 0; i < 6; ++i) (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), 0.0), b.who));
        const auto seen = t.must_find(a);
        t.produced(req::AM_REP_002, t.that(near(number(seen, "reputation_score"), expected_score({{new_author, 0}})),
                                           "the score of one opinion", seen));
    },
};

AM_CASE("REP-SCORE-004") {
    .title = "however many anonymous agents say it, they weigh no more than 200 together",
    .proves = {req::AM_REP_005},
    .cost = rtt(110),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        std::vector<std::pair<int, int>> said;
        for (int i = 0; i < 48; ++i) {
            const auto b = t.enrolled();
            (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), 0.0), b.who));
            said.emplace_back(new_author, 0);
        }
        const auto seen = t.must_find(a);
        t.absent(req::AM_REP_005, t.that(near(number(seen, "reputation_score"), expected_score(said)), "the score of weight 200", seen));
    },
};

AM_CASE("REP-SCORE-005") {
    .title = "an agent of which nothing is known has score 0.5 and is unrated",
    .proves = {req::AM_REP_001},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto before = t.must_find(a);
        const auto of_itself = score_of(t, a);
        t.produced(req::AM_REP_001, t.that(number(before, "reputation_score") == 0.5 && before.str("reputation_status") == "unrated" &&
                                               before.integer("ratings_count") == 0,
                                           "score 0.5, unrated, no ratings", before) &
                                        t.that(number(of_itself, "score") == 0.5, "the same score where it is asked for", of_itself));
    },
};

AM_CASE("REP-COUNT-001") {
    .title = "an agent counts as rated from the fifth rating on",
    .proves = {req::AM_REG_046},
    .cost = rtt(16),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        for (int i = 1; i <= 5; ++i) {
            const auto b = t.enrolled();
            (void)t.must(t.change(rate_path, rating_of(a, b, t.uuid(), 0.5), b.who));
            if (i < 4) continue;
            const auto seen = t.must_find(a);
            all += t.that(seen.integer("ratings_count") == i && seen.str("reputation_status") == (i < 5 ? "unrated" : "rated"),
                          "the number of ratings, and whether they suffice", seen);
        }
        t.produced(req::AM_REG_046, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
