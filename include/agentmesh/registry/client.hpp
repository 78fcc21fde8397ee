// An agent's side of a registry: requests as values, each with its proof, and replies that are believed no further than
// their proofs reach.
//
//     registry::client_memory memory;                                       // saved and restored by its owner
//     registry::client mesh{me, {.host = "registry.example"}, memory};
//     AGENTMESH_TRY(request, mesh.prekeys(bob, now, random));                // to be sent as it is, once
//     AGENTMESH_TRY(got, mesh.read_prekeys(bob, response, now));             // every signature checked
//
// Whatever it is asked, a registry may lie: about keys, prekeys, tiers, revocations. What an agent signed, its name
// proves; of the rest there is a memory (client_memory.hpp), so that a story does not change between two tellings, and
// the owner's choice of what to believe. `resolution` (client_resolution.hpp) asks all that must be asked before a
// KNOCK.
#pragma once

#include <agentmesh/e2ee/deployed_bundle.hpp>
#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/identity/certificate.hpp>
#include <agentmesh/identity/did.hpp>
#include <agentmesh/registry/client_memory.hpp>
#include <agentmesh/registry/record.hpp>
#include <agentmesh/registry/service_request.hpp>

#include <functional>
#include <variant>

namespace agentmesh::registry {

/// How far an owner believes what a registry says and nobody has signed.
enum class belief : std::uint8_t {
    proofs_only,  ///< reputation counts as 0 too
    reputation,   ///< nobody else could know it
    everything,   ///< tiers and organizations as well: for a registry of one's own
};

/// With what requests show who sends them.
enum class request_form : std::uint8_t {
    proof,        ///< AM-RQP; nothing that could be used elsewhere leaves this machine
    signed_time,  ///< as deployed: anybody who sees one can act in the agent's name for five minutes
};

/// Says who stands behind an agent, by a chain of certificates (PEM, leaf first). identity::check_chain with the
/// owner's roots and revocations is one; its errors are handed on.
using standing_check =
    std::function<result<identity::proved_standing>(std::string_view pem, const amid& who, time_point now)>;

struct client_options {
    std::string
        host{};  ///< what the registry is called in proofs: the authority that is dialled, net::http_client::host
    request_form form = request_form::proof;
    belief believed = belief::reputation;
    standing_check standing{};     ///< empty: no certificate counts
    bool unbound_keys = false;     ///< prekeys of agents without a card are taken: their first exchange key is pinned
    bool local_endpoints = false;  ///< agents may be reached in the local network: for tests and closed networks
};

// --- what is said to a registry --------------------------------------------------------------------------------

/// What an agent says of itself when it registers. Texts that are empty are left out.
struct enrolment {
    std::string display_name{};
    std::vector<std::string> capabilities{};
    std::string relay{};
    std::string direct{};
    std::string verification_token{};  ///< of a login that has succeeded
    std::uint32_t epoch = 0;           ///< of the card
};

struct search_terms {
    std::string capability{};  ///< `travel` also finds `travel/flights`; `*` stands for any characters
    std::optional<tier> at_least{};
    std::optional<ppm> score_at_least{};
    std::optional<availability> status{};
    std::uint32_t limit = 20;
    std::uint32_t offset = 0;
};

// --- what is heard of it ----------------------------------------------------------------------------------------

/// An agent as a registry tells of it, with what of that is proved.
struct found_agent {
    amid who;
    signing_public_key signing;  ///< proved by the name
    exchange_public_key exchange;
    std::optional<e2ee::identity_card> card{};  ///< binds the exchange key; without one the registry may have chosen it
    std::string display_name{};
    std::vector<std::string> capabilities{};
    std::string relay{};  ///< empty also if it is not one to be sent to
    std::string direct{};
    availability status = availability::offline;
    std::optional<time_point> last_seen{};

    tier trust = tier::anonymous;    ///< by certificate, or by the word of a registry that is believed
    std::string organization{};      ///< likewise
    tier claimed = tier::anonymous;  ///< by the registry: to be shown, never to be believed
    std::string claimed_organization{};
    std::optional<error> unproved{};  ///< why the certificate that came with it does not count
    ppm reputation = 0;
    ppm claimed_reputation = 0;
    std::uint32_t ratings = 0;
    std::vector<std::string> flags{};  ///< at most 8, printable

    bool revoked = false;               ///< now or ever: `client_memory` says by whom
    std::optional<amid> successor{};    ///< by statement of both keys
    std::optional<amid> predecessor{};  ///< likewise
};

struct search_result {
    std::vector<found_agent> rows{};
    std::size_t left_out = 0;  ///< rows that do not hold
    std::uint64_t total = 0;   ///< in the registry's word
};

/// What a KNOCK needs. A bundle of suite `am1`, or what a deployed registry keeps of an agent of 0.2.
struct fetched_prekeys {
    std::variant<e2ee::prekey_bundle, e2ee::deployed_bundle> keys;

