// Lines of standard input, one after another, without a thread.
#pragma once

#include <agentmesh/net/asio.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string>

#include <fcntl.h>
#include <unistd.h>

class line_input {
public:
    static constexpr std::size_t longest = 60'000;  ///< bytes of a line; a longer one comes in pieces

    explicit line_input(asio::io_context& io) : input_{io} {}

    /// Calls `on_line` with each line, and once with nothing at the end of input.
    void start(std::function<void(std::optional<std::string>)> on_line) {
        on_line_ = std::move(on_line);
        if (input_.is_open()) return;
        // Opened anew where that is possible: a terminal that does not wait for input would not wait for output.
        int file = ::open("/dev/stdin", O_RDONLY | O_CLOEXEC);
        if (file < 0) file = ::dup(STDIN_FILENO);
        std::error_code failed;
        input_.assign(file, failed);
        if (failed) return on_line_(std::nullopt);
        read();
    }
    void stop() {
        std::error_code ignored;
        input_.close(ignored);
    }

private:
    void read() {
        input_.async_read_some(asio::buffer(bytes_), [this](const std::error_code& failed, std::size_t count) {
            if (failed == asio::error::operation_aborted) return;
            text_.append(bytes_.data(), count);
            for (auto end = text_.find('\n'); end != std::string::npos || text_.size() > longest;
                 end = text_.find('\n')) {
                const auto size = std::min(end, longest);
                hand_over(text_.substr(0, size));
                text_.erase(0, size + (size == end ? 1 : 0));
            }
            if (failed) {
                if (!text_.empty()) hand_over(std::move(text_));
                return on_line_(std::nullopt);
            }
            read();
        });
    }
    void hand_over(std::string line) {
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) on_line_(std::move(line));
    }

    asio::posix::basic_stream_descriptor<agentmesh::net::executor> input_;
    std::function<void(std::optional<std::string>)> on_line_;
    std::array<char, 4096> bytes_;
    std::string text_;
};
