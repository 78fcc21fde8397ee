#include <agentmesh/crypto/aead.hpp>
#include <agentmesh/crypto/ed25519.hpp>
#include <agentmesh/crypto/random.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/crypto/support.hpp"

using namespace agentmesh;
using namespace agentmesh::crypto;
using answers::b64;
using answers::hex;

namespace {

x25519_secret_key scalar(std::string_view text) { return x25519_secret_key::from(b64(text)).value(); }
x25519_public_key point(std::string_view text) { return x25519_public_key::from(b64(text)).value(); }

ed25519_key_pair numbered_pair() {
    buffer seed(32);
    for (std::size_t i = 0; i < 32; ++i) seed[i] = static_cast<std::uint8_t>(i);
    return ed25519_key_pair{ed25519_seed::from(seed).value()};
}

}  // namespace

TEST_CASE("X25519 reproduces the key agreements of deployed 0.2", "[unit][crypto][AM-KEY-005]") {
    const auto ik_a = scalar("VBgE2WW33wRZAPykVqR2eCV9T77YRCZEM2oOtYWiNiA=");
    const auto ek_a = scalar("HGJlC5RW+FqcQ5Bvl4fnMs5HXCpNvMM1k6m1eDOWXrk=");
    const auto ik_b = point("5EKAKDB0IsnH9GKdKWxxjTGewY4jSt3gdACN6HxCSi0=");
    const auto spk_b = point("WvzlPN0TRO4+d2V6JgoSM+93IqMTjQ5PHMgHyKTlfHc=");
    CHECK(public_key_of(ik_a) == point("ms7gM9gekVMuMIRZRYCcRPT0I6e624UTI0dJbR8Rlzc="));
    CHECK(public_key_of(ek_a) == point("4byaanYlHMNL8UNSzeSnhYuyApyIWKhigx33H+y1egk="));
    const auto dh1 = agree(ik_a, spk_b), dh2 = agree(ek_a, ik_b), dh3 = agree(ek_a, spk_b);
    REQUIRE((dh1 && dh2 && dh3));
    CHECK(to_hex(dh1->reveal()) == "77c606a4c105f02cb308832b051b897f8ede940be34ebdc12f1e15aa89e56a5d");
    CHECK(to_hex(dh2->reveal()) == "40eb1262a6b9e694791ce760f69191d92b0956d7e7bea72667a03db5348c6845");
    CHECK(to_hex(dh3->reveal()) == "24b68c91b1d12bb3481f2b389e8347a45941091e52be9ff355c048094690a742");
}

TEST_CASE("A top bit that is set changes nothing", "[unit][crypto][AM-KEY-005]") {
    const auto own = scalar("VBgE2WW33wRZAPykVqR2eCV9T77YRCZEM2oOtYWiNiA=");
    auto peer = point("WvzlPN0TRO4+d2V6JgoSM+93IqMTjQ5PHMgHyKTlfHc=");
    const auto expected = answers::text(agree(own, peer).value());
    peer.storage()[31] |= 0x80;
    CHECK(answers::text(agree(own, peer).value()) == expected);
}

