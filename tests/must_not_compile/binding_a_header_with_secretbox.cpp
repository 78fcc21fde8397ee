// A suite cannot claim to authenticate the header with an AEAD that takes no associated data.
// refused: constraint | constraints
#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>

using namespace agentmesh::e2ee;

struct claims_too_much : v02 {
    static constexpr bool binds_header = true;
};

#ifdef MUST_FAIL
using chosen = claims_too_much;
#else
using chosen = v02;
#endif

bool f(const double_ratchet<chosen>& ratchet) { return ratchet.can_send(); }
