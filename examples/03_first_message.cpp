// A first message between two agents that have never met, end to end encrypted, through a relay in memory.
//
// Prints:
//   bob does not talk about chess: the peer refused the KNOCK
//   bob and alice have a session about travel
//   bob got: two seats to Lisbon
//   alice got: window or aisle?
#include <agentmesh/agent/loopback.hpp>

#include <iostream>

using namespace agentmesh;

int main() {
    loopback mesh;
    auto& alice = mesh.join();
    auto& bob = mesh.join(session::allow_intents{{"travel"}});  // whoever asks for that may talk to bob

    bob.on_opened([](const session_info& s) {
        std::cout << "bob and alice have a session about " << s.what.category << '\n';
    });
    bob.on_message([&](const incoming& got) {
        std::cout << "bob got: " << got.text() << '\n';
        (void)bob.send(got.session, text("window or aisle?"));
    });
    alice.on_message([](const incoming& got) { std::cout << "alice got: " << got.text() << '\n'; });

    alice.knock(bob.name(), {.category = "chess"}, [](const result<session_id>& answer) {
        if (!answer) std::cout << "bob does not talk about chess: " << to_string(answer.error()) << '\n';
    });
    mesh.run();  // until nobody has anything to say

    alice.knock(bob.name(), {.category = "travel"}, [&](const result<session_id>& answer) {
        if (answer) (void)alice.send(*answer, text("two seats to Lisbon"));
    });
    mesh.run();
}
