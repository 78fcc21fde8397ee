// vectors/policy against session/policy.hpp.
#include <agentmesh/session/policy.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

session::policy read_policy(const std::string& text) {
    session::policy_fault where;
    auto out = session::parse_policy(text, where);
    INFO(where.text());
    REQUIRE(out);
    return *std::move(out);
}

session::applicant read_caller(const vectors::json& object) {
    fields in{object};
    const auto name = amid::parse(in.text("amid"));
    REQUIRE(name);
    session::applicant out{.who = *name};
    if (const auto& level = in["tier"]; !level.is_null()) {
        const auto read = identity::parse_tier(level.get<std::string>(), identity::tier_dialect::word);
        REQUIRE(read);
        out.trust = *read;
    }
    out.reputation_ppm = in["reputation_ppm"].get<std::uint32_t>();
    out.keys_bound = in["keys_bound"].get<bool>();
    fields what{in["intent"]};
    out.what.category = what.text("category");
    if (what.has("subcategory")) out.what.subcategory = what.text("subcategory");
    fields asked{in["session_request"]};
    out.asked.ttl_seconds = asked["ttl_seconds"].get<std::uint32_t>();
    out.asked.expected_messages = asked["expected_messages"].get<std::uint32_t>();
    out.open_sessions = in["open_sessions"].get<std::size_t>();
    return out;
}

/// The verdict after as many KNOCKs of the same caller as the row says, in the same minute.
session::verdict decided(fields& in) {
    const auto rules = read_policy(in.text("policy"));
    auto asking = read_caller(in["caller"]);
    session::caller_rates rates;
    for (auto left = in["earlier"].get<int>(); left > 0; --left)
        CHECK(rates.take(asking.who, 1'000'000, asking.now.steady) == 0);
    return session::evaluate(rules, asking, {}, rates).answer;
}

TEST_CASE("policies decide as in the vectors",
          "[vectors][session][AM-POL-001][AM-POL-002][AM-POL-003][AM-POL-004][AM-POL-005][AM-POL-006][AM-POL-007]"
          "[AM-POL-008][AM-POL-009][AM-POL-010][AM-POL-014]") {
    const auto rows =
        for_each_row("policy/decisions",
                     {
                         {"policy.decide",
                          [](fields& in, const row& of) {
                              const auto found = decided(in);
                              REQUIRE(found.accepted != of.refused);
                              if (of.refused) {
                                  CHECK(of.expect == "reject:policy");
                                  CHECK(session::to_text(found.why) == of.output["reason"].get<std::string>());
                                  return;
                              }
                              CHECK(vectors::json({{"max_message_size_bytes", found.held_to.max_message_size_bytes},
                                                   {"max_messages", found.held_to.max_messages},
                                                   {"ttl_seconds", found.held_to.ttl_seconds}}) == of.output);
                          }},
                         {"policy.reason", by([](fields& in, const row&) -> outcome {
                              const auto found = decided(in);
                              CHECK_FALSE(found.accepted);
                              return answer{.output = {{"reason", session::to_text(found.why)},
                                                       {"told", session::to_text(found.told)}}};
                          })},
                     });
    CHECK(rows >= 110);
}

vectors::json written(const session::policy& rules) {
    const auto names = [](const std::vector<amid>& list) {
        auto out = vectors::json::array();
        for (const auto& one : list) out.push_back(one.text());
        return out;
    };
    auto tiers = vectors::json::array();
    for (const auto level : {tier::anonymous, tier::verified, tier::organization})
        if (rules.accepts(level)) tiers.push_back(identity::tier_label(level, identity::tier_dialect::word));
    auto suites = vectors::json::array();
    for (const auto one : rules.allow_suites) suites.push_back(e2ee::to_text(one));
    return {{"accept_tiers", tiers},
            {"min_reputation", rules.min_reputation_ppm},
            {"accepted_intents", rules.accepted_intents},
            {"rejected_intents", rules.rejected_intents},
            {"blocklist", names(rules.blocklist)},
            {"allowlist", names(rules.allowlist)},
            {"strict_mode", rules.strict_mode},
            {"max_concurrent_sessions", rules.max_concurrent_sessions},
            {"rate_limit",
             {{"knocks_per_minute", rules.rate_limit.knocks_per_minute},
              {"messages_per_minute", rules.rate_limit.messages_per_minute}}},
            {"store_transcripts", rules.store_transcripts},
            {"auto_reject_when_offline", rules.auto_reject_when_offline},
            {"notify_owner",
             {{"on_knock_from_unknown", rules.notify_owner.on_knock_from_unknown},
              {"on_high_value_transaction", rules.notify_owner.on_high_value_transaction},
              {"on_error", rules.notify_owner.on_error},
              {"threshold_usd", rules.notify_owner.threshold_micros}}},
            {"allow_suites", suites},
            {"allow_unbound_keys", rules.allow_unbound_keys},
            {"allow_unsigned_knock", rules.allow_unsigned_knock},
            {"session",
             {{"max_ttl_seconds", rules.session.ttl_seconds},
              {"max_messages", rules.session.max_messages},
              {"max_message_size_bytes", rules.session.max_message_size_bytes}}}};
}

TEST_CASE("policy files are read as in the vectors", "[vectors][session][AM-POL-011][AM-POL-012]") {
    const auto rows =
        for_each_row("policy/file", {{"policy_file.read", [](fields& in, const row& of) {
                                          session::policy_fault where;
                                          const auto read = session::parse_policy(in.text("text"), where);
                                          INFO(where.text());
                                          REQUIRE(read.has_value() != of.refused);
                                          if (of.refused) {
                                              CHECK(of.expect == "reject:policy");
                                              CHECK(where.line == of.output["line"]);
                                              CHECK(where.member == of.output["member"].get<std::string>());
                                              return;
                                          }
                                          CHECK(written(*read) == of.output);
                                          CHECK(read_policy(session::write_policy(*read)) == *read);
                                      }}});
    CHECK(rows >= 70);
}

}  // namespace
