// One session as the engine keeps it. Internal to session/.
#pragma once

#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/session/knock_frame.hpp>
#include <agentmesh/session/session.hpp>

#include <deque>
#include <map>

namespace agentmesh::session {

using am1_ratchet = e2ee::double_ratchet<e2ee::am1>;

/// A chain of the peer's, and how many frames it sent before it. With it a frame's place in the whole session follows
/// from its header, so that envelopes are delivered in the order sent and acknowledged by one number.
struct receiving_chain {
    exchange_public_key key;
    std::uint64_t base = 0;
};

/// Skipped keys that have a record of their own: of a chain those of 32 numbers. Only records in which one comes or
/// goes are written, so that a large gap does not make every frame cost a large record.
struct skipped_block {
    static constexpr std::uint32_t size = 32;

    exchange_public_key dh{};
    std::uint32_t first = 0;  ///< a multiple of 32
    std::uint32_t held = 0;   ///< bit i stands for number first + i

    [[nodiscard]] bool is_of(const exchange_public_key& chain, std::uint32_t n) const noexcept {
        return first == n / size * size && dh == chain;
    }
    friend bool operator==(const skipped_block&, const skipped_block&) = default;
};

/// What a session's record holds beside its keys. Copied, so that a step can be thought through before it counts.
struct session_core {
    session_id id{};
    session::phase phase = phase::knocking;
    bool initiator = false;
    bool optimistic = false;           ///< our KNOCK announced messages
    e2ee::identity_card own;           ///< as they were when the session began
    e2ee::identity_card peer;
    intent what{};
    session_request asked{};
    constraints held_to{};
    std::vector<std::string> features{};  ///< offered while knocking, chosen once open
    sha256_digest knock{};
    sha256_digest transcript{};        ///< once open
    exchange_public_key first_key{};   ///< the initiator's first ratchet key, the only one of unbound messages
    time_point begun{};
    time_point answered{};             ///< our KNOCK, by the clock of the peer
    time_point ends{};                 ///< of the present phase, but of closing
    std::uint64_t policy_generation = 0;
    std::uint64_t generation = 0;      ///< of this record
    std::uint32_t sent = 0;            ///< messages, without acknowledgements
    std::uint32_t received = 0;
    std::uint32_t early_bytes = 0;     ///< of frames sent before the answer
    std::uint64_t next_slot = 0;       ///< names the records of the outbox
    std::uint64_t next_out = 0;        ///< frames sealed so far
    std::uint64_t next_in = 0;         ///< frames of the peer that arrived without a gap
    std::uint64_t told_in = 0;         ///< `next_in` as the last acknowledgement said
    std::vector<std::uint64_t> ahead{};          ///< frames beyond a gap, sorted
    std::vector<receiving_chain> chains{};       ///< oldest first
    std::optional<std::uint64_t> close_at{};     ///< which frame of the peer is its close
    std::vector<std::uint64_t> recent{};         ///< of the frames opened lately, their marks
    std::vector<skipped_block> skipped{};        ///< as saved, oldest first
    std::vector<session_id> replaces{};          ///< sessions whose messages this one took over
    std::shared_ptr<const buffer> context{};     ///< of every message, once one was needed; not saved
    buffer last_frame{};               ///< KNOCK while knocking; else what answers a copy: last acknowledgement, close

    [[nodiscard]] const e2ee::identity_card& initiator_card() const noexcept { return initiator ? own : peer; }
    [[nodiscard]] const e2ee::identity_card& responder_card() const noexcept { return initiator ? peer : own; }
    [[nodiscard]] bool is_live() const noexcept {
        return phase == phase::knocking || phase == phase::open || phase == phase::closing;
    }
};

enum class outgoing_kind : std::uint8_t { message, ack, close };

/// A frame that the peer has not acknowledged, or an envelope that waits for the answer to a KNOCK.
struct outgoing {
    std::uint64_t slot = 0;
    outgoing_kind kind = outgoing_kind::message;
    message_id id{};
    std::uint64_t index = 0;           ///< among all frames of this direction, if sealed
    buffer frame{};                    ///< empty: not sealed yet
    crypto::secret_buffer envelope{};  ///< kept for a successor session

