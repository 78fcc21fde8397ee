// One error vocabulary for the whole library: what went wrong, and which clause of SPEC.md says so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace agentmesh {

/// The id of the violated requirement, for example "AM-ENC-004"; empty where no clause applies.
/// Always a string literal: an error never holds bytes that a peer chose.
using clause_id = std::string_view;

/// Every failure the library reports, in blocks of one hundred a layer.
enum class errc : std::uint16_t {
    // core, 100: text, JSON, time
    bad_length = 100,        ///< a value has the wrong number of bytes or characters
    bad_hex,                 ///< not pairs of hexadecimal digits
    bad_base64,              ///< outside the alphabet, wrong padding, or stray trailing bits
    bad_base58,              ///< outside the alphabet, or not the canonical form
    bad_utf8,                ///< not well-formed UTF-8
    bad_json,                ///< not RFC 8259 JSON
    json_too_deep,           ///< nested deeper than the limit
    json_duplicate_member,   ///< one object names a member twice
    json_too_many_members,   ///< one object holds more members than the limit
    json_number_range,       ///< a number outside what the field can hold exactly
    bad_time,                ///< not an RFC 3339 time with an explicit offset, or outside years 0001 to 9999
    too_large,               ///< a stated size limit is exceeded

    // crypto, 200
    bad_signature = 200,     ///< does not verify, or is not in canonical form
    weak_key,                ///< small order or non-canonical public key
    zero_shared_secret,      ///< a DH result of all zeros
    bad_tag,                 ///< AEAD authentication failed
    random_failed,           ///< the random source could not deliver
    crypto_unavailable,      ///< libsodium could not be initialised

    // identity, 300
    bad_amid = 300,          ///< not the base58 form of exactly 20 bytes
    amid_mismatch,           ///< the AMID is not the one derived from the key
    bad_key_prefix,          ///< a key carries a foreign or doubled prefix
    bad_did,                 ///< not a did:agentmesh identifier or document
    unknown_tier,            ///< a trust tier outside the three defined ones
    bad_identity_file,       ///< content refused; nothing was loaded
    identity_file_access,    ///< cannot be read or created with mode 0600
    bad_certificate,         ///< not a certificate of this protocol, or not in its place in the chain
    certificate_untrusted,   ///< the chain does not end at a trusted root
    certificate_not_yet_valid,
    certificate_expired,
    certificate_authority,   ///< issued by one that may not issue it, or below more than it may
    certificate_signature,   ///< one of the chain is not signed by the next
    certificate_subject,     ///< names another agent, or one that does not belong to its key
    certificate_revoked,
    revocation_unknown,      ///< nobody could say whether it is revoked, so it counts as revoked

    // ws, 400: HTTP upgrade and RFC 6455
    http_malformed = 400,    ///< answered 400
    http_too_large,          ///< answered 431
    http_not_upgrade,        ///< a plain HTTP request where an upgrade was wanted
    http_bad_version,        ///< answered 426
    http_forbidden,          ///< answered 403
    http_not_found,          ///< answered 404
    http_method,             ///< answered 405
    ws_bad_accept,           ///< the server's Sec-WebSocket-Accept is wrong, or it chose what was not offered
    ws_protocol,             ///< closes with 1002
    ws_bad_utf8,             ///< closes with 1007
    ws_too_large,            ///< closes with 1009
    ws_closed,               ///< used after the closing handshake began

    // wire, 500: frames
    bad_frame = 500,         ///< not a JSON object with a known `type`
    unknown_type,            ///< the `type` names no frame of this profile
    missing_member,          ///< a mandatory member is absent
    wrong_member,            ///< a member has the wrong JSON type or a value outside its set
    protocol_mismatch,       ///< a protocol version this side does not speak

    // relay, 600
    connect_expected = 600,  ///< the first frame is not CONNECT, or CONNECT came twice
    connect_timeout,         ///< no CONNECT in time
    stale_proof,             ///< older than the window, or than the relay itself
    future_proof,            ///< further ahead than the window
    replayed_proof,          ///< accepted once already
    fallback_refused,        ///< this AMID has used `challenge` and may not go back
    not_allowed,             ///< the operator does not admit this agent
    session_replaced,        ///< a newer login of the same AMID took over
    unknown_recipient,       ///< `to` is not an AMID
    recipient_offline,       ///< cannot be reached now
    mailbox_full,            ///< refused: a storage cap is reached
    message_too_large,       ///< payload over the limit
    rate_limited,            ///< over a per-minute limit
    queue_full,              ///< the reader is too slow

    // net, 700: only from drivers
    io_failed = 700,         ///< the operating system refused
    timed_out,               ///< a deadline passed
    tls_failed,              ///< certificate, key or handshake refused

    // e2ee, 800: prekeys, key agreement, ratchet, snapshots
    bad_bundle = 800,        ///< a prekey bundle or identity card whose content or signature does not hold
    stale_prekey,            ///< a signed prekey outside its time, grace included
    unknown_prekey,          ///< names a prekey that this agent does not have, or has no more
    unbound_key,             ///< nothing ties the exchange key to the identity, and policy does not allow that
    epoch_rollback,          ///< an identity card older than one already seen
    suite_unsupported,       ///< a suite that this side does not speak or the owner does not allow
    ratchet_not_ready,       ///< cannot send before the first message of the peer
    duplicate,               ///< this message was opened before
    too_far,                 ///< skips more messages than the suite allows
    counter_exhausted,       ///< the chain has reached its last message; a new session is due
    bad_snapshot,            ///< not a saved state, or not one of this agent
    snapshot_rollback,       ///< older than the generation recorded beside it
    not_persisted,           ///< the state could not be saved, so nothing was sent or accepted

