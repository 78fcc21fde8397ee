// PostgreSQL as a value, with the interface of store/sqlite.hpp: a connection that closes itself, statements that are
// prepared once, and columns that have types.
//
//     AGENTMESH_TRY(db, store::postgres_database::open("postgres:///mesh"));
//     AGENTMESH_TRY(row, db.prepare("SELECT score FROM agents WHERE amid = ?"));
//     row.bind(1, who.bytes());
//     AGENTMESH_TRY(found, row.step());
//     if (found) use(row.integer(0));
//
// Needs libpq. Numbers are `bigint`; texts and bytes are both `bytea`, which holds every text, and orders by bytes.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>  // where Debian has it
#endif

namespace agentmesh::store {

class postgres_database;

namespace detail {

/// A statement as it was asked for, and as the server knows it once it has run.
struct postgres_prepared {
    std::string sql;   ///< with `$1` in place of `?`
    std::string name;  ///< empty until the server knows it
};

}  // namespace detail

/// A prepared statement in use.
class postgres_statement {
public:
    /// Parameters count from 1. The bytes must live until the first step.
    postgres_statement& bind(int at, std::int64_t value);
    postgres_statement& bind(int at, byte_view value);
    postgres_statement& bind(int at, std::string_view value) { return bind(at, as_bytes(value)); }

    /// Whether there is a row. The first step runs the statement. @errors not_persisted
    [[nodiscard]] result<bool> step();
    /// For what gives no rows. @errors not_persisted
    [[nodiscard]] result<void> run();

    /// Columns count from 0 and are read while their row is current.
    [[nodiscard]] std::int64_t integer(int column) const noexcept;
    [[nodiscard]] std::string text(int column) const { return std::string{as_text(bytes(column))}; }
    [[nodiscard]] byte_view bytes(int column) const noexcept;

private:
    friend postgres_database;
    struct clearer {
        void operator()(PGresult* result) const noexcept { PQclear(result); }
    };
    struct parameter {
        const char* data = nullptr;
        int size = 0;
        Oid type = 0;
    };

    postgres_statement(postgres_database& in, detail::postgres_prepared& prepared) noexcept
        : in_{&in}, prepared_{&prepared} {}
    void bind(int at, const parameter& value);

    postgres_database* in_;
    detail::postgres_prepared* prepared_;
    std::vector<parameter> parameters_;
    std::deque<std::array<char, 8>> numbers_;  // as they are sent; a deque, because parameters point into it
    std::unique_ptr<PGresult, clearer> result_;
    int row_ = -1;
};

/// One connection, for one thread.
class postgres_database {
public:
    /// @param  where  a connection string of libpq, `postgres://...` or `host=... dbname=...`. Unless it says otherwise
    ///                five seconds are enough to connect, and a commit is on the server's disk before it returns.
    /// @param  why    is told what went wrong, if there is one
    /// @errors state_access
    [[nodiscard]] static result<postgres_database> open(const std::string& where, std::string* why = nullptr);

    /// Runs SQL of our own that has no parameters; more than one statement if need be. @errors not_persisted
    [[nodiscard]] result<void> run(const char* sql);
    /// Ends a transaction. The server answers a commit of what has failed with a rollback. @errors not_persisted
    [[nodiscard]] result<void> commit();
    /// A statement that is prepared once for the life of the connection. @errors not_persisted
    [[nodiscard]] result<postgres_statement> prepare(std::string_view sql);

    /// Brings the schema up to the last of `steps`: step n leads from version n to n + 1; all in one transaction, while
    /// nobody else does.
    /// @errors state_access for a database of a later version; not_persisted
    [[nodiscard]] result<void> migrate(std::span<const char* const> steps);

    /// Rows changed by the last statement.
    [[nodiscard]] int changes() const noexcept { return changes_; }
    /// What the server, or the library, said last, for a log.
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

    /// Whether the last failure was one of order among transactions: the same may succeed if it is begun anew.
    [[nodiscard]] bool conflicted() const noexcept { return conflicted_; }
    void forget_conflict() noexcept { conflicted_ = false; }
    /// Whether the connection is gone.
    [[nodiscard]] bool lost() const noexcept { return PQstatus(handle_.get()) != CONNECTION_OK; }
    /// Makes a new connection to the same database in place of one that is gone. @errors not_persisted
    [[nodiscard]] result<void> reconnect();

private:
    friend postgres_statement;
    struct closer {
        void operator()(PGconn* handle) const noexcept { PQfinish(handle); }
    };
    using answer = std::unique_ptr<PGresult, postgres_statement::clearer>;

    explicit postgres_database(PGconn* handle) noexcept : handle_{handle} {}
    /// What every new connection is told.
    [[nodiscard]] result<void> greet();
    /// Notes what an answer says of changes and failures.
    [[nodiscard]] result<void> note(const PGresult* of);

    std::unique_ptr<PGconn, closer> handle_;
    std::map<std::string, detail::postgres_prepared, std::less<>> prepared_;  // by their SQL
    std::string why_;
    int changes_ = 0;
    bool conflicted_ = false;
};

}  // namespace agentmesh::store

#include <agentmesh/store/postgres.ipp>
