// Targets that implement nothing of AgentMesh. A harness that gives any of them a single pass proves
// nothing with its other passes either (design 3.7).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance::zoo {

/// A running target of the self-test; stops when destroyed.
struct target {
    virtual ~target() = default;
    [[nodiscard]] virtual std::string url() const = 0;
};

struct null_target {
    std::string_view name;
    std::string_view what;  ///< one line for `amconf selftest --help` and the report
    std::unique_ptr<target> (*start)();
};

/// In place of a relay, and in place of a registry; the names of the latter begin with `registry_`.
[[nodiscard]] const std::vector<null_target>& null_targets();
[[nodiscard]] const std::vector<null_target>& registry_nulls();

}  // namespace agentmesh::conformance::zoo
