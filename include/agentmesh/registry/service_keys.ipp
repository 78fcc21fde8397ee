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

/// What an upload brings: the deployed form, a bundle of suite am1, or both.
struct prekeys_offered {
    struct deployed_part {
        exchange_public_key key;
        signature proof;
        std::uint32_t id = 0;
    };
    std::optional<deployed_part> deployed{};
    std::optional<bundle_upload> bundle{};
    std::map<std::uint32_t, std::string> one_time{};  ///< as they will be handed out

    [[nodiscard]] static result<prekeys_offered> read(const request_members& body) {
        prekeys_offered out;
        if (body.has("bundle")) {
            AGENTMESH_TRY(text, body.json("bundle"));
            AGENTMESH_TRY(parsed, parse_upload(text));
            for (const auto& one : parsed.one_time)
                if (!out.one_time.emplace(one.id, one_time_text(one)).second)
                    return fail(errc::wrong_member, "AM-REG-023");
            out.bundle = std::move(parsed);
            const bool any = body.has("signed_prekey") || body.has("signed_prekey_signature");
            if (!any && !body.has("signed_prekey_id")) return out;
        }
        AGENTMESH_TRY(key_text, body.text("signed_prekey"));
        AGENTMESH_TRY(key, identity::parse_exchange_key(key_text));
        AGENTMESH_TRY(proof_text, body.text("signed_prekey_signature"));
        AGENTMESH_TRY(proof, identity::parse_signature(proof_text));
        AGENTMESH_TRY(id_text, body.json("signed_prekey_id"));
        AGENTMESH_TRY(id, parse_count(id_text));
        out.deployed = deployed_part{key, proof, id};
        // Beside a bundle it is the same keys once more, for registries that do not know bundles.
        if (body.has("one_time_prekeys") && !out.bundle) {
            AGENTMESH_TRY(array, body.json("one_time_prekeys"));
            AGENTMESH_TRY(parsed, parse_one_time(array));
            for (const auto& [number, one] : parsed) out.one_time.emplace(number, one_time_json(number, one));
        }
        return out;
    }
};

/// What a row of prekeys holds. One written before there were bundles has the first two only.
struct prekeys_kept {
    std::string signed_key{};  ///< of the deployed form; empty
    std::string signed_proof{};
    std::string card{};        ///< of the bundle; empty
    std::string bundle_key{};  ///< JSON of its signed prekey
    std::int64_t begins = 0;   ///< the latest `not_before` of all bundles
    std::uint32_t stored = 0;  ///< one-time prekeys that waited after the upload

    [[nodiscard]] std::string json() const {
        std::string out;
        json::writer to{out};
        to.begin_object();
        if (!signed_key.empty()) to.member("signed_prekey", signed_key).member("signed_prekey_signature", signed_proof);
        if (!card.empty()) to.member("card", card).name("bundle_prekey").verbatim(bundle_key);
        to.member("begins", begins).member("stored", stored).end_object();
        return out;
    }

    [[nodiscard]] static result<prekeys_kept> read(const prekey_row& row) {
        const error broken{errc::registry_failed, "AM-REG-052"};
        prekeys_kept out;
        json::reader in{row.json};
        in.begin_object();
        while (const auto name = in.next_member()) {
            if (*name == "signed_prekey")
                out.signed_key = in.string().text();
            else if (*name == "signed_prekey_signature")
                out.signed_proof = in.string().text();
            else if (*name == "card")
                out.card = in.string().text();
            else if (*name == "bundle_prekey")
                out.bundle_key = in.skip();
            else if (*name == "begins")
                out.begins = in.integer();
            else if (*name == "stored")
                out.stored = static_cast<std::uint32_t>(in.integer());
        }
        if (!in.finish()) return fail(broken);
        return out;
    }
};

