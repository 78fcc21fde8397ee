#include <agentmesh/message/envelope.hpp>

#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace agentmesh;
using namespace std::string_literals;

namespace {

signing_key_pair pair(std::uint8_t first) {
    std::array<std::uint8_t, 32> seed{};
    seed[0] = first;
    return signing_key_pair{*signing_seed::from(seed)};
}

const signing_key_pair alice = pair(1);
const signing_key_pair bob = pair(2);
const amid alice_name = amid::of(alice.public_key());
const amid bob_name = amid::of(bob.public_key());
constexpr std::string_view session = "00112233445566778899aabbccddeeff";

message::envelope note() {
    return {.session_id = std::string{session},
            .sequence = 3,
            .from = alice_name,
            .to = bob_name,
            .type = "request",
            .timestamp = *parse_time("2026-11-21T12:00:00.25Z"),
            .payload = R"({ "b": 1.0, "a": [true, null, "é"] })",
            .id = "m-1"};
}

nlohmann::json tree() {
    auto signed_note = note();
    return nlohmann::json::parse(*message::sign_envelope(signed_note, alice));
}

message::expected_envelope from_alice() { return {session, alice_name, bob_name}; }

TEST_CASE("an envelope is written in canonical form and reads back", "[unit][message][AM-ENV-001]") {
    auto content = note();
    const auto text = message::sign_envelope(content, alice);
    REQUIRE(text);
    CHECK(json::canonicalize(*text) == text);
    CHECK(text->find(R"("payload":{"a":[true,null,"é"],"b":1})") != std::string::npos);

    const auto read = message::open_envelope(*text, from_alice(), alice.public_key());
    REQUIRE(read);
    CHECK(read->payload == R"({"a":[true,null,"é"],"b":1})");
    content.payload = read->payload;
    CHECK(*read == content);
    CHECK(read->kind() == message::body_type::request);
}

TEST_CASE("a signature covers the domain, a zero byte and the canonical form without itself",
          "[unit][message][AM-ENV-001]") {
    auto content = note();
    const std::string text = *message::sign_envelope(content, alice);
    auto bare = nlohmann::json::parse(text);
    bare.erase("signature");
    // nlohmann sorts names, and these are ASCII; numbers here are integers.
    const std::string covered = "AgentMesh-v1:envelope"s + '\0' + bare.dump();
    CHECK(crypto::verify(alice.public_key(), as_bytes(covered), *content.proof));
    CHECK(message::envelope_proof_bytes(text).value() == buffer(covered.begin(), covered.end()));
}

TEST_CASE("white space and the order of members do not matter to the signature", "[unit][message][AM-ENV-002]") {
    const std::string spread = tree().dump(3);
    CHECK(message::verify_envelope(spread, alice.public_key()));
    nlohmann::ordered_json turned;
    const auto flat = tree();
    for (auto at = flat.rbegin(); at != flat.rend(); ++at) turned[at.key()] = at.value();
    CHECK(message::verify_envelope(turned.dump(), alice.public_key()));
}

TEST_CASE("a change of any member breaks the signature", "[unit][message][AM-ENV-002]") {
    const auto [name, value] = GENERATE(table<std::string, nlohmann::json>({
        {"session_id", "00112233445566778899aabbccddeefe"},
        {"sequence", 4},
        {"from", std::string{bob_name.text()}},
        {"to", std::string{alice_name.text()}},
        {"type", "response"},
        {"timestamp", "2026-11-21T12:00:00.26Z"},
        {"timestamp", "2026-11-21T12:00:00.25Z"},  // the same instant in another text
        {"payload", {{"a", {true, nullptr, "é"}}, {"b", 2}}},
        {"payload", nlohmann::json::object()},
        {"id", "m-2"},
        {"colour", "red"},                            // one that we do not know
    }));
    INFO(name);
    auto changed = tree();
    changed[name] = value;
    REQUIRE(message::parse_envelope(changed.dump()));
    CHECK(message::verify_envelope(changed.dump(), alice.public_key()).error().code == errc::bad_signature);
    auto cut = tree();
    cut.erase("id");
    CHECK(message::verify_envelope(cut.dump(), alice.public_key()).error().code == errc::bad_signature);
}

TEST_CASE("a signature of another key, in another context or of no one is refused", "[unit][message][AM-ENV-002]") {
    auto content = note();
    const std::string text = *message::sign_envelope(content, alice);
    CHECK(message::verify_envelope(text, bob.public_key()).error() == error{errc::bad_signature, "AM-ENV-002"});

    auto bare = note();
    CHECK(message::verify_envelope(*message::write_envelope(bare), alice.public_key()).error().code ==
          errc::bad_signature);
    const std::string without = *message::write_envelope(bare);
    bare.proof = alice.sign(as_bytes(without));  // no context
    CHECK_FALSE(message::verify_envelope(*message::write_envelope(bare), alice.public_key()));
    bare.proof = alice.sign(as_bytes("AgentMesh-v1:knock"s + '\0' + without));
    CHECK_FALSE(message::verify_envelope(*message::write_envelope(bare), alice.public_key()));
}

TEST_CASE("an unknown member that was signed is no obstacle", "[unit][message][AM-ENV-007]") {
    auto with = tree();
    with.erase("signature");
    with["x-trace"] = {{"hop", 1}};
    const auto covered = message::envelope_proof_bytes(with.dump());
    with["signature"] = to_base64(alice.sign(*covered).bytes(), base64_form::url_unpadded);
    const auto read = message::open_envelope(with.dump(), from_alice(), alice.public_key());
    REQUIRE(read);
    CHECK(read->sequence == 3);
}

TEST_CASE("an unknown type stays what it is", "[unit][message][AM-ENV-007]") {
    const auto type = GENERATE("x-acme-offer", "Request", "request ", "REQUEST", "capability_negotiation_request");
    auto content = note();
    content.type = type;
    const auto read = message::parse_envelope(*message::write_envelope(content));
    REQUIRE(read);
    CHECK(read->type == type);
    CHECK(read->kind() == message::body_type::other);
    CHECK(message::peek_type(*message::write_envelope(content)) == std::string{type});
}

TEST_CASE("an envelope without a mandatory member is refused", "[unit][message][AM-ENV-003]") {
    const std::string name =
        GENERATE("session_id", "sequence", "from", "to", "type", "timestamp", "payload");
    INFO(name);
    auto cut = tree();
    cut.erase(name);
    CHECK(message::parse_envelope(cut.dump()).error() == error{errc::missing_member, "AM-ENV-003"});
}

TEST_CASE("an envelope with a member of another type or range is refused", "[unit][message][AM-ENV-003]") {
    const auto [name, value] = GENERATE(table<std::string, nlohmann::json>({
        {"session_id", 7},
        {"session_id", "0011"},
        {"session_id", "00112233445566778899AABBCCDDEEFF"},
        {"session_id", "8f14e45f-ceea-467f-a0e6-fdd2ab1f2c11"},
        {"sequence", -1},
        {"sequence", 1.5},
        {"sequence", "1"},
        {"sequence", 9007199254740993},
        {"from", "nobody"},
        {"from", nullptr},
        {"to", ""},
        {"type", ""},
        {"type", 1},
        {"type", std::string(65, 'a')},
        {"type", "re\nquest"},
        {"timestamp", 1700000000},
        {"timestamp", "2026-11-21T12:00:00"},
        {"timestamp", "2026-02-30T12:00:00Z"},
        {"payload", "text"},
        {"payload", nlohmann::json::array()},
        {"payload", nullptr},
        {"id", ""},
        {"id", "a b"},
        {"id", std::string(65, 'a')},
        {"signature", ""},
        {"signature", std::string(87, 'A')},
        {"signature", nullptr},
    }));
    INFO(name << " " << value);
    auto changed = tree();
    changed[name] = value;
    const auto read = message::parse_envelope(changed.dump());
    REQUIRE_FALSE(read);
    CHECK_FALSE(read.error().clause.empty());
}

TEST_CASE("text that is no envelope is refused", "[unit][message][AM-ENV-003]") {
    CHECK(message::parse_envelope("").error().code == errc::bad_json);
    CHECK(message::parse_envelope("[]").error().code == errc::wrong_member);
    CHECK(message::parse_envelope(tree().dump() + "x").error().code == errc::bad_json);
    const std::string text = tree().dump();
    CHECK(message::parse_envelope(text.substr(0, text.size() - 1) + R"(,"to":"x"})").error().code ==
          errc::json_duplicate_member);
    CHECK(message::parse_envelope(std::string(message::envelope_bytes + 1, ' ')).error().code == errc::too_large);
    CHECK(message::peek_type(R"({"type":7})").error().code == errc::wrong_member);
    CHECK(message::peek_type("{}").error().code == errc::missing_member);
}

TEST_CASE("another dialect's session id is read only where it is expected", "[unit][message][AM-ENV-003]") {
    auto content = note();
    content.session_id = "8f14e45f-ceea-467f-a0e6-fdd2ab1f2c11";
    const std::string text = *message::write_envelope(content);
    CHECK_FALSE(message::parse_envelope(text));
    CHECK(message::parse_envelope(text, message::session_id_form::foreign)->session_id == content.session_id);
}

TEST_CASE("an envelope of another session, sender or recipient is refused", "[unit][message][AM-ENV-004]") {
    auto content = note();
    const std::string text = *message::sign_envelope(content, alice);
    constexpr std::string_view other = "ff112233445566778899aabbccddeeff";
    for (const auto& where : {message::expected_envelope{other, alice_name, bob_name},
                              message::expected_envelope{session, bob_name, bob_name},
                              message::expected_envelope{session, alice_name, alice_name},
                              message::expected_envelope{session, bob_name, alice_name}})  // reflected
        CHECK(message::open_envelope(text, where, alice.public_key()).error() ==
              error{errc::bad_envelope, "AM-ENV-004"});
}

TEST_CASE("a writer refuses what its reader would", "[unit][message][AM-ENV-003]") {
    const auto spoil = GENERATE(0, 1, 2, 3, 4, 5, 6, 7, 8);
    INFO(spoil);
    auto content = note();
    switch (spoil) {
        case 0: content.session_id.clear(); break;
        case 1: content.type = "a\x01"; break;
        case 2: content.type = "\xff"; break;
        case 3: content.id = "a b"; break;
        case 4: content.sequence = (std::uint64_t{1} << 53) + 1; break;
        case 5: content.payload = "[]"; break;
        case 6: content.payload = R"({},"to":"x")"; break;
        case 7: content.payload = R"({"a":")" + std::string(message::envelope_bytes, 'x') + "\"}"; break;
        case 8: {
            content.payload = std::string(64, '[') + std::string(64, ']');
            content.payload = R"({"a":)" + content.payload.substr(1, 126) + "}";
            break;
        }
    }
    const auto before = content;
    CHECK_FALSE(message::sign_envelope(content, alice));
    CHECK(content == before);
}

