#pragma once

#include <agentmesh/store/sqlite.hpp>

namespace agentmesh::store {

inline sqlite_statement& sqlite_statement::bind(int at, std::int64_t value) noexcept {
    bound_ = sqlite3_bind_int64(statement_, at, value) == SQLITE_OK && bound_;
    return *this;
}

inline sqlite_statement& sqlite_statement::bind(int at, byte_view value) noexcept {
    // A null pointer would bind NULL, which an empty value is not.
    const void* const data = value.empty() ? "" : static_cast<const void*>(value.data());
    bound_ = sqlite3_bind_blob64(statement_, at, data, value.size(), SQLITE_STATIC) == SQLITE_OK && bound_;
    return *this;
}

inline sqlite_statement& sqlite_statement::bind(int at, std::string_view value) noexcept {
    const char* const data = value.empty() ? "" : value.data();
    bound_ = sqlite3_bind_text64(statement_, at, data, value.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK && bound_;
    return *this;
}

inline result<bool> sqlite_statement::step() noexcept {
    if (!bound_) return fail(errc::not_persisted);
    switch (sqlite3_step(statement_)) {
        case SQLITE_ROW: return true;
        case SQLITE_DONE: return false;
        default: return fail(errc::not_persisted);
    }
}

inline result<void> sqlite_statement::run() noexcept {
    AGENTMESH_TRY(row, step());
    while (row) {
        AGENTMESH_TRY(more, step());
        row = more;
    }
    return {};
}

inline std::string sqlite_statement::text(int column) const {
    const auto* const data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return data == nullptr ? std::string{}
                           : std::string{data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

inline byte_view sqlite_statement::bytes(int column) const noexcept {
    const auto* const data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

inline result<sqlite_database> sqlite_database::open(const std::string& path) {
    sqlite3* handle = nullptr;
    const int opened = sqlite3_open_v2(path.c_str(), &handle,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    sqlite_database out{handle};
    if (opened != SQLITE_OK) return fail(errc::state_access);
    sqlite3_busy_timeout(handle, 5'000);
    if (!out.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA "
                 "trusted_schema = OFF;"))
        return fail(errc::state_access);
    return out;
}

inline result<void> sqlite_database::run(const char* sql) noexcept {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(errc::not_persisted);
    return {};
}

inline result<sqlite_statement> sqlite_database::prepare(std::string_view sql) {
    if (const auto known = prepared_.find(sql); known != prepared_.end()) return sqlite_statement{known->second.get()};
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &made,
                           nullptr) != SQLITE_OK)
        return fail(errc::not_persisted);
    prepared_.emplace(sql, made);
    return sqlite_statement{made};
}

inline result<void> sqlite_database::migrate(std::span<const char* const> steps) {
    AGENTMESH_CHECK(run("BEGIN IMMEDIATE"));
    const auto done = [&]() -> result<void> {
        std::int64_t version = 0;
        {
            AGENTMESH_TRY(asked, prepare("PRAGMA user_version"));
            AGENTMESH_TRY(row, asked.step());
            if (row) version = asked.integer(0);
        }
        if (version < 0 || version > static_cast<std::int64_t>(steps.size())) return fail(errc::state_access);
        for (auto at = static_cast<std::size_t>(version); at < steps.size(); ++at) AGENTMESH_CHECK(run(steps[at]));
        const auto now = "PRAGMA user_version = " + std::to_string(steps.size());
        return run(now.c_str());
    }();
    if (!done) {
        (void)run("ROLLBACK");
        return done;
    }
    return run("COMMIT");
}

}  // namespace agentmesh::store
