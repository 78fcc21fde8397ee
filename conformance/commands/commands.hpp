// The command line of amconf. Each subcommand is a struct that declares its options and then runs.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace agentmesh::conformance::commands {

/// What amconf returns; fixed, for scripts rely on it.
namespace exit_codes {
inline constexpr int certifiable = 0, broken = 1, open = 2, usage = 3, fault = 4, stale = 5;
}

/// Parses and runs; never throws.
int run(int argc, char** argv);

/// A subcommand of `app`; its callback stores what the process returns in `code`.
void add_relay(CLI::App& app, int& code);
void add_registry(CLI::App& app, int& code);
void add_shim(CLI::App& app, int& code);
void add_replay(CLI::App& app, int& code);
void add_list(CLI::App& app, int& code);
void add_explain(CLI::App& app, int& code);
void add_selftest(CLI::App& app, int& code);
void add_trace(CLI::App& app, int& code);
/// Those that SPEC.md's later revisions bring.
void add_later(CLI::App& app, int& code);

/// The text of a file. @throws usage_error
[[nodiscard]] std::string read_file(const std::string& path);
/// True if standard output is a terminal and colours are not switched off (NO_COLOR, --no-color).
[[nodiscard]] bool wants_color(bool switched_off);

}  // namespace agentmesh::conformance::commands
