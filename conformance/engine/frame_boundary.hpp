// Where frames begin in what is being sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agentmesh::conformance {

/// Follows the frames that are being sent, so that nothing is put into the middle of one.
class frame_boundary {
public:
    void feed(std::string_view sent);
    /// True if a frame may start here.
    [[nodiscard]] bool reached() const noexcept { return head_.empty() && left_ == 0; }

private:
    std::string head_;         // of a frame whose length is not known yet
    std::uint64_t left_ = 0;   // bytes of the frame that are still to be sent
};

}  // namespace agentmesh::conformance
