// Prekeys and DID documents. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

namespace detail {

/// One-time prekeys as deployed, `[{"id":7,"key":"..."}]`, by id.
/// @spec   AM-REG-023
/// @errors those of the JSON reader and of keys; too_large; duplicate for an id that is there twice
[[nodiscard]] inline result<std::map<std::uint32_t, exchange_public_key>> parse_one_time(std::string_view array) {
    std::map<std::uint32_t, exchange_public_key> out;
    json::reader in{array, {.bytes = service_limits::body_bytes}};
    in.begin_array("AM-REG-023");
    while (in.next_element()) {
        std::int64_t id = -1;
        std::string key;
        in.begin_object("AM-REG-023");
        while (const auto name = in.next_member()) {
            if (*name == "id") id = in.integer("AM-REG-023");
            if (*name == "key") key = in.string("AM-REG-023").text();
        }
        if (!in.ok()) break;
        if ((id < 0 || id > 0x7fff'ffff) && !injected(fault::one_time_any_id))
            return fail(errc::wrong_member, "AM-REG-023");
        if (out.size() == service_limits::one_time_prekeys && !injected(fault::one_time_many))
            return fail(errc::too_large, "AM-REG-023");
        AGENTMESH_TRY(parsed, identity::parse_exchange_key(key));
        if (!out.emplace(static_cast<std::uint32_t>(id), parsed).second && !injected(fault::one_time_same_id))
            return fail(errc::wrong_member, "AM-REG-023");
    }
    AGENTMESH_CHECK(in.finish());
    return out;
}

[[nodiscard]] inline std::string one_time_json(std::uint32_t id, const exchange_public_key& key) {
    std::string out;
    json::writer{out}.begin_object().member("id", id).member("key", identity::to_text(key)).end_object();
    return out;
}

}  // namespace detail

/// @spec AM-REG-020, AM-REG-021, AM-REG-022, AM-REG-023
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::upload_prekeys(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    AGENTMESH_TRY(key_text, body.text("signed_prekey"));
    AGENTMESH_TRY(key, identity::parse_exchange_key(key_text));
    AGENTMESH_TRY(proof_text, body.text("signed_prekey_signature"));
    AGENTMESH_TRY(proof, identity::parse_signature(proof_text));
    AGENTMESH_TRY(id_text, body.json("signed_prekey_id"));
    AGENTMESH_TRY(id, detail::parse_count(id_text));
    std::map<std::uint32_t, exchange_public_key> offered;
    if (body.has("one_time_prekeys")) {
        AGENTMESH_TRY(array, body.json("one_time_prekeys"));
        AGENTMESH_TRY(parsed, detail::parse_one_time(array));
        offered = std::move(parsed);
    }
    AGENTMESH_TRY(shown, read_credential(in.request, body, who, options_.host, in.now.wall));
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        if (!crypto::verify(self.signing, key.bytes(), proof) && !injected(fault::prekeys_any_signature))
            return fail(errc::bad_bundle, "AM-REG-020");
        AGENTMESH_TRY(before, tx.prekeys(who));
        if (before && id < before->signed_id && injected(fault::prekeys_highest_id))
            return http::response::json(200, R"({"success":true})");
        const std::uint32_t seen_below = before ? before->next_one_time : 0;
        // An id below that was handed out, or dropped, or still waits; only the last may come again, and unchanged.
        std::map<std::uint32_t, std::string> waiting;
        while (true) {
            AGENTMESH_TRY(one, tx.take_one_time(who));
            if (!one) break;
            waiting.emplace(one->id, std::move(one->json));
        }
        std::vector<one_time_row> kept;
        std::vector<std::uint32_t> refused;
        for (const auto& [number, one] : offered) {
            auto text = detail::one_time_json(number, one);
            const auto at = waiting.find(number);
            if (number >= seen_below || injected(fault::one_time_again) || (at != waiting.end() && at->second == text))
                kept.push_back({number, std::move(text)});
            else
                refused.push_back(number);
        }
        prekey_row row{
            .signed_id = id,
            .next_one_time = offered.empty() ? seen_below : std::max(seen_below, offered.rbegin()->first + 1),
            .uploaded_at = in.now.wall};
        json::writer{row.json}
            .begin_object()
            .member("signed_prekey", identity::to_text(key))
            .member("signed_prekey_signature", to_base64(proof.bytes(), base64_form::standard_padded))
            .end_object();
        AGENTMESH_CHECK(tx.put_prekeys(who, row, kept));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true).member("signed_prekey_id", id);
        to.member("one_time_prekeys_stored", kept.size());
        if (!refused.empty()) {
            to.name("one_time_prekeys_refused").begin_array();
            for (const auto one : refused) to.value(one);
            to.end_array();
        }
        to.end_object();
        return http::response::json(200, std::move(out));
    });
}

