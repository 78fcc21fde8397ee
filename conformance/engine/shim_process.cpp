#include "conformance/engine/shim_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace agentmesh::conformance {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct pipe_ends {
    int read = -1, write = -1;
};

pipe_ends open_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe for the shim");
    return {ends[0], ends[1]};
}

void shut(int& fd) noexcept {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

/// The time without a line that is still to be waited out.
class patience {
public:
    explicit patience(const shim_silence& may) : may_{may} {}

    /// A line came. @returns how long it took
    std::chrono::microseconds heard() {
        const auto since = std::exchange(last_, clock::now());
        until_ = last_ + may_.idle;
        return std::chrono::duration_cast<std::chrono::microseconds>(last_ - since);
    }
    [[nodiscard]] bool over() const { return clock::now() >= until_; }
    /// Milliseconds, for poll.
    [[nodiscard]] int left() const {
        const auto left = std::chrono::ceil<milliseconds>(until_ - clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    /// Over, and yet not: it is at work, and the bound is not reached.
    template <class Working>
    bool goes_on(Working working) {
        const auto now = clock::now(), end = last_ + may_.longest;
        if (now >= end || !working()) return false;
        until_ = std::min(now + may_.idle, end);
        return true;
    }

private:
    shim_silence may_;
    clock::time_point last_ = clock::now(), until_ = last_ + may_.idle;
};

#ifdef __linux__
/// What stands in a file of /proc behind the name of the program: state, parent, process group.
std::optional<std::pair<char, pid_t>> state_and_group(const std::filesystem::path& stat) {
    std::ifstream file{stat};
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    std::istringstream after{text.substr(std::min(text.size(), text.rfind(')') + 1))};  // a name may hold blanks
    char state = 0;
    pid_t parent = 0, group = 0;
    if (!(after >> state >> parent >> group)) return std::nullopt;
    return std::pair{state, group};
}
#endif

std::string words_of(int status) {
    if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
    return "exit " + std::to_string(WEXITSTATUS(status));
}

[[noreturn]] void become(const std::string& command, const pipe_ends& in, const pipe_ends& out, const pipe_ends& err) {
    ::setpgid(0, 0);
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    std::signal(SIGPIPE, SIG_DFL);  // the harness ignores it, and that would be inherited
    ::dup2(in.read, STDIN_FILENO);
    ::dup2(out.write, STDOUT_FILENO);
    ::dup2(err.write, STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
}

}  // namespace

bool shim_process::at_work() const {
#ifdef __linux__
    namespace fs = std::filesystem;
    std::error_code gone;  // processes and threads end while they are counted
    for (fs::directory_iterator each{"/proc", gone}; !gone && each != fs::directory_iterator{}; each.increment(gone)) {
        if (!std::isdigit(static_cast<unsigned char>(each->path().filename().string().front()))) continue;
        const auto found = state_and_group(each->path() / "stat");
        if (!found || found->second != child_) continue;
        std::error_code none;
        for (fs::directory_iterator thread{each->path() / "task", none}; !none && thread != fs::directory_iterator{};
             thread.increment(none)) {
            const auto one = state_and_group(thread->path() / "stat");
            if (one && (one->first == 'R' || one->first == 'D')) return true;
        }
    }
    return false;
#else
    return true;
#endif
}

shim_process::shim_process(const std::string& command) {
    auto in = open_pipe(), out = open_pipe(), err = open_pipe();
    child_ = ::fork();
    if (child_ == 0) become(command, in, out, err);
    shut(in.read);
    shut(out.write);
    shut(err.write);
    in_ = in.write;
    out_ = out.read;
    err_ = err.read;
    if (child_ < 0) {
        for (int* fd : {&in_, &out_, &err_}) shut(*fd);
        throw std::runtime_error("no process for the shim");
    }
    ::setpgid(child_, child_);  // whoever of the two comes first
    for (const int fd : {in_, out_, err_}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

shim_process::~shim_process() {
    kill_group();
    for (int* fd : {&in_, &out_, &err_}) shut(*fd);
}

void shim_process::kill_group() noexcept {
    if (child_ <= 0) return;
    ::kill(-child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
}

void shim_process::read_output(std::vector<std::string>& lines) {
    std::array<char, 65'536> chunk;
    const auto got = ::read(out_, chunk.data(), chunk.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        ended_ = true;
        // What it wrote without a line feed is evidence of a line that was cut off.
        if (!partial_.empty()) lines.push_back(std::move(partial_));
        partial_.clear();
        return;
    }
    partial_.append(chunk.data(), static_cast<std::size_t>(got));
    std::size_t from = 0;
    for (auto end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n', from)) {
        lines.push_back(partial_.substr(from, end - from));
        overlong_ = overlong_ || lines.back().size() > shim_line_limit || lines.size() >= shim_lines_limit;
        from = end + 1;
        if (overlong_) break;  // what follows is not evidence of anything else
    }
    partial_.erase(0, from);
    if (partial_.size() > shim_line_limit) {
        overlong_ = true;
        partial_.resize(256);  // enough to see what it was
        lines.push_back(std::move(partial_));
        partial_.clear();
    }
}

void shim_process::read_errors() {
    std::array<char, 4'096> chunk;
    const auto got = ::read(err_, chunk.data(), chunk.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return shut(err_);
    const auto room = shim_error_limit - std::min(shim_error_limit, errors_.size());
    errors_.append(chunk.data(), std::min(room, static_cast<std::size_t>(got)));
}

shim_stop shim_process::converse(std::string_view text, std::vector<std::string>& lines,
                                 const std::function<bool(const std::string&)>& last, const shim_silence& may) {
    patience wait{may};
    auto judged = lines.size();
    silence_ = {};
    while (true) {
        for (; judged < lines.size(); ++judged) {
            silence_ = std::max(silence_, wait.heard());
            if (last(lines[judged])) return shim_stop::none;
        }
        if (overlong_) return shim_stop::overlong;
        if (ended_) return shim_stop::ended;
        // Idle first, then unread: what it wrote before it fell idle would be seen now.
        const bool silent = wait.over() && !wait.goes_on([this] { return at_work(); });
        std::array<pollfd, 3> ends{{{out_, POLLIN, 0}, {err_, POLLIN, 0}, {text.empty() ? -1 : in_, POLLOUT, 0}}};
        if (::poll(ends.data(), ends.size(), silent ? 0 : wait.left()) < 0 && errno != EINTR)
            throw std::runtime_error("poll failed");
        if (silent && ends[0].revents == 0) return shim_stop::deadline;
        if (ends[2].revents != 0) {
            const auto put = ::write(in_, text.data(), text.size());
            if (put > 0)
                text.remove_prefix(static_cast<std::size_t>(put));
            else if (put < 0 && errno != EAGAIN && errno != EINTR)
                text = {};  // it closed its input; its output tells
        }
        if (ends[1].revents != 0) read_errors();
        if (ends[0].revents != 0) read_output(lines);
    }
}

std::string shim_process::finish(std::vector<std::string>& lines, const shim_silence& may) {
    shut(in_);
    patience wait{may};
    const auto gives_up = [&] { return wait.over() && !wait.goes_on([this] { return at_work(); }); };
    while (!ended_ && !overlong_ && !gives_up()) {
        std::array<pollfd, 2> ends{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
        if (::poll(ends.data(), ends.size(), wait.left()) < 0 && errno != EINTR) break;
        if (ends[1].revents != 0) read_errors();
        if (ends[0].revents != 0) read_output(lines);
    }
    int status = 0;
    while (child_ > 0) {
        const bool enough = gives_up();  // before the look: it may end in between
        const auto gone = ::waitpid(child_, &status, WNOHANG);
        if (gone == child_) {
            ::kill(-child_, SIGKILL);  // what it started and left behind
            child_ = -1;
        } else if (gone < 0 || enough) {
            kill_group();
            return "running";
        } else {
            ::poll(nullptr, 0, 2);
        }
    }
    for (int i = 0; i < 8 && err_ >= 0; ++i) read_errors();
    return words_of(status);
}

}  // namespace agentmesh::conformance
