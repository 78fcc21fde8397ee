// `amconf trace`: does every requirement of SPEC.md have what proves it, and does everything that claims to prove
// something name a requirement that exists?
//
//     const int code = trace::run_trace({.root = ".", .strict = true}, std::cout, std::cerr);
#pragma once

#include <iosfwd>
#include <string>

namespace agentmesh::conformance::trace {

struct trace_options {
    std::string root = ".";     ///< the repository: SPEC.md, vectors/, schemas/, fuzz/, include/, tests/
    bool strict = false;        ///< also demand a reference run, mutants, code sites and recorded reviews
    bool catalogue = false;     ///< print which rows of the catalogue and of the facts have a clause, and nothing else
    std::string json_file;      ///< where the links and gaps go as JSON; "-" for `out`; empty for nowhere
    std::string run_directory;  ///< read results.json there instead of judging the reference relay
    std::string today;          ///< YYYY-MM-DD, for reviews that expire; the present if empty
};

/// Prints what is missing. @returns 0 if nothing is, 1 if something is, 3 for a root without SPEC.md or files that
/// cannot be read, 5 if this program was built from another SPEC.md
[[nodiscard]] int run_trace(const trace_options& options, std::ostream& out, std::ostream& errors);

}  // namespace agentmesh::conformance::trace
