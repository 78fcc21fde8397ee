#include <agentmesh/message/codes.hpp>
#include <agentmesh/message/money.hpp>

#include "tests/support/catch.hpp"

#include <map>
#include <set>

using namespace agentmesh;
using message::code;
using message::code_topic;
using message::vocabulary;

namespace {

// The vocabularies as they are deployed, typed from what was observed and not from the registry.
const std::map<std::pair<code_topic, vocabulary>, std::vector<std::string_view>> deployed = {
    {{code_topic::error, vocabulary::spec},
     {"INVALID_SIGNATURE", "UNKNOWN_RECIPIENT", "RECIPIENT_OFFLINE", "RATE_LIMITED", "MESSAGE_TOO_LARGE",
      "INVALID_MESSAGE", "INTERNAL_ERROR", "PROTOCOL_MISMATCH", "UNAUTHORIZED"}},
    {{code_topic::error, vocabulary::python},
     {"unknown_error", "internal_error", "timeout", "cancelled", "invalid_request", "missing_parameter",
      "invalid_parameter", "unsupported_operation", "unauthorized", "forbidden", "quota_exceeded", "rate_limited",
      "not_found", "resource_exhausted", "unavailable", "session_expired", "session_not_found",
      "capability_not_supported", "external_service_error", "network_error"}},
    {{code_topic::error, vocabulary::openspec},
     {"invalid_request", "unauthorized", "forbidden", "not_found", "rate_limited", "timeout", "internal_error",
      "service_unavailable", "session_expired", "capability_mismatch", "schema_validation_failed"}},
    {{code_topic::error, vocabulary::javascript},
     {"UNAUTHORIZED", "NOT_FOUND", "INTERNAL_ERROR", "INVALID_REQUEST", "PAUSE_FAILED", "RESUME_FAILED"}},
    {{code_topic::close, vocabulary::python},
     {"completed", "cancelled_by_initiator", "cancelled_by_receiver", "timeout", "error", "session_expired",
      "budget_exceeded", "capacity_exceeded", "policy_violation", "maintenance"}},
    {{code_topic::close, vocabulary::openspec},
     {"completed", "cancelled", "timeout", "error", "policy_violation", "rate_limited", "user_requested",
      "excessive_skip"}},
    {{code_topic::knock, vocabulary::spec},
     {"invalid_signature", "blocked", "insufficient_trust", "rate_limited", "intent_not_accepted", "not_in_allowlist",
      "low_reputation", "at_capacity"}},
    {{code_topic::knock, vocabulary::openspec},
     {"invalid_certificate", "certificate_expired", "certificate_revoked"}},
    {{code_topic::knock, vocabulary::python}, {"paused", "blocklisted", "sender_not_found"}},
    {{code_topic::knock, vocabulary::javascript}, {"agent_stopped", "agent_paused", "blocked", "rejected"}},
};

TEST_CASE("every deployed spelling has a code, which spells it the same in its vocabulary",
          "[unit][message][AM-ENV-009]") {
    for (const auto& [where, words] : deployed)
        for (const std::string_view word : words) {
            INFO(word);
            const auto known = message::find_code(where.first, word);
            REQUIRE(known);
            CHECK(message::spelling(*known, where.second) == word);
            CHECK(message::topic_of(*known) == where.first);
        }
    CHECK(message::find_code(code_topic::knock, "policy_rejected") == code::knock_rejected);
    CHECK(message::find_code(code_topic::knock, "blocklisted") == code::knock_blocked);
    CHECK(message::find_code(code_topic::error, "service_unavailable") == code::unavailable);
    CHECK(message::find_code(code_topic::error, "capability_mismatch") == code::capability_not_supported);
}

TEST_CASE("the registry invents no spelling for others", "[unit][message][AM-ENV-009]") {
    for (std::size_t i = 0; i < message::code_registry.size(); ++i) {
        const auto what = static_cast<code>(i);
        INFO(message::to_text(what));
        CHECK(message::find_code(message::topic_of(what), message::to_text(what)) == what);
        for (const auto who : {vocabulary::spec, vocabulary::python, vocabulary::openspec, vocabulary::javascript}) {
            const auto word = message::spelling(what, who);
            if (!word || what == code::mailbox_full) continue;  // ours, in the style of the relay
            if (message::topic_of(what) == code_topic::knock) {
                // The later vocabularies contain the words of the first.
                CHECK(message::find_code(code_topic::knock, *word) == what);
                continue;
            }
            const auto& words = deployed.at({message::topic_of(what), who});
            CHECK(std::find(words.begin(), words.end(), *word) != words.end());
        }
    }
}

TEST_CASE("a word means something within its topic only", "[unit][message][AM-ENV-009]") {
    CHECK(message::find_code(code_topic::error, "rate_limited") == code::rate_limited);
    CHECK(message::find_code(code_topic::close, "rate_limited") == code::close_rate_limited);
    CHECK(message::find_code(code_topic::knock, "rate_limited") == code::knock_rate_limited);
    CHECK_FALSE(message::find_code(code_topic::close, "low_reputation"));
}

TEST_CASE("an unknown spelling is kept", "[unit][message][AM-ENV-010]") {
    const std::string word = GENERATE("", "Rate_Limited", "rate_limited ", "E42", "r\xc3\xa9sum\xc3\xa9");
    const message::spelled_code read{code_topic::error, word};
    CHECK_FALSE(read.known());
    CHECK(read.text() == word);
    for (const auto who : {vocabulary::ours, vocabulary::spec, vocabulary::python, vocabulary::openspec,
                           vocabulary::javascript})
        CHECK(read.for_reader(who) == word);
}

TEST_CASE("a known code is translated, and falls back to our word", "[unit][message][AM-ENV-009]") {
    const message::spelled_code read{code_topic::error, "service_unavailable"};
    CHECK(read.for_reader(vocabulary::python) == "unavailable");
    CHECK(read.for_reader(vocabulary::ours) == "unavailable");
    CHECK(read.for_reader(vocabulary::spec) == "unavailable");
    CHECK(message::spelled_code{code::rate_limited}.for_reader(vocabulary::spec) == "RATE_LIMITED");
}

TEST_CASE("decimals become millionths, half to even", "[unit][message]") {
    const auto [text, value] = GENERATE(table<std::string, std::int64_t>({
        {"0", 0},
        {"-0", 0},
        {"1", 1'000'000},
        {"2.5", 2'500'000},
        {"0.000001", 1},
        {"0.0000005", 0},
        {"0.0000015", 2},
        {"0.0000025", 2},
        {"0.00000250000000000000000000000000001", 3},
        {"0.0000024999999999999999999999999999", 2},
        {"-0.0000015", -2},
        {"-0.0000025", -2},
        {"1e3", 1'000'000'000},
        {"1E-6", 1},
        {"5e-7", 0},
        {"15e-7", 2},
        {"1e-400", 0},
        {"0e999999999999999999999", 0},
        {"0.3", 300'000},
        {"9007199254.740992", 9'007'199'254'740'992},
        {"1000000e-6", 1'000'000},
    }));
    INFO(text);
    CHECK(message::to_millionths(text) == value);
    CHECK(message::to_millionths(message::from_millionths(value)) == value);
}

TEST_CASE("what is no decimal, or too large, is refused", "[unit][message]") {
    for (const auto text : {"", "-", "1.", ".5", "01", "1e", "+1", "1 ", "NaN", "0x1", "1,5"})
        CHECK(message::to_millionths(text).error().code == errc::bad_json);
    for (const auto text : {"9007199254.740993", "1e10", "-9007199254.7409926", "1e999999999999999999999"})
        CHECK(message::to_millionths(text).error().code == errc::json_number_range);
    CHECK(message::from_millionths(2'500'000) == "2.5");
    CHECK(message::from_millionths(-1) == "-0.000001");
    CHECK(message::from_millionths(1'000'000) == "1");
}

}  // namespace
