#include "conformance/shims/cpp/knock_rows.hpp"

namespace agentmesh::shim {

void add_knock(operations& into) { add_knock_rows(into); }

}  // namespace agentmesh::shim
