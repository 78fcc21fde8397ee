#include <agentmesh/registry/sqlite_store.hpp>

#include "tests/unit/registry/store.hpp"

#include <filesystem>
#include <fstream>

using namespace agentmesh;
using registry::sqlite_store;

namespace {

/// A folder that goes with the test.
class folder {
public:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "agentmesh-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string file(std::string_view name = "registry.db") const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

sqlite_store opened(const std::string& path) {
    auto out = sqlite_store::open(path);
    if (!out) FAIL(to_string(out.error()));
    return *std::move(out);
}

}  // namespace

TEST_CASE("a store in SQLite keeps what a registry gives it", "[unit][registry][AM-REG-090]") {
    store_tests::every_promise_holds([] { return opened(":memory:"); });
}

TEST_CASE("a registry's file is found again as it was", "[unit][registry]") {
    const folder here;
    const auto alice = store_tests::agent_of(1);
    using tx = sqlite_store::transaction;
    {
        auto store = opened(here.file());
        CHECK(store_tests::in(store, [&](tx& t) { return t.insert_agent(alice); }));
    }
    auto store = opened(here.file());
    CHECK(store_tests::in(store, [&](tx& t) { return t.agent(alice.who); }) == alice);
    CHECK(store_tests::in(store, [&](tx& t) { return t.search({.capability = "travel"}); }).total == 1);
}

TEST_CASE("two processes share a file", "[unit][registry]") {
    const folder here;
    auto one = opened(here.file()), other = opened(here.file());
    const auto who = store_tests::agent_of(1).who;
    std::vector<registry::one_time_row> keys;
    for (std::uint32_t id = 0; id < 20; ++id) keys.push_back({id, "key"});
    using tx = sqlite_store::transaction;
    REQUIRE(one.transact([&](tx& t) { return t.put_prekeys(who, {.json = "{}"}, keys); }));
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 10; ++i)
        for (auto* store : {&one, &other}) {
            const auto taken = store_tests::in(*store, [&](tx& t) { return t.take_one_time(who); });
            REQUIRE(taken);
            CHECK(seen.insert(taken->id).second);
        }
    CHECK_FALSE(store_tests::in(other, [&](tx& t) { return t.take_one_time(who); }));
}

