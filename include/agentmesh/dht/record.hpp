// What the DHT holds of an agent: signed by the agent itself, so that whoever hands it out cannot change it.
//
//     auto own = dht::discovery_record::make(alice, epoch, sequence, now, "wss://relay.example", prekey);
//     AGENTMESH_TRY(bob, dht::read_record(bytes, dht::point_of(bob_name), now));   // all signatures checked
#pragma once

#include <agentmesh/dht/point.hpp>
#include <agentmesh/e2ee/prekey.hpp>

namespace agentmesh::dht {

/// What a signing key signs for the DHT, beside the contexts of e2ee/domain.hpp.
enum class signing_context : std::uint8_t {
    record,  ///< a discovery record, by the agent's signing key
    reply,   ///< an answer, by the node's key
    count_,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(signing_context::count_)> signing_context_names =
    {"dht-record", "dht-reply"};

[[nodiscard]] constexpr bool contexts_are_apart() noexcept {
    std::array<std::string_view, e2ee::signing_context_names.size() + signing_context_names.size()> all{};
    std::size_t count = 0;
    for (const auto name : e2ee::signing_context_names) all[count++] = name;
    for (const auto name : signing_context_names) all[count++] = name;
    return e2ee::contexts_are_apart(all);
}
static_assert(contexts_are_apart());

/// The prefix of suite `am1`, the name of the context, a zero byte, the content.
/// @spec AM-DHT-002, AM-DHT-010
[[nodiscard]] buffer signed_bytes(signing_context context, byte_view content);

/// 01 ‖ identity card ‖ u64 sequence ‖ u64 issued ‖ u32 lifetime ‖ u8 size ‖ relay ‖ 00, or 01 ‖ u32 id ‖ key ‖
/// u64 not_before ‖ u64 not_after ‖ signature of a signed prekey ‖ signature over all before it, in context `record`.
/// Times are Unix seconds.
/// @spec AM-DHT-002
struct discovery_record {
    e2ee::identity_card card;
    std::uint64_t sequence = 0;  ///< of two records of one agent the higher one counts
    std::int64_t issued = 0;
    std::uint32_t lifetime = 0;  ///< seconds, 1 to 86,400
    std::string relay{};         ///< URL of at most 255 visible ASCII characters; empty if it does not say
    std::optional<e2ee::signed_prekey> prekey{};  ///< to knock with; there are no one-time keys in the DHT
    signature proof;

    /// @param lifetime  at most a day
    /// @errors bad_record for a relay or a lifetime that cannot be written
    [[nodiscard]] static result<discovery_record> make(const local_identity& self, std::uint32_t epoch,
                                                       std::uint64_t sequence, time_point issued,
                                                       std::string_view relay,
                                                       const std::optional<e2ee::signed_prekey>& prekey = {},
                                                       duration lifetime = limits::dht_record_lifetime);

    [[nodiscard]] const amid& name() const noexcept { return card.name; }
    [[nodiscard]] point place() const noexcept { return point_of(card.name); }
    [[nodiscard]] time_point expires() const noexcept { return time_point{std::chrono::seconds{issued + lifetime}}; }
    [[nodiscard]] buffer bytes() const;

    friend bool operator==(const discovery_record&, const discovery_record&) = default;
};

/// Takes a record apart; says nothing about whether it holds.
/// @spec   AM-DHT-003, AM-DHT-004
/// @errors bad_record; too_large beyond 1,000 bytes
[[nodiscard]] result<discovery_record> decode_record(byte_view bytes);

/// Whether a record is current, fits its agent and is signed in every part. The cheap questions come first.
/// @spec   AM-DHT-005, AM-DHT-006, AM-DHT-007
/// @errors amid_mismatch, stale_record, bad_signature; stale_prekey
[[nodiscard]] result<void> check_record(const discovery_record& record, time_point now);

/// Reads what was found, or is to be held, under `place`.
/// @spec   AM-DHT-005
/// @errors as decode_record and check_record; amid_mismatch for the record of another agent
[[nodiscard]] result<discovery_record> read_record(byte_view bytes, const point& place, time_point now);

/// Whether `a` is to be believed rather than `b`, of the same agent. A strict order of all that differ, so that two
/// who have seen both agree.
[[nodiscard]] inline bool supersedes(const discovery_record& a, const discovery_record& b) {
    return a.sequence != b.sequence ? a.sequence > b.sequence : a.proof > b.proof;
}

}  // namespace agentmesh::dht

#include <agentmesh/dht/record.ipp>
