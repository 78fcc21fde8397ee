// All sessions of one agent under suite am1: knocking, answering, talking, closing, and healing after a loss.
//
//     session::engine mesh{self, card, random, policy, prekeys, {}};
//     AGENTMESH_CHECK(mesh.restore(store, now, sink));
//     auto id = mesh.knock(bundle, {.category = "travel"}, {}, now, sink);    // sink.persist(…), sink.send(…)
//     mesh.on_message(from, type, payload, now, sink);                        // sink.opened(…), sink.received(…)
//     mesh.send(*id, envelope, now, sink);
//
// One rule holds everywhere: compute on a copy, persist, and only then let the copy be the state and let frames leave.
// A persist that fails leaves everything as it was, and the caller hears not_persisted.
#pragma once

#include <agentmesh/session/cache.hpp>
#include <agentmesh/session/knock_frame.hpp>
#include <agentmesh/session/records.hpp>
#include <agentmesh/session/session.hpp>
#include <agentmesh/session/session_step.hpp>

#include <deque>
#include <map>
#include <set>

namespace agentmesh::session {

/// Of every table that strangers can fill a quarter is kept for peers that this agent has asked itself.
struct engine_options {
    std::vector<std::string> features{};              ///< that this agent speaks; offered and chosen from
    std::size_t max_sessions = 256;                   ///< knocking, open and closing ones together
    std::size_t outbox_messages = 256;                ///< unacknowledged ones of a session
    std::size_t outbox_bytes = 256 * 1024;
    std::size_t inbox_bytes = 2 * 1024 * 1024;        ///< of a session, that the application has not taken
    std::size_t sessions_a_peer = 32;                 ///< live ones that it has asked for
    std::size_t known_knocks = 4096;                  ///< nonces and replies; when full, new KNOCKs are dropped
    std::size_t known_knocks_a_peer = 256;            ///< of those; a relay lets 30 a minute pass
    std::size_t known_knocks_a_stranger = 32;         ///< likewise, of a peer that we never asked ourselves
    std::size_t seen_messages = 8192;                 ///< ids of delivered ones; then whoever has most forgets
    std::size_t seen_messages_a_peer = 1024;          ///< of those
    std::size_t closed_sessions = 256;                ///< likewise
    std::size_t noticed_peers = 1024;                 ///< that were sent a notice in the last interval
    std::size_t held_peers = 64;                      ///< peers whose messages wait for a KNOCK or an ACCEPT
    duration knock_resend = std::chrono::seconds{15};
    duration knock_timeout = std::chrono::seconds{120};  ///< below the 300 s for which a KNOCK is fresh
    duration resend_first = std::chrono::seconds{15};    ///< without acknowledgement; doubles with each time
    duration resend_longest = std::chrono::minutes{10};
    duration ack_delay = std::chrono::seconds{2};
    std::uint32_t ack_every = 64;                     ///< received messages, at the latest; each turns the ratchet
    std::size_t ack_bytes = 64 * 1024;                ///< of received frames, at the latest
    duration notice_interval = std::chrono::minutes{1};  ///< between notices to one peer
    duration linger = std::chrono::minutes{5};        ///< of a close without acknowledgement, and of a closed session
    duration lost_lifetime = std::chrono::hours{24};  ///< how long messages wait for a successor of their session
    duration card_grace = std::chrono::hours{24};     ///< for which a KNOCK sealed to a replaced card still opens
};

/// The private halves of this agent's prekeys. `spend` gives the change that erases a one-time key, for a batch that
/// holds more; `forget` says that the batch is durable. Model: e2ee::prekey_store.
template <class K>
concept PrekeySource = requires(K& keys, std::uint32_t id, time_point now) {
    { keys.find_signed(id, now) } -> std::same_as<result<const e2ee::prekey_pair*>>;
    { keys.find_one_time(id) } -> std::same_as<result<const e2ee::prekey_pair*>>;
    { keys.spend(id) } -> std::same_as<result<record_change>>;
    keys.forget(id);
};

/// Whether messages may be sent before the answer. They then leave at once and wait at the peer, eight at most.
enum class haste : std::uint8_t { wait_for_answer, optimistic };

/// The sessions of one agent. Single-threaded; owns no socket, clock, generator, policy or store. Every event and
/// command carries the time and a sink; see SessionSink for the order of what comes out.
template <RandomSource Random, PolicySource Policy, PrekeySource Prekeys>
class engine {
public:
    /// @param self, random, policy, prekeys  must outlive the engine
    /// @param card  of `self`, with the epoch that its bundle is published under
    engine(const local_identity& self, const e2ee::identity_card& card, Random& random, Policy& policy,
           Prekeys& prekeys, engine_options chosen = {});

