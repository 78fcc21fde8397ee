#include <agentmesh/agent/loopback.hpp>

#include "tests/support/catch.hpp"

#include <random>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

const session::allow_intents travel{{"travel"}};
const session_request long_talk{.ttl_seconds = 86'400, .expected_messages = 1'000};

/// A state whose commits fail when a test says so.
struct failing_state : memory_state {
    std::size_t fails = 0;  ///< this many of the next commits
    [[nodiscard]] result<void> commit(std::span<const record_change> changes) {
        if (fails > 0) return --fails, fail(errc::not_persisted);
        return memory_state::commit(changes);
    }
};
using mesh_on_failing_disks = basic_loopback<crypto::system_random, failing_state>;

/// What an application has seen.
struct diary {
    std::vector<std::string> got{};
    std::vector<std::string> events{};
    std::vector<session::audit_event> audit{};
    std::optional<session_id> session{};

    template <class Seat>
    void follow(Seat& of) {
        of.on_message([this](const incoming& m) {
            got.push_back(m.text());
            session = m.session;
        });
        of.on_opened([this](const session_info& s) { events.push_back("opened"), session = s.id; });
        of.on_closed([this](const session_info&, const error& why) { events.push_back("closed " + to_string(why)); });
        auto& more = of.handlers();
        more.on_refused = [this](const session::refusal& no) {
            events.push_back("refused " + std::string{session::to_text(no.told)});
        };
        more.on_delivered = [this](const session_id&) { events.push_back("delivered"); };
        more.on_undelivered = [this](const session::undelivered& u) {
            events.push_back("undelivered " + to_string(u.why));
        };
        more.on_audit = [this](const session::audit_event& event) { audit.push_back(event); };
    }
    [[nodiscard]] auto count(std::string_view event) const { return std::count(events.begin(), events.end(), event); }
    [[nodiscard]] bool dropped(errc why) const {
        return std::any_of(audit.begin(), audit.end(), [why](const auto& one) { return one.why.code == why; });
    }
};

/// Two agents with a session between them, begun by alice.
template <class Mesh = loopback>
struct acquainted {
    Mesh mesh{};
    typename Mesh::seat& alice = mesh.join(session::deny_all{});
    typename Mesh::seat& bob = mesh.join(travel);
    diary a{}, b{};

    acquainted() {
        a.follow(alice);
        b.follow(bob);
        alice.knock(bob.name(), {.category = "travel"}, nullptr, long_talk);
        mesh.run();
        REQUIRE(a.session);
        REQUIRE(b.session == a.session);
    }
    void say(typename Mesh::seat& who, const std::string& said) {
        const auto& session = &who == &alice ? a.session : b.session;
        const auto sent = who.send(*session, text(said));
        REQUIRE(sent);
    }
};

std::vector<std::string> numbered(int count) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(std::to_string(i));
    return out;
}

}  // namespace

TEST_CASE("two agents that have never met talk through a relay that can read nothing", "[unit][agent]") {
    loopback mesh;
    std::string seen;
    mesh.on_frame = [&](std::string_view frame) { seen += frame; };
    auto& alice = mesh.join(session::deny_all{});
    auto& bob = mesh.join(travel);
    diary a, b;
    a.follow(alice);
    b.follow(bob);
    std::optional<result<session_id>> answer;
    alice.knock(bob.name(), {.category = "travel"}, [&](const result<session_id>& s) { answer = s; });
    mesh.run();
    REQUIRE(answer);
    REQUIRE(answer->has_value());
    REQUIRE(alice.send(**answer, text("two seats to Lisbon")));
    mesh.run();
    CHECK(b.got == std::vector<std::string>{"two seats to Lisbon"});
    REQUIRE(bob.send(*b.session, text("booked")));
    mesh.run();
    CHECK(a.got == std::vector<std::string>{"booked"});
    mesh.advance(10s);
    CHECK(alice.machine().unacknowledged() == 0);
    CHECK(bob.machine().unacknowledged() == 0);
    CHECK(a.count("delivered") == 1);
    CHECK_FALSE(seen.empty());
    CHECK(seen.find("Lisbon") == std::string::npos);
    CHECK(seen.find("travel") == std::string::npos);
}

