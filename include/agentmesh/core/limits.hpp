// Every numeric bound of the specification that the library enforces, in one place, each with its source.
// Sizes are bytes, times are `duration`s.
#pragma once

#include <agentmesh/core/clock.hpp>

#include <cstddef>

namespace agentmesh::limits {

// --- JSON -----------------------------------------------------------------------------------------
inline constexpr std::size_t json_depth = 64;                    ///< AM-ENC-014 accepts 64, AM-ENC-015 refuses 65
inline constexpr std::size_t json_members = 1024;                ///< AM-ENC-019, members of one object
inline constexpr std::int64_t json_integer = std::int64_t{1} << 53;  ///< AM-ENC-016, largest magnitude

// --- identity -------------------------------------------------------------------------------------
inline constexpr std::size_t amid_bytes = 20;                    ///< AM-ID-001
inline constexpr std::size_t amid_min_text = 20;                 ///< AM-ID-002: twenty zero bytes, twenty `1`
inline constexpr std::size_t amid_max_text = 28;                 ///< AM-ID-002: 2^160 - 1 takes 28 characters
inline constexpr std::size_t identity_file_bytes = 16 * 1024;    ///< ours: a file written by us is below 1 KiB
inline constexpr std::size_t did_document_bytes = 64 * 1024;     ///< ours

// --- freshness of proofs (ruling 8, both edges accepted) --------------------------------------------
inline constexpr duration proof_max_age = std::chrono::seconds{300};                  ///< AM-AUT-007, AM-AUT-010
inline constexpr duration proof_max_lead = std::chrono::seconds{60};                  ///< AM-AUT-008, AM-AUT-009
inline constexpr duration wire10_max_lead = std::chrono::seconds{300};                ///< ruling 8: 300 s either way
inline constexpr duration connect_timeout = std::chrono::seconds{10};                 ///< AM-AUT-025

// --- relay: sizes (ruling 15) -----------------------------------------------------------------------
inline constexpr std::size_t payload_bytes = 65'536;             ///< `encrypted_payload`, characters as sent
inline constexpr std::size_t websocket_message_bytes = 256 * 1024;

// --- relay: frames an AMID may send in one fixed minute (ruling 15) ---------------------------------
inline constexpr duration rate_window = std::chrono::seconds{60};
inline constexpr unsigned sends_per_minute = 100;
inline constexpr unsigned knocks_per_minute = 30;                ///< `optimistic_message` counts as one
inline constexpr unsigned others_per_minute = 600;               ///< acks are free

// --- relay: mailbox (ruling 11) -----------------------------------------------------------------------
inline constexpr std::size_t mailbox_recipient_messages = 100;
inline constexpr std::size_t mailbox_pair_messages = 20;         ///< one sender to one recipient
inline constexpr std::size_t mailbox_sender_messages = 500;      ///< over all recipients
inline constexpr std::size_t mailbox_sender_bytes = 16 * 1024 * 1024;
inline constexpr duration mailbox_lifetime = std::chrono::hours{72};                ///< enforced at delivery too

// --- ratchet (ruling 19) --------------------------------------------------------------------------------
inline constexpr unsigned skip_v02 = 1000;
inline constexpr unsigned skip_wire10 = 100;
inline constexpr unsigned skip_am1 = 1000;
inline constexpr std::size_t skipped_keys_stored = 2000;         ///< in one session, oldest out

// --- peer to peer ---------------------------------------------------------------------------------------
inline constexpr std::size_t stun_bytes = 65'507;                ///< AM-P2P-001: what a datagram can hold
inline constexpr std::size_t stun_attributes = 64;               ///< AM-P2P-001
inline constexpr std::size_t ice_candidate_bytes = 512;           ///< AM-P2P-010: text of one
inline constexpr std::size_t ice_candidates = 32;                ///< of one side
inline constexpr std::size_t ice_checks = 100;                   ///< pairs of candidates

// --- DHT ------------------------------------------------------------------------------------------------
inline constexpr std::size_t dht_datagram_bytes = 1200;          ///< AM-DHT-009
inline constexpr std::size_t dht_record_bytes = 1000;            ///< AM-DHT-004
inline constexpr std::size_t dht_relay_bytes = 255;              ///< AM-DHT-003
inline constexpr duration dht_record_lifetime = std::chrono::hours{24};               ///< AM-DHT-007
inline constexpr duration dht_record_lead = std::chrono::seconds{60};                 ///< AM-DHT-007
inline constexpr std::size_t dht_bucket = 20;                    ///< k: contacts of a bucket, holders of a record
inline constexpr std::size_t dht_paths = 3;                      ///< alpha: queries of a lookup under way
inline constexpr std::size_t dht_amplification = 3;              ///< AM-DHT-012
inline constexpr duration dht_token_period = std::chrono::minutes{5};                 ///< AM-DHT-013

}  // namespace agentmesh::limits
