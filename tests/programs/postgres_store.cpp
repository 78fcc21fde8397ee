// A registry's rows in a PostgreSQL of our own, which postgres.py starts.
#include <agentmesh/registry/postgres_store.hpp>

#include "tests/unit/registry/store.hpp"

#include <thread>

using namespace agentmesh;
using registry::postgres_store;
using store::postgres_database;
using tx = postgres_store::transaction;

namespace {

std::string where() {
    const char* const url = std::getenv("AGENTMESH_POSTGRES");
    REQUIRE(url != nullptr);
    return url;
}

postgres_store opened() {
    auto out = postgres_store::open(where());
    if (!out) FAIL(to_string(out.error()));
    return *std::move(out);
}

postgres_store fresh() {
    auto out = opened();
    auto raw = postgres_database::open(where()).value();
    for (const std::string table : {"agents", "listing", "prekeys", "one_time", "nonces", "revocations", "ratings",
                                    "reports", "scores", "organizations", "logins"})
        REQUIRE(raw.run(("DELETE FROM " + table).c_str()));
    return out;
}

/// Takes all of it away, as the only one who is there.
postgres_database empty() {
    auto raw = postgres_database::open(where()).value();
    REQUIRE(raw.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public"));
    return raw;
}

/// Ends every connection but the one that asks.
void cut_all() {
    auto raw = postgres_database::open(where()).value();
    REQUIRE(
        raw.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"));
}

}  // namespace

TEST_CASE("a store in PostgreSQL keeps what a registry gives it", "[programs][registry]") {
    store_tests::every_promise_holds(fresh);
}

TEST_CASE("what two instances do at once happens as if one came after the other", "[programs][registry]") {
    auto one = fresh(), other = opened();
    const auto alice = store_tests::agent_of(1);
    REQUIRE(store_tests::in(one, [&](tx& t) { return t.insert_agent(alice); }));
    const auto add_one = [&](tx& t) -> result<int> {
        AGENTMESH_TRY(row, t.agent(alice.who));
        row->ratings += 1;
        AGENTMESH_CHECK(t.update_agent(*row));
        return 0;
    };
    SECTION("a change between reading and writing makes the reader read again") {
        int runs = 0;
        const auto done = one.transact([&](tx& t) -> result<int> {
            AGENTMESH_TRY(row, t.agent(alice.who));
            if (++runs == 1) REQUIRE(other.transact(add_one));
            row->ratings += 1;
            AGENTMESH_CHECK(t.update_agent(*row));
            return 0;
        });
        REQUIRE(done);
        CHECK(runs == 2);
        CHECK(store_tests::in(other, [&](tx& t) { return t.agent(alice.who); })->ratings == 2);
    }
    SECTION("what never gets its turn is given up") {
        const auto done = one.transact([&](tx& t) -> result<int> {
            AGENTMESH_TRY(row, t.agent(alice.who));
            REQUIRE(other.transact(add_one));
            row->ratings = 1'000'000;
            AGENTMESH_CHECK(t.update_agent(*row));
            return 0;
        });
        REQUIRE_FALSE(done);
        CHECK(done.error().code == errc::registry_failed);
        CHECK(store_tests::in(other, [&](tx& t) { return t.agent(alice.who); })->ratings < 1'000'000);
    }
    SECTION("a rule that spans rows holds") {
        // At most two agents of an owner: each alone may add one, both may not.
        auto bob = store_tests::agent_of(2), carol = store_tests::agent_of(3), dave = store_tests::agent_of(4);
        bob.owner = carol.owner = dave.owner = "issuer|one";
        REQUIRE(store_tests::in(one, [&](tx& t) { return t.insert_agent(bob); }));
        const auto add = [](const registry::agent_row& row, auto&& meanwhile) {
            return [&row, meanwhile](tx& t) -> result<bool> {
                AGENTMESH_TRY(number, t.agents_of_owner("issuer|one"));
                meanwhile();
                if (number >= 2) return false;
                return t.insert_agent(row);
            };
        };
        int runs = 0;
        const auto first = one.transact(add(carol, [&] {
            if (++runs == 1) CHECK(other.transact(add(dave, [] {})).value());
        }));
        CHECK_FALSE(first.value());
        CHECK(runs == 2);
        CHECK(store_tests::in(one, [&](tx& t) { return t.agents_of_owner("issuer|one"); }) == 2);
    }
}

TEST_CASE("instances hand out each one-time prekey once, and do not wait for one another", "[programs][registry]") {
    auto one = fresh(), other = opened();
    const auto who = store_tests::agent_of(1).who;
    std::vector<registry::one_time_row> keys;
    for (std::uint32_t id = 0; id < 200; ++id) keys.push_back({id, "key"});
    REQUIRE(one.transact([&](tx& t) { return t.put_prekeys(who, {.json = "{}"}, keys); }));
    const auto take = [&](tx& t) { return t.take_one_time(who); };
    std::set<std::uint32_t> seen;
    std::optional<registry::one_time_row> inner;
    const auto outer = one.transact([&](tx& t) -> result<std::optional<registry::one_time_row>> {
        AGENTMESH_TRY(mine, t.take_one_time(who));
        if (!inner) inner = store_tests::in(other, take);
        return mine;
    });
    REQUIRE(outer.value());
    REQUIRE(inner);
    CHECK(seen.insert((*outer)->id).second);
    CHECK(seen.insert(inner->id).second);

    std::vector<std::vector<std::uint32_t>> taken(4);
    std::vector<std::thread> threads;
    for (auto& mine : taken)
        threads.emplace_back([&mine, &who] {
            auto store = postgres_store::open(where());
            if (!store) return;
            for (int failures = 0; failures < 10;) {
                const auto got = store->transact([&](tx& t) { return t.take_one_time(who); });
                if (!got) {
                    ++failures;
                    continue;
                }
                if (!*got) return;
                mine.push_back((*got)->id);
            }
        });
    for (auto& thread : threads) thread.join();
    for (const auto& mine : taken)
        for (const auto id : mine) CHECK(seen.insert(id).second);
    CHECK(seen.size() == 200);
}

TEST_CASE("a lost connection fails what was in it, and nothing after", "[programs][registry]") {
    auto store = fresh();
    const auto alice = store_tests::agent_of(1), bob = store_tests::agent_of(2);
    REQUIRE(store_tests::in(store, [&](tx& t) { return t.insert_agent(alice); }));
    cut_all();
    CHECK(store_tests::in(store, [&](tx& t) { return t.agent(alice.who); }) == alice);
    int runs = 0;
    const auto cut = store.transact([&](tx& t) -> result<bool> {
        ++runs;
        AGENTMESH_TRY(inserted, t.insert_agent(bob));
        cut_all();
        return inserted;
    });
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code == errc::registry_failed);
    CHECK(runs == 1);
    CHECK_FALSE(store_tests::in(store, [&](tx& t) { return t.agent(bob.who); }));
    CHECK(store_tests::in(store, [&](tx& t) { return t.insert_agent(bob); }));
}

TEST_CASE("a database of a later version is refused, and so is none at all", "[programs][registry]") {
    fresh();
    auto raw = postgres_database::open(where()).value();
    REQUIRE(raw.run("UPDATE agentmesh_schema SET version = 99"));
    CHECK(postgres_store::open(where()).error().code == errc::state_access);
    empty();
    CHECK(opened().transact([](tx& t) { return t.stats(); })->agents == 0);
    CHECK(postgres_store::open("postgres:///nowhere?host=/nowhere").error().code == errc::state_access);
    std::string why;
    CHECK(postgres_store::open("no such thing", &why).error().code == errc::state_access);
    CHECK_FALSE(why.empty());
}

TEST_CASE("an older database is brought up to date, wholly or not at all, by whoever comes first",
          "[programs][registry]") {
    static constexpr std::array<const char*, 1> first = {"CREATE TABLE a (x bigint); INSERT INTO a VALUES (7);"};
    static constexpr std::array<const char*, 2> broken = {
        first[0], "ALTER TABLE a ADD COLUMN y bigint; SELECT nothing FROM nowhere;"};
    static constexpr std::array<const char*, 2> second = {first[0],
                                                          "ALTER TABLE a ADD COLUMN y bigint; UPDATE a SET y = x + 1;"};
    auto db = empty();
    REQUIRE(db.migrate(first));
    REQUIRE(db.migrate(first));
    CHECK_FALSE(db.migrate(broken));
    std::vector<std::thread> threads;
    std::atomic<int> done = 0;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            auto mine = postgres_database::open(where());
            if (mine && mine->migrate(second)) ++done;
        });
    for (auto& thread : threads) thread.join();
    CHECK(done == 4);
    auto row = db.prepare("SELECT x, y FROM a").value();
    REQUIRE(row.step().value());
    CHECK(row.integer(0) == 7);
    CHECK(row.integer(1) == 8);
    CHECK_FALSE(row.step().value());
    empty();
}

