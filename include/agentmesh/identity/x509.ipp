#pragma once

#include <agentmesh/identity/x509.hpp>

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/identity/did.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace agentmesh::identity {

namespace detail {

template <auto Free>
struct openssl_deleter {
    void operator()(auto* object) const noexcept { Free(object); }
};
inline void free_general_names(GENERAL_NAMES* names) noexcept { GENERAL_NAMES_free(names); }
inline void free_stack(STACK_OF(X509) * list) noexcept { sk_X509_free(list); }
inline void free_openssl_bytes(unsigned char* bytes) noexcept { OPENSSL_free(bytes); }

using x509_ptr = std::unique_ptr<X509, openssl_deleter<X509_free>>;
using evp_key_ptr = std::unique_ptr<EVP_PKEY, openssl_deleter<EVP_PKEY_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, openssl_deleter<free_general_names>>;
using store_ptr = std::unique_ptr<X509_STORE, openssl_deleter<X509_STORE_free>>;
using store_ctx_ptr = std::unique_ptr<X509_STORE_CTX, openssl_deleter<X509_STORE_CTX_free>>;
using stack_ptr = std::unique_ptr<STACK_OF(X509), openssl_deleter<free_stack>>;
using bio_ptr = std::unique_ptr<BIO, openssl_deleter<BIO_free>>;
using openssl_bytes = std::unique_ptr<unsigned char, openssl_deleter<free_openssl_bytes>>;

inline constexpr std::string_view session_fragment = "#session";
inline constexpr std::size_t most_name_bytes = 64;

/// DER that encodes to itself again, so that one certificate has one form and one fingerprint.
[[nodiscard]] inline result<x509_ptr> parse_der(byte_view der) {
    if (der.size() > certificate_limits::bytes) return fail(errc::too_large, "AM-CRT-002");
    const unsigned char* at = der.data();
    x509_ptr out{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
    if (!out || at != der.data() + der.size()) return fail(errc::bad_certificate, "AM-CRT-003");
    unsigned char* again = nullptr;
    const int size = i2d_X509(out.get(), &again);
    const openssl_bytes owned{again};
    if (size < 0 || !std::equal(der.begin(), der.end(), again, again + size))
        return fail(errc::bad_certificate, "AM-CRT-003");
    return out;
}

[[nodiscard]] inline result<signing_public_key> key_of(const X509* from) {
    const EVP_PKEY* const key = X509_get0_pubkey(from);
    signing_public_key out;
    std::size_t size = signing_public_key::size;
    if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(key, out.storage().data(), &size) != 1 || size != signing_public_key::size)
        return fail(errc::bad_certificate, "AM-CRT-003");
    AGENTMESH_CHECK(crypto::check_public_key(out));
    return out;
}

[[nodiscard]] inline result<time_point> time_of(const ASN1_TIME* from) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(from, &parts) != 1) return fail(errc::bad_certificate, "AM-CRT-003");
    using namespace std::chrono;
    const auto day = year{parts.tm_year + 1900} / (parts.tm_mon + 1) / parts.tm_mday;
    if (!day.ok()) return fail(errc::bad_certificate, "AM-CRT-003");
    return time_point{sys_days{day} + hours{parts.tm_hour} + minutes{parts.tm_min} + seconds{parts.tm_sec}};
}

/// The only entry of a kind in a name.
[[nodiscard]] inline std::optional<std::string> only_entry(const X509_NAME* name, int nid) {
    const int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0) return std::nullopt;
    const ASN1_STRING* const text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    if (ASN1_STRING_type(text) != V_ASN1_UTF8STRING && ASN1_STRING_type(text) != V_ASN1_PRINTABLESTRING)
        return std::nullopt;
    const auto* const bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    return std::string{bytes, static_cast<std::size_t>(ASN1_STRING_length(text))};
}

[[nodiscard]] inline bool is_shown_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= most_name_bytes && is_utf8(text) &&
           std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// Lower-case labels of 1 to 63, two of them at least.
[[nodiscard]] inline bool is_domain(std::string_view text) noexcept {
    if (text.size() > 253 || text.find('.') == text.npos) return false;
    std::size_t label = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        const char c = i < text.size() ? text[i] : '.';
        if (c == '.') {
            if (label == 0 || label > 63 || text[i - 1] == '-') return false;
            label = 0;
            continue;
        }
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (c != '-' || label == 0)) return false;
        ++label;
    }
    return true;
}

