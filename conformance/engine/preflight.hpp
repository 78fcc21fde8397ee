// Before a run: how far a plain client gets, and how long a round trip takes.
#pragma once

#include "conformance/engine/case_runner.hpp"
#include "conformance/engine/target.hpp"

#include <chrono>

namespace agentmesh::conformance {

struct preflight_report {
    case_settings::reach reach = case_settings::reach::nowhere;
    std::string diagnosis;            ///< one sentence; empty if a login works, or if it is a registry that answers
    microseconds rtt_p50{1000}, rtt_p99{1000};
    std::string spki_sha256;          ///< of a wss target
};

/// At most three attempts. Round trips are those of WebSocket Pings, or of the login if the target answers none; of a
/// registry those of its health.
[[nodiscard]] preflight_report preflight(const target& to, target_role role, const case_settings& settings,
                                         std::chrono::steady_clock::time_point start);

/// One attempt without measuring: nothing is wrong if the result is `login`.
[[nodiscard]] case_settings::reach reach_now(const target& to, target_role role, const case_settings& settings,
                                             std::chrono::steady_clock::time_point start);

}  // namespace agentmesh::conformance
