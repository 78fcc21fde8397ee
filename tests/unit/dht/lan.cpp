#include <agentmesh/dht/lan.hpp>

#include "tests/unit/dht/world.hpp"

using namespace dht_test;

namespace {

using dht::dns_message;
using dht::dns_name;
using dht::dns_type;

buffer bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// A header with these counts.
buffer head(bool answer, std::uint8_t questions, std::uint8_t answers, std::uint8_t authority = 0,
            std::uint8_t additional = 0) {
    return {0, 7,         static_cast<std::uint8_t>(answer ? 0x84 : 0), 0, 0, questions, 0, answers, 0, authority,
            0, additional};
}
buffer operator+(buffer a, const buffer& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

struct host {
    dht::lan machine;
    moment now = begin_of_time;
    std::vector<buffer> sent;
    std::vector<std::pair<amid, std::vector<dht::endpoint>>> appeared;
    std::vector<std::uint64_t> sequences;
    std::vector<amid> gone_;

    explicit host(std::uint64_t seed) : machine{make(seed)} {}
    static dht::lan make(std::uint64_t seed) {
        crypto::scripted_random random{seed};
        return *dht::lan::create(random);
    }
    void send(byte_view bytes) { sent.emplace_back(bytes.begin(), bytes.end()); }
    void appeared_(const dht::discovery_record& record, std::span<const dht::endpoint> at) {
        appeared.emplace_back(record.name(), std::vector(at.begin(), at.end()));
        sequences.push_back(record.sequence);
    }
    struct sink {
        host& self;
        void send(byte_view bytes) const { self.send(bytes); }
        void appeared(const dht::discovery_record& record, std::span<const dht::endpoint> at) const {
            self.appeared_(record, at);
        }
        void gone(const amid& who) const { self.gone_.push_back(who); }
    } out{*this};
    host(const host&) = delete;

    void tick(duration by) {
        now = now + by;
        machine.on_tick(now, out);
    }
    auto hear(const buffer& bytes, std::uint16_t port = dht::mdns_port) {
        return machine.on_message(dht::endpoint::v4(0xc0a80002, port), bytes, now, out);
    }
    std::vector<buffer> taken() { return std::exchange(sent, {}); }
};

const dht::lan_place at_home{{dht::endpoint::v4(0xc0a80007, 0)}, 8765};

}  // namespace

TEST_CASE("a DNS message reads back as it was written", "[unit][dht][lan]") {
    const auto service = dns_name::of("_agentmesh._tcp.local");
    CHECK(service.labels == std::vector<std::string>{"_agentmesh", "_tcp", "local"});
    CHECK(service == dns_name::of("_AgentMesh._TCP.Local"));
    CHECK_FALSE(service == dns_name::of("_agentmesh._tcp"));
    dns_message from{.answer = true};
    from.questions.push_back({.name = service, .type = dns_type::any, .unicast = true});
    from.records.push_back({.name = service, .type = dns_type::ptr, .ttl = 120, .target = service.below("x")});
    from.records.push_back({.name = service.below("x"),
                            .type = dns_type::srv,
                            .flush = true,
                            .ttl = 0x12345678,
                            .target = dns_name::of("host.local"),
                            .port = 8765});
    from.records.push_back(
        {.name = service.below("x"), .type = dns_type::txt, .text = {"", "a=b", std::string(255, 'z')}});
    from.records.push_back({.name = dns_name::of("host.local"), .type = dns_type::a, .address = {1, 2, 3, 4}});
    from.records.push_back({.name = dns_name::of("host.local"), .type = dns_type::aaaa, .address = buffer(16, 9)});
    const auto bytes = dht::write_dns(from);
    REQUIRE(bytes);
    CHECK(dht::parse_dns(*bytes) == from);
    for (std::size_t size = 0; size < bytes->size(); ++size) CHECK_FALSE(dht::parse_dns(byte_view{*bytes}.first(size)));
    CHECK_FALSE(dht::parse_dns(*bytes + buffer{0}));

    CHECK_FALSE(dht::write_dns({.questions = {{.name = dns_name::of(std::string(64, 'a'))}}}));
    CHECK_FALSE(dht::write_dns({.questions = {{.name = dns_name{std::vector<std::string>(5, std::string(60, 'a'))}}}}));
    CHECK_FALSE(
        dht::write_dns({.records = {{.name = service, .type = dns_type::txt, .text = {std::string(256, 'a')}}}}));
    CHECK_FALSE(dht::write_dns(
        {.records = {
             {.name = service, .type = dns_type::txt, .text = std::vector<std::string>(40, std::string(255, 'a'))}}}));
}

TEST_CASE("compression is followed backwards, and nowhere else", "[unit][dht][lan]") {
    // Question: a.bc at 12; answer: pointer to it, PTR to x.(bc).
    const auto question = head(true, 1, 1) + bytes_of("\1a\2bc") + buffer{0} + buffer{0, 12, 0, 1};
    const auto record = [&](const buffer& name, const buffer& data) {
        return question + name + buffer{0, 12, 0, 1, 0, 0, 0, 9, 0, static_cast<std::uint8_t>(data.size())} + data;
    };
    const auto good = dht::parse_dns(record({0xc0, 12}, {1, 'x', 0xc0, 14}));
    REQUIRE(good);
    CHECK(good->records[0].name == dns_name::of("a.bc"));
    CHECK(good->records[0].target == dns_name::of("x.bc"));
    CHECK_FALSE(dht::parse_dns(record({0xc0, 22}, {1, 'x', 0})));          // itself
    CHECK_FALSE(dht::parse_dns(record({0xc0, 40}, {1, 'x', 0})));          // forwards
    CHECK_FALSE(dht::parse_dns(record({0xff, 0xff}, {1, 'x', 0})));        // beyond
    CHECK_FALSE(dht::parse_dns(record({1, 'y', 0xc0, 22}, {1, 'x', 0})));  // its own beginning
    CHECK_FALSE(dht::parse_dns(record({0x40, 12}, {1, 'x', 0})));          // a kind of label that does not exist
    CHECK_FALSE(dht::parse_dns(record({0x80, 12}, {1, 'x', 0})));
    CHECK_FALSE(dht::parse_dns(record({0xc0, 12}, {1, 'x', 0xc0})));  // cut
    CHECK_FALSE(dht::parse_dns(record({0xc0, 12}, {1, 'x', 0, 0})));  // data longer than the name
    CHECK_FALSE(dht::parse_dns(record({0xc0, 12}, {1, 'x'})));        // and shorter

    // A name of more than 255 bytes, put together from pieces that are shorter.
    buffer chain = head(false, 5, 0);
    std::size_t previous = 0;
    for (int i = 0; i < 5; ++i) {
        const auto here = chain.size();
        chain = chain + buffer{63} + buffer(63, 'a');
        chain = i == 0 ? chain + buffer{0} : chain + buffer{0xc0, static_cast<std::uint8_t>(previous)};
        chain = chain + buffer{0, 12, 0, 1};
        previous = here;
        if (here > 255) break;
    }
    CHECK_FALSE(dht::parse_dns(chain));
}

TEST_CASE("what the counts promise is there, and other kinds are passed over", "[unit][dht][lan]") {
    CHECK(dht::parse_dns(head(false, 0, 0)));
    CHECK_FALSE(dht::parse_dns(head(false, 1, 0)));
    CHECK_FALSE(dht::parse_dns(head(false, 0, 1)));
    auto many = head(false, 33, 0);
    for (int i = 0; i < 33; ++i) many = many + buffer{0, 0, 12, 0, 1};
    CHECK_FALSE(dht::parse_dns(many));
    many[5] = 32;
    CHECK(dht::parse_dns(byte_view{many}.first(many.size() - 5)));
    auto flags = head(false, 0, 0);
    flags[2] = 0x08;  // another opcode
    CHECK_FALSE(dht::parse_dns(flags));
    flags[2] = 0x80;
    flags[3] = 3;  // a failure
    CHECK_FALSE(dht::parse_dns(flags));
    const auto odd = head(true, 0, 1, 1, 1) + buffer{0, 0, 47, 0, 1, 0, 0, 0, 9, 0, 2, 1, 2} +
                     buffer{0, 0, 1, 0, 3, 0, 0, 0, 9, 0, 1, 7} + buffer{0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
    const auto read = dht::parse_dns(odd);
    REQUIRE(read);
    REQUIRE(read->records.size() == 1);
    CHECK(read->records[0].address == buffer{1, 2, 3, 4});
    CHECK_FALSE(dht::parse_dns(head(true, 0, 1) + buffer{0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 3, 1, 2, 3}));
    CHECK_FALSE(dht::parse_dns(head(true, 0, 1) + buffer{0, 0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 2, 'a'}));
    CHECK_FALSE(dht::parse_dns(buffer(9001, 0)));
}

TEST_CASE("an agent on the same network is found with its record and its addresses", "[unit][dht][lan]") {
    host a{1}, b{2};
    const auto alice = identity_of(1);
    const auto record = record_of(alice, 1, a.now.wall);
    b.machine.browse(b.now, b.out);
    REQUIRE(a.machine.announce(record, at_home, a.now, a.out));
    REQUIRE(a.sent.size() == 1);
    CHECK(a.sent[0].size() < 1400);
    REQUIRE(b.hear(a.taken()[0]));
    REQUIRE(b.appeared.size() == 1);
    CHECK(b.appeared[0].first == alice.name());
    CHECK(b.appeared[0].second == std::vector{dht::endpoint::v4(0xc0a80007, 8765)});

    // The second announcement, a second later, says nothing new.
    a.tick(1s);
    REQUIRE(a.sent.size() == 1);
    REQUIRE(b.hear(a.taken()[0]));
    CHECK(b.appeared.size() == 1);

    // A question is answered a little later, and questions of many once.
    host c{3};
    c.machine.browse(c.now, c.out);
    a.tick(10s);
    const auto question = c.taken()[0];
    for (int i = 0; i < 5; ++i) REQUIRE(a.hear(question, 40'000));
    CHECK(a.sent.empty());
    CHECK(a.machine.next_deadline() <= a.now.steady + 120ms);
    a.tick(120ms);
    REQUIRE(a.sent.size() == 1);
    REQUIRE(c.hear(a.taken()[0]));
    CHECK(c.appeared.size() == 1);
    // Who knows it already and says so is not answered; nor is anybody within the second.
    REQUIRE(a.hear(question));
    a.tick(500ms);
    CHECK(a.sent.empty());
    a.tick(600ms);
    CHECK(a.sent.size() == 1);
    (void)a.taken();
    c.now = a.now;
    c.machine.browse(c.now, c.out);
    REQUIRE(a.hear(c.taken()[0]));
    a.tick(5s);
    CHECK(a.sent.empty());

    // It says goodbye, and is gone a second later.
    a.machine.withdraw(a.out);
    REQUIRE(c.hear(a.taken()[0]));
    c.tick(1s);
    CHECK(c.gone_ == std::vector{alice.name()});
    b.tick(1h);
    CHECK(b.gone_.size() == 1);  // without a word, at the end of its time
    CHECK(b.machine.size() == 0);
}

TEST_CASE("what is not proved does not appear, and an older record does not come back", "[unit][dht][lan]") {
    const auto alice = identity_of(1), eve = identity_of(2);
    const auto said = [&](const dht::discovery_record& record) {
        host from{1};
        REQUIRE(from.machine.announce(record, at_home, from.now, from.out));
        return from.taken()[0];
    };
    const auto now = begin_of_time.wall;
    host b{2};
    auto forged = record_of(alice, 3, now);
    forged.relay = "wss://relay.exampla";
    REQUIRE(b.hear(said(forged)));
    REQUIRE(b.hear(said(record_of(alice, 3, now - 25h))));
    auto stolen = record_of(eve, 3, now);
    stolen.card.name = alice.name();
    REQUIRE(b.hear(said(stolen)));
    CHECK(b.appeared.empty());
    REQUIRE(b.hear(said(record_of(alice, 3, now)), 5354));  // not from the port of mDNS
    CHECK(b.appeared.empty());
    REQUIRE(b.hear(said(record_of(alice, 3, now))));
    REQUIRE(b.hear(said(record_of(alice, 2, now))));
    REQUIRE(b.hear(said(record_of(alice, 4, now))));
    CHECK(b.sequences == std::vector<std::uint64_t>{3, 4});

    // Pieces twice, missing or beyond.
    const auto text = dht::lan_text(record_of(alice, 3, now));
    REQUIRE(dht::read_lan_text(text));
    for (std::size_t i = 1; i < text.size(); ++i) {
        auto wrong = text;
        wrong.push_back(text[i]);
        CHECK_FALSE(dht::read_lan_text(wrong));
        wrong = text;
        wrong.erase(wrong.begin() + static_cast<std::ptrdiff_t>(i));
        CHECK_FALSE(dht::read_lan_text(wrong));
    }
}

TEST_CASE("a browser asks ever more rarely, and knows a bounded number of agents", "[unit][dht][lan]") {
    host b{2};
    b.machine.browse(b.now, b.out);
    std::size_t asked = 0;
    for (int step = 0; step < 24 * 60; ++step) {
        b.tick(1min);
        asked += b.taken().size();
    }
    CHECK(asked >= 24);
    CHECK(asked <= 32);
    for (std::uint64_t i = 0; i < dht::lan::agents_most + 20; ++i) {
        host from{1};
        from.now = b.now;
        REQUIRE(from.machine.announce(record_of(identity_of(5000 + i), 1, b.now.wall), at_home, from.now, from.out));
        REQUIRE(b.hear(from.taken()[0]));
    }
    CHECK(b.machine.size() == dht::lan::agents_most);
    host a{1};
    CHECK_FALSE(a.machine.announce(record_of(identity_of(1), 1, a.now.wall), {}, a.now, a.out));
    dht::lan_place many{std::vector<dht::endpoint>(9, dht::endpoint::v4(0xc0a80007, 0)), 1};
    CHECK_FALSE(a.machine.announce(record_of(identity_of(1), 1, a.now.wall), many, a.now, a.out));
}
