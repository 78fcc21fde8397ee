// Findings: combining them, and making them from values.
#include "conformance/engine/context_state.hpp"

#include <algorithm>

namespace agentmesh::conformance {
namespace {

void merge_evidence(finding& into, const finding& from) {
    into.evidence.insert(into.evidence.end(), from.evidence.begin(), from.evidence.end());
    std::ranges::sort(into.evidence);
    const auto repeated = std::ranges::unique(into.evidence);
    into.evidence.erase(repeated.begin(), repeated.end());
    into.inbound = into.inbound || from.inbound;
}

std::string joined(const std::string& a, std::string_view by, const std::string& b) {
    if (a.empty() || a == b) return b;
    return b.empty() ? a : a + std::string{by} + b;
}

}  // namespace

finding operator&(const finding& a, const finding& b) {
    finding out = a.holds && !b.holds ? b : a;
    out.holds = a.holds && b.holds;
    // One clear contradiction decides, whatever else could not be seen.
    out.undecided = !out.holds && (a.holds || a.undecided) && (b.holds || b.undecided);
    if (out.holds) out.sought = joined(a.sought, "; ", b.sought);
    else if (!a.holds && !b.holds && a.undecided && !b.undecided) out.sought = b.sought, out.saw = b.saw;
    merge_evidence(out, a);
    merge_evidence(out, b);
    return out;
}

finding operator|(const finding& a, const finding& b) {
    finding out = a.holds || !b.holds ? a : b;
    out.undecided = !out.holds && (a.undecided || b.undecided);
    if (!out.holds) {
        out.sought = joined(a.sought, " or ", b.sought);
        out.saw = joined(a.saw, "; ", b.saw);
    }
    merge_evidence(out, a);
    merge_evidence(out, b);
    return out;
}

finding operator!(const finding& a) {
    finding out = a;
    if (a.undecided) return out;
    out.holds = !a.holds;
    out.sought = "not: " + a.sought;
    out.saw = out.holds ? std::string{} : a.sought;
    return out;
}

finding context::value_finding(bool holds, std::string_view words) {
    finding out;
    out.holds = holds;
    out.sought = words;
    if (!holds) out.saw = "otherwise";
    return out;
}

void context::rest_on(finding& f, const observation& on) {
    if (on.seq != 0) {
        f.evidence.push_back(on.seq);
        std::ranges::sort(f.evidence);
    }
    f.inbound = f.inbound || on.inbound();
    f.last = on;
    // What was never seen cannot have the property; say what was there instead.
    if (!f.holds && !on.inbound()) f.saw = describe(on);
}

void context::rest_on(finding& f, const finding& on) {
    if (!on.holds && !f.holds && f.saw == "otherwise") f.saw = on.saw.empty() ? "otherwise" : on.saw;
    merge_evidence(f, on);
    f.last = on.last;
}

void context::rest_on(finding& f, const std::vector<observation>& on) {
    for (const auto& o : on) rest_on(f, o);
}

finding context::none(const std::vector<observation>& seen, const matcher& unwanted) {
    auto out = value_finding(true, "not " + unwanted.words);
    for (const auto& o : seen) {
        if (unwanted(o) && out.holds) {
            out.holds = false;
            out.saw = describe(o);
        }
        rest_on(out, o);
    }
    return out;
}

}  // namespace agentmesh::conformance
