#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/identity/tier.hpp>

#include "tests/support/catch.hpp"

#include <unordered_map>

using namespace agentmesh;
using identity::key_prefix;

namespace {

constexpr std::string_view key_text = "wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=";

signing_public_key filled_key(std::uint8_t byte) {
    signing_public_key key;
    for (auto& each : key.storage()) each = byte;
    return key;
}

}  // namespace

TEST_CASE("An AMID is derived from the signing key as the known answers say", "[unit][identity][AM-ID-001]") {
    CHECK(amid::of(identity::parse_signing_key(key_text).value()).text() == "jZ6CK1dpcZD4oPYScUJvifP7BtJ");
    CHECK(amid::of(filled_key(0x00)).text() == "2RkUfDC55GMndKreXqK7Jruu8Snx");
    CHECK(amid::of(filled_key(0xFF)).text() == "3St4C9uWg9FbmtkUxQGfV88iEJyn");
    signing_public_key leading_zero;  // its hash begins with a zero byte
    leading_zero.storage()[31] = 98;
    CHECK(amid::of(leading_zero).text() == "145dfDymjoYnHXqXmd97LpmRqCf");
}

TEST_CASE("An AMID is read back from its text", "[unit][identity][AM-ID-002]") {
    for (const auto* text : {"jZ6CK1dpcZD4oPYScUJvifP7BtJ", "145dfDymjoYnHXqXmd97LpmRqCf", "11111111111111111111",
                             "4ZrjxJnU1LA5xSyrWMNuXTvSYKwt"}) {
        CAPTURE(text);
        const auto name = amid::parse(text);
        REQUIRE(name.has_value());
        CHECK(name->text() == text);
        CHECK(amid::from_raw(name->bytes()).text() == text);
    }
}

