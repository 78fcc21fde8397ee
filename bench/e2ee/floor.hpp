// What the primitives alone cost: the least that any implementation of the same protocol has to do.
//
// Two floors. "floor" takes the cheapest audited implementation of each primitive on this processor: SHA-256 with SHA
// instructions where there are any, pooled randomness, ChaCha20-Poly1305 of libsodium or, from 4 KiB on, of OpenSSL.
// "sodium floor" is libsodium alone.
#pragma once

#include "bench/e2ee/contest.hpp"

#include <agentmesh/crypto/ed25519.hpp>
#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/crypto/random.hpp>

#include <openssl/evp.h>
#include <sodium.h>

#include <cstring>
#include <memory>

namespace bench::floor {

using namespace agentmesh;

/// HMAC(key, 01) and HMAC(key, 02) of a key of 32 bytes, the padded key hashed once: six compressions.
inline void chain_step(std::uint8_t* message, std::uint8_t* next, const std::uint8_t* key) {
    const auto compress = crypto::sha256_best();
    constexpr std::uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::uint8_t block[64];
    std::uint32_t inner[8], outer[8], state[8];
    const auto pad = [&](std::uint8_t with, std::uint32_t* into) {
        std::memset(block, with, 64);
        for (int i = 0; i < 32; ++i) block[i] = static_cast<std::uint8_t>(block[i] ^ key[i]);
        std::memcpy(into, first, 32);
        compress(into, block, 1);
    };
    pad(0x36, inner);
    pad(0x5c, outer);
    const auto finish = [&](std::uint8_t* out, std::uint8_t input) {
        std::memset(block, 0, 64);
        block[0] = input;
        block[1] = 0x80;
        block[62] = 0x02;  // (64 + 1) * 8 bits
        block[63] = 0x08;
        std::memcpy(state, inner, 32);
        compress(state, block, 1);
        std::memset(block, 0, 64);
        for (int i = 0; i < 8; ++i)
            for (int j = 0; j < 4; ++j) block[4 * i + j] = static_cast<std::uint8_t>(state[i] >> (24 - 8 * j));
        block[32] = 0x80;
        block[62] = 0x03;  // (64 + 32) * 8 bits
        std::memcpy(state, outer, 32);
        compress(state, block, 1);
        for (int i = 0; i < 8; ++i)
            for (int j = 0; j < 4; ++j) out[4 * i + j] = static_cast<std::uint8_t>(state[i] >> (24 - 8 * j));
    };
    finish(message, 1);
    finish(next, 2);
}

/// One message, sealed and opened: two chain steps, a drawn nonce, the AEAD twice.
class one_way {
public:
    explicit one_way(std::size_t size) : text_(size, 'x'), sealed_(size + 16), opened_(size) {
        sodium_memzero(a_, 32);
        sodium_memzero(b_, 32);
        if (size >= 4096) {
            seal_.reset(EVP_CIPHER_CTX_new());
            open_.reset(EVP_CIPHER_CTX_new());
            EVP_EncryptInit_ex(seal_.get(), EVP_chacha20_poly1305(), nullptr, nullptr, nullptr);
            EVP_DecryptInit_ex(open_.get(), EVP_chacha20_poly1305(), nullptr, nullptr, nullptr);
        }
    }
    void run() {
        std::uint8_t key[32], nonce[12];
        chain_step(key, a_, a_);
        if (!random_.fill(nonce)) broken("no randomness");
        if (seal_) {
            int size = 0;
            EVP_EncryptInit_ex(seal_.get(), nullptr, nullptr, key, nonce);
            EVP_EncryptUpdate(seal_.get(), nullptr, &size, ad_, sizeof ad_);
            EVP_EncryptUpdate(seal_.get(), sealed_.data(), &size, text_.data(), static_cast<int>(text_.size()));
            EVP_EncryptFinal_ex(seal_.get(), sealed_.data() + size, &size);
            EVP_CIPHER_CTX_ctrl(seal_.get(), EVP_CTRL_AEAD_GET_TAG, 16, sealed_.data() + text_.size());
        } else {
            crypto_aead_chacha20poly1305_ietf_encrypt(sealed_.data(), nullptr, text_.data(), text_.size(), ad_,
                                                      sizeof ad_, nullptr, nonce, key);
        }
        chain_step(key, b_, b_);
        bool good = true;
        if (open_) {
            int size = 0;
            EVP_DecryptInit_ex(open_.get(), nullptr, nullptr, key, nonce);
            EVP_DecryptUpdate(open_.get(), nullptr, &size, ad_, sizeof ad_);
            EVP_DecryptUpdate(open_.get(), opened_.data(), &size, sealed_.data(), static_cast<int>(text_.size()));
            EVP_CIPHER_CTX_ctrl(open_.get(), EVP_CTRL_AEAD_SET_TAG, 16, sealed_.data() + text_.size());
            good = EVP_DecryptFinal_ex(open_.get(), opened_.data() + size, &size) == 1;
        } else {
            good = crypto_aead_chacha20poly1305_ietf_decrypt(opened_.data(), nullptr, nullptr, sealed_.data(),
                                                             sealed_.size(), ad_, sizeof ad_, nonce, key) == 0;
        }
        if (!good) broken("the floor cannot open what it sealed");
    }

private:
    using cipher = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;
    std::vector<std::uint8_t> text_, sealed_, opened_;
    cipher seal_{nullptr, EVP_CIPHER_CTX_free}, open_{nullptr, EVP_CIPHER_CTX_free};
    crypto::system_random random_;
    std::uint8_t a_[32], b_[32];
    std::uint8_t ad_[40] = {};
};

inline void enter(std::vector<contestant>& all, const std::vector<std::size_t>& sizes) {
    for (const auto size : sizes) {
        const auto job = "one way " + std::to_string(size);
        const auto best = std::make_shared<one_way>(size);
        all.push_back({job, "floor", 20'000 * 256 / (size + 256), {}, [best](std::size_t n) {
                           for (std::size_t i = 0; i < n; ++i) best->run();
                       }});
        struct sodium_state {
            std::vector<std::uint8_t> text, sealed, opened;
            std::uint8_t a[32] = {}, b[32] = {};
        };
        const auto sodium = std::make_shared<sodium_state>();
        sodium->text.assign(size, 'x');
        sodium->sealed.resize(size + 16);
        sodium->opened.resize(size);
        all.push_back({job, "sodium floor", 20'000 * 256 / (size + 256), {}, [sodium](std::size_t n) {
                           const std::uint8_t one = 1, two = 2, ad[40] = {};
                           std::uint8_t key[32], nonce[12];
                           for (std::size_t i = 0; i < n; ++i) {
                               crypto_auth_hmacsha256(key, &one, 1, sodium->a);
                               crypto_auth_hmacsha256(sodium->a, &two, 1, sodium->a);
                               randombytes_buf(nonce, sizeof nonce);
                               crypto_aead_chacha20poly1305_ietf_encrypt(sodium->sealed.data(), nullptr,
                                                                         sodium->text.data(), sodium->text.size(), ad,
                                                                         sizeof ad, nullptr, nonce, key);
                               crypto_auth_hmacsha256(key, &one, 1, sodium->b);
                               crypto_auth_hmacsha256(sodium->b, &two, 1, sodium->b);
                               if (crypto_aead_chacha20poly1305_ietf_decrypt(
                                       sodium->opened.data(), nullptr, nullptr, sodium->sealed.data(),
                                       sodium->sealed.size(), ad, sizeof ad, nonce, key) != 0)
                                   broken("the sodium floor cannot open what it sealed");
                           }
                       }});
    }
    // The limit of X25519: a turn makes one key pair and takes part in two shared secrets.
    all.push_back({"turn 256", "floor", 300, {}, [](std::size_t n) {
                       crypto::system_random random;
                       const auto peer = crypto::x25519_key_pair::generate(random);
                       for (std::size_t i = 0; i < n; ++i) {
                           const auto own = crypto::x25519_key_pair::generate(random);
                           if (!own || !own->agree_with(peer->public_key()) || !peer->agree_with(own->public_key()))
                               broken("no key agreement");
                       }
                   }});
}

