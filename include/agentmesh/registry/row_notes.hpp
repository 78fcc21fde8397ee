// What the row of an agent keeps beside its columns, in `agent_row::mesh`.
#pragma once

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/time.hpp>
#include <agentmesh/registry/model.hpp>

#include <map>

namespace agentmesh::registry {

/// Read from a row, and written back to it.
struct row_notes {
    std::map<std::string, std::string> metadata{};  ///< of profile wire10
    std::string succession{};                       ///< the statement by which another took over from this agent
    std::string inheritance{};                      ///< the one by which it took over itself
    std::optional<time_point> reported{};           ///< when a relay, or a heartbeat, said last that it is there
    std::optional<time_point> beat{};               ///< of profile wire10: the last heartbeat

    /// @errors registry_failed for what this registry did not write
    [[nodiscard]] static result<row_notes> of(const agent_row& row) {
        row_notes out;
        if (row.mesh.empty()) return out;
        json::reader in{row.mesh};
        in.begin_object();
        while (const auto name = in.next_member()) {
            if (*name == "succession")
                out.succession = in.string().text();
            else if (*name == "inheritance")
                out.inheritance = in.string().text();
            else if (*name == "reported") {
                if (const auto at = parse_time(in.string().text())) out.reported = *at;
            } else if (*name == "beat") {
                if (const auto at = parse_time(in.string().text())) out.beat = *at;
            } else if (*name == "metadata") {
                in.begin_object();
                while (const auto key = in.next_member()) {
                    std::string of_key{*key};
                    out.metadata.emplace(std::move(of_key), in.string().text());
                }
            }
        }
        if (!in.finish()) return fail(errc::registry_failed);
        return out;
    }

    void put(agent_row& to) const {
        to.mesh.clear();
        if (metadata.empty() && succession.empty() && inheritance.empty() && !reported && !beat) return;
        json::writer out{to.mesh};
        out.begin_object();
        if (!metadata.empty()) {
            out.name("metadata").begin_object();
            for (const auto& [name, value] : metadata) out.member(name, value);
            out.end_object();
        }
        if (!succession.empty()) out.member("succession", succession);
        if (!inheritance.empty()) out.member("inheritance", inheritance);
        if (reported) out.member("reported", format_time(*reported));
        if (beat) out.member("beat", format_time(*beat));
        out.end_object();
    }
};

/// For how long a relay's word holds that an agent is there.
inline constexpr std::chrono::seconds presence_lifetime{90};  ///< AM-REG-072

/// @spec AM-REG-072
[[nodiscard]] inline bool is_stale(const row_notes& notes, time_point now) noexcept {
    return notes.reported && now - *notes.reported > presence_lifetime;
}
/// What a row says of itself, unless that was a relay's word and is too old.
[[nodiscard]] inline availability status_at(const agent_row& row, const row_notes& notes, time_point now) noexcept {
    return is_stale(notes, now) ? availability::offline : row.status;
}

}  // namespace agentmesh::registry
