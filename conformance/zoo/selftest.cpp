#include "conformance/zoo/selftest.hpp"

#include "conformance/engine/run.hpp"
#include "conformance/zoo/oddballs.hpp"
#include "conformance/zoo/registry_reference.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

namespace agentmesh::conformance::zoo {

namespace {

run_report judge(target_role role, const std::string& url, const std::string& seed, unsigned lanes,
                 const reference_options& relay = {}) {
    plan_options plan;
    plan.url = url;
    plan.role = role;
    plan.set = requirement_set::hardened;
    plan.seed = seed;
    plan.jobs = lanes;
    plan.declared = role == target_role::registry ? registry_timings() : reference_timings(relay);
    plan.granted = waits::handshake | waits::head | waits::ping | waits::expiry;
    return run(plan);
}

/// What a case's checks came to, in a form that two runs can be compared by.
using outcomes = std::map<std::string, std::map<std::string, verdict>>;
using references = std::map<target_role, outcomes>;

target_role role_of(std::string_view name) {
    return name.starts_with(registry_prefix) ? target_role::registry : target_role::relay;
}

outcomes outcomes_of(const run_report& report) {
    outcomes out;
    for (const auto& one : report.cases)
        for (const auto& check : one.checks) out[one.id][check.requirement] = check.outcome;
    return out;
}

bool stands_for_failure(verdict v) {
    return v == verdict::fail || v == verdict::deviation || v == verdict::crash || v == verdict::hang;
}

std::vector<std::string> cases_that_differ(const outcomes& seen, const outcomes& reference) {
    std::vector<std::string> out;
    for (const auto& [id, checks] : reference)
        if (const auto it = seen.find(id); it == seen.end() || it->second != checks) out.push_back(id);
    return out;
}

/// Runs the tasks on a few threads; `done` is called for each, one at a time, in whatever order they end.
void side_by_side(unsigned threads, const std::vector<std::function<std::string()>>& tasks,
                  const std::function<void(std::size_t, const std::string&)>& done) {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < std::max(threads, 1U); ++i)
        workers.emplace_back([&] {
            for (std::size_t task; (task = next++) < tasks.size();) {
                const auto line = tasks[task]();
                const std::lock_guard lock{mutex};
                done(task, line);
            }
        });
    for (auto& worker : workers) worker.join();
}

std::string listed(const std::vector<std::string>& names, std::size_t most = 6) {
    std::string out;
    for (std::size_t i = 0; i < names.size() && i < most; ++i) out += (i ? " " : "") + names[i];
    if (names.size() > most) out += " and " + std::to_string(names.size() - most) + " more";
    return out;
}

std::vector<std::string> missing_from(const std::vector<std::string>& all, const std::vector<std::string>& some) {
    std::vector<std::string> out;
    std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(out));
    return out;
}

null_score score_null(const null_target& kind, const selftest_options& how) {
    const auto target = kind.start();
    null_score out{std::string{kind.name}, 0, {}};
    for (const auto& one : judge(role_of(kind.name), target->url(), how.seed, 8).cases)
        for (const auto& check : one.checks)
            if (check.outcome == verdict::pass || check.outcome == verdict::chose ||
                check.outcome == verdict::not_offered) {
                ++out.passes;
                out.passed.push_back(one.id + "/" + check.requirement);
            }
    return out;
}

std::unique_ptr<target> start_mutant(const mutant_entry& entry) {
    if (entry.role == target_role::relay) return start_reference({.broken = *find_fault(entry.name)});
    return start_registry(*find_registry_fault(entry.name.substr(registry_prefix.size())));
}

mutant_score score_mutant(const mutant_entry& entry, const selftest_options& how, const references& unbroken) {
    const auto target = start_mutant(entry);
    const auto seen = outcomes_of(judge(entry.role, target->url(), how.seed, 8));
    mutant_score out{entry.name, entry.breaks, entry.fails, cases_that_differ(seen, unbroken.at(entry.role)),
                     {},         entry.kills};
    std::set<std::string> killed;
    for (const auto& [id, checks] : seen)
        for (const auto& [requirement, outcome] : checks)
            if (stands_for_failure(outcome)) killed.insert(requirement);
    out.killed.assign(killed.begin(), killed.end());
    return out;
}

