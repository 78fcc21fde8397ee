// REG-JOIN: who gets in, and who is found there.
#include "conformance/cases/registry/support.hpp"

namespace agentmesh::conformance::registry_cases {

AM_CASE("REG-JOIN-001") {
    .title = "an AMID that is not the one of the signing key is not registered",
    .proves = {req::AM_REG_003},
    .cost = rtt(4),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent(), b = t.resident_agent();
        auto body = t.registration(a);
        body["amid"] = b.amid();
        const auto refused = t.ask(t.change(register_path, body, a.who));
        const auto after = t.ask(t.lookup(b.amid()));
        t.refused(req::AM_REG_003, t.saw(refused, match::http(400)) & t.saw(after, match::http(404)));
    },
};

AM_CASE("REG-JOIN-002") {
    .title = "a registration that another key signed is refused",
    .proves = {req::AM_REG_004},
    .cost = rtt(4),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent(), b = t.resident_agent();
        const auto refused = t.ask(t.change(register_path, t.registration(a), b.who));
        const auto after = t.ask(t.lookup(a.amid()));
        t.refused(req::AM_REG_004, t.saw(refused, match::http(401)) & t.saw(after, match::http(404)));
    },
};

AM_CASE("REG-JOIN-003") {
    .title = "a registration with a damaged signature, or one over another time, is refused",
    .proves = {req::AM_REG_004},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        auto body = t.signed_time(t.registration(a), a.who);
        body["signature"] = damaged(body["signature"].get<std::string>());
        every all;
        all += t.saw(t.ask(t.post(register_path, body)), match::http(401));
        body = t.signed_time(t.registration(a), a.who);
        body["timestamp"] = t.stamp_now();
        all += t.saw(t.ask(t.post(register_path, body)), match::http(401));
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        t.refused(req::AM_REG_004, all);
    },
};

AM_CASE("REG-JOIN-004") {
    .title = "a registration without a signature or without a time is refused with status 401",
    .proves = {req::AM_REG_005},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        auto body = t.signed_time(t.registration(a), a.who);
        body.erase("signature");
        body.erase("timestamp");
        const auto bare = t.ask(t.post(register_path, body));
        const auto after = t.ask(t.lookup(a.amid()));
        t.refused(req::AM_REG_005, t.saw(bare, match::http(401)) & t.saw(after, match::http(404)));
    },
};

AM_CASE("REG-JOIN-005") {
    .title = "a second registration of an agent is refused with status 409 and changes nothing",
    .proves = {req::AM_REG_010},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto before = t.must_find(a);
        auto again = a;
        again.exchange_key = t.exchange_key();
        const auto refused = t.ask(t.change(register_path, t.registration(again), a.who));
        const auto after = t.ask(t.lookup(a.amid()));
        t.refused(req::AM_REG_010, t.saw(refused, match::http(409)) &
                                       t.same_members(before, after, {"exchange_public_key", "display_name", "tier"}));
    },
};

AM_CASE("REG-JOIN-006") {
    .title = "an agent that nobody registered is not found",
    .proves = {req::AM_REG_011},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must_find(a);
        const auto stranger = t.resident_agent();
        every all;
        all += t.saw(t.ask(t.lookup(stranger.amid())), match::http(404));
        all += t.saw(t.ask(t.fetch(stranger.amid())), match::http(404));
        all += t.saw(t.ask(t.change(status_path, status_of(stranger), stranger.who)), match::http(404));
        t.produced(req::AM_REG_011, all);
    },
};

AM_CASE("REG-JOIN-007") {
    .title = "a lookup says what was registered, with keys as they were sent and with the score that everybody begins with",
    .proves = {req::AM_REG_012, req::AM_REP_001},
    .cost = rtt(3),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled({{"display_name", "Traveller"}, {"capabilities", {"travel/flights"}}});
        const auto seen = t.must_find(a);
        t.produced(req::AM_REG_012, t.that(seen.str("signing_public_key") == a.who.public_key() &&
                                               seen.str("exchange_public_key") == a.exchange_key,
                                           "both keys bare, as they were sent", seen));
        t.produced(req::AM_REP_001, t.that(seen.str("tier") == "anonymous" && number(seen, "reputation_score") == 0.5,
                                           "an anonymous agent with score 0.5", seen));
    },
};

AM_CASE("REG-JOIN-008") {
    .title = "keys that were registered with their prefix are handed out without it",
    .proves = {req::AM_REG_012},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = t.resident_agent();
        auto body = t.registration(a);
        body["signing_public_key"] = "ed25519:" + a.who.public_key();
        body["exchange_public_key"] = "x25519:" + a.exchange_key;
        (void)t.must(t.change(register_path, body, a.who), 201);
        t.upload(a, t.prekeys(a));
        const auto seen = t.must_find(a);
        const auto bundle = t.must(t.fetch(a.amid()));
        t.produced(req::AM_REG_012, t.that(seen.str("signing_public_key") == a.who.public_key() &&
                                               seen.str("exchange_public_key") == a.exchange_key &&
                                               bundle.str("identity_key") == a.exchange_key,
                                           "every key bare", seen, bundle));
    },
};

AM_CASE("REG-JOIN-009") {
    .title = "a registration whose time is too old or too far ahead is refused",
    .proves = {req::AM_REG_006},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        every all;
        for (const auto off : {seconds{-900}, seconds{-400}, seconds{240}, seconds{86'400}}) {
            const auto body = t.signed_text(t.registration(a), a.who, stamp(t.now() + off));
            all += t.saw(t.ask(t.post(register_path, body)), match::http(401));
        }
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        t.refused(req::AM_REG_006, all);
    },
};

AM_CASE("REG-JOIN-010") {
    .title = "of agents that register the same AMID at once one gets in",
    .proves = {req::AM_REG_010},
    .cost = rtt(4),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        std::vector<http_request> all;
        for (int i = 0; i < 8; ++i) all.push_back(t.change(register_path, t.registration(a), a.who));
        const auto seen = t.ask_at_once(all);
        std::size_t in = 0, out = 0;
        for (const auto& one : seen) {
            in += match::http(201)(one) ? 1U : 0U;
            out += match::http(409)(one) ? 1U : 0U;
        }
        t.refused(req::AM_REG_010, t.that(in == 1 && out == seen.size() - 1, "one 201, and 409 for all others", seen));
    },
};

}  // namespace agentmesh::conformance::registry_cases
