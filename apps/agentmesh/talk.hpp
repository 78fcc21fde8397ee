// The commands that use the network: listen, knock, send and close.
#pragma once

#include "apps/agentmesh/report.hpp"

#include <agentmesh/net/agent_driver.hpp>
#include <agentmesh/net/home.hpp>

#include <chrono>
#include <deque>

struct talk_options {
    std::string peer{};                      ///< AMID, DID, or display name in the directory
    std::string session{};                   ///< of `send`: this one
    std::string intent = "conversation";     ///< category[/subcategory[/action]]
    bool intent_given = false;
    std::uint32_t ttl_seconds = 3'600;
    std::uint32_t expected_messages = 100;
    std::int64_t wait_seconds = 30;          ///< of `listen`: 0, for ever
    bool reply = false;                      ///< of `listen`: lines of standard input answer the last message
    std::vector<std::string> words{};        ///< of `send`; "-": lines of standard input
    std::string reason = "completed";        ///< of `close`: a close code
};

/// Opens the home of an agent that has an identity. @return nothing, with the exit code set and the reason said
[[nodiscard]] std::optional<agentmesh::net::home> open_home(const settings& with, int& status);

/// Reads the policy file into `rules`, or leaves them as they are. @return false, with file, line and member said
[[nodiscard]] bool load_policy(const settings& with, agentmesh::session::policy_source& rules);

/// Finds an agent by AMID, DID or display name.
[[nodiscard]] std::optional<agentmesh::amid> find_peer(const std::string& text, const settings& with,
                                                       agentmesh::registry::file_directory& agents, int& status);

/// What the directory calls an agent; empty if it does not know.
[[nodiscard]] std::string name_of(const agentmesh::amid& who, agentmesh::registry::file_directory& agents);

/// `travel/flights/search`: category, subcategory and action.
[[nodiscard]] agentmesh::session::intent read_intent(const std::string& text);

int listen(const settings& with, const talk_options& chosen);
int knock(const settings& with, const talk_options& chosen);
int send(const settings& with, const talk_options& chosen);
int close(const settings& with, const talk_options& chosen);
