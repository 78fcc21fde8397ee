// W10: the same registry under the names of profile wire10. A registry need not speak it: who registers there first is
// the probe, and a status of 404, 405 or 501 makes the clauses not offered.
#include "conformance/cases/registry/support.hpp"

#include <sodium.h>

#include <optional>
#include <set>

namespace agentmesh::conformance::registry_cases {
namespace {

std::string key_bytes(const agent& of) {
    return {reinterpret_cast<const char*>(of.raw_public_key().data()), of.raw_public_key().size()};
}

/// An agent of this profile: its exchange key follows from its signing key.
struct mesh_agent {
    agent who;
    std::string did, identity_key;
};

/// The probe shows that the profile is not spoken here, and the control that it is a registry that does not.
template <polarity P, keyword K>
void not_spoken(registry_context& t, const requirement<P, K>& r, const finding& probe) {
    (void)t.enrolled();
    t.not_offered(r, probe);
}

mesh_agent a_mesh_agent(registry_context& t) {
    auto who = t.fresh();
    const auto key = key_bytes(who);
    std::string exchange(32, '\0');
    if (crypto_sign_ed25519_pk_to_curve25519(reinterpret_cast<unsigned char*>(exchange.data()), who.raw_public_key().data()) != 0)
        exchange.clear();
    return {std::move(who), "did:mesh:" + to_hex(sha256(key)).substr(0, 32), to_base64_url(exchange)};
}

json mesh_registration(const mesh_agent& of, const agent& signs, std::string_view when, const json& capabilities = json::array()) {
    const auto key = to_base64_url(key_bytes(of.who));
    return json{{"public_key", key},
                {"proof", to_base64_url(signs.sign_raw(key + std::string{when}))},
                {"proof_timestamp", when},
                {"capabilities", capabilities},
                {"metadata", json::object()}};
}

/// `Authorization` of `who` over this time.
http_request& authorize(http_request& to, const mesh_agent& who, std::string_view when) {
    return to.set("Authorization", "Ed25519-Timestamp " + who.did + " " + std::string{when} + " " +
                                       to_base64_url(who.who.sign_raw(when)));
}

http_request mesh_request(registry_context& t, std::string_view method, const std::string& path, const json& body = json()) {
    auto out = t.request(method, path);
    if (body.is_null()) return out;
    out.add("Content-Type", "application/json");
    t.set_body(out, body.dump());
    return out;
}

/// The same with Authorization of a new time.
http_request by(registry_context& t, const mesh_agent& who, std::string_view method, const std::string& path, const json& body = json()) {
    auto out = mesh_request(t, method, path, body);
    return authorize(out, who, t.stamp_now(stamp_form::zulu));
}

struct mesh_offer {
    bool there = false;
    finding probe;
    mesh_agent made;
};
mesh_offer a_mesh_member(registry_context& t, const json& capabilities = json::array()) {
    auto who = a_mesh_agent(t);
    const auto seen = t.ask(t.post("/v1/agents", mesh_registration(who, who.who, t.stamp_now(stamp_form::zulu), capabilities)));
    mesh_offer out{false, t.saw(seen, match::http_any({404, 405, 501})), std::move(who)};
    out.probe.sought = "a registration of profile wire10 is answered with a status of 404, 405 or 501";
    out.there = !out.probe.holds;
    if (out.there) t.control(t.saw(seen, match::http(201)) & t.that(seen.str("did") == out.made.did, "the DID of the key", seen));
    return out;
}

std::string of(const mesh_agent& who, std::string_view rest = "") { return "/v1/agents/" + who.did + std::string{rest}; }

json mesh_prekeys(registry_context& t, const mesh_agent& who, std::size_t one_time, std::vector<std::string>* keys = nullptr) {
    const auto url_form = [](const std::string& b64) { return to_base64_url(*from_base64(b64)); };
    const auto key = t.exchange_key();
    json list = json::array();
    for (std::size_t i = 0; i < one_time; ++i) {
        const auto one = url_form(t.exchange_key());
        if (keys != nullptr) keys->push_back(one);
        list.push_back({{"key_id", i + 1}, {"public_key", one}});
    }
    return json{{"identity_key", who.identity_key},
                {"identity_key_ed", to_base64_url(key_bytes(who.who))},
                {"signed_pre_key", {{"key_id", 1}, {"public_key", url_form(key)}, {"signature", to_base64_url(who.who.sign_raw(*from_base64(key)))}}},
                {"one_time_pre_keys", list}};
}

std::optional<std::string> mesh_one_time(const observation& seen) {
    if (!seen.has("one_time_pre_key") || !seen.body.at("one_time_pre_key").is_object()) return std::nullopt;
    return seen.body.at("one_time_pre_key").value("public_key", "");
}

}  // namespace

AM_CASE("W10-JOIN-001") {
    .title = "a registration that the key has not signed is refused with status 401",
    .proves = {req::AM_W10_001},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto o = a_mesh_member(t);
        if (!o.there) return not_spoken(t, req::AM_W10_001, o.probe);
        const auto a = a_mesh_agent(t);
        const auto when = t.stamp_now(stamp_form::zulu);
        every all;
        all += t.saw(t.ask(t.post("/v1/agents", mesh_registration(a, o.made.who, when))), match::http(401));
        auto moved = mesh_registration(a, a.who, when);
        moved["proof_timestamp"] = t.stamp_now(stamp_form::zulu);
        all += t.saw(t.ask(t.post("/v1/agents", moved)), match::http(401));
        all += t.saw(t.ask(t.get(of(a))), match::http(404));
        t.refused(req::AM_W10_001, all);
    },
};

