// A bundle of suite `am1` on its way to a registry, and what the registry keeps of it until somebody asks.
//
//     body.name("bundle").verbatim(registry::write_upload({card, signed_key, one_time}));   // the agent
//     AGENTMESH_TRY(upload, registry::parse_upload(text));                                  // the registry
//     AGENTMESH_CHECK(registry::check_upload(upload, who, now));
#pragma once

#include <agentmesh/e2ee/prekey.hpp>

namespace agentmesh::registry {

inline constexpr std::size_t upload_max_batches = 8;          ///< AM-REG-050
inline constexpr std::uint32_t one_time_id_step = 1'048'576;  ///< AM-REG-053
inline constexpr std::size_t upload_max_text = 256 * 1024;    ///< ours: a body holds no more

/// What is published of an agent's prekeys: e2ee::prekey_publication has the same parts.
struct bundle_upload {
    e2ee::identity_card card;
    e2ee::signed_prekey signed_key;
    std::vector<e2ee::one_time_prekey> one_time{};

    friend bool operator==(const bundle_upload&, const bundle_upload&) = default;
};

[[nodiscard]] std::string write_upload(const bundle_upload& of);

/// Reads that text. Says nothing about whether the bundle holds.
/// @errors the JSON reader's; missing_member, wrong_member, bad_base64, bad_length; too_large over 1,024 prekeys
[[nodiscard]] result<bundle_upload> parse_upload(std::string_view text);

/// Whether a client that asks for `owner` would take all of it. Every path is followed; a signature over a root is
/// verified once, so that an upload costs at most ten verifications.
/// @spec   AM-REG-050, AM-REG-023
/// @errors bad_bundle; stale_prekey; too_large over 8 batches; wrong_member for an id that is there twice
[[nodiscard]] result<void> check_upload(const bundle_upload& of, const amid& owner, time_point now);

/// What waits in a registry: the value of `one_time_prekey` in a bundle.
[[nodiscard]] std::string one_time_text(const e2ee::one_time_prekey& of);

/// Bundle without one-time prekeys, and with one that `one_time_text` wrote.
[[nodiscard]] std::string bundle_text(std::string_view card, std::string_view signed_key, std::string_view one_time);

}  // namespace agentmesh::registry

#include <agentmesh/registry/prekey_upload.ipp>
