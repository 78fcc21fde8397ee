#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/identity/x509.hpp>

#include <set>

namespace agentmesh::shim {
namespace {

struct listed_revocations {
    std::set<std::string> gone;
    bool answers = true;

    result<bool> is_revoked(const identity::certificate_fingerprint& of) const {
        if (!answers) return fail(errc::registry_failed);
        return gone.contains(to_hex(of.bytes()));
    }
};

std::string_view class_of_chain(errc why) {
    switch (why) {
        case errc::too_large: return "limit";
        case errc::certificate_signature: return "crypto";
        case errc::certificate_revoked: return "policy";
        case errc::revocation_unknown: return "state";
        case errc::bad_certificate: return "parse";
        default: return "auth";
    }
}

std::vector<buffer> list_of(const json& texts) {
    std::vector<buffer> out;
    for (const auto& one : texts) out.push_back(need(from_hex(one.get<std::string>())));
    return out;
}

answer check_chain(const arguments& in) {
    identity::trust_store trusted;
    for (const auto& root : list_of(in["roots"])) need(trusted.add(root));
    listed_revocations revocations{.gone = in["revoked"].get<std::set<std::string>>(),
                                   .answers = in.number<bool>("answers")};
    const auto chain = list_of(in["chain"]);
    const auto found = identity::check_chain(chain, trusted, name_of(in.text("expected")), revocations, in.now());
    if (!found) throw refused_by_shim{class_of_chain(found.error().code)};
    return json{{"amid", found->who.text()},
                {"tier", identity::tier_label(found->trust, identity::tier_dialect::word)},
                {"organization", found->domain.empty() ? json{} : json(found->domain)},
                {"key", to_hex(found->key.bytes())},
                {"not_before", format_time(found->not_before)},
                {"not_after", format_time(found->not_after)}};
}

}  // namespace

void add_certificates(operations& into) { into["id.chain.check"] = check_chain; }

}  // namespace agentmesh::shim
