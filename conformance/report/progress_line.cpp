#include "conformance/report/progress_line.hpp"

#include "conformance/report/console.hpp"
#include "conformance/report/summary.hpp"
#include "conformance/report/text.hpp"

#include <ostream>

namespace agentmesh::conformance::report {

void progress_line::show(const progress& now) {
    using namespace std::chrono_literals;
    const auto* result = now.finished;
    if (result != nullptr && needs_attention(result->outcome)) ++attention_;
    if (!terminal_) {
        if (result == nullptr) return;
        out_ << '[' << now.done << '/' << now.total << "] " << words(result->outcome) << "  " << result->id << "  "
             << visible(result->title) << '\n';
        out_.flush();
        return;
    }
    const auto time = std::chrono::steady_clock::now();
    if (now.done != now.total && time - last_ < 40ms) return;  // a terminal need not show more
    last_ = time;
    out_ << "\r\x1b[K" << (color_ ? "\x1b[36m" : "") << bar(now.done, now.total, 30) << (color_ ? "\x1b[0m" : "") << ' '
         << now.done << '/' << now.total;
    if (attention_ != 0) out_ << (color_ ? "  \x1b[31m" : "  ") << attention_ << " to look at" << (color_ ? "\x1b[0m" : "");
    if (result != nullptr) out_ << "  " << result->id;
    out_.flush();
}

void progress_line::finish() {
    if (!terminal_) return;
    out_ << "\r\x1b[K";
    out_.flush();
}

}  // namespace agentmesh::conformance::report
