// The owner's policy: whom the agent talks to, about what, and how much. Rules only; nobody is asked.
//
//     session::policy_fault where;
//     session::policy_source rules;
//     if (auto ok = rules.reload(text, where); !ok) log(where.text());     // the policy in force stays
//     session::verdict answer = rules.decide(applicant);
//
// A file that is not understood to the last member is refused. A mistyped `blocklst` must not open the door.
#pragma once

#include <agentmesh/e2ee/suite.hpp>
#include <agentmesh/message/capability.hpp>
#include <agentmesh/message/money.hpp>
#include <agentmesh/session/verdict.hpp>

#include <tuple>
#include <unordered_map>

namespace agentmesh::session {

inline constexpr std::size_t policy_bytes = 256 * 1024;   ///< of a policy file
inline constexpr std::size_t policy_names = 4096;         ///< of one list
inline constexpr unsigned knock_flood_per_minute = 600;   ///< KNOCKs of one connection, whoever sends them
inline constexpr std::size_t known_callers = 2048;        ///< whose KNOCKs or messages are counted at a time

struct rate_limit {
    std::uint32_t knocks_per_minute = 30;     ///< 1 to 6,000, of one caller
    std::uint32_t messages_per_minute = 100;  ///< 1 to 60,000, of one caller

    friend bool operator==(const rate_limit&, const rate_limit&) = default;
};

/// What the owner hears of.
struct notify_owner {
    bool on_knock_from_unknown = true;
    bool on_high_value_transaction = true;
    bool on_error = true;
    std::int64_t threshold_micros = 50'000'000;  ///< `threshold_usd`, in millionths of it

    friend bool operator==(const notify_owner&, const notify_owner&) = default;
};

/// One policy file. Every member is optional there; the initialisers are the one table of defaults. Who writes `{}`
/// talks to verified callers of middling reputation, about anything, in suite am1 only.
/// @spec AM-POL-011
struct policy {
    std::array<bool, 3> accept_tiers = {false, true, true};  ///< in the order of `tier`; never none
    std::uint32_t min_reputation_ppm = 500'000;   ///< `min_reputation`, a number from 0 to 1, in parts per million
    std::vector<std::string> accepted_intents{};  ///< patterns; none: any intent
    std::vector<std::string> rejected_intents{};  ///< patterns; they win
    std::vector<amid> blocklist{};                ///< sorted; wins over everything
    std::vector<amid> allowlist{};                ///< sorted; who may learn why, and in strict_mode who may knock
    bool strict_mode = false;
    std::uint32_t max_concurrent_sessions = 10;   ///< 1 to 10,000
    session::rate_limit rate_limit{};
    bool store_transcripts = false;
    bool auto_reject_when_offline = false;
    session::notify_owner notify_owner{};
    // not in 0.2
    std::vector<e2ee::suite_id> allow_suites = {e2ee::suite_id::am1};  ///< never none
    bool allow_unbound_keys = false;              ///< exchange keys that nothing ties to the name (v02, wire10)
    bool allow_unsigned_knock = false;            ///< as wire10 peers send them
    constraints session = {.max_message_size_bytes = 65'536, .max_messages = 1'000, .ttl_seconds = 3'600};
                                                  ///< `session`: 256 to 65,536; 1 to 1,000,000; 10 to 604,800

    [[nodiscard]] bool accepts(tier level) const noexcept { return accept_tiers[static_cast<std::size_t>(level)]; }
    [[nodiscard]] bool allows(e2ee::suite_id suite) const noexcept;
    [[nodiscard]] bool blocks(const amid& who) const noexcept;
    [[nodiscard]] bool knows(const amid& who) const noexcept;  ///< on the allowlist

    friend bool operator==(const policy&, const policy&) = default;
};

/// Whether an agent under these rules may offer a suite, and accept one that is offered.
[[nodiscard]] inline bool allows(const policy& rules, e2ee::suite_id suite) noexcept { return rules.allows(suite); }
/// Whether a KNOCK without a signature, as wire10 peers send it, is worth a look.
[[nodiscard]] inline bool allows_unsigned(const policy& rules) noexcept { return rules.allow_unsigned_knock; }

/// Where a policy file is wrong.
struct policy_fault {
    std::size_t line = 0;         ///< from 1
    std::string member{};         ///< `rate_limit.knocks_per_minute`, `blocklist[2]`; empty: the text as a whole
    std::string_view expected{};  ///< what should stand there

