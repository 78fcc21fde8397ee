// Agents that find each other over sockets: at a registry, in the distributed table, or nowhere.
#include <agentmesh/net/agent_driver.hpp>
#include <agentmesh/net/finder.hpp>
#include <agentmesh/net/http_server.hpp>
#include <agentmesh/net/relay_server.hpp>
#include <agentmesh/registry/service.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

local_identity fresh() {
    crypto::system_random random;
    return local_identity::create(random, net::system_clock{}.now().wall).value();
}

template <class Done>
void run_until(asio::io_context& io, Done done) {
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (!done()) {
        REQUIRE(std::chrono::steady_clock::now() < give_up);
        io.restart();
        io.run_one_for(100ms);
    }
}

/// A registry on a port of its own.
struct town_hall {
    using handler = std::function<http::response(const http::request&, const std::string&, const moment&)>;
    using office = registry::service<registry::memory_store, crypto::system_random>;

    explicit town_hall(asio::io_context& io)
        : server{io, port_of_choice(),
                 [this](const http::request& asked, const std::string& address, const moment& now) {
                     paths.push_back(asked.path);
                     return mesh->handle(asked, {.address = address}, now);
                 }} {
        REQUIRE(server.start());
        mesh.emplace(store, registry::service_options{.host = server.url().substr(7), .local_endpoints = true}, random);
    }
    static net::http_server_options port_of_choice() {
        net::http_server_options out;
        out.port = 0;
        return out;
    }

    registry::memory_store store{};
    crypto::system_random random{};
    std::optional<office> mesh{};
    std::vector<std::string> paths{};
    net::http_server<handler> server;
};

/// Lets in whoever has a tier; who is not known has none.
struct known_only {
    [[nodiscard]] session::verdict decide(const session::applicant& asking) const {
        if (!asking.trust) return session::verdict::deny(session::deny_reason::rejected);
        return session::allow_intents{{"travel"}}.decide(asking);
    }
    [[nodiscard]] std::uint64_t generation() const { return 0; }
};

/// An agent that knows nobody, its finder and its driver.
struct resident {
    using directory = registry::found_directory<registry::memory_registry>;
    using member = agent<memory_state, directory, known_only>;

    resident(asio::io_context& io, const std::string& relay, net::finder_options places)
        : find{io, self, found, memory, std::move(places)},
          machine{self, state, agents, known_only{}, {.relay = relay}},
          mesh{io, machine, {.after = [this] { find.publish(agents); }, .resolve = find.resolver()}} {
        find.on_resolved = [this](const amid& who, const result<void>& outcome) { mesh.resolved(who, outcome); };
        find.on_published = [this](const result<void>& outcome, std::uint64_t) { published = outcome; };
        mesh.on_message([this](const incoming& got) { heard.push_back(got.text()); });
        REQUIRE(find.start());
        REQUIRE(mesh.start());
    }
    resident(const resident&) = delete;
    resident& operator=(const resident&) = delete;
    void stop() {
        mesh.stop();
        find.stop();
    }

    local_identity self = fresh();
    registry::memory_registry own{};
    registry::found_agents found{};
    registry::client_memory memory{};
    directory agents{own, found};
    memory_state state{};
    net::finder find;
    member machine;
    net::driver<member> mesh;
    std::optional<result<void>> published{};
    std::vector<std::string> heard{};
};

net::finder_options at_registry(const town_hall& of) {
    return {.registry = of.server.url(),
            .client = {.local_endpoints = true},
            .about = {.capabilities = {"travel/flights"}}};
}

net::finder_options in_table(std::vector<dht::endpoint> bootstrap) {
    return {.dht = net::dht_driver_options{.addresses = {"127.0.0.1"},
                                           .port = 0,
                                           .bootstrap = std::move(bootstrap),
                                           .node = {.local_network = true, .join_again = 50ms}}};
}

/// A session between two that did not know each other.
void converse(asio::io_context& io, resident& alice, resident& bob) {
    std::optional<result<session_id>> opened;
    alice.mesh.knock(bob.self.name(), {.category = "travel"}, [&](const result<session_id>& got) { opened = got; });
    run_until(io, [&] { return opened.has_value(); });
    if (!*opened) FAIL(to_string(opened->error()));
    REQUIRE(alice.mesh.send(**opened, text("two seats")));
    run_until(io, [&] { return !bob.heard.empty(); });
    CHECK(bob.heard == std::vector<std::string>{"two seats"});
}

}  // namespace

