// Fault points of the registry's conformance zoo, as core/fault.hpp has those of the relay: one-line mutations of the
// registry, each of which breaks one requirement, so that `amconf selftest` can show that its oracles notice.
//
// In every ordinary build `injected` is the constant false and the compiler removes the branch. Only targets of
// `conformance/`, and tests of the mutants of a client, define AGENTMESH_ZOO; there the active fault belongs to the
// calling thread.
#pragma once

#if defined(AGENTMESH_ZOO)
#include <string>
#endif
#include <string_view>

namespace agentmesh::registry {

/// One enumerator a mutant; conformance/zoo/registry.toml states what each breaks and which cases see it. Those that
/// begin with `client_` break a client, which unit tests see.
enum class fault {
    none,
#define AGENTMESH_FAULT(name) name,
#include <agentmesh/registry/fault_list.ipp>
#undef AGENTMESH_FAULT
};

#if defined(AGENTMESH_ZOO)
inline thread_local fault active_fault = fault::none;
[[nodiscard]] inline bool injected(fault which) noexcept { return active_fault == which; }
/// What one fault point leaves for another: what the library itself never looks at there.
inline thread_local std::string fault_note;
inline void leave_note(std::string_view text) { fault_note = text; }
[[nodiscard]] inline std::string_view noted() noexcept { return fault_note; }
#else
[[nodiscard]] constexpr bool injected(fault) noexcept { return false; }
constexpr void leave_note(std::string_view) noexcept {}
[[nodiscard]] constexpr std::string_view noted() noexcept { return {}; }
#endif

}  // namespace agentmesh::registry
