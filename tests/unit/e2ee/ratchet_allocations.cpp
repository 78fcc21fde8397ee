// Counts what the ratchet takes from the heap: in the middle of a chain, nothing.
//
// This file replaces the program's operator new; other tests of the program are counted too, and unaffected.
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/e2ee/ratchet_pair.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* block = std::malloc(size > 0 ? size : 1)) return block;
    throw std::bad_alloc{};
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size > 0 ? size : 1);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }

using namespace agentmesh;
using namespace agentmesh::e2ee;

TEMPLATE_TEST_CASE("In the middle of a chain nothing is allocated but room in the output", "[unit][e2ee]", am1, v02,
                   wire10, wire10_legacy) {
    ratchet_test::pair_of_sides<TestType> world{50};
    CHECK(world.exchange(world.a, world.b, "0"));
    CHECK(world.exchange(world.b, world.a, "1"));
    CHECK(world.exchange(world.a, world.b, "2"));
    crypto::system_random random;
    const buffer prefix(400, 1), plain(1024, 2);
    buffer sealed, text;
    sealed.reserve(plain.size() + overhead<TestType>);
    text.reserve(plain.size());

    const std::size_t before = allocations;
    std::size_t opened = 0;
    for (int i = 0; i < 50; ++i) {
        sealed.clear(), text.clear();
        const auto header = world.a.seal(sealed, prefix, plain, random);
        if (header && world.b.open(text, *header, prefix, sealed, random) && text == plain) ++opened;
    }
    const std::size_t taken = allocations - before;
    CHECK(opened == 50);
    CHECK(taken == 0);
}

TEST_CASE("A refused message and a fork without skipped keys allocate nothing either", "[unit][e2ee]") {
    ratchet_test::pair_of_sides<am1> world{51};
    CHECK(world.exchange(world.a, world.b, "0"));
    auto message = world.seal(world.a, "1");
    const auto again = world.seal(world.a, "2");
    CHECK(world.opens(world.b, message));
    buffer text;
    text.reserve(64);
    const std::size_t before = allocations;
    const bool replayed = world.b.open(text, message.header, {}, message.sealed, world.random).has_value();
    const bool forged = world.b.open(text, again.header, as_bytes("x"), again.sealed, world.random).has_value();
    message.header.n = 5000;
    const bool distant = world.b.open(text, message.header, {}, message.sealed, world.random).has_value();
    const auto fork = world.b.fork();
    const std::size_t taken = allocations - before;
    CHECK_FALSE((replayed || forged || distant));
    CHECK(taken == 0);
    CHECK(fork.turns() == 1);
}
