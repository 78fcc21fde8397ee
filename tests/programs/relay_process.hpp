// agentmesh-relay as a child process: started, listened to, ended with the test whatever happens.
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

class relay_process {
public:
    struct settings {
        std::vector<std::string> arguments{};
        std::vector<std::string> environment{};  ///< "NAME=value"
        rlim_t descriptors = 0;                  ///< limit of open files; 0: as it is
    };

    explicit relay_process(const settings& chosen) {
        int out[2];
        if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error{"pipe"};
        char pattern[] = "/tmp/agentmesh-relay-log-XXXXXX";
        const int log = ::mkstemp(pattern);
        log_ = pattern;

        std::vector<char*> arguments{const_cast<char*>(AGENTMESH_RELAY)};
        for (const auto& one : chosen.arguments) arguments.push_back(const_cast<char*>(one.c_str()));
        arguments.push_back(nullptr);

        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing survives a test that crashes
            ::dup2(out[1], STDOUT_FILENO);
            ::dup2(log, STDERR_FILENO);
            for (const auto& one : chosen.environment) ::putenv(const_cast<char*>(one.c_str()));
            if (chosen.descriptors > 0) {
                const rlimit limit{chosen.descriptors, chosen.descriptors};
                ::setrlimit(RLIMIT_NOFILE, &limit);
            }
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ::close(out[1]);
        ::close(log);
        output_ = out[0];
    }
    ~relay_process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(output_);
        std::filesystem::remove(log_);
    }
    relay_process(const relay_process&) = delete;
    relay_process& operator=(const relay_process&) = delete;

    /// The next line of standard output, without its end; empty at the end of output.
    [[nodiscard]] std::string line() {
        std::string out;
        for (char c = 0; read(c) && c != '\n';) out.push_back(c);
        return out;
    }
    /// Reads the line that says where it listens.
    [[nodiscard]] std::uint16_t port() {
        const auto said = line();
        if (said.substr(0, 10) != "listening ") throw std::runtime_error{"said: " + said + "; logged: " + log()};
        return static_cast<std::uint16_t>(std::stoul(said.substr(said.rfind(':') + 1)));
    }

    void signal(int number) const { ::kill(pid_, number); }
    /// Waits for the end; 128 and more for a signal.
    [[nodiscard]] int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    [[nodiscard]] int pid() const noexcept { return pid_; }

    [[nodiscard]] std::string log() const {
        std::ostringstream out;
        out << std::ifstream{log_}.rdbuf();
        return out.str();
    }
    /// Resident memory in KiB.
    [[nodiscard]] std::size_t resident() const { return number_after("status", "VmRSS:"); }
    /// CPU time so far.
    [[nodiscard]] std::chrono::nanoseconds cpu() const {
        std::int64_t out = 0;
        std::ifstream{"/proc/" + std::to_string(pid_) + "/schedstat"} >> out;
        return std::chrono::nanoseconds{out};
    }

private:
    [[nodiscard]] bool read(char& c) const {
        pollfd ready{output_, POLLIN, 0};
        if (::poll(&ready, 1, 20'000) != 1) throw std::runtime_error{"the relay says nothing; logged: " + log()};
        return ::read(output_, &c, 1) == 1;
    }
    [[nodiscard]] std::size_t number_after(const std::string& file, const std::string& word) const {
        std::ifstream from{"/proc/" + std::to_string(pid_) + "/" + file};
        for (std::string seen; from >> seen;) {
            std::size_t out = 0;
            if (seen == word && from >> out) return out;
        }
        return 0;
    }

    std::filesystem::path log_;
    int output_ = -1;
    pid_t pid_ = -1;
};
