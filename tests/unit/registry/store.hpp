// What every model of RegistryStore must do. A model's test file calls these with a fresh store each.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/registry/store.hpp>

#include "tests/support/catch.hpp"

namespace store_tests {

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

inline const time_point noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 12h;

inline agent_row agent_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    const auto key = signing_key_pair::generate(random).value();
    const auto exchange = exchange_key_pair::generate(random).value();
    return {.who = amid::of(key.public_key()),
            .signing = key.public_key(),
            .exchange = exchange.public_key(),
            .display_name = "agent \"" + std::to_string(seed) + "\"",
            .capabilities = {"travel/flights", "x-acme/widgets"},
            .relay = "wss://relay.example/v1/connect",
            .registered_at = noon,
            .last_seen = noon};
}

/// One transaction that must succeed.
template <class Store, class F>
auto in(Store& store, F&& f) {
    auto out = store.transact(std::forward<F>(f));
    if (!out) FAIL(to_string(out.error()));
    return *std::move(out);
}

template <class Store>
void agents_are_kept(Store store) {
    using tx = typename Store::transaction;
    auto alice = agent_of(1);
    CHECK(in(store, [&](tx& t) { return t.insert_agent(alice); }));
    CHECK_FALSE(in(store, [&](tx& t) { return t.insert_agent(alice); }));
    CHECK(in(store, [&](tx& t) { return t.agent(alice.who); }) == alice);
    CHECK_FALSE(in(store, [&](tx& t) { return t.agent(agent_of(2).who); }));
    alice.status = availability::dnd;
    alice.card = "card";
    alice.score = 712'345;
    alice.proves = true;
    alice.revoked = true;
    alice.capabilities = {};
    alice.last_seen = noon + 1us;
    alice.successor = agent_of(3).who;
    alice.predecessor = agent_of(4).who;
    alice.owner = "https://id.example|7";
    alice.mesh = R"({"metadata":{}})";
    REQUIRE(store.transact([&](tx& t) { return t.update_agent(alice); }));
    CHECK(in(store, [&](tx& t) { return t.agent(alice.who); }) == alice);
    CHECK_FALSE(store.transact([&](tx& t) { return t.update_agent(agent_of(2)); }));
}

/// What is asked for when an agent goes, logs in, or is named as profile wire10 names it.
template <class Store>
void agents_go_and_are_named(Store store) {
    using tx = typename Store::transaction;
    std::vector<agent_row> all;
    for (std::uint64_t i = 0; i < 12; ++i) {
        all.push_back(agent_of(i));
        all.back().owner = i % 3 == 0 ? "" : i % 3 == 1 ? "issuer|one" : "issuer|two";
        REQUIRE(in(store, [&](tx& t) { return t.insert_agent(all.back()); }));
    }
    const auto named = [&](std::string_view did) { return in(store, [&](tx& t) { return t.agent_of_did(did); }); };
    for (const auto& one : all) CHECK(named(mesh_did::of(one.signing).text()) == one);
    CHECK_FALSE(named(mesh_did::of(agent_of(99).signing).text()));
    CHECK_FALSE(named("did:mesh:00000000000000000000000000000000"));
    CHECK_FALSE(named("did:mesh:ffffffffffffffffffffffffffffffff"));
    CHECK_FALSE(named(all[0].who.text()));
    const auto owned = [&](std::string_view who) { return in(store, [&](tx& t) { return t.agents_of_owner(who); }); };
    CHECK(owned("issuer|one") == 4);
    CHECK(owned("issuer") == 0);
    CHECK(owned("") == 0);

    const auto who = all[1].who;
    const std::vector<one_time_row> keys = {{1, "one"}};
    const std::array<std::uint8_t, 16> nonce{1};
    const auto prepared = store.transact([&](tx& t) -> result<int> {
        AGENTMESH_CHECK(t.put_prekeys(who, {.json = "{}"}, keys));
        AGENTMESH_TRY(fresh, t.remember(who, nonce, noon));
        AGENTMESH_TRY(revoked, t.insert_revocation({.id = "r", .who = who, .reason = "retired", .by = who}));
        AGENTMESH_TRY(rated, t.insert_rating({.from = all[2].who, .about = who, .session = "s", .at = noon}));
        return fresh && revoked && rated ? result<int>{0} : fail(errc::registry_failed);
    });
    REQUIRE(prepared);
    CHECK(in(store, [&](tx& t) { return t.erase_agent(who); }));
    CHECK_FALSE(in(store, [&](tx& t) { return t.erase_agent(who); }));
    CHECK_FALSE(in(store, [&](tx& t) { return t.agent(who); }));
    CHECK_FALSE(named(mesh_did::of(all[1].signing).text()));
    CHECK_FALSE(in(store, [&](tx& t) { return t.prekeys(who); }));
    CHECK(in(store, [&](tx& t) { return t.one_time_left(who); }) == 0);
    CHECK(owned("issuer|one") == 3);
    CHECK(in(store, [&](tx& t) { return t.search({.capability = "travel"}); }).total == 11);
    CHECK_FALSE(in(store, [&](tx& t) { return t.remember(who, nonce, noon); }));
    CHECK(in(store, [&](tx& t) { return t.revocation(who); }));
    CHECK(in(store, [&](tx& t) { return t.ratings_about(who); }).size() == 1);
    CHECK(in(store, [&](tx& t) { return t.insert_agent(all[1]); }));
    CHECK(named(mesh_did::of(all[1].signing).text()) == all[1]);
}

