// ORG: organizations over the URL. Whether a domain is proved is shown by a DNS server, which a run does not have: what
// is judged here is who may ask for what, and that nothing counts before it is proved.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>

namespace agentmesh::conformance::registry_cases {
namespace {

constexpr std::string_view org_path = "/v1/org/register", verify_path = "/v1/org/verify", members_path = "/v1/org/agents";

struct organization {
    resident admin;
    std::string domain, id;
};

json organization_of(const resident& admin, std::string_view domain) {
    return json{{"name", "Example"}, {"domain", domain}, {"admin_amid", admin.amid()},
                {"admin_signing_public_key", admin.who.public_key()}};
}

std::string a_domain(registry_context& t) { return t.word() + ".example.com"; }

/// A registry need not have organizations. `lacks` holds if it says so to a right registration.
struct offer {
    bool there = false;
    finding probe;
    organization made;
};
offer an_organization(registry_context& t) {
    auto admin = t.enrolled();
    const auto domain = a_domain(t);
    const auto seen = t.ask(t.change(org_path, organization_of(admin, domain), admin.who));
    offer out{true, t.saw(seen, match::http_any({404, 405, 501})), {std::move(admin), domain, seen.str("organization_id")}};
    out.probe.sought = "organizations are answered with a status of 404, 405 or 501";
    out.there = !out.probe.holds;
    if (out.there) t.control(t.saw(seen, match::http(201)) & t.that(!out.made.id.empty(), "an organization with an id", seen));
    return out;
}

json member_of(const organization& of, const resident& who) {
    return json{{"organization_id", of.id},
                {"agent_amid", who.amid()},
                {"agent_signing_public_key", who.who.public_key()},
                {"agent_exchange_public_key", who.exchange_key},
                {"capabilities", json::array()},
                {"admin_amid", of.admin.amid()}};
}

}  // namespace

AM_CASE("ORG-JOIN-001") {
    .title = "an administrator or a member under an AMID that is not of its key is refused with status 400",
    .proves = {req::AM_ORG_002},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto o = an_organization(t);
        if (!o.there) return t.not_offered(req::AM_ORG_002, o.probe);
        const auto a = t.resident_agent(), b = t.resident_agent();
        auto body = organization_of(a, a_domain(t));
        body["admin_amid"] = b.amid();
        every all;
        all += t.saw(t.ask(t.change(org_path, body, a.who)), match::http(400));
        body = member_of(o.made, a);
        body["agent_amid"] = b.amid();
        all += t.saw(t.ask(t.post(members_path, t.signed_text(body, o.made.admin.who, t.stamp_now(), "admin_signature"))),
                     match::http(400));
        all += t.saw(t.ask(t.lookup(b.amid())), match::http(404));
        t.refused(req::AM_ORG_002, all);
    },
};

AM_CASE("ORG-JOIN-002") {
    .title = "a domain is held by one organization",
    .proves = {req::AM_ORG_001},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto o = an_organization(t);
        if (!o.there) return t.not_offered(req::AM_ORG_001, o.probe);
        const auto other = t.enrolled();
        every all;
        all += t.saw(t.ask(t.change(org_path, organization_of(other, o.made.domain), other.who)), match::http(409));
        for (const std::string_view domain : {"", "localhost", "127.0.0.1", "example", "a b.example.com", "-x.example.com", "x..example.com"})
            all += t.saw(t.ask(t.change(org_path, organization_of(other, domain), other.who)), match::http(400));
        auto nameless = organization_of(other, a_domain(t));
        nameless["name"] = "";
        all += t.saw(t.ask(t.change(org_path, nameless, other.who)), match::http(400));
        t.refused(req::AM_ORG_001, all);
    },
};

AM_CASE("ORG-ADMIN-001") {
    .title = "only the administrator asks for a verification, with its signature",
    .proves = {req::AM_ORG_003},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto o = an_organization(t);
        if (!o.there) return t.not_offered(req::AM_ORG_003, o.probe);
        const auto other = t.enrolled();
        const json body{{"organization_id", o.made.id}, {"admin_amid", o.made.admin.amid()}};
        every all;
        all += t.saw(t.ask(t.post(verify_path, body)), match::http(401));
        all += t.saw(t.ask(t.change(verify_path, body, other.who)), match::http(401));
        all += t.turned_down(t.ask(t.change(verify_path, {{"organization_id", o.made.id}, {"admin_amid", other.amid()}}, other.who)));
        t.refused(req::AM_ORG_003, all);
    },
};

