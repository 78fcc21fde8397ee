// KNOCK, ACCEPT and REJECT of the deployed 0.2 agents: plain JSON, in two dialects that sign different bytes.
//
//                    Python                                        JavaScript
//     KNOCK signs    from, to, intent, timestamp, as json.dumps    version, from, to, request, timestamp, nonce as sent
//     ACCEPT signs   session_id, from, to, timestamp               every member but the signature, as sent
//     REJECT signs   reason, from, to, timestamp                   likewise
//     time           RFC 3339 text                                 integer milliseconds
//
// We write the Python dialect, with a nonce, and read both. What a dialect does not sign is not believed: tier and
// reputation are not read at all, and the session that Python asks for only bounds what we would grant anyway.
#pragma once

#include <agentmesh/session/knock.hpp>

namespace agentmesh::session::v02 {

enum class dialect : std::uint8_t { python, javascript };

/// The initial message of X3DH, as a KNOCK carries it in its member `x3dh`. Neither dialect signs it: it is worth what
/// the first message that opens under it is worth.
struct x3dh_message {
    exchange_public_key identity;
    exchange_public_key ephemeral;
    std::uint32_t signed_prekey = 0;
    std::optional<std::uint32_t> one_time_prekey{};

    friend bool operator==(const x3dh_message&, const x3dh_message&) = default;
};

/// A KNOCK that verified.
struct knock {
    v02::dialect dialect{};
    amid from;
    amid to;
    intent what{};
    session_request asked{};
    time_point sent{};
    std::string nonce{};     ///< signed in the JavaScript dialect only
    sha256_digest replay{};  ///< of the signed bytes: what must not come twice until 300 s after `sent`
    std::optional<x3dh_message> keys{};  ///< not signed
};

struct accept {
    v02::dialect dialect{};
    std::string session{};   ///< as the peer spells it
    constraints held_to{};   ///< of the Python dialect; not signed
    std::optional<time_point> sent{};  ///< nothing: it is no time
};

struct reject {
    v02::dialect dialect{};
    std::string reason{};    ///< as the peer spells it
    std::optional<time_point> sent{};
};

/// What `json.dumps` makes of a string: ASCII only, in quotes.
void append_python_string(std::string& out, std::string_view text);

/// Exactly the bytes that Python signs, in its spacing. @spec AM-KNK-040
[[nodiscard]] std::string python_knock_bytes(const amid& from, const amid& to, const intent& what,
                                             std::string_view timestamp);
[[nodiscard]] std::string python_accept_bytes(std::string_view session, const amid& from, const amid& to,
                                              std::string_view timestamp);
[[nodiscard]] std::string python_reject_bytes(std::string_view reason, const amid& from, const amid& to,
                                              std::string_view timestamp);
/// As Python's isoformat: `+00:00`, and six digits of a second or none.
[[nodiscard]] std::string python_time(time_point at);

/// A KNOCK in the Python dialect.
/// @spec  AM-KNK-040, AM-KNK-060
/// @param keys  left out if null
[[nodiscard]] std::string write_knock(const amid& to, const intent& what, const session_request& asked, tier own,
                                      const knock_nonce& nonce, time_point now, const signing_key_pair& by,
                                      const x3dh_message* keys = nullptr);
/// With a `session_key` of zeros: its readers want one, and none uses it.
[[nodiscard]] std::string write_accept(const amid& to, std::string_view session, const constraints& held_to,
                                       time_point now, const signing_key_pair& by);
[[nodiscard]] std::string write_reject(const amid& to, deny_reason reason, time_point now, const signing_key_pair& by);

/// Reads a KNOCK of either dialect, verifies it over what that dialect signs, and checks that it is for us and of now.
/// @param  by  the signing key of the sender, from a source other than the KNOCK
/// @spec   AM-KNK-041, AM-KNK-042, AM-KNK-043, AM-KNK-044, AM-KNK-060
/// @errors the JSON reader's; missing_member, wrong_member; amid_mismatch if the key is not of `from`; bad_signature;
///         bad_knock for another recipient; knock_stale
[[nodiscard]] result<knock> read_knock(std::string_view text, const amid& self, const signing_public_key& by,
                                       time_point now);

/// Answers to a KNOCK of ours. @param nonce  of the KNOCK, which the JavaScript dialect repeats
/// @errors as read_knock
[[nodiscard]] result<accept> read_accept(std::string_view text, const amid& self, const signing_public_key& by,
                                         std::string_view nonce);
[[nodiscard]] result<reject> read_reject(std::string_view text, const amid& self, const signing_public_key& by,
                                         std::string_view nonce);

}  // namespace agentmesh::session::v02

#include <agentmesh/session/knock_v02.ipp>
