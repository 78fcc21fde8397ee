// A run: chosen cases against one target. No globals: several runs may go on in one process, on several threads.
#pragma once

#include "conformance/engine/context.hpp"
#include "conformance/engine/evidence.hpp"
#include "conformance/engine/results.hpp"

#include <functional>
#include <string>
#include <vector>

namespace agentmesh::conformance {

/// A failure that the operator of the target knows about; it quiets an exit code and never a certificate.
struct baseline_entry {
    std::string case_id, requirement, issue, expires;  ///< `issue` is a link, `expires` YYYY-MM-DD
};

/// Passed to the observer of a run, from its lanes, one at a time.
struct progress {
    std::size_t done = 0, total = 0;
    const case_result* finished = nullptr;     ///< nullptr at the start
};

struct plan_options {
    std::string url;                                   ///< ws:// or wss://, of a registry http:// or https://
    target_role role = target_role::relay;
    requirement_set set = requirement_set::core;
    std::string seed;                                  ///< hexadecimal; random if empty
    std::vector<std::string> only, skip;               ///< case ids, prefixes of them ("RLY", "RLY-STORE") or AM-... ids
    timings declared{};
    waits granted = waits::none;                       ///< waits whose timing is declared; `slow` grants all
    bool slow = false;                                 ///< wait the specified times, and allow a long plan
    unsigned jobs = 8;                                 ///< lanes
    bool insecure = false;                             ///< do not verify the certificate of a wss target
    std::string ca_file;                               ///< PEM; the system's roots if empty
    milliseconds deadline_floor{250};                  ///< no deadline is shorter
    milliseconds patience_floor{2000};                 ///< how long an answer that should come may take, at least
    std::vector<waiver> waivers;
    std::vector<baseline_entry> baseline;
    std::string today;                                 ///< YYYY-MM-DD for expiry; the present if empty
    std::function<void(const progress&)> observer;
    evidence* keep_evidence = nullptr;                 ///< where the evidence goes; nowhere if null
    const std::vector<const conformance_case*>* cases = nullptr;   ///< instead of all_cases()
};

/// What cannot be run at all: a bad URL, an unknown case, a plan above 55 s without `slow`. Exit 3.
struct usage_error {
    std::string words;
};

/// Judges the target. A target that is down or no relay is not an error: every check is inconclusive and
/// `diagnosis` says why. @throws usage_error
[[nodiscard]] run_report run(const plan_options& options);

/// The seconds that a run is expected to take with this round trip time.
[[nodiscard]] double planned_seconds(const std::vector<const conformance_case*>& cases, const plan_options& options,
                                     microseconds rtt);

/// The cases that `options` select, by id. @throws usage_error for a word in `only` or `skip` that names nothing
[[nodiscard]] std::vector<const conformance_case*> select_cases(const plan_options& options);

}  // namespace agentmesh::conformance
