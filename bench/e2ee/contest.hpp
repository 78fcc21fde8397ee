// Contestants that do the same work in turn, in one process, so that a drift of the machine meets all of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// CPU time of this thread: what other processes do meanwhile does not count.
inline double cpu_microseconds() {
    timespec at{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) * 1e6 + static_cast<double>(at.tv_nsec) / 1e3;
}

[[noreturn]] inline void broken(const char* what) {
    std::cerr << "bench_e2ee: " << what << '\n';
    std::exit(1);
}

/// One entry: runs its work `count` times; everything it needs for that was made before.
struct contestant {
    std::string job;   ///< "one way 256", "turn 256", "establish"
    std::string name;  ///< "am1", "floor", "libolm"
    std::size_t count;
    std::function<void(std::size_t)> prepare;  ///< untimed
    std::function<void(std::size_t)> work;
};

/// Microseconds a unit of work, by job and name, one value a repetition.
using samples = std::map<std::string, std::map<std::string, std::vector<double>>>;

inline samples run(std::vector<contestant>& all, std::size_t repetitions, double scale) {
    samples out;
    for (std::size_t i = 0; i <= repetitions; ++i) {
        for (auto& one : all) {
            const auto count =
                std::max<std::size_t>(4, static_cast<std::size_t>(static_cast<double>(one.count) * scale));
            if (one.prepare) one.prepare(count);
            const double from = cpu_microseconds();
            one.work(count);
            const double took = (cpu_microseconds() - from) / static_cast<double>(count);
            if (i > 0) out[one.job][one.name].push_back(took);  // the first round warms up
        }
    }
    return out;
}

}  // namespace bench
