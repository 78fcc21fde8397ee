// What a registry keeps, as values. Stores keep them (registry/store.hpp), the service decides about them
// (registry/service.hpp).
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/registry/reputation.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentmesh::registry {

/// Whether an agent can be reached, as it or its relay says.
enum class availability : std::uint8_t { offline, online, away, dnd };

[[nodiscard]] constexpr std::string_view to_text(availability of) noexcept {
    constexpr std::string_view words[] = {"offline", "online", "away", "dnd"};
    return words[static_cast<std::size_t>(of)];
}
/// @errors wrong_member
[[nodiscard]] constexpr result<availability> parse_availability(std::string_view text) noexcept {
    for (const auto one : {availability::offline, availability::online, availability::away, availability::dnd})
        if (text == to_text(one)) return one;
    return fail(errc::wrong_member);
}

/// An agent as it registered, and what the registry found out about it since.
struct agent_row {
    amid who;
    signing_public_key signing;
    exchange_public_key exchange;
    std::string display_name{};
    std::vector<std::string> capabilities{};  ///< sorted, each once
    std::string relay{};
    std::string direct{};
    std::string card{};         ///< b64u of an identity card; empty from an agent that sends none
    std::string certificate{};  ///< PEM, leaf first; empty
    tier trust = tier::anonymous;
    std::string organization{};  ///< id of the organization that vouches
    availability status = availability::offline;
    time_point registered_at{};
    time_point last_seen{};
    ppm score = 500'000;
    std::uint32_t ratings = 0;
    bool revoked = false;
    bool proves = false;                ///< has sent a proof of this protocol once, and may not do with less
    std::optional<amid> successor{};    ///< who took over from this agent, which is revoked since
    std::optional<amid> predecessor{};  ///< whose standing this agent took over
    std::string owner{};                ///< who logged in for it, `issuer|subject` of OpenID; empty: nobody
    std::string mesh{};                 ///< JSON of what only profile wire10 keeps; empty: nothing

    friend bool operator==(const agent_row&, const agent_row&) = default;
};

/// What is searched for. An agent is found if all that is set fits; revoked ones never are.
struct agent_query {
    std::string capability{};  ///< `travel` also finds `travel/flights`; `*` stands for any characters; empty: any
    tier at_least = tier::anonymous;
    ppm score_at_least = 0;
    std::uint32_t ratings_at_least = 0;
    std::optional<availability> status{};
    std::uint32_t limit = 20;  ///< at most 100
    std::uint32_t offset = 0;
};

/// How far a search goes: pages show the best of this many agents, and `total` counts no further. A pattern is held
/// against so many names of capabilities, in their order. So no query costs more because more are registered.
/// @spec AM-REG-090
inline constexpr std::uint32_t search_depth = 1'000, search_names = 20'000;

/// A page: in order of score, then of last_seen, both falling, then of AMID; how many there are in all.
template <class T>
struct page {
    std::vector<T> rows{};
    std::uint64_t total = 0;
};

struct one_time_row {
    std::uint32_t id = 0;
    std::string json{};  ///< the key as it came: deployed `{"id","key"}`, or one with its batch proof

    friend bool operator==(const one_time_row&, const one_time_row&) = default;
};

/// The prekeys of an agent without the one-time ones.
struct prekey_row {
    std::uint32_t signed_id = 0;
    std::string json{};               ///< the bundle as it came, without one-time prekeys
    std::uint32_t next_one_time = 0;  ///< ids below were uploaded before, and are never taken again
    time_point uploaded_at{};

    friend bool operator==(const prekey_row&, const prekey_row&) = default;
};

struct revocation_row {
    std::string id{};
    amid who;
    std::string reason{};
    amid by;
    time_point at{};
    std::string notes{};

    friend bool operator==(const revocation_row&, const revocation_row&) = default;
};

/// One rating. An author has one for each session; of several about the same agent the latest counts.
struct rating_row {
    amid from;
    amid about;
    std::string session{};
    ppm score = 0;
    std::vector<std::string> tags{};
    time_point at{};

    friend bool operator==(const rating_row&, const rating_row&) = default;
};

/// How a session ended, in the word of one party. It counts once both say the same.
enum class session_outcome : std::uint8_t { success, failed, timeout, rejected, cancelled };

struct session_report {
    std::string session{};
    amid initiator;
    amid receiver;
    amid reporter;
    std::string intent{};
    session_outcome outcome = session_outcome::success;
    time_point at{};

    friend bool operator==(const session_report&, const session_report&) = default;
};

struct organization_row {
    std::string id{};
    std::string name{};
    std::string domain{};
    amid admin;
    signing_public_key admin_key;
    std::string challenge{};  ///< the text that the TXT record must hold
    time_point challenge_until{};
    bool verified = false;
    time_point created_at{};

    friend bool operator==(const organization_row&, const organization_row&) = default;
};

struct registry_stats {
    std::uint64_t agents = 0;
    std::uint64_t by_tier[3] = {};
    std::uint64_t by_status[4] = {};
    std::uint64_t score_sum = 0;

    friend bool operator==(const registry_stats&, const registry_stats&) = default;
};

}  // namespace agentmesh::registry
