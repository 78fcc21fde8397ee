#include "tests/unit/dht/world.hpp"

using namespace dht_test;

namespace {

using dht::datagram;
using dht::kind;

/// One node, and what it sends; the rest of the network is the test.
struct bench {
    struct sent {
        dht::endpoint to;
        buffer bytes;
    };
    dht::node_key_pair keys = node_keys(1);
    std::vector<sent> out;
    std::vector<dht::discovery_record> seen;
    std::size_t missed = 0, publications = 0, renewals = 0, holders = 0;
    moment now = begin_of_time;
    dht::node node;

    explicit bench(dht::node_options chosen = {}) : node{make(keys, chosen)} {}
    static dht::node make(const dht::node_key_pair& keys, const dht::node_options& chosen) {
        crypto::scripted_random random{9};
        return *dht::node::create(keys, chosen, random);
    }

    void send(const dht::endpoint& to, byte_view bytes) { out.push_back({to, {bytes.begin(), bytes.end()}}); }
    void found(dht::ticket, const dht::discovery_record& record) { seen.push_back(record); }
    void not_found(dht::ticket) { ++missed; }
    void published(const amid&, std::size_t count) { ++publications, holders = count; }
    void renew(const amid&) { ++renewals; }

    auto give(const dht::endpoint& from, byte_view bytes) { return node.on_datagram(from, bytes, now, *this); }
    void tick(duration by) {
        now = now + by;
        node.on_tick(now, *this);
    }
    datagram take() {
        REQUIRE_FALSE(out.empty());
        const auto one = dht::parse_datagram(out.front().bytes);
        REQUIRE(one);
        out.erase(out.begin());
        return *one;
    }
};

/// Another node, of which only the datagrams exist.
struct peer {
    dht::node_key_pair keys;
    dht::endpoint at;

    explicit peer(std::uint64_t seed, std::uint32_t address = 0) : keys{node_keys(1000 + seed)} {
        at = dht::endpoint::v4(address != 0 ? address : 0x05000001u + static_cast<std::uint32_t>(seed << 16), 8468);
    }
    [[nodiscard]] dht::contact as_contact() const { return dht::contact::of(keys.public_key(), at); }
    [[nodiscard]] buffer ask(datagram what, std::size_t at_least = 0) const {
        what.sender = keys.public_key();
        return dht::write_request(what, at_least);
    }
    [[nodiscard]] buffer answer(const datagram& asked, datagram what) const {
        what.id = asked.id;
        what.sender = keys.public_key();
        what.token = dht::address_token{};
        return dht::write_answer(what, asked.sender, asked.prove ? &keys : nullptr);
    }
};

/// Makes a peer known: it asks, is pinged, and proves itself.
void introduce(bench& to, const peer& who) {
    const auto before = to.node.table().size() + to.node.table().spares();
    REQUIRE(to.give(who.at, who.ask({.what = kind::find_node}, 400)));
    CHECK(to.take().what == kind::nodes);
    const auto ping = to.take();
    REQUIRE(ping.what == kind::ping);
    REQUIRE(to.give(who.at, who.answer(ping, {.what = kind::pong})));
    REQUIRE(to.node.table().size() + to.node.table().spares() == before + 1);
}

dht::address_token token_of(bench& to, const peer& who) {
    REQUIRE(to.give(who.at, who.ask({.what = kind::ping})));
    const auto token = *to.take().token;
    to.out.clear();
    return token;
}

}  // namespace

TEST_CASE("two nodes find each other's records", "[unit][dht]") {
    network net{1};
    const auto a = net.add(dht::endpoint::v4(0x05000001, 8468), {});
    const auto b = net.add(dht::endpoint::v4(0x06000001, 8468), {net.hosts[a]->at});
    net.run(5s);
    CHECK(net.hosts[a]->machine->table().size() == 1);
    CHECK(net.hosts[b]->machine->table().size() == 1);
    const auto alice = identity_of(1);
    CHECK(net.publish(a, record_of(alice, 1, net.now.wall)) == 1);
    const auto got = net.find(b, alice.name());
    REQUIRE(got.record);
    CHECK(got.record->name() == alice.name());
    CHECK(net.find(a, alice.name()).record);
    CHECK_FALSE(net.find(b, identity_of(2).name()).record);
}

