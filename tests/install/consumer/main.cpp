#include <agentmesh/agentmesh.hpp>

#include <iostream>

int main() { std::cout << "agentmesh " << agentmesh::library_version << '\n'; }
