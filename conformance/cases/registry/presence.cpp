// REG-PRESENCE: whose word counts on who is there.
#include "conformance/cases/registry/support.hpp"

namespace agentmesh::conformance::registry_cases {

AM_CASE("REG-PRESENCE-001") {
    .title = "nobody but a relay that the operator has named reports who is there",
    .proves = {req::AM_REG_070},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), liar = t.enrolled_with_proof();
        const auto stranger = t.resident_agent();
        (void)t.must(t.proved(status_path, status_of(a, "away"), a.who));
        const auto notice = [&](const resident& by) {
            return json{{"relay", by.amid()},
                        {"entries", json::array({{{"amid", a.amid()}, {"status", "offline"}, {"last_seen", t.stamp_now(stamp_form::zulu)}}})}};
        };
        constexpr std::string_view path = "/v1/relay/presence";
        every all;
        all += t.saw(t.ask(t.proved(path, notice(liar), liar.who)), match::http(401));
        all += t.saw(t.ask(t.proved(path, notice(stranger), stranger.who)), match::http(401));
        all += t.saw(t.ask(t.proved(path, notice(a), a.who)), match::http(401));
        all += t.saw(t.ask(t.post(path, notice(liar))), match::http(401));
        all += t.saw(t.ask(t.change(path, notice(stranger), stranger.who)), match::http(401));
        const auto seen = t.must_find(a);
        all += t.that(seen.str("status") == "away", "the status as it was", seen);
        t.refused(req::AM_REG_070, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
