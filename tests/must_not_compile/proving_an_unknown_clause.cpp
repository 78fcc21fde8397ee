// A case names clauses through constants generated from SPEC.md; there is no other way to name one.
// refused: is not a member of | no member named
#include "conformance_requirements.hpp"

auto f() {
#ifdef MUST_FAIL
    return agentmesh::conformance::req::AM_RLY_unwritten;
#else
    return agentmesh::conformance::req::AM_RLY_001;
#endif
}
