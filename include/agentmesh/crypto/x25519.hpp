// X25519 (RFC 7748) with typed keys and the check for an all-zero result.
#pragma once

#include <agentmesh/crypto/secret.hpp>

namespace agentmesh::crypto {

using x25519_public_key = fixed_bytes<crypto_scalarmult_BYTES, struct x25519_public_tag>;
using x25519_secret_key = secret<crypto_scalarmult_SCALARBYTES, struct x25519_secret_tag>;
using shared_secret = secret<crypto_scalarmult_BYTES, struct shared_secret_tag>;

/// The public half of a scalar, which is clamped as RFC 7748 says.
[[nodiscard]] inline x25519_public_key public_key_of(const x25519_secret_key& scalar) noexcept {
    x25519_public_key out;
    crypto_scalarmult_base(out.storage().data(), scalar.reveal().data());
    return out;
}

/// The key agreement. The peer's coordinate is masked and reduced as RFC 7748 says, so a non-canonical one is
/// accepted; a point of small order is not, because its result is the same for everyone.
/// @spec   AM-KEY-005, AM-KEY-006
/// @errors zero_shared_secret; no secret exists then, so nothing can be derived from it
[[nodiscard]] inline result<shared_secret> agree(const x25519_secret_key& own, const x25519_public_key& peer) noexcept {
    shared_secret out;
    if (crypto_scalarmult(out.reveal_storage().data(), own.reveal().data(), peer.data()) != 0)
        return fail(errc::zero_shared_secret, "AM-KEY-006");
    // The library checks for points of small order; the result decides.
    if (sodium_is_zero(out.reveal().data(), out.reveal().size()) != 0)
        return fail(errc::zero_shared_secret, "AM-KEY-006");
    return out;
}

/// A scalar with its point; made together, so that they cannot be mismatched.
class x25519_key_pair {
public:
    explicit x25519_key_pair(x25519_secret_key scalar) noexcept
        : secret_{std::move(scalar)}, public_{crypto::public_key_of(secret_)} {}

    /// @errors those of the source
    [[nodiscard]] static result<x25519_key_pair> generate(RandomSource auto& random) {
        AGENTMESH_TRY(scalar, x25519_secret_key::generate(random));
        return x25519_key_pair{std::move(scalar)};
    }

    [[nodiscard]] const x25519_public_key& public_key() const noexcept { return public_; }
    [[nodiscard]] const x25519_secret_key& secret_key() const noexcept { return secret_; }
    [[nodiscard]] result<shared_secret> agree_with(const x25519_public_key& peer) const noexcept {
        return agree(secret_, peer);
    }

private:
    x25519_secret_key secret_;
    x25519_public_key public_;
};

}  // namespace agentmesh::crypto
