// The lies that a registry can tell, each beside the truth that it resembles.
#pragma once

#include <agentmesh/registry/client.hpp>

#include "tests/support/catch.hpp"

namespace client_tests {

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

inline const time_point noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 12h;
inline const std::int64_t noon_seconds = std::chrono::floor<std::chrono::seconds>(noon).time_since_epoch().count();

/// An agent with the signing key and the exchange key of these seeds.
inline local_identity someone(std::uint64_t signing, std::uint64_t exchange) {
    crypto::scripted_random for_signing{signing}, for_exchange{exchange};
    return {signing_key_pair::generate(for_signing).value(), exchange_key_pair::generate(for_exchange).value(), noon};
}
inline exchange_public_key some_key(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return exchange_key_pair::generate(random).value().public_key();
}

inline const local_identity& alice() {
    static const auto one = someone(1, 2);
    return one;
}
/// Alice with her next exchange key.
inline const local_identity& alice_later() {
    static const auto one = someone(1, 3);
    return one;
}
inline const local_identity& mallory() {
    static const auto one = someone(4, 5);
    return one;
}
inline const local_identity& bob() {
    static const auto one = someone(6, 7);
    return one;
}

inline e2ee::signed_prekey prekey_of(const local_identity& owner, std::uint32_t id,
                                     std::int64_t begins = noon_seconds) {
    return e2ee::signed_prekey::make(owner, id, some_key(100 + id), begins, begins + 7 * 24 * 3600);
}
inline e2ee::prekey_bundle bundle_of(const local_identity& owner, std::uint32_t epoch, std::uint32_t id,
                                     std::int64_t begins = noon_seconds) {
    return {e2ee::identity_card::make(owner, epoch), prekey_of(owner, id, begins)};
}

/// What a registry says of an agent; a member that is set takes the place of the true one.
struct telling {
    const local_identity* of = &alice();
    std::optional<std::string> amid{}, signing{}, exchange{};
    std::optional<e2ee::identity_card> card{};
    std::string tier = "anonymous";
    std::string certificate{};
    std::string succession{};
    std::string relay = "wss://relay.example/v1/connect";
    bool revoked = false;

    [[nodiscard]] http::response reply() const {
        std::string out;
        json::writer to{out};
        to.begin_object().member("amid", amid.value_or(std::string{of->name().text()}));
        to.member("tier", tier).name("display_name").null().name("organization").null();
        to.member("signing_public_key", signing.value_or(identity::to_text(of->signing().public_key())));
        to.member("exchange_public_key", exchange.value_or(identity::to_text(of->exchange().public_key())));
        to.name("capabilities").begin_array().value("travel/flights").end_array();
        to.member("relay_endpoint", relay).member("status", "online").member("reputation_score", 0.75);
        to.member("last_seen", "2026-03-01T11:00:00Z");
        if (card) to.member("card", to_base64(card->bytes(), base64_form::url_unpadded));
        if (!certificate.empty()) to.member("certificate", certificate);
        if (!succession.empty()) to.member("succession", succession);
        to.member("ratings_count", 7).member("revoked", revoked).end_object();
        return http::response::json(200, std::move(out));
    }
};

/// A reply to a question for prekeys: the deployed members and a bundle.
inline http::response prekeys_reply(const e2ee::prekey_bundle& bundle,
                                    std::optional<exchange_public_key> identity_key = {}) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("identity_key", identity::to_text(identity_key.value_or(bundle.card.exchange)));
    to.name("bundle").verbatim(e2ee::write_bundle(bundle)).end_object();
    return http::response::json(200, std::move(out));
}
/// As a deployed registry has it.
inline http::response deployed_reply(const local_identity& of, const exchange_public_key& identity_key) {
    const auto key = some_key(50);
    return http::response::json(
        200,
        e2ee::write_v02_bundle(
            {.identity = identity_key, .signed_id = 1, .signed_key = key, .proof = of.signing().sign(key.bytes())}));
}
inline http::response standing_reply(bool revoked, const amid& who, std::string_view notes = "") {
    std::string out;
    json::writer to{out};
    to.begin_object().member("amid", who.text()).member("revoked", revoked).name("revocation");
    if (revoked) {
        to.begin_object().member("id", "1").member("amid", who.text()).member("reason", "key_compromise");
        to.member("revoked_by", who.text()).member("revoked_at", "2026-03-01T11:00:00Z").member("notes", notes);
        to.end_object();
    } else {
        to.null();
    }
    to.end_object();
    return http::response::json(200, std::move(out));
}

