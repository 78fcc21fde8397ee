// amconf replay DIR: judges the recorded bytes of a run again.
#include "conformance/engine/replay.hpp"

#include "conformance/commands/commands.hpp"
#include "conformance/engine/run.hpp"
#include "conformance/engine/shim_run.hpp"

#include <iostream>

namespace agentmesh::conformance::commands {
namespace {

int replay_directory(const std::string& directory, const std::string& only) {
    evidence recorded;
    run_report results;
    try {
        recorded = read_evidence(read_file(directory + "/evidence.jsonl"));
        results = report_from_json(nlohmann::ordered_json::parse(read_file(directory + "/results.json")));
    } catch (const nlohmann::json::exception&) {
        throw usage_error{directory + "/results.json is not JSON"};
    }
    const auto again = is_shim_run(recorded) ? replay_shim(recorded, results, only) : replay(recorded, results, only);
    if (!only.empty()) {
        for (const auto& one : again.judged)
            for (const auto& c : one.checks)
                std::cout << one.id << "  " << c.requirement << "  " << to_string(c.outcome) << "  " << c.why << "\n";
    }
    for (const auto& d : again.differences) std::cout << "DIFFERS  " << d << "\n";
    std::cout << again.cases << " cases, " << again.checks << " checks judged again from " << directory << ": "
              << (again.differences.empty() ? "every verdict is reproduced"
                                            : std::to_string(again.differences.size()) + " differences")
              << "\n";
    return again.differences.empty() ? exit_codes::certifiable : exit_codes::fault;
}

}  // namespace

void add_replay(CLI::App& app, int& code) {
    struct options { std::string directory, only; };
    auto o = std::make_shared<options>();
    auto& sub = *app.add_subcommand("replay", "Judge the recorded bytes of a run again");
    sub.add_option("directory", o->directory, "What --out was given")->required();
    sub.add_option("--case", o->only, "Only this case, with its verdicts");
    sub.footer("Example:\n  amconf replay run/ --case RLY-STORE-007\n\n"
               "Exit codes: 0 every verdict is reproduced, 4 one is not, or the evidence has been altered.");
    sub.callback([o, &code] { code = replay_directory(o->directory, o->only); });
}

}  // namespace agentmesh::conformance::commands
