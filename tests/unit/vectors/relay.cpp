// vectors/auth and vectors/relay against the relay machine.
#include <agentmesh/wire/signing.hpp>

#include "tests/support/relay_script.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

using json = nlohmann::json;

constexpr std::string_view relay_name = "relay.example:8765";

/// A conversation of one connection as the steps of a vector: `texts` one after another.
json script(std::initializer_list<std::string> texts, const std::string& now, const json& random = json::array()) {
    json steps = json::array({{{"at", 0}, {"do", "open"}, {"conn", 1}}});
    for (const auto& text : texts) steps.push_back({{"at", 0}, {"do", "text"}, {"conn", 1}, {"text", text}});
    return {{"relay", relay_name}, {"started", now}, {"first_start", true}, {"random", random}, {"steps", steps}};
}

/// The frames of a relay after a CONNECT, whatever they are.
std::vector<json> answers(const std::string& text, const std::string& now) {
    std::vector<json> frames;
    const json conversation = script({text}, now);
    fields input{conversation};
    relay_conversation played{input, now, [&](const std::string& frame) { frames.push_back(json::parse(frame)); }};
    played.run();
    return frames;
}

TEST_CASE("CONNECT is judged as in the vectors",
          "[vectors][relay][AM-AUT-001][AM-AUT-002][AM-AUT-003][AM-AUT-004][AM-AUT-005][AM-AUT-006][AM-AUT-007]"
          "[AM-AUT-008][AM-AUT-009][AM-AUT-010][AM-AUT-013][AM-AUT-014][AM-AUT-015][AM-AUT-016][AM-AUT-017]") {
    const auto rows =
        for_each_row("auth/connect",
                     {{"connect", [&](fields& in, const row& of) {
                           const auto frames = answers(in.text("frame"), of.now);
                           REQUIRE(frames.size() == 1);
                           INFO(frames[0]);
                           fields output{of.output};
                           if (!of.refused) {
                               CHECK(frames[0].at("type") == "connected");
                               CHECK(json::parse(in.text("frame")).at("amid") == output.text("amid"));
                               return;
                           }
                           CHECK(frames[0].at("type") == "error");
                           const json& codes = output["codes"];
                           CHECK(std::find(codes.begin(), codes.end(), frames[0].value("code", json{})) != codes.end());
                       }}});
    CHECK(rows >= 170);
}

TEST_CASE("a challenge is answered as in the vectors",
          "[vectors][relay][AM-AUT-044][AM-AUT-045][AM-AUT-046][AM-AUT-047]") {
    const auto rows = for_each_row(
        "auth/challenge", {{"challenge.verify", [](fields& in, const row& of) {
                                fields shared{of.shared};
                                const auto key = fixed<signing_public_key>(shared.bytes("public_key"));
                                const auto agent = amid::parse(shared.text("amid"));
                                const auto nonce = fixed<wire::challenge_nonce>(in.bytes("nonce"));
                                const auto seed = signing_seed::from(shared.bytes("seed"));
                                REQUIRE((key && agent && nonce && seed));
                                CHECK(signing_key_pair{*seed}.public_key() == *key);
                                const auto joined = [](const json& names) {
                                    std::string out;
                                    for (const json& name : names)
                                        out.append(out.empty() ? "" : ",").append(name.get<std::string>());
                                    return out;
                                };
                                const auto client = joined(in["client_features"]), relay = joined(in["relay_features"]);
                                const auto name = in.text("relay"), timestamp = in.text("timestamp");
                                const auto signed_by = identity::parse_signature(in.text("signature"));
                                REQUIRE(signed_by);
                                const auto proof =
                                    wire::challenge_proof_bytes({*nonce, name, timestamp, *agent, client, relay});
                                CHECK(crypto::verify(*key, proof, *signed_by).has_value() == !of.refused);
                            }}});
    CHECK(rows >= 45);
}

TEST_CASE("the relay keeps to the conversations of the vectors",
          "[vectors][relay][AM-AUT-012][AM-RLY-076][AM-RLY-078][AM-AUT-011][AM-AUT-048][AM-RLY-044][AM-RLY-031]") {
    const auto rows = for_each_row("relay/conversations", {{"relay.conversation", [](fields& in, const row& of) {
                                                                fields output{of.output};
                                                                relay_conversation{in, of.now}.play(output["steps"]);
                                                            }}});
    CHECK(rows >= 65);
}

TEST_CASE("the relay keeps to the quotas of the vectors", "[vectors][relay][AM-RLY-026][AM-RLY-027][AM-RLY-028]") {
    const auto rows = for_each_row("relay/quotas", {{"relay.conversation", [](fields& in, const row& of) {
                                                         fields output{of.output};
                                                         relay_conversation{in, of.now}.play(output["steps"]);
                                                     }}});
    CHECK(rows == 5);
}

}  // namespace