/// The single subject alternative name, of the given kind; empty if it is anything else.
[[nodiscard]] inline std::string only_alternative_name(const X509* from, int kind) {
    const names_ptr names{static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(from, NID_subject_alt_name, nullptr, nullptr))};
    if (!names || sk_GENERAL_NAME_num(names.get()) != 1) return {};
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), 0);
    if (name->type != kind) return {};
    const ASN1_STRING* const text = name->d.ia5;
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// The extensions a certificate has, and no others: the four, and key identifiers, which say nothing.
[[nodiscard]] inline bool only_known_extensions(const X509* from) {
    for (int i = 0; i < X509_get_ext_count(from); ++i) {
        const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_get_ext(from, i)));
        const bool known = nid == NID_basic_constraints || nid == NID_key_usage || nid == NID_subject_alt_name ||
                           nid == NID_subject_key_identifier || nid == NID_authority_key_identifier;
        if (!known || X509_get_ext_by_NID(from, nid, i) >= 0) return false;  // unknown, or there twice
    }
    return true;
}

[[nodiscard]] inline bool is_critical(const X509* from, int nid) {
    const int at = X509_get_ext_by_NID(from, nid, -1);
    return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(from, at)) == 1;
}

/// The role that the constraints allow, or none.
[[nodiscard]] inline std::optional<certificate_role> role_of(X509* from) {
    const bool authority = (X509_get_extension_flags(from) & EXFLAG_CA) != 0;
    const long path = X509_get_pathlen(from);
    const std::uint32_t usage = X509_get_key_usage(from);
    if (!is_critical(from, NID_basic_constraints) || !is_critical(from, NID_key_usage)) return std::nullopt;
    if (!authority) return usage == KU_DIGITAL_SIGNATURE ? std::optional{certificate_role::session} : std::nullopt;
    if (path == 0)
        return usage == (KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN) ? std::optional{certificate_role::agent}
                                                                  : std::nullopt;
    if (usage != KU_KEY_CERT_SIGN) return std::nullopt;
    if (path == 1) return certificate_role::organization;
    return path == -1 ? std::optional{certificate_role::root} : std::nullopt;
}

/// Signed under strict rules, which OpenSSL's own verification does not apply to Ed25519.
/// @spec AM-CRT-006
[[nodiscard]] inline result<void> check_signed_by(X509* subject, const signing_public_key& issuer) {
    const ASN1_BIT_STRING* proof = nullptr;
    const X509_ALGOR* algorithm = nullptr;
    X509_get0_signature(&proof, &algorithm, subject);
    if (proof->length != static_cast<int>(signature::size)) return fail(errc::certificate_signature, "AM-CRT-006");
    AGENTMESH_TRY(wanted, signature::from({proof->data, signature::size}));
    unsigned char* signed_part = nullptr;
    const int size = i2d_re_X509_tbs(subject, &signed_part);
    const openssl_bytes owned{signed_part};
    if (size <= 0) return fail(errc::bad_certificate, "AM-CRT-003");
    if (!crypto::verify(issuer, {signed_part, static_cast<std::size_t>(size)}, wanted))
        return fail(errc::certificate_signature, "AM-CRT-006");
    return {};
}

/// How a certificate of each role names its subject. @errors bad_certificate, certificate_subject
[[nodiscard]] inline result<void> read_names(certificate_facts& out, const X509* from) {
    const auto* const subject = X509_get_subject_name(from);
    const auto refused = fail(errc::bad_certificate, "AM-CRT-001");
    switch (out.role) {
        case certificate_role::root: {
            const auto name = only_entry(subject, NID_commonName);
            if (!name || !is_shown_name(*name) || X509_get_ext_by_NID(from, NID_subject_alt_name, -1) >= 0)
                return refused;
            out.organization = *name;
            return {};
        }
        case certificate_role::organization: {
            const auto name = only_entry(subject, NID_organizationName);
            out.domain = only_alternative_name(from, GEN_DNS);
            if (!name || !is_shown_name(*name) || !is_domain(out.domain)) return refused;
            out.organization = *name;
            return {};
        }
        case certificate_role::agent:
        case certificate_role::session: {
            auto uri = only_alternative_name(from, GEN_URI);
            if (out.role == certificate_role::session) {
                if (!uri.ends_with(session_fragment)) return refused;
                uri.resize(uri.size() - session_fragment.size());
            }
            const auto who = parse_did(uri);
            if (!who) return refused;
            if (out.role == certificate_role::agent && *who != amid::of(out.key))
                return fail(errc::certificate_subject, "AM-CRT-004");
            out.who = *who;
            return {};
        }
    }
    return refused;
}

