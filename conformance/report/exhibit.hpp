// Records of evidence as people read them: what kind of thing it was, and the payload without its framing.
#pragma once

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/results.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance::report {

struct exhibit {
    std::uint64_t seq = 0;
    int conn = 0;                       ///< connection of the case, from 1; 0 where none is concerned
    direction dir = direction::none;
    std::string kind;                   ///< "text", "close 1002", "binary in 3 frames", "HTTP", "end of stream"
    std::string peculiar;               ///< what is unusual about the framing: "not masked, RSV1"; mostly empty
    std::string payload;                ///< unmasked and without frame headers; any bytes
    std::string bytes;                  ///< as on the wire
};

/// What one record holds.
[[nodiscard]] exhibit read_exhibit(const evidence_record& record);

/// The records that a check cites, in their order; those that are not in `from` are left out.
[[nodiscard]] std::vector<exhibit> exhibits_of(const evidence& from, const case_result& of, const check_result& check);

/// "#0414"
[[nodiscard]] std::string label(std::uint64_t seq);

/// Kind and the beginning of the payload in one line, safe to show before escaping: `text {"type":"receive",...`
[[nodiscard]] std::string gist(const exhibit& shown, std::size_t limit);

}  // namespace agentmesh::conformance::report
