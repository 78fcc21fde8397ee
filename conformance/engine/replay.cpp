#include "conformance/engine/replay.hpp"

#include "conformance/engine/accounting.hpp"
#include "conformance/engine/case_runner.hpp"
#include "conformance/engine/replay_wire.hpp"
#include "conformance/engine/target.hpp"

#include <sodium.h>

#include <algorithm>

namespace agentmesh::conformance {
namespace {

timings timings_of(const run_header& header) {
    timings out;
    const auto take = [&](const char* name, milliseconds& into) {
        if (const auto found = header.timings_ms.find(name); found != header.timings_ms.end()) into = milliseconds{found->second};
    };
    take("handshake_timeout_ms", out.handshake);
    take("ping_interval_ms", out.ping);
    take("pong_grace_ms", out.pong_grace);
    take("message_ttl_ms", out.expiry);
    take("head_timeout_ms", out.head);
    take("rate_window_ms", out.minute);
    return out;
}

case_settings settings_of(const run_header& header) {
    case_settings out;
    const auto of = header.set.starts_with("registry-") ? target_role::registry : target_role::relay;
    out.set = header.set == set_name(requirement_set::hardened, of) ? requirement_set::hardened : requirement_set::core;
    if (header.set != set_name(out.set, of)) throw usage_error{"the evidence is of the set " + header.set + ", which this build does not have"};
    out.seed = header.seed;
    out.salt = header.salt;
    out.timing = timings_of(header);
    out.deadline = std::chrono::duration_cast<milliseconds>(microseconds{header.deadline_us});
    out.patience = std::chrono::duration_cast<milliseconds>(microseconds{header.patience_us});
    if (const auto url = parse_url(header.url)) {
        out.authority = url->authority();
        out.path = url->path;
    }
    return out;
}

const check_result* find_check(const case_result& in, const std::string& requirement) {
    const auto found = std::ranges::find(in.checks, requirement, &check_result::requirement);
    return found == in.checks.end() ? nullptr : &*found;
}

/// What the run added to the verdict of the case itself: death of the target, doubt, or a waiver.
bool overridden(verdict v) { return v == verdict::crash || v == verdict::hang || v == verdict::flaky || v == verdict::waived; }

}  // namespace

void compare_verdicts(const case_result& was, const case_result& is, std::vector<std::string>& differences) {
    for (const auto& now : is.checks) {
        const auto name = is.id + " " + now.requirement;
        const auto* before = find_check(was, now.requirement);
        if (before == nullptr) {
            differences.push_back(name + ": " + std::string{to_string(now.outcome)} + " now, not in results.json");
        } else if (overridden(before->outcome)) {
            continue;
        } else if (before->outcome != now.outcome) {
            differences.push_back(name + ": " + std::string{to_string(now.outcome)} + " now, " +
                                  std::string{to_string(before->outcome)} + " in results.json");
        } else if (before->evidence != now.evidence || before->why != now.why || before->choice != now.choice) {
            differences.push_back(name + ": the same verdict for another reason");
        }
    }
    for (const auto& before : was.checks)
        if (find_check(is, before.requirement) == nullptr)
            differences.push_back(is.id + " " + before.requirement + ": in results.json, not judged now");
}

replay_report replay(const evidence& recorded, const run_report& results, const std::string& only_case,
                     const std::vector<const conformance_case*>* suite) {
    if (sodium_init() < 0) throw usage_error{"libsodium cannot be initialised"};
    if (!only_case.empty() && recorded.find(only_case) == nullptr)
        throw usage_error{"the evidence holds no case " + only_case};
    const auto settings = settings_of(recorded.header);
    replay_report out;
    for (const auto& records : recorded.cases) {
        if (!only_case.empty() && records.case_id() != only_case) continue;
        ++out.cases;
        const auto& all = suite != nullptr ? *suite : all_cases();
        const auto found = std::ranges::find(all, std::string_view{records.case_id()}, &conformance_case::id);
        if (found == all.end()) {
            out.differences.push_back(records.case_id() + ": this build has no such case");
            continue;
        }
        auto own = settings;
        if (!records.records().empty()) {
            const auto begin = nlohmann::json::parse(records.records().front().bytes, nullptr, false);
            if (begin.is_object() && begin.contains("begin") && begin["begin"].is_object()) {
                own.attempt = begin["begin"].value("attempt", 0);
                own.order_proven = begin["begin"].value("order", true);
                own.known_reach = static_cast<case_settings::reach>(begin["begin"].value("reach", 3));
            }
        }
        const auto before = std::ranges::find(results.cases, records.case_id(), &case_result::id);
        try {
            replay_wire over{records};
            ledger again{records.case_id(), recorded.genesis()};
            auto outcome = case_runner::run(**found, own, over, again);
            out.checks += outcome.result.checks.size();
            for (const auto& fault : outcome.faults) out.differences.push_back(fault);
            if (before != results.cases.end()) compare_verdicts(*before, outcome.result, out.differences);
            else out.differences.push_back(records.case_id() + ": not in results.json");
            out.judged.push_back(std::move(outcome.result));
        } catch (const replay_diverged& d) {
            out.differences.push_back(records.case_id() + ": at #" + std::to_string(d.seq) + " " + d.words);
        }
    }
    return out;
}

}  // namespace agentmesh::conformance
