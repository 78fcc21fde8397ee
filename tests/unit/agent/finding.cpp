// Agents that are not in the directory: knocking at them, and being knocked at by them.
#include <agentmesh/agent/loopback.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

local_identity someone(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return local_identity::create(random, time_point{} + 20'000h).value();
}

/// A mesh whose agents publish nothing: who is to be known is found, when the test says so.
struct hidden_mesh {
    loopback mesh{};
    std::vector<std::pair<loopback::seat*, amid>> looking{};
    std::map<amid, e2ee::identity_card> cards{};

    hidden_mesh() {
        mesh.on_resolve = [this](loopback::seat& who, const amid& whom) {
            looking.emplace_back(&who, whom);
            return true;
        };
    }
    hidden_mesh(const hidden_mesh&) = delete;
    hidden_mesh& operator=(const hidden_mesh&) = delete;

    loopback::seat& join(std::uint64_t seed, any_policy policy = session::deny_all{}) {
        auto self = someone(seed);
        cards.emplace(self.name(), e2ee::identity_card::make(self, 0));
        return mesh.join(std::move(self), std::move(policy), {.publish = false});
    }
    /// What a finder does when it has found an agent.
    void make_known(loopback::seat& who) {
        const auto keys = who.machine().prekeys().publication(cards.at(who.name())).value();
        REQUIRE(mesh.directory().publish(
            {.bundle = {.card = keys.card, .signed_key = keys.signed_key}, .one_time = keys.one_time}));
    }
    void answer(loopback::seat& to, const amid& about, const result<void>& outcome) {
        to.perform([&](auto& agent, const moment& now, auto& out) { agent.on_resolved(about, outcome, now, out); });
        mesh.run();
    }
};

/// Lets in whoever has a tier; who is not known has none.
struct known_only {
    [[nodiscard]] session::verdict decide(const session::applicant& asking) const {
        if (!asking.trust) return session::verdict::deny(session::deny_reason::rejected);
        return session::allow_intents{{"travel"}}.decide(asking);
    }
    [[nodiscard]] std::uint64_t generation() const { return 0; }
};

struct outcome_of_knock {
    std::optional<result<session_id>> got{};
    std::function<void(const result<session_id>&)> taker() {
        return [this](const result<session_id>& outcome) { got = outcome; };
    }
};

}  // namespace

TEST_CASE("a KNOCK at an agent that is not in the directory waits until it is found", "[unit][agent][AM-FND-018]") {
    hidden_mesh w;
    auto& alice = w.join(1);
    auto& bob = w.join(2, session::allow_intents{{"travel"}});
    outcome_of_knock first, second;
    alice.knock(bob.name(), {.category = "travel"}, first.taker());
    alice.knock(bob.name(), {.category = "travel"}, second.taker());
    w.mesh.run();
    REQUIRE(w.looking.size() == 1);
    CHECK(w.looking.front() == std::pair{&alice, bob.name()});
    CHECK(!first.got);

    w.make_known(bob);
    w.make_known(alice);
    w.answer(alice, bob.name(), {});
    REQUIRE(first.got);
    CHECK(*first.got);
    CHECK(*second.got == *first.got);
    w.answer(alice, bob.name(), {});  // said twice, heard once
}

TEST_CASE("who is not found, or not in time, is why a KNOCK fails", "[unit][agent][AM-FND-018]") {
    hidden_mesh w;
    auto& alice = w.join(1);
    const auto nobody = someone(9).name();
    outcome_of_knock told, silent;
    alice.knock(nobody, {.category = "travel"}, told.taker());
    w.answer(alice, nobody, fail(errc::certificate_revoked, "AM-FND-008"));
    CHECK(*told.got == result<session_id>{fail(errc::certificate_revoked, "AM-FND-008")});

    alice.knock(nobody, {.category = "travel"}, silent.taker());
    w.mesh.advance(29s);
    CHECK(!silent.got);
    w.mesh.advance(1s);
    CHECK(silent.got->error().code == errc::timed_out);

    w.mesh.on_resolve = {};
    outcome_of_knock unknown;
    alice.knock(nobody, {.category = "travel"}, unknown.taker());
    w.mesh.run();
    CHECK(unknown.got->error().code == errc::unknown_peer);
}

