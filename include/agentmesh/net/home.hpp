// A folder in which an agent lives: its identity, its saved state, and the directory that it shares with others.
//
//     auto home = net::home::open("alice", "agents.json");
//     if (!home) { std::cerr << to_string(home.error()) << '\n'; return 1; }
//     agent alice{home->self, home->state, home->directory, session::allow_intents{{"travel"}}, {.relay = url}};
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/identity_file.hpp>
#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/registry/directory.hpp>
#include <agentmesh/store/file_state.hpp>

namespace agentmesh::net {

/// `identity.json` and `state/` of one folder, mode 0700, in use by this process alone as long as the object lives.
struct home {
    local_identity self;
    store::file_state state;
    registry::file_directory directory;

    static constexpr std::string_view identity_name = "/identity.json";
    static constexpr std::string_view state_name = "/state";

    /// Opens a home; identity and state are created on first use.
    /// @param  agents  the directory: see registry::file_directory
    /// @errors those of identity::open; state_access; state_in_use if another process has it open; bad_snapshot and
    ///         snapshot_rollback for a state that was damaged, or replaced by an older one
    [[nodiscard]] static result<home> open(const std::string& folder, std::string agents) {
        crypto::system_random random;
        AGENTMESH_TRY(self, identity::open(folder + std::string{identity_name}, random, system_clock{}.now().wall));
        AGENTMESH_TRY(state, store::open_state(folder + std::string{state_name}, self, random));
        return home{std::move(self), std::move(state), registry::file_directory{std::move(agents)}};
    }
};

}  // namespace agentmesh::net