TEST_CASE("values are bound, never part of SQL, in PostgreSQL too", "[programs][registry]") {
    auto db = postgres_database::open(where()).value();
    REQUIRE(db.run("DROP TABLE IF EXISTS t; CREATE TABLE t (a bytea, b bytea, c bigint)"));
    const std::string text{"Robert'); DROP TABLE t;--\0end", 29};
    const buffer bytes{0, 1, 255};
    REQUIRE(db.prepare("INSERT INTO t VALUES (?, ?, ?)").value().bind(1, text).bind(2, bytes).bind(3, -5).run());
    CHECK(db.changes() == 1);
    auto row = db.prepare("SELECT a, b, c FROM t").value();
    REQUIRE(row.step().value());
    CHECK(row.text(0) == text);
    CHECK(buffer(row.bytes(1).begin(), row.bytes(1).end()) == bytes);
    CHECK(row.integer(2) == -5);
    CHECK_FALSE(db.prepare("SELECT nothing FROM nowhere").value().step());
    CHECK_FALSE(db.why().empty());
    // A commit after a failure that somebody passed over keeps nothing, and must not look as if it did.
    REQUIRE(db.run("BEGIN"));
    CHECK_FALSE(db.run("SELECT nothing FROM nowhere"));
    CHECK_FALSE(db.commit());
    CHECK_FALSE(db.conflicted());
    CHECK_FALSE(db.prepare("INSERT INTO t VALUES (?, ?, ?)").value().bind(9, 1).run());
    auto empty = db.prepare("SELECT count(*) FROM t WHERE a = ?2 AND c < ?1").value();
    REQUIRE(empty.bind(1, 0).bind(2, text).step().value());
    CHECK(empty.integer(0) == 1);
}
