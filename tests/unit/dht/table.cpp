#include "tests/unit/dht/world.hpp"

using namespace dht_test;

namespace {

using outcome = dht::routing_table::outcome;
const steady_point now{1h};

dht::contact somebody(std::uint64_t key, std::uint32_t address, std::uint16_t port = 8468) {
    return dht::contact::of(node_keys(key).public_key(), dht::endpoint::v4(address, port));
}

/// As many contacts as wanted that fall into the farthest bucket of `self`, each from a network of its own.
std::vector<dht::contact> far_ones(const dht::point& self, std::size_t count) {
    std::vector<dht::contact> out;
    for (std::uint64_t key = 1000; out.size() < count; ++key) {
        const auto one = somebody(key, 0x05000001u + static_cast<std::uint32_t>(out.size()) * 0x0001'0000u);
        if (dht::common_prefix(self, one.place) == 0) out.push_back(one);
    }
    return out;
}

}  // namespace

TEST_CASE("points have distances and common beginnings", "[unit][dht]") {
    dht::point zero, one, high;
    one.storage()[31] = 1;
    high.storage()[0] = 0x80;
    CHECK(dht::common_prefix(zero, zero) == 256);
    CHECK(dht::common_prefix(zero, one) == 255);
    CHECK(dht::common_prefix(zero, high) == 0);
    CHECK(dht::nearer(zero, one, high));
    CHECK(dht::nearer(high, high, one));
    CHECK_FALSE(dht::nearer(zero, one, one));
    const auto noise = dht::point_of(identity_of(3).name());
    for (unsigned bits = 0; bits < 256; ++bits)
        CHECK(dht::common_prefix(one, dht::at_prefix(one, bits, noise)) == bits);
}

TEST_CASE("a bucket takes twenty, keeps ten in reserve, and the living stay", "[unit][dht][AM-DHT-014]") {
    const dht::point self = dht::point_of(node_keys(1).public_key());
    dht::routing_table table{self};
    const auto all = far_ones(self, 35);
    for (std::size_t i = 0; i < 20; ++i) CHECK(table.note_alive(all[i], now + i * 1s) == outcome::added);
    for (std::size_t i = 20; i < 31; ++i) CHECK(table.note_alive(all[i], now + i * 1s) == outcome::spare);
    CHECK(table.size() == 20);
    CHECK(table.spares() == 10);
    CHECK(table.note_alive(all[0], now + 1min) == outcome::known);
    CHECK(table.longest_silent(all[0].place, now + 1min) == all[1]);
    CHECK_FALSE(table.longest_silent(all[0].place, now));
    CHECK(table.closest(all[5].place, 20).front() == all[5]);

    // One that falls silent is not told of any more, and makes room for the one that was heard of last.
    table.note_failed(all[1]);
    CHECK(table.knows(all[1]));
    table.note_failed(all[1]);
    CHECK_FALSE(table.knows(all[1]));
    CHECK(table.knows(all[30]));
    CHECK(table.spares() == 9);
    CHECK(table.note_alive(somebody(1, 0x06000001), now) == outcome::refused);  // ourselves
}

TEST_CASE("without anybody in reserve the silent stay a while, but nobody is told of them", "[unit][dht]") {
    const dht::point self = dht::point_of(node_keys(1).public_key());
    dht::routing_table table{self};
    const auto one = somebody(2, 0x05000001);
    REQUIRE(table.note_alive(one, now) == outcome::added);
    for (unsigned i = 1; i < dht::routing_table::failures_to_forget; ++i) {
        table.note_failed(one);
        CHECK(table.closest(one.place, 5).size() == (i < dht::routing_table::failures_to_doubt ? 1 : 0));
    }
    CHECK(table.note_alive(one, now) == outcome::known);  // and one answer makes up for all
    CHECK(table.closest(one.place, 5).size() == 1);
    for (unsigned i = 0; i < dht::routing_table::failures_to_forget; ++i) table.note_failed(one);
    CHECK(table.size() == 0);
    table.note_failed(one);
}

TEST_CASE("one neighbourhood of addresses gets few places", "[unit][dht][AM-DHT-014]") {
    const dht::point self = dht::point_of(node_keys(1).public_key());
    for (const bool v6 : {false, true}) {
        dht::routing_table table{self};
        const dht::diversity rules;
        const auto at = [&](std::size_t network, std::size_t host) {
            dht::endpoint out = dht::endpoint::v4(0x2d4d'0000u, 8468);
            if (v6) {
                out = {.v6 = true, .port = 8468};
                out.address = {0x2a, 1, 4, 0xf8};
                out.address[5] = static_cast<std::uint8_t>(network);
                out.address[15] = static_cast<std::uint8_t>(host);
            } else {
                out.address[2] = static_cast<std::uint8_t>(network);
                out.address[3] = static_cast<std::uint8_t>(host);
            }
            return out;
        };
        std::map<unsigned, std::size_t> of_bucket;
        std::size_t of_network = 0;
        for (std::uint64_t key = 0; key < 300; ++key) {
            const auto who = dht::contact::of(node_keys(5000 + key).public_key(), at(0, key % 250));
            const bool wanted = table.wants(who);
            const auto got = table.note_alive(who, now);
            CHECK(wanted == (got == outcome::added || got == outcome::spare));
            if (got != outcome::added) continue;
            ++of_network;
            CHECK(++of_bucket[dht::common_prefix(self, who.place)] <= rules.bucket_narrow);
        }
        CHECK(of_network == rules.table_narrow);
        of_bucket.clear();
        for (const auto& one : table.contacts()) ++of_bucket[dht::common_prefix(self, one.place)];
        for (std::uint64_t key = 0; key < 2000; ++key)
            (void)table.note_alive(dht::contact::of(node_keys(9000 + key).public_key(), at(key % 200, key / 200)), now);
        CHECK(table.size() <= rules.table_wide);
        std::map<unsigned, std::size_t> live;
        for (const auto& one : table.contacts())
            CHECK(++live[dht::common_prefix(self, one.place)] <= rules.bucket_wide);
    }
}

TEST_CASE("who answers keeps his place against one with the same key or the same address", "[unit][dht][AM-DHT-014]") {
    const dht::point self = dht::point_of(node_keys(1).public_key());
    dht::routing_table table{self};
    const auto one = somebody(2, 0x05000001), moved = somebody(2, 0x06000001), other = somebody(3, 0x05000001);
    REQUIRE(table.note_alive(one, now) == outcome::added);
    CHECK(table.note_alive(moved, now) == outcome::refused);
    CHECK(table.note_alive(other, now) == outcome::refused);
    CHECK_FALSE(table.wants(moved));
    CHECK_FALSE(table.wants(other));
    table.note_failed(one);
    CHECK(table.note_alive(moved, now) == outcome::added);
    CHECK(table.size() == 1);
    CHECK(table.knows(moved));
    table.note_failed(moved);
    const auto guest = somebody(4, 0x06000001);
    CHECK(table.note_alive(guest, now) == outcome::added);
    CHECK(table.size() == 1);
    CHECK(table.knows(guest));
}

TEST_CASE("buckets in which nobody looked come up one after another", "[unit][dht]") {
    const dht::point self = dht::point_of(node_keys(1).public_key());
    dht::routing_table table{self};
    for (std::uint64_t key = 10; key < 60; ++key)
        (void)table.note_alive(somebody(key, 0x05000001u + static_cast<std::uint32_t>(key) * 0x0101'0000u), now);
    std::set<unsigned> seen;
    while (const auto depth = table.idle_bucket(now + 1s)) {
        REQUIRE(seen.insert(*depth).second);
        table.touch(dht::at_prefix(self, *depth, {}), now + 2s);
    }
    CHECK(seen.size() >= 3);
    CHECK_FALSE(table.idle_bucket(now));
}
