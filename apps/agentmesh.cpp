// The AgentMesh agent on the command line: an identity, its sessions, its messages.
#include "apps/agentmesh/command_line.hpp"

int main(int argc, char** argv) {
    command_line line;
    return line.run(argc, argv);
}
