// Bodies of registry/id_token.hpp.
#pragma once

#include <agentmesh/registry/id_token.hpp>

namespace agentmesh::registry {

namespace detail {

inline constexpr std::size_t id_token_bytes = 16 * 1024;
inline constexpr std::size_t provider_keys = 32;
inline constexpr std::chrono::seconds token_age{600};  // as long as a login may take
inline constexpr std::chrono::seconds token_lead{60};  // between two clocks
inline constexpr std::size_t subject_bytes = 255;

struct text_member {
    std::string_view name;
    std::string* value;
};

/// Reads string members of an object; the rest is passed over. Names are told to `other` first.
template <class Other>
[[nodiscard]] result<void> read_texts(std::string_view text, std::initializer_list<text_member> wanted, Other&& other) {
    json::reader in{text, {.bytes = 64 * 1024}};
    in.begin_object();
    while (const auto name = in.next_member()) {
        if (other(in, *name)) continue;
        for (const auto& one : wanted)
            if (*name == one.name) *one.value = in.string().text();
    }
    return in.finish();
}

[[nodiscard]] inline std::optional<token_algorithm> algorithm_of(std::string_view name) noexcept {
    if (name == "RS256") return token_algorithm::rs256;
    if (name == "ES256") return token_algorithm::es256;
    if (name == "EdDSA") return token_algorithm::eddsa;
    return std::nullopt;
}

/// A key of the set, or nothing if it is for something else.
[[nodiscard]] inline result<std::optional<provider_key>> parse_key(std::string_view json) {
    std::string kind, curve, use, algorithm, n, e, x, y;
    provider_key out;
    AGENTMESH_CHECK(read_texts(json,
                               {{"kty", &kind},
                                {"crv", &curve},
                                {"use", &use},
                                {"alg", &algorithm},
                                {"kid", &out.id},
                                {"n", &n},
                                {"e", &e},
                                {"x", &x},
                                {"y", &y}},
                               [](json::reader&, std::string_view) { return false; }));
    if (kind == "RSA")
        out.algorithm = token_algorithm::rs256;
    else if (kind == "EC" && curve == "P-256")
        out.algorithm = token_algorithm::es256;
    else if (kind == "OKP" && curve == "Ed25519")
        out.algorithm = token_algorithm::eddsa;
    else
        return std::nullopt;
    if (!use.empty() && use != "sig") return std::nullopt;
    if (!algorithm.empty() && algorithm_of(algorithm) != out.algorithm) return std::nullopt;
    const bool rsa = out.algorithm == token_algorithm::rs256;
    AGENTMESH_TRY(first, from_base64(rsa ? n : x, base64_form::url_unpadded));
    AGENTMESH_TRY(second, from_base64(rsa ? e : y, base64_form::url_unpadded));
    out.first = std::move(first);
    out.second = std::move(second);
    return out;
}

/// `aud` is one text or several.
inline void read_audience(json::reader& in, std::vector<std::string>& out) {
    if (in.peek() == json::kind::string) {
        out.push_back(in.string().text());
        return;
    }
    in.begin_array();
    while (in.next_element()) out.push_back(in.string().text());
}

}  // namespace detail

inline result<std::vector<provider_key>> parse_key_set(std::string_view text) {
    std::vector<provider_key> out;
    json::reader in{text, {.bytes = 64 * 1024}};
    in.begin_object();
    bool any = false;
    while (const auto name = in.next_member()) {
        if (*name != "keys") continue;
        any = true;
        in.begin_array();
        std::size_t count = 0;
        while (in.next_element()) {
            const auto one = in.skip();
            if (!in.ok()) break;
            if (++count > detail::provider_keys) return fail(errc::too_large, "AM-OAU-003");
            AGENTMESH_TRY(key, detail::parse_key(one));
            if (key) out.push_back(*std::move(key));
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!any) return fail(errc::missing_member, "AM-OAU-003");
    return out;
}

inline result<id_token> id_token::parse(std::string_view text) {
    if (text.size() > detail::id_token_bytes) return fail(errc::too_large, "AM-OAU-003");
    const auto first = text.find('.'), last = text.rfind('.');
    if (first == text.npos || last == first) return fail(errc::not_allowed, "AM-OAU-003");
    const auto part = [](std::string_view one) { return from_base64(one, base64_form::url_unpadded); };
    AGENTMESH_TRY(header, part(text.substr(0, first)));
    AGENTMESH_TRY(claims, part(text.substr(first + 1, last - first - 1)));
    AGENTMESH_TRY(proof, part(text.substr(last + 1)));
    id_token out{.signed_text = std::string{text.substr(0, last)},
                 .proof = std::move(proof),
                 .claims = std::string{as_text(claims)}};
    std::string algorithm;
    bool critical = false;
    AGENTMESH_CHECK(detail::read_texts(as_text(header), {{"alg", &algorithm}, {"kid", &out.key_id}},
                                       [&](json::reader&, std::string_view name) {
                                           critical = critical || name == "crit";
                                           return false;
                                       }));
    const auto known = detail::algorithm_of(algorithm);
    if (!known || critical) return fail(errc::not_allowed, "AM-OAU-003");
    out.algorithm = *known;
    return out;
}

inline result<login_identity> check_id_token(const id_token& token, std::span<const provider_key> keys,
                                             token_signature_check check, const token_expectation& expected,
                                             time_point now) {
    const provider_key* with = nullptr;
    for (const auto& one : keys) {
        if (one.algorithm != token.algorithm || one.id != token.key_id) continue;
        // Two keys under one name, or two without: which one is meant cannot be told.
        if (with != nullptr) return fail(errc::not_allowed, "AM-OAU-003");
        with = &one;
    }
    if (with == nullptr) return fail(errc::unknown_peer, "AM-OAU-003");
    const auto text = as_bytes(token.signed_text);
    if (token.algorithm == token_algorithm::eddsa) {
        AGENTMESH_TRY(key, crypto::ed25519_public_key::from(with->first));
        AGENTMESH_TRY(proof, crypto::ed25519_signature::from(token.proof));
        if (!crypto::verify(key, text, proof)) return fail(errc::bad_signature, "AM-OAU-003");
    } else {
        if (check == nullptr || !check(*with, text, token.proof)) return fail(errc::bad_signature, "AM-OAU-003");
    }

    login_identity out;
    std::string issuer, nonce, party, email;
    std::vector<std::string> audience;
    std::optional<std::int64_t> expires, issued, begins;
    bool verified = false;
    AGENTMESH_CHECK(detail::read_texts(token.claims,
                                       {{"iss", &issuer},
                                        {"sub", &out.subject},
                                        {"nonce", &nonce},
                                        {"azp", &party},
                                        {"email", &email},
                                        {"preferred_username", &out.username},
                                        {"name", &out.display_name}},
                                       [&](json::reader& in, std::string_view name) {
                                           if (name == "aud") return detail::read_audience(in, audience), true;
                                           if (name == "exp")
                                               return expires = static_cast<std::int64_t>(in.number().real()), true;
                                           if (name == "iat")
                                               return issued = static_cast<std::int64_t>(in.number().real()), true;
                                           if (name == "nbf")
                                               return begins = static_cast<std::int64_t>(in.number().real()), true;
                                           // Some providers write it as a text, and only one of the two texts says yes.
                                           if (name == "email_verified") {
                                               verified = in.peek() == json::kind::string ? in.string().is("true")
                                                                                          : in.boolean();
                                               return true;
                                           }
                                           return false;
                                       }));
    const bool named = std::find(audience.begin(), audience.end(), expected.audience) != audience.end();
    const bool ours =
        named && (audience.size() == 1 || party == expected.audience) && (party.empty() || party == expected.audience);
    if (issuer != expected.issuer || !ours || nonce.empty() || nonce != expected.nonce)
        return fail(errc::not_allowed, "AM-OAU-004");
    if (out.subject.empty() || out.subject.size() > detail::subject_bytes) return fail(errc::not_allowed, "AM-OAU-004");
    // In seconds, and far from where they would overflow.
    const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    constexpr std::int64_t end = 253'402'300'800;  // the year 10000
    if (!expires || !issued || *expires <= second || *expires > end || *issued > second + detail::token_lead.count() ||
        *issued < second - detail::token_age.count() || (begins && *begins > second + detail::token_lead.count()))
        return fail(errc::not_allowed, "AM-OAU-005");
    if (verified) out.email = std::move(email);
    if (expected.verified_email && out.email.empty()) return fail(errc::not_allowed, "AM-OAU-006");
    return out;
}

}  // namespace agentmesh::registry
