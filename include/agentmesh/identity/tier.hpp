// Trust tiers: their order, and the three numberings in use for them.
#pragma once

#include <agentmesh/core/result.hpp>

#include <array>
#include <compare>
#include <string_view>

namespace agentmesh {

/// Who stands behind an agent, from least to most trusted. The order of the enumerators is the order of trust; the
/// labels that dialects print for them are not numbers and order nothing.
/// @spec AM-ID-030
enum class tier : std::uint8_t {
    anonymous,     ///< proved by nothing
    verified,      ///< a person or an account
    organization,  ///< an organisation that vouches
};

namespace identity {

/// Which set of labels a peer uses.
enum class tier_dialect : std::uint8_t {
    word,         ///< registry JSON: `anonymous`, `verified`, `organization`
    label,        ///< 0.2 text and Python KNOCK: `2`, `1`, `1.5`
    javascript,   ///< JS TierLevel: `0`, `1`, `2`, where `2` is the highest
    certificate,  ///< registry certificates: `Verified`, `Organization`; none for anonymous
};

/// Rows in the order of tier_dialect, columns in the order of tier.
inline constexpr std::array<std::array<std::string_view, 3>, 4> tier_labels = {{
    {"anonymous", "verified", "organization"},
    {"2", "1", "1.5"},
    {"0", "1", "2"},
    {"", "Verified", "Organization"},
}};

/// The label of a tier, to be written as a string or as a JSON number as the dialect does. Empty if it has none.
[[nodiscard]] constexpr std::string_view tier_label(tier level, tier_dialect dialect) noexcept {
    return tier_labels[static_cast<std::size_t>(dialect)][static_cast<std::size_t>(level)];
}

/// Reads a label exactly as the dialect writes it: no other case, no `1.0`, no `1.50`.
/// @spec   AM-ID-031
/// @errors unknown_tier; whoever carries it is denied, not taken for anonymous
[[nodiscard]] constexpr result<tier> parse_tier(std::string_view text, tier_dialect dialect) noexcept {
    for (const tier level : {tier::anonymous, tier::verified, tier::organization})
        if (!text.empty() && text == tier_label(level, dialect)) return level;
    return fail(errc::unknown_tier, "AM-ID-031");
}

/// Whether `actual` satisfies a demand for at least `wanted`.
[[nodiscard]] constexpr bool at_least(tier actual, tier wanted) noexcept { return actual >= wanted; }

static_assert(tier::anonymous < tier::verified && tier::verified < tier::organization);

}  // namespace identity
}  // namespace agentmesh