AM_CASE("W10-JOIN-002") {
    .title = "a question for an agent is answered with its signing key, and both profiles know it",
    .proves = {req::AM_W10_005},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto o = a_mesh_member(t, json::array({"travel"}));
        if (!o.there) return not_spoken(t, req::AM_W10_005, o.probe);
        const auto seen = t.ask(t.get(of(o.made)));
        const auto other = t.ask(t.lookup(o.made.who.amid()));
        t.produced(req::AM_W10_005, t.answered(seen) & t.that(seen.str("public_key") == to_base64_url(key_bytes(o.made.who)) &&
                                                                  seen.str("did") == o.made.did,
                                                              "the signing key in b64u", seen) &
                                        t.answered(other) & t.that(other.str("signing_public_key") == o.made.who.public_key(),
                                                                   "the same key under the AMID", other));
    },
};

AM_CASE("W10-TIME-001") {
    .title = "a time more than 300 seconds away is refused with status 401, and one without a zone with 400",
    .proves = {req::AM_W10_002},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto o = a_mesh_member(t);
        if (!o.there) return not_spoken(t, req::AM_W10_002, o.probe);
        const auto a = a_mesh_agent(t);
        every all;
        for (const auto off : {seconds{-400}, seconds{400}}) {
            const auto when = stamp(t.now() + off, stamp_form::zulu);
            all += t.saw(t.ask(t.post("/v1/agents", mesh_registration(a, a.who, when))), match::http(401));
            auto late = mesh_request(t, "POST", of(o.made, "/heartbeat"), json::object());
            all += t.saw(t.ask(authorize(late, o.made, when)), match::http(401));
        }
        auto bare = t.stamp_now(stamp_form::zulu);
        bare.pop_back();
        all += t.saw(t.ask(t.post("/v1/agents", mesh_registration(a, a.who, bare))), match::http(400));
        all += t.saw(t.ask(t.get(of(a))), match::http(404));
        t.refused(req::AM_W10_002, all);
    },
};

AM_CASE("W10-CHANGE-001") {
    .title = "an agent is deleted by itself and by nobody else",
    .proves = {req::AM_W10_001, req::AM_W10_003},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto o = a_mesh_member(t), p = a_mesh_member(t);
        if (!o.there || !p.there) {
            not_spoken(t, req::AM_W10_001, o.probe);
            return not_spoken(t, req::AM_W10_003, o.probe);
        }
        const auto bare = t.ask(mesh_request(t, "DELETE", of(o.made)));
        auto forged = by(t, o.made, "DELETE", of(o.made));
        const auto when = t.stamp_now(stamp_form::zulu);
        forged.set("Authorization", "Ed25519-Timestamp " + o.made.did + " " + when + " " + to_base64_url(p.made.who.sign_raw(when)));
        const auto lied = t.ask(forged);
        const auto by_other = t.ask(by(t, p.made, "DELETE", of(o.made)));
        const auto there = t.ask(t.get(of(o.made)));
        const auto done = t.ask(by(t, o.made, "DELETE", of(o.made)));
        const auto gone = t.ask(t.get(of(o.made)));
        t.refused(req::AM_W10_001, t.saw(bare, match::http(401)) & t.saw(lied, match::http(401)) & t.answered(there));
        t.refused(req::AM_W10_003, t.saw(by_other, match::http(403)) & t.answered(there) & t.saw(done, match::http(204)) &
                                       t.saw(gone, match::http(404)));
    },
};

