// Bodies of dht/table.hpp.
#pragma once

namespace agentmesh::dht {

inline bool routing_table::has_room_for(const bucket* in, const contact& who) const {
    const auto narrow = narrow_prefix(who.at), wide = wide_prefix(who.at);
    const auto of_table = [](const auto& counts, prefix what) {
        const auto found = counts.find(what);
        return found == counts.end() ? std::size_t{0} : found->second;
    };
    if (of_table(narrow_, narrow) >= rules_.table_narrow || of_table(wide_, wide) >= rules_.table_wide) return false;
    if (!in) return true;
    std::size_t same_narrow = 0, same_wide = 0;
    for (const auto* list : {&in->live, &in->spare}) {
        for (const auto& one : *list) {
            if (one.who.place == who.place) continue;
            same_narrow += narrow_prefix(one.who.at) == narrow ? 1 : 0;
            same_wide += wide_prefix(one.who.at) == wide ? 1 : 0;
        }
    }
    return same_narrow < rules_.bucket_narrow && same_wide < rules_.bucket_wide;
}

inline void routing_table::remember(const contact& who) {
    points_.emplace(who.place, who.at);
    endpoints_.emplace(who.at, who.place);
    ++narrow_[narrow_prefix(who.at)];
    ++wide_[wide_prefix(who.at)];
}

inline void routing_table::forget(const contact& who) {
    points_.erase(who.place);
    endpoints_.erase(who.at);
    const auto lower = [](auto& counts, prefix what) {
        const auto found = counts.find(what);
        if (--found->second == 0) counts.erase(found);
    };
    lower(narrow_, narrow_prefix(who.at));
    lower(wide_, wide_prefix(who.at));
}

inline routing_table::outcome routing_table::note_alive(const contact& who, steady_point now) {
    if (who.place == self_) return outcome::refused;
    auto& in = buckets_.try_emplace(depth_of(who.place), bucket{.touched = now}).first->second;
    const auto live =
        std::find_if(in.live.begin(), in.live.end(), [&](const entry& one) { return one.who.place == who.place; });
    if (live != in.live.end()) {
        if (live->who.at == who.at) {
            entry fresh{who, now};
            in.live.erase(live);
            in.live.push_back(fresh);
            return outcome::known;
        }
        // It has moved, or somebody else has its key: the old address keeps the place as long as it answers.
        if (live->failures == 0) return outcome::refused;
        forget(live->who);
        in.live.erase(live);
    } else if (const auto other = endpoints_.find(who.at); other != endpoints_.end()) {
        auto& there = buckets_.at(depth_of(other->second));
        const auto holder =
            std::find_if(there.live.begin(), there.live.end(), [&](const entry& one) { return one.who.at == who.at; });
        if (holder->failures == 0) return outcome::refused;
        forget(holder->who);
        there.live.erase(holder);
        promote(there);
    }
    std::erase_if(in.spare, [&](const entry& one) { return one.who.place == who.place || one.who.at == who.at; });
    if (!has_room_for(&in, who)) return outcome::refused;
    if (in.live.size() < limits::dht_bucket) {
        in.live.push_back({who, now});
        remember(who);
        return outcome::added;
    }
    // Those that were heard of last are the likeliest to be there when they are needed.
    if (in.spare.size() >= spare_contacts) in.spare.erase(in.spare.begin());
    in.spare.push_back({who, now});
    return outcome::spare;
}

inline void routing_table::promote(bucket& in) {
    while (in.live.size() < limits::dht_bucket && !in.spare.empty()) {
        const entry next = in.spare.back();
        in.spare.pop_back();
        if (endpoints_.contains(next.who.at) || !has_room_for(&in, next.who)) continue;
        in.live.insert(in.live.begin(), next);
        remember(next.who);
    }
}

inline void routing_table::note_failed(const contact& who) {
    const auto found = buckets_.find(depth_of(who.place));
    if (found == buckets_.end()) return;
    auto& in = found->second;
    std::erase_if(in.spare, [&](const entry& one) { return one.who == who; });
    const auto live = std::find_if(in.live.begin(), in.live.end(), [&](const entry& one) { return one.who == who; });
    if (live == in.live.end()) return;
    ++live->failures;
    // While nobody takes its place it stays a while: perhaps it is our own link that is down.
    const bool replaceable = live->failures >= failures_to_doubt && !in.spare.empty();
    if (!replaceable && live->failures < failures_to_forget) return;
    forget(live->who);
    in.live.erase(live);
    promote(in);
}

inline bool routing_table::wants(const contact& who) const {
    if (who.place == self_ || points_.contains(who.place) || endpoints_.contains(who.at)) return false;
    const auto found = buckets_.find(depth_of(who.place));
    const bucket* in = found == buckets_.end() ? nullptr : &found->second;
    if (in && in->live.size() >= limits::dht_bucket && in->spare.size() >= spare_contacts) return false;
    return has_room_for(in, who);
}

inline bool routing_table::knows(const contact& who) const noexcept {
    const auto found = points_.find(who.place);
    return found != points_.end() && found->second == who.at;
}

inline std::vector<contact> routing_table::closest(const point& target, std::size_t count) const {
    std::vector<const entry*> all;
    all.reserve(size());
    for (const auto& [depth, in] : buckets_)
        for (const auto& one : in.live)
            if (one.failures < failures_to_doubt) all.push_back(&one);
    const auto wanted = std::min(count, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(wanted), all.end(),
                      [&](const entry* a, const entry* b) { return nearer(target, a->who.place, b->who.place); });
    std::vector<contact> out;
    out.reserve(wanted);
    for (std::size_t i = 0; i < wanted; ++i) out.push_back(all[i]->who);
    return out;
}

inline std::optional<contact> routing_table::longest_silent(const point& place, steady_point before) const {
    const auto found = buckets_.find(depth_of(place));
    if (found == buckets_.end() || found->second.live.empty()) return std::nullopt;
    const auto& first = found->second.live.front();
    return first.heard < before ? std::optional{first.who} : std::nullopt;
}

inline std::optional<unsigned> routing_table::idle_bucket(steady_point before) const {
    for (const auto& [depth, in] : buckets_)
        if (in.touched < before && !in.live.empty()) return depth;
    return std::nullopt;
}

inline void routing_table::touch(const point& target, steady_point now) {
    if (const auto found = buckets_.find(depth_of(target)); found != buckets_.end()) found->second.touched = now;
}

inline std::size_t routing_table::spares() const noexcept {
    std::size_t out = 0;
    for (const auto& [depth, in] : buckets_) out += in.spare.size();
    return out;
}

inline std::vector<contact> routing_table::contacts() const {
    std::vector<contact> out;
    out.reserve(size());
    for (const auto& [depth, in] : buckets_)
        for (const auto& one : in.live) out.push_back(one.who);
    return out;
}

}  // namespace agentmesh::dht
