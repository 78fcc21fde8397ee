#include "tests/unit/dht/world.hpp"

using namespace dht_test;

namespace {

const auto asker = node_keys(1);
const auto server = node_keys(2);

dht::transaction number(std::uint8_t value) {
    dht::transaction out;
    out.storage()[7] = value;
    return out;
}

std::vector<dht::contact> contacts(std::size_t count, bool v6) {
    std::vector<dht::contact> out;
    for (std::size_t i = 0; i < count; ++i) {
        auto at = dht::endpoint::v4(0x01020304u + static_cast<std::uint32_t>(i), 8468);
        if (v6) at.v6 = true, at.address[15] = 9;
        out.push_back(dht::contact::of(node_keys(100 + i).public_key(), at));
    }
    return out;
}

std::vector<dht::datagram> requests() {
    const auto key = asker.public_key();
    const auto to = dht::point_of(key);
    using dht::kind;
    return {
        {.what = kind::ping, .prove = true, .id = number(1), .sender = key},
        {.what = kind::ping, .passive = true, .id = number(2), .sender = key, .token = dht::address_token{}},
        {.what = kind::find_node, .id = number(3), .sender = key, .target = to},
        {.what = kind::find_value, .id = number(4), .sender = key, .token = dht::address_token{}, .target = to},
        {.what = kind::store, .id = number(5), .sender = key, .token = dht::address_token{}, .record = buffer(1000, 7)},
    };
}

std::vector<dht::datagram> answers() {
    const auto key = server.public_key();
    using dht::kind;
    return {
        {.what = kind::pong, .id = number(1), .sender = key, .token = dht::address_token{}},
        {.what = kind::nodes,
         .id = number(2),
         .sender = key,
         .token = dht::address_token{},
         .contacts = contacts(20, true)},
        {.what = kind::nodes,
         .id = number(3),
         .sender = key,
         .token = dht::address_token{},
         .contacts = contacts(3, false)},
        {.what = kind::value, .id = number(4), .sender = key, .token = dht::address_token{}, .record = buffer(1000, 7)},
        {.what = kind::stored,
         .id = number(5),
         .sender = key,
         .token = dht::address_token{},
         .outcome = dht::store_answer::no_room},
    };
}

}  // namespace

TEST_CASE("every datagram reads back as it was written, and fits 1200 bytes", "[unit][dht][AM-DHT-009]") {
    for (const auto& one : requests()) {
        for (const std::size_t at_least : {0u, 400u, 1200u}) {
            const auto bytes = dht::write_request(one, at_least);
            CHECK(bytes.size() <= 1200);
            CHECK(bytes.size() >= at_least);
            CHECK(dht::parse_datagram(bytes) == one);
        }
    }
    for (auto one : answers()) {
        CHECK(dht::parse_datagram(dht::write_answer(one, asker.public_key(), nullptr)) == one);
        const auto bytes = dht::write_answer(one, asker.public_key(), &server);
        CHECK(bytes.size() <= 1200);
        const auto read = dht::parse_datagram(bytes);
        REQUIRE(read);
        REQUIRE(read->proof);
        CHECK(dht::check_proof(bytes, *read, asker.public_key()));
    }
    CHECK(dht::write_request(requests()[0]).size() == dht::ping_size);
}

TEST_CASE("a datagram cut short, lengthened or of another kind is refused", "[unit][dht][AM-DHT-009]") {
    for (const auto& one : requests()) {
        auto bytes = dht::write_request(one);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK_FALSE(dht::parse_datagram(byte_view{bytes}.first(size)));
        bytes.push_back(1);
        CHECK_FALSE(dht::parse_datagram(bytes));
        bytes.back() = 0;
        CHECK(dht::parse_datagram(bytes));
        bytes.resize(1201);
        CHECK_FALSE(dht::parse_datagram(bytes));
    }
    for (const auto& one : answers()) {
        for (const auto* prover : {static_cast<const dht::node_key_pair*>(nullptr), &server}) {
            auto bytes = dht::write_answer(one, asker.public_key(), prover);
            for (std::size_t size = 0; size < bytes.size(); ++size)
                CHECK_FALSE(dht::parse_datagram(byte_view{bytes}.first(size)));
            bytes.push_back(0);
            CHECK_FALSE(dht::parse_datagram(bytes));
        }
    }
    auto bytes = dht::write_request(requests()[0]);
    for (const auto& [at, value] : {std::pair{0, 'a'}, {3, '\2'}, {4, '\0'}, {4, '\11'}, {5, '\4'}, {46, '\1'}}) {
        auto changed = bytes;
        changed[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
        CHECK_FALSE(dht::parse_datagram(changed));
    }
}

TEST_CASE("a proof is for one asker, one question and one answer", "[unit][dht][AM-DHT-010][AM-DHT-011]") {
    const auto mallory = node_keys(3);
    for (const auto& one : answers()) {
        const auto bytes = dht::write_answer(one, asker.public_key(), &server);
        const auto read = *dht::parse_datagram(bytes);
        CHECK(dht::check_proof(bytes, read, mallory.public_key()).error().code == errc::bad_signature);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            auto changed = bytes;
            changed[i] ^= 0x10;
            const auto parsed = dht::parse_datagram(changed);
            CHECK_FALSE((parsed && dht::check_proof(changed, *parsed, asker.public_key())));
        }
        // Somebody else's proof under the server's name.
        auto forged = bytes;
        const auto signed_by =
            mallory.sign(dht::proof_bytes(asker.public_key(), byte_view{bytes}.first(bytes.size() - 64)));
        std::copy(signed_by.bytes().begin(), signed_by.bytes().end(), forged.end() - 64);
        CHECK_FALSE(dht::check_proof(forged, *dht::parse_datagram(forged), asker.public_key()));
        const auto bare = dht::write_answer(one, asker.public_key(), nullptr);
        CHECK_FALSE(dht::check_proof(bare, *dht::parse_datagram(bare), asker.public_key()));
    }
}

