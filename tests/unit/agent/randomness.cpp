#include <agentmesh/agent/loopback.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

/// The system's randomness, but for one draw: the one that a test names.
struct failing_random {
    static inline long fails_at = 0;  ///< counts down to the draw that fails; 0: none

    [[nodiscard]] result<void> fill(std::span<std::uint8_t> out) {
        if (fails_at > 0 && --fails_at == 0) return fail(errc::random_failed);
        return real.fill(out);
    }
    crypto::system_random real{};
};
using mesh_of_chance = basic_loopback<failing_random>;

const session::allow_intents travel{{"travel"}};
const session_request long_talk{.ttl_seconds = 86'400, .expected_messages = 1'000};

/// Two agents with a session, one of which loses its memory while the other has said something that is on the way.
struct mishap {
    mesh_of_chance mesh{};
    mesh_of_chance::seat& alice = mesh.join(travel);
    mesh_of_chance::seat& bob = mesh.join(travel);
    std::vector<std::string> got{};
    int undelivered = 0;

    void happen(bool to_initiator, long fails_at) {
        std::optional<session_id> id;
        alice.knock(
            bob.name(), {.category = "travel"}, [&](const result<session_id>& s) { id = s.value(); }, long_talk);
        mesh.run();
        REQUIRE(id);
        auto& forgets = to_initiator ? alice : bob;
        auto& keeps = to_initiator ? bob : alice;
        keeps.handlers().on_undelivered = [this](const session::undelivered&) { ++undelivered; };
        forgets.on_message([this](const incoming& m) { got.push_back(m.text()); });
        forgets.crash();
        forgets.forget_everything();
        for (const auto* said : {"one", "two", "three"}) REQUIRE(keeps.send(*id, text(said)));
        mesh.run();

        REQUIRE(forgets.begin());
        failing_random::fails_at = fails_at;
        forgets.dial();
        // Both find out: the one by a notice, the other because it wants a session of its own.
        forgets.knock(keeps.name(), {.category = "travel"}, nullptr, long_talk);
        mesh.advance(2h);
        CHECK(got == std::vector<std::string>{"one", "two", "three"});
        CHECK(undelivered == 0);
        CHECK(keeps.machine().unacknowledged() == 0);
    }
};

}  // namespace

TEST_CASE("a failure of randomness, at whatever draw, loses no message and reports none as lost", "[unit][agent]") {
    const bool to_initiator = GENERATE(false, true);
    bool reached = true;
    for (long draw = 1; reached; ++draw) {
        CAPTURE(to_initiator, draw);
        mishap one;
        one.happen(to_initiator, draw);
        reached = failing_random::fails_at == 0;
        failing_random::fails_at = 0;
        REQUIRE(draw < 1'000);
    }
}
