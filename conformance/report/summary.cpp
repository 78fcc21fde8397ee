#include "conformance/report/summary.hpp"

#include "conformance/report/text.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace agentmesh::conformance::report {
namespace {

struct area_title {
    std::string_view prefix;  // of the case id
    std::string_view name;
};

// The order in which areas are shown; a longer prefix stands before the one it begins with.
constexpr std::array titles{
    area_title{"WSK-OPEN", "upgrade"},       area_title{"WSK-REFUSE", "upgrade"},
    area_title{"WSK", "websocket"},          area_title{"AUT-CHALLENGE", "challenge & features"},
    area_title{"AUT-FEATURE", "challenge & features"}, area_title{"AUT", "connect & auth"},
    area_title{"RLY-SEND", "delivery"},      area_title{"RLY-STORE", "store & forward"},
    area_title{"RLY-RECEIPT", "receipts"},   area_title{"RLY-PRESENCE", "presence"},
    area_title{"RLY-ICE", "signalling"},     area_title{"RLY-LIFE", "connections"},
    area_title{"RLY", "relay"},              area_title{"LIM", "limits"},
    area_title{"ERR", "errors"},             area_title{"PRV", "privacy"},
    area_title{"RUN-SHIM", "shim protocol"}, area_title{"ID", "identity"},
    area_title{"ENC", "encodings"},          area_title{"KEX", "key agreement"},
    area_title{"RAT", "ratchet"},            area_title{"KNK", "KNOCK"},
    area_title{"POL", "policy"},             area_title{"ENV", "envelopes"},
    area_title{"CAP", "capabilities"},       area_title{"HTP", "HTTP"},
    area_title{"RQP", "request proofs"},     area_title{"REG-JOIN", "registration"},
    area_title{"REG-SEARCH", "search"},      area_title{"REG-PREKEYS", "prekeys"},
    area_title{"REG-REVOKE", "revocation"},  area_title{"REG", "registry"},
    area_title{"REP", "reputation"},         area_title{"ORG", "organizations"},
    area_title{"OAU", "logins"},             area_title{"W10", "profile wire10"},
};

std::size_t title_index(std::string_view case_id) {
    const auto found = std::find_if(titles.begin(), titles.end(),
                                    [&](const area_title& title) { return case_id.starts_with(title.prefix); });
    return static_cast<std::size_t>(found - titles.begin());
}

std::string anchor_of(std::string_view name) {
    std::string out = "area-";
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain || out.back() != '-') out += plain ? c : '-';
    }
    return out;
}

std::size_t requirements_that(const run_report& report, bool (*counts)(verdict)) {
    return static_cast<std::size_t>(std::count_if(report.requirements.begin(), report.requirements.end(),
                                                  [&](const auto& entry) { return counts(entry.second); }));
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : ", ") + part;
    return out;
}

}  // namespace

mood mood_of(verdict v) noexcept {
    switch (v) {
        case verdict::pass: case verdict::chose: return mood::good;
        case verdict::not_offered: case verdict::waived: return mood::neutral;
        case verdict::deviation: return mood::warning;
        case verdict::untested: case verdict::inconclusive: case verdict::flaky: return mood::open;
        case verdict::fail: case verdict::hang: case verdict::crash: return mood::bad;
    }
    return mood::bad;
}

std::string_view to_string(mood m) noexcept {
    constexpr std::array<std::string_view, moods> names{"good", "neutral", "warning", "open", "bad"};
    return names[static_cast<unsigned>(m)];
}

std::string words(verdict v) { return v == verdict::not_offered ? "not offered" : std::string(to_string(v)); }

bool needs_attention(verdict v) noexcept { return mood_of(v) >= mood::warning; }

headline headline_of(const run_report& report) {
    headline out;
    out.exit_code = exit_code(report);
    out.broken = requirements_that(report, breaks_must);
    out.deviating = requirements_that(report, [](verdict v) { return v == verdict::deviation; });
    out.open = requirements_that(report, leaves_open);
    std::vector<std::string> reasons;
    if (out.broken != 0) reasons.push_back(grouped(out.broken) + " MUST");
    if (out.deviating != 0) reasons.push_back(grouped(out.deviating) + " SHOULD");
    if (out.open != 0) reasons.push_back(grouped(out.open) + " open");
    out.reason = joined(reasons);
    switch (out.exit_code) {
        case 0:
            // A baseline quiets the exit code and certifies nothing; nor does a run of some of the cases.
            out.tone = report.certifiable ? mood::good : mood::warning;
            out.verdict = report.certifiable ? "CERTIFIABLE"
                          : reasons.empty()  ? "PASSED IN PART"
                                             : "KNOWN FAILURES ONLY";
            break;
        case 1:
            out.tone = mood::bad;
            out.verdict = "NOT CERTIFIABLE";
            break;
        case 5:
            out.tone = mood::warning;
            out.verdict = "BASELINE IS STALE";
            out.reason = grouped(report.stale.size()) + (report.stale.size() == 1 ? " entry" : " entries");
            break;
        case 4:
            out.tone = mood::bad;
            out.verdict = "VOID";
            out.reason = "harness fault";
            break;
        default:
            out.tone = mood::open;
            out.verdict = "INCOMPLETE";
    }
    return out;
}

std::vector<verdict> shown_verdicts(const totals_info& totals) {
    constexpr std::array order{verdict::pass,      verdict::fail,   verdict::crash,        verdict::hang,
                               verdict::deviation, verdict::waived, verdict::chose,        verdict::not_offered,
                               verdict::untested,  verdict::inconclusive, verdict::flaky};
    constexpr std::array always{verdict::pass, verdict::fail, verdict::deviation, verdict::untested, verdict::inconclusive};
    std::vector<verdict> out;
    std::copy_if(order.begin(), order.end(), std::back_inserter(out), [&](verdict v) {
        return totals[v] != 0 || std::find(always.begin(), always.end(), v) != always.end();
    });
    return out;
}

std::string counts_text(const totals_info& totals) {
    std::vector<std::string> parts;
    for (const auto v : shown_verdicts(totals)) parts.push_back(grouped(totals[v]) + " " + words(v));
    return joined(parts);
}

std::string area_name(std::string_view case_id) {
    const auto index = title_index(case_id);
    return std::string(index < titles.size() ? titles[index].name : case_id.substr(0, case_id.find('-')));
}

std::vector<area> areas_of(const run_report& report) {
    struct ordered {
        std::size_t order;
        area group;
    };
    std::vector<ordered> found;
    for (const auto& result : report.cases) {
        const auto name = area_name(result.id);
        auto at = std::find_if(found.begin(), found.end(), [&](const ordered& o) { return o.group.name == name; });
        if (at == found.end()) {
            at = found.insert(found.end(), {title_index(result.id), {name, anchor_of(name), {}, {}}});
        }
        at->group.cases.push_back(&result);
        ++at->group.of[static_cast<unsigned>(mood_of(result.outcome))];
    }
    std::stable_sort(found.begin(), found.end(), [](const ordered& a, const ordered& b) { return a.order < b.order; });
    std::vector<area> out;
    for (auto& entry : found) out.push_back(std::move(entry.group));
    return out;
}

std::string replay_command(std::string_view case_id) { return "amconf replay DIR --case " + std::string(case_id); }

std::string duration_text(std::int64_t milliseconds) {
    const auto tenths = (milliseconds + 50) / 100;
    if (tenths < 1200) return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
    return std::to_string(tenths / 600) + " min " + std::to_string(tenths % 600 / 10) + " s";
}

}  // namespace agentmesh::conformance::report
