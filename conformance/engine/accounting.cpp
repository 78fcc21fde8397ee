#include "conformance/engine/accounting.hpp"

#include "conformance_requirements.hpp"

#include <algorithm>

namespace agentmesh::conformance {
namespace {

json parse_file(std::string_view text, std::string_view what) {
    auto out = json::parse(text, nullptr, false);
    if (out.is_discarded()) throw usage_error{"the " + std::string{what} + " is not JSON"};
    return out;
}

std::string text_member(const json& entry, const char* name, std::string_view what) {
    if (!entry.is_object() || !entry.contains(name) || !entry.at(name).is_string() || entry.at(name).get<std::string>().empty())
        throw usage_error{"an entry of the " + std::string{what} + " lacks the text `" + name + "`"};
    return entry.at(name).get<std::string>();
}

std::string date_member(const json& entry, std::string_view what) {
    auto out = text_member(entry, "expires", what);
    if (!read_stamp(out + "T00:00:00Z")) throw usage_error{"`expires` in the " + std::string{what} + " is not YYYY-MM-DD: " + out};
    return out;
}

}  // namespace

std::vector<const clause*> demanded(requirement_set set, target_role of) {
    std::vector<const clause*> out;
    std::ranges::copy_if(req::all, std::back_inserter(out), [&](const clause* c) { return judged_through_url(*c, set, of); });
    return out;
}

std::string set_name(requirement_set set, target_role of) {
    return std::string{to_string(of)} + "-" + std::string{to_string(set)} + "@" + std::string{req::spec_revision};
}

std::string set_digest(requirement_set set, target_role of) { return std::string{req::set_digest(set, of)}; }

void add_uncovered(run_report& report, requirement_set set, target_role of) {
    case_result cover;
    cover.id = cover_case;
    cover.title = "every requirement of the set is judged";
    cover.outcome = verdict::untested;
    for (const auto* c : demanded(set, of)) {
        const bool judged = std::ranges::any_of(report.cases, [&](const auto& one) {
            return std::ranges::any_of(one.checks, [&](const auto& k) { return k.requirement == c->id; });
        });
        if (judged) continue;
        check_result check;
        check.requirement = c->id;
        check.level = c->level;
        check.why = "no case of this run judges it";
        check.sentence = c->sentence;
        check.line = c->line;
        cover.checks.push_back(std::move(check));
    }
    if (!cover.checks.empty()) report.cases.push_back(std::move(cover));
}

void apply_waivers(run_report& report, const std::vector<waiver>& waivers, std::string_view today) {
    for (const auto& w : waivers) {
        if (w.expires < today) continue;
        bool used = false;
        for (auto& one : report.cases) {
            for (auto& c : one.checks) {
                if (c.requirement != w.requirement || c.outcome != verdict::deviation) continue;
                c.outcome = verdict::waived;
                c.why += "; waived by " + w.by + ": " + w.reason;
                used = true;
            }
        }
        if (used) report.waivers.push_back(w);
    }
}

void apply_baseline(run_report& report, const std::vector<baseline_entry>& baseline, std::string_view today) {
    std::size_t failures = 0, known = 0;
    for (const auto& one : report.cases) {
        for (const auto& c : one.checks) {
            const bool failed = breaks_must(c.outcome) || c.outcome == verdict::deviation;
            const auto entry = std::ranges::find_if(baseline, [&](const auto& b) {
                return b.case_id == one.id && b.requirement == c.requirement;
            });
            failures += failed ? 1 : 0;
            if (entry == baseline.end()) continue;
            const auto name = entry->case_id + " " + entry->requirement;
            if (!failed && certifiable(c.outcome)) report.stale.push_back(name + " does not fail any more");
            else if (failed && entry->expires < today) report.stale.push_back(name + " expired on " + entry->expires);
            else if (failed) ++known;
        }
    }
    report.excused = failures != 0 && failures == known;
}

std::vector<waiver> read_waivers(std::string_view text) {
    const auto in = parse_file(text, "waiver file");
    if (!in.is_array()) throw usage_error{"the waiver file is not an array"};
    std::vector<waiver> out;
    for (const auto& e : in) {
        waiver w{text_member(e, "requirement", "waiver file"), text_member(e, "reason", "waiver file"),
                 text_member(e, "by", "waiver file"), date_member(e, "waiver file")};
        const auto known = std::ranges::find_if(req::all, [&](const clause* c) { return c->id == w.requirement; });
        if (known == req::all.end()) throw usage_error{"the waiver file names " + w.requirement + ", which does not exist"};
        if (adverse((*known)->level) != verdict::deviation) throw usage_error{w.requirement + " is no SHOULD and cannot be waived"};
        out.push_back(std::move(w));
    }
    return out;
}

std::vector<baseline_entry> read_baseline(std::string_view text) {
    const auto in = parse_file(text, "baseline");
    if (!in.is_array()) throw usage_error{"the baseline is not an array"};
    std::vector<baseline_entry> out;
    for (const auto& e : in)
        out.push_back({text_member(e, "case", "baseline"), text_member(e, "requirement", "baseline"),
                       text_member(e, "issue", "baseline"), date_member(e, "baseline")});
    return out;
}

void read_declaration(std::string_view text, plan_options& into) {
    const auto in = parse_file(text, "declaration");
    if (!in.is_object()) throw usage_error{"the declaration is not an object"};
    auto& t = into.declared;
    struct entry {
        std::string_view name;
        milliseconds& value;
        waits grants;
    };
    const std::array<entry, 6> known{{{"handshake_timeout_ms", t.handshake, waits::handshake},
                                      {"ping_interval_ms", t.ping, waits::ping},
                                      {"pong_grace_ms", t.pong_grace, waits::none},
                                      {"message_ttl_ms", t.expiry, waits::expiry},
                                      {"head_timeout_ms", t.head, waits::head},
                                      {"rate_window_ms", t.minute, waits::minute}}};
    for (const auto& [name, value] : in.items()) {
        const auto found = std::ranges::find(known, name, &entry::name);
        if (found == known.end()) throw usage_error{"the declaration has the unknown member `" + name + "`"};
        if (!value.is_number_integer() || value.get<std::int64_t>() <= 0)
            throw usage_error{"`" + name + "` in the declaration is not a positive number of milliseconds"};
        found->value = milliseconds{value.get<std::int64_t>()};
        into.granted = into.granted | found->grants;
    }
}

}  // namespace agentmesh::conformance
