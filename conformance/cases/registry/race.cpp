// REG-RACE, REG-BACK: many at once, and back to what was before.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>
#include <set>

namespace agentmesh::conformance::registry_cases {
namespace {

std::string one_time_key(const observation& answer) {
    if (!answer.has("one_time_prekey") || !answer.body.at("one_time_prekey").is_object()) return {};
    const auto& one = answer.body.at("one_time_prekey");
    return one.contains("key") && one.at("key").is_string() ? one.at("key").get<std::string>() : std::string{};
}

std::size_t count(const std::vector<observation>& answers, const matcher& what) {
    return static_cast<std::size_t>(std::count_if(answers.begin(), answers.end(), what.test));
}

}  // namespace

AM_CASE("REG-RACE-001") {
    .title = "a hundred fetches at once get no one-time prekey twice",
    .proves = {req::AM_REG_022, req::AM_REG_028},
    .cost = rtt(24),
    .ask = [](registry_context& t) {
        const auto a = settled(t);
        const auto keys = t.prekeys(a, 1, 60);
        (void)t.must(sent(t, prekeys_path, t.prekeys_body(a, keys), a));
        std::vector<http_request> fetches;
        for (int i = 0; i < 4; ++i) {
            const auto asker = settled(t);
            for (int each = 0; each < 25; ++each) fetches.push_back(fetched(t, a, asker));
        }
        const auto answers = t.ask_at_once(fetches);
        std::set<std::string> known, seen;
        for (const auto& [id, key] : keys.one_time) known.insert(key);
        bool once = true;
        for (const auto& one : answers)
            if (const auto key = one_time_key(one); !key.empty()) once = once && known.contains(key) && seen.insert(key).second;
        t.absent(req::AM_REG_022, t.that(once, "each one-time prekey in one answer only", answers));
        t.produced(req::AM_REG_028, t.that(count(answers, match::http(200)) == 100 && seen.size() == 60,
                                           "a hundred answers, and each of the sixty keys in one", answers));
    },
};

AM_CASE("REG-RACE-002") {
    .title = "fetches and an upload at once leave no one-time prekey in two answers, and no id with two keys",
    .proves = {req::AM_REG_022},
    .cost = rtt(30),
    .ask = [](registry_context& t) {
        const auto a = settled(t);
        const auto first = t.prekeys(a, 1, 20), second = t.prekeys(a, 2, 20, 11);
        (void)t.must(sent(t, prekeys_path, t.prekeys_body(a, first), a));
        const auto asker = settled(t);
        std::vector<http_request> all;
        for (int i = 0; i < 15; ++i) all.push_back(fetched(t, a, asker));
        all.push_back(sent(t, prekeys_path, t.prekeys_body(a, second), a));
        for (int i = 0; i < 15; ++i) all.push_back(fetched(t, a, asker));
        const auto answers = t.ask_at_once(all);
        std::set<std::string> seen;
        std::set<std::int64_t> ids;
        bool once = true;
        for (const auto& one : answers) {
            const auto key = one_time_key(one);
            if (key.empty()) continue;
            const auto& id = one.body.at("one_time_prekey");
            once = once && seen.insert(key).second && id.contains("id") && id.at("id").is_number_integer() &&
                   ids.insert(id.at("id").get<std::int64_t>()).second;
        }
        t.absent(req::AM_REG_022, t.that(once, "no key and no id in two answers", answers));
    },
};

AM_CASE("REG-RACE-003") {
    .title = "of ratings of one session by one agent that arrive at once one counts",
    .proves = {req::AM_REG_041},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        const auto session = t.uuid();
        std::vector<http_request> all;
        for (int i = 0; i < 12; ++i) all.push_back(t.change(rate_path, rating_of(b, a, session, 0.9), a.who));
        const auto answers = t.ask_at_once(all);
        t.control(t.that(count(answers, match::http(200)) > 0, "one of the ratings was taken", answers));
        const auto after = t.ask(t.get("/v1/registry/reputation/score?amid=" + b.amid()));
        t.refused(req::AM_REG_041, t.that(count(answers, match::http(200)) == 1 && count(answers, match::http(409)) == 11,
                                          "one rating taken and eleven refused with status 409", answers) &
                                       t.that(after.integer("feedback_count") == 1, "one rating counted", after));
    },
};

