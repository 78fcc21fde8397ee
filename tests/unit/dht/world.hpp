// Many nodes of the DHT on one simulated network: latency, loss, hosts that go, and hosts that lie. Virtual time.
#pragma once

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/dht/node.hpp>

#include "tests/support/catch.hpp"

#include <memory>
#include <queue>
#include <random>

namespace dht_test {

using namespace agentmesh;
using namespace std::chrono_literals;

inline const moment begin_of_time{steady_point{1h}, time_point{std::chrono::seconds{1'790'000'000}}};

inline local_identity identity_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *local_identity::create(random, begin_of_time.wall);
}

inline dht::node_key_pair node_keys(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *dht::node_key_pair::generate(random);
}

inline dht::discovery_record record_of(const local_identity& who, std::uint64_t sequence, time_point now,
                                       duration lifetime = 24h) {
    return *dht::discovery_record::make(who, 1, sequence, now, "wss://relay.example", {}, lifetime);
}

inline dht::endpoint random_endpoint(std::mt19937_64& random) {
    for (;;) {
        const auto at = dht::endpoint::v4(static_cast<std::uint32_t>(random() >> 32), 8468);
        if (dht::is_global(at)) return at;
    }
}

/// What a lookup came to.
struct answer {
    std::optional<dht::discovery_record> record;
    unsigned hops = 0;
};

class network {
public:
    /// A host that runs our node. Its actions go into the network.
    struct host {
        dht::node_key_pair keys;
        dht::endpoint at;
        std::optional<dht::node> machine{};
        bool up = true;
        network* net = nullptr;
        std::map<std::uint64_t, answer> answers{};
        std::size_t holders = 0;  // of what was published last
        std::size_t publications = 0;
        std::size_t renewals = 0;
        steady_point armed = steady_point::max();

        void send(const dht::endpoint& to, byte_view bytes) { net->post(at, to, bytes); }
        void found(dht::ticket what, const dht::discovery_record& record) {
            answers[static_cast<std::uint64_t>(what)] = {record, machine->last_hops()};
        }
        void not_found(dht::ticket what) { answers[static_cast<std::uint64_t>(what)] = {}; }
        void published(const amid&, std::size_t count) { holders = count, ++publications; }
        void renew(const amid&) { ++renewals; }
    };
    /// A host of somebody else: is given what comes, and says what it likes.
    using stranger = std::function<void(network&, const dht::endpoint& from, byte_view bytes)>;

    explicit network(std::uint64_t seed) : random{seed}, entropy_{seed} {}

    std::size_t add(const dht::endpoint& at, std::vector<dht::endpoint> bootstrap, dht::node_options chosen = {}) {
        auto one = std::make_unique<host>(host{*dht::node_key_pair::generate(entropy_), at, {}});
        one->net = this;
        one->machine.emplace(*dht::node::create(one->keys, chosen, entropy_));
        hosts.push_back(std::move(one));
        const auto id = hosts.size() - 1;
        by_address_[at] = id;
        auto& fresh = *hosts[id];
        fresh.machine->start(std::move(bootstrap), now, fresh);
        arm(id);
        return id;
    }
    void add_stranger(const dht::endpoint& at, stranger what) { strangers_[at] = std::move(what); }
    void remove(std::size_t id) {
        hosts[id]->up = false;
        by_address_.erase(hosts[id]->at);
    }

    void post(const dht::endpoint& from, const dht::endpoint& to, byte_view bytes) {
        ++datagrams;
        longest = std::max(longest, bytes.size());
        if (loss_percent > 0 && random() % 100 < loss_percent) return;
        const duration takes = 10ms + std::chrono::microseconds{random() % 60'000};
        queue_.push({now.steady + takes, ++order_, {from, to, buffer{bytes.begin(), bytes.end()}}});
    }

    /// Runs everything that happens within this time.
    void run(duration span) {
        const auto end = now.steady + span;
        for (;;) {
            const auto next_datagram = queue_.empty() ? steady_point::max() : queue_.top().at;
            const auto next_timer = timers_.empty() ? steady_point::max() : timers_.top().first;
            const auto next = std::min(next_datagram, next_timer);
            if (next > end) break;
            if (next > now.steady) now = now + (next - now.steady);
            if (next_datagram <= next_timer) {
                const auto one = queue_.top();
                queue_.pop();
                deliver(one.what);
            } else {
                const auto id = timers_.top().second;
                timers_.pop();
                auto& whose = *hosts[id];
                if (whose.armed != next) continue;
                whose.armed = steady_point::max();
                if (!whose.up) continue;
                whose.machine->on_tick(now, whose);
                arm(id);
            }
        }
        now = now + (end - now.steady);
    }

    /// A lookup by one host, run to its end.
    answer find(std::size_t by, const amid& who) {
        auto& asker = *hosts[by];
        const auto ticket = asker.machine->find(who, now, asker);
        REQUIRE(ticket);
        arm(by);
        const auto id = static_cast<std::uint64_t>(*ticket);
        for (int step = 0; step < 120 && !asker.answers.contains(id); ++step) run(100ms);
        REQUIRE(asker.answers.contains(id));
        return asker.answers.at(id);
    }
    /// A record brought by one host, run to its end. Returns with how many it lies.
    std::size_t publish(std::size_t by, const dht::discovery_record& record) {
        auto& from = *hosts[by];
        const auto before = from.publications;
        REQUIRE(from.machine->publish(record, now, from));
        arm(by);
        for (int step = 0; step < 120 && from.publications == before; ++step) run(100ms);
        REQUIRE(from.publications > before);
        return from.holders;
    }

    void arm(std::size_t id) {
        auto& whose = *hosts[id];
        const auto next = whose.machine->next_deadline();
        if (next == whose.armed || next == steady_point::max()) return;
        whose.armed = std::max(next, now.steady);
        timers_.push({whose.armed, id});
    }

    moment now = begin_of_time;
    std::mt19937_64 random;
    unsigned loss_percent = 0;
    std::size_t datagrams = 0;
    std::size_t longest = 0;
    std::vector<std::unique_ptr<host>> hosts;

private:
    struct letter {
        dht::endpoint from, to;
        buffer bytes;
    };
    struct event {
        steady_point at;
        std::uint64_t order;
        letter what;
        bool operator<(const event& other) const { return std::tie(at, order) > std::tie(other.at, other.order); }
    };

    void deliver(const letter& one) {
        if (const auto liar = strangers_.find(one.to); liar != strangers_.end())
            return liar->second(*this, one.from, one.bytes);
        const auto found = by_address_.find(one.to);
        if (found == by_address_.end()) return;
        auto& whose = *hosts[found->second];
        (void)whose.machine->on_datagram(one.from, one.bytes, now, whose);
        arm(found->second);
    }

    crypto::scripted_random entropy_;
    std::map<dht::endpoint, std::size_t> by_address_;
    std::map<dht::endpoint, stranger> strangers_;
    std::priority_queue<event> queue_;
    std::priority_queue<std::pair<steady_point, std::size_t>, std::vector<std::pair<steady_point, std::size_t>>,
                        std::greater<>>
        timers_;
    std::uint64_t order_ = 0;
};

}  // namespace dht_test
