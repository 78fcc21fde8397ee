#include <agentmesh/wire/client_writer.hpp>
#include <agentmesh/wire/frame.hpp>
#include <agentmesh/wire/relay_frame.hpp>
#include <agentmesh/wire/signing.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::wire;

namespace {

template <class Frame>
Frame read(client_frame_parser& parser, std::string_view text, bool receipts = true) {
    const auto frame = parser.parse(text, {.receipts = receipts});
    REQUIRE(frame.has_value());
    REQUIRE(std::holds_alternative<Frame>(*frame));
    return std::get<Frame>(*frame);
}
error refused(std::string_view text, bool receipts = true) {
    client_frame_parser parser;
    const auto frame = parser.parse(text, {.receipts = receipts});
    REQUIRE_FALSE(frame.has_value());
    return frame.error();
}
template <class Frame>
Frame read(relay_frame_parser& parser, std::string_view text) {
    const auto frame = parser.parse(text);
    REQUIRE(frame.has_value());
    return std::get<Frame>(*frame);
}
constexpr std::string_view name = "2VqD8Yd8q3u6aZJ2m1a7yFqGZq1x";

}  // namespace

TEST_CASE("what a client writes is what a relay reads", "[unit][wire][AM-RLY-003]") {
    client_frame_parser parser;
    const std::string sent = send_text(name, "a\"\n\xC3\xA9", message_type::optimistic_message, "id-1");
    const auto send = read<send_frame>(parser, sent);
    CHECK(send.to == name);
    CHECK(send.raw_payload == "a\\\"\\n\xC3\xA9");
    CHECK(send.type == message_type::optimistic_message);
    CHECK(send.id == "id-1");
    CHECK(send.raw_candidates.empty());

    const std::string acked = ack_text(name, "~x.1");
    CHECK(read<ack_frame>(parser, acked).id == "~x.1");
    const std::string away = presence_text(presence::away);
    CHECK(read<presence_frame>(parser, away).status == presence::away);
    const std::string asked = presence_query_text(name);
    CHECK(read<presence_query_frame>(parser, asked).amid == name);
    const std::string offered = ice_text(false, name, "v=0\r\n");
    const auto offer = read<ice_frame>(parser, offered);
    CHECK_FALSE(offer.answer);
    CHECK(offer.raw_sdp == "v=0\\r\\n");
    CHECK(offer.raw_candidates == "[]");
    const std::string answered = ice_text(true, name, "");
    CHECK(read<ice_frame>(parser, answered).answer);
    const std::string established = established_text(name);
    CHECK(read<established_frame>(parser, established).peer == name);
    const std::string pinged = ping_text("2026-03-01T12:00:00Z");
    CHECK(read<ping_frame>(parser, pinged).raw_timestamp == "2026-03-01T12:00:00Z");
    const std::string left = disconnect_text("done");
    (void)read<disconnect_frame>(parser, left);
    const std::string responded = challenge_response_text("t", "s");
    CHECK(read<challenge_response_frame>(parser, responded).signature == "s");

    feature_list features;
    REQUIRE(features.add("challenge").has_value());
    REQUIRE(features.add("x-1").has_value());
    const std::string connected = connect_text({.amid = name, .public_key = "k", .timestamp = "t", .signature = "s",
                                                .p2p_capable = true, .features = &features});
    const auto connect = read<connect_frame>(parser, connected);
    CHECK(connect.protocol == protocol_02);
    CHECK(connect.p2p_capable);
    REQUIRE(connect.features != nullptr);
    CHECK(*connect.features == features);
    CHECK(connect.features->joined() == "challenge,x-1");
}

