#include "conformance/engine/run.hpp"

#include "agentmesh/version.hpp"
#include "conformance/engine/accounting.hpp"
#include "conformance/engine/session.hpp"
#include "conformance_requirements.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstdio>

namespace agentmesh::conformance {
namespace {

constexpr double longest_plan = 55;  // seconds

std::string random_hex(std::size_t bytes) {
    std::string out(bytes, '\0');
    randombytes_buf(out.data(), out.size());
    return to_hex(out);
}

std::string day_of(wall_time when) { return stamp(when).substr(0, 10); }

std::vector<std::string> words_of(waits granted) {
    std::vector<std::string> out;
    for (const auto& [flag, word] : {std::pair{waits::handshake, "handshake"}, {waits::ping, "ping"},
                                     {waits::expiry, "expiry"}, {waits::minute, "minute"}, {waits::head, "head"}}) {
        if (includes(granted, flag)) out.emplace_back(word);
    }
    return out;
}

std::map<std::string, std::int64_t> numbers_of(const timings& t) {
    return {{"handshake_timeout_ms", t.handshake.count()}, {"ping_interval_ms", t.ping.count()},
            {"pong_grace_ms", t.pong_grace.count()},       {"message_ttl_ms", t.expiry.count()},
            {"head_timeout_ms", t.head.count()},           {"rate_window_ms", t.minute.count()}};
}

target make_target(const plan_options& options) {
    const auto url = parse_url(options.url);
    const bool registry = options.role == target_role::registry;
    if (!url || url->http != registry)
        throw usage_error{"not " + std::string{registry ? "an http:// or https://" : "a ws:// or wss://"} + " URL: " + options.url};
    target out;
    out.url = *url;
    out.addresses = resolve(*url);
    if (url->tls) {
        try {
            out.tls = std::make_shared<tls_client>(tls_client::options{options.insecure, options.ca_file});
        } catch (const std::runtime_error& e) {
            throw usage_error{e.what()};
        }
    }
    return out;
}

void check_plan(const std::vector<const conformance_case*>& cases, const plan_options& options, microseconds rtt) {
    const double planned = planned_seconds(cases, options, rtt);
    if (options.slow || planned <= longest_plan) return;
    char text[160];
    std::snprintf(text, sizeof text, "the plan takes about %.0f s, above the limit of %.0f s: use --only, more --jobs, or --slow",
                  planned, longest_plan);
    throw usage_error{text};
}

/// The cases that show order come first; on what they say the fences of all others rest.
void judge_order(session& s, const std::vector<const conformance_case*>& cases) {
    s.run_lanes(cases, 1);
    for (const auto* c : cases) {
        const auto* result = s.result_of(c->id);
        if (result == nullptr) continue;
        for (const auto& check : result->checks) {
            const bool order = check.requirement == req::AM_RLY_007.id || check.requirement == req::AM_ERR_014.id;
            if (order && breaks_must(check.outcome)) s.distrust_order();
        }
    }
}

}  // namespace

run_report run(const plan_options& options) {
    if (sodium_init() < 0) throw usage_error{"libsodium cannot be initialised"};
    const auto start = std::chrono::steady_clock::now();
    const auto cases = select_cases(options);
    const auto to = make_target(options);
    if (!options.seed.empty() && !from_hex(options.seed)) throw usage_error{"the seed is not hexadecimal: " + options.seed};

    run_report report;
    report.suite = {std::string{library_version}, set_name(options.set, options.role), set_digest(options.set, options.role),
                    std::string{req::spec_revision}, options.seed.empty() ? random_hex(16) : options.seed};
    report.target.role = to_string(options.role);
    report.target.url = options.url;

    case_settings settings;
    settings.set = options.set;
    settings.seed = report.suite.seed;
    // The salt makes identities new in every run, so that one seed can be used twice on one relay.
    settings.salt = random_hex(16);
    settings.timing = options.declared;
    settings.authority = to.url.authority();
    settings.path = to.url.path;

    preflight_report before;
    if (to.addresses.empty()) before.diagnosis = "the name " + to.url.host + " has no address";
    else before = preflight(to, options.role, settings, start);
    report.diagnosis = before.diagnosis;
    report.rtt_p50_us = before.rtt_p50.count();
    report.rtt_p99_us = before.rtt_p99.count();
    report.spki_sha256 = before.spki_sha256;
    settings.known_reach = before.reach;
    settings.deadline = std::max(options.deadline_floor, std::chrono::ceil<milliseconds>(before.rtt_p99 * 8));
    settings.patience = std::max(options.patience_floor, settings.deadline * 4);
    check_plan(cases, options, before.rtt_p50);

    evidence kept;
    kept.header = {report.suite.version,
                   report.suite.set,
                   settings.seed,
                   settings.salt,
                   options.url,
                   std::string{req::spec_digest},
                   microseconds{settings.deadline}.count(),
                   microseconds{settings.patience}.count(),
                   numbers_of(options.declared),
                   words_of(options.slow ? static_cast<waits>(~0u) : options.granted)};
    session s{options, to, settings, start, kept.genesis(), cases.size()};
    if (options.observer) options.observer({0, cases.size(), nullptr});

    const auto order = order_cases(cases, options);
    for (const auto* c : order.not_granted)
        s.leave_out(case_runner::not_run(*c, options.set, verdict::untested, why_not_granted(*c)));
    judge_order(s, order.first);
    s.run_lanes(order.lanes, options.jobs);
    s.run_lanes(order.alone, 1);

    report.cases = s.take_results();
    report.faults = s.take_faults();
    add_uncovered(report, options.set, options.role);
    const auto today = options.today.empty()
                           ? day_of(std::chrono::floor<microseconds>(std::chrono::system_clock::now()))
                           : options.today;
    apply_waivers(report, options.waivers, today);
    settle(report);
    apply_baseline(report, options.baseline, today);

    kept.cases = s.take_ledgers();
    report.evidence_root = kept.root();
    if (options.keep_evidence != nullptr) *options.keep_evidence = std::move(kept);
    report.duration_ms = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start).count();
    return report;
}

}  // namespace agentmesh::conformance
