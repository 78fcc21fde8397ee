// The result of a run as plain values: the only source of every report, and of results.json.
#pragma once

#include "conformance/engine/verdict.hpp"

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace agentmesh::conformance {

/// One requirement judged by one case.
struct check_result {
    std::string requirement;              ///< "AM-RLY-042"
    keyword level = keyword::must;
    verdict outcome = verdict::untested;
    std::vector<std::uint64_t> evidence;  ///< sequence numbers within the case, ascending
    std::string why;                      ///< a fixed sentence: no times, addresses or random ids
    std::string choice;                   ///< the word of `chose`, else empty
    std::string sentence;                 ///< the sentence of SPEC.md
    int line = 0;                         ///< where it stands in SPEC.md
};

struct case_result {
    std::string id;                       ///< "RLY-STORE-007"; its area is the part before the first `-`
    std::string title;
    verdict outcome = verdict::untested;  ///< the worst of the checks
    std::vector<check_result> checks;     ///< sorted by requirement
    std::int64_t duration_ms = 0;
};

struct suite_info {
    std::string version;        ///< of the suite
    std::string set;            ///< "relay-core@1.0"
    std::string set_digest;     ///< SHA-256 over the ids and sentence hashes of the set, hexadecimal
    std::string spec_revision;  ///< "1.0"
    std::string seed;           ///< hexadecimal
};

struct target_info {
    std::string role = "relay";
    std::string url;
    std::string profile = "v02";
};

struct totals_info {
    std::size_t cases = 0;
    std::size_t checks = 0;
    std::array<std::size_t, verdict_words.size()> of{};  ///< by verdict

    [[nodiscard]] std::size_t operator[](verdict v) const noexcept { return of[static_cast<unsigned>(v)]; }
};

/// A SHOULD that the operator answers for.
struct waiver {
    std::string requirement, reason, by, expires;  ///< `expires` is YYYY-MM-DD
};

/// What results.json holds. Equal for equal seed and behaviour, `duration_ms` aside.
struct run_report {
    suite_info suite;
    target_info target;
    totals_info totals;
    std::vector<case_result> cases;                 ///< sorted by id
    std::map<std::string, verdict> requirements;    ///< the worst verdict of each requirement of the set
    std::vector<waiver> waivers;                    ///< those that took effect
    bool certifiable = false;

    // Not in results.json, because they vary from run to run (they are in run.json) or concern the harness itself.
    std::string diagnosis;                          ///< why nothing could be judged; empty if something could
    std::vector<std::string> faults;                ///< of the harness: the run is void
    std::vector<std::string> stale;                 ///< entries of the baseline that no longer hold
    bool excused = false;                           ///< every failure is in the baseline
    std::int64_t rtt_p50_us = 0, rtt_p99_us = 0, duration_ms = 0;
    std::string spki_sha256;                        ///< of the target's certificate, if it has one
    std::string evidence_root;                      ///< "sha256:..."
};

/// Recounts `totals`, `requirements` and `certifiable` from `cases`, and sorts `cases` and `checks`.
void settle(run_report& report);

/// 0 certifiable, 1 broken MUST or unwaived deviation, 2 untested or inconclusive, 4 harness fault, 5 stale baseline.
[[nodiscard]] int exit_code(const run_report& report) noexcept;

/// results.json. The order of members is fixed; two equal reports give equal text.
[[nodiscard]] nlohmann::ordered_json to_json(const run_report& report);
/// Reads results.json back. @throws std::runtime_error with a sentence if `document` is not one
[[nodiscard]] run_report report_from_json(const nlohmann::ordered_json& document);

}  // namespace agentmesh::conformance
