// Finding an agent at a registry that need not be trusted: both in one process, without sockets.
//
// Prints:
//   bob is registered, with 3 one-time prekeys
//   1 agent knows travel/flights
//   alice has checked keys of bob, and one that nobody else gets
//   the next registry swaps a key: prekey bundle or identity card refused (AM-FND-002)
#include <agentmesh/registry/client.hpp>
#include <agentmesh/registry/service.hpp>

#include <iostream>

using namespace agentmesh;

int main() {
    const moment now{.wall = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21}};
    crypto::system_random random;
    registry::memory_store rows;
    registry::service town{rows, {.host = "registry.example", .relay_endpoint = "wss://relay.example/"}, random};
    const auto ask = [&](http::request request) {
        request.fields.add("Host", "registry.example");  // a connection does that
        return town.handle(request, {.address = "192.0.2.7"}, now);
    };

    const auto alice = local_identity::create(random, now.wall).value(),
               bob = local_identity::create(random, now.wall).value();
    registry::client_memory alice_knows, bob_knows;
    registry::client from_alice{alice, {.host = "registry.example"}, alice_knows};
    registry::client from_bob{bob, {.host = "registry.example"}, bob_knows};

    (void)ask(from_alice.enroll({}, now.wall, random).value());
    (void)ask(from_bob.enroll({.capabilities = {"travel/flights"}}, now.wall, random).value());
    memory_state state;
    e2ee::prekey_store prekeys{{.one_time_full = 3, .one_time_low = 1}};
    (void)prekeys.maintain(bob, state, random, now.wall);
    const auto own = prekeys.publication(e2ee::identity_card::make(bob, 0)).value();
    const auto stored = from_bob.read_upload(ask(from_bob.upload_prekeys(own, now.wall, random).value())).value();
    std::cout << "bob is registered, with " << stored.stored << " one-time prekeys\n";

    const auto all = from_alice.read_search(ask(from_alice.search({.capability = "travel"})), now.wall).value();
    std::cout << all.rows.size() << " agent knows " << all.rows.front().capabilities.front() << '\n';

    const auto told = ask(from_alice.lookup(bob.name()));
    const auto found = from_alice.read_lookup(bob.name(), told, now.wall).value();
    const auto reply = ask(from_alice.prekeys(bob.name(), now.wall, random).value());
    const auto keys = from_alice.read_prekeys(found, reply, now.wall).value();
    if (keys.bundle()->one_time) std::cout << "alice has checked keys of bob, and one that nobody else gets\n";

    auto lie = told;  // bob's card, and alice's key where bob's was
    const auto true_key = identity::to_text(bob.exchange().public_key());
    lie.body.replace(lie.body.find(true_key), true_key.size(), identity::to_text(alice.exchange().public_key()));
    const auto caught = from_alice.read_lookup(bob.name(), lie, now.wall);
    if (!caught) std::cout << "the next registry swaps a key: " << to_string(caught.error()) << '\n';
}
