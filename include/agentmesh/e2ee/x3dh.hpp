// Key agreement: how two agents that have never met arrive at the same keys.
//
// Suite `am1` binds both identity cards and every public key into what it derives; the deployed suites use X3DH. Both
// compute every Diffie-Hellman result first, and derive nothing unless all of them are usable.
#pragma once

#include <agentmesh/e2ee/prekey.hpp>
#include <agentmesh/e2ee/suite.hpp>
#include <agentmesh/crypto/kdf.hpp>

namespace agentmesh::e2ee {

/// A prekey with its private half.
struct prekey_pair {
    std::uint32_t id = 0;
    exchange_key_pair pair;
};

// --- suite am1 ----------------------------------------------------------------------------------------------

using knock_key = crypto::secret<32, struct knock_key_tag>;  ///< seals the KNOCK
using reply_key = crypto::secret<32, struct reply_key_tag>;  ///< seals the one answer to it
using id_key = crypto::secret<32, struct id_key_tag>;        ///< from it follows the id of the session

/// Everything public that goes into the keys; both sides must see the same.
/// `ctx` of the specification is its `bytes()`.
struct agreement_context {
    identity_card initiator;
    identity_card responder;
    exchange_public_key ephemeral;  ///< E of the initiator
    exchange_public_key ratchet;    ///< R_A, the initiator's first ratchet key
    std::uint32_t signed_id = 0;
    exchange_public_key signed_key;
    std::optional<std::pair<std::uint32_t, exchange_public_key>> one_time{};

    [[nodiscard]] buffer bytes() const;
};

struct agreed_keys {
    root_key root;
    knock_key knock;
    reply_key reply;
    id_key session;
    crypto::sha256_digest context;  ///< SHA-256 of the context; public, covered by the KNOCK's signature
};

/// @param own        the exchange key on the initiator's card
/// @param ephemeral  used for this agreement only
/// @param ratchet    the public half of the initiator's first ratchet pair
/// @param peer       a bundle that `check_bundle` accepted
/// @spec   AM-KEX-040, AM-KEX-041
/// @errors zero_shared_secret; no key has been derived then
[[nodiscard]] result<agreed_keys> agree_am1_initiator(const exchange_key_pair& own, const identity_card& own_card,
                                                      const exchange_key_pair& ephemeral,
                                                      const exchange_public_key& ratchet, const prekey_bundle& peer);

/// @param own         the exchange key on the responder's card
/// @param initiator   a card that `identity_card::parse` accepted
/// @param signed_key  the prekey that the KNOCK names
/// @param one_time    likewise, or null if it names none; still to be spent
/// @spec   AM-KEX-040, AM-KEX-041
/// @errors zero_shared_secret; no key has been derived then
[[nodiscard]] result<agreed_keys> agree_am1_responder(const exchange_key_pair& own, const identity_card& own_card,
                                                      const identity_card& initiator,
                                                      const exchange_public_key& ephemeral,
                                                      const exchange_public_key& ratchet,
                                                      const prekey_pair& signed_key, const prekey_pair* one_time);

// --- X3DH of the deployed suites ----------------------------------------------------------------------------

/// A suite whose root key comes from X3DH: `v02`, `wire10`, `wire10_legacy`.
template <class S>
concept X3dhSuite =
    RatchetSuite<S> && requires { requires std::same_as<std::remove_cv_t<decltype(S::x3dh)>, x3dh_rule>; };

/// @param peer_signed  a prekey whose signature was checked
/// @param one_time     null if the bundle has none
/// @spec   AM-KEX-041, AM-KEX-042, AM-KEX-043, AM-KEX-044
/// @errors zero_shared_secret; no key has been derived then
template <X3dhSuite S>
[[nodiscard]] result<root_key> x3dh_initiator(const exchange_key_pair& own, const exchange_key_pair& ephemeral,
                                              const exchange_public_key& peer_identity,
                                              const exchange_public_key& peer_signed,
                                              const exchange_public_key* one_time);

/// @param one_time  null if the first message names none; still to be spent
/// @spec   AM-KEX-041, AM-KEX-042, AM-KEX-043, AM-KEX-044
/// @errors zero_shared_secret; no key has been derived then
template <X3dhSuite S>
[[nodiscard]] result<root_key> x3dh_responder(const exchange_key_pair& own, const exchange_key_pair& signed_key,
                                              const exchange_key_pair* one_time,
                                              const exchange_public_key& peer_identity,
                                              const exchange_public_key& peer_ephemeral);

// --- what follows the Diffie-Hellman steps; apart, so that vectors can start here ------------------------------

/// Three or four results, concatenated, in the order DH1 to DH4.
/// @secret wiped when destroyed
class agreement_results {
public:
    /// @errors zero_shared_secret; that of the first unusable one
    [[nodiscard]] result<void> add(const exchange_key_pair& own, const exchange_public_key& peer);
    /// @param result  for known answers
    void add(const crypto::shared_secret& result) noexcept;

    /// After 32 bytes FF, or bare.
    [[nodiscard]] byte_view prefixed() const noexcept { return byte_view{bytes_.reveal()}.first(32 + 32 * count_); }
    [[nodiscard]] byte_view bare() const noexcept { return prefixed().subspan(32); }

    agreement_results() noexcept { std::fill_n(bytes_.reveal_storage().begin(), 32, std::uint8_t{0xff}); }

private:
    crypto::secret<32 * 5, struct agreement_results_tag> bytes_;
    std::size_t count_ = 0;
};

[[nodiscard]] agreed_keys derive_am1(const agreement_context& context, const agreement_results& results);

template <X3dhSuite S>
[[nodiscard]] root_key derive_x3dh(const agreement_results& results);

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/x3dh.ipp>
