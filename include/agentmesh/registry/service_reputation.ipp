// What agents say of each other, and what follows from it. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/lineage.hpp>
#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

namespace detail {

/// Those of the deployed registry, of the 0.2 text and of its documentation.
[[nodiscard]] inline bool is_tag(std::string_view text) noexcept {
    if (injected(fault::rating_few_tags) && (text == "fast" || text == "good_price")) return false;
    for (const std::string_view one :
         {"fast_response", "accurate", "professional", "reliable", "helpful", "knowledgeable", "slow_response",
          "inaccurate", "unhelpful", "unreliable", "fast", "good_price"})
        if (text == one) return true;
    return false;
}

inline constexpr std::string_view outcome_words[] = {"success", "failed", "timeout", "rejected", "cancelled"};

[[nodiscard]] inline result<session_outcome> parse_outcome(std::string_view text) noexcept {
    for (std::size_t i = 0; i < std::size(outcome_words); ++i)
        if (text == outcome_words[i]) return static_cast<session_outcome>(i);
    return fail(errc::wrong_member, "AM-REG-002");
}

[[nodiscard]] inline std::uint32_t whole_days(time_point from, time_point to) noexcept {
    return to <= from ? 0 : static_cast<std::uint32_t>(std::chrono::floor<std::chrono::days>(to - from).count());
}

/// How the sessions of an agent with one other ended, as far as both say the same.
struct sessions_with {
    std::uint64_t all = 0;
    std::uint64_t succeeded = 0;
    time_point latest{};
};

/// A session is refused or broken off for reasons of its own; only one that was to be completed counts.
/// @spec AM-REG-043
[[nodiscard]] inline std::map<amid, sessions_with> agreed_sessions(const amid& who,
                                                                   std::span<const session_report> reports) {
    std::map<std::tuple<std::string_view, amid, amid>, const session_report*> first;
    std::map<amid, sessions_with> out;
    for (const auto& one : reports) {
        const auto [at, fresh] =
            first.emplace(std::tuple{std::string_view{one.session}, one.initiator, one.receiver}, &one);
        if ((fresh && !injected(fault::report_one_side)) || at->second == nullptr) continue;
        const auto& other = *std::exchange(at->second, nullptr);
        if (other.reporter == one.reporter && !injected(fault::report_one_side)) continue;
        if (other.outcome != one.outcome) continue;
        if (one.outcome == session_outcome::rejected || one.outcome == session_outcome::cancelled) continue;
        auto& with = out[one.initiator == who ? one.receiver : one.initiator];
        ++with.all;
        with.succeeded += one.outcome == session_outcome::success ? 1U : 0U;
        with.latest = std::max(with.latest, std::max(one.at, other.at));
    }
    return out;
}

}  // namespace detail

template <RegistryStore Store, RandomSource Random>
result<void> service<Store, Random>::publish_score(transaction& tx, const amid& who, time_point now) {
    AGENTMESH_TRY(found, tx.agent(who));
    if (!found) return {};
    // Of who took over from another all that is said of both counts, and an author is who holds his place now.
    AGENTMESH_TRY(names, lineage(tx, *found));
    const auto is_own = [&](const amid& one) { return std::find(names.begin(), names.end(), one) != names.end(); };
    std::map<amid, std::optional<agent_row>> holders;
    const auto holder_of = [&](const amid& one) -> result<const agent_row*> {
        auto at = holders.find(one);
        if (at == holders.end()) {
            AGENTMESH_TRY(row, present_holder(tx, one));
            if (row && (row->revoked || (row->who == who && !injected(fault::rating_self)))) row.reset();
            at = holders.emplace(one, std::move(row)).first;
        }
        return at->second ? &*at->second : nullptr;
    };
    AGENTMESH_TRY(ratings, ratings_about_all(tx, names));
    std::map<amid, std::pair<const agent_row*, const rating_row*>> latest;
    for (const auto& one : ratings) {
        AGENTMESH_TRY(author, holder_of(one.from));
        if (author != nullptr) latest[author->who] = {author, &one};
    }
    std::vector<opinion> feedback, sessions;
    for (const auto& [author, said] : latest) {
        const auto [row, rating] = said;
        AGENTMESH_TRY(authors_names, lineage(tx, *row));
        AGENTMESH_TRY(returned, ratings_about_all(tx, authors_names));
        bool reciprocal = false;
        for (const auto& one : returned) {
            const auto apart = one.at > rating->at ? one.at - rating->at : rating->at - one.at;
            reciprocal = reciprocal || (is_own(one.from) && apart <= std::chrono::hours{24});
            if (injected(fault::score_reciprocal_full)) reciprocal = false;
        }
        feedback.push_back({.tier_of_author = row->trust,
                            .age_of_author = detail::whole_days(row->registered_at, rating->at),
                            .reciprocal = reciprocal,
                            .score_ppm = rating->score});
    }
    std::map<amid, std::pair<const agent_row*, detail::sessions_with>> counterparts;
    for (const auto& name : names) {
        AGENTMESH_TRY(reports, tx.reports_about(name));
        for (const auto& [other, some] : detail::agreed_sessions(name, reports)) {
            AGENTMESH_TRY(row, holder_of(other));
            if (row == nullptr) continue;
            auto& [holder, with] = counterparts[row->who];
            holder = row;
            with.all += some.all;
            with.succeeded += some.succeeded;
            with.latest = std::max(with.latest, some.latest);
        }
    }
    for (const auto& [other, of] : counterparts) {
        const auto& [row, with] = of;
        sessions.push_back({.tier_of_author = row->trust,
                            .age_of_author = detail::whole_days(row->registered_at, with.latest),
                            .score_ppm = static_cast<ppm>(detail::divide_half_even(with.succeeded * whole, with.all))});
    }
    const auto score = reputation({.trust = found->trust,
                                   .age_days = detail::whole_days(found->registered_at, now),
                                   .feedback = feedback,
                                   .sessions = sessions});
    found->ratings = static_cast<std::uint32_t>(ratings.size());
    // The first score of all is the start, so that a leap from it is seen as well.
    AGENTMESH_TRY(history, tx.scores(who, now - std::chrono::hours{48}));
    if (history.empty()) AGENTMESH_CHECK(tx.add_score(who, now, found->score));
    found->score = score;
    AGENTMESH_CHECK(tx.add_score(who, now, score));
    return tx.update_agent(*found);
}

