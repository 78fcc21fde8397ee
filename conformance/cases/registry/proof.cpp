// RQP: the proof of a request, and what is bent in it. Every refusal has its twin: the same request with a right proof.
#include "conformance/cases/registry/support.hpp"

#include <functional>

namespace agentmesh::conformance::registry_cases {
namespace {

/// An agent with a proof behind it, whose status is `away` from then on.
resident proven(registry_context& t) {
    auto a = t.enrolled_with_proof();
    (void)t.must(t.proved(status_path, status_of(a, "away"), a.who));
    return a;
}

finding still_away(registry_context& t, const resident& who) {
    const auto seen = t.ask(t.lookup(who.amid()));
    return t.that(seen.str("status") == "away", "the status as it was", seen);
}

/// Each of `bends` spoils a right request in one place.
void refuse_each(registry_context& t, const resident& a, every& all,
                 const std::vector<std::function<void(http_request&)>>& bends) {
    for (const auto& bend : bends) {
        auto bent = t.proved(status_path, status_of(a, "dnd"), a.who);
        bend(bent);
        all += t.saw(t.ask(bent), match::http(401));
    }
    all += still_away(t, a);
}

void replace(http_request& in, std::string_view field, std::string_view what, std::string_view by) {
    auto text = in.field(field);
    const auto at = text.find(what);
    if (at != std::string::npos) text.replace(at, what.size(), by);
    in.set(field, text);
}

}  // namespace

AM_CASE("RQP-FORM-001") {
    .title = "a proof with a field missing, doubled or of another form is refused",
    .proves = {req::AM_RQP_001},
    .cost = rtt(16),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        every all;
        refuse_each(t, a, all,
                    {[](auto& r) { r.drop("Content-Digest"); }, [](auto& r) { r.drop("Signature-Input"); },
                     [](auto& r) { r.drop("Signature"); },
                     [](auto& r) { r.add("Signature", r.field("Signature")); },
                     [](auto& r) { r.add("Signature-Input", r.field("Signature-Input")); },
                     [](auto& r) { r.add("Content-Digest", r.field("Content-Digest")); },
                     [](auto& r) { replace(r, "Signature-Input", "agentmesh=", "sig1="); },
                     [](auto& r) { replace(r, "Signature", "agentmesh=", "sig1="); },
                     [](auto& r) { replace(r, "Signature", "=:", "="); }});
        t.refused(req::AM_RQP_001, all);
    },
};

AM_CASE("RQP-FORM-002") {
    .title = "a proof that covers less, or names another algorithm, tag or key, is refused though its signature is right",
    .proves = {req::AM_RQP_001},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        every all;
        const std::vector<proof_options> bent{
            {.covered = R"(("@method" "@authority" "@path" "@query"))"},
            {.covered = R"(("@method" "@authority" "@path" "content-digest"))"},
            {.covered = R"(("@authority" "@method" "@path" "@query" "content-digest"))"},
            {.covered = "()"},
            {.alg = "rsa-v1_5-sha256"},
            {.alg = "hmac-sha256"},
            {.tag = "agentmesh-registry-2"},
            {.keyid = a.amid()},
            {.nonce = "AAAA"},
            {.nonce = "AAAAAAAAAAAAAAAAAAAAAB"}};
        for (const auto& how : bent) all += t.saw(t.ask(t.proved(status_path, status_of(a, "dnd"), a.who, how)), match::http(401));
        all += still_away(t, a);
        t.refused(req::AM_RQP_001, all);
    },
};

AM_CASE("RQP-FORM-003") {
    .title = "a time of a proof with a sign, a zero in front, a fraction or too many digits is refused",
    .proves = {req::AM_RQP_001},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        const auto second = std::to_string(std::chrono::floor<seconds>(t.now()).time_since_epoch().count());
        every all;
        for (const auto& created : {"+" + second, "0" + second, second + ".0", second + "00000000000000", std::string{"-1"}})
            all += t.saw(t.ask(t.proved(status_path, status_of(a, "dnd"), a.who, {.created = created})), match::http(401));
        all += still_away(t, a);
        t.refused(req::AM_RQP_001, all);
    },
};

AM_CASE("RQP-BODY-001") {
    .title = "a proof does not hold for another body",
    .proves = {req::AM_RQP_002},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        auto bent = t.proved(status_path, status_of(a, "dnd"), a.who);
        t.set_body(bent, status_of(a, "offline").dump());
        const auto other = t.ask(bent);
        // The digest of the body that is there, beside a signature over another.
        bent = t.proved(status_path, status_of(a, "dnd"), a.who);
        t.set_body(bent, status_of(a, "offline").dump());
        bent.set("Content-Digest", t.proof_of(bent, a.who).digest);
        const auto patched = t.ask(bent);
        t.refused(req::AM_RQP_002, t.saw(other, match::http(401)) & t.saw(patched, match::http(401)) & still_away(t, a));
    },
};