/// Takes over the exchange key of a card unless it is older than what the registry has of this agent.
/// @spec   AM-REG-051, AM-REG-054
/// @errors epoch_rollback
/// @return whether the row has changed
[[nodiscard]] inline result<bool> adopt_card(agent_row& self, const e2ee::identity_card& card) {
    auto text = to_base64(card.bytes(), base64_form::url_unpadded);
    if (!self.card.empty()) {
        AGENTMESH_TRY(bytes, from_base64(self.card, base64_form::url_unpadded));
        AGENTMESH_TRY(known, e2ee::decode_card(bytes));
        const bool older = card.epoch < known.epoch || (card.epoch == known.epoch && card.exchange != known.exchange);
        if (older && !injected(fault::bundle_rollback)) return fail(errc::epoch_rollback, "AM-REG-051");
    }
    if (self.card == text) return false;
    if (!injected(fault::exchange_key_old)) self.exchange = card.exchange;
    self.card = std::move(text);
    return true;
}

struct prekeys_done {
    std::uint32_t signed_id = 0;
    std::size_t stored = 0;
    std::vector<std::uint32_t> refused{};  ///< ids of one-time prekeys that were uploaded before
};

/// Puts what an agent offers in place of what it offered before. All that may be refused is looked at before anything
/// is written, because a refusal keeps what was.
/// @spec   AM-REG-022, AM-REG-051, AM-REG-053
/// @errors bad_bundle, epoch_rollback, wrong_member, too_large; the store's
template <RegistryTransaction T>
[[nodiscard]] result<prekeys_done> keep_prekeys(T& tx, agent_row& self, const prekeys_offered& offered,
                                                time_point now) {
    if (offered.deployed && !crypto::verify(self.signing, offered.deployed->key.bytes(), offered.deployed->proof) &&
        !injected(fault::prekeys_any_signature))
        return fail(errc::bad_bundle, "AM-REG-020");
    AGENTMESH_TRY(before, tx.prekeys(self.who));
    prekeys_kept keep;
    if (before) {
        AGENTMESH_TRY(kept, prekeys_kept::read(*before));
        keep.begins = kept.begins;
    }
    if (offered.deployed) {
        keep.signed_key = identity::to_text(offered.deployed->key);
        keep.signed_proof = to_base64(offered.deployed->proof.bytes(), base64_form::standard_padded);
    }
    const std::uint32_t seen_below = before ? before->next_one_time : 0;
    if (offered.bundle) {
        if (const auto good = check_upload(*offered.bundle, self.who, now); !good && !injected(fault::bundle_unchecked))
            return fail(good.error());
        if (offered.bundle->signed_key.not_before < keep.begins && !injected(fault::bundle_rollback))
            return fail(errc::epoch_rollback, "AM-REG-051");
        if (seen_below > 0 && !injected(fault::bundle_far_ids) && !offered.one_time.empty() &&
            offered.one_time.rbegin()->first >= seen_below &&
            offered.one_time.rbegin()->first - seen_below >= one_time_id_step)
            return fail(errc::wrong_member, "AM-REG-053");
        AGENTMESH_TRY(renewed, adopt_card(self, offered.bundle->card));
        if (renewed) AGENTMESH_CHECK(tx.update_agent(self));
        keep.begins = offered.bundle->signed_key.not_before;
        keep.card = self.card;
        json::writer to{keep.bundle_key};
        e2ee::write_signed_prekey(to, offered.bundle->signed_key);
    }
    // An id below that was handed out, or dropped, or still waits; only the last may come again, and unchanged.
    std::map<std::uint32_t, std::string> waiting;
    while (true) {
        AGENTMESH_TRY(one, tx.take_one_time(self.who));
        if (!one) break;
        waiting.emplace(one->id, std::move(one->json));
    }
    std::vector<one_time_row> kept;
    std::vector<std::uint32_t> refused;
    for (const auto& [number, text] : offered.one_time) {
        const auto at = waiting.find(number);
        if (number >= seen_below || (at != waiting.end() && at->second == text) || injected(fault::one_time_again))
            kept.push_back({number, text});
        else
            refused.push_back(number);
    }
    keep.stored = static_cast<std::uint32_t>(kept.size());
    prekey_row row{.signed_id = offered.deployed ? offered.deployed->id : offered.bundle->signed_key.id,
                   .json = keep.json(),
                   .next_one_time = offered.one_time.empty()
                                        ? seen_below
                                        : std::max(seen_below, offered.one_time.rbegin()->first + 1),
                   .uploaded_at = now};
    if (injected(fault::prekeys_highest_id) && before && before->signed_id > row.signed_id) row = *before;
    AGENTMESH_CHECK(tx.put_prekeys(self.who, row, kept));
    return prekeys_done{row.signed_id, kept.size(), std::move(refused)};
}

}  // namespace detail

