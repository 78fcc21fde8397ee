#pragma once

#include <agentmesh/registry/request_proof.hpp>

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/limits.hpp>
#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/identity/did.hpp>
#include <agentmesh/registry/fault.hpp>

namespace agentmesh::registry {

namespace detail {

inline constexpr std::string_view covered = R"(("@method" "@authority" "@path" "@query" "content-digest"))";
inline constexpr std::string_view label = "agentmesh";

[[nodiscard]] inline std::string digest_of(std::string_view body) {
    const auto digest = crypto::sha256(as_bytes(body));
    return "sha-256=:" + to_base64(digest.bytes(), base64_form::standard_padded) + ":";
}

[[nodiscard]] inline std::string lower_case(std::string_view text) {
    std::string out{text};
    for (char& c : out) c = ws::detail::lower(c);
    return out;
}

/// The parameters, as in Signature-Input behind the label and in the last line of the signature base.
[[nodiscard]] inline std::string parameters(const amid& who, std::int64_t created, const request_nonce& nonce) {
    return std::string{covered} + ";created=" + std::to_string(created) + ";nonce=\"" +
           to_base64(nonce.bytes(), base64_form::url_unpadded) + "\";keyid=\"" + identity::to_did(who) +
           "\";alg=\"ed25519\";tag=\"" + std::string{proof_tag} + "\"";
}

/// RFC 9421 section 2.5.
[[nodiscard]] inline std::string signature_base(const http::request& of, std::string_view host, std::string_view digest,
                                                std::string_view parameters) {
    std::string out;
    const auto line = [&](std::string_view name, std::string_view value) {
        out.append("\"").append(name).append("\": ").append(value).append("\n");
    };
    line("@method", of.method);
    line("@authority", lower_case(host));
    line("@path", of.path);
    line("@query", "?" + of.query);
    line("content-digest", digest);
    out.append("\"@signature-params\": ").append(parameters);
    return out;
}

/// Takes `text` off the front.
[[nodiscard]] inline bool take(std::string_view& from, std::string_view text) noexcept {
    if (!from.starts_with(text)) return false;
    from.remove_prefix(text.size());
    return true;
}
[[nodiscard]] inline std::optional<std::string_view> take_until(std::string_view& from, char end) noexcept {
    const auto at = from.find(end);
    if (at == from.npos) return std::nullopt;
    const auto out = from.substr(0, at);
    from.remove_prefix(at + 1);
    return out;
}

}  // namespace detail

inline time_point request_proof::forget_at() const noexcept {
    return created + limits::proof_max_age + std::chrono::seconds{1};
}

inline result<void> request_proof::verify(const signing_public_key& key) const {
    if (injected(fault::proof_any_signature)) return {};
    for (const std::string_view text : other_readings(signed_text))
        if (crypto::verify(key, as_bytes(text), proof)) return {};
    if (amid::of(key) != who) return fail(errc::amid_mismatch, "AM-RQP-004");
    if (!crypto::verify(key, as_bytes(signed_text), proof)) return fail(errc::bad_signature, "AM-RQP-004");
    return {};
}

inline result<void> prove(http::request& request, const signing_key_pair& key, time_point now,
                          RandomSource auto& random) {
    const auto host = request.fields.only("Host");
    if (!host || has_proof(request)) return fail(errc::http_malformed, "AM-RQP-001");
    request_nonce nonce;
    AGENTMESH_CHECK(random.fill(nonce.storage()));
    const auto created = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    const auto digest = detail::digest_of(request.body);
    const auto parameters = detail::parameters(amid::of(key.public_key()), created, nonce);
    const auto proof = key.sign(as_bytes(detail::signature_base(request, *host, digest, parameters)));
    const std::string label{detail::label};
    request.fields.add("Content-Digest", digest);
    request.fields.add("Signature-Input", label + "=" + parameters);
    request.fields.add("Signature", label + "=:" + to_base64(proof.bytes(), base64_form::standard_padded) + ":");
    return {};
}

inline bool has_proof(const http::request& request) noexcept {
    return request.fields.count("Signature") > 0 || request.fields.count("Signature-Input") > 0 ||
           request.fields.count("Content-Digest") > 0;
}

inline result<request_proof> read_proof(const http::request& request, std::string_view host, time_point now) {
    const auto refused = fail(errc::http_malformed, "AM-RQP-001");
    const auto digest = request.fields.only("Content-Digest");
    const auto input = request.fields.only("Signature-Input");
    const auto sent = request.fields.only("Signature");
    const auto authority = request.fields.only("Host");
    if (!digest || !input || !sent || !authority) return refused;

    auto rest = *input;
    if (!detail::take(rest, detail::label) || !detail::take(rest, "=")) return refused;
    const auto parameters = rest;
    if (!detail::take(rest, detail::covered) || !detail::take(rest, ";created=")) return refused;
    const auto created_text = detail::take_until(rest, ';');
    if (!created_text || created_text->empty() || created_text->size() > 11) return refused;
    std::int64_t created = 0;
    for (const char c : *created_text) {
        if (c < '0' || c > '9') return refused;
        created = created * 10 + (c - '0');
    }
    if (!detail::take(rest, "nonce=\"")) return refused;
    const auto nonce_text = detail::take_until(rest, '"');
    if (!nonce_text || !detail::take(rest, ";keyid=\"")) return refused;
    const auto nonce = from_base64_exact<request_nonce>(*nonce_text, base64_form::url_unpadded);
    const auto keyid = detail::take_until(rest, '"');
    if (!nonce || !keyid) return refused;
    const auto who = identity::parse_did(*keyid);
    // Written again it must be the same text, so that one proof has one spelling.
    if (!who || (parameters != detail::parameters(*who, created, *nonce) && !injected(fault::proof_any_form)))
        return refused;

    auto value = *sent;
    if (!detail::take(value, detail::label) || !detail::take(value, "=:") || !value.ends_with(':')) return refused;
    value.remove_suffix(1);
    const auto proof = from_base64_exact<signature>(value, base64_form::standard_padded);
    if (!proof) return refused;

    if ((*digest != detail::digest_of(request.body) && !injected(fault::proof_any_body)) ||
        (!ws::equals_ignoring_case(*authority, host) && !injected(fault::proof_any_host)))
        return fail(errc::bad_signature, "AM-RQP-002");
    const time_point at{std::chrono::seconds{created}};
    if (now - at > limits::proof_max_age && !injected(fault::proof_any_age))
        return fail(errc::stale_proof, "AM-RQP-003");
    if (at - now > limits::proof_max_lead && !injected(fault::proof_any_future))
        return fail(errc::future_proof, "AM-RQP-003");
    return request_proof{.who = *who,
                         .created = at,
                         .nonce = *nonce,
                         .signed_text = detail::signature_base(request, *authority, *digest, parameters),
                         .proof = *proof};
}

}  // namespace agentmesh::registry
