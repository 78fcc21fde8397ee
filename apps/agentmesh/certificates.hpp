// The commands that look at certificates: cert show and cert check.
#pragma once

#include "apps/agentmesh/inspect.hpp"

#include <agentmesh/registry/client.hpp>

struct certificate_question {
    std::string file{};  ///< PEM, leaf first, or one of the deployed forms
    std::string of{};    ///< PEER; empty: this agent
    std::string at{};    ///< RFC 3339; empty: now
};

/// Judges chains by `--roots` and `--revoked`, which are read now. @return nothing, with the reason said
[[nodiscard]] std::optional<agentmesh::registry::standing_check> standing_by_roots(const settings& with, int& status);

/// Says what each certificate of a file says, whether or not anybody should believe it.
int certificate_show(const settings& with, const certificate_question& asked);
/// Says what a chain proves of an agent, or why it proves nothing.
int certificate_check(const settings& with, const certificate_question& asked);
