// A registry's rows in SQLite: durable before an answer leaves, and one file to copy.
#pragma once

#include <agentmesh/registry/store.hpp>
#include <agentmesh/store/sqlite.hpp>

namespace agentmesh::registry {

/// A model of RegistryStore. One object is one connection; several processes may share the file.
class sqlite_store {
public:
    class transaction {
    public:
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
        friend sqlite_store;
        explicit transaction(store::sqlite_database& in) noexcept : in_{&in} {}

        [[nodiscard]] result<void> write_agent(const char* sql, const agent_row& row, bool& changed);
        [[nodiscard]] result<void> write_capabilities(const agent_row& row);

        store::sqlite_database* in_;
    };

    /// Opens the file, creates it, or brings an older one up to date.
    /// @errors state_access for a file that cannot be used or is of a later version
    [[nodiscard]] static result<sqlite_store> open(const std::string& path);

    template <class F>
    [[nodiscard]] auto transact(F&& f) -> decltype(f(std::declval<transaction&>())) {
        AGENTMESH_CHECK(failed_as_registry(database_.run("BEGIN IMMEDIATE")));
        transaction tx{database_};
        auto out = std::forward<F>(f)(tx);
        if (!out) {
            (void)database_.run("ROLLBACK");
            return out;
        }
        if (const auto kept = database_.run("COMMIT"); !kept) {
            (void)database_.run("ROLLBACK");
            return fail(errc::registry_failed);
        }
        return out;
    }

    /// What SQLite said last, for a log.
    [[nodiscard]] std::string why() const { return database_.why(); }

private:
    explicit sqlite_store(store::sqlite_database database) noexcept : database_{std::move(database)} {}

    [[nodiscard]] static result<void> failed_as_registry(const result<void>& of) {
        if (!of) return fail(errc::registry_failed);
        return {};
    }

    store::sqlite_database database_;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/sqlite_store.ipp>

static_assert(agentmesh::registry::RegistryStore<agentmesh::registry::sqlite_store>);
