// Profile wire10: the same agents under their names there. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/lineage.hpp>
#include <agentmesh/registry/row_notes.hpp>
#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

namespace mesh_limits {
inline constexpr std::size_t metadata = 32;                    ///< AM-W10-004
inline constexpr std::size_t metadata_bytes = 512;             ///< AM-W10-004
inline constexpr std::chrono::seconds window{300};             ///< AM-W10-002: either way
inline constexpr std::chrono::seconds between_heartbeats{10};  ///< AM-W10-008
inline constexpr std::size_t token_bytes = 8192;
}  // namespace mesh_limits

namespace detail {

inline constexpr base64_form mesh_form = base64_form::wire10_lenient;

/// @spec   AM-W10-002
/// @errors bad_time for one without zone, bad_signature outside the window
[[nodiscard]] inline result<time_point> mesh_time(std::string_view text, time_point now) {
    const auto at = read_time(text);
    if (!at) return fail(errc::bad_time, "AM-W10-002");
    const bool far = now - at->at > mesh_limits::window || at->rounded_up() - now > mesh_limits::window;
    if (far && !injected(fault::mesh_any_time)) return fail(errc::bad_signature, "AM-W10-002");
    return at->at;
}

[[nodiscard]] inline result<std::map<std::string, std::string>> parse_metadata(std::string_view object) {
    std::map<std::string, std::string> out;
    json::reader in{object, {.bytes = service_limits::body_bytes}};
    in.begin_object("AM-W10-004");
    while (const auto name = in.next_member()) {
        std::string key{*name};
        out.emplace(std::move(key), in.string("AM-W10-004").text());
    }
    AGENTMESH_CHECK(in.finish());
    if (out.size() > mesh_limits::metadata) return fail(errc::too_large, "AM-W10-004");
    for (const auto& [name, value] : out) {
        AGENTMESH_CHECK(check_shown_text(name, service_limits::name_bytes));
        AGENTMESH_CHECK(check_shown_text(value, mesh_limits::metadata_bytes));
    }
    return out;
}

/// @spec AM-REG-023
[[nodiscard]] inline result<void> read_mesh_one_time(std::string_view array, prekeys_offered& to) {
    json::reader in{array, {.bytes = service_limits::body_bytes}};
    in.begin_array("AM-REG-023");
    while (in.next_element()) {
        std::int64_t id = -1;
        std::string key;
        in.begin_object("AM-REG-023");
        while (const auto name = in.next_member()) {
            if (*name == "key_id") id = in.integer("AM-REG-023");
            if (*name == "public_key") key = in.string("AM-REG-023").text();
        }
        if (!in.ok()) break;
        if (id < 0 || id > 0x7fff'ffff) return fail(errc::wrong_member, "AM-REG-023");
        if (to.one_time.size() == service_limits::one_time_prekeys) return fail(errc::too_large, "AM-REG-023");
        AGENTMESH_TRY(parsed, from_base64_exact<exchange_public_key>(key, mesh_form));
        const auto number = static_cast<std::uint32_t>(id);
        if (!to.one_time.emplace(number, one_time_json(number, parsed)).second)
            return fail(errc::wrong_member, "AM-REG-023");
    }
    return in.finish();
}

[[nodiscard]] inline result<std::pair<prekeys_offered, exchange_public_key>> read_mesh_prekeys(
    const request_members& body, const agent_row& owner) {
    AGENTMESH_TRY(identity_text, body.text("identity_key"));
    AGENTMESH_TRY(exchange, from_base64_exact<exchange_public_key>(identity_text, mesh_form));
    AGENTMESH_TRY(ed_text, body.optional_text("identity_key_ed"));
    if (!ed_text.empty()) {
        AGENTMESH_TRY(ed, from_base64_exact<signing_public_key>(ed_text, mesh_form));
        if (ed != owner.signing && !injected(fault::mesh_any_bundle)) return fail(errc::bad_bundle, "AM-W10-006");
    }
    AGENTMESH_TRY(signed_text, body.json("signed_pre_key"));
    AGENTMESH_TRY(signed_members, request_members::parse(signed_text));
    AGENTMESH_TRY(id_text, signed_members.json("key_id"));
    AGENTMESH_TRY(id, parse_count(id_text));
    AGENTMESH_TRY(key_text, signed_members.text("public_key"));
    AGENTMESH_TRY(key, from_base64_exact<exchange_public_key>(key_text, mesh_form));
    AGENTMESH_TRY(proof_text, signed_members.text("signature"));
    AGENTMESH_TRY(proof, from_base64_exact<signature>(proof_text, mesh_form));
    prekeys_offered out;
    out.deployed = prekeys_offered::deployed_part{key, proof, id};
    if (body.has("one_time_pre_keys")) {
        AGENTMESH_TRY(array, body.json("one_time_pre_keys"));
        AGENTMESH_CHECK(read_mesh_one_time(array, out));
    }
    return std::pair{std::move(out), exchange};
}

/// Whether the exchange key of an agent is the one that profile wire10 derives.
[[nodiscard]] inline bool is_mesh_agent(const agent_row& of) noexcept {
    const auto derived = crypto::to_x25519(of.signing);
    return derived && *derived == of.exchange;
}

}  // namespace detail

template <RegistryStore Store, RandomSource Random>
result<agent_row> service<Store, Random>::mesh_row(std::string_view did) {
    AGENTMESH_TRY(name, mesh_did::parse(did));
    AGENTMESH_TRY(found, store_->transact([&](transaction& tx) { return tx.agent_of_did(name.text()); }));
    if (!found) return fail(not_registered);
    return *std::move(found);
}

/// @spec AM-W10-001, AM-W10-002, AM-W10-003
template <RegistryStore Store, RandomSource Random>
result<credential> service<Store, Random>::mesh_credential(const call& in) {
    if (has_proof(in.request)) {
        auto proof = read_proof(in.request, options_.host, in.now.wall);
        if (!proof) return fail(errc::bad_signature, proof.error().clause);
        const auto until = proof->forget_at();
        return credential{.who = proof->who, .proof = *std::move(proof), .forget_at = until};
    }
    if (in.request.fields.count("Authorization") == 0) return fail(signature_required);
    const auto refused = fail(errc::bad_signature, "AM-W10-001");
    auto rest = in.request.fields.only("Authorization").value_or("");
    const auto word = [&] {
        const auto out = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), out.size() + 1));
        return out;
    };
    if (word() != "Ed25519-Timestamp") return refused;
    const auto did = word(), stated = word(), encoded = word();
    const auto proof = from_base64_exact<signature>(encoded, detail::mesh_form);
    if (!mesh_did::parse(did) || !proof || !rest.empty()) return refused;
    AGENTMESH_TRY(at, detail::mesh_time(stated, in.now.wall));
    const auto row = mesh_row(did);
    if (!row) return row.error() == not_registered ? refused : fail(row.error());
    return credential{.who = row->who,
                      .stated = std::string{stated},
                      .over_time = *proof,
                      .forget_at = at + mesh_limits::window + std::chrono::seconds{1}};
}