TEST_CASE("Text that is not the canonical form of 20 bytes is no AMID", "[unit][identity][AM-ID-002]") {
    for (const auto& text :
         {std::string{}, std::string{"bob"}, std::string{"jZ6CK1dpcZD4oPYScUJvifP7BtJ "},
          std::string{"jZ6CK1dpcZD4oPYScUJvifP7Bt0"}, std::string{"1jZ6CK1dpcZD4oPYScUJvifP7BtJ"},  // 21 bytes
          std::string{"45dfDymjoYnHXqXmd97LpmRqCf"},                                                // 19 bytes
          std::string(19, '1'), std::string(21, '1'), std::string{"4ZrjxJnU1LA5xSyrWMNuXTvSYKwu"},  // 2^160
          std::string(28, 'z'), std::string(10'000, '1'), std::string{"did:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ"}}) {
        CAPTURE(text.substr(0, 60));
        const auto name = amid::parse(text);
        REQUIRE_FALSE(name.has_value());
        CHECK(name.error() == error{errc::bad_amid, "AM-ID-002"});
    }
}

TEST_CASE("An AMID that belongs to another key is refused", "[unit][identity][AM-ID-003]") {
    const auto key = identity::parse_signing_key(key_text).value();
    CHECK(identity::check_amid(amid::of(key), key));
    CHECK(identity::check_amid(amid::of(filled_key(0)), key).error() == error{errc::amid_mismatch, "AM-ID-003"});
}

TEST_CASE("AMIDs are values: equal by their bytes, ordered, usable as keys of a map", "[unit][identity][AM-ID-001]") {
    const auto a = amid::of(filled_key(1)), b = amid::of(filled_key(2));
    CHECK(a == amid::parse(a.text()));
    CHECK(a != b);
    CHECK((a < b) != (b < a));
    std::unordered_map<amid, int> map{{a, 1}, {b, 2}};
    CHECK(map.at(amid::parse(b.text()).value()) == 2);
}

TEST_CASE("A key is read bare or with the prefix of its kind", "[unit][identity][AM-ID-004]") {
    const auto bare = identity::parse_signing_key(key_text);
    REQUIRE(bare.has_value());
    CHECK(identity::parse_signing_key("ed25519:" + std::string{key_text}) == bare);
    CHECK(identity::to_text(*bare) == key_text);
    CHECK(identity::to_text(*bare, key_prefix::named) == "ed25519:" + std::string{key_text});
    const auto exchange = identity::parse_exchange_key("x25519:" + std::string{key_text});
    REQUIRE(exchange.has_value());
    CHECK(identity::to_text(*exchange, key_prefix::named) == "x25519:" + std::string{key_text});
}

TEST_CASE("A foreign, doubled or unknown prefix is refused", "[unit][identity][AM-ID-005]") {
    const std::string text{key_text};
    for (const auto& wrong : {"x25519:" + text, "ed25519:ed25519:" + text, "ed25519:x25519:" + text, "rsa:" + text,
                              "ED25519:" + text, ":" + text, "ed25519::" + text, text + ":"}) {
        CAPTURE(wrong);
        CHECK(identity::parse_signing_key(wrong).error() == error{errc::bad_key_prefix, "AM-ID-005"});
    }
    CHECK(identity::parse_exchange_key("ed25519:" + text).error().code == errc::bad_key_prefix);
    CHECK(identity::parse_exchange_key("x25519:x25519:" + text).error().code == errc::bad_key_prefix);
}

TEST_CASE("A key of another length or alphabet is refused", "[unit][identity][AM-ENC-003]") {
    CHECK(identity::parse_signing_key("").error().code == errc::bad_length);
    CHECK(identity::parse_signing_key("AAAA").error().code == errc::bad_length);
    CHECK(identity::parse_signing_key("wf_dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=").error().code == errc::bad_base64);
    CHECK(identity::parse_signing_key("wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY").error().code == errc::bad_base64);
    CHECK(identity::parse_signing_key("wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXZ=").error().clause == "AM-ENC-005");
    CHECK(identity::parse_signature(key_text).error().code == errc::bad_length);
}

TEST_CASE("Tiers order from anonymous over verified to organization, whatever their labels",
          "[unit][identity][AM-ID-030]") {
    using identity::tier_dialect;
    const auto level = [](std::string_view text, tier_dialect dialect) {
        return identity::parse_tier(text, dialect).value();
    };
    CHECK(level("2", tier_dialect::label) < level("1", tier_dialect::label));
    CHECK(level("1", tier_dialect::label) < level("1.5", tier_dialect::label));
    CHECK(level("0", tier_dialect::javascript) < level("2", tier_dialect::javascript));

    // Rows: who asks; columns: the least tier that is wanted. Both in the order of trust.
    const std::array<std::string_view, 3> labels{"2", "1", "1.5"};
    for (std::size_t actual = 0; actual < 3; ++actual)
        for (std::size_t wanted = 0; wanted < 3; ++wanted)
            CHECK(identity::at_least(level(labels[actual], tier_dialect::label),
                                     level(labels[wanted], tier_dialect::label)) == (actual >= wanted));
}

TEST_CASE("A label that is none of the three is refused in every dialect", "[unit][identity][AM-ID-031]") {
    using identity::tier_dialect;
    const auto refused = [](std::string_view text, tier_dialect dialect) {
        const auto level = identity::parse_tier(text, dialect);
        return !level && level.error() == error{errc::unknown_tier, "AM-ID-031"};
    };
    for (const auto* text : {"", "0", "3", "1.0", "1.50", "15", "01", "2 ", "verified", "-1", "1,5"})
        CHECK(refused(text, tier_dialect::label));
    for (const auto* text : {"", "Anonymous", "organisation", "1", "admin", "verified "})
        CHECK(refused(text, tier_dialect::word));
    for (const auto* text : {"", "3", "1.5", "-1"}) CHECK(refused(text, tier_dialect::javascript));
    for (const auto* text : {"", "verified", "Anonymous"}) CHECK(refused(text, tier_dialect::certificate));
}

TEST_CASE("Every label of a dialect reads back as its tier", "[unit][identity][AM-ID-030]") {
    using identity::tier_dialect;
    for (const auto dialect :
         {tier_dialect::word, tier_dialect::label, tier_dialect::javascript, tier_dialect::certificate})
        for (const auto level : {tier::anonymous, tier::verified, tier::organization}) {
            const auto label = identity::tier_label(level, dialect);
            if (!label.empty()) CHECK(identity::parse_tier(label, dialect) == level);
        }
}
