// A shim as a process: a command whose standard input takes lines and whose standard output gives lines. What it does
// is bounded: the length of a line, the time without one, and what is kept of its standard error.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace agentmesh::conformance {

/// Why a conversation ended before its last line came.
enum class shim_stop : std::uint8_t {
    none,      ///< it did not
    deadline,  ///< no line for as long as the shim may be silent
    ended,     ///< its standard output is at its end
    overlong,  ///< a line longer than the limit, or more lines than anybody asked for
};

inline constexpr std::size_t shim_line_limit = 1'048'576;  ///< bytes of one line, without the line feed
inline constexpr std::size_t shim_lines_limit = 1'024;     ///< lines that one exchange may bring
inline constexpr std::size_t shim_error_limit = 16'384;    ///< bytes of standard error that are kept, the first ones

/// How long it may be silent: `idle` while none of its processes runs or waits for a disk, `longest` in any case. So a
/// busy machine makes no hang.
struct shim_silence {
    std::chrono::microseconds idle, longest;
};

/// The child and its three pipes. Ended with its whole process group when this goes.
class shim_process {
public:
    /// Starts `/bin/sh -c command`. @throws std::runtime_error if the system refuses
    explicit shim_process(const std::string& command);
    shim_process(const shim_process&) = delete;
    shim_process& operator=(const shim_process&) = delete;
    ~shim_process();

    /// Writes `text` and collects lines until `last` is true of one of them. Writes and reads side by side, so that
    /// neither side waits for the other's full pipe.
    [[nodiscard]] shim_stop converse(std::string_view text, std::vector<std::string>& lines,
                                     const std::function<bool(const std::string&)>& last, const shim_silence& may);
    /// The longest time without a line in the last of these conversations.
    [[nodiscard]] std::chrono::microseconds silence() const noexcept { return silence_; }

    /// Closes its standard input and waits for its end. @returns "exit 0", "signal 11", or "running", upon which it is
    /// killed; `lines` takes what it still wrote
    [[nodiscard]] std::string finish(std::vector<std::string>& lines, const shim_silence& may);

    [[nodiscard]] const std::string& errors() const noexcept { return errors_; }

private:
    void read_output(std::vector<std::string>& lines);
    void read_errors();
    void kill_group() noexcept;
    /// Whether a thread of its process group has something to do; true where the system does not tell.
    [[nodiscard]] bool at_work() const;

    pid_t child_ = -1;
    int in_ = -1, out_ = -1, err_ = -1;
    std::string partial_, errors_;
    std::chrono::microseconds silence_{};
    bool ended_ = false, overlong_ = false;
};

}  // namespace agentmesh::conformance
