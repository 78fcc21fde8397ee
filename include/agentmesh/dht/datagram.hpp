// The datagrams of the DHT: four requests, four answers, binary, none longer than 1,200 bytes.
#pragma once

#include <agentmesh/dht/endpoint.hpp>
#include <agentmesh/dht/record.hpp>

namespace agentmesh::dht {

/// A node as others tell of it: its key, from which its point follows, and its address.
struct contact {
    node_public_key key{};
    endpoint at{};
    point place{};

    [[nodiscard]] static contact of(const node_public_key& key, const endpoint& at) noexcept {
        return {key, at, point_of(key)};
    }
    friend bool operator==(const contact&, const contact&) = default;
};

enum class kind : std::uint8_t {
    ping = 1,
    pong,
    find_node,
    nodes,  ///< answers find_node, and find_value where nothing is held
    find_value,
    value,
    store,
    stored,  ///< what became of it
};

[[nodiscard]] constexpr bool is_request(kind what) noexcept {
    return what == kind::ping || what == kind::find_node || what == kind::find_value || what == kind::store;
}

enum class store_answer : std::uint8_t { stored, bad_token, bad_record, old_record, no_room, count_ };

using transaction = fixed_bytes<8, struct dht_transaction_tag>;
using address_token = fixed_bytes<16, struct dht_token_tag>;

/// "AMD" 01 ‖ u8 kind ‖ u8 flags ‖ transaction ‖ key of the sender ‖ rest. The rest of a request: u8 0 or 16 ‖ token,
/// then what it asks, then zeros at will; of an answer: a new token, what it says, and with flag 0 the proof.
///
///     find_node, find_value   point of 32 bytes
///     nodes                   u8 count, at most 20 ‖ of each u8 4 or 6 ‖ address ‖ u16 port ‖ key
///     store, value            u16 size ‖ record
///     stored                  u8 store_answer
/// @spec AM-DHT-009
struct datagram {
    kind what = kind::ping;
    bool prove = false;    ///< flag 0. A request: the asker wants a proof; an answer: there is one
    bool passive = false;  ///< flag 1: the sender serves nobody and is not to be told of
    transaction id{};
    node_public_key sender{};
    std::optional<address_token> token{};  ///< of a request: from an earlier answer; in an answer always
    point target{};                        ///< find_node, find_value
    std::vector<contact> contacts{};       ///< nodes
    buffer record{};                       ///< store, value: 1 to 1,000 bytes, not looked into
    store_answer outcome = store_answer::stored;
    std::optional<signature> proof{};

    friend bool operator==(const datagram&, const datagram&) = default;
};

inline constexpr std::size_t datagram_head = 4 + 1 + 1 + transaction::size + node_public_key::size;
inline constexpr std::size_t answer_size = datagram_head + address_token::size;  ///< of a pong without proof
inline constexpr std::size_t ping_size = datagram_head + 1;                      ///< without a token

/// Bytes that a contact takes.
[[nodiscard]] constexpr std::size_t contact_size(const contact& one) noexcept { return one.at.v6 ? 51 : 39; }

/// A request, filled up with zeros to `at_least` bytes, so that an answer of three times its size may be long.
/// @spec AM-DHT-009
[[nodiscard]] buffer write_request(const datagram& from, std::size_t at_least = 0);

/// An answer, with a proof for `asker` if there is a `prover`.
/// @spec AM-DHT-009, AM-DHT-010
[[nodiscard]] buffer write_answer(const datagram& from, const node_public_key& asker, const node_key_pair* prover);

/// @spec   AM-DHT-009
/// @errors bad_datagram
[[nodiscard]] result<datagram> parse_datagram(byte_view bytes);

/// Whether the answer `bytes`, parsed as `from`, proves to `asker` that its sender has the key it names. The asker's
/// transaction is inside, so that a proof serves once.
/// @spec   AM-DHT-011
/// @errors bad_signature, also if there is no proof
[[nodiscard]] result<void> check_proof(byte_view bytes, const datagram& from, const node_public_key& asker);

}  // namespace agentmesh::dht

#include <agentmesh/dht/datagram.ipp>
