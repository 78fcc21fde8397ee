#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

#include <set>

using namespace relay_test;

namespace {

std::string nested(int depth) { return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']'); }

}  // namespace

TEST_CASE("every malformed frame has one answer that names its clause, and the link is kept",
          "[unit][relay][AM-ERR-001][AM-ERR-002][AM-ERR-003][AM-ERR-004][AM-ERR-005][AM-ERR-007][AM-ERR-008][AM-ERR-009]"
          "[AM-ERR-010][AM-ERR-012][AM-ERR-015]") {
    const std::string to = "\"" + amid_of("bob") + "\"";
    const std::vector<std::pair<std::string, std::string>> frames{
        {"", "AM-ERR-001"},
        {"{", "AM-ERR-001"},
        {"[]", "AM-ERR-001"},
        {"\"connect\"", "AM-ERR-001"},
        {R"({"type":"ping","timestamp":"2026-03-01T12:00:00Z"}x)", "AM-ERR-001"},
        {R"({"type":"ping","timestamp":01})", "AM-ERR-001"},
        {R"({"type":"teleport"})", "AM-ERR-002"},
        {R"({"type":"Ping","timestamp":"2026-03-01T12:00:00Z"})", "AM-ERR-002"},
        {R"({"type":"ack","from":"x","id":"1"})", "AM-ERR-002"},
        {R"({"type":"challenge_response","timestamp":"x","signature":"y"})", "AM-ERR-002"},
        {R"({"to":)" + to + "}", "AM-ERR-003"},
        {R"({"type":"send","to":)" + to + R"(,"encrypted_payload":"x"})", "AM-ERR-003"},
        {R"({"type":"presence"})", "AM-ERR-003"},
        {R"({"type":"disconnect"})", "AM-ERR-003"},
        {R"({"type":"ice_offer","to":)" + to + R"(,"sdp":"x"})", "AM-ERR-003"},
        {R"({"type":7})", "AM-ERR-004"},
        {R"({"type":"send","to":7,"encrypted_payload":"x","message_type":"message"})", "AM-ERR-004"},
        {R"({"type":"send","to":)" + to + R"(,"encrypted_payload":{},"message_type":"message"})", "AM-ERR-004"},
        {R"({"type":"send","to":)" + to + R"(,"encrypted_payload":"x","message_type":"message","ice_candidates":{}})", "AM-ERR-004"},
        {R"({"type":"send","to":)" + to + R"(,"encrypted_payload":"x","message_type":"message","ice_candidates":null})", "AM-ERR-004"},
        {R"({"type":"ping","timestamp":1772366400})", "AM-ERR-004"},
        {R"({"type":"disconnect","reason":null})", "AM-ERR-004"},
        {R"({"type":"send","to":)" + to + R"(,"encrypted_payload":"x","message_type":"shout"})", "AM-ERR-005"},
        {R"({"type":"presence","status":"busy"})", "AM-ERR-005"},
        {R"({"type":"ping","timestamp":"now"})", "AM-ENC-03"},
        {R"({"type":"ping","timestamp":"2026-03-01T12:00:00"})", "AM-ENC-03"},
        {R"({"type":"presence_query","amid":"nobody"})", "AM-ID-002"},
        {R"({"type":"presence","status":"away","status":"dnd"})", "AM-ERR-007"},
        {R"({"type":"presence","status":"away","stat\u0075s":"dnd"})", "AM-ERR-007"},
        {R"({"type":"presence","status":"away","extra":{"a":1,"a":2}})", "AM-ERR-007"},
        {R"({"type":"presence","status":"away","extra":)" + nested(64) + "}", "AM-ERR-008"},
        {R"({"type":"presence","status":"away","extra":"\ud800"})", "AM-ERR-009"},
        {R"({"type":"presence","status":"away","extra":"\udc00\ud800"})", "AM-ERR-009"},
    };
    relay_fixture relay;
    const auto alice = relay.login("alice");
    std::set<std::string> codes;
    for (const auto& [text, clause] : frames) {
        CAPTURE(text);
        relay.say(alice, text);
        const auto answers = relay.all(alice);
        REQUIRE(answers.size() == 1);
        CHECK(answers[0]["type"] == "error");
        CHECK(answers[0]["code"] == "INVALID_MESSAGE");
        CHECK(answers[0]["message"].get<std::string>().find(clause) != std::string::npos);
        CHECK(answers[0].size() == 3);
    }
    relay.say(alice, send_to("alice", "still here"));
    CHECK(relay.payloads(alice).size() == 1);
}

TEST_CASE("depth 64 and unknown members of any kind are accepted", "[unit][relay][AM-RLY-013][AM-ERR-008]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say(alice, R"({"extra":)" + nested(63) + R"(,"to":5,"candidates":false,"id":null,"status":"away","type":"presence"})");
    CHECK(relay.all(alice).empty());
}

TEST_CASE("members may come in any order, `type` last", "[unit][relay][AM-RLY-013]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say(alice, " { \"message_type\" : \"message\" , \"encrypted_payload\":\"x\", \"to\":\"" + amid_of("alice") +
                         "\" ,\t\"type\":\"send\"}\n");
    CHECK(relay.payloads(alice) == std::vector<std::string>{"x"});
}

TEST_CASE("a binary message is refused and the link kept", "[unit][relay][AM-ERR-006]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say_binary(alice);
    CHECK(relay.next_error(alice) == "INVALID_MESSAGE");
    CHECK(relay.all(alice).empty());
    CHECK_FALSE(relay.is_closed(alice));
}

TEST_CASE("an error never repeats what the peer sent", "[unit][relay][AM-ERR-013]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    const std::string mark = "XyZZy";
    for (const std::string& text :
         {R"({"type":")" + mark + "\"}", mark, "{\"" + mark + "\":1,\"" + mark + "\":2}",
          R"({"type":"presence","status":")" + mark + "\"}", R"({"type":"presence_query","amid":")" + mark + "\"}",
          R"({"type":"send","to":")" + mark + R"(","encrypted_payload":"x","message_type":"message"})"}) {
        relay.say(alice, text);
        const auto answer = relay.next_text(alice);
        CHECK(answer.find("error") != std::string::npos);
        CHECK(answer.find(mark) == std::string::npos);
    }
}

TEST_CASE("answers come in the order of the frames", "[unit][relay][AM-ERR-014]") {
    relay_fixture relay;
    const auto alice = relay.login("alice", {"receipts"});
    relay.say(alice, tree{{"type", "ping"}, {"timestamp", relay.timestamp()}});
    relay.say(alice, send_with_id("bob", "x", "1"));
    relay.say(alice, std::string{"{"});
    relay.say(alice, tree{{"type", "presence_query"}, {"amid", amid_of("bob")}});
    std::vector<std::string> types;
    for (const auto& frame : relay.all(alice)) types.push_back(frame["type"]);
    CHECK(types == std::vector<std::string>{"pong", "accepted", "error", "presence_response"});
}

TEST_CASE("each refusal is counted and audited without a word of the peer's", "[unit][relay][AM-PRV-002]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.say(alice, std::string{R"({"type":"secret"})"});
    REQUIRE(relay.sink().audited.size() == 2);
    CHECK(relay.sink().audited[0].kind == relay::audit_kind::login);
    CHECK(relay.sink().audited[1].kind == relay::audit_kind::refused);
    CHECK(relay.sink().audited[1].why == error{errc::unknown_type, "AM-ERR-002"});
    CHECK(relay.sink().audited_names[1] == amid_of("alice"));
    CHECK(relay.server().count().errors == 1);
}
