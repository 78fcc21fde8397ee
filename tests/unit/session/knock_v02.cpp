#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/session/knock_v02.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::session;

namespace {

constexpr time_point noon = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + std::chrono::hours{12};

struct two_agents {
    crypto::scripted_random random{std::uint64_t{7}};
    local_identity caller = local_identity::create(random, noon).value();
    local_identity called = local_identity::create(random, noon).value();
    intent what{.category = "travel", .subcategory = "flights", .action = "search", .urgency = urgency::high};
    session_request asked{.kind = session_kind::conversation, .ttl_seconds = 120, .expected_messages = 4};

    const signing_public_key& key() const { return caller.signing().public_key(); }
    std::string python() const {
        return v02::write_knock(called.name(), what, asked, tier::verified, {}, noon, caller.signing());
    }
    /// As the JavaScript SDK writes it: compact, members in this order, the signature last.
    std::string javascript(std::int64_t time, std::string_view to) const {
        const std::string signed_part =
            "{\"version\":\"agentmesh/0.2\",\"from\":\"" + std::string{caller.name().text()} + "\",\"to\":\"" +
            std::string{to} +
            "\",\"request\":{\"type\":\"one-shot\",\"ttl\":60,\"expectedMessages\":2,\"intent\":{\"capability\":"
            "\"travel/flights\",\"action\":\"search\"}},\"timestamp\":" +
            std::to_string(time) + ",\"nonce\":\"000102030405060708090a0b0c0d0e0f\"}";
        const auto proof = caller.signing().sign(as_bytes(signed_part));
        return signed_part.substr(0, signed_part.size() - 1) + ",\"signature\":\"" +
               to_base64(proof.bytes(), base64_form::standard_padded) + "\"}";
    }
    result<v02::knock> read(std::string_view text, time_point now = noon) const {
        return v02::read_knock(text, called.name(), key(), now);
    }
};

constexpr std::int64_t noon_ms = std::chrono::duration_cast<std::chrono::milliseconds>(noon.time_since_epoch()).count();

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("what Python signs is what its json.dumps writes", "[unit][session][AM-KNK-040]") {
    two_agents two;
    const auto bytes = v02::python_knock_bytes(two.caller.name(), two.called.name(),
                                               {.category = "caf\xc3\xa9 \xf0\x9f\x98\x80", .action =
                                                   "a\"b\\c\n\x01/\x7f"},
                                               "2026-11-21T12:00:00.500000+00:00");
    CHECK(bytes == "{\"from\": \"" + std::string{two.caller.name().text()} + "\", \"to\": \"" +
                       std::string{two.called.name().text()} +
                       "\", \"intent\": {\"category\": \"caf\\u00e9 \\ud83d\\ude00\", \"action\": "
                       "\"a\\\"b\\\\c\\n\\u0001/\\u007f\", \"urgency\": \"normal\"}, \"timestamp\": "
                       "\"2026-11-21T12:00:00.500000+00:00\"}");
    CHECK(v02::python_time(noon) == "2026-11-21T12:00:00+00:00");
    CHECK(v02::python_time(noon + std::chrono::milliseconds{500}) == "2026-11-21T12:00:00.500000+00:00");
    CHECK(v02::python_time(noon + duration{7}) == "2026-11-21T12:00:00.000007+00:00");
}

TEST_CASE("a KNOCK of either dialect is read", "[unit][session][AM-KNK-041]") {
    two_agents two;
    SECTION("Python") {
        const auto read = two.read(two.python());
        REQUIRE(read);
        CHECK(read->dialect == v02::dialect::python);
        CHECK(read->from == two.caller.name());
        CHECK(read->what == two.what);
        CHECK(read->asked == two.asked);
        CHECK(read->sent == noon);
    }
    SECTION("Python, with members that this side does not know") {
        CHECK(two.read(replaced(two.python(), "{\"type\"", "{\"certificate_chain\":[\"x\"],\"type\"")));
    }
    SECTION("JavaScript") {
        const auto read = two.read(two.javascript(noon_ms, two.called.name().text()));
        REQUIRE(read);
        CHECK(read->dialect == v02::dialect::javascript);
        CHECK(read->what == intent{.category = "travel", .subcategory = "flights", .action = "search"});
        CHECK(read->asked == session_request{session_kind::request_response, 60, 2});
        CHECK(read->nonce == "000102030405060708090a0b0c0d0e0f");
    }
}

TEST_CASE("a KNOCK of 0.2 is refused if what its dialect signs was changed", "[unit][session][AM-KNK-042]") {
    two_agents two;
    const auto refused = [&](const std::string& text, errc why) {
        const auto read = two.read(text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == why);
    };
    refused(replaced(two.python(), "flights", "hotels!"), errc::bad_signature);
    refused(replaced(two.python(), "12:00:00", "12:00:01"), errc::bad_signature);
    refused(replaced(two.python(), "\"urgency\":\"high\"", "\"urgency\":\"low\""), errc::bad_signature);
    const auto js = two.javascript(noon_ms, two.called.name().text());
    refused(replaced(js, "\"ttl\":60", "\"ttl\":61"), errc::bad_signature);
    refused(replaced(js, "0001", "0002"), errc::bad_signature);
    refused(replaced(js, "\"one-shot\"", "\"streaming\""), errc::bad_signature);
    // Made for somebody else: Python signs the recipient without sending it.
    const auto elsewhere = v02::write_knock(two.caller.name(), two.what, two.asked, tier::anonymous, {}, noon,
                                            two.caller.signing());
    refused(elsewhere, errc::bad_signature);
    // In somebody else's name.
    const auto foreign = v02::read_knock(two.python(), two.called.name(), two.called.signing().public_key(), noon);
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error().code == errc::amid_mismatch);
}