TEST_CASE("two agents that registered find each other and talk", "[unit][net][AM-FND-015]") {
    asio::io_context io;
    town_hall hall{io};
    net::relay_server_options options;
    options.port = 0;
    net::relay_server relay{io, options};
    REQUIRE(relay.start());
    {
        resident alice{io, relay.url(), at_registry(hall)}, bob{io, relay.url(), at_registry(hall)};
        run_until(io, [&] { return alice.published && bob.published; });
        CHECK(*alice.published);
        CHECK(*bob.published);
        converse(io, alice, bob);
        CHECK(bob.found.find(alice.self.name())->trust == tier::anonymous);

        // A question of the owner's own, over the same connection.
        std::optional<result<http::response>> got;
        bob.find.ask([&] { return bob.find.client()->search({.capability = "travel"}); },
                     [&](const result<http::response>& answer) { got = answer; });
        run_until(io, [&] { return got.has_value(); });
        REQUIRE(*got);
        CHECK(bob.find.client()->read_search(**got, net::system_clock{}.now().wall)->rows.size() == 2);

        // Who is revoked is not let in, though he was a moment ago.
        alice.find.ask(
            [&] {
                return alice.find.client()->revoke(registry::revocation_reason::key_compromise, "",
                                                   net::system_clock{}.now().wall, alice.find.random());
            },
            [&](const result<http::response>& answer) { got = answer; });
        got.reset();
        run_until(io, [&] { return got.has_value(); });
        CHECK(alice.find.client()->read_change(**got));
        std::optional<result<void>> looked;
        REQUIRE(bob.find.resolve(alice.self.name(), [&](const result<void>& outcome) { looked = outcome; }));
        run_until(io, [&] { return looked.has_value(); });
        CHECK(looked->error().code == errc::certificate_revoked);
        CHECK(!bob.found.find(alice.self.name()));
        alice.stop();
        bob.stop();
    }
    relay.stop();
    hall.server.stop();
    io.restart();
    io.run();
}

TEST_CASE("two agents find each other without any registry", "[unit][net][AM-FND-015][AM-FND-016]") {
    asio::io_context io;
    net::relay_server_options options;
    options.port = 0;
    net::relay_server relay{io, options};
    REQUIRE(relay.start());
    {
        crypto::system_random random;
        const auto keys = dht::node_key_pair::generate(random).value();
        net::dht_driver bootstrap{io, keys, *in_table({}).dht};
        REQUIRE(bootstrap.start());
        resident alice{io, relay.url(), in_table({bootstrap.local()})};
        resident bob{io, relay.url(), in_table({bootstrap.local()})};
        run_until(io, [&] { return bootstrap.machine().records().size() >= 2; });
        converse(io, alice, bob);
        alice.stop();
        bob.stop();
    }
    relay.stop();
    io.restart();
    io.run();
}

TEST_CASE("who is nowhere to be found cannot be knocked at", "[unit][net]") {
    asio::io_context io;
    town_hall hall{io};
    {
        registry::found_agents found;
        registry::client_memory memory;
        const auto self = fresh();
        net::finder find{io, self, found, memory, at_registry(hall)};
        CHECK(find.resolve(self.name()).error().code == errc::registry_failed);  // not before it has begun
        REQUIRE(find.start());
        std::optional<result<void>> outcome;
        REQUIRE(find.resolve(fresh().name(), [&](const result<void>& got) { outcome = got; }));
        CHECK(!outcome);  // never from within
        run_until(io, [&] { return outcome.has_value(); });
        CHECK(outcome->error().code == errc::unknown_peer);
        CHECK(hall.paths == std::vector<std::string>{"/v1/registry/lookup"});

        // What is asked when it stops is not answered any more.
        REQUIRE(find.resolve(fresh().name(), [&](const result<void>&) { FAIL("answered after the end"); }));
        find.stop();
        io.restart();
        io.run_for(20ms);
    }
    net::finder_options wrong{.registry = "ftp://registry.example"};
    registry::found_agents found;
    registry::client_memory memory;
    const auto self = fresh();
    CHECK(net::finder{io, self, found, memory, wrong}.start().error().code == errc::http_malformed);
    hall.server.stop();
    io.restart();
    io.run();
}
