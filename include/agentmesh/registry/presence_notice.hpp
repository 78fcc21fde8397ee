// What a relay tells a registry of the agents that are connected to it: entries of a notice, written by the one and
// read by the other.
//
//     POST /v1/relay/presence   {"relay":"<AMID>","entries":[{"amid":"...","status":"online","last_seen":"..."}]}
//
// with a proof (registry/request_proof.hpp) by the key that the operator of the registry has named.
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/registry/model.hpp>

namespace agentmesh::registry {

inline constexpr std::size_t presence_batch = 1000;  ///< entries of one notice, AM-REG-071

struct presence_entry {
    amid who;
    availability status = availability::offline;
    time_point last_seen{};

    friend bool operator==(const presence_entry&, const presence_entry&) = default;
};

/// The body of a notice.
/// @param entries  at most presence_batch
[[nodiscard]] inline std::string write_presence(const amid& relay, std::span<const presence_entry> entries) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("relay", relay.text()).name("entries").begin_array();
    for (const auto& one : entries) {
        to.begin_object().member("amid", one.who.text()).member("status", to_text(one.status));
        to.member("last_seen", format_time(one.last_seen)).end_object();
    }
    to.end_array().end_object();
    return out;
}

/// Reads member `entries`.
/// @spec   AM-REG-071
/// @errors the JSON reader's; missing_member, wrong_member, bad_amid, bad_time; too_large
[[nodiscard]] inline result<std::vector<presence_entry>> parse_presence(std::string_view array) {
    std::vector<presence_entry> out;
    json::reader in{array, {.bytes = 256 * 1024}};
    in.begin_array("AM-REG-071");
    while (in.next_element()) {
        std::string who, status, seen;
        in.begin_object("AM-REG-071");
        while (const auto name = in.next_member()) {
            if (*name == "amid")
                who = in.string("AM-REG-071").text();
            else if (*name == "status")
                status = in.string("AM-REG-071").text();
            else if (*name == "last_seen")
                seen = in.string("AM-REG-071").text();
        }
        if (!in.ok()) break;
        if (out.size() == presence_batch) return fail(errc::too_large, "AM-REG-071");
        AGENTMESH_TRY(name, amid::parse(who));
        AGENTMESH_TRY(word, parse_availability(status));
        AGENTMESH_TRY(at, parse_time(seen));
        out.push_back({name, word, at});
    }
    AGENTMESH_CHECK(in.finish());
    return out;
}

}  // namespace agentmesh::registry
