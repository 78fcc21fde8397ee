// Nothing prints a secret, not even by accident in a log line.
// refused: no match for 'operator<<' | no match for ‘operator<<’ | invalid operands to binary expression
#include <agentmesh/crypto/secret.hpp>

#include <ostream>

using key = agentmesh::crypto::secret<32, struct key_tag>;

void f(std::ostream& out, const key& k) {
#ifdef MUST_FAIL
    out << k;
#else
    out << k.size;
#endif
}
