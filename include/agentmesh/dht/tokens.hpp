// Tokens that prove an address: who can show one has received a datagram there within the last minutes.
#pragma once

#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/dht/datagram.hpp>

namespace agentmesh::dht {

/// What a node derives its tokens, transactions and random points from.
using node_secret = crypto::secret<32, struct dht_node_secret_tag>;

/// The first bytes of HMAC(secret, label ‖ u64 number ‖ rest): unpredictable without the secret, different for every
/// label and number.
template <class Fixed>
[[nodiscard]] Fixed derive(const node_secret& secret, std::uint8_t label, std::uint64_t number, byte_view rest = {}) {
    static_assert(Fixed::size <= 32);
    std::array<std::uint8_t, 9> head{label};
    for (std::size_t i = 0; i < 8; ++i) head[i + 1] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
    std::array<std::uint8_t, 32> all{};
    crypto::hmac_sha256_stream{secret.reveal()}.update(head).update(rest).finish(all);
    Fixed out;
    std::copy_n(all.begin(), Fixed::size, out.storage().begin());
    return out;
}

/// Makes and checks tokens without remembering any. A token holds for one address, port and key, in the period of five
/// minutes in which it was made and in the next.
/// @spec AM-DHT-013
class token_mint {
public:
    explicit token_mint(const node_secret& secret) : secret_{secret.fork()} {}

    [[nodiscard]] address_token give(const endpoint& to, const node_public_key& key, steady_point now) const {
        return of(to, key, period(now));
    }
    [[nodiscard]] bool accepts(const address_token& shown, const endpoint& from, const node_public_key& key,
                               steady_point now) const {
        const auto present = period(now);
        return same(shown, of(from, key, present)) || same(shown, of(from, key, present - 1));
    }

private:
    static std::uint64_t period(steady_point now) noexcept {
        return static_cast<std::uint64_t>(now.time_since_epoch() / limits::dht_token_period) + 1;
    }
    // Every byte is looked at: how long it takes must not tell how much of a guess was right.
    static bool same(const address_token& a, const address_token& b) noexcept {
        unsigned differing = 0;
        for (std::size_t i = 0; i < address_token::size; ++i) differing |= a.data()[i] ^ unsigned { b.data()[i] };
        return differing == 0;
    }
    [[nodiscard]] address_token of(const endpoint& at, const node_public_key& key, std::uint64_t number) const {
        std::array<std::uint8_t, 1 + 16 + 2 + 32> about{};
        about[0] = at.v6 ? 6 : 4;
        std::copy(at.address.begin(), at.address.end(), about.begin() + 1);
        about[17] = static_cast<std::uint8_t>(at.port >> 8);
        about[18] = static_cast<std::uint8_t>(at.port);
        std::copy(key.bytes().begin(), key.bytes().end(), about.begin() + 19);
        return derive<address_token>(secret_, 't', number, about);
    }

    node_secret secret_;
};

}  // namespace agentmesh::dht
