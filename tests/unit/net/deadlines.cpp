#include <agentmesh/net/deadlines.hpp>

#include "tests/support/catch.hpp"

#include <vector>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

steady_point at(duration since) { return steady_point{since}; }

std::vector<std::uint32_t> expired(net::deadlines& list, steady_point now) {
    std::vector<std::uint32_t> out;
    list.expire(now, [&](net::deadlines::holder who) { out.push_back(who.slot); });
    return out;
}

}  // namespace

TEST_CASE("deadlines pass in the order in which they were set, each once, and not a moment early", "[unit][net]") {
    net::deadlines list{10s};
    CHECK_FALSE(list.next());
    list.set({7, 0}, at(1s));
    list.set({3, 0}, at(1s));
    list.set({5, 0}, at(2s));
    CHECK(list.next() == at(11s));

    CHECK(expired(list, at(11s - 1us)).empty());
    CHECK(expired(list, at(11s)) == std::vector<std::uint32_t>{7, 3});
    CHECK(list.next() == at(12s));
    CHECK(expired(list, at(1h)) == std::vector<std::uint32_t>{5});
    CHECK_FALSE(list.next());
}
