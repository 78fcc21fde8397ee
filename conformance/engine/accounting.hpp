// What a run comes to: requirements nobody judged, waivers, the baseline.
#pragma once

#include "conformance/engine/run.hpp"

namespace agentmesh::conformance {

/// The requirements that the URL of such a target has to answer for in a run over `set`, in the order of SPEC.md.
[[nodiscard]] std::vector<const clause*> demanded(requirement_set set, target_role of = target_role::relay);

/// "relay-core@1.0" and its digest.
[[nodiscard]] std::string set_name(requirement_set set, target_role of = target_role::relay);
[[nodiscard]] std::string set_digest(requirement_set set, target_role of = target_role::relay);

/// The case that stands for requirements no case has judged; none is missing from the denominator.
inline constexpr std::string_view cover_case = "RUN-COVER-001";
/// Adds RUN-COVER-001 with an `untested` check for every demanded requirement without one.
void add_uncovered(run_report& report, requirement_set set, target_role of = target_role::relay);

/// Turns deviations with a waiver that has not expired on `today` into `waived`.
void apply_waivers(run_report& report, const std::vector<waiver>& waivers, std::string_view today);
/// Sets `excused` if every failure is in the baseline, and lists entries that pass or have expired.
void apply_baseline(run_report& report, const std::vector<baseline_entry>& baseline, std::string_view today);

/// Read JSON files: an array of objects with the members of the struct. @throws usage_error
[[nodiscard]] std::vector<waiver> read_waivers(std::string_view text);
[[nodiscard]] std::vector<baseline_entry> read_baseline(std::string_view text);
/// `--declare`: sets timings and grants their waits. @throws usage_error
void read_declaration(std::string_view text, plan_options& into);

}  // namespace agentmesh::conformance
