#include <agentmesh/crypto/aead.hpp>
#include <agentmesh/crypto/ed25519.hpp>
#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/crypto/random.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace agentmesh;
using namespace agentmesh::crypto;

TEST_CASE("SHA-256 of pieces is libsodium's SHA-256 of the whole", "[property][crypto]") {
    CHECK(rc::check([](const std::vector<buffer>& pieces) {
        sha256_stream ours;
        crypto_hash_sha256_state theirs;
        crypto_hash_sha256_init(&theirs);
        for (const auto& piece : pieces) {
            ours.update(piece);
            crypto_hash_sha256_update(&theirs, piece.data(), piece.size());
        }
        std::array<std::uint8_t, 32> a, b;
        ours.finish(a);
        crypto_hash_sha256_final(&theirs, b.data());
        RC_ASSERT((a == b));
    }));
}

TEST_CASE("What a key signs it verifies, and nothing else", "[property][crypto][AM-KEY-001]") {
    CHECK(rc::check([](std::uint64_t seed, const buffer& message) {
        scripted_random random{seed};
        const auto pair = ed25519_key_pair::generate(random).value();
        const auto other = ed25519_key_pair::generate(random).value();
        const auto signature = pair.sign(message);
        RC_ASSERT((verify(pair.public_key(), message, signature).has_value()));
        RC_ASSERT((!verify(other.public_key(), message, signature).has_value()));
        auto longer = message;
        longer.push_back(0);
        RC_ASSERT((!verify(pair.public_key(), longer, signature).has_value()));
    }));
}

TEST_CASE("Key agreement and conversion commute", "[property][crypto][AM-KEY-005]") {
    CHECK(rc::check([](std::uint64_t seed) {
        scripted_random random{seed};
        const auto signing = ed25519_key_pair::generate(random).value();
        const auto a = signing.to_x25519();
        const auto b = x25519_key_pair::generate(random).value();
        RC_ASSERT((to_x25519(signing.public_key()) == a.public_key()));
        const auto ab = a.agree_with(b.public_key()).value(), ba = b.agree_with(a.public_key()).value();
        RC_ASSERT((equal_in_constant_time(ab.reveal(), ba.reveal())));
    }));
}

TEST_CASE("A sealed text opens, and any changed bit of it, of its data or of its nonce is noticed",
          "[property][crypto]") {
    CHECK(rc::check([](std::uint64_t seed, const buffer& plain, const buffer& ad) {
        using cipher = chacha20poly1305_ietf;
        scripted_random random{seed};
        const auto key = cipher::key::generate(random).value();
        const auto nonce = random_value<cipher::nonce>(random).value();
        buffer sealed(plain.size() + cipher::tag_size), opened(plain.size());
        cipher::seal(sealed, key, nonce, ad, plain);
        RC_ASSERT((cipher::open(opened, key, nonce, ad, sealed).has_value() && opened == plain));

        const auto bit = *rc::gen::inRange<std::size_t>(0, 8 * (sealed.size() + ad.size() + cipher::nonce::size));
        auto changed_ad = ad;
        auto changed_nonce = nonce;
        const std::size_t byte = bit / 8;
        const auto mask = static_cast<std::uint8_t>(1u << bit % 8);
        if (byte < sealed.size())
            sealed[byte] ^= mask;
        else if (byte < sealed.size() + ad.size())
            changed_ad[byte - sealed.size()] ^= mask;
        else
            changed_nonce.storage()[byte - sealed.size() - ad.size()] ^= mask;
        RC_ASSERT((!cipher::open(opened, key, changed_nonce, changed_ad, sealed).has_value()));
        RC_ASSERT((opened == buffer(plain.size())));
    }));
}

TEST_CASE("The first bytes of HKDF do not depend on how many are asked for", "[property][crypto]") {
    CHECK(rc::check([](const buffer& salt, const buffer& material, const buffer& info) {
        buffer all(255 * 32), some(*rc::gen::inRange<std::size_t>(0, all.size()));
        RC_ASSERT((hkdf_sha256(all, salt, material, info).has_value()));
        RC_ASSERT((hkdf_sha256(some, salt, material, info).has_value()));
        RC_ASSERT((std::equal(some.begin(), some.end(), all.begin())));
    }));
}
