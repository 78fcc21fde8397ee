// REG-ANSWER: what a registry says, and in which form.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>

namespace agentmesh::conformance::registry_cases {
namespace {

finding refusal_in_form(registry_context& t, const observation& seen, std::uint16_t status, std::string_view word) {
    const auto clause = seen.str("clause");
    return t.saw(seen, match::http_error(status, std::string{word})) &
           t.that(clause.starts_with("AM-") && clause.size() >= 9 && clause.size() <= 11 &&
                      seen.field("content-type").starts_with("application/json"),
                  "a JSON object with error and clause", seen);
}

}  // namespace

AM_CASE("REG-ANSWER-001") {
    .title = "what is refused is answered with a word and a clause",
    .proves = {req::AM_REG_001},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto stranger = t.resident_agent();
        every all;
        all += refusal_in_form(t, t.ask(t.lookup(stranger.amid())), 404, "not_found");
        all += refusal_in_form(t, t.ask(t.lookup("1234")), 400, "invalid_amid");
        all += refusal_in_form(t, t.ask(t.get("/v1/registry/lookup")), 400, "missing_member");
        all += refusal_in_form(t, t.ask(t.get("/v1/registry/nothing")), 404, "unknown_endpoint");
        all += refusal_in_form(t, t.ask(t.get(register_path)), 405, "method_not_allowed");
        all += refusal_in_form(t, t.ask(t.post_text(register_path, "{")), 400, "invalid_json");
        all += refusal_in_form(t, t.ask(t.post(status_path, status_of(a))), 401, "signature_required");
        all += refusal_in_form(t, t.ask(t.change(status_path, status_of(a), stranger.who)), 401, "invalid_signature");
        all += refusal_in_form(t, t.ask(t.change(register_path, t.registration(a), a.who)), 409, "already_exists");
        t.produced(req::AM_REG_001, all);
    },
};

AM_CASE("REG-ANSWER-002") {
    .title = "a refused change says besides that it did not succeed",
    .proves = {req::AM_REG_001},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto seen = t.ask(t.change(status_path, status_of(a), t.resident_agent().who));
        t.produced(req::AM_REG_001, refusal_in_form(t, seen, 401, "invalid_signature") &
                                        t.that(seen.body.value("success", json()) == false, "success: false", seen));
    },
};

AM_CASE("REG-ANSWER-003") {
    .title = "what is wrong with a signature is not told",
    .proves = {req::AM_REG_001},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        every all;
        all += refusal_in_form(t, t.ask(t.change(status_path, status_of(a), b.who)), 401, "invalid_signature");
        all += refusal_in_form(t, t.ask(t.post(status_path, t.signed_text(status_of(a), a.who, "2001-01-01T00:00:00Z"))), 401,
                               "invalid_signature");
        all += refusal_in_form(t, t.ask(t.post(status_path, t.signed_text(status_of(a), a.who, "yesterday"))), 401, "invalid_signature");
        auto body = t.signed_time(status_of(a), a.who);
        body["signature"] = "AAAA";
        all += refusal_in_form(t, t.ask(t.post(status_path, body)), 401, "invalid_signature");
        t.produced(req::AM_REG_001, all);
    },
};

AM_CASE("REG-ANSWER-004") {
    .title = "a lookup says what was registered and what has changed since",
    .proves = {req::AM_REG_035},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled({{"display_name", "Traveller"},
                                   {"capabilities", json::array({"travel/flights"})},
                                   {"relay_endpoint", "wss://relay.example.org/v1"},
                                   {"direct_endpoint", "wss://agent.example.org:8443/"}});
        every all;
        const auto first = t.must_find(a);
        all += t.that(first.str("display_name") == "Traveller" && first.str("relay_endpoint") == "wss://relay.example.org/v1" &&
                          first.str("direct_endpoint") == "wss://agent.example.org:8443/" && first.str("tier") == "anonymous" &&
                          first.body.value("capabilities", json()) == json::array({"travel/flights"}),
                      "the members that were registered", first);
        for (const std::string_view status : {"online", "away", "dnd", "offline"}) {
            (void)t.must(t.change(status_path, status_of(a, status), a.who));
            const auto seen = t.must_find(a);
            all += t.that(seen.str("status") == status, "the status that was set", seen);
        }
        t.produced(req::AM_REG_035, all);
    },
};

AM_CASE("REG-ANSWER-005") {
    .title = "health and statistics count who is registered",
    .proves = {req::AM_REG_036},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto before = t.ask(t.get("/v1/health"));
        (void)t.enrolled();
        const auto after = t.ask(t.get("/v1/health"));
        const auto stats = t.ask(t.get("/v1/registry/stats"));
        const auto first = before.integer("agents_registered"), second = after.integer("agents_registered");
        t.produced(req::AM_REG_036,
                   t.answered(before) & t.answered(after) & t.answered(stats) &
                       t.that(first && second && *second > *first && after.str("status") == "healthy", "one more than before", before, after) &
                       t.that(stats.integer("total_agents").value_or(-1) >= second.value_or(0), "as many in the statistics", stats));
    },
};

AM_CASE("REG-ANSWER-006") {
    .title = "a DID document holds the keys of the agent in multibase",
    .proves = {req::AM_REG_037},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto seen = t.ask(t.get("/v1/registry/did/" + a.amid()));
        // 0xed01 and the key, in base58 behind a z.
        const auto wanted = "z" + to_base58("\xed\x01" + std::string{reinterpret_cast<const char*>(a.who.raw_public_key().data()), 32});
        const bool named = seen.str("id").ends_with(a.amid()) && seen.body.dump().find("\"" + wanted + "\"") != std::string::npos;
        const auto unknown = t.ask(t.get("/v1/registry/did/" + t.resident_agent().amid()));
        t.produced(req::AM_REG_037, t.answered(seen) & t.that(named, "the agent and its key", seen) & t.saw(unknown, match::http(404)));
    },
};

AM_CASE("REG-ANSWER-007") {
    .title = "another method than the endpoint has is refused with those that it has",
    .proves = {req::AM_REG_001},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        every all;
        for (const auto& [method, path, allowed] : {std::tuple{"GET", "/v1/registry/revoke", "POST"},
                                                    std::tuple{"DELETE", "/v1/registry/lookup", "GET"},
                                                    std::tuple{"PUT", "/v1/registry/status", "POST"}}) {
            const auto seen = t.ask(t.request(method, path));
            all += refusal_in_form(t, seen, 405, "method_not_allowed") &
                   t.that(seen.field("allow").find(allowed) != std::string::npos, "Allow with the method that is taken", seen);
        }
        t.produced(req::AM_REG_001, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
