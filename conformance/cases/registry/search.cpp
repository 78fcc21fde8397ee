// REG-SEARCH: who is found by what.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>

namespace agentmesh::conformance::registry_cases {
namespace {

observation search(registry_context& t, std::string_view capability, std::string_view more = "") {
    return t.ask(t.get("/v1/registry/search?capability=" + percent_encoded(capability) + std::string{more}));
}

/// A category that nobody else has.
std::string category(registry_context& t) { return "x-" + t.word() + "/travel"; }

}  // namespace

AM_CASE("REG-SEARCH-001") {
    .title = "an agent is found by its capability, and by the category before it",
    .proves = {req::AM_REG_016},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto root = category(t);
        const auto a = t.enrolled({{"capabilities", json::array({root + "/flights", root + "/hotels"})}});
        const auto b = t.enrolled({{"capabilities", json::array({root + "ling"})}});
        every all;
        for (const auto& asked : {root + "/flights", root}) {
            const auto seen = search(t, asked);
            const auto found = found_in(seen);
            all += t.answered(seen) & t.that(lists(found, a.amid()) && !lists(found, b.amid()),
                                             "the agent that fits and not the one that does not", seen);
        }
        t.produced(req::AM_REG_016, all);
    },
};

AM_CASE("REG-SEARCH-002") {
    .title = "a star in what is asked for stands for any characters, and for nothing else",
    .proves = {req::AM_REG_038},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto root = category(t);
        const auto a = t.enrolled({{"capabilities", json::array({root + "/flights"})}});
        const auto b = t.enrolled({{"capabilities", json::array({root + "/hotels"})}});
        every all;
        const auto of = [&](const std::string& asked, bool first, bool second) {
            const auto seen = search(t, asked);
            const auto found = found_in(seen);
            all += t.answered(seen) & t.that(lists(found, a.amid()) == first && lists(found, b.amid()) == second,
                                             "those that fit, and no others", seen);
        };
        of(root + "/*", true, true);
        of(root + "/fl*ts", true, false);
        of(root + "/%", false, false);
        of(root + "/f_ights", false, false);
        of(root + "/f.*s", false, false);
        t.produced(req::AM_REG_038, all);
    },
};

AM_CASE("REG-SEARCH-003") {
    .title = "floors of tier and reputation leave out who is below",
    .proves = {req::AM_REG_016},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto root = category(t);
        const auto a = t.enrolled({{"capabilities", json::array({root})}});
        every all;
        const auto of = [&](std::string_view more, bool wanted) {
            const auto seen = search(t, root, more);
            all += t.answered(seen) & t.that(lists(found_in(seen), a.amid()) == wanted,
                                             wanted ? "the agent, which is above the floor" : "nobody below the floor", seen);
        };
        of("&tier_min=2", true);
        of("&tier_min=1", false);
        of("&tier_min=1.5", false);
        of("&reputation_min=0.5", true);
        of("&reputation_min=0.51", false);
        t.produced(req::AM_REG_016, all);
    },
};

AM_CASE("REG-SEARCH-004") {
    .title = "an agent that is revoked is not found any more",
    .proves = {req::AM_REG_016},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto root = category(t);
        const auto a = t.enrolled({{"capabilities", json::array({root})}});
        const auto before = search(t, root);
        t.control(t.that(lists(found_in(before), a.amid()), "the agent", before));
        (void)t.must(t.change(revoke_path, revocation_of(a, a), a.who));
        const auto after = search(t, root);
        t.produced(req::AM_REG_016, t.answered(after) & t.that(!lists(found_in(after), a.amid()), "no agent that is revoked", after));
    },
};

AM_CASE("REG-SEARCH-005") {
    .title = "new capabilities take the place of the old ones",
    .proves = {req::AM_REG_016},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto root = category(t);
        const auto a = t.enrolled({{"capabilities", json::array({root + "/flights"})}});
        (void)t.must(t.change(capabilities_path, {{"amid", a.amid()}, {"capabilities", json::array({root + "/hotels"})}}, a.who));
        const auto old = search(t, root + "/flights");
        const auto now = search(t, root + "/hotels");
        t.produced(req::AM_REG_016, t.that(!lists(found_in(old), a.amid()), "nobody with what it had", old) &
                                        t.that(lists(found_in(now), a.amid()), "the agent with what it has", now));
    },
};

AM_CASE("REG-SEARCH-006") {
    .title = "a search answers with at most 100 agents, whatever limit is asked for",
    .proves = {req::AM_REG_015},
    .cost = rtt(112),
    .ask = [](registry_context& t) {
        const auto root = category(t);
        const json more{{"capabilities", json::array({root})}};
        for (int i = 0; i < 101; ++i) (void)t.enrolled(more);
        every all;
        for (const std::string_view limit : {"&limit=101", "&limit=100000", "&limit=4294967295"}) {
            const auto seen = search(t, root, limit);
            all += t.answered(seen) & t.that(found_in(seen).size() == 100, "100 agents", seen);
        }
        t.produced(req::AM_REG_015, all);
    },
};

AM_CASE("REG-SEARCH-007") {
    .title = "pages of a search hold everybody once",
    .proves = {req::AM_REG_029},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto root = category(t);
        const json more{{"capabilities", json::array({root})}};
        std::vector<std::string> all_of_them, seen_there;
        for (int i = 0; i < 5; ++i) all_of_them.push_back(t.enrolled(more).amid());
        every all;
        for (const std::string_view page : {"&limit=2&offset=0", "&limit=2&offset=2", "&limit=2&offset=4"}) {
            const auto seen = search(t, root, page);
            all += t.answered(seen) & t.that(seen.integer("total") == 5, "how many there are in all", seen);
            for (const auto& one : found_in(seen)) seen_there.push_back(one);
        }
        std::sort(all_of_them.begin(), all_of_them.end());
        std::sort(seen_there.begin(), seen_there.end());
        const auto last = search(t, root, "&limit=2&offset=6");
        all += t.that(found_in(last).empty() && all_of_them == seen_there, "each of the five on one page", last);
        t.produced(req::AM_REG_029, all);
    },
};

AM_CASE("REG-SEARCH-008") {
    .title = "a search for nothing, or with numbers that are none, is refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        all += t.turned_down(t.ask(t.get("/v1/registry/search")));
        all += t.turned_down(t.ask(t.get("/v1/registry/lookup")));
        all += t.turned_down(t.ask(t.get("/v1/registry/search?capability=x&limit=many")));
        all += t.turned_down(t.ask(t.get("/v1/registry/search?capability=x&offset=-1")));
        all += t.unharmed(a);
        t.refused(req::AM_REG_002, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
