// A signing key cannot stand where an exchange key is wanted, though both are 32 bytes.
// refused: could not convert | cannot convert | no matching function | no known conversion | invalid initialization
#include <agentmesh/crypto/ed25519.hpp>
#include <agentmesh/crypto/x25519.hpp>

using namespace agentmesh::crypto;

auto f(const x25519_key_pair& own, const x25519_public_key& exchange, const ed25519_public_key& signing) {
    (void)exchange, (void)signing;
#ifdef MUST_FAIL
    return own.agree_with(signing);
#else
    return own.agree_with(exchange);
#endif
}
