#include "tests/support/ice_world.hpp"

#include <catch2/catch.hpp>

using namespace agentmesh;
using namespace std::chrono_literals;
using p2p::candidate_kind;
using test::ice_world;
using test::nat;
namespace stun = p2p::stun;

namespace {

bool over_relay(const p2p::ice_pair& pair) {
    return pair.from == ice_world::relayed || pair.remote.kind == candidate_kind::relayed;
}

/// Which way two sides behind these routers end on, by RFC 4787's behaviours alone.
bool expected_direct(nat a, nat b) {
    if (a == nat::blocked || b == nat::blocked) return false;
    const auto pierces = [](nat one, nat other) {
        return one != nat::symmetric || (other != nat::symmetric && other != nat::port_restricted);
    };
    return pierces(a, b) && pierces(b, a);
}

}  // namespace

TEST_CASE("every pair of routers ends on the way that it allows", "[unit][p2p][AM-P2P-025][AM-P2P-029]") {
    const auto all = {nat::open, nat::full_cone, nat::address_restricted, nat::port_restricted, nat::symmetric};
    for (const auto left : all)
        for (const auto right : all)
            for (const std::uint64_t seed : {1u, 2u, 3u}) {
                INFO(to_text(left) << " x " << to_text(right));
                ice_world world{seed, {.behind = left}, {.behind = right}};
                world.gather();
                world.introduce();
                REQUIRE(world.settle(2s));
                CHECK(over_relay(world[0].chosen.back()) == !expected_direct(left, right));
                CHECK(over_relay(world[1].chosen.back()) == !expected_direct(left, right));
                // Both speak of one pair.
                CHECK(world[0].chosen.back().to.port != 0);
                CHECK(world[0].gathered_times == 1);
                CHECK(world[1].gathered_times == 1);
                CHECK(world[0].failures.empty());
            }
}

TEST_CASE("without any way an agent says so, after its patience", "[unit][p2p]") {
    ice_world world{
        1, {.behind = nat::symmetric, .has_relayed = false}, {.behind = nat::symmetric, .has_relayed = false}};
    world.gather();
    world.introduce();
    CHECK_FALSE(world.settle(29s));
    world.run(3s);
    for (const std::size_t n : {0u, 1u}) {
        REQUIRE(world[n].failures.size() == 1);
        CHECK(world[n].failures[0] == error{errc::no_path, ""});
        CHECK(world[n].ice->failed());
        CHECK_FALSE(world[n].ice->next_deadline());
    }
}

TEST_CASE("two that both mean to lead, or neither, come to one who does", "[unit][p2p][AM-P2P-028]") {
    for (const bool both : {true, false})
        for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
            ice_world world{seed, {}, {}};
            crypto::scripted_random random{seed + 10};
            for (const std::size_t n : {0u, 1u})
                world[n].ice.emplace(*p2p::ice_agent::create({.controlling = both}, random));
            world.gather();
            world.introduce();
            REQUIRE(world.settle(3s));
            CHECK(world[0].ice->controlling() != world[1].ice->controlling());
        }
}

