// A client of a registry that hears replies, true and false. The library's own tests ask the rows through it too.
#pragma once

#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/identity/x509.hpp>
#include <agentmesh/registry/client.hpp>

#include <optional>
#include <set>

namespace agentmesh::shim {

/// Refusals of a registry's client, as errors whose class is the one of the vectors.
[[nodiscard]] inline error refiled_reply(const error& why) {
    switch (why.code) {
        case errc::bad_bundle:
            return why.clause == "AM-FND-002" ? error{errc::amid_mismatch, why.clause} : refiled(why);
        case errc::old_record: return {errc::duplicate, why.clause};
        case errc::certificate_revoked: return {errc::policy_denied, why.clause};
        case errc::revocation_unknown: return {errc::unknown_session, why.clause};
        default: return why;
    }
}

/// A client with a memory of its own, which hears one reply after the other.
class hearer {
public:
    explicit hearer(const arguments& in)
        : who_{name_of(in.text("who"))},
          now_{in.now()},
          gone_{in["revoked"].get<std::set<std::string>>()},
          answers_{in.number<bool>("answers")},
          client_{own_, chosen(in), memory_} {
        for (const auto& root : in["roots"]) need(trusted_.add(need(from_hex(root.get<std::string>()))));
    }
    hearer(const hearer&) = delete;
    hearer& operator=(const hearer&) = delete;

    [[nodiscard]] answer hear(const std::string& of, const json& reply, std::uint16_t status = 200) {
        const http::response from{.status = status, .body = reply.dump()};
        if (of == "lookup") return lookup(from);
        if (of == "prekeys") return prekeys(from);
        if (of == "revocation") return revocation(from);
        if (of == "did") return did(from);
        if (of == "search") return search(from);
        if (of == "statement") return statement(reply.at("statement").get<std::string>());
        throw std::invalid_argument{"nothing is heard of " + of};
    }

private:
    [[nodiscard]] registry::client_options chosen(const arguments& in) {
        const auto word = in.text("believes");
        if (word != "proofs_only" && word != "reputation" && word != "everything")
            throw std::invalid_argument{"nobody believes " + word};
        return {
            .host = "registry.example",
            .believed = word == "everything"    ? registry::belief::everything
                        : word == "proofs_only" ? registry::belief::proofs_only
                                                : registry::belief::reputation,
            .standing = [this](std::string_view pem, const amid& who, time_point now) { return stand(pem, who, now); },
            .unbound_keys = in.number<bool>("unbound")};
    }

    struct listed_revocations {
        const hearer& of;
        result<bool> is_revoked(const identity::certificate_fingerprint& which) const {
            if (!of.answers_) return fail(errc::registry_failed);
            return of.gone_.contains(to_hex(which.bytes()));
        }
    };
    [[nodiscard]] result<identity::proved_standing> stand(std::string_view pem, const amid& who, time_point now) const {
        AGENTMESH_TRY(chain, identity::parse_pem(pem));
        const listed_revocations revocations{*this};
        return identity::check_chain(chain, trusted_, who, revocations, now);
    }

    [[nodiscard]] answer lookup(const http::response& from) {
        AGENTMESH_TRY(found, client_.read_lookup(who_, from, now_));
        const auto name = [](const std::optional<amid>& of) { return of ? json(of->text()) : json{}; };
        found_ = found;
        return json{{"amid", found.who.text()},
                    {"signing_key", to_hex(found.signing.bytes())},
                    {"exchange_key", to_hex(found.exchange.bytes())},
                    {"bound", found.card.has_value()},
                    {"tier", identity::tier_label(found.trust, identity::tier_dialect::word)},
                    {"organization", found.organization.empty() ? json{} : json(found.organization)},
                    {"reputation_ppm", found.reputation},
                    {"revoked", found.revoked},
                    {"successor", name(found.successor)},
                    {"predecessor", name(found.predecessor)}};
    }

    [[nodiscard]] answer prekeys(const http::response& from) {
        if (!found_) throw std::invalid_argument{"prekeys of an agent that was not looked up"};
        AGENTMESH_TRY(keys, client_.read_prekeys(*found_, from, now_));
        const auto told = [](std::string_view suite, const exchange_public_key& exchange, std::uint32_t id,
                             const exchange_public_key& key, const auto& one) {
            return json{{"suite", suite},
                        {"exchange_key", to_hex(exchange.bytes())},
                        {"signed_prekey_id", id},
                        {"signed_prekey", to_hex(key.bytes())},
                        {"one_time_prekey_id", one ? json(one->id) : json{}},
                        {"one_time_prekey", one ? json(to_hex(one->key.bytes())) : json{}}};
        };
        if (const auto* b = keys.bundle())
            return told("am1", b->card.exchange, b->signed_key.id, b->signed_key.key, b->one_time);
        const auto* b = keys.deployed();
        return told("v02", b->identity, b->signed_id, b->signed_key, b->one_time);
    }

    [[nodiscard]] answer revocation(const http::response& from) {
        AGENTMESH_TRY(told, client_.read_revocation(who_, from));
        return json{{"revoked", told.has_value()},
                    {"reason", told ? json(told->reason) : json{}},
                    {"proved", told && told->proof.has_value()}};
    }

    [[nodiscard]] answer did(const http::response& from) {
        AGENTMESH_TRY(document, client_.read_did(who_, from));
        return json{{"amid", document.subject.text()},
                    {"signing_key", to_hex(document.signing_key.bytes())},
                    {"exchange_key", to_hex(document.exchange_key.bytes())}};
    }

    [[nodiscard]] answer search(const http::response& from) {
        AGENTMESH_TRY(found, client_.read_search(from, now_));
        json agents = json::array();
        for (const auto& one : found.rows) agents.push_back(one.who.text());
        return json{{"agents", std::move(agents)}, {"left_out", found.left_out}};
    }

    /// What comes from elsewhere than the registry.
    [[nodiscard]] answer statement(const std::string& text) {
        AGENTMESH_TRY(told, registry::revocation_statement::parse_text(text));
        if (told.who() != who_) return fail(errc::amid_mismatch, "AM-FND-010");
        memory_.note_revoked(who_, told);
        return json::object();
    }

    amid who_;
    time_point now_;
    std::set<std::string> gone_;
    bool answers_;
    identity::trust_store trusted_;
    local_identity own_ = identity_of(buffer(32, 1), buffer(32, 2));
    registry::client_memory memory_;
    registry::client client_;
    std::optional<registry::found_agent> found_{};
};

/// The last of several replies, all those before it being believed.
inline answer believe(const arguments& in) {
    hearer one{in};
    for (const auto& step : in["earlier"])
        if (const auto heard = one.hear(step.at("of"), step.at("reply")); !heard)
            throw std::invalid_argument{"an earlier reply is refused: " + to_string(heard.error())};
    const auto found = one.hear(in.text("of"), in["reply"], in.number<std::uint16_t>("status"));
    if (!found) return fail(refiled_reply(found.error()));
    return *found;
}

}  // namespace agentmesh::shim
