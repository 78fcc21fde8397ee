// What agents say of themselves later, and how they are found. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/row_notes.hpp>
#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

namespace detail {

/// `2`, `1`, `1.5` of the 0.2 text, or the words of its registry.
[[nodiscard]] inline result<tier> parse_floor(std::string_view text) noexcept {
    if (const auto level = identity::parse_tier(text, identity::tier_dialect::label)) return level;
    if (const auto level = identity::parse_tier(text, identity::tier_dialect::word)) return level;
    return fail(errc::wrong_member, "AM-REG-016");
}

/// @errors wrong_member unless it is a decimal number below 2^32
[[nodiscard]] inline result<std::uint32_t> parse_count(std::string_view text) noexcept {
    std::uint64_t out = 0;
    if (text.empty() || text.size() > 10) return fail(errc::wrong_member, "AM-REG-015");
    for (const char c : text) {
        if (c < '0' || c > '9') return fail(errc::wrong_member, "AM-REG-015");
        out = out * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (out > 0xffff'ffffU) return fail(errc::wrong_member, "AM-REG-015");
    return static_cast<std::uint32_t>(out);
}

}  // namespace detail

/// @spec AM-REG-015, AM-REG-016, AM-REG-029, AM-REG-038
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::search(const call& in) -> answer {
    agent_query query;
    AGENTMESH_TRY(capability, asked(in, "capability"));
    if (!capability || capability->empty()) return fail(errc::missing_member, "AM-REG-002");
    AGENTMESH_CHECK(check_shown_text(*capability, service_limits::capability_bytes));
    query.capability = *capability;
    AGENTMESH_TRY(floor, asked(in, "tier_min"));
    if (floor) {
        AGENTMESH_TRY(level, detail::parse_floor(*floor));
        if (!injected(fault::search_any_tier)) query.at_least = level;
    }
    AGENTMESH_TRY(score, asked(in, "reputation_min"));
    if (score) {
        AGENTMESH_TRY(least, parse_ratio(*score));
        if (!injected(fault::search_any_score)) query.score_at_least = least;
    }
    AGENTMESH_TRY(status, asked(in, "status"));
    if (status) {
        AGENTMESH_TRY(wanted, parse_availability(*status));
        query.status = wanted;
    }
    AGENTMESH_TRY(limit, asked(in, "limit"));
    if (limit) {
        AGENTMESH_TRY(most, detail::parse_count(*limit));
        query.limit = injected(fault::search_unlimited) ? most : std::min(most, service_limits::page);
    }
    AGENTMESH_TRY(offset, asked(in, "offset"));
    if (offset) {
        AGENTMESH_TRY(first, detail::parse_count(*offset));
        if (!injected(fault::search_no_offset)) query.offset = first;
    }
    AGENTMESH_CHECK(settle_presence(in.now.wall));
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(found, tx.search(query));
        std::string body;
        json::writer to{body};
        to.begin_object().name("results").begin_array();
        for (auto& one : found.rows) {
            AGENTMESH_TRY(notes, row_notes::of(one));
            one.status = status_at(one, notes, in.now.wall);
            if (is_stale(notes, in.now.wall)) reported_.try_emplace(one.who, *notes.reported);
            if (query.status && one.status != *query.status) continue;
            to.begin_object();
            detail::write_agent(to, one, {});
            to.end_object();
        }
        to.end_array().member("total", found.total).member("limit", query.limit).member("offset", query.offset);
        to.end_object();
        return http::response::json(200, std::move(body));
    });
}

/// @spec AM-REG-035
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::set_status(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    AGENTMESH_TRY(word, body.text("status"));
    AGENTMESH_TRY(status, parse_availability(word));
    AGENTMESH_TRY(shown, read_credential(in.request, body, who, options_.host, in.now.wall));
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        if (!injected(fault::status_kept)) self.status = status;
        self.last_seen = in.now.wall;
        // What the agent says itself holds until it, or its relay, says something else.
        AGENTMESH_TRY(notes, row_notes::of(self));
        notes.reported.reset();
        notes.put(self);
        AGENTMESH_CHECK(tx.update_agent(self));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true);
        // So that the owner hears in time that they run out.
        AGENTMESH_CHECK(write_one_time_left(tx, who, to));
        to.end_object();
        return http::response::json(200, std::move(out));
    });
}

/// @spec AM-REG-035
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::set_capabilities(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    if (!body.has("capabilities")) return fail(errc::missing_member, "AM-REG-002");
    AGENTMESH_TRY(named, body.texts("capabilities"));
    AGENTMESH_TRY(all, check_capabilities(std::move(named)));
    AGENTMESH_TRY(shown, read_credential(in.request, body, who, options_.host, in.now.wall));
    return change(in, shown, [&](transaction& tx, agent_row& self) -> answer {
        if (!injected(fault::capabilities_kept)) self.capabilities = all;
        self.last_seen = in.now.wall;
        AGENTMESH_CHECK(tx.update_agent(self));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true);
        AGENTMESH_CHECK(write_one_time_left(tx, who, to));
        to.end_object();
        return http::response::json(200, std::move(out));
    });
}

}  // namespace agentmesh::registry
