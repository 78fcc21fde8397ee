#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/crypto/legacy.hpp>
#include <agentmesh/crypto/random.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/crypto/support.hpp"

using namespace agentmesh;
using namespace agentmesh::crypto;
using answers::b64;
using answers::hex;

namespace {

std::string sodium_sha256(byte_view bytes) {
    std::array<std::uint8_t, 32> out;
    crypto_hash_sha256(out.data(), bytes.data(), bytes.size());
    return to_hex(out);
}

std::string hmac_text(byte_view key, byte_view message) {
    std::array<std::uint8_t, 32> out;
    hmac_sha256(out, key, message);
    return to_base64(out, base64_form::standard_padded);
}

}  // namespace

TEST_CASE("SHA-256 agrees with libsodium for every length up to five blocks", "[unit][crypto]") {
    scripted_random random{1};
    buffer bytes(320);
    REQUIRE(random.fill(bytes));
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto part = byte_view{bytes}.first(size);
        if (to_hex(sha256(part).bytes()) != sodium_sha256(part)) FAIL("length " << size);
    }
    bytes.resize(1 << 20, 0x5A);
    CHECK(to_hex(sha256(bytes).bytes()) == sodium_sha256(bytes));
}

TEST_CASE("SHA-256 in two pieces, cut anywhere, is SHA-256 of the whole", "[unit][crypto]") {
    scripted_random random{2};
    buffer bytes(200);
    REQUIRE(random.fill(bytes));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        sha256_digest out;
        sha256_stream{}.update(byte_view{bytes}.first(cut)).update(byte_view{bytes}.subspan(cut)).finish(out.storage());
        if (out != sha256(bytes)) FAIL("cut at " << cut);
    }
}

TEST_CASE("Both block functions of SHA-256 agree on random states and blocks", "[unit][crypto]") {
    scripted_random random{3};
    for (int round = 0; round < 2000; ++round) {
        std::array<std::uint8_t, 32> start;
        buffer blocks(64 * (1 + static_cast<std::size_t>(round) % 4));
        REQUIRE(random.fill(start));
        REQUIRE(random.fill(blocks));
        std::array<std::uint32_t, 8> best, portable;
        std::memcpy(best.data(), start.data(), 32);
        portable = best;
        sha256_best()(best.data(), blocks.data(), blocks.size() / 64);
        sha256_compress_portable(portable.data(), blocks.data(), blocks.size() / 64);
        if (best != portable) FAIL("round " << round);
    }
}

TEST_CASE("Two blocks side by side are two blocks one after the other", "[unit][crypto]") {
    scripted_random random{5};
    for (int round = 0; round < 2000; ++round) {
        std::array<std::uint8_t, 64> states;
        std::array<std::uint8_t, 128> blocks;
        REQUIRE(random.fill(states));
        REQUIRE(random.fill(blocks));
        std::array<std::uint32_t, 16> together, apart;
        std::memcpy(together.data(), states.data(), 64);
        apart = together;
        sha256_compress_two(together.data(), blocks.data(), together.data() + 8, blocks.data() + 64);
        sha256_compress_portable(apart.data(), blocks.data(), 1);
        sha256_compress_portable(apart.data() + 8, blocks.data() + 64, 1);
        if (together != apart) FAIL("round " << round);
    }
}

TEST_CASE("Blocks of words are blocks of bytes, one alone or two side by side, also where a result is part of its block",
          "[unit][crypto]") {
    scripted_random random{7};
    for (int round = 0; round < 1000; ++round) {
        std::array<std::uint8_t, 192> drawn;
        REQUIRE(random.fill(drawn));
        std::array<std::uint32_t, 8> expected[2], start[2], to[2];
        std::array<std::uint32_t, 16> words[2];
        for (std::size_t k = 0; k < 2; ++k) {
            std::memcpy(start[k].data(), drawn.data() + 96 * k, 32);
            expected[k] = start[k];
            sha256_compress_portable(expected[k].data(), drawn.data() + 96 * k + 32, 1);
            for (std::size_t i = 0; i < 16; ++i) words[k][i] = sha256_read_word(drawn.data() + 96 * k + 32 + 4 * i);
        }
        for (std::size_t k = 0; k < 2; ++k) {
            sha256_compress_words({start[k].data(), words[k].data(), to[k].data()});
            REQUIRE(to[k] == expected[k]);
            sha256_compress_words_portable({start[k].data(), words[k].data(), to[k].data()});
            REQUIRE(to[k] == expected[k]);
        }
        sha256_compress_words({start[0].data(), words[0].data(), words[0].data()},
                              {start[1].data(), words[1].data(), start[1].data()});
        REQUIRE(std::equal(expected[0].begin(), expected[0].end(), words[0].begin()));
        REQUIRE(start[1] == expected[1]);
    }
}

