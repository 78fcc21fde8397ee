// C2SP/wycheproof. Its XChaCha20-Poly1305 set is not used: this library offers no such cipher.
#include <agentmesh/crypto/aead.hpp>
#include <agentmesh/crypto/ed25519.hpp>
#include <agentmesh/crypto/kdf.hpp>

#include "tests/external/vectors.hpp"

using namespace agentmesh;
using namespace agentmesh::crypto;
using nlohmann::json;

TEST_CASE("X25519 agrees with Wycheproof, and an all-zero result is an error",
          "[external][crypto][AM-KEY-005][AM-KEY-006]") {
    std::size_t zeros = 0;
    const auto count = external::for_each_test(external::wycheproof("x25519"), [&](const json&, const json& test) {
        const auto secret_key = x25519_secret_key::from(external::bytes(test, "private")).value();
        const auto public_key = x25519_public_key::from(external::bytes(test, "public")).value();
        const auto expected = external::bytes(test, "shared");
        const auto shared = agree(secret_key, public_key);
        const bool zero = std::all_of(expected.begin(), expected.end(), [](auto byte) { return byte == 0; });
        zeros += zero;
        REQUIRE(shared.has_value() == !zero);
        if (zero)
            CHECK(shared.error() == error{errc::zero_shared_secret, "AM-KEY-006"});
        else
            CHECK(std::equal(expected.begin(), expected.end(), shared->reveal().begin()));
    });
    CHECK(count == 518);
    CHECK(zeros == 31);
}

TEST_CASE("Ed25519 decides as Wycheproof expects", "[external][crypto][AM-KEY-001][AM-KEY-004]") {
    std::size_t accepted = 0;
    const auto count =
        external::for_each_test(external::wycheproof("ed25519"), [&](const json& group, const json& test) {
            const auto key = ed25519_public_key::from(external::bytes(group.at("publicKey"), "pk")).value();
            const auto bytes = external::bytes(test, "sig");
            const auto signature = ed25519_signature::from(bytes);
            if (bytes.size() != 64) {
                CHECK_FALSE(signature.has_value());
                CHECK(test.at("result") == "invalid");
                return;
            }
            const bool valid = verify(key, external::bytes(test, "msg"), *signature).has_value();
            accepted += valid;
            CHECK(valid == (test.at("result") == "valid"));
        });
    CHECK(count == 151);
    CHECK(accepted == 88);
}

TEST_CASE("ChaCha20-Poly1305 seals and opens as Wycheproof expects", "[external][crypto]") {
    using cipher = chacha20poly1305_ietf;
    std::size_t accepted = 0;
    const auto count =
        external::for_each_test(external::wycheproof("chacha20_poly1305"), [&](const json&, const json& test) {
            const auto nonce = cipher::nonce::from(external::bytes(test, "iv"));
            if (!nonce) {
                CHECK(test.at("result") == "invalid");
                return;
            }
            const auto key = cipher::key::from(external::bytes(test, "key")).value();
            const auto ad = external::bytes(test, "aad"), plain = external::bytes(test, "msg");
            auto sealed = external::bytes(test, "ct");
            const auto tag = external::bytes(test, "tag");
            sealed.insert(sealed.end(), tag.begin(), tag.end());
            buffer opened(plain.size());
            const bool valid = cipher::open(opened, key, *nonce, ad, sealed).has_value();
            REQUIRE(valid == (test.at("result") == "valid"));
            if (!valid) return;
            ++accepted;
            CHECK(opened == plain);
            buffer again(plain.size() + cipher::tag_size);
            cipher::seal(again, key, *nonce, ad, plain);
            CHECK(again == sealed);
        });
    CHECK(count == 325);
    CHECK(accepted == 256);
}

TEST_CASE("HKDF-SHA-256 agrees with Wycheproof and refuses what is too long", "[external][crypto]") {
    const auto count = external::for_each_test(external::wycheproof("hkdf_sha256"), [&](const json&, const json& test) {
        const auto expected = external::bytes(test, "okm");
        buffer out(test.at("size").get<std::size_t>());
        const auto done = hkdf_sha256(out, external::bytes(test, "salt"), external::bytes(test, "ikm"),
                                      external::bytes(test, "info"));
        REQUIRE(done.has_value() == (test.at("result") == "valid"));
        if (done)
            CHECK(out == expected);
        else
            CHECK(done.error().code == errc::too_large);
    });
    CHECK(count == 86);
}

TEST_CASE("HMAC-SHA-256 agrees with Wycheproof, cut tags included", "[external][crypto]") {
    const auto count =
        external::for_each_test(external::wycheproof("hmac_sha256"), [&](const json& group, const json& test) {
            const auto key = external::bytes(test, "key"), message = external::bytes(test, "msg");
            const auto tag = external::bytes(test, "tag");
            REQUIRE(tag.size() == group.at("tagSize").get<std::size_t>() / 8);
            std::array<std::uint8_t, 32> whole;
            hmac_sha256(whole, key, message);
            CHECK(std::equal(tag.begin(), tag.end(), whole.begin()) == (test.at("result") == "valid"));
            if (tag.size() == 32)
                CHECK(verify_hmac_sha256(tag, key, message) == (test.at("result") == "valid"));
            else
                CHECK_FALSE(verify_hmac_sha256(tag, key, message));
        });
    CHECK(count == 174);
}
