// Property: a certificate that is read names an agent only by its own key, and reads the same from its PEM; a chain
// under roots that nobody knows proves nothing; a deployed certificate proves nothing either.
#include "fuzz/fuzz.hpp"

#include <agentmesh/identity/x509.hpp>

AM_FUZZ(AM_CRT_001, AM_CRT_002, AM_CRT_003, AM_CRT_004, AM_CRT_006, AM_CRT_008, AM_CRT_012);

using namespace agentmesh;

namespace {

struct nothing_revoked {
    result<bool> is_revoked(const identity::certificate_fingerprint&) const { return false; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input{data, size};
    if (const auto facts = identity::read_certificate(input)) {
        using identity::certificate_role;
        const bool of_agent = facts->role == certificate_role::agent || facts->role == certificate_role::session;
        REQUIRE_FUZZ(facts->who.has_value() == of_agent);
        if (facts->role == certificate_role::agent) REQUIRE_FUZZ(facts->who == amid::of(facts->key));
        REQUIRE_FUZZ(facts->not_before <= facts->not_after);
        const auto again = identity::parse_pem(identity::to_pem(input));
        REQUIRE_FUZZ(again.has_value() && again->size() == 1 && std::ranges::equal(again->front(), input));

        identity::trust_store roots;
        const std::vector<buffer> chain{buffer{input.begin(), input.end()}};
        nothing_revoked revocations;
        if (facts->who) REQUIRE_FUZZ(!identity::check_chain(chain, roots, *facts->who, revocations, facts->not_before));
        if (roots.add(input)) {
            REQUIRE_FUZZ(facts->role == certificate_role::root);
            REQUIRE_FUZZ(!identity::check_chain(chain, roots, amid::of(facts->key), revocations, facts->not_before));
        }
    }
    if (const auto chain = identity::parse_pem(as_text(input)))
        for (const auto& der : *chain)
            if (const auto facts = identity::read_certificate(der)) REQUIRE_FUZZ(!facts->serial.empty());
    if (const auto claim = identity::read_deployed_certificate(as_text(input)))
        REQUIRE_FUZZ(identity::deployed_claim::trust == tier::anonymous && !claim->type.empty());
    return 0;
}
