// Properties: a policy file that is accepted is written again as a file that says the same, and decides as its rules
// do when they are written down one after the other; one that is refused names a line of it and changes nothing.
#include "fuzz/fuzz.hpp"

#include <agentmesh/session/policy.hpp>

AM_FUZZ(AM_POL_001, AM_POL_002, AM_POL_003, AM_POL_004, AM_POL_005, AM_POL_006, AM_POL_007, AM_POL_008, AM_POL_009,
        AM_POL_010, AM_POL_011, AM_POL_012, AM_POL_013, AM_POL_014, AM_POL_015);

using namespace agentmesh;
using session::deny_reason;

namespace {

amid name(std::uint8_t first) {
    amid::raw bytes;
    bytes.storage()[0] = first;
    return amid::from_raw(bytes);
}

bool contains(const std::vector<amid>& list, const amid& who) {
    return std::find(list.begin(), list.end(), who) != list.end();
}
bool names(const std::vector<std::string>& list, const std::string& what) {
    for (const std::string& one : list)
        if (message::match(one, what) != message::fit::none && !one.starts_with(what + "/"))
            return true;
    return false;
}

/// The chapter on policy, rule by rule. Nothing: accepted.
std::optional<deny_reason> as_written(const session::policy& rules, const session::applicant& asking, unsigned before) {
    if (contains(rules.blocklist, asking.who)) return deny_reason::blocked;
    if (!asking.is_signed && !rules.allow_unsigned_knock) return deny_reason::invalid_signature;
    if (std::find(rules.allow_suites.begin(), rules.allow_suites.end(), asking.suite) == rules.allow_suites.end())
        return deny_reason::insufficient_trust;
    if (!asking.keys_bound && !rules.allow_unbound_keys) return deny_reason::insufficient_trust;
    if (!asking.trust) return deny_reason::insufficient_trust;
    if (!rules.accept_tiers[static_cast<std::size_t>(*asking.trust)]) return deny_reason::insufficient_trust;
    if (before >= rules.rate_limit.knocks_per_minute) return deny_reason::rate_limited;
    const std::string what = session::intent_name(asking.what);
    if (!message::check_capability(what) || names(rules.rejected_intents, what) ||
        (!rules.accepted_intents.empty() && !names(rules.accepted_intents, what)))
        return deny_reason::intent_not_accepted;
    if (rules.strict_mode && !contains(rules.allowlist, asking.who)) return deny_reason::not_in_allowlist;
    if (asking.reputation_ppm < rules.min_reputation_ppm) return deny_reason::low_reputation;
    if (asking.open_sessions >= rules.max_concurrent_sessions) return deny_reason::at_capacity;
    return std::nullopt;
}

void ask(const session::policy& rules, std::uint32_t dice) {
    session::applicant asking{.who = name(static_cast<std::uint8_t>(dice & 3))};
    if (!rules.blocklist.empty() && (dice & 1)) asking.who = rules.blocklist[dice % rules.blocklist.size()];
    if (!rules.allowlist.empty() && (dice & 2)) asking.who = rules.allowlist[dice % rules.allowlist.size()];
    if ((dice >> 2 & 3) != 3) asking.trust = static_cast<tier>(dice >> 2 & 3);
    asking.keys_bound = (dice >> 4 & 3) != 0;
    asking.reputation_ppm = (dice >> 6 & 7) * 142'857;
    asking.open_sessions = (dice >> 9 & 3) * 4;
    constexpr std::string_view words[] = {"travel", "finance", "commerce", "Travel"};
    asking.what.category = words[dice >> 11 & 3];
    if (dice >> 13 & 1) asking.what.subcategory = "payment";
    asking.asked.ttl_seconds = dice >> 14;
    asking.suite = static_cast<e2ee::suite_id>(1 + (dice >> 18 & 3) * (dice >> 20 & 1));
    asking.is_signed = (dice >> 21 & 7) != 0;

    session::caller_rates rates;
    const unsigned before = dice >> 16 & 3;
    for (unsigned i = 0; i < before; ++i) (void)rates.take(asking.who, 6'000, asking.now.steady);
    const session::verdict answer = session::evaluate(rules, asking, {}, rates).answer;
    const auto wanted = as_written(rules, asking, before);
    REQUIRE_FUZZ(answer.accepted == !wanted.has_value());
    if (wanted) {
        REQUIRE_FUZZ(answer.why == *wanted);
        if (!contains(rules.allowlist, asking.who) || *wanted == deny_reason::blocked ||
            *wanted == deny_reason::invalid_signature)
            REQUIRE_FUZZ(answer.told == deny_reason::rejected && !answer.retry_after_seconds);
    } else {
        REQUIRE_FUZZ(answer.held_to.ttl_seconds <= asking.asked.ttl_seconds);
        REQUIRE_FUZZ(answer.held_to.ttl_seconds <= rules.session.ttl_seconds);
        REQUIRE_FUZZ(answer.held_to.max_messages <= rules.session.max_messages);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    session::policy_source source;
    session::policy_fault where;
    const auto before = source.rules();
    const std::uint64_t generation = source.generation();

    if (!source.reload(text, where)) {
        REQUIRE_FUZZ(source.rules() == before && source.generation() == generation);
        REQUIRE_FUZZ(where.line >= 1);
        REQUIRE_FUZZ(where.line <= 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
        REQUIRE_FUZZ(!where.expected.empty());
        return 0;
    }
    REQUIRE_FUZZ(source.generation() > generation);
    const session::policy& rules = source.rules();
    REQUIRE_FUZZ(session::parse_policy(session::write_policy(rules), where) == rules);
    REQUIRE_FUZZ(std::is_sorted(rules.blocklist.begin(), rules.blocklist.end()));
    std::uint32_t dice = 2'166'136'261u;
    for (std::size_t i = 0; i < size; ++i) dice = (dice ^ data[i]) * 16'777'619u;
    for (int i = 0; i < 64; ++i) ask(rules, dice = dice * 1'664'525u + 1'013'904'223u);
    return 0;
}
