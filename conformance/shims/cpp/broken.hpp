// The shim broken on purpose, so that the harness can be judged: each way is a fault that real shims have.
#pragma once

#include "conformance/shims/cpp/shim.hpp"

#include <vector>

namespace agentmesh::shim {

class breakage {
public:
    /// The nine reject classes: whatever ought to be refused so is taken. Then: `unsupported` takes operations that do
    /// not exist, `value` answers with other values, `truncate` leaves answers out, `fickle` answers a repeated
    /// question otherwise, `miscount` counts them wrongly, `crash` ends and `hang` falls silent in the middle, `status`
    /// ends with another status than 0. And with the harness as the other side: `roots` agrees on other keys, `bundles`
    /// takes every bundle, `spent` every first message, `knocks` every KNOCK, `answers` every answer to one,
    /// `envelopes` every envelope and signs none as it should; `talk` seals what does not open, and `feed` throws away
    /// what it is fed. And a client that one lie of a registry gets past: `lie-name` (another key for a name),
    /// `lie-exchange` (a swapped exchange key), `lie-prekey` (a swapped prekey), `lie-bundle` (an old bundle or epoch),
    /// `lie-tier`, `lie-revocation` (one that is hidden), `lie-silence` (an answer that says nothing of it),
    /// `lie-statement` and `lie-successor` (words of others), `lie-did`.
    [[nodiscard]] static const std::vector<std::string>& ways();

    /// @param way  one of ways(), or empty for none
    explicit breakage(std::string way) : way_{std::move(way)} {}

    /// Changes a reply. @returns false if it is to be left out
    [[nodiscard]] bool spoil(const std::string& op, const json& line, json& reply);
    [[nodiscard]] bool forgets_feed() const noexcept { return way_ == "feed"; }
    [[nodiscard]] int last_status() const noexcept { return way_ == "status" ? 3 : 0; }

private:
    [[nodiscard]] bool takes_all(const std::string& op) const;
    void fall_for_lie(const json& question, json& reply) const;

    std::string way_;
    std::size_t asked_ = 0;
    std::map<std::string, std::size_t> seen_;
};

}  // namespace agentmesh::shim
