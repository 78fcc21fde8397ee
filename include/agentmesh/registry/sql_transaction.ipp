#pragma once

#include <agentmesh/registry/sql_transaction.hpp>

#include <algorithm>
#include <unordered_set>

namespace agentmesh::registry {

namespace detail {

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
template <class Fixed, class Row>
[[nodiscard]] result<Fixed> fixed_column(const Row& row, int column) {
    auto out = Fixed::from(row.bytes(column));
    if (!out) return fail(errc::registry_failed);
    return *std::move(out);
}
template <class Row>
[[nodiscard]] result<amid> amid_column(const Row& row, int column) {
    AGENTMESH_TRY(raw, fixed_column<amid::raw>(row, column));
    return amid::from_raw(raw);
}
template <class Row>
[[nodiscard]] result<std::optional<amid>> optional_amid_column(const Row& row, int column) {
    if (row.bytes(column).empty()) return std::nullopt;
    AGENTMESH_TRY(out, amid_column(row, column));
    return std::optional{out};
}
[[nodiscard]] inline byte_view optional_bytes(const std::optional<amid>& who) noexcept {
    return who ? byte_view{who->bytes().bytes()} : byte_view{};
}

inline constexpr const char* agent_columns =
    "amid, signing, exchange, display_name, capabilities, relay, direct, card, certificate, trust, organization, "
    "status, registered_at, last_seen, score, ratings, revoked, proves, successor, predecessor, owner, mesh";

inline constexpr auto read_agent = [](const auto& row) -> result<agent_row> {
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
};

inline constexpr auto read_revocation = [](const auto& row) -> result<revocation_row> {
    AGENTMESH_TRY(who, amid_column(row, 0));
    AGENTMESH_TRY(by, amid_column(row, 3));
    return revocation_row{.id = row.text(1),
                          .who = who,
                          .reason = row.text(2),
                          .by = by,
                          .at = to_time(row.integer(4)),
                          .notes = row.text(5)};
};

inline constexpr auto read_report = [](const auto& row) -> result<session_report> {
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
};

inline constexpr auto read_organization = [](const auto& row) -> result<organization_row> {
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
};

/// Every row of a statement, read by `read`.
template <class Row, class Read>
[[nodiscard]] auto all_rows(Row& from, Read&& read) -> result<std::vector<typename decltype(read(from))::value_type>> {
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
template <class Row, class Read>
[[nodiscard]] auto one_row(Row& from, Read&& read) -> result<std::optional<typename decltype(read(from))::value_type>> {
    const auto found = from.step();
    if (!found) return fail(errc::registry_failed);
    if (!*found) return std::nullopt;
    AGENTMESH_TRY(row, read(from));
    return std::optional{std::move(row)};
}

template <class Row>
[[nodiscard]] result<std::uint64_t> counted(Row& from) {
    const auto found = from.step();
    if (!found || !*found) return fail(errc::registry_failed);
    return static_cast<std::uint64_t>(from.integer(0));
}

/// Where an agent is listed: under no name, under each capability, and under what those are below of. Of a deeper
/// capability only the first levels list it, so that no agent takes up more than a few rows for each that it names.
inline constexpr std::size_t listed_levels = 4;
using listed_names = std::map<std::string, bool, std::less<>>;  // whether it is the agent's own, or one above it

[[nodiscard]] inline listed_names listed_under(const agent_row& row) {
    listed_names out{{std::string{}, false}};
    if (row.revoked) return {};
    for (const auto& one : row.capabilities) {
        out[one] = true;
        std::size_t level = 0;
        for (auto at = one.find('/'); at != one.npos && ++level <= listed_levels; at = one.find('/', at + 1))
            out.emplace(one.substr(0, at), false);
    }
    return out;
}

/// All of a row that its places in the lists depend on.
[[nodiscard]] inline auto listed_part(const agent_row& row) {
    return std::tie(row.score, row.last_seen, row.trust, row.status, row.ratings, row.revoked, row.capabilities);
}

/// A place in a list, in the order of a page.
struct listed {
    std::int64_t score, last_seen;
    amid::raw who;  // most places that are looked at are not shown, and need no text

    friend bool operator<(const listed& a, const listed& b) noexcept {
        return std::tie(b.score, b.last_seen, a.who) < std::tie(a.score, a.last_seen, b.who);
    }
};

}  // namespace detail

/// A statement of the transaction; its failure is the registry's.
#define AGENTMESH_SQL(name, ...)                              \
    auto name##_prepared = in_->prepare(__VA_ARGS__);         \
    if (!name##_prepared) return fail(errc::registry_failed); \
    auto& name = *name##_prepared
#define AGENTMESH_SQL_RUN(name) \
    if (!name.run()) return fail(errc::registry_failed)

template <class Database>
result<std::optional<agent_row>> sql_transaction<Database>::agent(const amid& who) {
    static const std::string sql = std::string{"SELECT "} + detail::agent_columns + " FROM agents WHERE amid = ?";
    AGENTMESH_SQL(row, sql);
    row.bind(1, who.bytes().bytes());
    return detail::one_row(row, detail::read_agent);
}

template <class Database>
result<void> sql_transaction<Database>::write_agent(const char* sql, const agent_row& row, bool& changed) {
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

template <class Database>
result<void> sql_transaction<Database>::unlist(const agent_row& row) {
    for (const auto& [name, own] : detail::listed_under(row)) {
        AGENTMESH_SQL(gone,
                      "DELETE FROM listing "
                      "WHERE capability = ? AND own = ? AND score = ? AND last_seen = ? AND amid = ?");
        gone.bind(1, name)
            .bind(2, std::int64_t{own})
            .bind(3, std::int64_t{row.score})
            .bind(4, detail::to_column(row.last_seen))
            .bind(5, row.who.bytes().bytes());
        AGENTMESH_SQL_RUN(gone);
    }
    return {};
}

template <class Database>
result<void> sql_transaction<Database>::list(const agent_row& row) {
    for (const auto& [name, own] : detail::listed_under(row)) {
        AGENTMESH_SQL(put, "INSERT INTO listing VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        put.bind(1, name)
            .bind(2, std::int64_t{own})
            .bind(3, std::int64_t{row.score})
            .bind(4, detail::to_column(row.last_seen))
            .bind(5, row.who.bytes().bytes())
            .bind(6, std::int64_t{static_cast<std::uint8_t>(row.trust)})
            .bind(7, std::int64_t{static_cast<std::uint8_t>(row.status)})
            .bind(8, std::int64_t{row.ratings});
        AGENTMESH_SQL_RUN(put);
    }
    return {};
}

template <class Database>
result<bool> sql_transaction<Database>::insert_agent(const agent_row& row) {
    bool inserted = false;
    AGENTMESH_CHECK(
        write_agent("INSERT INTO agents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    row, inserted));
    if (inserted) AGENTMESH_CHECK(list(row));
    return inserted;
}

template <class Database>
result<void> sql_transaction<Database>::update_agent(const agent_row& row) {
    AGENTMESH_TRY(before, agent(row.who));
    if (!before) return fail(errc::registry_failed);
    bool updated = false;
    AGENTMESH_CHECK(write_agent(
        "UPDATE agents SET signing = ?2, exchange = ?3, display_name = ?4, capabilities = ?5, relay = ?6, direct = ?7, "
        "card = ?8, certificate = ?9, trust = ?10, organization = ?11, status = ?12, registered_at = ?13, "
        "last_seen = ?14, score = ?15, ratings = ?16, revoked = ?17, proves = ?18, successor = ?19, "
        "predecessor = ?20, owner = ?21, mesh = ?22 WHERE amid = ?1",
        row, updated));
    if (!updated) return fail(errc::registry_failed);
    if (detail::listed_part(*before) == detail::listed_part(row)) return {};
    AGENTMESH_CHECK(unlist(*before));
    return list(row);
}

template <class Database>
result<bool> sql_transaction<Database>::erase_agent(const amid& who) {
    AGENTMESH_TRY(before, agent(who));
    if (before) AGENTMESH_CHECK(unlist(*before));
    for (const char* const sql : {"DELETE FROM prekeys WHERE amid = ?", "DELETE FROM one_time WHERE amid = ?",
                                  "DELETE FROM agents WHERE amid = ?"}) {
        AGENTMESH_SQL(gone, sql);
        gone.bind(1, who.bytes().bytes());
        AGENTMESH_SQL_RUN(gone);
    }
    return before.has_value();
}

template <class Database>
result<std::optional<agent_row>> sql_transaction<Database>::agent_of_did(std::string_view did) {
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

template <class Database>
result<std::uint64_t> sql_transaction<Database>::agents_of_owner(std::string_view owner) {
    AGENTMESH_SQL(row, "SELECT count(*) FROM agents WHERE owner = ? AND owner <> ''");
    row.bind(1, owner);
    return detail::counted(row);
}

namespace detail {

/// What a place in a list must meet: ?1 name and ?2 kind of the list, ?3 to ?6 the rest of a query.
inline constexpr const char* listing_conditions =
    " FROM listing WHERE capability = ?1 AND own = ?2 AND score >= ?3 AND trust >= ?4 AND ratings >= ?5 "
    "AND (?6 < 0 OR status = ?6) ";

template <class Statement>
void bind_listing(Statement& to, const std::pair<std::string, bool>& list, const agent_query& query,
                  std::uint64_t limit) {
    to.bind(1, list.first)
        .bind(2, std::int64_t{list.second})
        .bind(3, std::int64_t{query.score_at_least})
        .bind(4, std::int64_t{static_cast<std::uint8_t>(query.at_least)})
        .bind(5, std::int64_t{query.ratings_at_least})
        .bind(6, query.status ? std::int64_t{static_cast<std::uint8_t>(*query.status)} : std::int64_t{-1})
        .bind(7, static_cast<std::int64_t>(limit));
}

}  // namespace detail

template <class Database>
result<typename sql_transaction<Database>::lists> sql_transaction<Database>::lists_of(std::string_view asked) {
    const auto levels = 1 + std::count(asked.begin(), asked.end(), '/');
    if (asked.find('*') == asked.npos && static_cast<std::size_t>(levels) <= detail::listed_levels)
        return lists{{std::string{asked}, true}, {std::string{asked}, false}};
    // From one name to the next, however many agents are between.
    static constexpr const char* names_sql =
        "WITH RECURSIVE names (name) AS ("
        "SELECT (SELECT capability FROM listing WHERE capability >= ?1 ORDER BY capability LIMIT 1) UNION ALL "
        "SELECT (SELECT capability FROM listing WHERE capability > name ORDER BY capability LIMIT 1) FROM names "
        "WHERE name IS NOT NULL) "
        "SELECT name FROM names WHERE name IS NOT NULL LIMIT ?2";
    const auto first = asked.substr(0, asked.find('*'));
    lists out;
    AGENTMESH_SQL(rows, names_sql);
    rows.bind(1, first).bind(2, std::int64_t{search_names});
    while (true) {
        const auto more = rows.step();
        if (!more) return fail(errc::registry_failed);
        if (!*more) return out;
        auto name = rows.text(0);
        if (!name.starts_with(first)) return out;
        if (!name.empty() && fits(asked, name)) out.emplace_back(std::move(name), true);
    }
}

template <class Database>
result<std::uint64_t> sql_transaction<Database>::how_many(const lists& in, const agent_query& query) {
    static const std::string count_sql =
        std::string{"SELECT count(*) FROM (SELECT 1"} + detail::listing_conditions + " LIMIT ?7) AS found";
    static const std::string member_sql = std::string{"SELECT amid"} + detail::listing_conditions + " LIMIT ?7";
    const bool apart = in.size() == 2 && in[0].first == in[1].first;  // the two of one name: nobody is in both
    std::uint64_t out = 0;
    std::unordered_set<amid::raw, fixed_bytes_hash> seen;
    for (const auto& one : in) {
        if (out >= search_depth) break;
        AGENTMESH_SQL(rows, apart ? count_sql : member_sql);
        detail::bind_listing(rows, one, query, search_depth);
        if (apart) {
            AGENTMESH_TRY(number, detail::counted(rows));
            out += number;
            continue;
        }
        AGENTMESH_TRY(some,
                      detail::all_rows(rows, [](const auto& of) { return detail::fixed_column<amid::raw>(of, 0); }));
        seen.insert(some.begin(), some.end());
        out = seen.size();
    }
    return std::min<std::uint64_t>(out, search_depth);
}

template <class Database>
result<page<agent_row>> sql_transaction<Database>::search(const agent_query& query) {
    static const std::string best_sql = std::string{"SELECT score, last_seen, amid"} + detail::listing_conditions +
                                        " ORDER BY score DESC, last_seen DESC, amid LIMIT ?7";
    page<agent_row> out;
    AGENTMESH_TRY(from, lists_of(query.capability));
    AGENTMESH_TRY(total, how_many(from, query));
    out.total = total;
    if (query.offset >= total) return out;
    // The best of all are among the best of each list.
    const auto wanted = std::min(total, std::uint64_t{query.offset} + query.limit);
    std::set<detail::listed> best;
    for (const auto& one : from) {
        AGENTMESH_SQL(rows, best_sql);
        detail::bind_listing(rows, one, query, wanted);
        while (true) {
            const auto more = rows.step();
            if (!more) return fail(errc::registry_failed);
            if (!*more) break;
            AGENTMESH_TRY(who, detail::fixed_column<amid::raw>(rows, 2));
            const detail::listed place{rows.integer(0), rows.integer(1), who};
            const bool full = best.size() >= wanted;
            if (full && !(place < *best.rbegin())) break;
            if (best.insert(place).second && full) best.erase(std::prev(best.end()));
        }
    }
    for (auto at = std::next(best.begin(), query.offset); at != best.end(); ++at) {
        AGENTMESH_TRY(row, agent(amid::from_raw(at->who)));
        if (!row) return fail(errc::registry_failed);
        out.rows.push_back(*std::move(row));
    }
    return out;
}

template <class Database>
result<registry_stats> sql_transaction<Database>::stats() {
    registry_stats out;
    AGENTMESH_SQL(rows, sql_dialect<Database>::stats);
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

template <class Database>
result<std::optional<prekey_row>> sql_transaction<Database>::prekeys(const amid& who) {
    AGENTMESH_SQL(row, "SELECT signed_id, json, next_one_time, uploaded_at FROM prekeys WHERE amid = ?");
    row.bind(1, who.bytes().bytes());
    return detail::one_row(row, [](const auto& of) -> result<prekey_row> {
        return prekey_row{.signed_id = static_cast<std::uint32_t>(of.integer(0)),
                          .json = of.text(1),
                          .next_one_time = static_cast<std::uint32_t>(of.integer(2)),
                          .uploaded_at = detail::to_time(of.integer(3))};
    });
}

template <class Database>
result<void> sql_transaction<Database>::put_prekeys(const amid& who, const prekey_row& keys,
                                                    std::span<const one_time_row> one_time) {
    AGENTMESH_SQL(
        put,
        "INSERT INTO prekeys VALUES (?, ?, ?, ?, ?) ON CONFLICT (amid) DO UPDATE SET signed_id = excluded.signed_id, "
        "json = excluded.json, next_one_time = excluded.next_one_time, uploaded_at = excluded.uploaded_at");
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
        AGENTMESH_SQL(
            add, "INSERT INTO one_time VALUES (?, ?, ?) ON CONFLICT (amid, id) DO UPDATE SET json = excluded.json");
        add.bind(1, who.bytes().bytes()).bind(2, std::int64_t{one.id}).bind(3, one.json);
        AGENTMESH_SQL_RUN(add);
    }
    return {};
}

template <class Database>
result<std::optional<one_time_row>> sql_transaction<Database>::take_one_time(const amid& who) {
    AGENTMESH_SQL(row, sql_dialect<Database>::take_one_time);
    row.bind(1, who.bytes().bytes());
    auto taken = detail::one_row(row, [](const auto& of) -> result<one_time_row> {
        return one_time_row{.id = static_cast<std::uint32_t>(of.integer(0)), .json = of.text(1)};
    });
    if (taken && *taken) AGENTMESH_SQL_RUN(row);
    return taken;
}

template <class Database>
result<std::uint64_t> sql_transaction<Database>::one_time_left(const amid& who) {
    AGENTMESH_SQL(row, "SELECT count(*) FROM one_time WHERE amid = ?");
    row.bind(1, who.bytes().bytes());
    return detail::counted(row);
}

template <class Database>
result<bool> sql_transaction<Database>::remember(const amid& who, byte_view nonce, time_point until) {
    AGENTMESH_SQL(put, "INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    put.bind(1, who.bytes().bytes()).bind(2, nonce).bind(3, detail::to_column(until));
    AGENTMESH_SQL_RUN(put);
    return in_->changes() == 1;
}

template <class Database>
result<void> sql_transaction<Database>::forget_nonces(time_point before) {
    AGENTMESH_SQL(gone, "DELETE FROM nonces WHERE until < ?");
    gone.bind(1, detail::to_column(before));
    AGENTMESH_SQL_RUN(gone);
    return {};
}

template <class Database>
result<bool> sql_transaction<Database>::insert_revocation(const revocation_row& row) {
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

template <class Database>
result<std::optional<revocation_row>> sql_transaction<Database>::revocation(const amid& who) {
    AGENTMESH_SQL(row, "SELECT amid, id, reason, revoker, at, notes FROM revocations WHERE amid = ?");
    row.bind(1, who.bytes().bytes());
    return detail::one_row(row, detail::read_revocation);
}

template <class Database>
result<page<revocation_row>> sql_transaction<Database>::revocations(std::uint32_t limit, std::uint32_t offset) {
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

template <class Database>
result<bool> sql_transaction<Database>::insert_rating(const rating_row& row) {
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

template <class Database>
result<std::vector<rating_row>> sql_transaction<Database>::ratings_about(const amid& who) {
    AGENTMESH_SQL(
        rows,
        "SELECT author, session, about, score, tags, at FROM ratings WHERE about = ? ORDER BY at, author, session");
    rows.bind(1, who.bytes().bytes());
    return detail::all_rows(rows, [](const auto& of) -> result<rating_row> {
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

template <class Database>
result<bool> sql_transaction<Database>::insert_report(const session_report& row) {
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

template <class Database>
result<std::vector<session_report>> sql_transaction<Database>::reports_of(std::string_view session) {
    AGENTMESH_SQL(rows,
                  "SELECT session, reporter, initiator, receiver, intent, outcome, at FROM reports WHERE session = ? "
                  "ORDER BY at, reporter");
    rows.bind(1, session);
    return detail::all_rows(rows, detail::read_report);
}

template <class Database>
result<std::vector<session_report>> sql_transaction<Database>::reports_about(const amid& who) {
    AGENTMESH_SQL(rows,
                  "SELECT session, reporter, initiator, receiver, intent, outcome, at FROM reports "
                  "WHERE initiator = ?1 OR receiver = ?1 ORDER BY at, session, reporter");
    rows.bind(1, who.bytes().bytes());
    return detail::all_rows(rows, detail::read_report);
}

template <class Database>
result<void> sql_transaction<Database>::add_score(const amid& who, time_point at, ppm score) {
    AGENTMESH_SQL(put, "INSERT INTO scores (amid, at, score) VALUES (?, ?, ?)");
    put.bind(1, who.bytes().bytes()).bind(2, detail::to_column(at)).bind(3, std::int64_t{score});
    AGENTMESH_SQL_RUN(put);
    return {};
}

template <class Database>
result<std::vector<published_score>> sql_transaction<Database>::scores(const amid& who, time_point from) {
    AGENTMESH_SQL(rows, "SELECT at, score FROM scores WHERE amid = ? AND at >= ? ORDER BY at, number");
    rows.bind(1, who.bytes().bytes()).bind(2, detail::to_column(from));
    return detail::all_rows(rows, [](const auto& of) -> result<published_score> {
        return published_score{.at = detail::to_time(of.integer(0)), .score = static_cast<ppm>(of.integer(1))};
    });
}

template <class Database>
result<bool> sql_transaction<Database>::insert_organization(const organization_row& row) {
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

template <class Database>
result<void> sql_transaction<Database>::update_organization(const organization_row& row) {
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

template <class Database>
result<std::optional<organization_row>> sql_transaction<Database>::organization(std::string_view id) {
    AGENTMESH_SQL(row,
                  "SELECT id, name, domain, admin, admin_key, challenge, challenge_until, verified, created_at "
                  "FROM organizations WHERE id = ?");
    row.bind(1, id);
    return detail::one_row(row, detail::read_organization);
}

template <class Database>
result<std::optional<organization_row>> sql_transaction<Database>::organization_of_domain(std::string_view domain) {
    AGENTMESH_SQL(row,
                  "SELECT id, name, domain, admin, admin_key, challenge, challenge_until, verified, created_at "
                  "FROM organizations WHERE domain = ?");
    row.bind(1, domain);
    return detail::one_row(row, detail::read_organization);
}

template <class Database>
result<std::uint64_t> sql_transaction<Database>::members_of(std::string_view id) {
    AGENTMESH_SQL(row, "SELECT count(*) FROM agents WHERE organization = ? AND organization <> ''");
    row.bind(1, id);
    return detail::counted(row);
}

template <class Database>
result<void> sql_transaction<Database>::insert_login(std::string_view state, std::string_view content,
                                                     time_point until) {
    AGENTMESH_SQL(put,
                  "INSERT INTO logins VALUES (?, ?, ?) ON CONFLICT (state) DO UPDATE SET content = excluded.content, "
                  "until = excluded.until");
    put.bind(1, state).bind(2, content).bind(3, detail::to_column(until));
    AGENTMESH_SQL_RUN(put);
    return {};
}

template <class Database>
result<std::optional<std::string>> sql_transaction<Database>::take_login(std::string_view state, time_point now) {
    AGENTMESH_SQL(row, "DELETE FROM logins WHERE state = ? RETURNING content, until");
    row.bind(1, state);
    auto taken = detail::one_row(row, [](const auto& of) -> result<std::pair<std::string, time_point>> {
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
