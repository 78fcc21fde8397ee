// A MAY is recorded, never passed or failed.
// refused: no matching function | no matching member function
#include "conformance/engine/context.hpp"
#include "conformance_requirements.hpp"

using namespace agentmesh::conformance;

void f(context& t, const finding& seen) {
    static_assert(req::AM_AUT_018.level == keyword::may);
#ifdef MUST_FAIL
    t.accepted(req::AM_AUT_018, seen);
#else
    t.chose(req::AM_AUT_018, "accepts", seen);
#endif
}
