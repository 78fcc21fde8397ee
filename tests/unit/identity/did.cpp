#include <agentmesh/identity/did.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;

namespace {

const auto signing = identity::parse_signing_key("wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=").value();
const auto exchange = identity::parse_exchange_key("2gdaLFZxpg2Rf/57LLkBAYgVwEeyOuurMMiBv5PDenE=").value();
constexpr std::string_view signing_multibase = "z6MksWZ28ky4sjq6tKNddaX9vMaZyrNy8BPBrt4XgRmxjEow";
constexpr std::string_view exchange_multibase = "z6LSrMGYbCxeGV6TYiDZkyJZ7ovuAeY8NqVj3XXYc8wouzVN";
constexpr std::string_view did = "did:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ";

identity::did_document document() {
    return {amid::of(signing),
            signing,
            exchange,
            {{"relay", "AgentMeshRelay", "wss://relay.example/v1/connect"}},
            parse_time("2026-01-31T12:00:00Z").value(),
            {}};
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

errc refusal(const std::string& text) {
    const auto outcome = identity::parse_did_document(text);
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error().code;
}

}  // namespace

TEST_CASE("A DID names an AMID and nothing else", "[unit][identity][AM-ID-002]") {
    CHECK(identity::to_did(amid::of(signing)) == did);
    CHECK(identity::parse_did(did) == amid::of(signing));
    for (const auto* text :
         {"", "did:agentmesh:", "did:mesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ", "jZ6CK1dpcZD4oPYScUJvifP7BtJ",
          "did:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ#signing-key", "DID:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ",
          "did:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ/x", "did:agentmesh:bob"}) {
        CAPTURE(text);
        CHECK(identity::parse_did(text).error().code == errc::bad_did);
    }
}

TEST_CASE("Keys are written as base58 of their multicodec", "[unit][identity][AM-ID-020]") {
    CHECK(identity::to_multibase(signing) == signing_multibase);
    CHECK(identity::to_multibase(exchange) == exchange_multibase);
    CHECK(identity::parse_signing_multibase(signing_multibase) == signing);
    CHECK(identity::parse_exchange_multibase(exchange_multibase) == exchange);
}

TEST_CASE("The key forms of deployed implementations are refused in a DID document", "[unit][identity][AM-ID-021]") {
    for (const auto* text :
         {"", "z", "zed25519:wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=",  // the registry's
          "zE4HyYWidYCLdmpXvx1ZK5G2aAH77iJ8qAs9br9owp22Z",                   // raw key without codec
          "zwf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=", "6MksWZ28ky4sjq6tKNddaX9vMaZyrNy8BPBrt4XgRmxjEow",
          "Z6MksWZ28ky4sjq6tKNddaX9vMaZyrNy8BPBrt4XgRmxjEow", "z6MksWZ28ky4sjq6tKNddaX9vMaZyrNy8BPBrt4XgRmxjEowz",
          "z16MksWZ28ky4sjq6tKNddaX9vMaZyrNy8BPBrt4XgRmxjEow"}) {
        CAPTURE(text);
        CHECK(identity::parse_signing_multibase(text).error() == error{errc::bad_did, "AM-ID-021"});
    }
    CHECK(identity::parse_signing_multibase(exchange_multibase).error().code == errc::bad_did);
    CHECK(identity::parse_exchange_multibase(signing_multibase).error().code == errc::bad_did);
}

TEST_CASE("A DID document reads back as what was written", "[unit][identity][AM-ID-020]") {
    const auto text = identity::write_did_document(document());
    CHECK(json::validate(text));
    CHECK(identity::parse_did_document(text) == document());
    CHECK(text.find("\"id\":\"did:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ#key-agreement-key\",\"type\":"
                    "\"X25519KeyAgreementKey2020\"") != std::string::npos);
    auto bare = document();
    bare.services.clear();
    bare.created.reset();
    CHECK(identity::parse_did_document(identity::write_did_document(bare)) == bare);
}

TEST_CASE("References may be relative, and unknown members and services are passed over",
          "[unit][identity][AM-ID-021]") {
    const auto text = identity::write_did_document(document());
    CHECK(identity::parse_did_document(
              replaced(text, "\"authentication\":[\"" + std::string{did}, "\"authentication\":[\"")) == document());
    CHECK(identity::parse_did_document(replaced(text, "{", "{\"versionId\":1,\"metadata\":{\"x\":[1,2]},")) ==
          document());
    CHECK(identity::parse_did_document(replaced(
              text, "\"service\":[", "\"service\":[{\"id\":\"#x\",\"type\":\"T\",\"serviceEndpoint\":{\"uri\":1}},")) ==
          document());
}

TEST_CASE("A DID document with a wrong part is refused", "[unit][identity][AM-ID-021]") {
    const auto text = identity::write_did_document(document());
    CHECK(refusal(replaced(text, "z6Mk", "z6LS")) == errc::bad_did);
    CHECK(refusal(replaced(text, std::string{exchange_multibase}, std::string{signing_multibase})) == errc::bad_did);
    CHECK(refusal(replaced(text, "#signing-key", "#other-key")) == errc::bad_did);
    CHECK(refusal(replaced(text, "#key-agreement-key", "#signing-key")) == errc::bad_did);
    const std::string another = R"("verificationMethod":[{"id":"#signing-key","type":"Other","controller":"did:x"},)";
    CHECK(refusal(replaced(text, "\"verificationMethod\":[", another)) == errc::bad_did);  // one name, two methods
    CHECK(identity::parse_did_document(
              replaced(text, "\"verificationMethod\":[", replaced(another, "#signing-key", "#spare"))) == document());
    CHECK(refusal(replaced(text, "Ed25519VerificationKey2020", "Ed25519VerificationKey2018")) == errc::bad_did);
    CHECK(refusal(replaced(text, "\"authentication\"", "\"assertionMethod\"")) == errc::bad_did);
    CHECK(refusal(replaced(text, "\"keyAgreement\"", "\"capabilityInvocation\"")) == errc::bad_did);
    CHECK(refusal(replaced(text, "\"id\":\"did:agentmesh:", "\"id\":\"did:mesh:")) == errc::bad_did);
    CHECK(refusal(replaced(text, "2026-01-31T12", "2026-01-31 12")) == errc::bad_time);
    CHECK(refusal(replaced(text, "\"verificationMethod\":[", "\"verificationMethod\":{\"x\":[")) == errc::wrong_member);
    CHECK(refusal("{}") == errc::bad_did);
    CHECK(refusal("[]") == errc::wrong_member);
    CHECK(refusal(text + "x") == errc::bad_json);
    CHECK(refusal(replaced(text, "{", "{\"id\":\"x\",")) == errc::json_duplicate_member);
}

TEST_CASE("A DID document whose key does not make its AMID is refused", "[unit][identity][AM-ID-003]") {
    std::string text = identity::write_did_document(document());
    const std::string other{identity::to_did(amid::of(signing_public_key{}))};
    for (std::size_t at; (at = text.find(did)) != std::string::npos;) text.replace(at, did.size(), other);
    CHECK(refusal(text) == errc::amid_mismatch);
}
