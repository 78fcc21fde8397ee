// Identity card: what ties an exchange key to an AMID, and the memory that keeps a peer from going back to an old one.
#pragma once

#include <agentmesh/e2ee/domain.hpp>
#include <agentmesh/identity/local_identity.hpp>

#include <map>

namespace agentmesh::e2ee {

/// AMID ‖ signing key ‖ exchange key ‖ u32 epoch ‖ signature over all before it, in context `exchange_key`.
/// A new exchange key comes with a higher epoch. One that `parse` or `make` returned holds; members that were put
/// together by hand hold once `check` says so.
/// @spec AM-KEX-003
struct identity_card {
    static constexpr std::size_t size = limits::amid_bytes + 32 + 32 + 4 + 64;

    amid name;
    signing_public_key signing;
    exchange_public_key exchange;
    std::uint32_t epoch = 0;
    signature proof;

    /// The card of an agent, with its present exchange key.
    [[nodiscard]] static identity_card make(const local_identity& self, std::uint32_t epoch);

    [[nodiscard]] std::array<std::uint8_t, size> bytes() const;

    /// @spec   AM-KEX-004, AM-KEX-005, AM-KEX-006
    /// @errors bad_bundle
    [[nodiscard]] static result<identity_card> parse(byte_view bytes);

    /// Whether the name belongs to the signing key, and the signature covers the rest.
    /// @errors bad_bundle
    [[nodiscard]] result<void> check() const;

    friend bool operator==(const identity_card&, const identity_card&) = default;
};
static_assert(identity_card::size == 152);

/// Takes a card apart; says nothing about whether it holds.
/// @errors bad_bundle unless there are 152 bytes
[[nodiscard]] result<identity_card> decode_card(byte_view bytes);

/// The highest epoch seen of each peer. A value: its owner saves it when `note` says that it changed.
///
/// Bounded, because anybody can invent names: at capacity, the peer that was noted longest ago is forgotten. Epoch 0
/// takes no room, since nothing is lower.
class known_epochs {
public:
    static constexpr std::size_t default_capacity = 4096;

    /// @param capacity  at least 1
    explicit known_epochs(std::size_t capacity = default_capacity) : capacity_{capacity} { assert(capacity > 0); }

    /// @spec   AM-KEX-007
    /// @errors epoch_rollback
    [[nodiscard]] result<void> check(const identity_card& card) const;

    /// Remembers a card that holds and has been accepted. To be called after `check`; a lower epoch changes nothing.
    /// @return true if there is something new to save
    bool note(const identity_card& card);

    [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }

    /// Version ‖ count ‖ AMID ‖ epoch …, the peer noted longest ago first. No secrets.
    [[nodiscard]] buffer save() const;
    /// @errors bad_snapshot. Of more peers than `capacity` those noted last stay
    [[nodiscard]] static result<known_epochs> restore(byte_view bytes, std::size_t capacity = default_capacity);

private:
    struct entry {
        std::uint32_t epoch;
        std::uint64_t noted;  // rises with every note
    };

    std::map<amid, entry> peers_;
    std::size_t capacity_;
    std::uint64_t notes_ = 0;
};

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/card.ipp>