    // --- commands -------------------------------------------------------------------------------------------
    /// Asks a peer for a session. An open session with this peer for this category is returned instead if neither
    /// keys nor policy have changed since, and so is a KNOCK of ours that is under way.
    /// @spec   AM-KNK-002
    /// @param  peer  checked here: card, signatures, times
    /// @return the id of the session to be; `opened` or `refused` speaks of it later
    /// @errors those of check_bundle, epoch_rollback, session_limit, not_persisted, those of the random source;
    ///         session_limit also while another KNOCK to this peer is under way
    result<session_id> knock(const e2ee::prekey_bundle& peer, const intent& what, const session_request& asked,
                             const moment& now, SessionSink auto& out, haste how = haste::wait_for_answer);

    /// Sends an envelope: JSON, no two alike. Before the answer to a KNOCK it waits here, or at the peer. An envelope
    /// of type `close` ends the session for us once the peer has it.
    /// @spec   AM-KNK-022, AM-RAT-033
    /// @errors unknown_session, session_closed, session_expired, message_too_large, session_limit while too much is
    ///         unacknowledged, bad_envelope, not_persisted
    /// @state  unchanged on error
    result<message_id> send(const session_id& to, byte_view envelope, const moment& now, SessionSink auto& out);

    /// The application has taken a message that `received` left open.
    result<void> confirm(const session_id& session, const message_id& id, SessionSink auto& out);

    /// The peer is not to be trusted any more: its sessions end here and now, without a word to it.
    result<void> revoke(const amid& peer, const moment& now, SessionSink auto& out);

    /// Our card changed, and perhaps the exchange key in it. Open sessions go on, and new ones use the new card; a
    /// KNOCK that is sealed to the former one opens for `card_grace` still, also after a restart.
    /// @spec   AM-KEX-037
    /// @param  pair  of the new card
    /// @errors bad_bundle unless the card is ours, of this pair, and of a higher epoch; not_persisted
    /// @state  unchanged on error    @secret the former private half is wiped when its time is over
    result<void> rotate(const e2ee::identity_card& card, exchange_key_pair pair, const moment& now,
                        SessionSink auto& out);

    // --- events -------------------------------------------------------------------------------------------
    /// A message of the transport, whatever it is. Never trusts `type`; the payload says what it is.
    /// @param  from  as the transport authenticated it
    /// @errors not_persisted, those of the random source: then the transport must not acknowledge, and give it again.
    ///         Whatever was refused is no error, and is in the audit.
    result<void> on_message(const amid& from, wire::message_type type, std::string_view payload, const moment& now,
                            SessionSink auto& out);
    result<void> on_tick(const moment& now, SessionSink auto& out);
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;

    /// Takes up the sessions that an earlier run has saved. Once, before anything else. A session older than its
    /// record of generations is not continued: `closed` with snapshot_rollback, and `wants_knock`.
    /// @spec   AM-KNK-034, AM-RAT-032
    /// @errors bad_snapshot for a record that this agent did not write, those of the store
    result<void> restore(StateStore auto& store, const moment& now, SessionSink auto& out);

