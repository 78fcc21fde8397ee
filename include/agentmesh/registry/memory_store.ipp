#pragma once

#include <agentmesh/registry/fault.hpp>
#include <agentmesh/registry/store.hpp>

#include <algorithm>

namespace agentmesh::registry {

namespace detail {

[[nodiscard]] inline bool glob(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0, t = 0, star = pattern.npos, from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

/// The lowest AMID that an agent of this name can have, which begins as the name does.
[[nodiscard]] inline amid first_of(const mesh_did& name) {
    amid::raw out;
    std::copy_n(name.bytes().bytes().begin(), mesh_did::raw::size, out.storage().begin());
    return amid::from_raw(out);
}

template <class Map, class Key>
[[nodiscard]] auto copy_of(const Map& map, const Key& key) -> std::optional<typename Map::mapped_type> {
    const auto at = map.find(key);
    if (at == map.end()) return std::nullopt;
    return at->second;
}

}  // namespace detail

inline bool fits(std::string_view asked, std::string_view capability) noexcept {
    if (asked.empty() || asked == capability) return true;
    if (asked.find('*') != asked.npos && !injected(fault::search_no_patterns)) return detail::glob(asked, capability);
    return capability.size() > asked.size() && capability.starts_with(asked) && capability[asked.size()] == '/';
}

inline void memory_store::tables::set_agent(const amid& who, std::optional<agent_row> row) {
    const auto count = [](auto& in, const std::string& name, bool more) {
        if (name.empty()) return;
        const auto at = in.try_emplace(name, 0).first;
        more ? ++at->second : --at->second;
        if (at->second == 0) in.erase(at);
    };
    const auto at = agents.find(who);
    if (at != agents.end()) {
        count(agents_of_owner, at->second.owner, false);
        count(members_of, at->second.organization, false);
    }
    if (row) {
        count(agents_of_owner, row->owner, true);
        count(members_of, row->organization, true);
    }
    if (row && at != agents.end())
        at->second = *std::move(row);
    else if (row)
        agents.emplace(who, *std::move(row));
    else if (at != agents.end())
        agents.erase(at);
}

template <auto Table, class Key, class Value>
void memory_store::transaction::set(const Key& key, std::optional<Value> value) {
    const auto swap_in = [](auto& table, const Key& at, std::optional<Value> with) {
        std::optional<Value> before;
        if (const auto found = table.find(at); found != table.end()) {
            before = std::move(found->second);
            if (with)
                found->second = *std::move(with);
            else
                table.erase(found);
        } else if (with) {
            table.emplace(at, *std::move(with));
        }
        return before;
    };
    later([key, swap_in, before = swap_in(in_->*Table, key, std::move(value))](tables& in) mutable {
        swap_in(in.*Table, key, std::move(before));
    });
}

inline result<std::optional<agent_row>> memory_store::transaction::agent(const amid& who) const {
    return detail::copy_of(in_->agents, who);
}

inline result<bool> memory_store::transaction::insert_agent(const agent_row& row) {
    if (in_->agents.contains(row.who)) return false;
    later([who = row.who](tables& in) { in.set_agent(who, std::nullopt); });
    in_->set_agent(row.who, row);
    return true;
}

inline result<void> memory_store::transaction::update_agent(const agent_row& row) {
    const auto at = in_->agents.find(row.who);
    if (at == in_->agents.end()) return fail(errc::registry_failed);
    later([before = at->second](tables& in) { in.set_agent(before.who, before); });
    in_->set_agent(row.who, row);
    return {};
}

inline result<bool> memory_store::transaction::erase_agent(const amid& who) {
    set<&tables::prekeys, amid, prekey_row>(who, std::nullopt);
    set<&tables::one_time, amid, std::map<std::uint32_t, one_time_row>>(who, std::nullopt);
    const auto at = in_->agents.find(who);
    if (at == in_->agents.end()) return false;
    later([before = at->second](tables& in) { in.set_agent(before.who, before); });
    in_->set_agent(who, std::nullopt);
    return true;
}

inline result<std::optional<agent_row>> memory_store::transaction::agent_of_did(std::string_view did) const {
    const auto wanted = mesh_did::parse(did);
    if (!wanted) return std::nullopt;
    // Both names are the beginning of one digest, so agents are in the order of this name too.
    const auto at = in_->agents.lower_bound(detail::first_of(*wanted));
    if (at == in_->agents.end() || mesh_did::of(at->second.signing) != *wanted) return std::nullopt;
    return at->second;
}

inline result<std::uint64_t> memory_store::transaction::agents_of_owner(std::string_view owner) const {
    return detail::copy_of(in_->agents_of_owner, owner).value_or(0);
}

inline result<page<agent_row>> memory_store::transaction::search(const agent_query& query) const {
    std::vector<const agent_row*> found;
    for (const auto& [who, row] : in_->agents) {
        if ((row.revoked && !injected(fault::search_revoked)) || row.trust < query.at_least ||
            row.score < query.score_at_least || row.ratings < query.ratings_at_least)
            continue;
        if (query.status && row.status != *query.status) continue;
        const auto wanted = [&](const std::string& one) { return fits(query.capability, one); };
        if (!query.capability.empty() && std::none_of(row.capabilities.begin(), row.capabilities.end(), wanted))
            continue;
        found.push_back(&row);
    }
    page<agent_row> out{.total = std::min<std::uint64_t>(found.size(), search_depth)};
    const auto total = static_cast<std::size_t>(out.total);
    const auto first = std::min<std::size_t>(query.offset, total);
    const auto last = first + std::min<std::size_t>(query.limit, total - first);
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(last), found.end(),
                      [](const agent_row* a, const agent_row* b) {
                          return std::tie(b->score, b->last_seen, a->who) < std::tie(a->score, a->last_seen, b->who);
                      });
    for (std::size_t i = first; i < last; ++i) out.rows.push_back(*found[i]);
    return out;
}

inline result<registry_stats> memory_store::transaction::stats() const {
    registry_stats out;
    for (const auto& [who, row] : in_->agents) {
        ++out.agents;
        ++out.by_tier[static_cast<std::size_t>(row.trust)];
        ++out.by_status[static_cast<std::size_t>(row.status)];
        out.score_sum += row.score;
    }
    return out;
}

inline result<std::optional<prekey_row>> memory_store::transaction::prekeys(const amid& who) const {
    return detail::copy_of(in_->prekeys, who);
}

inline result<void> memory_store::transaction::put_prekeys(const amid& who, const prekey_row& keys,
                                                           std::span<const one_time_row> one_time) {
    set<&tables::prekeys>(who, std::optional{keys});
    std::map<std::uint32_t, one_time_row> left;
    for (const auto& one : one_time) left.emplace(one.id, one);
    set<&tables::one_time>(who, std::optional{std::move(left)});
    return {};
}

inline result<std::optional<one_time_row>> memory_store::transaction::take_one_time(const amid& who) {
    const auto at = in_->one_time.find(who);
    if (at == in_->one_time.end() || at->second.empty()) return std::nullopt;
    auto taken = std::move(at->second.extract(at->second.begin()).mapped());
    later([who, taken](tables& in) { in.one_time[who].emplace(taken.id, taken); });
    return taken;
}

inline result<std::uint64_t> memory_store::transaction::one_time_left(const amid& who) const {
    const auto at = in_->one_time.find(who);
    return at == in_->one_time.end() ? 0 : at->second.size();
}

inline result<bool> memory_store::transaction::remember(const amid& who, byte_view nonce, time_point until) {
    const std::pair key{who, buffer{nonce.begin(), nonce.end()}};
    if (!in_->nonces.emplace(key, until).second) return false;
    in_->nonces_by_end.emplace(until, key);
    later([key, until](tables& in) {
        in.nonces.erase(key);
        in.nonces_by_end.erase({until, key});
    });
    return true;
}

inline result<void> memory_store::transaction::forget_nonces(time_point before) {
    while (!in_->nonces_by_end.empty() && in_->nonces_by_end.begin()->first < before) {
        auto gone = std::move(in_->nonces_by_end.extract(in_->nonces_by_end.begin()).value());
        in_->nonces.erase(gone.second);
        later([gone = std::move(gone)](tables& in) {
            in.nonces.emplace(gone.second, gone.first);
            in.nonces_by_end.insert(gone);
        });
    }
    return {};
}

inline result<bool> memory_store::transaction::insert_revocation(const revocation_row& row) {
    if (!in_->revocations.emplace(row.who, row).second) return false;
    in_->revocations_by_time.emplace(row.at, row.who);
    later([at = row.at, who = row.who](tables& in) {
        in.revocations.erase(who);
        in.revocations_by_time.erase({at, who});
    });
    return true;
}

inline result<std::optional<revocation_row>> memory_store::transaction::revocation(const amid& who) const {
    return detail::copy_of(in_->revocations, who);
}

inline result<page<revocation_row>> memory_store::transaction::revocations(std::uint32_t limit,
                                                                           std::uint32_t offset) const {
    page<revocation_row> out{.total = in_->revocations.size()};
    if (offset >= out.total) return out;
    for (auto at = std::next(in_->revocations_by_time.begin(), offset);
         at != in_->revocations_by_time.end() && out.rows.size() < limit; ++at)
        out.rows.push_back(in_->revocations.at(at->second));
    return out;
}

inline result<bool> memory_store::transaction::insert_rating(const rating_row& row) {
    const std::pair name{row.from, row.session};
    if (!in_->rated.insert(name).second) return false;
    const std::tuple place{row.at, row.from, row.session};
    in_->ratings[row.about].emplace(place, row);
    later([name, place, about = row.about](tables& in) {
        in.rated.erase(name);
        in.ratings[about].erase(place);
    });
    return true;
}

inline result<std::vector<rating_row>> memory_store::transaction::ratings_about(const amid& who) const {
    std::vector<rating_row> out;
    if (const auto at = in_->ratings.find(who); at != in_->ratings.end())
        for (const auto& [place, one] : at->second) out.push_back(one);
    return out;
}

inline result<bool> memory_store::transaction::insert_report(const session_report& row) {
    if (!in_->reports[row.session].emplace(row.reporter, row).second) return false;
    const std::tuple place{row.at, row.session, row.reporter};
    in_->reports_about[row.initiator].insert(place);
    in_->reports_about[row.receiver].insert(place);
    later([place, initiator = row.initiator, receiver = row.receiver](tables& in) {
        in.reports[std::get<1>(place)].erase(std::get<2>(place));
        in.reports_about[initiator].erase(place);
        in.reports_about[receiver].erase(place);
    });
    return true;
}

inline result<std::vector<session_report>> memory_store::transaction::reports_of(std::string_view session) const {
    std::vector<session_report> out;
    if (const auto at = in_->reports.find(session); at != in_->reports.end())
        for (const auto& [reporter, one] : at->second) out.push_back(one);
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    return out;
}

inline result<std::vector<session_report>> memory_store::transaction::reports_about(const amid& who) const {
    std::vector<session_report> out;
    if (const auto at = in_->reports_about.find(who); at != in_->reports_about.end())
        for (const auto& [when, session, reporter] : at->second)
            out.push_back(in_->reports.find(session)->second.at(reporter));
    return out;
}

inline result<void> memory_store::transaction::add_score(const amid& who, time_point at, ppm score) {
    in_->scores[who].emplace(at, score);
    later([who, at](tables& in) {
        auto& of = in.scores[who];
        of.erase(std::prev(of.upper_bound(at)));
    });
    return {};
}

inline result<std::vector<published_score>> memory_store::transaction::scores(const amid& who, time_point from) const {
    std::vector<published_score> out;
    if (const auto of = in_->scores.find(who); of != in_->scores.end())
        for (auto at = of->second.lower_bound(from); at != of->second.end(); ++at)
            out.push_back({at->first, at->second});
    return out;
}

inline result<bool> memory_store::transaction::insert_organization(const organization_row& row) {
    if (in_->organizations.contains(row.id) || in_->domains.contains(row.domain)) return false;
    set<&tables::organizations>(row.id, std::optional{row});
    set<&tables::domains>(row.domain, std::optional{row.id});
    return true;
}

inline result<void> memory_store::transaction::update_organization(const organization_row& row) {
    const auto at = in_->organizations.find(row.id);
    if (at == in_->organizations.end()) return fail(errc::registry_failed);
    if (at->second.domain != row.domain) {
        if (in_->domains.contains(row.domain)) return fail(errc::registry_failed);
        set<&tables::domains, std::string, std::string>(at->second.domain, std::nullopt);
        set<&tables::domains>(row.domain, std::optional{row.id});
    }
    set<&tables::organizations>(row.id, std::optional{row});
    return {};
}

inline result<std::optional<organization_row>> memory_store::transaction::organization(std::string_view id) const {
    return detail::copy_of(in_->organizations, id);
}

inline result<std::optional<organization_row>> memory_store::transaction::organization_of_domain(
    std::string_view domain) const {
    const auto id = in_->domains.find(domain);
    if (id == in_->domains.end()) return std::nullopt;
    return detail::copy_of(in_->organizations, id->second);
}

inline result<std::uint64_t> memory_store::transaction::members_of(std::string_view id) const {
    return detail::copy_of(in_->members_of, id).value_or(0);
}

inline result<void> memory_store::transaction::insert_login(std::string_view state, std::string_view content,
                                                            time_point until) {
    set<&tables::logins>(std::string{state}, std::optional{std::pair{std::string{content}, until}});
    return {};
}

inline result<std::optional<std::string>> memory_store::transaction::take_login(std::string_view state,
                                                                                time_point now) {
    const auto found = detail::copy_of(in_->logins, state);
    if (!found) return std::nullopt;
    set<&tables::logins, std::string, std::pair<std::string, time_point>>(std::string{state}, std::nullopt);
    if (now >= found->second) return std::nullopt;
    return found->first;
}

}  // namespace agentmesh::registry
