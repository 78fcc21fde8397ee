#include "conformance/engine/case.hpp"

#include <algorithm>
#include <deque>
#include <set>

namespace agentmesh::conformance {
namespace {

struct registry {
    std::deque<conformance_case> owned;
    std::vector<const conformance_case*> sorted;
};

/// Filled by the initialisers of the case files, which run on one thread before main(); read-only afterwards.
registry& the_registry() {
    static registry r;
    return r;
}

bool well_formed(std::string_view id) {
    const auto first = id.find('-');
    const auto last = id.rfind('-');
    if (first == std::string_view::npos || last <= first || id.size() - last != 4) return false;
    const auto upper = [](std::string_view part) {
        return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
            return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        });
    };
    const auto number = id.substr(last + 1);
    return upper(id.substr(0, first)) && upper(id.substr(first + 1, last - first - 1)) &&
           std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

namespace detail {

const conformance_case* operator+(case_id id, const case_definition& what) {
    auto& r = the_registry();
    auto& added = r.owned.emplace_back();
    static_cast<case_definition&>(added) = what;
    added.id = id.id;
    const auto at = std::upper_bound(r.sorted.begin(), r.sorted.end(), &added,
                                     [](const auto* a, const auto* b) { return a->id < b->id; });
    r.sorted.insert(at, &added);
    return &added;
}

}  // namespace detail

const std::vector<const conformance_case*>& all_cases() { return the_registry().sorted; }

const conformance_case* find_case(std::string_view id) {
    for (const auto* c : all_cases())
        if (c->id == id) return c;
    return nullptr;
}

std::vector<std::string> lint_cases() {
    std::vector<std::string> out;
    std::set<std::string_view> seen;
    for (const auto* c : all_cases()) {
        const auto complain = [&](std::string_view what) { out.push_back("case " + std::string{c->id} + " " + std::string{what}); };
        if (!seen.insert(c->id).second) complain("is defined twice");
        if (!well_formed(c->id)) complain("has an id that is not <AREA>-<WORD>-<nnn>");
        if (c->title.empty()) complain("has no title");
        if (c->proves.empty()) complain("proves nothing");
        if (c->run == nullptr && c->ask == nullptr) complain("does nothing");
        if (c->run != nullptr && c->ask != nullptr) complain("asks two targets");
        if (c->cost.count <= 0) complain("does not state its cost");
        std::set<std::string_view> proved;
        for (const auto* p : c->proves) {
            if (!judged_through_url(*p, requirement_set::hardened, c->role()))
                complain("proves " + std::string{p->id} + ", which a " + std::string{to_string(c->role())} + "'s URL cannot answer for");
            if (!proved.insert(p->id).second) complain("names " + std::string{p->id} + " twice");
        }
    }
    return out;
}

}  // namespace agentmesh::conformance
