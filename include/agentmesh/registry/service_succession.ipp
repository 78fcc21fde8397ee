// One key in place of another. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/lineage.hpp>
#include <agentmesh/registry/row_notes.hpp>
#include <agentmesh/registry/service.hpp>
#include <agentmesh/registry/statement.hpp>

namespace agentmesh::registry {

/// The old key gives and the new one takes: both sign the statement, and the old one the whole request.
/// @spec AM-REG-060, AM-REG-061, AM-REG-062, AM-REG-064
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::succeed(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(old_name, body.agent("amid"));
    AGENTMESH_TRY(new_name, body.agent("successor"));
    AGENTMESH_TRY(signing_text, body.text("successor_signing_public_key"));
    AGENTMESH_TRY(signing, identity::parse_signing_key(signing_text));
    AGENTMESH_CHECK(crypto::check_public_key(signing));
    if (amid::of(signing) != new_name) return fail(errc::amid_mismatch, "AM-REG-003");
    AGENTMESH_TRY(exchange_text, body.text("successor_exchange_public_key"));
    AGENTMESH_TRY(exchange, identity::parse_exchange_key(exchange_text));
    AGENTMESH_TRY(card_text, body.optional_text("successor_card"));
    if (!card_text.empty()) {
        AGENTMESH_TRY(bytes, from_base64(card_text, base64_form::url_unpadded));
        AGENTMESH_TRY(card, e2ee::identity_card::parse(bytes));
        if (card.name != new_name || card.exchange != exchange) return fail(errc::bad_bundle, "AM-REG-003");
    }
    AGENTMESH_TRY(statement_text, body.text("statement"));
    AGENTMESH_TRY(shown, read_credential(in.request, body, old_name, options_.host, in.now.wall));
    // A signed time would let whoever saw it give the name away.
    if (!shown.proof && !injected(fault::succession_unproved)) return fail(errc::fallback_refused, "AM-REG-060");
    const auto statement = succession_statement::parse_text(statement_text);
    if (!statement || statement->from() != old_name || statement->new_key != signing)
        return fail(errc::bad_signature, "AM-REG-060");
    std::array<std::uint8_t, 16> id;
    AGENTMESH_CHECK(random_->fill(id));

    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        AGENTMESH_TRY(gone, tx.revocation(new_name));
        if (gone && !injected(fault::succession_taken)) return fail(errc::duplicate, "AM-REG-061");
        AGENTMESH_TRY(notes, row_notes::of(self));
        agent_row heir = self;
        heir.who = new_name;
        heir.signing = signing;
        heir.exchange = exchange;
        heir.card = std::string{card_text};
        heir.certificate.clear();  // it names the old key
        heir.status = availability::offline;
        heir.last_seen = in.now.wall;
        heir.proves = true;
        if (!injected(fault::succession_forgets)) heir.predecessor = old_name;
        if (injected(fault::succession_bare)) heir.capabilities.clear();
        heir.successor.reset();
        row_notes{.metadata = notes.metadata, .inheritance = statement->text()}.put(heir);
        AGENTMESH_TRY(inserted, tx.insert_agent(heir));
        if (!inserted && !injected(fault::succession_taken)) return fail(errc::duplicate, "AM-REG-061");

        self.revoked = true;
        self.successor = new_name;
        // Who stands behind the agent, and for whom it speaks, goes over with it and is not counted twice.
        self.owner.clear();
        self.organization.clear();
        self.trust = tier::anonymous;
        self.certificate.clear();
        notes.succession = statement->text();
        notes.put(self);
        AGENTMESH_CHECK(tx.update_agent(self));
        AGENTMESH_TRY(
            first, tx.insert_revocation(
                       {.id = to_hex(id), .who = old_name, .reason = "superseded", .by = old_name, .at = in.now.wall}));
        // A refusal would keep what was written before it.
        if (!first) return fail(errc::registry_failed, "AM-REG-061");
        AGENTMESH_CHECK(publish_score(tx, new_name, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true).member("amid", new_name.text());
        to.member("tier", detail::word(heir.trust)).member("predecessor", old_name.text());
        to.member("revocation_id", to_hex(id)).end_object();
        return http::response::json(201, std::move(out));
    });
}

}  // namespace agentmesh::registry
