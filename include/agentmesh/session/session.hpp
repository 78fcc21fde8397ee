// What a session engine tells its surroundings, and what it asks of them.
#pragma once

#include <agentmesh/core/state.hpp>
#include <agentmesh/session/verdict.hpp>
#include <agentmesh/wire/vocabulary.hpp>

#include <vector>

namespace agentmesh::session {

/// The 16 bytes by which both sides name a session. @spec AM-KNK-021
using session_id = fixed_bytes<16, struct session_id_tag>;
/// Names one envelope: the first 16 bytes of its SHA-256. It stays the same when the envelope is sent again in a later
/// session, which is how the receiver knows a copy. So no two envelopes of one agent may be equal.
using message_id = fixed_bytes<16, struct message_id_tag>;

enum class phase : std::uint8_t {
    knocking,  ///< asked, no answer yet
    open,
    closing,   ///< a close was sent and not acknowledged yet; nothing else can be sent
    lost,      ///< the peer, or we, no longer have its keys; unacknowledged messages wait for a successor
    closed,    ///< kept for a while, so that late frames are told apart from unknown ones
};

/// A session as its owner sees it.
struct session_info {
    session_id id{};
    amid peer;
    session::phase phase{};
    bool initiator = false;                  ///< we knocked
    intent what{};
    session_request asked{};
    constraints held_to{};                   ///< meaningful once open
    time_point expires{};                    ///< likewise
    std::uint32_t sent = 0;                  ///< messages
    std::uint32_t received = 0;
    std::size_t unacknowledged = 0;
    std::vector<session_id> replaces{};      ///< of `opened`: what was sent in these goes out here now
};

/// One envelope from a peer, authenticated as sent by it in this session.
struct incoming {
    session_id session;
    /// The session it was written for: `session`, or an earlier one with the same peer that was lost before the
    /// envelope arrived. Its members `session_id` and `sequence` belong to that one.
    session_id origin;
    amid peer;
    message_id id;       ///< a message that is given a second time, after a crash, has the same id
    byte_view envelope;  ///< lives as long as the call
    signing_public_key key{};  ///< the peer's, which proved itself when the session began: `peer` is its hash
};

/// Why a KNOCK of ours came to nothing.
struct refusal {
    session_id session;  ///< as `knock` returned it
    amid peer;
    error why;           ///< knock_refused, knock_timed_out, session_limit
    deny_reason told = deny_reason::rejected;            ///< the peer's word, if it refused
    std::optional<std::uint32_t> retry_after_seconds{};
};

/// A message that will not arrive, or of which nobody knows whether it did. The sender is always told.
struct undelivered {
    session_id session;
    amid peer;
    message_id id;
    error why;
};

/// Everything worth a line in the owner's log. AMIDs, ids, enumerators and clauses only.
enum class audit_kind : std::uint8_t {
    knock_sent,
    knock_accepted,      ///< by our policy
    knock_denied,        ///< by our policy; `denied` says why
    knock_dropped,       ///< did not authenticate, or lost against ours; no answer was sent
    knock_repeated,      ///< the same frame again; the same answer was sent again
    reply_dropped,       ///< an ACCEPT or REJECT that fits no KNOCK of ours
    session_opened,
    session_closed,
    session_lost,
    message_dropped,     ///< unreadable, replayed, over a limit, or not of its sender
    notice_sent,         ///< told a peer that we do not know its session
    notice_dropped,
    frame_dropped,       ///< of no known kind
    not_persisted,       ///< nothing happened, because it could not be saved
    not_sent,            ///< the transport refused; sent again later
};

struct audit_event {
    audit_kind kind{};
    std::optional<amid> peer{};
    session_id session{};
    error why{};
    deny_reason denied = deny_reason::rejected;  ///< of knock_denied: the true reason
};

/// Where an engine's actions go, in order. Views live as long as the call; a sink does not call the engine.
///
/// `persist(changes)` makes all changes durable or none, as StateStore::commit does; nothing that depends on them
/// leaves before it has succeeded. `send` gives a frame to the transport, which may refuse; then the engine sends the
/// same bytes again later. `received` returns whether the application has taken the message for good; if not, the
/// owner calls `engine::confirm` later, and is given the message again after a restart.
template <class S>
concept SessionSink = requires(S& out, std::span<const record_change> changes, const amid& to, std::string_view payload,
                               wire::message_type type, const session_info& info, const incoming& message,
                               const refusal& no, const undelivered& lost, const error& why, const audit_event& event) {
    { out.persist(changes) } -> std::same_as<result<void>>;
    { out.send(to, payload, type) } -> std::same_as<result<void>>;
    out.opened(info);  ///< also when an open session takes the place of a lost one
    { out.received(message) } -> std::same_as<bool>;
    out.refused(no);
    out.undelivered(lost);
    out.closed(info, why);
    /// The session is lost: fetch a fresh bundle of `info.peer` and `knock` with the same intent and request; what was
    /// not acknowledged goes out in the new session by itself.
    out.wants_knock(info);
    out.audit(event);
};

}  // namespace agentmesh::session
