#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/session/policy.hpp>

namespace agentmesh::shim {
namespace {

session::applicant read_caller(const json& object) {
    const arguments in{object, nullptr};
    session::applicant out{.who = name_of(in.text("amid"))};
    if (const auto& level = in["tier"]; !level.is_null())
        out.trust = need(identity::parse_tier(level.get<std::string>(), identity::tier_dialect::word));
    out.reputation_ppm = in.number<std::uint32_t>("reputation_ppm");
    out.keys_bound = in.number<bool>("keys_bound");
    const arguments what{in["intent"], nullptr}, asked{in["session_request"], nullptr};
    out.what.category = what.text("category");
    out.what.subcategory = what.text("subcategory", "");
    out.asked.ttl_seconds = asked.number<std::uint32_t>("ttl_seconds");
    out.asked.expected_messages = asked.number<std::uint32_t>("expected_messages");
    out.open_sessions = in.number<std::size_t>("open_sessions");
    return out;
}

/// The verdict after as many KNOCKs of the same caller, in the same minute, as the question says.
session::verdict decided(const arguments& in) {
    session::policy_fault where;
    const auto rules = need(session::parse_policy(in.text("policy"), where));
    const auto asking = read_caller(in["caller"]);
    session::caller_rates rates;
    for (auto left = in.number<int>("earlier"); left > 0; --left)
        if (rates.take(asking.who, 1'000'000, asking.now.steady) != 0)
            throw std::invalid_argument{"more KNOCKs than a minute has"};
    return session::evaluate(rules, asking, {}, rates).answer;
}

answer decide(const arguments& in) {
    const auto found = decided(in);
    if (!found.accepted) return fail(errc::policy_denied);
    return json{{"max_message_size_bytes", found.held_to.max_message_size_bytes},
                {"max_messages", found.held_to.max_messages},
                {"ttl_seconds", found.held_to.ttl_seconds}};
}

answer reason(const arguments& in) {
    const auto found = decided(in);
    if (found.accepted) return json{{"accepted", true}};
    return json{{"reason", session::to_text(found.why)}, {"told", session::to_text(found.told)}};
}

json names(const std::vector<amid>& list) {
    auto out = json::array();
    for (const auto& one : list) out.push_back(one.text());
    return out;
}

answer read_file(const arguments& in) {
    session::policy_fault where;
    const auto rules = session::parse_policy(in.text("text"), where);
    if (!rules) return fail(errc::not_allowed);  // whatever is wrong with it, the old policy stays
    auto tiers = json::array(), suites = json::array();
    for (const auto level : {tier::anonymous, tier::verified, tier::organization})
        if (rules->accepts(level)) tiers.push_back(identity::tier_label(level, identity::tier_dialect::word));
    for (const auto one : rules->allow_suites) suites.push_back(e2ee::to_text(one));
    return json{{"accept_tiers", tiers},
                {"min_reputation", rules->min_reputation_ppm},
                {"accepted_intents", rules->accepted_intents},
                {"rejected_intents", rules->rejected_intents},
                {"blocklist", names(rules->blocklist)},
                {"allowlist", names(rules->allowlist)},
                {"strict_mode", rules->strict_mode},
                {"max_concurrent_sessions", rules->max_concurrent_sessions},
                {"rate_limit",
                 {{"knocks_per_minute", rules->rate_limit.knocks_per_minute},
                  {"messages_per_minute", rules->rate_limit.messages_per_minute}}},
                {"store_transcripts", rules->store_transcripts},
                {"auto_reject_when_offline", rules->auto_reject_when_offline},
                {"notify_owner",
                 {{"on_knock_from_unknown", rules->notify_owner.on_knock_from_unknown},
                  {"on_high_value_transaction", rules->notify_owner.on_high_value_transaction},
                  {"on_error", rules->notify_owner.on_error},
                  {"threshold_usd", rules->notify_owner.threshold_micros}}},
                {"allow_suites", suites},
                {"allow_unbound_keys", rules->allow_unbound_keys},
                {"allow_unsigned_knock", rules->allow_unsigned_knock},
                {"session",
                 {{"max_ttl_seconds", rules->session.ttl_seconds},
                  {"max_messages", rules->session.max_messages},
                  {"max_message_size_bytes", rules->session.max_message_size_bytes}}}};
}

}  // namespace

void add_policy(operations& into) {
    into["policy.decide"] = decide;
    into["policy.reason"] = reason;
    into["policy.policy_file.read"] = read_file;
}

}  // namespace agentmesh::shim
