// Bodies of session/policy.hpp: evaluation. Reading and writing files is in policy_file.ipp.
#pragma once

namespace agentmesh::session {

inline bool policy::allows(e2ee::suite_id suite) const noexcept {
    return std::find(allow_suites.begin(), allow_suites.end(), suite) != allow_suites.end();
}
inline bool policy::blocks(const amid& who) const noexcept {
    return std::binary_search(blocklist.begin(), blocklist.end(), who);
}
inline bool policy::knows(const amid& who) const noexcept {
    return std::binary_search(allowlist.begin(), allowlist.end(), who);
}

inline unsigned caller_rates::take(const amid& who, std::uint32_t limit, steady_point now) {
    const auto is_over = [now](const minute& one) { return now >= one.begins + limits::rate_window; };
    auto at = minutes_.find(who);
    if (at == minutes_.end()) {
        if (minutes_.size() >= known_callers)
            std::erase_if(minutes_, [&](const auto& one) { return is_over(one.second); });
        if (minutes_.size() >= known_callers) return 60;
        at = minutes_.emplace(who, minute{now, 0}).first;
    }
    minute& current = at->second;
    if (is_over(current)) current = {now, 0};
    if (current.count >= limit) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(current.begins + limits::rate_window - now);
        return static_cast<unsigned>(std::clamp<std::int64_t>(left.count(), 1, 60));
    }
    ++current.count;
    return 0;
}

inline std::string intent_name(const intent& what) {
    return what.subcategory.empty() ? what.category : what.category + '/' + what.subcategory;
}

namespace policy_rules {

[[nodiscard]] inline bool any_covers(const std::vector<std::string>& patterns, std::string_view name) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [name](const std::string& one) { return message::covers(one, name); });
}

[[nodiscard]] inline constraints at_most(const session_request& asked, const constraints& own) noexcept {
    return {.max_message_size_bytes = own.max_message_size_bytes,
            .max_messages = std::min(asked.expected_messages, own.max_messages),
            .ttl_seconds = std::min(asked.ttl_seconds, own.ttl_seconds)};
}

/// What one rule has to look at.
struct question {
    const policy& rules;
    const applicant& asking;
    const standing& found;
    caller_rates& rates;
    std::optional<std::uint32_t> retry_after{};  // filled in by a rule that denies for a while only
};

/// A rule: its place, the reason it gives, and whether it denies.
struct rule {
    policy_stage stage;
    deny_reason reason;
    bool (*denies)(question&);
};

/// Ruling 23 as data: evaluation walks down this list and nothing else.
inline constexpr std::array<rule, 12> in_order = {{
    {policy_stage::connection_rate, deny_reason::rate_limited,
     [](question& q) { return !q.found.connection_within_rate; }},
    // @spec AM-POL-002
    {policy_stage::blocklist, deny_reason::blocked, [](question& q) { return q.rules.blocks(q.asking.who); }},
    {policy_stage::signature, deny_reason::invalid_signature,
     [](question& q) { return !q.found.authentic || (!q.asking.is_signed && !q.rules.allow_unsigned_knock); }},
    {policy_stage::freshness, deny_reason::invalid_signature, [](question& q) { return !q.found.fresh; }},
    // @spec AM-POL-015
    {policy_stage::suite, deny_reason::insufficient_trust,
     [](question& q) { return !q.rules.allows(q.asking.suite); }},
    // @spec AM-POL-014
    {policy_stage::key_binding, deny_reason::insufficient_trust,
     [](question& q) { return !q.asking.keys_bound && !q.rules.allow_unbound_keys; }},
    // @spec AM-POL-003
    {policy_stage::tier, deny_reason::insufficient_trust,
     [](question& q) { return !q.asking.trust || !q.rules.accepts(*q.asking.trust); }},
    // @spec AM-POL-004
    {policy_stage::rate, deny_reason::rate_limited,
     [](question& q) {
         const unsigned wait = q.rates.take(q.asking.who, q.rules.rate_limit.knocks_per_minute, q.asking.now.steady);
         if (wait != 0) q.retry_after = wait;
         return wait != 0;
     }},
    // An intent that is no capability could be spelled so that no rule meets it. @spec AM-POL-005
    {policy_stage::intent, deny_reason::intent_not_accepted,
     [](question& q) {
         const std::string name = intent_name(q.asking.what);
         return !message::check_capability(name) || any_covers(q.rules.rejected_intents, name) ||
                (!q.rules.accepted_intents.empty() && !any_covers(q.rules.accepted_intents, name));
     }},
    // @spec AM-POL-006
    {policy_stage::allowlist, deny_reason::not_in_allowlist,
     [](question& q) { return q.rules.strict_mode && !q.rules.knows(q.asking.who); }},
    // @spec AM-POL-007
    {policy_stage::reputation, deny_reason::low_reputation,
     [](question& q) { return q.asking.reputation_ppm < q.rules.min_reputation_ppm; }},
    // @spec AM-POL-008
    {policy_stage::capacity, deny_reason::at_capacity,
     [](question& q) {
         const bool full = q.asking.open_sessions >= q.rules.max_concurrent_sessions;
         if (full) q.retry_after = 60;
         return full;
     }},
}};

}  // namespace policy_rules