template <class Store>
void a_failed_transaction_changes_nothing(Store store) {
    using tx = typename Store::transaction;
    const auto alice = agent_of(1);
    const auto failed = store.transact([&](tx& t) -> result<int> {
        AGENTMESH_TRY(inserted, t.insert_agent(alice));
        CHECK(inserted);
        AGENTMESH_CHECK(t.put_prekeys(alice.who, {.signed_id = 1}, {}));
        return fail(errc::bad_bundle);
    });
    CHECK(failed.error().code == errc::bad_bundle);
    CHECK_FALSE(in(store, [&](tx& t) { return t.agent(alice.who); }));
    CHECK_FALSE(in(store, [&](tx& t) { return t.prekeys(alice.who); }));
}

/// All that can be asked about two agents, as one text.
template <class Transaction>
result<std::string> everything(Transaction& t, const amid& alice, const amid& bob) {
    std::string out;
    const auto add = [&out](const auto&... parts) { ((out += parts, out += ' '), ...); };
    for (const auto& who : {alice, bob}) {
        AGENTMESH_TRY(row, t.agent(who));
        if (row) add(row->display_name, row->owner, row->organization, std::to_string(row->score));
        AGENTMESH_TRY(keys, t.prekeys(who));
        if (keys) add(keys->json);
        AGENTMESH_TRY(left, t.one_time_left(who));
        add(std::to_string(left));
        AGENTMESH_TRY(gone, t.revocation(who));
        if (gone) add(gone->id);
        AGENTMESH_TRY(ratings, t.ratings_about(who));
        for (const auto& one : ratings) add("rated", one.session, std::to_string(one.score));
        AGENTMESH_TRY(reports, t.reports_about(who));
        for (const auto& one : reports) add("reported", one.session, one.reporter.text());
        AGENTMESH_TRY(scores, t.scores(who, noon));
        for (const auto& one : scores) add("score", std::to_string(one.score));
    }
    for (const std::string_view name : {"o1", "o2"}) {
        AGENTMESH_TRY(organization, t.organization(name));
        if (organization) add(organization->name, organization->domain);
        AGENTMESH_TRY(members, t.members_of(name));
        add(std::to_string(members));
    }
    for (const std::string_view domain : {"one.example", "two.example"}) {
        AGENTMESH_TRY(organization, t.organization_of_domain(domain));
        if (organization) add(organization->id);
    }
    for (const std::string_view owner : {"someone", "another"}) {
        AGENTMESH_TRY(number, t.agents_of_owner(owner));
        add(std::to_string(number));
    }
    for (const std::string_view name : {"", "travel", "*f*", "x-acme"}) {
        AGENTMESH_TRY(found, t.search({.capability = std::string{name}}));
        add("found", std::to_string(found.total));
        for (const auto& one : found.rows) add(one.who.text());
    }
    AGENTMESH_TRY(stats, t.stats());
    add(std::to_string(stats.agents), std::to_string(stats.score_sum), std::to_string(stats.by_status[1]));
    AGENTMESH_TRY(revocations, t.revocations(10, 0));
    add(std::to_string(revocations.total), std::to_string(revocations.rows.size()));
    return out;
}

