// The registry: a request and a moment in, an answer out. Everything that lasts is in the store, so any number of
// services may stand before one.
//
//     registry::memory_store store;
//     crypto::system_random random;
//     registry::service mesh{store, {.host = "registry.example"}, random};
//     http::response out = mesh.handle(request, {.address = "192.0.2.7"}, clock.now());
//
// It speaks the deployed REST of 0.2 with our additions, members and fields that a deployed peer passes over. A change
// and the memory of what proved it are one transaction: after a crash both are there, or neither.
#pragma once

#include <agentmesh/registry/certificate_desk.hpp>
#include <agentmesh/registry/login.hpp>
#include <agentmesh/registry/outside.hpp>
#include <agentmesh/registry/prekey_upload.hpp>
#include <agentmesh/registry/service_request.hpp>

#include <agentmesh/e2ee/deployed_bundle.hpp>
#include <agentmesh/identity/did.hpp>

namespace agentmesh::registry {

/// Who is on the other end, as the socket says: never from a field, which anybody writes.
struct caller {
    std::string address;  ///< what counts as one; of IPv6 the driver gives the /64
};

/// A relay whose word on who is connected to it is taken, for the agents that name its endpoint.
struct presence_source {
    signing_public_key key;
    std::string endpoint{};  ///< empty: for every agent
};

/// A rate of 0 means no limit.
struct service_options {
    std::string host{};            ///< what this registry is called: the authority that clients dial, with its port
    std::string relay_endpoint{};  ///< of agents that name none, and the one that needs no check
    bool local_endpoints = false;  ///< agents may name addresses of the local network: for tests and closed networks
    bool signed_times = true;      ///< accept what deployed agents sign, of those who have not shown a proof
    std::vector<presence_source> relays{};

    unsigned requests_per_minute = 600;      ///< of one address
    unsigned registrations_per_minute = 60;  ///< of one address
    unsigned fetches_per_minute = 60;        ///< of one-time prekeys, of one agent

    certificate_desk* certificates = nullptr;  ///< must outlive the service; without one there are no certificates

    std::vector<login_provider> logins{};
    token_signature_check check_token = nullptr;  ///< for providers that sign with RS256 or ES256
    unsigned agents_per_login = 10;               ///< that one person may vouch for
};

/// Used from one thread. Store and random source must outlive it.
template <RegistryStore Store, RandomSource Random>
class service {
public:
    service(Store& store, service_options options, Random& random)
        : store_{&store}, options_{std::move(options)}, random_{&random} {}

    /// Every request has an answer of JSON. What would have to be asked elsewhere is taken as not answered.
    /// @spec  AM-REG-001, AM-REG-017, AM-REG-100, AM-REG-101
    [[nodiscard]] http::response handle(const http::request& request, const caller& from, const moment& now);

    /// An answer, or what has to be asked elsewhere before there is one.
    using progress = std::variant<http::response, open_request>;
    [[nodiscard]] progress begin(const http::request& request, const caller& from, const moment& now);
    /// Goes on with what was said. @param said  of the kind that was asked for
    [[nodiscard]] progress resume(open_request waiting, const outside_answer& said, const moment& now);

private:
    using transaction = typename Store::transaction;
    using answer = result<http::response>;

    struct call {
        const http::request& request;
        const caller& from;
        const moment& now;
        std::string name{};  ///< what stands in place of the star, percent-decoded
        /// Set by a handler that has to ask elsewhere first; what it returns is then not sent.
        mutable std::optional<open_request> open{};
    };
    using handler = answer (service::*)(const call&);
    struct endpoint {
        std::string_view method;
        std::string_view path;  ///< `/v1/registry/did/*`: any one segment in place of the star
        handler run;
    };

    [[nodiscard]] static std::span<const endpoint> endpoints() noexcept;
    [[nodiscard]] answer route(call& in);

