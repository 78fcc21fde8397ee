// Logins at OpenID providers. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

namespace detail {

inline constexpr std::chrono::hours keys_last{1};
inline constexpr std::chrono::minutes keys_rest{1};  // before a key that is not known is asked for again
inline constexpr std::string_view voucher_prefix = "voucher:";

/// Kept for a registration that is still to come.
[[nodiscard]] inline std::string voucher(const amid& who, std::string_view owner) {
    std::string out;
    json::writer{out}.begin_object().member("who", who.text()).member("owner", owner).end_object();
    return out;
}

[[nodiscard]] inline bool has_key(std::span<const provider_key> keys, const id_token& for_token) noexcept {
    return std::any_of(keys.begin(), keys.end(), [&](const provider_key& one) {
        return one.id == for_token.key_id && one.algorithm == for_token.algorithm;
    });
}

/// Every reason is one refusal, so that nobody learns from it how to do better; the clause names the rule.
[[nodiscard]] inline error login_refused(const error& why) noexcept {
    if (why.code == errc::registry_failed) return why;
    return {errc::not_allowed, why.clause.starts_with("AM-OAU-") ? why.clause : clause_id{"AM-OAU-003"}};
}

}  // namespace detail

template <RegistryStore Store, RandomSource Random>
const login_provider* service<Store, Random>::provider(std::string_view name) const noexcept {
    for (const auto& one : options_.logins)
        if (one.name == name) return &one;
    return nullptr;
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::login_providers(const call&) -> answer {
    std::string body;
    json::writer to{body};
    to.begin_object().name("providers").begin_array();
    for (const auto& one : options_.logins)
        to.begin_object()
            .member("name", one.name)
            .member("enabled", true)
            .member("display_name", one.display_name)
            .end_object();
    to.end_array().end_object();
    return http::response::json(200, std::move(body));
}

/// @spec AM-OAU-001, AM-OAU-009
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::begin_login(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    AGENTMESH_TRY(name, body.text("provider"));
    const auto* const at = provider(name);
    if (at == nullptr) return fail(errc::wrong_member, "AM-OAU-001");
    // One that is still to register says by which key.
    std::optional<signing_public_key> key;
    if (body.has("signing_public_key")) {
        AGENTMESH_TRY(text, body.text("signing_public_key"));
        AGENTMESH_TRY(parsed, identity::parse_signing_key(text));
        AGENTMESH_CHECK(crypto::check_public_key(parsed));
        if (amid::of(parsed) != who) return fail(errc::amid_mismatch, "AM-OAU-001");
        key = parsed;
    }
    AGENTMESH_TRY(shown, read_credential(in.request, body, who, options_.host, in.now.wall));
    AGENTMESH_TRY(state, draw_text(*random_));
    AGENTMESH_TRY(verifier, draw_text(*random_));
    AGENTMESH_TRY(nonce, draw_text(*random_));
    const login_attempt attempt{
        .who = std::string{who.text()}, .provider = at->name, .verifier = verifier, .nonce = nonce};
    auto out = change(
        in, shown,
        [&](transaction& tx, agent_row&) -> answer {
            // As a registration: keys that nobody knows yet cost nothing to make, and each attempt is kept for a while.
            if (const auto wait =
                    registrations_.take(in.from.address, options_.registrations_per_minute, in.now.steady)) {
                auto late = refuse(in.request, {errc::rate_limited, "AM-REG-017"});
                late.fields.add("Retry-After", std::to_string(wait));
                return late;
            }
            AGENTMESH_CHECK(tx.insert_login(state, attempt.json(), in.now.wall + login_time));
            std::string text;
            json::writer to{text};
            to.begin_object().member("authorization_url", authorization_url(*at, attempt, state));
            to.member("state", state).member("expires_in", login_time.count()).end_object();
            return http::response::json(200, std::move(text));
        },
        false, [&](transaction&) -> result<std::optional<signing_public_key>> { return key; });
    if (!out && out.error() == not_registered) return fail(errc::bad_signature, "AM-OAU-001");
    return out;
}

/// @spec AM-OAU-002
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::end_login(const call& in) -> answer {
    AGENTMESH_TRY(state, asked(in, "state"));
    AGENTMESH_TRY(code, asked(in, "code"));
    AGENTMESH_TRY(refused, asked(in, "error"));
    AGENTMESH_TRY(issuer, asked(in, "iss"));
    if (!state || (!code && !refused)) return fail(errc::missing_member, "AM-REG-002");
    // What else is kept there has names that no state has.
    if (state->find(':') != state->npos) return fail(errc::not_allowed, "AM-OAU-002");
    // Taken whatever follows, and for good: with another code the same state gets nobody further.
    auto kept = store_->transact([&](transaction& tx) { return tx.take_login(*state, in.now.wall); });
    if (!kept) return fail(kept.error());
    if (!*kept) return fail(errc::not_allowed, "AM-OAU-002");
    AGENTMESH_TRY(attempt, login_attempt::parse(**kept));
    const auto* const at = provider(attempt.provider);
    if (at == nullptr || !code) return fail(errc::not_allowed, "AM-OAU-002");
    // RFC 9207: another provider's answer, brought to this one's door.
    if (issuer && *issuer != at->issuer) return fail(errc::not_allowed, "AM-OAU-004");
    in.open = open_request{.question = token_request(*at, attempt, *code),
                           .at = open_request::stage::login_token,
                           .request = in.request,
                           .address = in.from.address,
                           .kept = **kept};
    return http::response{};
}

/// @spec AM-OAU-003, AM-OAU-004, AM-OAU-005, AM-OAU-006
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::take_login_token(const call& in, const open_request& waiting, const outside_answer& said)
    -> answer {
    const auto* const got = std::get_if<result<http::response>>(&said);
    if (got == nullptr || !*got) return fail(errc::registry_failed, "AM-OAU-003");
    AGENTMESH_TRY(attempt, login_attempt::parse(waiting.kept));
    const auto* const at = provider(attempt.provider);
    if (at == nullptr) return fail(errc::not_allowed, "AM-OAU-002");
    auto text = token_of(**got);
    if (!text) return fail(detail::login_refused(text.error()));
    attempt.token = *std::move(text);
    const auto token = id_token::parse(attempt.token);
    if (!token) return fail(detail::login_refused(token.error()));
    const auto known = login_keys_.find(at->name);
    const bool fresh = known != login_keys_.end() && in.now.steady < known->second.at + detail::keys_last;
    const bool rests = known != login_keys_.end() && in.now.steady < known->second.at + detail::keys_rest;
    if (!fresh || (!detail::has_key(known->second.all, *token) && !rests)) {
        in.open = open_request{.question = keys_request(*at),
                               .at = open_request::stage::login_keys,
                               .request = waiting.request,
                               .address = waiting.address,
                               .kept = attempt.json()};
        return http::response{};
    }
    const auto who = check_id_token(
        *token, known->second.all, options_.check_token,
        {.issuer = at->issuer, .audience = at->client_id, .nonce = attempt.nonce, .verified_email = at->verified_email},
        in.now.wall);
    if (!who) return fail(detail::login_refused(who.error()));
    return finish_login(in, *at, attempt, *who);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::take_login_keys(const call& in, const open_request& waiting, const outside_answer& said)
    -> answer {
    const auto* const got = std::get_if<result<http::response>>(&said);
    if (got == nullptr || !*got || (*got)->status != 200) return fail(errc::registry_failed, "AM-OAU-003");
    AGENTMESH_TRY(attempt, login_attempt::parse(waiting.kept));
    const auto* const at = provider(attempt.provider);
    if (at == nullptr) return fail(errc::not_allowed, "AM-OAU-002");
    auto keys = parse_key_set((*got)->body);
    if (!keys) return fail(errc::registry_failed, "AM-OAU-003");
    const auto token = id_token::parse(attempt.token);
    if (!token) return fail(detail::login_refused(token.error()));
    const auto& held = login_keys_[at->name] = {*std::move(keys), in.now.steady};
    const auto who = check_id_token(
        *token, held.all, options_.check_token,
        {.issuer = at->issuer, .audience = at->client_id, .nonce = attempt.nonce, .verified_email = at->verified_email},
        in.now.wall);
    if (!who) return fail(detail::login_refused(who.error()));
    return finish_login(in, *at, attempt, *who);
}

/// @spec AM-OAU-007, AM-OAU-008
template <RegistryStore Store, RandomSource Random>
result<void> service<Store, Random>::own(transaction& tx, agent_row& row, std::string owner, time_point now) {
    if (row.revoked) return fail(errc::certificate_revoked, "AM-REG-018");
    if (!row.owner.empty() && row.owner != owner) return fail(errc::duplicate, "AM-OAU-007");
    if (row.owner != owner) {
        AGENTMESH_TRY(held, tx.agents_of_owner(owner));
        if (held >= options_.agents_per_login) return fail(errc::not_allowed, "AM-OAU-007");
    }
    row.owner = std::move(owner);
    row.trust = std::max(row.trust, tier::verified);
    if (row.certificate.empty() && options_.certificates != nullptr && options_.certificates->issues()) {
        AGENTMESH_TRY(issued, options_.certificates->certify_agent(row.signing, now));
        row.certificate = std::move(issued);
    }
    AGENTMESH_CHECK(tx.update_agent(row));
    return publish_score(tx, row.who, now);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::finish_login(const call& in, const login_provider& at, const login_attempt& of,
                                          const login_identity& who) -> answer {
    AGENTMESH_TRY(agent, amid::parse(of.who));
    AGENTMESH_TRY(drawn, draw_text(*random_));
    const auto owner = at.issuer + "|" + who.subject;
    return store_->transact([&](transaction& tx) -> answer {
        AGENTMESH_TRY(row, tx.agent(agent));
        if (row) {
            AGENTMESH_CHECK(own(tx, *row, owner, in.now.wall));
        } else {
            AGENTMESH_CHECK(tx.insert_login(std::string{detail::voucher_prefix} + drawn, detail::voucher(agent, owner),
                                            in.now.wall + login_time));
        }
        std::string body;
        json::writer to{body};
        to.begin_object().member("success", true).member("amid", of.who).member("provider", at.name);
        to.name("verified_identity").begin_object().member("provider", at.name).member("provider_id", who.subject);
        detail::text_or_null(to, "email", who.email);
        detail::text_or_null(to, "username", who.username);
        detail::text_or_null(to, "display_name", who.display_name);
        to.member("verified_at", format_time(in.now.wall)).end_object();
        detail::text_or_null(to, "certificate", row ? row->certificate : "");
        if (!row) to.member("verification_token", drawn);
        to.name("error").null().end_object();
        auto out = http::response::json(200, std::move(body));
        out.fields.add("Cache-Control", "no-store");
        return out;
    });
}

/// @spec AM-OAU-010, AM-CRT-021
template <RegistryStore Store, RandomSource Random>
result<tier> service<Store, Random>::vouch(transaction& tx, const request_members& body, const amid& who,
                                           time_point now) {
    AGENTMESH_TRY(row, tx.agent(who));
    if (!row) return fail(errc::registry_failed);
    const auto token = body.optional_text("verification_token");
    if (token && !token->empty()) {
        AGENTMESH_TRY(kept, tx.take_login(std::string{detail::voucher_prefix} + std::string{*token}, now));
        const auto voucher = kept ? request_members::parse(*kept) : result<request_members>{fail(errc::not_allowed)};
        if (voucher && voucher->text("who") == who.text()) {
            AGENTMESH_TRY(owner, voucher->text("owner"));
            const auto owned = own(tx, *row, std::string{owner}, now);
            if (!owned && owned.error().code == errc::registry_failed) return fail(owned.error());
            AGENTMESH_TRY(after, tx.agent(who));
            if (after) row = std::move(after);
        }
    }
    const auto pem = body.optional_text("certificate");
    if (pem && !pem->empty() && take_chain(*row, *pem, now)) {
        AGENTMESH_CHECK(tx.update_agent(*row));
        AGENTMESH_CHECK(publish_score(tx, who, now));
    }
    return row->trust;
}

}  // namespace agentmesh::registry
