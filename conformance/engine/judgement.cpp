// Judgements: what findings mean for clauses, and what a verdict may rest on.
#include "conformance/engine/context_state.hpp"

#include <algorithm>

namespace agentmesh::conformance {

check_result& context::state::check(const clause& c) {
    const bool declared = std::ranges::any_of(what.proves, [&](const clause* p) { return p->id == c.id; });
    if (!declared) throw harness_fault{"case " + std::string{what.id} + " judges " + std::string{c.id} + " without naming it"};
    const auto [entry, fresh] = checks.try_emplace(std::string{c.id});
    auto& out = entry->second;
    if (fresh) {
        out.requirement = c.id;
        out.level = c.level;
        out.outcome = verdict::pass;
        out.sentence = c.sentence;
        out.line = c.line;
    }
    return out;
}

namespace {

/// The worst judgement counts; of equal ones the first keeps its words, all keep their evidence.
void merge(check_result& into, verdict outcome, std::string why, const std::vector<std::uint64_t>& evidence) {
    if (into.why.empty() || worse(into.outcome, outcome) != into.outcome) {
        into.outcome = worse(into.outcome, outcome);
        into.why = std::move(why);
    }
    into.evidence.insert(into.evidence.end(), evidence.begin(), evidence.end());
    std::ranges::sort(into.evidence);
    const auto repeated = std::ranges::unique(into.evidence);
    into.evidence.erase(repeated.begin(), repeated.end());
}

}  // namespace

bool context::judges(const clause& c) const noexcept { return within(c.set, s_->settings.set); }

void context::judge(const clause& c, const finding& f) {
    if (!judges(c)) return;
    auto& check = s_->check(c);
    const auto where = "case " + std::string{s_->what.id} + ", " + std::string{c.id};
    if (f.undecided) {
        merge(check, verdict::inconclusive, "expected: " + f.sought + "; saw: " + f.saw, f.evidence);
        return;
    }
    if (!f.holds) {
        merge(check, adverse(c.level), "expected: " + f.sought + "; saw: " + f.saw, f.evidence);
        return;
    }
    if (!std::ranges::any_of(f.evidence, [&](std::uint64_t seq) { return s_->log.inbound(seq); }))
        throw harness_fault{where + ": a pass that rests on nothing the target sent"};
    // Whatever a registry answers, something else could answer as well that knows nothing of agents.
    const bool needs_control = c.pole == polarity::reject || c.pole == polarity::absent || s_->what.role() == target_role::registry;
    if (needs_control && s_->controls == 0)
        throw harness_fault{where + ": a pass without a control before it"};
    merge(check, verdict::pass, f.sought, f.evidence);
}

void context::record_choice(const clause& c, std::string_view word, const finding& f) {
    if (!judges(c)) return;
    auto& check = s_->check(c);
    merge(check, verdict::chose, "chose: " + std::string{word}, f.evidence);
    check.choice = word;
}

void context::record_note(const clause& c, std::string_view word) {
    if (judges(c)) s_->check(c).choice = word;
}

void context::record_not_offered(const clause& c, const finding& probe) {
    if (!judges(c)) return;
    if (!std::ranges::any_of(probe.evidence, [&](std::uint64_t seq) { return s_->log.inbound(seq); }))
        throw harness_fault{"case " + std::string{s_->what.id} + ": not_offered without a probe that was answered"};
    merge(s_->check(c), verdict::not_offered, "the target does not offer it: " + probe.sought, probe.evidence);
}

}  // namespace agentmesh::conformance
