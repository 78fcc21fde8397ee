#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

const agent& alice() {
    static const agent one{1};
    return one;
}
const agent& bob() {
    static const agent one{2};
    return one;
}

struct rating_world : world {
    rating_world() {
        enroll(alice());
        enroll(bob());
    }
    http::response rate(const agent& by, const agent& about, std::string session, std::string score = "1",
                        std::string tags = R"(["fast","accurate"])", std::string path = "feedback") {
        path = path.empty() ? "/v1/registry/reputation" : "/v1/registry/reputation/" + path;
        return post_dated(std::move(path), by,
                          {{"target_amid", json_text(about.name())},
                           {"from_amid", json_text(by.name())},
                           {"session_id", json_text(session)},
                           {"score", std::move(score)},
                           {"tags", std::move(tags)}});
    }
    http::response report(const agent& by, std::string session, std::string outcome) {
        return post_dated("/v1/registry/reputation/session", by,
                          {{"session_id", json_text(session)},
                           {"initiator_amid", json_text(alice().name())},
                           {"receiver_amid", json_text(bob().name())},
                           {"reporter_amid", json_text(by.name())},
                           {"intent", R"("travel/flights")"},
                           {"outcome", json_text(outcome)}});
    }
    std::string score_of(const agent& who) {
        return member(get("/v1/registry/reputation/score", "amid=" + who.name()), "score");
    }
};

}  // namespace

TEST_CASE("a rating is signed, about another, and one a session", "[unit][registry][AM-REG-040][AM-REG-041]") {
    rating_world w;
    CHECK(w.score_of(bob()) == "0.5");
    CHECK(w.rate(alice(), bob(), "sess_1").status == 200);
    const auto once = w.row(bob()).score;
    CHECK(once > 500'000);
    CHECK(once <= 500'000 + most_shift(1, 0));
    check_refused(w.rate(alice(), bob(), "sess_1", "0"), 409, "already_exists", "AM-REG-041");
    check_refused(w.rate(bob(), bob(), "sess_1"), 400, "invalid_member", "AM-REG-040");
    check_refused(w.rate(alice(), agent{9}, "sess_2"), 404, "not_found", "AM-REG-011");
    check_refused(w.rate(agent{9}, bob(), "sess_2"), 404, "not_found", "AM-REG-011");
    check_refused(w.post("/v1/registry/reputation", {{"target_amid", json_text(bob().name())},
                                                     {"from_amid", json_text(alice().name())},
                                                     {"session_id", R"("s")"},
                                                     {"score", "1"}}),
                  401, "signature_required", "AM-REG-005");
    for (const std::string bad : {"1.1", "-0.1", "\"1\"", "null", "1e9"})
        CHECK(w.rate(alice(), bob(), "s", bad).status == 400);
    CHECK(w.rate(alice(), bob(), "s", "1", R"(["best"])").status == 400);
    CHECK(w.row(bob()).score == once);
    CHECK(w.row(bob()).ratings == 1);
    CHECK(w.rate(alice(), bob(), "sess_2", "0", "[]", "").status == 200);
    CHECK(w.row(bob()).score < 500'000);
    const auto out = w.get("/v1/registry/reputation/score", "amid=" + bob().name());
    CHECK(member(out, "feedback_count") == "2");
    CHECK(member(out, "average_feedback") == "0.5");
    CHECK(member(out, "completion_rate") == "0.5");
    CHECK(member(out, "tags") == R"([{"tag":"accurate","count":1},{"tag":"fast","count":1}])");
    CHECK(w.get("/v1/registry/reputation/score", "amid=" + agent{9}.name()).status == 404);
}

TEST_CASE("a session counts once both parties say how it ended", "[unit][registry][AM-REG-042][AM-REG-043]") {
    rating_world w;
    check_refused(w.report(agent{9}, "s", "success"), 404, "not_found", "AM-REG-011");
    const agent carol{3};
    w.enroll(carol);
    check_refused(w.report(carol, "s", "success"), 403, "forbidden", "AM-REG-042");
    CHECK(w.report(alice(), "s", "failed").status == 200);
    CHECK(w.score_of(bob()) == "0.5");
    check_refused(w.report(alice(), "s", "success"), 409, "already_exists", "AM-REG-043");
    CHECK(w.report(bob(), "s", "success").status == 200);
    CHECK(w.score_of(bob()) == "0.5");
    CHECK(w.report(alice(), "t", "failed").status == 200);
    CHECK(w.report(bob(), "t", "failed").status == 200);
    CHECK(w.row(bob()).score < 500'000);
    CHECK(w.row(alice()).score < 500'000);
    const auto out = w.get("/v1/registry/reputation/score", "amid=" + bob().name());
    CHECK(member(out, "total_sessions") == "1");
    CHECK(member(out, "successful_sessions") == "0");
    CHECK(member(out, "completion_rate") == "0");
    CHECK(w.report(bob(), "u", "done").status == 400);
}
