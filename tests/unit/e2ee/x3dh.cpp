#include "tests/support/catch.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>
#include <agentmesh/e2ee/x3dh.hpp>

#include <set>

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

static_assert(X3dhSuite<v02> && X3dhSuite<wire10> && X3dhSuite<wire10_legacy>);
static_assert(!X3dhSuite<am1>);

exchange_key_pair pair_from(std::string_view base64) {
    const auto bytes = *from_base64(base64, base64_form::standard_padded);
    return exchange_key_pair{*exchange_secret_key::from(bytes)};
}

exchange_key_pair pair_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *exchange_key_pair::generate(random);
}

local_identity agent(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *local_identity::create(random, {});
}

template <class Key>
std::string hex_of(const Key& key) {
    return to_hex(key.reveal());
}

/// Points whose product with any clamped scalar is the neutral element, non-canonical forms included.
const std::vector<std::string> low_order = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
};

exchange_public_key point(std::string_view hex) { return *exchange_public_key::from(*from_hex(hex)); }

// The fixture that the deployed SDKs share.
struct deployed {
    exchange_key_pair ik_a = pair_from("VBgE2WW33wRZAPykVqR2eCV9T77YRCZEM2oOtYWiNiA=");
    exchange_key_pair ek_a = pair_from("HGJlC5RW+FqcQ5Bvl4fnMs5HXCpNvMM1k6m1eDOWXrk=");
    exchange_key_pair ik_b = pair_from("oe8xerT6oRxqdJuhnHJ954j/IkiPcjy2WTjAOqEzhTE=");
    exchange_key_pair spk_b = pair_from("cco7Tuq8aXp3OtaiV5dCGmd708p7ap38PfpmGc6wRAc=");
    exchange_key_pair opk_b = pair_from("ymsAYx2mt7O/4+3w7p+lyP2izRqCqm9OAADU/u+bf7c=");
};

/// Both sides of am1 with everything they need; each key is apart from the others.
struct am1_pair {
    local_identity a = agent(1), b = agent(2);
    identity_card card_a = identity_card::make(a, 5), card_b = identity_card::make(b, 6);
    exchange_key_pair ephemeral = pair_of(3), ratchet = pair_of(4);
    prekey_pair signed_key{11, pair_of(5)}, one_time{21, pair_of(6)};
    prekey_bundle bundle{card_b, signed_prekey::make(b, 11, signed_key.pair.public_key(), 0, 1000),
                         prekey_batch::make(b, 21, {one_time.pair.public_key()}).prekey(21)};

    [[nodiscard]] result<agreed_keys> initiator() const {
        return agree_am1_initiator(a.exchange(), card_a, ephemeral, ratchet.public_key(), bundle);
    }
    [[nodiscard]] result<agreed_keys> responder() const {
        return agree_am1_responder(b.exchange(), card_b, card_a, ephemeral.public_key(), ratchet.public_key(),
                                   signed_key, bundle.one_time ? &one_time : nullptr);
    }
};

std::string all_of(const agreed_keys& keys) {
    return hex_of(keys.root) + hex_of(keys.knock) + hex_of(keys.reply) + hex_of(keys.session);
}

}  // namespace

TEST_CASE("X3DH of v02 reproduces the deployed fixture, step by step", "[unit][e2ee][AM-KEX-044]") {
    const deployed f;
    CHECK(identity::to_text(f.ik_a.public_key()) == "ms7gM9gekVMuMIRZRYCcRPT0I6e624UTI0dJbR8Rlzc=");
    CHECK(hex_of(*f.ik_a.agree_with(f.spk_b.public_key())) ==
          "77c606a4c105f02cb308832b051b897f8ede940be34ebdc12f1e15aa89e56a5d");
    CHECK(hex_of(*f.ek_a.agree_with(f.ik_b.public_key())) ==
          "40eb1262a6b9e694791ce760f69191d92b0956d7e7bea72667a03db5348c6845");
    CHECK(hex_of(*f.ek_a.agree_with(f.spk_b.public_key())) ==
          "24b68c91b1d12bb3481f2b389e8347a45941091e52be9ff355c048094690a742");
    CHECK(hex_of(*f.ek_a.agree_with(f.opk_b.public_key())) ==
          "c9108b2b41a44e801ee6986e8c547baabbd30d2ccd5e2564e7fcb66406a7b018");

    const auto text = [](const result<root_key>& key) {
        return to_base64(key->reveal(), base64_form::standard_padded);
    };
    const auto& once = f.opk_b.public_key();
    const auto& ik_b = f.ik_b.public_key();
    const auto& spk_b = f.spk_b.public_key();
    CHECK(text(x3dh_initiator<v02>(f.ik_a, f.ek_a, ik_b, spk_b, &once)) ==
          "1ZiCFlHzWlk4cuOjf7QW+dRcrrYWzvYwcMCXaqH/BG4=");
    CHECK(text(x3dh_initiator<v02>(f.ik_a, f.ek_a, ik_b, spk_b, nullptr)) ==
          "DMoJ1sczvq2uvZSn0Ym+g7GALUpJmFW002O1CUjp+LA=");
    CHECK(text(x3dh_responder<v02>(f.ik_b, f.spk_b, &f.opk_b, f.ik_a.public_key(), f.ek_a.public_key())) ==
          "1ZiCFlHzWlk4cuOjf7QW+dRcrrYWzvYwcMCXaqH/BG4=");
    CHECK(text(x3dh_responder<v02>(f.ik_b, f.spk_b, nullptr, f.ik_a.public_key(), f.ek_a.public_key())) ==
          "DMoJ1sczvq2uvZSn0Ym+g7GALUpJmFW002O1CUjp+LA=");
}