/// Everything a KNOCK, its ACCEPT and a first message have to compute: six signatures verified and two made, four key
/// pairs, thirteen shared secrets. Hashes and the AEAD are left out: they are a hundredth of it.
inline void enter_establish(std::vector<contestant>& all) {
    // X3DH with four results and a first message: one signature verified, three key pairs, eleven shared secrets.
    all.push_back({"establish x3dh", "floor", 80, {}, [](std::size_t n) {
                       crypto::system_random random;
                       const auto signer = crypto::ed25519_key_pair::generate(random);
                       const auto peer = crypto::x25519_key_pair::generate(random);
                       const std::vector<std::uint8_t> key(32, 'x');
                       const auto signature = signer->sign(key);
                       for (std::size_t i = 0; i < n; ++i) {
                           if (!crypto::verify(signer->public_key(), key, signature)) broken("no signature");
                           for (int k = 0; k < 3; ++k)
                               if (!crypto::x25519_key_pair::generate(random)) broken("no key pair");
                           for (int k = 0; k < 11; ++k)
                               if (!peer->agree_with(peer->public_key())) broken("no shared secret");
                       }
                   }});
    all.push_back({"establish", "floor", 50, {}, [](std::size_t n) {
                       crypto::system_random random;
                       const auto signer = crypto::ed25519_key_pair::generate(random);
                       const auto peer = crypto::x25519_key_pair::generate(random);
                       const std::vector<std::uint8_t> text(120, 'x');
                       for (std::size_t i = 0; i < n; ++i) {
                           auto signature = signer->sign(text);
                           signature = signer->sign(text);
                           for (int k = 0; k < 6; ++k)
                               if (!crypto::verify(signer->public_key(), text, signature)) broken("no signature");
                           for (int k = 0; k < 4; ++k)
                               if (!crypto::x25519_key_pair::generate(random)) broken("no key pair");
                           for (int k = 0; k < 13; ++k)
                               if (!peer->agree_with(peer->public_key())) broken("no shared secret");
                       }
                   }});
}

}  // namespace bench::floor