TEST_CASE("a token holds for one address, port and key, five to ten minutes", "[unit][dht][AM-DHT-013]") {
    const dht::node_secret secret = *dht::node_secret::from(buffer(32, 5));
    const dht::token_mint mint{secret};
    const auto at = dht::endpoint::v4(0x01020304, 8468);
    const steady_point begin{1h};
    const auto token = mint.give(at, asker.public_key(), begin);
    CHECK(mint.accepts(token, at, asker.public_key(), begin));
    CHECK(mint.accepts(token, at, asker.public_key(), begin + 10min - 1us));
    CHECK_FALSE(mint.accepts(token, at, asker.public_key(), begin + 10min));
    CHECK_FALSE(mint.accepts(token, dht::endpoint::v4(0x01020305, 8468), asker.public_key(), begin));
    CHECK_FALSE(mint.accepts(token, dht::endpoint::v4(0x01020304, 8469), asker.public_key(), begin));
    CHECK_FALSE(mint.accepts(token, at, server.public_key(), begin));
    CHECK_FALSE(mint.accepts({}, at, asker.public_key(), begin));
    for (std::size_t i = 0; i < 16; ++i) {
        auto guess = token;
        guess.storage()[i] ^= 1;
        CHECK_FALSE(mint.accepts(guess, at, asker.public_key(), begin));
    }
}

TEST_CASE("addresses that are not of the open network are not spoken to", "[unit][dht][AM-DHT-008]") {
    const auto v4 = [](unsigned a, unsigned b, unsigned c, unsigned d) {
        return dht::is_global(dht::endpoint::v4(a << 24 | b << 16 | c << 8 | d, 8468));
    };
    CHECK(v4(8, 8, 8, 8));
    CHECK(v4(172, 15, 0, 1));
    CHECK(v4(172, 32, 0, 1));
    CHECK(v4(100, 63, 0, 1));
    CHECK(v4(100, 128, 0, 1));
    CHECK(v4(223, 255, 255, 255));
    CHECK(v4(192, 0, 1, 1));
    CHECK(v4(198, 20, 0, 1));
    for (const auto no : {v4(0, 1, 2, 3), v4(10, 0, 0, 1), v4(127, 0, 0, 1), v4(169, 254, 169, 254), v4(172, 16, 0, 1),
                          v4(172, 31, 255, 255), v4(192, 168, 1, 1), v4(100, 64, 0, 1), v4(100, 127, 0, 1),
                          v4(192, 0, 0, 1), v4(192, 0, 2, 1), v4(198, 18, 0, 1), v4(198, 19, 0, 1), v4(198, 51, 100, 1),
                          v4(203, 0, 113, 1), v4(224, 0, 0, 251), v4(255, 255, 255, 255)})
        CHECK_FALSE(no);
    CHECK_FALSE(dht::is_global(dht::endpoint::v4(0x08080808, 0)));
    const auto v6 = [](std::initializer_list<int> first) {
        dht::endpoint at{.v6 = true, .port = 8468};
        std::size_t i = 0;
        for (const int byte : first) at.address[i++] = static_cast<std::uint8_t>(byte);
        at.address[15] = 1;
        return dht::is_global(at);
    };
    CHECK(v6({0x20, 0x01, 0x48, 0x60}));
    CHECK(v6({0x2a, 0x01, 0x04, 0xf8}));
    CHECK(v6({0x3f, 0xff, 0x10}));
    CHECK_FALSE(v6({}));                                                   // ::1
    CHECK_FALSE(v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 8, 8, 8}));  // IPv4 in IPv6
    CHECK_FALSE(v6({0xfe, 0x80}));
    CHECK_FALSE(v6({0xfd, 0x00}));
    CHECK_FALSE(v6({0xff, 0x02}));
    CHECK_FALSE(v6({0x20, 0x01, 0x0d, 0xb8}));
    CHECK_FALSE(v6({0x20, 0x01, 0x00, 0x00}));
    CHECK_FALSE(v6({0x20, 0x02, 0x7f, 0x00}));
    CHECK_FALSE(v6({0x3f, 0xff, 0x0f}));
    CHECK_FALSE(v6({0x00, 0x64, 0xff, 0x9b}));
}
