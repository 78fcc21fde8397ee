// REG-FLOOD, REG-FIND, REG-CLAIM: bodies, questions and claims that are made to break something.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>

namespace agentmesh::conformance::registry_cases {
namespace {

std::string nested(std::size_t depth, std::string_view open, std::string_view close, std::string_view inside) {
    std::string out;
    for (std::size_t i = 0; i < depth; ++i) out += open;
    out += inside;
    for (std::size_t i = 0; i < depth; ++i) out += close;
    return out;
}

/// A change of status as text, with `more` as its first members.
std::string status_text(registry_context& t, const resident& who, std::string_view status, std::string_view more) {
    const auto body = t.signed_time(status_of(who, status), who.who).dump();
    return "{" + std::string{more} + "," + body.substr(1);
}

/// An agent whose status is `away`.
resident away(registry_context& t) {
    auto a = t.enrolled();
    (void)t.must(t.change(status_path, status_of(a, "away"), a.who));
    return a;
}

finding still_away(registry_context& t, const resident& who) {
    const auto seen = t.ask(t.lookup(who.amid()));
    return t.answered(seen) & t.that(seen.str("status") == "away", "the status as it was", seen);
}

finding finds_only(registry_context& t, std::string_view asked, const std::vector<const resident*>& wanted) {
    const auto seen = t.ask(t.get("/v1/registry/search?capability=" + percent_encoded(asked)));
    auto found = found_in(seen);
    std::vector<std::string> names;
    for (const auto* one : wanted) names.push_back(one->amid());
    std::sort(found.begin(), found.end());
    std::sort(names.begin(), names.end());
    return t.answered(seen) & t.that(found == names, "those who have the capability, and nobody else", seen);
}

bool shows_anonymous(const observation& seen) {
    const auto& tier = seen.has("tier") ? seen.body.at("tier") : json{};
    return tier == "anonymous" || tier == 2 || tier == "2";
}

}  // namespace

AM_CASE("REG-FLOOD-001") {
    .title = "a body nested very deep is refused, and harms nobody",
    .proves = {req::AM_REG_002, req::AM_REG_100},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        // This is no JSON in any depth.
        all += t.turned_down(t.ask(t.post_text(status_path, status_text(t, a, "dnd", "\"x\":" + std::string(120'000, '[')))));
        for (const auto& deep : {nested(100'000, "[", "]", "1"), nested(20'000, "{\"a\":", "}", "1")}) {
            const auto seen = t.ask(t.post_text(status_path, status_text(t, a, "away", "\"x\":" + deep)));
            if (strict(t)) all += t.saw(seen, match::http(400));
        }
        // The least that is too deep: the body itself is one level.
        if (strict(t))
            all += t.saw(t.ask(t.post_text(status_path, status_text(t, a, "dnd", "\"x\":" + nested(64, "[", "]", "1")))), match::http(400));
        all += still_away(t, a);
        t.refused(req::AM_REG_002, all);
        t.absent(req::AM_REG_100, still_away(t, a));
    },
};

AM_CASE("REG-FLOOD-002") {
    .title = "a member that is there twice is refused",
    .proves = {req::AM_REG_002, req::AM_REG_100},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = away(t), victim = away(t);
        every all, untouched;
        // What one reader takes for the name of the agent, and another one for a member that it passes over.
        for (const std::string& more : {"\"amid\":\"" + victim.amid() + "\"", "\"am\\u0069d\":\"" + victim.amid() + "\"",
                                       std::string{"\"status\":\"offline\""}}) {
            const auto seen = t.ask(t.post_text(status_path, status_text(t, a, "dnd", more)));
            if (strict(t)) all += t.saw(seen, match::http(400));
        }
        untouched += still_away(t, victim);
        t.absent(req::AM_REG_100, untouched);
        t.refused(req::AM_REG_002, strict(t) ? all & still_away(t, a) : finding(untouched));
    },
};

AM_CASE("REG-FLOOD-003") {
    .title = "texts that are no Unicode are refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        for (const char* raw : {"\"x\":\"\xff\"", "\"x\":\"\xc0\xaf\"", "\"\xed\xa0\x80\":1"})
            all += t.turned_down(t.ask(t.post_text(status_path, status_text(t, a, "dnd", raw))));
        if (strict(t))
            for (const char* escape : {R"("x":"\ud800")", R"("x":"\udc00\ud800")", R"("\ud83d":1)"})
                all += t.saw(t.ask(t.post_text(status_path, status_text(t, a, "dnd", escape))), match::http(400));
        all += still_away(t, a);
        t.refused(req::AM_REG_002, all);
    },
};

AM_CASE("REG-FLOOD-004") {
    .title = "numbers that are none, or too large for where they stand, are refused",
    .proves = {req::AM_REG_002, req::AM_REG_100},
    .cost = rtt(24),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        const auto keys = t.prekeys(a, 4);
        t.upload(a, keys);
        const auto before = t.must_find(b);
        every all;
        for (const char* id : {"NaN", "Infinity", "0x10", "1.5", "-1", "01", "4294967296", "1e400", "\"4\"", "[4]"}) {
            auto text = t.signed_time(t.prekeys_body(a, t.prekeys(a, 77'777)), a.who).dump();
            text.replace(text.find("77777"), 5, id);
            all += t.turned_down(t.ask(t.post_text(prekeys_path, text)));
        }
        for (const char* score : {"NaN", "-Infinity", "1e400", ".5", "+0.5", "\"0.5\"", "true"}) {
            auto text = t.signed_time(rating_of(b, a, t.uuid(), 0.625), a.who).dump();
            text.replace(text.find("0.625"), 5, score);
            all += t.turned_down(t.ask(t.post_text(rate_path, text)));
        }
        const auto kept = t.ask(t.fetch(a.amid()));
        const auto right = t.that(kept.str("signed_prekey") == keys.key, "the signed prekey as it was", kept) &
                           t.same_members(before, t.ask(t.lookup(b.amid())), {"reputation_score"});
        t.refused(req::AM_REG_002, all & right);
        t.absent(req::AM_REG_100, right);
    },
};

AM_CASE("REG-FLOOD-005") {
    .title = "a refused registration leaves nothing behind, and another one still gets in",
    .proves = {req::AM_REG_100},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.resident_agent(), b = t.resident_agent();
        every all;
        auto body = t.registration(a);
        body["exchange_public_key"] = "AAAA";
        all += t.turned_down(t.ask(t.change(register_path, body, a.who)));
        all += t.turned_down(t.ask(t.change(register_path, t.registration(a), b.who)));
        body = t.registration(a);
        body["signing_public_key"] = b.who.public_key();
        all += t.turned_down(t.ask(t.change(register_path, body, b.who)));
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        (void)t.must(t.change(register_path, t.registration(a), a.who), 201);
        all += t.unharmed(a);
        t.absent(req::AM_REG_100, all);
    },
};

AM_CASE("REG-FLOOD-006") {
    .title = "changes of an agent by others, in every way of naming it, change nothing",
    .proves = {req::AM_REG_004, req::AM_REG_100},
    .cost = rtt(20),
    .ask = [](registry_context& t) {
        const auto victim = away(t), thief = t.enrolled();
        const auto keys = t.prekeys(victim, 3);
        t.upload(victim, keys);
        const auto before = t.must_find(victim);
        every all;
        all += t.saw(t.ask(t.change(status_path, status_of(victim, "dnd"), thief.who)), match::http(401));
        all += t.saw(t.ask(t.change(capabilities_path, json{{"amid", victim.amid()}, {"capabilities", json::array({"x"})}}, thief.who)),
                     match::http(401));
        all += t.saw(t.ask(t.change(prekeys_path, t.prekeys_body(victim, t.prekeys(thief, 4)), thief.who)), match::http_client_error());
        all += t.saw(t.ask(t.change(revoke_path, revocation_of(victim, victim), thief.who)), match::http(401));
        // A time that the victim signed, beside another one.
        auto spliced = t.signed_time(status_of(victim, "dnd"), victim.who);
        spliced["timestamp"] = t.stamp_now();
        all += t.saw(t.ask(t.post(status_path, spliced)), match::http(401));
        const auto after = t.ask(t.lookup(victim.amid()));
        const auto kept = t.ask(t.fetch(victim.amid()));
        const auto same = t.same_members(before, after, {"status", "capabilities", "display_name", "exchange_public_key"}) &
                          t.that(kept.str("signed_prekey") == keys.key, "the signed prekey as it was", kept);
        t.refused(req::AM_REG_004, all & same);
        t.absent(req::AM_REG_100, same);
    },
};

AM_CASE("REG-FIND-001") {
    .title = "what stands for anything in a database or a pattern stands for itself in a search",
    .proves = {req::AM_REG_016},
    .cost = rtt(30),
    .ask = [](registry_context& t) {
        const auto stem = t.word();
        const auto plain = t.enrolled(json{{"capabilities", json::array({stem + "axb"})}});
        every all;
        all += finds_only(t, stem + "axb", {&plain});
        for (const char* sign : {"%", "_", "?", ".", "'", "\"", "\\", ";", "[a-z]", ".+", "--", "%25", "\u00e9"}) {
            const auto name = stem + "a" + sign + "b";
            all += finds_only(t, name, {});
            const auto own = t.enrolled(json{{"capabilities", json::array({name})}});
            all += finds_only(t, name, {&own});
        }
        t.produced(req::AM_REG_016, all);
    },
};

AM_CASE("REG-FIND-002") {
    .title = "statements of a database in a search find nobody and harm nobody",
    .proves = {req::AM_REG_016, req::AM_REG_100},
    .cost = rtt(16),
    .ask = [](registry_context& t) {
        const auto stem = t.word();
        const auto a = t.enrolled(json{{"capabilities", json::array({stem})}});
        every all;
        for (const char* text : {"' OR '1'='1", "'; DELETE FROM agents; --", "%' OR 1=1 --", "\" UNION SELECT * FROM agents --",
                                       "') OR ('1'='1", "%'"})
            all += finds_only(t, stem + text, {});
        all += finds_only(t, stem, {&a});
        t.produced(req::AM_REG_016, all);
        t.absent(req::AM_REG_100, t.unharmed(a));
    },
};

AM_CASE("REG-FIND-003") {
    .title = "limits and offsets at the edges of what a number can be get a page or a refusal",
    .proves = {req::AM_REG_029},
    .cost = rtt(20),
    .ask = [](registry_context& t) {
        const auto stem = t.word();
        const auto a = t.enrolled(json{{"capabilities", json::array({stem})}});
        const auto asked = [&](std::string_view more) {
            return t.ask(t.get("/v1/registry/search?capability=" + stem + std::string{more}));
        };
        every all;
        for (const char* more : {"&limit=100", "&limit=4294967295", "&limit=4294967296", "&limit=18446744073709551616",
                                 "&limit=99999999999999999999999999", "&limit=-1", "&limit=1e2", "&limit=0x10", "&limit=%20", "&limit="}) {
            const auto seen = asked(more);
            const auto found = found_in(seen);
            const bool page = match::http(200)(seen) && found.size() <= 1 && (found.empty() || found.front() == a.amid());
            all += t.that(page || match::http_client_error()(seen), "a page, or a refusal", seen);
        }
        for (const char* more : {"&offset=4294967295", "&offset=4294967296", "&offset=-1", "&offset=9223372036854775807"}) {
            const auto seen = asked(more);
            all += t.that((match::http(200)(seen) && found_in(seen).empty()) || match::http_client_error()(seen),
                          "an empty page, or a refusal", seen);
        }
        const auto beyond = asked("&offset=1");
        all += t.answered(beyond) & t.that(found_in(beyond).empty(), "an empty page", beyond);
        const auto first = asked("&limit=5&offset=0");
        all += t.answered(first) & t.that(lists(found_in(first), a.amid()), "the agent that has the capability", first);
        t.produced(req::AM_REG_029, all);
    },
};

AM_CASE("REG-FIND-004") {
    .title = "a pattern of nothing but stars and letters is answered at once, and holds up nobody",
    .proves = {req::AM_REG_016},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const std::string row(126, 'a');
        const auto a = t.enrolled(json{{"capabilities", json::array({row})}});
        std::string bomb;
        for (int i = 0; i < 60; ++i) bomb += "*a";
        every all;
        // Deployed registries know no patterns: a star is then itself, and finds nobody.
        for (const auto& asked : {bomb + "b", bomb + "*b", std::string(100, '*') + t.word(20)}) all += finds_only(t, asked, {});
        const auto seen = t.ask(t.get("/v1/registry/search?capability=" + row));
        all += t.answered(seen) & t.that(lists(found_in(seen), a.amid()), "the agent that has the capability", seen);
        t.produced(req::AM_REG_016, all);
    },
};

AM_CASE("REG-FIND-005") {
    .title = "a capability in other letters is another capability",
    .proves = {req::AM_REG_016},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto stem = t.word();
        const auto lower = t.enrolled(json{{"capabilities", json::array({"travel-" + stem})}});
        const auto upper = t.enrolled(json{{"capabilities", json::array({"Travel-" + stem})}});
        t.produced(req::AM_REG_016, finds_only(t, "travel-" + stem, {&lower}) & finds_only(t, "Travel-" + stem, {&upper}) &
                                        finds_only(t, "TRAVEL-" + stem, {}) & finds_only(t, "travel-" + stem + " ", {}) &
                                        finds_only(t, "ravel-" + stem, {}));
    },
};

AM_CASE("REG-CLAIM-001") {
    .title = "an agent that calls itself verified is anonymous, with the score of one",
    .proves = {req::AM_REG_101, req::AM_REP_001},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        every tiers, scores;
        for (const json& more : {json{{"tier", "verified"}, {"reputation_score", 1.0}, {"verified", true}},
                                 json{{"tier", 1}, {"ratings_count", 900}, {"organization", "example.com"}},
                                 json{{"tier", "organization"}, {"organization_id", "1"}, {"flags", json::array()}},
                                 json{{"verification_token", "github:" + t.word(40)}},
                                 json{{"tier", 1.5}, {"status", "online"}, {"registered_at", "2001-01-01T00:00:00Z"}}}) {
            const auto a = t.enrolled(more);
            const auto seen = t.ask(t.lookup(a.amid()));
            const auto score = number(seen, "reputation_score");
            tiers += t.answered(seen) & t.that(shows_anonymous(seen), "an anonymous agent", seen);
            scores += t.that(score && *score > 0.4999 && *score < 0.5001, "the score that everybody begins with", seen);
        }
        t.absent(req::AM_REG_101, tiers);
        t.produced(req::AM_REP_001, scores);
    },
};