TEST_CASE("An HMAC begins with the same states on every processor, and a state is the same bytes", "[unit][crypto]") {
    scripted_random random{8};
    for (int round = 0; round < 200; ++round) {
        std::array<std::uint8_t, 32> key, ours, theirs;
        REQUIRE(random.fill(key));
        std::array<std::uint32_t, 8> inner, outer, expected_inner, expected_outer;
        sha256_hmac_states(key, inner.data(), outer.data());
        sha256_hmac_states_portable(key, expected_inner.data(), expected_outer.data());
        REQUIRE((inner == expected_inner && outer == expected_outer));
        sha256_write_state(inner, ours);
        sha256_write_state_portable(inner, theirs);
        REQUIRE(ours == theirs);
    }
}

TEST_CASE("HKDF-Expand to two blocks is HKDF-Expand to 64 bytes, for the shortest and the longest info",
          "[unit][crypto]") {
    static constexpr char text[] = "what stands in every block, cut at one length or another";
    static constexpr expand_info shortest{{text, 23}}, usual{{text, 24}}, longest{{text, 54}};
    scripted_random random{9};
    for (int round = 0; round < 200; ++round) {
        const auto key = pseudorandom_key::generate(random).value();
        for (const auto& [info, size] : {std::pair{&shortest, 23u}, std::pair{&usual, 24u}, std::pair{&longest, 54u}}) {
            std::array<std::uint8_t, 64> ours, expected;
            REQUIRE(hkdf_expand(expected, key, as_bytes({text, size})));
            hkdf_expand_two(std::span{ours}.first<32>(), std::span{ours}.last<32>(), key.reveal(), *info);
            REQUIRE(ours == expected);
        }
    }
}

TEST_CASE("HMAC of two bytes under one key is HMAC of each, also where the key is written over", "[unit][crypto]") {
    scripted_random random{6};
    for (int round = 0; round < 200; ++round) {
        std::array<std::uint8_t, 34> drawn;
        REQUIRE(random.fill(drawn));
        const auto key = std::span{drawn}.first<32>();
        std::array<std::uint8_t, 32> expected[2], first, second;
        hmac_sha256(expected[0], key, byte_view{drawn}.subspan(32, 1));
        hmac_sha256(expected[1], key, byte_view{drawn}.subspan(33, 1));
        hmac_sha256_two(first, second, key, drawn[32], drawn[33]);
        CHECK(first == expected[0]);
        CHECK(second == expected[1]);
        hmac_sha256_two(first, key, key, drawn[32], drawn[33]);
        CHECK(std::equal(key.begin(), key.end(), expected[1].begin()));
    }
}

TEST_CASE("HMAC-SHA-256 agrees with libsodium for keys and messages around the block size", "[unit][crypto]") {
    scripted_random random{4};
    buffer bytes(200);
    REQUIRE(random.fill(bytes));
    for (const std::size_t key_size : {0u, 1u, 31u, 32u, 63u, 64u, 65u, 128u, 200u})
        for (const std::size_t size : {0u, 1u, 32u, 55u, 56u, 64u, 119u, 200u}) {
            std::array<std::uint8_t, 32> ours, theirs;
            const auto key = byte_view{bytes}.first(key_size), message = byte_view{bytes}.first(size);
            hmac_sha256(ours, key, message);
            crypto_auth_hmacsha256_state state;
            crypto_auth_hmacsha256_init(&state, key.data(), key.size());
            crypto_auth_hmacsha256_update(&state, message.data(), message.size());
            crypto_auth_hmacsha256_final(&state, theirs.data());
            CHECK(ours == theirs);
            CHECK(verify_hmac_sha256(theirs, key, message));
            theirs[31] ^= 1;
            CHECK_FALSE(verify_hmac_sha256(theirs, key, message));
            CHECK_FALSE(verify_hmac_sha256(byte_view{ours}.first(31), key, message));
        }
}

