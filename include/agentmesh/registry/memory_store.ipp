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

inline result<std::optional<agent_row>> memory_store::transaction::agent(const amid& who) const {
    return detail::copy_of(in_->agents, who);
}

inline result<bool> memory_store::transaction::insert_agent(const agent_row& row) {
    return in_->agents.emplace(row.who, row).second;
}

inline result<void> memory_store::transaction::update_agent(const agent_row& row) {
    const auto at = in_->agents.find(row.who);
    if (at == in_->agents.end()) return fail(errc::registry_failed);
    at->second = row;
    return {};
}

inline result<bool> memory_store::transaction::erase_agent(const amid& who) {
    in_->prekeys.erase(who);
    in_->one_time.erase(who);
    return in_->agents.erase(who) == 1;
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
    if (owner.empty()) return 0;
    return static_cast<std::uint64_t>(std::count_if(in_->agents.begin(), in_->agents.end(),
                                                    [owner](const auto& one) { return one.second.owner == owner; }));
}

inline result<page<agent_row>> memory_store::transaction::search(const agent_query& query) const {
    page<agent_row> out;
    for (const auto& [who, row] : in_->agents) {
        if ((row.revoked && !injected(fault::search_revoked)) || row.trust < query.at_least ||
            row.score < query.score_at_least || row.ratings < query.ratings_at_least)
            continue;
        if (query.status && row.status != *query.status) continue;
        const auto wanted = [&](const std::string& one) { return fits(query.capability, one); };
        if (!query.capability.empty() && std::none_of(row.capabilities.begin(), row.capabilities.end(), wanted))
            continue;
        out.rows.push_back(row);
    }
    out.total = out.rows.size();
    std::sort(out.rows.begin(), out.rows.end(), [](const agent_row& a, const agent_row& b) {
        return std::tuple{b.score, b.last_seen, a.who} < std::tuple{a.score, a.last_seen, b.who};
    });
    out.rows.erase(out.rows.begin(), out.rows.begin() + static_cast<std::ptrdiff_t>(
                                                            std::min<std::size_t>(query.offset, out.rows.size())));
    if (out.rows.size() > query.limit)
        out.rows.erase(out.rows.begin() + static_cast<std::ptrdiff_t>(query.limit), out.rows.end());
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
    in_->prekeys.insert_or_assign(who, keys);
    auto& left = in_->one_time[who];
    left.clear();
    for (const auto& one : one_time) left.emplace(one.id, one);
    return {};
}

inline result<std::optional<one_time_row>> memory_store::transaction::take_one_time(const amid& who) {
    auto& left = in_->one_time[who];
    if (left.empty()) return std::nullopt;
    return std::move(left.extract(left.begin()).mapped());
}

inline result<std::uint64_t> memory_store::transaction::one_time_left(const amid& who) const {
    const auto at = in_->one_time.find(who);
    return at == in_->one_time.end() ? 0 : at->second.size();
}

inline result<bool> memory_store::transaction::remember(const amid& who, byte_view nonce, time_point until) {
    return in_->nonces.emplace(std::pair{who, buffer{nonce.begin(), nonce.end()}}, until).second;
}

inline result<void> memory_store::transaction::forget_nonces(time_point before) {
    std::erase_if(in_->nonces, [before](const auto& one) { return one.second < before; });
    return {};
}

inline result<bool> memory_store::transaction::insert_revocation(const revocation_row& row) {
    return in_->revocations.emplace(row.who, row).second;
}

inline result<std::optional<revocation_row>> memory_store::transaction::revocation(const amid& who) const {
    return detail::copy_of(in_->revocations, who);
}

inline result<page<revocation_row>> memory_store::transaction::revocations(std::uint32_t limit,
                                                                           std::uint32_t offset) const {
    page<revocation_row> out{.total = in_->revocations.size()};
    std::vector<revocation_row> all;
    for (const auto& [who, row] : in_->revocations) all.push_back(row);
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    for (std::size_t i = offset; i < all.size() && out.rows.size() < limit; ++i) out.rows.push_back(all[i]);
    return out;
}

inline result<bool> memory_store::transaction::insert_rating(const rating_row& row) {
    for (const auto& one : in_->ratings)
        if (one.from == row.from && one.session == row.session) return false;
    in_->ratings.push_back(row);
    return true;
}

inline result<std::vector<rating_row>> memory_store::transaction::ratings_about(const amid& who) const {
    std::vector<rating_row> out;
    for (const auto& one : in_->ratings)
        if (one.about == who) out.push_back(one);
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    return out;
}

inline result<bool> memory_store::transaction::insert_report(const session_report& row) {
    for (const auto& one : in_->reports)
        if (one.session == row.session && one.reporter == row.reporter) return false;
    in_->reports.push_back(row);
    return true;
}

inline result<std::vector<session_report>> memory_store::transaction::reports_of(std::string_view session) const {
    std::vector<session_report> out;
    for (const auto& one : in_->reports)
        if (one.session == session) out.push_back(one);
    return out;
}

inline result<std::vector<session_report>> memory_store::transaction::reports_about(const amid& who) const {
    std::vector<session_report> out;
    for (const auto& one : in_->reports)
        if (one.initiator == who || one.receiver == who) out.push_back(one);
    return out;
}

inline result<void> memory_store::transaction::add_score(const amid& who, time_point at, ppm score) {
    in_->scores[who].push_back({at, score});
    return {};
}

inline result<std::vector<published_score>> memory_store::transaction::scores(const amid& who, time_point from) const {
    std::vector<published_score> out;
    if (const auto at = in_->scores.find(who); at != in_->scores.end())
        for (const auto& one : at->second)
            if (one.at >= from) out.push_back(one);
    return out;
}

inline result<bool> memory_store::transaction::insert_organization(const organization_row& row) {
    for (const auto& [id, one] : in_->organizations)
        if (one.domain == row.domain) return false;
    return in_->organizations.emplace(row.id, row).second;
}

inline result<void> memory_store::transaction::update_organization(const organization_row& row) {
    const auto at = in_->organizations.find(row.id);
    if (at == in_->organizations.end()) return fail(errc::registry_failed);
    at->second = row;
    return {};
}

inline result<std::optional<organization_row>> memory_store::transaction::organization(std::string_view id) const {
    return detail::copy_of(in_->organizations, id);
}

inline result<std::optional<organization_row>> memory_store::transaction::organization_of_domain(
    std::string_view domain) const {
    for (const auto& [id, one] : in_->organizations)
        if (one.domain == domain) return one;
    return std::nullopt;
}

inline result<std::uint64_t> memory_store::transaction::members_of(std::string_view id) const {
    return static_cast<std::uint64_t>(std::count_if(in_->agents.begin(), in_->agents.end(),
                                                    [id](const auto& one) { return one.second.organization == id; }));
}

inline result<void> memory_store::transaction::insert_login(std::string_view state, std::string_view content,
                                                            time_point until) {
    in_->logins.insert_or_assign(std::string{state}, std::pair{std::string{content}, until});
    return {};
}

inline result<std::optional<std::string>> memory_store::transaction::take_login(std::string_view state,
                                                                                time_point now) {
    const auto at = in_->logins.find(state);
    if (at == in_->logins.end()) return std::nullopt;
    auto [content, until] = std::move(at->second);
    in_->logins.erase(at);
    if (now >= until) return std::nullopt;
    return content;
}

}  // namespace agentmesh::registry
