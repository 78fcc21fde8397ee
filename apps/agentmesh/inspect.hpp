// The commands that need no network: identity, sessions, policy and prekeys.
#pragma once

#include "apps/agentmesh/talk.hpp"

struct policy_question {
    std::string file{};
    std::string from{};                 ///< with this, the policy is asked
    std::string intent = "conversation";
    std::string tier{};                 ///< by default, as the directory says
    std::optional<std::uint32_t> reputation_ppm{};
};

/// Prekeys and directory brought up to date. @return nothing if that failed, which has been said
[[nodiscard]] std::optional<agentmesh::e2ee::prekey_store> kept_up(const settings& with, agentmesh::net::home& at,
                                                                   int& status,
                                                                   agentmesh::e2ee::prekey_upkeep* what = nullptr);

int identity_new(const settings& with);
int identity_show(const settings& with);
/// @param did  the DID document, in place of the record for a directory
int identity_export(const settings& with, bool did);
/// @param which  session id or peer; empty: all
int sessions(const settings& with, const std::string& which);
int policy_check(const settings& with, const policy_question& asked);
/// The rules in force, defaults included.
int policy_show(const settings& with);
/// @param look  only tells what is there, without renewing or publishing anything
int prekeys(const settings& with, bool look);
