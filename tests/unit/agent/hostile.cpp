// What a peer with a session of its own, a blocked caller and a directory that is away can do to an agent.
#include <agentmesh/agent/loopback.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

const session::allow_intents travel{{"travel"}};
const session_request long_talk{.ttl_seconds = 86'400, .expected_messages = 10'000};

/// A session of `from` with `to`, and what `to` is told.
struct talk {
    loopback mesh;
    loopback::seat& alice;
    loopback::seat& bob;
    std::vector<std::string> got{};
    std::vector<session::audit_event> audit{};
    session_id id{};
    int delivered = 0;

    explicit talk(any_policy policy = travel, relay::options chosen = {})
        : mesh{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21}, std::move(chosen)},
          alice{mesh.join(std::move(policy))},
          bob{mesh.join()} {
        alice.on_message([this](const incoming& m) { got.push_back(m.text()); });
        alice.handlers().on_audit = [this](const session::audit_event& event) { audit.push_back(event); };
        bob.handlers().on_delivered = [this](const session_id&) { ++delivered; };
        id = acquaint(bob);
    }
    session_id acquaint(loopback::seat& who) {
        std::optional<session_id> out;
        who.knock(alice.name(), {.category = "travel"}, [&](const result<session_id>& s) { if (s) out = *s; },
                  long_talk);
        mesh.run();
        REQUIRE(out);
        return *out;
    }
    void restart_alice() {
        alice.crash();
        REQUIRE(alice.begin());
        alice.dial();
        mesh.run();
    }
    /// Alice comes back with an empty state, and bob has something for her.
    void lose_everything_at_alice() {
        mesh.advance(30s);
        alice.crash();
        mesh.run();
        alice.forget_everything();
        REQUIRE(alice.begin());
        alice.dial();
        mesh.run();
        REQUIRE(bob.send(id, text("wait for me")));
    }
    [[nodiscard]] auto dropped(errc why) const {
        return std::count_if(audit.begin(), audit.end(), [&](const auto& one) {
            return one.kind == session::audit_kind::message_dropped && one.why.code == why;
        });
    }
    [[nodiscard]] auto times_got(std::string_view said) const { return std::count(got.begin(), got.end(), said); }
};

session_id numbered(std::uint8_t i) {
    session_id out;
    out.storage()[0] = i;
    return out;
}

}  // namespace

TEST_CASE("the numbers of a session and of the foreign origins within it are apart, bounded, and survive being saved",
          "[unit][agent][AM-ENV-006]") {
    envelope_ledger::numbers own{.next = 7};
    REQUIRE(own.received.accept(3));
    for (std::uint8_t i = 0; i < envelope_ledger::most_foreign; ++i)
        REQUIRE(own.of_foreign(numbered(i)).value()->accept(1'000'000u + i));
    CHECK(own.of_foreign(numbered(99)).error().code == errc::session_limit);
    CHECK(own.received.due() == 4);
    auto again = envelope_ledger::restore(envelope_ledger::save(own)).value();
    CHECK(again.next == 7);
    CHECK(again.received.due() == 4);
    CHECK(again.elsewhere.size() == envelope_ledger::most_foreign);
    CHECK_FALSE(again.of_foreign(numbered(2)).value()->accept(1'000'002));
    CHECK(again.of_foreign(numbered(2)).value()->accept(1'000'003));
    CHECK(again.received.accept(4));
    again.elsewhere.push_back({.origin = numbered(99)});
    CHECK(envelope_ledger::restore(envelope_ledger::save(again)).error().code == errc::bad_snapshot);
}

TEST_CASE("a message is not lost because the directory does not know its sender any more", "[unit][agent]") {
    talk t;
    auto& known = t.mesh.directory();
    known = registry::memory_registry{};
    REQUIRE(t.bob.send(t.id, text("important")));
    t.mesh.advance(30s);
    CHECK(t.times_got("important") == 1);
    CHECK(t.delivered == 1);
    t.restart_alice();
    REQUIRE(t.bob.send(t.id, text("again")));
    t.mesh.advance(30s);
    CHECK(t.times_got("again") == 1);
}

TEST_CASE("after a loss the peer is asked again until it is there", "[unit][agent][AM-KNK-031]") {
    talk t;
    t.lose_everything_at_alice();
    SECTION("though it was away for longer than a KNOCK lives") {
        bool asked = false;
        t.mesh.on_frame = [&](std::string_view frame) {
            if (asked || frame.find(R"("knock")") == frame.npos) return;
            asked = true;
            t.alice.crash();  // the KNOCK waits at the relay, and is stale when alice comes back
        };
        t.mesh.advance(6min);
        REQUIRE(asked);
        t.mesh.on_frame = nullptr;  // it looks at names of this section
        REQUIRE(t.alice.begin());
        t.alice.dial();
    }
    SECTION("though the directory did not know it at that moment") {
        auto& directory = t.mesh.directory();
        const auto kept = directory;
        directory = registry::memory_registry{};
        t.mesh.advance(20s);
        directory = kept;
    }
    t.mesh.advance(3h);
    CHECK(t.times_got("wait for me") == 1);
    CHECK(t.bob.machine().unacknowledged() == 0);
}

TEST_CASE("messages beyond the owner's rate wait until the next minute, and all of them come",
          "[unit][agent]") {
    relay::options fast;
    fast.sends_per_minute = 10'000;
    session::policy rules;
    rules.accept_tiers = {true, true, true};
    rules.min_reputation_ppm = 0;
    rules.rate_limit.messages_per_minute = 5;
    talk t{session::policy_source{rules}, fast};
    for (int i = 0; i < 12; ++i) REQUIRE(t.bob.send(t.id, text(std::to_string(i))));
    t.mesh.run();
    CHECK(t.got.size() == 5);
    CHECK(t.dropped(errc::rate_limited) == 7);
    t.mesh.advance(10min);
    CHECK(t.got.size() == 12);
    CHECK(t.bob.machine().unacknowledged() == 0);
}

TEST_CASE("a blocked caller hears what any refused caller hears", "[unit][agent][AM-POL-010]") {
    loopback mesh;
    auto& bob = mesh.join();
    auto& carol = mesh.join();
    session::policy rules;
    rules.accept_tiers = {true, true, true};
    rules.accepted_intents = {"nothing"};
    session::policy_source source{rules};
    source.block(bob.name());
    auto& alice = mesh.join(source);
    std::vector<session::deny_reason> why;
    alice.handlers().on_audit = [&](const session::audit_event& event) {
        if (event.kind == session::audit_kind::knock_denied) why.push_back(event.denied);
    };
    std::vector<errc> heard;
    for (auto* who : {&bob, &carol}) {
        who->knock(alice.name(), {.category = "travel"},
                   [&](const result<session_id>& s) { heard.push_back(s ? errc{} : s.error().code); });
        mesh.run();
    }
    CHECK(heard == std::vector{errc::knock_refused, errc::knock_refused});
    CHECK(why.size() == 2);
    CHECK(why.front() == session::deny_reason::blocked);
}
