// One agent of dialect v02: KNOCK in clear, X3DH and the ratchet of the JavaScript SDK, over SEND frames.
//
//     session::v02_agent agent{self, random, policy, prekeys, known};
//     AGENTMESH_CHECK(agent.restore(store, now, sink));
//     agent.knock(peer, key, bundle, {.category = "travel"}, {}, now, sink);
//     agent.on_message(from, type, payload, now, sink);        // sink.opened(…), sink.received(…)
//     agent.send(peer, json, now, sink);
//
// The dialect is spoken as deployed, and only if the owner's policy opts in. Nothing ties an exchange key to its name
// here: the first one with which a peer proves itself is pinned, and every session is marked unbound. The deployed
// agents never agreed how the first message of X3DH travels; it stands in our KNOCK as a member more. A responder's
// first ratchet pair is its signed prekey, so the initiator knows it from the bundle, or is told otherwise.
//
// One session a peer. Everything is saved before it leaves: a restart neither loses a message that was taken over nor
// uses a key twice. There are no acknowledgements between v02 agents: what the relay has, it has.
#pragma once

#include <agentmesh/e2ee/deployed_bundle.hpp>
#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/session/dialect.hpp>
#include <agentmesh/session/knock_v02.hpp>

namespace agentmesh::session {

struct v02_options {
    tier own_tier = tier::anonymous;               ///< as our KNOCKs say; nobody need believe it
    duration knock_timeout = std::chrono::seconds{120};
    std::size_t known_knocks = 4096;               ///< what must not come twice; when full, new KNOCKs are dropped
    std::size_t known_knocks_a_peer = 256;
    std::size_t held_peers = 64;                   ///< whose optimistic messages came before their KNOCK
};

/// A session as its owner sees it. Never bound: see `policy::allow_unbound_keys`.
struct v02_info {
    amid peer;
    std::string session{};                ///< as the ACCEPT names it
    bool initiator = false;               ///< we knocked
    intent what{};
    session_request asked{};
    constraints held_to{};
    time_point expires{};
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    exchange_public_key identity{};       ///< the peer's exchange key
};

/// What is known of agents from elsewhere than their own messages, say from a registry. Answers at once.
template <class K>
concept KnownSigners = requires(K& known, const amid& who) {
    { known.signing_key(who) } -> std::same_as<std::optional<signing_public_key>>;
};

/// Where the agent's actions go, in order. Views live as long as the call; a sink does not call the agent.
///
/// `send` is as relay::client::send: it gives the id under which the relay will answer (`v02_agent::on_taken`,
/// `on_refused`), or an empty one if it will not. `received` returns whether the application has taken the message
/// for good; if not, `v02_agent::confirm` says so later, and after a restart the message is given again.
template <class S>
concept V02Sink = requires(S& out, std::span<const record_change> changes, const amid& peer, std::string_view text,
                           wire::message_type type, const v02_info& info, byte_view bytes, const error& why,
                           deny_reason denied) {
    { out.persist(changes) } -> std::same_as<result<void>>;
    { out.send(peer, text, type) } -> std::same_as<result<std::string>>;
    out.opened(info);
    { out.received(peer, text, bytes) } -> std::same_as<bool>;  ///< with the id of the message
    out.refused(peer, text, why);          ///< our KNOCK, with the peer's word if it gave one
    out.denied(peer, denied);              ///< its KNOCK, by our policy; for the owner's log
    out.undelivered(peer, bytes, why);     ///< a text of ours that nobody knows to have arrived
    out.closed(peer, why);
    out.failed(peer, why);                 ///< something from this peer was dropped, and changed nothing
};

/// What a registry of 0.2 is given. @errors those of prekey_store::bundle
[[nodiscard]] result<e2ee::deployed_bundle> v02_bundle(const local_identity& self, const e2ee::prekey_store& prekeys,
                                                       std::optional<std::uint32_t> one_time = {});

/// Single-threaded; owns no socket, clock, generator, policy or store.
template <RandomSource Random, PolicySource Policy, KnownSigners Known>
class v02_agent {
public:
    using suite = e2ee::v02;
    static constexpr std::size_t largest_text = (limits::payload_bytes - 512) / 4 * 3 - e2ee::overhead<suite>;
    static constexpr std::size_t early_frames = 8;         ///< of one KNOCK, as in am1
    static constexpr std::size_t early_bytes = 65'536;

    /// @param self, random, policy, prekeys, known  must outlive the agent
    v02_agent(const local_identity& self, Random& random, Policy& policy, e2ee::prekey_store& prekeys, Known& known,
              v02_options chosen = {})
        : self_{&self}, random_{&random}, policy_{&policy}, prekeys_{&prekeys}, known_{&known}, options_{chosen} {}