    /// "line 7: blocklst: no member of this name exists"
    [[nodiscard]] std::string text() const;
};

/// Reads a policy file: strict JSON, every member known, given once, of its type and in its range. Tiers are words
/// (`"verified"`) or the numbers of 0.2 (1, 1.5, 2).
/// @spec   AM-POL-011, AM-POL-012
/// @errors bad_policy, with `where` filled in
[[nodiscard]] result<policy> parse_policy(std::string_view text, policy_fault& where);

/// Writes all members, defaults included, indented for people.
[[nodiscard]] std::string write_policy(const policy& rules);

// --- evaluation -------------------------------------------------------------------------------------------------

/// The rules in their order. Each comes only if all before it had nothing against the caller.
/// @spec AM-POL-001
enum class policy_stage : std::uint8_t {
    connection_rate,  ///< decided before a KNOCK is even opened, as is the next
    blocklist,
    signature,        ///< what the engine found, as is the next; both normally end the matter before any policy
    freshness,
    suite,
    key_binding,
    tier,
    rate,
    intent,
    allowlist,
    reputation,
    capacity,
    passed,
};

/// What was found out about a KNOCK before the owner's rules are asked.
struct standing {
    bool connection_within_rate = true;
    bool authentic = true;  ///< what signature it bears holds
    bool fresh = true;
};

/// Events of each caller in fixed minutes. Bounded: while `known_callers` are within their minute, another one is
/// treated as over the limit.
class caller_rates {
public:
    /// Counts one event, or refuses it.
    /// @return 0 if it was counted, else after how many seconds, 1 to 60, to try again
    [[nodiscard]] unsigned take(const amid& who, std::uint32_t limit, steady_point now);
    [[nodiscard]] std::size_t size() const noexcept { return minutes_.size(); }

private:
    struct minute {
        steady_point begins{};
        std::uint32_t count = 0;
    };
    std::unordered_map<amid, minute, amid_hash> minutes_;
};

/// A verdict, and the rule it comes from.
struct decision {
    policy_stage stage = policy_stage::passed;
    verdict answer{};
};

/// Puts a KNOCK to the rules, in order. The caller hears `rejected` whatever the reason, unless he is on the
/// allowlist and has proved to be himself: then he hears the reason and when to try again.
/// @spec  AM-POL-001 to AM-POL-010, AM-POL-014, AM-POL-015
/// @param rates  the KNOCKs of this minute; counts this one if it comes as far as that rule
[[nodiscard]] decision evaluate(const policy& rules, const applicant& asking, const standing& found,
                                caller_rates& rates);

/// `travel/flights` for an intent; what no rule may name, if the intent is no capability.
[[nodiscard]] std::string intent_name(const intent& what);

// --- the policy in force -----------------------------------------------------------------------------------------

/// Holds the policy in force and the counts that go with it. A model of PolicySource. Every change of rules raises
/// `generation`, so that no cached answer outlives the rule it came from; changes hold from the next KNOCK on.
class policy_source {
public:
    explicit policy_source(policy initial = {}) : rules_{std::move(initial)} {}

    /// Takes over the content of a policy file.
    /// @spec   AM-POL-013
    /// @errors bad_policy; the policy in force stays, in every member, and so does the generation
    result<void> reload(std::string_view text, policy_fault& where);
    void replace(policy rules);

