// Suite `v02`: as the JavaScript SDK of 0.2 speaks.
#pragma once

#include <agentmesh/e2ee/suite.hpp>

namespace agentmesh::e2ee {

/// NaCl's secretbox, which takes no associated data: the header travels unauthenticated. A changed `dh` or `n` picks
/// another key and is noticed; a changed `pn` is not, and can at most lose messages of an earlier chain.
///
/// The bytes are the deployed ones. The rules of receiving are not, where those are unsafe: nothing changes before
/// the tag has verified, a number below the expected one is a duplicate unless its key was kept, and `pn` is honoured
/// where the SDK derives a thousand keys whatever it says.
struct v02 {
    static constexpr suite_id id = suite_id::v02;
    using aead = crypto::xsalsa20poly1305;
    static constexpr bool binds_header = false;
    static constexpr nonce_rule nonce = nonce_rule::random;  ///< nonce 24 ‖ tag 16 ‖ text
    static constexpr start_up start = start_up::on_use;
    static constexpr std::string_view root_info = "agentmesh_rk";
    static constexpr std::string_view message_info = "";
    static constexpr std::uint32_t max_skip = limits::skip_v02;
    static constexpr std::uint32_t chain_length = 0xffff'ffff;
    static constexpr std::uint32_t turns = 0xffff'ffff;
    static constexpr x3dh_rule x3dh{.info = "X3DH", .salt_byte = 0x00, .prefixed = false};
};
static_assert(RatchetSuite<v02>);

}  // namespace agentmesh::e2ee
