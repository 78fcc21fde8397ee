#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/crypto/support.hpp"
#include "tests/unit/e2ee/ratchet_pair.hpp"

using namespace agentmesh;
using namespace agentmesh::e2ee;
using namespace ratchet_test;

namespace {

/// A side that has everything a snapshot can hold: both chains, retired keys, skipped keys of two chains.
template <class S>
double_ratchet<S> full_side(std::uint64_t seed = 1) {
    pair_of_sides<S> world{seed};
    for (int i = 0; i < 3; ++i) {
        (void)world.seal(world.a, "lost");
        CHECK(world.exchange(world.a, world.b, "x"));
        CHECK(world.exchange(world.b, world.a, "x"));
    }
    (void)world.seal(world.a, "lost");
    (void)world.seal(world.a, "lost too");
    CHECK(world.exchange(world.a, world.b, "x"));
    CHECK(world.exchange(world.b, world.a, "x"));
    CHECK(world.b.skipped() == 5);
    return std::move(world.b);
}

template <class S>
errc refusal(const crypto::secret_buffer& bytes) {
    const auto out = restore<S>(bytes);
    if (out) return errc{};
    CHECK(out.error().clause == "AM-RAT-031");
    return out.error().code;
}

template <class S>
struct fields {
    crypto::secret_buffer bytes = save(full_side<S>());
    std::size_t sending = sending_at(bytes).value(), receiving = receiving_at(bytes).value();
    std::size_t retired = receiving + 36;
    std::size_t skipped = retired + 1 + 32u * bytes[retired];
};

}  // namespace

// --- ratchets ---------------------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("A restored side goes on where the saved one stood, in every state", "[unit][e2ee][AM-RAT-030]", am1,
                   v02, wire10, wire10_legacy) {
    pair_of_sides<TestType> world{2};
    const auto restart = [&] {
        for (auto* side : {&world.a, &world.b}) {
            const auto saved = save(*side);
            auto again = restore<TestType>(saved);
            REQUIRE(again);
            CHECK(save(*again) == saved);
            CHECK(again->can_send() == side->can_send());
            CHECK(again->turns() == side->turns());
            CHECK(again->public_key() == side->public_key());
            *side = *std::move(again);
        }
    };
    restart();  // before the first message
    const auto late = world.seal(world.a, "late");
    restart();
    CHECK(world.exchange(world.a, world.b, "1"));
    restart();
    CHECK(world.exchange(world.b, world.a, "2"));
    restart();
    CHECK(world.exchange(world.a, world.b, "3"));
    restart();
    CHECK(world.opens(world.b, late));
    restart();
    CHECK(world.error(world.b, late).code == errc::duplicate);
}

TEST_CASE("The sides of am1 are saved and restored between KNOCK and ACCEPT", "[unit][e2ee][AM-RAT-030]") {
    auto world = pair_of_sides<am1>::accepted(3);
    world.a = restore<am1>(save(world.a)).value();
    world.b = restore<am1>(save(world.b)).value();
    REQUIRE(world.a.step(world.b.public_key(), world.random));
    world.a = restore<am1>(save(world.a)).value();
    CHECK(world.exchange(world.b, world.a, "at once"));
    CHECK(world.exchange(world.a, world.b, "and back"));
}

TEST_CASE("A snapshot of version 1 has the stated bytes", "[unit][e2ee][AM-RAT-030]") {
    const auto filled = [](std::uint8_t byte) { return buffer(32, byte); };
    const exchange_key_pair remote{exchange_secret_key::from(filled(3)).value()};
    const auto side = double_ratchet<am1>::initiate(
        root_key::from(filled(1)).value(), exchange_key_pair{exchange_secret_key::from(filled(2)).value()},
        remote.public_key()).value();
    const auto stepped = kdf_rk<am1>(root_key::from(filled(1)).value(),
                                     exchange_key_pair{exchange_secret_key::from(filled(2)).value()}
                                         .agree_with(remote.public_key()).value());
    CHECK(to_hex(save(side)) == "414d5201" "01" "07" + to_hex(stepped.root.reveal()) + to_hex(filled(2)) +
                                    "00000000" "00000000" + to_hex(remote.public_key().bytes()) +
                                    to_hex(stepped.chain.reveal()) + "00000000" "00" "0000");
}

