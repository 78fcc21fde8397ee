// amconf: judges implementations of AgentMesh by SPEC.md.
#include "conformance/commands/commands.hpp"

#include <csignal>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a target that hangs up is an observation, not the end of the program
    return agentmesh::conformance::commands::run(argc, argv);
}
