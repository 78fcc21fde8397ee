// A registry's rows in SQLite: durable before an answer leaves, and one file to copy.
#pragma once

#include <agentmesh/registry/sql_transaction.hpp>
#include <agentmesh/store/sqlite.hpp>

namespace agentmesh::registry {

template <>
struct sql_dialect<store::sqlite_database> {
    static constexpr const char* stats = "SELECT trust, status, number, score_sum FROM tallies";
    static constexpr const char* take_one_time =
        "DELETE FROM one_time WHERE amid = ?1 AND id = (SELECT min(id) FROM one_time WHERE amid = ?1) "
        "RETURNING id, json";
};

/// A model of RegistryStore. One object is one connection; several processes may share the file.
class sqlite_store {
public:
    using transaction = sql_transaction<store::sqlite_database>;

    /// Opens the file, creates it, or brings an older one up to date.
    /// @errors state_access for a file that cannot be used or is of a later version
    [[nodiscard]] static result<sqlite_store> open(const std::string& path);

    template <class F>
    [[nodiscard]] auto transact(F&& f) -> decltype(f(std::declval<transaction&>())) {
        AGENTMESH_CHECK(failed_as_registry(database_.run("BEGIN IMMEDIATE")));
        // Whatever is not kept is undone, also when something is thrown.
        struct undoing {
            store::sqlite_database* in;
            ~undoing() {
                if (in != nullptr) (void)in->run("ROLLBACK");
            }
        } unless_kept{&database_};
        transaction tx{database_};
        auto out = std::forward<F>(f)(tx);
        if (!out) return out;
        if (!database_.run("COMMIT")) return fail(errc::registry_failed);
        unless_kept.in = nullptr;
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
