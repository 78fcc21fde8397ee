#include "conformance/engine/shim_run.hpp"

#include "agentmesh/version.hpp"
#include "conformance/engine/accounting.hpp"
#include "conformance/engine/encoding.hpp"
#include "conformance_requirements.hpp"

#include <sodium.h>

#include <algorithm>
#include <ranges>

namespace agentmesh::conformance {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view probe_case = "RUN-SHIM-001";

bool listed(const std::vector<std::string>& words, const shim_case& of) {
    return std::ranges::any_of(words, [&](const std::string& w) { return of.id.starts_with(w); });
}

std::string random_seed() {
    std::string out(16, '\0');
    randombytes_buf(out.data(), out.size());
    return to_hex(out);
}

std::string set_name_of(const std::string& suite) { return "shim-" + suite + "@" + std::string{req::spec_revision}; }

std::string day_of_now() {
    return stamp(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())).substr(0, 10);
}

// --- the protocol itself ----------------------------------------------------------------------------------------

/// A question about nothing in each area, and the same few questions again in another order.
void probe(shim_talk& talk, const shim_hello& said, const shim_setting& in, shim_verdicts& out) {
    seeded_bytes chance{in.seed, probe_case};
    const auto invented = "x" + to_hex(chance.take(6));
    std::vector<shim_question> questions{{invented}, {invented + "." + invented, {{"in", {{"text", "00"}}}}}};
    for (const auto& area : said.areas) questions.push_back({area + "." + invented, {{"in", {{"text", "00"}}}}});
    const auto replies = talk.ask(questions);
    std::vector<std::uint64_t> all;
    for (const auto& one : replies) {
        all.push_back(one.asked);
        all.push_back(one.seq);
        if (one.kind != reply_kind::unsupported && one.kind != reply_kind::missing)
            talk.breach("AM-SHM-004", "an invented operation is not answered with unsupported", {one.asked, one.seq});
    }
    const auto again = talk.ask({"hello", {{"proto", 1}, {"suite", in.suite}}});
    all.push_back(again.seq);
    const auto same = [&](const char* member, const std::set<std::string>& was) {
        return again.value.is_object() && again.value.contains(member) && again.value[member].is_array() &&
               shim_json(was).size() == again.value[member].size();
    };
    if (again.kind != reply_kind::ok || !same("areas", said.areas) || !same("suites", said.suites))
        talk.breach("AM-SHM-005", "the second hello is answered otherwise than the first", {again.asked, again.seq});
    const auto refuses = [&](const shim_question& question, std::string_view with, std::string clause_id,
                             std::string why) {
        const auto reply = talk.ask(question);
        all.push_back(reply.seq);
        if (reply.kind == reply_kind::missing || (reply.kind == reply_kind::reject && reply.refusal == with)) return;
        talk.breach(std::move(clause_id), std::move(why), {reply.asked, reply.seq});
    };
    refuses({"hello", {{"proto", 99}, {"suite", in.suite}}}, "version", "AM-SHM-010",
            "a hello of version 99 is not refused with version");
    if (offers(said, "ratchet", in.suite)) {
        const auto private_key = to_hex(chance.take(32));
        const shim_question begin{
            "ratchet.init",
            {{"in",
              {{"session", invented},
               {"suite", in.suite},
               {"role", "responder"},
               {"root", to_hex(chance.take(32))},
               {"prefix", ""},
               {"own_private_key", private_key},
               {"remote_key", "0900000000000000000000000000000000000000000000000000000000000000"}}}}};
        refuses({"ratchet.encrypt", {{"in", {{"session", invented}, {"plain", ""}}}}}, "state", "AM-SHM-011",
                "a session that was never begun is not refused with state");
        if (talk.ask(begin).kind == reply_kind::ok)
            refuses(begin, "order", "AM-SHM-011", "a session that is begun twice is not refused with order");
    }
    talk.bye();
    for (const auto& c : protocol_clauses())
        if (c.id != feed_clause) out.add_protocol(c.id, verdict::pass, "the shim keeps its protocol", all);
}

