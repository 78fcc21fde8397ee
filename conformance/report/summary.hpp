// What all formats say in the same words: the verdict on the whole run, its reason, and the areas.
#pragma once

#include "conformance/engine/results.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance::report {

/// How a verdict is to be read; what colour and filter depend on.
enum class mood : std::uint8_t {
    good,     ///< pass, chose
    neutral,  ///< not_offered, waived: nothing is wrong, nothing was shown to be right
    warning,  ///< deviation
    open,     ///< untested, inconclusive, flaky
    bad,      ///< fail, hang, crash
};
inline constexpr std::size_t moods = 5;

[[nodiscard]] mood mood_of(verdict v) noexcept;
/// "good", "neutral", "warning", "open", "bad".
[[nodiscard]] std::string_view to_string(mood m) noexcept;
/// The verdict word for people: "not offered" for not_offered.
[[nodiscard]] std::string words(verdict v);
/// True for a verdict that a reader has to look at: warning, open and bad.
[[nodiscard]] bool needs_attention(verdict v) noexcept;

struct headline {
    mood tone = mood::open;
    std::string verdict;  ///< "CERTIFIABLE", "NOT CERTIFIABLE", "INCOMPLETE", "PASSED IN PART", "VOID", ...
    std::string reason;   ///< "1 MUST, 2 open", "" if there is nothing to add
    std::size_t broken = 0, deviating = 0, open = 0;  ///< requirements by their worst verdict
    int exit_code = 0;
};

/// The verdict on the run; follows `exit_code()`.
[[nodiscard]] headline headline_of(const run_report& report);

/// The verdicts that reports count: those that occur, and a few whose zero says something.
[[nodiscard]] std::vector<verdict> shown_verdicts(const totals_info& totals);

/// Checks by verdict for people: "428 pass, 1 fail, 0 deviation, 0 untested, 0 inconclusive".
[[nodiscard]] std::string counts_text(const totals_info& totals);

/// Cases that belong together, in the order in which reports show them.
struct area {
    std::string name;                        ///< "store & forward"
    std::string anchor;                      ///< "area-store-forward": unique, letters, digits and `-`
    std::vector<const case_result*> cases;   ///< by id
    std::array<std::size_t, moods> of{};     ///< cases by mood

    [[nodiscard]] std::size_t operator[](mood m) const noexcept { return of[static_cast<unsigned>(m)]; }
};

/// Every case of the report in exactly one area. Points into `report`.
[[nodiscard]] std::vector<area> areas_of(const run_report& report);

/// The name of the area of a case id; an area without a name is called by its letters.
[[nodiscard]] std::string area_name(std::string_view case_id);

/// "amconf replay DIR --case RLY-STORE-007"
[[nodiscard]] std::string replay_command(std::string_view case_id);

/// "21.6 s", "0.4 s", "3 min 20 s".
[[nodiscard]] std::string duration_text(std::int64_t milliseconds);

}  // namespace agentmesh::conformance::report