template <class Store>
void whatever_was_done_is_undone(Store store) {
    using tx = typename Store::transaction;
    auto alice = agent_of(1), bob = agent_of(2);
    alice.owner = "someone";
    alice.organization = "o1";
    const std::array<std::uint8_t, 16> old_nonce{1}, new_nonce{2};
    const organization_row acme{.id = "o1",
                                .name = "Acme",
                                .domain = "one.example",
                                .admin = alice.who,
                                .admin_key = alice.signing,
                                .created_at = noon};
    const std::vector<one_time_row> keys = {{1, "one"}, {2, "two"}}, other_keys = {{7, "seven"}};
    const auto fill = store.transact([&](tx& t) -> result<int> {
        AGENTMESH_CHECK(t.insert_agent(alice));
        AGENTMESH_CHECK(t.put_prekeys(alice.who, {.json = "first"}, keys));
        AGENTMESH_CHECK(t.remember(alice.who, old_nonce, noon));
        AGENTMESH_CHECK(
            t.insert_rating({.from = bob.who, .about = alice.who, .session = "s1", .score = 1, .at = noon}));
        AGENTMESH_CHECK(
            t.insert_report({.session = "s1", .initiator = alice.who, .receiver = bob.who, .reporter = bob.who}));
        AGENTMESH_CHECK(t.add_score(alice.who, noon, 5));
        AGENTMESH_CHECK(t.insert_organization(acme));
        AGENTMESH_CHECK(t.insert_login("state", "content", noon));
        return 0;
    });
    REQUIRE(fill);
    const auto seen = [&] { return in(store, [&](tx& t) { return everything(t, alice.who, bob.who); }); };
    const auto before = seen();
    std::string between;
    const auto act = [&](tx& t) -> result<int> {
        auto changed = alice;
        changed.owner = "another";
        changed.organization = "o2";
        changed.status = availability::online;
        changed.score = 900'000;
        changed.capabilities = {"x-acme/other"};
        AGENTMESH_CHECK(t.update_agent(changed));
        AGENTMESH_CHECK(t.insert_agent(bob));
        AGENTMESH_CHECK(t.take_one_time(alice.who));
        AGENTMESH_CHECK(t.put_prekeys(alice.who, {.json = "second"}, other_keys));
        AGENTMESH_CHECK(t.put_prekeys(bob.who, {.json = "third"}, other_keys));
        AGENTMESH_CHECK(t.take_one_time(bob.who));
        AGENTMESH_CHECK(t.remember(alice.who, new_nonce, noon));
        AGENTMESH_CHECK(t.forget_nonces(noon + 1h));
        AGENTMESH_CHECK(t.insert_revocation({.id = "r", .who = bob.who, .reason = "x", .by = bob.who, .at = noon}));
        AGENTMESH_CHECK(
            t.insert_rating({.from = alice.who, .about = bob.who, .session = "s1", .score = 2, .at = noon}));
        AGENTMESH_CHECK(
            t.insert_report({.session = "s1", .initiator = alice.who, .receiver = bob.who, .reporter = alice.who}));
        AGENTMESH_CHECK(t.add_score(alice.who, noon, 6));
        auto moved = acme;
        moved.domain = "two.example";
        AGENTMESH_CHECK(t.update_organization(moved));
        AGENTMESH_CHECK(t.take_login("state", noon - 1h));
        AGENTMESH_CHECK(t.insert_login("state 2", "more", noon));
        AGENTMESH_CHECK(t.erase_agent(alice.who));
        AGENTMESH_TRY(now, everything(t, alice.who, bob.who));
        between = now;
        return fail(errc::bad_bundle);
    };
    CHECK(store.transact(act).error().code == errc::bad_bundle);
    CHECK(between != before);
    CHECK(seen() == before);
    CHECK(store.transact(act).error().code == errc::bad_bundle);
    CHECK(seen() == before);
    CHECK_FALSE(in(store, [&](tx& t) { return t.remember(alice.who, old_nonce, noon); }));
    CHECK(in(store, [&](tx& t) { return t.remember(alice.who, new_nonce, noon); }));
    CHECK_FALSE(in(store, [&](tx& t) { return t.take_login("state 2", noon - 1h); }));
    CHECK(in(store, [&](tx& t) { return t.take_login("state", noon - 1h); }) == "content");
    CHECK(in(store, [&](tx& t) { return t.take_one_time(alice.who); }) == one_time_row{1, "one"});
    // What throws leaves nothing behind either, and the store works on.
    struct surprise {};
    CHECK_THROWS_AS(store.transact([&](tx& t) -> result<int> {
        AGENTMESH_CHECK(t.insert_agent(bob));
        throw surprise{};
    }),
                    surprise);
    CHECK_FALSE(in(store, [&](tx& t) { return t.agent(bob.who); }));
}

