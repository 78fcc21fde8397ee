// The ratchet and the session beside their floors and beside libolm and libsignal-protocol-c, taking turns in one
// process. Prints one JSON object: {"samples":{job:{contestant:[microseconds of CPU, one a repetition]}}}.
//
//   bench_e2ee [--repetitions N] [--scale F]
#include "bench/e2ee/floor.hpp"
#include "bench/e2ee/ratchet.hpp"
#include "bench/e2ee/session.hpp"
#if AGENTMESH_BENCH_OLM
#include "bench/e2ee/olm_peer.hpp"
#endif
#if AGENTMESH_BENCH_SIGNAL
#include "bench/e2ee/signal_peer.hpp"
#endif

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
    std::size_t repetitions = 7;
    double scale = 1;
    CLI::App app{"Measures encryption between two agents, in microseconds of CPU time."};
    app.add_option("--repetitions", repetitions, "how often each contestant runs")->capture_default_str();
    app.add_option("--scale", scale, "how much work in each run; 1 is about a third of a second")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (sodium_init() < 0) bench::broken("libsodium does not start");

    const std::vector<std::size_t> sizes{256, 1024, 16 * 1024, 64 * 1024};
    std::vector<bench::contestant> all;
    bench::floor::enter(all, sizes);
    bench::floor::enter_establish(all);
    bench::ours::enter<agentmesh::e2ee::am1>(all, sizes);
    bench::ours::enter<agentmesh::e2ee::wire10>(all, sizes);
    bench::ours::enter<agentmesh::e2ee::v02>(all, sizes);
    bench::ours::enter_x3dh(all);
    bench::ours::enter_session(all, sizes);
    bench::ours::enter_knock(all);
#if AGENTMESH_BENCH_OLM
    bench::olm::enter(all, sizes);
#endif
#if AGENTMESH_BENCH_SIGNAL
    bench::signal_c::enter(all, sizes);
#endif
    const auto seen = bench::run(all, repetitions, scale);

    std::cout << "{\"samples\":{";
    const char* job_comma = "";
    for (const auto& [job, names] : seen) {
        std::cout << job_comma << "\"" << job << "\":{";
        job_comma = ",";
        const char* comma = "";
        for (const auto& [name, values] : names) {
            std::cout << comma << "\"" << name << "\":[";
            comma = ",";
            for (std::size_t i = 0; i < values.size(); ++i) std::cout << (i ? "," : "") << values[i];
            std::cout << "]";
        }
        std::cout << "}";
    }
    std::cout << "}}\n";
}