/// @spec AM-W10-003
template <RegistryStore Store, RandomSource Random>
template <class Act>
auto service<Store, Random>::mesh_change(const call& in, Act&& act) -> answer {
    AGENTMESH_TRY(named, mesh_row(in.name));
    AGENTMESH_TRY(shown, mesh_credential(in));
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        if (self.who != named.who && !injected(fault::mesh_anyone)) return fail(errc::not_allowed, "AM-W10-003");
        return act(tx, self);
    });
}

/// @spec AM-W10-001, AM-W10-002, AM-W10-004, AM-REG-010
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_register(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(key_text, body.text("public_key"));
    AGENTMESH_TRY(proof_text, body.text("proof"));
    AGENTMESH_TRY(stated, body.text("proof_timestamp"));
    AGENTMESH_TRY(named, body.texts("capabilities"));
    AGENTMESH_TRY(capabilities, check_capabilities(std::move(named)));
    row_notes notes;
    if (body.has("metadata")) {
        AGENTMESH_TRY(object, body.json("metadata"));
        AGENTMESH_TRY(metadata, detail::parse_metadata(object));
        notes.metadata = std::move(metadata);
    }
    AGENTMESH_TRY(key, from_base64_exact<signing_public_key>(key_text, detail::mesh_form));
    AGENTMESH_CHECK(crypto::check_public_key(key));
    AGENTMESH_TRY(exchange, crypto::to_x25519(key));
    AGENTMESH_TRY(at, detail::mesh_time(stated, in.now.wall));
    const auto proof = from_base64_exact<signature>(proof_text, detail::mesh_form);
    // What is signed is the text of the key as it was sent, and the time behind it.
    const auto signed_text = std::string{key_text}.append(stated);
    if (!proof || (!crypto::verify(key, as_bytes(signed_text), *proof) && !injected(fault::mesh_any_signature)))
        return fail(errc::bad_signature, "AM-W10-001");
    const auto who = amid::of(key);
    credential shown{.who = who,
                     .stated = std::string{stated},
                     .over_time = *proof,
                     .forget_at = at + mesh_limits::window + std::chrono::seconds{1}};
    if (has_proof(in.request)) {
        auto over_all = read_proof(in.request, options_.host, in.now.wall);
        if (!over_all || over_all->who != who || !over_all->verify(key)) return fail(errc::bad_signature, "AM-REG-009");
        shown.forget_at = std::max(shown.forget_at, over_all->forget_at());
        shown.proof = *std::move(over_all);
    }
    if (!shown.proof && !options_.signed_times) return fail(errc::fallback_refused, "AM-REG-008");
    if (const auto wait = registrations_.take(in.from.address, options_.registrations_per_minute, in.now.steady)) {
        auto out = refuse(in.request, {errc::rate_limited, "AM-REG-017"});
        out.fields.add("Retry-After", std::to_string(wait));
        return out;
    }
    agent_row row{.who = who,
                  .signing = key,
                  .exchange = exchange,
                  .capabilities = std::move(capabilities),
                  .relay = options_.relay_endpoint,
                  .registered_at = in.now.wall,
                  .last_seen = in.now.wall,
                  .score = reputation({}),
                  .proves = shown.proof.has_value()};
    notes.put(row);
    return store_->transact([&](transaction& tx) -> answer {
        AGENTMESH_TRY(inserted, tx.insert_agent(row));
        const auto fresh = remember(tx, shown);
        if (!fresh && fresh.error().code == errc::registry_failed) return fail(fresh.error());
        if (!inserted) return refuse(in.request, {errc::duplicate, "AM-REG-010"});
        // What registered one that was deleted since would bring it back against its will.
        if (!fresh) return fail(fresh.error());
        AGENTMESH_TRY(said, tx.ratings_about(who));
        if (!said.empty()) AGENTMESH_CHECK(publish_score(tx, who, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("did", mesh_did::of(key).text()).member("status", "registered");
        to.member("amid", who.text()).end_object();
        return http::response::json(201, std::move(out));
    });
}

/// @spec AM-W10-005
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_agent(const call& in) -> answer {
    AGENTMESH_TRY(row, mesh_row(in.name));
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(notes, row_notes::of(row));
        AGENTMESH_TRY(names, lineage(tx, row));
        // Of sessions on which both parties agree.
        std::map<std::tuple<std::string, amid, amid>, std::map<amid, session_outcome>> told;
        std::optional<time_point> latest;
        for (const auto& name : names) {
            AGENTMESH_TRY(reports, tx.reports_about(name));
            for (const auto& one : reports) {
                told[{one.session, one.initiator, one.receiver}].emplace(one.reporter, one.outcome);
                latest = std::max(latest.value_or(one.at), one.at);
            }
        }
        std::array<std::uint64_t, 5> ended{};
        for (const auto& [session, by] : told)
            if (by.size() == 2 && by.begin()->second == by.rbegin()->second)
                ++ended[static_cast<std::size_t>(by.begin()->second)];
        const auto count = [&](session_outcome of) { return ended[static_cast<std::size_t>(of)]; };
        const auto all =
            count(session_outcome::success) + count(session_outcome::failed) + count(session_outcome::timeout);
        std::string body;
        json::writer to{body};
        to.begin_object().member("did", mesh_did::of(row.signing).text()).name("capabilities").begin_array();
        for (const auto& one : row.capabilities) to.value(one);
        to.end_array().name("metadata").begin_object();
        for (const auto& [name, value] : notes.metadata) to.member(name, value);
        to.end_object().member("registered_at", format_time(row.registered_at));
        to.member("last_seen", format_time(row.last_seen)).member("reputation_score", row.score / 1e6);
        to.member("total_sessions", all).member("successful_sessions", count(session_outcome::success));
        to.member("failed_sessions", count(session_outcome::failed));
        to.member("timeout_sessions", count(session_outcome::timeout)).name("last_session_at");
        if (latest)
            to.value(format_time(*latest));
        else
            to.null();
        to.member("completion_rate",
                  all == 0 ? 0.0 : static_cast<double>(count(session_outcome::success)) / static_cast<double>(all));
        to.member("tier", detail::word(row.trust));
        for (const std::string_view none : {"verified_app_id", "verified_tenant_id", "verified_at"})
            to.name(none).null();
        to.member("amid", row.who.text());
        if (!injected(fault::mesh_no_key))
            to.member("public_key", to_base64(row.signing.bytes(), base64_form::url_unpadded));
        to.member("revoked", row.revoked).end_object();
        return http::response::json(200, std::move(body));
    });
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_delete(const call& in) -> answer {
    return mesh_change(in, [](transaction& tx, agent_row& self) -> answer {
        AGENTMESH_TRY(erased, tx.erase_agent(self.who));
        if (!erased) return fail(not_registered);
        return http::response{.status = 204};
    });
}

/// @spec AM-W10-006, AM-REG-022
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_put_prekeys(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    return mesh_change(in, [&](transaction& tx, agent_row& self) -> answer {
        AGENTMESH_TRY(offered, detail::read_mesh_prekeys(body, self));
        const bool foreign = offered.second != self.exchange || !detail::is_mesh_agent(self);
        if (foreign && !injected(fault::mesh_any_bundle)) return fail(errc::bad_bundle, "AM-W10-006");
        AGENTMESH_TRY(done, detail::keep_prekeys(tx, self, offered.first, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("did", mesh_did::of(self.signing).text()).member("otk_count", done.stored);
        AGENTMESH_CHECK(write_one_time_left(tx, self.who, to));
        to.end_object();
        return http::response::json(200, std::move(out));
    });
}

/// @spec AM-W10-007, AM-REG-024, AM-REG-025
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_fetch_prekeys(const call& in) -> answer {
    AGENTMESH_TRY(named, mesh_row(in.name));
    const auto hand_out = [&](transaction& tx, bool with_one_time) -> answer {
        AGENTMESH_TRY(owner, tx.agent(named.who));
        if (!owner || !detail::is_mesh_agent(*owner)) return fail(not_registered);
        if (owner->revoked) return fail(errc::certificate_revoked, "AM-REG-025");
        AGENTMESH_TRY(keys, tx.prekeys(owner->who));
        if (!keys) return fail(not_registered);
        AGENTMESH_TRY(kept, detail::prekeys_kept::read(*keys));
        const auto key = identity::parse_exchange_key(kept.signed_key);
        const auto proof = identity::parse_signature(kept.signed_proof);
        if (!key || !proof) return fail(not_registered);
        e2ee::deployed_bundle out{.identity = owner->exchange,
                                  .signing = owner->signing,
                                  .signed_id = keys->signed_id,
                                  .signed_key = *key,
                                  .proof = *proof};
        // Those of a bundle of suite am1 are for that suite.
        if (with_one_time && kept.card.empty()) {
            AGENTMESH_TRY(one, tx.take_one_time(owner->who));
            if (one) {
                AGENTMESH_TRY(members, request_members::parse(one->json));
                AGENTMESH_TRY(text, members.text("key"));
                AGENTMESH_TRY(one_key, identity::parse_exchange_key(text));
                out.one_time = e2ee::deployed_one_time{one->id, one_key};
            }
        }
        return http::response::json(200, e2ee::write_wire10_bundle(out));
    };
    if (in.request.fields.count("Authorization") == 0 && !has_proof(in.request))
        return reading([&](transaction& tx) -> answer { return hand_out(tx, injected(fault::mesh_one_time_anyone)); });
    AGENTMESH_TRY(shown, mesh_credential(in));
    auto out = change(in, shown, [&](transaction& tx, agent_row& asker) -> answer {
        const auto name = std::string{asker.who.text()};
        if (const auto wait = fetches_.take(name, options_.fetches_per_minute, in.now.steady)) {
            auto late = refuse(in.request, {errc::rate_limited, "AM-REG-017"});
            late.fields.add("Retry-After", std::to_string(wait));
            return late;
        }
        return hand_out(tx, true);
    });
    if (!out && out.error() == not_registered) return fail(errc::bad_signature, "AM-W10-001");
    return out;
}

/// @spec AM-W10-008
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_presence(const call& in) -> answer {
    AGENTMESH_TRY(row, mesh_row(in.name));
    AGENTMESH_TRY(notes, row_notes::of(row));
    const auto seen = std::max(row.last_seen, notes.reported.value_or(row.last_seen));
    const bool online = !row.revoked && status_at(row, notes, in.now.wall) != availability::offline &&
                        in.now.wall - seen <= presence_lifetime;
    std::string body;
    json::writer to{body};
    to.begin_object().member("did", mesh_did::of(row.signing).text()).member("last_seen", format_time(seen));
    to.member("online", online).end_object();
    return http::response::json(200, std::move(body));
}

/// @spec AM-W10-008
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_heartbeat(const call& in) -> answer {
    std::optional<amid> there;
    auto out = mesh_change(in, [&](transaction& tx, agent_row& self) -> answer {
        AGENTMESH_TRY(notes, row_notes::of(self));
        const auto passed = notes.beat ? in.now.wall - *notes.beat : mesh_limits::between_heartbeats;
        if (passed >= duration::zero() && passed < mesh_limits::between_heartbeats) {
            auto late = refuse(in.request, {errc::rate_limited, "AM-W10-008"});
            const auto left = std::chrono::ceil<std::chrono::seconds>(mesh_limits::between_heartbeats - passed);
            late.fields.add("Retry-After", std::to_string(left.count()));
            return late;
        }
        notes.beat = notes.reported = in.now.wall;
        notes.put(self);
        self.status = availability::online;
        self.last_seen = in.now.wall;
        AGENTMESH_CHECK(tx.update_agent(self));
        there = self.who;
        std::string text;
        json::writer to{text};
        to.begin_object().member("did", mesh_did::of(self.signing).text());
        to.member("last_seen", format_time(self.last_seen));
        AGENTMESH_CHECK(write_one_time_left(tx, self.who, to));
        to.end_object();
        return http::response::json(200, std::move(text));
    });
    if (out && there) reported_[*there] = in.now.wall;
    return out;
}

/// Names no session, so an author has one for each agent and day.
/// @spec AM-W10-009, AM-REG-040, AM-REG-041
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_rate(const call& in) -> answer {
    AGENTMESH_TRY(about, mesh_row(in.name));
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(score, body.ratio("score"));
    AGENTMESH_TRY(reason, body.optional_text("reason"));
    AGENTMESH_CHECK(check_shown_text(reason, service_limits::notes_bytes));
    AGENTMESH_TRY(shown, mesh_credential(in));
    const auto day = format_time(in.now.wall).substr(0, 10);
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        if (self.who == about.who) return fail(errc::not_allowed, "AM-REG-040");
        AGENTMESH_TRY(first, tx.insert_rating({.from = self.who,
                                               .about = about.who,
                                               .session = "wire10 " + std::string{about.who.text()} + " " + day,
                                               .score = score,
                                               .at = in.now.wall}));
        if (!first) return fail(errc::duplicate, "AM-REG-041");
        AGENTMESH_CHECK(publish_score(tx, about.who, in.now.wall));
        AGENTMESH_TRY(after, tx.agent(about.who));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true).member("did", mesh_did::of(about.signing).text());
        to.member("reputation_score", (after ? after->score : about.score) / 1e6).end_object();
        return http::response::json(200, std::move(out));
    });
}

