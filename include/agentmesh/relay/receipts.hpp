// Ids of messages that were accepted, so that one that is sent again is not delivered again.
#pragma once

#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/core/fault.hpp>
#include <agentmesh/identity/agent_id.hpp>

#include <deque>
#include <list>
#include <map>
#include <unordered_set>

namespace agentmesh::relay {

/// Remembers (sender, recipient, id) for as long as a message could wait in the store. Of more than `capacity`, the
/// sender who has most of them loses its oldest, so that nobody's flood pushes out the ids of another. A message that
/// is still stored is known to the store besides, whatever is forgotten here.
/// @spec AM-RLY-012, AM-RLY-042, AM-RLY-043
class receipt_memory {
public:
    receipt_memory(std::size_t capacity, duration lifetime) : capacity_{capacity}, lifetime_{lifetime} {}
    receipt_memory(receipt_memory&&) = default;  // no copy: entries and senders name each other

    [[nodiscard]] bool contains(const amid& from, const amid& to, std::string_view id, const moment& now) {
        expire(now);
        return known_.contains(digest(from, to, id));
    }

    void remember(const amid& from, const amid& to, std::string_view id, const moment& now) {
        const auto key = digest(from, to, id);
        if (capacity_ == 0 || !known_.insert(key).second) return;
        const auto [at, is_new] = senders_.try_emplace(from, from);
        sender& of = at->second;
        if (is_new) of.rank = ranks_.front().insert(ranks_.front().end(), &of);
        of.entries.push_back(order_.insert(order_.end(), {key, &of, now.steady}));
        move_rank(of, of.entries.size() - 1);
        if (order_.size() > capacity_) drop_oldest(*ranks_.back().front());
    }

    void expire(const moment& now) {
        while (!order_.empty() && now.steady > order_.front().since + lifetime_) drop_oldest(*order_.front().of);
    }

    [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

private:
    using digest_key = fixed_bytes<16, struct receipt_key_tag>;
    struct sender;
    struct entry {
        digest_key what;
        sender* of;
        steady_point since;
    };
    struct sender {
        explicit sender(const amid& who) : name{who} {}

        amid name;
        std::deque<std::list<entry>::iterator> entries{};  // oldest first
        std::list<sender*>::iterator rank{};
    };

    // Both names have a fixed length, so no two triples give the same bytes.
    [[nodiscard]] static digest_key digest(const amid& from, const amid& to, std::string_view id) noexcept {
        std::array<std::uint8_t, 32> full;
        if (injected(fault::receipts_dedup_wide)) crypto::sha256_stream{}.update(as_bytes(id)).finish(full);
        else crypto::sha256_stream{}.update(from.bytes().bytes()).update(to.bytes().bytes()).update(as_bytes(id)).finish(full);
        digest_key out;
        std::copy_n(full.begin(), digest_key::size, out.storage().begin());
        return out;
    }
    void drop_oldest(sender& of) {
        const auto oldest = of.entries.front();
        of.entries.pop_front();
        known_.erase(oldest->what);
        order_.erase(oldest);
        move_rank(of, of.entries.size() + 1);
        if (!of.entries.empty()) return;
        ranks_.front().erase(of.rank);
        senders_.erase(senders_.find(of.name));
    }
    // After one entry more or less: from the rank of `before` to the next one, or the one before it.
    void move_rank(sender& of, std::size_t before) {
        const std::size_t count = of.entries.size();
        if (count == ranks_.size()) ranks_.emplace_back();
        ranks_[count].splice(ranks_[count].end(), ranks_[before], of.rank);
        if (count < before && ranks_.back().empty()) ranks_.pop_back();
    }

    std::unordered_set<digest_key, fixed_bytes_hash> known_;
    std::list<entry> order_;           // oldest first
    std::map<amid, sender> senders_;   // those of the entries
    // Senders by the number of their entries. The first list is always there; a later one is never empty at the end.
    std::deque<std::list<sender*>> ranks_ = std::deque<std::list<sender*>>(1);
    std::size_t capacity_;
    duration lifetime_;
};

}  // namespace agentmesh::relay
