// Prekey bundles of the deployed suites, as their registries hand them out.
//
// Less is proven here than in `am1`: only the 32 bytes of the signed prekey are signed, without id, time or name, and
// the one-time prekey not at all. In 0.2 nothing ties the exchange key to the agent either. So a bundle that holds
// still says whether its keys are bound, and whoever uses unbound ones pins them and asks the owner's policy.
#pragma once

#include <agentmesh/e2ee/prekey.hpp>
#include <agentmesh/identity/mesh_did.hpp>

namespace agentmesh::e2ee {

inline constexpr std::size_t deployed_bundle_max_text = 64 * 1024;  ///< ours: the SDKs send lists of a hundred keys

struct deployed_one_time {
    std::uint32_t id = 0;
    exchange_public_key key;

    friend bool operator==(const deployed_one_time&, const deployed_one_time&) = default;
};

struct deployed_bundle {
    exchange_public_key identity;
    std::optional<signing_public_key> signing{};  ///< wire10 says it; 0.2 has it in the agent's record
    std::uint32_t signed_id = 0;
    exchange_public_key signed_key;
    signature proof;                              ///< over the 32 bytes of `signed_key`
    std::optional<deployed_one_time> one_time{};

    friend bool operator==(const deployed_bundle&, const deployed_bundle&) = default;
};

enum class key_binding : std::uint8_t {
    unbound,  ///< whoever handed out the bundle may have chosen the exchange key
    bound,    ///< the exchange key follows from the agent's name
};

/// Reads a reply of a 0.2 registry. Keys may carry their prefix; the one-time prekey may also be the first of a list,
/// as the JavaScript SDK writes it; null stands for none. Says nothing about whether the bundle holds.
/// @errors the JSON reader's; missing_member, wrong_member, bad_key_prefix, bad_base64, bad_length
[[nodiscard]] result<deployed_bundle> parse_v02_bundle(std::string_view text);
/// Likewise of a Wire 1.0 registry, with base64 of either alphabet.
/// @errors as parse_v02_bundle
[[nodiscard]] result<deployed_bundle> parse_wire10_bundle(std::string_view text);

/// @param owner  the signing key that belongs to the AMID that was asked for
/// @return always `unbound`
/// @spec   AM-KEX-045
/// @errors bad_bundle
[[nodiscard]] result<key_binding> check_v02_bundle(const deployed_bundle& bundle, const signing_public_key& owner);

/// A bundle whose exchange key does not follow from its signing key is refused.
/// @param expected  the name that was asked for; one that does not follow from the signing key leaves it unbound
/// @spec   AM-KEX-045
/// @errors bad_bundle, also if no signing key is given; weak_key
[[nodiscard]] result<key_binding> check_wire10_bundle(const deployed_bundle& bundle, std::string_view expected);

/// What a registry of each kind replies.
[[nodiscard]] std::string write_v02_bundle(const deployed_bundle& bundle);
[[nodiscard]] std::string write_wire10_bundle(const deployed_bundle& bundle);

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/deployed_bundle.ipp>
