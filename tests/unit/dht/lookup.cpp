#include "tests/unit/dht/world.hpp"

using namespace dht_test;

namespace {

using question = dht::lookup::question;
constexpr auto find_node = dht::lookup::purpose::find_node;
constexpr auto find_value = dht::lookup::purpose::find_value;

/// Contacts of distinct networks, the nearest to `target` first.
std::vector<dht::contact> crowd(const dht::point& target, std::size_t count, std::uint64_t seed = 100) {
    std::vector<dht::contact> out;
    for (std::uint64_t i = 0; i < count; ++i)
        out.push_back(
            dht::contact::of(node_keys(seed + i).public_key(),
                             dht::endpoint::v4(static_cast<std::uint32_t>((i + 1) << 16 | seed << 8 | 1), 8468)));
    std::sort(out.begin(), out.end(),
              [&](const auto& a, const auto& b) { return dht::nearer(target, a.place, b.place); });
    return out;
}

std::vector<question> all_next(dht::lookup& of) {
    std::vector<question> out;
    while (const auto one = of.next()) out.push_back(*one);
    return out;
}

const auto alice = identity_of(1);
const auto target = dht::point_of(alice.name());

}  // namespace

TEST_CASE("a lookup has three questions under way, each on a path of its own", "[unit][dht]") {
    const auto who = crowd(target, 30);
    dht::lookup of{target, find_node, {who.begin(), who.begin() + 20}, {}};
    const auto first = all_next(of);
    REQUIRE(first.size() == 3);
    CHECK(std::set{first[0].path, first[1].path, first[2].path}.size() == 3);
    CHECK(first[0].to == who[0]);
    of.answered(first[0], {});
    const auto second = all_next(of);
    REQUIRE(second.size() == 1);
    CHECK(second[0].path == first[0].path);
    CHECK_FALSE(of.is_over());
}

TEST_CASE("no node is asked twice, and the end is the nearest twenty of those that answer", "[unit][dht]") {
    const auto who = crowd(target, 100);
    dht::lookup of{target, find_node, {who.end() - 20, who.end()}, {}};
    std::set<dht::point> asked;
    while (!of.is_over()) {
        const auto round = all_next(of);
        REQUIRE_FALSE(round.empty());
        for (const auto& one : round) {
            CHECK(asked.insert(one.to.place).second);
            // Everybody knows everybody; the third nearest is gone.
            if (one.to == who[2])
                of.failed(one);
            else
                of.answered(one, {who.begin(), who.begin() + 20});
        }
    }
    const auto nearest = of.closest(20);
    REQUIRE(nearest.size() >= 19);
    CHECK(nearest[0] == who[0]);
    CHECK(nearest[1] == who[1]);
    CHECK(nearest[2] == who[3]);
    CHECK(asked.size() <= 30);
}

TEST_CASE("a record ends a lookup once two paths have it, and the newest of them counts", "[unit][dht][AM-DHT-016]") {
    const auto who = crowd(target, 20);
    const auto now = begin_of_time.wall;
    for (const bool newest_first : {true, false}) {
        dht::lookup of{target, find_value, who, {}};
        const auto first = all_next(of);
        of.found(first[0], record_of(alice, newest_first ? 2 : 1, now));
        CHECK_FALSE(of.is_over());
        of.found(first[1], record_of(alice, newest_first ? 1 : 2, now));
        CHECK(of.is_over());
        CHECK(of.best()->sequence == 2);
        CHECK(of.hops() == 1);
        CHECK_FALSE(of.next());
    }
}

TEST_CASE("who names nodes that are not there costs a lookup three questions, and no more", "[unit][dht]") {
    const auto honest = crowd(target, 6);
    const auto ghosts = crowd(target, 40, 300);
    dht::lookup of{target, find_node, {honest[0]}, {}};
    of.answered(*of.next(), {honest.begin() + 1, honest.end()});
    of.answered(*of.next(), ghosts);  // honest[1], who lies
    std::size_t wasted = 0, answered = 0;
    while (const auto one = of.next()) {
        if (std::find(ghosts.begin(), ghosts.end(), one->to) == ghosts.end()) {
            of.answered(*one, {});
            ++answered;
        } else {
            of.failed(*one);
            ++wasted;
        }
    }
    CHECK(of.is_over());
    CHECK(answered == 4);
    CHECK(wasted == dht::lookup::failures_of_an_informer);
}

TEST_CASE("among the candidates of a path one network has few places", "[unit][dht][AM-DHT-014]") {
    const auto honest = crowd(target, 2);
    std::vector<dht::contact> one_network;
    for (std::uint64_t i = 0; i < 200; ++i)
        one_network.push_back(
            dht::contact::of(node_keys(700 + i).public_key(),
                             dht::endpoint::v4(0x2d4d'0001u + static_cast<std::uint32_t>(i << 8), 8468)));
    dht::lookup of{target, find_node, {honest[0]}, {}};
    of.answered(*of.next(), one_network);
    std::size_t asked = 0;
    while (const auto one = of.next()) {
        of.answered(*one, one_network);
        ++asked;
    }
    CHECK(asked == dht::diversity{}.answer_wide);
}

TEST_CASE("a lookup that is told of ever nearer nodes ends", "[unit][dht]") {
    const auto who = crowd(target, 400);
    std::size_t left = who.size();
    dht::lookup of{target, find_node, {who[--left], who[--left], who[--left]}, dht::diversity::none()};
    std::size_t asked = 0;
    while (const auto one = of.next()) {
        ++asked;
        of.answered(*one, left > 0 ? std::vector{who[--left]} : std::vector<dht::contact>{});
    }
    CHECK(of.is_over());
    CHECK(asked <= dht::lookup::questions_most);
}

TEST_CASE("without anybody to ask a lookup is over at once", "[unit][dht]") {
    dht::lookup of{target, find_value, {}, {}};
    CHECK(of.is_over());
    CHECK_FALSE(of.next());
    CHECK(of.closest(20).empty());
    CHECK(of.hops() == 0);
}