TEST_CASE("HKDF reproduces RFC 5869 appendix A", "[unit][crypto]") {
    buffer out(42);
    REQUIRE(hkdf_sha256(out, hex("000102030405060708090a0b0c"), buffer(22, 0x0b), hex("f0f1f2f3f4f5f6f7f8f9")));
    CHECK(to_hex(out) == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    REQUIRE(hkdf_sha256(out, {}, buffer(22, 0x0b), {}));
    CHECK(to_hex(out) == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    const auto extracted = hkdf_extract(hex("000102030405060708090a0b0c"), buffer(22, 0x0b));
    CHECK(to_hex(extracted.reveal()) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
}

TEST_CASE("HKDF gives at most 255 blocks", "[unit][crypto]") {
    buffer out(255 * 32);
    CHECK(hkdf_sha256(out, {}, {}, {}));
    out.push_back(0);
    CHECK(hkdf_sha256(out, {}, {}, {}).error().code == errc::too_large);
    CHECK(hkdf_sha256({}, {}, {}, {}));
}

TEST_CASE("The key schedule of deployed 0.2 is reproduced", "[unit][crypto]") {
    buffer out(32);
    REQUIRE(hkdf_sha256(out, b64("xdRHD48ejyTF4ZGbDpZIzmD0BB1cEQhN2Dq5BIEgIn8="),
                        b64("sqKudNiJGUVlOiUrVmdhrFr60ofPXIZV4ehd47dppQU="), as_bytes("test_info")));
    CHECK(to_base64(out, base64_form::standard_padded) == "pwAVr0UbE884Zv7kHZRKw+lrBnNlTichVndzQ4t26dI=");

    const auto chain = b64("1jvClZHVyaRypcO9oyZs3If3Iat6LzZr13cUR9Q8PXY=");
    CHECK(hmac_text(chain, buffer{1}) == "hvdOdo2FLDzbCHGiMo2VVrs1kXRQ/1L1WRNfhCgbyN0=");
    CHECK(hmac_text(chain, buffer{2}) == "s5FElrzM21xYX2qg+QwC9hPA4DdUNkGJEZ1vLltw7EU=");

    out.resize(64);
    REQUIRE(hkdf_sha256(out, b64("CWb+FDuGVCobFO1W9Xf01t5FEoUKv6T9jbrKKKYD1Po="),
                        b64("MMBr36VNidbAUuvW6MnSzj/eVR8+1hjIgyx01L4jmq8="), as_bytes("agentmesh_rk")));
    CHECK(to_base64(byte_view{out}.first(32), base64_form::standard_padded) ==
          "natrYz9sDOff6EpD6R3Yy01r11xj+1odBpQhs4C/TmM=");
    CHECK(to_base64(byte_view{out}.subspan(32), base64_form::standard_padded) ==
          "Iyb+FYL+k6JGwluIMvZXLDgo6gCl8NRg9vaXqHia3Og=");
}

TEST_CASE("SHA-1 reproduces FIPS 180 and the handshake of RFC 6455", "[unit][crypto]") {
    const auto digest = [](std::string_view text) { return to_hex(legacy::sha1(as_bytes(text)).bytes()); };
    CHECK(digest("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(digest("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    CHECK(digest(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    CHECK(to_base64(legacy::sha1(as_bytes("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).bytes(),
                    base64_form::standard_padded) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("MD5 reproduces RFC 1321 appendix A.5", "[unit][crypto]") {
    const auto digest = [](std::string_view text) { return to_hex(legacy::md5(as_bytes(text)).bytes()); };
    CHECK(digest("") == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(digest("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
    CHECK(digest("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
          "d174ab98d277d9f5a5611c2c9f419d9f");
    CHECK(digest("12345678901234567890123456789012345678901234567890123456789012345678901234567890") ==
          "57edf4a22be3c955ac49da2e2107b67a");
}
