// A link says that an artefact proves, enforces or implements a requirement.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance::trace {

enum class link_kind : std::uint8_t {
    test_case,  ///< `.proves` of a conformance case
    vector,     ///< `notes[flag].req` of a vector file
    schema,     ///< `x-req` in a JSON schema
    fuzz,       ///< `AM_FUZZ(...)` of a fuzz target
    mutant,     ///< `breaks` of a mutant
    code,       ///< the id in a header of the library
    test,       ///< the id in a test of the library; for information
};
inline constexpr std::size_t link_kinds = 7;

/// "case", "vector", "schema", "fuzz", "mutant", "code", "test".
[[nodiscard]] std::string_view to_string(link_kind kind) noexcept;

struct trace_link {
    link_kind kind{};
    std::string artifact;      ///< "case RLY-STORE-007", "vector vectors/ws/frames.json", "fuzz fuzz/json.cpp"
    std::string requirement;   ///< "AM-RLY-042"; need not exist
    std::string hash;          ///< of the sentence it was written against, whole or its beginning; empty if not stated
    std::size_t accepts = 0;   ///< vector: rows under this requirement that expect acceptance
    std::size_t rejects = 0;   ///< vector: rows that expect rejection
    bool file_accepts = false; ///< vector: the file has a row that expects acceptance at all
};

/// An artefact that claims nothing, or claims something that cannot be.
struct orphan {
    std::string artifact, complaint;  ///< "case REG-LIST-004", "proves nothing"
};

struct link_set {
    std::vector<trace_link> links;
    std::vector<orphan> orphans;
};

}  // namespace agentmesh::conformance::trace