AM_CASE("REG-CLAIM-002") {
    .title = "a certificate that an agent made itself proves nothing",
    .proves = {req::AM_REG_101},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        every all;
        const auto home_made = [&](const resident& who) {
            const auto text = json{{"type", "verification_certificate"}, {"amid", who.amid()}, {"tier", 1}, {"issuer", "agentmesh"},
                                   {"signature", who.who.sign("verified")}}.dump();
            return "-----BEGIN AGENTMESH CERTIFICATE-----\n" + to_base64(text) + "\n-----END AGENTMESH CERTIFICATE-----\n";
        };
        const auto a = t.resident_agent();
        auto body = t.registration(a);
        body["certificate"] = home_made(a);
        body["verification_token"] = home_made(a);
        // Refused or passed over: both are right.
        const auto first = t.ask(t.change(register_path, body, a.who));
        if (!match::http(201)(first)) (void)t.must(t.change(register_path, t.registration(a), a.who), 201);
        all += t.that(shows_anonymous(t.must_find(a)), "an anonymous agent", first);
        auto shown = t.ask(t.change("/v1/registry/certificate", json{{"amid", a.amid()}, {"certificate", home_made(a)}}, a.who));
        const auto after = t.must_find(a);
        all += t.that(shows_anonymous(after), "an anonymous agent", shown, after);
        t.absent(req::AM_REG_101, all);
    },
};

