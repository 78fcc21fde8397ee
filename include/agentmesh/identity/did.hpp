// `did:agentmesh:<AMID>` and its document.
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/identity/agent_id.hpp>

#include <optional>

namespace agentmesh::identity {

/// "did:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ"
[[nodiscard]] std::string to_did(const amid& name);
/// @errors bad_did unless it is the method name and a valid AMID, without fragment, path or query
[[nodiscard]] result<amid> parse_did(std::string_view text);

/// `z`, then base58 of the multicodec prefix (`ed01`, `ec01`) and the raw key: `z6Mk…`, `z6LS…`.
/// @spec AM-ID-020
[[nodiscard]] std::string to_multibase(const signing_public_key& key);
[[nodiscard]] std::string to_multibase(const exchange_public_key& key);

/// @spec   AM-ID-021
/// @errors bad_did for another base, another codec, another length
[[nodiscard]] result<signing_public_key> parse_signing_multibase(std::string_view text);
[[nodiscard]] result<exchange_public_key> parse_exchange_multibase(std::string_view text);

/// An endpoint that the document names, such as {"relay", "AgentMeshRelay", "wss://relay.example/v1/connect"}.
struct did_service {
    std::string fragment;
    std::string type;
    std::string endpoint;

    friend bool operator==(const did_service&, const did_service&) = default;
};

struct did_document {
    amid subject;
    signing_public_key signing_key;
    exchange_public_key exchange_key;
    std::vector<did_service> services;
    std::optional<time_point> created;
    std::optional<time_point> updated;

    friend bool operator==(const did_document&, const did_document&) = default;
};

/// Compact JSON in the shape that registries serve: both keys in `verificationMethod`, as
/// `Ed25519VerificationKey2020` with fragment `#signing-key` and `X25519KeyAgreementKey2020` with
/// `#key-agreement-key`; `authentication` and `keyAgreement` refer to them.
/// @param document  its subject belongs to its signing key
[[nodiscard]] std::string write_did_document(const did_document& document);

/// Reads a document in that shape. Members and services that it does not know are passed over; a service whose
/// endpoint is not a string is one of them. References may be absolute or begin with `#`. A document is not signed:
/// of its content only the signing key is proved, by the AMID.
/// @errors the JSON reader's; bad_did for a missing, doubled, foreign or misspelt part; amid_mismatch if the
///         subject does not belong to the signing key; bad_time
[[nodiscard]] result<did_document> parse_did_document(std::string_view text);

}  // namespace agentmesh::identity

#include <agentmesh/identity/did.ipp>
