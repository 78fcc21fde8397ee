// REG-REPLAY, RQP-MOVE: what somebody recorded of an agent, used again at another place.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>
#include <array>

namespace agentmesh::conformance::registry_cases {
namespace {

/// What `self` may change, each at an endpoint of its own.
constexpr std::array<std::string_view, 7> changes{status_path, capabilities_path, prekeys_path, revoke_path, rate_path,
                                                  "/v1/registry/reputation", report_path};

/// A body that every one of them takes: members that an endpoint does not know are passed over.
json body_for_all(registry_context& t, const resident& self, const resident& other) {
    auto body = t.prekeys_body(self, t.prekeys(self));
    body["status"] = "dnd";
    body["capabilities"] = json::array({t.word()});
    body["reason"] = "key_compromise";
    body["revoker_amid"] = self.amid();
    body["from_amid"] = self.amid();
    body["target_amid"] = other.amid();
    body["session_id"] = t.uuid();
    body["score"] = 0.1;
    body["initiator_amid"] = self.amid();
    body["receiver_amid"] = other.amid();
    body["reporter_amid"] = self.amid();
    body["intent"] = "travel";
    body["outcome"] = "failed";
    body["started_at"] = "2026-01-01T00:00:00Z";
    return body;
}

/// Lets `self` change something at `origin` with a signed time, and tries the same signature at every endpoint.
void replay_signed_time(registry_context& t, std::string_view origin) {
    const auto self = t.enrolled(), other = t.enrolled();
    const auto at = t.stamp_now();
    (void)t.must(t.post(origin, t.signed_text(body_for_all(t, self, other), self.who, at)));
    const auto before = t.must_find(self), about = t.must_find(other);
    every all;
    for (const auto target : changes)
        all += t.saw(t.ask(t.post(target, t.signed_text(body_for_all(t, self, other), self.who, at))), match::http(401));
    all += t.same_members(before, t.ask(t.lookup(self.amid())), {"status", "capabilities", "reputation_score"});
    all += t.same_members(about, t.ask(t.lookup(other.amid())), {"reputation_score"});
    t.refused(req::AM_REG_007, all);
}

/// Sends the proof of a change at `origin`, which is never sent there, to all other endpoints.
void move_proof(registry_context& t, std::string_view origin) {
    const auto self = t.enrolled_with_proof(), other = t.enrolled_with_proof();
    (void)t.must(t.proved(status_path, status_of(self, "away"), self.who));
    const auto before = t.must_find(self), about = t.must_find(other);
    every all;
    for (const auto target : changes) {
        if (target == origin) continue;
        auto moved = t.proved(origin, body_for_all(t, self, other), self.who);
        moved.target = t.post(target, json::object()).target;
        all += t.saw(t.ask(moved), match::http(401));
    }
    all += t.same_members(before, t.ask(t.lookup(self.amid())), {"status", "capabilities", "reputation_score"});
    all += t.same_members(about, t.ask(t.lookup(other.amid())), {"reputation_score"});
    // The twin: where it was made for, the same body is taken.
    all += t.saw(t.ask(t.proved(origin, body_for_all(t, self, other), self.who)), match::http(200));
    t.refused(req::AM_RQP_004, all);
}

std::size_t taken(const std::vector<observation>& answers, std::uint16_t status = 200) {
    return static_cast<std::size_t>(
        std::count_if(answers.begin(), answers.end(), [&](const auto& one) { return match::http(status)(one); }));
}

}  // namespace

AM_CASE("REG-REPLAY-001") {
    .title = "the signed time of a status serves at no other endpoint",
    .proves = {req::AM_REG_007},
    .cost = rtt(16),
    .ask = [](registry_context& t) { replay_signed_time(t, status_path); },
};

AM_CASE("REG-REPLAY-002") {
    .title = "the signed time of capabilities serves at no other endpoint",
    .proves = {req::AM_REG_007},
    .cost = rtt(16),
    .ask = [](registry_context& t) { replay_signed_time(t, capabilities_path); },
};

AM_CASE("REG-REPLAY-003") {
    .title = "the signed time of prekeys serves at no other endpoint",
    .proves = {req::AM_REG_007},
    .cost = rtt(16),
    .ask = [](registry_context& t) { replay_signed_time(t, prekeys_path); },
};

AM_CASE("REG-REPLAY-004") {
    .title = "the signed time of a rating serves at no other endpoint",
    .proves = {req::AM_REG_007},
    .cost = rtt(16),
    .ask = [](registry_context& t) { replay_signed_time(t, rate_path); },
};

AM_CASE("REG-REPLAY-005") {
    .title = "the signed time of a rating at the older endpoint serves at no other one",
    .proves = {req::AM_REG_007},
    .cost = rtt(16),
    .ask = [](registry_context& t) { replay_signed_time(t, "/v1/registry/reputation"); },
};

AM_CASE("REG-REPLAY-006") {
    .title = "the signed time of a report serves at no other endpoint",
    .proves = {req::AM_REG_007},
    .cost = rtt(16),
    .ask = [](registry_context& t) { replay_signed_time(t, report_path); },
};

AM_CASE("REG-REPLAY-007") {
    .title = "the signed time of a registration serves at no other endpoint",
    .proves = {req::AM_REG_007},
    .cost = rtt(13),
    .ask = [](registry_context& t) {
        const auto other = t.enrolled();
        const auto self = t.resident_agent();
        const auto at = t.stamp_now();
        (void)t.must(t.post(register_path, t.signed_text(t.registration(self), self.who, at)), 201);
        const auto before = t.must_find(self);
        every all;
        for (const auto target : changes)
            all += t.saw(t.ask(t.post(target, t.signed_text(body_for_all(t, self, other), self.who, at))), match::http(401));
        all += t.same_members(before, t.ask(t.lookup(self.amid())), {"status", "capabilities", "reputation_score"});
        t.refused(req::AM_REG_007, all);
    },
};

AM_CASE("REG-REPLAY-008") {
    .title = "of twenty copies of a signed change that arrive at once one is taken",
    .proves = {req::AM_REG_007},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto change = t.change(status_path, status_of(a, "away"), a.who);
        const auto answers = t.ask_at_once(std::vector<http_request>(20, change));
        t.control(t.that(taken(answers) > 0, "one of the copies was taken", answers));
        t.refused(req::AM_REG_007, t.that(taken(answers) == 1 && taken(answers, 401) == 19,
                                          "one copy taken and 19 refused with status 401", answers));
    },
};

