#include "conformance/engine/session.hpp"

#include "conformance/engine/live_wire.hpp"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace agentmesh::conformance {
namespace {

constexpr int most_deaths = 5;
constexpr seconds return_patience{5};
constexpr milliseconds connect_patience{3000};

/// OpenSSL writes with write(2); a peer that is gone must be an error there and not the end of the process.
void block_sigpipe() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace

session::session(const plan_options& options, const target& to, case_settings settings,
                 std::chrono::steady_clock::time_point start, std::string genesis, std::size_t total)
    : options_{options}, to_{to}, settings_{std::move(settings)}, start_{start}, genesis_{std::move(genesis)}, total_{total} {}

microseconds session::elapsed() const {
    return std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - start_);
}

session::done_case session::execute(const conformance_case& what, int attempt) const {
    auto settings = settings_;
    settings.attempt = attempt;
    live_wire over{to_, start_, connect_patience, settings_.known_reach >= reach::upgrade};
    done_case out;
    out.what = &what;
    out.log.emplace_back(std::string{what.id}, genesis_);
    out.outcome = case_runner::run(what, settings, over, out.log.front());
    out.last_opened = over.last_opened();
    out.ended = elapsed();
    return out;
}

void session::enter(case_result result) {
    const std::lock_guard lock{mutex_};
    results_[result.id] = std::move(result);
}

void session::leave_out(case_result result) {
    announce(result);
    enter(std::move(result));
}

void session::announce(const case_result& result) {
    const std::lock_guard lock{mutex_};
    announced_ = std::min(announced_ + 1, total_);
    if (options_.observer) options_.observer({announced_, total_, &result});
}

void session::settle_case(done_case done) {
    {
        const std::lock_guard lock{mutex_};
        faults_.insert(faults_.end(), done.outcome.faults.begin(), done.outcome.faults.end());
        ledgers_.insert_or_assign(done.outcome.result.id, std::move(done.log.front()));
    }
    enter(std::move(done.outcome.result));
}

std::vector<const conformance_case*> session::run_side_by_side(const std::vector<const conformance_case*>& cases,
                                                               unsigned jobs, std::vector<done_case>& finished) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> down{false};
    const auto lane = [&] {
        block_sigpipe();
        while (!down) {
            const auto i = next++;
            if (i >= cases.size()) return;
            auto done = execute(*cases[i], 0);
            const bool suspicious = settings_.known_reach == reach::login && (done.outcome.dial_failed || done.outcome.unanswered);
            announce(done.outcome.result);
            if (suspicious && reach_now(to_, options_.role, settings_, start_) != reach::login) down = true;
            const std::lock_guard lock{mutex_};
            finished.push_back(std::move(done));
        }
    };
    std::vector<std::thread> lanes;
    for (unsigned i = 0; i < std::min<std::size_t>(std::max(1u, jobs), cases.size()); ++i) lanes.emplace_back(lane);
    for (auto& l : lanes) l.join();
    const auto started = std::min(next.load(), cases.size());
    if (!down) return {};
    std::vector<const conformance_case*> left(cases.begin() + static_cast<std::ptrdiff_t>(started), cases.end());
    return left;
}

bool session::comes_back() const {
    const auto deadline = std::chrono::steady_clock::now() + return_patience;
    while (std::chrono::steady_clock::now() < deadline) {
        if (reach_now(to_, options_.role, settings_, start_) == reach::login) return true;
        std::this_thread::sleep_for(milliseconds{200});
    }
    return false;
}

void session::condemn(case_result& result, reach found) {
    // A target that still accepts connections hangs; one that does not has crashed.
    const auto outcome = found == reach::nowhere ? verdict::crash : verdict::hang;
    result.outcome = outcome;
    for (auto& c : result.checks) {
        c.outcome = outcome;
        c.choice.clear();
        c.why = outcome == verdict::crash ? "the target stopped accepting connections during this case"
                                          : "the target stopped answering during this case";
    }
}

void session::rerun_suspects(std::vector<done_case> suspects, reach found) {
    ++deaths_;
    if (!comes_back()) {
        gone_ = true;
        for (auto& s : suspects) {
            condemn(s.outcome.result, found);
            settle_case(std::move(s));
        }
        return;
    }
    bool culprit = false;
    for (auto& s : suspects) {
        if (gone_) {
            settle_case(std::move(s));
            continue;
        }
        auto again = execute(*s.what, 1);
        const auto after = reach_now(to_, options_.role, settings_, start_);
        if (after != reach::login) {
            culprit = true;
            condemn(again.outcome.result, after);
            gone_ = ++deaths_ > most_deaths || !comes_back();
        }
        settle_case(std::move(again));
    }
    if (culprit) return;
    // The target died once and nobody knows why: nothing that ran then is above doubt.
    for (auto& s : suspects) {
        auto doubtful = *result_of(s.what->id);
        for (auto& c : doubtful.checks) {
            if (verdict::flaky == worse(c.outcome, verdict::flaky)) c.why = "the target died once while this case ran, and not again";
            c.outcome = worse(c.outcome, verdict::flaky);
        }
        doubtful.outcome = worse(doubtful.outcome, verdict::flaky);
        enter(std::move(doubtful));
    }
}

void session::run_lanes(std::vector<const conformance_case*> cases, unsigned jobs) {
    while (!cases.empty()) {
        if (gone_ || deaths_ > most_deaths) {
            for (const auto* c : cases)
                leave_out(case_runner::not_run(*c, settings_.set, verdict::inconclusive, "the target was gone by then"));
            return;
        }
        std::vector<done_case> finished;
        const auto left = run_side_by_side(cases, jobs, finished);
        const auto found = left.empty() && std::ranges::none_of(finished, [](const auto& d) {
            return d.outcome.dial_failed || d.outcome.unanswered;
        }) ? reach::login : settings_.known_reach == reach::login ? reach_now(to_, options_.role, settings_, start_) : reach::login;

        if (left.empty() && found == reach::login) {
            for (auto& d : finished) settle_case(std::move(d));
            return;
        }
        // Whoever ended before a connection was opened is innocent: the target was there afterwards.
        microseconds last_seen{0};
        for (const auto& d : finished) last_seen = std::max(last_seen, d.last_opened);
        std::vector<done_case> suspects;
        for (auto& d : finished) {
            if (d.ended >= last_seen) suspects.push_back(std::move(d));
            else settle_case(std::move(d));
        }
        rerun_suspects(std::move(suspects), found);
        cases = left;
    }
}

const case_result* session::result_of(std::string_view id) const {
    const auto found = results_.find(id);
    return found == results_.end() ? nullptr : &found->second;
}

std::vector<case_result> session::take_results() {
    std::vector<case_result> out;
    for (auto& [id, r] : results_) out.push_back(std::move(r));
    return out;
}

std::vector<ledger> session::take_ledgers() {
    std::vector<ledger> out;
    for (auto& [id, l] : ledgers_) out.push_back(std::move(l));
    return out;
}

}  // namespace agentmesh::conformance