// --- rows of vectors --------------------------------------------------------------------------------------------

enum class row_state : std::uint8_t { agrees, differs, unsupported, missing };

row_state state_of(const vector_row& row, const shim_reply& reply) {
    switch (reply.kind) {
        case reply_kind::missing: return row_state::missing;
        case reply_kind::unsupported: return row_state::unsupported;
        case reply_kind::fault: return row_state::differs;
        case reply_kind::reject:
            if (row.expect.starts_with("choice:")) return row_state::agrees;
            return row.expect == "reject:" + reply.refusal ? row_state::agrees : row_state::differs;
        case reply_kind::ok: return !row.refused() && agrees(row, reply.value) ? row_state::agrees : row_state::differs;
    }
    return row_state::differs;
}

std::string said(const shim_reply& reply) {
    switch (reply.kind) {
        case reply_kind::ok: return "ok";
        case reply_kind::reject: return "reject " + reply.refusal;
        case reply_kind::unsupported: return "unsupported";
        case reply_kind::fault: return "a fault of its own";
        case reply_kind::missing: return "nothing";
    }
    return {};
}

/// The place of a value that is not as the row has it: "results[3]".
std::string place_of_difference(const vector_row& row, const shim_json& value) {
    if (!value.is_object()) return "what is no object";
    for (const auto& [name, wanted] : row.output.items()) {
        if (!value.contains(name)) return name;
        if (value[name] == wanted) continue;
        if (!wanted.is_array() || !value[name].is_array()) return name;
        for (std::size_t i = 0; i < wanted.size(); ++i)
            if (i >= value[name].size() || value[name][i] != wanted[i]) return name + "[" + std::to_string(i) + "]";
        return name;
    }
    return "an intermediate result";
}

std::string demanded_of(const vector_row& row, const shim_reply& reply) {
    if (row.refused()) return "reject " + row.expect.substr(7);
    return reply.kind == reply_kind::ok ? "another value of " + place_of_difference(row, reply.value) : "ok";
}

struct judged_row {
    const vector_row* row;
    shim_reply reply;
    row_state state = row_state::missing;
    bool control = false;  ///< asked for its twin's sake only
};

/// Everything one clause is judged by in a case.
struct clause_rows {
    std::size_t count = 0;
    std::size_t bare = 0;  ///< accepted, and no value shows that the question was read
    std::vector<const judged_row*> differ, missing, unsupported,
        alone;  ///< alone: refused, and the twin is not accepted
    std::vector<std::uint64_t> evidence;
};

class vector_judge {
public:
    vector_judge(const vector_case& of, const shim_setting& in) : of_{of}, in_{in} {}

    void run(shim_talk& talk, const shim_hello& said_first, shim_verdicts& out) {
        take_rows();
        if (rows_.empty()) return;
        if (!offers(said_first, std::string{of_.area}, in_.suite)) return not_offered(talk, out);
        std::vector<shim_question> questions;
        for (const auto& one : rows_) questions.push_back({of_.op(), one.row->question});
        auto replies = talk.ask(questions);
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            rows_[i].reply = std::move(replies[i]);
            rows_[i].state = state_of(*rows_[i].row, rows_[i].reply);
        }
        ask_again(talk, questions);
        talk.bye();
        verdicts(talk, out);
    }