TEST_CASE("what a relay writes is what a client reads", "[unit][wire][AM-RLY-001]") {
    relay_frame_parser parser;
    const auto text = [](const auto& write) {
        frame_pieces pieces;
        write(pieces);
        return pieces.text();
    };
    const std::string features = R"(["receipts"])";
    const auto connected_text = text([&](auto& out) { write_connected(out, "session", 7, &features); });
    const auto connected = read<connected_frame>(parser, connected_text);
    CHECK(connected.session_id == "session");
    CHECK(connected.pending_messages == 7);
    CHECK(connected.features->contains("receipts"));
    const auto plain = text([&](auto& out) { write_connected(out, "session", 0, nullptr); });
    CHECK(read<connected_frame>(parser, plain).features == nullptr);
    const auto challenge_text = text([&](auto& out) { write_challenge(out, "nonce", "\"rel\\\"ay\"", features); });
    CHECK(read<challenge_frame>(parser, challenge_text).relay == "rel\"ay");
    const auto received = text([&](auto& out) {
        write_receive(out, name, "a\\n", message_type::knock, "2026-03-01T12:00:00Z", "[]");
        finish_receive(out, "7");
    });
    const auto receive = read<receive_frame>(parser, received);
    CHECK(receive.from == name);
    CHECK(receive.payload == "a\n");
    CHECK(receive.type == message_type::knock);
    CHECK(receive.raw_candidates == "[]");
    CHECK(receive.id == "7");
    const auto accepted_text = text([&](auto& out) { write_accepted(out, "7", name, true); });
    CHECK(read<accepted_frame>(parser, accepted_text).durable);
    const auto presence_text = text([&](auto& out) { write_presence_response(out, name, presence::dnd); });
    CHECK(read<presence_response_frame>(parser, presence_text).status == presence::dnd);
    const auto ice = text([&](auto& out) { write_ice(out, true, name, "sdp", "[]"); });
    CHECK(read<relayed_ice_frame>(parser, ice).answer);
    const auto established = text([&](auto& out) { write_established(out, name); });
    CHECK(established == R"({"type":"p2_p_established","peer":")" + std::string{name} + "\"}");
    CHECK(read<relayed_established_frame>(parser, established).from == name);
    const auto pong = text([&](auto& out) { write_pong(out, "2026-03-01T12:00:00Z"); });
    CHECK(read<pong_frame>(parser, pong).timestamp == "2026-03-01T12:00:00Z");
    const auto failed = text([&](auto& out) { write_error(out, {errc::rate_limited, "AM-LIM-007"}, 42, "7"); });
    const auto error = read<error_frame>(parser, failed);
    CHECK(error.code == error_code::rate_limited);
    CHECK(error.message == "rate limit exceeded (AM-LIM-007)");
    CHECK(error.retry_after_seconds == 42);
    CHECK(error.id == "7");
}

TEST_CASE("an unknown code of an error is no reason to drop the error", "[unit][wire][AM-ERR-011]") {
    relay_frame_parser parser;
    CHECK(read<error_frame>(parser, R"({"type":"error","code":"NEW","message":"m"})").code == error_code::internal_error);
}

TEST_CASE("every word reads back as itself and nothing else does", "[unit][wire][AM-ERR-005]") {
    for (int i = 0; i < 7; ++i) CHECK(parse_message_type(to_text(static_cast<message_type>(i))) == static_cast<message_type>(i));
    for (int i = 0; i < 4; ++i) CHECK(parse_presence(to_text(static_cast<presence>(i))) == static_cast<presence>(i));
    for (int i = 0; i < 10; ++i) CHECK(parse_error_code(to_text(static_cast<error_code>(i))) == static_cast<error_code>(i));
    CHECK_FALSE(parse_message_type("KNOCK").has_value());
    CHECK_FALSE(parse_presence("").has_value());
    CHECK_FALSE(parse_error_code("invalid_message").has_value());
}

TEST_CASE("every failure of a proof is one code on the wire", "[unit][wire][AM-AUT-022]") {
    for (const auto code : {errc::bad_signature, errc::weak_key, errc::stale_proof, errc::future_proof,
                            errc::replayed_proof, errc::fallback_refused, errc::amid_mismatch})
        CHECK(to_wire(code) == error_code::invalid_signature);
}

