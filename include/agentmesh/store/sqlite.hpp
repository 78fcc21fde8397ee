// SQLite as a value: a database that closes itself, statements that are prepared once, and columns that have types.
//
//     AGENTMESH_TRY(db, store::sqlite_database::open("registry.db"));
//     AGENTMESH_TRY(row, db.prepare("SELECT score FROM agents WHERE amid = ?"));
//     row->bind(1, who.bytes());
//     AGENTMESH_TRY(found, row->step());
//     if (found) use(row->integer(0));
//
// Needs sqlite3. Every value reaches a statement through `bind`; no text of a peer is ever part of SQL.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <map>
#include <memory>
#include <string>

#include <sqlite3.h>

namespace agentmesh::store {

/// A prepared statement in use. When it goes it is reset and can be prepared again.
class sqlite_statement {
public:
    explicit sqlite_statement(sqlite3_stmt* statement) noexcept : statement_{statement} {}
    sqlite_statement(sqlite_statement&& other) noexcept : statement_{std::exchange(other.statement_, nullptr)} {}
    sqlite_statement& operator=(sqlite_statement&& other) noexcept {
        std::swap(statement_, other.statement_);
        return *this;
    }
    ~sqlite_statement() {
        if (statement_ == nullptr) return;
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }

    /// Parameters count from 1. The bytes must live until the statement is stepped for the last time.
    sqlite_statement& bind(int at, std::int64_t value) noexcept;
    sqlite_statement& bind(int at, byte_view value) noexcept;
    sqlite_statement& bind(int at, std::string_view value) noexcept;

    /// Whether there is a row. @errors not_persisted
    [[nodiscard]] result<bool> step() noexcept;
    /// For what gives no rows. @errors not_persisted
    [[nodiscard]] result<void> run() noexcept;

    /// Columns count from 0 and are read while their row is current.
    [[nodiscard]] std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] byte_view bytes(int column) const noexcept;

private:
    sqlite3_stmt* statement_;
    bool bound_ = true;
};

/// One connection, for one thread.
class sqlite_database {
public:
    /// Opens or creates. Write-ahead log, synchronised before a commit returns, foreign keys on, SQL of the schema not
    /// trusted; a locked database is waited for five seconds.
    /// @param  path  a file, or `:memory:`
    /// @errors state_access
    [[nodiscard]] static result<sqlite_database> open(const std::string& path);

    /// Runs SQL of our own that has no parameters; more than one statement if need be. @errors not_persisted
    [[nodiscard]] result<void> run(const char* sql) noexcept;
    /// A statement that is prepared once for the life of the database. @errors not_persisted
    [[nodiscard]] result<sqlite_statement> prepare(std::string_view sql);

    /// Brings the schema up to the last of `steps`: step n leads from version n to n + 1; all in one transaction.
    /// @errors state_access for a file of a later version; not_persisted
    [[nodiscard]] result<void> migrate(std::span<const char* const> steps);

    /// Rows changed by the last statement.
    [[nodiscard]] int changes() const noexcept { return sqlite3_changes(handle_.get()); }
    /// What SQLite said last, for a log.
    [[nodiscard]] std::string why() const { return sqlite3_errmsg(handle_.get()); }

private:
    struct closer {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };
    struct finalizer {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };

    explicit sqlite_database(sqlite3* handle) noexcept : handle_{handle} {}

    std::unique_ptr<sqlite3, closer> handle_;
    std::map<std::string, std::unique_ptr<sqlite3_stmt, finalizer>, std::less<>> prepared_;  // by their SQL
};

}  // namespace agentmesh::store

#include <agentmesh/store/sqlite.ipp>
