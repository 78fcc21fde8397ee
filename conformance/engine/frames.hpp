// The JSON frames of profile v02 as a client writes them. Each returns an object that a case may bend before sending.
#pragma once

#include "conformance/engine/agent.hpp"
#include "conformance/engine/encoding.hpp"
#include "conformance/engine/observation.hpp"

namespace agentmesh::conformance::frame {

/// How a CONNECT is written. The defaults are what the reference client sends.
struct connect_options {
    std::vector<std::string> features{};     ///< the member is left out when empty and `with_features` is false
    bool with_features = false;              ///< write `features` even if empty
    stamp_form form = stamp_form::offset;
    std::string timestamp{};                 ///< instead of the present in `form`
    std::string protocol = "agentmesh/0.2";
    std::string key_prefix{};                ///< "ed25519:"
    bool p2p_capable = false;
};

/// A valid CONNECT of `who` signed over `timestamp`.
[[nodiscard]] json connect(const agent& who, std::string_view timestamp, const connect_options& how = {});

[[nodiscard]] json send(std::string_view to, std::string_view payload, std::string_view message_type = "message");
/// With feature `receipts`.
[[nodiscard]] json send_with_id(std::string_view to, std::string_view payload, std::string_view id,
                                std::string_view message_type = "message");
[[nodiscard]] json ack(std::string_view from, std::string_view id);
[[nodiscard]] json presence(std::string_view status);
[[nodiscard]] json presence_query(std::string_view amid);
/// `which` is "ice_offer" or "ice_answer".
[[nodiscard]] json ice(std::string_view which, std::string_view to, std::string_view sdp, const json& candidates);
[[nodiscard]] json candidate(std::string_view candidate, const json& sdp_mid = nullptr, const json& sdp_mline_index = nullptr);
/// `spelling` is "p2_p_established" or "p2p_established".
[[nodiscard]] json established(std::string_view peer, std::string_view spelling = "p2_p_established");
[[nodiscard]] json ping(std::string_view timestamp);
[[nodiscard]] json disconnect(std::string_view reason = "done");

/// What feature `challenge` signs, SPEC.md "Features and the challenge".
struct challenge_proof {
    std::string nonce;                       ///< raw bytes
    std::string relay;                       ///< relay name
    std::string timestamp;
    std::vector<std::string> offered;        ///< the client's features, in the order sent
    std::vector<std::string> granted;        ///< the relay's, in the order sent
};
[[nodiscard]] json challenge_response(const agent& who, const challenge_proof& proof);

}  // namespace agentmesh::conformance::frame
