// Transaction ids that nobody can guess and that never repeat, without asking for randomness each time.
#pragma once

#include <agentmesh/core/concepts.hpp>
#include <agentmesh/p2p/stun.hpp>

namespace agentmesh::p2p {

/// HMAC-SHA-256 of a counter under a key that is drawn once.
class transaction_source {
public:
    using key = fixed_bytes<32, struct transaction_key_tag>;

    /// @errors those of the random source
    [[nodiscard]] static result<transaction_source> create(RandomSource auto& random) {
        key secret;
        AGENTMESH_CHECK(random.fill(secret.storage()));
        return transaction_source{secret};
    }
    explicit transaction_source(const key& secret) noexcept : secret_{secret} {}

    /// 32 bytes nobody was given before.
    [[nodiscard]] std::array<std::uint8_t, 32> draw() noexcept {
        std::array<std::uint8_t, 9> text{'#'};
        for (std::size_t i = 0; i < 8; ++i) text[1 + i] = static_cast<std::uint8_t>(drawn_ >> (56 - 8 * i));
        ++drawn_;
        return code(text);
    }
    [[nodiscard]] stun::transaction next() noexcept { return *stun::transaction::from(byte_view{draw()}.first(12)); }

    /// The same bytes for the same text each time, telling nothing of it.
    [[nodiscard]] std::array<std::uint8_t, 32> code(byte_view text) const noexcept {
        std::array<std::uint8_t, 32> out{};
        crypto::hmac_sha256(out, secret_.bytes(), text);
        return out;
    }

private:
    key secret_;
    std::uint64_t drawn_ = 0;
};

}  // namespace agentmesh::p2p
