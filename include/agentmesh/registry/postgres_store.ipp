#pragma once

#include <agentmesh/registry/postgres_store.hpp>

#include <array>

namespace agentmesh::registry {

namespace detail {

/// The schema, a step for each version. A step that has been released is never changed.
inline constexpr std::array<const char*, 1> postgres_schema = {R"sql(
CREATE TABLE agents (
    amid bytea PRIMARY KEY, signing bytea NOT NULL, exchange bytea NOT NULL, display_name bytea NOT NULL,
    capabilities bytea NOT NULL, relay bytea NOT NULL, direct bytea NOT NULL, card bytea NOT NULL,
    certificate bytea NOT NULL, trust bigint NOT NULL, organization bytea NOT NULL, status bigint NOT NULL,
    registered_at bigint NOT NULL, last_seen bigint NOT NULL, score bigint NOT NULL, ratings bigint NOT NULL,
    revoked bigint NOT NULL, proves bigint NOT NULL, successor bytea NOT NULL, predecessor bytea NOT NULL,
    owner bytea NOT NULL, mesh bytea NOT NULL);
CREATE INDEX agents_by_kind ON agents (trust, status) INCLUDE (score);
CREATE INDEX agents_by_organization ON agents (organization) WHERE organization <> '';
CREATE INDEX agents_by_owner ON agents (owner) WHERE owner <> '';
CREATE TABLE listing (
    capability bytea NOT NULL, own bigint NOT NULL, score bigint NOT NULL, last_seen bigint NOT NULL,
    amid bytea NOT NULL, trust bigint NOT NULL, status bigint NOT NULL, ratings bigint NOT NULL);
CREATE UNIQUE INDEX listing_in_order ON listing (capability, own, score DESC, last_seen DESC, amid)
    INCLUDE (trust, status, ratings);
CREATE TABLE prekeys (
    amid bytea PRIMARY KEY, signed_id bigint NOT NULL, json bytea NOT NULL, next_one_time bigint NOT NULL,
    uploaded_at bigint NOT NULL);
CREATE TABLE one_time (amid bytea NOT NULL, id bigint NOT NULL, json bytea NOT NULL, PRIMARY KEY (amid, id));
CREATE TABLE nonces (amid bytea NOT NULL, nonce bytea NOT NULL, until bigint NOT NULL, PRIMARY KEY (amid, nonce));
CREATE INDEX nonces_by_end ON nonces (until);
CREATE TABLE revocations (
    amid bytea PRIMARY KEY, id bytea NOT NULL, reason bytea NOT NULL, revoker bytea NOT NULL, at bigint NOT NULL,
    notes bytea NOT NULL);
CREATE INDEX revocations_by_time ON revocations (at, amid);
CREATE TABLE ratings (
    author bytea NOT NULL, session bytea NOT NULL, about bytea NOT NULL, score bigint NOT NULL, tags bytea NOT NULL,
    at bigint NOT NULL, PRIMARY KEY (author, session));
CREATE INDEX ratings_about ON ratings (about, at);
CREATE TABLE reports (
    session bytea NOT NULL, reporter bytea NOT NULL, initiator bytea NOT NULL, receiver bytea NOT NULL,
    intent bytea NOT NULL, outcome bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (session, reporter));
CREATE INDEX reports_by_initiator ON reports (initiator);
CREATE INDEX reports_by_receiver ON reports (receiver);
CREATE TABLE scores (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amid bytea NOT NULL, at bigint NOT NULL,
    score bigint NOT NULL);
CREATE INDEX scores_of ON scores (amid, at);
CREATE TABLE organizations (
    id bytea PRIMARY KEY, name bytea NOT NULL, domain bytea NOT NULL UNIQUE, admin bytea NOT NULL,
    admin_key bytea NOT NULL, challenge bytea NOT NULL, challenge_until bigint NOT NULL, verified bigint NOT NULL,
    created_at bigint NOT NULL);
CREATE TABLE logins (state bytea PRIMARY KEY, content bytea NOT NULL, until bigint NOT NULL);
)sql"};

}  // namespace detail

inline result<postgres_store> postgres_store::open(const std::string& where, std::string* why) {
    AGENTMESH_TRY(database, store::postgres_database::open(where, why));
    if (const auto ready = database.migrate(detail::postgres_schema); !ready) {
        if (why != nullptr)
            *why = ready.error().code == errc::state_access ? "its tables are of a later version" : database.why();
        return fail(errc::state_access);
    }
    return postgres_store{std::move(database)};
}

inline result<void> postgres_store::begin() {
    static constexpr const char* sql = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    database_.forget_conflict();
    if (!database_.lost() && database_.run(sql)) return {};
    // Nothing has happened yet, so this one may try another connection.
    if (database_.lost() && database_.reconnect() && database_.run(sql)) return {};
    return fail(errc::registry_failed);
}

}  // namespace agentmesh::registry
