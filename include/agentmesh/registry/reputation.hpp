// Reputation: one formula over what others say, and a bound on what any number of them can do together.
//
//     opinion from_bob{.tier_of_author = tier::verified, .age_of_author = 40, .score_ppm = 900'000};
//     auto score = registry::reputation({.trust = tier::anonymous, .age_days = 12, .feedback = {&from_bob, 1}});
//
// Everything is whole numbers, so that two registries that know the same say the same. docs/decisions/0009 says why the
// deployed formulas were not taken over.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/identity/tier.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace agentmesh::registry {

/// Parts per million, 0 to 1,000,000.
using ppm = std::uint32_t;
inline constexpr ppm whole = 1'000'000;

/// What one identity says of another: of its manners (feedback), or how the sessions of the two ended (sessions). An
/// identity has at most one opinion of each kind about another; a later one takes the place of the earlier.
struct opinion {
    tier tier_of_author = tier::anonymous;
    std::uint32_t age_of_author = 0;  ///< whole days since the author was registered, when the opinion was given
    bool reciprocal = false;          ///< the subject gave one about the author within 24 h, either way
    ppm score_ppm = 0;                ///< feedback: the rating; sessions: the share that succeeded
};

/// How much an opinion counts, in fortieths of a full one: 40 x 1/2 (anonymous) x 1/5 (reciprocal) x 1/4 (author
/// younger than 7 days). Never 0: what counts nothing is not an opinion.
/// @spec AM-REP-004
[[nodiscard]] constexpr std::uint32_t weight(const opinion& of) noexcept {
    std::uint32_t out = 40;
    if (of.tier_of_author == tier::anonymous) out /= 2;
    if (of.reciprocal) out /= 5;
    if (of.age_of_author < 7) out /= 4;
    return out;
}
static_assert(weight({}) == 5 && weight({.age_of_author = 7, .reciprocal = true}) == 4 &&
              weight({.reciprocal = true}) == 1);

/// All that the formula looks at.
struct standing {
    tier trust = tier::anonymous;
    std::uint32_t age_days = 0;  ///< whole days since registration
    std::span<const opinion> feedback{};
    std::span<const opinion> sessions{};  ///< one a counterpart, never one a session
};

/// 3/10 completion + 4/10 feedback + 1/10 age + 2/10 tier.
///
/// Completion and feedback are weighted means in which the start counts as five full opinions, so the score moves
/// smoothly from its start and never jumps when a count is reached. Anonymous opinions together weigh at most as much
/// as the start. Each of the four terms and their sum are rounded half to even. It starts at 500,000, 600,000 and
/// 700,000 for the three tiers.
/// @spec AM-REP-001, AM-REP-002, AM-REP-003, AM-REP-005
[[nodiscard]] ppm reputation(const standing& of) noexcept;

/// No more than this can the opinions of `anonymous` unproved and `proved` verified or organisation identities move a
/// score, up or down, whatever they say and whoever else has an opinion.
/// @spec AM-REP-006
[[nodiscard]] ppm most_shift(std::uint64_t anonymous, std::uint64_t proved) noexcept;

/// A score as it was published at a time.
struct published_score {
    time_point at;
    ppm score = 0;
};

/// A flag that goes with a record for 24 h: the score moved by more than 200,000 within 24 h.
struct rapid_change {
    time_point since;  ///< when the movement was complete
    ppm from = 0;
    ppm to = 0;

    [[nodiscard]] bool rising() const noexcept { return to > from; }
};

/// Looks for the latest rapid change whose flag still stands: two scores at most 24 h apart that differ by more than
/// 200,000, the later of them at most 24 h before `now`.
/// @param  history  in order of time; what is older than 48 h is not looked at
/// @spec   AM-REP-007
[[nodiscard]] std::optional<rapid_change> flag_of(std::span<const published_score> history, time_point now) noexcept;

}  // namespace agentmesh::registry

#include <agentmesh/registry/reputation.ipp>
