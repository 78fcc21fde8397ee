#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/card.hpp>

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

/// Why something was refused; nothing if it was not.
template <class T>
error why(const result<T>& outcome) {
    return outcome ? error{} : outcome.error();
}

local_identity agent(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *local_identity::create(random, {});
}

/// Of the same signing key, with another exchange key.
identity_card resigned(const local_identity& self, std::uint32_t epoch, std::uint64_t seed) {
    crypto::scripted_random random{seed};
    const local_identity next{signing_key_pair{self.signing().seed()}, *exchange_key_pair::generate(random), {}};
    return identity_card::make(next, epoch);
}

}  // namespace

TEST_CASE("A card is 152 bytes of name, keys, epoch and signature", "[unit][e2ee][AM-KEX-003]") {
    const auto self = agent(1);
    const auto card = identity_card::make(self, 0x01020304);
    const auto bytes = card.bytes();
    const std::string hex = to_hex(bytes);
    CHECK(bytes.size() == 152);
    CHECK(hex.substr(0, 40) == to_hex(self.name().bytes().bytes()));
    CHECK(hex.substr(40, 64) == to_hex(self.signing().public_key().bytes()));
    CHECK(hex.substr(104, 64) == to_hex(self.exchange().public_key().bytes()));
    CHECK(hex.substr(168, 8) == "01020304");
    CHECK(hex.substr(176) == to_hex(card.proof.bytes()));
    CHECK(verify_in(self.signing().public_key(), signing_context::exchange_key, byte_view{bytes}.first(88),
                    card.proof));
    CHECK(identity_card::parse(bytes) == card);
}

TEST_CASE("A card with any byte changed is refused", "[unit][e2ee][AM-KEX-005][AM-KEX-006]") {
    const auto good = identity_card::make(agent(2), 7).bytes();
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const int bit : {0, 7}) {
            auto bytes = good;
            bytes[at] ^= static_cast<std::uint8_t>(1 << bit);
            CAPTURE(at, bit);
            const auto card = identity_card::parse(bytes);
            REQUIRE_FALSE(card);
            CHECK(card.error() == error{errc::bad_bundle, at < 52 ? "AM-KEX-005" : "AM-KEX-006"});
        }
    }
}

TEST_CASE("A card of another length is refused", "[unit][e2ee][AM-KEX-004]") {
    const auto good = identity_card::make(agent(3), 0).bytes();
    buffer bytes{good.begin(), good.end()};
    bytes.push_back(0);
    CHECK(why(identity_card::parse(bytes)) == error{errc::bad_bundle, "AM-KEX-004"});
    CHECK(why(identity_card::parse(byte_view{good}.first(151))) == error{errc::bad_bundle, "AM-KEX-004"});
    CHECK(why(identity_card::parse({})) == error{errc::bad_bundle, "AM-KEX-004"});
}

TEST_CASE("A card that another agent signed is refused", "[unit][e2ee][AM-KEX-005][AM-KEX-006]") {
    const auto mine = identity_card::make(agent(4), 1);
    auto stolen = identity_card::make(agent(5), 1);
    stolen.name = mine.name;
    CHECK(why(stolen.check()).clause == "AM-KEX-005");
    stolen.signing = mine.signing;
    CHECK(why(stolen.check()).clause == "AM-KEX-006");
}

TEST_CASE("A peer that was seen with a higher epoch cannot go back", "[unit][e2ee][AM-KEX-007]") {
    const auto self = agent(6);
    const auto old = resigned(self, 4, 60), present = resigned(self, 5, 61), next = resigned(self, 6, 62);
    known_epochs known;
    CHECK(known.check(present));
    CHECK(known.note(present));
    CHECK_FALSE(known.note(present));
    CHECK(why(known.check(old)) == error{errc::epoch_rollback, "AM-KEX-007"});
    CHECK_FALSE(known.note(old));
    CHECK(known.check(present));
    CHECK(known.check(next));
    CHECK(known.note(next));
    CHECK(why(known.check(present)).code == errc::epoch_rollback);
    CHECK(known.check(identity_card::make(agent(7), 0)));
}

TEST_CASE("Known epochs survive saving, and what is not such a text is refused", "[unit][e2ee][AM-KEX-007]") {
    const auto a = identity_card::make(agent(8), 3), b = identity_card::make(agent(9), 9);
    known_epochs known;
    known.note(a), known.note(b);
    const buffer saved = known.save();
    const auto back = known_epochs::restore(saved);
    REQUIRE(back);
    CHECK(back->size() == 2);
    CHECK(back->save() == saved);
    auto older = b;
    older.epoch = 8;
    CHECK(why(back->check(older)).code == errc::epoch_rollback);

    for (std::size_t size = 0; size < saved.size(); ++size)
        CHECK_FALSE(known_epochs::restore(byte_view{saved}.first(size)));
    buffer other = saved;
    other.push_back(0);
    CHECK_FALSE(known_epochs::restore(other));
    other = saved;
    other[0] = 2;
    CHECK_FALSE(known_epochs::restore(other));
    other = saved;
    std::copy_n(saved.begin() + 5, 24, other.begin() + 29);  // one name twice
    CHECK_FALSE(known_epochs::restore(other));
}

TEST_CASE("Known epochs stay within their bound and keep whom they noted last", "[unit][e2ee][AM-KEX-007]") {
    known_epochs known{3};
    std::vector<identity_card> cards;
    for (std::uint64_t i = 0; i < 5; ++i) cards.push_back(identity_card::make(agent(20 + i), 2));
    known.note(cards[0]), known.note(cards[1]), known.note(cards[2]);
    known.note(cards[0]);  // noted again: cards[1] is now the one noted longest ago
    known.note(cards[3]);
    CHECK(known.size() == 3);
    for (auto& card : cards) card.epoch = 1;
    CHECK_FALSE(known.check(cards[0]));
    CHECK(known.check(cards[1]));
    CHECK_FALSE(known.check(cards[2]));
    CHECK_FALSE(known.check(cards[3]));
    const auto fewer = known_epochs::restore(known.save(), 1);
    REQUIRE(fewer);
    CHECK(fewer->size() == 1);
    CHECK_FALSE(fewer->check(cards[3]));
}
