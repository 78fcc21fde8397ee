// REG-REVOKE: who may end whom, and what is heard of it.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>

namespace agentmesh::conformance::registry_cases {
namespace {

/// What /v1/registry/revocation says of an agent.
observation standing(registry_context& t, const resident& who) {
    return t.ask(t.get("/v1/registry/revocation?amid=" + who.amid()));
}

bool says_revoked(const observation& seen) {
    return seen.has("revoked") && seen.body.at("revoked").is_boolean() && seen.body.at("revoked").get<bool>();
}

resident revoked(registry_context& t) {
    auto a = t.enrolled();
    (void)t.must(t.change(revoke_path, revocation_of(a, a), a.who));
    return a;
}

}  // namespace

AM_CASE("REG-REVOKE-001") {
    .title = "an agent revokes itself, and everybody can see it",
    .proves = {req::AM_REG_033},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto before = standing(t, a);
        t.control(t.answered(before) & t.that(!says_revoked(before), "an agent that is not revoked", before));
        (void)t.must(t.change(revoke_path, revocation_of(a, a), a.who));
        const auto after = standing(t, a);
        const bool told = after.has("revocation") && after.body.at("revocation").is_object() &&
                          after.body.at("revocation").value("reason", "") == "key_compromise" &&
                          after.body.at("revocation").value("revoked_by", "") == a.amid();
        t.produced(req::AM_REG_033, t.answered(after) & t.that(says_revoked(after) && told, "the revocation with its reason and author", after));
    },
};

AM_CASE("REG-REVOKE-002") {
    .title = "an agent does not revoke another one",
    .proves = {req::AM_REG_030},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        every all;
        all += t.saw(t.ask(t.change(revoke_path, revocation_of(a, b), b.who)), match::http(403));
        // In the name of the other, with the own key.
        all += t.turned_down(t.ask(t.change(revoke_path, revocation_of(a, a), b.who)));
        const auto after = standing(t, a);
        all += t.answered(after) & t.that(!says_revoked(after), "an agent that is not revoked", after);
        t.refused(req::AM_REG_030, all);
    },
};

AM_CASE("REG-REVOKE-003") {
    .title = "a second revocation is refused with status 409",
    .proves = {req::AM_REG_031},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = revoked(t);
        const auto again = t.ask(t.change(revoke_path, revocation_of(a, a, "superseded"), a.who));
        const auto after = standing(t, a);
        const bool first = after.has("revocation") && after.body.at("revocation").is_object() &&
                           after.body.at("revocation").value("reason", "") == "key_compromise";
        t.refused(req::AM_REG_031, t.saw(again, match::http(409)) & t.that(first, "the first revocation as it was", after));
    },
};

AM_CASE("REG-REVOKE-004") {
    .title = "an agent that is revoked changes nothing any more",
    .proves = {req::AM_REG_018},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = revoked(t);
        every all;
        all += t.saw(t.ask(t.change(status_path, status_of(a), a.who)), match::http(403));
        all += t.saw(t.ask(t.change(capabilities_path, {{"amid", a.amid()}, {"capabilities", {"back"}}}, a.who)), match::http(403));
        all += t.saw(t.ask(t.change(prekeys_path, t.prekeys_body(a, t.prekeys(a)), a.who)), match::http(403));
        const auto b = t.enrolled();
        all += t.saw(t.ask(t.change(rate_path, rating_of(b, a, t.uuid(), 0.1), a.who)), match::http(403));
        t.refused(req::AM_REG_018, all);
    },
};

AM_CASE("REG-REVOKE-005") {
    .title = "prekeys of an agent that is revoked are not handed out",
    .proves = {req::AM_REG_025},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        t.upload(a, t.prekeys(a, 1, 2));
        (void)t.must(t.fetch(a.amid()));
        (void)t.must(t.change(revoke_path, revocation_of(a, a), a.who));
        const auto after = t.ask(t.fetch(a.amid()));
        t.absent(req::AM_REG_025, t.turned_down(after) & t.that(!after.has("signed_prekey"), "no prekey", after));
    },
};

AM_CASE("REG-REVOKE-006") {
    .title = "a lookup of an agent that is revoked says so",
    .proves = {req::AM_REG_034},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = revoked(t);
        const auto seen = t.ask(t.lookup(a.amid()));
        const bool flagged = seen.has("flags") && seen.body.at("flags").is_array() &&
                             std::ranges::any_of(seen.body.at("flags"), [](const json& one) { return one == "revoked"; });
        t.produced(req::AM_REG_034, t.answered(seen) & t.that(says_revoked(seen) || flagged, "that it is revoked", seen));
    },
};

AM_CASE("REG-REVOKE-007") {
    .title = "up to 100 agents are asked about at once, and not more",
    .proves = {req::AM_REG_032, req::AM_REG_033},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = revoked(t);
        const auto b = t.enrolled();
        json names = json::array({a.amid(), b.amid()});
        while (names.size() < 100) names.push_back(b.amid());
        const auto seen = t.must(t.post("/v1/registry/revocations/bulk", {{"amids", names}}));
        bool right = seen.has("revocations") && seen.body.at("revocations").is_array() && seen.body.at("revocations").size() == 100;
        if (right) {
            const auto& list = seen.body.at("revocations");
            right = list[0].is_object() && list[0].value("amid", "") == a.amid() && list[0].value("revoked", json()) == true &&
                    list[1].is_object() && list[1].value("amid", "") == b.amid() && list[1].value("revoked", json()) == false;
        }
        t.produced(req::AM_REG_033, t.that(right && seen.integer("total_checked") == 100 && seen.integer("total_revoked") == 1,
                                           "each agent in the order of the question", seen));
        names.push_back(b.amid());
        t.refused(req::AM_REG_032, t.saw(t.ask(t.post("/v1/registry/revocations/bulk", {{"amids", names}})), match::http(400)));
    },
};

AM_CASE("REG-REVOKE-008") {
    .title = "the list of revocations holds each new one",
    .proves = {req::AM_REG_033},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = revoked(t);
        // Others revoke meanwhile, so it may be on any page.
        bool listed = false;
        every all;
        for (int page = 0; page < 20 && !listed; ++page) {
            const auto seen = t.ask(t.get("/v1/registry/revocations?limit=1000&offset=" + std::to_string(page * 1000)));
            all += t.answered(seen);
            if (!seen.has("revocations") || !seen.body.at("revocations").is_array() || seen.body.at("revocations").empty()) break;
            for (const auto& one : seen.body.at("revocations")) listed = listed || (one.is_object() && one.value("amid", "") == a.amid());
            all += t.that(seen.integer("total") >= 1, "how many there are", seen);
        }
        const finding& pages = all;
        t.produced(req::AM_REG_033, pages & t.that(listed, "the agent in the list", pages));
    },
};

AM_CASE("REG-REVOKE-009") {
    .title = "a revocation with a reason that is none is refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        all += t.turned_down(t.ask(t.change(revoke_path, revocation_of(a, a, ""), a.who)));
        auto body = revocation_of(a, a);
        body.erase("reason");
        all += t.turned_down(t.ask(t.change(revoke_path, body, a.who)));
        const auto after = standing(t, a);
        all += t.answered(after) & t.that(!says_revoked(after), "an agent that is not revoked", after);
        t.refused(req::AM_REG_002, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
