// Our ratchet below the session: each suite, with associated data of the length that its sessions have.
#pragma once

#include "bench/e2ee/contest.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>
#include <agentmesh/e2ee/x3dh.hpp>

#include <memory>

namespace bench::ours {

using namespace agentmesh;

template <e2ee::RatchetSuite S>
struct pair {
    crypto::system_random random;
    e2ee::double_ratchet<S> a, b;
    buffer ad = buffer(S::id == e2ee::suite_id::am1 ? 300 : 140);
    buffer sealed, opened;

    pair() : pair(*exchange_key_pair::generate(random), *exchange_key_pair::generate(random)) {}
    pair(exchange_key_pair prekey, exchange_key_pair own)
        : a{start_a(own, prekey.public_key())}, b{start_b(std::move(prekey), own.public_key())} {
        one_way(buffer(16));
        turn(buffer(16));
    }
    static e2ee::root_key root() { return *e2ee::root_key::from(buffer(32, 7)); }
    static e2ee::double_ratchet<S> start_a(const exchange_key_pair& own, const exchange_public_key& remote) {
        return *e2ee::double_ratchet<S>::initiate(root(), exchange_key_pair{own.secret_key().fork()}, remote);
    }
    static e2ee::double_ratchet<S> start_b(exchange_key_pair prekey, const exchange_public_key& remote) {
        if constexpr (S::start == e2ee::start_up::on_use)
            return e2ee::double_ratchet<S>::respond(root(), std::move(prekey), remote);
        else
            return e2ee::double_ratchet<S>::respond(root(), std::move(prekey));
    }
    void pass(e2ee::double_ratchet<S>& from, e2ee::double_ratchet<S>& to, byte_view text) {
        sealed.clear();
        opened.clear();
        const auto header = from.seal(sealed, ad, text, random);
        if (!header || !to.open(opened, *header, ad, sealed, random)) broken("our ratchet cannot open its own message");
    }
    void one_way(byte_view text) { pass(a, b, text); }
    void turn(byte_view text) {
        pass(b, a, text);
        std::swap(a, b);
    }
};

template <e2ee::RatchetSuite S>
void enter(std::vector<contestant>& all, const std::vector<std::size_t>& sizes) {
    const auto both = std::make_shared<pair<S>>();
    const std::string name = "ratchet " + std::string{e2ee::to_text(S::id)};
    for (const auto size : sizes) {
        const buffer text(size, 'x');
        all.push_back(
            {"one way " + std::to_string(size), name, 20'000 * 256 / (size + 256), {}, [both, text](std::size_t n) {
                 for (std::size_t i = 0; i < n; ++i) both->one_way(text);
             }});
    }
    const buffer text(256, 'x');
    all.push_back({"turn 256", name, 300, {}, [both, text](std::size_t n) {
                       for (std::size_t i = 0; i < n; ++i) both->turn(text);
                   }});
}

/// X3DH of suite wire10 and a first message, both sides; the identities and prekeys were made before.
inline void enter_x3dh(std::vector<contestant>& all) {
    using suite = e2ee::wire10;
    struct people {
        crypto::system_random random;
        exchange_key_pair alice = *exchange_key_pair::generate(random), bob = *exchange_key_pair::generate(random);
        exchange_key_pair signed_key = *exchange_key_pair::generate(random),
                          one_time = *exchange_key_pair::generate(random);
        signing_key_pair signer = *signing_key_pair::generate(random);
        signature proof = signer.sign(signed_key.public_key().bytes());
        buffer ad = buffer(140), text = buffer(256, 'x'), sealed, opened;
    };
    const auto all_of = std::make_shared<people>();
    all.push_back({"establish x3dh", "x3dh wire10", 80, {}, [all_of](std::size_t n) {
                       auto& p = *all_of;
                       const auto prekey = p.signed_key.public_key(), once = p.one_time.public_key();
                       for (std::size_t i = 0; i < n; ++i) {
                           if (!crypto::verify(p.signer.public_key(), prekey.bytes(), p.proof)) broken("no signature");
                           const auto ephemeral = exchange_key_pair::generate(p.random);
                           auto own = exchange_key_pair::generate(p.random);
                           auto root =
                               e2ee::x3dh_initiator<suite>(p.alice, *ephemeral, p.bob.public_key(), prekey, &once);
                           if (!root) broken("no key agreement");
                           auto a = e2ee::double_ratchet<suite>::initiate(std::move(*root), std::move(*own), prekey);
                           p.sealed.clear();
                           p.opened.clear();
                           const auto header = a->seal(p.sealed, p.ad, p.text, p.random);
                           auto other = e2ee::x3dh_responder<suite>(p.bob, p.signed_key, &p.one_time,
                                                                    p.alice.public_key(), ephemeral->public_key());
                           auto b = e2ee::double_ratchet<suite>::respond(
                               std::move(*other), exchange_key_pair{p.signed_key.secret_key().fork()});
                           if (!header || !b.open(p.opened, *header, p.ad, p.sealed, p.random))
                               broken("our first message does not open");
                       }
                   }});
}

}  // namespace bench::ours
