#include "conformance/report/html.hpp"

#include "conformance/engine/encoding.hpp"
#include "conformance/report/exhibit.hpp"
#include "conformance/report/summary.hpp"
#include "conformance/report/text.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace agentmesh::conformance::report {
namespace {

// What a page shows of one record; evidence.jsonl has the rest.
constexpr std::size_t text_shown = 2000;
constexpr std::size_t hex_shown = 512;
constexpr std::size_t records_shown = 40;

constexpr std::array shown_order{mood::bad, mood::warning, mood::open, mood::neutral, mood::good};

std::string_view mood_title(mood m) {
    constexpr std::array<std::string_view, moods> titles{"good", "not offered", "deviating", "open", "broken"};
    return titles[static_cast<unsigned>(m)];
}

std::string code(std::string_view text) { return "<code>" + markup(text) + "</code>"; }
std::string pill(verdict v) {
    return "<span class=\"pill " + std::string(to_string(mood_of(v))) + "\">" + words(v) + "</span>";
}

/// The sentence of a clause: its keyword strong, code spans as code.
std::string sentence(const check_result& check) {
    auto out = markup(check.sentence);
    const std::string word(to_string(check.level));
    if (const auto at = out.find(word); at != std::string::npos) out.replace(at, word.size(), "<strong>" + word + "</strong>");
    bool opening = true;
    for (auto at = out.find('`'); at != std::string::npos; at = out.find('`', at)) {
        out.replace(at, 1, opening ? "<code>" : "</code>");
        opening = !opening;
    }
    return opening ? out : out + "</code>";
}

/// A bar of one rectangle a mood, in a drawing 1,000 units wide.
std::string bar_drawing(const std::array<std::size_t, moods>& counts, std::string_view said) {
    std::size_t total = 0;
    for (const auto count : counts) total += count;
    std::string out = "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" +
                      markup(said) + "\">";
    std::size_t before = 0;
    for (const auto m : {mood::good, mood::neutral, mood::warning, mood::open, mood::bad}) {
        const auto count = counts[static_cast<unsigned>(m)];
        if (count == 0) continue;
        const auto x = before * 1000 / total;
        before += count;
        const auto width = std::max<std::size_t>(before * 1000 / total - x, 4);  // one failure in a thousand is seen
        out += "<rect class=\"" + std::string(to_string(m)) + "\" x=\"" + std::to_string(std::min<std::size_t>(x, 1000 - width)) +
               "\" y=\"0\" width=\"" + std::to_string(width) + "\" height=\"10\"/>";
    }
    return out + "</svg>";
}

std::string_view symbol(mood m) {
    if (m == mood::good) return "<path d=\"M6 12.5l4 4 8-9\"/>";
    if (m == mood::bad) return "<path d=\"M8 8l8 8M16 8l-8 8\"/>";
    return "<path d=\"M12 7v6M12 16.6v.2\"/>";
}

std::string verdict_title(std::string_view upper) {
    std::string out;
    for (const char c : upper) out += !out.empty() && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

class page {
public:
    page(const run_report& report, const evidence& recorded) : report_{report}, recorded_{recorded}, areas_{areas_of(report)} {
        for (const auto& result : report.cases) ++cases_of_[static_cast<unsigned>(mood_of(result.outcome))];
        for (unsigned i = 0; i < verdict_words.size(); ++i) {
            checks_of_[static_cast<unsigned>(mood_of(static_cast<verdict>(i)))] += report.totals.of[i];
        }
    }

    std::string text() {
        head();
        verdict_card();
        area_tiles();
        filter();
        put("<main>\n");
        attention();
        everything();
        put("</main>\n");
        footer();
        put("</body>\n</html>\n");
        return std::move(out_);
    }

private:
    void put(std::string_view text) { out_ += text; }

    void head() {
        const auto verdict = headline_of(report_);
        const auto style_hash = to_base64(sha256(html_style()));
        put("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-" + style_hash +
            "'; base-uri 'none'; form-action 'none'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
            "<title>" + markup(verdict_title(verdict.verdict) + ": " + report_.target.url + ", " + report_.suite.set) +
            "</title>\n<style>" + std::string(html_style()) + "</style>\n</head>\n<body>\n");
        put("<input class=\"pick\" type=\"radio\" name=\"show\" id=\"show-all\" aria-label=\"all cases\" checked>\n");
        for (const auto m : shown_order) {
            if (cases_of_[static_cast<unsigned>(m)] == 0) continue;
            put("<input class=\"pick\" type=\"radio\" name=\"show\" id=\"show-" + std::string(to_string(m)) +
                "\" aria-label=\"" + std::string(mood_title(m)) + " only\">\n");
        }
    }

    void verdict_card() {
        const auto verdict = headline_of(report_);
        put("<header class=\"verdict card " + std::string(to_string(verdict.tone)) + "\">\n<p class=\"kicker\">AgentMesh conformance · " +
            markup(report_.suite.set) + "</p>\n<h1><svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" "
            "stroke-width=\"2.4\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\">"
            "<circle cx=\"12\" cy=\"12\" r=\"10.4\"/>" + std::string(symbol(verdict.tone)) + "</svg>" +
            verdict_title(verdict.verdict) + "</h1>\n<p class=\"reason\">" + reason(verdict) + "</p>\n");
        if (!report_.diagnosis.empty()) put("<p class=\"notice open\">" + markup(report_.diagnosis) + "</p>\n");
        for (const auto& fault : report_.faults) put("<p class=\"notice bad\">Harness fault: " + markup(fault) + "</p>\n");
        for (const auto& entry : report_.stale) put("<p class=\"notice warning\">Stale baseline entry: " + markup(entry) + "</p>\n");
        put(bar_drawing(checks_of_, counts_text(report_.totals)) + "\n");
        counts();
        facts();
        put("</header>\n");
    }

    [[nodiscard]] std::string reason(const headline& verdict) const {
        const auto clauses = counted(report_.requirements.size(), "requirement") + " judged";
        std::string against;
        const auto add = [&](std::size_t count, std::string_view what) {
            if (count != 0) against += (against.empty() ? "" : ", ") + grouped(count) + " " + std::string(what);
        };
        add(verdict.broken, "broken");
        add(verdict.deviating, "deviating");
        add(verdict.open, "open");
        if (against.empty()) return "Of " + clauses + ", nothing stands against any.";
        return "Of " + clauses + ": " + against + ".";
    }

    void counts() {
        put("<dl class=\"counts\">\n");
        put("<div class=\"sum\"><dt>" + std::string(report_.totals.cases == 1 ? "case" : "cases") + "</dt><dd>" +
            grouped(report_.totals.cases) + "</dd></div>\n<div class=\"sum\"><dt>" +
            (report_.totals.checks == 1 ? "check" : "checks") + "</dt><dd>" + grouped(report_.totals.checks) + "</dd></div>\n");
        for (const auto v : shown_verdicts(report_.totals)) {
            const auto n = report_.totals[v];
            put("<div class=\"" + std::string(to_string(mood_of(v))) + (n == 0 ? " zero" : "") + "\" data-count=\"" +
                std::string(to_string(v)) + "\"><dt>" + words(v) + "</dt><dd>" + grouped(n) + "</dd></div>\n");
        }
        put("</dl>\n");
    }

    void fact(std::string_view name, const std::string& html, bool wide = false) {
        put("<div" + std::string(wide ? " class=\"wide\"" : "") + "><dt>" + std::string(name) + "</dt><dd>" + html + "</dd></div>\n");
    }

    void facts() {
        put("<dl class=\"facts\">\n");
        fact("Target", code(report_.target.url), true);
        fact("Role and profile", markup(report_.target.role + ", " + report_.target.profile));
        fact("Specification", "revision " + markup(report_.suite.spec_revision));
        fact("Suite", "amconf " + markup(report_.suite.version));
        fact("Seed", code(report_.suite.seed));
        if (report_.duration_ms != 0) fact("Duration", duration_text(report_.duration_ms));
        for (const auto& one : report_.waivers) {
            fact("Waiver", code(one.requirement) + " " + markup(one.reason + " (" + one.by + ", until " + one.expires + ")"), true);
        }
        put("</dl>\n<details class=\"digests\"><summary>Digests</summary>\n<dl class=\"facts\">\n");
        fact("Set of requirements", code(report_.suite.set_digest), true);
        if (!report_.spki_sha256.empty()) fact("Key of the target's certificate (SPKI)", code(report_.spki_sha256), true);
        if (!report_.evidence_root.empty()) fact("Root of the evidence", code(report_.evidence_root), true);
        put("</dl></details>\n");
    }

    void area_tiles() {
        put("<h2>Areas</h2>\n<nav class=\"areas\" aria-label=\"Areas\">\n");
        for (const auto& group : areas_) {
            const auto worst = std::find_if(shown_order.begin(), shown_order.end(), [&](mood m) { return group[m] != 0; });
            std::string note;
            for (const auto m : shown_order) {
                if (m != mood::good && group[m] != 0) note += (note.empty() ? "" : ", ") + grouped(group[m]) + " " + std::string(mood_title(m));
            }
            const auto count = grouped(group[mood::good]) + "/" + grouped(group.cases.size());
            put("<a class=\"card " + std::string(to_string(worst == shown_order.end() ? mood::good : *worst)) + "\" href=\"#" +
                markup(group.anchor) + "\"><div class=\"name\">" + markup(group.name) + " <span>" + count + "</span></div>" +
                bar_drawing(group.of, count) + (note.empty() ? "" : "<div class=\"note\">" + note + "</div>") + "</a>\n");
        }
        put("</nav>\n");
    }

    void filter() {
        put("<div class=\"filter\"><ul>\n<li><label class=\"for-all\" for=\"show-all\">All <b>" + grouped(report_.cases.size()) +
            "</b></label></li>\n");
        for (const auto m : shown_order) {
            const auto count = cases_of_[static_cast<unsigned>(m)];
            if (count == 0) continue;
            const auto name = std::string(to_string(m));
            std::string title(mood_title(m));
            title[0] = static_cast<char>(title[0] - 'a' + 'A');
            put("<li class=\"" + name + "\"><label class=\"for-" + name + "\" for=\"show-" + name + "\">" + title + " <b>" +
                grouped(count) + "</b></label></li>\n");
        }
        put("</ul></div>\n");
    }

    void attention() {
        std::size_t count = 0;
        std::string classes;
        for (const auto m : {mood::bad, mood::warning, mood::open}) {
            count += cases_of_[static_cast<unsigned>(m)];
            if (cases_of_[static_cast<unsigned>(m)] != 0) classes += " has-" + std::string(to_string(m));
        }
        if (count == 0) return;
        put("<section class=\"group attention" + classes + "\">\n<h2>Needs attention <span class=\"count\">" + grouped(count) + "</span></h2>\n<div class=\"cards\">\n");
        for (const auto m : {mood::bad, mood::warning, mood::open}) {
            for (const auto& result : report_.cases) {
                if (mood_of(result.outcome) == m) attention_card(result);
            }
        }
        put("</div>\n</section>\n");
    }

    void attention_card(const case_result& result) {
        put("<article class=\"case card " + std::string(to_string(mood_of(result.outcome))) + "\" id=\"" + markup(result.id) +
            "\" data-case=\"" + std::string(to_string(result.outcome)) + "\">\n<div class=\"line\">" + pill(result.outcome) +
            "<span class=\"id\"><code>" + markup(result.id) + "</code></span><span>" + markup(area_name(result.id)) +
            "</span></div>\n<h3>" + markup(result.title) + "</h3>\n");
        std::map<std::uint64_t, exhibit> shown;
        for (const auto& check : result.checks) {
            if (!needs_attention(check.outcome)) continue;
            for (auto& one : exhibits_of(recorded_, result, check)) shown.emplace(one.seq, std::move(one));
        }
        // What went wrong stands first.
        for (const bool wanted : {true, false}) {
            for (const auto& check : result.checks) {
                if (needs_attention(check.outcome) == wanted) one_check(result, check, shown);
            }
        }
        records(result, shown);
        put("<p class=\"redo\"><b>redo</b><code>" + markup(replay_command(result.id)) + "</code></p>\n</article>\n");
    }

    void one_check(const case_result& result, const check_result& check, const std::map<std::uint64_t, exhibit>& shown) {
        put("<div class=\"check " + std::string(to_string(mood_of(check.outcome))) + (needs_attention(check.outcome) ? "" : " quiet") +
            "\" data-verdict=\"" + std::string(to_string(check.outcome)) + "\">\n<div class=\"line\">" + pill(check.outcome) + "<code>" +
            markup(check.requirement) + "</code><span>" + std::string(to_string(check.level)) + "</span>");
        if (check.line != 0) put("<span>SPEC.md:" + std::to_string(check.line) + "</span>");
        put("</div>\n");
        if (!check.sentence.empty()) put("<blockquote>" + sentence(check) + "</blockquote>\n");
        if (!check.choice.empty()) put("<p class=\"why\"><b>chose</b><span>" + markup(check.choice) + "</span></p>\n");
        if (!check.why.empty()) put("<p class=\"why\"><b>why</b><span>" + markup(check.why) + "</span></p>\n");
        if (!check.evidence.empty()) {
            put("<p class=\"cites\"><b>records</b><span>");
            for (const auto seq : check.evidence) {
                const auto number = code(label(seq));
                put(shown.contains(seq) ? " <a href=\"#" + anchor(result, seq) + "\">" + number + "</a>" : " " + number);
            }
            put("</span></p>\n");
        }
        put("</div>\n");
    }

    static std::string anchor(const case_result& result, std::uint64_t seq) {
        return markup(result.id) + "-" + std::to_string(seq);
    }

    void records(const case_result& result, const std::map<std::uint64_t, exhibit>& shown) {
        if (shown.empty()) return;
        put("<ol class=\"records\">\n");
        std::size_t count = 0;
        for (const auto& [seq, one] : shown) {
            if (++count > records_shown) break;
            record(result, one);
        }
        if (shown.size() > records_shown) {
            put("<li>and " + counted(shown.size() - records_shown, "record") + " more in evidence.jsonl</li>\n");
        }
        put("</ol>\n");
    }

    void record(const case_result& result, const exhibit& one) {
        const auto way = one.dir == direction::in ? "received" : one.dir == direction::out ? "sent" : "noted";
        put("<li class=\"" + std::string(to_string(one.dir)) + "\" id=\"" + anchor(result, one.seq) + "\"><div class=\"line\"><b>" +
            label(one.seq) + "</b><span class=\"way\">" + way + "</span><span>" + markup(one.kind) + "</span>");
        if (one.conn != 0) put("<span>connection " + std::to_string(one.conn) + "</span>");
        if (!one.peculiar.empty()) put("<em>" + markup(one.peculiar) + "</em>");
        put("</div>\n");
        const bool readable = mostly_text(one.payload);
        if (!one.payload.empty() && readable) {
            const auto part = std::string_view(one.payload).substr(0, text_shown);
            put("<pre class=\"text\">" + markup(part, true) + (part.size() < one.payload.size() ? "…" : "") + "</pre>\n");
        }
        if (!one.bytes.empty()) {
            const auto part = std::string_view(one.bytes).substr(0, hex_shown);
            // Bytes that cannot be read as text are shown at once.
            put("<details" + std::string(readable ? "" : " open") + "><summary>" + counted(one.bytes.size(), "byte") + " on the wire" +
                (part.size() < one.bytes.size() ? ", the first " + grouped(part.size()) : std::string{}) +
                "</summary><pre class=\"hex\">" + markup(hexdump(part), true) + "</pre></details>\n");
        }
        put("</li>\n");
    }

    void everything() {
        put("<h2>All cases <span class=\"count\">" + grouped(report_.cases.size()) + "</span></h2>\n");
        for (const auto& group : areas_) {
            std::string classes;
            for (const auto m : shown_order) {
                if (group[m] != 0) classes += " has-" + std::string(to_string(m));
            }
            put("<section class=\"group card" + classes + "\" id=\"" + markup(group.anchor) + "\">\n<div class=\"head\">" +
                markup(group.name) + " <span>" + grouped(group[mood::good]) + "/" + grouped(group.cases.size()) + "</span></div>\n");
            for (const auto* result : group.cases) row(*result);
            put("</section>\n");
        }
    }

    void row(const case_result& result) {
        const auto tone = std::string(to_string(mood_of(result.outcome)));
        const auto line = pill(result.outcome) + "<span class=\"title\">" + markup(result.title) + "</span><code class=\"id\">" +
                          markup(result.id) + "</code>";
        if (needs_attention(result.outcome)) {
            put("<div class=\"case row " + tone + "\"><a href=\"#" + markup(result.id) + "\">" + line + "</a></div>\n");
            return;
        }
        put("<details class=\"case row " + tone + "\" id=\"" + markup(result.id) + "\" data-case=\"" +
            std::string(to_string(result.outcome)) + "\"><summary>" + line + "</summary><div>\n");
        for (const auto& check : result.checks) one_check(result, check, {});
        put("</div></details>\n");
    }

    void footer() {
        put("<footer>\n<p>Rendered from results.json by amconf " + markup(report_.suite.version) +
            ". This page loads nothing and runs no script. Sentences are those of SPEC.md, revision " +
            markup(report_.suite.spec_revision) + "; recorded bytes are shown with control characters made visible.</p>\n"
            "<p><b>pass</b> the target did what the clause demands and sent bytes that show it · <b>fail</b> a MUST that is not met · "
            "<b>deviation</b> a SHOULD that is not met · <b>waived</b> the same, with a reason the operator signed · "
            "<b>chose</b> a MAY, recorded · <b>not offered</b> an optional feature, shown by a probe to be absent · "
            "<b>untested</b> nobody judged it · <b>inconclusive</b> a control failed, so nothing can be said · "
            "<b>flaky</b> two runs disagreed · <b>crash</b>, <b>hang</b> the target stopped answering</p>\n</footer>\n");
    }

    const run_report& report_;
    const evidence& recorded_;
    std::vector<area> areas_;
    std::array<std::size_t, moods> cases_of_{}, checks_of_{};
    std::string out_;
};

}  // namespace

std::string html_text(const run_report& report, const evidence& recorded) { return page{report, recorded}.text(); }

}  // namespace agentmesh::conformance::report
