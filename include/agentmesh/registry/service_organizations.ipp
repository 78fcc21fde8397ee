// Organizations and who belongs to them. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

#include <agentmesh/registry/statement.hpp>

namespace agentmesh::registry {

namespace detail {

inline constexpr std::size_t organization_name_bytes = 64;  // what a certificate has room for
inline constexpr std::chrono::hours challenge_time{24};
inline constexpr std::chrono::hours consent_time{24};
inline constexpr std::string_view consent_context = "organization-consent";

/// A domain in lower case. Under it somebody can be asked to put a record, so names of a local network are none.
/// @errors wrong_member
[[nodiscard]] inline result<std::string> parse_domain(std::string_view text) {
    if (!is_public_name(text)) return fail(errc::wrong_member, "AM-ORG-001");
    return lower_case(text);
}

/// What an agent signs so that an organization may count it as its own: the organization, the agent with the exchange
/// key under which it may be registered for it, and when.
/// @spec AM-ORG-006
[[nodiscard]] inline std::string consent_text_of(std::string_view organization, const amid& who,
                                                 const exchange_public_key& exchange, std::string_view stated) {
    std::string out{e2ee::label_prefix};
    out.append(consent_context).push_back('\0');
    out.append(organization).append("\n").append(who.text()).append("\n");
    out.append(identity::to_text(exchange)).append("\n").append(stated);
    return out;
}

/// A TXT record as some servers and tools hand it on, with quotes around it.
[[nodiscard]] inline std::string_view unquoted(std::string_view text) noexcept {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
    return text;
}

[[nodiscard]] inline http::response verification(bool verified, std::string_view certificate) {
    std::string body;
    json::writer to{body};
    to.begin_object().member("success", true).member("verified", verified);
    text_or_null(to, "root_certificate", certificate);
    text_or_null(to, "error", verified ? "" : "challenge_not_found");
    to.end_object();
    return http::response::json(200, std::move(body));
}

}  // namespace detail

template <RegistryStore Store, RandomSource Random>
result<bool> service<Store, Random>::administers(transaction& tx, const organization_row& of, const amid& who) {
    amid at = of.admin;
    for (int steps = 0; steps < 16; ++steps) {
        if (at == who) return true;
        AGENTMESH_TRY(row, tx.agent(at));
        if (!row || !row->successor) return false;
        at = *row->successor;
    }
    return false;
}

/// @spec AM-ORG-001, AM-ORG-002
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::register_organization(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(name, body.text("name"));
    if (name.empty()) return fail(errc::wrong_member, "AM-ORG-001");
    AGENTMESH_CHECK(check_shown_text(name, detail::organization_name_bytes));
    AGENTMESH_TRY(domain_text, body.text("domain"));
    AGENTMESH_TRY(domain, detail::parse_domain(domain_text));
    AGENTMESH_TRY(admin, body.agent("admin_amid"));
    AGENTMESH_TRY(key_text, body.text("admin_signing_public_key"));
    AGENTMESH_TRY(key, identity::parse_signing_key(key_text));
    AGENTMESH_CHECK(crypto::check_public_key(key));
    if (amid::of(key) != admin && !injected(fault::organization_any_amid))
        return fail(errc::amid_mismatch, "AM-ORG-002");
    AGENTMESH_TRY(shown, read_credential(in.request, body, admin, options_.host, in.now.wall));
    std::array<std::uint8_t, 16> id;
    std::array<std::uint8_t, 32> challenge;
    AGENTMESH_CHECK(random_->fill(id));
    AGENTMESH_CHECK(random_->fill(challenge));
    organization_row row{
        .id = to_hex(id),
        .name = std::string{name},
        .domain = std::move(domain),
        .admin = admin,
        .admin_key = key,
        .challenge = "agentmesh-verify=" + to_base64(byte_view{challenge}, base64_form::standard_padded),
        .challenge_until = in.now.wall + detail::challenge_time,
        .created_at = in.now.wall};
    return change(
        in, shown,
        [&](transaction& tx, agent_row&) -> answer {
            AGENTMESH_TRY(held, tx.organization_of_domain(row.domain));
            // One that was never proved holds a domain no longer than its challenge.
            if (held && (held->verified || in.now.wall < held->challenge_until) &&
                !injected(fault::organization_same_domain))
                return fail(errc::duplicate, "AM-ORG-001");
            if (const auto wait =
                    registrations_.take(in.from.address, options_.registrations_per_minute, in.now.steady)) {
                auto late = refuse(in.request, {errc::rate_limited, "AM-REG-017"});
                late.fields.add("Retry-After", std::to_string(wait));
                return late;
            }
            if (held) {
                row.id = held->id;
                AGENTMESH_CHECK(tx.update_organization(row));
            } else {
                AGENTMESH_TRY(inserted, tx.insert_organization(row));
                if (!inserted) return fail(errc::duplicate, "AM-ORG-001");
            }
            std::string text;
            json::writer to{text};
            to.begin_object().member("success", true).member("organization_id", row.id).name("dns_challenge");
            to.begin_object().member("record_type", "TXT").member("record_name", "_agentmesh." + row.domain);
            to.member("record_value", row.challenge).member("expires_at", format_time(row.challenge_until));
            to.end_object().name("error").null().end_object();
            return http::response::json(201, std::move(text));
        },
        false, [&](transaction&) -> result<std::optional<signing_public_key>> { return key; });
}

/// @spec AM-ORG-003, AM-ORG-004
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::verify_organization(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(id, body.text("organization_id"));
    AGENTMESH_CHECK(check_shown_text(id, service_limits::name_bytes));
    AGENTMESH_TRY(admin, body.agent("admin_amid"));
    AGENTMESH_TRY(shown, read_credential(in.request, body, admin, options_.host, in.now.wall));
    return change(
        in, shown,
        [&](transaction& tx, agent_row&) -> answer {
            AGENTMESH_TRY(of, tx.organization(id));
            if (!of) return fail(not_registered);
            AGENTMESH_TRY(may, administers(tx, *of, admin));
            if (!may && !injected(fault::organization_anyone)) return fail(errc::not_allowed, "AM-ORG-003");
            if (of->verified || injected(fault::organization_unproved))
                return detail::verification(true, root_certificate(*of, in.now.wall));
            if (in.now.wall >= of->challenge_until) return fail(errc::not_allowed, "AM-ORG-004");
            in.open = open_request{.question = text_question{"_agentmesh." + of->domain},
                                   .at = open_request::stage::domain,
                                   .request = in.request,
                                   .address = in.from.address,
                                   .kept = of->id};
            return http::response{};
        },
        false,
        [&](transaction& tx) -> result<std::optional<signing_public_key>> {
            AGENTMESH_TRY(of, tx.organization(id));
            if (!of) return fail(not_registered);
            if (of->admin != admin) return fail(errc::bad_signature, "AM-ORG-003");
            return of->admin_key;
        });
}

/// @spec AM-ORG-004, AM-ORG-005
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::finish_verification(const call& in, const open_request& waiting,
                                                 const outside_answer& said) -> answer {
    const auto* const texts = std::get_if<result<std::vector<std::string>>>(&said);
    if (texts == nullptr || !*texts) return fail(errc::registry_failed, "AM-ORG-005");
    return store_->transact([&](transaction& tx) -> answer {
        AGENTMESH_TRY(of, tx.organization(waiting.kept));
        if (!of) return fail(not_registered);
        if (!of->verified) {
            // Looked at again: the answer may have taken its time, and the challenge may be another one by now.
            if (in.now.wall >= of->challenge_until) return fail(errc::not_allowed, "AM-ORG-004");
            const auto holds = [&](const std::string& one) { return detail::unquoted(one) == of->challenge; };
            if (std::none_of((*texts)->begin(), (*texts)->end(), holds)) return detail::verification(false, {});
            of->verified = true;
            AGENTMESH_CHECK(tx.update_organization(*of));
        }
        return detail::verification(true, root_certificate(*of, in.now.wall));
    });
}

/// @spec AM-ORG-003, AM-ORG-006, AM-ORG-007
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::add_member(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(id, body.text("organization_id"));
    AGENTMESH_CHECK(check_shown_text(id, service_limits::name_bytes));
    AGENTMESH_TRY(admin, body.agent("admin_amid"));
    AGENTMESH_TRY(who, body.agent("agent_amid"));
    AGENTMESH_TRY(signing_text, body.text("agent_signing_public_key"));
    AGENTMESH_TRY(signing, identity::parse_signing_key(signing_text));
    AGENTMESH_CHECK(crypto::check_public_key(signing));
    if (amid::of(signing) != who && !injected(fault::organization_any_amid))
        return fail(errc::amid_mismatch, "AM-ORG-002");
    AGENTMESH_TRY(exchange_text, body.text("agent_exchange_public_key"));
    AGENTMESH_TRY(exchange, identity::parse_exchange_key(exchange_text));
    AGENTMESH_TRY(display_name, body.optional_text("display_name"));
    AGENTMESH_CHECK(check_shown_text(display_name, service_limits::name_bytes));
    AGENTMESH_TRY(named, body.texts("capabilities"));
    AGENTMESH_TRY(capabilities, check_capabilities(std::move(named)));
    AGENTMESH_TRY(consent_text, body.optional_text("agent_consent"));
    AGENTMESH_TRY(stated, body.optional_text("agent_consent_at"));
    AGENTMESH_TRY(shown, read_credential(in.request, body, admin, options_.host, in.now.wall, "admin_signature"));
    const auto join = [&](transaction& tx, const organization_row& of) -> answer {
        AGENTMESH_TRY(found, tx.agent(who));
        const bool known = found.has_value();
        if (known && found->revoked) return fail(errc::certificate_revoked, "AM-REG-018");
        if (known && found->exchange != exchange) return fail(errc::wrong_member, "AM-ORG-007");
        if (known && !found->organization.empty() && found->organization != of.id)
            return fail(errc::duplicate, "AM-ORG-007");
        if (who != admin) {
            if (consent_text.empty() || stated.empty()) return fail(signature_required);
            const auto consent = identity::parse_signature(consent_text);
            const auto at = read_time(stated);
            if (!consent || !at || in.now.wall - at->at > detail::consent_time ||
                at->rounded_up() - in.now.wall > limits::proof_max_lead ||
                !crypto::verify(signing, as_bytes(detail::consent_text_of(of.id, who, exchange, stated)), *consent))
                return fail(errc::bad_signature, "AM-ORG-006");
            AGENTMESH_TRY(fresh, tx.remember(who, byte_view{consent->bytes()}.subspan(32),
                                             at->at + detail::consent_time + std::chrono::seconds{1}));
            if (!fresh) return fail(errc::bad_signature, "AM-ORG-006");
        }
        if (!known) {
            if (const auto wait =
                    registrations_.take(in.from.address, options_.registrations_per_minute, in.now.steady)) {
                auto late = refuse(in.request, {errc::rate_limited, "AM-REG-017"});
                late.fields.add("Retry-After", std::to_string(wait));
                return late;
            }
            found = agent_row{.who = who,
                              .signing = signing,
                              .exchange = exchange,
                              .display_name = std::string{display_name},
                              .capabilities = capabilities,
                              .relay = options_.relay_endpoint,
                              .registered_at = in.now.wall,
                              .last_seen = in.now.wall,
                              .score = reputation({.trust = tier::organization})};
        }
        found->trust = tier::organization;
        found->organization = of.id;
        std::string certificate;
        if (options_.certificates != nullptr && options_.certificates->issues()) {
            AGENTMESH_TRY(issued, options_.certificates->certify_member(of, signing, in.now.wall));
            certificate = std::move(issued);
            found->certificate = certificate;
        }
        if (known) {
            AGENTMESH_CHECK(tx.update_agent(*found));
            AGENTMESH_CHECK(publish_score(tx, who, in.now.wall));
        } else {
            AGENTMESH_TRY(inserted, tx.insert_agent(*found));
            if (!inserted) return fail(errc::registry_failed);
        }
        std::string text;
        json::writer to{text};
        to.begin_object().member("success", true);
        detail::text_or_null(to, "agent_certificate", certificate);
        to.name("error").null().end_object();
        return http::response::json(201, std::move(text));
    };
    return change(
        in, shown,
        [&](transaction& tx, agent_row&) -> answer {
            AGENTMESH_TRY(of, tx.organization(id));
            if (!of) return fail(not_registered);
            AGENTMESH_TRY(may, administers(tx, *of, admin));
            if (!may || (!of->verified && !injected(fault::organization_unproved)))
                return fail(errc::not_allowed, "AM-ORG-003");
            return join(tx, *of);
        },
        false,
        [&](transaction& tx) -> result<std::optional<signing_public_key>> {
            AGENTMESH_TRY(of, tx.organization(id));
            if (!of) return fail(not_registered);
            if (of->admin != admin) return fail(errc::bad_signature, "AM-ORG-003");
            return of->admin_key;
        });
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::find_organization(const call& in) -> answer {
    AGENTMESH_TRY(text, asked(in, "domain"));
    if (!text) return fail(errc::missing_member, "AM-REG-002");
    AGENTMESH_TRY(domain, detail::parse_domain(*text));
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(of, tx.organization_of_domain(domain));
        if (!of) return fail(not_registered);
        AGENTMESH_TRY(members, tx.members_of(of->id));
        std::string body;
        json::writer to{body};
        to.begin_object().member("id", of->id).member("name", of->name).member("domain", of->domain);
        to.member("verified", of->verified).member("agent_count", members);
        to.member("created_at", format_time(of->created_at)).end_object();
        return http::response::json(200, std::move(body));
    });
}

}  // namespace agentmesh::registry