    // Edits of the owner's; each returns whether it changed anything.
    bool block(const amid& who);
    bool unblock(const amid& who);
    bool allow(const amid& who);
    bool disallow(const amid& who);
    /// Refuses every KNOCK until resumed. Touches no rule, so that `resume` restores exactly what was.
    void pause();
    void resume();

    /// The one rule that is asked before a KNOCK is opened: how many come in, from whomever. The blocklist waits for
    /// `decide`, so that a blocked caller hears what any refused one hears.
    /// @spec   AM-POL-010
    /// @return whether to drop the KNOCK unread
    [[nodiscard]] bool is_flooded(const moment& now);
    [[nodiscard]] verdict decide(const applicant& asking);
    /// Counts one message of a session. @return 0, or after how many seconds another one is welcome
    [[nodiscard]] unsigned take_message(const amid& from, const moment& now);

    [[nodiscard]] bool allows(e2ee::suite_id suite) const noexcept { return rules_.allows(suite); }
    [[nodiscard]] bool allows_unsigned() const noexcept { return rules_.allow_unsigned_knock; }
    [[nodiscard]] const policy& rules() const noexcept { return rules_; }
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

private:
    bool edit(std::vector<amid>& list, const amid& who, bool present);

    policy rules_;
    std::uint64_t generation_ = 1;
    bool paused_ = false;
    caller_rates knocks_;
    caller_rates messages_;
    steady_point flood_begins_{};
    unsigned flood_ = 0;
};

/// The content of a policy file as a source; reading the file is the caller's.
/// @errors bad_policy
[[nodiscard]] result<policy_source> from_file(std::string_view content, policy_fault& where);

// --- policies in code ---------------------------------------------------------------------------------------------

/// Accepts whoever proved to be himself, for these intents.
struct allow_intents {
    std::vector<std::string> patterns;
    [[nodiscard]] verdict decide(const applicant& asking) const;
    [[nodiscard]] std::uint64_t generation() const noexcept { return 0; }
};

struct deny_all {
    [[nodiscard]] verdict decide(const applicant&) const { return verdict::deny(deny_reason::rejected); }
    [[nodiscard]] std::uint64_t generation() const noexcept { return 0; }
};

/// Accepts every caller behind whom, as the registry knows, a person, an account or an organisation stands.
struct allow_all_verified {
    [[nodiscard]] verdict decide(const applicant& asking) const;
    [[nodiscard]] std::uint64_t generation() const noexcept { return 0; }
};

/// What all of them accept, within the narrowest of their limits. The first that denies gives the reason, and the
/// ones after it are not asked.
template <PolicySource... P>
class all_of {
public:
    explicit all_of(P... parts) : parts_{std::move(parts)...} {}
    [[nodiscard]] verdict decide(const applicant& asking);
    [[nodiscard]] std::uint64_t generation();
    [[nodiscard]] bool allows(e2ee::suite_id suite) const;
    [[nodiscard]] bool allows_unsigned() const;
    template <std::size_t I>
    [[nodiscard]] auto& part() noexcept { return std::get<I>(parts_); }

private:
    std::tuple<P...> parts_;
};

/// What one of them accepts; the first that does sets the limits. If none does, the first one's reason stands.
template <PolicySource... P>
class any_of {
public:
    explicit any_of(P... parts) : parts_{std::move(parts)...} {}
    [[nodiscard]] verdict decide(const applicant& asking);
    [[nodiscard]] std::uint64_t generation();
    [[nodiscard]] bool allows(e2ee::suite_id suite) const;
    [[nodiscard]] bool allows_unsigned() const;
    template <std::size_t I>
    [[nodiscard]] auto& part() noexcept { return std::get<I>(parts_); }

private:
    std::tuple<P...> parts_;
};

}  // namespace agentmesh::session

#include <agentmesh/session/policy.ipp>
#include <agentmesh/session/policy_file.ipp>
