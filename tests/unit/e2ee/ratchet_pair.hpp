// Two sides of a session for the unit tests, with the checks that every test makes.
#pragma once

#include <agentmesh/e2ee/snapshot.hpp>

#include "tests/support/catch.hpp"

#include <chrono>

namespace ratchet_test {

using namespace agentmesh;
using namespace agentmesh::e2ee;

struct sealed_message {
    ratchet_header header;
    buffer sealed;
    std::string text;
};

template <RatchetSuite S>
struct pair_of_sides {
    double_ratchet<S> a, b;
    crypto::scripted_random random{99};

    explicit pair_of_sides(std::uint64_t seed) : pair_of_sides{crypto::scripted_random{seed}} {}
    pair_of_sides(double_ratchet<S> first, double_ratchet<S> second) : a{std::move(first)}, b{std::move(second)} {}

    /// The sides of am1 after an ACCEPT: root, R_A, P and R_B are drawn from the seed in this order.
    static pair_of_sides accepted(std::uint64_t seed) {
        crypto::scripted_random keys{seed};
        const auto root = root_key::generate(keys).value();
        auto r_a = exchange_key_pair::generate(keys).value();
        auto p = exchange_key_pair::generate(keys).value();
        auto r_b = exchange_key_pair::generate(keys).value();
        const auto first = r_a.public_key();
        return {double_ratchet<S>::initiate(root.fork(), std::move(r_a), p.public_key()).value(),
                double_ratchet<S>::respond(root.fork(), p, first, std::move(r_b)).value()};
    }

    static byte_view prefix() { return as_bytes("what both sides know"); }

    sealed_message seal(double_ratchet<S>& from, std::string text) {
        sealed_message out{{}, {}, std::move(text)};
        out.header = from.seal(out.sealed, prefix(), as_bytes(out.text), random).value();
        return out;
    }

    bool opens(double_ratchet<S>& to, const sealed_message& message) {
        buffer text;
        return to.open(text, message.header, prefix(), message.sealed, random) && as_text(text) == message.text;
    }

    bool exchange(double_ratchet<S>& from, double_ratchet<S>& to, std::string text) {
        return opens(to, seal(from, std::move(text)));
    }

    /// What refuses the message; the test fails if nothing does, or if the refusal changes anything.
    agentmesh::error error(double_ratchet<S>& to, const sealed_message& message) {
        const auto before = save(to);
        buffer text{1, 2, 3};
        const auto done = to.open(text, message.header, prefix(), message.sealed, random);
        REQUIRE_FALSE(done);
        REQUIRE(text == buffer{1, 2, 3});
        REQUIRE(save(to) == before);
        return done.error();
    }

private:
    explicit pair_of_sides(crypto::scripted_random keys)
        : pair_of_sides{root_key::generate(keys).value(), exchange_key_pair::generate(keys).value(),
                        exchange_key_pair::generate(keys).value()} {}
    pair_of_sides(const root_key& root, exchange_key_pair first, exchange_key_pair second)
        : a{double_ratchet<S>::initiate(root.fork(), std::move(first), second.public_key()).value()},
          b{double_ratchet<S>::respond(root.fork(), std::move(second))} {}
};

// --- edited snapshots: the way to states that would take 2^31 messages --------------------------------------------

/// Where the fields of version 1 stand.
namespace at {
inline constexpr std::size_t version = 3, suite = 4, flags = 5, root = 6, scalar = 38, previous = 70, turns = 74,
                             remote = 78;
}

inline void write_u32(crypto::secret_buffer& bytes, std::size_t where, std::uint32_t number) {
    for (std::size_t i = 0; i < 4; ++i) bytes[where + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
}

/// Where the chains stand, or nothing.
inline std::optional<std::size_t> sending_at(const crypto::secret_buffer& bytes) {
    if ((bytes[at::flags] & 4) == 0) return std::nullopt;
    return at::remote + 32;
}
inline std::optional<std::size_t> receiving_at(const crypto::secret_buffer& bytes) {
    if ((bytes[at::flags] & 8) == 0) return std::nullopt;
    return at::remote + 32 + ((bytes[at::flags] & 4) != 0 ? 36 : 0);
}

template <RatchetSuite S>
double_ratchet<S> with_counters(const double_ratchet<S>& ratchet, std::optional<std::uint32_t> sending,
                                std::optional<std::uint32_t> receiving) {
    auto bytes = save(ratchet);
    if (sending) write_u32(bytes, sending_at(bytes).value() + 32, *sending);
    if (receiving) write_u32(bytes, receiving_at(bytes).value() + 32, *receiving);
    return restore<S>(bytes).value();
}

template <RatchetSuite S>
double_ratchet<S> with_turns(const double_ratchet<S>& ratchet, std::uint32_t turns) {
    auto bytes = save(ratchet);
    write_u32(bytes, at::turns, turns);
    return restore<S>(bytes).value();
}

template <RatchetSuite S>
chain_key receiving_chain(const double_ratchet<S>& ratchet) {
    const auto bytes = save(ratchet);
    return chain_key::from(byte_view{bytes}.subspan(receiving_at(bytes).value(), 32)).value();
}

}  // namespace ratchet_test
