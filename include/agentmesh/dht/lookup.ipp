// Bodies of dht/lookup.hpp.
#pragma once

namespace agentmesh::dht {

inline lookup::lookup(const point& target, purpose what, const std::vector<contact>& begin, const diversity& rules)
    : target_{target}, what_{what}, rules_{rules}, answers_of_path_{limits::dht_bucket} {
    for (std::size_t i = 0; i < begin.size(); ++i) add(paths_[i % paths_.size()], {.who = begin[i]});
    const auto used = std::clamp<std::size_t>(begin.size(), 1, paths_.size());
    answers_of_path_ = (limits::dht_bucket + used - 1) / used;
    for (auto& one : paths_) settle(one);
}

inline void lookup::add(path& to, const candidate& one) {
    const auto same = [&](const candidate& other) {
        return other.who.place == one.who.place || other.who.at == one.who.at;
    };
    if (std::any_of(to.list.begin(), to.list.end(), same)) return;
    // A neighbourhood that has its places may fill them with nearer nodes, as long as those there were not asked.
    const auto fits = [&](prefix (*of)(const endpoint&), std::size_t most) {
        std::size_t count = 0;
        auto farthest = to.list.end();
        for (auto at = to.list.begin(); at != to.list.end(); ++at) {
            if (at->is == state::failed || of(at->who.at) != of(one.who.at)) continue;
            ++count;
            if (at->is == state::fresh) farthest = at;
        }
        if (count < most) return true;
        if (farthest == to.list.end() || !nearer(target_, one.who.place, farthest->who.place)) return false;
        to.list.erase(farthest);
        return true;
    };
    if (!fits(narrow_prefix, rules_.answer_narrow) || !fits(wide_prefix, rules_.answer_wide)) return;
    const auto place = std::upper_bound(
        to.list.begin(), to.list.end(), one,
        [&](const candidate& a, const candidate& b) { return nearer(target_, a.who.place, b.who.place); });
    to.list.insert(place, one);
    if (to.list.size() <= candidates_of_path) return;
    // Those that failed go first; they are kept only so that they are not asked again.
    const auto farthest = std::find_if(to.list.rbegin(), to.list.rend(), [](const candidate& c) {
        return c.is == state::failed || c.is == state::fresh;
    });
    if (farthest != to.list.rend()) to.list.erase(std::next(farthest).base());
}

inline std::optional<lookup::question> lookup::next() {
    if (is_over()) return std::nullopt;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
        auto& in = paths_[i];
        if (in.waiting || in.done) continue;
        if (claimed_.size() >= questions_most) {
            in.done = true;
            continue;
        }
        while (auto* one = best_of(in)) {
            if (!claimed_.insert(one->who.place).second) {
                one->is = state::failed;  // another path has it
                continue;
            }
            one->is = state::asked;
            in.waiting = true;
            return question{i, one->who};
        }
        in.done = true;
    }
    return std::nullopt;
}

// Who has told of nodes that do not answer comes after those who have not: a liar can name any number of nodes that
// are not there, each nearer than all others, and each would cost the time that an answer may take.
inline lookup::candidate* lookup::best_of(path& in) {
    candidate* out = nullptr;
    int least = 0;
    for (auto& one : in.list) {
        if (one.is != state::fresh) continue;
        const auto known = in.failures.find(one.informer);
        const int failures = known == in.failures.end() ? 0 : std::max(known->second, 0);
        if (!out || failures < least) out = &one, least = failures;
    }
    return out;
}

inline lookup::candidate* lookup::asked_in(path& in, const contact& who) {
    const auto found = std::find_if(in.list.begin(), in.list.end(), [&](const candidate& one) {
        return one.is == state::asked && one.who.place == who.place;
    });
    return found == in.list.end() ? nullptr : &*found;
}

inline void lookup::answered(const question& asked, const std::vector<contact>& nearer_ones) {
    auto& in = paths_[asked.path];
    auto* from = asked_in(in, asked.to);
    if (!from) return;
    from->is = state::answered;
    in.failures[from->informer] = std::numeric_limits<int>::min();
    in.waiting = false;
    const auto hop = from->hop + 1;
    for (const auto& one : nearer_ones)
        if (!claimed_.contains(one.place)) add(in, {one, asked.to.place, hop});
    settle(in);
}

inline void lookup::found(const question& asked, discovery_record record) {
    auto& in = paths_[asked.path];
    auto* from = asked_in(in, asked.to);
    if (!from) return;
    from->is = state::answered;
    in.waiting = false;
    in.done = true;
    if (!best_) found_hops_ = from->hop;
    ++found_;
    if (!best_ || supersedes(record, *best_)) best_ = std::move(record);
}

inline void lookup::failed(const question& asked) {
    auto& in = paths_[asked.path];
    auto* from = asked_in(in, asked.to);
    if (!from) return;
    from->is = state::failed;
    in.waiting = false;
    const auto informer = from->informer;
    if (informer != point{}) {
        auto& count = in.failures[informer];
        if (count >= 0 && ++count >= static_cast<int>(failures_of_an_informer))
            std::erase_if(in.list,
                          [&](const candidate& one) { return one.is == state::fresh && one.informer == informer; });
    }
    settle(in);
}

inline void lookup::settle(path& in) const {
    std::size_t answers = 0;
    for (const auto& one : in.list) {
        if (one.is == state::failed || (one.is == state::fresh && claimed_.contains(one.who.place))) continue;
        if (one.is != state::answered) return;
        if (++answers == answers_of_path_) {
            in.done = true;
            return;
        }
    }
    in.done = !in.waiting;
}

inline bool lookup::is_over() const noexcept {
    if (found_ >= paths_with_a_record) return true;
    return std::all_of(paths_.begin(), paths_.end(), [](const path& one) { return one.done; });
}

inline std::vector<contact> lookup::closest(std::size_t count) const {
    std::vector<contact> out;
    for (const auto& in : paths_)
        for (const auto& one : in.list)
            if (one.is == state::answered) out.push_back(one.who);
    std::sort(out.begin(), out.end(),
              [&](const contact& a, const contact& b) { return nearer(target_, a.place, b.place); });
    if (out.size() > count) out.resize(count);
    return out;
}

inline unsigned lookup::hops() const noexcept {
    if (best_) return found_hops_;
    const candidate* nearest = nullptr;
    for (const auto& in : paths_)
        for (const auto& one : in.list)
            if (one.is == state::answered && (!nearest || nearer(target_, one.who.place, nearest->who.place)))
                nearest = &one;
    return nearest ? nearest->hop : 0;
}

}  // namespace agentmesh::dht
