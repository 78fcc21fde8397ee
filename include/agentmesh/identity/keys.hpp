// The keys of an agent, named by their use, and their text.
//
// An agent has two independent pairs: one signs, one agrees on secrets. Text is base64 of profile v02, bare or with
// the one prefix that names the kind.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/crypto/ed25519.hpp>

namespace agentmesh {

using signing_public_key = crypto::ed25519_public_key;
using signing_seed = crypto::ed25519_seed;
using signing_key_pair = crypto::ed25519_key_pair;
using signature = crypto::ed25519_signature;
using exchange_public_key = crypto::x25519_public_key;
using exchange_secret_key = crypto::x25519_secret_key;
using exchange_key_pair = crypto::x25519_key_pair;

namespace identity {

inline constexpr std::string_view signing_prefix = "ed25519:";
inline constexpr std::string_view exchange_prefix = "x25519:";

/// Whether a writer names the kind. We register with prefixes; CONNECT and every registry reply carry bare keys,
/// because deployed decoders throw on a prefix.
enum class key_prefix : std::uint8_t { bare, named };

[[nodiscard]] inline std::string to_text(const signing_public_key& key, key_prefix prefix = key_prefix::bare) {
    std::string out{prefix == key_prefix::named ? signing_prefix : ""};
    append_base64(out, key.bytes(), base64_form::standard_padded);
    return out;
}

[[nodiscard]] inline std::string to_text(const exchange_public_key& key, key_prefix prefix = key_prefix::bare) {
    std::string out{prefix == key_prefix::named ? exchange_prefix : ""};
    append_base64(out, key.bytes(), base64_form::standard_padded);
    return out;
}

/// Takes the one matching prefix off, if there is one.
/// @spec   AM-ID-004, AM-ID-005
/// @errors bad_key_prefix for the prefix of the other kind, a second prefix, and any other text before a colon
[[nodiscard]] inline result<std::string_view> without_prefix(std::string_view text, std::string_view prefix) noexcept {
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    if (text.find(':') != std::string_view::npos) return fail(errc::bad_key_prefix, "AM-ID-005");
    return text;
}

/// @errors bad_key_prefix, bad_base64, bad_length
[[nodiscard]] inline result<signing_public_key> parse_signing_key(std::string_view text,
                                                                  base64_form form = base64_form::standard_padded) {
    AGENTMESH_TRY(bare, without_prefix(text, signing_prefix));
    return from_base64_exact<signing_public_key>(bare, form);
}

/// @errors bad_key_prefix, bad_base64, bad_length
[[nodiscard]] inline result<exchange_public_key> parse_exchange_key(std::string_view text,
                                                                    base64_form form = base64_form::standard_padded) {
    AGENTMESH_TRY(bare, without_prefix(text, exchange_prefix));
    return from_base64_exact<exchange_public_key>(bare, form);
}

/// @errors bad_base64, bad_length; which bytes a signature may have is for crypto::verify to say
[[nodiscard]] inline result<signature> parse_signature(std::string_view text,
                                                       base64_form form = base64_form::standard_padded) {
    return from_base64_exact<signature>(text, form);
}

}  // namespace identity
}  // namespace agentmesh
