// What every command of agentmesh needs to know: where the agent lives, and whom it dials.
#pragma once

#include "apps/agentmesh/printable.hpp"

#include <agentmesh/core/json.hpp>
#include <agentmesh/core/result.hpp>

#include <optional>
#include <string>

/// What `agentmesh` returns to its shell.
namespace exit_code {
inline constexpr int done = 0;     ///< also --help and --version, and a listener that was told to stop
inline constexpr int refused = 1;  ///< the peer, the policy or the system said no
inline constexpr int late = 2;     ///< no answer or no delivery in time; what was to be sent is saved
inline constexpr int usage = 3;    ///< the command line, the environment or config.json is wrong
inline constexpr int damaged = 4;  ///< identity or saved state cannot be used
}  // namespace exit_code

/// From the command line, then the environment, then `config.json` in the home, then the defaults.
struct settings {
    std::string home{};
    std::string relay{};
    std::string directory{};
    std::string name{};
    std::string trusted_file{};
    std::string registry{};    ///< URL; empty: none is asked
    std::string dht{};         ///< nodes to ask first, with commas between them; empty: the table is not asked
    std::string lan{};         ///< numeric address of this host on the local network; empty: nobody is asked there
    std::string believe{};     ///< of what the registry says and nobody signed: proofs, reputation or everything
    std::string roots_file{};    ///< PEM; whoever these roots vouch for is more than anonymous
    std::string revoked_file{};  ///< fingerprints of withdrawn certificates, one a line
    bool json = false;
    bool audit = false;

    [[nodiscard]] std::string identity_file() const { return home + "/identity.json"; }
    [[nodiscard]] std::string policy_file() const { return home + "/policy.json"; }
    [[nodiscard]] std::string config_file() const { return home + "/config.json"; }

    /// Whether agents are looked for elsewhere than in the directory.
    [[nodiscard]] bool finds() const noexcept { return !registry.empty() || !dht.empty() || !lan.empty(); }

    /// Fills in what is still empty. @return false with a sentence on standard error
    [[nodiscard]] bool complete();
};

/// The content of a file; nothing if it cannot be read.
[[nodiscard]] std::optional<std::string> content_of(const std::string& path);

/// One line on standard error: `agentmesh: <what>`.
void complain(const std::string& what);

/// The same for an error of the library, with what to do about it. @return the exit code
int complain(const agentmesh::error& why, const settings& with, const std::string& about = {});