AM_CASE("REG-RACE-004") {
    .title = "of revocations of one agent that arrive at once one is taken",
    .proves = {req::AM_REG_031, req::AM_REG_033},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        std::vector<http_request> all;
        for (int i = 0; i < 12; ++i) all.push_back(t.change(revoke_path, revocation_of(a, a), a.who));
        const auto answers = t.ask_at_once(all);
        t.control(t.that(count(answers, match::http(200)) > 0, "one of the revocations was taken", answers));
        const auto after = t.ask(t.get("/v1/registry/revocation?amid=" + a.amid()));
        t.refused(req::AM_REG_031, t.that(count(answers, match::http(200)) == 1 && count(answers, match::http_client_error()) == 11,
                                          "one revocation taken and eleven refused", answers));
        t.produced(req::AM_REG_033, t.answered(after) & t.that(after.has("revoked") && after.body.at("revoked") == true,
                                                               "that the agent is revoked", after));
    },
};

AM_CASE("REG-RACE-005") {
    .title = "changes of many agents at once each change their own",
    .proves = {req::AM_REG_035},
    .cost = rtt(60),
    .ask = [](registry_context& t) {
        constexpr std::string_view words[] = {"online", "away", "dnd"};
        std::vector<resident> all;
        std::vector<http_request> changes, questions;
        for (std::size_t i = 0; i < 24; ++i) {
            all.push_back(t.enrolled());
            changes.push_back(t.change(status_path, status_of(all[i], words[i % 3]), all[i].who));
            questions.push_back(t.lookup(all[i].amid()));
        }
        const auto answers = t.ask_at_once(changes);
        const auto after = t.ask_at_once(questions);
        bool right = count(answers, match::http(200)) == all.size();
        for (std::size_t i = 0; i < all.size(); ++i)
            right = right && after[i].str("amid") == all[i].amid() && after[i].str("status") == words[i % 3];
        t.produced(req::AM_REG_035, t.that(right, "each agent with the status that it set", answers, after));
    },
};

AM_CASE("REG-BACK-001") {
    .title = "an upload that somebody recorded brings back neither keys nor a former signed prekey",
    .proves = {req::AM_REG_007},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto former = t.prekeys(a, 5, 2), latest = t.prekeys(a, 6, 2, 3);
        const auto recorded = t.change(prekeys_path, t.prekeys_body(a, former), a.who);
        (void)t.must(recorded);
        (void)t.must(t.fetch(a.amid()));
        t.upload(a, latest);
        const auto again = t.ask(recorded);
        const auto after = t.ask(t.fetch(a.amid()));
        t.refused(req::AM_REG_007, t.saw(again, match::http(401)) &
                                       t.that(after.str("signed_prekey") == latest.key, "the signed prekey uploaded last", after));
    },
};

AM_CASE("REG-BACK-002") {
    .title = "one-time prekeys that were handed out do not come back with an upload of the same ones",
    .proves = {req::AM_REG_022},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const auto a = settled(t), asker = settled(t);
        const auto keys = t.prekeys(a, 1, 3);
        (void)t.must(sent(t, prekeys_path, t.prekeys_body(a, keys), a));
        std::set<std::string> seen;
        bool once = true;
        std::vector<observation> answers;
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 2; ++i) {
                answers.push_back(t.must(fetched(t, a, asker)));
                if (const auto key = one_time_key(answers.back()); !key.empty()) once = once && seen.insert(key).second;
            }
            (void)t.ask(sent(t, prekeys_path, t.prekeys_body(a, keys), a));
        }
        t.absent(req::AM_REG_022, t.that(once, "no key in two answers", answers));
    },
};

AM_CASE("REG-BACK-003") {
    .title = "a signed prekey with the largest id can be replaced, and a former one cannot be put back by others",
    .proves = {req::AM_REG_021, req::AM_REG_004},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), thief = t.enrolled();
        t.upload(a, t.prekeys(a, 2'147'483'647));
        const auto right = t.prekeys(a, 1);
        t.upload(a, right);
        // Somebody else's upload of keys that the agent really signed.
        const auto refused = t.ask(t.change(prekeys_path, t.prekeys_body(a, t.prekeys(a, 2)), thief.who));
        const auto after = t.ask(t.fetch(a.amid()));
        t.produced(req::AM_REG_021, t.that(after.str("signed_prekey") == right.key && after.integer("signed_prekey_id") == 1,
                                           "the signed prekey uploaded last", after));
        t.refused(req::AM_REG_004, t.saw(refused, match::http(401)));
    },
};

}  // namespace agentmesh::conformance::registry_cases
