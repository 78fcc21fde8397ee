// Bodies of registry/client_wire10.hpp.
#pragma once

namespace agentmesh::registry {

namespace detail {

[[nodiscard]] inline std::string mesh_text(byte_view bytes) {
    return in_quotes(to_base64(bytes, base64_form::url_unpadded));
}

[[nodiscard]] inline http::request mesh_post(std::string_view method, std::string path,
                                             const std::vector<std::pair<std::string_view, std::string>>& all) {
    http::request out{
        .method = std::string{method}, .path = std::move(path), .fields = {{"Content-Type", "application/json"}}};
    json::writer to{out.body};
    to.begin_object();
    for (const auto& [name, value] : all) to.name(name).verbatim(value);
    to.end_object();
    return out;
}

}  // namespace detail

// --- requests ---------------------------------------------------------------------------------------------------

inline result<http::request> mesh_client::proven(http::request what, time_point now, RandomSource auto& random) const {
    if (options_.form == request_form::signed_time) {
        const auto stated = format_time(now);
        const auto proof = self_->signing().sign(as_bytes(stated));
        what.fields.add("Authorization", "Ed25519-Timestamp " + std::string{name_.text()} + ' ' + stated + ' ' +
                                             to_base64(proof.bytes(), base64_form::url_unpadded));
        return what;
    }
    what.fields.add("Host", options_.host);
    AGENTMESH_CHECK(prove(what, self_->signing(), now, random));
    return detail::without_host(std::move(what));
}

inline result<http::request> mesh_client::enroll(std::span<const std::string> capabilities,
                                                 const std::map<std::string, std::string>& metadata, time_point now,
                                                 RandomSource auto& random) const {
    const auto key = to_base64(self_->signing().public_key().bytes(), base64_form::url_unpadded);
    const auto stated = format_time(now);
    const auto proof = self_->signing().sign(as_bytes(key + stated));
    std::string notes;
    json::writer to{notes};
    to.begin_object();
    for (const auto& [name, value] : metadata) to.member(name, value);
    to.end_object();
    auto out = detail::mesh_post("POST", "/v1/agents",
                                 {{"public_key", detail::in_quotes(key)},
                                  {"proof", detail::mesh_text(proof.bytes())},
                                  {"proof_timestamp", detail::in_quotes(stated)},
                                  {"capabilities", detail::in_quotes(capabilities)},
                                  {"metadata", std::move(notes)}});
    // Who is not registered has no name to authenticate with.
    if (options_.form == request_form::signed_time) return out;
    return proven(std::move(out), now, random);
}

inline result<http::request> mesh_client::put_prekeys(const e2ee::deployed_bundle& own,
                                                      std::span<const e2ee::deployed_one_time> one_time, time_point now,
                                                      RandomSource auto& random) const {
    std::string signed_key, keys;
    json::writer one{signed_key}, all{keys};
    const auto text = [](byte_view bytes) { return to_base64(bytes, base64_form::url_unpadded); };
    one.begin_object().member("key_id", own.signed_id).member("public_key", text(own.signed_key.bytes()));
    one.member("signature", text(own.proof.bytes())).end_object();
    all.begin_array();
    for (const auto& key : one_time)
        all.begin_object().member("key_id", key.id).member("public_key", text(key.key.bytes())).end_object();
    all.end_array();
    return proven(detail::mesh_post("PUT", path_of(name_) + "/prekeys",
                                    {{"identity_key", detail::mesh_text(own.identity.bytes())},
                                     {"identity_key_ed", detail::mesh_text(self_->signing().public_key().bytes())},
                                     {"signed_pre_key", std::move(signed_key)},
                                     {"one_time_pre_keys", std::move(keys)}}),
                  now, random);
}

inline result<http::request> mesh_client::prekeys(const mesh_did& who, time_point now,
                                                  RandomSource auto& random) const {
    return proven(get(path_of(who) + "/prekeys"), now, random);
}

inline result<http::request> mesh_client::heartbeat(time_point now, RandomSource auto& random) const {
    return proven(detail::mesh_post("POST", path_of(name_) + "/heartbeat", {}), now, random);
}

inline result<http::request> mesh_client::rate(const mesh_did& about, ppm score, std::string_view reason,
                                               time_point now, RandomSource auto& random) const {
    return proven(detail::mesh_post("POST", path_of(about) + "/reputation",
                                    {{"score", detail::decimal_ratio(score)}, {"reason", detail::in_quotes(reason)}}),
                  now, random);
}

inline result<http::request> mesh_client::erase(time_point now, RandomSource auto& random) const {
    return proven({.method = "DELETE", .path = path_of(name_)}, now, random);
}

inline http::request mesh_client::discover(std::string_view capability, std::uint32_t limit) const {
    auto out = get("/v1/discover");
    out.query = "capability=" + http::encode_component(capability) + "&limit=" + std::to_string(limit);
    return out;
}

// --- replies ----------------------------------------------------------------------------------------------------

inline result<request_members> mesh_client::read_answer(const http::response& from) {
    if (const auto refused = read_refusal(from)) return fail(refused->why);
    return request_members::parse(from.body);
}

inline result<void> mesh_client::read_enrolment(const http::response& from) const {
    AGENTMESH_TRY(body, read_answer(from));
    AGENTMESH_TRY(did, body.text("did"));
    if (did != name_.text()) return fail(errc::amid_mismatch, "AM-FND-001");
    return {};
}

inline result<change_done> mesh_client::read_change(const http::response& from) const {
    if (from.status == 204) return change_done{};
    AGENTMESH_TRY(body, read_answer(from));
    return change_done{.one_time_left = detail::number_of(body, "one_time_prekeys_left"),
                       .one_time_low = detail::flag_of(body, "one_time_prekeys_low").value_or(false)};
}

inline result<mesh_agent> mesh_client::read_row(const std::optional<mesh_did>& asked, const request_members& of) {
    AGENTMESH_TRY(did, of.text("did"));
    AGENTMESH_TRY(who, mesh_did::parse(did));
    if (asked && who != *asked) return fail(errc::amid_mismatch, "AM-FND-001");
    mesh_agent out{.who = who};
    AGENTMESH_TRY(key_text, of.optional_text("public_key"));
    if (!key_text.empty()) {
        AGENTMESH_TRY(key, from_base64_exact<signing_public_key>(key_text, base64_form::wire10_lenient));
        AGENTMESH_CHECK(crypto::check_public_key(key));
        if (mesh_did::of(key) != who) return fail(errc::amid_mismatch, "AM-FND-001");
        out.signing = key;
    }
    AGENTMESH_TRY(capabilities, of.texts("capabilities"));
    for (auto& one : capabilities)
        if (check_shown_text(one, service_limits::capability_bytes) &&
            out.capabilities.size() < service_limits::capabilities)
            out.capabilities.push_back(std::move(one));
    AGENTMESH_TRY(tier_text, of.optional_text("tier"));
    if (!tier_text.empty()) {
        AGENTMESH_TRY(claimed, identity::parse_tier(tier_text, identity::tier_dialect::word));
        out.claimed = claimed;
    }
    if (of.has("reputation_score")) {
        AGENTMESH_TRY(score, of.ratio("reputation_score"));
        out.claimed_reputation = score;
    }
    if (const auto seen = parse_time(of.optional_text("last_seen").value_or(""))) out.last_seen = *seen;
    out.revoked = detail::flag_of(of, "revoked").value_or(false);
    return out;
}

inline result<mesh_agent> mesh_client::read_agent(const mesh_did& who, const http::response& from) const {
    AGENTMESH_TRY(body, read_answer(from));
    return read_row(who, body);
}

inline result<e2ee::deployed_bundle> mesh_client::read_prekeys(const mesh_did& who, const http::response& from) const {
    if (const auto refused = read_refusal(from)) return fail(refused->why);
    AGENTMESH_TRY(bundle, e2ee::parse_wire10_bundle(from.body));
    AGENTMESH_TRY(binding, e2ee::check_wire10_bundle(bundle, who.text()));
    if (binding != e2ee::key_binding::bound) return fail(errc::unbound_key, "AM-FND-002");
    return bundle;
}

inline result<bool> mesh_client::read_presence(const mesh_did& who, const http::response& from) const {
    AGENTMESH_TRY(body, read_answer(from));
    AGENTMESH_TRY(did, body.text("did"));
    if (did != who.text()) return fail(errc::amid_mismatch, "AM-FND-001");
    const auto online = detail::flag_of(body, "online");
    if (!online) return fail(errc::missing_member);
    return *online;
}

inline result<std::vector<mesh_agent>> mesh_client::read_discovered(const http::response& from) const {
    if (const auto refused = read_refusal(from)) return fail(refused->why);
    std::vector<mesh_agent> out;
    bool there = false;
    json::reader in{from.body, {.bytes = 4 * 1024 * 1024}};
    in.begin_object();
    while (const auto name = in.next_member()) {
        if (*name != "results") continue;
        there = true;
        in.begin_array();
        while (in.next_element()) {
            const auto text = in.skip();
            if (!in.ok() || out.size() >= 1000) break;
            const auto parts = request_members::parse(text);
            if (!parts) continue;
            if (auto row = read_row(std::nullopt, *parts)) out.push_back(*std::move(row));
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!there) return fail(errc::missing_member);
    return out;
}

}  // namespace agentmesh::registry