TEST_CASE("an id has its alphabet and its length", "[unit][wire][AM-RLY-040]") {
    CHECK(is_message_id(std::string(64, 'a')));
    CHECK(is_message_id("A-z_0:9."));
    for (const std::string& bad : {std::string{}, std::string(65, 'a'), std::string{"~a"}, std::string{"a/b"}}) CHECK_FALSE(is_message_id(bad));
    CHECK(is_received_id("~a"));
    CHECK(is_received_id("~" + std::string(63, 'a')));
    for (const std::string& bad : {std::string{"~"}, "~" + std::string(64, 'a'), std::string{"~~a"}}) CHECK_FALSE(is_received_id(bad));
}

TEST_CASE("the id of a refused send can be told if it was a good one", "[unit][wire][AM-RLY-040]") {
    client_frame_parser parser;
    CHECK_FALSE(parser.parse(R"({"type":"send","id":"7"})", {.receipts = true}).has_value());
    CHECK(parser.refused_id() == "7");
    CHECK_FALSE(parser.parse(R"({"type":"send","id":"7"})", {.receipts = false}).has_value());
    CHECK(parser.refused_id().empty());
    CHECK_FALSE(parser.parse(R"({"type":"send","id":"a b"})", {.receipts = true}).has_value());
    CHECK(parser.refused_id().empty());
    CHECK_FALSE(parser.parse(R"({"type":"knock","id":"7"})", {.receipts = true}).has_value());
    CHECK(parser.refused_id().empty());
}

TEST_CASE("refusals name their clause", "[unit][wire][AM-ERR-001][AM-ERR-002][AM-ERR-003][AM-ERR-004][AM-ERR-005]") {
    CHECK(refused("[]") == error{errc::bad_frame, "AM-ERR-001"});
    CHECK(refused("{}x") == error{errc::bad_json, "AM-ERR-001"});
    CHECK(refused(R"({"type":"x"})") == error{errc::unknown_type, "AM-ERR-002"});
    CHECK(refused("{}") == error{errc::missing_member, "AM-ERR-003"});
    CHECK(refused(R"({"type":[]})") == error{errc::wrong_member, "AM-ERR-004"});
    CHECK(refused(R"({"type":"presence","status":"x"})") == error{errc::wrong_member, "AM-ERR-005"});
    CHECK(refused(R"({"type":"ack"})", false) == error{errc::unknown_type, "AM-ERR-002"});
    CHECK(refused(R"({"a":1,"\u0061":2})") == error{errc::json_duplicate_member, "AM-ERR-007"});
    CHECK(refused(R"({"type":"connect","protocol":"p","amid":"a","public_key":"k","timestamp":"t","signature":"s","p2p_capable":1})") ==
          error{errc::wrong_member, "AM-ERR-004"});
}

TEST_CASE("a challenge proof is made of length-prefixed parts under its own domain", "[unit][wire][AM-AUT-044]") {
    challenge_nonce nonce;
    std::fill(nonce.storage().begin(), nonce.storage().end(), std::uint8_t{0xAB});
    amid::raw raw;
    std::fill(raw.storage().begin(), raw.storage().end(), std::uint8_t{0xCD});
    const auto agent = amid::from_raw(raw);
    const auto bytes = challenge_proof_bytes({.nonce = nonce, .relay = "r:1", .timestamp = "t", .agent = agent,
                                              .client_features = "a,b", .relay_features = ""});
    std::string nonce_hex, amid_hex;
    for (int i = 0; i < 32; ++i) nonce_hex += "ab";
    for (int i = 0; i < 20; ++i) amid_hex += "cd";
    CHECK(to_hex(bytes) == to_hex(as_bytes("AgentMesh-v1:relay-connect")) + "00" + "00000020" + nonce_hex +
                               "00000003" + "723a31" + "00000001" + "74" + "00000014" + amid_hex + "00000003" +
                               "612c62" + "00000000");
}