TEST_CASE("sequence numbers count up from 0, and each is taken once", "[unit][message][AM-ENV-005][AM-ENV-006]") {
    using message::sequence_news;
    message::sequence_tracker in;
    CHECK(in.due() == 0);
    CHECK(in.accept(0) == sequence_news::next);
    CHECK(in.accept(1) == sequence_news::next);
    CHECK(in.accept(1).error() == error{errc::bad_sequence, "AM-ENV-006"});
    CHECK(in.accept(0).error().code == errc::bad_sequence);

    CHECK(in.accept(4) == sequence_news::gap);
    CHECK(in.missing() == 2);
    CHECK(in.look(2) == sequence_news::late);
    CHECK(in.accept(2) == sequence_news::late);
    CHECK(in.look(2) == sequence_news::duplicate);
    CHECK(in.accept(3) == sequence_news::late);
    CHECK(in.missing() == 0);
    CHECK(in.due() == 5);
}

TEST_CASE("the tracker's memory ends at its window", "[unit][message][AM-ENV-006]") {
    using message::sequence_news;
    constexpr std::uint64_t window = message::sequence_tracker::window;
    message::sequence_tracker in;
    CHECK(in.accept(window) == sequence_news::gap);  // 1 is the lowest it can still tell
    CHECK(in.look(0) == sequence_news::duplicate);
    CHECK(in.accept(1) == sequence_news::late);
    CHECK(in.accept(1).error().code == errc::bad_sequence);
    CHECK(in.accept(2 * window) == sequence_news::gap);
    CHECK(in.look(window) == sequence_news::duplicate);
    CHECK(in.look(window + 1) == sequence_news::late);
    const std::uint64_t highest = std::uint64_t{1} << 53;
    CHECK(in.accept(highest) == sequence_news::gap);
    CHECK(in.accept(highest - 1) == sequence_news::late);
    CHECK_FALSE(in.accept(highest + 1));
    CHECK(in.due() == highest + 1);
}

}  // namespace
