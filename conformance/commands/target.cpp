// amconf relay URL, amconf registry URL: judge what stands behind a URL.
#include "conformance/commands/commands.hpp"
#include "conformance/engine/accounting.hpp"
#include "conformance/engine/run.hpp"
#include "conformance/report/console.hpp"
#include "conformance/report/progress_line.hpp"
#include "conformance/report/write.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

namespace agentmesh::conformance::commands {
namespace {

struct target_command {
    plan_options plan;
    std::string set, out, declare, waive, baseline;
    bool quiet = false, no_color = false;

    [[nodiscard]] int run();
};

std::string set_words(target_role of) {
    const std::string role{to_string(of)};
    return role + "-core or " + role + "-hardened";
}

/// What varies from run to run and is therefore not in results.json.
void write_run_file(const std::filesystem::path& directory, const run_report& report, const evidence& recorded) {
    nlohmann::ordered_json roots = nlohmann::ordered_json::object();
    for (const auto& c : recorded.cases) roots[c.case_id()] = c.root();
    const nlohmann::ordered_json file{{"diagnosis", report.diagnosis},
                                      {"rtt_p50_us", report.rtt_p50_us},
                                      {"rtt_p99_us", report.rtt_p99_us},
                                      {"duration_ms", report.duration_ms},
                                      {"spki_sha256", report.spki_sha256},
                                      {"evidence_root", report.evidence_root},
                                      {"case_roots", std::move(roots)},
                                      {"faults", report.faults},
                                      {"stale", report.stale}};
    std::ofstream stream{directory / "run.json", std::ios::binary};
    stream << file.dump(1) << '\n';
    if (!stream.flush()) throw std::runtime_error("cannot write " + (directory / "run.json").string());
}

int target_command::run() {
    if (!declare.empty()) read_declaration(read_file(declare), plan);
    if (!waive.empty()) plan.waivers = read_waivers(read_file(waive));
    if (!baseline.empty()) plan.baseline = read_baseline(read_file(baseline));
    const auto hardened = set_name(requirement_set::hardened, plan.role);
    const auto revision = hardened.substr(hardened.find('@'));
    const auto word = set.substr(0, set.find('@'));
    plan.set = hardened.starts_with(word + "@") ? requirement_set::hardened : requirement_set::core;
    const auto name = set_name(plan.set, plan.role);
    if (!name.starts_with(word + "@") || (set != word && set != name))
        throw usage_error{"no set " + set + " in this build: " + set_words(plan.role) + ", each with an optional " + revision};

    const bool color = wants_color(no_color);
    report::progress_line line{std::cout, ::isatty(STDOUT_FILENO) != 0, color};
    if (!quiet) plan.observer = [&](const progress& p) { line.show(p); };
    evidence recorded;
    plan.keep_evidence = &recorded;
    const auto result = conformance::run(plan);
    if (!quiet) line.finish();
    if (!out.empty()) {
        report::write_run(out, result, recorded);
        write_run_file(out, result, recorded);
    }
    std::cout << report::console_text(result, recorded, {.color = color, .quiet = quiet}) << std::flush;
    return exit_code(result);
}

std::shared_ptr<target_command> add_target(CLI::App& sub, target_role role) {
    auto command = std::make_shared<target_command>();
    const bool registry = role == target_role::registry;
    const std::string name{to_string(role)}, tls = registry ? "https" : "wss";
    command->set = name + "-core";
    auto& plan = command->plan;
    plan.role = role;
    sub.add_option("url", plan.url, registry ? "http:// or https:// URL; a /v1 at its end may be left out" : "ws:// or wss:// URL")
        ->required();
    sub.add_option("--set", command->set, name + "-core (default) or " + name + "-hardened, optionally with @revision");
    sub.add_option("--out", command->out, "Directory for results.json, evidence.jsonl and the reports");
    sub.add_option("--seed", plan.seed, "Hexadecimal; equal seeds give equal results.json. Random if absent");
    sub.add_option("--only", plan.only,
                   std::string{"Run only these cases, areas ("} + (registry ? "REG, REG-SEARCH" : "RLY, RLY-STORE") + ") or requirements")
        ->delimiter(',');
    sub.add_option("--skip", plan.skip, "Leave these out; what they prove is untested")->delimiter(',');
    sub.add_option("--jobs", plan.jobs, "Cases side by side (default 8)")->check(CLI::Range(1u, 256u));
    sub.add_option("--declare", command->declare, "JSON file with the target's timings, so that waits can be short");
    sub.add_flag("--slow", plan.slow, "Wait as long as SPEC.md says, and allow a plan above 55 s");
    sub.add_option("--waive", command->waive, "JSON file: SHOULD deviations you answer for");
    sub.add_option("--baseline", command->baseline, "JSON file: failures you know of; quiets the exit code only");
    sub.add_option("--ca", plan.ca_file, "PEM file with the roots for " + tls + " instead of the system's");
    sub.add_flag("--insecure", plan.insecure, "Do not verify the certificate of a " + tls + " target");
    sub.add_flag("--quiet", command->quiet, "Only what needs attention, and the verdict");
    sub.add_flag("--no-color", command->no_color, "No colours; also with NO_COLOR set");
    return command;
}

}  // namespace

void add_relay(CLI::App& app, int& code) {
    auto& sub = *app.add_subcommand("relay", "Judge the relay behind a URL");
    auto command = add_target(sub, target_role::relay);
    sub.footer(
        "Examples:\n"
        "  amconf relay ws://127.0.0.1:8765/\n"
        "  amconf relay wss://relay.example/v1 --set relay-hardened --declare timings.json --out run/\n"
        "  amconf relay ws://127.0.0.1:8765/ --only RLY-STORE --seed 7f3a\n"
        "\n"
        "A declaration holds any of: {\"handshake_timeout_ms\":700, \"ping_interval_ms\":600, \"pong_grace_ms\":400,\n"
        "\"message_ttl_ms\":1500, \"head_timeout_ms\":700, \"rate_window_ms\":60000}. Requirements whose wait is neither\n"
        "declared nor allowed with --slow are untested. With --only the rest of the set is untested, hence exit code 2.\n"
        "A waiver: [{\"requirement\":\"AM-RLY-077\", \"reason\":\"...\", \"by\":\"...\", \"expires\":\"2027-01-31\"}].\n"
        "A baseline: [{\"case\":\"RLY-STORE-007\", \"requirement\":\"AM-RLY-042\", \"issue\":\"https://...\",\n"
        "\"expires\":\"2027-01-31\"}].");
    sub.callback([command, &code] { code = command->run(); });
}

void add_registry(CLI::App& app, int& code) {
    auto& sub = *app.add_subcommand("registry", "Judge the registry behind a URL");
    auto command = add_target(sub, target_role::registry);
    sub.footer(
        "Examples:\n"
        "  amconf registry http://127.0.0.1:8080\n"
        "  amconf registry https://registry.example/v1 --set registry-hardened --out run/\n"
        "  amconf registry http://127.0.0.1:8080 --only REG-PREKEYS --seed 7f3a\n"
        "\n"
        "A run registers some hundreds of agents with keys of its own, from one address: a registry that counts requests or\n"
        "registrations has to be told to let them pass. Agents remain registered; some are revoked. With --only the rest of\n"
        "the set is untested, hence exit code 2. Waivers and baselines are as those of `amconf relay`.");
    sub.callback([command, &code] { code = command->run(); });
}

}  // namespace agentmesh::conformance::commands
