// What a client has learned of agents, and does not unlearn because somebody tells it something else later: keys and
// their epochs, the latest prekey, revocations, successors.
//
// A registry that hands out what was true last month lies with other people's true signatures. Only who remembers
// notices.
#pragma once

#include <agentmesh/e2ee/prekey.hpp>
#include <agentmesh/registry/statement.hpp>

#include <map>

namespace agentmesh::registry {

/// What is remembered of one agent.
struct agent_memory {
    /// Where its exchange key comes from.
    enum class keys : std::uint8_t {
        none,
        unbound,  ///< somebody said so: the first one stays
        bound,    ///< from a card of this epoch, signed by the agent
    };
    keys known = keys::none;
    std::uint32_t epoch = 0;
    exchange_public_key exchange;

    /// The latest signed prekey of that epoch; `prekey_from` is its beginning, or -1 if none was seen.
    std::int64_t prekey_from = -1;
    std::uint32_t prekey_id = 0;
    exchange_public_key prekey;

    bool said_revoked = false;                   ///< a registry said so once; it cannot be taken back
    std::optional<revocation_statement> gone{};  ///< the agent itself said so, and here is its word
    std::optional<succession_statement> successor{};

    [[nodiscard]] bool is_revoked() const noexcept { return said_revoked || gone || successor; }

    friend bool operator==(const agent_memory&, const agent_memory&) = default;
};

/// The agents that a client has dealt with. A value: its owner saves it whenever a `note_*` says that it changed.
///
/// Bounded, because anybody can invent agents: at capacity the one that was noted longest ago is forgotten, revoked
/// ones after all others.
class client_memory {
public:
    static constexpr std::size_t default_capacity = 4096;

    /// @param capacity  at least 1
    explicit client_memory(std::size_t capacity = default_capacity) : capacity_{capacity} { assert(capacity > 0); }

    [[nodiscard]] const agent_memory* find(const amid& who) const;
    [[nodiscard]] std::size_t size() const noexcept { return agents_.size(); }

    /// Whether an exchange key may be that of an agent, as far as is remembered.
    /// @param card  nothing where only somebody's word ties the key to the agent
    /// @spec   AM-FND-003, AM-FND-004
    /// @errors unbound_key for a bare key of one that has shown a card, or another bare key than the first;
    ///         epoch_rollback for an older card, or another key under the same epoch
    [[nodiscard]] result<void> check_keys(const amid& who, const exchange_public_key& exchange,
                                          const std::optional<e2ee::identity_card>& card) const;

    /// Whether a bundle is not older than one seen before: in order of epoch, then of the beginning of the signed
    /// prekey, then of its id. Two prekeys in one place are a contradiction, and the later one is refused.
    /// @spec   AM-FND-004, AM-FND-006
    /// @errors epoch_rollback, old_record
    [[nodiscard]] result<void> check_bundle(const e2ee::prekey_bundle& bundle) const;

    /// Whether anything that was learned says that an agent is not to be trusted any more.
    /// @spec   AM-FND-008
    /// @errors certificate_revoked
    [[nodiscard]] result<void> check_standing(const amid& who) const;

    // What holds, once all else was checked. They answer whether there is something new to save.
    bool note_keys(const amid& who, const exchange_public_key& exchange,
                   const std::optional<e2ee::identity_card>& card);
    bool note_bundle(const e2ee::prekey_bundle& bundle);
    bool note_revoked(const amid& who, const std::optional<revocation_statement>& gone);
    bool note_successor(const succession_statement& told);

    /// The owner's decision: what is remembered of an agent no longer counts.
    bool forget(const amid& who) { return agents_.erase(who) > 0; }

    /// Version ‖ count ‖ agents, the one noted longest ago first. No secrets.
    [[nodiscard]] buffer save() const;
    /// @errors bad_snapshot. Of more agents than `capacity` those noted last stay
    [[nodiscard]] static result<client_memory> restore(byte_view bytes, std::size_t capacity = default_capacity);

private:
    struct entry {
        agent_memory what{};
        std::uint64_t noted = 0;  // rises with every note
    };

    [[nodiscard]] agent_memory& touch(const amid& who);
    template <class Change>
    bool change(const amid& who, Change&& apply);

    std::map<amid, entry> agents_;
    std::size_t capacity_;
    std::uint64_t notes_ = 0;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/client_memory.ipp>