    [[nodiscard]] const e2ee::prekey_bundle* bundle() const noexcept { return std::get_if<0>(&keys); }
    [[nodiscard]] const e2ee::deployed_bundle* deployed() const noexcept { return std::get_if<1>(&keys); }
};

/// A revocation as it is told, and its proof if the agent gave one.
struct told_revocation {
    std::string reason{};
    std::optional<amid> by{};
    std::optional<time_point> at{};
    std::string notes{};  ///< without the proof
    std::optional<revocation_statement> proof{};
};

struct enrolled {
    tier claimed = tier::anonymous;
    std::string certificate{};  ///< PEM, if the registry issued one
};

/// What the answer to a change may tell of the own prekeys.
struct change_done {
    std::optional<std::uint64_t> one_time_left{};
    bool one_time_low = false;
};

struct upload_done {
    std::uint64_t stored = 0;
    std::vector<std::uint32_t> refused{};  ///< ids that were uploaded before
    change_done after{};
};

/// Why a registry did not do what it was asked.
struct registry_refusal {
    error why{};  ///< retryable where the same may be asked again
    std::uint16_t status = 0;
    std::string word{};     ///< `error`, as the registry writes it; printable
    std::string message{};  ///< to be shown to people; printable
    std::optional<std::chrono::seconds> retry_after{};
};

/// Nothing for an answer of 2xx.
/// @errors  in `why`: unknown_peer (404), http_not_found (404 for the endpoint), duplicate (409), bad_signature (401),
///          certificate_revoked or not_allowed (403), wrong_member (400, 422), too_large (413), rate_limited (429),
///          registry_failed for anything else
[[nodiscard]] std::optional<registry_refusal> read_refusal(const http::response& from);

struct retry_rules {
    unsigned attempts = 3;
    duration first = std::chrono::milliseconds{250};  ///< doubles from one to the next
    duration longest = std::chrono::seconds{10};      ///< one that asks for more is not asked again
};

/// How long to wait after `made` attempts before the next one; nothing if there is no use in it. A change that is tried
/// again needs a new proof, so its request is made anew.
[[nodiscard]] std::optional<duration> wait_before_retry(const result<http::response>& outcome, unsigned made,
                                                        const retry_rules& rules = {});

/// One agent before one registry. Requests go out without Host and Content-Length, which the connection adds; each
/// serves once. Replies are judged as a whole: what does not hold changes no memory.
///
/// `read_*` fail with `read_refusal(...).why` for what the registry refused, with the JSON reader's errors,
/// missing_member and wrong_member for a reply out of form, and with what is listed for a reply that lies.
class client {
public:
    /// @param self, memory  must outlive the client
    client(const local_identity& self, client_options options, client_memory& memory)
        : self_{&self}, options_{std::move(options)}, memory_{&memory} {}

    [[nodiscard]] const client_options& chosen() const noexcept { return options_; }
    [[nodiscard]] client_memory& memory() noexcept { return *memory_; }
    /// Whether the memory has changed since this was asked last, and is to be saved.
    [[nodiscard]] bool take_changed() noexcept { return std::exchange(changed_, false); }

    // --- changes: each with a proof ------------------------------------------------------------------------------
    // @spec AM-FND-012. Errors: those of prove and of the random source

    [[nodiscard]] result<http::request> enroll(const enrolment& what, time_point now, RandomSource auto& random) const;
    [[nodiscard]] result<http::request> set_status(availability status, time_point now,
                                                   RandomSource auto& random) const;
    [[nodiscard]] result<http::request> set_capabilities(std::span<const std::string> all, time_point now,
                                                         RandomSource auto& random) const;
    /// All unspent prekeys, in the form of `am1` and in the deployed one.
    [[nodiscard]] result<http::request> upload_prekeys(const e2ee::prekey_publication& all, time_point now,
                                                       RandomSource auto& random) const;
    /// Ends the own key, with a statement that holds without the registry.
    /// @param notes  at most 300 bytes
    [[nodiscard]] result<http::request> revoke(revocation_reason why, std::string_view notes, time_point now,
                                               RandomSource auto& random) const;
    /// As administrator of its organization.
    [[nodiscard]] result<http::request> revoke_member(const amid& who, revocation_reason why, std::string_view notes,
                                                      time_point now, RandomSource auto& random) const;
    [[nodiscard]] result<http::request> rate(const amid& about, std::string_view session, ppm score,
                                             std::span<const std::string> tags, time_point now,
                                             RandomSource auto& random) const;
    struct session_account {
        std::string session{};
        amid initiator;
        amid receiver;
        std::string intent{};
        session_outcome outcome = session_outcome::success;
        time_point started_at{};
    };
    [[nodiscard]] result<http::request> report_session(const session_account& what, time_point now,
                                                       RandomSource auto& random) const;
    /// Hands name, tier and reputation over to a new identity, and ends the own one.
    [[nodiscard]] result<http::request> succeed(const local_identity& next, std::uint32_t epoch, time_point now,
                                                RandomSource auto& random) const;
    [[nodiscard]] result<http::request> show_certificate(std::string_view pem, time_point now,
                                                         RandomSource auto& random) const;
    [[nodiscard]] result<http::request> begin_login(std::string_view provider, time_point now,
                                                    RandomSource auto& random) const;
    /// The prekeys of an agent; with a one-time prekey where requests are proved.
    [[nodiscard]] result<http::request> prekeys(const amid& who, time_point now, RandomSource auto& random) const;