    // --- commands -------------------------------------------------------------------------------------------
    /// Asks a peer for a session. One that is open is given up for the new one.
    /// @spec   AM-KNK-060, AM-KNK-061, AM-KNK-063
    /// @param  key      the peer's signing key; `bundle` is checked here
    /// @param  optimistic   messages leave before the answer
    /// @param  ratchet  the peer's first ratchet key where it is not its signed prekey
    /// @errors suite_unsupported and unbound_key without the owner's leave; amid_mismatch, bad_bundle, wrong_member;
    ///         unbound_key for a key other than the pinned one; session_limit, also while a KNOCK of ours is under way;
    ///         zero_shared_secret, not_persisted, those of the random source
    [[nodiscard]] result<void> knock(const amid& peer, const signing_public_key& key,
                                     const e2ee::deployed_bundle& bundle, const intent& what,
                                     const session_request& asked, const moment& now, V02Sink auto& out,
                                     bool optimistic = false, const exchange_public_key* ratchet = nullptr);
    /// Sends a text. Until the peer has answered our KNOCK, or has spoken after its own, it waits here.
    /// @spec   AM-KNK-032
    /// @errors unknown_session, session_expired, message_too_large, session_limit, not_persisted, those of the ratchet
    /// @state  unchanged on error
    [[nodiscard]] result<void> send(const amid& peer, std::string_view json, const moment& now, V02Sink auto& out);
    /// Says goodbye under the ratchet, where there is one, and ends the session.
    [[nodiscard]] result<void> close(const amid& peer, const moment& now, V02Sink auto& out);
    /// The application has taken a message that `received` left open.
    [[nodiscard]] result<void> confirm(const amid& peer, std::string_view id, V02Sink auto& out);
    /// The owner knows that this peer has a new exchange key.
    [[nodiscard]] result<void> unpin(const amid& peer, V02Sink auto& out);

    // --- events ---------------------------------------------------------------------------------------------
    /// @param  from  as the transport authenticated it
    /// @errors not_persisted, rate_limited, session_limit, those of the random source and of `send`: then the
    ///         transport must not acknowledge, and give it again. Whatever was refused is no error: sink.failed
    [[nodiscard]] result<void> on_message(const amid& from, wire::message_type type, std::string_view payload,
                                          const moment& now, V02Sink auto& out);
    /// The relay has a message for good, or refuses it. @param receipt  what `send` of the sink gave
    void on_taken(std::string_view receipt, V02Sink auto& out);
    void on_refused(std::string_view receipt, const error& why, V02Sink auto& out);
    /// The transport is ready again: what has not left leaves now.
    void on_ready(V02Sink auto& out);
    void on_tick(const moment& now, V02Sink auto& out);
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;

    /// Takes up what an earlier run has saved. Once, before anything else; nothing leaves before `on_ready`.
    /// @spec   AM-RAT-031
    /// @errors bad_snapshot, not_persisted, those of the store
    [[nodiscard]] result<void> restore(StateStore auto& store, const moment& now, V02Sink auto& out);

    // --- questions ------------------------------------------------------------------------------------------
    [[nodiscard]] const amid& name() const noexcept { return self_->name(); }
    [[nodiscard]] bool is_open(const amid& peer) const {
        const auto* held = desk_.find(peer.text());
        return held && held->is_open();
    }
    [[nodiscard]] std::optional<v02_info> find(const amid& peer) const;

private:
    using desk = dialect::desk<suite>;
    using conversation = desk::conversation;
    using draft = desk::draft;

    /// A KNOCK that was answered, under the hash of what its sender signed.
    struct answered_knock {
        amid from;
        sha256_digest text{};       ///< of all of it
        bool accepted = false;
        std::string reply{};
        time_point forget_after{};
        steady_point forget_at{};
    };
    struct held_frames {
        std::deque<std::string> frames{};
        std::size_t bytes = 0;
        steady_point until{};
    };
    struct message_parts {
        e2ee::ratchet_header header{};
        buffer sealed{};
    };

    [[nodiscard]] result<std::string> new_session_name();
    [[nodiscard]] static result<message_parts> read_frame(std::string_view payload);
    [[nodiscard]] auto framer(const std::string& session) const;
    [[nodiscard]] result<void> check_wish(const amid& peer, const intent& what, const session_request& asked) const;

    result<void> drop(const amid& from, const error& why, V02Sink auto& out);
    result<void> on_knock(const amid& from, std::string_view payload, const moment& now, V02Sink auto& out);
    [[nodiscard]] result<verdict> judge(const v02::knock& asked, const moment& now, V02Sink auto& out);
    [[nodiscard]] result<void> reply(const answered_knock& known, V02Sink auto& out);
    result<void> on_answer(const amid& from, bool accepted, std::string_view payload, const moment& now,
                           V02Sink auto& out);
    result<void> on_accept(const amid& from, const conversation& held, const v02::accept& answer, const moment& now,
                           V02Sink auto& out);
    result<void> on_frame(const amid& from, wire::message_type type, std::string_view payload, const moment& now,
                          V02Sink auto& out);
    [[nodiscard]] result<void> open_first(draft& step, buffer& text, const message_parts& parts, const amid& from,
                                          const moment& now);
    result<void> hold(const amid& from, std::string_view payload, const moment& now, V02Sink auto& out);
    void release(const amid& from, const moment& now, V02Sink auto& out);
    void transmit(const amid& peer, V02Sink auto& out);
    void deliver(const amid& peer, V02Sink auto& out);
    result<void> end(const amid& peer, const error& why, const moment& now, V02Sink auto& out, bool refused = false,
                     std::string_view word = {});
    void tidy(const amid& peer, V02Sink auto& out);
    void report(const amid& peer, const std::vector<dialect::outgoing>& dropped, V02Sink auto& out);
    [[nodiscard]] static v02_info info_of(const amid& peer, const dialect::conversation_core& core);

    const local_identity* self_;
    Random* random_;
    Policy* policy_;
    e2ee::prekey_store* prekeys_;
    Known* known_;
    v02_options options_;
    desk desk_{"v02"};
    std::map<sha256_digest, answered_knock> knocks_{};
    std::map<amid, held_frames> held_{};
    std::uint64_t offers_ = 0;
};

}  // namespace agentmesh::session

#include <agentmesh/session/v02_agent.ipp>