AM_CASE("RQP-HOST-001") {
    .title = "a proof for another registry is not taken here",
    .proves = {req::AM_RQP_002},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        every all;
        // As it would reach us if another registry passed on what it was sent.
        all += t.saw(t.ask(t.proved(status_path, status_of(a, "dnd"), a.who, {.authority = "other.example"})), match::http(401));
        auto moved = t.post(status_path, status_of(a, "dnd"));
        moved.set("Host", "other.example");
        t.prove(moved, a.who);
        all += t.saw(t.ask(moved), match::http_client_error());
        all += still_away(t, a);
        t.refused(req::AM_RQP_002, all);
    },
};

AM_CASE("RQP-TIME-001") {
    .title = "a proof that is too old or too far ahead is refused",
    .proves = {req::AM_RQP_003},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        every all;
        for (const auto off : {-86'400, -900, -400, 240, 86'400}) {
            const auto created = std::chrono::floor<seconds>(t.now()).time_since_epoch().count() + off;
            all += t.saw(t.ask(t.proved(status_path, status_of(a, "dnd"), a.who, {.created = std::to_string(created)})),
                         match::http(401));
        }
        all += still_away(t, a);
        t.refused(req::AM_RQP_003, all);
    },
};

AM_CASE("RQP-KEY-001") {
    .title = "a proof by another key, or with a damaged signature, is refused",
    .proves = {req::AM_RQP_004},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        const auto b = t.enrolled_with_proof();
        every all;
        all += t.saw(t.ask(t.proved(status_path, status_of(a, "dnd"), b.who, {.keyid = "did:agentmesh:" + a.amid()})),
                     match::http(401));
        auto bent = t.proved(status_path, status_of(a, "dnd"), a.who);
        const auto sent = bent.field("Signature");
        bent.set("Signature", "agentmesh=:" + damaged(sent.substr(12, sent.size() - 13)) + ":");
        all += t.saw(t.ask(bent), match::http(401));
        all += still_away(t, a);
        t.refused(req::AM_RQP_004, all);
    },
};

AM_CASE("RQP-KEY-002") {
    .title = "a proof does not hold for another method, path or query than it was made for",
    .proves = {req::AM_RQP_004},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        every all;
        auto moved = t.proved(capabilities_path, status_of(a, "dnd"), a.who);
        moved.target = t.post(status_path, json::object()).target;
        all += t.saw(t.ask(moved), match::http(401));
        auto asked = t.proved(status_path, status_of(a, "dnd"), a.who);
        asked.target += "?x=1";
        all += t.saw(t.ask(asked), match::http(401));
        auto fetched = t.fetch(a.amid(), a.who);
        auto posted = t.post(status_path, status_of(a, "dnd"));
        t.add_proof(posted, {fetched.field("Content-Digest"), fetched.field("Signature-Input"), fetched.field("Signature")});
        all += t.saw(t.ask(posted), match::http(401));
        all += still_away(t, a);
        t.refused(req::AM_RQP_004, all);
    },
};

AM_CASE("RQP-AGENT-001") {
    .title = "a proof of one agent changes nothing of another",
    .proves = {req::AM_REG_009},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = proven(t);
        const auto b = proven(t);
        const auto refused = t.ask(t.proved(status_path, status_of(a, "dnd"), b.who));
        t.refused(req::AM_REG_009, t.saw(refused, match::http(401)) & still_away(t, a) & still_away(t, b));
    },
};

AM_CASE("RQP-AGAIN-001") {
    .title = "a proof serves once",
    .proves = {req::AM_REG_007},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof();
        const auto once = t.proved(status_path, status_of(a, "online"), a.who);
        (void)t.must(once);
        (void)t.must(t.proved(status_path, status_of(a, "away"), a.who));
        const auto again = t.ask(once);
        t.refused(req::AM_REG_007, t.saw(again, match::http(401)) & still_away(t, a));
    },
};

AM_CASE("RQP-AGAIN-002") {
    .title = "a nonce serves once, whatever it is signed with",
    .proves = {req::AM_REG_007},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof();
        const std::string nonce = to_base64_url(std::string(15, 'n') + t.word(1));
        (void)t.must(t.proved(status_path, status_of(a, "away"), a.who, {.nonce = nonce}));
        const auto again = t.ask(t.proved(capabilities_path, {{"amid", a.amid()}, {"capabilities", {"stolen"}}}, a.who,
                                          {.nonce = nonce}));
        // Of another agent it is another nonce, or anybody could use up anybody's.
        const auto other = t.ask(t.proved(status_path, status_of(b, "away"), b.who, {.nonce = nonce}));
        t.refused(req::AM_REG_007, t.saw(again, match::http(401)) & still_away(t, a) & t.saw(other, match::http(200)));
    },
};

AM_CASE("RQP-FALLBACK-001") {
    .title = "an agent that has sent a proof is not believed without one",
    .proves = {req::AM_REG_008},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        // One that registered with a proof, and one that came to it later.
        const auto a = proven(t);
        const auto b = t.enrolled();
        (void)t.must(t.change(status_path, status_of(b, "dnd"), b.who));
        (void)t.must(t.proved(status_path, status_of(b, "away"), b.who));
        every all;
        for (const auto* one : {&a, &b}) {
            all += t.saw(t.ask(t.change(status_path, status_of(*one, "dnd"), one->who)), match::http(401));
            all += still_away(t, *one);
        }
        t.refused(req::AM_REG_008, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
