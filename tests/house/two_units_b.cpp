#include "everything.hpp"

const void* address_in_unit_b() { return &agentmesh::error_category(); }
