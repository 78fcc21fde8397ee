#pragma once

#include <agentmesh/registry/sqlite_store.hpp>

#include <array>

namespace agentmesh::registry {

namespace detail {

/// The schema, a step for each version. A step that has been released is never changed.
inline constexpr std::array<const char*, 2> sqlite_schema = {R"sql(
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
)sql"};

[[nodiscard]] inline std::int64_t to_column(time_point at) noexcept { return at.time_since_epoch().count(); }
[[nodiscard]] inline time_point to_time(std::int64_t column) noexcept { return time_point{duration{column}}; }

/// Texts one behind the other, each after its length in four bytes.
[[nodiscard]] inline buffer pack(const std::vector<std::string>& texts) {
    buffer out;
    for (const auto& one : texts) {
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(one.size() >> shift));
        out.insert(out.end(), one.begin(), one.end());
    }
    return out;
}
[[nodiscard]] inline std::vector<std::string> unpack(byte_view packed) {
    std::vector<std::string> out;
    while (packed.size() >= 4) {
        std::size_t size = 0;
        for (int i = 0; i < 4; ++i) size = size << 8 | packed[static_cast<std::size_t>(i)];
        packed = packed.subspan(4);
        size = std::min(size, packed.size());
        out.emplace_back(as_text(packed.first(size)));
        packed = packed.subspan(size);
    }
    return out;
}

/// A value of fixed size in a column; another size is a file that is not ours.
template <class Fixed>
[[nodiscard]] result<Fixed> fixed_column(const store::sqlite_statement& row, int column) {
    auto out = Fixed::from(row.bytes(column));
    if (!out) return fail(errc::registry_failed);
    return *std::move(out);
}
[[nodiscard]] inline result<amid> amid_column(const store::sqlite_statement& row, int column) {
    const auto raw = amid::raw::from(row.bytes(column));
    if (!raw) return fail(errc::registry_failed);
    return amid::from_raw(*raw);
}

[[nodiscard]] inline result<std::optional<amid>> optional_amid_column(const store::sqlite_statement& row, int column) {
    if (row.bytes(column).empty()) return std::nullopt;
    AGENTMESH_TRY(out, amid_column(row, column));
    return std::optional{out};
}
[[nodiscard]] inline byte_view optional_bytes(const std::optional<amid>& who) noexcept {
    return who ? byte_view{who->bytes().bytes()} : byte_view{};
}

/// A capability pattern as GLOB understands it: only `*` is special.
[[nodiscard]] inline std::string to_glob(std::string_view pattern) {
    std::string out;
    for (const char c : pattern) {
        if (c == '?' || c == '[')
            ((out += '[') += c) += ']';
        else
            out += c;
    }
    return out;
}

inline constexpr const char* agent_columns =
    "amid, signing, exchange, display_name, capabilities, relay, direct, card, certificate, trust, organization, "
    "status, registered_at, last_seen, score, ratings, revoked, proves, successor, predecessor, owner, mesh";

[[nodiscard]] inline result<agent_row> read_agent(const store::sqlite_statement& row) {
    AGENTMESH_TRY(who, amid_column(row, 0));
    AGENTMESH_TRY(signing, fixed_column<signing_public_key>(row, 1));
    AGENTMESH_TRY(exchange, fixed_column<exchange_public_key>(row, 2));
    AGENTMESH_TRY(successor, optional_amid_column(row, 18));
    AGENTMESH_TRY(predecessor, optional_amid_column(row, 19));
    if (row.integer(9) < 0 || row.integer(9) > 2 || row.integer(11) < 0 || row.integer(11) > 3)
        return fail(errc::registry_failed);
    return agent_row{.who = who,
                     .signing = signing,
                     .exchange = exchange,
                     .display_name = row.text(3),
                     .capabilities = unpack(row.bytes(4)),
                     .relay = row.text(5),
                     .direct = row.text(6),
                     .card = row.text(7),
                     .certificate = row.text(8),
                     .trust = static_cast<tier>(row.integer(9)),
                     .organization = row.text(10),
                     .status = static_cast<availability>(row.integer(11)),
                     .registered_at = to_time(row.integer(12)),
                     .last_seen = to_time(row.integer(13)),
                     .score = static_cast<ppm>(row.integer(14)),
                     .ratings = static_cast<std::uint32_t>(row.integer(15)),
                     .revoked = row.integer(16) != 0,
                     .proves = row.integer(17) != 0,
                     .successor = successor,
                     .predecessor = predecessor,
                     .owner = row.text(20),
                     .mesh = row.text(21)};
}

[[nodiscard]] inline result<revocation_row> read_revocation(const store::sqlite_statement& row) {
    AGENTMESH_TRY(who, amid_column(row, 0));
    AGENTMESH_TRY(by, amid_column(row, 3));
    return revocation_row{.id = row.text(1),
                          .who = who,
                          .reason = row.text(2),
                          .by = by,
                          .at = to_time(row.integer(4)),
                          .notes = row.text(5)};
}

[[nodiscard]] inline result<session_report> read_report(const store::sqlite_statement& row) {
    AGENTMESH_TRY(reporter, amid_column(row, 1));
    AGENTMESH_TRY(initiator, amid_column(row, 2));
    AGENTMESH_TRY(receiver, amid_column(row, 3));
    return session_report{.session = row.text(0),
                          .initiator = initiator,
                          .receiver = receiver,
                          .reporter = reporter,
                          .intent = row.text(4),
                          .outcome = static_cast<session_outcome>(row.integer(5)),
                          .at = to_time(row.integer(6))};
}

[[nodiscard]] inline result<organization_row> read_organization(const store::sqlite_statement& row) {
    AGENTMESH_TRY(admin, amid_column(row, 3));
    AGENTMESH_TRY(key, fixed_column<signing_public_key>(row, 4));
    return organization_row{.id = row.text(0),
                            .name = row.text(1),
                            .domain = row.text(2),
                            .admin = admin,
                            .admin_key = key,
                            .challenge = row.text(5),
                            .challenge_until = to_time(row.integer(6)),
                            .verified = row.integer(7) != 0,
                            .created_at = to_time(row.integer(8))};
}

/// Every row of a statement, read by `read`.
template <class Read>
[[nodiscard]] auto all_rows(store::sqlite_statement& from, Read&& read)
    -> result<std::vector<typename decltype(read(from))::value_type>> {
    std::vector<typename decltype(read(from))::value_type> out;
    while (true) {
        const auto more = from.step();
        if (!more) return fail(errc::registry_failed);
        if (!*more) return out;
        AGENTMESH_TRY(row, read(from));
        out.push_back(std::move(row));
    }
}

/// The only row, if there is one.
template <class Read>
[[nodiscard]] auto one_row(store::sqlite_statement& from, Read&& read)
    -> result<std::optional<typename decltype(read(from))::value_type>> {
    const auto found = from.step();
    if (!found) return fail(errc::registry_failed);
    if (!*found) return std::nullopt;
    AGENTMESH_TRY(row, read(from));
    return std::optional{std::move(row)};
}

[[nodiscard]] inline result<std::uint64_t> counted(store::sqlite_statement& from) {
    const auto found = from.step();
    if (!found || !*found) return fail(errc::registry_failed);
    return static_cast<std::uint64_t>(from.integer(0));
}

}  // namespace detail