TEST_CASE("an agent hears why there is no session", "[unit][agent]") {
    loopback mesh;
    auto& alice = mesh.join(session::deny_all{});
    auto& bob = mesh.join(travel);
    diary a;
    a.follow(alice);
    std::vector<errc> heard;
    const auto hear = [&](const result<session_id>& s) { heard.push_back(s ? errc{} : s.error().code); };
    SECTION("refused by the peer's policy") {
        alice.knock(bob.name(), {.category = "chess"}, hear);
        mesh.run();
        CHECK(heard == std::vector{errc::knock_refused});
        CHECK(a.events == std::vector<std::string>{"refused rejected"});
    }
    SECTION("its own owner allows no suite that it speaks") {
        session::policy rules;
        rules.allow_suites = {e2ee::suite_id::v02};
        auto& carol = mesh.join(session::policy_source{rules});
        carol.knock(bob.name(), {.category = "travel"}, hear);
        mesh.run();
        CHECK(heard == std::vector{errc::suite_unsupported});
    }
    SECTION("nobody knows the peer") {
        crypto::system_random random;
        alice.knock(local_identity::create(random, mesh.now().wall)->name(), {.category = "travel"}, hear);
        CHECK(heard == std::vector{errc::unknown_peer});
    }
    SECTION("no answer") {
        bob.crash();
        alice.knock(bob.name(), {.category = "travel"}, hear);
        mesh.advance(119s);
        CHECK(heard.empty());
        mesh.advance(2s);
        CHECK(heard == std::vector{errc::knock_timed_out});
    }
}

