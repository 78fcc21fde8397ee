// One agent of profile wire10: its side of the relay, of KNOCK, and of each session.
//
//     session::wire10_agent<e2ee::wire10_legacy, …> agent{keys, random, policy, known};
//     AGENTMESH_CHECK(agent.restore(store, now, sink));
//     agent.on_open(now, sink);                          // sends CONNECT with its proof, and what has not left
//     agent.on_text(text, now, sink);                    // sink.received(peer, id, bytes) ...
//     agent.knock(peer, bundle, now, sink);              // key agreement, KNOCK; the answer comes to the sink
//     agent.send(peer, json, now, sink);
//
// The profile is spoken as deployed, and no more can be had from it: a KNOCK is unsigned, and nothing but the owner's
// word binds keys to it, unless a registry knows the caller's signing key. What a receiver can check it does check. The
// bundle's keys must be those of the DID; a frame that claims to be plain text is refused; an answer counts only for
// the KNOCK it names; one forged, repeated or reordered message changes nothing.
//
// Everything is saved before it leaves: a restart neither loses a message that was taken over nor uses a key twice.
#pragma once

#include <agentmesh/e2ee/suite_wire10.hpp>
#include <agentmesh/session/dialect.hpp>
#include <agentmesh/wire/wire10_frame.hpp>

#include <deque>
#include <map>
#include <set>

namespace agentmesh::session {

/// What a peer publishes.
struct wire10_bundle {
    signing_public_key signing;        ///< `identity_key_ed`; the DID is its hash
    exchange_public_key identity;      ///< `identity_key`; must be the X25519 form of `signing`
    exchange_public_key signed_prekey;
    signature prekey_proof;            ///< by `signing` over the 32 bytes of the prekey
    std::optional<std::uint32_t> one_time_id{};
    exchange_public_key one_time{};    ///< meaningful with an id
};

/// @errors amid_mismatch if the keys are not those of `peer`; unbound_key if the exchange key is not the form of the
///         signing key; bad_bundle for a prekey that is not signed
[[nodiscard]] result<void> check_wire10_bundle(const wire10_bundle& what, const mesh_did& peer) noexcept;

/// What is known of agents from elsewhere than their own messages, say from a registry. Answers at once.
template <class K>
concept KnownDids = requires(K& known, const mesh_did& who) {
    { known.signing_key(who) } -> std::same_as<std::optional<signing_public_key>>;
};

/// Where the agent's actions go, in order. Views live as long as the call; a sink does not call the agent. `received`
/// returns whether the application has taken the message for good; if not, `confirm` says so later, and after a restart
/// the message is given again.
template <class S>
concept Wire10Sink = requires(S& out, std::span<const record_change> changes, std::string_view text,
                              const mesh_did& peer, byte_view bytes, const error& why) {
    { out.persist(changes) } -> std::same_as<result<void>>;
    out.send_text(text);
    out.opened(peer);
    out.refused(peer, text);                                    ///< with the peer's reason, which nobody signed
    { out.received(peer, text, bytes) } -> std::same_as<bool>;  ///< a message with its id
    out.undelivered(peer, bytes, why);                          ///< a text of ours that will not leave
    out.failed(text, why);                                      ///< a frame from `text` was dropped; nothing changed
};

/// Single-threaded; owns no socket, clock, generator, policy or store.
template <class Suite, RandomSource Random, PolicySource Policy, KnownDids Known>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
class wire10_agent {
public:
    static constexpr std::size_t one_time_keys = 20;       ///< that nobody has been given, after `restore`
    static constexpr std::size_t most_one_time_keys = 200; ///< that nobody has used
    static constexpr std::size_t max_peers = dialect::most_peers;
    static constexpr std::size_t known_ephemerals = 8192;  ///< of proven KNOCKs; the oldest are forgotten first
    static constexpr duration offer_rest = std::chrono::seconds{120};  ///< in which we do not knock at who just did

    /// @param self, random, policy, known  must outlive the agent
    wire10_agent(const signing_key_pair& self, Random& random, Policy& policy, Known& known)
        : self_{&self}, random_{&random}, policy_{&policy}, known_{&known}, name_{mesh_did::of(self.public_key())},
          identity_{self.to_x25519()} {}

    /// Takes up what an earlier run has saved, or makes the first keys. Once, before anything else.
    /// @spec   AM-RAT-031, AM-RAT-032
    /// @errors bad_snapshot, not_persisted, those of the store and of the random source
    [[nodiscard]] result<void> restore(StateStore auto& store, const moment& now, Wire10Sink auto& out);

