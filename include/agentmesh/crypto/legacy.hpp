// SHA-1 and MD5, only because RFC 6455 (Sec-WebSocket-Accept) and STUN (long-term credentials) demand them.
// Neither is secure against collisions; nothing else may use them.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <bit>
#include <cstring>

namespace agentmesh::crypto::legacy {

using sha1_digest = fixed_bytes<20, struct sha1_tag>;
using md5_digest = fixed_bytes<16, struct md5_tag>;

[[nodiscard]] sha1_digest sha1(byte_view bytes) noexcept;
[[nodiscard]] md5_digest md5(byte_view bytes) noexcept;

/// HMAC-SHA-1 (RFC 2104), which collisions of SHA-1 do not break. STUN demands it.
[[nodiscard]] sha1_digest hmac_sha1(byte_view key, byte_view message);

}  // namespace agentmesh::crypto::legacy

#include <agentmesh/crypto/legacy.ipp>
