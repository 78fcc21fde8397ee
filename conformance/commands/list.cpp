// amconf list, amconf explain: what the suite holds.
#include "conformance/commands/commands.hpp"
#include "conformance/engine/accounting.hpp"
#include "conformance/engine/case_runner.hpp"
#include "conformance/engine/run.hpp"
#include "conformance/zoo/selftest.hpp"
#include "conformance_requirements.hpp"

#include <algorithm>
#include <iostream>

namespace agentmesh::conformance::commands {
namespace {

using ordered = nlohmann::ordered_json;

struct chosen_set {
    requirement_set set;
    target_role role;
};
chosen_set set_of(const std::string& word) {
    for (const auto role : {target_role::relay, target_role::registry})
        for (const auto set : {requirement_set::core, requirement_set::hardened})
            if (const auto name = set_name(set, role); word == name || name.starts_with(word + "@")) return {set, role};
    throw usage_error{"no set " + word + ": relay-core, relay-hardened, registry-core or registry-hardened"};
}

std::vector<const conformance_case*> cases_proving(std::string_view requirement) {
    std::vector<const conformance_case*> out;
    std::ranges::copy_if(all_cases(), std::back_inserter(out), [&](const auto* c) {
        return std::ranges::any_of(c->proves, [&](const clause* p) { return p->id == requirement; });
    });
    return out;
}

std::string observability_words(unsigned by) {
    std::string out;
    for (const auto& [flag, word] : {std::pair{by_wire, "wire"}, {by_vector, "vector"}, {by_schema, "schema"},
                                     {by_fuzz, "fuzz"}, {by_review, "review"}, {by_shim, "shim"}}) {
        if ((by & flag) != 0) out += (out.empty() ? "" : ", ") + std::string{word};
    }
    return out;
}

void list_cases(const chosen_set& of, bool as_json) {
    ordered out = ordered::array();
    for (const auto* c : all_cases()) {
        const auto proved = case_runner::judged(*c, of.set);
        if (c->role() != of.role || proved.empty()) continue;
        ordered ids = ordered::array();
        std::string words;
        for (const auto* p : proved) {
            ids.push_back(p->id);
            words += " " + std::string{p->id};
        }
        if (as_json) out.push_back(ordered{{"id", c->id}, {"title", c->title}, {"proves", ids}, {"round_trips", c->cost.count}});
        else std::cout << c->id << "  " << c->title << "\n   " << words << "\n";
    }
    if (as_json) std::cout << out.dump(1) << "\n";
}

void list_requirements(const chosen_set& of, bool as_json) {
    ordered out = ordered::array();
    for (const auto* c : demanded(of.set, of.role)) {
        const auto cases = cases_proving(c->id);
        if (as_json) {
            ordered ids = ordered::array();
            for (const auto* k : cases) ids.push_back(k->id);
            out.push_back(ordered{{"id", c->id}, {"level", to_string(c->level)}, {"set", to_string(c->set)},
                                  {"sentence", c->sentence}, {"line", c->line}, {"cases", ids}});
        } else {
            std::cout << c->id << "  " << to_string(c->level) << "  " << c->sentence << "\n   ";
            for (const auto* k : cases) std::cout << " " << k->id;
            std::cout << (cases.empty() ? " no case\n" : "\n");
        }
    }
    if (as_json) std::cout << out.dump(1) << "\n";
}

void explain_requirement(const clause& c) {
    std::cout << c.id << "  " << to_string(c.level) << "  " << to_string(c.pole) << "  set " << to_string(c.set) << "  "
              << c.role << "\n  " << c.sentence << "\n  SPEC.md:" << c.line << "  from " << c.source << "\n  proved by "
              << observability_words(c.by) << "\n";
    for (const auto* k : cases_proving(c.id)) std::cout << "  case    " << k->id << "  " << k->title << "\n";
    for (const auto& m : zoo::mutants()) {
        if (std::ranges::find(m.breaks, c.id) != m.breaks.end())
            std::cout << "  mutant  " << m.name << "  " << m.what << "\n";
    }
}

void explain_case(const conformance_case& c) {
    std::cout << c.id << "  " << c.title << "\n";
    for (const auto* p : c.proves)
        std::cout << "  " << p->id << "  " << to_string(p->level) << "  set " << to_string(p->set) << "\n    " << p->sentence << "\n";
    std::cout << "  " << c.cost.count << " round trips" << (c.wait == waits::none ? "" : ", waits for a timer of the target")
              << (c.needs == feature::none ? "" : c.needs == feature::receipts ? ", needs receipts" : ", needs challenge")
              << (c.alone ? ", runs alone" : "") << "\n";
    for (const auto& m : zoo::mutants()) {
        if (std::ranges::find(m.fails, std::string{c.id}) != m.fails.end())
            std::cout << "  catches mutant  " << m.name << "  " << m.what << "\n";
    }
}

int explain(const std::string& id) {
    if (const auto* c = find_case(id)) {
        explain_case(*c);
        return exit_codes::certifiable;
    }
    const auto found = std::ranges::find_if(req::all, [&](const clause* c) { return c->id == id; });
    if (found == req::all.end()) throw usage_error{id + " is no requirement and no case; see `amconf list`"};
    explain_requirement(**found);
    return exit_codes::certifiable;
}

}  // namespace

void add_list(CLI::App& app, int& code) {
    struct options { std::string what = "cases", set = "relay-hardened"; bool as_json = false; };
    auto o = std::make_shared<options>();
    auto& sub = *app.add_subcommand("list", "List cases or requirements");
    sub.add_option("what", o->what, "cases (default) or requirements")->check(CLI::IsMember({"cases", "requirements"}));
    sub.add_option("--set", o->set, "relay-core, relay-hardened (default), registry-core or registry-hardened");
    sub.add_flag("--json", o->as_json, "As JSON");
    sub.footer("Examples:\n  amconf list\n  amconf list requirements --set relay-core --json");
    sub.callback([o, &code] {
        const auto set = set_of(o->set);
        if (o->what == "cases") list_cases(set, o->as_json);
        else list_requirements(set, o->as_json);
        code = exit_codes::certifiable;
    });
}

void add_explain(CLI::App& app, int& code) {
    auto id = std::make_shared<std::string>();
    auto& sub = *app.add_subcommand("explain", "Explain a requirement or a case");
    sub.add_option("id", *id, "AM-RLY-042 or RLY-STORE-007")->required();
    sub.footer("Examples:\n  amconf explain AM-RLY-042\n  amconf explain RLY-STORE-007");
    sub.callback([id, &code] { code = explain(*id); });
}

}  // namespace agentmesh::conformance::commands
