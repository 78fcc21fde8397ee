// Keys of messages that were skipped and may still arrive, bounded, oldest out.
#pragma once

#include <agentmesh/e2ee/suite.hpp>

namespace agentmesh::e2ee {

/// The key of one message that has not arrived, under the name that its header will bear.
struct skipped_key {
    exchange_public_key dh;
    std::uint32_t n = 0;
    message_key key{};
};

/// Keys that a receive has derived, before it is known whether its message is genuine.
using skipped_batch = std::vector<skipped_key>;

/// The store of one session. Holds at most `limits::skipped_keys_stored` keys in the order in which they were skipped.
/// A search is linear: it happens only for messages out of order, and is dear only where many keys are kept.
/// Move-only; what it drops is wiped.
class skipped_keys {
public:
    [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }
    [[nodiscard]] const std::vector<skipped_key>& all() const noexcept { return kept_; }

    /// Valid until the store changes; null if no such key is kept.
    [[nodiscard]] const skipped_key* find(const exchange_public_key& dh, std::uint32_t n) const noexcept {
        for (const auto& one : kept_)
            if (one.n == n && one.dh == dh) return &one;
        return nullptr;
    }

    /// Whether a key of this chain is kept.
    [[nodiscard]] bool knows(const exchange_public_key& dh) const noexcept {
        return std::any_of(kept_.begin(), kept_.end(), [&](const auto& one) { return one.dh == dh; });
    }

    /// Makes room, so that `add` of `count` keys cannot fail.
    void reserve(std::size_t count) {
        const std::size_t wanted = std::min(kept_.size() + count, limits::skipped_keys_stored);
        if (wanted <= kept_.capacity()) return;
        kept_.reserve(std::max(wanted, std::min(2 * kept_.capacity(), limits::skipped_keys_stored)));
    }

    /// Takes the keys over; the oldest give way.
    /// @spec AM-RAT-017
    /// @pre  `reserve(batch.size())` was called since the last change, and `batch` holds no more than the bound
    void add(skipped_batch&& batch) noexcept {
        const std::size_t total = kept_.size() + batch.size();
        if (total > limits::skipped_keys_stored) {
            const auto surplus = static_cast<std::ptrdiff_t>(total - limits::skipped_keys_stored);
            kept_.erase(kept_.begin(), kept_.begin() + surplus);
        }
        for (auto& one : batch) kept_.push_back(std::move(one));
        batch.clear();
    }

    /// @param used  what `find` gave
    void erase(const skipped_key* used) noexcept { kept_.erase(kept_.begin() + (used - kept_.data())); }

    /// A second copy of every key. Named so that it shows.
    [[nodiscard]] skipped_keys fork() const {
        skipped_keys out;
        out.kept_.reserve(kept_.size());
        for (const auto& one : kept_) out.kept_.push_back({one.dh, one.n, one.key.fork()});
        return out;
    }

private:
    std::vector<skipped_key> kept_;  // oldest first
};

}  // namespace agentmesh::e2ee
