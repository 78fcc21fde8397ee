// What a registry does to its rows in SQL, the same words for each database. A store opens the database, keeps its
// schema and runs the transactions; this is what happens in one.
#pragma once

#include <agentmesh/registry/store.hpp>

namespace agentmesh::registry {

/// The little that databases do not say alike: `stats`, a row for each tier and status with number and sum of scores,
/// and `take_one_time`, which deletes and returns id and json.
template <class Database>
struct sql_dialect;

/// A model of RegistryTransaction over a database with `prepare` and `changes` as store/sqlite.hpp has them. Columns
/// are 64-bit numbers, texts and bytes; parameters are `?` or `?1`.
///
/// A search reads `listing`, where each agent stands once for no capability, once for each of its own and once for each
/// that those are below of, in the order of a page: so a page costs the same with ten agents and with a million.
template <class Database>
class sql_transaction {
public:
    explicit sql_transaction(Database& in) noexcept : in_{&in} {}

    [[nodiscard]] result<std::optional<agent_row>> agent(const amid& who);
    [[nodiscard]] result<bool> insert_agent(const agent_row& row);
    [[nodiscard]] result<void> update_agent(const agent_row& row);
    [[nodiscard]] result<bool> erase_agent(const amid& who);
    [[nodiscard]] result<std::optional<agent_row>> agent_of_did(std::string_view did);
    [[nodiscard]] result<std::uint64_t> agents_of_owner(std::string_view owner);
    [[nodiscard]] result<page<agent_row>> search(const agent_query& query);
    [[nodiscard]] result<registry_stats> stats();
    [[nodiscard]] result<std::optional<prekey_row>> prekeys(const amid& who);
    [[nodiscard]] result<void> put_prekeys(const amid& who, const prekey_row& keys,
                                           std::span<const one_time_row> one_time);
    [[nodiscard]] result<std::optional<one_time_row>> take_one_time(const amid& who);
    [[nodiscard]] result<std::uint64_t> one_time_left(const amid& who);
    [[nodiscard]] result<bool> remember(const amid& who, byte_view nonce, time_point until);
    [[nodiscard]] result<void> forget_nonces(time_point before);
    [[nodiscard]] result<bool> insert_revocation(const revocation_row& row);
    [[nodiscard]] result<std::optional<revocation_row>> revocation(const amid& who);
    [[nodiscard]] result<page<revocation_row>> revocations(std::uint32_t limit, std::uint32_t offset);
    [[nodiscard]] result<bool> insert_rating(const rating_row& row);
    [[nodiscard]] result<std::vector<rating_row>> ratings_about(const amid& who);
    [[nodiscard]] result<bool> insert_report(const session_report& row);
    [[nodiscard]] result<std::vector<session_report>> reports_of(std::string_view session);
    [[nodiscard]] result<std::vector<session_report>> reports_about(const amid& who);
    [[nodiscard]] result<void> add_score(const amid& who, time_point at, ppm score);
    [[nodiscard]] result<std::vector<published_score>> scores(const amid& who, time_point from);
    [[nodiscard]] result<bool> insert_organization(const organization_row& row);
    [[nodiscard]] result<void> update_organization(const organization_row& row);
    [[nodiscard]] result<std::optional<organization_row>> organization(std::string_view id);
    [[nodiscard]] result<std::optional<organization_row>> organization_of_domain(std::string_view domain);
    [[nodiscard]] result<std::uint64_t> members_of(std::string_view id);
    [[nodiscard]] result<void> insert_login(std::string_view state, std::string_view content, time_point until);
    [[nodiscard]] result<std::optional<std::string>> take_login(std::string_view state, time_point now);

private:
    [[nodiscard]] result<void> write_agent(const char* sql, const agent_row& row, bool& changed);
    [[nodiscard]] result<void> list(const agent_row& row);
    [[nodiscard]] result<void> unlist(const agent_row& row);
    /// Names of lists, and of which kind: those of an agent's own capability, or of one above it.
    using lists = std::vector<std::pair<std::string, bool>>;
    [[nodiscard]] result<lists> lists_of(std::string_view asked);
    [[nodiscard]] result<std::uint64_t> how_many(const lists& in, const agent_query& query);

    Database* in_;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/sql_transaction.ipp>
