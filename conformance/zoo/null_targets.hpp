// Twelve targets that implement nothing of AgentMesh. A harness that gives any of them a single pass proves
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

[[nodiscard]] const std::vector<null_target>& null_targets();

}  // namespace agentmesh::conformance::zoo
