// Suite `am1`: this library's own.
#pragma once

#include <agentmesh/e2ee/suite.hpp>

namespace agentmesh::e2ee {

/// ChaCha20-Poly1305 over text and header; key and nonce follow from the message key, which is used once, so that
/// sealing needs no randomness. Its key agreement binds both identity cards and is not plain X3DH: see e2ee/x3dh.hpp.
struct am1 {
    static constexpr suite_id id = suite_id::am1;
    using aead = crypto::chacha20poly1305_ietf;
    static constexpr bool binds_header = true;
    static constexpr nonce_rule nonce = nonce_rule::derived;
    static constexpr start_up start = start_up::at_once;
    static constexpr std::string_view root_info = "AgentMesh-v1:am1:root";
    static constexpr std::string_view message_info = "AgentMesh-v1:am1:message";
    static constexpr std::uint32_t max_skip = limits::skip_am1;
    static constexpr std::uint32_t chain_length = std::uint32_t{1} << 31;
    static constexpr std::uint32_t turns = std::uint32_t{1} << 20;  ///< root steps by receiving in one session
};
static_assert(RatchetSuite<am1>);

}  // namespace agentmesh::e2ee
