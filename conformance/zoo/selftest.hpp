// The judge judged: the same cases against targets of which it is known what they do.
//
// Nulls implement nothing and score nothing. Mutants are the reference relay or registry with one line broken, and fail
// exactly the cases that zoo.toml and registry.toml name for them: a missing case is a blind oracle, a further one a
// sloppy oracle. Oddballs are correct but unusual and fail nothing.
//
// A mutant or oddball that does not do what is known of it is judged once more, alone and after all others: what a
// loaded machine did to it does not happen twice, and what a case or the target does, does. Which targets needed that
// is reported. A null gets no second chance: no delay makes a pass of nothing.
#pragma once

#include "conformance/engine/results.hpp"

#include <iosfwd>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance::zoo {

struct selftest_options {
    bool nulls = true, mutants = true, oddballs = true;
    std::set<std::string> only;   ///< names of targets, or `relay` or `registry` for all of these; empty = all
    unsigned side_by_side = 8;    ///< targets judged at once
    std::string seed = "5e1f7e57";
    std::string json_file;        ///< where the JSON of 3.12 goes; empty = nowhere
    bool quiet = false;
    /// Where zoo.toml goes as it was seen, for review, or registry.toml if only registries are judged; empty = nowhere.
    std::string learn_file;
};

struct null_score { std::string name; std::size_t passes = 0; std::vector<std::string> passed; };
struct mutant_score {
    std::string name;
    std::vector<std::string> breaks;    ///< requirement ids
    std::vector<std::string> expected, failed;
    std::vector<std::string> killed;    ///< requirement ids whose check failed
    std::vector<std::string> expected_kills;
    [[nodiscard]] bool exact() const { return expected == failed && expected_kills == killed && !failed.empty(); }
};
struct oddball_score { std::string name; std::size_t non_passes = 0; std::vector<std::string> differed; };

struct selftest_report {
    std::vector<null_score> nulls;
    std::vector<mutant_score> mutants;
    std::vector<oddball_score> oddballs;
    /// Requirements with a verdict in the reference run that no mutant's failing check names: oracles nobody needed.
    std::vector<std::string> unneeded;
    std::vector<std::string> judged_again;  ///< names of targets that were judged a second time
    std::vector<std::string> faults;    ///< a reference itself did not pass, or a target did not start

    [[nodiscard]] bool clean() const;
};

/// Runs the self-test. Progress goes to `progress`, one line a target.
[[nodiscard]] selftest_report selftest(const selftest_options& options, std::ostream& progress);

/// Certifies the unbroken reference in process, set hardened: the reference run of `amconf trace`.
[[nodiscard]] run_report reference_run(const std::string& seed, target_role of = target_role::relay);

/// What zoo.toml and registry.toml say, for `amconf trace` and `amconf explain`.
struct mutant_entry {
    target_role role = target_role::relay;
    std::string name;
    std::vector<std::string> breaks;  ///< requirement ids
    std::vector<std::string> fails;   ///< case ids
    std::vector<std::string> kills;   ///< requirement ids
    std::string what;
};
/// What stands before the names of a registry's mutants everywhere but in registry.toml.
inline constexpr std::string_view registry_prefix = "registry_";
/// Of relays, then of registries, each sorted by name.
/// @throws std::runtime_error if zoo.toml or registry.toml and the library's fault points disagree
[[nodiscard]] const std::vector<mutant_entry>& mutants();
[[nodiscard]] std::vector<mutant_entry> parse_mutants(std::string_view text, target_role of);
/// The file's text, in the form it is kept in. All entries have one role.
[[nodiscard]] std::string mutants_text(const std::vector<mutant_entry>& entries);

/// The requirement ids that the mutants' failing checks named when the two files were last confirmed (`kills` there).
[[nodiscard]] const std::set<std::string>& killed_requirements();

}  // namespace agentmesh::conformance::zoo
