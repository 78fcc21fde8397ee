// One agent of profile wire10: its side of the relay, of KNOCK, and of each session.
//
//     session::wire10_agent<e2ee::wire10_legacy, crypto::system_random> agent{keys, random};
//     agent.on_open(now, sink);                          // sends CONNECT with its proof
//     agent.on_text(text, now, sink);                    // sink.received(peer, id, bytes) ...
//     agent.knock(peer, bundle, now, sink);              // key agreement, KNOCK; the answer comes to the sink
//     agent.send(peer, json, now, sink);
//
// The profile is spoken as deployed, and no more can be had from it: a KNOCK is unsigned, and nothing but the owner's
// word binds keys to it. What a receiver can check it does check. The bundle's keys must be those of the DID; a frame
// that claims to be plain text is refused; an answer counts only for the KNOCK it names; one forged, repeated or
// reordered message changes nothing. Sessions live in memory.
#pragma once

#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>
#include <agentmesh/e2ee/x3dh.hpp>
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

/// Where the agent's actions go, in order. `asks` is the owner's answer to a KNOCK. Views live as long as the call.
template <class S>
concept Wire10Sink = requires(S& out, std::string_view text, const mesh_did& peer, byte_view bytes, const error& why) {
    out.send_text(text);
    { out.asks(peer, text) } -> std::same_as<bool>;  ///< with the action it wants
    out.opened(peer);
    out.refused(peer, text);                         ///< with the peer's reason, which nobody signed
    out.received(peer, text, bytes);                 ///< a message with its id
    out.failed(text, why);                           ///< a frame from `text` was dropped; the session stands
};

/// Single-threaded; owns no socket, clock or generator.
template <class Suite, RandomSource Random>
    requires(e2ee::X3dhSuite<Suite> && Suite::binds_header)
class wire10_agent {
public:
    static constexpr std::size_t one_time_keys = 20;
    static constexpr std::size_t waiting_messages = 32;  ///< for the answer to one KNOCK
    static constexpr std::size_t max_peers = 1024;
    static constexpr std::size_t known_ephemerals = 8192;  ///< of proven KNOCKs; the oldest are forgotten first

    /// @param self, random  must outlive the agent
    /// @errors those of the random source
    [[nodiscard]] static result<wire10_agent> create(const signing_key_pair& self, Random& random);

    [[nodiscard]] const mesh_did& name() const noexcept { return name_; }
    /// What to publish. Each call hands out another one-time key while there are any.
    [[nodiscard]] wire10_bundle publish();

    // --- events -------------------------------------------------------------------------------------------
    /// @param prove  false connects as clients up to 4.0.0 do; only a relay that takes anybody accepts that
    void on_open(const moment& now, Wire10Sink auto& out, bool prove = true);
    void on_text(std::string_view text, const moment& now, Wire10Sink auto& out);

    // --- commands -----------------------------------------------------------------------------------------
    /// @errors those of check_wire10_bundle, zero_shared_secret, session_limit, those of the random source
    [[nodiscard]] result<void> knock(const mesh_did& peer, const wire10_bundle& bundle, const moment& now,
                                     Wire10Sink auto& out);
    /// Before the answer to a KNOCK the message waits here.
    /// @errors unknown_session, session_limit, ratchet_not_ready before the peer of an accepted KNOCK has spoken,
    ///         counter_exhausted, those of the random source
    [[nodiscard]] result<void> send(const mesh_did& peer, std::string_view json, const moment& now,
                                    Wire10Sink auto& out);
    void close(const mesh_did& peer) { sessions_.erase(peer); }

    [[nodiscard]] bool is_open(const mesh_did& peer) const {
        const auto found = sessions_.find(peer);
        return found != sessions_.end() && found->second.ratchet && found->second.answered;
    }

private:
    /// A KNOCK that was accepted and has not proven itself by a first message.
    struct offer {
        exchange_public_key identity, ephemeral;
        std::optional<std::uint32_t> one_time;
        std::uint64_t number;  ///< in the order of their arrival
    };
    struct peer_session {
        std::optional<e2ee::double_ratchet<Suite>> ratchet{};
        buffer ad_prefix{};
        std::optional<offer> offered{};
        std::string knock_id{};  ///< of our own KNOCK
        bool answered = false;
        std::deque<std::string> waiting{};
    };

    wire10_agent(const signing_key_pair& self, Random& random, exchange_key_pair identity, exchange_key_pair prekey)
        : self_{&self},
          random_{&random},
          name_{mesh_did::of(self.public_key())},
          identity_{std::move(identity)},
          prekey_{std::move(prekey)} {}

    [[nodiscard]] result<std::string> make_id();
    [[nodiscard]] static buffer associated(const mesh_did& initiator, const mesh_did& responder,
                                           const exchange_public_key& initiator_key,
                                           const exchange_public_key& responder_key);
    [[nodiscard]] bool make_room(const mesh_did& peer);
    void flush(const mesh_did& peer, peer_session& at, const moment& now, Wire10Sink auto& out);
    void on_knock(const wire::wire10_frame& frame, const mesh_did& from, const moment& now, Wire10Sink auto& out);
    void on_answer(const wire::wire10_frame& frame, const mesh_did& from, const moment& now, Wire10Sink auto& out);
    void on_message(const wire::wire10_frame& frame, const mesh_did& from, const moment& now, Wire10Sink auto& out);
    [[nodiscard]] result<void> open_first(const offer& offered, const mesh_did& from, peer_session& into, buffer& text,
                                          const e2ee::ratchet_header& header, byte_view sealed);
    [[nodiscard]] result<void> seal(const mesh_did& peer, peer_session& at, std::string_view json, const moment& now,
                                    Wire10Sink auto& out);

    const signing_key_pair* self_;
    Random* random_;
    mesh_did name_;
    exchange_key_pair identity_;
    exchange_key_pair prekey_;
    std::map<std::uint32_t, exchange_key_pair> one_time_{};
    std::uint32_t next_published_ = 0;
    std::map<mesh_did, peer_session> sessions_{};
    std::deque<std::string> knocks_seen_{};
    std::set<exchange_public_key> ephemerals_{};  ///< a KNOCK without a one-time key is told from its replay by these
    std::deque<exchange_public_key> ephemeral_order_{};
    std::uint64_t offers_ = 0;
    wire::wire10_parser parser_{};
};

}  // namespace agentmesh::session

#include <agentmesh/session/wire10_agent.ipp>