run_report judge_oddball(const oddball& kind, const selftest_options& how) {
    if (role_of(kind.name) == target_role::registry) {
        const auto registry = start_registry();
        const auto target = kind.start(registry->port());
        const auto url = target->url();
        registry->be_called(url.substr(url.find("//") + 2));
        return judge(target_role::registry, url, how.seed, 16);
    }
    const reference_options options{.features = !kind.without_features, .expiry = kind.expiry};
    const auto relay = start_reference(options);
    const auto target = kind.start(relay->port());
    return judge(target_role::relay, target->url(), how.seed, 16, options);
}

oddball_score score_oddball(const oddball& kind, const selftest_options& how) {
    oddball_score out{std::string{kind.name}, 0, {}};
    for (const auto& one : judge_oddball(kind, how).cases)
        for (const auto& check : one.checks)
            if (check.outcome != verdict::pass && check.outcome != verdict::chose &&
                check.outcome != verdict::not_offered) {
                ++out.non_passes;
                out.differed.push_back(one.id + "/" + check.requirement);
            }
    return out;
}

std::string line_of(const null_score& score) {
    return score.passes == 0 ? "ok   null     " + score.name + ": 0 passes"
                             : "FAIL null     " + score.name + ": passes " + listed(score.passed);
}

std::string line_of(const mutant_score& score) {
    if (score.exact()) return "ok   mutant   " + score.name + ": " + listed(score.failed);
    std::string line = "FAIL mutant   " + score.name + ":";
    if (score.failed.empty()) line += " nothing fails; the suite is blind to it";
    if (const auto blind = missing_from(score.expected, score.failed); !blind.empty())
        line += " blind " + listed(blind) + ";";
    if (const auto sloppy = missing_from(score.failed, score.expected); !sloppy.empty())
        line += " further " + listed(sloppy) + ";";
    if (score.expected == score.failed && score.expected_kills != score.killed)
        line += " kills " + listed(score.killed, 12) + " instead of " + listed(score.expected_kills, 12);
    return line;
}

std::string line_of(const oddball_score& score) {
    return score.non_passes == 0 ? "ok   oddball  " + score.name + ": clean"
                                 : "FAIL oddball  " + score.name + ": " + listed(score.differed);
}

void write_json(const selftest_report& report, const std::string& file) {
    using json = nlohmann::ordered_json;
    json out{{"nulls", json::array()}, {"mutants", json::array()}, {"oddballs", json::array()}};
    for (const auto& one : report.nulls) out["nulls"].push_back({{"name", one.name}, {"passes", one.passes}});
    for (const auto& one : report.mutants)
        out["mutants"].push_back({{"name", one.name}, {"breaks", one.breaks}, {"expected", one.expected},
                                  {"failed", one.failed}, {"exact", one.exact()}, {"kills", one.killed}});
    for (const auto& one : report.oddballs)
        out["oddballs"].push_back({{"name", one.name}, {"non_passes", one.non_passes}});
    out["unneeded"] = report.unneeded;
    out["judged_again"] = report.judged_again;
    std::ofstream stream{file};
    stream << out.dump(2) << '\n';
    if (!stream) throw std::runtime_error{"cannot write " + file};
}

template <class Kinds>
auto chosen(const Kinds& kinds, const selftest_options& how) {
    std::vector<typename Kinds::value_type> out;
    for (const auto& kind : kinds)
        if (how.only.empty() || how.only.contains(std::string{kind.name}) ||
            how.only.contains(std::string{to_string(role_of(kind.name))}))
            out.push_back(kind);
    return out;
}

template <class Kind>
std::vector<Kind> both(std::vector<Kind> of_relays, const std::vector<Kind>& of_registries) {
    of_relays.insert(of_relays.end(), of_registries.begin(), of_registries.end());
    return of_relays;
}

}  // namespace

bool selftest_report::clean() const {
    return faults.empty() && unneeded.empty() &&
           std::all_of(nulls.begin(), nulls.end(), [](const auto& one) { return one.passes == 0; }) &&
           std::all_of(mutants.begin(), mutants.end(), [](const auto& one) { return one.exact(); }) &&
           std::all_of(oddballs.begin(), oddballs.end(), [](const auto& one) { return one.non_passes == 0; });
}