TEST_CASE("a peer that tells no candidate is found by its checks", "[unit][p2p][AM-P2P-026]") {
    ice_world world{1, {.behind = nat::port_restricted}, {}};
    world.gather();
    // Side 1 hears nothing of side 0 but who it is.
    const auto theirs = world[0].ice->own();
    world[0].told.clear();
    REQUIRE(world[1].ice->set_remote(theirs, world.net.now(), world[1]));
    REQUIRE(world[0].ice->set_remote(world[1].ice->own(), world.net.now(), world[0]));
    REQUIRE(world.settle(2s));
    CHECK(world[1].chosen.back().to.port >= 20'000);
}

TEST_CASE("consent that is not given any more ends a pair within 30 seconds", "[unit][p2p][AM-P2P-030]") {
    ice_world world{1, {.behind = nat::full_cone, .has_relayed = false}, {.has_relayed = false}};
    world.gather();
    world.introduce();
    REQUIRE(world.settle());
    world.run(10min);
    CHECK(world[0].failures.empty());
    CHECK(world[1].failures.empty());
    const auto sent = world.net.sent();
    world.run(60s);
    // Asked about every five seconds by each, and answered.
    CHECK(world.net.sent() - sent >= 2 * 2 * 10);
    CHECK(world.net.sent() - sent <= 2 * 2 * 15);

    world.net.cut(world[0].address);
    const auto cut = world.net.now().steady;
    REQUIRE(world.run(1min, [&] { return !world[0].failures.empty() && !world[1].failures.empty(); }));
    CHECK(world.net.now().steady - cut <= 31s);
    CHECK(world.net.now().steady - cut >= 23s);
    CHECK(world[0].failures[0] == error{errc::path_lost, "AM-P2P-030"});
    CHECK_FALSE(world[0].ice->selected());
}

TEST_CASE("a base that goes takes its pair with it", "[unit][p2p][AM-P2P-021]") {
    ice_world world{1, {}, {}};
    world.gather();
    world.introduce();
    REQUIRE(world.settle());
    REQUIRE(world[0].chosen.back().from == ice_world::host);
    world[0].ice->remove_base(ice_world::host, world.net.now(), world[0]);
    REQUIRE(world[0].failures.size() == 1);
    CHECK(world[0].failures[0].code == errc::path_lost);
}

TEST_CASE("addresses that the owner does not allow are neither told, nor checked, nor answered",
          "[unit][p2p][AM-P2P-012][AM-P2P-013]") {
    ice_world world{1, {}, {}};
    crypto::scripted_random random{5};
    auto& a = world[0];
    a.ice.emplace(*p2p::ice_agent::create({.controlling = true}, random));
    a.ice->add_base(ice_world::host, candidate_kind::host, endpoint::v4(0xc0a80002, 9), 65'535, world.net.now(), a);
    CHECK(a.told.empty());
    REQUIRE(a.ice->set_remote(world[1].ice->own(), world.net.now(), a));
    const auto sent = world.net.sent();
    for (const auto bad : {0x7f000001u, 0x0a000001u, 0xc0a80101u, 0xa9fea9feu, 0xe0000001u, 0u}) {
        const auto added =
            a.ice->add_remote({.at = endpoint::v4(bad, 80), .priority = 1, .foundation = "1"}, world.net.now(), a);
        REQUIRE_FALSE(added);
        CHECK(added.error() == error{errc::bad_candidate, "AM-P2P-012"});
    }
    const auto check = stun::writer{stun::kind::request, stun::method::binding, {}}
                           .text(stun::attribute::username, a.ice->own().fragment + ":" + world[1].ice->own().fragment)
                           .number(stun::attribute::priority, 1)
                           .number64(stun::attribute::ice_controlled, 1)
                           .sign(stun::short_term_key(a.ice->own().password));
    const auto heard = a.ice->on_datagram(ice_world::host, endpoint::v4(0x0a000001, 80), check, world.net.now(), a);
    CHECK(heard.error() == error{errc::bad_candidate, "AM-P2P-012"});
    CHECK(world.net.sent() == sent);
    // The same from outside is answered.
    CHECK(a.ice->on_datagram(ice_world::host, endpoint::v4(0x05050001, 80), check, world.net.now(), a));
    CHECK(world.net.sent() > sent);
}

TEST_CASE("with a policy of relays only, nothing leaves another way", "[unit][p2p][AM-P2P-013]") {
    using reach = p2p::candidate_policy::reach;
    ice_world world{1, {.behind = nat::full_cone, .ice = {.policy = {.use = reach::relay_only}}}, {}};
    world.net.spy = [&](endpoint& from, endpoint&, buffer&) {
        CHECK(from != world[0].address);
        CHECK(from.address != endpoint::v4(0x05050000, 1).address);
        return true;
    };
    world.gather();
    world.introduce();
    REQUIRE(world.settle());
    CHECK(over_relay(world[0].chosen.back()));
    for (const auto& one : world[0].told) CHECK(one.kind == candidate_kind::relayed);
}

TEST_CASE("more candidates than allowed are refused, and pairs stay bounded", "[unit][p2p][AM-P2P-022]") {
    ice_world world{1, {}, {}};
    auto& a = world[0];
    for (std::uint32_t i = 0; i < 8; ++i)
        a.ice->add_base(p2p::base_id{10 + i}, candidate_kind::host, endpoint::v4(0x05060000 + i, 1000), 1,
                        world.net.now(), a);
    std::size_t taken = 0;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        const auto added = a.ice->add_remote(
            {.at = endpoint::v4(0x05080000 + i, 1000), .priority = 1 + i, .foundation = "1"}, world.net.now(), a);
        taken += added.has_value() ? 1 : 0;
        if (!added) CHECK(added.error() == error{errc::candidate_limit, "AM-P2P-022"});
    }
    CHECK(taken == limits::ice_candidates);
    REQUIRE(a.ice->set_remote(world[1].ice->own(), world.net.now(), a));
    std::set<stun::transaction> checks;
    world.net.spy = [&](endpoint&, endpoint&, buffer& bytes) {
        const auto in = stun::message::parse(bytes);
        if (in) checks.insert(in->id());
        return true;
    };
    world.run(25s);
    CHECK(checks.size() == limits::ice_checks);
}

TEST_CASE("checks without the password change nothing", "[unit][p2p][AM-P2P-023]") {
    ice_world world{1, {}, {}};
    auto& a = world[0];
    world.gather();
    REQUIRE(a.ice->set_remote(world[1].ice->own(), world.net.now(), a));
    const auto stranger = endpoint::v4(0x06060606, 600);
    std::vector<std::uint16_t> answers;
    world.net.add(stranger, nat::open, 0, [&](const endpoint&, byte_view bytes, const moment&) {
        const auto in = stun::message::parse(bytes);
        REQUIRE(in);
        answers.push_back(in->what() == stun::kind::failure ? in->error()->code : 200);
    });
    const auto name = a.ice->own().fragment + ":" + world[1].ice->own().fragment;
    const auto check = [&](std::string_view username, std::string_view password, bool priority = true, bool role = true,
                           bool odd = false) {
        stun::writer out{stun::kind::request, stun::method::binding, {}};
        if (!username.empty()) out.text(stun::attribute::username, username);
        if (priority) out.number(stun::attribute::priority, 77);
        if (role) out.number64(stun::attribute::ice_controlled, 1);
        if (odd) out.flag(static_cast<stun::attribute>(0x7ffe));
        return password.empty() ? out.finish() : out.sign(stun::short_term_key(password));
    };
    const auto& password = a.ice->own().password;
    struct row {
        buffer bytes;
        std::uint16_t answer;
    };
    for (const auto& [bytes, answer] :
         std::initializer_list<row>{{check(name, {}), 400},
                                    {check({}, password), 400},
                                    {check(name, "another password of this length"), 401},
                                    {check("nobody:" + world[1].ice->own().fragment, password), 401},
                                    {check(a.ice->own().fragment + ":nobody", password), 401},
                                    {check(name, password, false), 400},
                                    {check(name, password, true, false), 400},
                                    {check(name, password, true, true, true), 420},
                                    {check(name, password), 200}}) {
        answers.clear();
        const auto done = a.ice->on_datagram(ice_world::host, stranger, bytes, world.net.now(), a);
        CHECK(done.has_value() == (answer == 200));
        world.run(25ms);
        REQUIRE_FALSE(answers.empty());
        CHECK(answers.front() == answer);
    }
    // Without a fingerprint it is not one of ICE, and is not answered.
    answers.clear();
    auto bare = check(name, password);
    bare.resize(bare.size() - 8);
    bare[3] = static_cast<std::uint8_t>(bare.size() - 20);
    CHECK_FALSE(a.ice->on_datagram(ice_world::host, stranger, bare, world.net.now(), a));
    CHECK(a.ice->owns(bare));
    CHECK_FALSE(a.ice->owns(check("nobody:" + world[1].ice->own().fragment, password)));
    CHECK_FALSE(a.ice->owns(as_bytes("not a message")));
}

TEST_CASE("answers that were not asked for, or come another way, are dropped", "[unit][p2p][AM-P2P-027]") {
    ice_world world{1, {.has_relayed = false}, {.has_relayed = false}};
    world.gather();
    world.introduce();
    // Somebody on the way answers in the peer's place, with an address of his choice.
    std::size_t forged = 0;
    world.net.spy = [&](endpoint& from, endpoint& to, buffer& bytes) {
        const auto in = stun::message::parse(bytes);
        if (in && in->what() == stun::kind::request && in->is_signed() && forged < 50) {
            ++forged;
            const auto lie = stun::writer{stun::kind::success, *in}
                                 .address(stun::attribute::xor_mapped_address, endpoint::v4(0x06060606, 6))
                                 .sign(stun::short_term_key("not the password at all"));
            auto& asker = world[from == world[0].address ? 0 : 1];
            const auto done = asker.ice->on_datagram(ice_world::host, to, lie, world.net.now(), asker);
            CHECK(done.error() == error{errc::bad_integrity, "AM-P2P-004"});
        }
        return true;
    };
    REQUIRE(world.settle());
    CHECK(forged > 2);
    CHECK(world[0].chosen.back().local.at == world[0].address);
    const auto stray = stun::writer{stun::kind::success, stun::method::binding, {}}.finish();
    CHECK(world[0].ice->on_datagram(ice_world::host, world[1].address, stray, world.net.now(), world[0]).error() ==
          error{errc::bad_stun, "AM-P2P-027"});
}

TEST_CASE("credentials of another form are refused, and known ones stay", "[unit][p2p][AM-P2P-020]") {
    ice_world world{1, {}, {}};
    auto& a = world[0];
    const std::string password(22, 'x');
    for (const p2p::ice_credentials& bad : {p2p::ice_credentials{"abc", password},
                                            {"abcd", std::string(21, 'x')},
                                            {"ab:d", password},
                                            {std::string(257, 'a'), password},
                                            {"abcd", std::string(257, 'x')},
                                            {"ab d", password},
                                            {"", ""}})
        CHECK(a.ice->set_remote(bad, world.net.now(), a).error() == error{errc::bad_sdp, "AM-P2P-020"});
    REQUIRE(a.ice->set_remote({"abcd", password}, world.net.now(), a));
    CHECK(a.ice->set_remote({"efgh", password}, world.net.now(), a).error() == error{errc::duplicate, "AM-P2P-020"});
    CHECK(a.ice->own().check());
    CHECK(a.ice->own().fragment != world[1].ice->own().fragment);
}

namespace {

/// One agent, and what it sends.
struct lone_agent {
    explicit lone_agent(p2p::ice_options how) {
        crypto::scripted_random random{7};
        ice.emplace(*p2p::ice_agent::create(std::move(how), random));
        ice->add_base(ice_world::host, candidate_kind::host, endpoint::v4(0x05050505, 5000), 65'535, now, *this);
    }
    void meet() { REQUIRE(ice->set_remote({"peer", peer_password}, now, *this)); }

    void send(p2p::base_id, const endpoint& to, byte_view bytes) { sent.push_back({to, {bytes.begin(), bytes.end()}}); }
    void candidate(const p2p::candidate& one) { told.push_back(one); }
    void gathered() {}
    void selected(const p2p::ice_pair& pair) { chosen.push_back(pair); }
    void failed(const error&) {}

    /// A check of the peer, from `from`.
    result<void> hear_check(const endpoint& from, bool controlling, std::uint64_t tie_breaker, bool use = false) {
        stun::writer out{stun::kind::request, stun::method::binding, stun::transaction{{++checks}}};
        out.text(stun::attribute::username, ice->own().fragment + ":peer").number(stun::attribute::priority, 77);
        out.number64(controlling ? stun::attribute::ice_controlling : stun::attribute::ice_controlled, tie_breaker);
        if (use) out.flag(stun::attribute::use_candidate);
        return ice->on_datagram(ice_world::host, from, out.sign(stun::short_term_key(ice->own().password)), now, *this);
    }
    /// The peer's answer to the check that was sent last.
    result<void> answer_last(const endpoint& from) {
        const auto asked = stun::message::parse(sent.back().bytes);
        REQUIRE(asked);
        REQUIRE(asked->what() == stun::kind::request);
        const auto told_back = stun::writer{stun::kind::success, *asked}
                                   .address(stun::attribute::xor_mapped_address, endpoint::v4(0x05050505, 5000))
                                   .sign(stun::short_term_key(peer_password));
        return ice->on_datagram(ice_world::host, from, told_back, now, *this);
    }
    [[nodiscard]] std::uint16_t last_code() const {
        const auto in = stun::message::parse(sent.back().bytes);
        return in && in->what() == stun::kind::failure ? in->error()->code : 0;
    }

    struct datagram {
        endpoint to;
        buffer bytes;
    };
    const std::string peer_password = std::string(24, 'p');
    moment now{steady_point{1h}, time_point{1'790'000'000s}};
    std::optional<p2p::ice_agent> ice{};
    std::vector<datagram> sent{};
    std::vector<p2p::candidate> told{};
    std::vector<p2p::ice_pair> chosen{};
    std::uint8_t checks = 0;
};

const endpoint somewhere = endpoint::v4(0x06060606, 6000), elsewhere = endpoint::v4(0x06060607, 6000);

}  // namespace

TEST_CASE("of two with one role the greater tie breaker leads", "[unit][p2p][AM-P2P-028]") {
    lone_agent leads{{.controlling = true}};
    CHECK_FALSE(leads.hear_check(somewhere, true, 0));
    CHECK(leads.last_code() == 487);
    CHECK(leads.ice->controlling());
    CHECK(leads.hear_check(somewhere, true, ~std::uint64_t{0}));
    CHECK(leads.last_code() == 0);
    CHECK_FALSE(leads.ice->controlling());

    lone_agent follows{{.controlling = false}};
    CHECK_FALSE(follows.hear_check(somewhere, false, ~std::uint64_t{0}));
    CHECK(follows.last_code() == 487);
    CHECK_FALSE(follows.ice->controlling());
    CHECK(follows.hear_check(somewhere, false, 0));
    CHECK(follows.ice->controlling());
}

TEST_CASE("each check of a peer is answered with a check, one a pace", "[unit][p2p][AM-P2P-025][AM-P2P-026]") {
    lone_agent a{{.controlling = true}};
    a.meet();
    const auto third = endpoint::v4(0x06060608, 6000);
    REQUIRE(a.hear_check(somewhere, false, 0));
    CHECK(a.sent.size() == 2);  // the answer, and the check
    REQUIRE(a.answer_last(somewhere));
    REQUIRE(a.answer_last(somewhere));
    REQUIRE(a.chosen.size() == 1);
    // Also once a pair is chosen: the peer may come to prefer another.
    a.now = a.now + 50ms;
    a.sent.clear();
    REQUIRE(a.hear_check(elsewhere, false, 0));
    CHECK(a.sent.size() == 2);
    REQUIRE(a.hear_check(third, false, 0));
    CHECK(a.sent.size() == 3);  // the answer
    REQUIRE(a.ice->next_deadline());
    CHECK(*a.ice->next_deadline() <= a.now.steady + 50ms);
    a.now = a.now + 50ms;
    a.ice->on_tick(a.now, a);
    REQUIRE(a.sent.size() == 4);
    CHECK(a.sent.back().to == third);
}

TEST_CASE("one who leads is told nothing by one who follows", "[unit][p2p][AM-P2P-029]") {
    lone_agent a{{.controlling = true}};
    REQUIRE(a.ice->add_remote({.at = elsewhere, .priority = 1'000, .foundation = "1"}, a.now, a));
    a.meet();
    REQUIRE(a.hear_check(somewhere, false, 0));
    a.now = a.now + 50ms;
    a.ice->on_tick(a.now, a);
    REQUIRE(a.sent.back().to == somewhere);
    REQUIRE(a.answer_last(somewhere));
    REQUIRE(a.hear_check(somewhere, false, 0, true));
    CHECK(a.chosen.empty());  // the better pair is not settled yet
}

TEST_CASE("only the server that was asked says how it sees us", "[unit][p2p][AM-P2P-027]") {
    lone_agent a{{.controlling = true}};
    a.ice->ask_server(ice_world::host, somewhere, a.now, a);
    const auto asked = stun::message::parse(a.sent.back().bytes);
    const auto lie = stun::writer{stun::kind::success, *asked}
                         .address(stun::attribute::xor_mapped_address, endpoint::v4(0x05050506, 50'000))
                         .finish();
    CHECK(a.ice->on_datagram(ice_world::host, elsewhere, lie, a.now, a).error() == error{errc::bad_stun, "AM-P2P-027"});
    CHECK(a.told.size() == 1);
    CHECK(a.ice->on_datagram(ice_world::host, somewhere, lie, a.now, a));
    CHECK(a.told.size() == 2);
}

TEST_CASE("an answer by another way is passed over, and the right one still counts", "[unit][p2p][AM-P2P-027]") {
    lone_agent a{{.controlling = true}};
    REQUIRE(a.ice->add_remote({.at = somewhere, .priority = 9, .foundation = "1"}, a.now, a));
    a.meet();
    const auto elsewhere_told = a.answer_last(elsewhere);
    REQUIRE_FALSE(elsewhere_told);
    CHECK(elsewhere_told.error() == error{errc::bad_stun, "AM-P2P-027"});
    a.now = a.now + 5s;
    a.ice->on_tick(a.now, a);
    CHECK(a.chosen.empty());
    REQUIRE(a.answer_last(somewhere));
    const auto check = stun::message::parse(a.sent.back().bytes);
    REQUIRE(check);
    CHECK(check->has(stun::attribute::use_candidate));  // it is valid now, and nominated
}

TEST_CASE("what a peer says of a candidate counts once, and before what its checks showed", "[unit][p2p][AM-P2P-022]") {
    lone_agent a{{.controlling = true}};
    a.meet();
    REQUIRE(a.hear_check(somewhere, false, 0));
    REQUIRE(a.ice->add_remote({.at = somewhere, .priority = 9, .foundation = "told"}, a.now, a));
    REQUIRE(a.ice->add_remote({.at = somewhere, .priority = 10, .foundation = "again"}, a.now, a));
    REQUIRE(a.answer_last(somewhere));
    REQUIRE(a.answer_last(somewhere));  // the nomination
    REQUIRE(a.chosen.size() == 1);
    CHECK(a.chosen[0].remote.foundation == "told");
    CHECK(a.chosen[0].remote.priority == 9);
}

TEST_CASE("the address behind a router is told only where the owner allows it", "[unit][p2p][AM-P2P-013]") {
    for (const bool allowed : {false, true}) {
        lone_agent a{{.controlling = true, .policy = {.private_networks = allowed}}};
        const auto inner = endpoint::v4(0xc0a80007, 7000);
        a.told.clear();
        a.ice->add_base(ice_world::relayed, candidate_kind::host, inner, 1, a.now, a);
        a.ice->ask_server(ice_world::relayed, somewhere, a.now, a);
        const auto asked = stun::message::parse(a.sent.back().bytes);
        REQUIRE(asked);
        const auto answer = stun::writer{stun::kind::success, *asked}
                                .address(stun::attribute::xor_mapped_address, endpoint::v4(0x05050506, 50'000))
                                .finish();
        REQUIRE(a.ice->on_datagram(ice_world::relayed, somewhere, answer, a.now, a));
        REQUIRE(a.told.size() == (allowed ? 2 : 1));
        CHECK(a.told.back().kind == candidate_kind::server_reflexive);
        CHECK(a.told.back().base == (allowed ? std::optional{inner} : std::nullopt));
        // Nothing of it in the foundation either: the same address under another key reads otherwise.
        CHECK(a.told.back().foundation.size() == 8);
    }
}

TEST_CASE("a peer that leads has the last word on the pair, also before it is valid here", "[unit][p2p][AM-P2P-029]") {
    lone_agent a{{.controlling = false}};
    a.meet();
    REQUIRE(a.hear_check(somewhere, true, 1, true));
    CHECK(a.chosen.empty());
    REQUIRE(a.answer_last(somewhere));
    REQUIRE(a.chosen.size() == 1);
    CHECK(a.chosen[0].to == somewhere);
    // One who follows never nominates.
    for (const auto& one : a.sent) {
        const auto in = stun::message::parse(one.bytes);
        CHECK_FALSE(in->has(stun::attribute::use_candidate));
    }
}