    // --- questions -----------------------------------------------------------------------------------------------

    [[nodiscard]] http::request lookup(const amid& who) const;
    [[nodiscard]] http::request search(const search_terms& what) const;
    /// Prekeys for one whom the registry does not know, and who gets no one-time prekey.
    [[nodiscard]] http::request bare_prekeys(const amid& who) const;
    [[nodiscard]] http::request did(const amid& who) const;
    [[nodiscard]] http::request revocation(const amid& who) const;

    // --- replies -------------------------------------------------------------------------------------------------

    /// @errors duplicate: somebody of this name is registered; look it up, and compare keys with `is_own`
    [[nodiscard]] result<enrolled> read_enrolment(const http::response& from) const;
    /// To status, capabilities, revocation, rating, report, certificate.
    [[nodiscard]] result<change_done> read_change(const http::response& from) const;
    [[nodiscard]] result<upload_done> read_upload(const http::response& from) const;

    /// A revoked agent is found, and marked.
    /// @spec   AM-FND-001, AM-FND-002, AM-FND-003, AM-FND-004, AM-FND-007, AM-FND-008, AM-FND-011, AM-FND-014
    /// @errors amid_mismatch for another agent or key, weak_key; bad_bundle for a card that does not hold or ties
    /// another
    ///         key; unbound_key, epoch_rollback against what is remembered; unknown_tier; bad_signature for a successor
    ///         who is none
    [[nodiscard]] result<found_agent> read_lookup(const amid& who, const http::response& from, time_point now);
    /// Rows that do not hold are left out.
    [[nodiscard]] result<search_result> read_search(const http::response& from, time_point now);
    /// @param owner  as `read_lookup` gave it
    /// @spec   AM-FND-001, AM-FND-002, AM-FND-004, AM-FND-005, AM-FND-006, AM-FND-008
    /// @errors those of e2ee::check_bundle; bad_bundle also for keys of another agent than `owner`; epoch_rollback,
    ///         old_record against what is remembered; unbound_key for a bundle of 0.2 of one who has a card or unless
    ///         the options allow it; certificate_revoked
    [[nodiscard]] result<fetched_prekeys> read_prekeys(const found_agent& owner, const http::response& from,
                                                       time_point now);
    /// Nothing for one who is not revoked. An answer that says nothing about it is an error, never a no.
    /// @spec   AM-FND-008, AM-FND-009, AM-FND-010
    /// @errors revocation_unknown; certificate_revoked where it says no and something remembered says yes
    [[nodiscard]] result<std::optional<told_revocation>> read_revocation(const amid& who, const http::response& from);
    /// A DID document whose keys are those of the agent.
    /// @spec   AM-FND-001, AM-FND-002
    /// @errors those of identity::parse_did_document; amid_mismatch for another agent; unbound_key for another exchange
    /// key
    ///         than is remembered
    [[nodiscard]] result<identity::did_document> read_did(const amid& who, const http::response& from) const;
    /// Where to send the owner for `begin_login`, and the state that comes back.
    struct login_begun {
        std::string url{};
        std::string state{};
    };
    [[nodiscard]] result<login_begun> read_login(const http::response& from) const;

    /// Whether an agent of our own name has our keys, so that a registration which says `duplicate` was our own.
    [[nodiscard]] bool is_own(const found_agent& found) const noexcept {
        return found.signing == self_->signing().public_key() && found.exchange == self_->exchange().public_key();
    }

private:
    using members = std::vector<std::pair<std::string_view, std::string>>;  // name and JSON

    [[nodiscard]] http::request post(std::string_view path, members all, time_point now) const;
    [[nodiscard]] result<http::request> proven(http::request what, time_point now, RandomSource auto& random) const;
    [[nodiscard]] result<request_members> read_answer(const http::response& from) const;
    [[nodiscard]] result<found_agent> read_agent(const std::optional<amid>& asked, const request_members& of,
                                                 time_point now) const;
    void judge_standing(found_agent& out, const request_members& of, time_point now) const;
    [[nodiscard]] result<void> read_succession(found_agent& out, const request_members& of);
    [[nodiscard]] std::string safe_endpoint(std::string_view url) const;
    [[nodiscard]] http::request revoking(const amid& who, revocation_reason why, std::string notes,
                                         time_point now) const;

    const local_identity* self_;
    client_options options_;
    client_memory* memory_;
    bool changed_ = false;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/client.ipp>
#include <agentmesh/registry/client_requests.ipp>