TEST_CASE("The derivations of wire10 reproduce their known answers", "[unit][e2ee][AM-KEX-042][AM-KEX-043]") {
    agreement_results results;
    for (std::uint8_t first = 0; first < 96; first = static_cast<std::uint8_t>(first + 32)) {
        crypto::shared_secret one;
        for (std::uint8_t i = 0; i < 32; ++i) one.reveal_storage()[i] = static_cast<std::uint8_t>(first + i);
        results.add(one);
    }
    CHECK(hex_of(derive_x3dh<wire10>(results)) == "f8682588506e56d9b602f353a83910760692d4939a18b8043305b82f705a5bfa");
    CHECK(hex_of(derive_x3dh<wire10_legacy>(results)) ==
          "4d1a12faac5d3f02cfbf818d22cb0fd421fc4f06705ff05aa90e4e069552e22b");
}

TEMPLATE_TEST_CASE("Both sides of X3DH agree, with three and with four steps", "[unit][e2ee]", v02, wire10,
                   wire10_legacy) {
    const auto a = pair_of(1), b = pair_of(2), ephemeral = pair_of(3), prekey = pair_of(4), once = pair_of(5);
    const auto four = x3dh_initiator<TestType>(a, ephemeral, b.public_key(), prekey.public_key(), &once.public_key());
    const auto three = x3dh_initiator<TestType>(a, ephemeral, b.public_key(), prekey.public_key(), nullptr);
    REQUIRE((four && three));
    CHECK(hex_of(*four) ==
          hex_of(*x3dh_responder<TestType>(b, prekey, &once, a.public_key(), ephemeral.public_key())));
    CHECK(hex_of(*three) ==
          hex_of(*x3dh_responder<TestType>(b, prekey, nullptr, a.public_key(), ephemeral.public_key())));
    CHECK(hex_of(*four) != hex_of(*three));
}

TEMPLATE_TEST_CASE("A key of small order in any role ends X3DH before a key exists", "[unit][e2ee][AM-KEX-041]", v02,
                   wire10, wire10_legacy) {
    const auto own = pair_of(1), other = pair_of(2), good = pair_of(3);
    const auto refused = [](const result<root_key>& key) {
        return !key && key.error() == error{errc::zero_shared_secret, "AM-KEX-041"};
    };
    for (const auto& text : low_order) {
        CAPTURE(text);
        const auto bad = point(text);
        CHECK(refused(x3dh_initiator<TestType>(own, other, bad, good.public_key(), nullptr)));
        CHECK(refused(x3dh_initiator<TestType>(own, other, good.public_key(), bad, nullptr)));
        CHECK(refused(x3dh_initiator<TestType>(own, other, good.public_key(), good.public_key(), &bad)));
        CHECK(refused(x3dh_responder<TestType>(own, other, nullptr, bad, good.public_key())));
        CHECK(refused(x3dh_responder<TestType>(own, other, nullptr, good.public_key(), bad)));
        CHECK(refused(x3dh_responder<TestType>(own, other, &good, good.public_key(), bad)));
    }
}

TEST_CASE("Both sides of am1 derive the same four keys, with and without a one-time prekey",
          "[unit][e2ee][AM-KEX-040]") {
    am1_pair w;
    const auto with = w.initiator();
    REQUIRE(with);
    CHECK(all_of(*with) == all_of(*w.responder()));
    CHECK(with->context == w.responder()->context);
    w.bundle.one_time.reset();
    const auto without = w.initiator();
    REQUIRE(without);
    CHECK(all_of(*without) == all_of(*w.responder()));
    CHECK(all_of(*without) != all_of(*with));
    const std::set<std::string> apart = {hex_of(with->root), hex_of(with->knock), hex_of(with->reply),
                                         hex_of(with->session)};
    CHECK(apart.size() == 4);
}

