// The verdicts of one conversation with a shim, clause by clause; the worst of each stands.
#pragma once

#include "conformance/engine/requirement.hpp"
#include "conformance/engine/shim_talk.hpp"

#include <map>

namespace agentmesh::conformance {

/// A rule of docs/shim-protocol.md; these stand beside the requirements of SPEC.md, with line 0.
struct protocol_clause {
    std::string_view id, sentence;
};
[[nodiscard]] std::span<const protocol_clause> protocol_clauses();
/// The one that RUN-SHIM-001 leaves to the case in which random numbers are fed.
inline constexpr std::string_view feed_clause = "AM-SHM-012";

class shim_verdicts {
public:
    void add(const clause& of, verdict outcome, std::string why, std::vector<std::uint64_t> evidence);
    /// One more observation: `pass` if it holds, else `fail` (or `deviation`).
    void judge(const clause& of, bool holds, std::string_view why, std::vector<std::uint64_t> evidence);
    void add_protocol(std::string_view id, verdict outcome, std::string why, std::vector<std::uint64_t> evidence);

    [[nodiscard]] bool has(const clause& of) const { return checks_.contains(std::string{of.id}); }

    /// Sorted by requirement. A pass of a conversation in which the shim broke its protocol is inconclusive, and a pass
    /// that cites nothing the shim said is a fault of the harness.
    [[nodiscard]] std::vector<check_result> take(const shim_talk& talk, const ledger& log,
                                                 std::vector<std::string>& faults);

private:
    void merge(check_result found);
    std::map<std::string, check_result> checks_;
};

}  // namespace agentmesh::conformance
