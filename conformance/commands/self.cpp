// amconf selftest, and the subcommands that later revisions bring.
#include "conformance/commands/commands.hpp"
#include "conformance/engine/run.hpp"
#include "conformance/trace/trace.hpp"
#include "conformance/zoo/selftest.hpp"

#include <iostream>

namespace agentmesh::conformance::commands {

void add_selftest(CLI::App& app, int& code) {
    struct options {
        bool nulls = false, mutants = false, oddballs = false;
        std::vector<std::string> only;
        zoo::selftest_options how;
    };
    auto o = std::make_shared<options>();
    auto& sub = *app.add_subcommand("selftest", "Judge the judge: targets of which it is known what they do");
    sub.add_flag("--null", o->nulls, "Only targets that implement nothing (together with the next two: those named)");
    sub.add_flag("--zoo", o->mutants, "Only the reference relay and the reference registry with one line broken");
    sub.add_flag("--oddballs", o->oddballs, "Only correct but unusual relays and registries");
    sub.add_option("--only", o->only, "Only these targets, or all of `relay` or `registry`")->delimiter(',');
    sub.add_option("--seed", o->how.seed, "Hexadecimal");
    sub.add_option("--jobs", o->how.side_by_side, "Targets side by side (default 8)")->check(CLI::Range(1u, 64u));
    sub.add_option("--json", o->how.json_file, "File for the scores");
    sub.add_option("--learn", o->how.learn_file, "File for zoo.toml (with --only registry: registry.toml) as it was seen, for review");
    sub.add_flag("--quiet", o->how.quiet, "Only what is wrong");
    sub.footer("Examples:\n  amconf selftest\n  amconf selftest --null --json selftest.json\n  amconf selftest --zoo --only registry\n\n"
               "Exit codes: 0 every null scores 0, every mutant is exact, every oddball is clean; else 4.");
    sub.callback([o, &code] {
        if (o->nulls || o->mutants || o->oddballs) {
            o->how.nulls = o->nulls;
            o->how.mutants = o->mutants;
            o->how.oddballs = o->oddballs;
        }
        o->how.only = {o->only.begin(), o->only.end()};
        code = zoo::selftest(o->how, std::cout).clean() ? exit_codes::certifiable : exit_codes::fault;
    });
}

void add_trace(CLI::App& app, int& code) {
    auto o = std::make_shared<trace::trace_options>();
    auto& sub = *app.add_subcommand("trace", "Check that every requirement has what proves it, and nothing proves what is not there");
    sub.add_option("--root", o->root, "The repository (default .)");
    sub.add_flag("--strict", o->strict, "Also demand a reference run, mutants, code sites and recorded reviews");
    sub.add_flag("--catalogue", o->catalogue, "Only print which rows of the catalogue and of the facts have a clause");
    sub.add_option("--json", o->json_file, "File for the links and gaps; - for standard output");
    sub.add_option("--run", o->run_directory, "Read results.json there instead of judging the reference relay");
    sub.footer("Examples:\n  amconf trace\n  amconf trace --strict --json trace.json\n"
               "  python3 tools/amspec review --links trace.json --accept 'case RLY-STORE-007'\n\n"
               "Exit codes: 0 nothing is missing, 1 something is, 3 the repository cannot be read, 5 built from another SPEC.md.");
    sub.callback([o, &code] { code = trace::run_trace(*o, std::cout, std::cerr); });
}

void add_later(CLI::App& app, int& code) {
    for (const char* name : {"client", "certify", "verify"}) {
        auto& sub = *app.add_subcommand(name, "Not in this build");
        sub.allow_extras();
        sub.callback([name, &code] {
            std::cerr << "amconf: this build has no `" << name << "`; it judges relays, registries and shims (see amconf relay --help, amconf shim --help)\n";
            code = exit_codes::usage;
        });
    }
}

}  // namespace agentmesh::conformance::commands
