// Registration and lookup. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/row_notes.hpp>
#include <agentmesh/registry/service.hpp>

#include <agentmesh/version.hpp>

namespace agentmesh::registry {

namespace detail {

[[nodiscard]] inline std::string_view word(tier of) noexcept {
    return identity::tier_label(of, identity::tier_dialect::word);
}

/// What lookup and search both say. Keys are bare, because deployed decoders throw on a prefix.
/// @spec AM-REG-012
inline void write_agent(json::writer& to, const agent_row& of, std::string_view organization) {
    to.member("amid", of.who.text()).member("tier", word(of.trust));
    const auto text_or_null = [&](std::string_view name, std::string_view text) {
        to.name(name);
        if (text.empty())
            to.null();
        else
            to.value(text);
    };
    text_or_null("display_name", of.display_name);
    text_or_null("organization", organization);
    const std::string_view prefix = injected(fault::keys_prefixed) ? "ed25519:" : "";
    to.member("signing_public_key", std::string{prefix} + identity::to_text(of.signing));
    to.member("exchange_public_key", identity::to_text(of.exchange));
    to.name("capabilities").begin_array();
    for (const auto& one : of.capabilities) to.value(one);
    to.end_array();
    to.member("relay_endpoint", of.relay);
    text_or_null("direct_endpoint", of.direct);
    to.member("status", to_text(of.revoked ? availability::offline : of.status));
    to.member("reputation_score", of.score / 1e6).member("last_seen", format_time(of.last_seen));
    if (!of.card.empty()) to.member("card", of.card);
}

}  // namespace detail

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::alive(const call&) -> answer {
    return http::response::json(200, R"({"status":"ok"})");
}

/// @spec AM-REG-036
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::health(const call& in) -> answer {
    AGENTMESH_CHECK(settle_presence(in.now.wall));
    return reading([](transaction& tx) -> answer {
        AGENTMESH_TRY(all, tx.stats());
        std::string body;
        json::writer to{body};
        to.begin_object().member("status", "healthy").member("version", "agentmesh/0.2");
        to.member("agents_registered", injected(fault::stats_still) ? 0 : all.agents);
        to.member("agents_online", all.by_status[static_cast<std::size_t>(availability::online)]).end_object();
        return http::response::json(200, std::move(body));
    });
}

/// @spec AM-REG-036
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::stats(const call& in) -> answer {
    AGENTMESH_CHECK(settle_presence(in.now.wall));
    return reading([](transaction& tx) -> answer {
        AGENTMESH_TRY(all, tx.stats());
        std::string body;
        json::writer to{body};
        to.begin_object().member("total_agents", injected(fault::stats_still) ? 0 : all.agents);
        to.member("online_agents", all.by_status[static_cast<std::size_t>(availability::online)]);
        to.name("by_tier").begin_object();
        for (const auto one : {tier::anonymous, tier::verified, tier::organization})
            to.member(detail::word(one), all.by_tier[static_cast<std::size_t>(one)]);
        to.end_object().name("by_status").begin_object();
        for (const auto one : {availability::online, availability::away, availability::offline, availability::dnd})
            to.member(to_text(one), all.by_status[static_cast<std::size_t>(one)]);
        to.end_object();
        const auto mean = all.agents == 0 ? 0.0 : static_cast<double>(all.score_sum / all.agents) / 1e6;
        to.member("average_reputation", mean).end_object();
        return http::response::json(200, std::move(body));
    });
}

/// @spec AM-REG-003, AM-REG-004, AM-REG-010
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::enroll(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    AGENTMESH_TRY(signing_text, body.text("signing_public_key"));
    AGENTMESH_TRY(signing, identity::parse_signing_key(signing_text));
    AGENTMESH_CHECK(crypto::check_public_key(signing));
    if (amid::of(signing) != who && !injected(fault::register_any_amid)) return fail(errc::amid_mismatch, "AM-REG-003");
    AGENTMESH_TRY(exchange_text, body.text("exchange_public_key"));
    AGENTMESH_TRY(exchange, identity::parse_exchange_key(exchange_text));
    AGENTMESH_TRY(shown, read_credential(in.request, body, who, options_.host, in.now.wall));
    if (!shown.proof && !options_.signed_times) return fail(errc::fallback_refused, "AM-REG-008");
    AGENTMESH_CHECK(shown.verify(signing));

    AGENTMESH_TRY(display_name, body.optional_text("display_name"));
    AGENTMESH_CHECK(check_shown_text(display_name, service_limits::name_bytes));
    AGENTMESH_TRY(named, body.texts("capabilities"));
    AGENTMESH_TRY(capabilities, check_capabilities(std::move(named)));
    AGENTMESH_TRY(relay, body.optional_text("relay_endpoint"));
    AGENTMESH_CHECK(check_reachable(relay));
    AGENTMESH_TRY(direct, body.optional_text("direct_endpoint"));
    AGENTMESH_CHECK(check_reachable(direct));
    // One that does not tie these very keys together would only fail later, at every client.
    AGENTMESH_TRY(card_text, body.optional_text("card"));
    if (!card_text.empty()) {
        AGENTMESH_TRY(bytes, from_base64(card_text, base64_form::url_unpadded));
        AGENTMESH_TRY(card, e2ee::identity_card::parse(bytes));
        if (card.name != who || card.exchange != exchange) return fail(errc::bad_bundle, "AM-REG-003");
    }
    if (const auto wait = registrations_.take(in.from.address, options_.registrations_per_minute, in.now.steady)) {
        auto out = refuse(in.request, {errc::rate_limited, "AM-REG-017"});
        out.fields.add("Retry-After", std::to_string(wait));
        return out;
    }

    const agent_row row{
        .who = who,
        .signing = signing,
        .exchange = exchange,
        .display_name = std::string{display_name},
        .capabilities = std::move(capabilities),
        .relay = relay.empty() ? options_.relay_endpoint : std::string{relay},
        .direct = std::string{direct},
        .card = std::string{card_text},
        .trust = injected(fault::register_claims_tier) && body.has("tier") ? tier::verified : tier::anonymous,
        .registered_at = in.now.wall,
        .last_seen = in.now.wall,
        .score = reputation({}),
        .proves = shown.proof.has_value()};
    return store_->transact([&](transaction& tx) -> answer {
        AGENTMESH_TRY(inserted, tx.insert_agent(row));
        // The same signature must not serve for a change after this.
        const auto fresh = remember(tx, shown);
        if (!fresh && fresh.error().code == errc::registry_failed) return fail(fresh.error());
        if (!inserted && injected(fault::register_takeover)) AGENTMESH_CHECK(tx.update_agent(row));
        if (!inserted && !injected(fault::register_again)) return refuse(in.request, {errc::duplicate, "AM-REG-010"});
        // What registered one that was erased since would bring it back against its will.
        if (inserted && !fresh) return fail(fresh.error());
        AGENTMESH_TRY(said, tx.ratings_about(who));
        if (!said.empty()) AGENTMESH_CHECK(publish_score(tx, who, in.now.wall));
        AGENTMESH_TRY(trust, vouch(tx, body, who, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true).member("amid", who.text());
        to.member("tier", detail::word(trust)).end_object();
        return http::response::json(201, std::move(out));
    });
}

/// @spec AM-REG-011, AM-REG-012, AM-REG-062, AM-REG-072, AM-REG-034, AM-REG-035
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::lookup(const call& in) -> answer {
    AGENTMESH_TRY(who, asked_agent(in));
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(found, tx.agent(who));
        if (!found && injected(fault::lookup_unknown)) return http::response::json(200, R"({"found":false})");
        if (!found) return fail(not_registered);
        AGENTMESH_TRY(notes, row_notes::of(*found));
        found->status = status_at(*found, notes, in.now.wall);
        std::string organization;
        if (!found->organization.empty()) {
            AGENTMESH_TRY(known, tx.organization(found->organization));
            if (known && known->verified) organization = known->name;
        }
        AGENTMESH_TRY(history, tx.scores(who, in.now.wall - std::chrono::hours{48}));
        std::string body;
        json::writer to{body};
        to.begin_object();
        detail::write_agent(to, *found, organization);
        if (!found->certificate.empty()) to.member("certificate", found->certificate);
        const auto moved = flag_of(history, in.now.wall);
        if (found->revoked || moved) {
            to.name("flags").begin_array();
            if (found->revoked) to.value("revoked");
            if (moved) to.value(moved->rising() ? "rapid_reputation_increase" : "rapid_reputation_decrease");
            to.end_array();
        }
        to.member("ratings_count", found->ratings);
        to.member("reputation_status", found->ratings >= 5 ? "rated" : "unrated");
        to.member("revoked", found->revoked);
        if (found->successor) to.member("successor", found->successor->text()).member("succession", notes.succession);
        if (found->predecessor)
            to.member("predecessor", found->predecessor->text()).member("inheritance", notes.inheritance);
        to.end_object();
        return http::response::json(200, std::move(body));
    });
}

}  // namespace agentmesh::registry
