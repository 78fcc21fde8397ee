// What /proc tells about the server under test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace bench {

/// CPU time of all threads of a process, in nanoseconds; exact, unlike the ticks of /proc/PID/stat.
[[nodiscard]] inline std::uint64_t cpu_time(int pid) {
    std::uint64_t out = 0;
    for (const auto& thread : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"}) {
        std::uint64_t on_cpu = 0;
        std::ifstream{thread.path() / "schedstat"} >> on_cpu;
        out += on_cpu;
    }
    return out;
}

/// Resident memory in bytes.
[[nodiscard]] inline std::uint64_t resident(int pid) {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string word; status >> word;) {
        if (word != "VmRSS:") continue;
        std::uint64_t kib = 0;
        status >> kib;
        return kib * 1024;
    }
    return 0;
}

}  // namespace bench
