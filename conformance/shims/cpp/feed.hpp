// The random bytes of the shim's own side of a session: what the harness fed, and behind it the system's.
#pragma once

#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/crypto/random.hpp>

#include <algorithm>
#include <deque>

namespace agentmesh::shim {

class fed_random {
public:
    result<void> fill(std::span<std::uint8_t> out) {
        const auto count = static_cast<std::ptrdiff_t>(std::min(out.size(), fed_.size()));
        std::copy_n(fed_.begin(), count, out.begin());
        fed_.erase(fed_.begin(), fed_.begin() + count);
        return system_.fill(out.subspan(static_cast<std::size_t>(count)));
    }
    exchange_key_pair pair() {
        buffer bytes(32);
        need(fill(bytes));
        return pair_of(bytes);
    }

    /// Operation rng.feed.
    answer feed(const arguments& in) {
        const auto more = in.bytes("bytes");
        fed_.insert(fed_.end(), more.begin(), more.end());
        return json{{"left", fed_.size()}};
    }

private:
    std::deque<std::uint8_t> fed_;
    crypto::system_random system_;
};

}  // namespace agentmesh::shim
