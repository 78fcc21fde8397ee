// Fault points in how a server reads HTTP, as core/fault.hpp has those of the relay. The registry's conformance zoo
// runs a registry behind them. In every ordinary build `injected` is the constant false.
#pragma once

namespace agentmesh::http {

/// One enumerator a mutant; conformance/zoo/registry.toml states what each breaks and which cases see it.
enum class fault {
    none,
#define AGENTMESH_FAULT(name) name,
#include <agentmesh/http/fault_list.ipp>
#undef AGENTMESH_FAULT
};

#if defined(AGENTMESH_ZOO)
inline thread_local fault active_fault = fault::none;
[[nodiscard]] inline bool injected(fault which) noexcept { return active_fault == which; }
#else
[[nodiscard]] constexpr bool injected(fault) noexcept { return false; }
#endif

}  // namespace agentmesh::http
