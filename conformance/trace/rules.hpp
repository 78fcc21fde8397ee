// What each requirement needs, by its keyword and by how it can be observed.
//
//   wire     a case; with a reference run, a verdict in it; for a MUST a mutant that the case catches
//   vector   a row; for polarity `reject` a row that is rejected and one that is accepted
//   schema   an x-req keyword
//   fuzz     a target
//   review   a reviewer, a reason, a date that has not passed; at most one MUST in ten
//   MUST     also a place in the library's code that names it
#pragma once

#include "conformance/engine/verdict.hpp"
#include "conformance/trace/collect.hpp"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace agentmesh::conformance::trace {

struct review {
    std::string requirement, reviewer, until, reason;
};

/// Everything the rules look at. Optional parts that are absent are not demanded.
struct material {
    std::span<const clause* const> clauses;
    std::vector<review> reviews;
    link_set found;
    review_ledger reviewed;
    std::string today;                                         ///< YYYY-MM-DD
    std::optional<std::map<std::string, verdict>> emitted;     ///< of a reference run, by requirement
    std::optional<std::set<std::string>> killed;               ///< requirements for which a mutant was caught
    bool strict = false;
};

/// What one requirement lacks; `missing` is empty if it is proven.
struct judgement {
    const clause* of = nullptr;
    std::vector<std::string> missing;                          ///< fixed words: "no case", "3 links suspect"
};

struct traceability {
    std::vector<judgement> requirements;                       ///< in the order of SPEC.md
    std::vector<orphan> orphans;
    std::vector<std::string> complaints;                       ///< that concern no single requirement

    [[nodiscard]] bool clean() const;
    [[nodiscard]] std::size_t blocking() const;                ///< requirements that lack something
};

[[nodiscard]] traceability judge(const material& what);

/// True for links whose digest stands in reviewed.json: their text follows the sentence, and they do not state a digest
/// themselves, as vectors and schemas do.
[[nodiscard]] bool kept_in_ledger(const trace_link& one) noexcept;

/// Links whose clause has been edited since they were written, or (strict) that nobody has recorded.
enum class link_state : std::uint8_t { current, suspect, unrecorded };
[[nodiscard]] link_state state_of(const trace_link& one, const clause& of, const review_ledger& reviewed);

}  // namespace agentmesh::conformance::trace