private:
    void take_rows() {
        const auto text = in_.vectors->find(std::string{of_.file});
        if (text == in_.vectors->end()) return;
        all_ = rows_of(text->first, text->second);
        std::set<std::uint64_t> twins, taken;
        for (const auto& row : all_) {
            if (!asked(of_, row, in_.suite)) continue;
            rows_.push_back({&row, {}, row_state::missing, false});
            taken.insert(row.tc);
            if (row.twin != 0) twins.insert(row.twin);
        }
        for (const auto& row : all_)  // a twin may belong to another group of the file
            if (twins.contains(row.tc) && !taken.contains(row.tc) && row.type == of_.type)
                rows_.push_back({&row, {}, row_state::missing, true});
    }

    void not_offered(shim_talk& talk, shim_verdicts& out) {
        const auto reply = talk.ask({of_.op(), rows_.front().row->question});
        talk.bye();
        const bool shown = reply.kind == reply_kind::unsupported;
        if (!shown && reply.kind != reply_kind::missing)
            talk.breach("AM-SHM-004", "an operation of an area that is not offered is answered all the same",
                        {reply.asked, reply.seq});
        for (const auto& one : rows_)
            for (const auto* c : one.row->proves)
                out.add(*c, shown ? verdict::not_offered : verdict::untested,
                        shown ? "the area is not offered under this suite, and a question about it is unsupported"
                              : "the area is not offered, and no probe shows it",
                        {reply.asked, reply.seq});
    }

    /// Some of the questions once more, in another order.
    void ask_again(shim_talk& talk, const std::vector<shim_question>& questions) {
        constexpr std::size_t repeated = 24;
        std::vector<std::size_t> order(rows_.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        seeded_bytes chance{in_.seed, of_.id};
        chance.shuffle(order);
        order.resize(std::min(order.size(), repeated));
        std::vector<shim_question> chosen;
        for (const auto i : order) chosen.push_back(questions[i]);
        const auto again = talk.ask(chosen);
        for (std::size_t k = 0; k < order.size(); ++k) {
            auto& first = rows_[order[k]];
            if (again[k].kind == reply_kind::missing || first.reply.kind == reply_kind::missing) continue;
            if (!first.reply.same_answer(again[k]))
                talk.breach("AM-SHM-005", "a question that was repeated is answered otherwise",
                            {first.reply.asked, first.reply.seq, again[k].asked, again[k].seq});
            const auto state = state_of(*first.row, again[k]);
            if (first.state == row_state::agrees && state != row_state::agrees) {
                first.state = state;
                first.reply = again[k];
            }
        }
    }

    [[nodiscard]] bool twin_accepted(const judged_row& one) const {
        if (one.row->twin == 0) return true;
        const auto twin = std::ranges::find_if(rows_, [&](const judged_row& r) { return r.row->tc == one.row->twin; });
        return twin == rows_.end() || twin->state == row_state::agrees;
    }

    /// Whether it refuses what it should, where that is asked at all.
    [[nodiscard]] bool refuses_any() const {
        const auto asked_for = [](const judged_row& r) { return r.row->refused(); };
        return std::ranges::none_of(rows_, asked_for) || std::ranges::any_of(rows_, [&](const judged_row& r) {
                   return asked_for(r) && r.state == row_state::agrees;
               });
    }

    void verdicts(const shim_talk& talk, shim_verdicts& out) const {
        std::map<const clause*, clause_rows> by_clause;
        for (const auto& one : rows_) {
            if (one.control) continue;
            for (const auto* c : one.row->proves) {
                auto& into = by_clause[c];
                ++into.count;
                if (!one.row->refused() && one.row->output.empty()) ++into.bare;
                if (one.reply.seq != 0) into.evidence.push_back(one.reply.seq);
                if (one.state == row_state::differs)
                    into.differ.push_back(&one);
                else if (one.state == row_state::missing)
                    into.missing.push_back(&one);
                else if (one.state == row_state::unsupported)
                    into.unsupported.push_back(&one);
                else if (one.row->refused() && !twin_accepted(one))
                    into.alone.push_back(&one);
            }
        }
        for (const auto& [c, found] : by_clause) judge(*c, found, talk, out);
    }

    void judge(const clause& c, const clause_rows& found, const shim_talk& talk, shim_verdicts& out) const {
        const auto file = "vectors/" + std::string{of_.file} + ".json";
        const auto share = [&](const auto& rows) {
            return std::to_string(rows.size()) + " of " + std::to_string(found.count);
        };
        if (!found.differ.empty()) {
            const auto& first = *found.differ.front();
            out.add(c, adverse(c.level),
                    share(found.differ) + " answers differ from " + file + ", first test " +
                        std::to_string(first.row->tc) + " (" + first.row->comment +
                        "): " + demanded_of(*first.row, first.reply) + " is due, the shim says " + said(first.reply),
                    cited(found.differ));
        } else if (!found.missing.empty()) {
            out.add(c, talk.death().value_or(adverse(c.level)), share(found.missing) + " questions are not answered",
                    cited(found.missing));
        } else if (found.unsupported.size() == found.count && of_.optional) {
            out.add(c, verdict::not_offered, "a service of a library, which this one does not offer",
                    cited(found.unsupported));
        } else if (!found.unsupported.empty()) {
            out.add(c, verdict::untested,
                    share(found.unsupported) + " questions are unsupported in an area that is offered",
                    cited(found.unsupported));
        } else if (!found.alone.empty()) {
            out.add(c, verdict::inconclusive,
                    "what should be refused is refused, and so is what differs from it by one fault alone",
                    cited(found.alone));
        } else if (found.bare == found.count && !refuses_any()) {
            out.add(c, verdict::inconclusive, "what should be accepted is accepted, and so is everything else",
                    found.evidence);
        } else {
            out.add(c, verdict::pass, std::to_string(found.count) + " answers agree with " + file, found.evidence);
        }
    }

    [[nodiscard]] static std::vector<std::uint64_t> cited(const std::vector<const judged_row*>& rows) {
        constexpr std::size_t shown = 8;
        std::vector<std::uint64_t> out;
        for (const auto* one : rows | std::views::take(shown)) {
            out.push_back(one->reply.asked);
            if (one->reply.seq != 0) out.push_back(one->reply.seq);
        }
        return out;
    }

    const vector_case& of_;
    const shim_setting& in_;
    std::vector<vector_row> all_;
    std::vector<judged_row> rows_;
};

