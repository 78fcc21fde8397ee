// A ratchet as bytes, and bytes encrypted for the time that they lie in storage.
//
// Version 1, integers big-endian:
//     "AMR" ‖ 0x01 ‖ suite u8 ‖ flags u8 ‖ root 32 ‖ own scalar 32 ‖ u32 previous ‖ u32 turns
//     [‖ remote key 32]                       flag 0x02; flag 0x01 says that this side is the initiator
//     [‖ sending key 32 ‖ u32 next]           flag 0x04
//     [‖ receiving key 32 ‖ u32 next]         flag 0x08; never without a remote key
//     ‖ u8 count ‖ count times: retired key 32, oldest first
//     ‖ u16 count ‖ count times: key 32 ‖ u32 n ‖ message key 32, oldest first
// One state has exactly one form.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/ratchet.hpp>
#include <agentmesh/identity/local_identity.hpp>

namespace agentmesh::e2ee {

/// @spec   AM-RAT-030
/// @secret the bytes hold every key of the session; see `seal_at_rest`
template <RatchetSuite S>
[[nodiscard]] crypto::secret_buffer save(const double_ratchet<S>& ratchet);

/// @spec   AM-RAT-031
/// @errors bad_snapshot for bytes that `save` of this suite does not write; nothing exists then
template <RatchetSuite S>
[[nodiscard]] result<double_ratchet<S>> restore(byte_view bytes);

/// Which suite a snapshot is of, so that the caller can name it to `restore`.
/// @errors bad_snapshot
[[nodiscard]] result<suite_id> suite_of_snapshot(byte_view bytes);

// --- at rest ------------------------------------------------------------------------------------------------

/// The key under which an agent's saved state is encrypted.
using storage_key = crypto::secret<32, struct storage_key_tag>;

/// Follows from both private keys of the identity: HKDF-SHA-256 with an empty salt, the signing seed and the exchange
/// scalar as material, and "AgentMesh-v1:storage" as info. Whoever has the identity file has the state.
[[nodiscard]] storage_key storage_key_of(const local_identity& self);

/// 0x01 ‖ 32 random bytes ‖ ciphertext ‖ tag. The record's own key is HKDF-Expand(storage key,
/// "AgentMesh-v1:storage:record" ‖ the random bytes, 32), so that no number of records exhausts a nonce; ChaCha20-
/// Poly1305 then has nonce zero, and as associated data the first byte and the record's name.
/// @errors those of the source
[[nodiscard]] result<buffer> seal_at_rest(const storage_key& key, std::string_view name, byte_view plain,
                                          RandomSource auto& random);

/// @errors bad_snapshot for a record that was changed, moved to another name, or written under another identity
[[nodiscard]] result<crypto::secret_buffer> open_at_rest(const storage_key& key, std::string_view name,
                                                         byte_view sealed);

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/snapshot.ipp>
