#pragma once

#include <agentmesh/store/postgres.hpp>

#include <cstdlib>

namespace agentmesh::store {

namespace detail {

inline constexpr Oid postgres_bytea = 17, postgres_bigint = 20;

/// SQL as PostgreSQL numbers parameters. Ours has no question marks but those.
[[nodiscard]] inline std::string with_dollars(std::string_view sql) {
    std::string out;
    int next = 0;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        if (sql[i] != '?') {
            out += sql[i];
            continue;
        }
        out += '$';
        const bool numbered = i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9';
        if (!numbered) out += std::to_string(++next);
    }
    return out;
}

}  // namespace detail

inline void postgres_statement::bind(int at, const parameter& value) {
    const auto place = static_cast<std::size_t>(at - 1);
    if (parameters_.size() <= place) parameters_.resize(place + 1);
    parameters_[place] = value;
}

inline postgres_statement& postgres_statement::bind(int at, std::int64_t value) {
    auto& text = numbers_.emplace_back();
    for (std::size_t i = 0; i < 8; ++i)
        text[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (56 - 8 * i) & 0xff);
    bind(at, parameter{text.data(), 8, detail::postgres_bigint});
    return *this;
}

inline postgres_statement& postgres_statement::bind(int at, byte_view value) {
    // A null pointer would bind NULL, which an empty value is not.
    const char* const data = value.empty() ? "" : reinterpret_cast<const char*>(value.data());
    bind(at, parameter{data, static_cast<int>(value.size()), detail::postgres_bytea});
    return *this;
}

inline result<bool> postgres_statement::step() {
    if (result_) return ++row_ < PQntuples(result_.get());
    std::vector<const char*> data;
    std::vector<int> sizes, binary(parameters_.size(), 1);
    std::vector<Oid> types;
    for (const auto& one : parameters_) {
        data.push_back(one.data);
        sizes.push_back(one.size);
        types.push_back(one.type);
    }
    PGconn* const handle = in_->handle_.get();
    const int count = static_cast<int>(parameters_.size());
    if (prepared_->name.empty()) {
        auto name = "s" + std::to_string(reinterpret_cast<std::uintptr_t>(prepared_));
        const postgres_database::answer made{
            PQprepare(handle, name.c_str(), prepared_->sql.c_str(), count, types.data())};
        AGENTMESH_CHECK(in_->note(made.get()));
        prepared_->name = std::move(name);
    }
    result_.reset(PQexecPrepared(handle, prepared_->name.c_str(), count, data.data(), sizes.data(), binary.data(), 1));
    AGENTMESH_CHECK(in_->note(result_.get()));
    row_ = 0;
    return PQntuples(result_.get()) > 0;
}

inline result<void> postgres_statement::run() {
    AGENTMESH_TRY(row, step());
    (void)row;
    return {};
}

inline std::int64_t postgres_statement::integer(int column) const noexcept {
    std::uint64_t out = 0;
    for (const auto byte : bytes(column)) out = out << 8 | byte;
    return static_cast<std::int64_t>(out);
}

inline byte_view postgres_statement::bytes(int column) const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(PQgetvalue(result_.get(), row_, column)),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
}

inline result<postgres_database> postgres_database::open(const std::string& where, std::string* why) {
    // Later ones count, so the owner's string has the last word.
    static constexpr std::array<const char*, 6> names = {"connect_timeout",  "tcp_user_timeout", "keepalives_idle",
                                                         "application_name", "dbname",           nullptr};
    const std::array<const char*, 6> values = {"5", "10000", "30", "agentmesh", where.c_str(), nullptr};
    postgres_database out{PQconnectdbParams(names.data(), values.data(), 1)};
    if (out.handle_ && !out.lost() && out.greet()) return out;
    if (why != nullptr) *why = PQerrorMessage(out.handle_.get());
    return fail(errc::state_access);
}

inline result<void> postgres_database::greet() {
    PQsetNoticeProcessor(handle_.get(), [](void*, const char*) {}, nullptr);
    // Small tables are read by index too: what a sequential scan has read conflicts with every change.
    return run("SET synchronous_commit = on; SET enable_seqscan = off; SET client_min_messages = error");
}

inline result<void> postgres_database::note(const PGresult* of) {
    switch (PQresultStatus(of)) {
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
            changes_ = std::atoi(PQcmdTuples(const_cast<PGresult*>(of)));  // libpq takes no const, and changes nothing
            return {};
        default: break;
    }
    why_ = PQerrorMessage(handle_.get());
    const char* const state = PQresultErrorField(of, PG_DIAG_SQLSTATE);
    // A transaction goes on failing after its first failure; that one says why.
    if (state != nullptr && (std::string_view{state} == "40001" || std::string_view{state} == "40P01"))
        conflicted_ = true;
    return fail(errc::not_persisted);
}

inline result<void> postgres_database::run(const char* sql) { return note(answer{PQexec(handle_.get(), sql)}.get()); }

inline result<void> postgres_database::commit() {
    const answer said{PQexec(handle_.get(), "COMMIT")};
    AGENTMESH_CHECK(note(said.get()));
    if (std::string_view{PQcmdStatus(said.get())} == "COMMIT") return {};
    why_ = "the transaction had failed before";
    return fail(errc::not_persisted);
}

inline result<postgres_statement> postgres_database::prepare(std::string_view sql) {
    auto known = prepared_.find(sql);
    if (known == prepared_.end())
        known = prepared_.emplace(sql, detail::postgres_prepared{detail::with_dollars(sql), {}}).first;
    return postgres_statement{*this, known->second};
}

inline result<void> postgres_database::reconnect() {
    for (auto& [sql, one] : prepared_) one.name.clear();
    conflicted_ = false;
    PQreset(handle_.get());
    if (lost()) {
        why_ = PQerrorMessage(handle_.get());
        return fail(errc::not_persisted);
    }
    return greet();
}

inline result<void> postgres_database::migrate(std::span<const char* const> steps) {
    AGENTMESH_CHECK(run("BEGIN"));
    const auto done = [&]() -> result<void> {
        // The number is ours alone: any would do that no other program takes in this database.
        AGENTMESH_CHECK(run("SELECT pg_advisory_xact_lock(7093271)"));
        AGENTMESH_CHECK(run("CREATE TABLE IF NOT EXISTS agentmesh_schema (version bigint NOT NULL)"));
        std::int64_t version = 0;
        {
            AGENTMESH_TRY(asked, prepare("SELECT version FROM agentmesh_schema"));
            AGENTMESH_TRY(row, asked.step());
            if (row) version = asked.integer(0);
        }
        if (version < 0 || version > static_cast<std::int64_t>(steps.size())) return fail(errc::state_access);
        for (auto at = static_cast<std::size_t>(version); at < steps.size(); ++at) AGENTMESH_CHECK(run(steps[at]));
        const auto now =
            "DELETE FROM agentmesh_schema; INSERT INTO agentmesh_schema VALUES (" + std::to_string(steps.size()) + ")";
        return run(now.c_str());
    }();
    if (!done) {
        (void)run("ROLLBACK");
        return done;
    }
    return commit();
}

}  // namespace agentmesh::store
