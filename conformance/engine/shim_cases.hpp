// The cases of `amconf shim`: which rows of vectors/ make one, and which rows a suite is asked.
#pragma once

#include "conformance/engine/requirement.hpp"
#include "conformance/engine/shim_talk.hpp"

#include <functional>
#include <map>

namespace agentmesh::conformance {

inline constexpr std::array<std::string_view, 8> shim_areas{"id",    "enc",    "kex",      "ratchet",
                                                            "knock", "policy", "envelope", "registry"};
inline constexpr std::array<std::string_view, 4> shim_suites{"am1", "wire10", "wire10-legacy", "v02"};

/// One row of a vector file.
struct vector_row {
    std::uint64_t tc = 0;
    std::string comment, type;
    std::vector<const clause*> proves;  ///< what its flags stand for, each once
    shim_json question;                 ///< members of the request: `in`, and `now` where the row has one
    std::string suite;                  ///< empty: of no suite
    std::string expect;                 ///< "accept", "reject:<class>", "choice:<id>"
    shim_json output, intermediate;     ///< objects; empty where the row has none
    std::uint64_t twin = 0;             ///< of a refused row: the accepted one it differs from by one fault

    [[nodiscard]] bool refused() const { return expect.starts_with("reject:"); }
};

/// One group type of one vector file.
struct vector_case {
    std::string_view id;    ///< "ENC-BASE64-001"
    std::string_view area;  ///< of the shim protocol
    std::string_view file;  ///< "encodings/base64"
    std::string_view type;  ///< "base64.decode"
    std::string_view title;
    std::string_view suites{};  ///< separated by blanks; empty: all
    bool optional = false;      ///< a service of a library and nothing that peers see: `unsupported` is `not_offered`

    /// `<area>.<type>`; the area is not written twice.
    [[nodiscard]] std::string op() const {
        const auto before = std::string{area} + ".";
        return type.starts_with(before) ? std::string{type} : before + std::string{type};
    }
};

/// The table, in the order of the areas.
[[nodiscard]] const std::vector<vector_case>& vector_cases();

/// Vector files by name: those inside the program, or those of a directory.
using vector_texts = std::map<std::string, std::string>;
/// What was built in.
[[nodiscard]] const vector_texts& built_in_vectors();
/// @throws std::runtime_error naming the file that cannot be read
[[nodiscard]] vector_texts read_vectors(const std::string& directory);
/// SHA-256 over names and texts, hexadecimal.
[[nodiscard]] std::string digest_of(const vector_texts& texts);

/// The rows of a file. @throws std::runtime_error if it is not a vector file or names no known requirement
[[nodiscard]] std::vector<vector_row> rows_of(const std::string& name, const std::string& text);

/// Groups of these files without a line in the table: what nobody would ask.
[[nodiscard]] std::vector<std::string> uncatalogued(const vector_texts& texts);

/// True if `suites`, separated by blanks, has this one or is empty.
[[nodiscard]] bool within_suites(std::string_view suites, std::string_view suite);
/// True if a run over this suite asks the row.
[[nodiscard]] bool asked(const vector_case& of, const vector_row& row, std::string_view suite);

/// True if `value` is what the row demands of an accepted question. `value` may have further members.
[[nodiscard]] bool agrees(const vector_row& row, const shim_json& value);

}  // namespace agentmesh::conformance
