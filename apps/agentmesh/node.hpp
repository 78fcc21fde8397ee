// The distributed table on the command line: where an agent asks for others, and a node that answers.
#pragma once

#include "apps/agentmesh/report.hpp"

#include <agentmesh/net/dht_driver.hpp>

struct node_question {
    std::vector<std::string> addresses{"0.0.0.0"};
    std::uint16_t port = agentmesh::net::dht_port;
    std::int64_t seconds = 0;  ///< 0: until it is told to stop
};

/// The nodes that `--dht` names. @return nothing, with the reason said
[[nodiscard]] std::optional<std::vector<agentmesh::dht::endpoint>> first_nodes(const settings& with);

/// How an agent without a node of its own asks: on any port, answering nobody. Nodes that are not out in the open make
/// it a table of the local network.
[[nodiscard]] agentmesh::net::dht_driver_options asking_only(std::vector<agentmesh::dht::endpoint> first);

/// Runs a node until it is told to stop.
int run_node(const settings& with, const node_question& asked);
