#include "conformance/shims/cpp/registry_rows.hpp"

namespace agentmesh::shim {

void add_registry(operations& into) { into["registry.believe"] = believe; }

}  // namespace agentmesh::shim
