// A secret exists once; a copy would be one place more to wipe.
// refused: use of deleted function | deleted constructor
#include <agentmesh/crypto/secret.hpp>

using key = agentmesh::crypto::secret<32, struct key_tag>;

void f(key& original) {
#ifdef MUST_FAIL
    key second = original;
#else
    key second = std::move(original);
#endif
    (void)second;
}
