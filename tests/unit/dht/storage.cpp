#include "tests/unit/dht/world.hpp"

using namespace dht_test;

namespace {

const auto source = dht::endpoint::v4(0x05000001, 8468);
const moment now = begin_of_time;

dht::endpoint from(std::uint32_t address) { return dht::endpoint::v4(address, 8468); }

}  // namespace

TEST_CASE("what is stored is found until its time is over", "[unit][dht][AM-DHT-016][AM-DHT-017]") {
    dht::storage store{{}};
    const auto alice = identity_of(1);
    const auto record = record_of(alice, 1, now.wall, 2h);
    CHECK(*store.put(record.bytes(), source, now));
    CHECK_FALSE(*store.put(record.bytes(), source, now));
    REQUIRE(store.find(record.place(), now));
    CHECK(store.find(record.place(), now)->bytes == record.bytes());
    CHECK(store.find(record.place(), now + 2h));
    CHECK_FALSE(store.find(record.place(), now + 2h + 1us));
    store.expire(now + 2h);
    CHECK(store.size() == 1);
    store.expire(now + 2h + 1us);
    CHECK(store.size() == 0);

    // Setting the wall clock back keeps nothing alive.
    CHECK(*store.put(record.bytes(), source, now));
    const moment set_back{now.steady + 3h, now.wall + 1min};
    CHECK_FALSE(store.find(record.place(), set_back));
}

TEST_CASE("an older record never takes the place of a newer one, nor does a forged one", "[unit][dht][AM-DHT-016]") {
    dht::storage store{{}};
    const auto alice = identity_of(1);
    const auto first = record_of(alice, 5, now.wall), second = record_of(alice, 6, now.wall);
    REQUIRE(store.put(second.bytes(), source, now));
    CHECK(store.put(first.bytes(), source, now).error().code == errc::old_record);
    auto forged = record_of(alice, 7, now.wall);
    forged.proof = second.proof;
    CHECK(store.put(forged.bytes(), source, now).error().code == errc::bad_signature);
    CHECK(store.find(second.place(), now)->record == second);
    CHECK(store.put(record_of(alice, 7, now.wall).bytes(), source, now));
    CHECK(store.find(second.place(), now)->record.sequence == 7);
    CHECK(store.size() == 1);
    CHECK(store.put(record_of(identity_of(2), 1, now.wall + 2min).bytes(), source, now).error().code ==
          errc::stale_record);
    CHECK_FALSE(store.put(buffer(300, 1), source, now));
    CHECK(store.size() == 1);
}

TEST_CASE("one neighbourhood brings few records, and a full store keeps those nearest to it", "[unit][dht]") {
    const dht::point self = dht::point_of(node_keys(1).public_key());
    dht::storage store{self, {.records = 20, .per_narrow = 3, .per_wide = 5}};
    std::vector<local_identity> agents;
    for (std::uint64_t i = 0; i < 40; ++i) agents.push_back(identity_of(100 + i));
    const auto bring = [&](std::size_t i, std::uint32_t address) {
        return store.put(record_of(agents[i], 1, now.wall).bytes(), from(address), now).has_value();
    };
    for (std::size_t i = 0; i < 5; ++i) CHECK(bring(i, 0x05000001) == (i < 3));
    for (std::size_t i = 5; i < 10; ++i) CHECK(bring(i, 0x05000101) == (i < 7));
    CHECK(store.size() == 5);
    // What was brought is not counted again, and a newer record needs no new place.
    CHECK(store.put(record_of(agents[0], 2, now.wall).bytes(), from(0x05000001), now));
    // Room comes back with time.
    CHECK(store.put(record_of(agents[4], 1, now.wall + 25h).bytes(), from(0x05000001), now + 25h));
    CHECK(store.size() == 1);

    dht::storage full{self, {.records = 10, .per_narrow = 100, .per_wide = 100}};
    for (const auto& one : agents) (void)full.put(record_of(one, 1, now.wall).bytes(), source, now);
    CHECK(full.size() == 10);
    std::sort(agents.begin(), agents.end(), [&](const auto& a, const auto& b) {
        return dht::nearer(self, dht::point_of(a.name()), dht::point_of(b.name()));
    });
    for (std::size_t i = 0; i < agents.size(); ++i)
        CHECK((full.find(dht::point_of(agents[i].name()), now) != nullptr) == (i < 10));
}

TEST_CASE("records that nobody brought for a while come up to be passed on", "[unit][dht]") {
    dht::storage store{{}};
    const auto record = record_of(identity_of(1), 1, now.wall);
    REQUIRE(store.put(record.bytes(), source, now));
    CHECK_FALSE(store.idle(now.steady));
    REQUIRE(store.idle(now.steady + 1s));
    REQUIRE(store.put(record.bytes(), source, now + 2s));
    CHECK_FALSE(store.idle(now.steady + 1s));
    store.touch(record.place(), now.steady + 9s);
    CHECK_FALSE(store.idle(now.steady + 9s));
}