    [[nodiscard]] const mesh_did& name() const noexcept { return name_; }
    /// What to publish. Each call hands out another one-time key, saved before it is known to anybody.
    /// @errors not_persisted, those of the random source
    [[nodiscard]] result<wire10_bundle> publish(Wire10Sink auto& out);

    // --- events -------------------------------------------------------------------------------------------
    /// @param prove  false connects as clients up to 4.0.0 do; only a relay that takes anybody accepts that
    void on_open(const moment& now, Wire10Sink auto& out, bool prove = true);
    void on_closed() noexcept { online_ = false; }
    void on_text(std::string_view text, const moment& now, Wire10Sink auto& out);

    // --- commands -----------------------------------------------------------------------------------------
    /// @spec   AM-KNK-061
    /// @errors suite_unsupported without the owner's leave; those of check_wire10_bundle, zero_shared_secret,
    ///         not_persisted, those of the random source; session_limit, also if the peer's own KNOCK was just accepted
    [[nodiscard]] result<void> knock(const mesh_did& peer, const wire10_bundle& bundle, const moment& now,
                                     Wire10Sink auto& out);
    /// Until the peer has answered our KNOCK, or has spoken after its own, the message waits here.
    /// @errors unknown_session, session_limit, counter_exhausted, not_persisted, those of the random source
    [[nodiscard]] result<void> send(const mesh_did& peer, std::string_view json, const moment& now,
                                    Wire10Sink auto& out);
    /// Ends a session, on this side; the profile has no word for it.
    [[nodiscard]] result<void> close(const mesh_did& peer, Wire10Sink auto& out);
    /// The application has taken a message that `received` left open.
    void confirm(const mesh_did& peer, std::string_view id, Wire10Sink auto& out);
    /// The owner knows that this peer has a new exchange key.
    [[nodiscard]] result<void> unpin(const mesh_did& peer, Wire10Sink auto& out);

    [[nodiscard]] bool is_open(const mesh_did& peer) const {
        const auto* held = desk_.find(peer.text());
        return held && held->is_open();
    }

private:
    using desk = dialect::desk<Suite>;
    using conversation = desk::conversation;
    using draft = desk::draft;

    /// Who asks, and whether his exchange key follows from his name.
    struct caller {
        amid who;
        bool bound = false;
    };

    [[nodiscard]] result<std::string> make_id();
    [[nodiscard]] auto framer(const mesh_did& peer, const moment& now);
    [[nodiscard]] static buffer associated(const mesh_did& initiator, const mesh_did& responder,
                                           const exchange_public_key& initiator_key,
                                           const exchange_public_key& responder_key);
    [[nodiscard]] caller who_is(const mesh_did& peer, const exchange_public_key& identity);
    void on_knock(const wire::wire10_frame& frame, const mesh_did& from, const moment& now, Wire10Sink auto& out);
    void on_answer(const wire::wire10_frame& frame, const mesh_did& from, const moment& now, Wire10Sink auto& out);
    void on_message(const wire::wire10_frame& frame, const mesh_did& from, const moment& now, Wire10Sink auto& out);
    [[nodiscard]] result<void> open_first(draft& step, buffer& text, const mesh_did& from,
                                          const e2ee::ratchet_header& header, byte_view sealed);
    result<void> end(const mesh_did& peer, const error& why, Wire10Sink auto& out);
    void transmit(const mesh_did& peer, Wire10Sink auto& out);
    void deliver(const mesh_did& peer, Wire10Sink auto& out);
    void tidy(const mesh_did& peer, Wire10Sink auto& out);

    // --- own keys -------------------------------------------------------------------------------------------
    void save_keys(record_batch& batch, std::optional<std::uint32_t> without = {}) const;
    [[nodiscard]] result<void> read_keys(byte_view bytes);
    void note_ephemeral(record_batch& batch, const exchange_public_key& key) const;
    void noted_ephemeral(const exchange_public_key& key);

    const signing_key_pair* self_;
    Random* random_;
    Policy* policy_;
    Known* known_;
    mesh_did name_;
    exchange_key_pair identity_;
    std::optional<exchange_key_pair> prekey_{};
    std::map<std::uint32_t, exchange_key_pair> one_time_{};
    std::uint32_t next_published_ = 0, next_made_ = 0;
    bool online_ = false;
    desk desk_{"wire10"};
    std::deque<std::string> knocks_seen_{};
    std::set<exchange_public_key> ephemerals_{};  ///< a KNOCK without a one-time key is told from its replay by these
    std::deque<exchange_public_key> ephemeral_order_{};
    std::uint64_t ephemeral_count_ = 0;
    std::uint64_t offers_ = 0;
    wire::wire10_parser parser_{};
};

}  // namespace agentmesh::session

#include <agentmesh/session/wire10_agent.ipp>