TEMPLATE_TEST_CASE("Every cut of a snapshot is refused, and every addition", "[unit][e2ee][AM-RAT-031]", am1, v02,
                   wire10, wire10_legacy) {
    const auto whole = save(full_side<TestType>());
    REQUIRE(restore<TestType>(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const crypto::secret_buffer part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        REQUIRE(refusal<TestType>(part) == errc::bad_snapshot);
    }
    for (const std::size_t more : {1u, 32u, 68u}) {
        auto longer = whole;
        longer.resize(whole.size() + more);
        CHECK(refusal<TestType>(longer) == errc::bad_snapshot);
    }
}

TEMPLATE_TEST_CASE("A changed bit of a snapshot is refused, or restores exactly what then stands there",
                   "[unit][e2ee][AM-RAT-031]", am1, v02) {
    auto bytes = save(full_side<TestType>());
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        if (const auto restored = restore<TestType>(bytes)) REQUIRE(save(*restored) == bytes);
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    }
}

TEST_CASE("A snapshot is restored as its own suite only", "[unit][e2ee][AM-RAT-031]") {
    const auto bytes = save(full_side<wire10>());
    CHECK(suite_of_snapshot(bytes).value() == suite_id::wire10);
    CHECK(refusal<wire10_legacy>(bytes) == errc::bad_snapshot);
    CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    CHECK(suite_of_snapshot(save(full_side<v02>())).value() == suite_id::v02);
    for (const int other : {0, 5, 255}) {
        auto changed = bytes;
        changed[at::suite] = static_cast<std::uint8_t>(other);
        CHECK(suite_of_snapshot(changed).error().code == errc::bad_snapshot);
    }
    CHECK(suite_of_snapshot({}).error().code == errc::bad_snapshot);
}

TEST_CASE("A snapshot of another version is refused", "[unit][e2ee][AM-RAT-031]") {
    for (const int version : {0, 2, 255}) {
        auto bytes = save(full_side<am1>());
        bytes[at::version] = static_cast<std::uint8_t>(version);
        CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    }
}

TEST_CASE("Flags that are unknown, or name a chain without the peer's key, are refused", "[unit][e2ee][AM-RAT-031]") {
    crypto::scripted_random random{4};
    const auto fresh = save(double_ratchet<am1>::respond(root_key{}, exchange_key_pair::generate(random).value()));
    REQUIRE(restore<am1>(fresh));
    for (unsigned flags = 0; flags < 256; ++flags) {
        auto bytes = fresh;
        bytes[at::flags] = static_cast<std::uint8_t>(flags);
        // Room for whatever the flags claim, so that only the claim is judged.
        std::size_t claimed = 0;
        if ((flags & 2) != 0) claimed += 32;
        if ((flags & 4) != 0) claimed += 36;
        if ((flags & 8) != 0) claimed += 36;
        bytes.resize(bytes.size() + claimed);
        const bool sound = flags < 16 && ((flags & 12) == 0 || (flags & 2) != 0);
        CHECK(restore<am1>(bytes).has_value() == sound);
    }
}