/// @spec AM-REG-040, AM-REG-041, AM-REG-044, AM-REG-045
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::rate(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(about, body.agent("target_amid"));
    AGENTMESH_TRY(by, body.agent("from_amid"));
    if (about == by && !injected(fault::rating_self)) return fail(errc::wrong_member, "AM-REG-040");
    AGENTMESH_TRY(session, body.text("session_id"));
    AGENTMESH_CHECK(check_shown_text(session, service_limits::name_bytes));
    AGENTMESH_TRY(score, body.ratio("score"));
    AGENTMESH_TRY(tags, body.texts("tags"));
    if (tags.size() > 10) return fail(errc::too_large, "AM-REG-002");
    for (const auto& one : tags)
        if (!detail::is_tag(one)) return fail(errc::wrong_member, "AM-REG-002");
    AGENTMESH_TRY(shown, read_credential(in.request, body, by, options_.host, in.now.wall));
    std::array<std::uint8_t, 16> id;
    AGENTMESH_CHECK(random_->fill(id));
    const rating_row row{.from = by,
                         .about = about,
                         .session = std::string{session},
                         .score = score,
                         .tags = std::move(tags),
                         .at = in.now.wall};
    return change(in, shown, [&](transaction& tx, agent_row&) -> answer {
        AGENTMESH_TRY(target, tx.agent(about));
        if (!target && !injected(fault::rating_unknown)) return fail(not_registered);
        AGENTMESH_TRY(first, tx.insert_rating(row));
        if (!first && !injected(fault::rating_again)) return fail(errc::duplicate, "AM-REG-041");
        AGENTMESH_CHECK(publish_score(tx, about, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true);
        if (in.request.path.ends_with("/feedback"))
            to.member("feedback_id", to_hex(id));
        else
            to.member("message", "feedback recorded");
        to.end_object();
        return http::response::json(200, std::move(out));
    });
}

/// @spec AM-REG-042, AM-REG-043
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::report_session(const call& in) -> answer {
    if (in.request.fields.count("Authorization") > 0) return mesh_report(in);
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(session, body.text("session_id"));
    AGENTMESH_CHECK(check_shown_text(session, service_limits::name_bytes));
    AGENTMESH_TRY(initiator, body.agent("initiator_amid"));
    AGENTMESH_TRY(receiver, body.agent("receiver_amid"));
    AGENTMESH_TRY(reporter, body.agent("reporter_amid"));
    AGENTMESH_TRY(intent, body.text("intent"));
    AGENTMESH_CHECK(check_shown_text(intent, service_limits::capability_bytes));
    AGENTMESH_TRY(word, body.text("outcome"));
    AGENTMESH_TRY(outcome, detail::parse_outcome(word));
    AGENTMESH_TRY(shown, read_credential(in.request, body, reporter, options_.host, in.now.wall));
    std::array<std::uint8_t, 16> id;
    AGENTMESH_CHECK(random_->fill(id));
    const session_report row{.session = std::string{session},
                             .initiator = initiator,
                             .receiver = receiver,
                             .reporter = reporter,
                             .intent = std::string{intent},
                             .outcome = outcome,
                             .at = in.now.wall};
    return change(in, shown, [&](transaction& tx, agent_row&) -> answer {
        if ((initiator == receiver || (reporter != initiator && reporter != receiver)) &&
            !injected(fault::report_anyone))
            return fail(errc::not_allowed, "AM-REG-042");
        AGENTMESH_TRY(inserted, tx.insert_report(row));
        if (!inserted) return fail(errc::duplicate, "AM-REG-043");
        AGENTMESH_CHECK(publish_score(tx, initiator, in.now.wall));
        AGENTMESH_CHECK(publish_score(tx, receiver, in.now.wall));
        std::string out;
        json::writer to{out};
        to.begin_object().member("success", true).member("session_record_id", to_hex(id)).end_object();
        return http::response::json(200, std::move(out));
    });
}

/// @spec AM-REG-046
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::score(const call& in) -> answer {
    AGENTMESH_TRY(who, asked_agent(in));
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(found, tx.agent(who));
        if (!found) return fail(not_registered);
        AGENTMESH_TRY(names, lineage(tx, *found));
        AGENTMESH_TRY(ratings, ratings_about_all(tx, names));
        std::uint64_t all = 0, succeeded = 0, sum = 0;
        for (const auto& name : names) {
            AGENTMESH_TRY(reports, tx.reports_about(name));
            for (const auto& [other, with] : detail::agreed_sessions(name, reports)) {
                all += with.all;
                succeeded += with.succeeded;
            }
        }
        std::map<std::string_view, std::uint64_t> counts;
        time_point updated = found->registered_at;
        for (const auto& one : ratings) {
            sum += one.score;
            updated = std::max(updated, one.at);
            for (const auto& tag : one.tags) ++counts[tag];
        }
        std::vector<std::pair<std::string_view, std::uint64_t>> tags{counts.begin(), counts.end()};
        std::stable_sort(tags.begin(), tags.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
        if (tags.size() > 10) tags.resize(10);
        const auto share = [](std::uint64_t part, std::uint64_t of) {
            return of == 0 ? 0.5 : static_cast<double>(part) / static_cast<double>(of);
        };
        std::string body;
        json::writer to{body};
        to.begin_object().member("amid", who.text()).member("score", found->score / 1e6);
        to.member("completion_rate", share(succeeded, all)).member("total_sessions", all);
        to.member("successful_sessions", succeeded)
            .member("feedback_count", injected(fault::score_uncounted) ? 0 : ratings.size());
        to.member("average_feedback", share(sum, ratings.size() * std::uint64_t{whole}));
        to.member("tier", detail::word(found->trust));
        to.member("age_days", detail::whole_days(found->registered_at, in.now.wall)).name("tags").begin_array();
        for (const auto& [tag, count] : tags) to.begin_object().member("tag", tag).member("count", count).end_object();
        to.end_array().member("last_updated", format_time(updated)).end_object();
        return http::response::json(200, std::move(body));
    });
}

