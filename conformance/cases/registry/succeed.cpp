// REG-SUCCEED: one key in place of another, if both say so.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>

namespace agentmesh::conformance::registry_cases {
namespace {

constexpr std::string_view succeed_path = "/v1/registry/succeed";

std::string raw_key(const agent& of) {
    return {reinterpret_cast<const char*>(of.raw_public_key().data()), of.raw_public_key().size()};
}

/// 01, both keys, the time in eight bytes; then a signature by each key under the context `succession`.
std::string statement_of(registry_context& t, const agent& old_key, const agent& new_key, const agent& signs_old, const agent& signs_new) {
    auto seconds_now = static_cast<std::uint64_t>(std::chrono::floor<seconds>(t.now()).time_since_epoch().count());
    std::string time(8, '\0');
    for (std::size_t i = 8; i-- > 0; seconds_now >>= 8) time[i] = static_cast<char>(seconds_now & 0xff);
    const auto content = "\x01" + raw_key(old_key) + raw_key(new_key) + time;
    const auto text = "AgentMesh-v1:succession" + std::string(1, '\0') + content;
    return to_base64_url(content + signs_old.sign_raw(text) + signs_new.sign_raw(text));
}

json succession(const resident& old_one, const resident& heir, const std::string& statement) {
    return json{{"amid", old_one.amid()},
                {"successor", heir.amid()},
                {"successor_signing_public_key", heir.who.public_key()},
                {"successor_exchange_public_key", heir.exchange_key},
                {"statement", statement}};
}

std::string right_statement(registry_context& t, const resident& a, const resident& heir) {
    return statement_of(t, a.who, heir.who, a.who, heir.who);
}

finding still_itself(registry_context& t, const resident& a) {
    const auto seen = t.ask(t.get("/v1/registry/revocation?amid=" + a.amid()));
    return t.answered(seen) & t.that(seen.body.value("revoked", json()) == false, "an agent that is not revoked", seen) & t.unharmed(a);
}

}  // namespace

AM_CASE("REG-SUCCEED-001") {
    .title = "a new key takes over what the old one has, and the old one is revoked as superseded",
    .proves = {req::AM_REG_062},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const json more{{"capabilities", json::array({"travel"})}, {"display_name", "Traveller"}};
        const auto a = t.enrolled_with_proof(more);
        const auto heir = t.resident_agent();
        const auto done = t.ask(t.proved(succeed_path, succession(a, heir, right_statement(t, a, heir)), a.who));
        const auto found = t.ask(t.lookup(heir.amid()));
        const auto gone = t.ask(t.get("/v1/registry/revocation?amid=" + a.amid()));
        const auto old_one = t.ask(t.lookup(a.amid()));
        const bool superseded = gone.body.value("revoked", json()) == true && gone.has("revocation") &&
                                gone.body.at("revocation").is_object() && gone.body.at("revocation").value("reason", "") == "superseded";
        t.produced(req::AM_REG_062,
                   t.saw(done, match::http(201)) & t.answered(found) &
                       t.that(found.str("predecessor") == a.amid() && found.str("exchange_public_key") == heir.exchange_key &&
                                  found.body.value("capabilities", json()) == json::array({"travel"}),
                              "the successor with its own keys and what it inherits", found) &
                       t.that(superseded, "the old name revoked as superseded", gone) &
                       t.that(old_one.str("successor") == heir.amid(), "who succeeds it", old_one));
    },
};

AM_CASE("REG-SUCCEED-002") {
    .title = "a succession that one of the two has not signed, or that bears no proof, is refused",
    .proves = {req::AM_REG_060},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), other = t.enrolled_with_proof();
        const auto deployed = t.enrolled();
        const auto heir = t.resident_agent();
        every all;
        const auto refuse = [&](const std::string& statement) {
            all += t.saw(t.ask(t.proved(succeed_path, succession(a, heir, statement), a.who)), match::http(401));
        };
        refuse(statement_of(t, a.who, heir.who, a.who, a.who));
        refuse(statement_of(t, a.who, heir.who, heir.who, heir.who));
        refuse(statement_of(t, a.who, other.who, a.who, other.who));
        refuse(statement_of(t, other.who, heir.who, other.who, heir.who));
        refuse("");
        // Whoever saw a signed time could otherwise give the name away.
        all += t.saw(t.ask(t.change(succeed_path, succession(deployed, heir, right_statement(t, deployed, heir)), deployed.who)),
                     match::http(401));
        all += t.saw(t.ask(t.proved(succeed_path, succession(a, heir, right_statement(t, a, heir)), other.who)), match::http(401));
        all += still_itself(t, a);
        all += t.saw(t.ask(t.lookup(heir.amid())), match::http(404));
        t.refused(req::AM_REG_060, all);
    },
};

AM_CASE("REG-SUCCEED-003") {
    .title = "a name that is registered or revoked succeeds nobody, and nothing changes",
    .proves = {req::AM_REG_061, req::AM_REG_064},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), registered = t.enrolled_with_proof(), revoked = t.enrolled_with_proof();
        (void)t.must(t.proved(revoke_path, revocation_of(revoked, revoked), revoked.who));
        every refused, unchanged;
        for (const auto* heir : {&registered, &revoked})
            refused += t.saw(t.ask(t.proved(succeed_path, succession(a, *heir, right_statement(t, a, *heir)), a.who)), match::http(409));
        unchanged += still_itself(t, a);
        unchanged += still_itself(t, registered);
        t.refused(req::AM_REG_061, refused);
        t.absent(req::AM_REG_064, unchanged);
    },
};

AM_CASE("REG-SUCCEED-004") {
    .title = "an agent that has been succeeded changes nothing any more, and succeeds nobody",
    .proves = {req::AM_REG_018},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto once = t.enrolled();
        (void)t.must(t.change(revoke_path, revocation_of(once, once), once.who));
        every all;
        all += t.saw(t.ask(t.change(status_path, status_of(once), once.who)), match::http(403));
        if (strict(t)) {
            const auto a = t.enrolled_with_proof();
            const auto heir = t.resident_agent(), second = t.resident_agent();
            (void)t.must(t.proved(succeed_path, succession(a, heir, right_statement(t, a, heir)), a.who), 201);
            all += t.saw(t.ask(t.proved(status_path, status_of(a), a.who)), match::http(403));
            all += t.saw(t.ask(t.proved(succeed_path, succession(a, second, right_statement(t, a, second)), a.who)), match::http(403));
            all += t.saw(t.ask(t.lookup(second.amid())), match::http(404));
        }
        t.refused(req::AM_REG_018, all);
    },
};

AM_CASE("REG-SUCCEED-005") {
    .title = "what is said of an agent and of its predecessor is said of one",
    .proves = {req::AM_REG_063},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), author = t.enrolled();
        (void)t.must(t.change(rate_path, rating_of(a, author, t.uuid(), 0.0), author.who));
        const auto before = t.must_find(a);
        const auto heir = t.resident_agent();
        (void)t.must(t.proved(succeed_path, succession(a, heir, right_statement(t, a, heir)), a.who), 201);
        const auto after = t.must_find(heir);
        t.produced(req::AM_REG_063, t.that(number(before, "reputation_score") == number(after, "reputation_score") &&
                                               number(after, "reputation_score") != 0.5 && after.integer("ratings_count") == 1,
                                           "the score and the ratings of the predecessor", before, after));
    },
};

}  // namespace agentmesh::conformance::registry_cases
