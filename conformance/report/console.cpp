#include "conformance/report/console.hpp"

#include "conformance/report/exhibit.hpp"
#include "conformance/report/summary.hpp"
#include "conformance/report/text.hpp"

#include <algorithm>
#include <array>

namespace agentmesh::conformance::report {
namespace {

constexpr std::string_view reset = "\x1b[0m";
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view dim = "\x1b[2m";
constexpr std::array<std::string_view, moods> colors{"\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[35m", "\x1b[31m"};

constexpr std::size_t bar_width = 20;
constexpr std::size_t records_shown = 6;

class page {
public:
    explicit page(const console_options& options) : options_{options} {}

    [[nodiscard]] std::string paint(std::string_view text, std::string_view code) const {
        return options_.color ? std::string(code) + std::string(text) + std::string(reset) : std::string(text);
    }
    [[nodiscard]] std::string paint(std::string_view text, mood m) const {
        return paint(text, colors[static_cast<unsigned>(m)]);
    }
    void add(std::string_view lines) { out_.append(lines); }
    void line(std::string_view text) { out_.append(text).append("\n"); }
    /// "         why   text", cut to the width.
    void field(std::string_view name, std::string_view text) {
        const std::string head = "         " + std::string(name) + std::string(6 - name.size(), ' ');
        const auto room = options_.width > head.size() + 20 ? options_.width - head.size() : 20;
        line(paint(head, dim) + shortened(text, room));
    }
    /// The same, broken into lines between words instead of cut.
    void wrapped_field(std::string_view name, std::string_view text) {
        constexpr std::size_t indent = 15;
        auto head = "         " + std::string(name) + std::string(6 - name.size(), ' ');
        const auto room = options_.width > indent + 20 ? options_.width - indent : 20;
        while (true) {
            auto end = text.size() <= room ? text.size() : text.rfind(' ', room);
            if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
            line(paint(head, dim) + std::string(text.substr(0, end)));
            if (end == text.size()) return;
            text.remove_prefix(end + 1);
            head.assign(indent, ' ');
        }
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    console_options options_;
    std::string out_;
};

std::string padded(std::string text, std::size_t characters) {
    const auto count = static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<std::uint8_t>(c) & 0xc0U) != 0x80; }));
    if (count < characters) text.append(characters - count, ' ');
    return text;
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return text;
}

void area_line(page& p, const area& group, std::size_t name_width) {
    const auto good = group[mood::good];
    const auto total = group.cases.size();
    const auto tone = group[mood::bad] != 0       ? mood::bad
                      : group[mood::open] != 0    ? mood::open
                      : group[mood::warning] != 0 ? mood::warning
                                                  : mood::good;
    std::string notes;
    for (const auto m : {mood::bad, mood::warning, mood::open, mood::neutral}) {
        constexpr std::array<std::string_view, moods> said{"", "not offered", "deviating", "open", "broken"};
        if (group[m] != 0) notes += "  " + p.paint(grouped(group[m]) + " " + std::string(said[static_cast<unsigned>(m)]), m);
    }
    const auto count = grouped(good) + "/" + grouped(total);
    p.line("  " + padded(group.name, name_width) + "  " + std::string(count.size() < 7 ? 7 - count.size() : 0, ' ') + count +
           "  " + p.paint(bar(good, total, bar_width), tone) + notes);
}

/// "#0412 #0419  text {...": numbers of the records in one direction and the first words of the first of them.
std::string records(const std::vector<exhibit>& cited, direction dir, std::size_t width) {
    std::string numbers;
    const exhibit* shown = nullptr;
    std::size_t count = 0;
    for (const auto& one : cited) {
        if (one.dir != dir) continue;
        if (++count <= records_shown) numbers += label(one.seq) + " ";
        // The last record is the one that decided.
        shown = &one;
    }
    if (count == 0) return {};
    if (count > records_shown) numbers += "and " + std::to_string(count - records_shown) + " more ";
    return numbers + " " + gist(*shown, width);
}

void attention(page& p, const case_result& result, const check_result& check, const evidence& recorded, std::size_t width) {
    const auto tone = mood_of(check.outcome);
    p.line("   " + p.paint(upper(words(check.outcome)), tone) + "  " + p.paint(result.id, bold) + "  " + check.requirement + " " +
           std::string(to_string(check.level)) + "  " + visible(result.title));
    const auto cited = exhibits_of(recorded, result, check);
    if (const auto sent = records(cited, direction::out, width); !sent.empty()) p.field("sent", sent);
    if (const auto saw = records(cited, direction::in, width); !saw.empty()) p.field("saw", saw);
    p.wrapped_field("why", visible(check.why));
    const auto where = check.requirement.starts_with("AM-SHM") ? std::string{"docs/shim-protocol.md"} : "SPEC.md:" + std::to_string(check.line);
    if (!check.sentence.empty()) p.wrapped_field("spec", where + "  " + check.sentence);
    p.wrapped_field("redo", replay_command(result.id));
}