    // --- questions ------------------------------------------------------------------------------------------
    [[nodiscard]] std::optional<session_info> find(const session_id& id) const;
    [[nodiscard]] std::vector<session_info> sessions() const;  ///< closed ones left out
    /// Knocking, open and closing.
    [[nodiscard]] std::size_t live_sessions() const noexcept;

private:
    using held_frames = std::deque<std::pair<session_id, buffer>>;
    struct held_peer {
        held_frames frames{};
        std::size_t bytes = 0;
        steady_point until{};
    };

    // engine_knock.ipp: the asking side
    [[nodiscard]] result<session_state> begin_knock(const e2ee::prekey_bundle& peer, const intent& what,
                                                    const session_request& asked, const moment& now, haste how);
    void send_knock(const session_state& held, SessionSink auto& out);
    result<void> on_reply(const amid& from, byte_view frame, const moment& now, SessionSink auto& out);
    result<void> on_accept(session_state& asked, const accept_content& answer, byte_view frame, const moment& now,
                           SessionSink auto& out);
    [[nodiscard]] session_state* pending_with(const amid& peer);

    // engine_answer.ipp: the answering side
    struct checked_knock {
        knock_head head;
        knock_content content;
        sha256_digest hash;
        time_point sent;
        e2ee::agreed_keys keys;
        const e2ee::prekey_pair* prekey;
        e2ee::identity_card own;  ///< that it is sealed to
    };
    /// What becomes durable with the answer to a KNOCK. @see settle
    struct settlement {
        known_knock kept;
        std::optional<e2ee::known_epochs> epochs{}, callers{};
    };
    result<void> on_knock(const amid& from, byte_view frame, const moment& now, SessionSink auto& out);
    [[nodiscard]] result<checked_knock> check(const amid& from, byte_view frame, const sha256_digest& hash,
                                              const moment& now);
    [[nodiscard]] bool given_up(const amid& peer, time_point sent) const;
    [[nodiscard]] verdict judge(const checked_knock& asked, const session_state* crossing, const moment& now);
    result<void> accept(checked_knock& asked, byte_view frame, const verdict& answer, session_state* crossing,
                        const moment& now, SessionSink auto& out);
    result<void> refuse(const checked_knock& asked, const verdict& answer, session_state* crossing, const moment& now,
                        SessionSink auto& out);
    result<void> outrank(const checked_knock& asked, const moment& now, SessionSink auto& out);
    void repeat(const known_knock& known, SessionSink auto& out);
    void send_reply(const known_knock& known, SessionSink auto& out);
    /// Adds to a batch what every authenticated KNOCK costs: prekey, nonce, epoch, and the one reply.
    [[nodiscard]] result<settlement> settle(const checked_knock& asked, bool accepted, buffer reply, const moment& now,
                                            record_batch& batch);
    void settled(const checked_knock& asked, settlement made);

    // engine_send.ipp
    [[nodiscard]] result<void> place(session_draft& draft, outgoing_kind kind, const message_id& id,
                                     byte_view envelope);
    [[nodiscard]] result<void> seal(session_draft& draft, outgoing& one);
    void save(session_draft& draft, const std::optional<e2ee::reply_key>& key, const std::vector<std::string>& suites,
              record_batch& batch) const;
    void install(session_state& into, session_draft draft, const moment& now);
    bool transmit(session_state& from, outgoing& one, const moment& now, SessionSink auto& out);
    [[nodiscard]] time_point stamp(const moment& now);
    result<void> acknowledge(session_state& held, const moment& now, SessionSink auto& out);

    // engine_receive.ipp
    result<void> on_message_frame(const amid& from, byte_view frame, const moment& now, SessionSink auto& out);
    result<void> open_frame(session_state& held, const message_frame& parts, byte_view frame, const moment& now,
                            SessionSink auto& out);
    void on_copy(session_state& held, byte_view frame, const moment& now, SessionSink auto& out);
    void deliver(session_state& held, const moment& now, SessionSink auto& out);
    [[nodiscard]] std::vector<std::pair<amid, message_id>> surplus_seen(const amid& peer) const;
    result<void> forget_taken(session_state& held, SessionSink auto& out);
    void hold(const amid& from, const session_id& session, byte_view frame, const moment& now, SessionSink auto& out);
    void release(const amid& from, const session_id& session, const moment& now, SessionSink auto& out);
    std::vector<buffer> take_held(const amid& from, const session_id& session);

