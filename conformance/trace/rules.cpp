#include "conformance/trace/rules.hpp"

#include <algorithm>
#include <array>

namespace agentmesh::conformance::trace {
namespace {

/// Kinds whose text follows the sentence of a clause, so that an edit of the sentence puts them in doubt.
bool follows_sentence(link_kind kind) {
    return kind == link_kind::test_case || kind == link_kind::vector || kind == link_kind::schema || kind == link_kind::fuzz ||
           kind == link_kind::mutant;
}

std::string counted(std::size_t number, std::string_view one) {
    return std::to_string(number) + " " + std::string(one) + (number == 1 ? "" : "s");
}

/// The links of one requirement.
struct evidence_for {
    std::array<std::size_t, link_kinds> of{};
    std::size_t accepts = 0, rejects = 0, suspect = 0, unrecorded = 0;
    bool accepted_beside = false;
    std::vector<std::string> cases;

    [[nodiscard]] std::size_t operator[](link_kind kind) const { return of[static_cast<unsigned>(kind)]; }

    void add(const trace_link& one, link_state state) {
        ++of[static_cast<unsigned>(one.kind)];
        accepts += one.accepts;
        rejects += one.rejects;
        accepted_beside = accepted_beside || one.file_accepts;
        suspect += state == link_state::suspect ? 1 : 0;
        unrecorded += state == link_state::unrecorded ? 1 : 0;
        if (one.kind == link_kind::test_case) cases.push_back(one.artifact);
    }
};

bool is_must(keyword level) { return level == keyword::must || level == keyword::must_not; }

class judge_of_one {
public:
    judge_of_one(const material& what, const clause& of, const evidence_for& have) : what_{what}, of_{of}, have_{have} {}

    std::vector<std::string> run() {
        if (seen_by(by_wire)) wire();
        if (seen_by(by_vector)) vectors();
        if (seen_by(by_schema) && have_[link_kind::schema] == 0) lacks("no x-req in a schema");
        if (seen_by(by_fuzz) && have_[link_kind::fuzz] == 0) lacks("no fuzz target");
        if (seen_by(by_review)) reviewed();
        if (what_.strict && is_must(of_.level) && !seen_by(by_review) && have_[link_kind::code] == 0) {
            lacks("no place in include/ names it");
        }
        if (have_.suspect != 0) lacks("text changed, " + counted(have_.suspect, "link") + " suspect");
        if (what_.strict && have_.unrecorded != 0) lacks(counted(have_.unrecorded, "link") + " not in reviewed.json");
        return std::move(missing_);
    }

private:
    [[nodiscard]] bool seen_by(observability way) const { return (of_.by & way) != 0; }
    void lacks(std::string what) { missing_.push_back(std::move(what)); }

    void wire() {
        if (have_[link_kind::test_case] == 0) return lacks("no case");
        if (what_.emitted) {
            const auto seen = what_.emitted->find(std::string(of_.id));
            if (seen == what_.emitted->end()) {
                lacks("proven in source, never emitted in the reference run");
            } else if (!certifiable(seen->second)) {
                lacks("the reference run says " + std::string(to_string(seen->second)));
            }
        }
        // Nothing but a mutant shows that the oracle of a MUST can say no.
        if (what_.killed && is_must(of_.level) && !what_.killed->contains(std::string(of_.id))) {
            lacks(have_.cases.front() + (have_.cases.size() > 1 ? " and others kill" : " kills") + " no mutant");
        }
    }

    void vectors() {
        if (have_[link_kind::vector] == 0) return lacks("no vector");
        if (of_.pole != polarity::reject) return;
        if (have_.rejects == 0) lacks("no vector that is rejected");
        if (have_.accepts == 0 && !have_.accepted_beside) lacks("no vector that is accepted beside it");
    }

    void reviewed() {
        const auto record = std::find_if(what_.reviews.begin(), what_.reviews.end(),
                                         [&](const review& one) { return one.requirement == of_.id; });
        if (record == what_.reviews.end() || record->reviewer.empty() || record->reason.empty()) {
            return lacks("no reviewer or no reason");
        }
        if (record->until < what_.today) lacks("review expired on " + record->until);
    }

    const material& what_;
    const clause& of_;
    const evidence_for& have_;
    std::vector<std::string> missing_;
};

void judge_share_of_reviews(const material& what, traceability& out) {
    std::size_t must = 0, by_reading = 0;
    for (const auto* one : what.clauses) {
        if (!is_must(one->level)) continue;
        ++must;
        by_reading += one->by == by_review ? 1 : 0;
    }
    if (by_reading * 10 > must) {
        out.complaints.push_back(counted(by_reading, "MUST") + " of " + std::to_string(must) + " rest on review alone, more than a tenth");
    }
}

}  // namespace

bool traceability::clean() const { return blocking() == 0 && orphans.empty() && complaints.empty(); }

std::size_t traceability::blocking() const {
    return static_cast<std::size_t>(
        std::count_if(requirements.begin(), requirements.end(), [](const judgement& one) { return !one.missing.empty(); }));
}

bool kept_in_ledger(const trace_link& one) noexcept { return follows_sentence(one.kind) && one.hash.empty(); }

link_state state_of(const trace_link& one, const clause& of, const review_ledger& reviewed) {
    if (!follows_sentence(one.kind)) return link_state::current;
    auto hash = one.hash;
    if (kept_in_ledger(one)) {
        const auto artifact = reviewed.find(one.artifact);
        if (artifact == reviewed.end()) return link_state::unrecorded;
        const auto entry = artifact->second.find(one.requirement);
        if (entry == artifact->second.end()) return link_state::unrecorded;
        hash = entry->second;
    }
    // Vector files state the first half of the digest. Less would not tell sentences apart.
    const bool same = hash.size() >= 16 && of.hash.starts_with(hash);
    return same ? link_state::current : link_state::suspect;
}

traceability judge(const material& what) {
    traceability out;
    out.orphans = what.found.orphans;
    std::map<std::string_view, const clause*> known;
    for (const auto* one : what.clauses) known.emplace(one->id, one);

    std::map<std::string_view, evidence_for> found;
    for (const auto& one : what.found.links) {
        const auto of = known.find(one.requirement);
        if (of == known.end()) {
            out.orphans.push_back({one.artifact, "names " + one.requirement + ", which is not in SPEC.md"});
            continue;
        }
        found[of->first].add(one, state_of(one, *of->second, what.reviewed));
    }
    for (const auto* one : what.clauses) {
        out.requirements.push_back({one, judge_of_one(what, *one, found[one->id]).run()});
    }
    judge_share_of_reviews(what, out);
    return out;
}

}  // namespace agentmesh::conformance::trace
