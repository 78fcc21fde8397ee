#include <agentmesh/crypto/random.hpp>
#include <agentmesh/crypto/secret.hpp>

#include "tests/support/catch.hpp"

#include <sstream>

using namespace agentmesh;
using namespace agentmesh::crypto;

namespace {

using root_key = secret<32, struct root_tag>;
using chain_key = secret<32, struct chain_tag>;

template <class T>
concept Comparable = requires(const T& a) { a == a; };
template <class T>
concept Printable = requires(std::ostream& out, const T& a) { out << a; };

static_assert(!std::is_copy_constructible_v<root_key> && !std::is_copy_assignable_v<root_key>);
static_assert(std::is_nothrow_move_constructible_v<root_key> && std::is_nothrow_move_assignable_v<root_key>);
static_assert(!std::is_convertible_v<root_key, chain_key> && !std::is_constructible_v<chain_key, root_key>);
static_assert(!Comparable<root_key> && !Printable<root_key>);

bool all_zero(byte_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

TEST_CASE("A secret that was moved from holds zeros", "[unit][crypto]") {
    const buffer bytes(32, 0xA5);
    auto first = root_key::from(bytes).value();
    root_key second{std::move(first)};
    CHECK(all_zero(first.reveal()));
    CHECK(std::equal(bytes.begin(), bytes.end(), second.reveal().begin()));
    first = std::move(second);
    CHECK(all_zero(second.reveal()));
    CHECK(std::equal(bytes.begin(), bytes.end(), first.reveal().begin()));
}

TEST_CASE("A secret that ends wipes its memory", "[unit][crypto]") {
    alignas(root_key) std::array<std::uint8_t, sizeof(root_key)> memory{};
    auto* const key = new (memory.data()) root_key{root_key::from(buffer(32, 0xA5)).value()};
    CHECK(memory[7] == 0xA5);
    key->~root_key();
    CHECK(all_zero(memory));
}

TEST_CASE("A secret refuses any other length and keeps no byte of it", "[unit][crypto]") {
    CHECK(root_key::from(buffer(31)).error().code == errc::bad_length);
    CHECK(root_key::from(buffer(33), "AM-KEY-004").error() == error{errc::bad_length, "AM-KEY-004"});
}

TEST_CASE("A secret is not made when its random source fails", "[unit][crypto]") {
    scripted_random random{buffer(31)};
    CHECK(root_key::generate(random).error().code == errc::random_failed);
}

TEST_CASE("Equality in constant time is equality", "[unit][crypto]") {
    CHECK(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
    CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
    CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("ab")));
    CHECK(equal_in_constant_time({}, {}));
}
