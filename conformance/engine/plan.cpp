// Which cases run, in which order, and how long that takes.
#include "conformance/engine/plan.hpp"

#include "conformance_requirements.hpp"

#include <algorithm>
#include <tuple>

namespace agentmesh::conformance {
namespace {

bool names(std::string_view word, const conformance_case& c) {
    if (word == c.id) return true;
    if (c.id.starts_with(word) && c.id.size() > word.size() && c.id[word.size()] == '-') return true;
    return std::ranges::any_of(c.proves, [&](const clause* p) { return p->id == word; });
}

bool names_any(const std::vector<std::string>& words, const conformance_case& c) {
    return std::ranges::any_of(words, [&](const auto& w) { return names(w, c); });
}

}  // namespace

std::vector<const conformance_case*> select_cases(const plan_options& options) {
    const auto& all = options.cases != nullptr ? *options.cases : all_cases();
    for (const auto* words : {&options.only, &options.skip}) {
        for (const auto& w : *words) {
            const bool known =
                std::ranges::any_of(all, [&](const auto* c) { return c->role() == options.role && names(w, *c); });
            if (!known) throw usage_error{w + " names no case, area or requirement; see `amconf list`"};
        }
    }
    std::vector<const conformance_case*> out;
    for (const auto* c : all) {
        if (c->role() != options.role || case_runner::judged(*c, options.set).empty()) continue;
        if (!options.only.empty() && !names_any(options.only, *c)) continue;
        if (names_any(options.skip, *c)) continue;
        out.push_back(c);
    }
    std::ranges::sort(out, {}, &conformance_case::id);
    return out;
}

bool granted(const conformance_case& c, const plan_options& options) {
    if (options.slow) return true;
    const auto wanted = static_cast<unsigned>(c.wait), given = static_cast<unsigned>(options.granted);
    return (wanted & ~given) == 0;
}

std::string_view why_not_granted(const conformance_case& c) {
    if (includes(c.wait, waits::expiry)) return "waits for the expiry of a message: declare message_ttl_ms or use --slow";
    if (includes(c.wait, waits::minute)) return "waits for a rate window: declare rate_window_ms or use --slow";
    if (includes(c.wait, waits::ping)) return "waits for a Ping: declare ping_interval_ms and pong_grace_ms or use --slow";
    if (includes(c.wait, waits::head)) return "waits for the limit of a request head: declare head_timeout_ms or use --slow";
    return "waits for the handshake limit: declare handshake_timeout_ms or use --slow";
}

milliseconds wait_of(const conformance_case& c, const timings& t) {
    milliseconds out{0};
    if (includes(c.wait, waits::handshake)) out += t.handshake;
    if (includes(c.wait, waits::ping)) out += t.ping + t.pong_grace;
    if (includes(c.wait, waits::expiry)) out += t.expiry;
    if (includes(c.wait, waits::minute)) out += t.minute;
    if (includes(c.wait, waits::head)) out += t.head;
    return out;
}

double planned_seconds(const std::vector<const conformance_case*>& cases, const plan_options& options, microseconds rtt) {
    constexpr auto in_seconds = [](auto d) { return std::chrono::duration<double>(d).count(); };
    double sum = 0, longest = 0;
    for (const auto* c : cases) {
        if (!granted(*c, options)) continue;
        const double one = c->cost.count * in_seconds(rtt) + in_seconds(wait_of(*c, options.declared));
        sum += one;
        longest = std::max(longest, one);
    }
    return std::max(longest, sum / std::max(1u, options.jobs));
}

bool shows_order(const conformance_case& c) {
    return std::ranges::any_of(c.proves, [](const clause* p) {
        return p->id == req::AM_RLY_007.id || p->id == req::AM_ERR_014.id;
    });
}

running_order order_cases(const std::vector<const conformance_case*>& cases, const plan_options& options) {
    running_order out;
    for (const auto* c : cases) {
        if (!granted(*c, options)) out.not_granted.push_back(c);
        else if (shows_order(*c)) out.first.push_back(c);
        else if (c->alone) out.alone.push_back(c);
        else out.lanes.push_back(c);
    }
    // The longest first, so that no lane ends with one.
    std::ranges::sort(out.lanes, {}, [&](const conformance_case* c) {
        return std::tuple{-wait_of(*c, options.declared), -c->cost.count, c->id};
    });
    return out;
}

}  // namespace agentmesh::conformance
