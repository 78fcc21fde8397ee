// The commands that look at certificates: cert show and cert check.
#pragma once

#include "apps/agentmesh/inspect.hpp"

struct certificate_question {
    std::string file{};     ///< PEM, leaf first, or one of the deployed forms
    std::string of{};       ///< PEER; empty: this agent
    std::string revoked{};  ///< a list of fingerprints; empty: nobody can say, so the check fails
    std::string at{};       ///< RFC 3339; empty: now
};

/// Says what each certificate of a file says, whether or not anybody should believe it.
int certificate_show(const settings& with, const certificate_question& asked);
/// Says what a chain proves of an agent, or why it proves nothing.
int certificate_check(const settings& with, const certificate_question& asked);