/// The report of a session whose parties are named as in this profile.
/// @spec AM-W10-009, AM-REG-042, AM-REG-043
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_report(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(session, body.text("session_id"));
    AGENTMESH_CHECK(check_shown_text(session, service_limits::name_bytes));
    AGENTMESH_TRY(intent, body.optional_text("intent"));
    AGENTMESH_CHECK(check_shown_text(intent, service_limits::capability_bytes));
    AGENTMESH_TRY(outcome_text, body.text("outcome"));
    AGENTMESH_TRY(outcome, detail::parse_outcome(outcome_text));
    const auto party = [&](std::string_view member) -> result<amid> {
        AGENTMESH_TRY(did, body.text(member));
        AGENTMESH_TRY(row, mesh_row(did));
        return row.who;
    };
    AGENTMESH_TRY(initiator, party("initiator_amid"));
    AGENTMESH_TRY(receiver, party("receiver_amid"));
    AGENTMESH_TRY(reporter, party("reporter_amid"));
    AGENTMESH_TRY(shown, mesh_credential(in));
    std::array<std::uint8_t, 16> id;
    AGENTMESH_CHECK(random_->fill(id));
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        if (self.who != reporter || initiator == receiver || (reporter != initiator && reporter != receiver))
            return fail(errc::not_allowed, "AM-REG-042");
        AGENTMESH_TRY(first, tx.insert_report({.session = std::string{session},
                                               .initiator = initiator,
                                               .receiver = receiver,
                                               .reporter = reporter,
                                               .intent = std::string{intent},
                                               .outcome = outcome,
                                               .at = in.now.wall}));
        if (!first) return fail(errc::duplicate, "AM-REG-043");
        AGENTMESH_CHECK(publish_score(tx, initiator, in.now.wall));
        AGENTMESH_CHECK(publish_score(tx, receiver, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true).member("session_record_id", to_hex(id)).end_object();
        return http::response::json(200, std::move(out));
    });
}

