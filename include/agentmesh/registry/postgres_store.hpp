// A registry's rows in PostgreSQL: many instances of a registry before one database.
#pragma once

#include <agentmesh/registry/sql_transaction.hpp>
#include <agentmesh/store/postgres.hpp>

namespace agentmesh::registry {

template <>
struct sql_dialect<store::postgres_database> {
    static constexpr const char* stats =
        "SELECT trust, status, count(*), CAST(sum(score) AS BIGINT) FROM agents GROUP BY trust, status";
    // Whoever comes second takes the next key instead of waiting for the first.
    static constexpr const char* take_one_time =
        "DELETE FROM one_time WHERE amid = ?1 AND id = "
        "(SELECT id FROM one_time WHERE amid = ?1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, json";
};

/// A model of RegistryStore. One object is one connection. Transactions are serializable: one that the server ends
/// because of another is run again, and after that many times given up. A connection that was lost fails the
/// transaction that it was in, whose outcome nobody knows, and is made anew for the next.
class postgres_store {
public:
    using transaction = sql_transaction<store::postgres_database>;

    /// Connects, and makes the tables or brings older ones up to date.
    /// @param  where  as store::postgres_database::open
    /// @param  why    is told what went wrong, if there is one
    /// @errors state_access for a database that cannot be used or is of a later version
    [[nodiscard]] static result<postgres_store> open(const std::string& where, std::string* why = nullptr);

    template <class F>
    [[nodiscard]] auto transact(F&& f) -> decltype(f(std::declval<transaction&>())) {
        for (unsigned tries = 1;; ++tries) {
            AGENTMESH_CHECK(begin());
            rolling_back unless_kept{&database_};
            transaction tx{database_};
            auto out = f(tx);
            if (out && database_.commit()) {
                unless_kept.in = nullptr;
                return out;
            }
            if (database_.conflicted() && tries < most_tries) continue;
            // What a transaction found is its answer only if the database did not fail in it.
            if (out || database_.conflicted()) return fail(errc::registry_failed);
            return out;
        }
    }

    /// What the server said last, for a log.
    [[nodiscard]] const std::string& why() const noexcept { return database_.why(); }

private:
    static constexpr unsigned most_tries = 100;

    /// Whatever is not kept is undone, also when something is thrown.
    struct rolling_back {
        store::postgres_database* in;
        ~rolling_back() {
            if (in != nullptr) (void)in->run("ROLLBACK");
        }
    };

    explicit postgres_store(store::postgres_database database) noexcept : database_{std::move(database)} {}
    [[nodiscard]] result<void> begin();

    store::postgres_database database_;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/postgres_store.ipp>

static_assert(agentmesh::registry::RegistryStore<agentmesh::registry::postgres_store>);
