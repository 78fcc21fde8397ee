// ID tokens of OpenID Connect (RFC 7519, RFC 7515): who has logged in, in the word of a provider.
//
//     AGENTMESH_TRY(keys, registry::parse_key_set(jwks));
//     AGENTMESH_TRY(token, registry::id_token::parse(text));
//     AGENTMESH_TRY(who, registry::check_id_token(token, keys, check, {.issuer = issuer, .audience = client, ...},
//     now));
//
// Three algorithms, each for keys of its own kind: what a token says of its algorithm chooses among them and nothing
// else. `none` and those with a shared secret do not exist here.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/core/clock.hpp>
#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/json.hpp>
#include <agentmesh/crypto/ed25519.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentmesh::registry {

enum class token_algorithm : std::uint8_t { rs256, es256, eddsa };

/// A public key of a provider.
struct provider_key {
    std::string id{};  ///< empty if it has none
    token_algorithm algorithm = token_algorithm::rs256;
    buffer first{};   ///< RSA: modulus; EC and OKP: x
    buffer second{};  ///< RSA: exponent; EC: y

    friend bool operator==(const provider_key&, const provider_key&) = default;
};

/// The keys of a set (RFC 7517) that can verify a signature here; others are passed over.
/// @errors the JSON reader's; bad_base64; too_large over 32 keys
[[nodiscard]] result<std::vector<provider_key>> parse_key_set(std::string_view json);

/// A token as it came, taken apart.
struct id_token {
    token_algorithm algorithm = token_algorithm::rs256;
    std::string key_id{};
    std::string signed_text{};
    buffer proof{};
    std::string claims{};

    /// @spec   AM-OAU-003
    /// @errors too_large over 16 KiB; bad_base64, the JSON reader's; not_allowed for another algorithm, or a header
    /// with
    ///         `crit`
    [[nodiscard]] static result<id_token> parse(std::string_view text);
};

/// What the registry that began a login expects of its token.
struct token_expectation {
    std::string issuer;
    std::string audience;  ///< the id of the client
    std::string nonce;
    bool verified_email = true;  ///< the provider must say that it has verified the address
};

/// Who it is, as far as the provider tells. Only issuer and subject name a person.
struct login_identity {
    std::string subject{};
    std::string email{};  ///< only one that the provider has verified
    std::string username{};
    std::string display_name{};
};

/// Verifies RS256 and ES256: crypto::openssl has the functions.
using token_signature_check = result<void> (*)(const provider_key& with, byte_view text, byte_view proof);

/// @param  check  for the algorithms other than EdDSA; nothing if there are none
/// @spec   AM-OAU-003, AM-OAU-004, AM-OAU-005, AM-OAU-006
/// @errors unknown_peer if no key fits, bad_signature, weak_key, not_allowed, the JSON reader's
[[nodiscard]] result<login_identity> check_id_token(const id_token& token, std::span<const provider_key> keys,
                                                    token_signature_check check, const token_expectation& expected,
                                                    time_point now);

}  // namespace agentmesh::registry

#include <agentmesh/registry/id_token.ipp>