struct open_group {
    verdict outcome;
    std::string_view why;
    std::vector<const case_result*> cases;
    std::size_t checks = 0;
};

/// Checks that are open for one and the same reason take one entry: a target that is down opens all of them.
void open_checks(page& p, const std::vector<const case_result*>& cases) {
    std::vector<open_group> groups;
    for (const auto* result : cases) {
        for (const auto& check : result->checks) {
            if (mood_of(check.outcome) != mood::open) continue;
            auto at = std::find_if(groups.begin(), groups.end(), [&](const open_group& group) {
                return group.outcome == check.outcome && group.why == check.why;
            });
            if (at == groups.end()) at = groups.insert(at, {check.outcome, check.why, {}, 0});
            if (at->cases.empty() || at->cases.back() != result) at->cases.push_back(result);
            ++at->checks;
        }
    }
    for (const auto& group : groups) {
        std::string ids;
        for (const auto* result : group.cases) ids += (ids.empty() ? "" : " ") + result->id;
        p.line("   " + p.paint(upper(words(group.outcome)), mood::open) + "  " + counted(group.checks, "check"));
        p.wrapped_field("in", ids);
        p.wrapped_field("why", visible(group.why));
    }
}

void every_attention(page& p, const std::vector<const case_result*>& cases, const evidence& recorded, std::size_t width) {
    for (const auto* result : cases) {
        for (const auto& check : result->checks) {
            if (mood_of(check.outcome) == mood::bad || mood_of(check.outcome) == mood::warning) {
                attention(p, *result, check, recorded, width);
            }
        }
    }
    open_checks(p, cases);
}

std::string short_digest(std::string_view hex) { return hex.size() > 8 ? std::string(hex.substr(0, 8)) + "…" : std::string(hex); }

}  // namespace

std::string bar(std::size_t share, std::size_t whole, std::size_t characters) {
    constexpr std::array<std::string_view, 8> parts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto cells = characters * parts.size();
    auto eighths = whole == 0 ? 0 : share * cells / whole;
    if (share > 0 && eighths == 0) eighths = 1;
    std::string out;
    for (std::size_t i = 0; i < eighths / parts.size(); ++i) out += "█";
    out += parts[eighths % parts.size()];
    return padded(std::move(out), characters);
}

std::string console_opening(const run_report& report, const console_options& options) {
    page p{options};
    p.line(p.paint("amconf " + report.suite.version, bold) + "  set " + report.suite.set + " (sha256:" +
           short_digest(report.suite.set_digest) + ")  seed " + report.suite.seed);
    p.line("target  " + visible(report.target.url) +
           (report.spki_sha256.empty() ? "" : "   spki sha256:" + short_digest(report.spki_sha256)));
    return p.take();
}

std::string console_text(const run_report& report, const evidence& recorded, const console_options& options) {
    page p{options};
    if (!options.quiet) p.add(console_opening(report, options));
    const auto groups = areas_of(report);
    std::size_t name_width = 0;
    for (const auto& group : groups) name_width = std::max(name_width, group.name.size());
    for (const auto& group : groups) {
        if (!options.quiet) area_line(p, group, name_width);
        every_attention(p, group.cases, recorded, options.width);
    }
    if (!report.diagnosis.empty()) p.line("  " + p.paint(visible(report.diagnosis), mood::open));
    for (const auto& fault : report.faults) p.line("  " + p.paint("HARNESS FAULT", mood::bad) + "  " + visible(fault));
    for (const auto& entry : report.stale) p.line("  " + p.paint("STALE BASELINE", mood::warning) + "  " + visible(entry));
    for (const auto& one : report.waivers) {
        if (!options.quiet) p.line("  waived  " + one.requirement + "  " + visible(one.reason) + " (" + visible(one.by) +
                                   ", until " + visible(one.expires) + ")");
    }

    std::string timing;
    if (report.duration_ms != 0) timing = " — " + duration_text(report.duration_ms);
    if (report.rtt_p99_us != 0) {
        timing += "  rtt p50 " + std::to_string(report.rtt_p50_us / 1000) + " ms p99 " +
                  std::to_string(report.rtt_p99_us / 1000) + " ms";
    }
    p.line(counted(report.totals.cases, "case") + " " + counted(report.totals.checks, "check") + ": " +
           counts_text(report.totals) + timing);
    const auto verdict = headline_of(report);
    p.line(p.paint(p.paint(verdict.verdict, bold), verdict.tone) +
           (verdict.reason.empty() ? "" : " (" + visible(verdict.reason) + ")") + "   exit " +
           std::to_string(verdict.exit_code));
    return p.take();
}

}  // namespace agentmesh::conformance::report
