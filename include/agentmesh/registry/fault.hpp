// Fault points of the registry's conformance zoo, as core/fault.hpp has those of the relay: one-line mutations of the
// registry, each of which breaks one requirement, so that `amconf selftest` can show that its oracles notice.
//
// In every ordinary build `injected` is the constant false and the compiler removes the branch. Only targets of
// `conformance/`, and tests of the mutants of a client, define AGENTMESH_ZOO; there the active fault belongs to the
// calling thread.
#pragma once

#if defined(AGENTMESH_ZOO)
#include <map>
#include <vector>
#else
#include <array>
#endif
#include <string>
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

/// The first text that was ever given with this name.
[[nodiscard]] inline std::string first_note(std::string_view name, const std::string& text) {
    static thread_local std::map<std::string, std::string, std::less<>> all;
    return all.emplace(name, text).first->second;
}

/// What a verifier that does not look at path or query would take a proof to be over as well.
[[nodiscard]] inline std::vector<std::string> other_readings(std::string_view signed_text) {
    std::vector<std::string> out;
    const auto with = [&](std::string_view name, std::string_view value) {
        const auto at = signed_text.find(name);
        if (at == signed_text.npos) return;
        std::string text{signed_text.substr(0, at + name.size())};
        text.append(value).append(signed_text.substr(signed_text.find('\n', at)));
        out.push_back(std::move(text));
    };
    if (injected(fault::proof_any_query)) with("\"@query\": ", "?");
    if (injected(fault::proof_any_path))
        for (const std::string_view one :
             {"register", "status", "capabilities", "prekeys", "revoke", "reputation", "reputation/feedback",
              "reputation/session", "succeed", "certificate"})
            with("\"@path\": ", std::string{"/v1/registry/"}.append(one));
    return out;
}

#else

[[nodiscard]] constexpr bool injected(fault) noexcept { return false; }
constexpr void leave_note(std::string_view) noexcept {}
[[nodiscard]] constexpr std::string_view noted() noexcept { return {}; }
[[nodiscard]] inline const std::string& first_note(std::string_view, const std::string& text) noexcept { return text; }
[[nodiscard]] constexpr std::array<std::string_view, 0> other_readings(std::string_view) noexcept { return {}; }

#endif

}  // namespace agentmesh::registry