[[nodiscard]] inline result<certificate_facts> facts_of(X509* from, byte_view der) {
    certificate_facts out;
    const auto refused = fail(errc::bad_certificate, "AM-CRT-003");
    if (X509_get_version(from) != X509_VERSION_3 || X509_get_signature_nid(from) != NID_ED25519 ||
        !only_known_extensions(from))
        return refused;
    AGENTMESH_TRY(key, key_of(from));
    out.key = key;
    if ((X509_get_extension_flags(from) & EXFLAG_INVALID) != 0) return refused;
    const auto role = role_of(from);
    if (!role) return fail(errc::bad_certificate, "AM-CRT-001");
    out.role = *role;
    AGENTMESH_CHECK(read_names(out, from));
    AGENTMESH_TRY(begin, time_of(X509_get0_notBefore(from)));
    AGENTMESH_TRY(end, time_of(X509_get0_notAfter(from)));
    if (begin > end) return refused;
    if (out.role == certificate_role::session && end - begin > certificate_limits::session)
        return fail(errc::bad_certificate, "AM-CRT-005");
    out.not_before = begin;
    out.not_after = end;
    const ASN1_INTEGER* const serial = X509_get0_serialNumber(from);
    if (serial->length < 1 || serial->length > 20 || (serial->type & V_ASN1_NEG) != 0) return refused;
    out.serial = to_hex({serial->data, static_cast<std::size_t>(serial->length)});
    const auto digest = crypto::sha256(der);
    std::copy(digest.bytes().begin(), digest.bytes().end(), out.fingerprint.storage().begin());
    return out;
}

[[nodiscard]] constexpr errc reason_of(int openssl) noexcept {
    switch (openssl) {
        case X509_V_ERR_CERT_SIGNATURE_FAILURE: return errc::certificate_signature;
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        case X509_V_ERR_KEYUSAGE_NO_CERTSIGN: return errc::certificate_authority;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_UNTRUSTED: return errc::certificate_untrusted;
        default: return errc::bad_certificate;
    }
}

[[nodiscard]] constexpr clause_id clause_of(errc why) noexcept {
    switch (why) {
        case errc::certificate_signature: return "AM-CRT-006";
        case errc::certificate_authority: return "AM-CRT-008";
        case errc::certificate_untrusted: return "AM-CRT-009";
        default: return "AM-CRT-003";
    }
}

[[nodiscard]] constexpr bool may_issue(certificate_role issuer, certificate_role subject) noexcept {
    switch (subject) {
        case certificate_role::session: return issuer == certificate_role::agent;
        case certificate_role::agent:
            return issuer == certificate_role::organization || issuer == certificate_role::root;
        case certificate_role::organization: return issuer == certificate_role::root;
        case certificate_role::root: return false;
    }
    return false;
}

/// @spec AM-CRT-007
[[nodiscard]] inline result<void> good_at(const certificate_facts& one, time_point now) {
    if (now < one.not_before) return fail(errc::certificate_not_yet_valid, "AM-CRT-007");
    if (now >= one.not_after + std::chrono::seconds{1}) return fail(errc::certificate_expired, "AM-CRT-007");
    return {};
}

/// OpenSSL's judgement: order, names, constraints, signatures, and an end at a trusted root.
[[nodiscard]] inline result<void> verify_path(std::span<const x509_ptr> chain, const trust_store& trusted) {
    const store_ptr store{X509_STORE_new()};
    const store_ctx_ptr context{X509_STORE_CTX_new()};
    const stack_ptr others{sk_X509_new_null()};
    if (!store || !context || !others) return fail(errc::bad_certificate);
    for (const auto& der : trusted.roots()) {
        const auto root = parse_der(der);
        if (!root || X509_STORE_add_cert(store.get(), root->get()) != 1) return fail(errc::bad_certificate);
    }
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (sk_X509_push(others.get(), chain[i].get()) <= 0) return fail(errc::bad_certificate);
    if (X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), others.get()) != 1)
        return fail(errc::bad_certificate);
    X509_VERIFY_PARAM* const how = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_depth(how, static_cast<int>(certificate_limits::chain));
    // Times are checked by good_at: for OpenSSL a certificate has expired at its last second.
    X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_CHECK_SS_SIGNATURE | X509_V_FLAG_NO_CHECK_TIME);
    if (X509_verify_cert(context.get()) == 1) return {};
    const auto why = reason_of(X509_STORE_CTX_get_error(context.get()));
    return fail(why, clause_of(why));
}

/// The trusted root that signed what was sent without it.
[[nodiscard]] inline result<certificate_facts> signer_of(X509* last, const trust_store& trusted) {
    for (const auto& der : trusted.roots()) {
        AGENTMESH_TRY(parsed, parse_der(der));
        AGENTMESH_TRY(root, facts_of(parsed.get(), der));
        if (check_signed_by(last, root.key)) return root;
    }
    return fail(errc::certificate_signature, "AM-CRT-006");
}

}  // namespace detail

inline result<certificate_facts> read_certificate(byte_view der) {
    AGENTMESH_TRY(parsed, detail::parse_der(der));
    AGENTMESH_TRY(facts, detail::facts_of(parsed.get(), der));
    if (facts.role == certificate_role::root) AGENTMESH_CHECK(detail::check_signed_by(parsed.get(), facts.key));
    return facts;
}

