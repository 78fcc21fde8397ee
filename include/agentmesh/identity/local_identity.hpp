// An agent's own identity: both key pairs, its name, and the JSON in which they are kept.
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/version.hpp>

namespace agentmesh {

/// Move-only. Its name and public keys always follow from its private keys.
class local_identity {
public:
    /// A new identity with two independent key pairs.
    /// @errors those of the random source
    [[nodiscard]] static result<local_identity> create(RandomSource auto& random, time_point now) {
        AGENTMESH_TRY(signing, signing_key_pair::generate(random));
        AGENTMESH_TRY(exchange, exchange_key_pair::generate(random));
        return local_identity{std::move(signing), std::move(exchange), now};
    }

    local_identity(signing_key_pair signing, exchange_key_pair exchange, time_point created_at)
        : signing_{std::move(signing)},
          exchange_{std::move(exchange)},
          name_{amid::of(signing_.public_key())},
          created_at_{created_at} {}

    [[nodiscard]] const amid& name() const noexcept { return name_; }
    [[nodiscard]] const signing_key_pair& signing() const noexcept { return signing_; }
    [[nodiscard]] const exchange_key_pair& exchange() const noexcept { return exchange_; }
    [[nodiscard]] time_point created_at() const noexcept { return created_at_; }

private:
    signing_key_pair signing_;
    exchange_key_pair exchange_;
    amid name_;
    time_point created_at_;
};

namespace identity {

inline constexpr std::string_view framework_name = "agentmesh-cpp";

/// The identity file's content: one member a line, keys with their prefixes.
/// @secret the text holds the private keys; its memory is wiped when it is given back
[[nodiscard]] crypto::secret_buffer write_identity(const local_identity& self);

/// Reads what any of the known implementations writes. `amid` and the four keys are mandatory; public keys and
/// `amid` are recomputed and must agree; members that it does not know are passed over.
/// @spec   AM-ID-011
/// @errors the JSON reader's; bad_identity_file for a missing or malformed member, or a public key that does not
///         follow from its private key; amid_mismatch for a changed `amid`
[[nodiscard]] result<local_identity> parse_identity(std::string_view text);

}  // namespace identity
}  // namespace agentmesh

#include <agentmesh/identity/local_identity.ipp>