TEST_CASE("The keys of am1 are HKDF over context and results as written", "[unit][e2ee][AM-KEX-040]") {
    const am1_pair w;
    const auto lp = [](std::string hex) {
        buffer size;
        append_u32be(size, static_cast<std::uint32_t>(hex.size() / 2));
        return to_hex(size) + hex;
    };
    const std::string context = lp(to_hex(as_bytes("am1"))) + lp(to_hex(w.card_a.bytes())) +
                                lp(to_hex(w.card_b.bytes())) + lp(to_hex(w.ephemeral.public_key().bytes())) +
                                lp(to_hex(w.ratchet.public_key().bytes())) +
                                lp("0000000b" + to_hex(w.signed_key.pair.public_key().bytes())) +
                                lp("00000015" + to_hex(w.one_time.pair.public_key().bytes()));
    const std::string material = std::string(64, 'f') +
                                 hex_of(*w.a.exchange().agree_with(w.signed_key.pair.public_key())) +
                                 hex_of(*w.ephemeral.agree_with(w.card_b.exchange)) +
                                 hex_of(*w.ephemeral.agree_with(w.signed_key.pair.public_key())) +
                                 hex_of(*w.ephemeral.agree_with(w.one_time.pair.public_key()));
    const auto digest = crypto::sha256(*from_hex(context));
    std::array<std::uint8_t, 128> expected{};
    REQUIRE(crypto::hkdf_sha256(expected, digest.bytes(), *from_hex(material), as_bytes("AgentMesh-v1:am1:x3dh")));
    const auto keys = w.initiator();
    REQUIRE(keys);
    CHECK(all_of(*keys) == to_hex(expected));
    CHECK(keys->context == digest);
}

TEST_CASE("Whatever public value one side sees differently, the keys differ", "[unit][e2ee][AM-KEX-040]") {
    const am1_pair w;
    const auto expected = all_of(*w.initiator());
    const auto other = pair_of(77).public_key();
    agreement_results results;
    REQUIRE(results.add(w.ephemeral, w.card_b.exchange));
    const agreement_context same{w.card_a, w.card_b, w.ephemeral.public_key(), w.ratchet.public_key(), 11,
                                 w.signed_key.pair.public_key(),
                                 std::pair{std::uint32_t{21}, w.one_time.pair.public_key()}};
    std::set<std::string> seen = {all_of(derive_am1(same, results))};
    const auto apart = [&](auto&& change) {
        auto context = same;
        change(context);
        return seen.insert(all_of(derive_am1(context, results))).second;
    };
    CHECK(apart([](auto& c) { c.initiator.epoch += 1; }));
    CHECK(apart([](auto& c) { c.responder.epoch += 1; }));
    CHECK(apart([](auto& c) { std::swap(c.initiator, c.responder); }));
    CHECK(apart([](auto& c) { c.initiator.proof.storage()[0] ^= 1; }));
    CHECK(apart([&](auto& c) { c.ephemeral = other; }));
    CHECK(apart([&](auto& c) { c.ratchet = other; }));
    CHECK(apart([](auto& c) { c.signed_id += 1; }));
    CHECK(apart([&](auto& c) { c.signed_key = other; }));
    CHECK(apart([](auto& c) { c.one_time->first += 1; }));
    CHECK(apart([&](auto& c) { c.one_time->second = other; }));
    CHECK(apart([](auto& c) { c.one_time.reset(); }));
    // The same, seen by a responder that has another prekey under the id.
    am1_pair changed;
    changed.signed_key = prekey_pair{12, pair_of(5)};
    CHECK(all_of(*changed.responder()) != expected);
}

TEST_CASE("A key of small order in any role of am1 ends the agreement before a key exists",
          "[unit][e2ee][AM-KEX-041]") {
    for (const auto& text : low_order) {
        CAPTURE(text);
        const auto bad = point(text);
        const auto refused = [](const result<agreed_keys>& keys) {
            return !keys && keys.error() == error{errc::zero_shared_secret, "AM-KEX-041"};
        };
        am1_pair w;
        const auto initiator = [&](auto&& change) {
            auto bundle = w.bundle;
            change(bundle);
            return agree_am1_initiator(w.a.exchange(), w.card_a, w.ephemeral, w.ratchet.public_key(), bundle);
        };
        CHECK(refused(initiator([&](auto& bundle) { bundle.card.exchange = bad; })));
        CHECK(refused(initiator([&](auto& bundle) { bundle.signed_key.key = bad; })));
        CHECK(refused(initiator([&](auto& bundle) { bundle.one_time->key = bad; })));
        auto card = w.card_a;
        card.exchange = bad;
        CHECK(refused(agree_am1_responder(w.b.exchange(), w.card_b, card, w.ephemeral.public_key(),
                                          w.ratchet.public_key(), w.signed_key, nullptr)));
        CHECK(refused(agree_am1_responder(w.b.exchange(), w.card_b, w.card_a, bad, w.ratchet.public_key(),
                                          w.signed_key, nullptr)));
        CHECK(refused(agree_am1_responder(w.b.exchange(), w.card_b, w.card_a, bad, w.ratchet.public_key(),
                                          w.signed_key, &w.one_time)));
    }
}
