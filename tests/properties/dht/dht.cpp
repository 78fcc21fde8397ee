// Datagrams and records of any content, tables and stores after any history, held against plain models.
#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/dht/lookup.hpp>
#include <agentmesh/dht/storage.hpp>

#include <rapidcheck.h>

using namespace agentmesh;

namespace {

using namespace std::chrono_literals;

template <class Fixed>
Fixed any_fixed() {
    Fixed out;
    for (auto& byte : out.storage()) byte = *rc::gen::arbitrary<std::uint8_t>();
    return out;
}

dht::endpoint any_endpoint() {
    dht::endpoint out{.v6 = *rc::gen::arbitrary<bool>(), .port = *rc::gen::arbitrary<std::uint16_t>()};
    for (std::size_t i = 0; i < (out.v6 ? 16u : 4u); ++i) out.address[i] = *rc::gen::arbitrary<std::uint8_t>();
    return out;
}

dht::datagram any_datagram() {
    dht::datagram out{.what = static_cast<dht::kind>(*rc::gen::inRange(1, 9)),
                      .prove = *rc::gen::arbitrary<bool>(),
                      .passive = *rc::gen::arbitrary<bool>(),
                      .id = any_fixed<dht::transaction>(),
                      .sender = any_fixed<dht::node_public_key>()};
    if (!dht::is_request(out.what) || *rc::gen::arbitrary<bool>()) out.token = any_fixed<dht::address_token>();
    switch (out.what) {
        case dht::kind::find_node:
        case dht::kind::find_value: out.target = any_fixed<dht::point>(); break;
        case dht::kind::nodes:
            for (int i = *rc::gen::inRange(0, 21); i > 0; --i)
                out.contacts.push_back(dht::contact::of(any_fixed<dht::node_public_key>(), any_endpoint()));
            break;
        case dht::kind::value:
        case dht::kind::store:
            out.record.assign(*rc::gen::inRange<std::size_t>(1, 1001), *rc::gen::arbitrary<std::uint8_t>());
            break;
        case dht::kind::stored: out.outcome = static_cast<dht::store_answer>(*rc::gen::inRange(0, 5)); break;
        default: break;
    }
    return out;
}

/// Agents whose keys cost something to make, made once.
const local_identity& agent(std::size_t number) {
    static const auto all = [] {
        std::vector<local_identity> out;
        for (std::uint64_t i = 0; i < 8; ++i) {
            crypto::scripted_random random{i};
            out.push_back(*local_identity::create(random, {}));
        }
        return out;
    }();
    return all[number % all.size()];
}

const moment begin{steady_point{1h}, time_point{1'790'000'000s}};

}  // namespace

TEST_CASE("any datagram reads back as it was written", "[property][dht][AM-DHT-009]") {
    CHECK(rc::check([] {
        const auto from = any_datagram();
        if (dht::is_request(from.what)) {
            const auto bytes = dht::write_request(from, *rc::gen::inRange<std::size_t>(0, 1201));
            RC_ASSERT(bytes.size() <= limits::dht_datagram_bytes);
            RC_ASSERT(dht::parse_datagram(bytes) == from);
            return;
        }
        crypto::scripted_random random{*rc::gen::arbitrary<std::uint64_t>()};
        const auto keys = *dht::node_key_pair::generate(random);
        auto named = from;
        named.sender = keys.public_key();
        const auto asker = any_fixed<dht::node_public_key>();
        const auto bytes = dht::write_answer(named, asker, from.prove ? &keys : nullptr);
        RC_ASSERT(bytes.size() <= limits::dht_datagram_bytes);
        auto read = dht::parse_datagram(bytes);
        RC_ASSERT(read.has_value());
        RC_ASSERT(dht::check_proof(bytes, *read, asker).has_value() == from.prove);
        read->proof.reset();
        RC_ASSERT(*read == named);
    }));
}

TEST_CASE("the distance is symmetric, unequal for unequal points, and has the triangle inequality", "[property][dht]") {
    CHECK(rc::check([] {
        const auto a = any_fixed<dht::point>(), b = any_fixed<dht::point>(), c = any_fixed<dht::point>();
        RC_ASSERT(dht::common_prefix(a, b) == dht::common_prefix(b, a));
        RC_ASSERT((dht::common_prefix(a, b) == 256) == (a == b));
        RC_ASSERT(dht::common_prefix(a, c) >= std::min(dht::common_prefix(a, b), dht::common_prefix(b, c)));
        RC_ASSERT(!(dht::nearer(a, b, c) && dht::nearer(a, c, b)));
        RC_ASSERT((b == c) == (!dht::nearer(a, b, c) && !dht::nearer(a, c, b)));
    }));
}

TEST_CASE("a table keeps its limits through any history, and tells the nearest",
          "[property][dht][AM-DHT-014][AM-DHT-015]") {
    CHECK(rc::check([] {
        const auto self = any_fixed<dht::point>();
        const dht::diversity rules;
        dht::routing_table table{self};
        std::vector<dht::contact> seen;
        steady_point now{1h};
        for (int step = *rc::gen::inRange(1, 120); step > 0; --step) {
            now += 1s;
            if (!seen.empty() && *rc::gen::inRange(0, 4) == 0) {
                table.note_failed(seen[*rc::gen::inRange<std::size_t>(0, seen.size())]);
                continue;
            }
            // Few networks and few points at the front, so that limits and buckets are met.
            auto key = any_fixed<dht::node_public_key>();
            const auto at = dht::endpoint::v4(0x0500'0000u + *rc::gen::inRange(0u, 3u) * 0x1'0000u +
                                                  *rc::gen::inRange(0u, 6u) * 0x100u + *rc::gen::inRange(0u, 4u),
                                              8468);
            const auto who = dht::contact::of(key, at);
            const bool wanted = table.wants(who);
            const auto got = table.note_alive(who, now);
            const bool taken = got == dht::routing_table::outcome::added || got == dht::routing_table::outcome::spare;
            RC_ASSERT(!wanted || taken);
            seen.push_back(who);
        }
        std::map<unsigned, std::map<dht::prefix, std::size_t>> narrow, wide;
        std::map<dht::prefix, std::size_t> all_narrow, all_wide;
        std::map<unsigned, std::size_t> sizes;
        std::set<dht::endpoint> places;
        const auto all = table.contacts();
        for (const auto& one : all) {
            const auto depth = dht::common_prefix(self, one.place);
            RC_ASSERT(++narrow[depth][dht::narrow_prefix(one.at)] <= rules.bucket_narrow);
            RC_ASSERT(++wide[depth][dht::wide_prefix(one.at)] <= rules.bucket_wide);
            RC_ASSERT(++all_narrow[dht::narrow_prefix(one.at)] <= rules.table_narrow);
            RC_ASSERT(++all_wide[dht::wide_prefix(one.at)] <= rules.table_wide);
            RC_ASSERT(++sizes[depth] <= limits::dht_bucket);
            RC_ASSERT(places.insert(one.at).second);
            RC_ASSERT(table.knows(one));
        }
        RC_ASSERT(table.size() == all.size());
        const auto target = any_fixed<dht::point>();
        const auto nearest = table.closest(target, limits::dht_bucket);
        for (std::size_t i = 1; i < nearest.size(); ++i)
            RC_ASSERT(dht::nearer(target, nearest[i - 1].place, nearest[i].place));
    }));
}

TEST_CASE("a store holds of each agent the record that counts, and never one over its time",
          "[property][dht][AM-DHT-016][AM-DHT-017]") {
    CHECK(rc::check([] {
        dht::storage store{any_fixed<dht::point>(), {.records = 8, .per_narrow = 8, .per_wide = 8}};
        std::map<amid, dht::discovery_record> model;
        moment now = begin;
        for (int step = *rc::gen::inRange(1, 30); step > 0; --step) {
            if (*rc::gen::inRange(0, 5) == 0) {
                now = now + std::chrono::minutes{*rc::gen::inRange(1, 200)};
                if (*rc::gen::arbitrary<bool>()) store.expire(now);
            } else {
                const auto& who = agent(*rc::gen::inRange<std::size_t>(0, 4));
                const auto record = *dht::discovery_record::make(who, 1, *rc::gen::inRange(0u, 5u), now.wall, "", {},
                                                                 std::chrono::minutes{*rc::gen::inRange(1, 300)});
                auto bytes = record.bytes();
                const bool forged = *rc::gen::inRange(0, 4) == 0;
                if (forged) bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] ^= 4;
                const auto known = model.find(who.name());
                const bool current = known != model.end() && now.wall <= known->second.expires();
                const bool counts = !current || known->second == record || dht::supersedes(record, known->second);
                const auto put = store.put(bytes, dht::endpoint::v4(0x05000001, 1), now);
                RC_ASSERT(put.has_value() == (counts && !forged));
                if (put) model.insert_or_assign(who.name(), record);
            }
            for (std::size_t i = 0; i < 4; ++i) {
                const auto known = model.find(agent(i).name());
                const auto* held = store.find(dht::point_of(agent(i).name()), now);
                const bool current = known != model.end() && now.wall <= known->second.expires();
                RC_ASSERT((held != nullptr) == current);
                if (held) RC_ASSERT(held->record == known->second);
            }
            RC_ASSERT(store.size() <= 4);
        }
    }));
}

TEST_CASE("a lookup ends whatever it is told, asks nobody twice, and its answer is in order", "[property][dht]") {
    CHECK(rc::check([] {
        const auto target = any_fixed<dht::point>();
        const auto somebody = [] {
            return dht::contact::of(any_fixed<dht::node_public_key>(),
                                    dht::endpoint::v4(*rc::gen::arbitrary<std::uint32_t>(), 8468));
        };
        std::vector<dht::contact> first;
        for (int i = *rc::gen::inRange(0, 20); i > 0; --i) first.push_back(somebody());
        dht::lookup of{target, dht::lookup::purpose::find_node, first, {}};
        std::vector<dht::lookup::question> open;
        std::set<dht::point> asked;
        std::size_t steps = 0;
        while (!of.is_over()) {
            while (const auto next = of.next()) {
                RC_ASSERT(asked.insert(next->to.place).second);
                open.push_back(*next);
                RC_ASSERT(open.size() <= limits::dht_paths);
            }
            if (open.empty()) break;
            const auto which = *rc::gen::inRange<std::size_t>(0, open.size());
            const auto one = open[which];
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
            if (*rc::gen::inRange(0, 3) == 0) {
                of.failed(one);
            } else {
                std::vector<dht::contact> told;
                for (int i = *rc::gen::inRange(0, 4); i > 0; --i) told.push_back(somebody());
                of.answered(one, told);
            }
            RC_ASSERT(++steps <= dht::lookup::questions_most);
        }
        RC_ASSERT(of.is_over());
        const auto nearest = of.closest(limits::dht_bucket);
        for (std::size_t i = 1; i < nearest.size(); ++i)
            RC_ASSERT(dht::nearer(target, nearest[i - 1].place, nearest[i].place));
    }));
}
