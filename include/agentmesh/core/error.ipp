// Texts of core/error.hpp.
#pragma once

namespace agentmesh {

inline std::string_view describe(errc code) noexcept {
    switch (code) {
        case errc::bad_length: return "wrong length";
        case errc::bad_hex: return "not hexadecimal";
        case errc::bad_base64: return "not base64 of the expected alphabet and padding";
        case errc::bad_base58: return "not canonical base58";
        case errc::bad_utf8: return "not well-formed UTF-8";
        case errc::bad_json: return "not RFC 8259 JSON";
        case errc::json_too_deep: return "JSON nested too deep";
        case errc::json_duplicate_member: return "JSON object names a member twice";
        case errc::json_too_many_members: return "JSON object has too many members";
        case errc::json_number_range: return "JSON number cannot be held exactly";
        case errc::bad_time: return "not an RFC 3339 time with an offset";
        case errc::too_large: return "too large";
        case errc::bad_signature: return "signature does not verify";
        case errc::weak_key: return "public key is weak or not canonical";
        case errc::zero_shared_secret: return "key agreement gave an all-zero secret";
        case errc::bad_tag: return "authentication failed";
        case errc::random_failed: return "the random source failed";
        case errc::crypto_unavailable: return "the cryptographic library could not start";
        case errc::bad_amid: return "not an AMID";
        case errc::amid_mismatch: return "the AMID does not belong to the key";
        case errc::bad_key_prefix: return "key has a wrong or doubled prefix";
        case errc::bad_did: return "not a valid did:agentmesh";
        case errc::unknown_tier: return "unknown trust tier";
        case errc::bad_identity_file: return "identity file refused";
        case errc::identity_file_access: return "identity file cannot be read or created with mode 0600";
        case errc::bad_certificate: return "certificate refused";
        case errc::certificate_untrusted: return "certificate chain does not end at a trusted root";
        case errc::certificate_not_yet_valid: return "certificate is not yet valid";
        case errc::certificate_expired: return "certificate has expired";
        case errc::certificate_authority: return "certificate was issued by one that may not issue it";
        case errc::certificate_signature: return "certificate is not signed by its issuer";
        case errc::certificate_subject: return "certificate names another agent";
        case errc::certificate_revoked: return "certificate is revoked";
        case errc::revocation_unknown: return "nobody could say whether the certificate is revoked";
        case errc::http_malformed: return "malformed HTTP request";
        case errc::http_too_large: return "HTTP header section too large";
        case errc::http_not_upgrade: return "not a WebSocket upgrade";
        case errc::http_bad_version: return "WebSocket version is not 13";
        case errc::http_forbidden: return "origin not allowed";
        case errc::http_not_found: return "no such path";
        case errc::http_method: return "method not allowed";
        case errc::ws_bad_accept: return "server's upgrade answer is wrong";
        case errc::ws_protocol: return "WebSocket protocol error";
        case errc::ws_bad_utf8: return "WebSocket text is not UTF-8";
        case errc::ws_too_large: return "WebSocket message too large";
        case errc::ws_closed: return "WebSocket is closing";
        case errc::bad_frame: return "not a frame";
        case errc::unknown_type: return "unknown frame type";
        case errc::missing_member: return "a mandatory member is missing";
        case errc::wrong_member: return "a member has a wrong type or value";
        case errc::protocol_mismatch: return "protocol version not spoken here";
        case errc::connect_expected: return "CONNECT expected once, and first";
        case errc::connect_timeout: return "no CONNECT in time";
        case errc::stale_proof: return "connect proof is too old";
        case errc::future_proof: return "connect proof is from the future";
        case errc::replayed_proof: return "connect proof was used before";
        case errc::fallback_refused: return "challenge was used before and may not be left out";
        case errc::not_allowed: return "not allowed here";
        case errc::session_replaced: return "a newer login took over";
        case errc::unknown_recipient: return "recipient is not an AMID";
        case errc::recipient_offline: return "recipient cannot be reached now";
        case errc::mailbox_full: return "mailbox is full";
        case errc::message_too_large: return "message payload too large";
        case errc::rate_limited: return "rate limit exceeded";
        case errc::queue_full: return "reader too slow";
        case errc::io_failed: return "input or output failed";
        case errc::timed_out: return "timed out";
        case errc::tls_failed: return "TLS failed";
        case errc::bad_bundle: return "prekey bundle or identity card refused";
        case errc::stale_prekey: return "signed prekey is outside its time";
        case errc::unknown_prekey: return "prekey is not known here";
        case errc::unbound_key: return "exchange key is not bound to the identity";
        case errc::epoch_rollback: return "identity card is older than one already seen";
        case errc::suite_unsupported: return "encryption suite not spoken or not allowed here";
        case errc::ratchet_not_ready: return "cannot send before the first message of the peer";
        case errc::duplicate: return "message was opened before";
        case errc::too_far: return "message skips too many others";
        case errc::counter_exhausted: return "sending chain is exhausted";
        case errc::bad_snapshot: return "saved state refused";
        case errc::snapshot_rollback: return "saved state is older than its generation record";
        case errc::not_persisted: return "state could not be saved";
        case errc::bad_envelope: return "message envelope refused";
        case errc::bad_sequence: return "sequence number repeated or out of place";
        case errc::bad_capability: return "not a capability";
        case errc::unknown_schema: return "schema is not known";
        case errc::schema_violation: return "body does not follow its schema";
        case errc::bad_knock: return "KNOCK refused as malformed or not authentic";
        case errc::knock_stale: return "KNOCK is outside the window of time";
        case errc::knock_replayed: return "KNOCK was seen before";
        case errc::knock_refused: return "the peer refused the KNOCK";
        case errc::knock_timed_out: return "the peer did not answer the KNOCK";
        case errc::policy_denied: return "refused by policy";
        case errc::bad_policy: return "policy file refused";
        case errc::unknown_session: return "no such session";
        case errc::session_expired: return "session is over its limits";
        case errc::session_closed: return "session is closed";
        case errc::session_limit: return "too many sessions or waiting messages";
        case errc::session_lost: return "the peer no longer knows this session";
        case errc::unknown_peer: return "no source knows this agent";
        case errc::registry_failed: return "registry did not answer as it must";
        case errc::no_common_suite: return "no encryption suite in common";
        case errc::state_access: return "state directory cannot be used";
        case errc::state_in_use: return "state directory is in use by another process";
        case errc::bad_datagram: return "not a datagram of the DHT that was asked for";
        case errc::bad_record: return "discovery record refused";
        case errc::stale_record: return "discovery record is outside its time";
        case errc::old_record: return "discovery record is older than one already known";
        case errc::bad_token: return "address of the sender is not proven";
        case errc::storage_full: return "no room for the record";
        case errc::lookup_limit: return "too many lookups at once";
        case errc::bad_stun: return "not a STUN message";
        case errc::bad_integrity: return "integrity of the STUN message is missing or wrong";
        case errc::stun_refused: return "STUN or TURN server refused";
        case errc::bad_candidate: return "candidate refused";
        case errc::bad_sdp: return "session description refused";
        case errc::candidate_limit: return "too many candidates or checks";
        case errc::no_path: return "no direct path found";
        case errc::path_lost: return "direct path lost";
        case errc::dtls_failed: return "DTLS handshake refused";
        case errc::sctp_failed: return "SCTP association failed";
    }
    return "unknown error";
}

inline std::string to_string(const error& why) {
    std::string out{describe(why.code)};
    if (!why.clause.empty()) out.append(" (").append(why.clause).append(")");
    return out;
}

inline const std::error_category& error_category() noexcept {
    struct category final : std::error_category {
        [[nodiscard]] const char* name() const noexcept override { return "agentmesh"; }
        [[nodiscard]] std::string message(int value) const override {
            return std::string{describe(static_cast<errc>(value))};
        }
        [[nodiscard]] bool equivalent(const std::error_code& code, int what) const noexcept override {
            if (code.category() != *this) return false;
            const auto value = static_cast<errc>(code.value());
            return static_cast<condition>(what) == condition::fatal ? is_fatal(value) : is_retryable(value);
        }
    };
    static const category instance;
    return instance;
}

inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

inline std::error_condition make_error_condition(condition what) noexcept {
    return {static_cast<int>(what), error_category()};
}

}  // namespace agentmesh
