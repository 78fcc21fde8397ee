#include "tests/unit/dht/world.hpp"

using namespace dht_test;

namespace {

const time_point now = begin_of_time.wall;

e2ee::signed_prekey prekey_of(const local_identity& who, std::uint32_t id = 7) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    return e2ee::signed_prekey::make(who, id, who.exchange().public_key(), second - 10, second + 3600);
}

dht::discovery_record full(const local_identity& who) {
    return *dht::discovery_record::make(who, 3, 9, now, "wss://relay.example/v1", prekey_of(who));
}

}  // namespace

TEST_CASE("a record reads back as it was written, and holds", "[unit][dht][AM-DHT-002][AM-DHT-003]") {
    const auto alice = identity_of(1);
    for (const auto& record : {full(alice), record_of(alice, 1, now)}) {
        const auto bytes = record.bytes();
        const auto read = dht::read_record(bytes, dht::point_of(alice.name()), now);
        REQUIRE(read);
        CHECK(*read == record);
        CHECK(bytes.size() <= 610);
    }
    CHECK(full(alice).place() == dht::point_of(alice.name()));
}

TEST_CASE("no byte of a record can be changed, left out or added", "[unit][dht][AM-DHT-003][AM-DHT-006]") {
    const auto alice = identity_of(1);
    const auto bytes = full(alice).bytes();
    const auto place = dht::point_of(alice.name());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto changed = bytes;
        changed[i] ^= 1;
        CHECK_FALSE(dht::read_record(changed, place, now));
        CHECK_FALSE(dht::read_record(byte_view{bytes}.first(i), place, now));
    }
    auto longer = bytes;
    longer.push_back(0);
    CHECK(dht::read_record(longer, place, now).error().code == errc::bad_record);
    longer.resize(1001);
    CHECK(dht::read_record(longer, place, now).error().code == errc::too_large);
}

TEST_CASE("a record is good for its own agent alone", "[unit][dht][AM-DHT-005]") {
    const auto alice = identity_of(1), eve = identity_of(2);
    const auto record = record_of(eve, 1, now);
    CHECK(dht::read_record(record.bytes(), dht::point_of(alice.name()), now).error().code == errc::amid_mismatch);

    // Eve's key under Alice's name: every signature is hers and holds.
    auto stolen = record;
    stolen.card.name = alice.name();
    stolen.card.proof =
        e2ee::sign_in(eve.signing(), e2ee::signing_context::exchange_key, e2ee::card_content(stolen.card));
    stolen.proof = eve.signing().sign(dht::signed_bytes(dht::signing_context::record, dht::record_content(stolen)));
    CHECK(dht::check_record(stolen, now).error() == error{errc::amid_mismatch, "AM-DHT-005"});

    // Another agent's card or prekey inside a record of one's own.
    auto mixed = full(eve);
    mixed.prekey = prekey_of(alice);
    mixed.proof = eve.signing().sign(dht::signed_bytes(dht::signing_context::record, dht::record_content(mixed)));
    CHECK(dht::check_record(mixed, now).error() == error{errc::bad_signature, "AM-DHT-006"});
    mixed = full(eve);
    mixed.card.exchange = alice.exchange().public_key();
    mixed.proof = eve.signing().sign(dht::signed_bytes(dht::signing_context::record, dht::record_content(mixed)));
    CHECK(dht::check_record(mixed, now).error() == error{errc::bad_signature, "AM-DHT-006"});
}

TEST_CASE("a record has a beginning and an end, both edges good", "[unit][dht][AM-DHT-007]") {
    const auto alice = identity_of(1);
    const auto record = record_of(alice, 1, now, 2h);
    CHECK(dht::check_record(record, now - 60s));
    CHECK(dht::check_record(record, now + 2h));
    CHECK(dht::check_record(record, now - 60s - 1us).error().code == errc::stale_record);
    CHECK(dht::check_record(record, now + 2h + 1us).error().code == errc::stale_record);
    CHECK(dht::check_record(full(alice), now + 2h).error().code == errc::stale_prekey);
    CHECK_FALSE(dht::discovery_record::make(alice, 1, 1, now, "", {}, 24h + 1s));
    CHECK_FALSE(dht::discovery_record::make(alice, 1, 1, now, "", {}, 0s));
    CHECK_FALSE(dht::discovery_record::make(alice, 1, 1, now, "a b"));
    CHECK_FALSE(dht::discovery_record::make(alice, 1, 1, now, std::string(256, 'a')));
}

TEST_CASE("of two records of an agent exactly one counts, whoever has seen which first", "[unit][dht][AM-DHT-016]") {
    const auto alice = identity_of(1);
    const auto old = record_of(alice, 1, now), fresh = record_of(alice, 2, now), other = record_of(alice, 2, now + 1s);
    CHECK(dht::supersedes(fresh, old));
    CHECK_FALSE(dht::supersedes(old, fresh));
    CHECK(dht::supersedes(other, fresh) != dht::supersedes(fresh, other));
    CHECK_FALSE(dht::supersedes(fresh, fresh));
}
