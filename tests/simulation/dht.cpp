// A network of a thousand nodes on virtual time: lookups after churn, how far they go, and what one holder of many
// addresses can hide. AGENTMESH_DHT_NODES sets the size.
#include "tests/unit/dht/world.hpp"

#include <cmath>
#include <cstdlib>

using namespace dht_test;

namespace {

std::size_t network_size() {
    if (const char* text = std::getenv("AGENTMESH_DHT_NODES")) return std::strtoul(text, nullptr, 10);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 200;
#else
    return 1000;
#endif
}

/// Nodes that joined one after another, each by way of three that were there.
std::unique_ptr<network> grown(std::size_t size, std::uint64_t seed, const dht::node_options& chosen = {}) {
    auto net = std::make_unique<network>(seed);
    for (std::size_t i = 0; i < size; ++i) {
        std::vector<dht::endpoint> bootstrap;
        for (int b = 0; b < 3 && i > 0; ++b) bootstrap.push_back(net->hosts[net->random() % i]->at);
        net->add(random_endpoint(net->random), bootstrap, chosen);
        net->run(i < 50 ? 500ms : 50ms);
    }
    net->run(10s);
    return net;
}

std::size_t anybody(network& net) {
    for (;;)
        if (const auto id = net.random() % net.hosts.size(); net.hosts[id]->up) return id;
}

/// Whoever holds one network of /16: many nodes, their points chosen near to the one to be hidden. Asked for anything,
/// they tell of each other, or of nodes that do not exist, wherever; they take records and hold none.
struct sybils {
    struct liar {
        dht::node_key_pair keys;
        dht::endpoint at;
    };
    std::vector<std::shared_ptr<liar>> all;
    std::vector<dht::contact> told;

