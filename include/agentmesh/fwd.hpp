// Names of the public vocabulary, for headers that only mention it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace agentmesh {

using byte_view = std::span<const std::uint8_t>;

struct endpoint;
struct error;
enum class errc : std::uint16_t;
enum class condition;
struct moment;
struct steady_base;
class manual_clock;
class utf8_validator;
enum class base64_form : std::uint8_t;
enum class utc_suffix : std::uint8_t;
enum class tier : std::uint8_t;
class amid;
class local_identity;

template <std::size_t N, class Tag>
class fixed_bytes;

namespace json {
class reader;
class writer;
struct bounds;
struct string_token;
struct number_token;
enum class kind : std::uint8_t;
}  // namespace json

namespace crypto {
template <std::size_t N, class Tag>
class secret;
template <class T>
struct wiping_allocator;
class system_random;
class scripted_random;
class sha256_stream;
class hmac_sha256_stream;
class x25519_key_pair;
class ed25519_key_pair;
struct chacha20poly1305_ietf;
struct xsalsa20poly1305;
}  // namespace crypto

namespace identity {
struct did_document;
struct did_service;
enum class key_prefix : std::uint8_t;
enum class tier_dialect : std::uint8_t;
}  // namespace identity

namespace e2ee {
struct identity_card;
struct prekey_bundle;
class prekey_store;
enum class suite_id : std::uint8_t;
}  // namespace e2ee

namespace message {
struct envelope;
enum class body_type : std::uint8_t;
enum class code : std::uint8_t;
}  // namespace message

namespace session {
struct intent;
struct policy;
struct session_info;
struct session_request;
class policy_source;
enum class phase : std::uint8_t;
}  // namespace session

namespace registry {
struct agent_record;
class file_directory;
class memory_registry;
}  // namespace registry

namespace dht {
class node;
struct discovery_record;
}  // namespace dht

class memory_state;
struct agent_handlers;
struct agent_options;
struct incoming;

}  // namespace agentmesh