inline result<void> trust_store::add(byte_view root_der) {
    AGENTMESH_TRY(facts, read_certificate(root_der));
    if (facts.role != certificate_role::root) return fail(errc::certificate_authority, "AM-CRT-009");
    roots_.emplace_back(root_der.begin(), root_der.end());
    return {};
}

inline result<proved_standing> check_chain(std::span<const buffer> leaf_first, const trust_store& trusted,
                                           const amid& expected, RevocationSource auto& revocations, time_point now) {
    if (leaf_first.empty()) return fail(errc::bad_certificate, "AM-CRT-002");
    if (leaf_first.size() > certificate_limits::chain) return fail(errc::too_large, "AM-CRT-002");
    std::vector<detail::x509_ptr> parsed;
    std::vector<certificate_facts> facts;
    for (const auto& der : leaf_first) {
        AGENTMESH_TRY(one, detail::parse_der(der));
        AGENTMESH_TRY(says, detail::facts_of(one.get(), der));
        parsed.push_back(std::move(one));
        facts.push_back(std::move(says));
    }
    if (facts.front().role != certificate_role::agent && facts.front().role != certificate_role::session)
        return fail(errc::bad_certificate, "AM-CRT-001");
    for (std::size_t i = 0; i + 1 < facts.size(); ++i)
        if (!detail::may_issue(facts[i + 1].role, facts[i].role))
            return fail(errc::certificate_authority, "AM-CRT-008");

    const bool session = facts.front().role == certificate_role::session;
    if (session && facts.size() < 2) return fail(errc::certificate_untrusted, "AM-CRT-009");
    const auto& agent = facts[session ? 1 : 0];
    if (session && facts.front().who != agent.who) return fail(errc::certificate_subject, "AM-CRT-004");
    if (agent.who != expected) return fail(errc::certificate_subject, "AM-CRT-004");

    AGENTMESH_CHECK(detail::verify_path(parsed, trusted));
    if (facts.back().role != certificate_role::root) {
        AGENTMESH_TRY(root, detail::signer_of(parsed.back().get(), trusted));
        if (!detail::may_issue(root.role, facts.back().role)) return fail(errc::certificate_authority, "AM-CRT-008");
        facts.push_back(std::move(root));
    }
    proved_standing out{.who = expected,
                        .key = facts.front().key,
                        .session = session,
                        .not_before = facts.front().not_before,
                        .not_after = facts.front().not_after};
    for (std::size_t i = 0; i < facts.size(); ++i) {
        const auto& one = facts[i];
        AGENTMESH_CHECK(detail::good_at(one, now));
        if (i < parsed.size() && i + 1 < facts.size())
            AGENTMESH_CHECK(detail::check_signed_by(parsed[i].get(), facts[i + 1].key));
        out.not_before = std::max(out.not_before, one.not_before);
        out.not_after = std::min(out.not_after, one.not_after);
        if (one.role == certificate_role::organization) out.organization = one.organization, out.domain = one.domain;
    }
    out.trust = out.domain.empty() ? tier::verified : tier::organization;

    for (const auto& one : facts) {
        if (one.role == certificate_role::root) continue;
        const auto gone = revocations.is_revoked(one.fingerprint);
        if (!gone) return fail(errc::revocation_unknown, "AM-CRT-011");
        if (*gone) return fail(errc::certificate_revoked, "AM-CRT-010");
    }
    return out;
}

inline std::string to_pem(byte_view der) {
    std::string out = "-----BEGIN CERTIFICATE-----\n";
    const auto text = to_base64(der, base64_form::standard_padded);
    for (std::size_t at = 0; at < text.size(); at += 64) out.append(text, at, 64) += '\n';
    return out += "-----END CERTIFICATE-----\n";
}

inline result<std::vector<buffer>> parse_pem(std::string_view text) {
    if (text.size() > certificate_limits::pem_bytes) return fail(errc::too_large, "AM-CRT-002");
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    constexpr std::string_view end = "-----END CERTIFICATE-----";
    std::vector<buffer> out;
    for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
        at += begin.size();
        const auto stop = text.find(end, at);
        if (stop == text.npos) return fail(errc::bad_certificate, "AM-CRT-003");
        std::string body;
        for (const char c : text.substr(at, stop - at))
            if (c != '\n' && c != '\r') body += c;
        auto der = from_base64(body, base64_form::standard_padded);
        if (!der) return fail(errc::bad_certificate, "AM-CRT-003");
        out.push_back(*std::move(der));
        at = stop;
    }
    if (out.empty()) return fail(errc::bad_certificate, "AM-CRT-003");
    return out;
}

}  // namespace agentmesh::identity
