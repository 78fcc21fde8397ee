// The commands that ask a registry: register, lookup, search, verify, rate, revoke, prekeys upload and prekeys status.
#pragma once

#include "apps/agentmesh/registry_link.hpp"

struct registration {
    std::vector<std::string> capabilities{};
    std::string token{};        ///< of a login that has succeeded
    std::string login{};        ///< begin one with this provider, and end
    std::string certificate{};  ///< PEM, to be shown to the registry
};

struct search_question {
    std::string capability = "*";
    std::string at_least{};  ///< tier in words
    std::uint32_t reputation_ppm = 0;
    std::string status{};
    std::uint32_t limit = 20;
    std::uint32_t offset = 0;
};

struct rating {
    std::string peer{};
    std::string session{};
    std::uint32_t score_ppm = 0;
    std::vector<std::string> tags{};
};

struct withdrawal {
    std::string peer{};  ///< empty: this agent
    std::string reason = "cessation_of_operation";
    std::string notes{};
    bool sure = false;
};

/// Registers this agent, and gives out its prekeys.
int register_agent(const settings& with, const registration& asked);
int lookup(const settings& with, const std::string& peer);
int search(const settings& with, const search_question& asked);
/// Asks for everything that a registry says of an agent, and tells what of it is proved and where it contradicts
/// itself.
int verify(const settings& with, const std::string& peer);
int rate(const settings& with, const rating& asked);
int revoke(const settings& with, const withdrawal& asked);
int prekeys_upload(const settings& with);
int prekeys_status(const settings& with);
