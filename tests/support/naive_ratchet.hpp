// The double ratchet written for the eye, not for the machine: the model that the tests hold the library's against.
//
// Plain copies and maps, no secrets, no bounds but the ruled ones; every receive works on a copy of everything. It
// derives with libsodium's HMAC, so it shares only the AEADs and X25519 with what it checks.
#pragma once

#include <agentmesh/e2ee/header.hpp>

#include <deque>
#include <map>
#include <optional>
#include <set>

namespace ratchet_test {

using agentmesh::buffer;
using agentmesh::byte_view;
using agentmesh::errc;
using agentmesh::exchange_public_key;
using agentmesh::e2ee::nonce_rule;
using agentmesh::e2ee::RatchetSuite;
using agentmesh::e2ee::ratchet_header;
using agentmesh::e2ee::start_up;

using bytes32 = std::array<std::uint8_t, 32>;

inline bytes32 plain_hmac(byte_view key, std::initializer_list<byte_view> pieces) {
    bytes32 out;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.data(), key.size());
    for (const auto piece : pieces) crypto_auth_hmacsha256_update(&state, piece.data(), piece.size());
    crypto_auth_hmacsha256_final(&state, out.data());
    return out;
}

/// The Diffie-Hellman result, or nothing if it is zero.
inline std::optional<bytes32> plain_dh(const bytes32& scalar, const exchange_public_key& point) {
    bytes32 out;
    if (crypto_scalarmult(out.data(), scalar.data(), point.data()) != 0) return std::nullopt;
    return out;
}

inline exchange_public_key plain_public(const bytes32& scalar) {
    exchange_public_key out;
    crypto_scalarmult_base(out.storage().data(), scalar.data());
    return out;
}

template <RatchetSuite S>
class naive_ratchet {
public:
    using name = std::pair<exchange_public_key, std::uint32_t>;  // chain and number: what a header says of a message

    bytes32 root{}, scalar{};
    exchange_public_key own{};
    std::optional<exchange_public_key> remote;
    std::optional<bytes32> sending, receiving;
    std::uint32_t sent = 0, received = 0, previous = 0, turns = 0;
    bool initiator = false;
    std::map<name, bytes32> waiting;         // keys of messages that were skipped
    std::deque<name> order;                  // the same, oldest first
    std::set<exchange_public_key> finished;  // the peer's keys whose chains are over
    std::deque<bytes32> spent;               // the last keys that have sealed or opened a message

    static naive_ratchet initiate(const bytes32& root, const bytes32& scalar, const exchange_public_key& remote) {
        naive_ratchet out;
        out.root = root, out.scalar = scalar, out.own = plain_public(scalar), out.remote = remote, out.initiator = true;
        if (S::start == start_up::at_once) out.sending = out.root_step(*plain_dh(scalar, remote));
        return out;
    }
    static naive_ratchet respond(const bytes32& root, const bytes32& scalar) {
        naive_ratchet out;
        out.root = root, out.scalar = scalar, out.own = plain_public(scalar);
        return out;
    }

    /// The responder that takes the initiator's step and one of its own before any message.
    static naive_ratchet respond(const bytes32& root, const bytes32& prekey, const exchange_public_key& remote,
                                 const bytes32& scalar) {
        auto out = respond(root, scalar);
        out.remote = remote;
        out.receiving = out.root_step(*plain_dh(prekey, remote));
        out.sending = out.root_step(*plain_dh(scalar, remote));
        out.turns = 1;
        return out;
    }

    bool can_send() const { return sending || (S::start == start_up::on_use && remote && (initiator || receiving)); }

    /// The initiator learns the responder's first key otherwise than from a message.
    void learn(const exchange_public_key& key, const bytes32& next_scalar) {
        receiving = root_step(*plain_dh(scalar, key));
        turn(key, next_scalar);
    }

    /// The header and what follows it.
    std::pair<ratchet_header, buffer> seal(byte_view prefix, byte_view text, byte_view nonce) {
        if (!sending) sending = root_step(*plain_dh(scalar, *remote));
        const ratchet_header header{own, previous, sent++};
        const auto key = advance(*sending);
        spend(key);
        buffer out(text.size() + S::aead::tag_size);
        encrypt(out, key, nonce, data(prefix, header), text);
        if (S::nonce == nonce_rule::random) out.insert(out.begin(), nonce.begin(), nonce.end());
        return {header, out};
    }

    /// Nothing if the message opens; `text` is then what it says.
    std::optional<errc> open(buffer& text, const ratchet_header& header, byte_view prefix, byte_view sealed,
                             const bytes32& next_scalar) {
        auto next = *this;
        const auto refused = next.receive(text, header, prefix, sealed, next_scalar);
        if (!refused) *this = std::move(next);
        return refused;
    }

private:
    void spend(const bytes32& key) {
        spent.push_back(key);
        if (spent.size() > 40) spent.pop_front();
    }

