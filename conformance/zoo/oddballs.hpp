// Correct but unusual targets: the reference relay or registry behind a proxy that changes everything a client may not
// rely on. A harness that fails one of them fails targets for being different, not for being wrong (design 3.7).
#pragma once

#include "conformance/zoo/null_targets.hpp"

#include <chrono>
#include <cstdint>

namespace agentmesh::conformance::zoo {

struct oddball {
    std::string_view name;
    std::string_view what;
    bool without_features = false;  ///< run the reference relay with its features off
    /// Starts the proxy in front of the relay on 127.0.0.1:port.
    std::unique_ptr<target> (*start)(std::uint16_t port);
    std::chrono::milliseconds expiry{2500};  ///< of stored messages; longer where sending a hundred takes longer
};

/// JSON with every character of every string as an escape.
[[nodiscard]] std::string escaped_text(const std::string& text);

/// Of relays, and of registries; the names of the latter begin with `registry_`.
[[nodiscard]] const std::vector<oddball>& oddballs();
[[nodiscard]] const std::vector<oddball>& registry_oddballs();

}  // namespace agentmesh::conformance::zoo