inline decision evaluate(const policy& rules, const applicant& asking, const standing& found, caller_rates& rates) {
    policy_rules::question q{rules, asking, found, rates};
    for (const policy_rules::rule& one : policy_rules::in_order) {
        if (!one.denies(q)) continue;
        // Before signature and freshness hold, `who` is only what the transport says, and nobody is told anything.
        const bool may_learn = one.stage > policy_stage::freshness && rules.knows(asking.who);
        return {one.stage, may_learn ? verdict::deny_openly(one.reason, q.retry_after) : verdict::deny(one.reason)};
    }
    // @spec AM-POL-009
    return {policy_stage::passed, verdict::accept(policy_rules::at_most(asking.asked, rules.session))};
}

// --- the policy in force -----------------------------------------------------------------------------------------

inline result<void> policy_source::reload(std::string_view text, policy_fault& where) {
    AGENTMESH_TRY(rules, parse_policy(text, where));
    replace(std::move(rules));
    return {};
}

inline void policy_source::replace(policy rules) {
    rules_ = std::move(rules);
    ++generation_;
}

inline bool policy_source::edit(std::vector<amid>& list, const amid& who, bool present) {
    const auto at = std::lower_bound(list.begin(), list.end(), who);
    const bool there = at != list.end() && *at == who;
    if (there == present) return false;
    if (present) list.insert(at, who);
    else list.erase(at);
    ++generation_;
    return true;
}

inline bool policy_source::block(const amid& who) { return edit(rules_.blocklist, who, true); }
inline bool policy_source::unblock(const amid& who) { return edit(rules_.blocklist, who, false); }
inline bool policy_source::allow(const amid& who) { return edit(rules_.allowlist, who, true); }
inline bool policy_source::disallow(const amid& who) { return edit(rules_.allowlist, who, false); }

inline void policy_source::pause() {
    if (!paused_) ++generation_;
    paused_ = true;
}
inline void policy_source::resume() {
    if (paused_) ++generation_;
    paused_ = false;
}

inline bool policy_source::is_flooded(const moment& now) {
    if (flood_ == 0 || now.steady >= flood_begins_ + limits::rate_window) {
        flood_begins_ = now.steady;
        flood_ = 0;
    }
    if (flood_ >= knock_flood_per_minute) return true;
    ++flood_;
    return false;
}

inline verdict policy_source::decide(const applicant& asking) {
    if (paused_)
        return rules_.knows(asking.who) && !rules_.blocks(asking.who) ? verdict::deny_openly(deny_reason::paused)
                                                                      : verdict::deny(deny_reason::paused);
    return evaluate(rules_, asking, {}, knocks_).answer;
}