    bytes32 root_step(const bytes32& dh) {
        const auto extracted = plain_hmac(root, {dh});
        const auto info = agentmesh::as_bytes(S::root_info);
        const auto first = plain_hmac(extracted, {info, buffer{1}});
        const auto second = plain_hmac(extracted, {first, info, buffer{2}});
        root = first;
        return second;
    }
    static bytes32 advance(bytes32& chain) {
        const auto key = plain_hmac(chain, {buffer{1}});
        chain = plain_hmac(chain, {buffer{2}});
        return key;
    }
    static buffer data(byte_view prefix, const ratchet_header& header) {
        buffer out{prefix.begin(), prefix.end()};
        out.insert(out.end(), header.dh.bytes().begin(), header.dh.bytes().end());
        for (const auto number : {header.pn, header.n})
            for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(number >> shift));
        return out;
    }

    /// Calls `work` with the AEAD's key and nonce of a message key.
    static auto with_key(const bytes32& key, byte_view nonce, auto work) {
        using sealing = typename S::aead::key;
        using once = typename S::aead::nonce;
        if constexpr (S::nonce == nonce_rule::derived) {
            const auto info = agentmesh::as_bytes(S::message_info);
            const auto first = plain_hmac(key, {info, buffer{1}});
            const auto second = plain_hmac(key, {first, info, buffer{2}});
            return work(sealing::from(first).value(), once::from(byte_view{second}.first(once::size)).value());
        } else {
            return work(sealing::from(key).value(), once::from(nonce).value());
        }
    }
    static void encrypt(buffer& out, const bytes32& key, byte_view nonce, const buffer& ad, byte_view text) {
        with_key(key, nonce, [&](const auto& with, const auto& once) {
            if constexpr (S::binds_header)
                S::aead::seal(out, with, once, ad, text);
            else
                S::aead::seal(out, with, once, text);
        });
    }
    static bool decrypt(buffer& text, const bytes32& key, const buffer& ad, byte_view sealed) {
        constexpr std::size_t front = S::nonce == nonce_rule::random ? S::aead::nonce::size : 0;
        if (sealed.size() < front + S::aead::tag_size) return false;
        text.resize(sealed.size() - front - S::aead::tag_size);
        return with_key(key, sealed.first(front), [&](const auto& with, const auto& once) {
            if constexpr (S::binds_header)
                return S::aead::open(text, with, once, ad, sealed.subspan(front)).has_value();
            else
                return S::aead::open(text, with, once, sealed.subspan(front)).has_value();
        });
    }

    void turn(const exchange_public_key& key, const bytes32& next_scalar) {
        remote = key;
        scalar = next_scalar, own = plain_public(scalar);
        previous = sent, sent = 0;
        sending = root_step(*plain_dh(scalar, key));
        ++turns;
    }
    void keep_until(bytes32& chain, std::uint32_t& at, std::uint32_t until, const exchange_public_key& dh) {
        while (at < until) {
            waiting[{dh, at}] = advance(chain);
            order.emplace_back(dh, at++);
        }
    }
    void trim() {
        while (order.size() > 2000) {
            waiting.erase(order.front());
            order.pop_front();
        }
    }

    std::optional<errc> receive(buffer& text, const ratchet_header& header, byte_view prefix, byte_view sealed,
                                const bytes32& next_scalar) {
        const auto ad = data(prefix, header);
        const auto use = [&](const bytes32& key) -> std::optional<errc> {
            if (!decrypt(text, key, ad, sealed)) return errc::bad_tag;
            spend(key);
            return std::nullopt;
        };
        if (header.n >= S::chain_length) return errc::too_far;
        if (!S::binds_header && !agentmesh::e2ee::is_canonical(header.dh)) return errc::bad_tag;

        const name wanted{header.dh, header.n};
        if (const auto kept = waiting.find(wanted); kept != waiting.end()) {
            const auto key = kept->second;
            waiting.erase(kept);
            order.erase(std::find(order.begin(), order.end(), wanted));
            return use(key);
        }
        if (finished.contains(header.dh)) return errc::duplicate;
        const bool known = remote == header.dh;
        if (known && receiving) {
            if (header.n < received) return errc::duplicate;
            if (header.n - received > S::max_skip) return errc::too_far;
        } else {
            if (known && S::start == start_up::at_once) return errc::bad_tag;
            if (receiving && header.pn > received && header.pn - received > S::max_skip) return errc::too_far;
            if (header.n > S::max_skip || header.pn > S::chain_length) return errc::too_far;
            const auto first = plain_dh(scalar, header.dh);
            if (!first) return errc::zero_shared_secret;
            if (receiving) {
                keep_until(*receiving, received, header.pn, *remote);
                finished.insert(*remote);
            }
            receiving = root_step(*first);
            received = 0;
            if (known)
                ++turns;
            else
                turn(header.dh, next_scalar);
        }
        keep_until(*receiving, received, header.n, header.dh);
        trim();
        ++received;
        return use(advance(*receiving));
    }
};

}  // namespace ratchet_test
