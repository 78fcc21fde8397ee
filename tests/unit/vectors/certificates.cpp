// vectors/identity/certificates against identity/x509.hpp.
#include <agentmesh/identity/x509.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

struct listed_revocations {
    std::set<std::string> gone;
    bool answers = true;

    result<bool> is_revoked(const identity::certificate_fingerprint& of) const {
        if (!answers) return fail(errc::registry_failed);
        return gone.contains(to_hex(of.bytes()));
    }
};

/// The word of the vectors for a reason.
std::string_view word(errc why) {
    switch (why) {
        case errc::too_large: return "too_large";
        case errc::certificate_untrusted: return "untrusted";
        case errc::certificate_not_yet_valid: return "not_yet_valid";
        case errc::certificate_expired: return "expired";
        case errc::certificate_authority: return "authority";
        case errc::certificate_signature: return "signature";
        case errc::certificate_subject: return "subject";
        case errc::certificate_revoked: return "revoked";
        case errc::revocation_unknown: return "unknown";
        case errc::bad_certificate: return "malformed";
        default: return describe(why);
    }
}

std::vector<buffer> read_chain(const vectors::json& list) {
    std::vector<buffer> out;
    for (const auto& one : list) out.push_back(from_hex(one.get<std::string>()).value());
    return out;
}

TEST_CASE("chains are judged as in the vectors",
          "[vectors][identity][AM-CRT-001][AM-CRT-002][AM-CRT-003][AM-CRT-004][AM-CRT-005][AM-CRT-006][AM-CRT-007]"
          "[AM-CRT-008][AM-CRT-009][AM-CRT-010][AM-CRT-011]") {
    const auto rows = for_each_row(
        "identity/certificates",
        {{"chain.check", [](fields& in, const row& of) {
              identity::trust_store trusted;
              for (const auto& root : read_chain(of.shared.at("roots"))) REQUIRE(trusted.add(root));
              const auto expected = amid::parse(in.text("expected"));
              REQUIRE(expected);
              listed_revocations revocations{.gone = in["revoked"].get<std::set<std::string>>(),
                                             .answers = in["answers"].get<bool>()};
              const auto now = parse_time(of.now);
              REQUIRE(now);
              const auto chain = read_chain(in["chain"]);
              const auto found = identity::check_chain(chain, trusted, *expected, revocations, *now);
              if (of.refused) {
                  REQUIRE_FALSE(found);
                  CHECK(word(found.error().code) == of.output["reason"].get<std::string>());
                  CHECK_FALSE(found.error().clause.empty());
                  return;
              }
              if (!found) FAIL(to_string(found.error()));
              const vectors::json domain = found->domain.empty() ? vectors::json{} : vectors::json(found->domain);
              CHECK(vectors::json({{"amid", found->who.text()},
                                   {"tier", identity::tier_label(found->trust, identity::tier_dialect::word)},
                                   {"organization", domain},
                                   {"key", to_hex(found->key.bytes())},
                                   {"not_before", format_time(found->not_before)},
                                   {"not_after", format_time(found->not_after)}}) == of.output);
          }}});
    CHECK(rows >= 55);
}

}  // namespace
