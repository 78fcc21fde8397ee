// One run in progress: lanes, and what happens when the target dies under a case.
#pragma once

#include "conformance/engine/plan.hpp"
#include "conformance/engine/preflight.hpp"

#include <chrono>
#include <map>
#include <mutex>

namespace agentmesh::conformance {

class session {
public:
    /// `total` is for the observer.
    session(const plan_options& options, const target& to, case_settings settings,
            std::chrono::steady_clock::time_point start, std::string genesis, std::size_t total);

    /// Runs these cases on `jobs` lanes, and again alone those that may have killed the target.
    void run_lanes(std::vector<const conformance_case*> cases, unsigned jobs);
    /// Enters a result for a case that is not run.
    void leave_out(case_result result);
    /// From now on fences alone do not stand for absence.
    void distrust_order() { settings_.order_proven = false; }

    [[nodiscard]] const case_result* result_of(std::string_view id) const;

    // What came out; call after the last run_lanes().
    [[nodiscard]] std::vector<case_result> take_results();
    [[nodiscard]] std::vector<ledger> take_ledgers();
    [[nodiscard]] std::vector<std::string> take_faults() { return std::move(faults_); }

private:
    using reach = case_settings::reach;
    struct done_case {
        const conformance_case* what = nullptr;
        case_outcome outcome;
        microseconds ended{}, last_opened{};
        std::vector<ledger> log;              // exactly one
    };

    [[nodiscard]] microseconds elapsed() const;
    [[nodiscard]] done_case execute(const conformance_case& what, int attempt) const;
    void settle_case(done_case done);
    void enter(case_result result);
    void announce(const case_result& result);
    /// Side by side until the cases or the target are gone. @returns what was not started
    std::vector<const conformance_case*> run_side_by_side(const std::vector<const conformance_case*>& cases, unsigned jobs,
                                                          std::vector<done_case>& finished);
    /// Waits for the target to take logins again.
    [[nodiscard]] bool comes_back() const;
    /// Finds among `suspects`, one at a time, those that kill the target.
    void rerun_suspects(std::vector<done_case> suspects, reach found);
    static void condemn(case_result& result, reach found);

    const plan_options& options_;
    const target& to_;
    case_settings settings_;
    std::chrono::steady_clock::time_point start_;
    std::string genesis_;
    std::size_t total_;
    std::mutex mutex_;                        // guards what follows while lanes run
    std::map<std::string, case_result, std::less<>> results_;
    std::map<std::string, ledger, std::less<>> ledgers_;
    std::vector<std::string> faults_;
    std::size_t announced_ = 0;
    int deaths_ = 0;
    bool gone_ = false;                       // the target died and did not come back
};

}  // namespace agentmesh::conformance