    // engine_end.ipp
    void notify(const amid& from, const session_id& session, byte_view frame, const moment& now,
                SessionSink auto& out);
    result<void> on_notice(const amid& from, byte_view frame, const moment& now, SessionSink auto& out);
    result<void> lose(session_state& held, const error& why, const moment& now, SessionSink auto& out);
    result<void> end(session_state& held, const error& why, const moment& now, SessionSink auto& out,
                     const refusal* no = nullptr);
    result<void> finish(session_state& held, const moment& now, SessionSink auto& out);
    [[nodiscard]] static bool takes_over(const session_state& next, const session_state& lost);
    [[nodiscard]] std::vector<session_state*> orphans_for(const session_state& next);
    void absorb(session_draft& draft, session_state& old, const moment& now, record_batch& batch,
                std::vector<undelivered>& left);
    void absorbed(session_state& old, const moment& now);
    result<void> adopt(session_state& by, const moment& now, SessionSink auto& out);
    void drop_beyond_gap(const session_state& held, record_batch& batch) const;
    [[nodiscard]] session_core closed_core(const session_state& old, const moment& now) const;
    void clear_to(session_state& old, session_core core, const moment& now);

    // engine_life.ipp
    static constexpr std::size_t resend_at_once = 16;
    static constexpr std::size_t former_cards = 4;
    static constexpr duration knock_lifetime = limits::proof_max_age + limits::proof_max_lead + duration{1};
    [[nodiscard]] result<void> persist(record_batch& batch, SessionSink auto& out);
    result<void> tick(session_state& held, const moment& now, SessionSink auto& out);
    void resend(session_state& held, const moment& now, SessionSink auto& out);
    void try_later(const moment& now);
    [[nodiscard]] bool asked_ourselves(const amid& peer) const;
    [[nodiscard]] bool is_full(std::size_t used, std::size_t bound, const amid& for_whom) const;
    void note_seen(const amid& peer, const message_id& key, std::uint64_t count);
    result<void> purge(const moment& now, SessionSink auto& out);
    result<void> restore_skipped(session_state& held, bool stale, const std::string& prefix, StateStore auto& store);
    result<bool> restore_session(const std::string& prefix, StateStore auto& store, const moment& now);

    const local_identity* self_;
    e2ee::identity_card card_;
    exchange_key_pair pair_;              // of the card
    std::vector<former_card> formers_{};  // oldest first
    Random* random_;
    Policy* policy_;
    Prekeys* prekeys_;
    engine_options options_;
    std::map<session_id, session_state> sessions_;
    std::map<sha256_digest, known_knock> knocks_;
    std::set<std::pair<amid, knock_nonce>> nonces_;
    e2ee::known_epochs epochs_;   // of peers that we asked ourselves; strangers do not get in here
    e2ee::known_epochs callers_;  // of peers that asked us, and were accepted
    std::map<amid, steady_point> noticed_;
    std::map<amid, held_peer> held_;
    struct seen_of_peer {
        std::deque<std::pair<std::uint64_t, message_id>> order;  // as noted, oldest first
        std::set<message_id> keys;
    };
    std::map<amid, seen_of_peer> seen_;
    std::size_t seen_total_ = 0;
    std::uint64_t seen_count_ = 0;
    time_point stamped_ = earliest_time;         // of the newest text that we signed
    std::optional<steady_point> retry_at_{};     // there while something that was due could not be saved
    duration retry_after_{};                     // zero once something was
};

}  // namespace agentmesh::session

#include <agentmesh/session/engine_answer.ipp>
#include <agentmesh/session/engine_end.ipp>
#include <agentmesh/session/engine_knock.ipp>
#include <agentmesh/session/engine_life.ipp>
#include <agentmesh/session/engine_receive.ipp>
#include <agentmesh/session/engine_send.ipp>
