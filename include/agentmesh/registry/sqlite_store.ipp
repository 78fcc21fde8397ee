#pragma once

#include <agentmesh/registry/sqlite_store.hpp>

#include <array>

namespace agentmesh::registry {

namespace detail {

/// The schema, a step for each version. A step that has been released is never changed.
inline constexpr std::array<const char*, 3> sqlite_schema = {R"sql(
CREATE TABLE agents (
    amid BLOB PRIMARY KEY, signing BLOB NOT NULL, exchange BLOB NOT NULL, display_name TEXT NOT NULL,
    capabilities BLOB NOT NULL, relay TEXT NOT NULL, direct TEXT NOT NULL, card TEXT NOT NULL,
    certificate TEXT NOT NULL,
    trust INTEGER NOT NULL, organization TEXT NOT NULL, status INTEGER NOT NULL, registered_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL, score INTEGER NOT NULL, ratings INTEGER NOT NULL, revoked INTEGER NOT NULL,
    proves INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX agents_by_score ON agents (score DESC, last_seen DESC, amid) WHERE revoked = 0;
CREATE INDEX agents_by_organization ON agents (organization) WHERE organization <> '';
CREATE TABLE capabilities (capability TEXT NOT NULL, amid BLOB NOT NULL, PRIMARY KEY (capability, amid))
    STRICT, WITHOUT ROWID;
CREATE INDEX capabilities_of ON capabilities (amid);
CREATE TABLE prekeys (
    amid BLOB PRIMARY KEY, signed_id INTEGER NOT NULL, json TEXT NOT NULL, next_one_time INTEGER NOT NULL,
    uploaded_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE one_time (amid BLOB NOT NULL, id INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (amid, id))
    STRICT, WITHOUT ROWID;
CREATE TABLE nonces (amid BLOB NOT NULL, nonce BLOB NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (amid, nonce))
    STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_end ON nonces (until);
CREATE TABLE revocations (
    amid BLOB PRIMARY KEY, id TEXT NOT NULL, reason TEXT NOT NULL, revoker BLOB NOT NULL, at INTEGER NOT NULL,
    notes TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX revocations_by_time ON revocations (at, amid);
CREATE TABLE ratings (
    author BLOB NOT NULL, session TEXT NOT NULL, about BLOB NOT NULL, score INTEGER NOT NULL, tags BLOB NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (author, session)) STRICT, WITHOUT ROWID;
CREATE INDEX ratings_about ON ratings (about, at);
CREATE TABLE reports (
    session TEXT NOT NULL, reporter BLOB NOT NULL, initiator BLOB NOT NULL, receiver BLOB NOT NULL,
    intent TEXT NOT NULL,
    outcome INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (session, reporter)) STRICT, WITHOUT ROWID;
CREATE INDEX reports_by_initiator ON reports (initiator);
CREATE INDEX reports_by_receiver ON reports (receiver);
CREATE TABLE scores (
    number INTEGER PRIMARY KEY, amid BLOB NOT NULL, at INTEGER NOT NULL, score INTEGER NOT NULL) STRICT;
CREATE INDEX scores_of ON scores (amid, at);
CREATE TABLE organizations (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, domain TEXT NOT NULL UNIQUE, admin BLOB NOT NULL, admin_key BLOB NOT NULL,
    challenge TEXT NOT NULL, challenge_until INTEGER NOT NULL, verified INTEGER NOT NULL, created_at INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE logins (state TEXT PRIMARY KEY, content TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)sql",
                                                             R"sql(
ALTER TABLE agents ADD COLUMN successor BLOB NOT NULL DEFAULT x'';
ALTER TABLE agents ADD COLUMN predecessor BLOB NOT NULL DEFAULT x'';
ALTER TABLE agents ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN mesh TEXT NOT NULL DEFAULT '';
CREATE INDEX agents_by_owner ON agents (owner) WHERE owner <> '';
)sql",
                                                             R"sql(
CREATE TABLE listing (
    capability TEXT NOT NULL, own INTEGER NOT NULL, score INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    amid BLOB NOT NULL, trust INTEGER NOT NULL, status INTEGER NOT NULL, ratings INTEGER NOT NULL,
    PRIMARY KEY (capability, own, score DESC, last_seen DESC, amid)) STRICT, WITHOUT ROWID;
INSERT INTO listing SELECT '', 0, score, last_seen, amid, trust, status, ratings FROM agents WHERE revoked = 0;
WITH RECURSIVE above (amid, whole, name, own) AS (
    SELECT amid, capability, capability, 1 FROM capabilities
    UNION ALL SELECT amid, whole, substr(name, 1, length(name) - 1), 0 FROM above WHERE length(name) > 1)
INSERT INTO listing
SELECT name, max(own), score, last_seen, above.amid, trust, status, ratings
FROM above JOIN agents ON agents.amid = above.amid
WHERE revoked = 0 AND (own = 1 OR substr(whole, length(name) + 1, 1) = '/'
                       AND length(name) - length(replace(name, '/', '')) < 4)
GROUP BY above.amid, name;
DROP TABLE capabilities;
DROP INDEX agents_by_score;
CREATE TABLE tallies (
    trust INTEGER NOT NULL, status INTEGER NOT NULL, number INTEGER NOT NULL, score_sum INTEGER NOT NULL,
    PRIMARY KEY (trust, status)) STRICT, WITHOUT ROWID;
WITH one (n) AS (VALUES (0), (1), (2), (3))
INSERT INTO tallies SELECT tier.n, status.n, 0, 0 FROM one AS tier, one AS status WHERE tier.n < 3;
UPDATE tallies SET (number, score_sum) = (
    SELECT count(*), coalesce(sum(score), 0) FROM agents
    WHERE agents.trust = tallies.trust AND agents.status = tallies.status);
CREATE TRIGGER tally_more AFTER INSERT ON agents BEGIN
    UPDATE tallies SET number = number + 1, score_sum = score_sum + new.score
    WHERE trust = new.trust AND status = new.status;
END;
CREATE TRIGGER tally_less AFTER DELETE ON agents BEGIN
    UPDATE tallies SET number = number - 1, score_sum = score_sum - old.score
    WHERE trust = old.trust AND status = old.status;
END;
CREATE TRIGGER tally_other AFTER UPDATE ON agents
WHEN old.trust <> new.trust OR old.status <> new.status OR old.score <> new.score BEGIN
    UPDATE tallies SET number = number - 1, score_sum = score_sum - old.score
    WHERE trust = old.trust AND status = old.status;
    UPDATE tallies SET number = number + 1, score_sum = score_sum + new.score
    WHERE trust = new.trust AND status = new.status;
END;
)sql"};

}  // namespace detail

inline result<sqlite_store> sqlite_store::open(const std::string& path) {
    AGENTMESH_TRY(database, store::sqlite_database::open(path));
    if (const auto ready = database.migrate(detail::sqlite_schema); !ready) return fail(errc::state_access);
    // What a search of many agents looks at should not be read anew for each.
    if (!database.run("PRAGMA cache_size = -65536")) return fail(errc::state_access);
    return sqlite_store{std::move(database)};
}

}  // namespace agentmesh::registry