run_report reference_run(const std::string& seed, target_role of) {
    const std::unique_ptr<target> target =
        of == target_role::registry ? std::unique_ptr<zoo::target>{start_registry()} : start_reference({});
    return judge(of, target->url(), seed, 8);
}

selftest_report selftest(const selftest_options& how, std::ostream& progress) {
    selftest_report out;
    const auto say = [&](const std::string& line) {
        if (!how.quiet || line.starts_with("FAIL")) progress << line << std::endl;
    };

    const auto nulls = how.nulls ? chosen(both(null_targets(), registry_nulls()), how) : std::vector<null_target>{};
    const auto zoo = how.mutants ? chosen(mutants(), how) : std::vector<mutant_entry>{};
    const auto odd = how.oddballs ? chosen(both(oddballs(), registry_oddballs()), how) : std::vector<oddball>{};
    out.nulls.resize(nulls.size());
    out.mutants.resize(zoo.size());
    out.oddballs.resize(odd.size());

    references unbroken;
    for (const auto role : {target_role::relay, target_role::registry}) {
        if (std::none_of(zoo.begin(), zoo.end(), [role](const auto& one) { return one.role == role; })) continue;
        const std::string name{to_string(role)};
        auto report = reference_run(how.seed, role);
        if (!report.certifiable) {
            progress << "again the unbroken reference " << name << std::endl;
            out.judged_again.push_back(role == target_role::relay ? "reference" : "registry_reference");
            report = reference_run(how.seed, role);
        }
        unbroken[role] = outcomes_of(report);
        const auto before = out.faults.size();
        if (!report.certifiable) out.faults.push_back("the unbroken reference " + name + " is not certifiable");
        for (const auto& words : report.faults) out.faults.push_back(words);
        for (auto i = before; i < out.faults.size(); ++i) say("FAIL reference: " + out.faults[i]);
    }

    std::vector<std::function<std::string()>> tasks;
    for (std::size_t i = 0; i < nulls.size(); ++i)
        tasks.push_back([&, i] { return line_of(out.nulls[i] = score_null(nulls[i], how)); });
    for (std::size_t i = 0; i < zoo.size(); ++i)
        tasks.push_back([&, i] { return line_of(out.mutants[i] = score_mutant(zoo[i], how, unbroken)); });
    for (std::size_t i = 0; i < odd.size(); ++i)
        tasks.push_back([&, i] { return line_of(out.oddballs[i] = score_oddball(odd[i], how)); });

    std::vector<std::pair<std::size_t, std::string>> doubtful;
    side_by_side(how.side_by_side, tasks, [&](std::size_t task, const std::string& line) {
        const bool late = task >= nulls.size() && line.starts_with("FAIL");
        if (late) doubtful.emplace_back(task, line.substr(5));
        else say(line);
    });
    std::sort(doubtful.begin(), doubtful.end());
    for (const auto& [task, line] : doubtful) {
        progress << "again " << line << std::endl;
        out.judged_again.push_back(line.substr(9, line.find(':') - 9));
        say(tasks[task]());
    }

    if (how.mutants && std::all_of(how.only.begin(), how.only.end(), [](const auto& one) {
            return one == "relay" || one == "registry";
        })) {
        std::set<std::string> judged, killed;
        for (const auto& [role, reference] : unbroken)
            for (const auto& [id, checks] : reference)
                for (const auto& [requirement, outcome] : checks)
                    if (outcome == verdict::pass) judged.insert(requirement);
        for (const auto& one : out.mutants) killed.insert(one.killed.begin(), one.killed.end());
        std::set_difference(judged.begin(), judged.end(), killed.begin(), killed.end(),
                            std::back_inserter(out.unneeded));
        for (const auto& id : out.unneeded) say("FAIL oracle   " + id + ": passes here, and no mutant makes it fail");
    }

    if (!how.learn_file.empty()) {
        auto entries = zoo;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            entries[i].fails = out.mutants[i].failed;
            entries[i].kills = out.mutants[i].killed;
        }
        // One file a role: whoever confirms registries judges only these.
        const auto role = entries.empty() ? target_role::relay : entries.front().role;
        std::erase_if(entries, [role](const auto& one) { return one.role != role; });
        std::ofstream{how.learn_file} << mutants_text(entries);
    }
    if (!how.json_file.empty()) write_json(out, how.json_file);
    return out;
}

}  // namespace agentmesh::conformance::zoo