AM_CASE("W10-AGAIN-001") {
    .title = "a signature serves once, and brings nobody back who was deleted",
    .proves = {req::AM_W10_003},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto probe = a_mesh_member(t);
        if (!probe.there) return not_spoken(t, req::AM_W10_003, probe.probe);
        const auto a = a_mesh_agent(t);
        const auto joined = t.post("/v1/agents", mesh_registration(a, a.who, t.stamp_now(stamp_form::zulu)));
        (void)t.must(joined, 201);
        const auto upload = by(t, a, "PUT", of(a, "/prekeys"), mesh_prekeys(t, a, 1));
        (void)t.must(upload);
        every all;
        all += t.saw(t.ask(upload), match::http(401));
        (void)t.must(by(t, a, "DELETE", of(a)), 204);
        all += t.saw(t.ask(joined), match::http(401));
        all += t.saw(t.ask(t.get(of(a))), match::http(404));
        t.refused(req::AM_W10_003, all);
    },
};

AM_CASE("W10-PREKEYS-001") {
    .title = "prekeys that are not the agent's are refused with status 400",
    .proves = {req::AM_W10_006},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto o = a_mesh_member(t);
        if (!o.there) return not_spoken(t, req::AM_W10_006, o.probe);
        const auto other = a_mesh_agent(t);
        every all;
        const auto refuse = [&](const json& body) {
            all += t.saw(t.ask(by(t, o.made, "PUT", of(o.made, "/prekeys"), body)), match::http(400));
        };
        const auto right = mesh_prekeys(t, o.made, 1);
        auto bent = right;
        bent["identity_key"] = other.identity_key;
        refuse(bent);
        bent = right;
        bent["identity_key_ed"] = to_base64_url(key_bytes(other.who));
        refuse(bent);
        bent = right;
        bent["signed_pre_key"] = mesh_prekeys(t, other, 0)["signed_pre_key"];
        refuse(bent);
        all += t.saw(t.ask(by(t, o.made, "PUT", of(o.made, "/prekeys"), right)), match::http(200));
        t.refused(req::AM_W10_006, all);
    },
};

AM_CASE("W10-PREKEYS-002") {
    .title = "each one-time prekey goes once to somebody who says who it is, and to nobody else",
    .proves = {req::AM_W10_007},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto o = a_mesh_member(t), p = a_mesh_member(t);
        if (!o.there || !p.there) return not_spoken(t, req::AM_W10_007, o.probe);
        std::vector<std::string> uploaded;
        (void)t.must(by(t, o.made, "PUT", of(o.made, "/prekeys"), mesh_prekeys(t, o.made, 2, &uploaded)));
        every all;
        const auto bare = t.ask(t.get(of(o.made, "/prekeys")));
        all += t.answered(bare) & t.that(!mesh_one_time(bare), "no one-time prekey", bare);
        std::set<std::string> seen_keys;
        for (int i = 0; i < 3; ++i) {
            const auto seen = t.ask(by(t, p.made, "GET", of(o.made, "/prekeys")));
            const auto one = mesh_one_time(seen);
            const bool right = i < 2 ? one && lists(uploaded, *one) && seen_keys.insert(*one).second : !one;
            all += t.answered(seen) & t.that(right, "each of the two keys once, and then none", seen);
        }
        t.absent(req::AM_W10_007, all);
    },
};

AM_CASE("W10-DISCOVER-001") {
    .title = "who is found by a capability is found in both profiles, and a limit is a number from 1 to 200",
    .proves = {req::AM_W10_011},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto capability = "x-" + t.word() + "/mesh";
        const auto o = a_mesh_member(t, json::array({capability}));
        if (!o.there) return not_spoken(t, req::AM_W10_011, o.probe);
        const auto path = "/v1/discover?capability=" + percent_encoded(capability);
        const auto found = t.ask(t.get(path + "&limit=200"));
        bool there = found.has("results") && found.body.at("results").is_array() && found.body.at("results").size() == 1;
        there = there && found.body.at("results")[0].is_object() && found.body.at("results")[0].value("did", "") == o.made.did;
        every all;
        all += t.answered(found) & t.that(there, "the agent", found);
        for (const std::string_view limit : {"0", "201", "-1", "many", "4294967297"})
            all += t.saw(t.ask(t.get(path + "&limit=" + std::string{limit})), match::http(422));
        t.refused(req::AM_W10_011, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
