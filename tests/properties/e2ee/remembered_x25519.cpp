// X25519 that remembers its last results, in place of libsodium's two names for it, in this program only.
//
// Library and model agree on the same keys side by side, and the schedules of a campaign over the same hundred keys
// again and again (see ratchet_world.hpp): computed anew each time, X25519 would be three quarters of what a schedule
// costs, and it is not what the schedules are about. Every result is libsodium's own.
#include <agentmesh/crypto/random.hpp>

#include "tests/support/catch.hpp"

#include <bit>
#include <cstring>
#include <vector>

namespace {

using bytes32 = std::array<std::uint8_t, 32>;

/// One call that was made. A call takes the place of an older one whose arguments fall on the same number.
struct remembered {
    bytes32 scalar{}, point{}, result{};
    int status = 0;
    bool known = false;
};

constexpr unsigned index_bits = 16;

std::size_t place_of(const bytes32& scalar, const bytes32& point) noexcept {
    std::uint64_t mixed = 0;
    for (const auto* half : {&scalar, &point})
        for (std::size_t i = 0; i < 32; i += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, half->data() + i, 8);
            mixed = std::rotl((mixed ^ word) * 0x9e37'79b9'7f4a'7c15, 29);
        }
    return static_cast<std::size_t>(mixed >> (64 - index_bits));
}

template <class Compute>
int recall(std::vector<remembered>& memory, unsigned char* out, const bytes32& scalar, const bytes32& point,
           Compute compute) {
    if (memory.empty()) memory.resize(std::size_t{1} << index_bits);
    auto& found = memory[place_of(scalar, point)];
    if (!found.known || found.scalar != scalar || found.point != point) {
        found = {scalar, point, {}, 0, true};
        found.status = compute(found.result.data());
    }
    std::memcpy(out, found.result.data(), found.result.size());
    return found.status;
}

bytes32 copied(const unsigned char* from) noexcept {
    bytes32 out;
    std::memcpy(out.data(), from, out.size());
    return out;
}

}  // namespace

extern "C" int crypto_scalarmult(unsigned char* out, const unsigned char* scalar, const unsigned char* point) {
    static std::vector<remembered> memory;
    return recall(memory, out, copied(scalar), copied(point),
                  [&](unsigned char* fresh) { return crypto_scalarmult_curve25519(fresh, scalar, point); });
}

extern "C" int crypto_scalarmult_base(unsigned char* out, const unsigned char* scalar) {
    static std::vector<remembered> memory;
    return recall(memory, out, copied(scalar), {},
                  [&](unsigned char* fresh) { return crypto_scalarmult_curve25519_base(fresh, scalar); });
}

TEST_CASE("X25519 that is remembered is X25519 that is computed, points of small order included", "[property][e2ee]") {
    agentmesh::crypto::scripted_random random{1};
    std::vector<std::pair<bytes32, bytes32>> asked(200);
    for (auto& [scalar, point] : asked) REQUIRE((random.fill(scalar) && random.fill(point)));
    asked[7].second.fill(0);  // of small order: libsodium refuses it
    for (int round = 0; round < 3; ++round)
        for (const auto& [scalar, point] : asked) {
            bytes32 ours, theirs;
            ours.fill(0xEE), theirs.fill(0xEE);
            const int status = crypto_scalarmult(ours.data(), scalar.data(), point.data());
            REQUIRE(status == crypto_scalarmult_curve25519(theirs.data(), scalar.data(), point.data()));
            if (status == 0) REQUIRE(ours == theirs);
            REQUIRE(crypto_scalarmult_base(ours.data(), scalar.data()) == 0);
            REQUIRE(crypto_scalarmult_curve25519_base(theirs.data(), scalar.data()) == 0);
            REQUIRE(ours == theirs);
        }
}
