// The certificates of a registry, through identity/x509. Needs libcrypto.
//
//     registry::x509_desk desk{random};
//     AGENTMESH_CHECK(desk.issue_under(root_der, std::move(root_key)));    // or none: then it only checks
//     AGENTMESH_CHECK(desk.trust(foreign_root_der));
//     registry::service mesh{store, {.certificates = &desk}, random};
//
// For each organization there is a key of its own under which its members are certified, derived from the key of the
// root and never stored: whoever has the root can issue anything, so that a second secret would protect nothing.
#pragma once

#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/identity/x509.hpp>
#include <agentmesh/registry/certificate_desk.hpp>

#include <functional>
#include <set>

namespace agentmesh::registry {

namespace desk_limits {
inline constexpr std::chrono::days organization{365};
inline constexpr std::chrono::days agent{90};  ///< shorter than what vouches for it
}  // namespace desk_limits

template <RandomSource Random>
class x509_desk final : public certificate_desk {
public:
    /// Fingerprints that are withdrawn; an error where nobody can say.
    using withdrawn = std::function<result<std::set<identity::certificate_fingerprint>>()>;

    /// @param gone  asked at each check; without it nothing is withdrawn but the agents that the registry itself
    /// revokes
    explicit x509_desk(Random& random, withdrawn gone = {}) : random_{&random}, gone_{std::move(gone)} {}

    /// Issues under this root from now on, and trusts it.
    /// @errors those of trust_store::add; certificate_subject if the key is not the root's
    [[nodiscard]] result<void> issue_under(byte_view root_der, signing_key_pair key) {
        AGENTMESH_TRY(facts, identity::read_certificate(root_der));
        if (facts.key != key.public_key()) return fail(errc::certificate_subject, "AM-CRT-020");
        AGENTMESH_CHECK(trusted_.add(root_der));
        root_.assign(root_der.begin(), root_der.end());
        root_until_ = facts.not_after;
        key_.emplace(std::move(key));
        return {};
    }
    /// @errors those of trust_store::add
    [[nodiscard]] result<void> trust(byte_view root_der) { return trusted_.add(root_der); }

    [[nodiscard]] bool issues() const noexcept override { return key_.has_value(); }

    /// @spec AM-CRT-020
    [[nodiscard]] result<std::string> certify_organization(const organization_row& of, time_point now) override {
        AGENTMESH_TRY(der, organization(of, of.admin_key, now));
        return identity::to_pem(der);
    }

    /// @spec AM-CRT-020
    [[nodiscard]] result<std::string> certify_member(const organization_row& of, const signing_public_key& who,
                                                     time_point now) override {
        AGENTMESH_TRY(key, key_of(of));
        AGENTMESH_TRY(between, organization(of, key.public_key(), now));
        AGENTMESH_TRY(leaf, identity::issue_agent({between, key}, who, good(now, desk_limits::agent), *random_));
        return identity::to_pem(leaf) + identity::to_pem(between);
    }

    /// @spec AM-CRT-020
    [[nodiscard]] result<std::string> certify_agent(const signing_public_key& who, time_point now) override {
        AGENTMESH_TRY(leaf, identity::issue_agent({root_, *key_}, who, good(now, desk_limits::agent), *random_));
        return identity::to_pem(leaf);
    }

    /// @spec AM-CRT-021, AM-CRT-022
    [[nodiscard]] result<shown_chain> check(std::string_view pem, const amid& who, time_point now) override {
        AGENTMESH_TRY(chain, identity::parse_pem(pem));
        std::set<identity::certificate_fingerprint> gone;
        if (gone_) {
            auto told = gone_();
            // Nobody can say: so it counts as withdrawn.
            if (!told) return fail(errc::revocation_unknown, "AM-CRT-011");
            gone = *std::move(told);
        }
        struct {
            const std::set<identity::certificate_fingerprint>& gone;
            result<bool> is_revoked(const identity::certificate_fingerprint& of) { return gone.contains(of); }
        } source{gone};
        AGENTMESH_TRY(proved, identity::check_chain(chain, trusted_, who, source, now));
        shown_chain out{.proved = std::move(proved)};
        for (const auto& one : chain) out.pem += identity::to_pem(one);
        return out;
    }

private:
    /// From a little before now, for clocks that are behind, and never beyond the root.
    [[nodiscard]] identity::validity good(time_point now, std::chrono::days days) const {
        const auto second = std::chrono::floor<std::chrono::seconds>(now);
        return {second - std::chrono::minutes{5}, std::min<time_point>(second + days, root_until_)};
    }
    [[nodiscard]] result<buffer> organization(const organization_row& of, const signing_public_key& key,
                                              time_point now) {
        return identity::issue_organization({root_, *key_}, key, of.name, of.domain,
                                            good(now, desk_limits::organization), *random_);
    }
    [[nodiscard]] result<signing_key_pair> key_of(const organization_row& of) const {
        const auto seed = key_->seed();
        signing_seed own;
        AGENTMESH_CHECK(crypto::hkdf_sha256(own.reveal_storage(), as_bytes("AgentMesh-v1:organization-certificate"),
                                            seed.reveal(), as_bytes(of.id)));
        return signing_key_pair{own};
    }

    Random* random_;
    withdrawn gone_;
    identity::trust_store trusted_;
    buffer root_;
    time_point root_until_{};
    std::optional<signing_key_pair> key_;
};

/// Fingerprints in hexadecimal, one a line; empty lines and what begins with `#` are passed over.
/// @errors bad_hex, bad_length
[[nodiscard]] inline result<std::set<identity::certificate_fingerprint>> parse_withdrawn(std::string_view text) {
    std::set<identity::certificate_fingerprint> out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t'))
            line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        AGENTMESH_TRY(bytes, from_hex(line));
        AGENTMESH_TRY(one, identity::certificate_fingerprint::from(bytes));
        out.insert(one);
    }
    return out;
}

}  // namespace agentmesh::registry
