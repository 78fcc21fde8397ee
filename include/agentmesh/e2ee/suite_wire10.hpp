// Suites `wire10` and `wire10-legacy`: Wire 1.0 as deployed. The two have the same ratchet and the same bytes on the
// wire; they differ in X3DH only, so that peers with different ones derive different root keys.
#pragma once

#include <agentmesh/e2ee/suite.hpp>

namespace agentmesh::e2ee {

/// The current variant.
struct wire10 {
    static constexpr suite_id id = suite_id::wire10;
    using aead = crypto::chacha20poly1305_ietf;
    static constexpr bool binds_header = true;
    static constexpr nonce_rule nonce = nonce_rule::random;  ///< nonce 12 ‖ text ‖ tag 16
    static constexpr start_up start = start_up::at_once;
    static constexpr std::string_view root_info = "AgentMesh_Ratchet_v1";
    static constexpr std::string_view message_info = "";
    static constexpr std::uint32_t max_skip = limits::skip_wire10;
    static constexpr std::uint32_t chain_length = 0xffff'ffff;
    static constexpr std::uint32_t turns = 0xffff'ffff;
    static constexpr x3dh_rule x3dh{.info = "AgentMesh_X3DH_v1", .salt_byte = 0x00, .prefixed = true};
};
static_assert(RatchetSuite<wire10>);

/// The variant of Python up to 3.5.0, TypeScript up to 4.1.0 and the npm packages of major version 4.
struct wire10_legacy : wire10 {
    static constexpr suite_id id = suite_id::wire10_legacy;
    static constexpr x3dh_rule x3dh{.info = wire10::x3dh.info, .salt_byte = 0xff, .prefixed = false};
};
static_assert(RatchetSuite<wire10_legacy>);

}  // namespace agentmesh::e2ee
