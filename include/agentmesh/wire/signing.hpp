// The exact bytes that signatures of profile v02 cover.
#pragma once

#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/wire/vocabulary.hpp>

namespace agentmesh::wire {

/// CONNECT signs the value of its `timestamp`, byte for byte as sent. @spec AM-AUT-002, AM-AUT-003
[[nodiscard]] inline byte_view connect_proof_bytes(std::string_view timestamp) noexcept { return as_bytes(timestamp); }

/// The random part of a challenge.
using challenge_nonce = fixed_bytes<32, struct challenge_nonce_tag>;

/// What an answer to a challenge is about. Both sides build it from what they themselves sent and received.
struct challenge_context {
    challenge_nonce nonce;
    std::string_view relay;            ///< the relay's name
    std::string_view timestamp;        ///< of the answer, as sent
    const amid& agent;
    std::string_view client_features;  ///< joined with commas, in the order of CONNECT
    std::string_view relay_features;   ///< joined with commas, in the order of the challenge
};

/// "AgentMesh-v1:relay-connect" ‖ 00 ‖ LP(nonce) ‖ LP(relay name) ‖ LP(timestamp) ‖ LP(AMID, 20 raw bytes) ‖
/// LP(client features) ‖ LP(relay features), where LP(x) is the length of x as u32be, then x.
/// @spec AM-AUT-044, AM-AUT-045, AM-AUT-046, AM-AUT-047
[[nodiscard]] inline buffer challenge_proof_bytes(const challenge_context& about) {
    constexpr std::string_view domain = "AgentMesh-v1:relay-connect";
    buffer out;
    out.reserve(192 + about.relay.size() + about.client_features.size());
    // Byte by byte: in a range insert g++ 12 at -O3 sees an overflow where there is none.
    const auto append = [&out](byte_view bytes) {
        for (const std::uint8_t byte : bytes) out.push_back(byte);
    };
    const auto append_prefixed = [&](byte_view bytes) {
        const auto size = static_cast<std::uint32_t>(bytes.size());
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(size >> shift));
        append(bytes);
    };
    append(as_bytes(domain));
    out.push_back(0);
    append_prefixed(about.nonce.bytes());
    append_prefixed(as_bytes(about.relay));
    append_prefixed(as_bytes(about.timestamp));
    append_prefixed(about.agent.bytes().bytes());
    append_prefixed(as_bytes(about.client_features));
    append_prefixed(as_bytes(about.relay_features));
    return out;
}

}  // namespace agentmesh::wire
