// Bodies of registry/login.hpp.
#pragma once

#include <agentmesh/registry/login.hpp>

#include <agentmesh/crypto/kdf.hpp>

namespace agentmesh::registry {

namespace detail {

/// Scheme and authority, and the rest.
[[nodiscard]] inline std::pair<std::string, std::string> split_url(std::string_view url) {
    const auto begin = url.find("//");
    const auto end = begin == url.npos ? url.npos : url.find_first_of("/?#", begin + 2);
    if (end == url.npos) return {std::string{url}, "/"};
    return {std::string{url.substr(0, end)}, std::string{url.substr(end)}};
}

/// Whether a request to it, or somebody's browser, may be trusted with a code.
[[nodiscard]] inline bool is_login_url(std::string_view url) noexcept {
    for (const char c : url)
        if (c <= ' ' || c > '~' || c == '#') return false;
    if (url.starts_with("https://") && url.size() > 8) return true;
    for (const std::string_view here : {"http://127.0.0.1", "http://[::1]", "http://localhost"})
        if (url.starts_with(here) && (url.size() == here.size() || url[here.size()] == ':' || url[here.size()] == '/'))
            return true;
    return false;
}

[[nodiscard]] inline web_question question_to(std::string_view url, http::request request) {
    auto [server, target] = split_url(url);
    const auto mark = target.find('?');
    if (mark != target.npos) request.query = target.substr(mark + 1);
    request.path = target.substr(0, mark);
    if (request.path.empty()) request.path = "/";
    request.fields.add("Accept", "application/json");
    return {std::move(server), std::move(request)};
}

}  // namespace detail

inline result<login_provider> login_provider::parse(std::string_view text) {
    login_provider out;
    std::string secret, scope;
    AGENTMESH_CHECK(detail::read_texts(text,
                                       {{"name", &out.name},
                                        {"display_name", &out.display_name},
                                        {"issuer", &out.issuer},
                                        {"authorization_endpoint", &out.authorization_endpoint},
                                        {"token_endpoint", &out.token_endpoint},
                                        {"jwks_uri", &out.keys_endpoint},
                                        {"client_id", &out.client_id},
                                        {"client_secret", &secret},
                                        {"redirect_uri", &out.redirect_uri},
                                        {"scope", &scope}},
                                       [&](json::reader& in, std::string_view name) {
                                           if (name != "verified_email") return false;
                                           out.verified_email = in.boolean();
                                           return true;
                                       }));
    for (const auto* const one : {&out.name, &out.issuer, &out.client_id})
        if (one->empty()) return fail(errc::missing_member);
    for (const auto* const one :
         {&out.issuer, &out.authorization_endpoint, &out.token_endpoint, &out.keys_endpoint, &out.redirect_uri})
        if (!detail::is_login_url(*one)) return fail(errc::wrong_member);
    if (out.display_name.empty()) out.display_name = out.name;
    if (!scope.empty()) out.scope = scope;
    if (!secret.empty()) {
        const auto bytes = as_bytes(secret);
        out.client_secret = std::make_shared<const crypto::secret_buffer>(bytes.begin(), bytes.end());
        sodium_memzero(secret.data(), secret.size());
    }
    return out;
}

inline std::string login_attempt::json() const {
    std::string out;
    json::writer to{out};
    to.begin_object().member("who", who).member("provider", provider).member("verifier", verifier);
    to.member("nonce", nonce).member("token", token).end_object();
    return out;
}

inline result<login_attempt> login_attempt::parse(std::string_view text) {
    login_attempt out;
    AGENTMESH_CHECK(detail::read_texts(text,
                                       {{"who", &out.who},
                                        {"provider", &out.provider},
                                        {"verifier", &out.verifier},
                                        {"nonce", &out.nonce},
                                        {"token", &out.token}},
                                       [](json::reader&, std::string_view) { return false; }));
    return out;
}

inline result<std::string> draw_text(RandomSource auto& random) {
    std::array<std::uint8_t, 32> drawn;
    AGENTMESH_CHECK(random.fill(drawn));
    return to_base64(byte_view{drawn}, base64_form::url_unpadded);
}

inline std::string authorization_url(const login_provider& at, const login_attempt& of, std::string_view state) {
    const auto challenge = to_base64(crypto::sha256(as_bytes(of.verifier)).bytes(), base64_form::url_unpadded);
    std::string out = at.authorization_endpoint;
    out += out.find('?') == out.npos ? '?' : '&';
    const auto add = [&](std::string_view name, std::string_view value) {
        if (out.back() != '?' && out.back() != '&') out += '&';
        out.append(name).append("=").append(http::encode_component(value));
    };
    add("response_type", "code");
    add("client_id", at.client_id);
    add("redirect_uri", at.redirect_uri);
    add("scope", at.scope);
    add("state", state);
    add("nonce", of.nonce);
    add("code_challenge", challenge);
    add("code_challenge_method", "S256");
    return out;
}

inline web_question token_request(const login_provider& at, const login_attempt& of, std::string_view code) {
    http::request out{.method = "POST", .fields = {{"Content-Type", "application/x-www-form-urlencoded"}}};
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!out.body.empty()) out.body += '&';
        out.body.append(name).append("=").append(http::encode_component(value));
    };
    add("grant_type", "authorization_code");
    add("code", code);
    add("redirect_uri", at.redirect_uri);
    add("code_verifier", of.verifier);
    if (at.client_secret) {
        // RFC 6749 section 2.3.1: both parts form-encoded first.
        auto both = http::encode_component(at.client_id) + ":" + http::encode_component(as_text(*at.client_secret));
        out.fields.add("Authorization", "Basic " + to_base64(as_bytes(both), base64_form::standard_padded));
        sodium_memzero(both.data(), both.size());
    } else {
        add("client_id", at.client_id);
    }
    return detail::question_to(at.token_endpoint, std::move(out));
}

inline web_question keys_request(const login_provider& at) {
    return detail::question_to(at.keys_endpoint, {.method = "GET"});
}

inline result<std::string> token_of(const http::response& answer) {
    if (answer.status >= 500) return fail(errc::registry_failed, "AM-OAU-003");
    if (answer.status != 200) return fail(errc::not_allowed, "AM-OAU-003");
    std::string out;
    AGENTMESH_CHECK(
        detail::read_texts(answer.body, {{"id_token", &out}}, [](json::reader&, std::string_view) { return false; }));
    if (out.empty()) return fail(errc::not_allowed, "AM-OAU-003");
    return out;
}

}  // namespace agentmesh::registry
