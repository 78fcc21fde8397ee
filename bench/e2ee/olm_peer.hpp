// libolm, as its users call it: pickling left out, buffers reused.
#pragma once

#include "bench/e2ee/contest.hpp"

#include <olm/olm.h>
#include <sodium.h>

#include <cstring>
#include <memory>

namespace bench::olm {

inline std::vector<std::uint8_t> draw(std::size_t size) {
    std::vector<std::uint8_t> out(size);
    if (size) randombytes_buf(out.data(), size);
    return out;
}

struct account {
    std::vector<std::uint8_t> memory = std::vector<std::uint8_t>(olm_account_size());
    OlmAccount* self = olm_account(memory.data());
    std::string identity;

    account() {
        auto random = draw(olm_create_account_random_length(self));
        if (olm_create_account(self, random.data(), random.size()) == olm_error()) broken("libolm: no account");
        std::string keys(olm_account_identity_keys_length(self), '\0');
        olm_account_identity_keys(self, keys.data(), keys.size());
        identity = member(keys, "curve25519");
    }
    account(const account&) = delete;

    /// A fresh one-time key, published.
    std::string one_time_key() {
        auto random = draw(olm_account_generate_one_time_keys_random_length(self, 1));
        olm_account_generate_one_time_keys(self, 1, random.data(), random.size());
        std::string keys(olm_account_one_time_keys_length(self), '\0');
        olm_account_one_time_keys(self, keys.data(), keys.size());
        olm_account_mark_keys_as_published(self);
        const auto at = keys.rfind("\":\"") + 3;  // {"curve25519":{"AAAAAQ":"..."}}
        return keys.substr(at, 43);
    }

    static std::string member(const std::string& json, const std::string& name) {
        const auto at = json.find("\"" + name + "\":\"") + name.size() + 4;
        return json.substr(at, json.find('"', at) - at);
    }
};

struct session {
    std::vector<std::uint8_t> memory = std::vector<std::uint8_t>(olm_session_size());
    OlmSession* self = olm_session(memory.data());
    std::vector<std::uint8_t> cipher, plain, copy;
    std::size_t type = 0;

    void outbound(account& own, const std::string& identity, const std::string& one_time) {
        auto random = draw(olm_create_outbound_session_random_length(self));
        if (olm_create_outbound_session(self, own.self, identity.data(), identity.size(), one_time.data(),
                                        one_time.size(), random.data(), random.size()) == olm_error())
            broken("libolm: no outbound session");
    }
    void inbound(account& own, const std::string& identity, std::vector<std::uint8_t> first) {
        if (olm_create_inbound_session_from(self, own.self, identity.data(), identity.size(), first.data(),
                                            first.size()) == olm_error())
            broken("libolm: no inbound session");
        olm_remove_one_time_keys(own.self, self);
    }
    const std::vector<std::uint8_t>& seal(const std::vector<std::uint8_t>& text) {
        type = olm_encrypt_message_type(self);
        auto random = draw(olm_encrypt_random_length(self));
        cipher.resize(olm_encrypt_message_length(self, text.size()));
        if (olm_encrypt(self, text.data(), text.size(), random.data(), random.size(), cipher.data(), cipher.size()) ==
            olm_error())
            broken("libolm: cannot encrypt");
        return cipher;
    }
    void open(std::size_t of_type, const std::vector<std::uint8_t>& sealed, std::size_t expected) {
        copy = sealed;  // both calls destroy their input
        plain.resize(olm_decrypt_max_plaintext_length(self, of_type, copy.data(), copy.size()));
        copy = sealed;
        if (olm_decrypt(self, of_type, copy.data(), copy.size(), plain.data(), plain.size()) != expected)
            broken("libolm: cannot decrypt");
    }
};

struct pair {
    account alice, bob;
    session a, b;

    pair() {
        a.outbound(alice, bob.identity, bob.one_time_key());
        const std::vector<std::uint8_t> hello(16);
        const auto first = a.seal(hello);
        b.inbound(bob, alice.identity, first);
        b.open(0, first, hello.size());
        a.open(1, b.seal(hello), hello.size());
    }
    void one_way(const std::vector<std::uint8_t>& text) {
        a.seal(text);
        b.open(a.type, a.cipher, text.size());
    }
    void turn(const std::vector<std::uint8_t>& text) {
        b.seal(text);
        a.open(b.type, b.cipher, text.size());
        std::swap(a.memory, b.memory);
        std::swap(a.self, b.self);
    }
};

inline void enter(std::vector<contestant>& all, const std::vector<std::size_t>& sizes) {
    const auto both = std::make_shared<pair>();
    for (const auto size : sizes) {
        const std::vector<std::uint8_t> text(size, 'x');
        all.push_back({"one way " + std::to_string(size), "libolm", 2000, {}, [both, text](std::size_t n) {
                           for (std::size_t i = 0; i < n; ++i) both->one_way(text);
                       }});
    }
    const std::vector<std::uint8_t> text(256, 'x');
    all.push_back({"turn 256", "libolm", 200, {}, [both, text](std::size_t n) {
                       for (std::size_t i = 0; i < n; ++i) both->turn(text);
                   }});
    const auto keys = std::make_shared<std::vector<std::string>>();
    all.push_back({"establish x3dh", "libolm", 50,
                   [both, keys](std::size_t n) {
                       keys->clear();
                       for (std::size_t i = 0; i < n; ++i) keys->push_back(both->bob.one_time_key());
                   },
                   [both, keys, text](std::size_t n) {
                       for (std::size_t i = 0; i < n; ++i) {
                           session out, in;
                           out.outbound(both->alice, both->bob.identity, (*keys)[i]);
                           const auto& first = out.seal(text);
                           in.inbound(both->bob, both->alice.identity, first);
                           in.open(0, first, text.size());
                       }
                   }});
}

}  // namespace bench::olm