/// Whether a run over this suite has any question for the case.
bool has_rows(const vector_case& of, const shim_setting& in) {
    const auto text = in.vectors->find(std::string{of.file});
    if (text == in.vectors->end()) return false;
    const auto rows = rows_of(text->first, text->second);
    return std::ranges::any_of(rows, [&](const vector_row& r) { return asked(of, r, in.suite); });
}

// --- one case, one run ------------------------------------------------------------------------------------------

case_result conduct(const shim_case& c, const shim_setting& in, shim_link& over, ledger& log,
                    std::vector<std::string>& faults, bool& spoke) {
    case_result result;
    result.id = c.id;
    result.title = c.title;
    shim_talk talk{over, log};
    shim_verdicts found;
    const auto said_first = talk.hello(in.suite);
    if (said_first) {
        spoke = true;
        c.run(talk, *said_first, in, found);
    }
    talk.bye();
    result.checks = found.take(talk, log, faults);
    if (!result.checks.empty()) result.outcome = verdict::pass;
    for (const auto& check : result.checks) {
        result.outcome = worse(result.outcome, check.outcome);
        log.add_verdict(over.now(), check);
    }
    return result;
}

shim_setting setting_of(const shim_options& options, const vector_texts& vectors) {
    shim_setting in{options.suite, options.seed.empty() ? random_seed() : options.seed, {}, &vectors};
    if (std::ranges::find(shim_suites, options.suite) == shim_suites.end())
        throw usage_error{"no suite " + options.suite};
    if (!from_hex(in.seed)) throw usage_error{"the seed is not hexadecimal: " + in.seed};
    for (const auto& area : options.areas) {
        if (std::ranges::find(shim_areas, area) == shim_areas.end()) throw usage_error{"no area " + area};
        in.areas.insert(area);
    }
    if (in.areas.empty()) in.areas = {shim_areas.begin(), shim_areas.end()};
    return in;
}

