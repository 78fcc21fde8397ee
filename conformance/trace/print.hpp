// Traceability for people and for programs.
#pragma once

#include "conformance/trace/rules.hpp"

#include <string>

namespace agentmesh::conformance::trace {

/// One line a requirement that lacks something, one an orphan, and the count.
[[nodiscard]] std::string trace_text(const traceability& judged);

/// {"requirements":[{id, keyword, line, missing}],"links":[{artifact, kind, requirement, state, ledger}],"orphans":[...],
/// "complaints":[...],"clean":bool}; `tools/amspec review` reads the links with `ledger`.
[[nodiscard]] std::string trace_json(const traceability& judged, const material& what);

/// Rows of the adversarial catalogue (`cat N`) and of the observed behaviour (`T N`) with the clauses that name them in
/// `src`, and the rows that no clause names.
[[nodiscard]] std::string catalogue_text(std::span<const clause* const> clauses);

}  // namespace agentmesh::conformance::trace
