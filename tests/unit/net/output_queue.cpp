#include <agentmesh/net/output_queue.hpp>
#include <agentmesh/ws/frame.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using net::output_queue;
using net::storage_pool;

namespace {

std::string contents(const output_queue& queue) { return std::string{as_text(queue.front())}; }

void put(output_queue& queue, std::string_view text) { queue.append(text.data(), text.size()); }

}  // namespace

TEST_CASE("what is appended comes out in order, however it is consumed", "[unit][net]") {
    output_queue queue;
    std::string expected;
    std::string seen;
    for (int i = 0; i < 2000; ++i) {
        const std::string text(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
        put(queue, text);
        expected += text;
        const std::size_t taken = std::min<std::size_t>(queue.size(), static_cast<std::size_t>(i % 29));
        seen += contents(queue).substr(0, taken);
        queue.consume(taken);
    }
    seen += contents(queue);
    CHECK(seen == expected);
}

TEST_CASE("a frame laid into the queue is the frame that a buffer would get", "[unit][net]") {
    output_queue queue;
    buffer plain;
    const std::string text(300, 'x');
    for (int i = 0; i < 10; ++i) {
        ws::append_frame(queue, ws::opcode::text, text);
        ws::append_frame(plain, ws::opcode::text, text);
    }
    CHECK(contents(queue) == as_text(plain));
}

TEST_CASE("storage goes round through the pool", "[unit][net]") {
    storage_pool pool;
    output_queue first;
    first.adopt(pool);
    put(first, "hello");
    const auto* storage = first.data();
    first.consume(5);
    first.release(pool);
    CHECK_FALSE(first.has_storage());

    output_queue second;
    second.adopt(pool);
    put(second, "world");
    CHECK(second.data() == storage);
    CHECK(contents(second) == "world");
}

TEST_CASE("the pool does not keep the storage of a burst", "[unit][net]") {
    storage_pool pool;
    output_queue queue;
    put(queue, std::string(100'000, 'x'));
    queue.consume(queue.size());
    queue.release(pool);
    CHECK(pool.take().capacity == 0);
}

TEST_CASE("adopting storage keeps what a queue has already", "[unit][net]") {
    storage_pool pool;
    output_queue other;
    put(other, "other");
    other.consume(5);
    other.release(pool);

    output_queue queue;
    put(queue, "mine");
    queue.adopt(pool);
    CHECK(contents(queue) == "mine");
}
