// libsignal-protocol-c with OpenSSL for its primitives and stores in memory.
#pragma once

#include "bench/e2ee/contest.hpp"

#include <signal/key_helper.h>
#include <signal/protocol.h>
#include <signal/session_builder.h>
#include <signal/session_cipher.h>
#include <signal/session_pre_key.h>
#include <signal/signal_protocol.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <memory>

namespace bench::signal_c {

using bytes = std::vector<std::uint8_t>;

inline void must(int outcome, const char* what) {
    if (outcome < 0) broken(what);
}

// --- primitives -----------------------------------------------------------------------------------------------

inline int random_bytes(std::uint8_t* data, std::size_t size, void*) {
    randombytes_buf(data, size);
    return 0;
}
inline int hmac_init(void** context, const std::uint8_t* key, std::size_t size, void*) {
    auto* h = HMAC_CTX_new();
    *context = h;
    return HMAC_Init_ex(h, key, static_cast<int>(size), EVP_sha256(), nullptr) == 1 ? 0 : SG_ERR_UNKNOWN;
}
inline int hmac_update(void* context, const std::uint8_t* data, std::size_t size, void*) {
    return HMAC_Update(static_cast<HMAC_CTX*>(context), data, size) == 1 ? 0 : SG_ERR_UNKNOWN;
}
inline int hmac_final(void* context, signal_buffer** out, void*) {
    std::uint8_t digest[32];
    unsigned size = sizeof digest;
    if (HMAC_Final(static_cast<HMAC_CTX*>(context), digest, &size) != 1) return SG_ERR_UNKNOWN;
    *out = signal_buffer_create(digest, size);
    return *out ? 0 : SG_ERR_NOMEM;
}
inline void hmac_end(void* context, void*) { HMAC_CTX_free(static_cast<HMAC_CTX*>(context)); }
inline int sha512_init(void** context, void*) {
    auto* h = EVP_MD_CTX_new();
    *context = h;
    return EVP_DigestInit_ex(h, EVP_sha512(), nullptr) == 1 ? 0 : SG_ERR_UNKNOWN;
}
inline int sha512_update(void* context, const std::uint8_t* data, std::size_t size, void*) {
    return EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context), data, size) == 1 ? 0 : SG_ERR_UNKNOWN;
}
inline int sha512_final(void* context, signal_buffer** out, void*) {
    std::uint8_t digest[64];
    unsigned size = sizeof digest;
    auto* h = static_cast<EVP_MD_CTX*>(context);
    if (EVP_DigestFinal_ex(h, digest, &size) != 1) return SG_ERR_UNKNOWN;
    EVP_DigestInit_ex(h, EVP_sha512(), nullptr);
    *out = signal_buffer_create(digest, size);
    return *out ? 0 : SG_ERR_NOMEM;
}
inline void sha512_end(void* context, void*) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); }

