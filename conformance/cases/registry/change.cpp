// REG-CHANGE: who may change what an agent says of itself.
#include "conformance/cases/registry/support.hpp"

namespace agentmesh::conformance::registry_cases {

AM_CASE("REG-CHANGE-001") {
    .title = "a status signed by another agent, or with a damaged signature, changes nothing",
    .proves = {req::AM_REG_004},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        (void)t.must(t.change(status_path, status_of(a, "away"), a.who));
        every all;
        all += t.saw(t.ask(t.change(status_path, status_of(a, "dnd"), b.who)), match::http(401));
        auto body = t.signed_time(status_of(a, "dnd"), a.who);
        body["signature"] = damaged(body["signature"].get<std::string>());
        all += t.saw(t.ask(t.post(status_path, body)), match::http(401));
        const auto after = t.must_find(a);
        all += t.that(after.str("status") == "away", "the status as it was", after);
        t.refused(req::AM_REG_004, all);
    },
};

AM_CASE("REG-CHANGE-002") {
    .title = "a change without a signature is refused with status 401",
    .proves = {req::AM_REG_005},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must(t.change(status_path, status_of(a, "away"), a.who));
        every all;
        all += t.saw(t.ask(t.post(status_path, status_of(a, "dnd"))), match::http(401));
        all += t.saw(t.ask(t.post(capabilities_path, {{"amid", a.amid()}, {"capabilities", {"stolen"}}})), match::http(401));
        all += t.saw(t.ask(t.post(prekeys_path, t.prekeys_body(a, t.prekeys(a)))), match::http(401));
        const auto after = t.must_find(a);
        all += t.that(after.str("status") == "away", "the status as it was", after);
        t.refused(req::AM_REG_005, all);
    },
};

AM_CASE("REG-CHANGE-003") {
    .title = "a change signed over a time in any form of RFC 3339 is taken",
    .proves = {req::AM_REG_026},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        for (const auto form : {stamp_form::zulu, stamp_form::zulu_millis, stamp_form::zulu_seconds, stamp_form::offset,
                                stamp_form::offset_seconds, stamp_form::offset_nanos})
            all += t.saw(t.ask(t.post(status_path, t.signed_time(status_of(a), a.who, form))), match::http(200));
        t.accepted(req::AM_REG_026, all);
    },
};

AM_CASE("REG-CHANGE-004") {
    .title = "a change whose time is too old or too far ahead is refused",
    .proves = {req::AM_REG_006},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must(t.change(status_path, status_of(a, "away"), a.who));
        every all;
        for (const auto off : {seconds{-900}, seconds{-400}, seconds{240}, seconds{86'400}}) {
            const auto body = t.signed_text(status_of(a, "dnd"), a.who, stamp(t.now() + off));
            all += t.saw(t.ask(t.post(status_path, body)), match::http(401));
        }
        const auto after = t.must_find(a);
        all += t.that(after.str("status") == "away", "the status as it was", after);
        t.refused(req::AM_REG_006, all);
    },
};

AM_CASE("REG-CHANGE-005") {
    .title = "a signed time serves once, at whatever endpoint",
    .proves = {req::AM_REG_007},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto when = t.stamp_now();
        (void)t.must(t.post(status_path, t.signed_text(status_of(a, "away"), a.who, when)));
        every all;
        all += t.saw(t.ask(t.post(status_path, t.signed_text(status_of(a, "dnd"), a.who, when))), match::http(401));
        all += t.saw(t.ask(t.post(capabilities_path,
                                  t.signed_text({{"amid", a.amid()}, {"capabilities", {"stolen"}}}, a.who, when))),
                     match::http(401));
        const auto after = t.must_find(a);
        all += t.that(after.str("status") == "away", "the status as it was", after);
        t.refused(req::AM_REG_007, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