TEST_CASE("tier and reputation are those of the directory, whatever a caller is",
          "[unit][agent][AM-KNK-035]") {
    loopback mesh;
    auto& alice = mesh.join(session::deny_all{});
    auto& bob = mesh.join(session::policy_source{});  // verified callers with a reputation of one half
    diary b;
    b.follow(bob);
    std::vector<errc> heard;
    const auto knock = [&] {
        alice.knock(bob.name(), {.category = "travel"}, [&](const result<session_id>& s) {
            heard.push_back(s ? errc{} : s.error().code);
        });
        mesh.run();
    };
    knock();
    REQUIRE(mesh.directory().rate(alice.name(), tier::verified, 499'999));
    knock();
    REQUIRE(mesh.directory().rate(alice.name(), tier::verified, 500'000));
    knock();
    CHECK(heard == std::vector{errc::knock_refused, errc::knock_refused, errc{}});
    std::vector<session::deny_reason> why;
    for (const auto& one : b.audit)
        if (one.kind == session::audit_kind::knock_denied) why.push_back(one.denied);
    CHECK(why == std::vector{session::deny_reason::insufficient_trust, session::deny_reason::low_reputation});
}

TEST_CASE("a caller whom the directory does not know is denied, whatever the policy says of tiers",
          "[unit][agent][AM-POL-003]") {
    session::policy rules;
    rules.accept_tiers = {true, true, true};
    rules.min_reputation_ppm = 0;
    loopback mesh;
    const bool known = GENERATE(false, true);
    auto& alice = mesh.join(session::deny_all{}, {.publish = known});
    auto& bob = mesh.join(session::policy_source{rules});
    std::vector<errc> heard;
    alice.knock(bob.name(), {.category = "travel"}, [&](const result<session_id>& s) {
        heard.push_back(s ? errc{} : s.error().code);
    });
    mesh.run();
    CHECK(heard == std::vector{known ? errc{} : errc::knock_refused});
}

TEST_CASE("a message is given again, with the same id, if the agent died while it was told", "[unit][agent]") {
    acquainted<> two;
    std::vector<std::string> ids;
    std::optional<memory_state> when_it_died;
    two.bob.on_message([&](const incoming& got) {
        ids.push_back(to_hex(got.id.bytes()));
        if (when_it_died) return;
        REQUIRE(two.bob.send(got.session, text("one moment")));
        when_it_died = two.bob.state();
    });
    two.say(two.alice, "two seats");
    two.mesh.advance(1min);
    REQUIRE(ids.size() == 1);
    two.bob.crash();
    two.bob.state() = *when_it_died;
    REQUIRE(two.bob.begin());
    two.bob.dial();
    two.mesh.advance(1min);
    CHECK(ids.size() == 2);
    CHECK(ids.front() == ids.back());
}

TEST_CASE("messages to an agent that is away wait at the relay, and come once and in order", "[unit][agent]") {
    acquainted<> two;
    two.bob.leave();
    for (const auto& one : numbered(10)) two.say(two.alice, one);
    two.mesh.run();
    CHECK(two.b.got.empty());
    two.bob.dial();
    two.mesh.run();
    CHECK(two.b.got == numbered(10));
    two.mesh.advance(10min);
    CHECK(two.b.got == numbered(10));
    CHECK(two.alice.machine().unacknowledged() == 0);
}

TEST_CASE("what is said without a connection is sent when there is one", "[unit][agent]") {
    acquainted<> two;
    two.alice.leave();
    for (const auto& one : numbered(5)) two.say(two.alice, one);
    two.alice.crash();
    REQUIRE(two.alice.begin());
    CHECK(two.alice.machine().unacknowledged() == 5);
    two.alice.dial();
    two.mesh.advance(1s);
    CHECK(two.b.got == numbered(5));
}

TEST_CASE("both agents can die at any time without losing or doubling a message", "[unit][agent]") {
    const auto seed = GENERATE(range(0u, 40u));
    CAPTURE(seed);
    std::mt19937 dice{seed};
    const auto roll = [&](unsigned sides) { return std::uniform_int_distribution<unsigned>{0, sides - 1}(dice); };
    acquainted<> two;
    std::vector<std::string> to_bob, to_alice;
    for (int step = 0; step < 60; ++step) {
        auto& who = roll(2) == 0 ? two.alice : two.bob;
        switch (roll(6)) {
            case 0: who.crash(); REQUIRE(who.begin()); who.dial(); break;
            case 1: who.leave(); break;
            case 2: who.dial(); break;
            case 3: two.mesh.run(); break;
            default: {
                auto& said = &who == &two.alice ? to_bob : to_alice;
                said.push_back(std::to_string(said.size()));
                two.say(who, said.back());
                if (roll(3) == 0) two.mesh.run();
            }
        }
        if (roll(8) == 0) two.mesh.advance(std::chrono::seconds{roll(40)});
    }
    two.alice.dial();
    two.bob.dial();
    two.mesh.advance(1h);
    CHECK(two.b.got == to_bob);
    CHECK(two.a.got == to_alice);
    CHECK(two.alice.machine().unacknowledged() == 0);
    CHECK(two.bob.machine().unacknowledged() == 0);
}

TEST_CASE("an agent that lost its memory is knocked at again, and gets what it had not taken", "[unit][agent]") {
    acquainted<> two;
    const auto first = *two.a.session;
    two.say(two.alice, "before");
    two.mesh.advance(10s);
    two.bob.crash();
    two.bob.forget_everything();
    REQUIRE(two.bob.begin());
    two.bob.dial();
    two.mesh.run();
    two.say(two.alice, "after");
    two.mesh.advance(1min);
    CHECK(two.b.got == std::vector<std::string>{"before", "after"});
    CHECK(two.a.session != first);
    REQUIRE(two.alice.send(first, text("under the old name")));  // the new session is found by it
    two.mesh.advance(1min);
    CHECK(two.b.got.back() == "under the old name");
}

TEST_CASE("an agent that cannot save does not acknowledge, and is given the message again",
          "[unit][agent][AM-RAT-033]") {
    acquainted<mesh_on_failing_disks> two;
    two.bob.state().fails = GENERATE(1, 2, 3);
    two.say(two.alice, "once");
    two.mesh.run();
    SECTION("after a break, by the relay") {
        if (two.bob.state().fails > 0) two.bob.state().fails = 0;
        two.bob.leave();
        two.mesh.advance(5s);  // sooner than the sender tries again
        CHECK(two.b.got == std::vector<std::string>{"once"});
    }
    SECTION("after a crash") {
        two.bob.crash();
        two.bob.state().fails = 0;
        REQUIRE(two.bob.begin());
        two.bob.dial();
    }
    SECTION("when its sender tries again") {}
    two.mesh.advance(5min);
    // A handler that ran before the disk failed runs again after a crash: the second copy has the same id.
    CHECK(std::set<std::string>(two.b.got.begin(), two.b.got.end()) == std::set<std::string>{"once"});
    CHECK(two.alice.machine().unacknowledged() == 0);
}

TEST_CASE("a message that cannot be saved is not sent, and its number is used by the next",
          "[unit][agent][AM-ENV-005][AM-RAT-033]") {
    acquainted<mesh_on_failing_disks> two;
    std::vector<std::uint64_t> numbers;
    two.bob.on_message([&](const incoming& got) { numbers.push_back(got.what.sequence); });
    two.say(two.alice, "0");
    two.alice.state().fails = 1;
    CHECK(two.alice.send(*two.a.session, text("not this")).error().code == errc::not_persisted);
    two.say(two.alice, "1");
    two.alice.crash();
    REQUIRE(two.alice.begin());
    two.alice.dial();
    two.mesh.run();
    two.say(two.alice, "2");
    two.mesh.advance(1min);
    CHECK(numbers == std::vector<std::uint64_t>{0, 1, 2});
}

TEST_CASE("a disk that stays full is tried about once a second", "[unit][agent]") {
    acquainted<mesh_on_failing_disks> two;
    two.say(two.alice, "once");
    two.mesh.run();
    auto& full = two.bob.state().fails;  // bob's acknowledgement cannot be saved
    full = 1'000'000;
    two.mesh.advance(60s);
    CHECK(1'000'000 - full > 10);
    CHECK(1'000'000 - full < 200);
    full = 0;
    two.mesh.advance(1min);
    CHECK(two.alice.machine().unacknowledged() == 0);
}

TEST_CASE("a handler may answer, close, and knock elsewhere", "[unit][agent]") {
    acquainted<> two;
    auto& carol = two.mesh.join(travel);
    diary c;
    c.follow(carol);
    two.bob.on_message([&](const incoming& got) {
        CHECK(two.bob.send(got.session, text("one moment")));
        two.bob.knock(carol.name(), {.category = "travel"}, [&, from = got.session](const result<session_id>& s) {
            REQUIRE(s);
            CHECK(two.bob.send(*s, text("two seats?")));
            CHECK(two.bob.close(from));
        });
    });
    std::vector<std::string> goodbyes;
    two.alice.handlers().on_goodbye = [&](const incoming& last) { goodbyes.push_back(last.payload()); };
    two.say(two.alice, "two seats");
    two.mesh.advance(1min);
    CHECK(two.a.got == std::vector<std::string>{"one moment"});
    CHECK(c.got == std::vector<std::string>{"two seats?"});
    CHECK(goodbyes == std::vector<std::string>{R"({"reason":"completed"})"});
    CHECK(two.a.count("closed session is closed") == 1);
    CHECK(two.alice.machine().sessions().empty());
    CHECK(two.alice.send(*two.a.session, text("hello?")).error().code == errc::session_closed);
}

TEST_CASE("agents that knock at each other at once share one session", "[unit][agent][AM-KNK-028]") {
    loopback mesh;
    auto& alice = mesh.join(travel);
    auto& bob = mesh.join(travel);
    diary a, b;
    a.follow(alice);
    b.follow(bob);
    std::vector<session_id> opened;
    const auto keep = [&](const result<session_id>& s) {
        REQUIRE(s);
        opened.push_back(*s);
    };
    alice.knock(bob.name(), {.category = "travel"}, keep);
    bob.knock(alice.name(), {.category = "travel"}, keep);
    mesh.advance(1min);
    REQUIRE(opened.size() == 2);
    CHECK(opened[0] == opened[1]);
    REQUIRE(alice.send(opened[0], text("a")));
    REQUIRE(bob.send(opened[1], text("b")));
    mesh.run();
    CHECK(a.got == std::vector<std::string>{"b"});
    CHECK(b.got == std::vector<std::string>{"a"});
}

TEST_CASE("prekeys are filled up before they run out, and published", "[unit][agent][AM-KEX-030]") {
    loopback mesh;
    auto& bob = mesh.join(travel, {.prekeys = {.one_time_full = 6, .one_time_low = 3}});
    CHECK(mesh.directory().find(bob.name())->one_time_left == 6);
    for (int i = 0; i < 12; ++i) {
        auto& caller = mesh.join(session::deny_all{});
        bool opened = false;
        caller.knock(bob.name(), {.category = "travel"}, [&](const result<session_id>& s) { opened = s.has_value(); });
        mesh.run();
        CHECK(opened);
        CHECK(bob.machine().prekeys().one_time_left() >= 3);
        CHECK(mesh.directory().find(bob.name())->one_time_left >= 3);
    }
}

TEST_CASE("the numbers of envelopes survive being saved, and nothing else is taken for them",
          "[unit][agent][AM-ENV-006]") {
    envelope_ledger::numbers numbers{.next = 0x0102030405060708};
    for (const std::uint64_t one : {0u, 1u, 3u, 700u, 1500u, 1501u}) REQUIRE(numbers.received.accept(one));
    const auto saved = envelope_ledger::save(numbers);
    const auto restored = envelope_ledger::restore(saved).value();
    CHECK(restored.next == numbers.next);
    CHECK(restored.received.due() == 1502);
    for (std::uint64_t i = 0; i < 1600; ++i) CHECK(restored.received.look(i) == numbers.received.look(i));
    CHECK(envelope_ledger::save(restored) == saved);
    for (std::size_t size : {0u, 1u, 143u, 145u}) {
        auto wrong = saved;
        wrong.resize(size);
        CHECK(envelope_ledger::restore(wrong).error().code == errc::bad_snapshot);
    }
    auto wrong = saved;
    wrong.back() = 0;  // the highest number that came is one below the next that is due
    CHECK(envelope_ledger::restore(wrong).error().code == errc::bad_snapshot);
    CHECK(envelope_ledger::restore(envelope_ledger::save({}))->received.due() == 0);
}