inline telling with_card(std::uint32_t epoch = 1, const local_identity& of = alice()) {
    return {.of = &of, .card = e2ee::identity_card::make(of, epoch)};
}

/// Bob, who asks, and what he remembers.
struct asker {
    client_memory memory{};
    client mesh;

    explicit asker(client_options options = {}) : mesh{bob(), with_host(std::move(options)), memory} {}
    asker(const asker&) = delete;
    asker& operator=(const asker&) = delete;

    result<found_agent> look(const telling& told, const amid& who = alice().name()) {
        return mesh.read_lookup(who, told.reply(), noon);
    }
    result<fetched_prekeys> fetch(const telling& told, const http::response& reply) {
        AGENTMESH_TRY(found, look(told));
        return mesh.read_prekeys(found, reply, noon);
    }

private:
    static client_options with_host(client_options of) {
        of.host = "registry.example";
        return of;
    }
};

/// Nothing if it is believed.
template <class T>
std::optional<error> refusal(const result<T>& of) {
    return of ? std::nullopt : std::optional{of.error()};
}
inline std::optional<error> unless(bool caught, errc code, clause_id clause) {
    return caught ? std::optional{error{code, clause}} : std::nullopt;
}

/// One lie. `tell(true)` tells the truth that it resembles; either says how the client refused it.
struct lie {
    std::string_view name;
    registry::fault blind;  ///< the mutant that believes it
    error caught;
    std::optional<error> (*tell)(bool truth);
};

/// A statement with one bit of its last byte changed, as text.
template <class Statement>
std::string bent(const Statement& of) {
    auto bytes = of.bytes();
    bytes[bytes.size() - 40] ^= 1;
    return to_base64(bytes, base64_form::url_unpadded);
}

