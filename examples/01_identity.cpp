// An agent's identity: made on first use, kept in a file, named by its key.
//
// Prints:
//   the second start finds the same agent: yes
//   its signature: valid
//   the same over another text: signature does not verify
//   a known key is named jZ6CK1dpcZD4oPYScUJvifP7BtJ
//   and found at did:agentmesh:jZ6CK1dpcZD4oPYScUJvifP7BtJ
//   somebody else's name: the AMID does not belong to the key (AM-ID-003)
//   a file that others may read: identity file cannot be read or created with mode 0600 (AM-ID-012)
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/did.hpp>
#include <agentmesh/identity/identity_file.hpp>

#include <filesystem>
#include <iostream>

using namespace agentmesh;

int main() {
    crypto::system_random random;
    const auto now = std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());

    auto agent = identity::open("keys/identity.json", random, now);  // created on first use
    if (!agent) {
        std::cerr << to_string(agent.error()) << '\n';
        return 1;
    }
    const auto again = identity::open("keys/identity.json", random, now);
    std::cout << "the second start finds the same agent: " << (again && again->name() == agent->name() ? "yes" : "no")
              << '\n';

    const auto key = agent->signing().public_key();
    const auto proof = agent->signing().sign(as_bytes("two seats to Lisbon"));
    const auto said = crypto::verify(key, as_bytes("two seats to Lisbon"), proof);
    const auto changed = crypto::verify(key, as_bytes("nine seats to Lisbon"), proof);
    std::cout << "its signature: " << (said ? "valid" : to_string(said.error())) << '\n';
    std::cout << "the same over another text: " << (changed ? "valid" : to_string(changed.error())) << '\n';

    const auto known = identity::parse_signing_key("ed25519:wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=").value();
    std::cout << "a known key is named " << amid::of(known).text() << '\n';
    std::cout << "and found at " << identity::to_did(amid::of(known)) << '\n';

    const auto claim = identity::check_amid(agent->name(), known);
    std::cout << "somebody else's name: " << (claim ? "accepted" : to_string(claim.error())) << '\n';

    std::filesystem::permissions("keys/identity.json", std::filesystem::perms{0644});
    const auto exposed = identity::open("keys/identity.json", random, now);
    std::cout << "a file that others may read: " << (exposed ? "accepted" : to_string(exposed.error())) << '\n';
}