inline int aes(bool encrypt, signal_buffer** out, int cipher, const std::uint8_t* key, std::size_t key_size,
               const std::uint8_t* iv, const std::uint8_t* text, std::size_t size) {
    if (cipher != SG_CIPHER_AES_CBC_PKCS5 || key_size != 32) return SG_ERR_INVAL;
    std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> c{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
    bytes buffer(size + 16);
    int first = 0, last = 0;
    if (EVP_CipherInit_ex(c.get(), EVP_aes_256_cbc(), nullptr, key, iv, encrypt ? 1 : 0) != 1 ||
        EVP_CipherUpdate(c.get(), buffer.data(), &first, text, static_cast<int>(size)) != 1 ||
        EVP_CipherFinal_ex(c.get(), buffer.data() + first, &last) != 1)
        return SG_ERR_UNKNOWN;
    *out = signal_buffer_create(buffer.data(), static_cast<std::size_t>(first + last));
    return *out ? 0 : SG_ERR_NOMEM;
}
inline int encrypt(signal_buffer** out, int cipher, const std::uint8_t* key, std::size_t key_size,
                   const std::uint8_t* iv, std::size_t, const std::uint8_t* text, std::size_t size, void*) {
    return aes(true, out, cipher, key, key_size, iv, text, size);
}
inline int decrypt(signal_buffer** out, int cipher, const std::uint8_t* key, std::size_t key_size,
                   const std::uint8_t* iv, std::size_t, const std::uint8_t* text, std::size_t size, void*) {
    return aes(false, out, cipher, key, key_size, iv, text, size);
}

inline signal_context* context() {
    static signal_context* const made = [] {
        signal_context* out = nullptr;
        must(signal_context_create(&out, nullptr), "libsignal: no context");
        const signal_crypto_provider provider{random_bytes, hmac_init,   hmac_update,   hmac_final,
                                              hmac_end,     sha512_init, sha512_update, sha512_final,
                                              sha512_end,   encrypt,     decrypt,       nullptr};
        must(signal_context_set_crypto_provider(out, &provider), "libsignal: no provider");
        return out;
    }();
    return made;
}

// --- one party --------------------------------------------------------------------------------------------------

inline bytes copy_of(signal_buffer* from) {
    const auto* at = signal_buffer_data(from);
    return {at, at + signal_buffer_len(from)};
}

/// Everything one side stores, by what it is for; one peer only.
struct stores {
    bytes session;
    std::map<std::uint32_t, bytes> one_time, signed_keys;
    bytes public_key, private_key;
};

inline int load(signal_buffer** out, const bytes& from) {
    if (from.empty()) return SG_ERR_INVALID_KEY_ID;
    *out = signal_buffer_create(from.data(), from.size());
    return SG_SUCCESS;
}
inline stores& of(void* user) { return *static_cast<stores*>(user); }

struct party {
    stores kept;
    ratchet_identity_key_pair* identity = nullptr;
    session_signed_pre_key* signed_key = nullptr;
    signal_protocol_store_context* store = nullptr;
    std::uint32_t next_id = 1;

    party() {
        must(signal_protocol_key_helper_generate_identity_key_pair(&identity, context()), "libsignal: no identity");
        signal_buffer* text = nullptr;
        ec_public_key_serialize(&text, ratchet_identity_key_pair_get_public(identity));
        kept.public_key = copy_of(text);
        signal_buffer_free(text);
        ec_private_key_serialize(&text, ratchet_identity_key_pair_get_private(identity));
        kept.private_key = copy_of(text);
        signal_buffer_free(text);
        must(signal_protocol_key_helper_generate_signed_pre_key(&signed_key, identity, 1, 0, context()),
             "libsignal: no key");
        session_signed_pre_key_serialize(&text, signed_key);
        kept.signed_keys[1] = copy_of(text);
        signal_buffer_free(text);

        must(signal_protocol_store_context_create(&store, context()), "libsignal: no stores");
        signal_protocol_session_store sessions{};
        sessions.load_session_func = [](signal_buffer** out, signal_buffer**, const signal_protocol_address*,
                                        void* user) {
            if (of(user).session.empty()) return 0;
            *out = signal_buffer_create(of(user).session.data(), of(user).session.size());
            return 1;
        };
        sessions.store_session_func = [](const signal_protocol_address*, std::uint8_t* record, std::size_t size,
                                         std::uint8_t*, std::size_t, void* user) {
            of(user).session.assign(record, record + size);
            return 0;
        };
        sessions.contains_session_func = [](const signal_protocol_address*, void* user) {
            return of(user).session.empty() ? 0 : 1;
        };
        sessions.user_data = &kept;
        signal_protocol_store_context_set_session_store(store, &sessions);

        signal_protocol_pre_key_store one_time{};
        one_time.load_pre_key = [](signal_buffer** out, std::uint32_t id, void* user) {
            return load(out, of(user).one_time[id]);
        };
        one_time.contains_pre_key = [](std::uint32_t id, void* user) { return of(user).one_time.contains(id) ? 1 : 0; };
        one_time.remove_pre_key = [](std::uint32_t id, void* user) {
            of(user).one_time.erase(id);
            return 0;
        };
        one_time.user_data = &kept;
        signal_protocol_store_context_set_pre_key_store(store, &one_time);

        signal_protocol_signed_pre_key_store signed_keys{};
        signed_keys.load_signed_pre_key = [](signal_buffer** out, std::uint32_t id, void* user) {
            return load(out, of(user).signed_keys[id]);
        };
        signed_keys.user_data = &kept;
        signal_protocol_store_context_set_signed_pre_key_store(store, &signed_keys);

        signal_protocol_identity_key_store identities{};
        identities.get_identity_key_pair = [](signal_buffer** pub, signal_buffer** priv, void* user) {
            *pub = signal_buffer_create(of(user).public_key.data(), of(user).public_key.size());
            *priv = signal_buffer_create(of(user).private_key.data(), of(user).private_key.size());
            return 0;
        };
        identities.get_local_registration_id = [](void*, std::uint32_t* id) {
            *id = 1;
            return 0;
        };
        identities.save_identity = [](const signal_protocol_address*, std::uint8_t*, std::size_t, void*) { return 0; };
        identities.is_trusted_identity = [](const signal_protocol_address*, std::uint8_t*, std::size_t, void*) {
            return 1;
        };
        identities.user_data = &kept;
        signal_protocol_store_context_set_identity_key_store(store, &identities);
    }
    party(const party&) = delete;
    ~party() {
        signal_protocol_store_context_destroy(store);
        SIGNAL_UNREF(signed_key);
        SIGNAL_UNREF(identity);
    }

    /// A bundle with a fresh one-time key.
    session_pre_key_bundle* bundle() {
        const auto id = next_id++;
        ec_key_pair* pair = nullptr;
        must(curve_generate_key_pair(context(), &pair), "libsignal: no pair");
        session_pre_key* key = nullptr;
        session_pre_key_create(&key, id, pair);
        signal_buffer* text = nullptr;
        session_pre_key_serialize(&text, key);
        kept.one_time[id] = copy_of(text);
        signal_buffer_free(text);
        session_pre_key_bundle* out = nullptr;
        must(session_pre_key_bundle_create(&out, 1, 1, id, ec_key_pair_get_public(pair), 1,
                                           ec_key_pair_get_public(session_signed_pre_key_get_key_pair(signed_key)),
                                           session_signed_pre_key_get_signature(signed_key),
                                           session_signed_pre_key_get_signature_len(signed_key),
                                           ratchet_identity_key_pair_get_public(identity)),
             "libsignal: no bundle");
        SIGNAL_UNREF(key);
        SIGNAL_UNREF(pair);
        return out;
    }
};

struct link {
    party* own;
    signal_protocol_address peer{"peer", 4, 1};
    session_cipher* cipher = nullptr;

    explicit link(party& of) : own{&of} {
        must(session_cipher_create(&cipher, own->store, &peer, context()), "libsignal: no cipher");
    }
    link(const link&) = delete;
    ~link() { session_cipher_free(cipher); }

    void start(session_pre_key_bundle* with) {
        session_builder* builder = nullptr;
        must(session_builder_create(&builder, own->store, &peer, context()), "libsignal: no builder");
        must(session_builder_process_pre_key_bundle(builder, with), "libsignal: bundle refused");
        session_builder_free(builder);
    }
    /// @return whether it is a first message
    bool seal(const bytes& text, bytes& out) {
        ciphertext_message* sealed = nullptr;
        must(session_cipher_encrypt(cipher, text.data(), text.size(), &sealed), "libsignal: cannot encrypt");
        out = copy_of(ciphertext_message_get_serialized(sealed));
        const bool first = ciphertext_message_get_type(sealed) == CIPHERTEXT_PREKEY_TYPE;
        SIGNAL_UNREF(sealed);
        return first;
    }
    void open(bool first, const bytes& sealed, std::size_t expected) {
        signal_buffer* plain = nullptr;
        if (first) {
            pre_key_signal_message* message = nullptr;
            must(pre_key_signal_message_deserialize(&message, sealed.data(), sealed.size(), context()),
                 "libsignal: unreadable");
            must(session_cipher_decrypt_pre_key_signal_message(cipher, message, nullptr, &plain),
                 "libsignal: cannot decrypt");
            SIGNAL_UNREF(message);
        } else {
            signal_message* message = nullptr;
            must(signal_message_deserialize(&message, sealed.data(), sealed.size(), context()),
                 "libsignal: unreadable");
            must(session_cipher_decrypt_signal_message(cipher, message, nullptr, &plain), "libsignal: cannot decrypt");
            SIGNAL_UNREF(message);
        }
        if (signal_buffer_len(plain) != expected) broken("libsignal: wrong length");
        signal_buffer_free(plain);
    }
};

struct pair {
    party alice, bob;
    std::unique_ptr<link> a = std::make_unique<link>(alice), b = std::make_unique<link>(bob);
    bytes sealed;

    pair() {
        auto* with = bob.bundle();
        a->start(with);
        SIGNAL_UNREF(with);
        const bytes hello(16);
        b->open(a->seal(hello, sealed), sealed, hello.size());
        a->open(b->seal(hello, sealed), sealed, hello.size());
    }
    void one_way(const bytes& text) { b->open(a->seal(text, sealed), sealed, text.size()); }
    void turn(const bytes& text) {
        a->open(b->seal(text, sealed), sealed, text.size());
        std::swap(a, b);
    }
};

inline void enter(std::vector<contestant>& all, const std::vector<std::size_t>& sizes) {
    const auto both = std::make_shared<pair>();
    for (const auto size : sizes) {
        const bytes text(size, 'x');
        all.push_back(
            {"one way " + std::to_string(size), "libsignal-protocol-c", 2000, {}, [both, text](std::size_t n) {
                 for (std::size_t i = 0; i < n; ++i) both->one_way(text);
             }});
    }
    const bytes text(256, 'x');
    all.push_back({"turn 256", "libsignal-protocol-c", 200, {}, [both, text](std::size_t n) {
                       for (std::size_t i = 0; i < n; ++i) both->turn(text);
                   }});
    struct fresh {
        party alice, bob;
    };
    const auto parties = std::make_shared<fresh>();
    const auto bundles = std::make_shared<std::vector<session_pre_key_bundle*>>();
    all.push_back({"establish x3dh", "libsignal-protocol-c", 50,
                   [parties, bundles](std::size_t n) {
                       bundles->clear();
                       for (std::size_t i = 0; i < n; ++i) bundles->push_back(parties->bob.bundle());
                   },
                   [parties, bundles, text](std::size_t n) {
                       bytes sealed;
                       for (std::size_t i = 0; i < n; ++i) {
                           parties->alice.kept.session.clear();
                           parties->bob.kept.session.clear();
                           link out{parties->alice}, in{parties->bob};
                           out.start((*bundles)[i]);
                           SIGNAL_UNREF((*bundles)[i]);
                           in.open(out.seal(text, sealed), sealed, text.size());
                       }
                   }});
}

}  // namespace bench::signal_c
