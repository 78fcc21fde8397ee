#pragma once

#include <agentmesh/identity/x509.hpp>

#include <agentmesh/crypto/random.hpp>

namespace agentmesh::identity {

namespace detail {

/// What differs between the four roles when a certificate is written.
struct certificate_plan {
    std::string_view organization{};  ///< or the common name of a root
    int name_entry = NID_commonName;
    const char* constraints = nullptr;
    const char* usage = nullptr;
    std::string alternative{};  ///< `URI:...` or `DNS:...`
};

[[nodiscard]] inline bool add_extension(X509* to, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (made == nullptr) return false;
    const bool added = X509_add_ext(to, made, -1) == 1;
    X509_EXTENSION_free(made);
    return added;
}

[[nodiscard]] inline bool set_time(ASN1_TIME* to, time_point at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at) - day;
    return ASN1_TIME_adj(to, 0, static_cast<int>(day.time_since_epoch().count()), seconds.count()) != nullptr;
}

/// Writes and signs. @param issuer the issuer's certificate, or nothing for a root
[[nodiscard]] inline result<buffer> write_certificate(const certificate_plan& plan, const signing_public_key& subject,
                                                      X509* issuer, const signing_key_pair& signer,
                                                      const validity& good, RandomSource auto& random) {
    const auto refused = fail(errc::bad_certificate, "AM-CRT-003");
    if (good.not_before > good.not_after) return refused;
    std::array<std::uint8_t, 16> serial{};
    AGENTMESH_CHECK(random.fill(serial));
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3f) | 0x40);  // positive, and of full length

    const x509_ptr out{X509_new()};
    const evp_key_ptr key{
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, subject.data(), signing_public_key::size)};
    const auto seed = signer.seed();
    const evp_key_ptr secret{
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.reveal().data(), seed.reveal().size())};
    if (!out || !key || !secret) return refused;
    ASN1_INTEGER* const number = X509_get_serialNumber(out.get());
    bool done = ASN1_STRING_set(number, serial.data(), static_cast<int>(serial.size())) == 1 &&
                X509_set_version(out.get(), X509_VERSION_3) == 1 && X509_set_pubkey(out.get(), key.get()) == 1 &&
                set_time(X509_getm_notBefore(out.get()), good.not_before) &&
                set_time(X509_getm_notAfter(out.get()), good.not_after);
    X509_NAME* const name = X509_get_subject_name(out.get());
    done = done && X509_NAME_add_entry_by_NID(name, plan.name_entry, MBSTRING_UTF8,
                                              reinterpret_cast<const unsigned char*>(plan.organization.data()),
                                              static_cast<int>(plan.organization.size()), -1, 0) == 1;
    X509* const from = issuer != nullptr ? issuer : out.get();
    done = done && X509_set_issuer_name(out.get(), X509_get_subject_name(from)) == 1 &&
           add_extension(out.get(), from, NID_basic_constraints, plan.constraints) &&
           add_extension(out.get(), from, NID_key_usage, plan.usage) &&
           add_extension(out.get(), from, NID_subject_key_identifier, "hash") &&
           (issuer == nullptr || add_extension(out.get(), from, NID_authority_key_identifier, "keyid:always")) &&
           (plan.alternative.empty() || add_extension(out.get(), from, NID_subject_alt_name, plan.alternative)) &&
           X509_sign(out.get(), secret.get(), nullptr) > 0;
    unsigned char* der = nullptr;
    const int size = done ? i2d_X509(out.get(), &der) : -1;
    const openssl_bytes owned{der};
    if (size <= 0) return refused;
    buffer bytes{der, der + size};
    AGENTMESH_CHECK(read_certificate(bytes));  // nothing leaves that a reader would refuse
    return bytes;
}

/// The issuer's certificate, once it is clear that the key is its own and the role may issue `subject`.
[[nodiscard]] inline result<std::pair<x509_ptr, certificate_facts>> issuing(const certificate_issuer& from,
                                                                            certificate_role subject) {
    AGENTMESH_TRY(parsed, parse_der(from.certificate));
    AGENTMESH_TRY(facts, facts_of(parsed.get(), from.certificate));
    if (facts.key != from.key.public_key()) return fail(errc::certificate_subject, "AM-CRT-004");
    if (!may_issue(facts.role, subject)) return fail(errc::certificate_authority, "AM-CRT-008");
    return std::pair{std::move(parsed), std::move(facts)};
}

}  // namespace detail

inline result<buffer> issue_root(const signing_key_pair& key, std::string_view name, const validity& good,
                                 RandomSource auto& random) {
    if (!detail::is_shown_name(name)) return fail(errc::bad_certificate, "AM-CRT-001");
    return detail::write_certificate(
        {.organization = name, .constraints = "critical,CA:TRUE", .usage = "critical,keyCertSign"}, key.public_key(),
        nullptr, key, good, random);
}

inline result<buffer> issue_organization(const certificate_issuer& root, const signing_public_key& key,
                                         std::string_view name, std::string_view domain, const validity& good,
                                         RandomSource auto& random) {
    if (!detail::is_shown_name(name) || !detail::is_domain(domain)) return fail(errc::bad_certificate, "AM-CRT-001");
    AGENTMESH_TRY(by, detail::issuing(root, certificate_role::organization));
    return detail::write_certificate({.organization = name,
                                      .name_entry = NID_organizationName,
                                      .constraints = "critical,CA:TRUE,pathlen:1",
                                      .usage = "critical,keyCertSign",
                                      .alternative = "DNS:" + std::string{domain}},
                                     key, by.first.get(), root.key, good, random);
}

inline result<buffer> issue_agent(const certificate_issuer& issuer, const signing_public_key& agent,
                                  const validity& good, RandomSource auto& random) {
    AGENTMESH_TRY(by, detail::issuing(issuer, certificate_role::agent));
    const auto name = to_did(amid::of(agent));
    return detail::write_certificate({.organization = name,
                                      .constraints = "critical,CA:TRUE,pathlen:0",
                                      .usage = "critical,digitalSignature,keyCertSign",
                                      .alternative = "URI:" + name},
                                     agent, by.first.get(), issuer.key, good, random);
}

inline result<buffer> issue_session(const certificate_issuer& agent, const signing_public_key& key,
                                    const validity& good, RandomSource auto& random) {
    AGENTMESH_TRY(by, detail::issuing(agent, certificate_role::session));
    const auto name = to_did(*by.second.who) + std::string{detail::session_fragment};
    return detail::write_certificate({.organization = name,
                                      .constraints = "critical,CA:FALSE",
                                      .usage = "critical,digitalSignature",
                                      .alternative = "URI:" + name},
                                     key, by.first.get(), agent.key, good, random);
}

}  // namespace agentmesh::identity