/// SHA-256 over the ids and sentences that the rows stand for, and over the rows.
std::string set_digest_of(const std::vector<case_result>& cases, const vector_texts& vectors) {
    std::set<std::string> lines;
    for (const auto& one : cases)
        for (const auto& check : one.checks) lines.insert(check.requirement + " " + check.sentence + "\n");
    std::string all = digest_of(vectors);
    for (const auto& line : lines) all += line;
    return to_hex(sha256(all));
}

}  // namespace

bool offers(const shim_hello& said, const std::string& area, const std::string& suite) {
    const bool by_suite = area == "kex" || area == "ratchet" || area == "knock";
    return said.areas.contains(area) && (!by_suite || said.suites.contains(suite));
}

seeded_bytes::seeded_bytes(std::string_view seed, std::string_view purpose)
    : key_{sha256(length_prefixed(seed) + length_prefixed(purpose))} {}

std::string seeded_bytes::take(std::size_t count) {
    while (ready_.size() < count) ready_ += sha256(key_ + std::to_string(block_++));
    auto out = ready_.substr(0, count);
    ready_.erase(0, count);
    return out;
}

std::size_t seeded_bytes::below(std::size_t bound) {
    std::uint64_t number = 0;
    for (const char c : take(7)) number = number << 8U | static_cast<std::uint8_t>(c);
    return static_cast<std::size_t>(number % bound);  // a bias of 2^-40 is no matter in an order
}

std::vector<shim_case> shim_cases(const shim_setting& in) {
    std::vector<shim_case> out;
    out.push_back({std::string{probe_case}, "the shim keeps its protocol", "", probe});
    for (const auto& c : vector_cases()) {
        if (!in.areas.contains(std::string{c.area}) || !has_rows(c, in)) continue;
        out.push_back({std::string{c.id}, std::string{c.title}, std::string{c.area},
                       [&c](shim_talk& talk, const shim_hello& said_first, const shim_setting& how,
                            shim_verdicts& into) { vector_judge{c, how}.run(talk, said_first, into); }});
    }
    std::vector<shim_case> live;
    add_live_cases(live);
    for (auto& c : live)
        if (in.areas.contains(c.area) && within_suites(c.suites, in.suite)) out.push_back(std::move(c));
    std::ranges::sort(out, {}, &shim_case::id);
    return out;
}