/// A statement of the transaction; its failure is the registry's.
#define AGENTMESH_SQL(name, ...)                              \
    auto name##_prepared = in_->prepare(__VA_ARGS__);         \
    if (!name##_prepared) return fail(errc::registry_failed); \
    auto& name = *name##_prepared
#define AGENTMESH_SQL_RUN(name) \
    if (!name.run()) return fail(errc::registry_failed)

inline result<sqlite_store> sqlite_store::open(const std::string& path) {
    AGENTMESH_TRY(database, store::sqlite_database::open(path));
    if (const auto ready = database.migrate(detail::sqlite_schema); !ready) return fail(errc::state_access);
    return sqlite_store{std::move(database)};
}

inline result<std::optional<agent_row>> sqlite_store::transaction::agent(const amid& who) {
    static const std::string sql = std::string{"SELECT "} + detail::agent_columns + " FROM agents WHERE amid = ?";
    AGENTMESH_SQL(row, sql);
    row.bind(1, who.bytes().bytes());
    return detail::one_row(row, detail::read_agent);
}

inline result<void> sqlite_store::transaction::write_agent(const char* sql, const agent_row& row, bool& changed) {
    const auto capabilities = detail::pack(row.capabilities);
    AGENTMESH_SQL(put, sql);
    put.bind(1, row.who.bytes().bytes())
        .bind(2, row.signing.bytes())
        .bind(3, row.exchange.bytes())
        .bind(4, row.display_name)
        .bind(5, capabilities)
        .bind(6, row.relay)
        .bind(7, row.direct)
        .bind(8, row.card)
        .bind(9, row.certificate)
        .bind(10, std::int64_t{static_cast<std::uint8_t>(row.trust)})
        .bind(11, row.organization)
        .bind(12, std::int64_t{static_cast<std::uint8_t>(row.status)})
        .bind(13, detail::to_column(row.registered_at))
        .bind(14, detail::to_column(row.last_seen))
        .bind(15, std::int64_t{row.score})
        .bind(16, std::int64_t{row.ratings})
        .bind(17, std::int64_t{row.revoked})
        .bind(18, std::int64_t{row.proves})
        .bind(19, detail::optional_bytes(row.successor))
        .bind(20, detail::optional_bytes(row.predecessor))
        .bind(21, row.owner)
        .bind(22, row.mesh);
    AGENTMESH_SQL_RUN(put);
    changed = in_->changes() == 1;
    return {};
}

inline result<void> sqlite_store::transaction::write_capabilities(const agent_row& row) {
    AGENTMESH_SQL(gone, "DELETE FROM capabilities WHERE amid = ?");
    gone.bind(1, row.who.bytes().bytes());
    AGENTMESH_SQL_RUN(gone);
    for (const auto& one : row.capabilities) {
        AGENTMESH_SQL(put, "INSERT OR IGNORE INTO capabilities VALUES (?, ?)");
        put.bind(1, one).bind(2, row.who.bytes().bytes());
        AGENTMESH_SQL_RUN(put);
    }
    return {};
}

inline result<bool> sqlite_store::transaction::insert_agent(const agent_row& row) {
    bool inserted = false;
    AGENTMESH_CHECK(
        write_agent("INSERT INTO agents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    row, inserted));
    if (inserted) AGENTMESH_CHECK(write_capabilities(row));
    return inserted;
}

inline result<void> sqlite_store::transaction::update_agent(const agent_row& row) {
    bool updated = false;
    AGENTMESH_CHECK(write_agent(
        "UPDATE agents SET signing = ?2, exchange = ?3, display_name = ?4, capabilities = ?5, relay = ?6, direct = ?7, "
        "card = ?8, certificate = ?9, trust = ?10, organization = ?11, status = ?12, registered_at = ?13, "
        "last_seen = ?14, score = ?15, ratings = ?16, revoked = ?17, proves = ?18, successor = ?19, "
        "predecessor = ?20, owner = ?21, mesh = ?22 WHERE amid = ?1",
        row, updated));
    if (!updated) return fail(errc::registry_failed);
    return write_capabilities(row);
}

inline result<bool> sqlite_store::transaction::erase_agent(const amid& who) {
    for (const char* const sql : {"DELETE FROM capabilities WHERE amid = ?", "DELETE FROM prekeys WHERE amid = ?",
                                  "DELETE FROM one_time WHERE amid = ?", "DELETE FROM agents WHERE amid = ?"}) {
        AGENTMESH_SQL(gone, sql);
        gone.bind(1, who.bytes().bytes());
        AGENTMESH_SQL_RUN(gone);
    }
    return in_->changes() == 1;
}

inline result<std::optional<agent_row>> sqlite_store::transaction::agent_of_did(std::string_view did) {
    const auto wanted = mesh_did::parse(did);
    if (!wanted) return std::nullopt;
    static const std::string sql =
        std::string{"SELECT "} + detail::agent_columns + " FROM agents WHERE amid >= ? ORDER BY amid LIMIT 1";
    const auto first = detail::first_of(*wanted);
    AGENTMESH_SQL(row, sql);
    row.bind(1, first.bytes().bytes());
    AGENTMESH_TRY(found, detail::one_row(row, detail::read_agent));
    if (found && mesh_did::of(found->signing) != *wanted) found.reset();
    return found;
}

inline result<std::uint64_t> sqlite_store::transaction::agents_of_owner(std::string_view owner) {
    AGENTMESH_SQL(row, "SELECT count(*) FROM agents WHERE owner = ? AND owner <> ''");
    row.bind(1, owner);
    return detail::counted(row);
}

inline result<page<agent_row>> sqlite_store::transaction::search(const agent_query& query) {
    // ?1 tier, ?2 score, ?3 status or -1, ?4 kind of capability asked for (0 none, 1 it and those below, 2 a pattern),
    // ?5 it, ?6 and ?7 the range below it, ?8 number of ratings.
    static const std::string where =
        " FROM agents WHERE revoked = 0 AND trust >= ?1 AND score >= ?2 AND ratings >= ?8 AND (?3 < 0 OR status = ?3) "
        "AND "
        "(?4 = 0 OR amid IN "
        "(SELECT amid FROM capabilities WHERE ?4 = 1 AND capability = ?5"
        " UNION SELECT amid FROM capabilities WHERE ?4 = 1 AND capability >= ?6 AND capability < ?7"
        " UNION SELECT amid FROM capabilities WHERE ?4 = 2 AND capability GLOB ?5))";
    static const std::string count_sql = "SELECT count(*)" + where;
    static const std::string page_sql = std::string{"SELECT "} + detail::agent_columns + where +
                                        " ORDER BY score DESC, last_seen DESC, amid LIMIT ?9 OFFSET ?10";
    const bool pattern = query.capability.find('*') != std::string::npos;
    const auto asked = pattern ? detail::to_glob(query.capability) : query.capability;
    const auto from = asked + "/", to = asked + "0";  // '0' comes after '/'
    const auto bind = [&](store::sqlite_statement& of) {
        of.bind(1, std::int64_t{static_cast<std::uint8_t>(query.at_least)})
            .bind(2, std::int64_t{query.score_at_least})
            .bind(3, query.status ? std::int64_t{static_cast<std::uint8_t>(*query.status)} : -1)
            .bind(4, std::int64_t{query.capability.empty() ? 0
                                  : pattern                ? 2
                                                           : 1})
            .bind(5, asked)
            .bind(6, from)
            .bind(7, to)
            .bind(8, std::int64_t{query.ratings_at_least});
    };
    page<agent_row> out;
    {
        AGENTMESH_SQL(count, count_sql);
        bind(count);
        AGENTMESH_TRY(total, detail::counted(count));
        out.total = total;
    }
    AGENTMESH_SQL(rows, page_sql);
    bind(rows);
    rows.bind(9, std::int64_t{query.limit}).bind(10, std::int64_t{query.offset});
    AGENTMESH_TRY(found, detail::all_rows(rows, detail::read_agent));
    out.rows = std::move(found);
    return out;
}

inline result<registry_stats> sqlite_store::transaction::stats() {
    registry_stats out;
    AGENTMESH_SQL(rows, "SELECT trust, status, count(*), sum(score) FROM agents GROUP BY trust, status");
    while (true) {
        const auto more = rows.step();
        if (!more) return fail(errc::registry_failed);
        if (!*more) return out;
        const auto number = static_cast<std::uint64_t>(rows.integer(2));
        out.agents += number;
        out.by_tier[static_cast<std::size_t>(rows.integer(0)) % 3] += number;
        out.by_status[static_cast<std::size_t>(rows.integer(1)) % 4] += number;
        out.score_sum += static_cast<std::uint64_t>(rows.integer(3));
    }
}

inline result<std::optional<prekey_row>> sqlite_store::transaction::prekeys(const amid& who) {
    AGENTMESH_SQL(row, "SELECT signed_id, json, next_one_time, uploaded_at FROM prekeys WHERE amid = ?");
    row.bind(1, who.bytes().bytes());
    return detail::one_row(row, [](const store::sqlite_statement& of) -> result<prekey_row> {
        return prekey_row{.signed_id = static_cast<std::uint32_t>(of.integer(0)),
                          .json = of.text(1),
                          .next_one_time = static_cast<std::uint32_t>(of.integer(2)),
                          .uploaded_at = detail::to_time(of.integer(3))};
    });
}

inline result<void> sqlite_store::transaction::put_prekeys(const amid& who, const prekey_row& keys,
                                                           std::span<const one_time_row> one_time) {
    AGENTMESH_SQL(put, "INSERT OR REPLACE INTO prekeys VALUES (?, ?, ?, ?, ?)");
    put.bind(1, who.bytes().bytes())
        .bind(2, std::int64_t{keys.signed_id})
        .bind(3, keys.json)
        .bind(4, std::int64_t{keys.next_one_time})
        .bind(5, detail::to_column(keys.uploaded_at));
    AGENTMESH_SQL_RUN(put);
    AGENTMESH_SQL(gone, "DELETE FROM one_time WHERE amid = ?");
    gone.bind(1, who.bytes().bytes());
    AGENTMESH_SQL_RUN(gone);
    for (const auto& one : one_time) {
        AGENTMESH_SQL(add, "INSERT OR REPLACE INTO one_time VALUES (?, ?, ?)");
        add.bind(1, who.bytes().bytes()).bind(2, std::int64_t{one.id}).bind(3, one.json);
        AGENTMESH_SQL_RUN(add);
    }
    return {};
}

inline result<std::optional<one_time_row>> sqlite_store::transaction::take_one_time(const amid& who) {
    AGENTMESH_SQL(row,
                  "DELETE FROM one_time WHERE amid = ?1 AND id = (SELECT min(id) FROM one_time WHERE amid = ?1) "
                  "RETURNING id, json");
    row.bind(1, who.bytes().bytes());
    auto taken = detail::one_row(row, [](const store::sqlite_statement& of) -> result<one_time_row> {
        return one_time_row{.id = static_cast<std::uint32_t>(of.integer(0)), .json = of.text(1)};
    });
    if (taken && *taken) AGENTMESH_SQL_RUN(row);
    return taken;
}

inline result<std::uint64_t> sqlite_store::transaction::one_time_left(const amid& who) {
    AGENTMESH_SQL(row, "SELECT count(*) FROM one_time WHERE amid = ?");
    row.bind(1, who.bytes().bytes());
    return detail::counted(row);
}

inline result<bool> sqlite_store::transaction::remember(const amid& who, byte_view nonce, time_point until) {
    AGENTMESH_SQL(put, "INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    put.bind(1, who.bytes().bytes()).bind(2, nonce).bind(3, detail::to_column(until));
    AGENTMESH_SQL_RUN(put);
    return in_->changes() == 1;
}

inline result<void> sqlite_store::transaction::forget_nonces(time_point before) {
    AGENTMESH_SQL(gone, "DELETE FROM nonces WHERE until < ?");
    gone.bind(1, detail::to_column(before));
    AGENTMESH_SQL_RUN(gone);
    return {};
}

inline result<bool> sqlite_store::transaction::insert_revocation(const revocation_row& row) {
    AGENTMESH_SQL(put, "INSERT INTO revocations VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    put.bind(1, row.who.bytes().bytes())
        .bind(2, row.id)
        .bind(3, row.reason)
        .bind(4, row.by.bytes().bytes())
        .bind(5, detail::to_column(row.at))
        .bind(6, row.notes);
    AGENTMESH_SQL_RUN(put);
    return in_->changes() == 1;
}

inline result<std::optional<revocation_row>> sqlite_store::transaction::revocation(const amid& who) {
    AGENTMESH_SQL(row, "SELECT amid, id, reason, revoker, at, notes FROM revocations WHERE amid = ?");
    row.bind(1, who.bytes().bytes());
    return detail::one_row(row, detail::read_revocation);
}

inline result<page<revocation_row>> sqlite_store::transaction::revocations(std::uint32_t limit, std::uint32_t offset) {
    page<revocation_row> out;
    {
        AGENTMESH_SQL(count, "SELECT count(*) FROM revocations");
        AGENTMESH_TRY(total, detail::counted(count));
        out.total = total;
    }
    AGENTMESH_SQL(rows,
                  "SELECT amid, id, reason, revoker, at, notes FROM revocations ORDER BY at, amid LIMIT ? OFFSET ?");
    rows.bind(1, std::int64_t{limit}).bind(2, std::int64_t{offset});
    AGENTMESH_TRY(found, detail::all_rows(rows, detail::read_revocation));
    out.rows = std::move(found);
    return out;
}

inline result<bool> sqlite_store::transaction::insert_rating(const rating_row& row) {
    const auto tags = detail::pack(row.tags);
    AGENTMESH_SQL(put, "INSERT INTO ratings VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    put.bind(1, row.from.bytes().bytes())
        .bind(2, row.session)
        .bind(3, row.about.bytes().bytes())
        .bind(4, std::int64_t{row.score})
        .bind(5, tags)
        .bind(6, detail::to_column(row.at));
    AGENTMESH_SQL_RUN(put);
    return in_->changes() == 1;
}

inline result<std::vector<rating_row>> sqlite_store::transaction::ratings_about(const amid& who) {
    AGENTMESH_SQL(
        rows,
        "SELECT author, session, about, score, tags, at FROM ratings WHERE about = ? ORDER BY at, author, session");
    rows.bind(1, who.bytes().bytes());
    return detail::all_rows(rows, [](const store::sqlite_statement& of) -> result<rating_row> {
        AGENTMESH_TRY(author, detail::amid_column(of, 0));
        AGENTMESH_TRY(about, detail::amid_column(of, 2));
        return rating_row{.from = author,
                          .about = about,
                          .session = of.text(1),
                          .score = static_cast<ppm>(of.integer(3)),
                          .tags = detail::unpack(of.bytes(4)),
                          .at = detail::to_time(of.integer(5))};
    });
}

inline result<bool> sqlite_store::transaction::insert_report(const session_report& row) {
    AGENTMESH_SQL(put, "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    put.bind(1, row.session)
        .bind(2, row.reporter.bytes().bytes())
        .bind(3, row.initiator.bytes().bytes())
        .bind(4, row.receiver.bytes().bytes())
        .bind(5, row.intent)
        .bind(6, std::int64_t{static_cast<std::uint8_t>(row.outcome)})
        .bind(7, detail::to_column(row.at));
    AGENTMESH_SQL_RUN(put);
    return in_->changes() == 1;
}

inline result<std::vector<session_report>> sqlite_store::transaction::reports_of(std::string_view session) {
    AGENTMESH_SQL(rows,
                  "SELECT session, reporter, initiator, receiver, intent, outcome, at FROM reports WHERE session = ? "
                  "ORDER BY at, reporter");
    rows.bind(1, session);
    return detail::all_rows(rows, detail::read_report);
}

inline result<std::vector<session_report>> sqlite_store::transaction::reports_about(const amid& who) {
    AGENTMESH_SQL(rows,
                  "SELECT session, reporter, initiator, receiver, intent, outcome, at FROM reports "
                  "WHERE initiator = ?1 OR receiver = ?1 ORDER BY at, session, reporter");
    rows.bind(1, who.bytes().bytes());
    return detail::all_rows(rows, detail::read_report);
}

inline result<void> sqlite_store::transaction::add_score(const amid& who, time_point at, ppm score) {
    AGENTMESH_SQL(put, "INSERT INTO scores (amid, at, score) VALUES (?, ?, ?)");
    put.bind(1, who.bytes().bytes()).bind(2, detail::to_column(at)).bind(3, std::int64_t{score});
    AGENTMESH_SQL_RUN(put);
    return {};
}

inline result<std::vector<published_score>> sqlite_store::transaction::scores(const amid& who, time_point from) {
    AGENTMESH_SQL(rows, "SELECT at, score FROM scores WHERE amid = ? AND at >= ? ORDER BY at, number");
    rows.bind(1, who.bytes().bytes()).bind(2, detail::to_column(from));
    return detail::all_rows(rows, [](const store::sqlite_statement& of) -> result<published_score> {
        return published_score{.at = detail::to_time(of.integer(0)), .score = static_cast<ppm>(of.integer(1))};
    });
}

inline result<bool> sqlite_store::transaction::insert_organization(const organization_row& row) {
    AGENTMESH_SQL(put, "INSERT INTO organizations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    put.bind(1, row.id)
        .bind(2, row.name)
        .bind(3, row.domain)
        .bind(4, row.admin.bytes().bytes())
        .bind(5, row.admin_key.bytes())
        .bind(6, row.challenge)
        .bind(7, detail::to_column(row.challenge_until))
        .bind(8, std::int64_t{row.verified})
        .bind(9, detail::to_column(row.created_at));
    AGENTMESH_SQL_RUN(put);
    return in_->changes() == 1;
}

inline result<void> sqlite_store::transaction::update_organization(const organization_row& row) {
    AGENTMESH_SQL(put,
                  "UPDATE organizations SET name = ?2, domain = ?3, admin = ?4, admin_key = ?5, challenge = ?6, "
                  "challenge_until = ?7, verified = ?8, created_at = ?9 WHERE id = ?1");
    put.bind(1, row.id)
        .bind(2, row.name)
        .bind(3, row.domain)
        .bind(4, row.admin.bytes().bytes())
        .bind(5, row.admin_key.bytes())
        .bind(6, row.challenge)
        .bind(7, detail::to_column(row.challenge_until))
        .bind(8, std::int64_t{row.verified})
        .bind(9, detail::to_column(row.created_at));
    AGENTMESH_SQL_RUN(put);
    if (in_->changes() != 1) return fail(errc::registry_failed);
    return {};
}

inline result<std::optional<organization_row>> sqlite_store::transaction::organization(std::string_view id) {
    AGENTMESH_SQL(row,
                  "SELECT id, name, domain, admin, admin_key, challenge, challenge_until, verified, created_at "
                  "FROM organizations WHERE id = ?");
    row.bind(1, id);
    return detail::one_row(row, detail::read_organization);
}

inline result<std::optional<organization_row>> sqlite_store::transaction::organization_of_domain(
    std::string_view domain) {
    AGENTMESH_SQL(row,
                  "SELECT id, name, domain, admin, admin_key, challenge, challenge_until, verified, created_at "
                  "FROM organizations WHERE domain = ?");
    row.bind(1, domain);
    return detail::one_row(row, detail::read_organization);
}

inline result<std::uint64_t> sqlite_store::transaction::members_of(std::string_view id) {
    AGENTMESH_SQL(row, "SELECT count(*) FROM agents WHERE organization = ? AND organization <> ''");
    row.bind(1, id);
    return detail::counted(row);
}

inline result<void> sqlite_store::transaction::insert_login(std::string_view state, std::string_view content,
                                                            time_point until) {
    AGENTMESH_SQL(put, "INSERT OR REPLACE INTO logins VALUES (?, ?, ?)");
    put.bind(1, state).bind(2, content).bind(3, detail::to_column(until));
    AGENTMESH_SQL_RUN(put);
    return {};
}

inline result<std::optional<std::string>> sqlite_store::transaction::take_login(std::string_view state,
                                                                                time_point now) {
    AGENTMESH_SQL(row, "DELETE FROM logins WHERE state = ? RETURNING content, until");
    row.bind(1, state);
    auto taken =
        detail::one_row(row, [](const store::sqlite_statement& of) -> result<std::pair<std::string, time_point>> {
            return std::pair{of.text(0), detail::to_time(of.integer(1))};
        });
    if (!taken) return fail(taken.error().code);
    if (!*taken) return std::nullopt;
    AGENTMESH_SQL_RUN(row);
    if (now >= (*taken)->second) return std::nullopt;
    return std::move((*taken)->first);
}

#undef AGENTMESH_SQL
#undef AGENTMESH_SQL_RUN

}  // namespace agentmesh::registry
