#include "conformance/engine/frame_boundary.hpp"

#include <algorithm>

namespace agentmesh::conformance {

void frame_boundary::feed(std::string_view sent) {
    while (!sent.empty()) {
        if (left_ != 0) {
            const auto part = std::min<std::uint64_t>(left_, sent.size());
            left_ -= part;
            sent.remove_prefix(part);
            continue;
        }
        head_ += sent.front();
        sent.remove_prefix(1);
        if (head_.size() < 2) continue;
        const auto at = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(head_[i])); };
        const std::size_t extra = (at(1) & 127) == 126 ? 2 : (at(1) & 127) == 127 ? 8 : 0;
        if (head_.size() < 2 + extra) continue;
        left_ = extra == 0 ? at(1) & 127 : 0;
        for (std::size_t i = 0; i < extra; ++i) left_ = left_ << 8 | at(2 + i);
        left_ += (at(1) & 128) != 0 ? 4 : 0;
        head_.clear();
    }
}

}  // namespace agentmesh::conformance
