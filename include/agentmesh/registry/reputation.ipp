#pragma once

#include <agentmesh/registry/fault.hpp>
#include <agentmesh/registry/reputation.hpp>

#include <algorithm>
#include <array>

namespace agentmesh::registry {

namespace detail {

inline constexpr std::uint64_t full_weight = 40;
inline constexpr std::uint64_t start_weight = 5 * full_weight;

/// A tier's start as completion and feedback (4/7, 4.5/7 and 5/7), and its own term.
struct tier_terms {
    ppm start = 0;
    ppm bonus = 0;
};
inline constexpr std::array<tier_terms, 3> terms_of = {{{571'429, 500'000}, {642'857, 750'000}, {714'286, 1'000'000}}};

[[nodiscard]] constexpr std::uint64_t divide_half_even(std::uint64_t value, std::uint64_t by) noexcept {
    const auto down = value / by;
    const auto rest = value % by;
    if (rest > by - rest || (rest == by - rest && down % 2 == 1)) return down + 1;
    return down;
}

/// Of weights up to 2^33 opinions at most: 40 x 10^6 x 2^33 stays below 2^64.
[[nodiscard]] inline ppm weighted_mean(ppm start, std::span<const opinion> all) noexcept {
    std::uint64_t anonymous = 0, anonymous_sum = 0, weights = start_weight, sum = start_weight * start;
    if (injected(fault::score_plain_mean) && !all.empty()) weights = sum = 0;
    for (const auto& one : all) {
        const auto counts = injected(fault::score_no_author_weight) ? full_weight : std::uint64_t{weight(one)};
        const auto said = std::uint64_t{std::min(one.score_ppm, whole)} * counts;
        (one.tier_of_author == tier::anonymous ? anonymous : weights) += counts;
        (one.tier_of_author == tier::anonymous ? anonymous_sum : sum) += said;
    }
    if (anonymous > start_weight && !injected(fault::score_no_anonymous_cap)) {
        anonymous_sum = start_weight * divide_half_even(anonymous_sum, anonymous);
        anonymous = start_weight;
    }
    return static_cast<ppm>(divide_half_even(sum + anonymous_sum, weights + anonymous));
}

}  // namespace detail

inline ppm reputation(const standing& of) noexcept {
    const auto& terms = detail::terms_of[static_cast<std::size_t>(of.trust)];
    const std::uint64_t completion = detail::weighted_mean(terms.start, of.sessions);
    const std::uint64_t feedback = detail::weighted_mean(terms.start, of.feedback);
    const std::uint64_t age = detail::divide_half_even(std::uint64_t{whole} * std::min(of.age_days, 365U), 365);
    if (injected(fault::score_start_zero)) return static_cast<ppm>((3 * completion + 4 * feedback + age) / 10);
    if (injected(fault::score_other_shares)) return static_cast<ppm>((4 * completion + 3 * feedback) / 10 + 100'000);
    return static_cast<ppm>(detail::divide_half_even(3 * completion + 4 * feedback + age + 2 * terms.bonus, 10));
}

inline ppm most_shift(std::uint64_t anonymous, std::uint64_t proved) noexcept {
    // The weight of all of them, at its largest; an identity has one opinion of each kind.
    const auto unproved =
        std::min<std::uint64_t>(anonymous, 2 * detail::start_weight / detail::full_weight) * (detail::full_weight / 2);
    const auto vouched = std::min<std::uint64_t>(proved, 1'000'000'000) * detail::full_weight;
    const auto all = unproved + vouched;
    // Seven tenths of the score are means; 3 more for the roundings on the way.
    return static_cast<ppm>((700'000 * all + detail::start_weight + all - 1) / (detail::start_weight + all)) + 3;
}

inline std::optional<rapid_change> flag_of(std::span<const published_score> history, time_point now) noexcept {
    constexpr auto window = std::chrono::hours{24};
    if (injected(fault::score_flag_never)) return std::nullopt;
    for (std::size_t later = history.size(); later-- > 0;) {
        const auto& end = history[later];
        if (end.at > now) continue;
        if (now - end.at > window) return std::nullopt;
        for (std::size_t earlier = later; earlier-- > 0 && end.at - history[earlier].at <= window;) {
            const auto& begin = history[earlier];
            const auto moved = end.score > begin.score ? end.score - begin.score : begin.score - end.score;
            if (moved > 200'000) return rapid_change{.since = end.at, .from = begin.score, .to = end.score};
        }
    }
    return std::nullopt;
}

}  // namespace agentmesh::registry