/// Those with five ratings or more: fewer say little, and one of them could put anybody on top.
/// @spec AM-ORG-010
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::leaderboard(const call& in) -> answer {
    agent_query query{.ratings_at_least = injected(fault::board_unrated) ? 0U : 5U};
    AGENTMESH_TRY(limit, asked(in, "limit"));
    if (limit) {
        AGENTMESH_TRY(most, detail::parse_count(*limit));
        query.limit = std::min(most, service_limits::page);
    }
    AGENTMESH_TRY(intent, asked(in, "intent"));
    if (intent) {
        AGENTMESH_CHECK(check_shown_text(*intent, service_limits::capability_bytes));
        query.capability = *intent;
    }
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(found, tx.search(query));
        std::string body;
        json::writer to{body};
        to.begin_object().name("leaderboard").begin_array();
        std::uint32_t rank = 0;
        for (const auto& one : found.rows) {
            to.begin_object().member("rank", ++rank).member("amid", one.who.text());
            detail::text_or_null(to, "display_name", one.display_name);
            to.member("tier", detail::word(one.trust)).member("score", one.score / 1e6);
            to.member("ratings_count", one.ratings).end_object();
        }
        to.end_array().member("limit", query.limit);
        detail::text_or_null(to, "intent_filter", query.capability);
        to.end_object();
        return http::response::json(200, std::move(body));
    });
}

}  // namespace agentmesh::registry
