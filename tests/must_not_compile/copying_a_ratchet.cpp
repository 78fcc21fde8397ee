// A ratchet is not copied by accident: two copies that both send would use a key twice. `fork` says that it happens.
// refused: use of deleted function | implicitly-deleted | implicitly deleted
#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>

using namespace agentmesh::e2ee;

void f(const double_ratchet<am1>& original) {
#ifdef MUST_FAIL
    double_ratchet<am1> second = original;
#else
    double_ratchet<am1> second = original.fork();
#endif
    (void)second;
}
