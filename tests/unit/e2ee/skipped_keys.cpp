#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/skipped_keys.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

exchange_public_key chain(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return exchange_public_key{bytes};
}

skipped_key named(std::uint8_t number, std::uint32_t n) {
    crypto::scripted_random random{(std::uint64_t{number} << 32) | n};
    return {chain(number), n, message_key::generate(random).value()};
}

void add(skipped_keys& store, std::uint8_t number, std::uint32_t first, std::uint32_t count) {
    skipped_batch batch;
    for (std::uint32_t i = 0; i < count; ++i) batch.push_back(named(number, first + i));
    store.reserve(count);
    store.add(std::move(batch));
}

bool holds(const skipped_keys& store, std::uint8_t number, std::uint32_t n) {
    const auto* found = store.find(chain(number), n);
    if (found == nullptr) return false;
    const auto expected = named(number, n);
    return std::equal(found->key.reveal().begin(), found->key.reveal().end(), expected.key.reveal().begin());
}

}  // namespace

TEST_CASE("A skipped key is found under its chain and number, and nowhere else", "[unit][e2ee]") {
    skipped_keys store;
    add(store, 1, 5, 3);
    CHECK(holds(store, 1, 5));
    CHECK(holds(store, 1, 7));
    CHECK(store.find(chain(1), 4) == nullptr);
    CHECK(store.find(chain(1), 8) == nullptr);
    CHECK(store.find(chain(2), 5) == nullptr);
    CHECK(store.knows(chain(1)));
    CHECK_FALSE(store.knows(chain(2)));
}

TEST_CASE("An erased key is gone and the others stay in order", "[unit][e2ee]") {
    skipped_keys store;
    add(store, 1, 0, 4);
    store.erase(store.find(chain(1), 1));
    CHECK(store.size() == 3);
    CHECK_FALSE(holds(store, 1, 1));
    CHECK((holds(store, 1, 0) && holds(store, 1, 2) && holds(store, 1, 3)));
    CHECK(store.all().front().n == 0);
    CHECK(store.all().back().n == 3);
}

TEST_CASE("The store holds 2,000 keys, and the 2,001st costs the oldest", "[unit][e2ee][AM-RAT-017]") {
    skipped_keys store;
    add(store, 1, 0, 1000);
    add(store, 2, 0, 1000);
    CHECK(store.size() == 2000);
    CHECK(holds(store, 1, 0));
    add(store, 3, 0, 1);
    CHECK(store.size() == 2000);
    CHECK_FALSE(holds(store, 1, 0));
    CHECK((holds(store, 1, 1) && holds(store, 2, 999) && holds(store, 3, 0)));
}

TEST_CASE("A full batch replaces everything that was kept", "[unit][e2ee][AM-RAT-017]") {
    skipped_keys store;
    add(store, 1, 0, 7);
    add(store, 2, 0, 2000);
    CHECK(store.size() == 2000);
    CHECK_FALSE(store.knows(chain(1)));
    CHECK((holds(store, 2, 0) && holds(store, 2, 1999)));
}

TEST_CASE("A fork of the store has every key and goes its own way", "[unit][e2ee]") {
    skipped_keys store;
    add(store, 1, 0, 10);
    auto second = store.fork();
    store.erase(store.find(chain(1), 3));
    CHECK(store.size() == 9);
    CHECK(second.size() == 10);
    for (std::uint32_t n = 0; n < 10; ++n) CHECK(holds(second, 1, n));
}

TEST_CASE("The store is bounded whatever is added and erased", "[unit][e2ee][AM-RAT-017]") {
    crypto::scripted_random random{3};
    skipped_keys store;
    std::vector<std::pair<std::uint8_t, std::uint32_t>> model;  // names, oldest first
    for (std::uint8_t round = 0; round < 60; ++round) {
        std::array<std::uint8_t, 4> drawn;
        REQUIRE(random.fill(drawn));
        const auto count = static_cast<std::uint32_t>(drawn[0]) * 3 + 1;
        add(store, round, drawn[1], count);
        for (std::uint32_t i = 0; i < count; ++i) model.emplace_back(round, drawn[1] + i);
        if (model.size() > 2000) model.erase(model.begin(), model.end() - 2000);
        for (int i = 0; i < drawn[2] % 8; ++i) {
            const auto at = static_cast<std::size_t>(drawn[3] * 7 + i) % model.size();
            store.erase(store.find(chain(model[at].first), model[at].second));
            model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
        }
        REQUIRE(store.size() == model.size());
        for (std::size_t i = 0; i < model.size(); ++i)
            REQUIRE((store.all()[i].dh == chain(model[i].first) && store.all()[i].n == model[i].second));
    }
}
