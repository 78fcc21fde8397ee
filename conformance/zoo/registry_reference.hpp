// The reference registry inside this process, whole or with one line broken.
#pragma once

#include "conformance/zoo/reference.hpp"

#include <agentmesh/http/fault.hpp>
#include <agentmesh/registry/fault.hpp>

namespace agentmesh::conformance::zoo {

/// What is broken of a registry: one of these, or nothing.
struct registry_faults {
    registry::fault service = registry::fault::none;
    http::fault server = http::fault::none;
    fault shared = fault::none;  ///< of what relay and registry read alike: JSON and heads
};

/// A registry on the loopback interface with its rows in memory, on a thread of its own.
struct registry_target : reference_target {
    /// From now on its name, which requests are signed for, is this one: that of a proxy before it.
    virtual void be_called(std::string_view authority) = 0;
};
[[nodiscard]] std::unique_ptr<registry_target> start_registry(const registry_faults& broken = {});

/// What an operator would hand to `--declare`.
[[nodiscard]] timings registry_timings();

/// The fault of that name, as registry.toml spells it.
[[nodiscard]] std::optional<registry_faults> find_registry_fault(std::string_view name);
/// All that registry.toml has to have. Those of a client are not among them: unit tests see these.
[[nodiscard]] const std::vector<std::string_view>& registry_fault_names();

}  // namespace agentmesh::conformance::zoo
