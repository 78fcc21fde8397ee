#include <agentmesh/crypto/random.hpp>

#include "tests/support/catch.hpp"

#include <set>

#include <sys/wait.h>
#include <unistd.h>

using namespace agentmesh;
using namespace agentmesh::crypto;

namespace {

buffer take(RandomSource auto& random, std::size_t size) {
    buffer out(size);
    REQUIRE(random.fill(out));
    return out;
}

}  // namespace

TEST_CASE("A scripted source gives its bytes in order and then fails", "[unit][crypto]") {
    scripted_random random{buffer{1, 2, 3, 4, 5}};
    CHECK(take(random, 2) == buffer{1, 2});
    buffer four(4);
    CHECK(random.fill(four).error().code == errc::random_failed);
    CHECK(random.left() == 3);
    CHECK(take(random, 3) == buffer{3, 4, 5});
    CHECK(take(random, 0).empty());
    buffer one(1);
    CHECK_FALSE(random.fill(one));
}

TEST_CASE("A seeded source gives the same stream however it is asked", "[unit][crypto]") {
    scripted_random whole{42}, pieces{42}, other{43};
    const buffer expected = take(whole, 5000);
    buffer joined;
    for (std::size_t size = 0; joined.size() < expected.size(); ++size) {
        const buffer piece = take(pieces, std::min(size, expected.size() - joined.size()));
        joined.insert(joined.end(), piece.begin(), piece.end());
    }
    CHECK(joined == expected);
    CHECK(take(other, 32) != buffer(expected.begin(), expected.begin() + 32));
}

TEST_CASE("The seeded stream is pinned, because recorded runs depend on it", "[unit][crypto]") {
    // ChaCha20 (RFC 8439), key 2a 00…, nonce 0, from block 0.
    std::array<std::uint8_t, 32> key{42}, expected{};
    const std::array<std::uint8_t, 12> nonce{};
    crypto_stream_chacha20_ietf(expected.data(), expected.size(), nonce.data(), key.data());
    scripted_random random{42};
    CHECK(take(random, 32) == buffer(expected.begin(), expected.end()));
}

TEST_CASE("The system source does not repeat itself", "[unit][crypto]") {
    system_random a, b;
    std::set<buffer> seen;
    for (int i = 0; i < 2000; ++i) {  // many pools, and borders between them
        CHECK(seen.insert(take(a, 13 + static_cast<std::size_t>(i) % 7)).second);
        CHECK(seen.insert(take(b, 16)).second);
    }
    const buffer large = take(a, 5000);
    CHECK(std::count(large.begin(), large.end(), std::uint8_t{0}) < 60);  // 20 expected; a wiped pool would show
}

TEST_CASE("A forked child does not give out its parent's bytes", "[unit][crypto]") {
    system_random random;
    (void)take(random, 1);  // the pool is filled
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        std::array<std::uint8_t, 32> bytes{};
        const bool filled = random.fill(bytes).has_value();
        const bool sent = write(pipe_ends[1], bytes.data(), bytes.size()) == 32;
        _exit(filled && sent ? 0 : 1);
    }
    REQUIRE(child > 0);
    buffer from_child(32);
    CHECK(read(pipe_ends[0], from_child.data(), 32) == 32);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(from_child != take(random, 32));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}
