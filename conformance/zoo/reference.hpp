// The reference relay inside this process, whole or with one line broken.
#pragma once

#include "conformance/engine/context.hpp"
#include "conformance/zoo/null_targets.hpp"

#include <agentmesh/core/fault.hpp>

#include <cstdint>
#include <optional>

namespace agentmesh::conformance::zoo {

struct reference_options {
    fault broken = fault::none;
    bool features = true;
    std::chrono::milliseconds expiry{2500};  ///< of stored messages; longer for a target that is far away
};

/// A relay on the loopback interface, on a thread of its own, with the short timings of `reference_timings`.
struct reference_target : target {
    [[nodiscard]] virtual std::uint16_t port() const = 0;
};
[[nodiscard]] std::unique_ptr<reference_target> start_reference(const reference_options& options);

/// What an operator would hand to `--declare`.
[[nodiscard]] timings reference_timings(const reference_options& options = {});

/// The fault of that name, as zoo.toml spells it.
[[nodiscard]] std::optional<fault> find_fault(std::string_view name);
/// All of them, for the check that zoo.toml and the library agree.
[[nodiscard]] const std::vector<std::string_view>& fault_names();

}  // namespace agentmesh::conformance::zoo