    // service_agents.ipp
    [[nodiscard]] answer alive(const call& in);
    [[nodiscard]] answer health(const call& in);
    [[nodiscard]] answer stats(const call& in);
    [[nodiscard]] answer enroll(const call& in);
    [[nodiscard]] answer lookup(const call& in);
    // service_changes.ipp
    [[nodiscard]] answer search(const call& in);
    [[nodiscard]] answer set_status(const call& in);
    [[nodiscard]] answer set_capabilities(const call& in);
    // service_keys.ipp
    [[nodiscard]] answer upload_prekeys(const call& in);
    [[nodiscard]] answer fetch_prekeys(const call& in);
    [[nodiscard]] answer did_document(const call& in);
    /// Adds to an answer for the owner how many one-time prekeys wait.
    [[nodiscard]] static result<void> write_one_time_left(transaction& tx, const amid& who, json::writer& to);
    // service_revocation.ipp
    [[nodiscard]] answer revoke(const call& in);
    [[nodiscard]] answer revocation(const call& in);
    [[nodiscard]] answer revocations_of(const call& in);
    [[nodiscard]] answer revocations(const call& in);
    // service_reputation.ipp
    [[nodiscard]] answer rate(const call& in);
    [[nodiscard]] answer report_session(const call& in);
    [[nodiscard]] answer score(const call& in);
    [[nodiscard]] answer leaderboard(const call& in);
    /// Computes the score of an agent from all that is said of it, and keeps it.
    [[nodiscard]] result<void> publish_score(transaction& tx, const amid& who, time_point now);
    // service_login.ipp
    [[nodiscard]] answer login_providers(const call& in);
    [[nodiscard]] answer begin_login(const call& in);
    [[nodiscard]] answer end_login(const call& in);
    [[nodiscard]] answer take_login_token(const call& in, const open_request& waiting, const outside_answer& said);
    [[nodiscard]] answer take_login_keys(const call& in, const open_request& waiting, const outside_answer& said);
    [[nodiscard]] answer finish_login(const call& in, const login_provider& at, const login_attempt& of,
                                      const login_identity& who);
    /// What the members of a registration prove beyond it: a login that came first, a certificate. What proves nothing
    /// changes nothing. @return the tier
    [[nodiscard]] result<tier> vouch(transaction& tx, const request_members& body, const amid& who, time_point now);
    /// Lets a person stand behind an agent. @errors duplicate, not_allowed
    [[nodiscard]] result<void> own(transaction& tx, agent_row& row, std::string owner, time_point now);
    [[nodiscard]] const login_provider* provider(std::string_view name) const noexcept;
    // service_organizations.ipp
    [[nodiscard]] answer register_organization(const call& in);
    [[nodiscard]] answer verify_organization(const call& in);
    [[nodiscard]] answer add_member(const call& in);
    [[nodiscard]] answer find_organization(const call& in);
    [[nodiscard]] answer finish_verification(const call& in, const open_request& waiting, const outside_answer& said);
    /// Whether an agent administers an organization: the one that registered it, or whoever succeeded that one.
    [[nodiscard]] result<bool> administers(transaction& tx, const organization_row& of, const amid& who);
    // service_certificates.ipp
    [[nodiscard]] answer show_certificate(const call& in);
    /// For the key of the administrator; empty where this registry issues none.
    [[nodiscard]] std::string root_certificate(const organization_row& of, time_point now);
    /// Raises the tier to what a chain proves, and keeps the chain. @errors those of certificate_desk::check
    [[nodiscard]] result<void> take_chain(agent_row& row, std::string_view pem, time_point now);
    // service_succession.ipp
    [[nodiscard]] answer succeed(const call& in);
    // service_presence.ipp
    [[nodiscard]] answer take_presence(const call& in);
    /// Writes down who is no longer there, by the silence of its relay.
    [[nodiscard]] result<void> settle_presence(time_point now);
    // service_openapi.ipp
    [[nodiscard]] answer openapi(const call& in);
    // service_wire10.ipp: profile wire10, under the names that it has there
    [[nodiscard]] answer mesh_register(const call& in);
    [[nodiscard]] answer mesh_agent(const call& in);
    [[nodiscard]] answer mesh_delete(const call& in);
    [[nodiscard]] answer mesh_put_prekeys(const call& in);
    [[nodiscard]] answer mesh_fetch_prekeys(const call& in);
    [[nodiscard]] answer mesh_presence(const call& in);
    [[nodiscard]] answer mesh_heartbeat(const call& in);
    [[nodiscard]] answer mesh_rate(const call& in);
    [[nodiscard]] answer mesh_report(const call& in);
    /// Who sends a request, by its field Authorization or by a proof. Nothing is proved before the change.
    [[nodiscard]] result<credential> mesh_credential(const call& in);
    [[nodiscard]] result<agent_row> mesh_row(std::string_view did);
    /// A change of the agent that the path names, by itself.
    template <class Act>
    [[nodiscard]] answer mesh_change(const call& in, Act&& act);
    [[nodiscard]] answer mesh_verify(const call& in);
    [[nodiscard]] answer mesh_discover(const call& in);
    /// An endpoint that is known and not built. @return 501 with its name
    [[nodiscard]] answer absent(const call& in);

