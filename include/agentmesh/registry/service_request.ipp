#pragma once

#include <agentmesh/registry/service_request.hpp>

#include <agentmesh/registry/fault.hpp>

namespace agentmesh::registry {

inline result<request_members> request_members::parse(std::string_view body) {
    request_members out;
    json::reader in{body, {.bytes = service_limits::body_bytes}};
    in.begin_object("AM-REG-002");
    while (const auto name = in.next_member()) {
        const auto kind = in.peek();
        if (kind == json::kind::null)
            in.null();
        else if (kind == json::kind::string)
            out.all_.push_back({std::string{*name}, in.string().text(), true});
        else
            out.all_.push_back({std::string{*name}, std::string{in.skip()}, false});
    }
    AGENTMESH_CHECK(in.finish());
    return out;
}

inline const request_members::member* request_members::find(std::string_view name) const noexcept {
    for (const auto& one : all_)
        if (one.name == name) return &one;
    return nullptr;
}

inline result<std::string_view> request_members::text(std::string_view name) const {
    const auto* one = find(name);
    if (one == nullptr) return fail(errc::missing_member, "AM-REG-002");
    if (!one->is_string && !injected(fault::members_any_type)) return fail(errc::wrong_member, "AM-REG-002");
    return std::string_view{one->text};
}

inline result<std::string_view> request_members::optional_text(std::string_view name) const {
    if (!has(name)) return std::string_view{};
    return text(name);
}

inline result<std::string_view> request_members::json(std::string_view name) const {
    const auto* one = find(name);
    if (one == nullptr) return fail(errc::missing_member, "AM-REG-002");
    if (one->is_string) return fail(errc::wrong_member, "AM-REG-002");
    return std::string_view{one->text};
}

inline result<std::vector<std::string>> request_members::texts(std::string_view name) const {
    std::vector<std::string> out;
    if (!has(name)) return out;
    AGENTMESH_TRY(array, json(name));
    json::reader in{array};
    in.begin_array("AM-REG-002");
    while (in.next_element()) out.push_back(in.string("AM-REG-002").text());
    AGENTMESH_CHECK(in.finish());
    return out;
}

inline result<amid> request_members::agent(std::string_view name) const {
    AGENTMESH_TRY(name_of, text(name));
    return amid::parse(name_of);
}

inline result<ppm> request_members::ratio(std::string_view name) const {
    AGENTMESH_TRY(number, json(name));
    return parse_ratio(number);
}

inline result<ppm> parse_ratio(std::string_view text) {
    json::reader in{text, {.bytes = 64}};
    const double value = in.number("AM-REG-002").real();
    if (!in.finish() || (!(value >= 0.0 && value <= 1.0) && !injected(fault::rating_any_score)))
        return fail(errc::wrong_member, "AM-REG-002");
    // Nearest, ties to even, in the rounding mode that C++ programs start with.
    return static_cast<ppm>(std::lrint(value * 1e6));
}

inline result<void> credential::verify(const signing_public_key& key) const {
    if (injected(fault::proof_foreign) && proof && proof->who != who) return {};
    if (injected(fault::change_unsigned) && !proof && stated.empty()) return {};
    if (injected(fault::time_any_signature) && !proof) return {};
    if (proof) {
        if (const auto verified = proof->verify(key); !verified)
            return fail(errc::bad_signature, verified.error().clause);
        return {};
    }
    if (!crypto::verify(key, as_bytes(stated), over_time)) return fail(errc::bad_signature, "AM-REG-004");
    return {};
}

inline byte_view credential::nonce() const noexcept {
    if (proof) return proof->nonce.bytes();
    return byte_view{over_time.bytes()}.subspan(32);
}

inline result<credential> read_credential(const http::request& request, const request_members& body, const amid& who,
                                          std::string_view host, time_point now, std::string_view signature_member) {
    if (has_proof(request)) {
        auto proof = read_proof(request, host, now);
        if (!proof) return fail(errc::bad_signature, proof.error().clause);
        if (proof->who != who && !injected(fault::proof_foreign)) return fail(errc::bad_signature, "AM-REG-009");
        const auto until = proof->forget_at();
        return credential{.who = who, .proof = *std::move(proof), .forget_at = until};
    }
    if (injected(fault::change_unsigned) && !body.has("signature")) return credential{.who = who, .forget_at = now};
    if (!body.has("timestamp") || !body.has(signature_member)) return fail(signature_required);
    AGENTMESH_TRY(stated, body.text("timestamp"));
    AGENTMESH_TRY(encoded, body.text(signature_member));
    const auto parsed = identity::parse_signature(encoded);
    const auto at = read_time(stated);
    if (!parsed || !at) return fail(errc::bad_signature, "AM-REG-004");
    if ((now - at->at > limits::proof_max_age && !injected(fault::time_any_age)) ||
        (at->rounded_up() - now > limits::proof_max_lead && !injected(fault::time_any_future)))
        return fail(errc::bad_signature, "AM-REG-006");
    return credential{.who = who,
                      .stated = injected(fault::time_reformatted) && stated.ends_with("Z") ? "" : std::string{stated},
                      .over_time = *parsed,
                      .forget_at = at->at + limits::proof_max_age + std::chrono::seconds{1}};
}

inline result<void> check_shown_text(std::string_view text, std::size_t bytes) {
    if (text.size() > bytes && !injected(fault::texts_any_length)) return fail(errc::too_large, "AM-REG-013");
    for (const char c : injected(fault::texts_control) ? std::string_view{} : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return fail(errc::wrong_member, "AM-REG-013");
    return {};
}

inline result<std::vector<std::string>> check_capabilities(std::vector<std::string> all) {
    if (all.size() > service_limits::capabilities && !injected(fault::texts_many))
        return fail(errc::too_large, "AM-REG-013");
    for (const auto& one : all) {
        AGENTMESH_CHECK(check_shown_text(one, service_limits::capability_bytes));
        // A star would be taken for a pattern by whoever searches for it.
        if ((one.empty() || one.find('*') != one.npos) && !injected(fault::texts_star))
            return fail(errc::wrong_member, "AM-REG-013");
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

namespace detail {

inline void text_or_null(json::writer& to, std::string_view name, std::string_view text) {
    to.name(name);
    if (text.empty())
        to.null();
    else
        to.value(text);
}

/// One decimal number without leading zeros.
[[nodiscard]] inline std::optional<unsigned> decimal(std::string_view text, unsigned most) noexcept {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned out = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        out = out * 10 + static_cast<unsigned>(c - '0');
    }
    if (out > most) return std::nullopt;
    return out;
}

/// Four decimal numbers, of the open network. Resolvers also take `127.1`, `0x7f.1` and `2130706433`: those are names
/// whose last label is a number, which is_public_name refuses.
[[nodiscard]] inline bool is_public_ipv4(std::string_view text) noexcept {
    std::array<unsigned, 4> part{};
    for (std::size_t i = 0; i < 4; ++i) {
        const auto end = i < 3 ? text.find('.') : text.size();
        if (end == text.npos) return false;
        const auto number = decimal(text.substr(0, end), 255);
        if (!number) return false;
        part[i] = *number;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    const auto [a, b, c, d] = part;
    const bool special = a == 0 || a == 10 || a == 127 || a >= 224 || (a == 100 && b / 64 == 1) ||
                         (a == 169 && b == 254) || (a == 172 && b / 16 == 1) || (a == 192 && b == 168) ||
                         (a == 192 && b == 0 && (c == 0 || c == 2)) || (a == 198 && b / 2 == 9) ||
                         (a == 198 && b == 51 && c == 100) || (a == 203 && b == 0 && c == 113);
    return !special || injected(fault::endpoint_private);
}

/// Labels of letters, digits and hyphens, two of them at least, the last one not a number and not a name of this host
/// or of the local network.
[[nodiscard]] inline bool is_public_name(std::string_view text) noexcept {
    if (text.size() > 253 || (text.find('.') == text.npos && !injected(fault::endpoint_number))) return false;
    std::string_view last = text;
    while (true) {
        const auto end = std::min(last.find('.'), last.size());
        const auto part = last.substr(0, end);
        if (part.empty() || part.size() > 63 || part.front() == '-' || part.back() == '-') return false;
        for (const char c : part) {
            const char l = ws::detail::lower(c);
            if (!((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
        }
        if (end == last.size()) break;
        last.remove_prefix(end + 1);
    }
    const char first = ws::detail::lower(last.front());
    if (!(first >= 'a' && first <= 'z')) return injected(fault::endpoint_number);
    if (injected(fault::endpoint_local_name)) return true;
    for (const std::string_view local : {"localhost", "local", "internal", "localdomain", "lan", "arpa"})
        if (ws::equals_ignoring_case(last, local)) return false;
    return true;
}

}  // namespace detail

inline result<void> check_endpoint(std::string_view url) {
    const auto refused = fail(errc::wrong_member, "AM-REG-014");
    if (injected(fault::endpoint_any)) return {};
    if (url.size() > service_limits::endpoint_bytes && !injected(fault::endpoint_any_length))
        return fail(errc::too_large, "AM-REG-014");
    for (const char c : url)
        if (c <= ' ' || c > '~' || c == '\\') return refused;
    if (url.starts_with("wss://"))
        url.remove_prefix(6);
    else if (url.starts_with("https://"))
        url.remove_prefix(8);
    else if (injected(fault::endpoint_any_scheme) && url.find("://") != url.npos)
        url.remove_prefix(url.find("://") + 3);
    else
        return refused;
    auto host = url.substr(0, url.find_first_of("/?#"));
    if (injected(fault::endpoint_user)) host.remove_prefix(host.rfind('@') + 1);
    if (injected(fault::endpoint_bracket) && host.starts_with('[')) return {};
    if (const auto colon = host.find(':'); colon != host.npos) {
        const auto port = detail::decimal(host.substr(colon + 1), 65'535);
        if ((!port || *port == 0) && !injected(fault::endpoint_any_port)) return refused;
        host = host.substr(0, colon);
    }
    if (!detail::is_public_ipv4(host) && !detail::is_public_name(host)) return refused;
    return {};
}

inline refusal_words words_of(const error& why) noexcept {
    if (why == signature_required) return {401, "signature_required"};
    switch (why.code) {
        case errc::bad_signature: return {401, "invalid_signature"};
        case errc::fallback_refused: return {401, "proof_required"};
        case errc::not_allowed: return {403, "forbidden"};
        case errc::certificate_revoked: return {403, "revoked"};
        case errc::unknown_peer: return {404, "not_found"};
        case errc::http_not_found: return {404, "unknown_endpoint"};
        case errc::http_method: return {405, "method_not_allowed"};
        case errc::duplicate: return {409, "already_exists"};
        case errc::epoch_rollback: return {409, "rollback"};
        case errc::http_forbidden: return {415, "unsupported_media_type"};
        case errc::rate_limited: return {429, "rate_limited"};
        case errc::random_failed:
        case errc::crypto_unavailable: return {500, "internal_error"};
        case errc::registry_failed: return {503, "unavailable"};
        case errc::amid_mismatch: return {400, "amid_mismatch"};
        case errc::bad_amid: return {400, "invalid_amid"};
        case errc::missing_member: return {400, "missing_member"};
        case errc::wrong_member: return {400, "invalid_member"};
        case errc::too_large: return {400, "too_large"};
        case errc::revocation_unknown: return {503, "unavailable"};
        case errc::bad_certificate:
        case errc::certificate_untrusted:
        case errc::certificate_not_yet_valid:
        case errc::certificate_expired:
        case errc::certificate_authority:
        case errc::certificate_signature:
        case errc::certificate_subject: return {400, "invalid_certificate"};
        case errc::bad_bundle: return {400, "invalid_prekey_signature"};
        case errc::stale_prekey: return {400, "invalid_prekey_time"};
        case errc::weak_key:
        case errc::bad_key_prefix:
        case errc::bad_base64:
        case errc::bad_length: return {400, "invalid_key"};
        case errc::bad_json:
        case errc::bad_utf8:
        case errc::json_too_deep:
        case errc::json_duplicate_member:
        case errc::json_too_many_members:
        case errc::json_number_range: return {400, "invalid_json"};
        default: return {400, "invalid_request"};
    }
}

inline http::response refuse(const http::request& request, const error& why) {
    auto [status, word] = words_of(why);
    // Profile wire10 tells a body out of form from one that is wrong, and says why in a member of its own.
    const bool mesh = request.path.starts_with("/v1/agents") || request.path == "/v1/discover";
    if (mesh && status == 400 &&
        (why.code == errc::missing_member || why.code == errc::wrong_member || why.code == errc::too_large))
        status = 422;
    if (injected(fault::refusal_bare)) return {.status = status, .fields = {{"Content-Type", "text/plain"}}};
    std::string body;
    json::writer to{body};
    to.begin_object();
    if (request.method == "POST") to.member("success", false);
    if (request.path == "/v1/registry/register") {
        // Deployed clients read the same members from a refusal as from an answer.
        const auto members = request_members::parse(request.body);
        const auto who = members ? members->agent("amid") : result<amid>{fail(errc::bad_amid)};
        to.member("amid", who ? who->text() : std::string_view{}).member("tier", "anonymous");
    }
    if (mesh) to.member("detail", describe(why.code));
    to.member("error", word).member("message", describe(why.code));
    to.member("clause", why.clause.empty() ? clause_id{"AM-REG-002"} : why.clause).end_object();
    auto out = http::response::json(injected(fault::refusal_fine) ? std::uint16_t{200} : status, std::move(body));
    if (mesh && status == 401) out.fields.add("WWW-Authenticate", "Ed25519-Timestamp");
    return out;
}

inline unsigned minute_counts::take(const std::string& name, unsigned limit, steady_point now) {
    constexpr auto minute = std::chrono::seconds{60};
    if (limit == 0 || injected(fault::fetches_no_rate)) return 0;
    if (windows_.size() >= service_limits::addresses)
        std::erase_if(windows_, [&](const auto& one) { return now >= one.second.begins + minute; });
    auto at = windows_.find(name);
    if (at == windows_.end()) {
        // Every place is taken by somebody of this minute: who comes now has to wait, so that memory stays bounded.
        if (windows_.size() >= service_limits::addresses) return 60;
        at = windows_.emplace(name, window{now}).first;
    }
    auto& of = at->second;
    if (now >= of.begins + minute) of = {now};
    if (of.count >= limit) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(of.begins + minute - now).count();
        return static_cast<unsigned>(std::clamp<std::int64_t>(left, 1, 60));
    }
    ++of.count;
    return 0;
}

}  // namespace agentmesh::registry