    bool left = false;                 ///< the transport has taken it since this process began; not saved

    [[nodiscard]] bool sealed() const noexcept { return !frame.empty(); }
    [[nodiscard]] bool wants_ack() const noexcept { return kind != outgoing_kind::ack; }
};

/// An envelope that the application has not taken for good.
struct arrived {
    message_id id{};
    session_id origin{};
    crypto::secret_buffer envelope{};
    bool given = false;  ///< to the application
    bool copy = false;   ///< of one that was given in another session, whose record stays until that one is taken
    message_id key{};    ///< under which it is remembered, once given
    bool taken = false;  ///< by the application, for good, or a copy; the record goes with the next batch
};

/// The whole of it.
struct session_state {
    session_core core;
    std::optional<am1_ratchet> ratchet{};
    crypto::secret_buffer saved_ratchet{};       ///< as read, until its skipped keys are found
    std::optional<e2ee::reply_key> reply_key{};  ///< while knocking as initiator
    std::vector<std::string> suites{};           ///< offered
    std::deque<outgoing> outbox{};
    std::map<std::uint64_t, arrived> inbox{};

    // Steady times; `never` where nothing is due.
    static constexpr steady_point never = steady_point::max();
    steady_point ends = never;
    steady_point resend_at = never;
    duration resend_after{};
    steady_point ack_at = never;
    steady_point copy_answered = steady_point::min();
    duration copy_after{};       ///< how long after that the next copy is answered
    bool repeat_reply = false;   ///< of a KNOCK of the peer's, whose answer may not have left before a restart
    steady_point notice_checked = steady_point::min();
    std::uint32_t unacked = 0;   ///< frames since the last acknowledgement that want one
    std::size_t unacked_bytes = 0;
    std::uint32_t passive = 0;   ///< and that do not

    [[nodiscard]] std::size_t waiting() const noexcept {
        return static_cast<std::size_t>(
            std::count_if(outbox.begin(), outbox.end(), [](const outgoing& one) { return one.wants_ack(); }));
    }
    /// Whether frames must be sent again until the peer acknowledges. Acknowledgements alone need not, but so many
    /// of them mean that one is missing at the peer.
    [[nodiscard]] bool wants_resend() const noexcept { return outbox.size() > most_acks || waiting() > 0; }
    [[nodiscard]] bool has_unsent() const noexcept {
        return std::any_of(outbox.begin(), outbox.end(), [](const auto& one) { return one.sealed() && !one.left; });
    }
    static constexpr std::size_t most_acks = 48;
    /// A peer that sends and sends, and never acknowledges so many acknowledgements, means harm: each of them is kept.
    static constexpr std::size_t largest_backlog = 256;

    [[nodiscard]] session_info info() const {
        return {.id = core.id, .peer = core.peer.name, .phase = core.phase, .initiator = core.initiator,
                .what = core.what, .asked = core.asked, .held_to = core.held_to, .expires = core.ends,
                .sent = core.sent, .received = core.received, .unacknowledged = waiting(), .replaces = core.replaces};
    }
};

/// A step on a copy of what it changes.
struct session_draft {
    session_core core;
    std::optional<am1_ratchet> ratchet{};
    std::vector<outgoing> added{};   ///< to the outbox
};

/// A card of ours that was replaced. @secret its private half
struct former_card {
    e2ee::identity_card card;
    exchange_key_pair pair;
    time_point until{};
    steady_point gone_at{};
};

/// A KNOCK that was answered, or that lost against ours and has no answer.
struct known_knock {
    amid from;
    knock_nonce nonce{};
    bool accepted = false;
    time_point forget_after{};  ///< its time leaves the window
    steady_point forget_at{};
    buffer reply{};
};

}  // namespace agentmesh::session