run_report run_shim(const shim_options& options) {
    if (sodium_init() < 0) throw usage_error{"libsodium cannot be initialised"};
    const auto start = std::chrono::steady_clock::now();
    vector_texts read;
    try {
        if (!options.vectors.empty()) read = read_vectors(options.vectors);
    } catch (const std::runtime_error& e) {
        throw usage_error{e.what()};
    }
    const auto& vectors = options.vectors.empty() ? built_in_vectors() : read;
    const auto in = setting_of(options, vectors);
    const auto every = shim_cases(in);
    for (const auto* words : {&options.only, &options.skip})
        for (const auto& word : *words)
            if (std::ranges::none_of(every, [&](const shim_case& c) { return c.id.starts_with(word); }))
                throw usage_error{"no case of this run is named " + word};

    run_report report;
    report.suite = {std::string{library_version}, set_name_of(in.suite), {}, std::string{req::spec_revision}, in.seed};
    report.target = {"shim", options.command, in.suite};
    evidence kept;
    kept.header = {report.suite.version,
                   report.suite.set,
                   in.seed,
                   digest_of(vectors),
                   options.command,
                   std::string{req::spec_digest},
                   0,
                   std::chrono::microseconds{options.patience}.count(),
                   {},
                   {}};

    std::vector<const shim_case*> chosen;
    for (const auto& c : every) {
        const bool wanted = options.only.empty() || listed(options.only, c) || c.id == probe_case;
        if (wanted && !listed(options.skip, c)) chosen.push_back(&c);
    }
    // The protocol first: where nothing speaks it, no case waits for answers.
    std::ranges::stable_partition(chosen, [](const shim_case* c) { return c->id == probe_case; });
    shim_pace pace{options.patience};
    if (options.observer) options.observer({0, chosen.size(), nullptr});
    for (const auto* c : chosen) {
        const auto began = std::chrono::steady_clock::now();
        auto over = live_shim(options.command, pace, start);
        ledger log{c->id, kept.genesis()};
        bool spoke = false;
        auto result = conduct(*c, in, *over, log, report.faults, spoke);
        result.duration_ms = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began).count();
        report.cases.push_back(std::move(result));
        kept.cases.push_back(std::move(log));
        if (options.observer) options.observer({report.cases.size(), chosen.size(), &report.cases.back()});
        if (!spoke) {
            report.diagnosis = "the command does not answer hello: nothing can be judged";
            break;
        }
    }
    std::ranges::sort(kept.cases, {}, [](const ledger& l) { return l.case_id(); });
    report.suite.set_digest = set_digest_of(report.cases, vectors);
    for (const auto& name : uncatalogued(vectors)) report.faults.push_back("no case asks the vectors " + name);

    const auto today = options.today.empty() ? day_of_now() : options.today;
    apply_waivers(report, options.waivers, today);
    settle(report);
    if (report.diagnosis.empty() && std::ranges::none_of(report.requirements, [](const auto& r) {
            return r.second == verdict::pass && !r.first.starts_with("AM-SHM");
        }))
        report.diagnosis = "the shim shows nothing of the areas that it was asked about";
    if (!report.diagnosis.empty() || !options.only.empty() || !options.skip.empty()) report.certifiable = false;
    apply_baseline(report, options.baseline, today);
    report.evidence_root = kept.root();
    if (options.keep_evidence != nullptr) *options.keep_evidence = std::move(kept);
    report.duration_ms = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start).count();
    return report;
}

bool is_shim_run(const evidence& recorded) { return recorded.header.set.starts_with("shim-"); }

replay_report replay_shim(const evidence& recorded, const run_report& results, const std::string& only_case) {
    const auto& header = recorded.header;
    shim_setting in{header.set.substr(5, header.set.rfind('@') - 5),
                    header.seed,
                    {shim_areas.begin(), shim_areas.end()},
                    &built_in_vectors()};
    if (header.set != set_name_of(in.suite) || header.salt != digest_of(*in.vectors))
        throw usage_error{"the evidence was judged by other vectors than those of this build"};
    if (!only_case.empty() && recorded.find(only_case) == nullptr)
        throw usage_error{"the evidence holds no case " + only_case};
    const auto every = shim_cases(in);
    replay_report out;
    for (const auto& records : recorded.cases) {
        if (!only_case.empty() && records.case_id() != only_case) continue;
        ++out.cases;
        const auto found = std::ranges::find(every, records.case_id(), &shim_case::id);
        if (found == every.end()) {
            out.differences.push_back(records.case_id() + ": this build has no such case");
            continue;
        }
        const auto before = std::ranges::find(results.cases, records.case_id(), &case_result::id);
        try {
            auto over = recorded_shim(records);
            ledger again{records.case_id(), recorded.genesis()};
            bool spoke = false;
            auto now = conduct(*found, in, *over, again, out.differences, spoke);
            out.checks += now.checks.size();
            if (before == results.cases.end())
                out.differences.push_back(records.case_id() + ": not in results.json");
            else
                compare_verdicts(*before, now, out.differences);
            out.judged.push_back(std::move(now));
        } catch (const shim_diverged& d) {
            out.differences.push_back(records.case_id() + ": at #" + std::to_string(d.seq) + " " + d.words);
        }
    }
    return out;
}

}  // namespace agentmesh::conformance
