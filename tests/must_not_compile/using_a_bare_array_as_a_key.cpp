// Bytes become a key only through a named function.
// refused: could not convert | no viable conversion | conversion from
#include <agentmesh/crypto/ed25519.hpp>

agentmesh::crypto::ed25519_public_key f() {
#ifdef MUST_FAIL
    return std::array<std::uint8_t, 32>{};
#else
    return agentmesh::crypto::ed25519_public_key{std::array<std::uint8_t, 32>{}};
#endif
}
