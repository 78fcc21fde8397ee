// Bodies of dht/storage.hpp.
#pragma once

namespace agentmesh::dht {

inline result<bool> storage::put(byte_view bytes, const endpoint& source, const moment& now) {
    AGENTMESH_TRY(record, decode_record(bytes));
    const point place = record.place();
    const auto known = records_.find(place);
    if (known != records_.end() && !is_over(known->second, now)) {
        if (std::ranges::equal(known->second.bytes, bytes)) {
            known->second.received = now.steady;
            return false;
        }
        // Cheaper than the signatures, and a forger gains nothing: what he says is refused either way.
        if (!supersedes(record, known->second.record)) return fail(errc::old_record, "AM-DHT-016");
    }
    AGENTMESH_CHECK(check_record(record, now.wall));
    if (known == records_.end() && !make_room(place, source, now)) return fail(errc::storage_full);
    const auto lifetime = std::min<duration>(record.expires() - now.wall, limits::dht_record_lifetime);
    held fresh{{bytes.begin(), bytes.end()}, std::move(record), source, now.steady, now.steady + lifetime};
    if (known != records_.end()) {
        fresh.source = known->second.source;
        known->second = std::move(fresh);
        return true;
    }
    records_.emplace(place, std::move(fresh));
    ++sources_[narrow_prefix(source)];
    ++sources_[wide_prefix(source)];
    return true;
}

inline bool storage::make_room(const point& place, const endpoint& source, const moment& now) {
    const auto over = [&](prefix what, std::size_t most) {
        const auto found = sources_.find(what);
        return found != sources_.end() && found->second >= most;
    };
    const auto over_any = [&] {
        return over(narrow_prefix(source), limits_.per_narrow) || over(wide_prefix(source), limits_.per_wide);
    };
    if (over_any() || records_.size() >= limits_.records) expire(now);
    if (over_any()) return false;
    if (records_.size() < limits_.records) return true;
    const auto farthest = std::max_element(records_.begin(), records_.end(), [&](const auto& a, const auto& b) {
        return nearer(self_, a.first, b.first);
    });
    if (farthest == records_.end() || !nearer(self_, place, farthest->first)) return false;
    erase(farthest);
    return true;
}

inline void storage::erase(std::map<point, held>::iterator which) {
    for (const prefix what : {narrow_prefix(which->second.source), wide_prefix(which->second.source)})
        if (const auto found = sources_.find(what); --found->second == 0) sources_.erase(found);
    records_.erase(which);
}

inline const storage::held* storage::find(const point& place, const moment& now) const {
    const auto found = records_.find(place);
    return found == records_.end() || is_over(found->second, now) ? nullptr : &found->second;
}

inline void storage::expire(const moment& now) {
    for (auto at = records_.begin(); at != records_.end();) {
        const auto one = at++;
        if (is_over(one->second, now)) erase(one);
    }
}

inline const storage::held* storage::idle(steady_point before) const {
    for (const auto& [place, one] : records_)
        if (one.received < before) return &one;
    return nullptr;
}

inline void storage::touch(const point& place, steady_point now) {
    if (const auto found = records_.find(place); found != records_.end()) found->second.received = now;
}

}  // namespace agentmesh::dht
