// Comparing secrets byte by byte tells where they differ.
// refused: use of deleted function | deleted operator | overload resolution selected deleted
#include <agentmesh/crypto/secret.hpp>

using key = agentmesh::crypto::secret<32, struct key_tag>;

bool f(const key& a, const key& b) {
#ifdef MUST_FAIL
    return a == b;
#else
    return agentmesh::crypto::equal_in_constant_time(a.reveal(), b.reveal());
#endif
}