    // message, 900: envelopes, bodies, schemas
    bad_envelope = 900,      ///< not an envelope of this session
    bad_sequence,            ///< a sequence number that was seen before or leaves a gap
    bad_capability,          ///< not a capability name or pattern
    unknown_schema,          ///< no schema of this name is known
    schema_violation,        ///< the body does not follow its schema

    // session, 1000: KNOCK, policy, sessions
    bad_knock = 1000,        ///< malformed, not addressed to us, or its signature does not hold
    knock_stale,             ///< outside the window of time
    knock_replayed,          ///< seen before
    knock_refused,           ///< the peer said no
    knock_timed_out,         ///< the peer did not answer in time
    policy_denied,           ///< the owner's policy says no
    bad_policy,              ///< the policy file is refused; the old policy stays
    unknown_session,         ///< no session of this id, or not with this peer
    session_expired,         ///< over its time or its number of messages
    session_closed,          ///< closed by either side
    session_limit,           ///< as many sessions or waiting messages as allowed
    session_lost,            ///< the peer no longer knows this session

    // agent and registry, 1100
    unknown_peer = 1100,     ///< no source knows this agent
    registry_failed,         ///< the registry did not answer, or not as it must
    no_common_suite,         ///< no suite that both sides offer and the owner allows
    state_access,            ///< the state directory cannot be used
    state_in_use,            ///< another process uses this state directory

    // dht, 1200
    bad_datagram = 1200,     ///< not a datagram of the DHT, or not one that was asked for
    bad_record,              ///< not a discovery record, or one whose parts do not fit together
    stale_record,            ///< a discovery record outside its time
    old_record,              ///< a discovery record older than one already known
    bad_token,               ///< the address that it came from is not proven
    storage_full,            ///< no room for it
    lookup_limit,            ///< as many lookups at once as allowed

    // p2p, 1300
    bad_stun = 1300,         ///< not a STUN message, or one whose attributes do not fit it
    bad_integrity,           ///< integrity missing where it must be, or not of the key
    stun_refused,            ///< the server answered with an error
    bad_candidate,           ///< not a candidate, or one that must not be used
    bad_sdp,                 ///< not a session description of one data channel
    candidate_limit,         ///< more candidates or checks than allowed
    no_path,                 ///< no pair of candidates works
    path_lost,               ///< the peer has not consented for too long
    dtls_failed,             ///< handshake refused, or the certificate is not the one confirmed in the session
    sctp_failed,             ///< association refused or aborted
};

/// What failed and which clause it violates. Trivially copyable; safe to log.
struct error {
    errc code{};
    clause_id clause{};

    friend bool operator==(const error&, const error&) = default;
};

/// Conditions that answer a caller's two questions about any errc.
enum class condition {
    fatal = 1,  ///< the connection or session it happened on cannot be used further
    retryable,  ///< the same request may succeed later, unchanged
};

[[nodiscard]] constexpr bool is_fatal(errc code) noexcept {
    switch (code) {
        case errc::ws_bad_accept: case errc::ws_protocol: case errc::ws_bad_utf8: case errc::ws_too_large:
        case errc::ws_closed: case errc::connect_expected: case errc::connect_timeout:
        case errc::stale_proof: case errc::future_proof: case errc::replayed_proof:
        case errc::fallback_refused: case errc::not_allowed: case errc::session_replaced:
        case errc::queue_full: case errc::tls_failed: case errc::random_failed:
        case errc::crypto_unavailable: case errc::protocol_mismatch: case errc::counter_exhausted:
        case errc::snapshot_rollback: case errc::session_expired: case errc::session_closed: case errc::session_lost:
            return true;
        default: return false;
    }
}

[[nodiscard]] constexpr bool is_retryable(errc code) noexcept {
    switch (code) {
        case errc::recipient_offline: case errc::mailbox_full: case errc::rate_limited:
        case errc::timed_out: case errc::io_failed:
        case errc::knock_timed_out: case errc::session_limit: case errc::registry_failed: case errc::not_persisted:
        case errc::state_in_use: case errc::revocation_unknown: case errc::bad_token: case errc::storage_full: case errc::lookup_limit:
        case errc::no_path: case errc::path_lost:
            return true;
        default: return false;
    }
}

/// One sentence of cause, without a full stop: "not RFC 8259 JSON".
[[nodiscard]] std::string_view describe(errc code) noexcept;

/// "not RFC 8259 JSON (AM-ENC-010)".
[[nodiscard]] std::string to_string(const error& why);

/// The library's std::error_category, so that an errc fits into code built on std::error_code.
[[nodiscard]] const std::error_category& error_category() noexcept;
[[nodiscard]] std::error_code make_error_code(errc code) noexcept;
[[nodiscard]] std::error_condition make_error_condition(condition what) noexcept;

}  // namespace agentmesh

template <>
struct std::is_error_code_enum<agentmesh::errc> : std::true_type {};
template <>
struct std::is_error_condition_enum<agentmesh::condition> : std::true_type {};

#include <agentmesh/core/error.ipp>
