// A chain key cannot stand where a root key is wanted, though both are 32 bytes.
// refused: could not convert | cannot convert | no matching function | no known conversion | invalid initialization
#include <agentmesh/e2ee/chain.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>

using namespace agentmesh::e2ee;

auto f(const root_key& root, const chain_key& chain, const agentmesh::crypto::shared_secret& dh) {
    (void)root, (void)chain;
#ifdef MUST_FAIL
    return kdf_rk<am1>(chain, dh);
#else
    return kdf_rk<am1>(root, dh);
#endif
}
