// How requests are written. Bodies of registry/client.hpp.
#pragma once

#include <agentmesh/registry/client.hpp>

namespace agentmesh::registry {

inline http::request client::post(std::string_view path, members all, time_point now) const {
    http::request out{.method = "POST",
                      .path = std::string{path},
                      .fields = {{"Host", options_.host}, {"Content-Type", "application/json"}}};
    if (options_.form == request_form::signed_time || injected(fault::client_bare_time)) {
        const auto stated = format_time(now, utc_suffix::offset);
        all.emplace_back("timestamp", detail::in_quotes(stated));
        all.emplace_back("signature", detail::in_quotes(to_base64(self_->signing().sign(as_bytes(stated)).bytes(),
                                                                  base64_form::standard_padded)));
    }
    json::writer to{out.body};
    to.begin_object();
    for (const auto& [name, value] : all) to.name(name).verbatim(value);
    to.end_object();
    return out;
}

inline result<http::request> client::proven(http::request what, time_point now, RandomSource auto& random) const {
    if (options_.form == request_form::proof) AGENTMESH_CHECK(prove(what, self_->signing(), now, random));
    return detail::without_host(std::move(what));
}

inline result<http::request> client::enroll(const enrolment& what, time_point now, RandomSource auto& random) const {
    members all{{"amid", detail::in_quotes(self_->name().text())},
                {"signing_public_key",
                 detail::in_quotes(identity::to_text(self_->signing().public_key(), identity::key_prefix::named))},
                {"exchange_public_key",
                 detail::in_quotes(identity::to_text(self_->exchange().public_key(), identity::key_prefix::named))}};
    const auto add = [&](std::string_view name, const std::string& text) {
        if (!text.empty()) all.emplace_back(name, detail::in_quotes(text));
    };
    add("display_name", what.display_name);
    if (!what.capabilities.empty()) all.emplace_back("capabilities", detail::in_quotes(what.capabilities));
    add("relay_endpoint", what.relay);
    add("direct_endpoint", what.direct);
    add("verification_token", what.verification_token);
    const auto card = e2ee::identity_card::make(*self_, what.epoch);
    all.emplace_back("card", detail::in_quotes(to_base64(card.bytes(), base64_form::url_unpadded)));
    return proven(post("/v1/registry/register", std::move(all), now), now, random);
}

inline result<http::request> client::set_status(availability status, time_point now, RandomSource auto& random) const {
    return proven(
        post("/v1/registry/status",
             {{"amid", detail::in_quotes(self_->name().text())}, {"status", detail::in_quotes(to_text(status))}}, now),
        now, random);
}

inline result<http::request> client::set_capabilities(std::span<const std::string> all, time_point now,
                                                      RandomSource auto& random) const {
    return proven(
        post("/v1/registry/capabilities",
             {{"amid", detail::in_quotes(self_->name().text())}, {"capabilities", detail::in_quotes(all)}}, now),
        now, random);
}

inline result<http::request> client::upload_prekeys(const e2ee::prekey_publication& all, time_point now,
                                                    RandomSource auto& random) const {
    const auto one_time = std::span{all.one_time}.first(std::min(all.one_time.size(), detail::uploaded_keys));
    std::string deployed, proven_keys;
    json::writer plain{deployed}, full{proven_keys};
    plain.begin_array();
    full.begin_array();
    for (const auto& one : one_time) {
        plain.begin_object().member("id", one.id).member("key", identity::to_text(one.key)).end_object();
        full.verbatim(member_of(e2ee::write_bundle({all.card, all.signed_key, one}), one_time_member));
    }
    plain.end_array();
    full.end_array();
    const auto& key = all.signed_key;
    const auto over_key = self_->signing().sign(key.key.bytes());
    return proven(
        post("/v1/registry/prekeys",
             {{"amid", detail::in_quotes(self_->name().text())},
              {"signed_prekey", detail::in_quotes(identity::to_text(key.key, identity::key_prefix::named))},
              {"signed_prekey_signature", detail::in_quotes(to_base64(over_key.bytes(), base64_form::standard_padded))},
              {"signed_prekey_id", std::to_string(key.id)},
              {"one_time_prekeys", std::move(deployed)},
              {"bundle", with_member(e2ee::write_bundle({all.card, key}), "one_time_prekeys", proven_keys)}},
             now),
        now, random);
}

inline http::request client::revoking(const amid& who, revocation_reason why, std::string notes, time_point now) const {
    members all{{"amid", detail::in_quotes(who.text())},
                {"reason", detail::in_quotes(to_text(why))},
                {"revoker_amid", detail::in_quotes(self_->name().text())}};
    if (!notes.empty()) all.emplace_back("notes", detail::in_quotes(notes));
    return post("/v1/registry/revoke", std::move(all), now);
}

inline result<http::request> client::revoke(revocation_reason why, std::string_view notes, time_point now,
                                            RandomSource auto& random) const {
    // In the notes, because every registry hands those on unchanged.
    auto text = std::string{detail::revocation_mark} + revocation_statement::make(self_->signing(), why, now).text();
    if (!notes.empty()) text.append(" ").append(notes);
    return proven(revoking(self_->name(), why, std::move(text), now), now, random);
}

inline result<http::request> client::revoke_member(const amid& who, revocation_reason why, std::string_view notes,
                                                   time_point now, RandomSource auto& random) const {
    return proven(revoking(who, why, std::string{notes}, now), now, random);
}

inline result<http::request> client::rate(const amid& about, std::string_view session, ppm score,
                                          std::span<const std::string> tags, time_point now,
                                          RandomSource auto& random) const {
    members all{{"target_amid", detail::in_quotes(about.text())},
                {"from_amid", detail::in_quotes(self_->name().text())},
                {"session_id", detail::in_quotes(session)},
                {"score", detail::decimal_ratio(score)}};
    if (!tags.empty()) all.emplace_back("tags", detail::in_quotes(tags));
    return proven(post("/v1/registry/reputation/feedback", std::move(all), now), now, random);
}

inline result<http::request> client::report_session(const session_account& what, time_point now,
                                                    RandomSource auto& random) const {
    constexpr std::string_view outcomes[] = {"success", "failed", "timeout", "rejected", "cancelled"};
    return proven(post("/v1/registry/reputation/session",
                       {{"session_id", detail::in_quotes(what.session)},
                        {"initiator_amid", detail::in_quotes(what.initiator.text())},
                        {"receiver_amid", detail::in_quotes(what.receiver.text())},
                        {"reporter_amid", detail::in_quotes(self_->name().text())},
                        {"intent", detail::in_quotes(what.intent)},
                        {"outcome", detail::in_quotes(outcomes[static_cast<std::size_t>(what.outcome)])},
                        {"started_at", detail::in_quotes(format_time(what.started_at))}},
                       now),
                  now, random);
}

inline result<http::request> client::succeed(const local_identity& next, std::uint32_t epoch, time_point now,
                                             RandomSource auto& random) const {
    const auto statement = succession_statement::make(self_->signing(), next.signing(), now);
    const auto card = e2ee::identity_card::make(next, epoch);
    return proven(
        post("/v1/registry/succeed",
             {{"amid", detail::in_quotes(self_->name().text())},
              {"successor", detail::in_quotes(next.name().text())},
              {"successor_signing_public_key", detail::in_quotes(identity::to_text(next.signing().public_key()))},
              {"successor_exchange_public_key", detail::in_quotes(identity::to_text(next.exchange().public_key()))},
              {"successor_card", detail::in_quotes(to_base64(card.bytes(), base64_form::url_unpadded))},
              {"statement", detail::in_quotes(statement.text())}},
             now),
        now, random);
}

inline result<http::request> client::show_certificate(std::string_view pem, time_point now,
                                                      RandomSource auto& random) const {
    return proven(
        post("/v1/registry/certificate",
             {{"amid", detail::in_quotes(self_->name().text())}, {"certificate", detail::in_quotes(pem)}}, now),
        now, random);
}

inline result<http::request> client::begin_login(std::string_view provider, time_point now,
                                                 RandomSource auto& random) const {
    return proven(
        post("/v1/auth/oauth/authorize",
             {{"amid", detail::in_quotes(self_->name().text())}, {"provider", detail::in_quotes(provider)}}, now),
        now, random);
}

inline result<http::request> client::prekeys(const amid& who, time_point now, RandomSource auto& random) const {
    return proven({.method = "GET",
                   .path = "/v1/registry/prekeys/" + std::string{who.text()},
                   .fields = {{"Host", options_.host}}},
                  now, random);
}

inline http::request client::lookup(const amid& who) const {
    return {.method = "GET", .path = "/v1/registry/lookup", .query = "amid=" + std::string{who.text()}};
}

inline http::request client::search(const search_terms& what) const {
    http::request out{.method = "GET", .path = "/v1/registry/search"};
    out.query = "capability=" + http::encode_component(what.capability);
    if (what.at_least)
        out.query.append("&tier_min=").append(identity::tier_label(*what.at_least, identity::tier_dialect::label));
    if (what.score_at_least) out.query += "&reputation_min=" + detail::decimal_ratio(*what.score_at_least);
    if (what.status) out.query.append("&status=").append(to_text(*what.status));
    out.query += "&limit=" + std::to_string(what.limit) + "&offset=" + std::to_string(what.offset);
    return out;
}

inline http::request client::bare_prekeys(const amid& who) const {
    return {.method = "GET", .path = "/v1/registry/prekeys/" + std::string{who.text()}};
}

inline http::request client::did(const amid& who) const {
    return {.method = "GET", .path = "/v1/registry/did/" + std::string{who.text()}};
}

inline http::request client::revocation(const amid& who) const {
    return {.method = "GET", .path = "/v1/registry/revocation", .query = "amid=" + std::string{who.text()}};
}

}  // namespace agentmesh::registry
