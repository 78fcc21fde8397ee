// An oracle of the wrong polarity would certify the opposite of the clause.
// refused: no matching function | no matching member function
#include "conformance/engine/context.hpp"
#include "conformance_requirements.hpp"

using namespace agentmesh::conformance;

void f(context& t, const finding& seen) {
    static_assert(req::AM_AUT_005.pole == polarity::reject);
#ifdef MUST_FAIL
    t.accepted(req::AM_AUT_005, seen);
#else
    t.refused(req::AM_AUT_005, seen);
#endif
}