inline unsigned policy_source::take_message(const amid& from, const moment& now) {
    return messages_.take(from, rules_.rate_limit.messages_per_minute, now.steady);
}

inline result<policy_source> from_file(std::string_view content, policy_fault& where) {
    AGENTMESH_TRY(rules, parse_policy(content, where));
    return policy_source{std::move(rules)};
}

// --- policies in code ---------------------------------------------------------------------------------------------

namespace policy_rules {
/// What was asked for, within what this library can hold.
[[nodiscard]] inline verdict accept_as_asked(const applicant& asking) {
    return verdict::accept(at_most(asking.asked, policy{}.session));
}
}  // namespace policy_rules

inline verdict allow_intents::decide(const applicant& asking) const {
    const std::string name = intent_name(asking.what);
    if (!message::check_capability(name) || !policy_rules::any_covers(patterns, name))
        return verdict::deny(deny_reason::intent_not_accepted);
    return policy_rules::accept_as_asked(asking);
}

inline verdict allow_all_verified::decide(const applicant& asking) const {
    if (!asking.trust || !identity::at_least(*asking.trust, tier::verified))
        return verdict::deny(deny_reason::insufficient_trust);
    return policy_rules::accept_as_asked(asking);
}

template <PolicySource... P>
verdict all_of<P...>::decide(const applicant& asking) {
    verdict out = policy_rules::accept_as_asked(asking);
    const auto ask = [&](auto& part) {
        const verdict one = part.decide(asking);
        if (!one.accepted) return out = one, false;
        out.held_to.max_message_size_bytes =
            std::min(out.held_to.max_message_size_bytes, one.held_to.max_message_size_bytes);
        out.held_to.max_messages = std::min(out.held_to.max_messages, one.held_to.max_messages);
        out.held_to.ttl_seconds = std::min(out.held_to.ttl_seconds, one.held_to.ttl_seconds);
        return true;
    };
    std::apply([&](auto&... part) { (void)(ask(part) && ...); }, parts_);
    return out;
}

template <PolicySource... P>
std::uint64_t all_of<P...>::generation() {
    return std::apply([](auto&... part) { return (std::uint64_t{0} + ... + std::uint64_t{part.generation()}); },
                      parts_);
}

template <PolicySource... P>
bool all_of<P...>::allows(e2ee::suite_id suite) const {
    return std::apply([&](const auto&... part) { return (session::allows(part, suite) && ...); }, parts_);
}

template <PolicySource... P>
bool all_of<P...>::allows_unsigned() const {
    return std::apply([](const auto&... part) { return (session::allows_unsigned(part) && ...); }, parts_);
}

template <PolicySource... P>
verdict any_of<P...>::decide(const applicant& asking) {
    std::optional<verdict> first;
    verdict out{};
    const auto ask = [&](auto& part) {
        const verdict one = part.decide(asking);
        if (!one.accepted && !first) first = one;
        if (one.accepted) out = one;
        return one.accepted;
    };
    const bool accepted = std::apply([&](auto&... part) { return (ask(part) || ...); }, parts_);
    return accepted || !first ? out : *first;
}

template <PolicySource... P>
std::uint64_t any_of<P...>::generation() {
    return std::apply([](auto&... part) { return (std::uint64_t{0} + ... + std::uint64_t{part.generation()}); },
                      parts_);
}

template <PolicySource... P>
bool any_of<P...>::allows(e2ee::suite_id suite) const {
    return std::apply([&](const auto&... part) { return (session::allows(part, suite) || ...); }, parts_);
}

template <PolicySource... P>
bool any_of<P...>::allows_unsigned() const {
    return std::apply([](const auto&... part) { return (session::allows_unsigned(part) || ...); }, parts_);
}

static_assert(PolicySource<policy_source> && PolicySource<allow_intents> && PolicySource<deny_all> &&
              PolicySource<allow_all_verified>);

}  // namespace agentmesh::session
