// A run against a shim: rows of vectors and live exchanges, each case in a process of its own, so that a case can be
// disclosed and judged again by itself. See docs/shim-protocol.md.
#pragma once

#include "conformance/engine/replay.hpp"
#include "conformance/engine/run.hpp"
#include "conformance/engine/shim_cases.hpp"
#include "conformance/engine/shim_verdicts.hpp"

namespace agentmesh::conformance {

struct shim_options {
    std::string command;             ///< for /bin/sh
    std::vector<std::string> areas;  ///< of shim_areas; all if empty
    std::string suite = "am1";
    std::string seed;                            ///< hexadecimal; random if empty
    std::vector<std::string> only, skip;         ///< case ids or prefixes of them
    std::string vectors;                         ///< a directory instead of what was built in
    std::chrono::milliseconds patience{10'000};  ///< the longest silence; see shim_pace for a shorter one
    std::vector<waiver> waivers;
    std::vector<baseline_entry> baseline;
    std::string today;  ///< YYYY-MM-DD; the present if empty
    std::function<void(const progress&)> observer;
    evidence* keep_evidence = nullptr;
};

/// What one case knows of its run.
struct shim_setting {
    std::string suite, seed;
    std::set<std::string> areas;  ///< those that were asked for
    const vector_texts* vectors = nullptr;
};

/// A case: questions, and what follows from the answers.
struct shim_case {
    std::string id, title, area;
    std::function<void(shim_talk&, const shim_hello&, const shim_setting&, shim_verdicts&)> run;
    std::string suites{};  ///< separated by blanks; empty: all
};

/// Whether the shim says that it can be asked about this area under this suite.
[[nodiscard]] bool offers(const shim_hello& said, const std::string& area, const std::string& suite);

/// The cases of these areas under this suite, by id; RUN-SHIM-001 is among them.
[[nodiscard]] std::vector<shim_case> shim_cases(const shim_setting& in);

/// Bytes that follow from a seed and a purpose, for keys, plain texts and orders of the harness.
class seeded_bytes {
public:
    seeded_bytes(std::string_view seed, std::string_view purpose);
    [[nodiscard]] std::string take(std::size_t count);
    /// Below `bound`.
    [[nodiscard]] std::size_t below(std::size_t bound);
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
    }

private:
    std::string key_, ready_;
    std::uint64_t block_ = 0;
};

/// Adds the cases in which the harness is the other side.
void add_live_cases(std::vector<shim_case>& into);

/// @throws usage_error for an area, suite, seed, case or directory that is none
[[nodiscard]] run_report run_shim(const shim_options& options);

/// True if the evidence is of a shim.
[[nodiscard]] bool is_shim_run(const evidence& recorded);
/// Judges recorded lines again. @throws usage_error if the vectors of this build are not those of the run
[[nodiscard]] replay_report replay_shim(const evidence& recorded, const run_report& results,
                                        const std::string& only_case = {});

}  // namespace agentmesh::conformance