    sybils(network& net, const dht::point& hidden, std::size_t count, std::size_t tried) {
        crypto::scripted_random entropy{4711};
        std::vector<dht::node_key_pair> keys;
        for (std::size_t i = 0; i < tried; ++i) keys.push_back(*dht::node_key_pair::generate(entropy));
        std::sort(keys.begin(), keys.end(), [&](const auto& a, const auto& b) {
            return dht::nearer(hidden, dht::point_of(a.public_key()), dht::point_of(b.public_key()));
        });
        for (std::size_t i = 0; i < count; ++i) {
            const auto at =
                dht::endpoint::v4(0x2d4d'0000u + static_cast<std::uint32_t>(i % 256 * 256 + 1 + i / 256), 8468);
            all.push_back(std::make_shared<liar>(liar{std::move(keys[i]), at}));
            told.push_back(dht::contact::of(all.back()->keys.public_key(), at));
        }
        // Their keys are near too, but nobody is there.
        for (std::size_t i = count; i < std::min(tried, 2 * count); ++i)
            told.push_back(dht::contact::of(keys[i].public_key(), random_endpoint(net.random)));
        for (const auto& one : all)
            net.add_stranger(one->at, [this, one](network& in, const dht::endpoint& from, byte_view bytes) {
                answer(in, *one, from, bytes);
            });
    }

    void answer(network& net, const liar& self, const dht::endpoint& from, byte_view bytes) {
        const auto asked = dht::parse_datagram(bytes);
        if (!asked || !dht::is_request(asked->what)) return;
        dht::datagram out{
            .what = dht::kind::pong, .id = asked->id, .sender = self.keys.public_key(), .token = dht::address_token{}};
        if (asked->what == dht::kind::store) out.what = dht::kind::stored;
        if (asked->what == dht::kind::find_node || asked->what == dht::kind::find_value) {
            out.what = dht::kind::nodes;
            // Half of the time the nearest of its kind, so that a path ends among them; else any, or what is not there.
            const auto span = net.random() % 2 == 0 ? 2 * limits::dht_bucket : told.size() - limits::dht_bucket;
            const auto begin = net.random() % span;
            out.contacts.assign(told.begin() + static_cast<std::ptrdiff_t>(begin),
                                told.begin() + static_cast<std::ptrdiff_t>(begin + limits::dht_bucket));
        }
        net.post(self.at, from, dht::write_answer(out, asked->sender, &self.keys));
    }

    /// Makes itself known to everybody.
    void knock(network& net) {
        std::uint64_t number = 0;
        for (const auto& one : all) {
            for (const auto& host : net.hosts) {
                if (!host->up || net.random() % 10 != 0) continue;
                dht::datagram hello{.what = dht::kind::find_node, .sender = one->keys.public_key()};
                hello.id.storage()[0] = static_cast<std::uint8_t>(++number);
                net.post(one->at, host->at, dht::write_request(hello, 400));
            }
            net.run(20ms);
        }
        net.run(5s);
    }
};

}  // namespace

TEST_CASE("records are found after a fifth of the network has gone and come, in few steps",
          "[simulation][dht][AM-DHT-015]") {
    const auto size = network_size();
    const auto net = grown(size, 1);
    std::vector<local_identity> agents;
    for (std::uint64_t i = 0; i < size / 10; ++i) agents.push_back(identity_of(10'000 + i));
    for (std::size_t i = 0; i < agents.size(); ++i) {
        const auto holders = net->publish(anybody(*net), record_of(agents[i], 1, net->now.wall));
        CHECK(holders >= 15);
    }
    for (std::size_t i = 0; i < size / 5; ++i) net->remove(anybody(*net));
    for (std::size_t i = 0; i < size / 5; ++i) {
        const auto door = net->hosts[anybody(*net)]->at;
        net->add(random_endpoint(net->random), {door, net->hosts[anybody(*net)]->at});
        net->run(50ms);
    }
    net->run(10s);

    std::size_t found = 0, tried = 0, most_hops = 0, hops = 0;
    for (std::size_t i = 0; i < 3 * agents.size(); ++i, ++tried) {
        const auto& who = agents[i % agents.size()];
        const auto got = net->find(anybody(*net), who.name());
        if (!got.record) continue;
        REQUIRE(got.record->name() == who.name());
        ++found;
        hops += got.hops;
        most_hops = std::max<std::size_t>(most_hops, got.hops);
    }
    const auto log2 = std::log2(static_cast<double>(size));
    CAPTURE(found, tried, hops, most_hops, net->datagrams);
    CHECK(found * 100 >= tried * 99);
    CHECK(static_cast<double>(most_hops) <= log2 + 2);
    CHECK(static_cast<double>(hops) <= static_cast<double>(found) * (log2 / 2 + 1));

    std::size_t contacts = 0, held = 0;
    for (const auto& host : net->hosts) {
        const auto& node = *host->machine;
        CHECK(node.table().size() + node.table().spares() <= 30 * static_cast<std::size_t>(log2 + 10));
        CHECK(node.questions() <= 64 + 3 * 32);
        CHECK(node.records().size() <= agents.size());
        contacts += node.table().size();
        held += node.records().size();
    }
    CHECK(held <= agents.size() * (limits::dht_bucket + 1));
    CHECK(net->longest <= limits::dht_datagram_bytes);
    if (std::getenv("AGENTMESH_DHT_TELL"))
        std::printf("nodes %zu found %zu/%zu hops mean %.2f most %zu contacts mean %.1f datagrams %zu\n", size, found,
                    tried, static_cast<double>(hops) / static_cast<double>(found), most_hops,
                    static_cast<double>(contacts) / static_cast<double>(net->hosts.size()), net->datagrams);
}

namespace {

struct eclipse {
    std::size_t known = 0, most_of_a_table = 0, holders = 0, found = 0, tries = 0;
};

eclipse hide(std::size_t size, std::uint64_t seed, const dht::node_options& chosen, std::size_t tries) {
    const auto net = grown(size, seed, chosen);
    const auto agent = identity_of(77 + seed);
    sybils attackers{*net, dht::point_of(agent.name()), size / 2, size * 8};
    attackers.knock(*net);
    eclipse out{.tries = tries};
    for (const auto& host : net->hosts) {
        std::size_t here = 0;
        for (const auto& one : host->machine->table().contacts())
            here += dht::wide_prefix(one.at) == dht::wide_prefix(attackers.all.front()->at) ? 1 : 0;
        out.most_of_a_table = std::max(out.most_of_a_table, here);
        out.known += here;
    }
    out.holders = net->publish(anybody(*net), record_of(agent, 1, net->now.wall));
    for (std::size_t i = 0; i < tries; ++i) out.found += net->find(anybody(*net), agent.name()).record ? 1 : 0;
    if (std::getenv("AGENTMESH_DHT_TELL"))
        std::printf("nodes %zu sybils %zu known %zu times, at most %zu a table, holders %zu, found %zu of %zu\n", size,
                    attackers.all.size(), out.known, out.most_of_a_table, out.holders, out.found, out.tries);
    return out;
}

}  // namespace

TEST_CASE("whoever holds a network of /16 hides no record, though his nodes are the nearest to it",
          "[simulation][dht][AM-DHT-014]") {
    const auto size = std::min<std::size_t>(network_size(), 250);
    const auto seen = hide(size, 2, {}, 100);
    CAPTURE(seen.known, seen.holders, seen.found);
    CHECK(seen.known > size);  // they were let in
    CHECK(seen.most_of_a_table <= dht::diversity{}.table_wide);
    CHECK(seen.found >= 99);

    // It is the limits that keep him from it.
    const auto without = hide(size, 2, {.rules = dht::diversity::none()}, 20);
    CAPTURE(without.found);
    CHECK(without.found <= 10);
}
