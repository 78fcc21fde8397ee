#include "conformance/engine/shim_verdicts.hpp"

#include <algorithm>

namespace agentmesh::conformance {
namespace {

constexpr std::array<protocol_clause, 12> clauses{{
    {"AM-SHM-001", "A shim MUST answer hello with its name, its version, its areas and its suites."},
    {"AM-SHM-002", "A shim MUST answer each request with exactly one line, in order, with the id of the request."},
    {"AM-SHM-003", "A shim MUST refuse with one of the nine classes."},
    {"AM-SHM-004",
     "A shim MUST answer an operation that it does not have, or of an area that it does not offer, with unsupported."},
    {"AM-SHM-005", "A shim MUST give the same answer to the same question, in whatever order questions come."},
    {"AM-SHM-006", "A shim MUST answer flush after it has answered every request before it."},
    {"AM-SHM-007", "A shim MUST answer bye with the number of replies that it has written, that one included."},
    {"AM-SHM-008", "A shim MUST end with status 0 after bye."},
    {"AM-SHM-009", "A shim MUST NOT end or fall silent before bye."},
    {"AM-SHM-010", "A shim MUST refuse a hello of a version that it does not speak with version."},
    {"AM-SHM-011",
     "A shim MUST refuse a session that it does not know with state, and one that is begun twice with order."},
    {"AM-SHM-012",
     "A shim that offers rng.feed MUST draw its random bytes from what it was fed, in order, until none is left."},
}};

}  // namespace

std::span<const protocol_clause> protocol_clauses() { return clauses; }

void shim_verdicts::merge(check_result found) {
    std::erase(found.evidence, 0);
    std::ranges::sort(found.evidence);
    found.evidence.erase(std::ranges::unique(found.evidence).begin(), found.evidence.end());
    const auto [at, fresh] = checks_.emplace(found.requirement, found);
    if (fresh) return;
    auto& kept = at->second;
    if (kept.outcome == found.outcome) {
        std::vector<std::uint64_t> both;
        std::ranges::set_union(kept.evidence, found.evidence, std::back_inserter(both));
        kept.evidence = std::move(both);
    } else if (worse(kept.outcome, found.outcome) == found.outcome) {
        kept = std::move(found);
    }
}

void shim_verdicts::add(const clause& of, verdict outcome, std::string why, std::vector<std::uint64_t> evidence) {
    check_result found;
    found.requirement = of.id;
    found.level = of.level;
    found.outcome = outcome == verdict::pass && of.level == keyword::may ? verdict::chose : outcome;
    if (found.outcome == verdict::chose) found.choice = "as in the vectors";
    found.evidence = std::move(evidence);
    found.why = std::move(why);
    found.sentence = of.sentence;
    found.line = of.line;
    merge(std::move(found));
}

void shim_verdicts::judge(const clause& of, bool holds, std::string_view why, std::vector<std::uint64_t> evidence) {
    add(of, holds ? verdict::pass : adverse(of.level), std::string{why}, std::move(evidence));
}

void shim_verdicts::add_protocol(std::string_view id, verdict outcome, std::string why,
                                 std::vector<std::uint64_t> evidence) {
    check_result found;
    found.requirement = id;
    found.outcome = outcome;
    found.evidence = std::move(evidence);
    found.why = std::move(why);
    found.sentence = std::ranges::find(clauses, id, &protocol_clause::id)->sentence;
    merge(std::move(found));
}

std::vector<check_result> shim_verdicts::take(const shim_talk& talk, const ledger& log,
                                              std::vector<std::string>& faults) {
    for (const auto& one : talk.breaches()) {
        const bool death = one.clause == "AM-SHM-009";
        add_protocol(one.clause, death ? talk.death().value_or(verdict::fail) : verdict::fail, one.why, one.evidence);
    }
    std::vector<check_result> out;
    for (auto& [id, check] : checks_) {
        const bool good =
            check.outcome == verdict::pass || check.outcome == verdict::chose || check.outcome == verdict::not_offered;
        if (good && !talk.breaches().empty()) {
            check.outcome = verdict::inconclusive;
            check.why = "the shim broke its protocol in this conversation: " + talk.breaches().front().why;
            check.choice.clear();
        } else if (good && std::ranges::none_of(check.evidence, [&](auto seq) { return log.inbound(seq); })) {
            faults.push_back(log.case_id() + " " + id + ": a verdict rests on nothing that the shim said");
        }
        out.push_back(std::move(check));
    }
    checks_.clear();
    return out;
}

}  // namespace agentmesh::conformance