TEST_CASE("Counters that no chain of the suite reaches are refused", "[unit][e2ee][AM-RAT-031]") {
    const fields<am1> sound;
    for (const auto where : {at::previous, sound.sending + 32, sound.receiving + 32}) {
        auto bytes = sound.bytes;
        write_u32(bytes, where, 0x8000'0000);
        CHECK(restore<am1>(bytes).has_value());
        write_u32(bytes, where, 0x8000'0001);
        CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    }
    auto bytes = sound.bytes;
    write_u32(bytes, at::turns, (1u << 20) + 1);
    CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
}

TEST_CASE("Stored keys that could not have been skipped are refused", "[unit][e2ee][AM-RAT-031]") {
    const fields<am1> sound;
    const std::size_t first = sound.skipped + 2, second = first + 68, last = first + 4 * 68;
    SECTION("the same name twice") {
        auto bytes = sound.bytes;
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(first), 36,
                    bytes.begin() + static_cast<std::ptrdiff_t>(second));
        CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    }
    SECTION("a number that the chain has not reached") {
        auto bytes = sound.bytes;
        write_u32(bytes, last + 32, 2);  // the chain expects 3
        write_u32(bytes, last + 32 - 68, 0);
        CHECK(restore<am1>(bytes));
        write_u32(bytes, last + 32, 3);
        CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    }
    SECTION("a number beyond the end of every chain") {
        auto bytes = sound.bytes;
        write_u32(bytes, first + 32, 0x7fff'ffff);
        CHECK(restore<am1>(bytes));
        write_u32(bytes, first + 32, 0x8000'0000);
        CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    }
    SECTION("more than are ever kept") {
        auto bytes = sound.bytes;
        bytes.resize(sound.skipped + 2);
        bytes[sound.skipped] = 2000 >> 8, bytes[sound.skipped + 1] = 2000 & 255;
        for (std::uint32_t n = 0; n < 2001; ++n) {
            const std::size_t where = bytes.size();
            bytes.resize(where + 68, 1);
            write_u32(bytes, where + 32, n);
            if (n == 1999) CHECK(restore<am1>(bytes).value().skipped() == 2000);
        }
        bytes[sound.skipped + 1] = 2001 & 255;
        CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    }
}

TEST_CASE("Retired keys that are too many, repeated or still in use are refused", "[unit][e2ee][AM-RAT-031]") {
    const fields<am1> sound;
    const auto retired = static_cast<std::ptrdiff_t>(sound.retired);
    REQUIRE(sound.bytes[sound.retired] == 3);
    auto bytes = sound.bytes;
    std::copy_n(bytes.begin() + retired + 1, 32, bytes.begin() + retired + 33);
    CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    bytes = sound.bytes;
    std::copy_n(bytes.begin() + at::remote, 32, bytes.begin() + retired + 1);
    CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
    bytes = sound.bytes;
    bytes[sound.retired] = 9;
    bytes.insert(bytes.begin() + retired + 1, 6 * 32, std::uint8_t{7});
    CHECK(refusal<am1>(bytes) == errc::bad_snapshot);
}

// --- at rest ----------------------------------------------------------------------------------------------------

namespace {

storage_key key_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return storage_key_of(local_identity::create(random, time_point{}).value());
}
const buffer record = {1, 2, 3, 4, 5};

}  // namespace

TEST_CASE("A record sealed at rest opens under its name and identity", "[unit][e2ee]") {
    crypto::scripted_random random{9};
    for (const std::size_t size : {0u, 1u, 5000u}) {
        const buffer plain(size, 0x42);
        const auto sealed = seal_at_rest(key_of(1), "session/1", plain, random).value();
        CHECK(sealed.size() == size + 49);
        const auto opened = open_at_rest(key_of(1), "session/1", sealed).value();
        CHECK(std::equal(opened.begin(), opened.end(), plain.begin(), plain.end()));
    }
}

TEST_CASE("A record sealed at rest has the bytes that an independent implementation gives", "[unit][e2ee]") {
    buffer salt(32);
    for (std::size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<std::uint8_t>(i);
    crypto::scripted_random random{salt};
    const auto key = storage_key::from(buffer(32, 0x77)).value();
    CHECK(to_hex(seal_at_rest(key, "session/1", record, random).value()) == 
          "01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa53e8d4786a869"
          "c61c6dd943d1f48dab5705017a9f");
}

TEST_CASE("The storage key follows from both private keys", "[unit][e2ee]") {
    const auto identity = [](std::uint8_t signing, std::uint8_t exchange) {
        return local_identity{signing_key_pair{signing_seed::from(buffer(32, signing)).value()},
                              exchange_key_pair{exchange_secret_key::from(buffer(32, exchange)).value()}, {}};
    };
    constexpr std::string_view expected = "3e804104b2fe0ce5e0169446e5b9c0239497bcfea9932f1aeff208942abebf81";
    const auto key = storage_key_of(identity(1, 2)), another = storage_key_of(identity(1, 3));
    CHECK(to_hex(key.reveal()) == expected);
    CHECK(to_hex(another.reveal()) != expected);
}

TEST_CASE("A record that was changed, cut, renamed or written by another identity does not open", "[unit][e2ee]") {
    crypto::scripted_random random{10};
    const auto key = key_of(1);
    auto sealed = seal_at_rest(key, "session/1", record, random).value();
    for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
        sealed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        REQUIRE(open_at_rest(key, "session/1", sealed).error().code == errc::bad_snapshot);
        sealed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    }
    for (std::size_t size = 0; size < sealed.size(); ++size)
        REQUIRE(open_at_rest(key, "session/1", byte_view{sealed}.first(size)).error().code == errc::bad_snapshot);
    CHECK(open_at_rest(key, "session/2", sealed).error().code == errc::bad_snapshot);
    CHECK(open_at_rest(key, "session/", sealed).error().code == errc::bad_snapshot);
    CHECK(open_at_rest(key_of(2), "session/1", sealed).error().code == errc::bad_snapshot);
    CHECK(open_at_rest(key, "session/1", sealed));
}

TEST_CASE("Nothing is sealed at rest without randomness, and nothing twice alike", "[unit][e2ee]") {
    crypto::scripted_random empty{buffer{}}, random{11};
    CHECK(seal_at_rest(key_of(1), "r", record, empty).error().code == errc::random_failed);
    CHECK(seal_at_rest(key_of(1), "r", record, random).value() != seal_at_rest(key_of(1), "r", record, random).value());
}
