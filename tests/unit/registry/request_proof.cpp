#include <agentmesh/registry/request_proof.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

const time_point noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 12h;

signing_key_pair key_pair(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return signing_key_pair::generate(random).value();
}

const signing_key_pair& alice() {
    static const auto key = key_pair(1);
    return key;
}

http::request signed_request(std::string host = "registry.example") {
    http::request out{.method = "POST",
                      .path = "/v1/registry/status",
                      .query = "a=1",
                      .fields = {{"Host", std::move(host)}, {"Content-Type", "application/json"}},
                      .body = R"({"status":"online"})"};
    crypto::scripted_random random{5};
    REQUIRE(prove(out, alice(), noon + 300ms, random));
    return out;
}

std::string value(const http::request& of, std::string_view name) {
    std::string found;
    for (const auto& one : of.fields)
        if (one.name == name) found = one.value;
    return found;
}

http::request with(http::request from, std::string_view name, std::string text) {
    http::fields fields;
    for (const auto& one : from.fields) fields.add(one.name, one.name == name ? text : one.value);
    from.fields = fields;
    return from;
}

result<void> check(const http::request& request, time_point now = noon) {
    AGENTMESH_TRY(proof, read_proof(request, "registry.example", now));
    return proof.verify(alice().public_key());
}

}  // namespace

TEST_CASE("a proof covers method, host, path, query and body", "[unit][registry][AM-RQP-002][AM-RQP-004]") {
    const auto request = signed_request();
    REQUIRE(check(request));
    const auto proof = read_proof(request, "registry.example", noon).value();
    CHECK(proof.who == amid::of(alice().public_key()));
    CHECK(proof.created == noon);
    CHECK(proof.forget_at() == noon + 301s);

    auto changed = request;
    changed.method = "PUT";
    CHECK(check(changed).error().code == errc::bad_signature);
    changed = request;
    changed.path = "/v1/registry/revoke";
    CHECK(check(changed).error().code == errc::bad_signature);
    changed = request;
    changed.query.clear();
    CHECK(check(changed).error().code == errc::bad_signature);
    changed = request;
    changed.body.back() = ' ';
    CHECK(check(changed).error().code == errc::bad_signature);
    CHECK(check(with(request, "Host", "other.example")).error().code == errc::bad_signature);
    CHECK(check(with(request, "Host", "Registry.EXAMPLE")));
    CHECK_FALSE(read_proof(request, "other.example", noon));
}

TEST_CASE("the signed text is that of RFC 9421", "[unit][registry][AM-RQP-001]") {
    const auto proof = read_proof(signed_request("Registry.example"), "registry.example", noon).value();
    CHECK(proof.signed_text.starts_with(
        "\"@method\": POST\n\"@authority\": registry.example\n"
        "\"@path\": /v1/registry/status\n\"@query\": ?a=1\n\"content-digest\": sha-256=:"));
    CHECK(proof.signed_text.find("\n\"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"@query\" "
                                 "\"content-digest\");created=1772366400;nonce=\"") != std::string::npos);
    CHECK(proof.signed_text.ends_with("\";alg=\"ed25519\";tag=\"agentmesh-registry-1\""));
}

TEST_CASE("a proof is good for five minutes, and a minute early", "[unit][registry][AM-RQP-003]") {
    const auto request = signed_request();
    CHECK(check(request, noon + 300s));
    CHECK(check(request, noon + 300s + 1us).error().code == errc::stale_proof);
    CHECK(check(request, noon - 60s));
    CHECK(check(request, noon - 60s - 1us).error().code == errc::future_proof);
}

TEST_CASE("only the agent's own key verifies its proof", "[unit][registry][AM-RQP-004]") {
    const auto proof = read_proof(signed_request(), "registry.example", noon).value();
    CHECK(proof.verify(key_pair(2).public_key()).error().code == errc::amid_mismatch);
    auto forged = proof;
    forged.proof.storage()[0] ^= 1;
    CHECK(forged.verify(alice().public_key()).error().code == errc::bad_signature);
}

TEST_CASE("a proof has one spelling", "[unit][registry][AM-RQP-001]") {
    auto request = signed_request();
    const std::string input = value(request, "Signature-Input");
    const auto replaced = [&](std::string_view part, std::string_view by) {
        auto text = input;
        text.replace(text.find(part), part.size(), by);
        return with(request, "Signature-Input", text);
    };
    for (const auto& bad :
         {replaced("agentmesh=", "sig1="), replaced("\"@path\" ", ""), replaced("created=", "created=0"),
          replaced(";alg=\"ed25519\"", ""), replaced("ed25519", "hmac-sha256"), replaced("registry-1", "registry-2"),
          replaced("did:agentmesh:", "did:mesh:"), replaced(";nonce", "; nonce"),
          replaced("\" \"@query\"", "\" \"@query\";req"), replaced("tag=", "expires=9999999999;tag=")}) {
        CHECK(read_proof(bad, "registry.example", noon).error().code == errc::http_malformed);
    }
    CHECK(read_proof(with(request, "Signature-Input", input + " "), "registry.example", noon).error().code ==
          errc::http_malformed);
    CHECK(read_proof(with(request, "Signature", "agentmesh=:AAAA:"), "registry.example", noon).error().code ==
          errc::http_malformed);
    const std::string proof = value(request, "Signature");
    CHECK_FALSE(read_proof(with(request, "Signature", proof + ", x=:AA==:"), "registry.example", noon));
    auto twice = request;
    twice.fields.add("signature", proof);
    CHECK_FALSE(read_proof(twice, "registry.example", noon));
    http::request none{.method = "GET", .path = "/", .fields = {{"Host", "registry.example"}}};
    CHECK_FALSE(has_proof(none));
    CHECK_FALSE(read_proof(none, "registry.example", noon));
    CHECK(has_proof(request));
    crypto::scripted_random random{6};
    CHECK_FALSE(prove(request, alice(), noon, random));
    http::request nameless{.method = "GET", .path = "/"};
    CHECK_FALSE(prove(nameless, alice(), noon, random));
}

TEST_CASE("no byte of a proof can be changed", "[unit][registry][AM-RQP-001][AM-RQP-004]") {
    const auto request = signed_request();
    for (const std::string_view name : {"Signature-Input", "Signature", "Content-Digest"}) {
        auto copy = request;
        const std::string text = value(copy, name);
        for (std::size_t at = 0; at < text.size(); ++at) {
            auto changed = text;
            changed[at] = static_cast<char>(changed[at] ^ 1);
            INFO(name << " " << at);
            CHECK_FALSE(check(with(request, name, changed)));
        }
    }
}