TEST_CASE("a JavaScript KNOCK for another agent is refused", "[unit][session][AM-KNK-044]") {
    two_agents two;
    const auto read = two.read(two.javascript(noon_ms, two.caller.name().text()));
    REQUIRE_FALSE(read);
    CHECK(read.error() == error{errc::bad_knock, "AM-KNK-044"});
}

TEST_CASE("a KNOCK of 0.2 is good for 300 seconds, and from 60 seconds before", "[unit][session][AM-KNK-043]") {
    using std::chrono::seconds;
    two_agents two;
    const auto js = two.javascript(noon_ms, two.called.name().text());
    for (const auto& text : {two.python(), js}) {
        CHECK(two.read(text, noon + seconds{300}));
        CHECK_FALSE(two.read(text, noon + seconds{300} + duration{1}));
        CHECK(two.read(text, noon - seconds{60}));
        CHECK_FALSE(two.read(text, noon - seconds{60} - duration{1}));
    }
    CHECK_FALSE(two.read(two.javascript(-1, two.called.name().text())));
    CHECK_FALSE(two.read(replaced(js, std::to_string(noon_ms), "\"12:00\"")));
}

TEST_CASE("a KNOCK of both shapes or of neither is refused", "[unit][session][AM-KNK-041]") {
    two_agents two;
    CHECK_FALSE(two.read(replaced(two.python(), "{\"type\"", "{\"request\":{},\"type\"")));
    CHECK_FALSE(two.read("{\"type\":\"knock\",\"signature\":\"x\"}"));
    CHECK_FALSE(two.read("[]"));
    CHECK_FALSE(two.read(replaced(two.python(), "\"ttl_seconds\":120", "\"ttl_seconds\":-1")));
    CHECK_FALSE(two.read(replaced(two.python(), "\"ttl_seconds\":120", "\"ttl_seconds\":2147483648")));
}

TEST_CASE("answers of both dialects are verified over what they sign", "[unit][session][AM-KNK-041][AM-KNK-042]") {
    two_agents two;
    const auto& by = two.called.signing();
    const auto accepted = v02::write_accept(two.caller.name(), "5f3c", {100, 5, 60}, noon, by);
    const auto read = v02::read_accept(accepted, two.caller.name(), by.public_key(), "n");
    REQUIRE(read);
    CHECK(read->session == "5f3c");
    CHECK(read->held_to == constraints{100, 5, 60});
    CHECK_FALSE(v02::read_accept(replaced(accepted, "5f3c", "5f3d"), two.caller.name(), by.public_key(), "n"));
    CHECK_FALSE(v02::read_accept(accepted, two.called.name(), by.public_key(), "n"));

    const auto refused = v02::write_reject(two.caller.name(), deny_reason::rate_limited, noon, by);
    CHECK(v02::read_reject(refused, two.caller.name(), by.public_key(), "n")->reason == "rate_limited");
    CHECK_FALSE(v02::read_reject(replaced(refused, "rate_limited", "at_capacity"), two.caller.name(),
        by.public_key(), "n"));

    const auto javascript = [&](std::string_view nonce) {
        const std::string part = "{\"type\":\"ACCEPT\",\"sessionId\":\"sess_1\",\"timestamp\":1,\"from\":\"" +
                                 std::string{two.called.name().text()} + "\",\"to\":\"" +
                                 std::string{two.caller.name().text()} + "\",\"knockNonce\":\"" +
                                 std::string{nonce} + "\"}";
        return part.substr(0, part.size() - 1) + ",\"signature\":\"" +
               to_base64(by.sign(as_bytes(part)).bytes(), base64_form::standard_padded) + "\"}";
    };
    CHECK(v02::read_accept(javascript("n"), two.caller.name(), by.public_key(), "n")->dialect ==
        v02::dialect::javascript);
    CHECK_FALSE(v02::read_accept(javascript("m"), two.caller.name(), by.public_key(), "n"));
    CHECK_FALSE(v02::read_accept(replaced(javascript("n"), "sess_1", "sess_2"), two.caller.name(), by.public_key(),
        "n"));
}
