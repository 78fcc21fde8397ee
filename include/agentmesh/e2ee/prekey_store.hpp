// The prekey manager: an agent's own prekeys with their private halves, from their making to their end.
#pragma once

#include <agentmesh/core/state.hpp>
#include <agentmesh/e2ee/x3dh.hpp>

namespace agentmesh::e2ee {

/// How many, and for how long. The defaults are those of the deployed agents.
struct prekey_rules {
    std::uint32_t one_time_full = 100;                 ///< unspent keys after a refill, at most 1024
    std::uint32_t one_time_low = 20;                   ///< fewer unspent ones are refilled
    duration rotation = std::chrono::hours{7 * 24};    ///< age at which the signed prekey is replaced
    duration grace = std::chrono::hours{24};           ///< for which a replaced one is honoured
    std::chrono::seconds validity{prekey_validity_max}; ///< of a signed prekey: how long an absent agent is reachable
    std::chrono::seconds lead{60};                     ///< it is valid before it was made, for clocks that are slow
};

/// What `maintain` did.
struct prekey_upkeep {
    bool rotated = false;        ///< there is a new signed prekey
    std::uint32_t added = 0;     ///< new one-time prekeys
    std::size_t remaining = 0;   ///< unspent one-time prekeys before that; below the low mark if some were added

    /// Whether what the registry has is out of date.
    [[nodiscard]] bool publish() const noexcept { return rotated || added != 0; }
};

/// What an agent gives to a registry.
struct prekey_publication {
    identity_card card;
    signed_prekey signed_key;
    std::vector<one_time_prekey> one_time{};
};

/// Prekeys with their private halves, in memory and in a StateStore under names that begin with `prekeys/`.
///
/// A key exists here only once it is saved: `maintain` saves first, so whatever `publication` returns survives a crash.
/// Ids rise for ever, also over restarts, because the next ones are part of what is saved.
///
/// A one-time prekey is used in two steps, so that its end and what was received with it become durable together:
///
///     AGENTMESH_TRY(key, prekeys.find_one_time(id));    // agree on keys, authenticate; nothing has changed yet
///     AGENTMESH_TRY(erasure, prekeys.spend(id));        // goes into the one commit with the nonce and the reply
///     AGENTMESH_CHECK(out.persist(changes));            // on an error the key is as before
///     prekeys.forget(id);                               // gone for good
///
/// @secret private halves are wiped with their entries
class prekey_store {
public:
    explicit prekey_store(const prekey_rules& rules = {}) : rules_{rules} {
        assert(rules.one_time_low <= rules.one_time_full && rules.one_time_full <= batch_max);
    }

    /// Reads what an earlier process saved; nothing saved is an empty store.
    /// @spec   AM-KEX-034
    /// @errors bad_snapshot if it is not whole, or not of this owner; the store's. The object is then unchanged
    template <StateStore Store>
    [[nodiscard]] result<void> restore(Store& from, const local_identity& owner);

    /// Whether `maintain` has something to do.
    [[nodiscard]] bool is_due(time_point now) const noexcept;
    /// When time alone makes it due next; nothing while there is no key at all.
    [[nodiscard]] std::optional<time_point> next_due() const noexcept;

    /// Makes a signed prekey if there is none or the present one is old, fills up one-time prekeys if few remain, and
    /// erases what nobody may use any more. One commit.
    /// @spec   AM-KEX-030, AM-KEX-031, AM-KEX-034, AM-KEX-036
    /// @errors those of the random source and of the store; counter_exhausted if there are no ids left
    /// @state  unchanged on error
    template <StateStore Store>
    [[nodiscard]] result<prekey_upkeep> maintain(const local_identity& owner, Store& to, RandomSource auto& random,
                                                 time_point now);

    /// The signed prekey that a first message names. Valid until the next call of `maintain`.
    /// @spec   AM-KEX-032, AM-KEX-033
    /// @errors unknown_prekey for an id that never was; stale_prekey after its time
    [[nodiscard]] result<const prekey_pair*> find_signed(std::uint32_t id, time_point now) const;

    /// The one-time prekey that a first message names. Valid until it is forgotten.
    /// @spec   AM-KEX-035
    /// @errors unknown_prekey, also for one that has been spent
    [[nodiscard]] result<const prekey_pair*> find_one_time(std::uint32_t id) const;

    /// The change of saved state that ends a one-time prekey, to be committed with whatever must be durable together
    /// with it. Changes nothing itself; valid until the key is forgotten.
    /// @errors unknown_prekey
    [[nodiscard]] result<record_change> spend(std::uint32_t id) const;
    /// Drops a key whose end has been committed.
    /// @return true if so few remain that `maintain` would add some
    bool forget(std::uint32_t id);

    /// Unspent one-time prekeys, and whether the next upkeep fills them up: the low-water notice.
    [[nodiscard]] std::size_t one_time_left() const noexcept { return one_time_.size(); }
    [[nodiscard]] bool is_low() const noexcept { return one_time_.size() < rules_.one_time_low; }

    /// The present signed prekey and all unspent one-time prekeys.
    /// @errors unknown_prekey before the first `maintain`
    [[nodiscard]] result<prekey_publication> publication(const identity_card& card) const;
    /// A bundle as a registry would hand it out.
    /// @errors unknown_prekey before the first `maintain`, and for a one-time id that is not here
    [[nodiscard]] result<prekey_bundle> bundle(const identity_card& card,
                                               std::optional<std::uint32_t> one_time = {}) const;

private:
    struct signed_entry {
        prekey_pair key;
        signed_prekey published;
        time_point made;
    };
    struct one_time_entry {
        prekey_pair key;
        std::string record;
    };
    // A clock set back can make several in a day; more former ones than these are not honoured.
    static constexpr std::size_t signed_kept = 4;

    [[nodiscard]] bool needs_signed(time_point now) const noexcept;
    [[nodiscard]] std::size_t signed_over(time_point now) const noexcept;
    [[nodiscard]] const prekey_batch* batch_of(std::uint32_t id) const noexcept;
    [[nodiscard]] crypto::secret_buffer save_signed(std::size_t skip, const signed_entry* added,
                                                    std::uint32_t next_one_time) const;
    [[nodiscard]] result<void> restore_signed(byte_view bytes, const local_identity& owner);
    [[nodiscard]] result<void> restore_batch(byte_view bytes, const local_identity& owner);
    [[nodiscard]] result<void> restore_one_time(std::string name, byte_view bytes);

    prekey_rules rules_;
    std::vector<signed_entry> signed_;                 // oldest first; the last is the present one
    std::map<std::uint32_t, one_time_entry> one_time_;  // unspent
    std::vector<prekey_batch> batches_;                // of which some key is unspent, and perhaps older ones
    std::uint32_t next_signed_ = 1;
    std::uint32_t next_one_time_ = 1;
};

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/prekey_store.ipp>
