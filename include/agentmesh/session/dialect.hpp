// What the agents of the older dialects share: one session a peer with its saved records, pinned keys, and what they
// ask of the owner's policy. Internal to session/.
//
// Records, all under the name of the dialect, here `v02`:
//     v02/session/<peer>/state        a session with its ratchet
//     v02/session/<peer>/generation   u64, written with every state: another number means an old record put back
//     v02/generation                  u64, the last number given to any state, so that none is given twice
//     v02/session/<peer>/out/<slot>   a frame that the transport has not taken, or a text that waits to be sealed
//     v02/session/<peer>/in/<index>   a message that the application has not taken
//     v02/pin/<peer>                  the exchange key with which the peer first proved itself
//
// A step is thought through on a draft, saved, and only then is the draft the state and may frames leave.
#pragma once

#include <agentmesh/session/knock.hpp>
#include <agentmesh/session/policy.hpp>
#include <agentmesh/session/records.hpp>

namespace agentmesh::session::dialect {

inline constexpr std::size_t most_peers = 1024;      ///< with a session, or a KNOCK of which is open
inline constexpr std::size_t most_pins = 4096;       ///< when full, whoever is not pinned is refused
inline constexpr std::size_t most_waiting = 64;      ///< frames and texts to one peer that the transport has not taken
inline constexpr std::size_t most_waiting_bytes = 256 * 1024;
inline constexpr std::size_t most_untaken = 256;     ///< messages of one peer that the application has not taken

// --- what the owner allows ------------------------------------------------------------------------------------

/// Whether the owner takes exchange keys that nothing ties to a name. A policy that does not say takes none, as an
/// empty policy file does.
template <PolicySource P>
[[nodiscard]] bool allows_unbound(const P& source) {
    if constexpr (requires { { source.allows_unbound() } -> std::convertible_to<bool>; })
        return source.allows_unbound();
    else if constexpr (requires { { source.rules() } -> std::convertible_to<const policy&>; })
        return source.rules().allow_unbound_keys;
    else return policy{}.allow_unbound_keys;
}

/// Whether a KNOCK is one of a flood, and not even to be opened.
template <PolicySource P>
[[nodiscard]] bool is_flood(P& source, const moment& now) {
    if constexpr (requires { { source.is_flooded(now) } -> std::same_as<bool>; }) return source.is_flooded(now);
    else return false;
}

/// Whether a peer has sent its messages of this minute.
template <PolicySource P>
[[nodiscard]] bool is_over_rate(P& source, const amid& from, const moment& now) {
    if constexpr (requires { source.take_message(from, now) == 0u; }) return source.take_message(from, now) != 0u;
    else return false;
}

/// Of a dialect whose answers state none.
inline constexpr constraints unlimited = {.max_message_size_bytes = knock_largest_limit,
                                          .max_messages = knock_largest_limit, .ttl_seconds = knock_largest_limit};

// --- one session ----------------------------------------------------------------------------------------------

/// A KNOCK of the peer that was accepted and has not proven itself by a first message.
struct offer {
    std::uint64_t number = 0;         ///< in the order of their arrival
    exchange_public_key identity, ephemeral;
    std::optional<std::uint32_t> one_time{};
    std::uint32_t signed_id = 0;      ///< where the dialect names it
    bool bound = false;               ///< `identity` follows from the peer's name
    std::string session{};            ///< as the answer names it
    intent what{};
    session_request asked{};
    constraints held_to{};
    time_point begun{};
    time_point ends = latest_time;
};

/// What a session's record holds beside its keys.
struct conversation_core {
    std::string session{};            ///< its name, or that of our KNOCK before the answer
    std::string nonce{};              ///< of our KNOCK, where the dialect repeats it
    exchange_public_key identity{};   ///< the peer's exchange key in this session
    signing_public_key signing{};     ///< under which the peer's answers verify, where the dialect signs
    bool initiator = false;
    bool answered = false;            ///< open, with a ratchet
    bool optimistic = false;          ///< frames may leave before the answer
    bool bound = false;
    intent what{};
    session_request asked{};
    constraints held_to{};
    time_point begun{};
    time_point accepted{};            ///< our KNOCK, by the peer's clock
    time_point ends = latest_time;    ///< of the present state: knocking or open
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    std::uint64_t generation = 0;
    std::uint64_t next_slot = 0;
    std::uint64_t next_in = 0;
    buffer ad_prefix{};
    std::optional<offer> offered{};
};

enum class posted : std::uint8_t { knock, message, close };

struct outgoing {
    std::uint64_t slot = 0;
    posted kind = posted::message;
    bool early = false;               ///< left before the answer; kept until it is here
    std::string frame{};              ///< empty: not sealed yet
    crypto::secret_buffer plain{};    ///< of a message; sealed anew if its session ends before it has left
    // Not saved; after a restart everything leaves again, byte for byte.
    bool handed = false;              ///< to the transport
    std::string receipt{};            ///< under which the transport will say that it has it for good
    bool gone = false;                ///< it has; the record goes with the next batch

    /// Whether nothing needs it any more. What left before the answer is reported if the answer is no.
    [[nodiscard]] bool is_over(const conversation_core& core) const noexcept {
        return gone && (!early || core.answered);
    }
};

struct arrival {
    std::string id{};
    crypto::secret_buffer text{};
    bool given = false;
    bool taken = false;
};

/// One peer's.
template <e2ee::X3dhSuite Suite>
struct conversation {
    conversation_core core;
    std::optional<e2ee::double_ratchet<Suite>> ratchet{};
    std::deque<outgoing> outbox{};
    std::map<std::uint64_t, arrival> inbox{};
    steady_point ends = steady_point::max();

