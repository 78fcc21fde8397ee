// Version of this library and the identifiers it puts on the wire.
#pragma once

#include <string_view>

#define AGENTMESH_VERSION_MAJOR 0
#define AGENTMESH_VERSION_MINOR 1
#define AGENTMESH_VERSION_PATCH 0

namespace agentmesh {

inline constexpr std::string_view library_version = "0.1.0";

/// The revision of SPEC.md that this library implements.
inline constexpr std::string_view spec_revision = "1.0";

/// `protocol` member of CONNECT in profile v02.
inline constexpr std::string_view protocol_v02 = "agentmesh/0.2";

}  // namespace agentmesh