inline const std::vector<lie>& lies() {
    static const std::vector<lie> all{
        {"another agent than was asked for",
         registry::fault::client_any_name,
         {errc::amid_mismatch, "AM-FND-001"},
         [](bool truth) {
             asker a;
             return refusal(a.look(truth ? with_card() : with_card(1, mallory())));
         }},
        {"another's signing key under the name",
         registry::fault::client_any_key,
         {errc::amid_mismatch, "AM-FND-001"},
         [](bool truth) {
             asker a;
             telling told;
             if (!truth) told.signing = identity::to_text(mallory().signing().public_key());
             return refusal(a.look(told));
         }},
        {"a swapped exchange key",
         registry::fault::client_swapped_exchange,
         {errc::bad_bundle, "AM-FND-002"},
         [](bool truth) {
             asker a;
             auto told = with_card();
             if (!truth) told.exchange = identity::to_text(mallory().exchange().public_key());
             return refusal(a.look(told));
         }},
        {"no card where there was one, and another key",
         registry::fault::client_bare_key,
         {errc::unbound_key, "AM-FND-003"},
         [](bool truth) {
             asker a;
             REQUIRE(a.look(with_card()));
             telling told;
             if (truth) return refusal(a.look(with_card()));
             told.exchange = identity::to_text(mallory().exchange().public_key());
             return refusal(a.look(told));
         }},
        {"the card of an epoch before",
         registry::fault::client_old_epoch,
         {errc::epoch_rollback, "AM-FND-004"},
         [](bool truth) {
             asker a;
             REQUIRE(a.look(with_card(2, alice_later())));
             return refusal(a.look(truth ? with_card(2, alice_later()) : with_card(1)));
         }},
        {"a swapped prekey",
         registry::fault::client_swapped_prekey,
         {errc::bad_bundle, "AM-KEX-011"},
         [](bool truth) {
             asker a;
             auto bundle = bundle_of(alice(), 1, 1);
             if (!truth) bundle.signed_key.key = some_key(666);
             return refusal(a.fetch(with_card(), prekeys_reply(bundle)));
         }},
        {"an old bundle again",
         registry::fault::client_old_bundle,
         {errc::old_record, "AM-FND-006"},
         [](bool truth) {
             asker a;
             const auto old = prekeys_reply(bundle_of(alice(), 1, 1, noon_seconds - 3600));
             const auto next = prekeys_reply(bundle_of(alice(), 1, 2));
             REQUIRE(a.fetch(with_card(), old));
             REQUIRE(a.fetch(with_card(), next));
             return refusal(a.fetch(with_card(), truth ? next : old));
         }},
        {"an inflated tier",
         registry::fault::client_inflated_tier,
         {errc::certificate_untrusted, "AM-FND-007"},
         [](bool truth) {
             asker a;
             auto told = with_card();
             if (!truth) told.tier = "organization";
             const auto found = a.look(told);
             REQUIRE(found);
             return unless(!truth && found->trust == tier::anonymous, errc::certificate_untrusted, "AM-FND-007");
         }},
        {"a hidden revocation",
         registry::fault::client_hidden_revocation,
         {errc::certificate_revoked, "AM-FND-008"},
         [](bool truth) {
             asker a;
             if (!truth) REQUIRE(a.mesh.read_revocation(alice().name(), standing_reply(true, alice().name())));
             return refusal(a.fetch(with_card(), prekeys_reply(bundle_of(alice(), 1, 1))));
         }},
        {"silence about revocations",
         registry::fault::client_revocation_unknown,
         {errc::revocation_unknown, "AM-FND-009"},
         [](bool truth) {
             asker a;
             const auto reply = truth ? standing_reply(false, alice().name()) : http::response::json(503, "{}");
             return refusal(a.mesh.read_revocation(alice().name(), reply));
         }},
        {"a revocation that the agent never signed",
         registry::fault::client_any_statement,
         {errc::bad_signature, "AM-FND-010"},
         [](bool truth) {
             asker a;
             const auto gone = revocation_statement::make(alice().signing(), revocation_reason::other, noon);
             const auto notes = "am1-revocation:" + (truth ? gone.text() : bent(gone));
             const auto told = a.mesh.read_revocation(alice().name(), standing_reply(true, alice().name(), notes));
             REQUIRE((told && *told));
             return unless(!(*told)->proof, errc::bad_signature, "AM-FND-010");
         }},
        {"a successor who never agreed",
         registry::fault::client_any_successor,
         {errc::bad_signature, "AM-FND-011"},
         [](bool truth) {
             asker a;
             auto told = with_card();
             const auto next = succession_statement::make(alice().signing(), mallory().signing(), noon);
             told.succession = truth ? next.text() : bent(next);
             return refusal(a.look(told));
         }},
        {"a demand for a bare signed time",
         registry::fault::client_bare_time,
         {errc::fallback_refused, "AM-FND-012"},
         [](bool truth) {
             asker a{{.form = truth ? request_form::signed_time : request_form::proof}};
             crypto::scripted_random random{9};
             const auto sent = a.mesh.set_status(availability::online, noon, random);
             REQUIRE(sent);
             const bool bare = sent->body.find("timestamp") != std::string::npos;
             return unless(!bare, errc::fallback_refused, "AM-FND-012");
         }},
        {"an endpoint within the own network",
         registry::fault::client_any_endpoint,
         {errc::wrong_member, "AM-FND-014"},
         [](bool truth) {
             asker a;
             auto told = with_card();
             if (!truth) told.relay = "wss://169.254.169.254/latest";
             const auto found = a.look(told);
             REQUIRE(found);
             return unless(found->relay.empty(), errc::wrong_member, "AM-FND-014");
         }},
    };
    return all;
}

}  // namespace client_tests