    /// Runs a change of the agent that a request is proved to come from, in one transaction. What `act` refuses spends
    /// the proof all the same; what the store refuses undoes everything.
    /// @spec AM-REG-007, AM-REG-008, AM-REG-011, AM-REG-018
    /// @param elsewhere  gives the key of one that is not registered, if it is known from something else
    template <class Act>
    [[nodiscard]] answer change(const call& in, const credential& shown, Act&& act, bool even_revoked = false) {
        return change(in, shown, std::forward<Act>(act), even_revoked,
                      [](transaction&) -> result<std::optional<signing_public_key>> { return std::nullopt; });
    }
    template <class Act, class Elsewhere>
    [[nodiscard]] answer change(const call& in, const credential& shown, Act&& act, bool even_revoked,
                                Elsewhere&& elsewhere);
    /// Verifies against the row of the agent and remembers. Updates the row, and says so, if this is its first proof.
    [[nodiscard]] result<bool> admit(transaction& tx, const credential& shown, agent_row& self);
    [[nodiscard]] result<void> remember(transaction& tx, const credential& shown);
    template <class Read>
    [[nodiscard]] answer reading(Read&& read) {
        return store_->transact([&](transaction& tx) -> answer { return read(tx); });
    }
    [[nodiscard]] result<void> check_reachable(std::string_view url) const;
    /// The value of a member of the query; nothing if it is absent.
    /// @errors http_malformed, wrong_member for one that is there twice
    [[nodiscard]] static result<std::optional<std::string>> asked(const call& in, std::string_view name);
    [[nodiscard]] static result<amid> asked_agent(const call& in);

    Store* store_;
    service_options options_;
    Random* random_;
    minute_counts requests_, registrations_, fetches_;
    /// Of the providers, by name; asked for anew where a token names another, but not more than once a minute.
    struct known_keys {
        std::vector<provider_key> all;
        steady_point at;
    };
    std::map<std::string, known_keys, std::less<>> login_keys_;
    steady_point next_sweep_{};
    std::map<amid, time_point> reported_{};  // by relays: when each was last there
    time_point next_settling_{};
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/service.ipp>
#include <agentmesh/registry/service_agents.ipp>
#include <agentmesh/registry/service_certificates.ipp>
#include <agentmesh/registry/service_changes.ipp>
#include <agentmesh/registry/service_keys.ipp>
#include <agentmesh/registry/service_login.ipp>
#include <agentmesh/registry/service_openapi.ipp>
#include <agentmesh/registry/service_organizations.ipp>
#include <agentmesh/registry/service_presence.ipp>
#include <agentmesh/registry/service_reputation.ipp>
#include <agentmesh/registry/service_revocation.ipp>
#include <agentmesh/registry/service_succession.ipp>
#include <agentmesh/registry/service_wire10.ipp>
