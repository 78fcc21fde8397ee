// Ed25519 (RFC 8032): signing with keys that cannot be mismatched, and strict verification.
#pragma once

#include <agentmesh/crypto/x25519.hpp>

namespace agentmesh::crypto {

using ed25519_public_key = fixed_bytes<crypto_sign_PUBLICKEYBYTES, struct ed25519_public_tag>;
using ed25519_seed = secret<crypto_sign_SEEDBYTES, struct ed25519_seed_tag>;
using ed25519_signature = fixed_bytes<crypto_sign_BYTES, struct ed25519_signature_tag>;

/// Accepts exactly what libsodium 1.0.18 accepts: S below the group order; key and R canonical, on the curve and
/// not of small order; the equation without the cofactor.
/// @spec   AM-KEY-001, AM-KEY-002, AM-KEY-003, AM-KEY-004
/// @errors bad_signature, one answer for every reason
[[nodiscard]] inline result<void> verify(const ed25519_public_key& key, byte_view message,
                                         const ed25519_signature& signature) noexcept {
    if (crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.data()) != 0)
        return fail(errc::bad_signature);
    return {};
}

/// Whether a key can verify anything at all. `verify` checks this itself; a reader of keys may refuse early.
/// @errors weak_key: small order, not canonical, or not on the curve's main subgroup
[[nodiscard]] inline result<void> check_public_key(const ed25519_public_key& key) noexcept {
    if (crypto_core_ed25519_is_valid_point(key.data()) != 1) return fail(errc::weak_key, "AM-KEY-002");
    return {};
}

/// The X25519 form of a signing key, as peers of profile wire10 derive it.
/// @errors weak_key
[[nodiscard]] inline result<x25519_public_key> to_x25519(const ed25519_public_key& key) noexcept {
    x25519_public_key out;
    if (crypto_sign_ed25519_pk_to_curve25519(out.storage().data(), key.data()) != 0)
        return fail(errc::weak_key, "AM-KEY-002");
    return out;
}

/// A seed with the public key that follows from it. There is no way to sign with one key in the name of another,
/// which would reveal the private key (the double public key fault).
class ed25519_key_pair {
public:
    explicit ed25519_key_pair(const ed25519_seed& seed) noexcept {
        crypto_sign_seed_keypair(public_.storage().data(), expanded_.reveal_storage().data(), seed.reveal().data());
    }

    /// @errors those of the source
    [[nodiscard]] static result<ed25519_key_pair> generate(RandomSource auto& random) {
        AGENTMESH_TRY(seed, ed25519_seed::generate(random));
        return ed25519_key_pair{seed};
    }

    [[nodiscard]] const ed25519_public_key& public_key() const noexcept { return public_; }

    [[nodiscard]] ed25519_signature sign(byte_view message) const noexcept {
        ed25519_signature out;
        crypto_sign_detached(out.storage().data(), nullptr, message.data(), message.size(), expanded_.reveal().data());
        return out;
    }

    /// The private half, to be stored.
    [[nodiscard]] ed25519_seed seed() const noexcept {
        ed25519_seed out;
        crypto_sign_ed25519_sk_to_seed(out.reveal_storage().data(), expanded_.reveal().data());
        return out;
    }

    /// The scalar of the X25519 form.
    [[nodiscard]] x25519_key_pair to_x25519() const noexcept {
        x25519_secret_key scalar;
        crypto_sign_ed25519_sk_to_curve25519(scalar.reveal_storage().data(), expanded_.reveal().data());
        return x25519_key_pair{std::move(scalar)};
    }

private:
    secret<crypto_sign_SECRETKEYBYTES, struct ed25519_expanded_tag> expanded_;  // seed, then public key
    ed25519_public_key public_;
};

}  // namespace agentmesh::crypto
