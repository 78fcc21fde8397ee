// Progress of a run: one line that is rewritten on a terminal, a line a case elsewhere.
#pragma once

#include "conformance/engine/run.hpp"

#include <chrono>
#include <iosfwd>

namespace agentmesh::conformance::report {

/// Not thread-safe; a run calls its observer from one lane at a time.
class progress_line {
public:
    /// `terminal`: rewrite one line; else write a line for each case that is finished.
    progress_line(std::ostream& out, bool terminal, bool color) : out_{out}, terminal_{terminal}, color_{color} {}

    void show(const progress& now);
    /// Clears the line of a terminal; what follows starts at its beginning.
    void finish();

private:
    std::ostream& out_;
    bool terminal_, color_;
    std::size_t attention_ = 0;  // cases so far that need attention
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace agentmesh::conformance::report
