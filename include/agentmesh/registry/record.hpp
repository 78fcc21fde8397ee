// What a registry knows of an agent: who it is, where it is reached, what it may be trusted with, and how to write to
// it while it is away.
#pragma once

#include <agentmesh/e2ee/prekey.hpp>
#include <agentmesh/identity/tier.hpp>

#include <optional>

namespace agentmesh::registry {

/// An agent as a registry gives it out. The card is proved: its AMID belongs to its key and its signature holds,
/// whoever handed the record out. Tier and reputation are the word of the registry, never of the agent.
struct agent_record {
    e2ee::identity_card card;
    std::string display_name{};
    std::string relay{};                  ///< URL at which the agent is reached; empty if it does not say
    std::optional<tier> trust{};          ///< nothing: not known, which a policy denies
    std::uint32_t reputation_ppm = 0;     ///< parts per million
    std::string bundle{};                 ///< JSON, without a one-time prekey; `fetch_bundle` checks and completes it
    std::size_t one_time_left = 0;        ///< one-time prekeys that can still be handed out

    [[nodiscard]] const amid& name() const noexcept { return card.name; }
    [[nodiscard]] const signing_public_key& signing_key() const noexcept { return card.signing; }
};

/// What an agent says of itself when it publishes. A registry keeps tier and reputation apart from this.
struct publication {
    e2ee::prekey_bundle bundle;                       ///< its own one-time prekey, if there is one, is not looked at
    std::span<const e2ee::one_time_prekey> one_time;  ///< every unspent one; those handed out before are not again
    std::string_view display_name{};                  ///< empty: as before
    std::string_view relay{};                         ///< likewise
};

/// Where a text stopped being a directory: `agents.json:12: agents[3].tier`.
struct directory_fault {
    std::string file{};
    std::size_t line = 0;    ///< 0: the file as a whole
    std::string member{};

    [[nodiscard]] std::string text() const {
        std::string out = file;
        if (line > 0) out += ':' + std::to_string(line);
        if (!member.empty()) out += ": " + member;
        return out;
    }
};

// --- records as they are kept --------------------------------------------------------------------------------

/// A record in storage: what is not looked at stays the text that it came as.
struct stored_record {
    struct key {
        std::uint32_t id = 0;
        std::string json{};
    };

    amid who;
    std::string display_name{};
    std::string relay{};
    std::optional<tier> trust{};
    std::uint32_t reputation_ppm = 0;
    std::string bundle{};                  ///< JSON without `one_time_prekey`
    std::uint32_t next_one_time_id = 0;    ///< one-time prekeys below this one were published before
    std::vector<key> one_time{};
    std::vector<std::pair<std::string, std::string>> others{};  ///< members of a later revision, name and JSON
};

/// The record of a reader that stands before its object.
///
///     {"amid": "...", "display_name": "...", "relay": "wss://...", "tier": "verified", "reputation_ppm": 820000,
///      "bundle": {...}, "one_time_prekeys": [{...}, ...], "next_one_time_id": 101}
///
/// `amid` and `bundle` are mandatory. Members that it does not know are kept. Whether signatures hold is for
/// `to_record` and `take_bundle` to say.
/// @param  at  the start of the last member that was looked at, for whoever reports a fault
/// @errors through the reader: wrong_member, missing_member, bad_amid, unknown_tier, json_number_range
[[nodiscard]] std::optional<stored_record> read_record(json::reader& in, const char*& at, std::string& member);

void append_record(std::string& out, const stored_record& from);

/// @errors those of parse_bundle; bad_bundle if the card is of another agent
[[nodiscard]] result<agent_record> to_record(const stored_record& from);

/// The bundle of an agent, with a one-time prekey as long as there is one. The key is taken off `from`, and so are
/// keys before it whose proof does not hold.
/// @spec   AM-KEX-020, AM-KEX-021
/// @errors those of parse_bundle and check_bundle
[[nodiscard]] result<e2ee::prekey_bundle> take_bundle(stored_record& from, time_point now);

/// Brings a record up to what its agent publishes. A one-time prekey that is not among the unspent ones goes, a new
/// one comes, and one that was handed out does not come back, unless the agent has begun to number anew.
/// @errors bad_bundle if the bundle is of another agent, epoch_rollback if its card is older than the one known
[[nodiscard]] result<void> apply(stored_record& to, const publication& from);

}  // namespace agentmesh::registry

#include <agentmesh/registry/record.ipp>
