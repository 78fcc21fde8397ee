// amconf shim --exec CMD: holds an implementation in any language against the protocol, through lines of JSON.
#include "conformance/commands/commands.hpp"
#include "conformance/engine/accounting.hpp"
#include "conformance/engine/shim_run.hpp"
#include "conformance/report/console.hpp"
#include "conformance/report/progress_line.hpp"
#include "conformance/report/write.hpp"

#include <unistd.h>

#include <iostream>

namespace agentmesh::conformance::commands {
namespace {

struct shim_command {
    shim_options how;
    std::string out, waive, baseline;
    unsigned patience_ms = 10'000;
    bool quiet = false, no_color = false;

    [[nodiscard]] int run();
};

int shim_command::run() {
    how.patience = std::chrono::milliseconds{patience_ms};
    if (!waive.empty()) how.waivers = read_waivers(read_file(waive));
    if (!baseline.empty()) how.baseline = read_baseline(read_file(baseline));
    const bool color = wants_color(no_color);
    report::progress_line line{std::cout, ::isatty(STDOUT_FILENO) != 0, color};
    if (!quiet) how.observer = [&](const progress& p) { line.show(p); };
    evidence recorded;
    how.keep_evidence = &recorded;
    const auto result = run_shim(how);
    if (!quiet) line.finish();
    if (!out.empty()) report::write_run(out, result, recorded);
    std::cout << report::console_text(result, recorded, {.color = color, .quiet = quiet}) << std::flush;
    return exit_code(result);
}

}  // namespace

void add_shim(CLI::App& app, int& code) {
    auto command = std::make_shared<shim_command>();
    auto& sub = *app.add_subcommand("shim", "Judge an implementation behind a program that answers lines of JSON");
    auto& how = command->how;
    sub.add_option("--exec", how.command, "The program, for /bin/sh; see docs/shim-protocol.md")->required();
    sub.add_option("--areas", how.areas, "Any of id,enc,kex,ratchet,knock,policy,envelope (default all)")
        ->delimiter(',');
    sub.add_option("--suite", how.suite, "am1 (default), wire10, wire10-legacy or v02");
    sub.add_option("--out", command->out, "Directory for results.json, evidence.jsonl and the reports");
    sub.add_option("--seed", how.seed, "Hexadecimal; equal seeds ask equal questions. Random if absent");
    sub.add_option("--only", how.only, "Run only these cases (RAT, RAT-SEALED, RAT-SEALED-001)")->delimiter(',');
    sub.add_option("--skip", how.skip, "Leave these out")->delimiter(',');
    sub.add_option("--vectors", how.vectors, "A directory of vectors instead of those inside the program");
    sub.add_option("--patience", command->patience_ms,
                   "Milliseconds that it may be silent at most (default 10000); less once its own pace is known")
        ->check(CLI::Range(10u, 600'000u));
    sub.add_option("--waive", command->waive, "JSON file: SHOULD deviations you answer for");
    sub.add_option("--baseline", command->baseline, "JSON file: failures you know of; quiets the exit code only");
    sub.add_flag("--quiet", command->quiet, "Only what needs attention, and the verdict");
    sub.add_flag("--no-color", command->no_color, "No colours; also with NO_COLOR set");
    sub.footer(
        "Examples:\n"
        "  amconf shim --exec build/bin/agentmesh-shim\n"
        "  amconf shim --exec 'node shim.mjs' --areas kex,ratchet --suite wire10-legacy --out run/\n"
        "  amconf replay run/ --case RAT-LIVE-001\n\n"
        "An area that the program does not offer is `not_offered` if it also answers so. No area at all: exit code 2.");
    sub.callback([command, &code] { code = command->run(); });
}

}  // namespace agentmesh::conformance::commands