AM_CASE("REG-REPLAY-009") {
    .title = "the signed time of one agent serves no other one",
    .proves = {req::AM_REG_004},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        (void)t.must(t.change(status_path, status_of(b, "away"), b.who));
        const auto recorded = t.signed_time(status_of(a, "dnd"), a.who);
        auto moved = recorded;
        moved["amid"] = b.amid();
        const auto fresh = t.ask(t.post(status_path, moved));
        (void)t.must(t.post(status_path, recorded));
        const auto used = t.ask(t.post(status_path, moved));
        const auto after = t.ask(t.lookup(b.amid()));
        t.refused(req::AM_REG_004, t.saw(fresh, match::http(401)) & t.saw(used, match::http(401)) &
                                       t.that(after.str("status") == "away", "the status as it was", after));
    },
};

AM_CASE("RQP-MOVE-001") {
    .title = "the proof of a status serves at no other endpoint",
    .proves = {req::AM_RQP_004},
    .cost = rtt(15),
    .ask = [](registry_context& t) { move_proof(t, status_path); },
};

AM_CASE("RQP-MOVE-002") {
    .title = "the proof of capabilities serves at no other endpoint",
    .proves = {req::AM_RQP_004},
    .cost = rtt(15),
    .ask = [](registry_context& t) { move_proof(t, capabilities_path); },
};

AM_CASE("RQP-MOVE-003") {
    .title = "the proof of prekeys serves at no other endpoint",
    .proves = {req::AM_RQP_004},
    .cost = rtt(15),
    .ask = [](registry_context& t) { move_proof(t, prekeys_path); },
};

AM_CASE("RQP-MOVE-004") {
    .title = "the proof of a revocation serves at no other endpoint",
    .proves = {req::AM_RQP_004},
    .cost = rtt(15),
    .ask = [](registry_context& t) { move_proof(t, revoke_path); },
};

AM_CASE("RQP-MOVE-005") {
    .title = "the proof of a rating serves at no other endpoint",
    .proves = {req::AM_RQP_004},
    .cost = rtt(15),
    .ask = [](registry_context& t) { move_proof(t, rate_path); },
};

AM_CASE("RQP-MOVE-006") {
    .title = "the proof of a rating at the older endpoint serves at no other one",
    .proves = {req::AM_RQP_004},
    .cost = rtt(15),
    .ask = [](registry_context& t) { move_proof(t, "/v1/registry/reputation"); },
};

AM_CASE("RQP-MOVE-007") {
    .title = "the proof of a report serves at no other endpoint",
    .proves = {req::AM_RQP_004},
    .cost = rtt(15),
    .ask = [](registry_context& t) { move_proof(t, report_path); },
};

AM_CASE("RQP-MOVE-008") {
    .title = "the proof of a fetch serves for the prekeys of no other agent, and no change",
    .proves = {req::AM_RQP_004},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof(), asker = t.enrolled_with_proof();
        for (const auto* one : {&a, &b})
            (void)t.must(t.proved(prekeys_path, t.prekeys_body(*one, t.prekeys(*one, 1, 2)), one->who));
        const auto made = t.fetch(a.amid(), asker.who);
        auto moved = made;
        moved.target = t.fetch(b.amid()).target;
        const auto elsewhere = t.ask(moved);
        moved = made;
        moved.method = "POST";
        moved.target = t.post(status_path, json::object()).target;
        moved.add("Content-Type", "application/json");
        t.set_body(moved, status_of(asker, "dnd").dump());
        const auto changed = t.ask(moved);
        const auto right = t.ask(made);
        t.refused(req::AM_RQP_004, t.saw(elsewhere, match::http(401)) & t.saw(changed, match::http(401)) &
                                       t.saw(right, match::http(200)));
    },
};

AM_CASE("RQP-AGAIN-003") {
    .title = "of twenty copies of a proved change that arrive at once one is taken",
    .proves = {req::AM_REG_007},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof();
        const auto change = t.proved(status_path, status_of(a, "away"), a.who);
        const auto answers = t.ask_at_once(std::vector<http_request>(20, change));
        t.control(t.that(taken(answers) > 0, "one of the copies was taken", answers));
        t.refused(req::AM_REG_007, t.that(taken(answers) == 1 && taken(answers, 401) == 19,
                                          "one copy taken and 19 refused with status 401", answers));
    },
};

}  // namespace agentmesh::conformance::registry_cases
