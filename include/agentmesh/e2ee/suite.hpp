// What the ratchet's suites have in common, and the table in which they differ.
//
// A suite is a struct of constants; suite_am1.hpp, suite_v02.hpp and suite_wire10.hpp read side by side. Which one a
// session uses is decided once, when the session opens; the ratchet below has no `if` over suites but these members.
#pragma once

#include <agentmesh/core/limits.hpp>
#include <agentmesh/crypto/aead.hpp>
#include <agentmesh/identity/keys.hpp>

#include <type_traits>

namespace agentmesh::e2ee {

/// The number is part of saved state and of the frames of suite `am1`: never renumbered.
enum class suite_id : std::uint8_t {
    am1 = 1,            ///< this library's own
    v02 = 2,            ///< as the 0.2 JavaScript SDK speaks
    wire10 = 3,         ///< Wire 1.0, current key agreement
    wire10_legacy = 4,  ///< Wire 1.0, key agreement of the older packages
};

inline constexpr std::array<std::string_view, 4> suite_names = {"am1", "v02", "wire10", "wire10-legacy"};

[[nodiscard]] constexpr std::string_view to_text(suite_id id) noexcept {
    return suite_names[static_cast<std::size_t>(id) - 1];
}

/// @errors suite_unsupported for every other text
[[nodiscard]] inline result<suite_id> parse_suite(std::string_view text) noexcept {
    for (std::size_t i = 0; i < suite_names.size(); ++i)
        if (suite_names[i] == text) return static_cast<suite_id>(i + 1);
    return fail(errc::suite_unsupported);
}

// Three keys of one size and three uses. Being types of their own, none stands where another is wanted.
using root_key = crypto::secret<32, struct root_key_tag>;
using chain_key = crypto::secret<32, struct chain_key_tag>;
using message_key = crypto::secret<32, struct message_key_tag>;

/// What travels in clear with every message: the sender's ratchet key, how many messages its previous chain had, and
/// the number of this message in its chain.
struct ratchet_header {
    exchange_public_key dh;
    std::uint32_t pn = 0;
    std::uint32_t n = 0;

    friend bool operator==(const ratchet_header&, const ratchet_header&) = default;
};

/// When the first root steps are made.
enum class start_up : std::uint8_t {
    at_once,  ///< the initiator steps when it starts, the responder when it receives
    on_use,   ///< both know a key of the peer from the start; the first send and the first receive step
};

/// Where the nonce of a message comes from.
enum class nonce_rule : std::uint8_t {
    derived,  ///< from the message key, together with the AEAD's key; nothing travels
    random,   ///< drawn, and sent before the ciphertext; the message key is the AEAD's key
};

/// The parameters of X3DH where a suite uses it: HKDF-SHA-256 with a salt of 32 equal bytes.
struct x3dh_rule {
    std::string_view info;
    std::uint8_t salt_byte;
    bool prefixed;  ///< whether 32 bytes 0xFF stand before the shared secrets
};

/// One row of the table of suites.
///
/// A suite says that it authenticates the header exactly if its AEAD takes associated data: a claim that the AEAD
/// cannot keep does not compile. Counters below `chain_length` are valid, so that none can wrap.
/// Models: `am1`, `v02`, `wire10`, `wire10_legacy`.
template <class S>
concept RatchetSuite = requires {
    typename S::aead;
    requires std::same_as<std::remove_cv_t<decltype(S::id)>, suite_id>;
    requires std::same_as<std::remove_cv_t<decltype(S::start)>, start_up>;
    requires std::same_as<std::remove_cv_t<decltype(S::nonce)>, nonce_rule>;
    requires std::convertible_to<decltype(S::root_info), std::string_view>;
    requires std::convertible_to<decltype(S::message_info), std::string_view>;
    requires S::max_skip > 0 && 2 * S::max_skip <= limits::skipped_keys_stored;  // one message may skip twice
    requires S::chain_length > 0 && S::turns > 0;
    requires S::binds_header == S::aead::takes_ad;
};

/// Bytes that sealing adds to a message: the tag, and the nonce where it travels.
template <RatchetSuite S>
inline constexpr std::size_t overhead =
    S::aead::tag_size + (S::nonce == nonce_rule::random ? S::aead::nonce::size : 0);

}  // namespace agentmesh::e2ee