TEST_CASE("who knows nobody is told so, after it has its ticket", "[unit][dht]") {
    bench lonely;
    lonely.node.start({}, lonely.now, lonely);
    const auto ticket = lonely.node.find(identity_of(1).name(), lonely.now, lonely);
    REQUIRE(ticket);
    CHECK(lonely.missed == 0);
    CHECK(lonely.node.next_deadline() <= lonely.now.steady);
    lonely.tick(0s);
    CHECK(lonely.missed == 1);
    CHECK(lonely.node.lookups() == 0);
}

TEST_CASE("a node enters the table by a proof of its key at its address, and not before", "[unit][dht][AM-DHT-011]") {
    bench to;
    const peer who{1}, other{2};
    REQUIRE(to.give(who.at, who.ask({.what = kind::find_node}, 400)));
    CHECK(to.node.table().size() == 0);
    (void)to.take();
    const auto ping = to.take();
    CHECK(ping.prove);
    // From elsewhere, by somebody else, without proof, with a broken one, to another question: nothing.
    CHECK_FALSE(to.give(other.at, who.answer(ping, {.what = kind::pong})));
    CHECK_FALSE(to.give(who.at, other.answer(ping, {.what = kind::pong})));
    auto unproven = ping;
    unproven.prove = false;
    CHECK(to.give(who.at, who.answer(unproven, {.what = kind::pong})).error().code == errc::bad_signature);
    auto broken = who.answer(ping, {.what = kind::pong});
    broken.back() ^= 1;
    CHECK(to.give(who.at, broken).error().code == errc::bad_signature);
    auto another = ping;
    another.id.storage()[0] ^= 1;
    CHECK_FALSE(to.give(who.at, who.answer(another, {.what = kind::pong})));
    CHECK_FALSE(to.give(who.at, who.answer(ping, {.what = kind::nodes})));
    CHECK(to.node.table().size() == 0);
    CHECK(to.give(who.at, who.answer(ping, {.what = kind::pong})));
    CHECK(to.node.table().size() == 1);
    CHECK_FALSE(to.give(who.at, who.answer(ping, {.what = kind::pong})));  // and once
    CHECK(to.node.questions() == 0);
}

TEST_CASE("who only asks is answered and not told of", "[unit][dht]") {
    bench to;
    const peer who{1};
    REQUIRE(to.give(who.at, who.ask({.what = kind::find_node, .passive = true}, 400)));
    CHECK(to.take().what == kind::nodes);
    CHECK(to.out.empty());

    bench passive{{.passive = true}};
    REQUIRE(passive.give(who.at, who.ask({.what = kind::find_node}, 400)));
    CHECK(passive.out.empty());
    REQUIRE(passive.give(who.at, who.ask({.what = kind::ping})));
    CHECK(passive.take().passive);
}

TEST_CASE("to an address that is not proven goes at most three times what came from it", "[unit][dht][AM-DHT-012]") {
    bench to;
    for (std::uint64_t i = 0; i < 28; ++i) introduce(to, peer{i});
    const auto held = record_of(identity_of(1), 1, to.now.wall);
    const peer friendly{0};
    REQUIRE(to.give(friendly.at,
                    friendly.ask({.what = kind::store, .token = token_of(to, friendly), .record = held.bytes()})));
    CHECK(to.take().outcome == dht::store_answer::stored);

    std::uint64_t stranger = 100;
    for (const auto what : {kind::ping, kind::find_node, kind::find_value, kind::store}) {
        for (const bool prove : {false, true}) {
            for (std::size_t size = 1; size <= 1200; size += 37) {
                const peer who{++stranger};
                datagram asked{.what = what, .prove = prove, .target = held.place()};
                if (what == kind::store) asked.record = held.bytes();
                const auto bytes = who.ask(asked, size);
                REQUIRE(to.give(who.at, bytes));
                std::size_t sum = 0;
                for (const auto& one : to.out) sum += one.to == who.at ? one.bytes.size() : 0;
                CHECK(sum <= 3 * bytes.size());
                to.out.clear();
                to.tick(2s);
                to.out.clear();
            }
        }
    }
    // One that has shown its token gets all there is.
    const peer known{5};
    const auto token = token_of(to, known);
    REQUIRE(to.give(known.at, known.ask({.what = kind::find_node, .token = token, .target = held.place()})));
    CHECK(to.take().contacts.size() == 20);
}