/// @spec AM-REG-055
template <RegistryStore Store, RandomSource Random>
result<void> service<Store, Random>::write_one_time_left(transaction& tx, const amid& who, json::writer& to) {
    AGENTMESH_TRY(keys, tx.prekeys(who));
    if (!keys || injected(fault::prekeys_left_silent)) return {};
    AGENTMESH_TRY(kept, detail::prekeys_kept::read(*keys));
    AGENTMESH_TRY(left, tx.one_time_left(who));
    to.member("one_time_prekeys_left", left).member("one_time_prekeys_low", left * 5 < kept.stored);
    return {};
}

/// @spec AM-REG-020, AM-REG-021, AM-REG-022, AM-REG-023, AM-REG-050, AM-REG-051, AM-REG-053
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::upload_prekeys(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    AGENTMESH_TRY(offered, detail::prekeys_offered::read(body));
    AGENTMESH_TRY(shown, read_credential(in.request, body, who, options_.host, in.now.wall));
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        AGENTMESH_TRY(done, detail::keep_prekeys(tx, self, offered, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true).member("signed_prekey_id", done.signed_id);
        to.member("one_time_prekeys_stored", done.stored);
        if (!done.refused.empty()) {
            to.name("one_time_prekeys_refused").begin_array();
            for (const auto one : done.refused) to.value(one);
            to.end_array();
        }
        AGENTMESH_CHECK(write_one_time_left(tx, who, to));
        to.end_object();
        return http::response::json(200, std::move(out));
    });
}

/// @spec AM-REG-021, AM-REG-022, AM-REG-024, AM-REG-025, AM-REG-052, AM-REG-027, AM-REG-028
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::fetch_prekeys(const call& in) -> answer {
    AGENTMESH_TRY(whose, amid::parse(in.name));
    const auto hand_out = [&](transaction& tx, bool with_one_time) -> answer {
        AGENTMESH_TRY(owner, tx.agent(whose));
        if (!owner) return fail(not_registered);
        if (owner->revoked && !injected(fault::prekeys_revoked)) return fail(errc::certificate_revoked, "AM-REG-025");
        AGENTMESH_TRY(keys, tx.prekeys(whose));
        if (!keys) return fail(not_registered);
        AGENTMESH_TRY(kept, detail::prekeys_kept::read(*keys));
        std::optional<one_time_row> one;
        if (with_one_time && !injected(fault::one_time_never)) {
            AGENTMESH_TRY(taken, tx.take_one_time(whose));
            one = std::move(taken);
            if (one && injected(fault::one_time_twice)) one->json = first_note(whose.text(), one->json);
        }
        std::string body;
        json::writer to{body};
        to.begin_object().member("identity_key", identity::to_text(owner->exchange));
        if (!kept.signed_key.empty()) {
            to.member("signed_prekey", kept.signed_key).member("signed_prekey_signature", kept.signed_proof);
            to.member("signed_prekey_id", injected(fault::prekeys_no_id) ? 0 : keys->signed_id);
        }
        if (!owner->card.empty()) to.member("card", owner->card);
        if (!kept.card.empty() && !injected(fault::bundle_withheld))
            to.name("bundle").verbatim(bundle_text(kept.card, kept.bundle_key, one ? one->json : std::string{}));
        else if (one)
            to.name("one_time_prekey").verbatim(one->json);
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

/// @spec AM-REG-037
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
        return http::response{
            .status = 200,
            .fields = {{"Content-Type", "application/did+ld+json"}},
            .body = identity::write_did_document(of).substr(0, injected(fault::did_cut) ? 40 : std::string::npos)};
    });
}

}  // namespace agentmesh::registry
