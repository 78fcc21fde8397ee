#include <agentmesh/agent/loopback.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

const session::allow_intents travel{{"travel"}};
const session_request long_talk{.ttl_seconds = 86'400, .expected_messages = 1'000};


/// What an application has seen.
struct diary {
    std::vector<std::string> got{};
    std::vector<std::string> events{};
    std::optional<session_id> session{};

    void follow(loopback::seat& of) {
        of.on_message([this](const incoming& m) {
            got.push_back(m.text());
            session = m.session;
        });
        of.handlers().on_opened = [this](const session_info& s) { events.push_back("opened"), session = s.id; };
        of.handlers().on_closed = [this](const session_info&, const error& why) {
            events.push_back("closed " + to_string(why));
        };
        of.handlers().on_delivered = [this](const session_id&) { events.push_back("delivered"); };
        of.handlers().on_undelivered = [this](const session::undelivered& u) {
            events.push_back("undelivered " + to_string(u.why));
        };
    }
};

}  // namespace

TEST_CASE("two agents that have never met talk through a relay", "[unit][agent]") {
    loopback mesh;
    auto& alice = mesh.join();
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
    CHECK(std::count(a.events.begin(), a.events.end(), "delivered") == 1);
}
