// Fault points of the conformance zoo: one-line mutations of this implementation, each of which breaks
// one requirement, so that `amconf selftest` can show that its oracles notice.
//
// In every ordinary build `injected` is the constant false and the compiler removes the branch. Only
// targets of `conformance/` define AGENTMESH_ZOO; there the active fault belongs to the calling thread,
// so that several broken relays can run beside each other in one process.
#pragma once

#if defined(AGENTMESH_ZOO)
#include <string>
#endif
#include <string_view>

namespace agentmesh {

/// One enumerator a mutant; conformance/zoo/zoo.toml states what each breaks and which cases see it.
enum class fault {
    none,
#define AGENTMESH_FAULT(name) name,
#include <agentmesh/core/fault_list.ipp>
#undef AGENTMESH_FAULT
};

#if defined(AGENTMESH_ZOO)
inline thread_local fault active_fault = fault::none;
[[nodiscard]] inline bool injected(fault which) noexcept { return active_fault == which; }
/// What one fault point leaves for another: a member of the frame in hand that the library itself never looks at.
inline thread_local std::string fault_note;
inline void leave_note(std::string_view text) { fault_note = text; }
[[nodiscard]] inline std::string_view noted() noexcept { return fault_note; }
#else
[[nodiscard]] constexpr bool injected(fault) noexcept { return false; }
constexpr void leave_note(std::string_view) noexcept {}
[[nodiscard]] constexpr std::string_view noted() noexcept { return {}; }
#endif

}  // namespace agentmesh