template <class Store>
void agents_are_found(Store store) {
    using tx = typename Store::transaction;
    std::vector<agent_row> all;
    for (std::uint64_t i = 0; i < 8; ++i) {
        auto one = agent_of(i);
        one.trust = static_cast<tier>(i % 3);
        one.score = static_cast<ppm>(500'000 + 10'000 * (i / 2));
        one.status = i % 2 == 0 ? availability::online : availability::offline;
        one.last_seen = noon + std::chrono::seconds{i % 4};
        one.revoked = i == 7;
        one.ratings = static_cast<std::uint32_t>(i);
        one.capabilities =
            i < 4 ? std::vector<std::string>{"travel/flights"} : std::vector<std::string>{"travelling", "50%_off"};
        all.push_back(one);
        REQUIRE(in(store, [&](tx& t) { return t.insert_agent(one); }));
    }
    const auto found = [&](agent_query query) { return in(store, [&](tx& t) { return t.search(query); }); };
    CHECK(found({}).total == 7);
    CHECK(found({.capability = "travel"}).total == 4);
    CHECK(found({.capability = "travel/flights"}).total == 4);
    CHECK(found({.capability = "travel*"}).total == 7);
    CHECK(found({.capability = "*fli*ts"}).total == 4);
    CHECK(found({.capability = "%"}).total == 0);
    CHECK(found({.capability = "50%_off"}).total == 3);
    CHECK(found({.capability = "50__off"}).total == 0);
    CHECK(found({.capability = "' OR 1=1 --"}).total == 0);
    CHECK(found({.at_least = tier::verified}).total == 4);
    CHECK(found({.at_least = tier::organization}).total == 2);
    CHECK(found({.score_at_least = 520'000}).total == 3);
    CHECK(found({.ratings_at_least = 5}).total == 2);
    CHECK(found({.status = availability::offline}).total == 3);
    const auto first = found({.limit = 3}), second = found({.limit = 3, .offset = 3}),
               last = found({.limit = 3, .offset = 6});
    CHECK(first.total == 7);
    REQUIRE(first.rows.size() == 3);
    REQUIRE(second.rows.size() == 3);
    REQUIRE(last.rows.size() == 1);
    CHECK(found({.offset = 4'000'000'000}).rows.empty());
    std::vector<agent_row> joined = first.rows;
    joined.insert(joined.end(), second.rows.begin(), second.rows.end());
    joined.push_back(last.rows.front());
    for (std::size_t i = 1; i < joined.size(); ++i) {
        const auto &a = joined[i - 1], &b = joined[i];
        CHECK(std::tuple{b.score, b.last_seen, a.who} < std::tuple{a.score, a.last_seen, b.who});
    }
    const auto stats = in(store, [&](tx& t) { return t.stats(); });
    CHECK(stats.agents == 8);
    CHECK(stats.by_tier[0] == 3);
    CHECK(stats.by_status[0] == 4);
    CHECK(stats.score_sum == 8 * 500'000 + 2 * 10'000 * (1 + 2 + 3));
}

/// Lists follow every change that a place in them depends on.
template <class Store>
void agents_are_found_as_they_are_now(Store store) {
    using tx = typename Store::transaction;
    auto alice = agent_of(1), bob = agent_of(2);
    alice.capabilities = {"a/b/c/d/e/f", "a/b", "travel"};
    bob.capabilities = {"travel/flights/cheap"};
    bob.score = 600'000;
    for (const auto& one : {alice, bob}) REQUIRE(in(store, [&](tx& t) { return t.insert_agent(one); }));
    const auto found = [&](agent_query query) {
        std::vector<amid> out;
        const auto page = in(store, [&](tx& t) { return t.search(query); });
        for (const auto& one : page.rows) out.push_back(one.who);
        CHECK(page.total == out.size());
        return out;
    };
    const auto update = [&](const agent_row& row) {
        REQUIRE(store.transact([&](tx& t) { return t.update_agent(row); }));
    };
    using names = std::vector<amid>;
    CHECK(found({.capability = "travel"}) == names{bob.who, alice.who});
    CHECK(found({.capability = "t*"}) == names{bob.who, alice.who});
    CHECK(found({.capability = "travel/*"}) == names{bob.who});
    const auto second = in(store, [&](tx& t) { return t.search({.capability = "*", .limit = 5, .offset = 1}); });
    CHECK(second.total == 2);
    REQUIRE(second.rows.size() == 1);
    CHECK(second.rows[0].who == alice.who);
    CHECK(in(store, [&](tx& t) { return t.search({.capability = "*", .limit = 1}); }).rows.at(0).who == bob.who);
    CHECK(in(store, [&](tx& t) { return t.search({.capability = "*", .limit = 0}); }).rows.empty());
    for (const auto* one : {"a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e", "a/b/c/d/e/f", "a/*/f"})
        CHECK(found({.capability = one}) == names{alice.who});
    CHECK(found({.capability = "a/b/c/d/e/f/g"}).empty());
    CHECK(found({.capability = "*vel"}) == names{alice.who});
    alice.score = 700'000;
    update(alice);
    CHECK(found({.capability = "travel"}) == names{alice.who, bob.who});
    alice.status = availability::away;
    bob.last_seen += 1s;
    bob.score = 700'000;
    update(alice);
    update(bob);
    CHECK(found({.capability = "travel"}) == names{bob.who, alice.who});
    CHECK(found({.capability = "travel", .status = availability::away}) == names{alice.who});
    alice.capabilities = {"travelling"};
    bob.trust = tier::verified;
    update(alice);
    update(bob);
    CHECK(found({.capability = "travel"}) == names{bob.who});
    CHECK(found({.capability = "a"}).empty());
    CHECK(found({.capability = "travelling"}) == names{alice.who});
    CHECK(found({.at_least = tier::verified}) == names{bob.who});
    auto stats = in(store, [&](tx& t) { return t.stats(); });
    CHECK(stats ==
          registry_stats{.agents = 2, .by_tier = {1, 1, 0}, .by_status = {1, 0, 1, 0}, .score_sum = 1'400'000});
    bob.revoked = true;
    update(bob);
    CHECK(found({.capability = "travel"}).empty());
    CHECK(found({}) == names{alice.who});
    CHECK(in(store, [&](tx& t) { return t.erase_agent(alice.who); }));
    CHECK(found({}).empty());
    stats = in(store, [&](tx& t) { return t.stats(); });
    CHECK(stats == registry_stats{.agents = 1, .by_tier = {0, 1, 0}, .by_status = {1, 0, 0, 0}, .score_sum = 700'000});
}

/// AM-REG-090
template <class Store>
void a_search_goes_so_deep_and_no_deeper(Store store) {
    using tx = typename Store::transaction;
    auto one = agent_of(1);
    for (std::uint32_t i = 0; i < search_depth + 5; ++i) {
        std::array<std::uint8_t, 32> key{};
        crypto::sha256_stream{}.update(as_bytes(std::to_string(i))).finish(key);
        one.signing = signing_public_key::from(key).value();
        one.who = amid::of(one.signing);
        one.score = i;
        one.capabilities = {i % 2 == 0 ? "travel/flights" : "travel/hotels"};
        REQUIRE(in(store, [&](tx& t) { return t.insert_agent(one); }));
    }
    for (const auto* name : {"", "travel", "travel/*", "*"}) {
        const auto found = [&](std::uint32_t limit, std::uint32_t offset) {
            return in(store, [&](tx& t) { return t.search({.capability = name, .limit = limit, .offset = offset}); });
        };
        CHECK(found(3, 0).total == search_depth);
        const auto first = found(3, 0), last = found(3, search_depth - 1);
        REQUIRE(first.rows.size() == 3);
        CHECK(first.rows[2].score == search_depth + 2);
        REQUIRE(last.rows.size() == 1);
        CHECK(last.rows[0].score == 5);
        CHECK(found(3, search_depth).rows.empty());
    }
    CHECK(in(store, [&](tx& t) { return t.search({.capability = "travel/hotels"}); }).total == search_depth / 2 + 2);
}

/// What a peer may call itself and its abilities is bytes, to a store.
template <class Store>
void texts_are_kept_whatever_they_say(Store store) {
    using tx = typename Store::transaction;
    auto alice = agent_of(1);
    const std::string odd{"\0'\"\\x\xc3\xa9%_*?[\x7f", 13};
    alice.display_name = odd;
    alice.capabilities = {std::string{"a\0b", 3}, "50%_off", "A", "\xc3\xa9t\xc3\xa9"};
    std::sort(alice.capabilities.begin(), alice.capabilities.end());
    alice.owner = alice.mesh = alice.card = odd;
    REQUIRE(in(store, [&](tx& t) { return t.insert_agent(alice); }));
    CHECK(in(store, [&](tx& t) { return t.agent(alice.who); }) == alice);
    const auto found = [&](std::string what) {
        return in(store, [&](tx& t) { return t.search({.capability = what}); }).total;
    };
    for (const auto& one : alice.capabilities) CHECK(found(one) == 1);
    CHECK(found("a") == 0);
    CHECK(found("50__off") == 0);
    CHECK(found("a*") == 1);
    CHECK(found("50*") == 1);
    CHECK(in(store, [&](tx& t) { return t.agents_of_owner(odd); }) == 1);
}

template <class Store>
void one_time_prekeys_are_handed_out_once(Store store) {
    using tx = typename Store::transaction;
    const auto who = agent_of(1).who;
    const auto take = [&] { return in(store, [&](tx& t) { return t.take_one_time(who); }); };
    REQUIRE(in(store, [&](tx& t) { return t.insert_agent(agent_of(1)); }));
    CHECK_FALSE(take());
    const prekey_row keys{.signed_id = 4'000'000'000, .json = R"({"a":"b"})", .next_one_time = 9, .uploaded_at = noon};
    const std::vector<one_time_row> some = {{7, "seven"}, {3, "three"}, {4'294'967'294, "last"}};
    REQUIRE(store.transact([&](tx& t) { return t.put_prekeys(who, keys, some); }));
    CHECK(in(store, [&](tx& t) { return t.prekeys(who); }) == keys);
    CHECK(in(store, [&](tx& t) { return t.one_time_left(who); }) == 3);
    CHECK(take() == one_time_row{3, "three"});
    CHECK(take() == one_time_row{7, "seven"});
    const auto undone = store.transact([&](tx& t) -> result<int> {
        AGENTMESH_TRY(one, t.take_one_time(who));
        CHECK(one);
        return fail(errc::registry_failed);
    });
    CHECK_FALSE(undone);
    CHECK(take() == one_time_row{4'294'967'294, "last"});
    CHECK_FALSE(take());
    REQUIRE(store.transact([&](tx& t) { return t.put_prekeys(who, keys, std::span{some}.first(1)); }));
    CHECK(in(store, [&](tx& t) { return t.one_time_left(who); }) == 1);
    CHECK_FALSE(in(store, [&](tx& t) { return t.take_one_time(agent_of(2).who); }));
}

template <class Store>
void nonces_are_remembered(Store store) {
    using tx = typename Store::transaction;
    const auto alice = agent_of(1).who, bob = agent_of(2).who;
    const std::array<std::uint8_t, 16> nonce{1, 0, 2};
    const auto fresh = [&](const amid& who) { return in(store, [&](tx& t) { return t.remember(who, nonce, noon); }); };
    CHECK(fresh(alice));
    CHECK(fresh(bob));
    CHECK_FALSE(fresh(alice));
    REQUIRE(store.transact([&](tx& t) { return t.forget_nonces(noon); }));
    CHECK_FALSE(fresh(alice));
    REQUIRE(store.transact([&](tx& t) { return t.forget_nonces(noon + 1us); }));
    CHECK(fresh(alice));
}

template <class Store>
void revocations_are_listed(Store store) {
    using tx = typename Store::transaction;
    std::vector<revocation_row> rows;
    for (std::uint64_t i = 0; i < 5; ++i) {
        rows.push_back({.id = "r" + std::to_string(i),
                        .who = agent_of(i).who,
                        .reason = "key_compromise",
                        .by = agent_of(i).who,
                        .at = noon + std::chrono::seconds{10 - i},
                        .notes = "n"});
        CHECK(in(store, [&](tx& t) { return t.insert_revocation(rows.back()); }));
    }
    CHECK_FALSE(in(store, [&](tx& t) { return t.insert_revocation(rows[2]); }));
    CHECK(in(store, [&](tx& t) { return t.revocation(rows[3].who); }) == rows[3]);
    CHECK_FALSE(in(store, [&](tx& t) { return t.revocation(agent_of(9).who); }));
    const auto page = in(store, [&](tx& t) { return t.revocations(2, 1); });
    CHECK(page.total == 5);
    REQUIRE(page.rows.size() == 2);
    CHECK(page.rows[0] == rows[3]);
    CHECK(page.rows[1] == rows[2]);
}

template <class Store>
void words_about_agents_are_kept(Store store) {
    using tx = typename Store::transaction;
    const auto alice = agent_of(1).who, bob = agent_of(2).who;
    const rating_row rating{
        .from = alice, .about = bob, .session = "s1", .score = 900'000, .tags = {"fast", "accurate"}, .at = noon};
    CHECK(in(store, [&](tx& t) { return t.insert_rating(rating); }));
    CHECK_FALSE(in(store, [&](tx& t) { return t.insert_rating(rating); }));
    auto earlier = rating;
    earlier.session = "s0";
    earlier.tags = {};
    earlier.at = noon - 1h;
    CHECK(in(store, [&](tx& t) { return t.insert_rating(earlier); }));
    CHECK(in(store, [&](tx& t) { return t.ratings_about(bob); }) == std::vector{earlier, rating});
    CHECK(in(store, [&](tx& t) { return t.ratings_about(alice); }).empty());

    session_report report{.session = "s1",
                          .initiator = alice,
                          .receiver = bob,
                          .reporter = alice,
                          .intent = "travel",
                          .outcome = session_outcome::timeout,
                          .at = noon};
    CHECK(in(store, [&](tx& t) { return t.insert_report(report); }));
    CHECK_FALSE(in(store, [&](tx& t) { return t.insert_report(report); }));
    report.reporter = bob;
    CHECK(in(store, [&](tx& t) { return t.insert_report(report); }));
    CHECK(in(store, [&](tx& t) { return t.reports_of("s1"); }).size() == 2);
    CHECK(in(store, [&](tx& t) { return t.reports_about(bob); }).size() == 2);
    CHECK(in(store, [&](tx& t) { return t.reports_about(agent_of(3).who); }).empty());

    for (int i = 0; i < 3; ++i)
        REQUIRE(
            store.transact([&](tx& t) { return t.add_score(bob, noon + std::chrono::hours{i}, static_cast<ppm>(i)); }));
    const auto scores = in(store, [&](tx& t) { return t.scores(bob, noon + 1h); });
    REQUIRE(scores.size() == 2);
    CHECK(scores[0].score == 1);
    CHECK(scores[1].at == noon + 2h);
}

template <class Store>
void organizations_and_logins_are_kept(Store store) {
    using tx = typename Store::transaction;
    auto admin = agent_of(1);
    organization_row row{.id = "o1",
                         .name = "Acme",
                         .domain = "acme.example",
                         .admin = admin.who,
                         .admin_key = admin.signing,
                         .challenge = "agentmesh-verify=x",
                         .challenge_until = noon + 24h,
                         .created_at = noon};
    CHECK(in(store, [&](tx& t) { return t.insert_organization(row); }));
    auto same_domain = row;
    same_domain.id = "o2";
    CHECK_FALSE(in(store, [&](tx& t) { return t.insert_organization(same_domain); }));
    auto same_id = row;
    same_id.domain = "other.example";
    CHECK_FALSE(in(store, [&](tx& t) { return t.insert_organization(same_id); }));
    row.verified = true;
    REQUIRE(store.transact([&](tx& t) { return t.update_organization(row); }));
    CHECK(in(store, [&](tx& t) { return t.organization("o1"); }) == row);
    CHECK(in(store, [&](tx& t) { return t.organization_of_domain("acme.example"); }) == row);
    CHECK_FALSE(in(store, [&](tx& t) { return t.organization("o2"); }));
    admin.organization = "o1";
    REQUIRE(in(store, [&](tx& t) { return t.insert_agent(admin); }));
    CHECK(in(store, [&](tx& t) { return t.members_of("o1"); }) == 1);

    const auto take = [&](std::string_view state, time_point at) {
        return in(store, [&](tx& t) { return t.take_login(state, at); });
    };
    REQUIRE(store.transact([&](tx& t) { return t.insert_login("s", "who", noon); }));
    CHECK(take("s", noon - 1us) == "who");
    CHECK_FALSE(take("s", noon - 1us));
    REQUIRE(store.transact([&](tx& t) { return t.insert_login("late", "who", noon); }));
    CHECK_FALSE(take("late", noon));
    CHECK_FALSE(take("late", noon - 1us));
}

/// All of it. `make()` gives a fresh store.
template <class Make>
void every_promise_holds(Make&& make) {
    SECTION("agents are kept") { agents_are_kept(make()); }
    SECTION("agents go, and are named") { agents_go_and_are_named(make()); }
    SECTION("a failed transaction changes nothing") { a_failed_transaction_changes_nothing(make()); }
    SECTION("whatever was done is undone") { whatever_was_done_is_undone(make()); }
    SECTION("agents are found") { agents_are_found(make()); }
    SECTION("agents are found as they are now") { agents_are_found_as_they_are_now(make()); }
    SECTION("a search goes so deep and no deeper") { a_search_goes_so_deep_and_no_deeper(make()); }
    SECTION("texts are kept whatever they say") { texts_are_kept_whatever_they_say(make()); }
    SECTION("one-time prekeys are handed out once") { one_time_prekeys_are_handed_out_once(make()); }
    SECTION("nonces are remembered") { nonces_are_remembered(make()); }
    SECTION("revocations are listed") { revocations_are_listed(make()); }
    SECTION("words about agents are kept") { words_about_agents_are_kept(make()); }
    SECTION("organizations and logins are kept") { organizations_and_logins_are_kept(make()); }
}

}  // namespace store_tests
