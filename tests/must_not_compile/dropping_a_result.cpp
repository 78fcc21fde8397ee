// A refusal that nobody looks at is a hole.
// refused: ignoring return value
#include <agentmesh/crypto/ed25519.hpp>

using namespace agentmesh::crypto;

void f(const ed25519_public_key& key, const ed25519_signature& signature) {
#ifdef MUST_FAIL
    verify(key, {}, signature);
#else
    (void)verify(key, {}, signature).has_value();
#endif
}