TEST_CASE("a record is taken from a proven address, and from no other", "[unit][dht][AM-DHT-013]") {
    bench to;
    const peer who{1}, other{2};
    const auto record = record_of(identity_of(1), 1, to.now.wall).bytes();
    const auto outcome = [&](const peer& from, const std::optional<dht::address_token>& token) {
        REQUIRE(to.give(from.at, from.ask({.what = kind::store, .token = token, .record = record})));
        const auto answer = to.take();
        to.out.clear();
        CHECK(answer.what == kind::stored);
        return answer.outcome;
    };
    const auto token = token_of(to, who);
    CHECK(outcome(who, std::nullopt) == dht::store_answer::bad_token);
    CHECK(outcome(other, token) == dht::store_answer::bad_token);
    CHECK(outcome(who, dht::address_token{}) == dht::store_answer::bad_token);
    CHECK(to.node.records().size() == 0);
    CHECK(outcome(who, token) == dht::store_answer::stored);
    CHECK(to.node.records().size() == 1);
    to.now = to.now + 11min;
    CHECK(outcome(who, token) == dht::store_answer::bad_token);
}

TEST_CASE("a value that does not hold is not believed, and who gave it is doubted", "[unit][dht][AM-DHT-006]") {
    bench to;
    const auto alice = identity_of(1);
    std::vector<peer> all;
    for (std::uint64_t i = 0; i < 3; ++i) introduce(to, all.emplace_back(i));
    REQUIRE(to.node.find(alice.name(), to.now, to));
    REQUIRE(to.out.size() == 3);
    auto forged = record_of(alice, 9, to.now.wall).bytes();
    forged.back() ^= 1;
    const auto good = record_of(alice, 2, to.now.wall).bytes();
    for (int i = 0; i < 3; ++i) {
        const auto to_whom = to.out.front().to;
        const auto asked = to.take();
        const auto& who = *std::find_if(all.begin(), all.end(), [&](const peer& p) { return p.at == to_whom; });
        const auto got = to.give(who.at, who.answer(asked, {.what = kind::value, .record = i == 0 ? forged : good}));
        if (i == 0)
            CHECK(got.error().code == errc::bad_signature);
        else
            CHECK(got);
    }
    REQUIRE(to.seen.size() == 1);
    CHECK(to.seen[0].sequence == 2);
}

TEST_CASE("contacts at addresses of private networks are not followed", "[unit][dht][AM-DHT-008]") {
    bench to;
    const peer who{1};
    introduce(to, who);
    REQUIRE(to.node.find(identity_of(1).name(), to.now, to));
    const auto asked = to.take();
    std::vector<dht::contact> told;
    for (const auto address : {0x7f000001u, 0x0a000001u, 0xc0a80101u, 0xa9fea9feu, 0xe00000fbu})
        told.push_back(dht::contact::of(node_keys(address).public_key(), dht::endpoint::v4(address, 53)));
    REQUIRE(to.give(who.at, who.answer(asked, {.what = kind::nodes, .contacts = told})));
    CHECK(to.out.empty());
    CHECK(to.missed == 1);
    CHECK_FALSE(to.give(dht::endpoint::v4(0x7f000001, 8468), who.ask({.what = kind::ping})));
    CHECK(to.out.empty());
}

