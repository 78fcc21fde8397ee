// A key pair is made from its seed; nobody can hand in a public key that does not belong to it.
// refused: no matching function | is private within this context | calling a private constructor | no matching constructor
#include <agentmesh/crypto/ed25519.hpp>

using namespace agentmesh::crypto;

auto f(ed25519_seed seed, const ed25519_public_key& foreign) {
    (void)foreign;
#ifdef MUST_FAIL
    return ed25519_key_pair{std::move(seed), foreign}.public_key();
#else
    return ed25519_key_pair{std::move(seed)}.public_key();
#endif
}