TEST_CASE("a stranger's KNOCK waits until the policy can be told who he is", "[unit][agent][AM-FND-018][AM-KNK-035]") {
    for (const bool found : {true, false}) {
        hidden_mesh w;
        auto& alice = w.join(1);
        auto& bob = w.join(2, known_only{});
        w.make_known(bob);
        outcome_of_knock knocked;
        std::vector<std::string> said;
        bob.on_message([&](const incoming& got) { said.push_back(got.text()); });
        alice.perform([&](auto& agent, const moment& now, auto& out) {
            agent.knock(bob.name(), {.category = "travel"}, {}, knocked.taker(), now, out, session::haste::optimistic);
        });
        const auto id = alice.machine().sessions().front().id;
        REQUIRE(alice.send(id, text("two seats to Lisbon")));
        w.mesh.run();
        CHECK(!knocked.got);  // neither yes nor no
        REQUIRE(w.looking.size() == 1);
        CHECK(w.looking.front() == std::pair{&bob, alice.name()});

        if (found) w.make_known(alice);
        w.answer(bob, alice.name(), found ? result<void>{} : fail(errc::unknown_peer));
        REQUIRE(knocked.got);
        CHECK(knocked.got->has_value() == found);
        CHECK(said == (found ? std::vector<std::string>{"two seats to Lisbon"} : std::vector<std::string>{}));
    }
}

TEST_CASE("a stranger about whom nobody answers is decided about after thirty seconds", "[unit][agent][AM-FND-018]") {
    hidden_mesh w;
    auto& alice = w.join(1);
    auto& bob = w.join(2, known_only{});
    w.make_known(bob);
    outcome_of_knock knocked;
    alice.knock(bob.name(), {.category = "travel"}, knocked.taker());
    w.mesh.advance(29s);
    CHECK(!knocked.got);
    w.mesh.advance(2s);
    REQUIRE(knocked.got);
    REQUIRE(!*knocked.got);
    CHECK(knocked.got->error().code == errc::knock_refused);
}

TEST_CASE("a KNOCK that waits survives the end of the process at the relay", "[unit][agent][AM-FND-018]") {
    hidden_mesh w;
    auto& alice = w.join(1);
    auto& bob = w.join(2, session::allow_intents{{"travel"}});
    w.make_known(bob);
    outcome_of_knock knocked;
    alice.knock(bob.name(), {.category = "travel"}, knocked.taker());
    w.mesh.run();
    REQUIRE(w.looking.size() == 1);
    bob.crash();
    w.mesh.run();
    REQUIRE(bob.begin());
    w.make_known(alice);
    bob.dial();
    w.mesh.advance(5s);
    REQUIRE(knocked.got);
    CHECK(*knocked.got);
    CHECK(w.looking.size() == 1);  // the directory knew by then
}

TEST_CASE("strangers that wait are bounded in number", "[unit][agent][AM-FND-018]") {
    hidden_mesh w;
    auto self = someone(2);
    w.cards.emplace(self.name(), e2ee::identity_card::make(self, 0));
    auto& bob = w.mesh.join(std::move(self), session::allow_intents{{"travel"}}, {.publish = false, .strangers = 2});
    w.make_known(bob);
    std::vector<outcome_of_knock> knocked(4);
    for (std::uint64_t i = 0; i < knocked.size(); ++i) {
        w.join(10 + i).knock(bob.name(), {.category = "travel"}, knocked[i].taker());
        w.mesh.run();
    }
    CHECK(w.looking.size() == 2);
    for (std::size_t i = 0; i < knocked.size(); ++i) CHECK(knocked[i].got.has_value() == (i >= 2));
}