/// @spec AM-REG-021, AM-REG-022, AM-REG-024, AM-REG-025
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::fetch_prekeys(const call& in) -> answer {
    AGENTMESH_TRY(whose, amid::parse(in.name));
    const auto hand_out = [&](transaction& tx, bool with_one_time) -> answer {
        AGENTMESH_TRY(owner, tx.agent(whose));
        if (!owner) return fail(not_registered);
        if (owner->revoked && !injected(fault::prekeys_revoked)) return fail(errc::certificate_revoked, "AM-REG-025");
        AGENTMESH_TRY(keys, tx.prekeys(whose));
        if (!keys) return fail(not_registered);
        AGENTMESH_TRY(members, request_members::parse(keys->json));
        AGENTMESH_TRY(signed_key, members.text("signed_prekey"));
        AGENTMESH_TRY(proof, members.text("signed_prekey_signature"));
        std::string body;
        json::writer to{body};
        to.begin_object().member("identity_key", identity::to_text(owner->exchange));
        to.member("signed_prekey", signed_key).member("signed_prekey_signature", proof);
        to.member("signed_prekey_id", keys->signed_id);
        if (!owner->card.empty()) to.member("card", owner->card);
        if (with_one_time && !injected(fault::one_time_never)) {
            AGENTMESH_TRY(one, tx.take_one_time(whose));
            if (one && injected(fault::one_time_twice)) one->json = first_note(whose.text(), one->json);
            if (one) to.name("one_time_prekey").verbatim(one->json);
        }
        to.end_object();
        return http::response::json(200, std::move(body));
    };
    if (!has_proof(in.request))
        return reading([&](transaction& tx) -> answer { return hand_out(tx, injected(fault::one_time_anyone)); });

    auto proof = read_proof(in.request, options_.host, in.now.wall);
    if (!proof) return fail(errc::bad_signature, proof.error().clause);
    const credential shown{.who = proof->who, .proof = *proof, .forget_at = proof->forget_at()};
    auto out = change(in, shown, [&](transaction& tx, agent_row& asker) -> answer {
        // Counted only now: before it is proved who asks, anybody could use up the rate of anybody.
        const auto name = std::string{asker.who.text()};
        if (const auto wait = fetches_.take(name, options_.fetches_per_minute, in.now.steady)) {
            auto late = refuse(in.request, {errc::rate_limited, "AM-REG-017"});
            if (!injected(fault::fetches_no_retry)) late.fields.add("Retry-After", std::to_string(wait));
            return late;
        }
        return hand_out(tx, true);
    });
    // It is the asker who is not known here, so nothing proves who asks.
    if (!out && out.error() == not_registered) return fail(errc::bad_signature, "AM-REG-004");
    return out;
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::did_document(const call& in) -> answer {
    AGENTMESH_TRY(who, amid::parse(in.name));
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(found, tx.agent(who));
        if (!found) return fail(not_registered);
        identity::did_document of{.subject = who,
                                  .signing_key = found->signing,
                                  .exchange_key = found->exchange,
                                  .services = {},
                                  .created = found->registered_at,
                                  .updated = found->last_seen};
        if (!found->relay.empty()) of.services.push_back({"relay", "AgentMeshRelay", found->relay});
        return http::response{.status = 200,
                              .fields = {{"Content-Type", "application/did+ld+json"}},
                              .body = identity::write_did_document(of)};
    });
}

}  // namespace agentmesh::registry
