#include "conformance/commands/commands.hpp"

#include "agentmesh/version.hpp"
#include "conformance/engine/run.hpp"
#include "conformance_requirements.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace agentmesh::conformance::commands {

std::string read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) throw usage_error{"cannot read " + path};
    return std::move(text).str();
}

bool wants_color(bool switched_off) {
    const char* no_color = std::getenv("NO_COLOR");
    return !switched_off && (no_color == nullptr || *no_color == '\0') && ::isatty(STDOUT_FILENO) != 0;
}

int run(int argc, char** argv) {
    int code = exit_codes::certifiable;
    CLI::App app{"Judges implementations of AgentMesh by SPEC.md, over the wire, with evidence for every verdict."};
    app.name("amconf");
    app.require_subcommand(1);
    app.set_version_flag("--version", "amconf " + std::string{library_version} + ", specification " +
                                          std::string{req::spec_revision});
    app.footer(
        "Examples:\n"
        "  amconf relay ws://127.0.0.1:8765/                    judge a relay by what 0.2 itself promises\n"
        "  amconf relay wss://relay.example/ --set relay-hardened --out run/\n"
        "  amconf registry http://127.0.0.1:8080                judge a registry\n"
        "  amconf shim --exec 'node shim.mjs' --areas kex,ratchet --suite wire10-legacy\n"
        "  amconf replay run/ --case RLY-STORE-007              judge the recorded bytes again\n"
        "  amconf explain AM-RLY-042                            what it says and which cases prove it\n"
        "\n"
        "Exit codes: 0 certifiable, 1 a MUST is broken, 2 untested or inconclusive, 3 usage, 4 the harness is at fault,\n"
        "5 a stale baseline.");
    add_relay(app, code);
    add_registry(app, code);
    add_shim(app, code);
    add_replay(app, code);
    add_list(app, code);
    add_explain(app, code);
    add_selftest(app, code);
    add_trace(app, code);
    add_later(app, code);
    try {
        app.parse(argc, argv);
        return code;
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? exit_codes::certifiable : exit_codes::usage;
    } catch (const usage_error& e) {
        std::cerr << "amconf: " << e.words << "\n";
        return exit_codes::usage;
    } catch (const std::exception& e) {
        std::cerr << "amconf: " << e.what() << "\n";
        return exit_codes::fault;
    }
}

}  // namespace agentmesh::conformance::commands
