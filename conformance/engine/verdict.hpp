// Verdict words, their order, and what each does to a certificate.
#pragma once

#include "conformance/engine/requirement.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace agentmesh::conformance {

/// In order from best to worst: the verdict of a case is the worst of its checks.
enum class verdict : std::uint8_t {
    pass,          ///< the target did what the clause demands, and sent bytes that show it
    chose,         ///< a MAY: the choice is recorded
    not_offered,   ///< an optional feature, shown by a probe to be absent
    waived,        ///< a SHOULD that is not met, with a waiver that names the reason
    deviation,     ///< a SHOULD that is not met
    untested,      ///< nobody judged it
    inconclusive,  ///< a control failed, so nothing can be said
    flaky,         ///< two runs of one case disagreed
    fail,          ///< a MUST that is not met
    hang,          ///< the target accepts connections and answers nothing any more
    crash,         ///< the target stopped accepting connections
};

inline constexpr std::array<std::string_view, 11> verdict_words{
    "pass", "chose", "not_offered", "waived", "deviation", "untested", "inconclusive", "flaky", "fail", "hang", "crash"};

[[nodiscard]] constexpr std::string_view to_string(verdict v) noexcept {
    return verdict_words[static_cast<unsigned>(v)];
}
[[nodiscard]] constexpr std::optional<verdict> verdict_of(std::string_view word) noexcept {
    for (unsigned i = 0; i < verdict_words.size(); ++i)
        if (verdict_words[i] == word) return static_cast<verdict>(i);
    return std::nullopt;
}

/// The worse of two.
[[nodiscard]] constexpr verdict worse(verdict a, verdict b) noexcept { return a < b ? b : a; }

/// What an observation against the clause means: `deviation` for SHOULD, `fail` for MUST.
[[nodiscard]] constexpr verdict adverse(keyword k) noexcept {
    return k == keyword::should || k == keyword::should_not ? verdict::deviation : verdict::fail;
}

/// True for the verdicts of a broken MUST: exit 1.
[[nodiscard]] constexpr bool breaks_must(verdict v) noexcept { return v >= verdict::fail; }
/// True for the verdicts that leave a clause open: exit 2.
[[nodiscard]] constexpr bool leaves_open(verdict v) noexcept {
    return v == verdict::untested || v == verdict::inconclusive || v == verdict::flaky;
}
/// True if a certificate may contain it.
[[nodiscard]] constexpr bool certifiable(verdict v) noexcept { return v <= verdict::waived; }

}  // namespace agentmesh::conformance