    [[nodiscard]] bool is_open() const noexcept { return ratchet && core.answered; }
    [[nodiscard]] bool is_knocking() const noexcept { return ratchet && !core.answered; }
    [[nodiscard]] bool is_empty() const noexcept {
        return !ratchet && !core.offered && outbox.empty() && inbox.empty();
    }
};

/// A step on a copy of what it changes.
template <e2ee::X3dhSuite Suite>
struct draft {
    conversation_core core;
    std::optional<e2ee::double_ratchet<Suite>> ratchet{};
    std::vector<outgoing> posted{};   ///< new ones, and old ones that are sealed now
    std::vector<outgoing> dropped{};  ///< old ones that will never be
    std::optional<std::pair<std::uint64_t, arrival>> arrived{};
};

/// The sessions of one agent in one dialect, by the peer's name.
template <e2ee::X3dhSuite Suite>
class desk {
public:
    using conversation = dialect::conversation<Suite>;
    using draft = dialect::draft<Suite>;
    using ratchet_type = e2ee::double_ratchet<Suite>;

    explicit desk(std::string_view dialect) : prefix_{std::string{dialect} + '/'} {}

    [[nodiscard]] conversation* find(std::string_view peer);
    [[nodiscard]] const conversation* find(std::string_view peer) const;
    [[nodiscard]] std::map<std::string, conversation, std::less<>>& all() noexcept { return sessions_; }
    [[nodiscard]] std::size_t open_count() const noexcept;
    /// When the first of them ends.
    [[nodiscard]] steady_point next_end() const noexcept;

    // --- steps ----------------------------------------------------------------------------------------------
    [[nodiscard]] static draft begin(const conversation* held);
    /// Adds a text to a draft; it is sealed by `seal`, or waits.
    /// @errors session_limit
    [[nodiscard]] result<void> post(const conversation* held, draft& step, posted kind, std::string_view text) const;
    /// What was sealed in a session that another takes the place of, and has not left or cannot be read, waits again.
    static void unseal(const conversation* held, draft& step);
    /// Seals what waits, in its order, into frames that `frame` makes of header and ciphertext. What the session's
    /// limits leave no room for is dropped.
    /// @errors those of the ratchet
    [[nodiscard]] result<void> seal(const conversation* held, draft& step, RandomSource auto& random,
                                    auto&& frame) const;
    /// @return the message's place among those of this peer
    static std::uint64_t arrive(draft& step, std::string id, byte_view text);
    /// Everything that a draft changes, and what the transport has taken meanwhile.
    void save(record_batch& batch, std::string_view peer, draft& step);
    conversation& install(std::string_view peer, draft step, const moment& now);

    /// Ends a session: all of its records but those of messages that the application has not taken.
    void erase(record_batch& batch, std::string_view peer, const conversation& held);
    /// @return texts of which nobody knows that they left
    std::vector<crypto::secret_buffer> erased(std::string_view peer);

    /// Erases the records of what has been taken on either side; of a peer of whom nothing is left, all of them.
    void sweep(record_batch& batch, std::string_view peer, const conversation& held) const;
    void swept(std::string_view peer);

    /// Room for one more peer: of those who have only knocked, the first to have done so gives way, without a record.
    [[nodiscard]] bool has_room(std::string_view peer) const;
    /// @return whose place it was
    std::optional<std::string> make_room(record_batch& batch, std::string_view peer);

    // --- pins -----------------------------------------------------------------------------------------------
    /// Whether a peer may use this exchange key.
    /// @spec   AM-KNK-063
    /// @errors unbound_key for another key than the pinned one; session_limit if no more keys can be pinned
    [[nodiscard]] result<void> check_pin(std::string_view peer, const exchange_public_key& key) const;
    void pin(record_batch& batch, std::string_view peer, const exchange_public_key& key) const;
    void pinned(std::string_view peer, const exchange_public_key& key) { pins_.try_emplace(std::string{peer}, key); }
    [[nodiscard]] const exchange_public_key* pin_of(std::string_view peer) const;
    void unpin(record_batch& batch, std::string_view peer) const;
    void unpinned(std::string_view peer);

    // --- restart --------------------------------------------------------------------------------------------
    /// @spec   AM-RAT-031
    /// @return peers whose session is not of the generation that its record says: it must not go on
    /// @errors bad_snapshot, those of the store
    [[nodiscard]] result<std::vector<std::string>> restore(StateStore auto& store, const moment& now);

    /// `v02/`, before the names of all records.
    [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }

private:
    [[nodiscard]] std::optional<std::string> first_to_go(std::string_view peer) const;
    [[nodiscard]] std::string record_of(std::string_view peer, std::string_view rest) const;
    [[nodiscard]] result<void> restore_one(const std::string& peer, StateStore auto& store, const moment& now,
                                           std::vector<std::string>& lost);

    std::string prefix_;
    std::uint64_t generation_ = 0;
    std::map<std::string, conversation, std::less<>> sessions_{};
    std::map<std::string, exchange_public_key, std::less<>> pins_{};
};

/// The `type` of a JSON object; empty for anything else.
[[nodiscard]] std::string peek_type(byte_view text);

/// @errors not_persisted
[[nodiscard]] result<void> persist(record_batch& batch, auto& out);

}  // namespace agentmesh::session::dialect

#include <agentmesh/session/dialect.ipp>
