#include "conformance/engine/case_runner.hpp"

#include "conformance/engine/context_state.hpp"
#include "conformance/engine/registry_context.hpp"
#include "conformance/engine/replay_wire.hpp"

#include <algorithm>
#include <chrono>

namespace agentmesh::conformance {
namespace {

std::string_view name_of(feature f) {
    switch (f) {
        case feature::receipts: return "receipts";
        case feature::challenge: return "challenge";
        case feature::none: break;
    }
    return "";
}

bool lists(const observation& seen, std::string_view word) {
    if (!seen.has("features") || !seen.body.at("features").is_array()) return false;
    return std::ranges::any_of(seen.body.at("features"), [&](const json& f) { return f == word; });
}

check_result bare_check(const clause& c, verdict outcome, std::string_view why) {
    check_result out;
    out.requirement = c.id;
    out.level = c.level;
    out.outcome = outcome;
    out.why = why;
    out.sentence = c.sentence;
    out.line = c.line;
    return out;
}

}  // namespace

std::vector<const clause*> case_runner::judged(const conformance_case& what, requirement_set set) {
    std::vector<const clause*> out;
    std::ranges::copy_if(what.proves, std::back_inserter(out), [&](const clause* c) { return within(c->set, set); });
    return out;
}

case_result case_runner::not_run(const conformance_case& what, requirement_set set, verdict outcome, std::string_view why) {
    case_result out;
    out.id = what.id;
    out.title = what.title;
    out.outcome = outcome;
    for (const auto* c : judged(what, set)) out.checks.push_back(bare_check(*c, outcome, why));
    return out;
}

bool case_runner::offers(context& t, feature wanted, finding& probe) {
    const std::string name{name_of(wanted)};
    auto c = t.dial();
    c.send(t.connect_frame(t.fresh(), {.features = {name}}));
    probe = c.expect(match::frame("connected") | match::frame("challenge") | match::refusal());
    if (probe.holds && probe->is_frame(wanted == feature::challenge ? "challenge" : "connected") && lists(probe.last, name))
        return true;
    // Not taken up. That says something only about a target that is a relay otherwise.
    auto plain = t.fresh_pair();
    t.exchange(plain.a, plain.b);
    probe.sought = "a login that offers " + name + " was answered without it";
    return false;
}

case_outcome case_runner::run(const conformance_case& what, const case_settings& settings, wire& over, ledger& log) {
    const auto began = std::chrono::steady_clock::now();
    case_outcome out;
    out.result.id = what.id;
    out.result.title = what.title;
    log.add(0, 0, direction::none, "case",
            nlohmann::json{{"begin", {{"attempt", settings.attempt}, {"order", settings.order_proven},
                                    {"reach", static_cast<int>(settings.known_reach)}}}}.dump());

    registry_context t{std::make_unique<context::state>(what, settings, over, log)};
    verdict open_verdict = verdict::untested;
    std::string open_why = "the case ended without judging it";
    try {
        finding probe;
        if (what.needs == feature::none || offers(t, what.needs, probe)) {
            if (what.ask != nullptr) what.ask(t);
            else what.run(t);
        } else if (probe.holds) {
            for (const auto* c : judged(what, settings.set)) t.record_not_offered(*c, probe);
        } else {
            open_verdict = verdict::inconclusive;
            open_why = "the probe for the feature was not answered";
        }
    } catch (const control_failed& e) {
        open_verdict = verdict::inconclusive;
        open_why = e.words;
    } catch (const harness_fault& e) {
        out.faults.push_back(e.words);
    } catch (const replay_diverged&) {
        throw;
    } catch (const std::exception& e) {
        out.faults.push_back("case " + std::string{what.id} + " threw: " + e.what());
    }
    out.dial_failed = t.s_->dial_failed;
    out.unanswered = t.s_->unanswered;

    for (const auto* c : judged(what, settings.set))
        t.s_->checks.try_emplace(std::string{c->id}, bare_check(*c, open_verdict, open_why));
    const auto at = over.elapsed().count();
    out.result.outcome = verdict::pass;
    for (auto& [id, check] : t.s_->checks) {
        log.add_verdict(at, check);
        out.result.outcome = worse(out.result.outcome, check.outcome);
        out.result.checks.push_back(check);
    }
    log.add(at, 0, direction::none, "case", "tail");
    for (const auto& event : t.s_->passed_over)
        log.add(event.seen.at.count(), event.conn, event.dir, event.layer, event.bytes);
    for (const auto& event : over.finish())
        log.add(event.seen.at.count(), event.conn, event.dir, event.layer, event.bytes);
    out.result.duration_ms = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began).count();
    return out;
}

}  // namespace agentmesh::conformance
