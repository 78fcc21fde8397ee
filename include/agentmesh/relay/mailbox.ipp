// Bodies of relay/mailbox.hpp.
#pragma once

namespace agentmesh::relay {

inline result<stored_receipt> memory_mailbox::put(const amid& from, const amid& to, const message_draft& draft,
                                                  const moment& now) {
    expire(now);
    const std::size_t size = draft.id.size() + draft.frame.size();
    if (const auto total = senders_.find(from); total != senders_.end()) {
        if (total->second.messages >= caps_.per_sender) return fail(errc::mailbox_full, "AM-RLY-028");
        if (total->second.bytes + size > caps_.per_sender_bytes) return fail(errc::mailbox_full, "AM-RLY-028");
    }
    if (bytes_ + size > caps_.total_bytes || size > caps_.per_sender_bytes)
        return fail(errc::mailbox_full, "AM-RLY-025");
    if (const auto at = boxes_.find(to); at != boxes_.end()) {
        if (at->second.size() >= caps_.per_recipient && injected(fault::store_evicts))
            erase(at, at->second.begin(), at->second.begin() + 1);
        else if (at->second.size() >= caps_.per_recipient && !injected(fault::store_recipient_cap))
            return fail(errc::mailbox_full, "AM-RLY-027");
        const auto of_pair = std::count_if(at->second.begin(), at->second.end(),
                                           [&](const message& m) { return m.from == from; });
        if (static_cast<std::size_t>(of_pair) >= caps_.per_pair && !injected(fault::store_pair_cap)) return fail(errc::mailbox_full, "AM-RLY-026");
    }

    const auto number = ++last_;
    boxes_[to].push_back({number, from, std::string{draft.id}, std::string{draft.frame}, now.steady});
    if (auto& own = boxes_[to]; own.size() > 1 && injected(fault::store_shuffles)) {
        std::swap(own.back().frame, own[own.size() - 2].frame);
    }
    auto& total = senders_[from];
    ++total.messages;
    total.bytes += size;
    ++messages_;
    bytes_ += size;
    by_age_.push_back({now.steady, number, to});
    return stored_receipt{number, false};
}

inline std::optional<stored_message> memory_mailbox::next(const amid& to, message_number after,
                                                          const moment& now) const {
    const auto at = boxes_.find(to);
    if (at == boxes_.end()) return std::nullopt;
    auto found = std::partition_point(at->second.begin(), at->second.end(),
                                      [after](const message& m) { return m.number <= after; });
    while (found != at->second.end() && has_expired(*found, now.steady)) ++found;
    if (found == at->second.end()) return std::nullopt;
    return stored_message{found->number, found->id, found->frame};
}

inline std::size_t memory_mailbox::erase(boxes::iterator at, box::iterator first, box::iterator last) {
    for (auto gone = first; gone != last; ++gone) {
        const auto total = senders_.find(gone->from);
        total->second.bytes -= gone->size();
        bytes_ -= gone->size();
        if (--total->second.messages == 0) senders_.erase(total);
    }
    const auto count = static_cast<std::size_t>(last - first);
    messages_ -= count;
    at->second.erase(first, last);
    if (at->second.empty()) boxes_.erase(at);
    compact();
    return count;
}

inline std::size_t memory_mailbox::remove(const amid& to, message_number number) {
    const auto at = boxes_.find(to);
    if (at == boxes_.end()) return 0;
    const auto found = std::partition_point(at->second.begin(), at->second.end(),
                                            [number](const message& m) { return m.number < number; });
    if (found == at->second.end() || found->number != number) return 0;
    return erase(at, found, found + 1);
}

inline std::size_t memory_mailbox::remove_through(const amid& to, message_number number) {
    const auto at = boxes_.find(to);
    if (at == boxes_.end()) return 0;
    const auto past = std::partition_point(at->second.begin(), at->second.end(),
                                           [number](const message& m) { return m.number <= number; });
    return past == at->second.begin() ? 0 : erase(at, at->second.begin(), past);
}

inline message_number memory_mailbox::find(const amid& to, const amid& from, std::string_view id,
                                           const moment& now) const {
    const auto at = boxes_.find(to);
    if (at == boxes_.end()) return 0;
    const auto found = std::find_if(at->second.begin(), at->second.end(), [&](const message& m) {
        return m.from == from && m.id == id && !has_expired(m, now.steady);
    });
    return found == at->second.end() ? 0 : found->number;
}

inline std::size_t memory_mailbox::waiting(const amid& to, const moment& now) const {
    const auto at = boxes_.find(to);
    if (at == boxes_.end()) return 0;
    return static_cast<std::size_t>(std::count_if(at->second.begin(), at->second.end(), [&](const message& m) {
        return !has_expired(m, now.steady);
    }));
}

inline std::size_t memory_mailbox::expire(const moment& now) {
    std::size_t gone = 0;
    while (!by_age_.empty() && now.steady > by_age_.front().taken + caps_.lifetime && !injected(fault::store_no_expiry)) {
        const auto oldest = by_age_.front();
        by_age_.pop_front();
        gone += remove(oldest.to, oldest.number);
    }
    return gone;
}

inline std::optional<steady_point> memory_mailbox::next_expiry() const noexcept {
    if (by_age_.empty()) return std::nullopt;
    return by_age_.front().taken + caps_.lifetime + duration{1};
}

inline void memory_mailbox::compact() {
    if (by_age_.size() < 64 || by_age_.size() < 2 * messages_) return;
    std::erase_if(by_age_, [this](const taken_entry& e) {
        const auto at = boxes_.find(e.to);
        if (at == boxes_.end()) return true;
        const auto found = std::partition_point(at->second.begin(), at->second.end(),
                                                [&](const message& m) { return m.number < e.number; });
        return found == at->second.end() || found->number != e.number;
    });
}

}  // namespace agentmesh::relay