AM_CASE("REG-CLAIM-003") {
    .title = "nobody raises a tier with an organization that is not there, or that somebody else founded",
    .proves = {req::AM_REG_101},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto victim = t.enrolled(), admin = t.enrolled();
        every all;
        const auto founded = t.ask(t.change("/v1/org/register",
                                            json{{"name", t.word()},
                                                 {"domain", t.word(10) + ".example"},
                                                 {"admin_amid", admin.amid()},
                                                 {"admin_signing_public_key", admin.who.public_key()}},
                                            admin.who));
        const auto organization = founded.str("organization_id").empty() ? t.uuid() : founded.str("organization_id");
        for (const auto& id : {organization, t.uuid()}) {
            const json member{{"organization_id", id},
                              {"agent_amid", victim.amid()},
                              {"agent_signing_public_key", victim.who.public_key()},
                              {"agent_exchange_public_key", victim.exchange_key},
                              {"capabilities", json::array()},
                              {"admin_amid", admin.amid()}};
            auto unproved = member;
            unproved["admin_signature"] = admin.who.sign("nothing");
            unproved["timestamp"] = t.stamp_now();
            (void)t.ask(t.post("/v1/org/agents", unproved));
            const auto at = t.stamp_now();
            auto unverified = t.signed_text(member, admin.who, at, "admin_signature");
            const auto seen = t.ask(t.post("/v1/org/agents", unverified));
            const auto after = t.must_find(victim);
            all += t.that(shows_anonymous(after), "an anonymous agent", seen, after);
        }
        t.absent(req::AM_REG_101, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