TEST_CASE("a file that is not ours, or of a later version, is refused and left alone", "[unit][registry]") {
    const folder here;
    {
        std::ofstream{here.file("text")} << std::string(5'000, 'x');
        const auto found = sqlite_store::open(here.file("text"));
        REQUIRE_FALSE(found);
        CHECK(found.error().code == errc::state_access);
    }
    {
        opened(here.file());
        auto raw = store::sqlite_database::open(here.file()).value();
        REQUIRE(raw.run("PRAGMA user_version = 99"));
    }
    CHECK(sqlite_store::open(here.file()).error().code == errc::state_access);
    CHECK_FALSE(sqlite_store::open(here.file("no/such/folder/registry.db")));
}

TEST_CASE("an older file is brought up to date, wholly or not at all", "[unit][registry]") {
    const folder here;
    using store::sqlite_database;
    static constexpr std::array<const char*, 1> first = {
        "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);"};
    static constexpr std::array<const char*, 2> broken = {
        first[0], "ALTER TABLE a ADD COLUMN y INTEGER; SELECT nothing FROM nowhere;"};
    static constexpr std::array<const char*, 2> second = {
        first[0], "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;"};
    {
        auto db = sqlite_database::open(here.file()).value();
        REQUIRE(db.migrate(first));
        REQUIRE(db.migrate(first));
    }
    auto db = sqlite_database::open(here.file()).value();
    CHECK_FALSE(db.migrate(broken));
    REQUIRE(db.migrate(second));
    auto row = db.prepare("SELECT x, y FROM a").value();
    REQUIRE(row.step().value());
    CHECK(row.integer(0) == 7);
    CHECK(row.integer(1) == 8);
    CHECK_FALSE(row.step().value());
    CHECK(db.migrate(first).error().code == errc::state_access);
}

TEST_CASE("a registry's file of the first version keeps its agents", "[unit][registry]") {
    const folder here;
    const auto schema = std::span{registry::detail::sqlite_schema};
    // Files of it are out there: this text is never changed.
    std::array<std::uint8_t, 32> digest{};
    crypto::sha256_stream{}.update(as_bytes(std::string_view{schema[0]})).finish(digest);
    CHECK(to_hex(digest) == "2d8371220f1a83a9da3992c5f851f366f86ae7cd58512fc1dfe087c1acd7535f");
    auto alice = store_tests::agent_of(1);
    alice.capabilities = {"a/b/c/d/e/f", "travel/flights", "x-acme/widgets"};
    {
        auto db = store::sqlite_database::open(here.file()).value();
        REQUIRE(db.migrate(schema.first(1)));
        const auto capabilities = registry::detail::pack(alice.capabilities);
        const auto at = registry::detail::to_column(alice.registered_at);
        REQUIRE(db.prepare("INSERT INTO agents VALUES (?, ?, ?, ?, ?, ?, '', '', '', 0, '', 0, ?, ?, 500000, 0, 0, 0)")
                    .value()
                    .bind(1, alice.who.bytes().bytes())
                    .bind(2, alice.signing.bytes())
                    .bind(3, alice.exchange.bytes())
                    .bind(4, alice.display_name)
                    .bind(5, capabilities)
                    .bind(6, alice.relay)
                    .bind(7, at)
                    .bind(8, at)
                    .run());
        for (const std::string_view one : {"travel/flights", "x-acme/widgets", "a/b/c/d/e/f"})
            REQUIRE(db.prepare("INSERT INTO capabilities VALUES (?, ?)")
                        .value()
                        .bind(1, one)
                        .bind(2, alice.who.bytes().bytes())
                        .run());
    }
    auto store = opened(here.file());
    using tx = sqlite_store::transaction;
    CHECK(store_tests::in(store, [&](tx& t) { return t.agent(alice.who); }) == alice);
    const auto found = [&](std::string_view what) {
        return store_tests::in(store, [&](tx& t) { return t.search({.capability = std::string{what}}); }).rows;
    };
    for (const auto* one :
         {"", "travel", "travel/flights", "x-acme", "a", "a/b/c/d", "a/b/c/d/e", "a/b/c/d/e/f", "*/f"})
        CHECK(found(one) == std::vector{alice});
    for (const auto* one : {"trav", "flights", "a/b/c/d/e/f/g", "trav*l", "a*d"}) CHECK(found(one).empty());
    CHECK(store_tests::in(store, [&](tx& t) { return t.stats(); }).score_sum == 500'000);
    auto changed = alice;
    changed.score = 600'000;
    changed.owner = "issuer|one";
    REQUIRE(store.transact([&](tx& t) { return t.update_agent(changed); }));
    CHECK(store_tests::in(store, [&](tx& t) { return t.agents_of_owner("issuer|one"); }) == 1);
    CHECK(store_tests::in(store, [&](tx& t) { return t.stats(); }).score_sum == 600'000);
    CHECK(found("travel") == std::vector{changed});
}

TEST_CASE("values are bound, never part of SQL", "[unit][registry]") {
    auto db = store::sqlite_database::open(":memory:").value();
    REQUIRE(db.run("CREATE TABLE t (a TEXT, b BLOB, c INTEGER) STRICT"));
    const std::string text{"Robert'); DROP TABLE t;--\0end", 29};
    const buffer bytes{0, 1, 255};
    REQUIRE(db.prepare("INSERT INTO t VALUES (?, ?, ?)").value().bind(1, text).bind(2, bytes).bind(3, -5).run());
    auto row = db.prepare("SELECT a, b, c FROM t").value();
    REQUIRE(row.step().value());
    CHECK(row.text(0) == text);
    CHECK(buffer(row.bytes(1).begin(), row.bytes(1).end()) == bytes);
    CHECK(row.integer(2) == -5);
    CHECK_FALSE(db.prepare("SELECT nothing FROM nowhere"));
    CHECK_FALSE(db.prepare("INSERT INTO t VALUES (?, ?, ?)").value().bind(9, 1).run());
    REQUIRE(db.prepare("INSERT INTO t VALUES (?, ?, ?)")
                .value()
                .bind(1, std::string_view{})
                .bind(2, byte_view{})
                .bind(3, 0)
                .run());
    auto empty = db.prepare("SELECT count(*) FROM t WHERE a = '' AND length(b) = 0").value();
    REQUIRE(empty.step().value());
    CHECK(empty.integer(0) == 1);
}
