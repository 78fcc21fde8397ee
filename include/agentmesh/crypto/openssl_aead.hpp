// ChaCha20-Poly1305 through OpenSSL, which beats libsodium from a few kilobytes on. The same bytes either way.
// Used where the program is built with AGENTMESH_OPENSSL_AEAD.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <memory>
#include <optional>

#include <openssl/evp.h>

namespace agentmesh::crypto::openssl {

/// Below this size libsodium is faster.
inline constexpr std::size_t worthwhile_size = 2048;

/// One direction of the cipher. Its memory, keys included, is wiped after each use.
class chacha20poly1305 {
public:
    chacha20poly1305() noexcept : context_{EVP_CIPHER_CTX_new()} {}

    /// This thread's, with the cipher looked up once.
    static chacha20poly1305& of_thread() {
        thread_local chacha20poly1305 one;
        return one;
    }

    /// @param out  `plain.size() + 16` bytes
    /// @return false where OpenSSL lacks the cipher or memory; then nothing was sealed
    [[nodiscard]] bool seal(std::span<std::uint8_t> out, byte_view key, byte_view nonce, byte_view ad,
                            byte_view plain) noexcept {
        int size = 0;
        const bool done = begin(true, key, nonce, ad) &&
                          EVP_EncryptUpdate(context_.get(), out.data(), &size, plain.data(), length(plain)) == 1 &&
                          EVP_EncryptFinal_ex(context_.get(), out.data() + size, &size) == 1 &&
                          EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, 16, out.data() + plain.size()) == 1;
        EVP_CIPHER_CTX_reset(context_.get());
        return done;
    }

    /// @param  out  `sealed.size() - 16` bytes; of unspecified content unless true is returned
    /// @return whether the tag verified; nothing where OpenSSL lacks the cipher or memory
    [[nodiscard]] std::optional<bool> open(std::span<std::uint8_t> out, byte_view key, byte_view nonce, byte_view ad,
                                           byte_view sealed) noexcept {
        int size = 0;
        const byte_view text = sealed.first(sealed.size() - 16);
        auto* const tag = const_cast<std::uint8_t*>(sealed.data() + text.size());  // only read from
        std::optional<bool> verified;
        if (begin(false, key, nonce, ad) &&
            EVP_DecryptUpdate(context_.get(), out.data(), &size, text.data(), length(text)) == 1 &&
            EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1)
            verified = EVP_DecryptFinal_ex(context_.get(), out.data() + size, &size) == 1;
        EVP_CIPHER_CTX_reset(context_.get());
        return verified;
    }

private:
    static int length(byte_view bytes) noexcept { return static_cast<int>(bytes.size()); }

    [[nodiscard]] bool begin(bool sealing, byte_view key, byte_view nonce, byte_view ad) noexcept {
        int size = 0;
        return context_ && cipher_ &&
               EVP_CipherInit_ex2(context_.get(), cipher_.get(), key.data(), nonce.data(), sealing ? 1 : 0, nullptr) ==
                   1 &&
               (ad.empty() || EVP_CipherUpdate(context_.get(), nullptr, &size, ad.data(), length(ad)) == 1);
    }

    struct freed {
        void operator()(EVP_CIPHER_CTX* gone) const noexcept { EVP_CIPHER_CTX_free(gone); }
        void operator()(EVP_CIPHER* gone) const noexcept { EVP_CIPHER_free(gone); }
    };
    std::unique_ptr<EVP_CIPHER_CTX, freed> context_;
    std::unique_ptr<EVP_CIPHER, freed> cipher_{EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr)};
};

}  // namespace agentmesh::crypto::openssl