TEST_CASE("strangers make a node ping a bounded number of addresses, and proven ones are not shut out", "[unit][dht]") {
    bench to;
    for (std::uint64_t i = 0; i < 500; ++i) {
        const peer who{i, 0x05000001u + static_cast<std::uint32_t>(i) * 0x0003'1700u};
        if (dht::is_global(who.at)) (void)to.give(who.at, who.ask({.what = kind::find_node}, 400));
    }
    CHECK(to.node.questions() <= 32);
    to.out.clear();
    const peer known{9000, 0xd0000001u};
    const auto token = token_of(to, known);
    REQUIRE(to.give(known.at, known.ask({.what = kind::ping, .token = token})));
    CHECK(to.out.size() == 2);
    to.tick(2s);
    CHECK(to.node.questions() == 0);
}

TEST_CASE("an owner has a bounded number of lookups", "[unit][dht]") {
    bench to{{.lookups = 3}};
    introduce(to, peer{1});
    for (std::uint64_t i = 0; i < 5; ++i) {
        const auto got = to.node.find(identity_of(i).name(), to.now, to);
        CHECK(got.has_value() == (i < 3));
        if (!got) CHECK(got.error().code == errc::lookup_limit);
    }
    to.tick(1s);
    CHECK(to.missed == 3);
    CHECK(to.node.find(identity_of(7).name(), to.now, to));
}

TEST_CASE("a node that hears nothing of its bootstrap addresses asks again, ever more rarely", "[unit][dht]") {
    bench to;
    to.node.start({dht::endpoint::v4(0x05000001, 8468), dht::endpoint::v4(0x7f000001, 8468)}, to.now, to);
    std::size_t pings = 0;
    const auto begin = to.now.steady;
    while (to.now.steady < begin + 1h) {
        pings += to.out.size();
        to.out.clear();
        const auto next = to.node.next_deadline();
        REQUIRE(next > to.now.steady);
        to.tick(next - to.now.steady);
    }
    CHECK(pings >= 5);
    CHECK(pings <= 12);
}

TEST_CASE("one's own record is brought again every four hours, and held by others until its end",
          "[unit][dht][AM-DHT-017]") {
    network net{3};
    for (std::uint64_t i = 0; i < 12; ++i)
        net.add(random_endpoint(net.random), i == 0 ? std::vector<dht::endpoint>{} : std::vector{net.hosts[0]->at});
    net.run(10s);
    const auto alice = identity_of(1);
    const auto record = record_of(alice, 1, net.now.wall);
    CHECK(net.publish(4, record) == 11);
    net.run(4h + 2min);
    CHECK(net.hosts[4]->renewals == 1);
    CHECK(net.hosts[4]->publications == 2);
    // The owner goes, and half of the others; those who come later hold it too.
    for (std::size_t i = 4; i < 9; ++i) net.remove(i);
    for (int i = 0; i < 3; ++i) net.add(random_endpoint(net.random), {net.hosts[0]->at, net.hosts[1]->at});
    net.run(3h);
    for (std::size_t i = 12; i < 15; ++i) CHECK(net.hosts[i]->machine->records().size() == 1);
    CHECK(net.find(13, alice.name()).record);
    net.run(18h);
    CHECK_FALSE(net.find(13, alice.name()).record);
    for (const auto& host : net.hosts)
        if (host->up) CHECK(host->machine->records().size() == 0);
}

TEST_CASE("a newer record replaces the old one everywhere, and the old one does not come back",
          "[unit][dht][AM-DHT-016]") {
    network net{4};
    for (std::uint64_t i = 0; i < 30; ++i)
        net.add(random_endpoint(net.random), i == 0 ? std::vector<dht::endpoint>{} : std::vector{net.hosts[0]->at});
    net.run(10s);
    const auto alice = identity_of(1);
    const auto old = record_of(alice, 1, net.now.wall), fresh = record_of(alice, 2, net.now.wall);
    CHECK(net.publish(3, old) >= 15);
    CHECK(net.publish(5, fresh) >= 15);
    CHECK(net.publish(7, old) <= 14);  // replayed by somebody else: those who know better refuse
    for (std::size_t by = 0; by < 30; ++by) CHECK(net.find(by, alice.name()).record->sequence == 2);
    auto& owner = *net.hosts[5];
    CHECK(owner.machine->publish(old, net.now, owner).error().code == errc::old_record);
}

TEST_CASE("lookups end in a network that loses a third of its datagrams", "[unit][dht]") {
    network net{5};
    for (std::uint64_t i = 0; i < 40; ++i)
        net.add(random_endpoint(net.random), i == 0 ? std::vector<dht::endpoint>{} : std::vector{net.hosts[0]->at});
    net.run(10s);
    const auto alice = identity_of(1);
    CHECK(net.publish(3, record_of(alice, 1, net.now.wall)) >= 15);
    net.loss_percent = 33;
    std::size_t found = 0;
    for (std::size_t by = 0; by < 40; ++by) found += net.find(by, alice.name()).record ? 1 : 0;
    CHECK(found >= 36);
    net.run(10s);
    for (const auto& host : net.hosts) {
        CHECK(host->machine->questions() == 0);
        CHECK(host->machine->lookups() == 0);
    }
}
