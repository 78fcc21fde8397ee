// What two peers tell each other about one data channel (RFC 8829, 8841): as a description of SDP, and as the JSON text
// in which deployed agents carry one.
//
//     AGENTMESH_TRY(theirs, p2p::parse_description_json(R"({"sdp":"v=0\r\n...","type":"offer"})"));
//     AGENTMESH_CHECK(ice.set_remote(theirs.ice, now, sink));
//     if (theirs.fingerprint != confirmed_in_the_session) ...   // a relay can change all of this
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/p2p/ice.hpp>

namespace agentmesh::p2p {

/// SHA-256 of a DTLS certificate.
using dtls_fingerprint = fixed_bytes<32, struct dtls_fingerprint_tag>;

inline constexpr std::size_t sdp_bytes = 16 * 1024;  ///< AM-P2P-070

/// Who opens the DTLS connection (RFC 8842).
enum class dtls_setup : std::uint8_t { actpass, active, passive };

struct session_description {
    enum class role : std::uint8_t { offer, answer };

    role what = role::offer;
    ice_credentials ice{};
    dtls_fingerprint fingerprint{};
    dtls_setup setup = dtls_setup::actpass;
    std::string mid = "0";  ///< name of the one medium; an answer repeats that of its offer
    std::uint16_t sctp_port = 5000;
    std::uint32_t max_message_size = 65'536;  ///< bytes that its writer takes at once; 0: any number
    std::vector<candidate> candidates{};      ///< known by then; more follow by themselves
    bool all_candidates = false;              ///< no more follow

    friend bool operator==(const session_description&, const session_description&) = default;
};

/// Lines of SDP with CR LF.
/// @spec AM-P2P-071
[[nodiscard]] std::string write_sdp(const session_description& from);

/// Reads lines that end with CR LF or LF. Attributes of the session serve where the medium has none of its own.
/// Candidates that `parse_candidate` refuses are left out, because a browser hides its own behind names; those behind
/// the 32nd too.
/// @param  what  SDP does not say it of itself
/// @spec   AM-P2P-070
/// @errors bad_sdp for what is not one medium with a data channel over DTLS, with credentials of ICE and a SHA-256
///         fingerprint; too_large
[[nodiscard]] result<session_description> parse_sdp(std::string_view text, session_description::role what);

/// `{"sdp":"...","type":"offer"}`.
[[nodiscard]] std::string write_description_json(const session_description& from);
/// @spec   AM-P2P-072
/// @errors those of the JSON reader and of parse_sdp; bad_sdp for another type than offer and answer
[[nodiscard]] result<session_description> parse_description_json(std::string_view text);

}  // namespace agentmesh::p2p

#include <agentmesh/p2p/sdp.ipp>