AM_CASE("ORG-ADMIN-002") {
    .title = "nobody becomes a member without a signature of the administrator",
    .proves = {req::AM_ORG_003},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto o = an_organization(t);
        if (!o.there) return t.not_offered(req::AM_ORG_003, o.probe);
        const auto member = t.enrolled(), newcomer = t.resident_agent();
        every all;
        for (const auto* who : {&member, &newcomer}) {
            const auto body = member_of(o.made, *who);
            all += t.saw(t.ask(t.post(members_path, body)), match::http(401));
            all += t.saw(t.ask(t.post(members_path, t.signed_text(body, member.who, t.stamp_now(), "admin_signature"))), match::http(401));
        }
        const auto seen = t.must_find(member);
        all += t.that(seen.str("tier") == "anonymous", "an agent as anonymous as before", seen);
        all += t.saw(t.ask(t.lookup(newcomer.amid())), match::http(404));
        t.refused(req::AM_ORG_003, all);
    },
};

AM_CASE("ORG-PROOF-001") {
    .title = "an organization whose domain nobody has proved is not verified, and makes nobody a member",
    .proves = {req::AM_ORG_005},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto o = an_organization(t);
        if (!o.there) return t.not_offered(req::AM_ORG_005, o.probe);
        const auto shown = [](const observation& seen) {
            return seen.has("verified") && seen.body.at("verified").is_boolean() && seen.body.at("verified").get<bool>();
        };
        const auto asked = t.ask(t.change(verify_path, {{"organization_id", o.made.id}, {"admin_amid", o.made.admin.amid()}}, o.made.admin.who));
        const auto found = t.ask(t.get("/v1/org/lookup?domain=" + o.made.domain));
        const auto joined = t.ask(t.post(members_path, t.signed_text(member_of(o.made, o.made.admin), o.made.admin.who,
                                                                     t.stamp_now(), "admin_signature")));
        const auto after = t.must_find(o.made.admin);
        t.absent(req::AM_ORG_005, t.that(asked.inbound() && !shown(asked), "no success of the verification", asked) &
                                      t.answered(found) & t.that(!shown(found), "an organization that is not verified", found) &
                                      t.saw(joined, match::http_client_error()) &
                                      t.that(after.str("tier") == "anonymous", "an administrator as anonymous as before", after));
    },
};

AM_CASE("ORG-BOARD-001") {
    .title = "the list of the best holds who has five ratings and fits the intent, and nobody else",
    .proves = {req::AM_ORG_010},
    .cost = rtt(30),
    .ask = [](registry_context& t) {
        const auto intent = "x-" + t.word() + "/board";
        const json more{{"capabilities", json::array({intent})}};
        const auto rated = t.enrolled(more), barely = t.enrolled(more), gone = t.enrolled(more);
        for (int i = 0; i < 5; ++i) {
            const auto author = t.enrolled();
            for (const auto* one : {&rated, &barely, &gone})
                if (one != &barely || i < 4) (void)t.must(t.change(rate_path, rating_of(*one, author, t.uuid(), 1.0), author.who));
        }
        (void)t.must(t.change(revoke_path, revocation_of(gone, gone), gone.who));
        const auto board = [&](const std::string& of) {
            return t.ask(t.get("/v1/registry/reputation/leaderboard?limit=100&intent=" + percent_encoded(of)));
        };
        const auto names = [](const observation& seen) {
            std::vector<std::string> out;
            if (seen.has("leaderboard") && seen.body.at("leaderboard").is_array())
                for (const auto& one : seen.body.at("leaderboard"))
                    if (one.is_object()) out.push_back(one.value("amid", ""));
            return out;
        };
        const auto here = board(intent), elsewhere = board(intent + "/other");
        t.produced(req::AM_ORG_010, t.answered(here) & t.answered(elsewhere) &
                                        t.that(names(here) == std::vector<std::string>{rated.amid()} && names(elsewhere).empty(),
                                               "the one agent with five ratings that fits", here, elsewhere));
    },
};

}  // namespace agentmesh::conformance::registry_cases
