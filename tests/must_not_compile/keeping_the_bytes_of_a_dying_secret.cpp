// A view into a secret never outlives it.
// refused: use of deleted function | call to deleted
#include <agentmesh/crypto/secret.hpp>

using key = agentmesh::crypto::secret<32, struct key_tag>;

key make();

auto f() {
#ifdef MUST_FAIL
    return make().reveal();
#else
    const key k = make();
    return k.reveal()[0];
#endif
}