/// Tokens of the one provider that deployed registries take are taken by none of ours: agents log in (AM-OAU).
/// @spec AM-W10-010
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_verify(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(did, body.text("amid"));
    AGENTMESH_TRY(token, body.text("verification_token"));
    if (token.size() > mesh_limits::token_bytes) return fail(errc::too_large, "AM-W10-010");
    AGENTMESH_TRY(row, mesh_row(did));
    (void)row;
    return fail(errc::registry_failed, "AM-W10-010");
}

/// @spec AM-W10-011, AM-REG-015, AM-REG-016
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::mesh_discover(const call& in) -> answer {
    agent_query query{.limit = 50};
    AGENTMESH_TRY(capability, asked(in, "capability"));
    if (!capability || capability->empty()) return fail(errc::missing_member, "AM-REG-002");
    AGENTMESH_CHECK(check_shown_text(*capability, service_limits::capability_bytes));
    query.capability = *capability;
    AGENTMESH_TRY(limit, asked(in, "limit"));
    if (limit) {
        AGENTMESH_TRY(most, detail::parse_count(*limit));
        if ((most == 0 || most > 200) && !injected(fault::mesh_any_limit))
            return fail(errc::wrong_member, "AM-W10-011");
        query.limit = std::min(most, service_limits::page);
    }
    AGENTMESH_TRY(offset, asked(in, "offset"));
    if (offset) {
        AGENTMESH_TRY(first, detail::parse_count(*offset));
        query.offset = first;
    }
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(found, tx.search(query));
        std::string body;
        json::writer to{body};
        to.begin_object().name("results").begin_array();
        for (const auto& one : found.rows) {
            to.begin_object().member("did", mesh_did::of(one.signing).text()).name("capabilities").begin_array();
            for (const auto& word : one.capabilities) to.value(word);
            to.end_array().member("reputation_score", one.score / 1e6);
            to.member("last_seen", format_time(one.last_seen)).member("amid", one.who.text()).end_object();
        }
        to.end_array().member("total", found.total).end_object();
        return http::response::json(200, std::move(body));
    });
}

}  // namespace agentmesh::registry