TEST_CASE("Every point of small order gives an error and no secret", "[unit][crypto][AM-KEY-006]") {
    const auto own = scalar("VBgE2WW33wRZAPykVqR2eCV9T77YRCZEM2oOtYWiNiA=");
    for (const auto* text : {"0000000000000000000000000000000000000000000000000000000000000000",
                             "0100000000000000000000000000000000000000000000000000000000000000",
                             "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                             "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                             "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                             "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                             "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                             "0000000000000000000000000000000000000000000000000000000000000080"}) {
        CAPTURE(text);
        const auto peer = x25519_public_key::from(hex(text)).value();
        CHECK(agree(own, peer).error() == error{errc::zero_shared_secret, "AM-KEY-006"});
    }
}

TEST_CASE("Both sides of a key agreement get the same secret", "[unit][crypto][AM-KEY-005]") {
    scripted_random random{5};
    const auto a = x25519_key_pair::generate(random).value(), b = x25519_key_pair::generate(random).value();
    CHECK(answers::text(a.agree_with(b.public_key()).value()) == answers::text(b.agree_with(a.public_key()).value()));
}

TEST_CASE("Ed25519 signs and verifies as the 0.2 fixture", "[unit][crypto][AM-KEY-001]") {
    const ed25519_key_pair pair{ed25519_seed::from(b64("IxcRHIYNu3GiBxk2kmebl22LTYsVEg9fh7Wk6cj+liI=")).value()};
    CHECK(pair.public_key() == ed25519_public_key::from(b64("StpzcHb4fS73xN5EbfOCMmDM9yxRxIOwV9U9ow9ImPg=")).value());
    const auto signature = pair.sign(as_bytes("Test message to sign"));
    CHECK(to_base64(signature.bytes(), base64_form::standard_padded) ==
          "vrni9EEOQ2MIzsqEumEDXEMSr6ua55BhiyhVo5okBGMr/52htps4HpC/8B2vgNxGlEdfH2+gktAfVyqvSJyxDw==");
    CHECK(verify(pair.public_key(), as_bytes("Test message to sign"), signature));
}

TEST_CASE("A signature fails for another message, another key and any changed bit",
          "[unit][crypto][AM-KEY-001][AM-KEY-003]") {
    const auto pair = numbered_pair();
    const auto signature = pair.sign(as_bytes("message"));
    REQUIRE(verify(pair.public_key(), as_bytes("message"), signature));
    CHECK(verify(pair.public_key(), as_bytes("Message"), signature).error().code == errc::bad_signature);
    scripted_random random{6};
    CHECK_FALSE(verify(ed25519_key_pair::generate(random)->public_key(), as_bytes("message"), signature));
    for (std::size_t bit = 0; bit < 512; ++bit) {
        auto changed = signature;
        changed.storage()[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        if (verify(pair.public_key(), as_bytes("message"), changed)) FAIL("bit " << bit);
    }
}

TEST_CASE("A second encoding of a valid signature, S plus the group order, is refused", "[unit][crypto][AM-KEY-001]") {
    const auto pair = numbered_pair();
    auto signature = pair.sign(as_bytes("message"));
    const auto order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += unsigned{signature.data()[32 + i]} + order[i];
        signature.storage()[32 + i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
    REQUIRE(carry == 0);
    CHECK(verify(pair.public_key(), as_bytes("message"), signature).error().code == errc::bad_signature);
}

TEST_CASE("Weak and non-canonical public keys are refused", "[unit][crypto][AM-KEY-002]") {
    const auto pair = numbered_pair();
    CHECK(check_public_key(pair.public_key()));
    for (const auto* text : {"0100000000000000000000000000000000000000000000000000000000000000",     // the identity
                             "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",     // order 2
                             "0000000000000000000000000000000000000000000000000000000000000000",     // order 4
                             "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",     // order 8
                             "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",     // 1, not reduced
                             "0200000000000000000000000000000000000000000000000000000000000000"}) {  // not on the curve
        CAPTURE(text);
        const auto key = ed25519_public_key::from(hex(text)).value();
        CHECK(check_public_key(key).error() == error{errc::weak_key, "AM-KEY-002"});
        // With R the identity and S zero the equation holds for such keys; the rule refuses them all the same.
        ed25519_signature forged;
        forged.storage()[0] = 1;
        CHECK_FALSE(verify(key, as_bytes("any message"), forged));
    }
}

TEST_CASE("A signature of another length is none", "[unit][crypto][AM-KEY-004]") {
    CHECK(ed25519_signature::from(buffer(63), "AM-KEY-004").error() == error{errc::bad_length, "AM-KEY-004"});
    CHECK(ed25519_signature::from(buffer(65)).error().code == errc::bad_length);
}

TEST_CASE("A signing key converts to the exchange key that wire10 peers derive", "[unit][crypto]") {
    const auto pair = numbered_pair();
    CHECK(to_hex(pair.public_key().bytes()) == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
    const auto exchange = pair.to_x25519();
    CHECK(to_hex(exchange.secret_key().reveal()) == "3894eea49c580aef816935762be049559d6d1440dede12e6a125f1841fff8e6f");
    CHECK(to_hex(exchange.public_key().bytes()) == "4701d08488451f545a409fb58ae3e58581ca40ac3f7f114698cd71deac73ca01");
    CHECK(to_x25519(pair.public_key()) == exchange.public_key());
    ed25519_public_key weak;
    weak.storage()[0] = 1;
    CHECK(to_x25519(weak).error().code == errc::weak_key);
}

TEST_CASE("A key pair gives back the seed it was made of", "[unit][crypto]") {
    const auto pair = numbered_pair();
    const auto seed = pair.seed();
    CHECK(seed.reveal()[31] == 31);
    const ed25519_key_pair again{seed};
    CHECK(again.public_key() == pair.public_key());
}

TEST_CASE("Secretbox opens the 0.2 fixture and refuses any change of it", "[unit][crypto]") {
    const auto key = xsalsa20poly1305::key::from(b64("XTeviRC7wNWPcLiFAslkeSDagfCX7skQOxMz+1hNA5c=")).value();
    const auto nonce = xsalsa20poly1305::nonce::from(b64("lke+rObpmDeAAC62SQR52cuwwS6WaIFn")).value();
    const auto whole = b64("lke+rObpmDeAAC62SQR52cuwwS6WaIFnLeeZsnxezMifDIJ9KWIY4Xq/QVtOLdMcWFAgek8=");
    buffer sealed(whole.begin() + 24, whole.end());
    buffer plain(sealed.size() - 16);
    REQUIRE(xsalsa20poly1305::open(plain, key, nonce, sealed));
    CHECK(as_text(plain) == "Hello, World!");
    buffer again(sealed.size());
    xsalsa20poly1305::seal(again, key, nonce, plain);
    CHECK(again == sealed);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        sealed[i] ^= 1;
        CHECK(xsalsa20poly1305::open(plain, key, nonce, sealed).error().code == errc::bad_tag);
        CHECK(plain == buffer(plain.size()));
        sealed[i] ^= 1;
    }
    CHECK(xsalsa20poly1305::open(plain, key, nonce, buffer(15)).error().code == errc::bad_tag);
}

TEST_CASE("ChaCha20-Poly1305 reproduces RFC 8439 section 2.8.2 and binds its associated data", "[unit][crypto]") {
    using cipher = chacha20poly1305_ietf;
    static_assert(cipher::takes_ad && !xsalsa20poly1305::takes_ad);
    const auto key = cipher::key::from(hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")).value();
    const auto nonce = cipher::nonce::from(hex("070000004041424344454647")).value();
    auto ad = hex("50515253c0c1c2c3c4c5c6c7");
    const std::string_view plain =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would "
        "be it.";
    buffer sealed(plain.size() + cipher::tag_size);
    cipher::seal(sealed, key, nonce, ad, as_bytes(plain));
    CHECK(to_hex(byte_view{sealed}.last(16)) == "1ae10b594f09e26a7e902ecbd0600691");
    CHECK(to_hex(byte_view{sealed}.first(8)) == "d31a8d34648e60db");
    buffer opened(plain.size());
    REQUIRE(cipher::open(opened, key, nonce, ad, sealed));
    CHECK(as_text(opened) == plain);
    ad[0] ^= 1;
    CHECK(cipher::open(opened, key, nonce, ad, sealed).error().code == errc::bad_tag);
    CHECK(opened == buffer(opened.size()));
}

// Above a size OpenSSL does the work where the build has it; libsodium is what both must agree with.
TEST_CASE("ChaCha20-Poly1305 of every size is that of libsodium, and a changed bit opens nothing", "[unit][crypto]") {
    using cipher = chacha20poly1305_ietf;
    scripted_random random{7};
    const auto key = cipher::key::generate(random).value();
    const auto nonce = random_value<cipher::nonce>(random).value();
    for (const std::size_t size : {0u, 1u, 255u, 2047u, 2048u, 2049u, 4096u, 16384u, 65536u}) {
        buffer text(size), ad(size % 77), sealed(size + cipher::tag_size), theirs(sealed.size()), opened(size);
        REQUIRE(random.fill(text));
        REQUIRE(random.fill(ad));
        cipher::seal(sealed, key, nonce, ad, text);
        crypto_aead_chacha20poly1305_ietf_encrypt(theirs.data(), nullptr, text.data(), text.size(), ad.data(), ad.size(),
                                                  nullptr, nonce.data(), key.reveal().data());
        CHECK(sealed == theirs);
        REQUIRE(cipher::open(opened, key, nonce, ad, sealed));
        CHECK(opened == text);

        buffer in_place = text;
        in_place.resize(sealed.size());
        cipher::seal(in_place, key, nonce, ad, byte_view{in_place}.first(size));
        CHECK(in_place == sealed);

        for (const std::size_t at : {std::size_t{0}, size / 2, sealed.size() - 1}) {
            auto changed = sealed;
            changed[at] ^= 0x10;
            const auto refused = cipher::open(opened, key, nonce, ad, changed);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code == errc::bad_tag);
            CHECK(std::all_of(opened.begin(), opened.end(), [](std::uint8_t byte) { return byte == 0; }));
        }
    }
}
